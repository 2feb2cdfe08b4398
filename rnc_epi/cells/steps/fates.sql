-- What became of the events of each table and source. Those outside the scope in bands but inside the declared
-- ages lie in a band that is covered in part; the others of an area without person-years lack these.
WITH judged AS (
    SELECT claimant, fate, rows, events
    FROM judged_events
    WHERE fate <> 'outside_scope'
    UNION ALL
    SELECT
        e.claimant,
        CASE
            WHEN EXISTS (
                SELECT 1
                FROM scope AS s
                JOIN areas_above AS a ON a.area = s.area
                WHERE s.claimant = e.claimant
                  AND s.site = e.site
                  AND s.sex = e.sex
                  AND a.home = e.home
                  AND a.year_from <= e.period_from
                  AND a.year_until > e.period_from
                  AND (k.of_persons OR s.area = e.area)
                  AND s.period_from <= e.period_from
                  AND s.period_until >= e.period_until
                  AND s.age_from <= e.age_from
                  AND s.age_until >= e.age_until
            ) THEN 'age_band_partly_covered'
            WHEN e.area IS NULL THEN 'no_person_years'
            ELSE 'outside_scope'
        END AS fate,
        e.rows,
        e.events
    FROM judged_events AS e
    JOIN claimants AS k ON k.claimant = e.claimant
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
