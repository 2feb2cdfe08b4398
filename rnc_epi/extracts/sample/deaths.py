"""Deaths of the large samples: by zone and year, and by commune and five years where they are asked for.

Mortality follows incidence, its gradient of deprivation and a gradient of its own; a département has a
lethality of its own, so that deaths calibrate less well than patients do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd

from rnc_epi.extracts.sample import reference
from rnc_epi.extracts.sample.communes import Homes
from rnc_epi.extracts.sample.extent import Extent
from rnc_epi.extracts.sample.national import YEARS, nation, relative_population
from rnc_epi.extracts.sample.places import FIFTHS_APART, Places
from rnc_epi.extracts.sample.proxies import SPAN, as_rows, by_span
from rnc_epi.extracts.sample.surroundings import labelled_cells
from rnc_epi.extracts.sample.tables import DEATHS
from rnc_epi.extracts.sample.truth import metropolitan, nation_by_year, truth_of_fifths, truth_rows
from rnc_epi.extracts.sample.world import ALL_CANCERS
from rnc_epi.vocabulary.draws import seed_of

#: Deaths of every site that the sample does not name.
OTHER: Final = "other"
#: Deaths per case of the most to those of the least deprived fifth, where nothing is published.
_LETHALITY_RATIO: Final = 1.10
_LETHALITY_SPREAD: Final = 0.03


def mortality_ratio(site: str, sex: int) -> float:
    """Return the declared rate ratio of mortality of the most to the least deprived fifth.

    Examples
    --------
    >>> round(mortality_ratio("lung", 1), 2), round(mortality_ratio("cervix_uteri", 2), 2)
    (1.68, 2.11)
    """
    lethality = reference.lethality_gradients().get((site, sex), _LETHALITY_RATIO)
    return reference.gradients().get((site, sex), 1.0) * lethality


def mortality_level(places: Places, site: str, sex: int, level: np.ndarray) -> np.ndarray:
    """Return each commune's mortality of a site relative to the nation's, its département's lethality apart.

    Parameters
    ----------
    level : (n_communes,) array
        Incidence of the site in each commune relative to the nation.
    """
    lethality = reference.lethality_gradients().get((site, sex), _LETHALITY_RATIO)
    slope = np.log(lethality) / FIFTHS_APART
    return places.centred(level * np.exp(slope * (places.communes.rank - 0.5)))


def expected_deaths(
    places: Places, site: str, sex: int, mortality: np.ndarray, years: list[int]
) -> np.ndarray:
    """Return the mean deaths of a site by (zone, year, band).

    Parameters
    ----------
    mortality : (n_communes,) array
        `mortality_level`.
    """
    rates = nation().death_rates[(site, sex)][[YEARS.index(year) for year in years]]
    spread = float(reference.proxies()["sigma_m"].get(site, _LETHALITY_SPREAD))
    rng = np.random.default_rng(seed_of(f"lethality|{site}|{sex}", places.seed))
    district = np.exp(rng.standard_normal(len(places.departements)) * spread - spread**2 / 2)
    weight = places.population * places.by_zone(mortality)
    shifted = weight * district[places.departement_of]
    shifted *= weight.sum() / shifted.sum()
    return shifted[:, None, None] * (rates * relative_population(years)[sex])[None, :, :]


@dataclass
class _Whole:
    """Sums over the sites of one sex: deaths drawn by zone, their mean over all years, deaths by commune."""

    drawn: np.ndarray
    mean: np.ndarray
    at_home: np.ndarray | None

    def add(self, other: _Whole) -> None:
        """Add one site."""
        self.drawn = self.drawn + other.drawn
        self.mean = self.mean + other.mean
        if self.at_home is not None and other.at_home is not None:
            self.at_home = self.at_home + other.at_home


@dataclass
class Deaths:
    """Draw the deaths of one site and sex after another, and gather their rows, scope and truth.

    Parameters
    ----------
    places : Places
    chosen : (n_zones,) bool array
        Zones that the sample holds.
    extent : Extent
    by_zone : bool
        Rows by zone and year; by département and year otherwise, where zones are no areas of the extract.
    by_commune : bool
        Rows by commune and five years too, which add up to the others.
    """

    places: Places
    chosen: np.ndarray
    extent: Extent
    by_zone: bool = True
    by_commune: bool = False
    rows: list[pd.DataFrame] = field(default_factory=list)
    scope: list[tuple[str, str, str, str, int]] = field(default_factory=list)
    truth: list[pd.DataFrame] = field(default_factory=list)
    _whole: dict[int, _Whole] = field(default_factory=dict)

    def draw(self, site: str, sex: int, level: np.ndarray) -> np.ndarray | None:
        """Draw the deaths of a site, if some are declared; return them by (département, year, band).

        Parameters
        ----------
        level : (n_communes,) array
            Incidence of the site in each commune relative to the nation.
        """
        if (site, sex) not in nation().death_rates:
            return None
        mortality = mortality_level(self.places, site, sex, level)
        mean = expected_deaths(self.places, site, sex, mortality, self.extent.years)
        rng = np.random.default_rng(seed_of(f"deaths|{site}|{sex}", self.places.seed))
        drawn = rng.poisson(mean[self.chosen])
        found = _Whole(drawn, mean.sum(axis=(1, 2)), self._at_home(drawn, mortality, rng))
        if sex in self._whole:
            self._whole[sex].add(found)
        else:
            self._whole[sex] = found
        if site != OTHER:
            self._add(site, sex, found)
            declared = np.array([mortality_ratio(site, sex)])
            quantity = "mortality_ratio_extreme_fifths"
            self.truth.append(truth_rows(quantity, site, sex, "france_entiere", ["FR"], None, declared))
            self.truth += truth_of_fifths(quantity, site, sex, self.places, mortality)
        return self.places.part_by_departement(self.chosen, drawn)

    def finish(self) -> None:
        """Add the deaths of all cancers, the sum of the sites and of the others."""
        for sex in sorted(self._whole):
            self.draw(OTHER, sex, np.ones(len(self.places.communes.codes)))
            self._add(ALL_CANCERS, sex, self._whole[sex])

    def _at_home(
        self, drawn: np.ndarray, mortality: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray | None:
        """Return the same deaths by (commune, five years, band)."""
        if not self.by_commune:
            return None
        communes, inside = self.places.communes, self.chosen[self.places.communes.zone]
        zone_of = (np.cumsum(self.chosen) - 1)[communes.zone[inside]]
        home = Homes(zone_of, communes.population[inside] * mortality[inside])
        counts, starts = by_span(drawn, self.extent.years)
        zone, span, band = np.unravel_index(np.repeat(np.arange(counts.size), counts.ravel()), counts.shape)
        shape = (len(zone_of), len(starts), counts.shape[2])
        at = np.ravel_multi_index((home.of(zone, rng), span, band), shape)
        return np.bincount(at, minlength=int(np.prod(shape))).reshape(shape)

    def _add(self, site: str, sex: int, found: _Whole) -> None:
        years = self.extent.years
        by_departement = self.places.part_by_departement(self.chosen, found.drawn)
        levels = []
        if self.by_zone:
            zones = np.array(self.places.zones, dtype=object)[self.chosen].tolist()
            levels.append(("zone", as_rows(found.drawn, zones, years, 1)))
        else:
            levels.append(("departement", as_rows(by_departement, self.extent.departements, years, 1)))
        if found.at_home is not None:
            communes = self.places.communes
            codes = np.array(communes.codes, dtype=object)[self.chosen[communes.zone]].tolist()
            levels.append(("commune", as_rows(found.at_home, codes, years[::SPAN], SPAN)))
        for level, rows in levels:
            self.rows.append(labelled_cells(rows, DEATHS, site, sex, level))
            self.scope.append(("death_cells", DEATHS, level, site, sex))
        mainland = metropolitan(self.extent)
        if mainland.any():
            total = by_departement[mainland].sum(axis=(0, 2)).astype(np.float64)
            self.truth.append(truth_rows("deaths", site, sex, *nation_by_year(self.extent, total)))
        if self.by_zone:
            # All zones have the ages of the nation: the ratio of means is that of rates.
            risk = found.mean / self.places.population
            risk = risk / (found.mean.sum() / self.places.population.sum())
            zones = np.array(self.places.zones, dtype=object)[self.chosen].tolist()
            self.truth.append(
                truth_rows("mortality_relative_risk", site, sex, "zone", zones, None, risk[self.chosen])
            )
