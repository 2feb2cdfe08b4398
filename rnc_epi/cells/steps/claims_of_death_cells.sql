-- What the cause-of-death tables claim: every area of the declared level that has person-years, in the
-- periods in which the table counts at that level.
SELECT DISTINCT
    k.claimant,
    x.number AS site,
    x.sex,
    d.area,
    u.period_from,
    u.period_until,
    false AS yearly,
    s.age_from,
    s.age_until
FROM (
    SELECT DISTINCT source, geo_level, geo_vintage, period_from, period_until FROM usable_death_cells
) AS u
JOIN claimants AS k ON k.origin = 'death_cells' AND k.source = u.source
JOIN declared_scope AS s
    ON s.table_name = 'death_cells'
   AND s.source = u.source
   AND s.geo_level = u.geo_level
   AND s.period_from <= u.period_from
   AND s.period_until >= u.period_until
JOIN site_sexes AS x ON x.site = s.site AND x.sex = s.sex
JOIN denominator_areas AS d ON d.geo_level = u.geo_level AND d.geo_vintage = u.geo_vintage
