-- Areas that have person-years, at their own level or through areas that wholly make them up.
SELECT DISTINCT geo_level, geo_code, geo_vintage
FROM usable_person_years
UNION
SELECT DISTINCT m.parent_level, m.parent_code, m.parent_vintage
FROM usable_membership AS m
JOIN usable_person_years AS p
    ON p.geo_level = m.child_level AND p.geo_code = m.child_code AND p.geo_vintage = m.child_vintage
WHERE m.weight >= 1
