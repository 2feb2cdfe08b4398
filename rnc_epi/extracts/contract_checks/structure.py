"""Structure: tables, columns, their types, and names that announce identifiers."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

from rnc_epi.extracts.contract_checks.findings import Fate, Finding, shown_name
from rnc_epi.extracts.contract_checks.identifiers import names_an_identifier
from rnc_epi.extracts.contract_checks.tables import ExtractTables
from rnc_epi.store import Store
from rnc_epi.vocabulary.contract import EVENT_TABLES, TABLES, TYPES


def _nearest(name: str, present: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, [shown_name(other) for other in present], n=1, cutoff=0.6)
    return near[0] if near else "—"


def required_tables(store: Store, tables: ExtractTables) -> Iterator[Finding]:
    """Find required tables that are absent (D101)."""
    for name, table in TABLES.items():
        if table.required and name not in tables.present:
            near = _nearest(name, (other for other, _ in tables.others))
            yield Finding("D101", Fate.REFUSE, name, facts=(("found", near),))


def required_columns(store: Store, tables: ExtractTables) -> Iterator[Finding]:
    """Find columns of the contract that are absent (D007)."""
    for name, columns in tables.present.items():
        unknown = [column for column in columns if column not in TABLES[name].column_names]
        for column in TABLES[name].column_names:
            if column not in columns:
                facts = (("column", column), ("found", _nearest(column, unknown)))
                yield Finding("D007", Fate.REFUSE, name, facts=facts)


def column_types(store: Store, tables: ExtractTables) -> Iterator[Finding]:
    """Find columns of another type than the contract allows (D010)."""
    for name, columns in tables.present.items():
        for declared in TABLES[name].columns:
            column = columns.get(declared.name)
            if (
                column is None
                or column.type in TYPES[declared.kind]
                or _sex_in_letters(name, column.name, tables)
            ):
                continue
            facts = (
                ("column", declared.name),
                ("found", column.type.split("(")[0] if column.type.startswith("ENUM") else column.type),
                ("expected", TYPES[declared.kind][0]),
            )
            yield Finding("D010", Fate.REFUSE, name, facts=facts)


def _sex_in_letters(table: str, column: str, tables: ExtractTables) -> bool:
    return column.lower() == "sex" and tables.type_of(table, "sex") == "VARCHAR"


def sex_in_letters(store: Store, tables: ExtractTables) -> Iterator[Finding]:
    """Find sex written in letters (D047): M, F, H, a mixture; it is mapped at the origin or nowhere."""
    for name, columns in tables.present.items():
        if "sex" in columns and _sex_in_letters(name, "sex", tables):
            ((rows,),) = store.rows(f"SELECT count(*) FROM {tables.qualified(name)}")
            yield Finding("D047", Fate.REFUSE, name, rows=rows, persons=True)


def identifier_columns(store: Store, tables: ExtractTables) -> Iterator[Finding]:
    """Find columns, of any table, whose name announces a direct identifier (D009)."""
    for name, column in _unexpected_columns(tables):
        if names_an_identifier(column):
            yield Finding("D009", Fate.REFUSE, name, facts=(("column", shown_name(column)),))


def unknown_columns(store: Store, tables: ExtractTables) -> Iterator[Finding]:
    """Find other columns and tables that the contract does not know, to be ignored (D125, D106)."""
    for name, column in _unexpected_columns(tables):
        if name in TABLES and not names_an_identifier(column):
            yield Finding("D125", Fate.WARN, name, facts=(("column", shown_name(column)),))
    for name, _ in tables.others:
        yield Finding("D106", Fate.WARN, shown_name(name))


def _unexpected_columns(tables: ExtractTables) -> Iterator[tuple[str, str]]:
    for name, columns in tables.present.items():
        for known, column in columns.items():
            if known not in TABLES[name].column_names:
                yield name, column.name
    for name, others in tables.others:
        for column in others:
            yield shown_name(name), column.name


def rows_present(store: Store, tables: ExtractTables) -> Iterator[Finding]:
    """Find required tables without rows (D003) and an extract without events (D102)."""
    counts = {
        name: store.rows(f"SELECT count(*) FROM {tables.qualified(name)}")[0][0] for name in tables.present
    }
    for name in tables.present:
        if TABLES[name].required and counts[name] == 0:
            yield Finding("D003", Fate.REFUSE, name)
    if not any(counts.get(name) for name in EVENT_TABLES):
        yield Finding("D102", Fate.REFUSE, facts=(("expected", ", ".join(EVENT_TABLES)),))
