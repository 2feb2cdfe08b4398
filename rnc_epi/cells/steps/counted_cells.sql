-- Usable cells by the numbers of their claimant, site and area; the site is stated or follows from the cause.
SELECT
    k.claimant,
    coalesce(s.number, c.site) AS site,
    t.sex,
    h.home,
    h.area,
    t.period_from,
    t.period_until,
    CASE WHEN t.age_status = 'known' THEN t.age_from END AS age_from,
    CASE WHEN t.age_status = 'known' THEN coalesce(t.age_until, 999) END AS age_until,
    CASE WHEN s.number IS NULL AND c.site IS NULL THEN 'cause_not_cancer' END AS set_aside,
    count(*) AS rows,
    CAST(sum(t.events) AS BIGINT) AS events
FROM cells_of_events AS t
JOIN claimants AS k
    ON k.origin = t.origin
   AND k.event_type = t.event_type
   AND k.source = t.source
   AND k.registry = t.registry
LEFT JOIN site_numbers AS s ON s.site = t.site
LEFT JOIN classified_causes AS c ON c.icd10 = t.icd10
JOIN home_areas AS h
    ON h.geo_level = t.geo_level AND h.geo_code = t.geo_code AND h.geo_vintage = t.geo_vintage
GROUP BY ALL
