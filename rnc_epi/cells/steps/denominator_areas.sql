-- Areas that have person-years, at their own level or through areas that wholly make them up, with a number.
WITH RECURSIVE reached AS (
    SELECT DISTINCT geo_level, geo_code, geo_vintage
    FROM usable_person_years
    WHERE age_status = 'known'
    UNION
    SELECT m.parent_level, m.parent_code, m.parent_vintage
    FROM reached AS r
    JOIN usable_membership AS m
        ON m.child_level = r.geo_level AND m.child_code = r.geo_code AND m.child_vintage = r.geo_vintage
    WHERE m.weight >= 1
)
SELECT
    geo_level,
    geo_code,
    geo_vintage,
    CAST(row_number() OVER (ORDER BY geo_level, geo_code, geo_vintage) - 1 AS INTEGER) AS area
FROM reached
