-- Used rows and events of chosen pools, by whether they are known to one of the chosen areas.
SELECT
    k.origin,
    k.source,
    c.geo_code IS NOT NULL AS inside,
    CAST(sum(j.rows) AS BIGINT) AS rows,
    CAST(sum(j.events) AS BIGINT) AS events
FROM judged_events AS j
JOIN claimants AS k ON k.claimant = j.claimant
JOIN chosen_pools AS p ON p.pool = k.pool
JOIN denominator_areas AS d ON d.area = j.area
LEFT JOIN chosen_areas AS c
    ON c.geo_level = d.geo_level AND c.geo_code = d.geo_code AND c.geo_vintage = d.geo_vintage
WHERE j.fate = 'used'
GROUP BY k.origin, k.source, c.geo_code IS NOT NULL
