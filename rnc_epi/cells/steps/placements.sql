-- Counted events in every stratum whose scope holds them, and whether it has person-years. An unknown age needs
-- a scope of all ages. Where a span counted by year holds a place of several years, the place is in the scope by
-- a line of its own too: an area with person-years of several years that its years do not make up has one for
-- each span, and gaps in its years or sexes are refused before.
SELECT
    e.event,
    l.area,
    l.period_from,
    l.period_until,
    p.area IS NOT NULL AS with_person_years
FROM events AS e
JOIN places AS l
    ON l.claimant = e.claimant
   AND l.home = e.home
   AND l.event_from = e.period_from
   AND l.event_until = e.period_until
JOIN claimants AS k ON k.claimant = e.claimant
LEFT JOIN periods_with_person_years AS p
    ON p.pool = k.pool
   AND p.area = l.area
   AND p.sex = e.sex
   AND p.period_from = l.period_from
   AND p.period_until = l.period_until
WHERE e.set_aside IS NULL
  AND EXISTS (
    SELECT 1
    FROM scope_in_bands AS s
    WHERE s.claimant = e.claimant
      AND s.site = e.site
      AND s.sex = e.sex
      AND s.area = l.area
      AND s.period_from <= l.period_from
      AND s.period_until >= l.period_until
      AND (s.yearly OR s.period_until - s.period_from = l.period_until - l.period_from)
      AND s.age_from <= coalesce(e.age_from, 0)
      AND s.age_until >= coalesce(e.age_until, 999)
  )
