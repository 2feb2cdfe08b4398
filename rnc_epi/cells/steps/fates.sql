-- What became of the events of each table and source. Those outside the scope in bands but inside the declared
-- ages lie in a band that is covered in part.
WITH judged AS (
    SELECT
        k.origin,
        k.source,
        CASE
            WHEN e.fate = 'outside_scope' AND EXISTS (
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
            ) THEN 'age_band_partly_covered'
            ELSE e.fate
        END AS fate,
        e.rows,
        e.events
    FROM (
        SELECT claimant, site, sex, area, period_from, period_until, fate,
            CASE WHEN fate = 'outside_scope' THEN age_from END AS age_from,
            CASE WHEN fate = 'outside_scope' THEN age_until END AS age_until,
            sum(rows) AS rows, sum(events) AS events
        FROM judged_events
        GROUP BY ALL
    ) AS e
    JOIN claimants AS k ON k.claimant = e.claimant
)
SELECT origin, source, fate, CAST(sum(rows) AS BIGINT) AS rows, CAST(sum(events) AS BIGINT) AS events
FROM judged
GROUP BY origin, source, fate
