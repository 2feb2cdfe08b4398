-- What the registries that hand over rows cover: a stratum here without a row is a zero. Spans are counted a year
-- at a time, but where an area has person-years of several years only.
-- A source that declares a scope for its rows is read within it; otherwise its coverage is its scope.
SELECT DISTINCT claimant, site, sex, area, period_from, period_until, yearly, age_from, age_until
FROM (
    SELECT
        c.claimant,
        x.number AS site,
        x.sex,
        c.area,
        c.period_from AS whole_from,
        c.period_until AS whole_until,
        greatest(c.period_from, coalesce(s.period_from, c.period_from)) AS period_from,
        least(c.period_until, coalesce(s.period_until, c.period_until)) AS period_until,
        c.yearly,
        greatest(c.age_from, coalesce(s.age_from, 0)) AS age_from,
        least(c.age_until, coalesce(s.age_until, 999)) AS age_until
    FROM coverage_of_rows AS c
    JOIN claimants AS k ON k.claimant = c.claimant
    JOIN sites_of_groups AS g ON g.site_group = c.site_group
    JOIN site_sexes AS x ON x.site = g.site AND x.is_leaf
    LEFT JOIN (
        SELECT l.claimant, d.*
        FROM declared_scope AS d
        JOIN levels_of_rows AS l ON l.source = d.source AND l.geo_level = d.geo_level
        WHERE d.table_name = 'tumours'
    ) AS s ON s.claimant = c.claimant AND s.site = g.site AND s.sex = x.sex
    WHERE s.site IS NOT NULL
       OR k.source NOT IN (SELECT source FROM declared_scope WHERE table_name = 'tumours')
) AS spans
WHERE period_from < period_until
  AND age_from < age_until
  AND (yearly OR (period_from = whole_from AND period_until = whole_until))
