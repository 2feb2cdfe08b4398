-- What the registries that hand over rows cover, a year at a time: a stratum here without a row is a zero.
-- A source that declares a scope for its rows is read within it; otherwise its coverage is its scope.
SELECT DISTINCT *
FROM (
    SELECT
        k.claimant,
        x.number AS site,
        x.sex,
        d.area,
        greatest(c.period_from, coalesce(s.period_from, c.period_from)) AS period_from,
        least(c.period_until, coalesce(s.period_until, c.period_until)) AS period_until,
        true AS yearly,
        greatest(c.age_from, coalesce(s.age_from, 0)) AS age_from,
        least(c.age_until, coalesce(s.age_until, 999)) AS age_until
    FROM covered_sites AS c
    JOIN claimants AS k ON k.origin = 'tumours' AND k.registry = c.registry
    JOIN site_sexes AS x ON x.site = c.site AND x.is_leaf
    JOIN denominator_areas AS d
        ON d.geo_level = c.geo_level AND d.geo_code = c.geo_code AND d.geo_vintage = c.geo_vintage
    LEFT JOIN declared_scope AS s
        ON s.table_name = 'tumours'
       AND s.source = k.source
       AND s.site = c.site
       AND s.sex = x.sex
       AND s.geo_level = c.geo_level
    WHERE s.site IS NOT NULL
       OR k.source NOT IN (SELECT source FROM declared_scope WHERE table_name = 'tumours')
) AS spans
WHERE period_from < period_until AND age_from < age_until
