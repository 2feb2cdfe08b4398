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
from rnc_epi.extracts.sample.communes import (
    commune_codes,
    commune_counts,
    commune_populations,
    within_zones,
)
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
#: Spread of deprivation between zones that neither place nor density explains.
BETWEEN: Final = 0.70
_FEWEST_DEPARTEMENTS: Final = 5
#: Most of the spread of levels that their place can explain: oesophagus in men has nine tenths of it.
_LARGEST_SHARE_OF_PLACE: Final = 0.9


def site_handed_over(leaf: str) -> str:
    """Return the site under which proxies and algorithms see a leaf.

    Examples
    --------
    >>> site_handed_over("tongue"), site_handed_over("lung")
    ('lip_oral_pharynx', 'lung')
    """
    return next((slug for slug in ancestors(leaf) if slug in SHARED), leaf)


@dataclass(frozen=True)
class Communes:
    """The communes of all zones, in the order of the zones.

    Parameters
    ----------
    codes : list of str
    zone : (n_communes,) int array
        Position of each commune's zone, rising.
    population : (n_communes,) array
    score : (n_communes,) array
        Deprivation, higher is more deprived.
    """

    codes: list[str]
    zone: np.ndarray
    population: np.ndarray
    score: np.ndarray

    @cached_property
    def rank(self) -> np.ndarray:
        """Return the place of each commune from the least (0) to the most deprived (1) inhabitant."""
        return rank_of(self.score, self.population)


@dataclass(frozen=True)
class Places:
    """Zones of France in the order of their départements, and their communes.

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
    communes : Communes
    seed : int
    zone_level : str
        Level of geography that the zones stand for.
    """

    zones: list[str]
    departements: list[str]
    departement_of: np.ndarray
    population: np.ndarray
    metropolitan: np.ndarray
    middles: np.ndarray
    score: np.ndarray
    communes: Communes
    seed: int
    zone_level: str = "zone"

    @cached_property
    def rank(self) -> np.ndarray:
        """Return the place of each zone from the least (0) to the most deprived (1) inhabitant."""
        return rank_of(self.score, self.population)

    def by_zone(self, values: np.ndarray) -> np.ndarray:
        """Return the mean over the inhabitants of each zone of values of communes."""
        weight = np.bincount(self.communes.zone, self.communes.population)
        return np.asarray(np.bincount(self.communes.zone, values * self.communes.population) / weight)

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

    @cached_property
    def _smoothing(self) -> np.ndarray:
        """Return the matrix that averages values of départements twice with those of their neighbours."""
        neighbours = geography.adjacency("departement")
        weights = np.eye(len(self.departements))
        place = {code: position for position, code in enumerate(self.departements)}
        at = np.array([place.get(code, -1) for code in neighbours.codes])
        first, second = at[neighbours.pairs[:, 0]], at[neighbours.pairs[:, 1]]
        held = (first >= 0) & (second >= 0)
        first, second = first[held], second[held]
        weights[first, second] = weights[second, first] = 1
        weights /= weights.sum(axis=1, keepdims=True)
        return np.asarray(weights @ weights)

    def field(self, length: float, rng: np.random.Generator) -> np.ndarray:
        """Return a smooth random field over the zones, of variance about 1, correlated over `length` km."""
        return _field(self.middles, length, rng)

    def standard_level(self, key: str) -> np.ndarray:
        """Return a level for each département: mean 0, variance 1, neighbours alike, free of deprivation.

        In a user's geography of very few départements levels are only drawn: nothing could be fitted to them.
        """
        count = len(self.departements)
        if count < _FEWEST_DEPARTEMENTS:
            return _normal(f"own|{key}", self.seed, count)
        smooth = self._smoothing @ _normal(f"smooth|{key.split('|')[0]}", self.seed, count)
        smooth = (smooth - smooth.mean()) / smooth.std()
        shared = _normal(f"shared|{key.split('|')[0]}", self.seed, count)
        level = (
            np.sqrt(_NEIGHBOURS) * smooth
            + np.sqrt(_BOTH_SEXES) * shared
            + np.sqrt(_OWN) * _normal(f"own|{key}", self.seed, count)
        )
        level = self._free_of_deprivation(level)
        return level / level[self._counted].std()

    @cached_property
    def _counted(self) -> np.ndarray:
        """Return the départements that levels are relative to: the metropolitan ones, or all without any."""
        first = np.searchsorted(self.departement_of, np.arange(len(self.departements)))
        mainland = self.metropolitan[first]
        return mainland if mainland.any() else np.ones(len(mainland), dtype=bool)

    def _free_of_deprivation(self, level: np.ndarray) -> np.ndarray:
        """Return what deprivation does not explain of levels: it would be read as part of their gradient."""
        root = np.sqrt(self.by_departement(self.population) * self._counted)
        design = np.column_stack([np.ones(len(level)), self.mean_rank()])
        fitted = np.linalg.lstsq(design * root[:, None], level * root, rcond=None)[0]
        return np.asarray(level - design @ fitted)

    def of_place(self, site: str, sex: int, spread: float) -> np.ndarray:
        """Return what a département's place says of its log level: a slope northwards and one eastwards."""
        count = len(self.departements)
        table = reference.levels_of_places()
        if count < _FEWEST_DEPARTEMENTS or (site, sex) not in table.index:
            return np.zeros(count)
        weight = self.by_departement(self.population)
        middles = self.by_departement(self.middles * self.population[:, None]) / weight[:, None] / 100
        slopes = table.loc[(site, sex), ["east", "north"]].to_numpy(dtype=np.float64)
        level = np.where(self._counted & np.isfinite(middles).all(axis=1), middles @ slopes, 0.0)
        level = np.where(self._counted, self._free_of_deprivation(level), 0.0)
        own = level[self._counted].std()
        return level * min(1.0, _LARGEST_SHARE_OF_PLACE * spread / own) if own > 0 else level

    def commune_level(self, leaf: str, sex: int) -> np.ndarray:
        """Return each commune's incidence of a leaf relative to the nation's: district and gradient.

        The gradient is log-linear in the place on the scale of deprivation; levels of districts follow where
        they lie and are drawn so that all together have the published spread. Metropolitan inhabitants have a
        mean of 1; those of an overseas département have the ratio that its registry counts.
        """
        site = site_handed_over(leaf)
        slope = np.log(reference.gradients().get((site, sex), 1.0)) / FIFTHS_APART
        gradient = slope * (self.communes.rank - 0.5)
        between = self.by_departement(self.by_zone(gradient) * self.population)
        between = between / self.by_departement(self.population)
        spread = min(_spread(site, leaf, sex), _LARGEST_SPREAD)
        place = self.of_place(site, sex, spread)
        explained = (between + place)[self._counted].var()
        own = np.sqrt(max(spread**2 - explained, (0.3 * spread) ** 2))
        district = place + own * self.standard_level(f"{site}|{sex}")
        level = self.centred(np.exp(gradient + district[self.departement_of][self.communes.zone]))
        return self._as_counted_overseas(level, site, sex)

    def _as_counted_overseas(self, level: np.ndarray, site: str, sex: int) -> np.ndarray:
        """Return levels of communes, those of each overseas département with the mean that is counted."""
        departement = self.departement_of[self.communes.zone]
        weight = np.bincount(departement, self.communes.population)
        mean = np.bincount(departement, level * self.communes.population) / weight
        ratios = reference.overseas_ratios()
        wanted = [
            ratios.get((code, site, sex), value)
            for code, value in zip(self.departements, mean.tolist(), strict=True)
        ]
        return level * (np.array(wanted) / mean)[departement]

    def level(self, leaf: str, sex: int) -> np.ndarray:
        """Return each zone's incidence of a leaf relative to the nation's: the mean of its communes."""
        return self.by_zone(self.commune_level(leaf, sex))

    def centred(self, level: np.ndarray) -> np.ndarray:
        """Return levels of communes divided by their mean over metropolitan inhabitants."""
        mainland = self.metropolitan[self.communes.zone]
        if not mainland.any():
            # A user's communes may all lie overseas.
            mainland = np.ones(len(mainland), dtype=bool)
        return level / np.average(level[mainland], weights=self.communes.population[mainland])


