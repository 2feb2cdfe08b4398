-- What the tables of cells claim: their declared scope in the periods (years, or several years at once) in which
-- they count at that level. A registry claims it where its coverage holds; deaths and proxies in every area of
-- the level that has person-years. The declared scope does not tell the proxies apart: one is claimed for the
-- sites and sexes of which the source gives it at least once at that level, and for no other.
WITH declared AS (
    SELECT
        k.claimant,
        u.*,
        s.site AS slug,
        x.number AS site,
        x.sex,
        s.age_from,
        s.age_until
    FROM (
        SELECT DISTINCT
            origin, event_type, source, registry, geo_level, geo_vintage, period_from, period_until
        FROM cells_of_events
    ) AS u
    JOIN claimants AS k
        ON k.origin = u.origin
       AND k.event_type = u.event_type
       AND k.source = u.source
       AND k.registry = u.registry
    JOIN declared_scope AS s
        ON s.table_name = u.origin
       AND s.source = u.source
       AND s.geo_level = u.geo_level
       AND s.period_from <= u.period_from
       AND s.period_until >= u.period_until
    JOIN site_sexes AS x ON x.site = s.site AND x.sex = s.sex
),
of_registries AS (
    SELECT
        o.* REPLACE (
            greatest(o.age_from, c.age_from) AS age_from,
            least(o.age_until, c.age_until) AS age_until
        ),
        d.area
    FROM declared AS o
    JOIN covered_sites AS c
        ON c.registry = o.registry
       AND c.site = o.slug
       AND c.geo_level = o.geo_level
       AND c.geo_vintage = o.geo_vintage
       AND c.period_from <= o.period_from
       AND c.period_until >= o.period_until
    JOIN denominator_areas AS d
        ON d.geo_level = c.geo_level AND d.geo_code = c.geo_code AND d.geo_vintage = c.geo_vintage
    WHERE o.event_type = 'incidence'
),
everywhere AS (
    SELECT o.*, d.area
    FROM declared AS o
    JOIN denominator_areas AS d ON d.geo_level = o.geo_level AND d.geo_vintage = o.geo_vintage
    LEFT JOIN (
        SELECT DISTINCT event_type, source, geo_level, geo_vintage, site, sex
        FROM cells_of_events
        WHERE origin = 'proxy_cells'
    ) AS g
        ON g.event_type = o.event_type
       AND g.source = o.source
       AND g.geo_level = o.geo_level
       AND g.geo_vintage = o.geo_vintage
       AND g.site = o.slug
       AND g.sex = o.sex
    WHERE o.event_type = 'death' OR g.site IS NOT NULL
)
SELECT DISTINCT claimant, site, sex, area, period_from, period_until, false AS yearly, age_from, age_until
FROM (SELECT * FROM of_registries UNION ALL BY NAME SELECT * FROM everywhere) AS claims
WHERE age_from < age_until
