"""Many areas at once: which differ, when one in twenty would by chance, and how sure their ranks are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from rnc_epi.maths.requirements import (
    Floats,
    Mask,
    as_result,
    level_axis,
    require_bands,
    require_choice,
    require_level,
    require_numbers,
    require_shares,
    require_whole,
)
from rnc_epi.maths.standardise import RateEstimate
from rnc_epi.vocabulary.errors import InputError

DISCOVERY_METHODS = ("benjamini-hochberg", "benjamini-yekutieli")


@dataclass(frozen=True, eq=False)
class Discoveries:
    """P-values adjusted for their number, and those below the accepted share of false discoveries."""

    adjusted: Floats
    discovered: Mask
    method: str
    rate: float


@dataclass(frozen=True, eq=False)
class Ranks:
    """Rank of each area, 1 being the highest rate, and limits of its rank.

    ``rank`` is that of the observed rates (ties share their mean rank); ``expected`` is the mean of the
    simulated ranks, drawn towards the middle for uncertain areas. NaN for an area without a rate.
    """

    rank: Floats
    expected: Floats
    lower: Floats
    upper: Floats
    level: Floats


def false_discovery_rate(
    p_values: ArrayLike, *, method: str = "benjamini-hochberg", rate: float = 0.05
) -> Discoveries:
    r"""Adjust p-values over a family so that a stated share of the discoveries is false on average.

    With p-values sorted, :math:`p_{(k)} m c / k` made non-decreasing from the largest down; :math:`c = 1`
    for Benjamini and Hochberg (independent or positively dependent tests [1]_), :math:`c = \sum_{j\le m}
    1/j` for Benjamini and Yekutieli (any dependence [2]_).

    Parameters
    ----------
    p_values : array_like, shape (..., family)
        A NaN is no test: it stays NaN and does not count in :math:`m`.
    method : {"benjamini-hochberg", "benjamini-yekutieli"}
    rate : float
        Accepted share of false discoveries.

    Returns
    -------
    Discoveries

    Raises
    ------
    InputError
        A p-value outside 0 to 1 (M010), unknown method (M005).

    References
    ----------
    .. [1] Benjamini Y, Hochberg Y. J R Stat Soc B 1995;57:289-300. doi:10.1111/j.2517-6161.1995.tb02031.x
    .. [2] Benjamini Y, Yekutieli D. Ann Stat 2001;29:1165-1188. doi:10.1214/aos/1013699998

    Examples
    --------
    >>> found = false_discovery_rate([0.01, 0.02, 0.04, 0.5])
    >>> found.adjusted.round(3).tolist(), found.discovered.tolist()
    ([0.04, 0.04, 0.053, 0.5], [True, True, False, False])
    """
    require_choice(method, DISCOVERY_METHODS, "method")
    threshold = float(require_shares(rate, "rate"))
    p = require_bands(require_numbers(p_values, "p_values"), "p_values")
    tested = ~np.isnan(p)
    require_shares(np.where(tested, p, 0.0), "p_values")
    family = tested.sum(axis=-1, keepdims=True)
    # Sorting puts NaN last, so the tests of a family take the ranks 1 to m.
    order = np.argsort(p, axis=-1, kind="stable")
    place = np.arange(1, p.shape[-1] + 1)
    scaled = np.take_along_axis(p, order, axis=-1) * family / place
    if method == "benjamini-yekutieli":
        scaled = scaled * (special.digamma(family + 1.0) + np.euler_gamma)
    scaled = np.where(np.isnan(scaled), np.inf, scaled)
    monotone = np.minimum.accumulate(scaled[..., ::-1], axis=-1)[..., ::-1]
    adjusted = np.empty_like(p)
    np.put_along_axis(adjusted, order, np.minimum(monotone, 1.0), axis=-1)
    adjusted = np.where(tested, adjusted, np.nan)
    return Discoveries(adjusted, tested & (adjusted <= threshold), method, threshold)


def ranks_with_uncertainty(
    rates: RateEstimate, *, seed: int, draws: int = 4000, level: float | ArrayLike = 0.95
) -> Ranks:
    """Rank areas on the last axis by their rate, with limits obtained by simulation.

    Each rate is drawn from a gamma distribution with its own mean and variance, half an event being added
    (:math:`y + w_M/2`, :math:`v + w_M^2/2`) so that an area without events is uncertain too; the areas are
    ranked in each draw. Overlapping limits mean that the order is not known.

    Parameters
    ----------
    rates : RateEstimate, shape (..., areas)
    seed : int
        Seed of the simulation; the same seed gives the same ranks.
    draws : int
        Number of simulated tables.
    level : float or sequence of float
        Coverage; a sequence adds a first axis to the limits.

    Returns
    -------
    Ranks

    References
    ----------
    Goldstein H, Spiegelhalter DJ. League tables and their limitations. J R Stat Soc A 1996;159:385-443.
    doi:10.2307/2983325. Fay MP, Feuer EJ, Stat Med 1997;16:791-801, for the gamma of a rate.

    Examples
    --------
    >>> from rnc_epi.maths.standardise import crude_rate
    >>> ranks = ranks_with_uncertainty(crude_rate([400, 100, 90], [1000, 1000, 1000]), seed=1)
    >>> ranks.rank.tolist(), ranks.lower.tolist(), ranks.upper.tolist()
    ([1.0, 2.0, 3.0], [1.0, 2.0, 2.0], [1.0, 3.0, 3.0])
    """
    times = require_whole(draws, "draws", least=100)
    values = require_bands(np.asarray(rates.rate), "rates")
    step = np.asarray(rates.event_weight)
    known = np.asarray(rates.estimable)
    mean = np.where(known, values + step / 2, 1.0)
    variance = np.where(known, np.square(rates.se) + step**2 / 2, 1.0)
    generator = np.random.default_rng(seed)
    shape, scale = mean**2 / variance, variance / mean
    simulated = generator.standard_gamma(shape[..., None], size=(*values.shape, times)) * scale[..., None]
    simulated = np.where(known[..., None], simulated, np.nan)
    return ranks_from_draws(np.where(known, values, np.nan), simulated, level=level)


def ranks_from_draws(values: ArrayLike, draws: ArrayLike, *, level: float | ArrayLike = 0.95) -> Ranks:
    """Rank `values` and give the limits of each rank over draws of the same quantities.

    Parameters
    ----------
    values : array_like, shape (..., areas)
        NaN for an area without a value: it is not ranked.
    draws : array_like, shape (..., areas, draws)
        For instance posterior draws of smoothed risks.
    level : float or sequence of float

    Returns
    -------
    Ranks

    Raises
    ------
    InputError
        Shapes (M002), level (M004).
    """
    levels = require_level(level)
    observed = require_bands(require_numbers(values, "values"), "values")
    simulated = require_numbers(draws, "draws")
    if simulated.ndim != observed.ndim + 1 or simulated.shape[:-1] != observed.shape:
        raise InputError(
            "M002", what="draws", expected=f"{(*observed.shape, 'draws')}", found=str(simulated.shape)
        )
    known = ~np.isnan(observed)
    rank = np.where(known, _descending_ranks(observed), np.nan)
    # Areas last, so that each draw is one table to rank.
    each = np.moveaxis(_descending_ranks(np.moveaxis(simulated, -1, -2)), -1, -2)
    each = np.where(known[..., None], each, np.inf)
    tail = (1 - levels) / 2
    # A rank is a whole number: the limits are observed ranks, not interpolations between them.
    lower = np.quantile(each, tail, axis=-1, method="inverted_cdf")
    upper = np.quantile(each, 1 - tail, axis=-1, method="inverted_cdf")
    mask = level_axis(np.ones(levels.shape), observed) * np.where(known, 1.0, np.nan)
    finite = np.where(known[..., None], each, 0.0).mean(axis=-1)
    return Ranks(
        rank=rank,
        expected=np.where(known, finite, np.nan),
        lower=np.where(np.isnan(mask), np.nan, lower),
        upper=np.where(np.isnan(mask), np.nan, upper),
        level=as_result(levels),
    )


def _descending_ranks(values: Floats) -> Floats:
    """Ranks along the last axis, 1 for the largest; equal values share their mean rank; NaN come last."""
    order = np.argsort(-values, axis=-1, kind="stable")
    in_order = np.take_along_axis(values, order, axis=-1)
    n = values.shape[-1]
    place = np.broadcast_to(np.arange(1.0, n + 1), values.shape)
    starts = np.ones(values.shape, dtype=bool)
    starts[..., 1:] = in_order[..., 1:] != in_order[..., :-1]
    # First and last place of each run of equal values, carried along the run from either end.
    first = np.maximum.accumulate(np.where(starts, place, 0.0), axis=-1)
    ends = np.ones(values.shape, dtype=bool)
    ends[..., :-1] = starts[..., 1:]
    last = np.minimum.accumulate(np.where(ends, place, n + 1.0)[..., ::-1], axis=-1)[..., ::-1]
    ranks = np.empty(values.shape)
    np.put_along_axis(ranks, order, (first + last) / 2, axis=-1)
    return ranks
