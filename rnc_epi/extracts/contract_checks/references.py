"""What the rules compare rows with, made once: areas and their denominators, registries, sources, sites."""

from __future__ import annotations

from typing import Final

import pandas as pd

from rnc_epi.extracts.contract_checks.tables import AREA, KEYED_TABLES, ExtractTables
from rnc_epi.store import Store, read_step
from rnc_epi.vocabulary.contract import TABLES
from rnc_epi.vocabulary.sites import SITES

_PACKAGE: Final = "rnc_epi.extracts.contract_checks"
_STEPS: Final = (
    "area_ids",
    "area_closure",
    "own_denominators",
    "area_denominators",
    "area_status",
    "registry_years",
)


def prepare_references(store: Store, tables: ExtractTables) -> None:
    """Make the temporary tables that `checked_rows` joins."""
    store.run("areas_by_table", _areas_by_table(tables))
    store.run("named_areas", "SELECT DISTINCT geo_level, geo_code, geo_vintage FROM areas_by_table")
    for name in _STEPS:
        store.run(name, read_step(_PACKAGE, name))
    store.run("declared_sources", f"SELECT DISTINCT source FROM {tables.qualified('sources')}")
    sites = pd.DataFrame(
        [(slug, 1 in site.sexes, 2 in site.sexes) for slug, site in SITES.items()],
        columns=["site", "in_men", "in_women"],
    )
    store.keep("known_sites", sites)
    store.run("key_extent", _key_extent(tables))


def _areas_by_table(tables: ExtractTables) -> str:
    parts = []
    for name in tables.present:
        columns = TABLES[name].column_names
        if set(AREA) <= set(columns):
            parts.append(_distinct_areas(tables, name, AREA))
    if "adjacency" in tables.present:
        parts.append(_distinct_areas(tables, "adjacency", ("geo_level", "neighbour_code", "geo_vintage")))
    for end in ("child", "parent"):
        columns = (f"{end}_level", f"{end}_code", f"{end}_vintage")
        parts.append(_distinct_areas(tables, "membership", columns))
    return "\nUNION\n".join(parts)


def _distinct_areas(tables: ExtractTables, table: str, columns: tuple[str, ...]) -> str:
    named = ", ".join(f"{column} AS {name}" for column, name in zip(columns, AREA, strict=True))
    complete = " AND ".join(f"{column} IS NOT NULL" for column in columns)
    source = tables.qualified(table)
    return f"SELECT DISTINCT '{table}' AS table_name, {named} FROM {source} WHERE {complete}"


def _key_extent(tables: ExtractTables) -> str:
    """Return the SELECT of how many rows and keys of persons each source has, and their range."""
    parts = [
        f"SELECT '{table}' AS table_name, source, count(*) AS rows, count(person_key) AS keys, "
        "CAST(min(person_key) AS HUGEINT) AS lowest, CAST(max(person_key) AS HUGEINT) AS highest "
        f"FROM {tables.qualified(table)} GROUP BY source"
        for table in KEYED_TABLES
        if table in tables.present
    ]
    empty = (
        "SELECT '_' AS table_name, '_' AS source, 0::BIGINT AS rows, 0::BIGINT AS keys, "
        "NULL::HUGEINT AS lowest, NULL::HUGEINT AS highest WHERE false"
    )
    return "\nUNION ALL\n".join([empty, *parts])
