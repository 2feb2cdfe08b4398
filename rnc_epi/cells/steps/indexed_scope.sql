-- The scope in the small integers of the grids.
SELECT s.event_type, s.source, s.site, s.sex, a.area, p.period, s.age_from, s.age_until
FROM scope AS s
JOIN area_index AS a
    ON a.geo_level = s.geo_level AND a.geo_code = s.geo_code AND a.geo_vintage = s.geo_vintage
JOIN period_index AS p ON p.period_from = s.period_from AND p.period_until = s.period_until
