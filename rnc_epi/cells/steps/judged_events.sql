-- Counted events with their fate: used where they are counted in a stratum with person-years, else excluded for
-- a named reason.
SELECT
    e.*,
    k.pool,
    CASE
        WHEN e.set_aside IS NOT NULL THEN e.set_aside
        WHEN p.with_person_years THEN 'used'
        WHEN p.event IS NOT NULL THEN 'no_person_years'
        ELSE 'outside_scope'
    END AS fate
FROM events AS e
JOIN claimants AS k ON k.claimant = e.claimant
LEFT JOIN (
    SELECT event, bool_or(with_person_years) AS with_person_years FROM placements GROUP BY event
) AS p ON p.event = e.event
