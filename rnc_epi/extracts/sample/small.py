"""The small sample, which the package carries: its tables and its truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from rnc_epi.extracts.sample import reference, tables
from rnc_epi.extracts.sample.places import Places, make_places
from rnc_epi.extracts.sample.proxies import as_rows
from rnc_epi.extracts.sample.surroundings import (
    PROXIES,
    adjacency_table,
    deprivation_table,
    sources_table,
    zone_areas,
    zone_links,
)
from rnc_epi.extracts.sample.tables import DEATHS, POPULATION, REGISTRIES, VINTAGE
from rnc_epi.extracts.sample.truth import truth_rows
from rnc_epi.extracts.sample.within import (
    PROXY_SITES,
    small_proxies,
    zone_deaths,
    zone_person_years,
)
from rnc_epi.extracts.sample.world import World, make_world, standardised_rates

#: Years of the small sample.
YEARS = (2016, 2017, 2018, 2019, 2020)


@dataclass(frozen=True)
class SmallSample:
    """The tables of the small sample and its truth."""

    tables: Mapping[str, pd.DataFrame]
    truth: pd.DataFrame


def small_sample(seed: int) -> SmallSample:
    """Draw every table of the small sample."""
    world, places = make_world(seed, list(YEARS)), make_places(seed)
    registries = reference.registries()
    in_rows = registries.loc[registries["form"] == "rows", ["registry", "departement"]]
    in_cells = registries.loc[registries["form"] == "cells", ["registry", "departement"]]
    tumours = tables.tumours(world, in_rows, seed)
    cells = tables.incidence_cells(world, in_cells, seed)
    deaths = tables.death_counts(world, seed)
    of_zones, truth_of_zones = zone_deaths(world, places, deaths)
    proxies, truth_of_proxies = small_proxies(world, places, _recorded(tumours, cells), deaths, seed)
    everything = np.ones(len(places.zones), dtype=bool)
    above = tables.area_rows(registries)
    found = {
        "sources": sources_table(has_snds_cases=False),
        "areas": pd.concat([above, zone_areas(places.zones)[above.columns]], ignore_index=True),
        "membership": pd.concat(
            [tables.membership_rows(registries), zone_links(places.zones)], ignore_index=True
        ),
        "coverage": tables.coverage(registries, world),
        "person_years": pd.concat(
            [tables.person_years(world), _zone_person_years(world, places)], ignore_index=True
        ),
        "tumours": tumours.drop(columns="leaf"),
        "incidence_cells": cells,
        "death_cells": pd.concat(
            [tables.death_cells(world, deaths), _zone_deaths(places, of_zones)], ignore_index=True
        ),
        "proxy_cells": proxies.assign(
            source=PROXIES, geo_level="departement", geo_vintage=VINTAGE, age_status="known"
        ),
        "cells_scope": _scope(world, list(of_zones)),
        "deprivation": deprivation_table(places, everything),
        "adjacency": adjacency_table({"departement": world.departements, "zone": places.zones}),
    }
    rates = [
        truth_rows("asr_world", site, sex, "departement", world.departements, None, values)
        for (site, sex), values in standardised_rates(world).items()
    ]
    truth = pd.concat([*rates, truth_of_zones, truth_of_proxies], ignore_index=True)
    return SmallSample(found, truth)


def _recorded(tumours: pd.DataFrame, cells: pd.DataFrame) -> pd.DataFrame:
    """Return the cases that registries count, in either form: ``leaf, sex, geo_code, age_from, events``."""
    counted = tumours[(tumours["behaviour"] == 3) & tumours["age_years"].notna()]
    age = np.minimum(counted["age_years"].to_numpy(dtype=np.int64) // 5 * 5, reference.AGE_STARTS[-1])
    rows = counted[["leaf", "sex", "geo_code"]].assign(age_from=age, events=1)
    return pd.concat([rows, cells.rename(columns={"site": "leaf"})[rows.columns]], ignore_index=True)


def _zone_person_years(world: World, places: Places) -> pd.DataFrame:
    parts = [
        as_rows(values[:, None, :], places.zones, [YEARS[0]], len(YEARS)).assign(sex=sex)
        for sex, values in zone_person_years(world, places).items()
    ]
    rows = pd.concat(parts, ignore_index=True).rename(columns={"events": "person_years"})
    return rows.assign(source=POPULATION, geo_level="zone", geo_vintage=VINTAGE, age_status="known")


def _zone_deaths(places: Places, counts: dict[tuple[str, int], np.ndarray]) -> pd.DataFrame:
    parts = [
        as_rows(of, places.zones, [YEARS[0]], len(YEARS)).assign(site=site, sex=sex)
        for (site, sex), of in counts.items()
    ]
    rows = pd.concat(parts, ignore_index=True)
    return rows.assign(source=DEATHS, icd10=None, geo_level="zone", geo_vintage=VINTAGE, age_status="known")


def _scope(world: World, of_zones: list[tuple[str, int]]) -> pd.DataFrame:
    rows = [("incidence_cells", REGISTRIES, "departement", leaf, sex) for leaf, sex in world.leaf_rates]
    rows += [("death_cells", DEATHS, "departement", site, sex) for site, sex in reference.deaths_per_case()]
    rows += [("death_cells", DEATHS, "zone", site, sex) for site, sex in of_zones]
    rows += [
        ("proxy_cells", PROXIES, "departement", site, sex)
        for site in PROXY_SITES
        for sex in (1, 2)
        if world.incidence(site, sex).any()
    ]
    columns = ["table_name", "source", "geo_level", "site", "sex"]
    return pd.DataFrame(rows, columns=columns).assign(
        period_from=world.years[0], period_until=world.years[-1] + 1, age_from=0, age_until=pd.NA
    )
