r"""Slope and relative index of inequality by regression of quantile rates on rank, with simulated limits.

The rates of a few ordered groups are regressed on their ridits with weights equal to the population, as
English public health does. The regression is linear in the (transformed) rates, so that its two coefficients
are exactly bivariate normal when the rates are normal: limits sample these two instead of refitting.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit

from rnc_epi.maths.inequality.results import RankEstimate
from rnc_epi.maths.inequality.ridit import (
    Groups,
    common_shape,
    even_sum,
    mean_over,
    ordered_groups,
    require_alike,
)
from rnc_epi.maths.requirements import (
    Floats,
    Mask,
    as_result,
    first_position,
    require_choice,
    require_level,
    require_numbers,
    require_whole,
)
from rnc_epi.vocabulary.errors import InputError

Transform = Literal["identity", "log", "logit"]
Measure = Callable[[Floats, Floats], Floats]
TRANSFORMS = ("identity", "log", "logit")
SIMULATIONS = 100_000
# Simulated values held at once: 2 million float64 are 16 MB, which stay near the processor.
BLOCK = 2_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """Line on the transformed scale: its value at rank one half, its slope, their covariance; arrays (...).

    The two ends lie half a slope away from the middle, so that they change places, to the last digit, when
    the groups are counted from the other end.
    """

    middle: Floats
    slope: Floats
    variance_intercept: Floats
    covariance: Floats
    variance_slope: Floats
    has_se: bool
    estimable: Mask
    groups: Floats


def slope_index(
    value: ArrayLike,
    population: ArrayLike,
    *,
    se: ArrayLike | None = None,
    transform: Transform = "identity",
    level: ArrayLike = 0.95,
    seed: int = 0,
    simulations: int = SIMULATIONS,
) -> RankEstimate:
    r"""Slope index of inequality: the fitted value of the most deprived end minus that of the least deprived.

    With shares :math:`a_j` and ridits :math:`x_j`, the line minimises
    :math:`\sum_j a_j (f(y_j) - b_0 - b_1 x_j)^2`, and

    .. math:: \mathrm{SII} = f^{-1}(b_0 + b_1) - f^{-1}(b_0) .

    Positive when the value is higher in deprived groups. Limits are percentiles of the index over simulated
    coefficients, which have the law that normal rates give them; they are never taken from the scatter of
    a few points around the line.

    Parameters
    ----------
    value : array_like, shape (..., groups)
        Rates, proportions or means by group, from the least to the most deprived. NaN where nobody lives.
    population : array_like, shape (..., groups)
        Persons or person-years of each group; broadcast against `value`.
    se : array_like, shape (..., groups), optional
        Standard errors of `value`, on its own scale. With ``"log"`` and ``"logit"`` they are carried to the
        transformed scale by the delta method: ``se / y`` and ``se / (y (1 - y))``. Without them the limits
        and the standard error are NaN.
    transform : {"identity", "log", "logit"}
        Scale of the straight line: log for rates, logit for proportions (values between 0 and 1).
    level : float or sequence of float
        Coverage of the limits; a sequence adds a first axis.
    seed : int
        Seed of the simulation. The same draws serve every stratum, so that the limits of an area do not
        depend on which other areas are computed with it.
    simulations : int
        Number of simulated lines.

    Returns
    -------
    RankEstimate
        ``value``, ``lower``, ``upper``, ``se`` in the unit of `value`, shape (...); the fitted ends
        ``least_deprived`` and ``most_deprived``. Not estimable (NaN): fewer than three populated groups, a
        missing value, or a zero (or a one) that a log (or logit) cannot take.

    Raises
    ------
    InputError
        ``I001`` fewer than three groups, ``I002`` a value without people, ``M001`` a negative population,
        error or, with ``"log"``, value; ``M002`` shapes; ``M007`` not finite; ``M010`` a value outside [0,
        1] with ``"logit"``.

    References
    ----------
    Mackenbach JP, Kunst AE. Measuring the magnitude of socio-economic inequalities in health. Soc Sci Med
    1997;44:757-771. doi:10.1016/S0277-9536(96)00073-1

    Examples
    --------
    Rates that rise by 10 from group to group of equal size: the ends are 2.5 ranks from the middle.

    >>> sii = slope_index([10, 20, 30, 40, 50], [1, 1, 1, 1, 1], se=[1, 1, 1, 1, 1])
    >>> float(round(sii.value, 6)), float(round(sii.least_deprived, 6))
    (50.0, 5.0)
    >>> float(round(sii.se, 4))
    1.5811
    """
    line = _fit(value, population, se, transform)
    low, high = _ends(line, transform)
    d_low, d_high = _derivatives(low, high, transform)
    by_intercept, by_slope = d_high - d_low, d_high
    variance = _variance_along(line, by_intercept, by_slope)

    def measure(least: Floats, most: Floats) -> Floats:
        return most - least

    return _estimate(
        line, transform, high - low, variance, low, high, line.estimable, measure, level, seed, simulations
    )


def relative_index(
    value: ArrayLike,
    population: ArrayLike,
    *,
    se: ArrayLike | None = None,
    transform: Transform = "identity",
    level: ArrayLike = 0.95,
    seed: int = 0,
    simulations: int = SIMULATIONS,
) -> RankEstimate:
    r"""Relative index of inequality: the fitted value of the most deprived end over the least deprived.

    .. math:: \mathrm{RII} = f^{-1}(b_0 + b_1) / f^{-1}(b_0) ,

    that is :math:`1 + b_1/b_0` with the identity and :math:`e^{b_1}` with the log (Kunst and Mackenbach).
    Above one when the value is higher in deprived groups.

    An identity line may pass below zero at an end: the ratio is then NaN and ``estimable`` False. Where only
    some simulated lines do, they count as an infinite ratio (rate of the least deprived not above zero) or
    as zero (of the most deprived), so that a limit may be infinite or zero rather than wrong.

    Parameters
    ----------
    value, population, se, transform, level, seed, simulations
        As for :func:`slope_index`.

    Returns
    -------
    RankEstimate
        ``value``, ``lower``, ``upper``, ``se`` (no unit), shape (...).

    Raises
    ------
    InputError
        As for :func:`slope_index`.

    References
    ----------
    Kunst AE, Mackenbach JP. The size of mortality differences associated with educational level in nine
    industrialized countries. Am J Public Health 1994;84:932-937. doi:10.2105/AJPH.84.6.932

    Examples
    --------
    >>> rii = relative_index([10, 20, 30, 40, 50], [1, 1, 1, 1, 1])
    >>> float(round(rii.value, 6))
    11.0
    >>> float(round(relative_index([50, 40, 30, 20, 10], [1] * 5).value * rii.value, 6))
    1.0
    """
    line = _fit(value, population, se, transform)
    low, high = _ends(line, transform)
    d_low, d_high = _derivatives(low, high, transform)
    estimable = line.estimable & (low > 0) & (high > 0)
    safe_low, safe_high = np.where(estimable, low, 1.0), np.where(estimable, high, 1.0)
    ratio = safe_high / safe_low
    by_slope = d_high / safe_high
    by_intercept = by_slope - d_low / safe_low
    # Of values so near zero that the inverse of their square is no float, the error is infinite.
    with np.errstate(over="ignore", invalid="ignore"):
        variance = ratio**2 * _variance_along(line, by_intercept, by_slope)
    variance = np.where(np.isnan(variance), np.inf, variance)
    return _estimate(
        line, transform, ratio, variance, low, high, estimable, _ratio_of_ends, level, seed, simulations
    )


def _ratio_of_ends(least: Floats, most: Floats) -> Floats:
    """Divide in place; an end that is not above zero gives an infinite ratio, or zero."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = most / least
    beyond = (least <= 0) | (most <= 0)
    if beyond.any():
        ratio[beyond] = np.where(most[beyond] > least[beyond], np.inf, 0.0)
    return ratio


