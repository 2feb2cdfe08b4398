-- Strata that two registries, or two forms of one registry's data, both claim: their cases would count twice.
SELECT
    s.site,
    d.geo_level,
    d.geo_code,
    min(ka.registry) AS first_registry,
    max(kb.registry) AS second_registry
FROM scope AS a
JOIN scope AS b
    ON b.site = a.site
   AND b.sex = a.sex
   AND b.area = a.area
   AND b.claimant > a.claimant
   AND b.period_from < a.period_until
   AND a.period_from < b.period_until
   AND b.age_from < a.age_until
   AND a.age_from < b.age_until
JOIN claimants AS ka ON ka.claimant = a.claimant
JOIN claimants AS kb ON kb.claimant = b.claimant AND kb.event_type = ka.event_type
JOIN site_numbers AS s ON s.number = a.site
JOIN denominator_areas AS d ON d.area = a.area
GROUP BY s.site, d.geo_level, d.geo_code
