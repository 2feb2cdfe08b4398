-- Every area that the extract declares or names, with a number.
-- A code is out of scope or overseas by the département levels of the COG (ruling 39), declared or not.
SELECT
    n.*,
    CAST(row_number() OVER (ORDER BY n.geo_level, n.geo_code, n.geo_vintage) AS INTEGER) AS area_id,
    a.geo_code IS NOT NULL AS known,
    n.geo_level IN ('departement', 'departement_sante')
        AND n.geo_code IN ('97', '970', '975', '977', '978') AS out_of_scope,
    n.geo_level IN ('departement', 'departement_sante')
        AND n.geo_code IN ('971', '972', '973', '974', '976') AS overseas
FROM named_areas AS n
LEFT JOIN (SELECT DISTINCT geo_level, geo_code, geo_vintage FROM extract.main.areas) AS a
    ON a.geo_level = n.geo_level AND a.geo_code = n.geo_code AND a.geo_vintage = n.geo_vintage
