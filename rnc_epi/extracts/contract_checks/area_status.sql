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
    z.area_id IS NOT NULL AND c.area_id IS NULL AS zero_lost
FROM area_ids AS i
LEFT JOIN (SELECT DISTINCT area_id FROM area_denominators) AS d ON d.area_id = i.area_id
LEFT JOIN corsica AS c ON c.area_id = i.area_id
LEFT JOIN zero_lost AS z ON z.area_id = i.area_id
