-- What the registries that hand over rows cover, a year at a time: a stratum here without a row is a zero.
-- A registry that declares a scope for its rows is read within it; otherwise its coverage is its scope.
SELECT DISTINCT
    'tumours' AS origin,
    'incidence' AS event_type,
    r.source,
    c.registry,
    c.site,
    x.sex,
    c.geo_level,
    c.geo_code,
    c.geo_vintage,
    y.year AS period_from,
    y.year + 1 AS period_until,
    c.age_from,
    c.age_until
FROM covered_sites AS c
JOIN (SELECT DISTINCT registry, source FROM usable_tumours) AS r ON r.registry = c.registry
JOIN site_sexes AS x ON x.site = c.site
JOIN calendar AS y ON y.year >= c.period_from AND y.year < c.period_until
JOIN denominator_areas AS d
    ON d.geo_level = c.geo_level AND d.geo_code = c.geo_code AND d.geo_vintage = c.geo_vintage
WHERE x.is_leaf
  AND (
        NOT EXISTS (
            SELECT 1 FROM declared_scope AS s WHERE s.table_name = 'tumours' AND s.source = r.source
        )
        OR EXISTS (
            SELECT 1
            FROM declared_scope AS s
            WHERE s.table_name = 'tumours'
              AND s.source = r.source
              AND s.site = c.site
              AND s.sex = x.sex
              AND s.geo_level = c.geo_level
              AND y.year >= s.period_from
              AND y.year < s.period_until
        )
  )