def _transformed(groups: Groups, transform: str) -> tuple[Floats, Floats, Mask]:
    """Return f(y), the derivative of f at y, and where both exist."""
    value = groups.value
    empty = groups.share <= 0
    if transform == "identity":
        return value, np.ones_like(value), np.ones(value.shape[:-1], dtype=bool)
    inside = value > 0
    if transform == "logit":
        above = value > 1
        if above.any() or (value < 0).any():
            wrong = above | (value < 0)
            raise InputError("M010", what="value", found=int(wrong.sum()), where=first_position(wrong))
        inside = inside & (value < 1)
        safe = np.where(inside, value, 0.5)
        return (
            np.log(safe / (1.0 - safe)),
            1.0 / (safe * (1.0 - safe)),
            np.asarray((inside | empty).all(axis=-1)),
        )
    safe = np.where(inside, value, 1.0)
    return np.log(safe), 1.0 / safe, np.asarray((inside | empty).all(axis=-1))


def _fit(value: ArrayLike, population: ArrayLike, se: ArrayLike | None, transform: str) -> Line:
    require_choice(transform, TRANSFORMS, "transform")
    groups = ordered_groups(value, population, least=0.0 if transform == "log" else None)
    outcome, derivative, possible = _transformed(groups, transform)
    share, lean = groups.share, groups.lean
    spread = even_sum(share * lean**2)[..., None]
    estimable = groups.estimable & possible
    by_slope = np.divide(share * lean, spread, out=np.zeros_like(share), where=spread > 0)
    by_intercept = share - by_slope / 2.0
    middle = mean_over(share, outcome)
    errors = np.zeros_like(share)
    if se is not None:
        errors = _standard_errors(se, groups, derivative)
        estimable = estimable & ~np.isnan(errors).any(axis=-1)
        errors = np.nan_to_num(errors)
    square = errors**2
    return Line(
        middle,
        even_sum(by_slope * (outcome - middle[..., None])),
        (by_intercept**2 * square).sum(axis=-1),
        (by_intercept * by_slope * square).sum(axis=-1),
        (by_slope**2 * square).sum(axis=-1),
        se is not None,
        np.asarray(estimable),
        groups.groups,
    )


