-- Strata that two registries, or two forms of one registry's data, both claim: their cases would count twice.
SELECT
    a.site,
    a.geo_level,
    a.geo_code,
    min(a.registry) AS first_registry,
    max(b.registry) AS second_registry,
    count(*) AS strata
FROM scope AS a
JOIN scope AS b
    ON b.event_type = a.event_type
   AND b.site = a.site
   AND b.sex = a.sex
   AND b.geo_level = a.geo_level
   AND b.geo_code = a.geo_code
   AND b.geo_vintage = a.geo_vintage
   AND b.period_from < a.period_until
   AND a.period_from < b.period_until
   AND b.age_from < a.age_until
   AND a.age_from < b.age_until
   AND (b.source, b.registry, b.origin, b.period_from, b.period_until)
     > (a.source, a.registry, a.origin, a.period_from, a.period_until)
GROUP BY a.site, a.geo_level, a.geo_code
ORDER BY a.site, a.geo_level, a.geo_code
