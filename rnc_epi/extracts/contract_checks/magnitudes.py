"""Sizes that cannot be, or hardly: person-years that jump or leave the population, events beyond them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rnc_epi.extracts.contract_checks.findings import EXAMPLES, Fate, Finding, shown_area
from rnc_epi.extracts.contract_checks.tables import (
    CELL_TABLES,
    ROW_TABLES,
    ExtractTables,
    holds_persons,
    usable,
)
from rnc_epi.store import Store

#: Between two neighbouring years, births of 1919 and 1920 are the widest step of the French pyramid: 1.65 at
#: one age. Three times is no step of a population, but a factor of ten, a double load, another age band.
_STEP: Final = 3
#: Person-years a year below which a prison, a barracks or a new quarter may do it.
_STEP_FROM: Final = 1_000
#: A rate of one per person-year is above any of a whole stratum, of all causes at 110 years too; few events
#: on a fraction of a person-year exceed it by chance. What chance gives less than once in a million is
#: refused, by Chernoff's bound on the Poisson distribution: P(X >= k) <= exp(-(k log(k/m) - k + m)), m < k.
_BEYOND_CHANCE: Final = 13.8
#: Longer periods are mistakes that other checks refuse; the bound keeps them from filling the memory.
_CENTURY: Final = 100
_FROM: Final = "CAST(period_from AS BIGINT)"
_YEARS: Final = f"range({_FROM}, least(period_until, {_FROM} + {_CENTURY}))"
#: Years of a period; small whole numbers overflow where a period is nonsense.
_LENGTH: Final = "(CAST(period_until AS BIGINT) - period_from)"
_SAME_AREA: Final = (
    "{0}.geo_code = {1}.geo_code AND {0}.geo_level = {1}.geo_level AND {0}.geo_vintage = {1}.geo_vintage"
)


def steps_of_person_years(store: Store, tables: ExtractTables) -> Iterator[Finding]:
    """Find strata whose person-years are more than three times those of a neighbouring period (D142)."""
    if "person_years" not in tables.present:
        return
    store.run(
        "steps_of_person_years",
        f"""
        WITH yearly AS (
            SELECT * EXCLUDE (person_years, age_status), person_years / {_LENGTH} AS size
            FROM {usable("person_years")}
            WHERE age_status = 'known' AND period_until > period_from
        )
        SELECT a.source, a.geo_level, a.geo_code,
            CASE WHEN b.period_until = a.period_from THEN a.period_from ELSE b.period_from END AS year
        FROM yearly AS a
        JOIN yearly AS b
            ON {_SAME_AREA.format("a", "b")} AND b.source = a.source AND b.sex = a.sex
           AND b.age_from = a.age_from AND coalesce(b.age_until, 999) = coalesce(a.age_until, 999)
        WHERE a.size >= {_STEP_FROM} AND a.size > {_STEP} * b.size
          AND (b.period_until = a.period_from OR b.period_from = a.period_until)
        """,
    )
    yield from _by_source(store, "D142", Fate.WARN, "steps_of_person_years")


def person_years_against_population(store: Store, tables: ExtractTables) -> Iterator[Finding]:
    """Find areas whose person-years of one year leave the population that the extract gives them (D143).

    Too many are found at any ages; too few only where both sexes and all ages are there.
    """
    if not {"person_years", "areas"} <= set(tables.present):
        return
    store.run(
        "person_years_against_population",
        f"""
        SELECT p.source, p.geo_level, p.geo_code, p.period_from AS year
        FROM (
            SELECT source, geo_level, geo_code, geo_vintage, period_from,
                sum(person_years) / any_value({_LENGTH}) AS size,
                count(DISTINCT sex) = 2 AND min(age_from) = 0 AND bool_or(age_until IS NULL) AS whole
            FROM {usable("person_years")}
            WHERE period_until > period_from
            GROUP BY source, geo_level, geo_code, geo_vintage, period_from, period_until
        ) AS p
        JOIN {usable("areas")} AS a ON {_SAME_AREA.format("a", "p")}
        WHERE greatest(p.size, a.population) >= {_STEP_FROM}
          AND (p.size > {_STEP} * a.population OR (p.whole AND a.population > {_STEP} * p.size))
        """,
    )
    yield from _by_source(store, "D143", Fate.WARN, "person_years_against_population")


def _by_source(store: Store, code: str, fate: Fate, step: str) -> Iterator[Finding]:
    for source, rows in store.rows(f"SELECT source, count(*) FROM {step} GROUP BY source ORDER BY source"):
        found = store.rows(
            f"SELECT DISTINCT geo_level, geo_code, year FROM {step} WHERE source = $source "
            f"ORDER BY ALL LIMIT {EXAMPLES}",
            {"source": source},
        )
        examples = tuple(f"{shown_area(level, area)} {year}"
                         for level, area, year in found)  # fmt: skip
        yield Finding(code, fate, "person_years", source, rows, 0, examples, (("where", examples[0]),))


def more_events_than_person_years(store: Store, tables: ExtractTables) -> Iterator[Finding]:
    """Find strata with a rate above one per person-year, beyond chance (D144).

    Events are held against the person-years of their own area; zero person-years are D080's to find.
    """
    for table in (*ROW_TABLES, *CELL_TABLES):
        if table not in tables.present:
            continue
        strata = _of_rows(table) if table in ROW_TABLES else _of_cells(table)
        found = store.rows(
            f"""
            SELECT source, count(*), CAST(sum(events) AS BIGINT)
            FROM ({strata})
            WHERE person_years > 0 AND events > person_years
              AND events * ln(events / person_years) - events + person_years > {_BEYOND_CHANCE}
            GROUP BY source ORDER BY source
            """
        )
        for source, rows, events in found:
            yield Finding("D144", Fate.REFUSE, table, source, rows, events, persons=holds_persons(table))


def _of_rows(table: str) -> str:
    """Return the SELECT of events and person-years, by band of the person-years."""
    return f"""
        SELECT t.source, CAST(sum(t.events) AS DOUBLE) AS events,
            CAST(any_value(p.person_years) AS DOUBLE) AS person_years
        FROM (
            SELECT source, geo_level, geo_code, geo_vintage, sex, year, age_years, count(*) AS events
            FROM {usable(table)} AS r
            SEMI JOIN (SELECT DISTINCT geo_level, geo_code, geo_vintage FROM {usable("person_years")}) AS own
                ON {_SAME_AREA.format("own", "r")}
            WHERE age_years IS NOT NULL
            GROUP BY ALL
        ) AS t
        JOIN ({_by_year("age_status = 'known'")}) AS p
            ON {_SAME_AREA.format("p", "t")} AND p.sex = t.sex AND p.year = t.year
           AND t.age_years >= p.age_from AND t.age_years < p.age_until
        GROUP BY t.source, p.band
    """


def _of_cells(table: str) -> str:
    """Return the SELECT of the largest cell of a stratum and the person-years of all that it may lie in."""
    return f"""
        SELECT source, CAST(any_value(events) AS DOUBLE) AS events,
            CAST(sum(person_years) AS DOUBLE) AS person_years
        FROM (
            SELECT DISTINCT t.source, t.cell, t.events, p.band, p.person_years
            FROM (
                SELECT *, unnest({_YEARS}) AS year
                FROM (
                    SELECT row_number() OVER () AS cell, source, sex, geo_level, geo_code, geo_vintage,
                        period_from, period_until, age_from, coalesce(age_until, 999) AS age_until,
                        max(events) AS events
                    FROM {usable(table)} WHERE age_status = 'known' AND events > 1
                    GROUP BY ALL
                )
            ) AS t
            JOIN ({_by_year("age_status = 'known'")}) AS p
                ON {_SAME_AREA.format("p", "t")} AND p.sex = t.sex AND p.year = t.year
               AND p.age_from < t.age_until AND t.age_from < p.age_until
        )
        GROUP BY source, cell
    """


def _by_year(condition: str) -> str:
    """Return the SELECT of the person-years once for each of their years, with the number of their row."""
    return f"""
        SELECT * REPLACE (coalesce(age_until, 999) AS age_until),
            unnest({_YEARS}) AS year
        FROM (SELECT row_number() OVER () AS band, * FROM {usable("person_years")} WHERE {condition})
    """
