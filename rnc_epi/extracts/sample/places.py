"""Where the large samples happen: zones, their inhabitants, their deprivation, the level of each site there.

Everything here belongs to the whole nation and to a seed; a regional sample is a part of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import shapely

from rnc_epi.extracts import geography
from rnc_epi.extracts.sample import reference
from rnc_epi.extracts.sample.national import relative_population
from rnc_epi.vocabulary.draws import seed_of
from rnc_epi.vocabulary.sites import ancestors

#: Sites whose leaves share the level of their district, their gradient, their proxies and their algorithm.
SHARED: Final = ("lip_oral_pharynx", "colorectum", "other_and_unspecified")
#: Largest spread between districts: that of rarer sites is mostly noise in the reference table.
_LARGEST_SPREAD: Final = 0.35
#: Shares of the variance of a district's level: neighbours alike, both sexes alike, its own.
_NEIGHBOURS, _BOTH_SEXES, _OWN = 0.5, 0.2, 0.3
#: Middles of the extreme fifths of the population are 0.8 apart on the scale from 0 to 1.
FIFTHS_APART: Final = 0.8


def site_handed_over(leaf: str) -> str:
    """Return the site under which proxies and algorithms see a leaf.

    Examples
    --------
    >>> site_handed_over("tongue"), site_handed_over("lung")
    ('lip_oral_pharynx', 'lung')
    """
    return next((slug for slug in ancestors(leaf) if slug in SHARED), leaf)


@dataclass(frozen=True)
class Places:
    """Zones of France in the order of their départements.

    Parameters
    ----------
    zones, departements : list of str
    departement_of : (n_zones,) int array
        Position of each zone's département.
    population : (n_zones,) array
    metropolitan : (n_zones,) bool array
    middles : (n_zones, 2) array
        Centres of the zones in km; overseas territories lie far from the métropole and from each other.
    score : (n_zones,) array
        Deprivation, higher is more deprived.
    seed : int
    """

    zones: list[str]
    departements: list[str]
    departement_of: np.ndarray
    population: np.ndarray
    metropolitan: np.ndarray
    middles: np.ndarray
    score: np.ndarray
    seed: int

    @cached_property
    def rank(self) -> np.ndarray:
        """Return the place of each zone from the least (0) to the most deprived (1) inhabitant."""
        order = np.argsort(self.score, kind="stable")
        below = np.cumsum(self.population[order]) - self.population[order] / 2
        rank = np.empty(len(order))
        rank[order] = below / self.population.sum()
        return rank

    def by_departement(self, values: np.ndarray) -> np.ndarray:
        """Return sums over the zones of each département, along the first axis."""
        starts = np.searchsorted(self.departement_of, np.arange(len(self.departements)))
        return np.add.reduceat(values, starts, axis=0)

    def part_by_departement(self, chosen: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Return sums over the zones of each département of a part, of values that only its zones have."""
        starts = np.flatnonzero(np.diff(self.departement_of[chosen], prepend=-1))
        return np.add.reduceat(values, starts, axis=0)

    def mean_rank(self) -> np.ndarray:
        """Return the mean place on the scale of deprivation of the inhabitants of each département."""
        return self.by_departement(self.rank * self.population) / self.by_departement(self.population)

    def person_years(self, years: list[int]) -> dict[int, np.ndarray]:
        """Return (zone, year, band) person-years by sex, to the hundredth as the extract holds them."""
        return {
            sex: np.round(self.population[:, None, None] * share[None, :, :], 2)
            for sex, share in relative_population(years).items()
        }

    def field(self, length: float, rng: np.random.Generator) -> np.ndarray:
        """Return a smooth random field over the zones, of variance about 1, correlated over `length` km."""
        return _field(self.middles, length, rng)

    def standard_level(self, key: str) -> np.ndarray:
        """Return a level for each département: mean 0, variance 1, neighbours alike, free of deprivation."""
        count = len(self.departements)
        smooth = _smoothed(self.departements, _normal(f"smooth|{key.split('|')[0]}", self.seed, count))
        shared = _normal(f"shared|{key.split('|')[0]}", self.seed, count)
        level = (
            np.sqrt(_NEIGHBOURS) * smooth
            + np.sqrt(_BOTH_SEXES) * shared
            + np.sqrt(_OWN) * _normal(f"own|{key}", self.seed, count)
        )
        # What deprivation explains of a level by chance would be read as part of its gradient.
        weight = self.by_departement(self.population)
        design = np.column_stack([np.ones(count), self.mean_rank()]) * np.sqrt(weight)[:, None]
        fitted = np.linalg.lstsq(design, level * np.sqrt(weight), rcond=None)[0]
        level = level - np.column_stack([np.ones(count), self.mean_rank()]) @ fitted
        return level / level.std()

    def level(self, leaf: str, sex: int) -> np.ndarray:
        """Return each zone's incidence of a leaf relative to the nation's: district and gradient.

        The gradient is log-linear in the place on the scale of deprivation; levels of districts are drawn so
        that both together have the published spread. Metropolitan inhabitants have a mean of 1.
        """
        site = site_handed_over(leaf)
        gradient = np.log(reference.gradients().get((site, sex), 1.0)) / FIFTHS_APART * (self.rank - 0.5)
        between = self.by_departement(gradient * self.population) / self.by_departement(self.population)
        spread = reference.group_spread().get((site, sex), reference.spread()[(leaf, sex)])
        spread = min(spread, _LARGEST_SPREAD)
        own = np.sqrt(max(spread**2 - between.var(), (0.3 * spread) ** 2))
        return self.centred(
            np.exp(gradient + own * self.standard_level(f"{site}|{sex}")[self.departement_of])
        )

    def centred(self, level: np.ndarray) -> np.ndarray:
        """Return levels divided by their mean over metropolitan inhabitants."""
        return level / np.average(level[self.metropolitan], weights=self.population[self.metropolitan])


