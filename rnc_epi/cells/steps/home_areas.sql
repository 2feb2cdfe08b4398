-- Every area to which an event is known, with a number; `area` is its number among those with person-years.
SELECT
    h.geo_level,
    h.geo_code,
    h.geo_vintage,
    CAST(row_number() OVER (ORDER BY h.geo_level, h.geo_code, h.geo_vintage) - 1 AS INTEGER) AS home,
    d.area
FROM event_areas AS h
LEFT JOIN denominator_areas AS d
    ON d.geo_level = h.geo_level AND d.geo_code = h.geo_code AND d.geo_vintage = h.geo_vintage
