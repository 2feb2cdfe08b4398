"""Two standardised rates compared: ratio, difference, comparative figure, an area against the rest.

The two rates must be independent and standardised to the same weights. An area is therefore compared with
the rest of the country, never with the country that contains it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from rnc_epi.maths.intervals import normal_quantile
from rnc_epi.maths.reference import require_areas, the_rest
from rnc_epi.maths.requirements import (
    Floats,
    Mask,
    as_result,
    level_axis,
    require_choice,
    require_level,
    require_positive,
    require_scalar,
)
from rnc_epi.maths.standardise import RateEstimate, directly_standardised_rate
from rnc_epi.vocabulary.errors import InputError

RATIO_METHODS = ("log-normal", "test-based", "fay-f")


class Rate(Protocol):
    """What a comparison needs of a rate; :class:`rnc_epi.maths.standardise.RateEstimate` is one."""

    @property
    def rate(self) -> Floats:
        """The rate itself."""

    @property
    def se(self) -> Floats:
        """Its standard error."""

    @property
    def estimable(self) -> Mask:
        """False where the rate is unknown."""

    @property
    def event_weight(self) -> Floats:
        """What one event adds to the rate at most (read by ``fay-f`` alone)."""

    @property
    def per(self) -> float:
        """Person-years the rate is expressed per."""


@dataclass(frozen=True, eq=False)
class RateRatio:
    """First rate over the second, limits, and the p-value of equality; `log_se` is that of the log-ratio.

    NaN and ``estimable`` False where a rate is unknown or the second is zero.
    """

    ratio: Floats
    lower: Floats
    upper: Floats
    log_se: Floats
    p_value: Floats
    estimable: Mask
    method: str
    level: Floats


@dataclass(frozen=True, eq=False)
class RateDifference:
    """First rate minus the second, in the unit of both, limits, and the p-value of equality."""

    difference: Floats
    lower: Floats
    upper: Floats
    se: Floats
    p_value: Floats
    estimable: Mask
    method: str
    level: Floats


@dataclass(frozen=True, eq=False)
class ComparativeFigure:
    """A standardised rate over the crude rate of the standard itself, held to be known."""

    ratio: Floats
    lower: Floats
    upper: Floats
    se: Floats
    estimable: Mask
    method: str
    level: Floats


@dataclass(frozen=True, eq=False)
class AgainstRest:
    """The rate of each area, that of all the others, and the ratio of the two."""

    area: RateEstimate
    rest: RateEstimate
    ratio: RateRatio


def rate_ratio(
    first: Rate, second: Rate, *, method: str = "log-normal", level: float | ArrayLike = 0.95
) -> RateRatio:
    r"""Ratio of two independent rates standardised to the same weights (SRR).

    With rates :math:`y_1, y_2` of variances :math:`v_1, v_2`:

    - ``log-normal``: :math:`(y_1/y_2) \exp\{\pm z (v_1/y_1^2 + v_2/y_2^2)^{1/2}\}` [1]_;
    - ``test-based``: :math:`(y_1/y_2)^{1 \pm z/Z}` with :math:`Z = (y_1 - y_2)/(v_1+v_2)^{1/2}` [1]_;
      written with the logarithmic mean of the rates it is also defined where they are equal;
    - ``fay-f``: quantiles of F distributions made of the gamma limits of each rate [2]_; conservative, and
      defined where the first rate has no event.

    Parameters
    ----------
    first, second : rates of the same shape (or one of them a single rate) and the same `per`
    method : {"log-normal", "test-based", "fay-f"}
    level : float or sequence of float
        Coverage; a sequence adds a first axis to the limits.

    Returns
    -------
    RateRatio
        Where the first rate has no event, ``log-normal`` and ``test-based`` give the ratio 0 and no limits.

    Raises
    ------
    InputError
        Rates per different person-years (M015), shapes (M002), unknown method (M005), level (M004).

    References
    ----------
    .. [1] Boyle P, Parkin DM. Statistical methods for registries. IARC Sci Publ 95, 1991, chapter 11.
    .. [2] Fay MP. Approximate confidence intervals for rate ratios from directly standardized rates with
       sparse data. Commun Stat Theory Methods 1999;28:2141-2160. doi:10.1080/03610929908832411

    Examples
    --------
    >>> from rnc_epi.maths.standardise import directly_standardised_rate
    >>> north = directly_standardised_rate([10, 40], [10_000, 5_000], [0.7, 0.3])
    >>> south = directly_standardised_rate([30, 60], [40_000, 10_000], [0.7, 0.3])
    >>> ratio = rate_ratio(north, south)
    >>> print(f"{ratio.ratio:.2f} ({ratio.lower:.2f} to {ratio.upper:.2f})")
    1.33 (0.94 to 1.89)
    """
    require_choice(method, RATIO_METHODS, "method")
    levels = require_level(level)
    y1, v1, y2, v2, estimable = _paired(first, second)
    estimable = estimable & (y2 > 0)
    denominator = np.where(estimable, y2, np.nan)
    ratio = y1 / denominator
    seen = estimable & (y1 > 0)
    z = level_axis(normal_quantile(levels), ratio)
    # Everything below is computed at rates of 1 where there is nothing to compute, and masked after.
    a, va = np.where(seen, y1, 1.0), np.where(seen, v1, 1.0)
    b, vb = np.where(seen, y2, 1.0), np.where(seen, v2, 1.0)
    if method == "test-based":
        log_se = np.sqrt(va + vb) / _logarithmic_mean(a, b)
    else:
        log_se = np.sqrt(va / a**2 + vb / b**2)
    log_se = np.where(seen, log_se, np.nan)
    if method == "fay-f":
        lower, upper, p_value = _fay_f(first, second, (y1, v1, y2, v2), estimable, levels)
    else:
        lower, upper = ratio * np.exp(-z * log_se), ratio * np.exp(z * log_se)
        p_value = 2 * special.ndtr(-np.abs(np.log(a / b)) / log_se)
    return RateRatio(
        ratio=as_result(ratio),
        lower=as_result(lower),
        upper=as_result(upper),
        log_se=as_result(log_se),
        p_value=as_result(p_value),
        estimable=as_result(estimable),
        method=method,
        level=as_result(levels),
    )


def _paired(first: Rate, second: Rate) -> tuple[Floats, Floats, Floats, Floats, Mask]:
    if first.per != second.per:
        raise InputError("M015", expected=f"{first.per:g}", found=f"{second.per:g}")
    y1, y2 = np.asarray(first.rate), np.asarray(second.rate)
    if y1.shape != y2.shape and y1.ndim and y2.ndim:
        raise InputError("M002", what="second", expected=str(y1.shape), found=str(y2.shape))
    estimable = np.asarray(first.estimable) & np.asarray(second.estimable)
    y1, y2 = np.broadcast_arrays(y1, y2)
    v1, v2 = np.broadcast_arrays(np.square(first.se), np.square(second.se))
    return y1, v1, y2, v2, estimable


def _logarithmic_mean(a: Floats, b: Floats) -> Floats:
    """Return (a - b) / log(a / b), and a where both are equal, without loss of digits nearby."""
    gap = (a - b) / b
    small = np.abs(gap) < 1e-12
    return b * np.where(small, 1.0, gap / np.where(small, 1.0, np.log1p(gap)))


def _fay_f(
    first: Rate, second: Rate, moments: tuple[Floats, ...], estimable: Mask, levels: Floats
) -> tuple[Floats, Floats, Floats]:
    y1, v1, y2, v2 = (np.where(estimable, value, 1.0) for value in moments)
    w1, w2 = (np.where(estimable, rate.event_weight, 1.0) for rate in (first, second))
    tail = level_axis((1 - levels) / 2, y1)
    seen = y1 > 0
    low_df = np.where(seen, 2 * np.where(seen, y1, 1.0) ** 2 / np.where(seen, v1, 1.0), 2.0)
    more1, more2 = y1 + w1, y2 + w2
    more1_df, more2_df = 2 * more1**2 / (v1 + w1**2), 2 * more2**2 / (v2 + w2**2)
    second_df = 2 * y2**2 / v2
    lower = np.where(seen, y1 / more2 * special.fdtri(low_df, more2_df, tail), 0.0)
    # The upper quantile of F is the inverse of the lower quantile with its degrees of freedom exchanged.
    upper = more1 / y2 / special.fdtri(second_df, more1_df, tail)
    below = np.where(seen, special.fdtr(low_df, more2_df, more2 / np.where(seen, y1, 1.0)), 1.0)
    above = special.fdtrc(more1_df, second_df, y2 / more1)
    # The p-value is one minus the level at which a limit reaches 1.
    p_value = np.minimum(1.0, 2 * np.minimum(below, above))
    masked = (np.where(estimable, value, np.nan) for value in (lower, upper, p_value))
    low, high, p = masked
    return low, high, p


def rate_difference(first: Rate, second: Rate, *, level: float | ArrayLike = 0.95) -> RateDifference:
    r"""Difference of two independent rates, :math:`y_1 - y_2 \pm z (v_1 + v_2)^{1/2}`.

    The limits rest on the normal approximation: a rate without events counts as if it were known to be
    zero, and makes them too narrow; where both are without events there are none.

    Parameters
    ----------
    first, second : see :func:`rate_ratio`
    level : float or sequence of float

    Returns
    -------
    RateDifference

    Raises
    ------
    InputError
        See :func:`rate_ratio`.

    Examples
    --------
    >>> from rnc_epi.maths.standardise import crude_rate
    >>> gap = rate_difference(crude_rate(100, 1000, per=1000), crude_rate(44, 1000, per=1000))
    >>> print(f"{gap.difference:.0f} ({gap.lower:.2f} to {gap.upper:.2f})")
    56 (32.48 to 79.52)
    """
    levels = require_level(level)
    y1, v1, y2, v2, estimable = _paired(first, second)
    difference = np.where(estimable, y1 - y2, np.nan)
    variance = np.where(estimable, v1 + v2, np.nan)
    se = np.sqrt(variance)
    spread = np.where(variance > 0, se, np.nan)
    z = level_axis(normal_quantile(levels), difference)
    return RateDifference(
        difference=as_result(difference),
        lower=as_result(difference - z * spread),
        upper=as_result(difference + z * spread),
        se=as_result(se),
        p_value=as_result(2 * special.ndtr(-np.abs(difference) / spread)),
        estimable=as_result(estimable),
        method="normal",
        level=as_result(levels),
    )


def comparative_mortality_figure(rate: RateEstimate, reference_rate: float) -> ComparativeFigure:
    """Rate standardised to a reference population over the crude rate of that population (CMF).

    The reference is held to be known, so the limits are those of the rate, divided. Multiplied by 100 it
    is the figure of the older literature.

    Parameters
    ----------
    rate : RateEstimate
        Standardised with the person-years of the reference as weights.
    reference_rate : float
        Crude rate of the reference, in the unit of `rate`.

    Examples
    --------
    >>> from rnc_epi.maths.standardise import directly_standardised_rate
    >>> rate = directly_standardised_rate([10, 40], [10_000, 5_000], [70_000, 30_000])
    >>> print(f"{comparative_mortality_figure(rate, 248.0).ratio:.2f}")
    1.25
    """
    known = require_scalar(reference_rate, "reference_rate")
    require_positive(known, "reference_rate")
    return ComparativeFigure(
        ratio=as_result(np.asarray(rate.rate / known)),
        lower=as_result(np.asarray(rate.lower / known)),
        upper=as_result(np.asarray(rate.upper / known)),
        se=as_result(np.asarray(rate.se / known)),
        estimable=rate.estimable,
        method=rate.method,
        level=rate.level,
    )


def area_against_rest(
    events: ArrayLike,
    person_years: ArrayLike,
    weights: ArrayLike,
    *,
    method: str = "fay-f",
    level: float | ArrayLike = 0.95,
    per: float = 100_000,
) -> AgainstRest:
    """Compare each area with all the others taken together.

    Comparing an area with a total that contains it would ignore that the two share their events. The
    default is ``fay-f``, because an area without events is an ordinary one.

    Parameters
    ----------
    events, person_years : array_like, shape (..., areas, bands)
    weights : array_like, shape (bands,) or (..., areas, bands)
    method : see :func:`rate_ratio`
    level : float or sequence of float
    per : float

    Returns
    -------
    AgainstRest
        ``area``, ``rest`` and ``ratio``, shape (..., areas). Follow with
        :func:`rnc_epi.maths.multiple.false_discovery_rate` on the p-values.

    Examples
    --------
    >>> found = area_against_rest([[10, 40], [30, 60], [20, 50]], [[9_000, 6_000]] * 3, [0.7, 0.3])
    >>> found.ratio.ratio.round(2).tolist()
    [0.59, 1.56, 1.0]
    """
    counts, denominators = require_areas(events, person_years)
    other_events, other_years = the_rest(counts, denominators)
    area = directly_standardised_rate(counts, denominators, weights, level=level, per=per)
    rest = directly_standardised_rate(other_events, other_years, weights, level=level, per=per)
    return AgainstRest(area, rest, rate_ratio(area, rest, method=method, level=level))
