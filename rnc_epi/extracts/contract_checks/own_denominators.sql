-- Ages that person-years reach, by area, sex and calendar year; an open band reaches 999.
SELECT
    a.area_id,
    p.sex,
    y.year,
    min(p.age_from) AS age_from,
    max(coalesce(p.age_until, 999)) AS age_until
FROM extract.main.person_years AS p
JOIN area_ids AS a
    ON a.geo_level = p.geo_level AND a.geo_code = p.geo_code AND a.geo_vintage = p.geo_vintage
-- A period of centuries is a mistake that another check refuses; the bound keeps it from filling the memory.
JOIN (SELECT CAST(range AS SMALLINT) AS year FROM range(1800, 2200)) AS y
    ON y.year >= p.period_from AND y.year < p.period_until
WHERE p.age_status = 'known'
GROUP BY ALL
