"""The first figures of an annual report: mean annual cases, median age, sex ratio, deaths per case.

A share (65 and over, a stage at diagnosis) is :func:`rnc_epi.maths.intervals.wilson_interval`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from rnc_epi.maths.bands import require_increasing
from rnc_epi.maths.intervals import normal_quantile
from rnc_epi.maths.requirements import (
    Floats,
    Mask,
    as_result,
    level_axis,
    require_band_values,
    require_bands,
    require_counts,
    require_level,
    require_positive,
    require_same_shape,
    require_scalar,
)
from rnc_epi.maths.standardise import RateEstimate, crude_rate
from rnc_epi.vocabulary.errors import InputError


@dataclass(frozen=True, eq=False)
class MedianAge:
    """Median age with limits, in years; NaN where it falls in the open band or there is no event."""

    median: Floats
    lower: Floats
    upper: Floats
    estimable: Mask
    events: Floats
    level: Floats


@dataclass(frozen=True, eq=False)
class CountRatio:
    """One count over another with exact limits given their sum; NaN where the second is 0."""

    ratio: Floats
    lower: Floats
    upper: Floats
    estimable: Mask
    method: str
    level: Floats


@dataclass(frozen=True, eq=False)
class Reliability:
    """Whether a figure is steady enough to be read, which has nothing to do with secrecy.

    ``rse`` is the relative standard error in per cent, NaN without events.
    """

    reliable: Mask
    rse: Floats
    enough_events: Mask
    rse_low_enough: Mask


def mean_annual_events(
    events: ArrayLike, years: float, *, method: str = "garwood", level: float | ArrayLike = 0.95
) -> RateEstimate:
    """Mean number of events a year over a period, with the limits of the count.

    Parameters
    ----------
    events : array_like, any shape
    years : float
        Years in the period.
    method : see :func:`rnc_epi.maths.intervals.poisson_interval`
    level : float or sequence of float

    Returns
    -------
    RateEstimate
        Per year (`per` is 1).

    Examples
    --------
    >>> mean = mean_annual_events(25, 5)
    >>> print(f"{mean.rate:.0f} ({mean.lower:.1f} to {mean.upper:.1f})")
    5 (3.2 to 7.4)
    """
    counts = require_counts(events, "events")
    span = require_scalar(years, "years")
    require_positive(span, "years")
    return crude_rate(counts, np.full(counts.shape, span), method=method, level=level, per=1)


def median_age(
    events: ArrayLike, age_from: ArrayLike, *, share: float = 0.5, level: float | ArrayLike = 0.95
) -> MedianAge:
    r"""Median age from events grouped by age, with limits that assume no distribution.

    Ages are held to be evenly spread within a band:
    :math:`l + h (n/2 - F)/f`, with :math:`F` events before the band that starts at :math:`l` and
    :math:`f` in it. The limits are the ages at the shares :math:`1/2 \pm z / (2\sqrt n)` of the events, the
    binomial spread of the number of events below the true median.

    Parameters
    ----------
    events : array_like, shape (..., bands)
    age_from : array_like, shape (bands,)
        Age at which each band starts; the last one is open, and an age within it cannot be told.
    share : float
        Another quantile than the median, between 0 and 1.
    level : float or sequence of float
        Coverage; a sequence adds a first axis to the limits.

    Returns
    -------
    MedianAge
        A limit beyond the ages observed (few events), or in the open band, is NaN.

    Raises
    ------
    InputError
        M001, M002, M004, M007, M013.

    References
    ----------
    Woodruff RS. Confidence intervals for medians and other position measures. J Am Stat Assoc
    1952;47:635-646. doi:10.1080/01621459.1952.10483443

    Examples
    --------
    Of 100 events 40 come before 60 and 30 between 60 and 70: the 50th at a third of these ten years.

    >>> age = median_age([0, 40, 30, 30], [0, 50, 60, 70])
    >>> print(f"{age.median:.1f} ({age.lower:.1f} to {age.upper:.1f})")
    63.3 (60.1 to 66.6)
    """
    counts = require_bands(require_counts(events, "events"), "events")
    starts = require_increasing(age_from, "age_from")
    require_band_values(starts, counts.shape[-1:], "age_from")
    levels = require_level(level)
    centre = require_scalar(share, "share")
    if not 0 < centre < 1:
        raise InputError("M004", what="share", expected="(0, 1)", found=str(centre))
    total = counts.sum(axis=-1)
    known = total > 0
    z = level_axis(normal_quantile(levels), total)
    spread = z * np.sqrt(centre * (1 - centre) / np.where(known, total, 1.0))
    median = _age_at_share(np.full(total.shape, centre), counts, starts)
    return MedianAge(
        median=as_result(median),
        lower=as_result(_age_at_share(centre - spread, counts, starts)),
        upper=as_result(_age_at_share(centre + spread, counts, starts)),
        estimable=as_result(~np.isnan(median)),
        events=as_result(total),
        level=as_result(levels),
    )


def _age_at_share(share: Floats, counts: Floats, starts: Floats) -> Floats:
    """Age below which `share` of the events lie (share may have a further first axis)."""
    cumulated = np.cumsum(counts, axis=-1)
    total = cumulated[..., -1]
    wanted = share * total
    # The first band whose end reaches the share; the last, open one has no end.
    band = (cumulated < wanted[..., None]).sum(axis=-1)
    inside = (total > 0) & (share >= 0) & (share <= 1) & (band < counts.shape[-1] - 1)
    chosen = np.where(inside, band, 0)[..., None]
    counts, cumulated = (np.broadcast_to(a, (*wanted.shape, a.shape[-1])) for a in (counts, cumulated))
    held = np.take_along_axis(counts, chosen, axis=-1)[..., 0]
    reached = np.take_along_axis(cumulated, chosen, axis=-1)[..., 0]
    first = chosen[..., 0]
    width = np.append(np.diff(starts), 0.0)[first]
    fraction = (wanted - (reached - held)) / np.where(held > 0, held, 1.0)
    return np.where(inside, starts[first] + width * np.clip(fraction, 0.0, 1.0), np.nan)


def count_ratio(first: ArrayLike, second: ArrayLike, *, level: float | ArrayLike = 0.95) -> CountRatio:
    r"""Ratio of two independent Poisson counts, such as cases among men over cases among women.

    Given their sum, the first count is binomial with probability :math:`\rho/(1+\rho)`: the limits of
    Clopper and Pearson for that probability become exact limits of the ratio :math:`\rho`. A ratio of
    rates is :func:`rnc_epi.maths.compare.rate_ratio`.

    Parameters
    ----------
    first, second : array_like of one shape
    level : float or sequence of float
        Coverage; a sequence adds a first axis to the limits.

    Returns
    -------
    CountRatio
        Not estimable where `second` is 0.

    References
    ----------
    Przyborowski J, Wilenski H. Biometrika 1940;31:313-323. doi:10.1093/biomet/31.3-4.313

    Examples
    --------
    >>> ratio = count_ratio(60, 40)
    >>> print(f"{ratio.ratio:.1f} ({ratio.lower:.2f} to {ratio.upper:.2f})")
    1.5 (0.99 to 2.30)
    """
    a, b = require_counts(first, "first"), require_counts(second, "second")
    require_same_shape(first=a, second=b)
    levels = require_level(level)
    estimable = b > 0
    known = np.where(estimable, b, np.nan)
    tail = level_axis((1 - levels) / 2, a)
    # Quantiles of beta distributions; the upper one is taken from the other end, which keeps its digits.
    low = np.where(a > 0, special.betaincinv(np.where(a > 0, a, 1.0), b + 1, tail), 0.0)
    rest = special.betaincinv(np.where(estimable, b, 1.0), a + 1, tail)
    lower, upper = low / (1 - low), (1 - rest) / rest
    return CountRatio(
        ratio=as_result(a / known),
        lower=as_result(np.where(estimable, lower, np.nan)),
        upper=as_result(np.where(estimable, upper, np.nan)),
        estimable=as_result(estimable),
        method="clopper-pearson",
        level=as_result(levels),
    )


def sex_ratio(men: ArrayLike, women: ArrayLike, *, level: float | ArrayLike = 0.95) -> CountRatio:
    """Cases among men over cases among women, with exact limits (see :func:`count_ratio`).

    It mixes the risks with the numbers of men and women at each age; the ratio of standardised rates
    (:func:`rnc_epi.maths.compare.rate_ratio`) does not.

    Examples
    --------
    >>> float(sex_ratio(60, 40).ratio)
    1.5
    """
    return count_ratio(men, women, level=level)


def mortality_incidence_ratio(
    deaths: ArrayLike, cases: ArrayLike, *, level: float | ArrayLike = 0.95
) -> CountRatio:
    """Deaths over new cases of one period, with exact limits (see :func:`count_ratio`).

    A rough sign of lethality and of completeness, not a risk of dying: the deaths are those of persons
    diagnosed in earlier years, causes of death are certified, not registered, and the ratio may
    exceed 1. The limits hold deaths and cases to be independent.

    Examples
    --------
    >>> float(mortality_incidence_ratio(45, 100).ratio)
    0.45
    """
    return count_ratio(deaths, cases, level=level)


def reliability(
    events: ArrayLike, value: ArrayLike, se: ArrayLike, *, least_events: float = 10, most_rse: float = 30
) -> Reliability:
    r"""Tell which figures rest on enough events and have a small enough relative standard error.

    The relative standard error is :math:`100\,se/value`; for a crude rate :math:`100/\sqrt{d}`, so that
    20 events make 22 % and 11 events 30 %.

    Parameters
    ----------
    events, value, se : array_like of one shape
        NaN in `value` or `se` marks a figure that is not estimable, hence not reliable.
    least_events : float
        Least number of events.
    most_rse : float
        Largest relative standard error, in per cent.

    Returns
    -------
    Reliability

    Examples
    --------
    >>> found = reliability([8, 16], [80.0, 160.0], [28.3, 40.0])
    >>> found.rse.round(1).tolist(), found.reliable.tolist()
    ([35.4, 25.0], [False, True])
    """
    counts = require_counts(events, "events")
    given = [np.asarray(array, dtype=np.float64) for array in (value, se)]
    missing = np.isnan(given[0]) | np.isnan(given[1])
    figures, errors = (
        require_counts(np.where(np.isnan(array), 0.0, array), name)
        for array, name in zip(given, ("value", "se"), strict=True)
    )
    require_same_shape(events=counts, value=figures, se=errors)
    floor, ceiling = require_scalar(least_events, "least_events"), require_scalar(most_rse, "most_rse")
    rse = 100 * errors / np.where(missing | (figures <= 0), np.nan, figures)
    enough = counts >= floor
    steady = rse <= ceiling
    return Reliability(as_result(enough & steady), as_result(rse), as_result(enough), as_result(steady))
