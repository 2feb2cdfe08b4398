"""Every rule of a table in one pass over its rows, and the rows that it takes out set apart by number.

The rules of a table become one SELECT of ``count(*) FILTER (WHERE …)`` by source. Only where a rule takes
rows out does a second SELECT note which; the usable table is a view of the others, so ten million clean rows
are never copied.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from rnc_epi.extracts.contract_checks.findings import (
    EXAMPLES,
    LEDGER_WORDS,
    Fate,
    Finding,
    key_hash,
    shown_code,
)
from rnc_epi.extracts.contract_checks.rules import MOST_EVENTS, Rule
from rnc_epi.extracts.contract_checks.tables import (
    AREA,
    CELL_TABLES,
    ROW_TABLES,
    ExtractTables,
    contract_type,
    holds_persons,
    usable,
)
from rnc_epi.store import RowAccounting, Store
from rnc_epi.store.steps import quoted
from rnc_epi.vocabulary.contract import TABLES, TYPES
from rnc_epi.vocabulary.schemas import NOT_APPLICABLE

#: Largest share of the events of a table and source that quarantine may take before the extract is refused.
QUARANTINE_LIMIT: Final = 0.005
STEP: Final = "contract"

#: Codes of areas are the examples for these; for others, hashes of keys.
_BY_AREA: Final = frozenset({"D065", "D068", "D069", "D119", "D131", "D132", "D133"})


def check_table(
    store: Store, tables: ExtractTables, table: str, rules: Sequence[Rule], accounting: RowAccounting
) -> Iterator[Finding]:
    """Apply the rules of a table, make its usable view, and account for its rows."""
    mine = [*_width_rules(tables, table), *(rule for rule in rules if rule.table == table)]
    totals = store.rows(_counts(tables, table, mine))
    fired: set[int] = set()
    for source, _, _, *counts in totals:
        for position, rule in enumerate(mine):
            rows, events = counts[2 * position], counts[2 * position + 1]
            if rows:
                fired.add(position)
                yield Finding(
                    rule.code,
                    rule.fate,
                    table,
                    source,
                    int(rows),
                    int(events),
                    _examples(store, tables, rule, source),
                    rule.facts,
                    holds_persons(table),
                )
    taking = [mine[position] for position in sorted(fired) if mine[position].fate in LEDGER_WORDS]
    _set_apart(store, tables, table, taking)
    yield from _account(store, table, totals, taking, accounting)


def checked_rows(tables: ExtractTables, table: str) -> str:
    """Return the SELECT of the rows of a table, typed, with what the rules compare them to."""
    columns = set(TABLES[table].column_names)
    selected = ["t.rowid AS row_number", *_typed_columns(tables, table)]
    joins: list[str] = []
    if set(AREA) <= columns:
        selected += [
            f"area.{flag}"
            for flag in ("known", "denominated", "out_of_scope", "overseas", "zero_lost", "corsica_as_number")
        ]
        joins.append(_area_join("area", "t.geo_level", "t.geo_code", "t.geo_vintage"))
    if table == "membership":
        for end in ("child", "parent"):
            selected.append(f"coalesce({end}.known, false) AS {end}_known")
            joins.append(_area_join(end, f"t.{end}_level", f"t.{end}_code", f"t.{end}_vintage"))
    if "source" in columns:
        selected.append("source_of.source IS NOT NULL AS source_declared")
        joins.append("LEFT JOIN declared_sources AS source_of ON source_of.source = t.source")
    if "registry" in columns:
        selected += ["registry_of.first_year", "registry_of.until_year"]
        joins.append("LEFT JOIN registry_years AS registry_of ON registry_of.registry = t.registry")
    if "site" in columns:
        selected += ["site_of.site IS NOT NULL AS site_known", "site_of.in_men", "site_of.in_women"]
        joins.append("LEFT JOIN known_sites AS site_of ON site_of.site = t.site")
    if "person_key" in columns:
        selected.append("coalesce(keys_of.has_keys, false) AS source_has_person_keys")
        keyed = (
            f"SELECT source, count(person_key) > 0 AS has_keys FROM {tables.qualified(table)} GROUP BY source"
        )
        joins.append(f"LEFT JOIN ({keyed}) AS keys_of ON keys_of.source = t.source")
    if table == "cells_scope":
        selected.append("level_of.geo_level IS NOT NULL AS level_known")
        levels = "SELECT DISTINCT geo_level FROM area_ids WHERE known"
        joins.append(f"LEFT JOIN ({levels}) AS level_of ON level_of.geo_level = t.geo_level")
    return f"SELECT {', '.join(selected)} FROM {tables.qualified(table)} AS t " + " ".join(joins)


def _typed_columns(tables: ExtractTables, table: str) -> Iterator[str]:
    names = TABLES[table].column_names
    for name in names:
        wanted, found = contract_type(table, name), tables.type_of(table, name)
        column = f"t.{quoted(name, names)}"
        value = column if found == wanted else f"TRY_CAST({column} AS {wanted})"
        yield f"{value} AS {quoted(name, names)}"
        if found != wanted:
            yield f'({column} IS NOT NULL AND {value} IS NULL) AS "{_overflow(name)}"'


def _overflow(column: str) -> str:
    return f"{column}_does_not_fit"


def _width_rules(tables: ExtractTables, table: str) -> Iterator[Rule]:
    """Yield a rule for each column that is wider in the file than in the contract: its values must fit."""
    for column in TABLES[table].columns:
        found, wanted = tables.type_of(table, column.name), TYPES[column.kind][0]
        if found != wanted:
            facts = (("column", column.name), ("found", str(found)), ("expected", wanted))
            yield Rule("D010", table, Fate.REFUSE, f'"{_overflow(column.name)}"', facts)


def _area_join(alias: str, level: str, code: str, vintage: str) -> str:
    return (
        f"LEFT JOIN area_status AS {alias} ON {alias}.geo_code = {code} "
        f"AND {alias}.geo_level = {level} AND {alias}.geo_vintage = {vintage}"
    )


def _source(table: str) -> str:
    has_source = "source" in TABLES[table].column_names and table != "sources"
    return f"coalesce(source, '{NOT_APPLICABLE}')" if has_source else f"'{NOT_APPLICABLE}'"


def _events(table: str) -> str:
    if table in ROW_TABLES:
        return "1"
    # Refused values stay in the sums of the findings, but must not overflow them.
    return f"least(coalesce(events, 0), {MOST_EVENTS})" if table in CELL_TABLES else "0"


def _counts(tables: ExtractTables, table: str, rules: Iterable[Rule]) -> str:
    flags, counts = [], []
    for position, rule in enumerate(rules):
        flags.append(f"({rule.condition}) AS r{position}")
        counts.append(f"count(*) FILTER (WHERE r{position})")
        # A row of a person is one event: counting it once more would double the work.
        counts.append(
            f"count(*) FILTER (WHERE r{position})"
            if table in ROW_TABLES
            else f"CAST(coalesce(sum(row_events) FILTER (WHERE r{position}), 0) AS HUGEINT)"
        )
    all_events = "count(*)" if table in ROW_TABLES else "CAST(coalesce(sum(row_events), 0) AS HUGEINT)"
    chosen = ", ".join([f"{_source(table)} AS row_source", f"{_events(table)} AS row_events", *flags])
    asked = ", ".join(["row_source", "count(*)", all_events, *counts])
    return f"SELECT {asked} FROM (SELECT {chosen} FROM ({checked_rows(tables, table)})) GROUP BY row_source"


def _examples(store: Store, tables: ExtractTables, rule: Rule, source: str) -> tuple[str, ...]:
    rows = checked_rows(tables, rule.table)
    condition = f"({rule.condition}) AND {_source(rule.table)} = $source"
    if rule.code in _BY_AREA and set(AREA) <= set(TABLES[rule.table].column_names):
        found = store.rows(
            f"SELECT DISTINCT geo_level, geo_code FROM ({rows}) WHERE {condition} "
            f"AND geo_level IS NOT NULL AND geo_code IS NOT NULL ORDER BY ALL LIMIT {EXAMPLES}",
            {"source": source},
        )
        return tuple(f"{shown_code(level) if not level.islower() else level} {shown_code(code)}"
                     for level, code in found)  # fmt: skip
    names = TABLES[rule.table].key
    key = ", ".join(quoted(name, names) for name in names)
    found = store.rows(
        f"SELECT {key} FROM ({rows}) WHERE {condition} ORDER BY row_number LIMIT {EXAMPLES}",
        {"source": source},
    )
    return tuple(sorted(key_hash(*values) for values in found))


def _set_apart(store: Store, tables: ExtractTables, table: str, taking: Sequence[Rule]) -> None:
    if taking:
        cases = " ".join(f"WHEN {rule.condition} THEN '{rule.code}'" for rule in taking)
        store.run(
            f"set_apart_{table}",
            f"SELECT row_number, {_source(table)} AS row_source, {_events(table)} AS row_events, code "
            f"FROM (SELECT *, CASE {cases} END AS code FROM ({checked_rows(tables, table)})) "
            "WHERE code IS NOT NULL",
        )
    names = TABLES[table].column_names
    columns = ", ".join(
        (column if tables.type_of(table, name) == contract_type(table, name)
         else f"TRY_CAST({column} AS {contract_type(table, name)})") + f" AS {quoted(name, names)}"
        for name in names
        for column in [f"t.{quoted(name, names)}"]
    )  # fmt: skip
    without = f" ANTI JOIN set_apart_{table} AS s ON s.row_number = t.rowid" if taking else ""
    store.run_view(usable(table), f"SELECT {columns} FROM {tables.qualified(table)} AS t{without}")


def _account(
    store: Store,
    table: str,
    totals: Sequence[tuple[Any, ...]],
    taking: Sequence[Rule],
    accounting: RowAccounting,
) -> Iterator[Finding]:
    fates = {rule.code: rule.fate for rule in taking}
    apart: list[tuple[Any, ...]] = []
    if taking:
        apart = store.rows(
            "SELECT row_source, code, count(*), CAST(sum(row_events) AS BIGINT) "
            f"FROM set_apart_{table} GROUP BY ALL"
        )
    for source, code, rows, events in apart:
        accounting.record(table, source, STEP, LEDGER_WORDS[fates[code]], code, rows=rows, events=events)
    # Used rows are counted in the usable table itself, not inferred, so that conservation can fail.
    used = store.rows(
        f"SELECT {_source(table)}, count(*), CAST(coalesce(sum({_events(table)}), 0) AS HUGEINT) "
        f"FROM {usable(table)} GROUP BY 1"
    )
    for source, rows, events in used:
        accounting.record(table, source, STEP, "used", NOT_APPLICABLE, rows=rows, events=events)
    for source, rows_in, events_in, *_ in totals:
        accounting.require_conserved(table, source, STEP, rows_in=rows_in, events_in=events_in)
        quarantined = [line for line in apart if line[0] == source and fates[line[1]] is Fate.QUARANTINE]
        excluded = sum(
            line[3] for line in apart if line[0] == source and fates[line[1]] is not Fate.QUARANTINE
        )
        events = sum(line[3] for line in quarantined)
        if events > QUARANTINE_LIMIT * (events_in - excluded):
            yield Finding(
                "D109",
                Fate.REFUSE,
                table,
                source,
                sum(line[2] for line in quarantined),
                events,
                facts=(("expected", f"{QUARANTINE_LIMIT:.1%}"),),
                persons=holds_persons(table),
            )
