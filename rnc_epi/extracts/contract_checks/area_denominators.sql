-- Person-years that answer for an area: its own; else the sum of the areas that make it up, where a whole level
-- of them has person-years; else, for levels that have none at all (communes), those of an area that holds it.
WITH own AS (SELECT DISTINCT area_id FROM own_denominators),
bare AS (
    SELECT i.* FROM area_ids AS i ANTI JOIN own ON own.area_id = i.area_id
),
whole_levels AS (
    SELECT b.area_id, i.geo_level, i.geo_vintage, count(*) AS parts
    FROM bare AS b
    JOIN area_closure AS c ON c.parent = b.area_id
    JOIN area_ids AS i ON i.area_id = c.child
    LEFT JOIN own ON own.area_id = c.child
    GROUP BY b.area_id, i.geo_level, i.geo_vintage
    HAVING count(*) = count(own.area_id)
),
from_below AS (
    SELECT w.area_id, o.sex, o.year, max(o.age_from) AS age_from, min(o.age_until) AS age_until
    FROM whole_levels AS w
    JOIN area_closure AS c ON c.parent = w.area_id
    JOIN area_ids AS i ON i.area_id = c.child AND i.geo_level = w.geo_level AND i.geo_vintage = w.geo_vintage
    JOIN own_denominators AS o ON o.area_id = c.child
    GROUP BY w.area_id, w.geo_level, w.geo_vintage, w.parts, o.sex, o.year
    HAVING count(*) = w.parts
),
from_above AS (
    SELECT b.area_id, o.sex, o.year, min(o.age_from) AS age_from, max(o.age_until) AS age_until
    FROM bare AS b
    JOIN area_closure AS c ON c.child = b.area_id
    JOIN own_denominators AS o ON o.area_id = c.parent
    WHERE b.geo_level NOT IN (SELECT i.geo_level FROM area_ids AS i JOIN own ON own.area_id = i.area_id)
      AND b.area_id NOT IN (SELECT area_id FROM whole_levels)
    GROUP BY b.area_id, o.sex, o.year
)
SELECT area_id, sex, year, min(age_from) AS age_from, max(age_until) AS age_until
FROM (
    SELECT * FROM own_denominators
    UNION ALL SELECT * FROM from_below
    UNION ALL SELECT * FROM from_above
)
GROUP BY ALL
