"""Person-years that are missing or zero where events need them (ruling 38).

An area without any person-years has been excluded before, with its own reason. Here an area that has some
must have them all: every sex, year and age of its own table, and wherever an event of known age was counted.
"""

from __future__ import annotations

from collections.abc import Iterator

from rnc_epi.extracts.contract_checks.findings import EXAMPLES, Fate, Finding, shown_area
from rnc_epi.extracts.contract_checks.tables import (
    CELL_TABLES,
    ROW_TABLES,
    ExtractTables,
    holds_persons,
    usable,
)
from rnc_epi.store import Store, read_step

_PACKAGE = "rnc_epi.extracts.contract_checks"
_SAME_AREA = (
    "{0}.geo_code = {1}.geo_code AND {0}.geo_level = {1}.geo_level AND {0}.geo_vintage = {1}.geo_vintage"
)


def gaps_in_person_years(store: Store, tables: ExtractTables) -> Iterator[Finding]:
    """Find sexes, periods or ages that an area's own person-years leave out (D082)."""
    store.run("person_year_gaps", read_step(_PACKAGE, "person_year_gaps"))
    yield from _gaps(store, "person_years", "person_year_gaps")


def events_without_person_years(store: Store, tables: ExtractTables) -> Iterator[Finding]:
    """Find events of known age and sex in a year or age that the person-years of their area lack (D082)."""
    for table in (*ROW_TABLES, *CELL_TABLES):
        if table not in tables.present:
            continue
        if table in ROW_TABLES:
            # The pass over the rows has counted those that need a closer look: commonly none.
            if not tables.outside_block.get(table, 1):
                continue
            store.run("events_without_person_years", _rows_without(table))
        else:
            store.run("events_without_person_years", _cells_without(table))
        yield from _gaps(store, table, "events_without_person_years")


def _rows_without(table: str) -> str:
    return f"""
        SELECT DISTINCT t.geo_level, t.geo_code, t.geo_vintage, t.sex, t.year
        FROM {usable(table)} AS t
        JOIN area_status AS a ON {_SAME_AREA.format("a", "t")}
        LEFT JOIN area_denominators AS d ON d.area_id = a.area_id AND d.sex = t.sex AND d.year = t.year
        WHERE t.age_years IS NOT NULL
          AND (d.area_id IS NULL OR t.age_years < d.age_from OR t.age_years >= d.age_until)
    """


def _cells_without(table: str) -> str:
    return f"""
        WITH asked AS (
            SELECT DISTINCT geo_level, geo_code, geo_vintage, sex, period_from, period_until, age_from,
                coalesce(age_until, 999) AS age_until
            FROM {usable(table)} WHERE age_status = 'known'
        )
        SELECT t.geo_level, t.geo_code, t.geo_vintage, t.sex, t.period_from AS year
        FROM asked AS t
        JOIN area_status AS a ON {_SAME_AREA.format("a", "t")}
        LEFT JOIN area_denominators AS d
            ON d.area_id = a.area_id AND d.sex = t.sex
           AND d.year >= t.period_from AND d.year < t.period_until
           AND d.age_from <= t.age_from AND d.age_until >= t.age_until
        GROUP BY t.*
        HAVING count(d.area_id) < any_value(CAST(t.period_until AS BIGINT) - t.period_from)
    """


def _gaps(store: Store, table: str, step: str) -> Iterator[Finding]:
    ((rows,),) = store.rows(f"SELECT count(*) FROM {step}")
    if not rows:
        return
    found = store.rows(f"SELECT DISTINCT geo_level, geo_code, year FROM {step} ORDER BY ALL LIMIT {EXAMPLES}")
    examples = tuple(f"{shown_area(level, code)} {year}"
                     for level, code, year in found)  # fmt: skip
    yield Finding("D082", Fate.REFUSE, table, rows=rows, examples=examples, facts=(("where", examples[0]),))


def events_on_zero_person_years(store: Store, tables: ExtractTables) -> Iterator[Finding]:
    """Find events where the person-years of their area are there and zero (D080)."""
    store.run(
        "zero_person_years",
        f"SELECT * FROM {usable('person_years')} WHERE person_years = 0 AND age_status = 'known'",
    )
    if store.rows("SELECT count(*) FROM zero_person_years") == [(0,)]:
        return
    for table in (*ROW_TABLES, *CELL_TABLES):
        if table not in tables.present:
            continue
        found = store.rows(_rows_on_zero(table) if table in ROW_TABLES else _cells_on_zero(table))
        for source, rows, events in found:
            yield Finding("D080", Fate.REFUSE, table, source, rows, events, persons=holds_persons(table))


def _rows_on_zero(table: str) -> str:
    return f"""
        SELECT t.source, count(*), count(*)
        FROM {usable(table)} AS t
        SEMI JOIN zero_person_years AS z
            ON {_SAME_AREA.format("z", "t")} AND z.sex = t.sex
           AND t.year >= z.period_from AND t.year < z.period_until
           AND t.age_years >= z.age_from AND t.age_years < coalesce(z.age_until, 999)
        GROUP BY t.source
    """


def _cells_on_zero(table: str) -> str:
    return f"""
        SELECT source, count(*), CAST(sum(events) AS BIGINT)
        FROM (
            SELECT t.source, t.events
            FROM (
                SELECT row_number() OVER () AS cell, source, events, sex, geo_level, geo_code, geo_vintage,
                    period_from, period_until, age_from, age_until
                FROM {usable(table)} WHERE events > 0 AND age_status = 'known'
            ) AS t
            JOIN {usable("person_years")} AS p
                ON {_SAME_AREA.format("p", "t")} AND p.sex = t.sex AND p.age_status = 'known'
               AND p.period_from < t.period_until AND t.period_from < p.period_until
               AND p.age_from < coalesce(t.age_until, 999) AND t.age_from < coalesce(p.age_until, 999)
            GROUP BY t.cell, t.source, t.events
            HAVING max(p.person_years) = 0
        )
        GROUP BY source
    """
