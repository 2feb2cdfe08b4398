"""Rules on several rows together: keys used twice, bands and periods that overlap, rows beside cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rnc_epi.extracts.contract_checks.findings import EXAMPLES, Fate, Finding, key_hash, shown_name
from rnc_epi.extracts.contract_checks.tables import (
    CELL_TABLES,
    KEYED_TABLES,
    ROW_TABLES,
    ExtractTables,
    holds_persons,
    usable,
)
from rnc_epi.store import Store
from rnc_epi.store.steps import quoted
from rnc_epi.vocabulary.contract import TABLES
from rnc_epi.vocabulary.sites import ancestors, site_of_icdo3

#: Where the ages or periods of one stratum must be disjoint, because rooms add them up.
_SUMMED: Final = (*CELL_TABLES, "person_years")
_OPEN: Final = 999
#: Tumours that one person does not have.
_MANY: Final = 20


def _key(table: str, without: Sequence[str] = ()) -> str:
    names = TABLES[table].key
    return ", ".join(quoted(name, names) for name in names if name not in without)


def duplicate_keys(store: Store, tables: ExtractTables) -> Iterator[Finding]:
    """Find rows that share their key: with the same content (D021), or with another (D022).

    Rows of persons are compared by their number alone.
    """
    for table in tables.present:
        key = _key(table)
        if table in ROW_TABLES:
            # Counting distinct numbers costs half of grouping them, and is all that a clean file needs.
            ((repeated,),) = store.rows(
                f"SELECT count({key}) - count(DISTINCT {key}) FROM {tables.qualified(table)}"
            )
            if not repeated:
                continue
        grouped = f"SELECT {key}, count(*) AS times FROM {tables.qualified(table)} GROUP BY {key}"
        ((shared,),) = store.rows(f"SELECT count(*) FROM ({grouped}) WHERE times > 1")
        if shared:
            yield from _shared_keys(store, tables, table, key)


def _shared_keys(store: Store, tables: ExtractTables, table: str, key: str) -> Iterator[Finding]:
    names = TABLES[table].column_names
    content = ", ".join(quoted(name, names) for name in names)
    store.run(
        "shared_keys",
        f"SELECT {key}, count(*) AS times, count(DISTINCT hash({content})) AS contents "
        f"FROM {tables.qualified(table)} GROUP BY {key} HAVING count(*) > 1",
    )
    for code, condition in (("D021", "contents = 1"), ("D022", "contents > 1")):
        ((rows,),) = store.rows(
            f"SELECT CAST(coalesce(sum(times), 0) AS BIGINT) FROM shared_keys WHERE {condition}"
        )
        if rows:
            found = store.rows(
                f"SELECT {key} FROM shared_keys WHERE {condition} ORDER BY ALL LIMIT {EXAMPLES}"
            )
            yield Finding(
                code,
                Fate.REFUSE,
                table,
                rows=rows,
                examples=tuple(sorted(key_hash(*values) for values in found)),
                facts=(("column", ", ".join(TABLES[table].key)),),
                persons=holds_persons(table),
            )


def constant_keys(store: Store, tables: ExtractTables) -> Iterator[Finding]:
    """Find sources all of whose rows have one person key (D028): the pseudonyms were not made."""
    for table in KEYED_TABLES:
        if table in tables.present:
            constant = store.rows(
                "SELECT source, rows FROM key_extent "
                f"WHERE table_name = '{table}' AND keys >= {_MANY} AND lowest = highest"
            )
            for source, rows in constant:
                yield Finding("D028", Fate.REFUSE, table, source or "_", rows, rows, persons=True)


def overlapping_ages(store: Store, tables: ExtractTables) -> Iterator[Finding]:
    """Find age bands that overlap another of their stratum (D112)."""
    for table in _SUMMED:
        if table in tables.present:
            stratum = _key(table, ("age_from", "age_until", "age_status"))
            yield from _overlaps(store, table, "D112", stratum, "age_from", f"coalesce(age_until, {_OPEN})")


def overlapping_periods(store: Store, tables: ExtractTables) -> Iterator[Finding]:
    """Find periods that overlap another of their stratum (D113)."""
    for table in _SUMMED:
        if table in tables.present:
            stratum = _key(table, ("age_from", "age_until", "age_status", "period_from", "period_until"))
            yield from _overlaps(store, table, "D113", stratum, "period_from", "period_until")


def _overlaps(store: Store, table: str, code: str, stratum: str, start: str, end: str) -> Iterator[Finding]:
    condition = "age_status = 'known'" if start == "age_from" else "true"
    ((rows,),) = store.rows(
        f"""
        SELECT count(*) FROM (
            SELECT first, max(last) OVER (
                PARTITION BY {stratum} ORDER BY first, last ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS reached
            FROM (
                SELECT DISTINCT {stratum}, {start} AS first, {end} AS last
                FROM {usable(table)} WHERE {condition}
            )
        )
        WHERE first < reached
        """
    )
    if rows:
        yield Finding(code, Fate.REFUSE, table, rows=rows)


def rows_beside_cells(store: Store, tables: ExtractTables) -> Iterator[Finding]:
    """Find sites and years that a registry hands over both as rows and as cells (D118)."""
    if not {"tumours", "incidence_cells"} <= set(tables.present):
        return
    # Registries rarely use both forms: only those that do in one year are classified.
    both = store.rows(
        f"""
        SELECT t.registry, t.year, t.topography, t.morphology, t.behaviour, c.site
        FROM (
            SELECT DISTINCT source, registry, year, topography, morphology, behaviour
            FROM {usable("tumours")}
            SEMI JOIN (SELECT DISTINCT registry FROM {usable("incidence_cells")}) AS r USING (registry)
        ) AS t
        JOIN (
            SELECT DISTINCT source, registry, site, period_from, period_until FROM {usable("incidence_cells")}
        ) AS c
        ON c.source = t.source AND c.registry = t.registry
           AND t.year >= c.period_from AND t.year < c.period_until
        """
    )
    overlaps = set()
    for registry, year, topography, morphology, behaviour, site in both:
        leaf = site_of_icdo3(topography, morphology, behaviour)
        if leaf is not None and site in (leaf, *ancestors(leaf)):
            overlaps.add((registry, year, site))
    if overlaps:
        registry, year, site = min(overlaps)
        where = f"{shown_name(registry)}, {year}, {site}"
        yield Finding("D118", Fate.REFUSE, "incidence_cells", rows=len(overlaps), facts=(("where", where),))
