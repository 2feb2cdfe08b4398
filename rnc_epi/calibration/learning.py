"""What registry districts teach about a correlate: its ratio, its errors on unseen districts, its grade."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rnc_epi.calibration.pooling import Panel, merged_midpoints, midpoints, shared_bands
from rnc_epi.maths.calibration import (
    CalibrationFit,
    LeaveOneOut,
    ProxyCombination,
    best_proxy,
    combine_proxies,
    errors_without_noise,
    fit_calibration,
    grade,
    incidence_variation,
    leave_one_out,
)
from rnc_epi.maths.calibration.validation import PUBLISHABLE
from rnc_epi.vocabulary.areas import AreaKey
from rnc_epi.vocabulary.errors import EstimateRefused, InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rnc_epi.vocabulary.ages import BandSet
    from rnc_epi.vocabulary.study_calibration import Calibration

    Floats = NDArray[np.float64]

#: Levels at which a correlate is judged: each area, the sums of areas by region, the nation.
AREA_LEVEL, REGION_LEVEL, NATION_LEVEL = "area", "region", "nation"

#: A combination is harder to explain than one correlate: it must lower the error by a tenth at least.
CLEARLY_BETTER = 0.9


@dataclass(frozen=True)
class Lesson:
    """Registry districts with incidence and one correlate, as columns of cells."""

    incident: Floats
    proxy: Floats
    person_years: Floats
    age: Floats
    district: NDArray[np.intp]
    areas: tuple[AreaKey, ...]
    bands: BandSet


@dataclass(frozen=True)
class Judgement:
    """One correlate, judged on the registry districts.

    Attributes
    ----------
    proxy : str
    lesson : Lesson
    fit : CalibrationFit
    errors : LeaveOneOut
    grades : dict of level to (grade, grade without the noise of counts, errors that it judges)
    """

    proxy: str
    lesson: Lesson
    fit: CalibrationFit
    errors: LeaveOneOut
    grades: Mapping[str, tuple[str, str, Floats]]

    def mark(self, level: str, publish_on: str) -> str:
        """Return the grade that decides at a level."""
        reference, without_noise, _ = self.grades[level]
        return reference if publish_on == "reference" else without_noise


def lesson_of(incidence: Panel, proxy: Panel) -> tuple[Lesson, Panel, list[tuple[AreaKey, str]]]:
    """Return the districts on both sides as cells, the incidence on their bands, and those on one side only.

    Raises
    ------
    InputError
        W003, W004: bands that cannot be mapped on one another.
    """
    bands = shared_bands(incidence.bands, proxy.bands)
    both = tuple(area for area in incidence.areas if area in set(proxy.areas))
    alone = [(area, "no_correlate") for area in incidence.areas if area not in set(both)]
    cases = incidence.of(both).merged_to(bands)
    counts = proxy.of(both)
    ages = (
        midpoints(bands)
        if bands == proxy.bands
        else merged_midpoints(proxy.bands, bands, counts.events.sum(axis=0))
    )
    counts = counts.merged_to(bands)
    size = len(bands)
    return (
        Lesson(
            incident=cases.events.ravel(),
            proxy=counts.events.ravel(),
            person_years=cases.person_years.ravel(),
            age=np.tile(ages, len(both)),
            district=np.repeat(np.arange(len(both)), size),
            areas=both,
            bands=bands,
        ),
        cases,
        alone,
    )


def variation(lesson: Lesson) -> float:
    """Return how much incidence varies between the districts (the yardstick of the ratio)."""
    return incidence_variation(lesson.incident, lesson.person_years, lesson.age, lesson.district)


def judge(
    proxy: str,
    lesson: Lesson,
    sigma_incidence: float,
    regions: Mapping[AreaKey, AreaKey],
    asked: Calibration,
) -> Judgement:
    """Fit one correlate, leave each district out in turn, and grade it for areas, for regions and the nation.

    Raises
    ------
    InputError, EstimateRefused
        As the formulas: too few districts, a null correlate, ratios that make no sense, no convergence.
    """
    columns = (lesson.incident, lesson.proxy, lesson.age, lesson.district)
    at_risk = {"person_years": lesson.person_years} if asked.offset == "smoothed" else {}
    fit = fit_calibration(*columns, smooth=asked.smooth, **at_risk)
    errors = leave_one_out(*columns, smooth=asked.smooth)
    grades = {AREA_LEVEL: _graded(errors.error, errors.noise_variance, fit, sigma_incidence)}
    kept = [lesson.areas[int(place)] for place in errors.district]
    if kept and all(area in regions for area in kept):
        parents = np.array([regions[area].geo_code for area in kept])
        _, regional = errors.aggregated(parents)
        grades[REGION_LEVEL] = _graded(regional, _regional_noise(errors, parents), fit, sigma_incidence)
    else:
        # Anonymous districts have no region: what is good enough for districts is for their sums.
        grades[REGION_LEVEL] = grades[AREA_LEVEL]
    return Judgement(proxy, lesson, fit, errors, grades)


def _graded(
    errors: Floats, noise: Floats, fit: CalibrationFit, sigma_incidence: float
) -> tuple[str, str, Floats]:
    clean = errors_without_noise(errors, noise)
    return (
        grade(errors, fit.sigma_district, sigma_incidence),
        grade(clean, fit.sigma_district, sigma_incidence),
        errors,
    )


def _regional_noise(errors: LeaveOneOut, parents: NDArray[np.str_]) -> Floats:
    """Noise of the sums: independent counts, each weighing what it holds of its region."""
    _, first, place = np.unique(parents, return_index=True, return_inverse=True)
    order = np.argsort(np.argsort(first))[place]
    total = np.bincount(order, errors.observed)
    return np.bincount(order, errors.noise_variance * errors.observed**2) / total**2


@dataclass(frozen=True)
class Choice:
    """What is used for one site and sex at one level.

    Attributes
    ----------
    proxies : tuple of str
        One correlate, or those of a combination with a positive share.
    shares : ndarray, shape (proxies,)
    mark : str
        Grade.
    publishable : bool
    """

    proxies: tuple[str, ...]
    shares: Floats
    mark: str
    publishable: bool

    @property
    def name(self) -> str:
        """The correlates, as the method of a row names them."""
        return "+".join(self.proxies)


@dataclass(frozen=True)
class Judged:
    """All correlates of one site and sex.

    Attributes
    ----------
    judgements : dict of str to Judgement
        Correlates that could be fitted.
    refused : dict of str to str
        Code of the reason, for the others.
    sigma_incidence : float
    combination : ProxyCombination or None
        None where fewer than two correlates are there, or too few districts.
    choices : dict of level to Choice
    """

    judgements: Mapping[str, Judgement]
    refused: Mapping[str, str]
    sigma_incidence: float
    combination: ProxyCombination | None
    choices: Mapping[str, Choice]


def choose(
    judgements: Mapping[str, Judgement],
    refused: Mapping[str, str],
    sigma_incidence: float,
    asked: Calibration,
) -> Judged:
    """Return the correlate to publish at each level, or the combination where it wins on unseen districts.

    Where none may be published the one with the smallest errors is kept: it may still feed a national total.
    """
    combination = _combined(judgements) if asked.combine else None
    choices = {AREA_LEVEL: _chosen(judgements, AREA_LEVEL, asked)}
    if combination is not None and _wins(combination):
        weighted = _weighted(judgements, combination, sigma_incidence, asked)
        if weighted is not None and _no_worse(weighted, choices[AREA_LEVEL]):
            choices[AREA_LEVEL] = weighted
    # Regions are the sums of their areas where these may be published; else they have a tree of their own.
    choices[REGION_LEVEL] = (
        choices[AREA_LEVEL] if choices[AREA_LEVEL].publishable else _chosen(judgements, REGION_LEVEL, asked)
    )
    # What may not be published may still feed the nation: then what errs least over districts.
    choices[NATION_LEVEL] = choices[REGION_LEVEL if choices[REGION_LEVEL].publishable else AREA_LEVEL]
    return Judged(judgements, refused, sigma_incidence, combination, choices)


def _chosen(judgements: Mapping[str, Judgement], level: str, asked: Calibration) -> Choice:
    names = list(judgements)
    marks = [judgements[name].mark(level, asked.publish_on) for name in names]
    errors = [judgements[name].grades[level][2] for name in names]
    best = best_proxy(names, marks, errors)
    found = best if best is not None else names[int(np.argmin([np.mean(np.square(e)) for e in errors]))]
    return Choice((found,), np.ones(1), marks[names.index(found)], best is not None)


def _combined(judgements: Mapping[str, Judgement]) -> ProxyCombination | None:
    """Return the nested comparison of the correlates that were learned on the same cells."""
    if len(judgements) < 2:
        return None
    first = next(iter(judgements.values())).lesson
    alike = {
        name: one.lesson.proxy
        for name, one in judgements.items()
        if one.lesson.areas == first.areas and np.array_equal(one.lesson.age, first.age)
    }
    if len(alike) < 2:
        return None
    try:
        return combine_proxies(first.incident, alike, first.age, first.district)
    except (InputError, EstimateRefused):
        # Fewer than six districts, or a fit of a pair that does not exist: there is nothing to compare.
        return None


def _weighted(
    judgements: Mapping[str, Judgement],
    found: ProxyCombination,
    sigma_incidence: float,
    asked: Calibration,
) -> Choice | None:
    used = found.weights > 1e-3
    if used.sum() < 2:
        return None
    shares = found.weights[used] / found.weights[used].sum()
    names = tuple(name for name, kept in zip(found.names, used, strict=True) if kept)
    spread = np.array([judgements[name].fit.sigma_district for name in names]) * shares
    correlation = found.correlation[np.ix_(used, used)]
    sigma = float(np.sqrt(max(spread @ correlation @ spread, 0.0)))
    # Judged on errors that neither the fit nor the shares have seen.
    errors = found.combined_errors
    if asked.publish_on == "noise_corrected":
        # As if the proxies shared no patient: rather too little noise is taken off than too much.
        noise = shares**2 @ np.stack([judgements[name].errors.noise_variance for name in names])
        errors = errors_without_noise(errors, noise)
    mark = grade(errors, sigma, sigma_incidence)
    return Choice(names, shares, mark, mark in PUBLISHABLE)


def _wins(found: ProxyCombination) -> bool:
    """Tell whether the combination predicts unseen districts clearly better than the choice of one."""
    combined, chosen = (float(np.mean(np.square(e))) for e in (found.combined_errors, found.chosen_errors))
    return combined < CLEARLY_BETTER**2 * chosen


def _no_worse(one: Choice, other: Choice) -> bool:
    return one.publishable >= other.publishable
