"""Inequality between groups whatever their order: entropy measures, variance, indices of disparity.

Between groups only: what varies inside a group is not seen. None has a sign; a gradient is read from the
slope and relative indices.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from rnc_epi.maths.inequality.ridit import Groups, mean_over, ordered_groups, plain
from rnc_epi.maths.requirements import Floats, Mask, require_choice

Benchmark = Literal["mean", "lowest", "highest"]
BENCHMARKS = ("mean", "lowest", "highest")


def theil(value: ArrayLike, population: ArrayLike) -> Floats:
    r"""Theil's index between groups, :math:`T = \sum_j a_j r_j \ln r_j` with :math:`r_j = y_j / \mu`.

    Parameters
    ----------
    value : array_like, shape (..., groups)
        Non-negative means or rates by group. A zero contributes nothing, the limit of r ln r.
    population : array_like, shape (..., groups)

    Returns
    -------
    ndarray, shape (...)
        Zero when all groups are equal, at most the logarithm of one over the smallest share. In natural
        units: multiply by 1 000 to compare with the published tables of the World Health Organization.

    Raises
    ------
    InputError
        ``I001``, ``I002``, ``M001``, ``M002``, ``M007``.

    References
    ----------
    Theil H. Economics and information theory. North-Holland, 1967.

    Examples
    --------
    >>> float(round(theil([0, 0, 9], [1, 1, 1]), 6))  # ln 3
    1.098612
    """
    groups = ordered_groups(value, population, least=0.0)
    ratio, estimable = _to_mean(groups)
    positive = ratio > 0
    terms = np.where(positive, ratio * np.log(np.where(positive, ratio, 1.0)), 0.0)
    # Rounding may take the sum of almost equal groups below zero.
    return plain(np.maximum((groups.share * terms).sum(axis=-1), 0.0), estimable)


def mean_log_deviation(value: ArrayLike, population: ArrayLike) -> Floats:
    r"""Mean log deviation between groups, :math:`-\sum_j a_j \ln (y_j / \mu)`.

    Parameters
    ----------
    value, population
        As for :func:`theil`.

    Returns
    -------
    ndarray, shape (...)
        In natural units, as :func:`theil`; NaN where a populated group has a zero, for which it is infinite.

    Raises
    ------
    InputError
        ``I001``, ``I002``, ``M001``, ``M002``, ``M007`` as for :func:`theil`.

    References
    ----------
    Theil H. Economics and information theory. North-Holland, 1967.

    Examples
    --------
    >>> float(round(mean_log_deviation([1, 1, 4], [1, 1, 1]), 6))  # ln 2 - (ln 4) / 3
    0.231049
    """
    groups = ordered_groups(value, population, least=0.0)
    ratio, estimable = _to_mean(groups)
    populated = groups.share > 0
    estimable = estimable & ((ratio > 0) | ~populated).all(axis=-1)
    logs = np.log(np.where(populated & (ratio > 0), ratio, 1.0))
    # Jensen's inequality makes the measure non-negative; rounding may not, when all groups are equal.
    return plain(np.maximum(-(groups.share * logs).sum(axis=-1), 0.0), estimable)


def between_group_variance(value: ArrayLike, population: ArrayLike) -> Floats:
    r"""Variance between groups, :math:`\sum_j a_j (y_j - \mu)^2`, in the squared unit of the value.

    Parameters
    ----------
    value, population
        As for :func:`theil`, with values of any sign.

    Returns
    -------
    ndarray, shape (...)
        NaN where fewer than three groups are populated.

    Raises
    ------
    InputError
        ``I001``, ``I002``, ``M002``, ``M007`` as for :func:`theil`.

    Examples
    --------
    A mean of 2: (1 + 1 + 4) / 3.

    >>> float(between_group_variance([1, 1, 4], [1, 1, 1]))
    2.0
    """
    groups = ordered_groups(value, population)
    return plain((groups.share * (groups.value - _mean(groups)) ** 2).sum(axis=-1), groups.estimable)


def coefficient_of_variation(value: ArrayLike, population: ArrayLike) -> Floats:
    r"""Standard deviation of groups, per cent of the mean, :math:`100 \sqrt{\sum_j a_j (y_j/\mu - 1)^2}`.

    Parameters
    ----------
    value, population
        As for :func:`theil`.

    Returns
    -------
    ndarray, shape (...)
        Per cent; NaN where the mean is zero or fewer than three groups are populated.

    Raises
    ------
    InputError
        ``I001``, ``I002``, ``M001``, ``M002``, ``M007`` as for :func:`theil`.

    Examples
    --------
    The root of 2 over a mean of 2:

    >>> float(round(coefficient_of_variation([1, 1, 4], [1, 1, 1]), 4))
    70.7107
    """
    groups = ordered_groups(value, population, least=0.0)
    ratio, estimable = _to_mean(groups)
    return plain(100.0 * np.sqrt((groups.share * (ratio - 1.0) ** 2).sum(axis=-1)), estimable)


def index_of_disparity(value: ArrayLike, population: ArrayLike, *, weighted: bool = True) -> Floats:
    r"""Mean absolute distance of the groups to the mean, in per cent of the mean.

    .. math:: 100 \sum_j a_j |y_j - \mu| / \mu ,

    each group counting for its population, or all the same with ``weighted=False``; the mean :math:`\mu` is
    that of the population in both.

    Parameters
    ----------
    value, population
        As for :func:`theil`.
    weighted : bool
        Each group counts for its population, or all the same.

    Returns
    -------
    ndarray, shape (...)
        Per cent; NaN where the mean is zero or fewer than three groups are populated.

    Raises
    ------
    InputError
        ``I001``, ``I002``, ``M001``, ``M002``, ``M007`` as for :func:`theil`.

    References
    ----------
    Pearcy JN, Keppel KG. A summary measure of health disparity. Public Health Rep 2002;117:273-280.
    doi:10.1093/phr/117.3.273

    Examples
    --------
    Distances 1, 1 and 2 of a mean of 2:

    >>> float(round(index_of_disparity([1, 1, 4], [1, 1, 1]), 4))
    66.6667
    """
    groups = ordered_groups(value, population, least=0.0)
    ratio, estimable = _to_mean(groups)
    return plain(100.0 * (_weights(groups, weighted) * np.abs(ratio - 1.0)).sum(axis=-1), estimable)


def mean_difference(
    value: ArrayLike, population: ArrayLike, *, benchmark: Benchmark = "mean", weighted: bool = True
) -> Floats:
    r"""Mean absolute distance of groups to a benchmark b, :math:`\sum_j a_j |y_j - b|`, in the value's unit.

    Parameters
    ----------
    value, population
        As for :func:`theil`, with values of any sign.
    benchmark : {"mean", "lowest", "highest"}
        The population's mean, or the lowest or highest value of a populated group (of which the favourable
        one is the best: the lowest for a cancer rate).
    weighted : bool
        Each group counts for its population, or all the same.

    Returns
    -------
    ndarray, shape (...)
        NaN where fewer than three groups are populated.

    Raises
    ------
    InputError
        ``M005`` unknown benchmark; ``I001``, ``I002``, ``M002``, ``M007`` as for :func:`theil`.

    Examples
    --------
    Distances 0, 0 and 3 to the lowest:

    >>> float(mean_difference([1, 1, 4], [1, 1, 1], benchmark="lowest"))
    1.0
    """
    require_choice(benchmark, BENCHMARKS, "benchmark")
    groups = ordered_groups(value, population)
    populated = groups.share > 0
    if benchmark == "mean":
        target = _mean(groups)
    elif benchmark == "lowest":
        target = np.where(populated, groups.value, np.inf).min(axis=-1, keepdims=True)
    else:
        target = np.where(populated, groups.value, -np.inf).max(axis=-1, keepdims=True)
    target = np.where(np.isfinite(target), target, 0.0)
    distance = np.abs(groups.value - target)
    return plain((_weights(groups, weighted) * distance).sum(axis=-1), groups.estimable)


def _mean(groups: Groups) -> Floats:
    return mean_over(groups.share, groups.value)[..., None]


def _to_mean(groups: Groups) -> tuple[Floats, Mask]:
    """Return values divided by the mean, and where that mean is above zero."""
    mean = _mean(groups)
    estimable = groups.estimable & (mean[..., 0] > 0)
    return groups.value / np.where(mean > 0, mean, 1.0), np.asarray(estimable)


def _weights(groups: Groups, weighted: bool) -> Floats:
    if weighted:
        return groups.share
    return (groups.share > 0) / np.maximum(groups.groups, 1)[..., None]
