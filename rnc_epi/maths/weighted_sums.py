"""Weighted sums of independent Poisson counts and their limits.

A standardised rate, a cumulative rate and standardised years of life lost are the same object: a sum over
age bands of events times a weight per event. Their limits are therefore the same, and stand here once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from rnc_epi.maths.intervals import LEAST_SHAPE, count_limits, gamma_mixture_limits, normal_quantile
from rnc_epi.maths.requirements import Floats, Mask, level_axis

RATE_METHODS = (
    "fay-feuer",
    "tiwari",
    "mid-p",
    "dobson-garwood",
    "dobson-byar",
    "normal",
    "log-normal",
)

# Methods that rest on the first two moments alone, hence valid when one person may bring several events.
MOMENT_METHODS = ("dobson-garwood", "dobson-byar", "normal", "log-normal")


@dataclass(frozen=True, eq=False)
class WeightedSum:
    """A sum over the last axis of counts times weights, and what its limits need.

    ``largest`` is the largest weight of one event over the bands; ``step`` and ``step_square`` are what one
    further event is held to add to the value and to the variance, which depends on the method.
    """

    value: Floats
    variance: Floats
    events: Floats
    largest: Floats
    step: Floats
    step_square: Floats
    estimable: Mask


def weighted_sum(
    events: Floats,
    person_years: Floats,
    weights: Floats,
    *,
    method: str,
    event_variance: Floats | None = None,
) -> WeightedSum:
    """Return the sum of ``weights * events / person_years`` over the last axis.

    A band with weight and no person-years makes the sum not estimable; a band without weight is left out.
    Arguments are checked by the caller.
    """
    if person_years.size and person_years.min() > 0:
        per_event = weights / person_years
        estimable = np.ones(events.shape[:-1], dtype=bool)
    else:
        peopled = person_years > 0
        per_event = np.divide(
            np.broadcast_to(weights, events.shape), person_years, out=np.zeros(events.shape), where=peopled
        )
        estimable = (peopled | (np.broadcast_to(weights, events.shape) == 0)).all(axis=-1)
    contribution = per_event * events
    if event_variance is None:
        variance = np.einsum("...i,...i->...", per_event, contribution)
    else:
        variance = np.einsum("...i,...i,...i->...", per_event, per_event, event_variance)
    largest = per_event.max(axis=-1)
    step, step_square = largest, largest**2
    if method == "tiwari":
        counted = np.maximum((per_event > 0).sum(axis=-1), 1)
        step = per_event.sum(axis=-1) / counted
        step_square = np.einsum("...i,...i->...", per_event, per_event) / counted
    total = events.sum(axis=-1)
    if not (weights > 0).all():
        # Events of a band that the standard ignores do not enter the sum, hence not its limits either.
        total = np.where(np.broadcast_to(weights > 0, events.shape), events, 0.0).sum(axis=-1)
    return WeightedSum(
        value=contribution.sum(axis=-1),
        variance=np.asarray(variance),
        events=np.asarray(total),
        largest=largest,
        step=step,
        step_square=step_square,
        estimable=estimable,
    )


def weighted_sum_limits(total: WeightedSum, method: str, levels: Floats) -> tuple[Floats, Floats]:
    """Return the limits of a weighted sum, NaN where it is not estimable (formulas: see the callers)."""
    if method in ("fay-feuer", "tiwari"):
        lower, upper = gamma_limits(total.value, total.variance, total.step, total.step_square, levels)
    elif method == "mid-p":
        lower, upper = _mid_p_limits(total, levels)
    elif method in ("dobson-garwood", "dobson-byar"):
        lower, upper = _dobson_limits(total, method.removeprefix("dobson-"), levels)
    else:
        lower, upper = _normal_limits(total, levels, log=method == "log-normal")
    hidden = ~total.estimable
    if hidden.any():
        lower, upper = np.where(hidden, np.nan, lower), np.where(hidden, np.nan, upper)
    return lower, upper


def gamma_limits(
    value: Floats, variance: Floats, step: Floats, step_square: Floats, levels: Floats
) -> tuple[Floats, Floats]:
    """Quantiles of gammas with the moments of the sum, one more event being added for the upper limit.

    `step` and `step_square` are what that further event adds to the mean and to the variance.
    """
    tail = level_axis((1 - levels) / 2, value)
    seen = value > 0
    y, v = np.where(seen, value, 1.0), np.where(seen, variance, 1.0)
    shape = y * y / v
    seen = seen & (shape > LEAST_SHAPE)
    lower = np.where(seen, v / y * special.gammaincinv(np.where(seen, shape, 1.0), tail), 0.0)
    y, v = value + step, variance + step_square
    # All weights zero happens only where the sum is not estimable, and is then masked.
    y, v = np.where(y > 0, y, 1.0), np.where(v > 0, v, 1.0)
    return lower, np.asarray(v / y * special.gammainccinv(y * y / v, tail))


def _mid_p_limits(total: WeightedSum, levels: Floats) -> tuple[Floats, Floats]:
    tail = level_axis((1 - levels) / 2, total.value)
    seen = total.value > 0
    y, v = np.where(seen, total.value, 1.0), np.where(seen, total.variance, 1.0)
    more, more_variance = total.value + total.step, total.variance + total.step_square
    more = np.where(more > 0, more, 1.0)
    more_variance = np.where(more_variance > 0, more_variance, 1.0)
    return gamma_mixture_limits(
        np.where(seen, y * y / v, 0.0), v / y, more * more / more_variance, more_variance / more, tail
    )


def _dobson_limits(total: WeightedSum, count_method: str, levels: Floats) -> tuple[Floats, Floats]:
    low, high = count_limits(total.events, count_method, levels)
    # Without events the variance is estimated as zero: the method has no limits there, whatever it prints.
    seen = total.events > 0
    stretch = np.sqrt(np.where(seen, total.variance, np.nan) / np.where(seen, total.events, 1.0))
    return total.value + stretch * (low - total.events), total.value + stretch * (high - total.events)


def _normal_limits(total: WeightedSum, levels: Floats, *, log: bool) -> tuple[Floats, Floats]:
    z = level_axis(normal_quantile(levels), total.value)
    seen = total.value > 0
    value = np.where(seen, total.value, np.nan)
    se = np.sqrt(np.where(seen, total.variance, np.nan))
    if log:
        factor = np.exp(z * se / value)
        return value / factor, value * factor
    return value - z * se, value + z * se
