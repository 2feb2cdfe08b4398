"""The regional and the national sample: one nation drawn site by site, cut to a place and to years."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from rnc_epi.extracts.sample import reference
from rnc_epi.extracts.sample.deaths import Deaths
from rnc_epi.extracts.sample.extent import REGISTRY_LAG, Extent
from rnc_epi.extracts.sample.national import YEARS, nation
from rnc_epi.extracts.sample.own_geography import OwnGeography, own_places, own_surroundings
from rnc_epi.extracts.sample.persons import Area, Persons
from rnc_epi.extracts.sample.places import Places, make_places, site_handed_over
from rnc_epi.extracts.sample.proxies import SPAN, as_rows, by_span, draw_proxies
from rnc_epi.extracts.sample.surroundings import (
    PROXIES,
    labelled_cells,
    scope_table,
    sources_table,
    surroundings,
)
from rnc_epi.extracts.sample.truth import truth_of_cases, truth_of_links
from rnc_epi.vocabulary.contract import TABLES
from rnc_epi.vocabulary.draws import seed_of


@dataclass
class _Cells:
    """Rows of proxies and of the truth, gathered while the sites are drawn."""

    proxies: list[pd.DataFrame] = field(default_factory=list)
    scope: list[tuple[str, str, str, str, int]] = field(default_factory=list)
    truth: list[pd.DataFrame] = field(default_factory=list)


@dataclass(frozen=True)
class LargeSample:
    """The tables of a large sample, to be written in their order, and its truth."""

    tables: Mapping[str, pd.DataFrame | Iterable[pd.DataFrame]]
    truth: pd.DataFrame


def draw_sample(
    extent: Extent, seed: int, own: OwnGeography | None = None, *, deaths: str = "zone"
) -> LargeSample:
    """Draw every table of a sample.

    Cells and places are whole in memory; persons are kept as small integers and become rows when written.

    Parameters
    ----------
    own : OwnGeography, optional
        A user's communes; the synthetic zones by default.
    deaths : {"zone", "commune"}
        Lowest level of deaths: zones by year, or these and communes by five years. In a user's geography,
        départements by year and communes by five years.
    """
    places = make_places(seed) if own is None else own_places(own.communes, seed)
    extent = replace(extent, departements=[d for d in places.departements if d in extent.departements])
    chosen = np.isin(np.array(places.departements, dtype=object)[places.departement_of], extent.departements)
    registries = reference.registries()
    registries = registries[registries["departement"].isin(extent.departements)]
    persons = Persons(_area(places, chosen, registries, extent, seed))
    person_years = {sex: values[chosen] for sex, values in places.person_years(extent.years).items()}
    cells = _Cells()
    dead = Deaths(
        places, chosen, extent, by_zone=own is None, by_commune=deaths == "commune" or own is not None
    )
    _draw_sites(places, chosen, extent, persons, person_years, cells, dead)
    dead.finish()
    cells.truth += [*dead.truth, truth_of_links(persons)]
    tumours, cases = persons.tables()
    tables: dict[str, pd.DataFrame | Iterable[pd.DataFrame]] = {
        "sources": sources_table(),
        "tumours": tumours,
        "death_cells": dead.rows,
        "snds_cases": cases,
        "proxy_cells": cells.proxies,
        "cells_scope": scope_table([*dead.scope, *cells.scope], extent.years),
    }
    if own is None:
        around = surroundings(places, chosen, extent, persons.area, person_years)
    else:
        around = own_surroundings(own, places, extent, persons.area)
    ordered = {name: table for name in TABLES if (table := (tables | around).get(name)) is not None}
    return LargeSample(ordered, pd.concat(cells.truth, ignore_index=True))


def _area(places: Places, chosen: np.ndarray, registries: pd.DataFrame, extent: Extent, seed: int) -> Area:
    names = sorted(registries["registry"].unique())
    of_departement = dict(zip(registries["departement"], registries["registry"], strict=True))
    codes = [places.departements[position] for position in places.departement_of[chosen]]
    position = [names.index(of_departement[code]) if code in of_departement else -1 for code in codes]
    inside = chosen[places.communes.zone]
    return Area(
        [zone for zone, inside in zip(places.zones, chosen, strict=True) if inside],
        [code for code, within in zip(places.communes.codes, inside, strict=True) if within],
        (np.cumsum(chosen) - 1)[places.communes.zone[inside]],
        np.array(position, dtype=np.int16),
        names,
        extent.years,
        extent.years[-1] + 1 - REGISTRY_LAG,
        seed,
    )


def _draw_sites(
    places: Places,
    chosen: np.ndarray,
    extent: Extent,
    persons: Persons,
    person_years: dict[int, np.ndarray],
    cells: _Cells,
    dead: Deaths,
) -> None:
    at = [YEARS.index(year) for year in extent.years]
    by_site: dict[tuple[str, int], list[str]] = {}
    for leaf, sex in nation().leaf_rates:
        if extent.leaves is None or leaf in extent.leaves:
            by_site.setdefault((site_handed_over(leaf), sex), []).append(leaf)
    inside, weights = chosen[places.communes.zone], places.communes.population
    for (site, sex), leaves in by_site.items():
        level = places.commune_level(leaves[0], sex)
        cases = expected = np.zeros((len(extent.departements), len(at), len(reference.AGE_STARTS)))
        for leaf in leaves:
            of_communes = places.commune_level(leaf, sex)
            mine = places.by_zone(of_communes)[chosen]
            mean = nation().leaf_rates[(leaf, sex)][at] * mine[:, None, None] * person_years[sex]
            counts = np.random.default_rng(seed_of(f"cases|{leaf}|{sex}", places.seed)).poisson(mean)
            persons.draw(leaf, sex, counts, mean, weights[inside] * of_communes[inside])
            cases = cases + places.part_by_departement(chosen, counts)
            expected = expected + places.part_by_departement(chosen, mean)
        cells.truth.append(
            truth_of_cases(extent, site, sex, cases, expected, person_years[sex], places, chosen, level)
        )
        drawn = dead.draw(site, sex, level)
        if site in reference.proxies().index:
            _add_proxies(places, extent, site, sex, cases, expected, drawn, cells)


def _add_proxies(
    places: Places,
    extent: Extent,
    site: str,
    sex: int,
    cases: np.ndarray,
    expected: np.ndarray,
    deaths: np.ndarray | None,
    cells: _Cells,
) -> None:
    inside = np.isin(np.array(places.departements, dtype=object), extent.departements)
    full = [np.zeros((len(inside), *by_span(cases, extent.years)[0].shape[1:])) for _ in range(2)]
    full[0][inside], starts = by_span(cases, extent.years)
    full[1][inside], _ = by_span(expected, extent.years)
    drawn = draw_proxies(places, site, sex, full[0].astype(np.int64), full[1])
    counts = {proxy: values[inside] for proxy, values in drawn.items()}
    if deaths is not None:
        counts["M"] = by_span(deaths, extent.years)[0]
    for proxy, values in counts.items():
        rows = as_rows(values, extent.departements, starts, SPAN)
        cells.proxies.append(labelled_cells(rows, PROXIES, site, sex, "departement").assign(proxy=proxy))
    cells.scope.append(("proxy_cells", PROXIES, "departement", site, sex))
