-- What became of the events of each table and source. Those outside the scope in bands but inside the declared
-- ages lie in a band that is covered in part.
WITH judged AS (
    SELECT claimant, fate, rows, events
    FROM judged_events
    WHERE fate <> 'outside_scope'
    UNION ALL
    SELECT
        e.claimant,
        CASE WHEN EXISTS (
            SELECT 1
            FROM scope AS s
            WHERE s.claimant = e.claimant
              AND s.site = e.site
              AND s.sex = e.sex
              AND s.area = e.area
              AND s.period_from <= e.period_from
              AND s.period_until >= e.period_until
              AND s.age_from <= e.age_from
              AND s.age_until >= e.age_until
        ) THEN 'age_band_partly_covered' ELSE 'outside_scope' END AS fate,
        e.rows,
        e.events
    FROM judged_events AS e
    WHERE e.fate = 'outside_scope'
)
SELECT
    k.origin,
    k.source,
    j.fate,
    CAST(sum(j.rows) AS BIGINT) AS rows,
    CAST(sum(j.events) AS BIGINT) AS events
FROM judged AS j
JOIN claimants AS k ON k.claimant = j.claimant
GROUP BY k.origin, k.source, j.fate
