-- Claims of tables of cells that contradict no other of the same claimant. One claimant may count a site in
-- years and another in five years at once, so the periods that it uses somewhere are claimed everywhere.
-- A claim yields to cells of its own stratum in another, overlapping period; where the stratum has none,
-- the shorter periods stand (a zero over five years is five zeros).
WITH own AS (
    SELECT DISTINCT claimant, site, sex, area, period_from, period_until FROM events
),
claims AS (
    SELECT c.*, o.claimant IS NOT NULL AS is_own
    FROM claims_of_cells AS c
    LEFT JOIN own AS o
        ON o.claimant = c.claimant
       AND o.site = c.site
       AND o.sex = c.sex
       AND o.area = c.area
       AND o.period_from = c.period_from
       AND o.period_until = c.period_until
)
SELECT claimant, site, sex, area, period_from, period_until, yearly, age_from, age_until
FROM claims AS c
WHERE is_own
   OR NOT EXISTS (
        SELECT 1
        FROM claims AS other
        WHERE other.claimant = c.claimant
          AND other.site = c.site
          AND other.sex = c.sex
          AND other.area = c.area
          AND other.period_from < c.period_until
          AND c.period_from < other.period_until
          AND (other.period_from <> c.period_from OR other.period_until <> c.period_until)
          AND (other.is_own OR other.period_until - other.period_from < c.period_until - c.period_from)
    )
