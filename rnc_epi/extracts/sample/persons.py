"""Persons of the large samples: cases in every zone, those that registries record, those that SNDS sees.

A case is drawn once. A registry may record it, an algorithm may identify it in SNDS, and where both do their
records may be linked. Records are held as small integers, site by site, and become tables in parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd

from rnc_epi.extracts import geography
from rnc_epi.extracts.sample import reference
from rnc_epi.extracts.sample.codes import has_no_stage, needs_microscope, variant_of, variants
from rnc_epi.extracts.sample.communes import Homes
from rnc_epi.extracts.sample.places import site_handed_over
from rnc_epi.extracts.sample.tables import REGISTRIES, constant
from rnc_epi.vocabulary.draws import seed_of

SNDS: Final = "snds_synthetique"
ALGORITHM: Final = "synthetic_ald_pmsi"
#: Share of the registered tumours found in SNDS whose records are matched, all ages and sites together.
MATCHED: Final = 0.953
#: Share of its tumours that a registry has recorded: its last covered year, and the year before.
COMPLETENESS: Final = {1: 0.92, 2: 0.98}
#: In situ tumours beside a hundred invasive ones; registries record them, incidence leaves them out.
IN_SITU: Final = {"bladder": 30, "breast": 12, "cervix_uteri": 50, "melanoma_skin": 30}
_UNKNOWN_AGE, _DEATH_CERTIFICATE_ONLY, _NOT_VERIFIED = 0.001, 0.015, 0.05
#: Share of tumours whose stage is missing, under and over 75.
_STAGE_MISSING: Final = (0.10, 0.20)
#: How long a person lives after a diagnosis of stage 0 (in situ) to 4, relative to the mean of the site.
_LIFE_BY_STAGE: Final = np.array([3.0, 2.0, 1.4, 0.8, 0.3])
#: Detection of a case by the algorithm falls with age over 75, odds by year of age.
_DETECTION_BY_AGE: Final = -0.05
#: Links fail more often at both ends of life and for sites treated outside hospital (odds).
_LINK_FAILURE_BY_SITE: Final = {
    "melanoma_skin": 1.8,
    "prostate": 1.3,
    "thyroid": 1.2,
    "lymphoid_leukaemia": 1.5,
}
_NEXT_YEAR: Final = 0.04
_PART: Final = 400_000
_STARTS: Final = np.array(reference.AGE_STARTS)
_BEYOND_85: Final = np.arange(20)
#: Shares of the ages 85 to 104 among those who are 85 or more, of the order of Insee's: from 90 to 95 as many
#: are left as one in three.
_LEFT: Final = np.exp(-0.07 * _BEYOND_85 - 0.009 * _BEYOND_85**2)
OLDEST: Final = _LEFT / _LEFT.sum()


@dataclass
class Records:
    """Columns of small integers, gathered site by site."""

    parts: list[dict[str, np.ndarray]] = field(default_factory=list)

    def add(self, **columns: np.ndarray) -> None:
        """Append one part."""
        self.parts.append(columns)

    def whole(self) -> dict[str, np.ndarray]:
        """Return each column as one array and forget the parts."""
        names = list(self.parts[0])
        joined = {name: np.concatenate([part[name] for part in self.parts]) for name in names}
        self.parts.clear()
        return joined


@dataclass(frozen=True)
class Area:
    """Where and when persons are drawn.

    Parameters
    ----------
    zones, communes : list of str
    zone_of : (n_communes,) int array
        Position of the zone of each commune, rising.
    registry : (n_zones,) int array
        Position of the registry that covers each zone, -1 for none.
    registries : list of str
    years : list of int
    covered_until : int
        First year that no registry covers yet.
    seed : int
    """

    zones: list[str]
    communes: list[str]
    zone_of: np.ndarray
    registry: np.ndarray
    registries: list[str]
    years: list[int]
    covered_until: int
    seed: int


@dataclass
class Persons:
    """Draw persons of one leaf and sex after another, then give the tables."""

    area: Area
    tumours: Records = field(default_factory=Records)
    cases: Records = field(default_factory=Records)
    recorded: int = 0
    leaves: list[str] = field(default_factory=list)
    sites: list[str] = field(default_factory=list)
    #: Registered and identified, and those of them that are linked.
    matchable: int = 0
    matched: int = 0

    def draw(
        self, leaf: str, sex: int, counts: np.ndarray, expected: np.ndarray, weights: np.ndarray
    ) -> None:
        """Make the persons of a (zone, year, band) array of counts.

        Parameters
        ----------
        expected : (zone, year, band) array
            Mean of the counts.
        weights : (n_communes,) array
            What each commune has of its zone's cases, in proportion.
        """
        rng = np.random.default_rng(seed_of(f"persons|{leaf}|{sex}", self.area.seed))
        home = Homes(self.area.zone_of, weights)
        zone, year, age = _persons_of(counts, rng)
        commune = home.of(zone, rng)
        kept = self._register(leaf, sex, commune, year, age, rng)
        self._identify(leaf, sex, commune, year, age, kept, expected, home, rng)

    def _register(
        self,
        leaf: str,
        sex: int,
        commune: np.ndarray,
        year: np.ndarray,
        age: np.ndarray,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """Record tumours; return the number of each person's tumour, -1 for none."""
        before = self.area.covered_until - np.array(self.area.years)[year]
        share = np.select(
            [before <= 0, before == 1, before == 2], [0.0, COMPLETENESS[1], COMPLETENESS[2]], 1.0
        )
        covered = self.area.registry[self.area.zone_of[commune]] >= 0
        recorded = covered & (rng.random(len(commune)) < share)
        number = np.full(len(commune), -1, dtype=np.int32)
        count = int(recorded.sum())
        number[recorded] = np.arange(self.recorded, self.recorded + count)
        where = np.flatnonzero(recorded)
        extra = rng.binomial(count, IN_SITU.get(leaf, 0) / 100)
        chosen = np.concatenate([where, rng.choice(where, extra, replace=False) if extra else where[:0]])
        n = len(chosen)
        ages = age[chosen]
        code = len(self.leaves)
        self.leaves.append(leaf)
        shares = reference.stages()
        site = site_handed_over(leaf)
        stage = rng.choice(np.arange(1, 5, dtype=np.int8), size=n, p=shares.get(site, shares["other"]))
        in_situ = np.arange(n) >= count
        stage[in_situ] = 0
        missing = rng.random(n) < np.where(ages < 75, *_STAGE_MISSING)
        ratio = reference.deaths_per_case().get((site, sex), 0.4)
        life = (200 + 6000 * (1 - ratio) ** 2) * np.exp(-0.02 * (ages - 65.0))
        survived = rng.exponential(life if has_no_stage(leaf) else life * _LIFE_BY_STAGE[stage], n)
        until = (self.area.covered_until - np.array(self.area.years)[year[chosen]]) * 365
        basis = np.where(in_situ | needs_microscope(leaf), 7, _basis(n, rng))
        # A tumour known from the death certificate alone has no life after its diagnosis.
        survived[basis == 0] = 0
        self.tumours.add(
            leaf=np.full(n, code, dtype=np.uint8),
            sex=np.full(n, sex, dtype=np.int8),
            age=np.where(rng.random(n) < _UNKNOWN_AGE, -1, ages).astype(np.int16),
            year=year[chosen].astype(np.uint8),
            month=rng.integers(1, 13, n, dtype=np.int8),
            commune=commune[chosen].astype(np.uint32),
            behaviour=np.where(in_situ, 2, 3).astype(np.int8),
            basis=basis.astype(np.int8),
            variant=variant_of(ages, basis).astype(np.uint8),
            # From 1, for stage 0; 0 is missing.
            stage=np.where(missing | has_no_stage(leaf), 0, stage + 1).astype(np.int8),
            dead=(survived < until).astype(np.int8),
            days=np.minimum(survived, until).astype(np.int32),
        )
        self.recorded += n
        return number

    def _identify(
        self,
        leaf: str,
        sex: int,
        commune: np.ndarray,
        year: np.ndarray,
        age: np.ndarray,
        number: np.ndarray,
        expected: np.ndarray,
        home: Homes,
        rng: np.random.Generator,
    ) -> None:
        site = site_handed_over(leaf)
        sensitivity, value = performance(site)
        odds = sensitivity / (1 - sensitivity) * np.exp(_DETECTION_BY_AGE * np.maximum(age - 75.0, 0))
        seen = np.flatnonzero(rng.random(len(commune)) < odds / (1 + odds))
        # Persons whom the algorithm takes for cases: where and when there are cases, somewhat older.
        false_cases = rng.poisson(expected * (sensitivity * (1 - value) / value))
        other_zone, other_year, other_age = _persons_of(false_cases, rng)
        other_commune = home.of(other_zone, rng)
        other_age = np.minimum(other_age + rng.integers(0, 8, len(other_age)), 100)
        registered = number[seen] >= 0
        linked = registered & (rng.random(len(seen)) >= link_failure(site, age[seen]))
        self.matchable += int(registered.sum())
        self.matched += int(linked.sum())
        communes = np.concatenate([commune[seen], other_commune])
        years = np.concatenate([year[seen], other_year])
        ages = np.concatenate([age[seen], other_age])
        link = np.concatenate([np.where(linked, number[seen], -1), np.full(len(other_commune), -1)])
        # Treatment that starts after the turn of the year dates the case a year later. Those who leave the
        # last year stand for those of the year before the first; no registry covers the last year.
        later = rng.random(len(communes)) < _NEXT_YEAR
        leaves_last = later & (years == len(self.area.years) - 1)
        years = np.where(leaves_last, 0, years + later)
        link = np.where(leaves_last, -1, link)
        probability = 1 - rng.beta(1, 40, len(communes))
        if site not in self.sites:
            self.sites.append(site)
        self.cases.add(
            site=np.full(len(years), self.sites.index(site), dtype=np.uint8),
            sex=np.full(len(years), sex, dtype=np.int8),
            age=(ages + (later & ~leaves_last)).astype(np.int16),
            year=years.astype(np.uint8),
            commune=communes.astype(np.uint32),
            link=link.astype(np.int32),
            probability=probability.astype(np.float32),
        )

    def tables(self) -> tuple[Iterator[pd.DataFrame], Iterator[pd.DataFrame]]:
        """Return the tumours and the SNDS cases, in an order that says nothing, in parts."""
        tumours, cases = self.tumours.whole(), self.cases.whole()
        rng = np.random.default_rng(seed_of("order", self.area.seed))
        tumour_order = rng.permutation(len(tumours["leaf"])).astype(np.int32)
        case_order = rng.permutation(len(cases["site"])).astype(np.int32)
        person = (rng.permutation(len(tumour_order) + len(case_order)) + 1).astype(np.int32)
        key = np.empty(len(tumour_order), dtype=np.int32)
        key[tumour_order] = np.arange(1, len(tumour_order) + 1)
        return (
            self._tumour_frames(tumours, tumour_order, person),
            self._case_frames(cases, case_order, person, key),
        )

    def _tumour_frames(
        self, columns: dict[str, np.ndarray], order: np.ndarray, person: np.ndarray
    ) -> Iterator[pd.DataFrame]:
        codes = [code for leaf in self.leaves for code in variants(leaf)]
        topography, morphology = (_words([code[i] for code in codes]) for i in (0, 1))
        for start in range(0, len(order), _PART):
            at = order[start : start + _PART]
            commune, age = columns["commune"][at], columns["age"][at]
            code = columns["leaf"][at].astype(np.int64) * 4 + columns["variant"][at]
            yield pd.DataFrame(
                {
                    "tumour_key": np.arange(start + 1, start + 1 + len(at)),
                    "person_key": person[at],
                    "source": constant(REGISTRIES, len(at)),
                    "registry": pd.Categorical.from_codes(
                        self.area.registry[self.area.zone_of[commune]], self.area.registries
                    ),
                    "sex": columns["sex"][at],
                    "age_years": _nullable(age),
                    "year": np.array(self.area.years)[columns["year"][at]],
                    "month": columns["month"][at],
                    "topography": pd.Categorical.from_codes(topography[1][code], topography[0]),
                    "morphology": pd.Categorical.from_codes(morphology[1][code], morphology[0]),
                    "behaviour": columns["behaviour"][at],
                    "basis_of_diagnosis": columns["basis"][at],
                    "stage": pd.Categorical.from_codes(columns["stage"][at] - 1, ["0", "1", "2", "3", "4"]),
                    "geo_level": constant("commune", len(at)),
                    "geo_code": pd.Categorical.from_codes(commune, self.area.communes),
                    "geo_vintage": constant(geography.GEO_VINTAGE, len(at)),
                    "vital_status": columns["dead"][at],
                    "follow_up_days": columns["days"][at],
                }
            )

    def _case_frames(
        self, columns: dict[str, np.ndarray], order: np.ndarray, person: np.ndarray, key: np.ndarray
    ) -> Iterator[pd.DataFrame]:
        for start in range(0, len(order), _PART):
            at = order[start : start + _PART]
            link = columns["link"][at]
            linked = link >= 0
            yield pd.DataFrame(
                {
                    "case_key": np.arange(start + 1, start + 1 + len(at)),
                    "person_key": np.where(linked, person[link], person[len(key) + at]),
                    "source": constant(SNDS, len(at)),
                    "algorithm": constant(ALGORITHM, len(at)),
                    "site": pd.Categorical.from_codes(columns["site"][at], self.sites),
                    "sex": columns["sex"][at],
                    "age_years": columns["age"][at],
                    "year": np.array(self.area.years)[columns["year"][at]],
                    "geo_level": constant("commune", len(at)),
                    "geo_code": pd.Categorical.from_codes(columns["commune"][at], self.area.communes),
                    "geo_vintage": constant(geography.GEO_VINTAGE, len(at)),
                    "linked_tumour_key": _nullable(np.where(linked, key[link], -1)),
                    "link_probability": pd.Series(columns["probability"][at]).where(linked),
                }
            )


