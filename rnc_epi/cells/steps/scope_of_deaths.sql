-- What the individual deaths cover, a year at a time.
SELECT DISTINCT
    'deaths' AS origin,
    'death' AS event_type,
    s.source,
    '_' AS registry,
    s.site,
    s.sex,
    d.geo_level,
    d.geo_code,
    d.geo_vintage,
    y.year AS period_from,
    y.year + 1 AS period_until,
    s.age_from,
    s.age_until
FROM declared_scope AS s
JOIN calendar AS y ON y.year >= s.period_from AND y.year < s.period_until
JOIN site_sexes AS x ON x.site = s.site AND x.sex = s.sex
JOIN denominator_areas AS d ON d.geo_level = s.geo_level
WHERE s.table_name = 'deaths' AND x.is_leaf
