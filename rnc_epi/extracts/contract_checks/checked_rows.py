"""The rows of a table as the rules see them: typed, respelt, beside what they are compared with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rnc_epi.extracts.contract_checks.findings import Fate
from rnc_epi.extracts.contract_checks.rules import Rule
from rnc_epi.extracts.contract_checks.tables import AREA, ExtractTables, contract_type
from rnc_epi.store.steps import quoted
from rnc_epi.vocabulary.contract import TABLES, TYPES

#: What `area_status` says of an area; rules name these columns.
AREA_FLAGS: Final = (
    *("known", "denominated", "out_of_scope", "overseas", "zero_lost", "corsica_as_number"),
    *("scientific", "foreign_country"),
)
#: Years and ages of which every combination has person-years in both sexes; null where they are no block.
AREA_BLOCK: Final = ("block_year_from", "block_year_until", "block_age_from", "block_age_until")

#: True of a row whose age and year are not surely among the person-years of its area.
OUTSIDE_BLOCK: Final = (
    "age_years IS NOT NULL AND denominated AND NOT coalesce(year >= block_year_from "
    "AND year < block_year_until AND age_years >= block_age_from AND age_years < block_age_until, false)"
)


def checked_rows(tables: ExtractTables, table: str) -> str:
    """Return the SELECT of the rows of a table, typed, with what the rules compare them to."""
    columns = set(TABLES[table].column_names)
    selected = ["t.rowid AS row_number", *typed_columns(tables, table), *_overflows(tables, table)]
    joins: list[str] = []
    if set(AREA) <= columns:
        selected += [f"area.{flag}" for flag in (*AREA_FLAGS, *AREA_BLOCK)]
        joins.append(_area_join("area", "t.geo_level", "t.geo_code", "t.geo_vintage"))
    if table == "membership":
        for end in ("child", "parent"):
            selected.append(f"coalesce({end}.known, false) AS {end}_known")
            joins.append(_area_join(end, f"t.{end}_level", f"t.{end}_code", f"t.{end}_vintage"))
    if table == "adjacency":
        selected.append("coalesce(neighbour.known, false) AS neighbour_known")
        joins.append(_area_join("neighbour", "t.geo_level", "t.neighbour_code", "t.geo_vintage"))
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
        selected.append("coalesce(keys_of.keys > 0, false) AS source_has_person_keys")
        joins.append(
            f"LEFT JOIN key_extent AS keys_of ON keys_of.table_name = '{table}' AND keys_of.source = t.source"
        )
    if table == "cells_scope":
        selected.append("level_of.geo_level IS NOT NULL AS level_known")
        levels = "SELECT DISTINCT geo_level FROM area_ids WHERE known"
        joins.append(f"LEFT JOIN ({levels}) AS level_of ON level_of.geo_level = t.geo_level")
    return f"SELECT {', '.join(selected)} FROM {tables.qualified(table)} AS t " + " ".join(joins)


def typed_columns(tables: ExtractTables, table: str) -> Iterator[str]:
    """Yield each column of the contract as it is used: of its type, respelled where `tables` says so."""
    names = TABLES[table].column_names
    for name in names:
        yield f"{_value(tables, table, name)} AS {quoted(name, names)}"


def _value(tables: ExtractTables, table: str, name: str) -> str:
    wanted, found = contract_type(table, name), tables.type_of(table, name)
    column = f"t.{quoted(name, TABLES[table].column_names)}"
    value = column if found == wanted else f"TRY_CAST({column} AS {wanted})"
    return tables.respelled(table, name, value)


def _overflows(tables: ExtractTables, table: str) -> Iterator[str]:
    names = TABLES[table].column_names
    for name in names:
        wanted = contract_type(table, name)
        if tables.type_of(table, name) != wanted:
            column = f"t.{quoted(name, names)}"
            yield f'({column} IS NOT NULL AND TRY_CAST({column} AS {wanted}) IS NULL) AS "{_overflow(name)}"'


def _overflow(column: str) -> str:
    return f"{column}_does_not_fit"


def width_rules(tables: ExtractTables, table: str) -> Iterator[Rule]:
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
