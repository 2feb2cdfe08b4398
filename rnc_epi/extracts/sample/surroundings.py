"""The tables of a large sample that hold no event: areas, coverage, person-years, deprivation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import pandas as pd

from rnc_epi.extracts import geography
from rnc_epi.extracts.sample.extent import Extent, is_nation
from rnc_epi.extracts.sample.persons import SNDS, Area
from rnc_epi.extracts.sample.places import Places
from rnc_epi.extracts.sample.proxies import as_rows
from rnc_epi.extracts.sample.tables import (
    DEATHS,
    NATIONS,
    POPULATION,
    REGISTRIES,
    VINTAGE,
    area_rows,
    membership_rows,
)
from rnc_epi.vocabulary.contract import SITE_GROUP_ALL

PROXIES: Final = "proxys_synthetiques"
DEPRIVATION: Final = ("synthetic_edi", "synthetic_2021")


def sources_table(*, has_snds_cases: bool = True) -> pd.DataFrame:
    """Return who hands over, each declared synthetic."""
    rows = [
        (REGISTRIES, "Registres des cancers (données synthétiques)", "registry"),
        (DEATHS, "Causes médicales de décès (données synthétiques)", "deaths"),
        (SNDS, "Cas repérés dans le SNDS (données synthétiques)", "snds"),
        (PROXIES, "ALD, PMSI et décès par département (données synthétiques)", "snds"),
        (POPULATION, "Populations : totaux COG, structure par âge nationale (synthétique)", "census"),
    ]
    if not has_snds_cases:
        rows = [row for row in rows if row[0] != SNDS]
    table = pd.DataFrame(rows, columns=["source", "title", "kind"])
    return table.assign(
        licence="MIT AND CC-BY-4.0",
        synthetic=True,
        altered=None,
        disclosure_threshold=11,
        definition_break_years=None,
    )


def areas_table(registries: pd.DataFrame, extent: Extent, zones: list[str]) -> pd.DataFrame:
    """Return the areas from the zones up to the nation."""
    above = area_rows(registries)
    kept = above["geo_code"].isin(extent.departements) & (above["geo_level"] == "departement")
    kept |= above["geo_level"] == "registry_zone"
    kept |= (above["geo_level"] == "region") & above["geo_code"].isin(_regions(extent))
    if is_nation(extent):
        kept |= above["geo_level"].isin([level for level, *_ in NATIONS])
    return pd.concat([above[kept], zone_areas(zones)[above.columns]], ignore_index=True)


def zone_areas(zones: list[str]) -> pd.DataFrame:
    """Return names, populations and outlines of zones."""
    table = geography.areas("zone")
    table = table[table["geo_code"].isin(zones)].drop(columns="population")
    table = table.merge(geography.zones()[["code", "population"]], left_on="geo_code", right_on="code")
    return table.drop(columns="code").astype({"population": "Int64"})


def _regions(extent: Extent) -> list[str]:
    """Return the régions that the extent holds whole: the sum of a part is no région."""
    table = geography.departements()
    whole = table["code"].isin(extent.departements).groupby(table["region"]).all()
    return whole.index[whole].tolist()


def membership_table(registries: pd.DataFrame, extent: Extent, zones: list[str]) -> pd.DataFrame:
    """Return which zones make up each département, and so on upwards."""
    above = membership_rows(registries)
    inside = above["child_code"].isin(extent.departements)
    parents = above["parent_level"].isin(["registry_zone"])
    parents |= (above["parent_level"] == "region") & above["parent_code"].isin(_regions(extent))
    if is_nation(extent):
        parents |= above["parent_level"].isin([level for level, *_ in NATIONS])
    return pd.concat([above[inside & parents], zone_links(zones)[above.columns]], ignore_index=True)


def zone_links(zones: list[str]) -> pd.DataFrame:
    """Return in which département each zone lies."""
    of_zone = geography.zones().set_index("code")["departement"]
    return pd.DataFrame({"child_code": zones, "parent_code": of_zone.loc[zones].to_numpy()}).assign(
        child_level="zone",
        parent_level="departement",
        child_vintage=VINTAGE,
        parent_vintage=VINTAGE,
        valid_from=pd.NA,
        valid_until=pd.NA,
        weight=1.0,
    )


def coverage_table(area: Area) -> pd.DataFrame:
    """Return which zones and years a registry covers, all sites."""
    covered = np.flatnonzero(area.registry >= 0)
    return pd.DataFrame(
        {
            "registry": [area.registries[area.registry[zone]] for zone in covered],
            "geo_level": "zone",
            "geo_code": [area.zones[zone] for zone in covered],
            "geo_vintage": VINTAGE,
            "site_group": SITE_GROUP_ALL,
            "age_from": 0,
            "age_until": pd.NA,
            "period_from": area.years[0],
            "period_until": area.covered_until,
        }
    )


def person_years_table(
    zones: list[str], years: list[int], person_years: dict[int, np.ndarray]
) -> Iterator[pd.DataFrame]:
    """Return person-years by zone, sex after sex."""
    for sex, values in person_years.items():
        rows = as_rows(values, zones, years, 1).rename(columns={"events": "person_years"})
        yield rows.assign(
            source=POPULATION, sex=sex, geo_level="zone", geo_vintage=VINTAGE, age_status="known"
        )


def scope_table(rows: list[tuple[str, str, str, int]], years: list[int]) -> pd.DataFrame:
    """Return what the tables of cells claim to cover."""
    return pd.DataFrame(rows, columns=["table_name", "source", "site", "sex"]).assign(
        geo_level="departement",
        period_from=years[0],
        period_until=years[-1] + 1,
        age_from=0,
        age_until=pd.NA,
    )


def deprivation_table(places: Places, chosen: np.ndarray) -> pd.DataFrame:
    """Return the score of each zone."""
    index, vintage = DEPRIVATION
    return pd.DataFrame(
        {
            "index": index,
            "vintage": vintage,
            "geo_level": "zone",
            "geo_code": np.array(places.zones, dtype=object)[chosen],
            "geo_vintage": VINTAGE,
            "score": np.round(places.score[chosen], 4),
            "higher_is": "more_deprived",
        }
    )
