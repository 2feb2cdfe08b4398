-- Usable incidence cells by the numbers of their claimant, site and area.
SELECT
    k.claimant,
    s.number AS site,
    t.sex,
    h.home,
    h.area,
    t.period_from,
    t.period_until,
    CASE WHEN t.age_status = 'known' THEN t.age_from END AS age_from,
    CASE WHEN t.age_status = 'known' THEN coalesce(t.age_until, 999) END AS age_until,
    CAST(NULL AS VARCHAR) AS set_aside,
    count(*) AS rows,
    CAST(sum(t.events) AS BIGINT) AS events
FROM usable_incidence_cells AS t
JOIN claimants AS k ON k.origin = 'incidence_cells' AND k.source = t.source AND k.registry = t.registry
JOIN site_numbers AS s ON s.site = t.site
JOIN home_areas AS h
    ON h.geo_level = t.geo_level AND h.geo_code = t.geo_code AND h.geo_vintage = t.geo_vintage
GROUP BY ALL
