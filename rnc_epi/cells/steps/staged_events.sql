-- Used tumours of some stages by stratum and age band, as placed_events; a tumour is counted wherever it is there.
SELECT
    p.pool, p.site, p.sex, p.area, p.period_from, p.period_until, p.band, CAST(sum(t.tumours) AS BIGINT) AS events
FROM (
    SELECT
        k.claimant,
        s.site,
        t.sex,
        h.home,
        t.year,
        t.age_years,
        count(*) AS tumours
    FROM usable_tumours AS t
    JOIN chosen_stages AS c ON c.stage = t.stage
    JOIN claimants AS k ON k.origin = 'tumours' AND k.source = t.source AND k.registry = t.registry
    JOIN classified_codes AS s
        ON s.topography = t.topography AND s.morphology = t.morphology AND s.behaviour = t.behaviour
    JOIN home_areas AS h
        ON h.geo_level = t.geo_level AND h.geo_code = t.geo_code AND h.geo_vintage = t.geo_vintage
    WHERE t.behaviour = 3
    GROUP BY ALL
) AS t
JOIN events AS e
    ON e.claimant = t.claimant
   AND e.site = t.site
   AND e.sex = t.sex
   AND e.home = t.home
   AND e.period_from = t.year
   AND e.age_from IS NOT DISTINCT FROM t.age_years
   AND e.set_aside IS NULL
JOIN banded_placements AS p ON p.event = e.event
GROUP BY p.pool, p.site, p.sex, p.area, p.period_from, p.period_until, p.band
