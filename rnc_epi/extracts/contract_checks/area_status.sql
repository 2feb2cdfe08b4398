-- What is known of each area: declared, with a denominator, or written as a number by mistake.
WITH numbers AS (
    SELECT area_id, geo_level, geo_vintage, geo_code, regexp_replace(geo_code, '\.0+$', '') AS digits
    FROM area_ids
    WHERE NOT known AND NOT out_of_scope
),
corsica AS (
    SELECT DISTINCT n.area_id
    FROM numbers AS n
    JOIN area_ids AS a ON a.known AND a.geo_level = n.geo_level AND a.geo_vintage = n.geo_vintage
    WHERE regexp_full_match(a.geo_code, '2[AB][0-9]*')
      AND (regexp_full_match(n.digits, '20([0-9]{3})?') OR n.geo_code = '2.0')
),
zero_lost AS (
    SELECT DISTINCT n.area_id
    FROM numbers AS n
    JOIN area_ids AS a
        ON a.known
       AND a.geo_level = n.geo_level
       AND a.geo_vintage = n.geo_vintage
       AND ltrim(a.geo_code, '0') = ltrim(n.digits, '0')
    WHERE regexp_full_match(n.digits, '[0-9]+')
),
-- Years and ages of which every combination has person-years, in both sexes; null where they are no block.
blocks AS (
    SELECT
        area_id,
        max(year_from) AS block_year_from,
        min(year_until) AS block_year_until,
        max(age_from) AS block_age_from,
        min(age_until) AS block_age_until
    FROM (
        SELECT
            area_id,
            sex,
            min(year) AS year_from,
            max(year) + 1 AS year_until,
            max(age_from) AS age_from,
            min(age_until) AS age_until,
            count(*) AS years
        FROM area_denominators
        WHERE sex IN (1, 2)
        GROUP BY area_id, sex
    )
    GROUP BY area_id
    HAVING count(*) = 2 AND bool_and(years = year_until - year_from)
)
SELECT
    i.geo_level,
    i.geo_code,
    i.geo_vintage,
    i.area_id,
    i.known,
    i.out_of_scope,
    i.overseas,
    d.area_id IS NOT NULL AS denominated,
    c.area_id IS NOT NULL AS corsica_as_number,
    z.area_id IS NOT NULL AND c.area_id IS NULL AS zero_lost,
    NOT i.known AND regexp_full_match(i.geo_code, '[0-9]+([.][0-9]+)?[eE][+-]?[0-9]+') AS scientific,
    -- 99 and three digits is the place of a country in the geographic code of births and residences abroad.
    NOT i.known AND i.geo_level = 'commune' AND regexp_full_match(i.geo_code, '99[0-9]{3}') AS foreign_country,
    b.block_year_from,
    b.block_year_until,
    b.block_age_from,
    b.block_age_until
FROM area_ids AS i
LEFT JOIN (SELECT DISTINCT area_id FROM area_denominators) AS d ON d.area_id = i.area_id
LEFT JOIN corsica AS c ON c.area_id = i.area_id
LEFT JOIN zero_lost AS z ON z.area_id = i.area_id
LEFT JOIN blocks AS b ON b.area_id = i.area_id
