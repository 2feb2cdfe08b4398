-- Usable individual deaths counted by claimant, site of the cause, sex, area, year and year of age.
SELECT
    k.claimant,
    c.site,
    t.sex,
    h.home,
    h.area,
    t.year AS period_from,
    t.year + 1 AS period_until,
    t.age_years AS age_from,
    t.age_years + 1 AS age_until,
    CASE WHEN c.site IS NULL THEN 'cause_not_cancer' END AS set_aside,
    count(*) AS rows,
    CAST(count(*) AS BIGINT) AS events
FROM usable_deaths AS t
JOIN claimants AS k ON k.origin = 'deaths' AND k.source = t.source
LEFT JOIN classified_causes AS c ON c.icd10 = t.cause_icd10
JOIN home_areas AS h
    ON h.geo_level = t.geo_level AND h.geo_code = t.geo_code AND h.geo_vintage = t.geo_vintage
GROUP BY ALL
