-- Where an event of a claimant may be counted, by its area and period: a person in every area above its own, and
-- in every period, for which the claimant counts; a cell in its own area and period.
-- Counted in two areas of which one holds the other, a person is never added up: a sum takes what an area counts
-- itself, and its parts only where it counts nothing.
WITH claimed AS (
    SELECT DISTINCT claimant, area, period_from, period_until, yearly FROM scope_in_bands
),
counted AS (
    SELECT claimant, area, period_from, period_until FROM claimed WHERE NOT yearly
    UNION
    SELECT claimant, area, CAST(year AS SMALLINT), CAST(year + 1 AS SMALLINT)
    FROM (SELECT claimant, area, unnest(range(period_from, period_until)) AS year FROM claimed WHERE yearly)
)
SELECT DISTINCT
    c.claimant,
    a.home,
    y.year AS event_from,
    y.year + 1 AS event_until,
    c.area,
    c.period_from,
    c.period_until
FROM counted AS c
JOIN claimants AS k ON k.claimant = c.claimant AND k.of_persons
JOIN areas_above AS a ON a.area = c.area
JOIN (SELECT DISTINCT period_from AS year FROM events) AS y
    ON y.year >= c.period_from AND y.year < c.period_until AND y.year >= a.year_from AND y.year < a.year_until
UNION ALL
SELECT c.claimant, h.home, c.period_from, c.period_until, c.area, c.period_from, c.period_until
FROM counted AS c
JOIN claimants AS k ON k.claimant = c.claimant AND NOT k.of_persons
JOIN home_areas AS h ON h.area = c.area