def make_places(seed: int) -> Places:
    """Return the zones of France with the deprivation that belongs to a seed."""
    departements = geography.departements()
    order = {code: position for position, code in enumerate(departements["code"])}
    table = geography.areas("zone").drop(columns="population").merge(
        geography.zones(), left_on="geo_code", right_on="code", validate="one_to_one"
    )  # fmt: skip
    table = table.assign(position=table["departement"].map(order)).sort_values(["position", "geo_code"])
    metropolitan = table["departement"].map(departements.set_index("code")["kind"]).eq("metro").to_numpy()
    shapes = shapely.from_wkb(table["outline"].to_numpy())
    middles = shapely.get_coordinates(shapely.centroid(shapes)) / 1000
    # Overseas territories have coordinates of their own: far from the métropole and from each other.
    middles = middles + np.where(metropolitan, 0, table["position"].to_numpy() * 1e5)[:, None]
    population = table["population"].to_numpy(dtype=np.float64)
    return Places(
        table["geo_code"].tolist(),
        departements["code"].tolist(),
        table["position"].to_numpy(),
        population,
        metropolitan,
        middles,
        _deprivation(middles, np.log(population / shapely.area(shapes)), metropolitan, seed),
        seed,
    )


def _deprivation(middles: np.ndarray, density: np.ndarray, metropolitan: np.ndarray, seed: int) -> np.ndarray:
    """Return a score: smooth over the country and over the neighbourhood, higher in towns and overseas."""
    rng = np.random.default_rng(seed_of("deprivation", seed))
    score = (
        0.35 * _field(middles, 150.0, rng)
        + 0.50 * _field(middles, 30.0, rng)
        + 0.35 * (density - density.mean()) / density.std()
        + 0.70 * rng.standard_normal(len(middles))
        + np.where(metropolitan, 0.0, 1.5)
    )
    # As the published index: a long tail of the most deprived, from about -6 to about 13.
    return 2.2 * score + 0.45 * (score**2 - 1)


def _field(points: np.ndarray, length: float, rng: np.random.Generator) -> np.ndarray:
    """Return a smooth random field of variance about 1, correlated over `length` km (random waves)."""
    waves = rng.standard_normal((2, 200)) / length
    phases = rng.uniform(0, 2 * np.pi, 200)
    return np.sqrt(2 / 200) * np.cos(points @ waves + phases).sum(axis=1)


def _normal(key: str, seed: int, count: int) -> np.ndarray:
    return np.random.default_rng(seed_of(key, seed)).standard_normal(count)


def _smoothed(codes: list[str], values: np.ndarray) -> np.ndarray:
    """Return values averaged twice with those of the neighbours, scaled to variance 1."""
    neighbours = geography.adjacency("departement")
    weights = np.eye(len(codes))
    at = np.array([codes.index(code) for code in neighbours.codes])
    first, second = at[neighbours.pairs[:, 0]], at[neighbours.pairs[:, 1]]
    weights[first, second] = weights[second, first] = 1
    weights /= weights.sum(axis=1, keepdims=True)
    smooth = weights @ weights @ values
    return (smooth - smooth.mean()) / smooth.std()