def performance(site: str) -> tuple[float, float]:
    """Return the sensitivity under 75 and the positive predictive value of the algorithm of a site."""
    table = reference.proxies()
    if site not in table.index:
        return 0.85, 0.80
    return float(table.loc[site, "sensitivity"]), float(table.loc[site, "ppv"])


def link_failure(site: str, age: np.ndarray) -> np.ndarray:
    """Return the probability that the records of a person cannot be linked.

    About 1 - `MATCHED` over all cases: 3.4 % at 65 years, more at the ends of life.
    """
    odds = 0.0354 * _LINK_FAILURE_BY_SITE.get(site, 1.0) * np.exp(0.0009 * (age - 65.0) ** 2)
    return np.minimum(odds / (1 + odds), 0.5)


def _persons_of(counts: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the zone, year and age of each person of a (zone, year, band) array of counts."""
    flat = counts.ravel()
    filled = np.flatnonzero(flat)
    place = np.repeat(filled.astype(np.int32), flat[filled])
    zone, year, band = np.unravel_index(place, counts.shape)
    chance = rng.random(len(place))
    within = (chance * 5).astype(np.int64)
    oldest = band == len(_STARTS) - 1
    within[oldest] = np.searchsorted(np.cumsum(OLDEST), chance[oldest])
    return zone, year, _STARTS[band] + np.minimum(within, len(OLDEST) - 1)


def _basis(n: int, rng: np.random.Generator) -> np.ndarray:
    draw = rng.random(n)
    certificate, clinical = _DEATH_CERTIFICATE_ONLY, _DEATH_CERTIFICATE_ONLY + _NOT_VERIFIED
    return np.select([draw < certificate, draw < clinical], [0, 2], 7).astype(np.int8)


def _words(values: list[str]) -> tuple[list[str], np.ndarray]:
    """Return the distinct values, and for each value its position among them."""
    distinct = sorted(set(values))
    return distinct, np.array([distinct.index(value) for value in values])


def _nullable(values: np.ndarray) -> pd.Series:
    return pd.Series(pd.array(values, dtype="Int32")).mask(values < 0)
