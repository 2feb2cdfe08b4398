"""The four measures of spread between groups from one simulation: for tables of thousands of strata.

The same draws, values and laws as `from_standard_errors` gives one measure at a time; what they share (the
mean, the ratios to it, their logs) is computed once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rnc_epi.maths.inequality.dispersion import (
    between_group_variance,
    index_of_disparity,
    mean_log_deviation,
    theil,
)
from rnc_epi.maths.inequality.results import Estimate
from rnc_epi.maths.inequality.ridit import Groups, ordered_groups, require_alike
from rnc_epi.maths.requirements import Floats, as_result, require_counts, require_level, require_whole

#: Simulated values held at once: 2 million float64 are 16 MB, which stay near the processor.
BLOCK = 2_000_000

NAMES = ("theil", "mean_log_deviation", "between_group_variance", "index_of_disparity")


@dataclass(frozen=True, slots=True)
class Spread:
    """Four measures of spread between groups, each with limits."""

    theil: Estimate
    mean_log_deviation: Estimate
    between_group_variance: Estimate
    index_of_disparity: Estimate


def spread_between_groups(
    value: ArrayLike,
    population: ArrayLike,
    *,
    se: ArrayLike,
    level: float = 0.95,
    seed: int = 0,
    simulations: int = 10_000,
) -> Spread:
    """Theil's index, mean log deviation, variance between groups and index of disparity, with limits.

    Parameters
    ----------
    value, population : array_like, shape (..., groups)
        As for :func:`theil`.
    se : array_like, shape (..., groups)
        Standard errors of the values; those of groups in which nobody lives are not read.
    level : float
        Coverage of the limits.
    seed, simulations : int
        As for :func:`from_standard_errors`. Limits are order statistics.

    Returns
    -------
    Spread
        Each of shape (...). A mean log deviation has no finite upper limit where too many simulated rates
        are zero, for which it is infinite.

    Raises
    ------
    InputError
        ``I001``, ``I002``, ``M001``, ``M002``, ``M007`` as for :func:`theil`; ``M002`` errors of another
        shape; ``M004`` level, fewer than 100 simulations.

    References
    ----------
    Theil H. Economics and information theory. North-Holland, 1967. Pearcy JN, Keppel KG. Public Health Rep
    2002;117:273-280. doi:10.1093/phr/117.3.273

    Examples
    --------
    >>> found = spread_between_groups([10, 20, 30], [1, 1, 1], se=[1, 1, 1])
    >>> float(round(found.theil.value, 4)), bool(found.theil.lower < found.theil.value < found.theil.upper)
    (0.0872, True)
    """
    groups = ordered_groups(value, population, least=0.0)
    shape = groups.value.shape
    errors = require_alike(require_counts(np.nan_to_num(se), "se"), shape, "se")
    require_whole(simulations, "simulations", least=100)
    levels = require_level(level)
    normals = np.random.default_rng(seed).standard_normal((simulations, shape[-1])).T
    centre, share = groups.value.reshape(-1, shape[-1]), groups.share.reshape(-1, shape[-1])
    error = np.where(share > 0, errors.reshape(-1, shape[-1]), 0.0)
    below = int((1.0 - float(levels)) / 2.0 * simulations)
    found = np.empty((len(NAMES), 3, len(centre)))
    size = max(1, BLOCK // (simulations * shape[-1]))
    for start in range(0, len(centre), size):
        part = slice(start, start + size)
        simulated = _measures(_drawn(centre[part], error[part], normals), share[part])
        for place, values in enumerate(simulated):
            with np.errstate(invalid="ignore"):
                found[place, 2, part] = values.std(axis=-1, ddof=1)
            values.partition([below, simulations - 1 - below], axis=-1)
            found[place, 0, part] = values[:, below]
            found[place, 1, part] = values[:, simulations - 1 - below]
    return Spread(*(_estimate(place, found[place], groups, value, population, levels) for place in range(4)))


def _drawn(centre: Floats, error: Floats, normals: Floats) -> Floats:
    """Return drawn rates, (strata, groups, simulations), not below zero."""
    drawn = error[:, :, None] * normals
    drawn += centre[:, :, None]
    return np.maximum(drawn, 0.0, out=drawn)


def _measures(drawn: Floats, share: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the four measures of drawn rates, (strata, simulations) each; `drawn` is used up."""
    mean = np.einsum("bg,bgs->bs", share, drawn)
    some = mean > 0
    ratio = drawn
    ratio /= np.where(some, mean, 1.0)[:, None, :]
    absent = share <= 0
    if absent.any():
        ratio[absent] = 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(ratio)
        deviation = -np.einsum("bg,bgs->bs", share, np.where(absent[:, :, None], 0.0, logs))
        logs *= ratio
    entropy = np.einsum("bg,bgs->bs", share, np.nan_to_num(logs, copy=False, nan=0.0))
    ratio -= 1.0
    disparity = 100.0 * np.einsum("bg,bgs->bs", share, np.abs(ratio))
    ratio *= ratio
    variance = mean**2 * np.einsum("bg,bgs->bs", share, ratio)
    for values in (entropy, disparity, variance):
        values[~some] = 0.0
    deviation[~some] = np.inf
    return entropy, np.maximum(deviation, 0.0, out=deviation), variance, disparity


def _estimate(
    place: int, found: Floats, groups: Groups, value: ArrayLike, population: ArrayLike, levels: Floats
) -> Estimate:
    measure = (theil, mean_log_deviation, between_group_variance, index_of_disparity)[place]
    observed = np.asarray(measure(value, population))
    estimable = groups.estimable & np.isfinite(observed)

    def shown(values: Floats) -> object:
        return as_result(np.where(estimable, values.reshape(observed.shape), np.nan))

    return Estimate(
        shown(observed),
        shown(found[0]),
        shown(found[1]),
        shown(found[2]),
        float(levels),
        "simulated-normal",
        as_result(np.asarray(estimable)),
    )
