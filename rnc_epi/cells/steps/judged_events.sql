-- Every event with its fate: used where the declared scope holds it, else excluded for a named reason.
-- An unknown age needs a scope of all ages.
SELECT
    e.*,
    CASE
        WHEN e.set_aside IS NOT NULL THEN e.set_aside
        WHEN d.geo_code IS NULL THEN 'no_person_years'
        WHEN NOT EXISTS (
            SELECT 1
            FROM scope AS s
            WHERE s.origin = e.table_name
              AND s.source = e.source
              AND s.registry = e.registry
              AND s.site = e.site
              AND s.sex = e.sex
              AND s.geo_level = e.geo_level
              AND s.geo_code = e.geo_code
              AND s.geo_vintage = e.geo_vintage
              AND s.period_from = e.period_from
              AND s.period_until = e.period_until
              AND s.age_from <= coalesce(e.age_from, 0)
              AND s.age_until >= coalesce(e.age_until, 999)
        ) THEN 'outside_scope'
        ELSE 'used'
    END AS fate
FROM events AS e
LEFT JOIN denominator_areas AS d
    ON d.geo_level = e.geo_level AND d.geo_code = e.geo_code AND d.geo_vintage = e.geo_vintage
