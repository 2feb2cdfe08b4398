-- Events in the strata that count them and that have person-years, with their age band; -1 is unknown age.
SELECT
    p.event,
    k.pool,
    e.site,
    e.sex,
    p.area,
    p.period_from,
    p.period_until,
    coalesce(b.band, -1) AS band,
    e.events
FROM placements AS p
JOIN events AS e ON e.event = p.event
JOIN claimants AS k ON k.claimant = e.claimant
LEFT JOIN age_bands AS b ON b.pool = k.pool AND b.age = e.age_from
WHERE p.with_person_years
