-- One row a usable incidence cell.
SELECT
    'incidence_cells' AS table_name,
    'incidence' AS event_type,
    source,
    registry,
    site,
    sex,
    geo_level,
    geo_code,
    geo_vintage,
    period_from,
    period_until,
    CASE WHEN age_status = 'known' THEN age_from END AS age_from,
    CASE WHEN age_status = 'known' THEN coalesce(age_until, 999) END AS age_until,
    events,
    CAST(NULL AS VARCHAR) AS set_aside
FROM usable_incidence_cells