def _spread(site: str, leaf: str, sex: int) -> float:
    """Return the published spread of the log rate of a site between registries."""
    table = reference.levels_of_places()
    value = float(table["sd_log"].get((site, sex), np.nan))
    return reference.spread()[(leaf, sex)] if np.isnan(value) else value


def rank_of(score: np.ndarray, population: np.ndarray) -> np.ndarray:
    """Return the place of each area on the scale from the least to the most deprived inhabitant.

    Examples
    --------
    >>> rank_of(np.array([2.0, -1.0]), np.array([100.0, 300.0])).tolist()
    [0.875, 0.375]
    """
    order = np.argsort(score, kind="stable")
    below = np.cumsum(population[order]) - population[order] / 2
    rank = np.empty(len(order))
    rank[order] = below / population.sum()
    return rank


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
    zones = table["geo_code"].tolist()
    rng = np.random.default_rng(seed_of("deprivation", seed))
    density = np.log(population / shapely.area(shapes))
    deprivation = smooth_deprivation(middles, density, metropolitan, rng)
    deprivation += BETWEEN * rng.standard_normal(len(zones))
    counts = commune_counts(population)
    zone = np.repeat(np.arange(len(zones)), counts)
    inhabitants = commune_populations(population, counts)
    more = within_zones(zone, inhabitants, seed)
    return Places(
        zones,
        departements["code"].tolist(),
        table["position"].to_numpy(),
        population,
        metropolitan,
        middles,
        as_score(deprivation),
        Communes(commune_codes(zones, counts), zone, inhabitants, as_score(deprivation[zone] + more)),
        seed,
    )


def as_score(deprivation: np.ndarray) -> np.ndarray:
    """Return a score like the published index: with a long tail of the most deprived."""
    return np.asarray(9 * np.expm1(0.22 * deprivation))


def smooth_deprivation(
    points: np.ndarray, density: np.ndarray, metropolitan: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return deprivation without what is each place's own: wide and near fields, towns, overseas.

    Parameters
    ----------
    points : (n, 2) array
        In km.
    density : (n,) array
        Logarithm of inhabitants by area.
    metropolitan : (n,) bool array
    """
    return np.asarray(
        0.35 * _field(points, 150.0, rng)
        + 0.50 * _field(points, 30.0, rng)
        + 0.35 * (density - density.mean()) / (density.std() or 1.0)
        + np.where(metropolitan, 0.0, 1.5)
    )


def _field(points: np.ndarray, length: float, rng: np.random.Generator) -> np.ndarray:
    """Return a smooth random field of variance about 1, correlated over `length` km (random waves)."""
    waves = rng.standard_normal((2, 200)) / length
    phases = rng.uniform(0, 2 * np.pi, 200)
    return np.sqrt(2 / 200) * np.cos(points @ waves + phases).sum(axis=1)


def _normal(key: str, seed: int, count: int) -> np.ndarray:
    return np.random.default_rng(seed_of(key, seed)).standard_normal(count)
