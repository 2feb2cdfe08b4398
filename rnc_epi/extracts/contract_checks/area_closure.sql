-- Every area with every area that holds it, however many levels up.
WITH RECURSIVE edges AS (
    SELECT DISTINCT c.area_id AS child, p.area_id AS parent
    FROM extract.main.membership AS m
    JOIN area_ids AS c
        ON c.geo_level = m.child_level AND c.geo_code = m.child_code AND c.geo_vintage = m.child_vintage
    JOIN area_ids AS p
        ON p.geo_level = m.parent_level AND p.geo_code = m.parent_code AND p.geo_vintage = m.parent_vintage
),
closure AS (
    SELECT child, parent FROM edges
    UNION
    SELECT c.child, e.parent FROM closure AS c JOIN edges AS e ON e.child = c.parent
)
SELECT child, parent FROM closure WHERE child <> parent