def _standard_errors(se: ArrayLike, groups: Groups, derivative: Floats) -> Floats:
    """Return standard errors on the transformed scale; NaN only where a populated group lacks one."""
    given = require_numbers(se, "se")
    common_shape(value=groups.value, se=given)
    given = require_alike(given, groups.value.shape, "se")
    wrong = np.isinf(given)
    if wrong.any():
        raise InputError("M007", what="se", found=int(wrong.sum()), where=first_position(wrong))
    negative = given < 0
    if negative.any():
        raise InputError("M001", what="se", found=int(negative.sum()), where=first_position(negative))
    return np.where(groups.share > 0, given * derivative, 0.0)


def _inverse(predictor: Floats, transform: str) -> Floats:
    if transform == "log":
        # exp of more than 700 passes the largest float: such a draw is as far out as can be said.
        return np.exp(np.minimum(predictor, 700.0) if predictor.max(initial=0.0) > 700.0 else predictor)
    return np.asarray(expit(predictor)) if transform == "logit" else predictor


def _ends(line: Line, transform: str) -> tuple[Floats, Floats]:
    half = line.slope / 2.0
    return _inverse(line.middle - half, transform), _inverse(line.middle + half, transform)


def _derivatives(low: Floats, high: Floats, transform: str) -> tuple[Floats, Floats]:
    """Return the derivatives of the inverse transform at both ends."""
    if transform == "log":
        return low, high
    if transform == "logit":
        return low * (1.0 - low), high * (1.0 - high)
    return np.ones_like(low), np.ones_like(high)


def _variance_along(line: Line, by_intercept: Floats, by_slope: Floats) -> Floats:
    """Return the variance of a combination of both coefficients, as a sum of squares: never below zero."""
    first, tilt, rest = _factor(line)
    return (by_intercept * first + by_slope * tilt) ** 2 + (by_slope * rest) ** 2


def _factor(line: Line) -> tuple[Floats, Floats, Floats]:
    """Return the Cholesky factor of the covariance of intercept and slope."""
    first = np.sqrt(line.variance_intercept)
    tilt = np.divide(line.covariance, first, out=np.zeros_like(first), where=first > 0)
    return first, tilt, np.sqrt(np.maximum(line.variance_slope - tilt**2, 0.0))


def _estimate(
    line: Line,
    transform: str,
    value: Floats,
    variance: Floats,
    low: Floats,
    high: Floats,
    estimable: Mask,
    measure: Measure,
    level: ArrayLike,
    seed: int,
    simulations: int,
) -> RankEstimate:
    levels = require_level(level)
    require_whole(simulations, "simulations", least=100)
    require_whole(seed, "seed", least=0)
    if line.has_se:
        lower, upper = _limits(line, transform, measure, levels, seed, simulations)
        se = np.sqrt(variance)
    else:
        lower = upper = np.full(levels.shape + value.shape, np.nan)
        se = np.full(value.shape, np.nan)
    recorded = float(levels) if levels.ndim == 0 else tuple(float(one) for one in levels)

    def shown(values: Floats, where: Mask = estimable) -> object:
        return as_result(np.where(where, values, np.nan))

    return RankEstimate(
        value=shown(value),
        lower=shown(lower),
        upper=shown(upper),
        se=shown(se),
        level=recorded,
        method=f"weighted-regression-{transform}",
        estimable=as_result(estimable),
        least_deprived=shown(low, line.estimable),
        most_deprived=shown(high, line.estimable),
        groups=as_result(line.groups),
    )


def _limits(
    line: Line, transform: str, measure: Measure, levels: Floats, seed: int, simulations: int
) -> tuple[Floats, Floats]:
    """Return the percentiles of the measure over simulated lines, (levels, ...) each.

    The same standard normal pairs serve every stratum, scaled by its own Cholesky factor.
    """
    shape = line.middle.shape
    slope = line.slope.reshape(-1, 1)
    intercept = line.middle.reshape(-1, 1) - slope / 2.0
    first, tilt, rest = (part.reshape(-1, 1) for part in _factor(line))
    draws = np.random.default_rng(seed).standard_normal((2, simulations))
    tails = np.atleast_1d((1.0 - levels) / 2.0)
    # Order statistics, not interpolated: an infinite ratio must not spoil its finite neighbour.
    below = np.minimum((tails * simulations).astype(int), simulations - 1)
    above = simulations - 1 - below
    places = sorted({*below.tolist(), *above.tolist()})
    lower = np.empty((tails.size, intercept.shape[0]))
    upper = np.empty_like(lower)
    block = max(1, BLOCK // simulations)
    for start in range(0, intercept.shape[0], block):
        part = slice(start, start + block)
        least = first[part] * draws[0]
        most = tilt[part] * draws[0]
        most += rest[part] * draws[1]
        least += intercept[part]
        most += slope[part]
        most += least
        simulated = measure(_inverse(least, transform), _inverse(most, transform))
        simulated.partition(places, axis=-1)
        lower[:, part] = simulated[:, below].T
        upper[:, part] = simulated[:, above].T
    out = levels.shape + shape
    return lower.reshape(out), upper.reshape(out)
