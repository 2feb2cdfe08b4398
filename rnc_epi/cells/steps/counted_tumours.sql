-- Usable tumours counted by claimant, site, sex, area, year and year of age.
-- An area without a number has no person-years; a tumour that is set aside has its reason.
SELECT
    k.claimant,
    s.site,
    t.sex,
    h.home,
    h.area,
    t.year AS period_from,
    t.year + 1 AS period_until,
    t.age_years AS age_from,
    t.age_years + 1 AS age_until,
    CASE
        WHEN t.behaviour <> 3 THEN 'behaviour_not_invasive'
        WHEN s.site IS NULL THEN 'site_not_classified'
    END AS set_aside,
    count(*) AS rows,
    CAST(count(*) AS BIGINT) AS events
FROM usable_tumours AS t
JOIN claimants AS k ON k.origin = 'tumours' AND k.source = t.source AND k.registry = t.registry
LEFT JOIN classified_codes AS s
    ON s.topography = t.topography AND s.morphology = t.morphology AND s.behaviour = t.behaviour
JOIN home_areas AS h
    ON h.geo_level = t.geo_level AND h.geo_code = t.geo_code AND h.geo_vintage = t.geo_vintage
GROUP BY ALL
