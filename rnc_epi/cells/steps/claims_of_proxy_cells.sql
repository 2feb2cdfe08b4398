-- What the tables of proxies claim: every area of the declared level that has person-years, in the periods in
-- which the proxy is counted at that level. The declared scope does not tell the proxies apart: one is claimed
-- for the sites and sexes of which the source gives it at least once at that level, and for no other.
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
    SELECT DISTINCT source, proxy, geo_level, geo_vintage, period_from, period_until FROM usable_proxy_cells
) AS u
JOIN (
    SELECT DISTINCT source, proxy, geo_level, geo_vintage, site, sex FROM usable_proxy_cells
) AS g
    ON g.source = u.source AND g.proxy = u.proxy
   AND g.geo_level = u.geo_level AND g.geo_vintage = u.geo_vintage
JOIN claimants AS k
    ON k.origin = 'proxy_cells' AND k.source = u.source AND k.event_type = 'proxy_' || u.proxy
JOIN declared_scope AS s
    ON s.table_name = 'proxy_cells'
   AND s.source = u.source
   AND s.site = g.site
   AND s.sex = g.sex
   AND s.geo_level = u.geo_level
   AND s.period_from <= u.period_from
   AND s.period_until >= u.period_until
JOIN site_sexes AS x ON x.site = s.site AND x.sex = s.sex
JOIN denominator_areas AS d ON d.geo_level = u.geo_level AND d.geo_vintage = u.geo_vintage
