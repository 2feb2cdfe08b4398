-- First and last year that each registry declares to cover, any site.
SELECT registry, min(period_from) AS first_year, max(period_until) AS until_year
FROM extract.main.coverage
WHERE registry IS NOT NULL
GROUP BY registry
