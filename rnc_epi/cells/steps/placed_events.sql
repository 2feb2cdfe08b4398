-- Used events by stratum and age band.
SELECT pool, site, sex, area, period_from, period_until, band, CAST(sum(events) AS BIGINT) AS events
FROM banded_placements
WHERE events > 0
GROUP BY pool, site, sex, area, period_from, period_until, band
