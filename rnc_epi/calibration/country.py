"""What the estimates of one site, sex and period rest on: areas, correlates, registries' counts, draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rnc_epi.calibration.learning import AREA_LEVEL, NATION_LEVEL, REGION_LEVEL, Choice, Judged
from rnc_epi.calibration.pooling import Panel, midpoints
from rnc_epi.calibration.rows import Cell, canonical
from rnc_epi.maths.calibration import CalibratedIncidence, CombinedIncidence, weighted_incidence
from rnc_epi.vocabulary.areas import AreaKey
from rnc_epi.vocabulary.draws import seed_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rnc_epi.vocabulary.study_calibration import Calibration

    Floats = NDArray[np.float64]

Predicted = CalibratedIncidence | CombinedIncidence


@dataclass(frozen=True)
class Country:
    """Everything that the estimates of one site, sex and period rest on.

    Parameters
    ----------
    cell : Cell
    judged : Judged
    panels : dict of str to Panel
        Each correlate that some level uses, on the same areas and bands.
    own : Panel or None
        What registries counted in their areas, on the same bands; None where those are not to be used.
    regions : dict of AreaKey to tuple of AreaKey
        Regions of which every area is there.
    nation : AreaKey or None
        None where the areas do not make up a nation.
    national : tuple of AreaKey
        Its areas; without a nation, all areas.
    """

    cell: Cell
    judged: Judged
    panels: Mapping[str, Panel]
    own: Panel | None
    regions: Mapping[AreaKey, tuple[AreaKey, ...]]
    nation: AreaKey | None
    national: tuple[AreaKey, ...]

    @property
    def panel(self) -> Panel:
        """The areas, bands and person-years that the correlates share."""
        return next(iter(self.panels.values()))

    @property
    def own_counts(self) -> tuple[NDArray[np.bool_], Floats]:
        """Which areas a registry counts, and what it counted; zeros elsewhere."""
        panel = self.panel
        counts = np.zeros(panel.events.shape)
        known = np.zeros(len(panel), dtype=bool)
        if self.own is not None:
            place = {area: row for row, area in enumerate(self.own.areas)}
            for row, area in enumerate(panel.areas):
                if area in place:
                    known[row], counts[row] = True, self.own.events[place[area]]
        return known, counts

    def choice(self, level: str) -> Choice:
        """Return the correlate or combination used at a level."""
        return self.judged.choices[level]

    def groups(self, level: str) -> Mapping[AreaKey, tuple[AreaKey, ...]]:
        """Return the areas that make up each unit of a level."""
        if level == AREA_LEVEL:
            return {area: (area,) for area in self.panel.areas}
        if level == REGION_LEVEL:
            return self.regions
        return {} if self.nation is None else {self.nation: self.national}

    def predict(self, choice: Choice, label: NDArray[np.intp], weights: Floats, method: str) -> Predicted:
        """Return the weighted sums of the predicted cells by group; areas of label -1 are left out."""
        kept = np.flatnonzero(label >= 0)
        size = len(self.panel.bands)
        age = np.tile(midpoints(self.panel.bands), kept.size)
        results = [
            self.judged.judgements[name].fit.predict(
                self.panels[name].events[kept].ravel(),
                age,
                np.repeat(kept, size),
                weights=weights[kept].ravel(),
                by=np.repeat(label[kept], size),
                method=method,
                level=self.cell.level,
            )
            for name in choice.proxies
        ]
        if len(results) == 1:
            return results[0]
        combination = self.judged.combination
        assert combination is not None
        place = [combination.names.index(name) for name in choice.proxies]
        ties = combination.correlation[np.ix_(place, place)]
        return weighted_incidence(
            results, choice.shares, ties, inflation=combination.inflation, level=self.cell.level
        )

    def rates_by_age(self) -> Floats:
        """Return the incidence by age of the national areas: what the expected cases of an area rest on."""
        national = set(self.national)
        inside = np.array([area in national for area in self.panel.areas])
        label = np.where(inside, 0, -1)
        size = len(self.panel.bands)
        age = midpoints(self.panel.bands)
        total = np.zeros(size)
        choice = self.choice(NATION_LEVEL)
        for share, name in zip(choice.shares, choice.proxies, strict=True):
            kept = np.flatnonzero(label >= 0)
            found = self.judged.judgements[name].fit.predict(
                self.panels[name].events[kept].ravel(),
                np.tile(age, kept.size),
                np.repeat(kept, size),
                by=np.tile(np.arange(size), kept.size),
                method="chatignoux",
            )
            total += share * found.estimate
        at_risk = self.panel.person_years[inside].sum(axis=0)
        return np.divide(total, at_risk, out=np.zeros(size), where=at_risk > 0)

    def seed(self, asked: Calibration) -> int:
        """Return the seed of the draws, from the key of the cell alone."""
        cell = self.cell
        return seed_of(f"calibration|{cell.period.label}|{cell.site}|{cell.sex}", asked.seed) % 2**63


@dataclass(frozen=True)
class Summed:
    """Groups of areas: their person-years, the registries' counts within, what is left to predict.

    Parameters
    ----------
    units : tuple of AreaKey
    label : (areas,) array
        Group of each area of the panel, -1 for none.
    own : (units, bands) array
        Registries' counts.
    person_years : (units, bands) array
    all_own, some_own : (units,) bool arrays
    """

    units: tuple[AreaKey, ...]
    label: NDArray[np.intp]
    own: Floats
    person_years: Floats
    all_own: NDArray[np.bool_]
    some_own: NDArray[np.bool_]

    @classmethod
    def of(cls, country: Country, groups: Mapping[AreaKey, tuple[AreaKey, ...]]) -> Summed:
        """Sum the areas of each group."""
        panel = country.panel
        place = {area: row for row, area in enumerate(panel.areas)}
        units = tuple(sorted(groups))
        label = np.full(len(panel), -1, dtype=np.intp)
        for number, unit in enumerate(units):
            label[[place[area] for area in groups[unit]]] = number
        known, counts = country.own_counts
        inside = label >= 0
        shape = (len(units), len(panel.bands))
        own, person_years = np.zeros(shape), np.zeros(shape)
        np.add.at(own, label[inside], counts[inside])
        np.add.at(person_years, label[inside], panel.person_years[inside])
        members = np.bincount(label[inside], minlength=len(units))
        counted = np.bincount(label[inside & known], minlength=len(units))
        return cls(units, label, own, person_years, counted == members, counted > 0)

    def take(self, rows: NDArray[np.intp]) -> Summed:
        """Return some of the groups; areas of the others have none."""
        number = np.full(len(self.units) + 1, -1, dtype=np.intp)
        number[rows] = np.arange(rows.size)
        return Summed(
            tuple(self.units[row] for row in rows),
            number[self.label],
            self.own[rows],
            self.person_years[rows],
            self.all_own[rows],
            self.some_own[rows],
        )


def comparator_of(country: Country) -> str:
    """Return what the ratios of areas are to: the nation, or all areas together where they make up none."""
    return "areas_together" if country.nation is None else canonical(country.nation)


def events_behind(country: Country, choice: Choice, summed: Summed) -> Floats:
    """Return the persons that estimates rest on: those of the correlate, the rarest of a combination.

    The same correlate everywhere, so that the events of areas add up to those of their regions.
    """
    rarest = min(choice.proxies, key=lambda name: country.panels[name].events.sum())
    by_area = country.panels[rarest].events.sum(axis=1)
    inside = summed.label >= 0
    return np.bincount(summed.label[inside], by_area[inside], minlength=len(summed.units)).astype(float)


def area_draws(country: Country, asked: Calibration, weights: Floats | None = None) -> Floats:
    """Return joint draws of the areas of the panel, their registries' counts where those stand.

    Parameters
    ----------
    weights : (areas, bands) array, optional
        Weight of each cell; cases without it.

    Returns
    -------
    (areas, draws) array
    """
    return _draws(country, country.choice(AREA_LEVEL), asked, weights)


def regional_draws(country: Country, asked: Calibration) -> Floats:
    """Return joint draws of the areas by the correlate that the regions use."""
    return _draws(country, country.choice(REGION_LEVEL), asked, None)


def _draws(country: Country, choice: Choice, asked: Calibration, weights: Floats | None) -> Floats:
    known, counts = country.own_counts
    weight = np.ones(counts.shape) if weights is None else weights
    label = np.arange(len(country.panel))
    found = country.predict(choice, label, weight * ~known[:, None], "calibrated")
    drawn = found.draws(asked.draws, seed=country.seed(asked))
    placed = np.empty_like(drawn)
    placed[np.asarray(found.index, dtype=np.intp)] = drawn
    return placed + (weight * counts).sum(axis=1)[:, None]
