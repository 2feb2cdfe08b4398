-- Used events by stratum and age band; band -1 is unknown age.
SELECT
    e.pool,
    e.site,
    e.sex,
    e.area,
    e.period_from,
    e.period_until,
    coalesce(b.band, -1) AS band,
    CAST(sum(e.events) AS BIGINT) AS events
FROM judged_events AS e
LEFT JOIN age_bands AS b ON b.pool = e.pool AND b.age = e.age_from
WHERE e.fate = 'used' AND e.events > 0
GROUP BY e.pool, e.site, e.sex, e.area, e.period_from, e.period_until, coalesce(b.band, -1)
