-- One row a usable individual death, with the site of its cause.
SELECT
    'deaths' AS table_name,
    'death' AS event_type,
    t.source,
    '_' AS registry,
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
    CASE WHEN k.site IS NULL THEN 'cause_not_cancer' END AS set_aside
FROM usable_deaths AS t
LEFT JOIN classified_causes AS k ON k.icd10 = t.cause_icd10
