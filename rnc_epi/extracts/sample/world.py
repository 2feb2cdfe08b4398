"""The truth of the sample: person-years, and the rate of every site, sex, band, département and year."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from rnc_epi.extracts import geography
from rnc_epi.extracts.sample import reference
from rnc_epi.vocabulary.ages import BandSet
from rnc_epi.vocabulary.draws import seed_of
from rnc_epi.vocabulary.sites import SITES, ancestors, leaves
from rnc_epi.vocabulary.standards import standard

#: Yearly growth of the population, of the order of Insee's for the last decade.
POPULATION_GROWTH = 0.003
POPULATION_YEAR = 2022
ALL_CANCERS = "all_cancers"


@dataclass(frozen=True)
class World:
    """What is true in the sample.

    Parameters
    ----------
    departements : list of str
    years : list of int
    person_years : dict of sex to (département, year, band) array
        Rounded to the millionth, as the extract holds them.
    leaf_rates : dict of (leaf, sex) to (département, year, band) array
        Per person-year.
    """

    departements: list[str]
    years: list[int]
    person_years: dict[int, np.ndarray]
    leaf_rates: dict[tuple[str, int], np.ndarray]

    def incidence(self, slug: str, sex: int) -> np.ndarray:
        """Return the true incidence of a site, the sum of its leaves, per person-year."""
        shape = (len(self.departements), len(self.years), len(reference.AGE_STARTS))
        total = np.zeros(shape)
        for leaf in leaves(slug):
            total += self.leaf_rates.get((leaf, sex), 0.0)
        return total

    def mortality(self, slug: str, sex: int) -> np.ndarray:
        """Return the true mortality of a site, per person-year: its incidence times a declared curve of age.

        The ratio of deaths to cases rises with age; its mean over the national cases is the declared one.
        """
        incidence = self.incidence(slug, sex)
        middle = np.array(reference.AGE_STARTS) + 2.5
        curve = np.exp(0.02 * (middle - 70))
        cases = (incidence * self.person_years[sex]).sum(axis=(0, 1))
        ratio = reference.deaths_per_case()[(slug, sex)]
        scale = ratio * cases.sum() / (cases * curve).sum() if cases.sum() else 0.0
        return incidence * curve * scale

    def death_rates(self) -> dict[tuple[str, int], np.ndarray]:
        """Return the true mortality by site and sex, with that of all cancers last for each sex.

        All cancers are the named sites and the others, so that they add up.
        """
        found = {key: self.mortality(*key) for key in reference.deaths_per_case() if key[0] != ALL_CANCERS}
        for sex in (1, 2):
            stated = np.sum([rates for (_, of_sex), rates in found.items() if of_sex == sex], axis=0)
            found[(ALL_CANCERS, sex)] = np.maximum(self.mortality(ALL_CANCERS, sex), stated)
        return found


def make_world(seed: int, years: list[int]) -> World:
    """Return the truth that belongs to a seed."""
    table = geography.departements()
    codes = table["code"].tolist()
    return World(codes, years, _person_years(table, years), _leaf_rates(codes, years, seed))


def _person_years(table: pd.DataFrame, years: list[int]) -> dict[int, np.ndarray]:
    population = table["population"].to_numpy(dtype=np.float64)
    growth = (1 + POPULATION_GROWTH) ** (np.array(years) - POPULATION_YEAR)
    totals = population[:, None] * growth[None, :]
    return {
        sex: np.round(totals[:, :, None] * share[None, None, :], 2)
        for sex, share in reference.age_shape().items()
    }


def _leaf_rates(codes: list[str], years: list[int], seed: int) -> dict[tuple[str, int], np.ndarray]:
    """Return leaf rates: reference x trend x a département's own level, the same for both sexes in part."""
    found = {}
    elapsed = np.array(years) - reference.REFERENCE_YEAR
    recorded = set(leaves("all_cancers"))
    for (leaf, sex), rate in reference.rates().items():
        if leaf not in recorded:
            # Skin cancers other than melanoma: the French registries do not record them.
            continue
        spread = min(reference.spread()[(leaf, sex)], 0.35)
        shared = np.random.default_rng(seed_of(f"level|{leaf}", seed)).standard_normal(len(codes))
        own = np.random.default_rng(seed_of(f"level|{leaf}|{sex}", seed)).standard_normal(len(codes))
        level = np.exp(spread * (np.sqrt(0.7) * shared + np.sqrt(0.3) * own) - spread**2 / 2)
        trend = (1 + _change(leaf, sex) / 100) ** elapsed
        found[(leaf, sex)] = rate[None, None, :] * level[:, None, None] * trend[None, :, None]
    return found


def _change(leaf: str, sex: int) -> float:
    for slug in (leaf, *ancestors(leaf)):
        change = reference.annual_change(slug, sex)
        if change:
            return change
    return 0.0


def standardised_rates(world: World) -> dict[tuple[str, int], np.ndarray]:
    """Return the true rates of départements over all years by site and sex: world standard, per 100 000."""
    weights = standard("world").weights_for(BandSet.five_year(open_from=85))
    weights = weights / weights.sum()
    found = {}
    for slug, site in SITES.items():
        for sex in site.sexes:
            rates = world.incidence(slug, sex)
            if rates.any():
                person_years = world.person_years[sex]
                pooled = (rates * person_years).sum(axis=1) / person_years.sum(axis=1)
                found[(slug, sex)] = pooled @ weights * 1e5
    return found
