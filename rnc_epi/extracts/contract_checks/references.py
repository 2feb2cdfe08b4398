"""What the rules compare rows with, made once: areas and their denominators, registries, sources, sites."""

from __future__ import annotations

from typing import Final

import pandas as pd

from rnc_epi.extracts.contract_checks.tables import AREA, ExtractTables
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
    store.run("named_areas", _named_areas(tables))
    for name in _STEPS:
        store.run(name, read_step(_PACKAGE, name))
    store.run("declared_sources", f"SELECT DISTINCT source FROM {tables.qualified('sources')}")
    sites = pd.DataFrame(
        [(slug, 1 in site.sexes, 2 in site.sexes) for slug, site in SITES.items()],
        columns=["site", "in_men", "in_women"],
    )
    store.keep("known_sites", sites)


def _named_areas(tables: ExtractTables) -> str:
    parts = []
    for name in tables.present:
        columns = TABLES[name].column_names
        if set(AREA) <= set(columns):
            parts.append(f"SELECT DISTINCT geo_level, geo_code, geo_vintage FROM {tables.qualified(name)}")
    for end in ("child", "parent"):
        parts.append(
            f"SELECT DISTINCT {end}_level, {end}_code, {end}_vintage FROM {tables.qualified('membership')}"
        )
    together = "\nUNION\n".join(parts)
    complete = " AND ".join(f"{column} IS NOT NULL" for column in AREA)
    return f"SELECT geo_level, geo_code, geo_vintage FROM ({together}) WHERE {complete}"
