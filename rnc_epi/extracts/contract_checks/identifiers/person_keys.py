"""Keys of persons that are no pseudonyms: social security numbers, names, e-mail addresses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rnc_epi.extracts.contract_checks.findings import Fate, Finding
from rnc_epi.extracts.contract_checks.identifiers.nir import is_nir
from rnc_epi.extracts.contract_checks.identifiers.number_columns import rows_of_nir
from rnc_epi.extracts.contract_checks.identifiers.person_names import looks_like_a_name
from rnc_epi.extracts.contract_checks.tables import ExtractTables
from rnc_epi.store import Store

_KEYS_OF_PERSONS: Final = (("tumours", "person_key"), ("snds_cases", "person_key"))


def text_keys(store: Store, tables: ExtractTables) -> Iterator[Finding]:
    """Find, where a person key is text, numbers that are a NIR (D026) and names or addresses (D027)."""
    for table, column in _KEYS_OF_PERSONS:
        if tables.type_of(table, column) != "VARCHAR":
            continue
        numbers = names = 0
        for batch in store.batches(
            f'SELECT "{column}" AS k, count(*) AS n FROM {tables.qualified(table)} '
            f'WHERE "{column}" IS NOT NULL GROUP BY ALL'
        ):
            for key, count in zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True):
                numbers += count * is_nir(key)
                names += count * looks_like_a_name(key)
        for code, rows in (("D026", numbers), ("D027", names)):
            if rows:
                yield Finding(code, Fate.REFUSE, table, rows=rows, facts=(("column", column),), persons=True)


def number_keys(store: Store, tables: ExtractTables) -> Iterator[Finding]:
    """Find person keys that are social security numbers (D026), beyond what chance gives."""
    for table, column in _KEYS_OF_PERSONS:
        if tables.type_of(table, column) in (None, "VARCHAR"):
            continue
        rows = rows_of_nir(store, tables.qualified(table), column)
        if rows:
            yield Finding("D026", Fate.REFUSE, table, rows=rows, facts=(("column", column),), persons=True)


def sources_without_keys(store: Store, tables: ExtractTables) -> Iterator[Finding]:
    """Find sources none of whose rows has a person key (D108): their tumours can be counted, not persons."""
    for table, column in _KEYS_OF_PERSONS:
        if table not in tables.present:
            continue
        bare = store.rows(
            f"SELECT source, count(*) FROM {tables.qualified(table)} WHERE source IS NOT NULL "
            f'GROUP BY source HAVING count("{column}") = 0'
        )
        for source, rows in bare:
            yield Finding("D108", Fate.WARN, table, source, rows, rows, persons=True)
