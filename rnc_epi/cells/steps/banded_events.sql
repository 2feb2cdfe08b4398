-- Used events summed by stratum and age band; band -1 is unknown age.
SELECT
    e.event_type,
    e.source,
    e.site,
    e.sex,
    a.area,
    p.period,
    coalesce(b.band, -1) AS band,
    CAST(sum(e.events) AS BIGINT) AS events
FROM judged_events AS e
JOIN area_index AS a
    ON a.geo_level = e.geo_level AND a.geo_code = e.geo_code AND a.geo_vintage = e.geo_vintage
JOIN period_index AS p ON p.period_from = e.period_from AND p.period_until = e.period_until
LEFT JOIN age_bands AS b
    ON b.event_type = e.event_type AND b.source = e.source AND b.age = e.age_from
WHERE e.fate = 'used' AND e.events > 0
GROUP BY ALL
