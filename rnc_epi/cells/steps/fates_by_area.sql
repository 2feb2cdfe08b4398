-- Used rows and events of chosen pools, by whether they are counted in none but the chosen areas.
WITH known AS (
    SELECT p.event, bool_and(c.geo_code IS NOT NULL) AS inside
    FROM placements AS p
    JOIN denominator_areas AS d ON d.area = p.area
    LEFT JOIN chosen_areas AS c
        ON c.geo_level = d.geo_level AND c.geo_code = d.geo_code AND c.geo_vintage = d.geo_vintage
    WHERE p.with_person_years
    GROUP BY p.event
)
SELECT
    k.origin,
    k.source,
    n.inside,
    CAST(sum(e.rows) AS BIGINT) AS rows,
    CAST(sum(e.events) AS BIGINT) AS events
FROM known AS n
JOIN events AS e ON e.event = n.event
JOIN claimants AS k ON k.claimant = e.claimant
JOIN chosen_pools AS p ON p.pool = k.pool
GROUP BY k.origin, k.source, n.inside
