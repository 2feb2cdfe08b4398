-- What the individual deaths cover, a year at a time: every area of the declared level that has person-years.
SELECT DISTINCT
    k.claimant,
    x.number AS site,
    x.sex,
    d.area,
    s.period_from,
    s.period_until,
    true AS yearly,
    s.age_from,
    s.age_until
FROM declared_scope AS s
JOIN claimants AS k ON k.origin = 'deaths' AND k.source = s.source
JOIN site_sexes AS x ON x.site = s.site AND x.sex = s.sex AND x.is_leaf
JOIN (SELECT DISTINCT source, geo_level, geo_vintage FROM usable_deaths) AS u
    ON u.source = s.source AND u.geo_level = s.geo_level
JOIN denominator_areas AS d ON d.geo_level = u.geo_level AND d.geo_vintage = u.geo_vintage
WHERE s.table_name = 'deaths'
