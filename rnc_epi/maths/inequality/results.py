"""What the measures of inequality return: a value with limits, a standard error and a method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from rnc_epi.maths.requirements import Floats, as_result, level_axis, require_level


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measure with its limits.

    Attributes
    ----------
    value : float or ndarray
        The measure; NaN where it cannot be estimated.
    lower, upper : float or ndarray
        Limits at `level`; a first axis per level when several were asked. NaN without standard errors.
    se : float or ndarray
        Standard error on the scale of `value`.
    level : float or tuple of float
        Coverage of the limits.
    method : str
        How the value and its limits were made.
    estimable : bool or ndarray of bool
        False where fewer than three populated groups, a missing value or a zero leave nothing to estimate.
    """

    value: Any
    lower: Any
    upper: Any
    se: Any
    level: float | tuple[float, ...]
    method: str
    estimable: Any


@dataclass(frozen=True, slots=True)
class TestedEstimate(Estimate):
    """An estimate with the two-sided p-value of no change."""

    # pytest would otherwise take the class for a set of tests.
    __test__ = False

    p_value: Any


@dataclass(frozen=True, slots=True)
class RankEstimate(Estimate):
    """An index of a regression on rank, with the fitted values at its two ends.

    Attributes
    ----------
    least_deprived, most_deprived : float or ndarray
        Fitted value at rank 0 and at rank 1, on the scale of the data.
    groups : int or ndarray
        Number of populated groups that entered the regression.
    """

    least_deprived: Any
    most_deprived: Any
    groups: Any


def multiplier(level: ArrayLike, values: Floats, freedom: Floats | None = None) -> tuple[Floats, Any]:
    """Return the number of standard errors on each side, on a first axis per level, and the level as given.

    `freedom` gives the degrees of freedom of Student's law; without it, or where infinite, the normal law.
    """
    checked = require_level(level)
    tail = level_axis((1.0 + checked) / 2.0, values)
    recorded = float(checked) if checked.ndim == 0 else tuple(float(one) for one in checked)
    if freedom is None:
        return np.asarray(ndtri(tail)), recorded
    finite = np.isfinite(freedom)
    student = stdtrit(np.where(finite, freedom, 1.0), tail)
    return np.where(finite, student, ndtri(tail)), recorded


def symmetric(
    value: Floats,
    se: Floats,
    level: ArrayLike,
    method: str,
    estimable: Any,
    freedom: Floats | None = None,
) -> Estimate:
    """Return value ± multiplier x se, NaN where not estimable."""
    times, recorded = multiplier(level, value, freedom)
    value, se = np.where(estimable, value, np.nan), np.where(estimable, se, np.nan)
    return Estimate(
        as_result(value),
        as_result(value - times * se),
        as_result(value + times * se),
        as_result(se),
        recorded,
        method,
        as_result(np.asarray(estimable)),
    )


def on_log_scale(
    log_value: Floats,
    log_se: Floats,
    level: ArrayLike,
    method: str,
    estimable: Any,
    freedom: Floats | None = None,
) -> Estimate:
    """Return exp(log value ± multiplier x se of the log); `se` is then value x se of the log."""
    times, recorded = multiplier(level, log_value, freedom)
    log_value, log_se = np.where(estimable, log_value, np.nan), np.where(estimable, log_se, np.nan)
    value = np.exp(log_value)
    # With one or two degrees of freedom the upper limit of a ratio may pass the largest float.
    with np.errstate(over="ignore"):
        upper = np.exp(log_value + times * log_se)
    return Estimate(
        as_result(value),
        as_result(np.exp(log_value - times * log_se)),
        as_result(upper),
        as_result(value * log_se),
        recorded,
        method,
        as_result(np.asarray(estimable)),
    )


def p_value(statistic: Floats, freedom: Floats) -> Any:
    """Return the two-sided p-value of a Student (normal where freedom is infinite) statistic."""
    finite = np.isfinite(freedom)
    tail = -np.abs(statistic)
    return as_result(2.0 * np.where(finite, stdtr(np.where(finite, freedom, 1.0), tail), ndtr(tail)))
