-- The areas with person-years that hold the area of an event, itself included, and the years in which they do.
WITH RECURSIVE up AS (
    SELECT home, geo_level, geo_code, geo_vintage, 0 AS year_from, 9999 AS year_until FROM home_areas
    UNION
    SELECT
        u.home,
        m.parent_level,
        m.parent_code,
        m.parent_vintage,
        greatest(u.year_from, coalesce(m.valid_from, 0)),
        least(u.year_until, coalesce(m.valid_until, 9999))
    FROM up AS u
    JOIN usable_membership AS m
        ON m.child_level = u.geo_level AND m.child_code = u.geo_code AND m.child_vintage = u.geo_vintage
    WHERE m.weight >= 1
      AND greatest(u.year_from, coalesce(m.valid_from, 0)) < least(u.year_until, coalesce(m.valid_until, 9999))
)
SELECT u.home, d.area, u.year_from, u.year_until
FROM up AS u
JOIN denominator_areas AS d
    ON d.geo_level = u.geo_level AND d.geo_code = u.geo_code AND d.geo_vintage = u.geo_vintage
