"""What the calibration asks of registry cells before it believes them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnc_epi.maths.calibration.groups import order_of_appearance, require_labels, sortable
from rnc_epi.maths.requirements import (
    Floats,
    first_position,
    require_counts,
    require_finite,
    require_same_shape,
)
from rnc_epi.vocabulary.errors import InputError

FEWEST_DISTRICTS = 5
# A proxy beyond these multiples of the incident cases is another disease, or another unit: the extremes met
# in practice are deaths of thyroid cancer, near 1 for 60 cases, and patients in care, a few for each case.
_LEAST_RATIO, _LARGEST_RATIO = 1 / 300, 50.0
# One district whose ratio is so many times the median one has another definition or period.
_ODD_DISTRICT, _CASES_TO_JUDGE = 5.0, 50.0
# A first band that merges the young may have its midpoint up to here; finer ages below it are then accepted.
_OLDEST_MERGED_MIDPOINT = 35.0
_BEYOND = 5.0


@dataclass(frozen=True)
class Cells:
    """Checked registry cells, one value per cell."""

    incident: Floats
    proxy: Floats
    age: Floats
    district: NDArray[np.generic]

    @property
    def code(self) -> NDArray[np.generic]:
        """Labels of the districts that can be put in order."""
        return sortable(self.district)


def require_ages(age: ArrayLike) -> Floats:
    """Return ages in years, finite (M007) and between 0 and 120 (C014)."""
    ages = require_finite(age, "age")
    wrong = (ages < 0) | (ages > 120)
    if wrong.any():
        raise InputError("C014", found=int(wrong.sum()), where=first_position(wrong), expected="[0, 120]")
    return ages


def require_reachable_ages(age: ArrayLike, youngest: float, oldest: float) -> Floats:
    """Return ages that a calibration over [youngest, oldest] can be evaluated at (C014)."""
    ages = require_ages(age)
    low = 0.0 if youngest <= _OLDEST_MERGED_MIDPOINT else youngest - _BEYOND
    high = oldest + _BEYOND
    wrong = (ages < low) | (ages > high)
    if wrong.any():
        raise InputError(
            "C014", found=int(wrong.sum()), where=first_position(wrong), expected=f"[{low:g}, {high:g}]"
        )
    return ages


def require_cells(incident: ArrayLike, proxy: ArrayLike, age: ArrayLike, district: ArrayLike) -> Cells:
    """Check the four columns of registry cells for shape and range."""
    cases, counts = require_counts(incident, "incident"), require_counts(proxy, "proxy")
    ages = require_ages(age)
    if cases.ndim != 1 or cases.size == 0:
        raise InputError("M002", what="incident", expected="(cells,)", found=str(cases.shape))
    require_same_shape(incident=cases, proxy=counts, age=ages)
    return Cells(cases, counts, ages, require_labels(district, cases.shape, "district"))


def require_registries(cells: Cells) -> None:
    """Refuse too few districts, a proxy that is null or all in one of them, and ratios that make no sense."""
    labels, place = order_of_appearance(cells.district)
    cases = np.bincount(place, cells.incident)
    counts = np.bincount(place, cells.proxy)
    seen = cases > 0
    if seen.sum() < FEWEST_DISTRICTS:
        raise InputError("C010", found=int(seen.sum()), least=FEWEST_DISTRICTS)
    if not counts.any():
        raise InputError("C011")
    if (counts[seen] > 0).sum() == 1:
        raise InputError("C017")
    overall = counts.sum() / cases.sum()
    if not _LEAST_RATIO <= overall <= _LARGEST_RATIO:
        raise InputError("C012", least=f"{_LEAST_RATIO:.3g}", most=f"{_LARGEST_RATIO:g}")
    judged = seen & (cases >= _CASES_TO_JUDGE) & (cases * overall >= _CASES_TO_JUDGE)
    if judged.sum() >= FEWEST_DISTRICTS:
        ratio = counts[judged] / cases[judged]
        middle = np.median(ratio)
        odd = (ratio > _ODD_DISTRICT * middle) | (ratio * _ODD_DISTRICT < middle)
        if odd.any():
            raise InputError("C013", where=str(labels[judged][odd][0]), factor=f"{_ODD_DISTRICT:g}")
