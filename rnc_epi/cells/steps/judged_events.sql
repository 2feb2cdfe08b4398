-- Counted events with their fate: used where the scope holds them and their area has person-years, else
-- excluded for a named reason. An unknown age needs a scope of all ages.
SELECT
    e.*,
    k.pool,
    CASE
        WHEN e.set_aside IS NOT NULL THEN e.set_aside
        WHEN e.area IS NULL THEN 'no_person_years'
        WHEN NOT EXISTS (
            SELECT 1
            FROM scope_in_bands AS s
            WHERE s.claimant = e.claimant
              AND s.site = e.site
              AND s.sex = e.sex
              AND s.area = e.area
              AND s.period_from <= e.period_from
              AND s.period_until >= e.period_until
              AND s.age_from <= coalesce(e.age_from, 0)
              AND s.age_until >= coalesce(e.age_until, 999)
        ) THEN 'outside_scope'
        WHEN p.area IS NULL THEN 'no_person_years'
        ELSE 'used'
    END AS fate
FROM events AS e
JOIN claimants AS k ON k.claimant = e.claimant
LEFT JOIN periods_with_person_years AS p
    ON p.pool = k.pool
   AND p.area = e.area
   AND p.sex = e.sex
   AND p.period_from = e.period_from
   AND p.period_until = e.period_until
