"""The nation that the large samples follow: population by year and age, incidence and deaths as published.

Rates start from the pooled registries (`reference`), follow the published annual changes, and are moved as
little as needed to meet the published national figures: one ridge regression on the log scale, in which each
site and sex may change its level, its trend, the bend of that and its slope by age.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import pandas as pd

from rnc_epi.extracts import geography
from rnc_epi.extracts.sample import reference
from rnc_epi.vocabulary.ages import BandSet
from rnc_epi.vocabulary.sites import ancestors, leaves
from rnc_epi.vocabulary.standards import standard

YEARS: Final = tuple(range(2004, 2024))
POPULATION_YEAR: Final = 2022
#: Sums of sites that published figures speak of and the site table has no name for.
GROUPS: Final = {
    "haematological": (
        *("hodgkin_lymphoma", "non_hodgkin_lymphoma", "immunoproliferative", "myeloma", "leukaemia"),
        *("myeloproliferative", "myelodysplastic"),
    )
}
_MIDDLES: Final = np.array(reference.AGE_STARTS) + 2.5
#: Annual growth of those over 60, of the order of Insee's since 2004, and how far a band belongs to them.
_GROWTH_OVER_60: Final = 0.0205
_OVER_60: Final = 1 / (1 + np.exp(-(_MIDDLES - 61) / 3))
#: Standard deviations that the ridge gives to level, trend (ten years), slope by age (twenty years) and bend
#: of the trend.
_PRIOR: Final = np.array([0.10, 0.10, 0.08, 0.10])
#: The leaves that no figure names have no better source than the pooled registries: they may move further.
_PRIOR_OF_THE_REST: Final = np.array([0.30, 0.20, 0.15, 0.10])
#: Deaths start from a declared ratio and a declared curve of age, not from published rates.
_PRIOR_OF_DEATHS: Final = np.array([0.30, 0.20, 0.40, 0.10])
#: How closely a figure is met, log scale: well within the 2 % and 5 % that the sample promises.
_TOLERANCE: Final = {"cases": 0.006, "asr_world": 0.012, "annual_change": 0.001}
#: Years of the published annual change of the world-standardised rate.
_CHANGE: Final = tuple(range(2010, 2024))
#: Deaths rise with age faster than cases, by this much a year of age, before the figures are met.
_AGE_OF_DEATH: Final = 0.03
_RATIO_OF_THE_REST: Final = 0.55


def relative_population(years: Sequence[int]) -> dict[int, np.ndarray]:
    """Return by sex the (year, band) person-years of a place with one inhabitant in the table of places.

    Those over 60 grow by 2 % a year; those under 60 are what is left of the national totals, the mean of two
    1 Januaries. The table of places (populations of reference in force in 2026) counts the inhabitants of
    1 January 2023.
    """
    elapsed = np.array(years) - POPULATION_YEAR
    factor = np.exp(_GROWTH_OVER_60 * elapsed[:, None] * _OVER_60[None, :])
    shapes = {sex: share[None, :] * factor for sex, share in reference.age_shape().items()}
    totals = reference.population_totals()
    lived = np.array([(totals[year] + totals[year + 1]) / 2 for year in years]) / metropolitan_population()
    whole = np.sum(list(shapes.values()), axis=0)
    younger = (lived - whole @ _OVER_60) / (whole @ (1 - _OVER_60))
    return {
        sex: shape * (_OVER_60[None, :] + (1 - _OVER_60)[None, :] * younger[:, None])
        for sex, shape in shapes.items()
    }


def metropolitan_population() -> float:
    """Return the inhabitants of France hexagonale, of which published national figures speak."""
    table = geography.departements()
    return float(table.loc[table["kind"] == "metro", "population"].sum())


def world_weights() -> np.ndarray:
    """Return the world standard on the bands of the sample, summing to one."""
    weights = standard("world").weights_for(BandSet.five_year(open_from=85))
    return weights / weights.sum()


def figures() -> pd.DataFrame:
    """Return the published figures: ``event, site, sex, year, measure, value, taken, source, why_not``.

    Sex 0 is both. A figure that contradicts another is kept in the table with ``taken`` "no" and the reason.
    """
    return reference.published_figures()


def leaves_of(site: str) -> frozenset[str]:
    """Return the leaves of a site, of a sum of sites (``colorectum+anus``) or of a named group."""
    parts = [name for part in site.split("+") for name in GROUPS.get(part, (part,))]
    return frozenset(leaf for part in parts for leaf in leaves(part))


@dataclass(frozen=True)
class Nation:
    """National rates per person-year, (year, band), over `YEARS`.

    Parameters
    ----------
    leaf_rates : dict of (leaf, sex)
        Incidence.
    death_rates : dict of (site, sex)
        Deaths by site; ``other`` holds those of every other site.
    """

    leaf_rates: dict[tuple[str, int], np.ndarray]
    death_rates: dict[tuple[str, int], np.ndarray]

    def incidence(self, site: str, sex: int) -> np.ndarray:
        """Return the incidence of a site, a sum of its leaves."""
        found = [self.leaf_rates[(leaf, sex)] for leaf in leaves_of(site) if (leaf, sex) in self.leaf_rates]
        return np.sum(found, axis=0) if found else np.zeros((len(YEARS), len(_MIDDLES)))

    def deaths(self, site: str, sex: int) -> np.ndarray:
        """Return the mortality of a site; of all cancers, the sum of every site."""
        if site != "all_cancers":
            return self.death_rates[(site, sex)]
        return np.sum([rates for (_, s), rates in self.death_rates.items() if s == sex], axis=0)


@cache
def nation() -> Nation:
    """Return the national rates: the same for every seed and every size."""
    elapsed = np.array(YEARS) - reference.REFERENCE_YEAR
    recorded = set(leaves("all_cancers"))
    base = {
        (leaf, sex): rate[None, :] * (1 + _published_change(leaf, sex) / 100) ** elapsed[:, None]
        for (leaf, sex), rate in reference.rates().items()
        if leaf in recorded
    }
    table = figures()
    table = table[table["taken"] == "yes"]
    incidence = table[table["event"] == "incidence"]
    named = _named_groups(incidence["site"], {leaf for leaf, _ in base})
    sums: dict[tuple[str, int], np.ndarray] = {}
    for (leaf, sex), rates in base.items():
        key = (named[leaf], sex)
        sums[key] = sums.get(key, 0.0) + rates
    members = {site: {named[leaf] for leaf in leaves_of(site)} for site in incidence["site"].unique()}
    factors = _factors(sums, members, incidence)
    leaf_rates = {(leaf, sex): rates * factors[(named[leaf], sex)] for (leaf, sex), rates in base.items()}
    return Nation(leaf_rates, _death_rates(leaf_rates, table[table["event"] == "death"]))


def _published_change(leaf: str, sex: int) -> float:
    for slug in (leaf, *ancestors(leaf)):
        change = reference.annual_change(slug, sex)
        if change:
            return change
    return 0.0


def _named_groups(sites: pd.Series, recorded: set[str]) -> dict[str, str]:
    """Return the finest named group of each leaf: leaves that the same figures speak of move together."""
    speaking = {site: leaves_of(site) for site in sites.unique() if site != "all_cancers"}
    groups = {}
    for leaf in sorted(recorded | set(leaves("all_cancers"))):
        named = sorted(site for site, held in speaking.items() if leaf in held)
        groups[leaf] = "&".join(named) if named else "rest"
    return groups


def _death_rates(
    leaf_rates: dict[tuple[str, int], np.ndarray], table: pd.DataFrame
) -> dict[tuple[str, int], np.ndarray]:
    incidence = Nation(leaf_rates, {})
    curve = np.exp(_AGE_OF_DEATH * (_MIDDLES - 70))[None, :]
    persons = relative_population(YEARS)
    base: dict[tuple[str, int], np.ndarray] = {}
    named: dict[int, set[str]] = {1: set(), 2: set()}
    for (site, sex), ratio in reference.deaths_per_case().items():
        if site == "all_cancers":
            continue
        rates = incidence.incidence(site, sex)
        cases = (rates * persons[sex]).sum(axis=0)
        base[(site, sex)] = rates * curve * ratio * cases.sum() / (cases * curve[0]).sum()
        named[sex] |= leaves_of(site)
    for sex in (1, 2):
        others = [rates for (leaf, s), rates in leaf_rates.items() if s == sex and leaf not in named[sex]]
        base[("other", sex)] = np.sum(others, axis=0) * curve * _RATIO_OF_THE_REST
    sites = {site for site, _ in base}
    members = {site: sites if site == "all_cancers" else {site} for site in table["site"].unique()}
    factors = _factors(base, members, table)
    return {key: rates * factors[key] for key, rates in base.items()}


def _factors(
    base: dict[tuple[str, int], np.ndarray], members: dict[str, set[str]], table: pd.DataFrame
) -> dict[tuple[str, int], np.ndarray]:
    """Return the (year, band) factors that bring sums of rates to the published figures.

    Gauss-Newton on the logs of the figures with a ridge towards no change.
    """
    keys = list(base)
    persons = relative_population(YEARS)
    total = metropolitan_population()
    weights = world_weights()
    decades = (np.array(YEARS) - reference.REFERENCE_YEAR) / 10
    features = np.empty((len(YEARS), len(_MIDDLES), len(_PRIOR)))
    features[..., 0], features[..., 1], features[..., 2] = 1, decades[:, None], (_MIDDLES - 65) / 20
    features[..., 3] = decades[:, None] ** 2
    known = _PRIOR_OF_DEATHS if (table["event"] == "death").all() else _PRIOR
    prior = np.array([_PRIOR_OF_THE_REST if key[0] in ("rest", "other") else known for key in keys])
    theta = np.zeros((len(keys), len(_PRIOR)))
    rows = list(table.itertuples(index=False))
    tolerance = np.array([_TOLERANCE[row.measure] for row in rows])
    for _ in range(12):
        rates = [base[key] * np.exp(features @ theta[i]) for i, key in enumerate(keys)]
        gap = np.empty(len(rows))
        slope = np.zeros((len(rows), len(keys), len(_PRIOR)))
        for j, row in enumerate(rows):
            gap[j] = _as_log(row)
            for year, share in _years_of(row).items():
                at = YEARS.index(year)
                parts = np.zeros((len(keys), len(_PRIOR)))
                for i, (group, sex) in enumerate(keys):
                    if group in members[row.site] and row.sex in (0, sex):
                        scale = total * persons[sex][at] if row.measure == "cases" else weights * 1e5
                        parts[i] = (rates[i][at] * scale) @ features[at]
                gap[j] -= share * np.log(parts[:, 0].sum())
                slope[j] += share * parts / parts[:, 0].sum()
        design = (slope * prior).reshape(len(rows), -1) / tolerance[:, None]
        target = (gap + (slope * theta).sum(axis=(1, 2))) / tolerance
        # Ridge by the dual form: as many unknowns as there are figures.
        dual = np.linalg.solve(design @ design.T + np.eye(len(rows)), target)
        theta = (design.T @ dual).reshape(len(keys), len(_PRIOR)) * prior
    return {key: np.exp(features @ theta[i]) for i, key in enumerate(keys)}


def _as_log(row: Any) -> float:
    """Return a figure on the scale on which figures are met."""
    return float(np.log1p(row.value / 100) if row.measure == "annual_change" else np.log(row.value))


def _years_of(row: Any) -> dict[int, float]:
    """Return the years that a figure speaks of, and the weight of the log of each."""
    if row.measure != "annual_change":
        return {row.year: 1.0}
    centred = np.array(_CHANGE) - np.mean(_CHANGE)
    return dict(zip(_CHANGE, (centred / (centred**2).sum()).tolist(), strict=True))


def national_value(rates: np.ndarray, sex: int, year: int, measure: str) -> float:
    """Return the expected cases of France hexagonale in a year, or the rate standardised to the world.

    ``annual_change`` is that of this rate over `_CHANGE`, per cent.
    """
    if measure == "annual_change":
        logs = [np.log(national_value(rates, sex, each, "asr_world")) for each in _CHANGE]
        return float(100 * np.expm1(np.polyfit(_CHANGE, logs, 1)[0]))
    at = YEARS.index(year)
    if measure == "cases":
        persons = relative_population(YEARS)[sex][at] * metropolitan_population()
        return float((rates[at] * persons).sum())
    return float(rates[at] @ world_weights() * 1e5)
