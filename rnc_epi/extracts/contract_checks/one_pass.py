"""Every rule of a table in one pass over its rows, and the rows that it takes out set apart by number.

Each row gets a number whose bits say which rules it breaks; rows are counted by source and number, so that a
pass over ten million clean rows is one small aggregate. Only where a rule takes rows out does a second SELECT
note which; the usable table is a view of the others, so clean rows are never copied.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from rnc_epi.extracts.contract_checks.checked_rows import (
    OUTSIDE_BLOCK,
    checked_rows,
    typed_columns,
    width_rules,
)
from rnc_epi.extracts.contract_checks.findings import (
    EXAMPLES,
    LEDGER_WORDS,
    Fate,
    Finding,
    key_hash,
    shown_area,
)
from rnc_epi.extracts.contract_checks.profiles import breaks_a_profile
from rnc_epi.extracts.contract_checks.rules import MOST_EVENTS, Rule
from rnc_epi.extracts.contract_checks.tables import (
    AREA,
    CELL_TABLES,
    ROW_TABLES,
    ExtractTables,
    holds_persons,
    usable,
)
from rnc_epi.store import RowAccounting, Store
from rnc_epi.store.steps import quoted
from rnc_epi.vocabulary.contract import TABLES
from rnc_epi.vocabulary.schemas import NOT_APPLICABLE

#: Largest share of the events of a table and source that quarantine may take before the extract is refused.
QUARANTINE_LIMIT: Final = 0.005
STEP: Final = "contract"

#: Codes of areas are the examples for these; for others, hashes of keys.
_BY_AREA: Final = frozenset({
    "D065", "D067", "D068", "D069", "D070", "D075", "D119", "D131", "D132", "D133",
})  # fmt: skip
#: Not a defect by itself: whether the search for missing person-years is needed at all.
_OUTSIDE_BLOCK: Final = "_"
#: Bits of one number; a table with more rules gets several numbers.
_BITS: Final = 62


def check_table(
    store: Store, tables: ExtractTables, table: str, rules: Sequence[Rule], accounting: RowAccounting
) -> Iterator[Finding]:
    """Apply the rules of a table, make its usable view, and account for its rows."""
    own = [rule for rule in rules if rule.table == table]
    # Rules on codes are tried on the few combinations of codes first; most tables break none.
    mine = list(width_rules(tables, table))
    mine += [rule for rule in own if not rule.on_codes or breaks_a_profile(store, tables, rule)]
    if table in ROW_TABLES:
        mine.append(Rule(_OUTSIDE_BLOCK, table, Fate.WARN, OUTSIDE_BLOCK))
    totals, counts = _count(store, tables, table, mine)
    fired: set[int] = set()
    for source in sorted(totals):
        for position, rule in enumerate(mine):
            rows, events = counts[source, position]
            if rule.code == _OUTSIDE_BLOCK:
                tables.outside_block[table] = tables.outside_block.get(table, 0) + rows
            elif rows:
                fired.add(position)
                yield Finding(
                    rule.code,
                    rule.fate,
                    table,
                    source,
                    rows,
                    events,
                    _examples(store, tables, rule, source),
                    rule.facts,
                    holds_persons(table),
                )
    broken = [mine[position] for position in sorted(fired)]
    for rule in broken:
        if rule.instead is not None:
            tables.respell(table, *rule.instead)
    taking = [rule for rule in broken if rule.fate in LEDGER_WORDS]
    _set_apart(store, tables, table, taking)
    yield from _account(store, table, totals, taking, accounting)


def source_of(table: str) -> str:
    """Return how SQL names the source of a row, ``_`` where there is none."""
    has_source = "source" in TABLES[table].column_names and table != "sources"
    return f"coalesce(source, '{NOT_APPLICABLE}')" if has_source else f"'{NOT_APPLICABLE}'"


def _events(table: str) -> str:
    if table in ROW_TABLES:
        return "1"
    # Refused values stay in the sums of the findings, but must not overflow them.
    return f"least(coalesce(events, 0), {MOST_EVENTS})" if table in CELL_TABLES else "0"


def _count(
    store: Store, tables: ExtractTables, table: str, rules: Sequence[Rule]
) -> tuple[dict[str, tuple[int, int]], dict[tuple[str, int], tuple[int, int]]]:
    """Return rows and events by source, and by source and position of the rule that they break."""
    numbers = [
        " | ".join(
            f"CASE WHEN {rule.condition} THEN {1 << bit}::BIGINT ELSE 0::BIGINT END"
            for bit, rule in enumerate(rules[start : start + _BITS])
        )
        for start in range(0, max(len(rules), 1), _BITS)
    ]
    chosen = ", ".join(f"{number or '0::BIGINT'} AS broken_{place}" for place, number in enumerate(numbers))
    asked = ", ".join(f"broken_{place}" for place in range(len(numbers)))
    # A row of a person is one event: counting it once more would double the work.
    events = "count(*)" if table in ROW_TABLES else "CAST(coalesce(sum(row_events), 0) AS HUGEINT)"
    found = store.rows(
        f"SELECT row_source, count(*), {events}, {asked} "
        f"FROM (SELECT {source_of(table)} AS row_source, {_events(table)} AS row_events, {chosen} "
        f"FROM ({checked_rows(tables, table)})) GROUP BY ALL"
    )
    totals: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    counts: dict[tuple[str, int], tuple[int, int]] = defaultdict(lambda: (0, 0))
    for source, n, carried, *broken in found:
        totals[source] = _add(totals[source], n, carried)
        for position in range(len(rules)):
            if broken[position // _BITS] >> (position % _BITS) & 1:
                counts[source, position] = _add(counts[source, position], n, carried)
    return totals, counts


def _add(pair: tuple[int, int], rows: int, events: int) -> tuple[int, int]:
    return pair[0] + int(rows), pair[1] + int(events)


def _examples(store: Store, tables: ExtractTables, rule: Rule, source: str) -> tuple[str, ...]:
    rows = checked_rows(tables, rule.table)
    condition = f"({rule.condition}) AND {source_of(rule.table)} = $source"
    if rule.code in _BY_AREA and set(AREA) <= set(TABLES[rule.table].column_names):
        found = store.rows(
            f"SELECT DISTINCT geo_level, geo_code FROM ({rows}) WHERE {condition} "
            f"AND geo_level IS NOT NULL AND geo_code IS NOT NULL ORDER BY ALL LIMIT {EXAMPLES}",
            {"source": source},
        )
        return tuple(f"{shown_area(level, code)}"
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
        cases = " ".join(f"WHEN {rule.condition} THEN '{rule.reason}'" for rule in taking)
        store.run(
            f"set_apart_{table}",
            f"SELECT row_number, {source_of(table)} AS row_source, {_events(table)} AS row_events, code "
            f"FROM (SELECT *, CASE {cases} END AS code FROM ({checked_rows(tables, table)})) "
            "WHERE code IS NOT NULL",
        )
    columns = ", ".join(typed_columns(tables, table))
    without = f" ANTI JOIN set_apart_{table} AS s ON s.row_number = t.rowid" if taking else ""
    store.run_view(usable(table), f"SELECT {columns} FROM {tables.qualified(table)} AS t{without}")


def _account(
    store: Store,
    table: str,
    totals: dict[str, tuple[int, int]],
    taking: Iterable[Rule],
    accounting: RowAccounting,
) -> Iterator[Finding]:
    fates = {rule.reason: rule.fate for rule in taking}
    apart: list[tuple[Any, ...]] = []
    if fates:
        apart = store.rows(
            "SELECT row_source, code, count(*), CAST(sum(row_events) AS BIGINT) "
            f"FROM set_apart_{table} GROUP BY ALL"
        )
    for source, code, rows, events in apart:
        accounting.record(table, source, STEP, LEDGER_WORDS[fates[code]], code, rows=rows, events=events)
    # Used rows are counted in the usable table itself, not inferred, so that conservation can fail.
    used = store.rows(
        f"SELECT {source_of(table)}, count(*), CAST(coalesce(sum({_events(table)}), 0) AS HUGEINT) "
        f"FROM {usable(table)} GROUP BY 1"
    )
    for source, rows, events in used:
        accounting.record(table, source, STEP, "used", NOT_APPLICABLE, rows=rows, events=events)
    for source, (rows_in, events_in) in sorted(totals.items()):
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
