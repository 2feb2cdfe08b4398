"""Years and months: a registry-year handed over twice, a year not loaded, sudden jumps, imputed dates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

import numpy as np

from rnc_epi.extracts.contract_checks.findings import Fate, Finding, shown_level, shown_name
from rnc_epi.extracts.contract_checks.tables import CELL_TABLES, ROW_TABLES, ExtractTables, usable
from rnc_epi.store import Store

#: Rows of a registry below which months say nothing, and the share of one month that no season explains.
_MONTHS_FROM: Final = 200
_MOST_OF_ONE_MONTH: Final = 0.5
#: A year without an event beside years with this mean is a load that failed: chance gives it exp(-30).
_EXPECTED_FOR_NONE: Final = 30.0
#: Years needed to judge a trend, and robust standard deviations beyond which a year leaves it.
_TREND_YEARS: Final = 5
_JUMP: Final = 5.0


def years_in_two_sources(store: Store, tables: ExtractTables) -> Iterator[Finding]:
    """Find registries of which a year comes from two sources: two deliveries in one extract (D029)."""
    found = store.rows(
        """
        SELECT a.table_name, a.registry, max(a.year), count(*), CAST(sum(a.rows) AS BIGINT)
        FROM calendar AS a
        SEMI JOIN calendar AS b
            ON b.registry = a.registry AND b.source <> a.source
           AND b.year < a.until AND a.year < b.until
        -- A registry that covers nothing is refused by its own code, and its name may be any text.
        WHERE a.registry IN (SELECT registry FROM registry_years)
          AND a.table_name IN ('tumours', 'incidence_cells')
        GROUP BY a.table_name, a.registry
        """
    )
    for table, registry, year, _, rows in found:
        where = f"{shown_name(registry)}, {year}"
        yield Finding("D029", Fate.REFUSE, table, rows=rows, facts=(("where", where),), persons=True)


def months_alike(store: Store, tables: ExtractTables) -> Iterator[Finding]:
    """Find registries most of whose dates fall in one month: dates that were filled in (D044)."""
    found = store.rows(
        f"""
        SELECT registry, CAST(sum(rows) AS BIGINT) AS dated, CAST(max(rows) AS BIGINT) AS most
        FROM (
            SELECT registry, month, sum(rows) AS rows FROM calendar
            WHERE table_name = 'tumours' AND month IS NOT NULL
              AND registry IN (SELECT registry FROM registry_years)
            GROUP BY registry, month
        )
        GROUP BY registry
        HAVING sum(rows) >= {_MONTHS_FROM} AND max(rows) > {_MOST_OF_ONE_MONTH} * sum(rows)
        """
    )
    for registry, dated, most in found:
        facts = (("where", shown_name(registry)), ("found", f"{100 * most // dated} %"))
        yield Finding("D044", Fate.WARN, "tumours", rows=most, facts=facts, persons=True)


def years_without_events(store: Store, tables: ExtractTables) -> Iterator[Finding]:
    """Find covered years in which a registry that counts many events has none at all (D084)."""
    for table in ("tumours", "incidence_cells"):
        if table not in tables.present:
            continue
        totals = _yearly(store, table)
        covered = {registry: (first, until) for registry, first, until in store.rows(
            "SELECT registry, first_year, until_year FROM registry_years"
        )}  # fmt: skip
        for (source, registry), years in sorted(totals.items()):
            first, until = covered.get(registry, (0, 0))
            seen = sorted(year for year in years if first <= year < until)
            if len(seen) < 2 or sum(years[year] for year in seen) < _EXPECTED_FOR_NONE * len(seen):
                continue
            # Inside the years that were handed over: the last ones may still be to come.
            for year in sorted(set(range(seen[0], seen[-1] + 1)) - set(seen)):
                where = f"{shown_name(registry)}, {year}"
                yield Finding("D084", Fate.REFUSE, table, source, facts=(("where", where),))


def zero_years_of_person_years(store: Store, tables: ExtractTables) -> Iterator[Finding]:
    """Find years in which the person-years of a whole level are zero (D084)."""
    found = store.rows(
        f"""
        SELECT source, geo_level, period_from, count(*) FROM {usable("person_years")}
        GROUP BY source, geo_level, period_from HAVING max(person_years) = 0
        """
    )
    for source, level, year, rows in found:
        where = f"{shown_level(level)}, {year}"
        yield Finding("D084", Fate.REFUSE, "person_years", source, rows, facts=(("where", where),))


def jumps(store: Store, tables: ExtractTables) -> Iterator[Finding]:
    """Find years far off the trend of their source and registry (D140)."""
    for table in (*ROW_TABLES, *CELL_TABLES):
        if table not in tables.present:
            continue
        for (source, registry), years in sorted(_yearly(store, table).items()):
            for year in years_off_trend(years):
                where = f"{shown_name(registry)}, {year}" if registry != "_" else str(year)
                facts = (("where", where),)
                yield Finding("D140", Fate.WARN, table, source, events=years[year], facts=facts)


def years_off_trend(years: dict[int, int]) -> list[int]:
    """Return the years whose count leaves a straight line through the others.

    The line is that of Theil and Sen; the spread is the larger of the median absolute deviation (times
    1.4826) and what counts of that size have by chance alone (the root of their mean).

    Examples
    --------
    >>> years_off_trend({2010: 1000, 2011: 1020, 2012: 1039, 2013: 400, 2014: 1081, 2015: 1100})
    [2013]
    """
    if len(years) < _TREND_YEARS:
        return []
    at = np.array(sorted(years), dtype=float)
    counts = np.array([years[int(year)] for year in at], dtype=float)
    first, second = np.triu_indices(len(at), 1)
    slope = np.median((counts[second] - counts[first]) / (at[second] - at[first]))
    residual = counts - slope * at
    residual -= np.median(residual)
    spread = max(1.4826 * float(np.median(np.abs(residual))), float(np.sqrt(counts.mean())), 1.0)
    return [int(year) for year, off in zip(at, residual, strict=True) if abs(off) > _JUMP * spread]


def _yearly(store: Store, table: str) -> dict[tuple[str, str], dict[int, int]]:
    """Return the events of each source and registry by single year; longer periods have no trend here."""
    found = store.rows(
        f"""
        SELECT source, registry, year, CAST(sum(events) AS BIGINT) FROM calendar
        WHERE table_name = '{table}' AND source IS NOT NULL AND until = year + 1
          AND (registry = '_' OR registry IN (SELECT registry FROM registry_years))
        GROUP BY source, registry, year
        """
    )
    totals: dict[tuple[str, str], dict[int, int]] = defaultdict(dict)
    for source, registry, year, events in found:
        totals[source, registry][year] = events
    return totals
