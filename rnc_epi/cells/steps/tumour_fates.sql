-- One row a usable tumour: the site it belongs to and what becomes of it.
SELECT
    'tumours' AS table_name,
    'incidence' AS event_type,
    t.source,
    t.registry,
    k.site,
    t.sex,
    t.geo_level,
    t.geo_code,
    t.geo_vintage,
    t.year AS period_from,
    t.year + 1 AS period_until,
    t.age_years AS age_from,
    t.age_years + 1 AS age_until,
    CAST(1 AS BIGINT) AS events,
    CASE
        WHEN t.behaviour <> 3 THEN 'behaviour_not_invasive'
        WHEN k.site IS NULL THEN 'site_not_classified'
    END AS set_aside
FROM usable_tumours AS t
LEFT JOIN classified_codes AS k
    ON k.topography = t.topography AND k.morphology = t.morphology AND k.behaviour = t.behaviour
