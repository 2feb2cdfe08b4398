-- What the cause-of-death tables cover: every area of the declared level that has person-years.
SELECT DISTINCT
    'death_cells' AS origin,
    'death' AS event_type,
    u.source,
    '_' AS registry,
    s.site,
    s.sex,
    d.geo_level,
    d.geo_code,
    d.geo_vintage,
    u.period_from,
    u.period_until,
    s.age_from,
    s.age_until
FROM (
    SELECT DISTINCT source, geo_level, geo_vintage, period_from, period_until FROM usable_death_cells
) AS u
JOIN declared_scope AS s
    ON s.table_name = 'death_cells'
   AND s.source = u.source
   AND s.geo_level = u.geo_level
   AND s.period_from <= u.period_from
   AND s.period_until >= u.period_until
JOIN denominator_areas AS d ON d.geo_level = u.geo_level AND d.geo_vintage = u.geo_vintage
