r"""Concentration of a quantity along deprivation: the curve, the index, its bounded forms, and limits.

Positive when the quantity is concentrated among the most deprived. The Erreygers and Wagstaff forms are for
variables with two bounds (a proportion); a rate has none, and takes the relative and the absolute index.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rnc_epi.maths.inequality.results import Estimate, symmetric
from rnc_epi.maths.inequality.ridit import (
    Groups,
    even_sum,
    mean_over,
    ordered_groups,
    plain,
    require_alike,
)
from rnc_epi.maths.requirements import Floats, Mask, require_counts, require_finite, require_scalar
from rnc_epi.vocabulary.errors import InputError


@dataclass(frozen=True, slots=True)
class ConcentrationCurve:
    """Points of the curve, from (0, 0) to (1, 1); arrays of shape (..., groups + 1)."""

    population_share: Floats
    value_share: Floats


def concentration_index(value: ArrayLike, population: ArrayLike) -> Floats:
    r"""Relative concentration index.

    .. math:: C = \frac{2}{\mu} \sum_j a_j y_j x_j - 1 , \qquad \mu = \sum_j a_j y_j ,

    twice the area between the diagonal and the concentration curve, positive when the value is concentrated
    among the most deprived.

    Parameters
    ----------
    value : array_like, shape (..., groups)
        Non-negative means or rates by group, from the least to the most deprived. Persons may stand for
        groups, sorted, with population one.
    population : array_like, shape (..., groups)

    Returns
    -------
    ndarray, shape (...)
        Between -1 and 1; NaN where every value is zero, a value is missing or fewer than three groups are
        populated.

    Raises
    ------
    InputError
        ``I001``, ``I002``, ``M001``, ``M002``, ``M007``.

    References
    ----------
    Kakwani N, Wagstaff A, van Doorslaer E. Socioeconomic inequalities in health: measurement, computation,
    and statistical inference. J Econometrics 1997;77:87-103. doi:10.1016/S0304-4076(96)01807-6

    Examples
    --------
    Everything among the most deprived third: 1 - 1/3.

    >>> float(round(concentration_index([0, 0, 9], [1, 1, 1]), 6))
    0.666667
    """
    groups = ordered_groups(value, population, least=0.0)
    index, _, estimable = _index(groups)
    return plain(index, estimable)


def absolute_concentration_index(value: ArrayLike, population: ArrayLike) -> Floats:
    r"""Absolute (generalised) concentration index, :math:`\mu C`, in the unit of the value.

    Parameters
    ----------
    value, population
        As for :func:`concentration_index`.

    Returns
    -------
    ndarray, shape (...)
        Zero where every value is zero.

    Raises
    ------
    InputError
        ``I001``, ``I002``, ``M001``, ``M002``, ``M007`` as for :func:`concentration_index`.

    Examples
    --------
    A mean of 3 times an index of 2/3:

    >>> float(round(absolute_concentration_index([0, 0, 9], [1, 1, 1]), 6))
    2.0
    """
    groups = ordered_groups(value, population, least=0.0)
    return plain(_absolute(groups), groups.estimable)


def erreygers_index(
    value: ArrayLike, population: ArrayLike, *, lowest: float = 0.0, highest: float = 1.0
) -> Floats:
    r"""Concentration index of a bounded variable, corrected as Erreygers does: :math:`4 \mu C / (b - a)`.

    Parameters
    ----------
    value, population
        As for :func:`concentration_index`.
    lowest, highest : float
        Bounds a and b of the variable: 0 and 1 for a proportion.

    Returns
    -------
    ndarray, shape (...)
        Between -1 and 1; NaN where fewer than three groups are populated.

    Raises
    ------
    InputError
        ``I008`` bounds in disorder or values outside them, and those of :func:`concentration_index`.

    References
    ----------
    Erreygers G. Correcting the concentration index. J Health Econ 2009;28:504-515.
    doi:10.1016/j.jhealeco.2008.02.003

    Examples
    --------
    By hand, with a mean of 1/3: 4 x 1/3 x 2/3.

    >>> float(round(erreygers_index([0, 0, 1], [1, 1, 1]), 6))
    0.888889
    """
    groups, low, high = _bounded(value, population, lowest, highest, "erreygers_index")
    return plain(4.0 * _absolute(groups) / (high - low), groups.estimable)


def wagstaff_index(
    value: ArrayLike, population: ArrayLike, *, lowest: float = 0.0, highest: float = 1.0
) -> Floats:
    r"""Concentration index of a bounded variable, normalised: :math:`\mu C (b - a) / ((b - \mu)(\mu - a))`.

    Parameters
    ----------
    value, population, lowest, highest
        As for :func:`erreygers_index`.

    Returns
    -------
    ndarray, shape (...)
        Between -1 and 1; NaN where the mean is at a bound.

    Raises
    ------
    InputError
        ``I008`` and the others as for :func:`erreygers_index`.

    References
    ----------
    Wagstaff A. The bounds of the concentration index when the variable of interest is binary. Health Econ
    2005;14:429-432. doi:10.1002/hec.953

    Examples
    --------
    >>> float(round(wagstaff_index([0, 0, 1], [1, 1, 1]), 6))
    1.0
    """
    groups, low, high = _bounded(value, population, lowest, highest, "wagstaff_index")
    mean = (groups.share * groups.value).sum(axis=-1)
    room = (high - mean) * (mean - low)
    estimable = groups.estimable & (room > 0)
    return plain(_absolute(groups) * (high - low) / np.where(estimable, room, 1.0), estimable)


def concentration_curve(value: ArrayLike, population: ArrayLike) -> ConcentrationCurve:
    """Cumulative share of the value against cumulative share of the population, least deprived first.

    Below the diagonal when the value is concentrated among the most deprived.

    Parameters
    ----------
    value, population
        As for :func:`concentration_index`.

    Returns
    -------
    ConcentrationCurve
        Shares of shape (..., groups + 1), from 0 to 1; NaN where every value is zero or fewer than three
        groups are populated.

    Raises
    ------
    InputError
        ``I001``, ``I002``, ``M001``, ``M002``, ``M007`` as for :func:`concentration_index`.

    References
    ----------
    Kakwani, Wagstaff and van Doorslaer 1997, as for :func:`concentration_index`.

    Examples
    --------
    Amounts 1, 2 and 10 of 13:

    >>> curve = concentration_curve([1, 2, 5], [1, 1, 2])
    >>> curve.population_share.tolist(), curve.value_share.round(4).tolist()
    ([0.0, 0.25, 0.5, 1.0], [0.0, 0.0769, 0.2308, 1.0])
    """
    groups = ordered_groups(value, population, least=0.0)
    _, mean, estimable = _index(groups)
    amount = groups.share * groups.value / np.where(estimable, mean, 1.0)[..., None]
    start = np.zeros((*amount.shape[:-1], 1))

    def cumulated(values: Floats) -> Floats:
        points = np.concatenate([start, np.cumsum(values, axis=-1)], axis=-1)
        return np.where(estimable[..., None], points, np.nan)

    return ConcentrationCurve(cumulated(groups.share), cumulated(amount))


def concentration_interval(
    value: ArrayLike, population: ArrayLike, *, se: ArrayLike | None = None, level: ArrayLike = 0.95
) -> Estimate:
    r"""Relative concentration index with limits.

    With standard errors of the group values, the index being a ratio of two sums linear in them,

    .. math:: \mathrm{Var}(C) = \sum_j (a_j / \mu)^2 (2 x_j - 1 - C)^2 s_j^2 .

    Without them each entry is taken as one sampled person (population one) and the variance is that of
    Kakwani, Wagstaff and van Doorslaer, their equation 14, with :math:`q_j` the ordinates of the curve:

    .. math:: \mathrm{Var}(C) = \frac{1}{n}\Big[\frac{1}{n}\sum_j g_j^2 - (1 + C)^2\Big] , \qquad
       g_j = \frac{y_j}{\mu}(2 x_j - 1 - C) + 2 - q_{j-1} - q_j .

    Parameters
    ----------
    value, population
        As for :func:`concentration_index`.
    se : array_like, shape (..., groups), optional
        Standard errors of `value`. Give them for groups; leave them out for persons only.
    level : float or sequence of float
        Coverage of the limits; a sequence adds a first axis.

    Returns
    -------
    Estimate
        The index, shape (...), with limits symmetric around it.

    Raises
    ------
    InputError
        ``M004`` without `se` when a population is not one, and those of :func:`concentration_index`.

    References
    ----------
    Kakwani N, Wagstaff A, van Doorslaer E. J Econometrics 1997;77:87-103.
    doi:10.1016/S0304-4076(96)01807-6

    Examples
    --------
    >>> found = concentration_interval([10, 20, 30], [1, 1, 1], se=[1, 1, 1])
    >>> float(round(found.value, 4)), float(round(found.se, 4))
    (0.2222, 0.017)
    """
    groups = ordered_groups(value, population, least=0.0)
    index, mean, estimable = _index(groups)
    safe = np.where(estimable, mean, 1.0)[..., None]
    distance = 2.0 * groups.rank - 1.0 - index[..., None]
    if se is not None:
        errors = require_alike(require_counts(se, "se"), groups.value.shape, "se")
        variance = ((groups.share / safe * distance * errors) ** 2).sum(axis=-1)
        return symmetric(index, np.sqrt(variance), level, "concentration-delta", estimable)
    people = np.broadcast_to(require_counts(population, "population"), groups.value.shape)
    if ((people != 1.0) & (people > 0)).any():
        raise InputError("M004", what="population", expected="{1}", found="≠ 1")
    ordinate = np.cumsum(groups.share * groups.value / safe, axis=-1)
    previous = ordinate - groups.share * groups.value / safe
    term = groups.value / safe * distance + 2.0 - previous - ordinate
    spread = (groups.share * term**2).sum(axis=-1) - (1.0 + index) ** 2
    variance = np.maximum(spread, 0.0) / np.maximum(groups.groups, 1)
    return symmetric(index, np.sqrt(variance), level, "concentration-kakwani", estimable)


def concentration_contributions(
    value: ArrayLike, population: ArrayLike, determinants: ArrayLike, coefficients: ArrayLike
) -> Floats:
    r"""Contribution of each determinant to a concentration index, the rest last (Wagstaff).

    With :math:`y = \alpha + \sum_k \beta_k z_k + \varepsilon`,
    :math:`C = \sum_k (\beta_k \bar z_k / \mu) C_k + GC_\varepsilon / \mu` .

    Parameters
    ----------
    value, population : array_like, shape (..., groups)
        As for :func:`concentration_index`.
    determinants : array_like, shape (..., determinants, groups)
        Mean of each determinant by group.
    coefficients : array_like, shape (..., determinants)
        Coefficients :math:`\beta_k` of the linear model, fitted elsewhere.

    Returns
    -------
    ndarray, shape (..., determinants + 1)
        Contributions that add up to the index; the last is the part that no determinant explains.

    Raises
    ------
    InputError
        ``M002`` shapes that do not match; ``I001``, ``I002``, ``M001``, ``M007`` as for
        :func:`concentration_index`.

    References
    ----------
    Wagstaff A, van Doorslaer E, Watanabe N. On decomposing the causes of health sector inequalities.
    J Econometrics 2003;112:207-223. doi:10.1016/S0304-4076(02)00161-6

    Examples
    --------
    >>> concentration_contributions([1, 2, 3], [1, 1, 1], [[1, 2, 3]], [0.5]).round(6).tolist()
    [0.111111, 0.111111]
    """
    groups = ordered_groups(value, population, least=0.0)
    causes, betas = require_finite(determinants, "determinants"), require_finite(coefficients, "coefficients")
    if (
        causes.ndim < 2
        or causes.shape[-1] != groups.value.shape[-1]
        or betas.shape[-1:] != causes.shape[-2:-1]
    ):
        expected = f"(..., determinants, {groups.value.shape[-1]})"
        raise InputError("M002", what="determinants", expected=expected, found=str(causes.shape))
    lean = groups.share * (2.0 * groups.rank - 1.0)
    mean = (groups.share * groups.value).sum(axis=-1)
    estimable = groups.estimable & (mean > 0)
    safe = np.where(estimable, mean, 1.0)[..., None]
    parts = betas * np.einsum("...kg,...g->...k", causes, lean) / safe
    index = (groups.value * lean).sum(axis=-1, keepdims=True) / safe
    everything = np.concatenate([parts, index - parts.sum(axis=-1, keepdims=True)], axis=-1)
    return plain(everything, np.asarray(estimable)[..., None])


def _absolute(groups: Groups) -> Floats:
    # Sum of a y (2x - 1), the same as mean x C without dividing by a mean that may be zero. Measured from the
    # mean, equal values give zero and not a rounding error.
    away = groups.value - mean_over(groups.share, groups.value)[..., None]
    return 2.0 * even_sum(groups.share * away * groups.lean)


def _index(groups: Groups) -> tuple[Floats, Floats, Mask]:
    """Return the index, the mean, and where both exist."""
    mean = mean_over(groups.share, groups.value)
    estimable = groups.estimable & (mean > 0)
    return _absolute(groups) / np.where(estimable, mean, 1.0), mean, np.asarray(estimable)


def _bounded(
    value: ArrayLike, population: ArrayLike, lowest: float, highest: float, what: str
) -> tuple[Groups, float, float]:
    low, high = require_scalar(lowest, "lowest"), require_scalar(highest, "highest")
    groups = ordered_groups(value, population)
    populated = groups.share > 0
    outside = populated & groups.estimable[..., None] & ((groups.value < low) | (groups.value > high))
    if outside.any() or not low < high:
        raise InputError("I008", what=what, found=int(outside.sum()))
    return groups, low, high
