-- What the registries that hand over cells claim: their declared scope where their coverage holds, in the
-- periods in which they count at that level (years, or four or five years at once), in every covered area.
SELECT DISTINCT
    k.claimant,
    x.number AS site,
    x.sex,
    d.area,
    u.period_from,
    u.period_until,
    false AS yearly,
    greatest(c.age_from, s.age_from) AS age_from,
    least(c.age_until, s.age_until) AS age_until
FROM (
    SELECT DISTINCT source, registry, geo_level, geo_vintage, period_from, period_until
    FROM usable_incidence_cells
) AS u
JOIN claimants AS k ON k.origin = 'incidence_cells' AND k.source = u.source AND k.registry = u.registry
JOIN covered_sites AS c
    ON c.registry = u.registry
   AND c.geo_level = u.geo_level
   AND c.geo_vintage = u.geo_vintage
   AND c.period_from <= u.period_from
   AND c.period_until >= u.period_until
JOIN declared_scope AS s
    ON s.table_name = 'incidence_cells'
   AND s.source = u.source
   AND s.site = c.site
   AND s.geo_level = u.geo_level
   AND s.period_from <= u.period_from
   AND s.period_until >= u.period_until
JOIN site_sexes AS x ON x.site = s.site AND x.sex = s.sex
JOIN denominator_areas AS d
    ON d.geo_level = c.geo_level AND d.geo_code = c.geo_code AND d.geo_vintage = c.geo_vintage
WHERE greatest(c.age_from, s.age_from) < least(c.age_until, s.age_until)
