"""Crude, directly and indirectly standardised rates with their limits.

The direct rate sums the last axis (age bands); the crude rate and the indirect ratio work element by
element. An empty stratum gives NaN and ``estimable`` False; impossible input raises.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from rnc_epi.maths.intervals import COUNT_METHODS, count_limits
from rnc_epi.maths.requirements import (
    Floats,
    Mask,
    as_result,
    require_bands,
    require_choice,
    require_counts,
    require_events_and_person_years,
    require_level,
    require_numbers,
    require_positive,
    require_same_shape,
    require_scalar,
    require_shape,
    require_weights,
)
from rnc_epi.maths.weighted_sums import MOMENT_METHODS, RATE_METHODS, weighted_sum, weighted_sum_limits
from rnc_epi.vocabulary.errors import InputError


@dataclass(frozen=True, eq=False)
class RateEstimate:
    """A rate with its limits and how they were made.

    Attributes
    ----------
    rate, se : array, one value per group, in events per `per` person-years
    lower, upper : array; a sequence of levels adds a first axis
    estimable : bool array
        False where a band that the standard needs has no person-years; all figures are then NaN.
    events : array
        Events behind the rate (those of bands with weight).
    event_weight : array
        What one event adds to the rate at most, in the unit of the rate: the largest band weight.
    method, level, per
        Method slug of the limits, their coverage, and person-years the rate is expressed per.
    """

    rate: Floats
    lower: Floats
    upper: Floats
    se: Floats
    estimable: Mask
    events: Floats
    event_weight: Floats
    method: str
    level: Floats
    per: float

    def scaled(self, factor: ArrayLike) -> RateEstimate:
        """Return the estimate times a known factor per group, such as that of cases of unknown age."""
        times = require_positive_or_missing(factor, np.shape(self.rate))
        return replace(
            self,
            rate=as_result(np.asarray(self.rate * times)),
            lower=as_result(np.asarray(self.lower * times)),
            upper=as_result(np.asarray(self.upper * times)),
            se=as_result(np.asarray(self.se * times)),
            estimable=as_result(np.asarray(self.estimable & ~np.isnan(times))),
            event_weight=as_result(np.asarray(self.event_weight * times)),
        )


@dataclass(frozen=True, eq=False)
class RatioEstimate:
    """Observed over expected events with limits; NaN where nothing is expected (`estimable` False)."""

    ratio: Floats
    lower: Floats
    upper: Floats
    se: Floats
    estimable: Mask
    observed: Floats
    expected: Floats
    method: str
    level: Floats


def require_positive_or_missing(factor: ArrayLike, shape: tuple[int, ...]) -> Floats:
    """Return a factor per group, above zero or NaN, broadcast to `shape`."""
    values = require_numbers(factor, "factor")
    require_positive(values[~np.isnan(values)], "factor")
    if values.ndim:
        require_shape(values, shape, "factor")
    return values


def crude_rate(
    events: ArrayLike,
    person_years: ArrayLike,
    *,
    method: str = "garwood",
    level: float | ArrayLike = 0.95,
    per: float = 100_000,
    event_variance: ArrayLike | None = None,
) -> RateEstimate:
    r"""Events per person-years, element by element, with the limits of the count.

    An age-specific rate is the crude rate of one band.

    Where one person may bring several events, the count :math:`d` is no Poisson count; with its variance
    :math:`V` [1]_ the rate :math:`d / n` has the variance :math:`V / n^2`, and the limits are those of
    :func:`directly_standardised_rate` with a single band, such as :math:`(d \pm z\sqrt V) / n` and
    :math:`d \exp(\pm z\sqrt V / d) / n`.

    Parameters
    ----------
    events, person_years : array_like of one shape
    method : {"garwood", "mid-p", "byar"}
        See :func:`rnc_epi.maths.intervals.poisson_interval`. With `event_variance` one that rests on two
        moments: {"normal", "log-normal", "dobson-garwood", "dobson-byar"}.
    level : float or sequence of float
        Coverage; a sequence adds a first axis to the limits.
    per : float
        Person-years the rate is expressed per.
    event_variance : array_like, same shape as `events`, optional
        Variance of each count (:func:`rnc_epi.maths.bands.repeated_events`).

    Returns
    -------
    RateEstimate
        NaN and ``estimable`` False where there are neither events nor person-years.

    Raises
    ------
    InputError
        Negative (M001), non-finite (M007), shapes (M002), events without person-time (M003), an unknown
        method (M005), a method that does not take `event_variance` (M014).

    References
    ----------
    .. [1] Stukel TA, Glynn RJ, Fisher ES, et al. Standardized rates of recurrent outcomes. Stat Med
       1994;13:1781-1791. doi:10.1002/sim.4780131709

    Examples
    --------
    >>> rate = crude_rate(20, 100, per=100)
    >>> print(f"{rate.rate:.0f} ({rate.lower:.2f} to {rate.upper:.2f})")
    20 (12.22 to 30.89)

    Twenty events of which two persons had four each, hence a variance of 12 + 2 x 16:

    >>> rate = crude_rate(20, 100, per=100, method="normal", event_variance=44)
    >>> print(f"{rate.rate:.0f} ({rate.lower:.2f} to {rate.upper:.2f})")
    20 (7.00 to 33.00)
    """
    counts, denominators = require_events_and_person_years(events, person_years)
    if event_variance is not None:
        spread = _require_variance(event_variance, counts, method)
        return directly_standardised_rate(
            counts[..., None], denominators[..., None], [1.0], method=method, level=level, per=per,
            event_variance=spread[..., None],
        )  # fmt: skip
    levels = require_level(level)
    require_choice(method, COUNT_METHODS, "method")
    unit = _require_unit(per)
    estimable = denominators > 0
    event_weight = unit / np.where(estimable, denominators, np.nan)
    lower, upper = count_limits(counts, method, levels)
    return RateEstimate(
        rate=as_result(event_weight * counts),
        lower=as_result(event_weight * lower),
        upper=as_result(event_weight * upper),
        se=as_result(event_weight * np.sqrt(counts)),
        estimable=as_result(estimable),
        events=as_result(counts),
        event_weight=as_result(event_weight),
        method=method,
        level=as_result(levels),
        per=unit,
    )


def directly_standardised_rate(
    events: ArrayLike,
    person_years: ArrayLike,
    weights: ArrayLike,
    *,
    method: str = "fay-feuer",
    level: float | ArrayLike = 0.95,
    per: float = 100_000,
    event_variance: ArrayLike | None = None,
) -> RateEstimate:
    r"""Rate that the population would have had with the age structure of the standard.

    With :math:`d_i` events, :math:`n_i` person-years and weights :math:`W_i` summing to one,
    :math:`w_i = W_i / n_i`:

    .. math:: y = \sum_i w_i d_i , \qquad v = \sum_i w_i^2 d_i .

    Limits, with :math:`X = \sum d_i` and :math:`w_M = \max_i w_i`:

    - ``fay-feuer`` [1]_: quantiles of gammas with mean and variance :math:`(y, v)` below and
      :math:`(y + w_M, v + w_M^2)` above; conservative, and defined when no event is seen;
    - ``tiwari`` [2]_: the same with the mean of :math:`w_i` and of :math:`w_i^2` in place of :math:`w_M` and
      :math:`w_M^2`; the mean runs over the bands with weight, with or without events;
    - ``mid-p`` [3]_: quantiles of the half-and-half mixture of the two gammas of ``fay-feuer``;
    - ``dobson-garwood``, ``dobson-byar`` [4]_: :math:`y + \sqrt{v/X}\,(L_X - X)`, with the exact or Byar's
      limits of :math:`X`; NaN without events;
    - ``normal``: :math:`y \pm z\sqrt v`, which may fall below zero; NaN without events;
    - ``log-normal``: :math:`y \exp(\pm z\sqrt v / y)`; NaN without events.

    Their simulated coverage stands in ``docs/assurance.md``.

    Parameters
    ----------
    events, person_years : array_like, shape (..., bands)
    weights : array_like, shape (bands,) or (..., bands)
        Standard population on any scale; only proportions matter.
    method : str
        One of the slugs above.
    level : float or sequence of float
        Coverage; a sequence adds a first axis to the limits.
    per : float
        Person-years the rate is expressed per.
    event_variance : array_like, same shape as `events`, optional
        Variance of each count when one person may bring several events
        (:func:`rnc_epi.maths.bands.repeated_events`); for the methods that rest on two moments (Dobson,
        normal, log-normal).

    Returns
    -------
    RateEstimate
        ``estimable`` is False, and the figures NaN, where a band with weight has neither person-years
        nor events: its rate is unknown, not zero.

    Raises
    ------
    InputError
        Negative (M001) or non-finite (M007) values, shapes (M002), events without person-time (M003),
        weights negative or all zero (M006), an unknown method (M005), a method that does not take
        `event_variance` (M014).

    See Also
    --------
    indirectly_standardised_ratio : steadier when bands hold few events.

    References
    ----------
    .. [1] Fay MP, Feuer EJ. Confidence intervals for directly standardized rates: a method based on the
       gamma distribution. Stat Med 1997;16:791-801.
       doi:10.1002/(SICI)1097-0258(19970415)16:7<791::AID-SIM500>3.0.CO;2-#
    .. [2] Tiwari RC, Clegg LX, Zou Z. Efficient interval estimation for age-adjusted cancer rates. Stat
       Methods Med Res 2006;15:547-569. doi:10.1177/0962280206070621
    .. [3] Fay MP, Kim S. Biom J 2017;59:377-387. doi:10.1002/bimj.201600111
    .. [4] Dobson AJ, Kuulasmaa K, Eberle E, Scherer J. Confidence intervals for weighted sums of Poisson
       parameters. Stat Med 1991;10:457-462. doi:10.1002/sim.4780100317

    Examples
    --------
    By hand: 0.7 x 10/10 000 + 0.3 x 40/5 000 = 0.0031, that is 310 per 100 000.

    >>> asr = directly_standardised_rate([10, 40], [10_000, 5_000], [0.7, 0.3])
    >>> print(f"{asr.rate:.1f} ({asr.lower:.1f} to {asr.upper:.1f})")
    310.0 (229.9 to 409.9)

    No event at all still has an upper limit:

    >>> none = directly_standardised_rate([0, 0], [10_000, 5_000], [0.7, 0.3])
    >>> print(f"{none.rate:.1f} ({none.lower:.1f} to {none.upper:.1f})")
    0.0 (0.0 to 25.8)
    """
    counts, denominators = require_events_and_person_years(events, person_years)
    require_bands(counts)
    shares = require_weights(weights, counts.shape)
    require_choice(method, RATE_METHODS, "method")
    levels = require_level(level)
    unit = _require_unit(per)
    spread = None if event_variance is None else _require_variance(event_variance, counts, method)
    total = weighted_sum(counts, denominators, shares, method=method, event_variance=spread)
    lower, upper = weighted_sum_limits(total, method, levels)
    known = unit if total.estimable.all() else np.where(total.estimable, unit, np.nan)
    return RateEstimate(
        rate=as_result(np.asarray(total.value * known)),
        lower=as_result(np.asarray(lower * unit)),
        upper=as_result(np.asarray(upper * unit)),
        se=as_result(np.asarray(np.sqrt(total.variance) * known)),
        estimable=as_result(total.estimable),
        events=as_result(total.events),
        event_weight=as_result(np.asarray(total.largest * known)),
        method=method,
        level=as_result(levels),
        per=unit,
    )


def indirectly_standardised_ratio(
    observed: ArrayLike,
    expected: ArrayLike,
    *,
    method: str = "garwood",
    level: float | ArrayLike = 0.95,
) -> RatioEstimate:
    r"""Observed over expected events (SIR, SMR), element by element.

    :math:`O/E` with :math:`E = \sum_i n_i R_i` taken as known; the limits are those of :math:`O` over
    :math:`E`. Ratios of areas with different age structures are not comparable with one another, only each
    with the reference. A reference that contains the area draws the ratio towards 1
    (:func:`rnc_epi.maths.reference.internal_expected_events`).

    Parameters
    ----------
    observed, expected : array_like of one shape
    method : {"garwood", "mid-p", "byar"}
        See :func:`rnc_epi.maths.intervals.poisson_interval`.
    level : float or sequence of float
        Coverage; a sequence adds a first axis to the limits.

    Returns
    -------
    RatioEstimate
        NaN and ``estimable`` False where `expected` is 0 or NaN; events seen where none was expected are
        not estimable either, since the reference is not Poisson around 0.

    Raises
    ------
    InputError
        Negative (M001) or non-finite (M007) values, shapes (M002). NaN is accepted in `expected` only.

    References
    ----------
    Breslow NE, Day NE. Statistical methods in cancer research, vol. II. IARC Sci Publ 82, 1987, chapter 2.

    Examples
    --------
    >>> sir = indirectly_standardised_ratio(91, 835.883561)
    >>> print(f"{sir.ratio:.4f} ({sir.lower:.4f} to {sir.upper:.4f})")
    0.1089 (0.0877 to 0.1337)
    """
    seen = require_counts(observed, "observed")
    given = require_numbers(expected, "expected")
    missing = np.isnan(given)
    require_counts(np.where(missing, 0.0, given), "expected")
    require_same_shape(observed=seen, expected=given)
    levels = require_level(level)
    require_choice(method, COUNT_METHODS, "method")
    estimable = given > 0
    awaited = np.where(estimable, given, np.nan)
    lower, upper = count_limits(seen, method, levels)
    return RatioEstimate(
        ratio=as_result(seen / awaited),
        lower=as_result(lower / awaited),
        upper=as_result(upper / awaited),
        se=as_result(np.sqrt(seen) / awaited),
        estimable=as_result(estimable),
        observed=as_result(seen),
        expected=as_result(given),
        method=method,
        level=as_result(levels),
    )


def _require_variance(event_variance: ArrayLike, counts: Floats, method: str) -> Floats:
    if method not in MOMENT_METHODS:
        raise InputError("M014", found=method, what="event_variance", expected=", ".join(MOMENT_METHODS))
    spread = require_counts(event_variance, "event_variance")
    require_same_shape(events=counts, event_variance=spread)
    return spread


def _require_unit(per: float) -> float:
    return float(require_positive(require_scalar(per, "per"), "per"))
