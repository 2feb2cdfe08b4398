-- One row a usable death cell; its site is stated, or follows from its cause.
SELECT
    'death_cells' AS table_name,
    'death' AS event_type,
    t.source,
    '_' AS registry,
    coalesce(t.site, k.site) AS site,
    t.sex,
    t.geo_level,
    t.geo_code,
    t.geo_vintage,
    t.period_from,
    t.period_until,
    CASE WHEN t.age_status = 'known' THEN t.age_from END AS age_from,
    CASE WHEN t.age_status = 'known' THEN coalesce(t.age_until, 999) END AS age_until,
    t.events,
    CASE WHEN coalesce(t.site, k.site) IS NULL THEN 'cause_not_cancer' END AS set_aside
FROM usable_death_cells AS t
LEFT JOIN classified_causes AS k ON k.icd10 = t.icd10
