"""Any measure over draws of the rates: posterior draws as they come, or draws made from standard errors.

Draw k is the same world in every room: draws enter on the first axis and a measure sees them as one more
leading axis, so that nothing is looped over.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from rnc_epi.maths.inequality.results import Estimate
from rnc_epi.maths.requirements import (
    Floats,
    as_result,
    require_counts,
    require_level,
    require_numbers,
    require_whole,
)
from rnc_epi.vocabulary.errors import InputError

Measure = Callable[[ArrayLike, ArrayLike], Floats]


def over_draws(
    measure: Measure, draws: ArrayLike, population: ArrayLike, *, level: ArrayLike = 0.95
) -> Estimate:
    """Summarise a measure over draws: median, percentiles and standard deviation.

    Parameters
    ----------
    measure : callable
        A function of ``(value, population)`` that returns an array, such as :func:`theil` or
        ``lambda v, p: slope_index(v, p).value``.
    draws : array_like, shape (draws, ..., groups)
        Rates of each draw, groups from the least to the most deprived.
    population : array_like, shape (..., groups) or (groups,)
    level : float or sequence of float
        Probability held by the limits; a sequence adds a first axis.

    Returns
    -------
    Estimate
        Shape (...). ``estimable`` False where the measure is NaN in any draw.

    Raises
    ------
    InputError
        ``M002`` without a draw axis, and the errors of the measure.

    Examples
    --------
    Indices 0, 2/9 and 8/27, and their median:

    >>> from rnc_epi.maths.inequality import concentration_index
    >>> draws = [[1, 1, 1], [1, 2, 3], [1, 3, 5]]
    >>> float(round(over_draws(concentration_index, draws, [1, 1, 1]).value, 4))
    0.2222
    """
    values = require_numbers(draws, "draws")
    if values.ndim < 2 or values.shape[0] == 0:
        raise InputError("M002", what="draws", expected="(draws, ..., groups)", found=str(values.shape))
    return _summary(np.asarray(measure(values, population)), level, "draws")


def from_standard_errors(
    measure: Measure,
    value: ArrayLike,
    population: ArrayLike,
    se: ArrayLike,
    *,
    level: ArrayLike = 0.95,
    seed: int = 0,
    simulations: int = 10_000,
) -> Estimate:
    """Give limits to a measure by drawing the group values from normal laws around what was observed.

    For measures without a sign (Theil, variance, disparity) noise adds to the inequality that the observed
    values already owe to noise: the limits lie above the truth when the groups hardly differ. They describe
    the precision of the figure, they do not test equality.

    Parameters
    ----------
    measure, population, level
        As for :func:`over_draws`.
    value, se : array_like, shape (..., groups)
        Group values and their standard errors. Draws below zero are set to zero: rates have no sign.
    seed : int
        Seed of the draws; the same draws serve every stratum.
    simulations : int
        Number of draws.

    Returns
    -------
    Estimate
        ``value`` is the measure of the observed values; limits and ``se`` come from the draws.

    Raises
    ------
    InputError
        ``M001``, ``M002`` standard errors that are negative or of another shape; ``M004`` fewer than 100
        simulations; those of the measure.

    Examples
    --------
    >>> from rnc_epi.maths.inequality import between_group_variance
    >>> found = from_standard_errors(between_group_variance, [10, 20, 30], [1, 1, 1], [0.1, 0.1, 0.1])
    >>> bool(found.lower < found.value < found.upper)
    True
    """
    centres, errors = require_numbers(value, "value"), require_counts(se, "se")
    if errors.shape != centres.shape:
        raise InputError("M002", what="se", expected=str(centres.shape), found=str(errors.shape))
    require_whole(simulations, "simulations", least=100)
    observed = np.asarray(measure(centres, population))
    normals = np.random.default_rng(seed).standard_normal((simulations, centres.shape[-1]))
    normals = normals.reshape(simulations, *(1,) * (centres.ndim - 1), centres.shape[-1])
    drawn = np.maximum(centres + errors * normals, 0.0)
    summary = _summary(np.asarray(measure(drawn, population)), level, "simulated-normal")
    estimable = np.asarray(summary.estimable) & np.isfinite(observed)

    def shown(values: Floats) -> object:
        return as_result(np.where(estimable, values, np.nan))

    return Estimate(
        shown(observed),
        shown(summary.lower),
        shown(summary.upper),
        shown(summary.se),
        summary.level,
        summary.method,
        as_result(np.asarray(estimable)),
    )


def _summary(measured: Floats, level: ArrayLike, method: str) -> Estimate:
    """Summarise the first axis."""
    levels = require_level(level)
    estimable = np.asarray(~np.isnan(measured).any(axis=0))
    safe = np.where(estimable, measured, 0.0)
    lower = np.quantile(safe, (1.0 - levels) / 2.0, axis=0)
    upper = np.quantile(safe, (1.0 + levels) / 2.0, axis=0)
    recorded = float(levels) if levels.ndim == 0 else tuple(float(one) for one in levels)

    def shown(values: Floats) -> object:
        return as_result(np.where(estimable, values, np.nan))

    middle, spread = np.median(safe, axis=0), safe.std(axis=0, ddof=1 if len(safe) > 1 else 0)
    return Estimate(
        shown(middle), shown(lower), shown(upper), shown(spread), recorded, method, as_result(estimable)
    )
