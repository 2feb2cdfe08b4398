-- Strata that the person-years of an area leave out: a sex or a period of its grid, ages between two bands,
-- or ages at either end that its other sexes and periods have.
WITH bands AS (
    SELECT
        p.*,
        coalesce(age_until, 999) AS reach,
        max(coalesce(age_until, 999)) OVER (
            PARTITION BY source, geo_level, geo_code, geo_vintage, sex, period_from, period_until
            ORDER BY age_from ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS reached
    FROM usable_person_years AS p
    WHERE age_status = 'known'
),
strata AS (
    SELECT
        source, geo_level, geo_code, geo_vintage, sex, period_from, period_until,
        min(age_from) AS lowest,
        max(reach) AS highest,
        count(*) FILTER (WHERE age_from > reached) AS holes
    FROM bands
    GROUP BY ALL
),
extents AS (
    SELECT source, geo_level, geo_code, geo_vintage, min(lowest) AS lowest, max(highest) AS highest
    FROM strata
    GROUP BY ALL
),
grid AS (
    SELECT a.source, a.geo_level, a.geo_code, a.geo_vintage, s.sex, a.period_from, a.period_until
    FROM (
        SELECT DISTINCT source, geo_level, geo_code, geo_vintage, period_from, period_until FROM strata
    ) AS a
    JOIN (SELECT DISTINCT source, geo_level, sex FROM strata) AS s
        ON s.source = a.source AND s.geo_level = a.geo_level
)
SELECT g.geo_level, g.geo_code, g.geo_vintage, g.sex, g.period_from AS year
FROM grid AS g
JOIN extents AS e
    ON e.source = g.source AND e.geo_level = g.geo_level
   AND e.geo_code = g.geo_code AND e.geo_vintage = g.geo_vintage
LEFT JOIN strata AS s
    ON s.source = g.source AND s.geo_level = g.geo_level
   AND s.geo_code = g.geo_code AND s.geo_vintage = g.geo_vintage
   AND s.sex = g.sex AND s.period_from = g.period_from AND s.period_until = g.period_until
WHERE s.sex IS NULL OR s.holes > 0 OR s.lowest > e.lowest OR s.highest < e.highest
