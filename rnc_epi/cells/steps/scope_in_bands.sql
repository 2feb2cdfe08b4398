-- The scope, its ages drawn in to whole bands: a band that is covered in part is not covered.
SELECT
    k.pool, s.claimant, s.site, s.sex, s.area, s.period_from, s.period_until, s.yearly,
    b.inner_from AS age_from, b.inner_until AS age_until
FROM scope AS s
JOIN claimants AS k ON k.claimant = s.claimant
JOIN whole_bands AS b ON b.pool = k.pool AND b.age_from = s.age_from AND b.age_until = s.age_until
WHERE b.inner_from < b.inner_until
