"""Over a life: cumulative rate and risk, lifetime risk, years of life lost, life expectancy.

Lifetime risk and life tables have files of their own and are offered here beside the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rnc_epi.maths.life_tables import LifeTable, life_table
from rnc_epi.maths.lifetime_risk import LifetimeRisk, lifetime_risk
from rnc_epi.maths.requirements import (
    Floats,
    Mask,
    as_result,
    first_position,
    require_band_values,
    require_bands,
    require_choice,
    require_counts,
    require_events_and_person_years,
    require_finite,
    require_level,
    require_numbers,
    require_positive,
    require_scalar,
    require_weights,
)
from rnc_epi.maths.standardise import RateEstimate
from rnc_epi.maths.weighted_sums import RATE_METHODS, weighted_sum, weighted_sum_limits
from rnc_epi.vocabulary.errors import InputError

__all__ = [
    "CumulativeRate",
    "LifeTable",
    "LifetimeRisk",
    "YearsLost",
    "cumulative_rate",
    "life_table",
    "lifetime_risk",
    "years_of_life_lost",
    "years_of_life_lost_rate",
]


@dataclass(frozen=True, eq=False)
class CumulativeRate:
    """Cumulative rate and cumulative risk with limits, as fractions (0.02 is 2 per cent)."""

    rate: Floats
    rate_lower: Floats
    rate_upper: Floats
    rate_se: Floats
    risk: Floats
    risk_lower: Floats
    risk_upper: Floats
    risk_se: Floats
    estimable: Mask
    events: Floats
    method: str
    level: Floats


@dataclass(frozen=True, eq=False)
class YearsLost:
    """Years of life lost before an age, with limits; `deaths` are those before that age."""

    years: Floats
    lower: Floats
    upper: Floats
    se: Floats
    deaths: Floats
    method: str
    level: Floats


def cumulative_rate(
    events: ArrayLike,
    person_years: ArrayLike,
    band_width: ArrayLike,
    *,
    method: str = "fay-feuer",
    level: float | ArrayLike = 0.95,
) -> CumulativeRate:
    r"""Cumulative rate over ages, and the risk it stands for in the absence of other causes of death.

    :math:`C = \sum_i h_i d_i / n_i` over bands :math:`h_i` years wide, risk :math:`1 - e^{-C}`. For the ages
    0 to 74, give the bands that start below 75; an open band never enters. The limits are those of
    a weighted sum of counts, carried over to the risk.

    Parameters
    ----------
    events, person_years : array_like, shape (..., bands)
    band_width : array_like, shape (bands,)
        Width of each band, in years; 5 throughout for quinquennial bands.
    method : see :func:`rnc_epi.maths.standardise.directly_standardised_rate`
    level : float or sequence of float
        Coverage; a sequence adds a first axis to the limits.

    Returns
    -------
    CumulativeRate
        Fractions, not percentages. NaN and ``estimable`` False where a band has no person-years.

    Raises
    ------
    InputError
        Open band (M016), width not above zero (M009), and those of the standardised rate.

    References
    ----------
    Day NE. Cumulative rate and cumulative risk. In: Cancer incidence in five continents, vol. VI. IARC Sci
    Publ 120, 1992, pages 862-864.

    Examples
    --------
    By hand: 5 x 10/10 000 + 5 x 40/5 000 = 0.045; risk 1 - exp(-0.045) = 0.0440.

    >>> found = cumulative_rate([10, 40], [10_000, 5_000], [5, 5])
    >>> print(f"{found.rate:.3f} {found.risk:.4f} ({found.risk_lower:.4f} to {found.risk_upper:.4f})")
    0.045 0.0440 (0.0326 to 0.0580)
    """
    counts, denominators = require_events_and_person_years(events, person_years)
    require_bands(counts)
    levels = require_level(level)
    require_choice(method, RATE_METHODS, "method")
    width = require_numbers(band_width, "band_width")
    if np.isposinf(width).any():
        raise InputError("M016", what="band_width", where=first_position(np.isposinf(width)))
    width = require_positive(require_band_values(width, counts.shape, "band_width"), "band_width")
    total = weighted_sum(counts, denominators, width, method=method)
    lower, upper = weighted_sum_limits(total, method, levels)
    rate = np.where(total.estimable, total.value, np.nan)
    se = np.where(total.estimable, np.sqrt(total.variance), np.nan)
    return CumulativeRate(
        rate=as_result(rate),
        rate_lower=as_result(lower),
        rate_upper=as_result(upper),
        rate_se=as_result(se),
        risk=as_result(-np.expm1(-rate)),
        risk_lower=as_result(-np.expm1(-lower)),
        risk_upper=as_result(-np.expm1(-upper)),
        risk_se=as_result(se * np.exp(-rate)),
        estimable=as_result(total.estimable),
        events=as_result(total.events),
        method=method,
        level=as_result(levels),
    )


def years_of_life_lost(
    deaths: ArrayLike,
    age_from: ArrayLike,
    age_until: ArrayLike,
    *,
    until: float = 75,
    mean_age_at_death: ArrayLike | None = None,
    method: str = "fay-feuer",
    level: float | ArrayLike = 0.95,
) -> YearsLost:
    r"""Potential years of life lost before age `until`, :math:`\sum_{a<A} (A - m_a) d_a`.

    A death counts for the years from the middle :math:`m_a` of its age band to :math:`A`.

    Parameters
    ----------
    deaths : array_like, shape (..., bands)
    age_from, age_until : array_like, shape (bands,)
        Half-open bands; infinite `age_until` for an open band.
    until : float
        Age before which years are lost (65, 70 or 75 by custom: state it).
    mean_age_at_death : array_like, shape (bands,), optional
        Replaces the middle of each band, for instance 0.1 for infants.
    method, level : see :func:`rnc_epi.maths.standardise.directly_standardised_rate`

    Returns
    -------
    YearsLost

    Raises
    ------
    InputError
        `until` falls inside a band (M011), mean ages outside their band (M004), bands in disorder (M013),
        M001, M002, M007.

    References
    ----------
    Romeder JM, McWhinnie JR. Potential years of life lost between ages 1 and 70. Int J Epidemiol
    1977;6:143-151. doi:10.1093/ije/6.2.143

    Examples
    --------
    Two deaths between 60 and 64, at 62.5 on average: 2 x 12.5 years lost before 75.

    >>> float(years_of_life_lost([2, 9], [60, 75], [65, float("inf")]).years)
    25.0
    """
    counts = require_bands(require_counts(deaths, "deaths"), "deaths")
    lost = _years_lost_per_death(age_from, age_until, until, mean_age_at_death, counts.shape[-1])
    levels = require_level(level)
    require_choice(method, RATE_METHODS, "method")
    total = weighted_sum(counts, np.ones(counts.shape), lost, method=method)
    lower, upper = weighted_sum_limits(total, method, levels)
    return YearsLost(
        years=as_result(total.value),
        lower=as_result(lower),
        upper=as_result(upper),
        se=as_result(np.sqrt(total.variance)),
        deaths=as_result(total.events),
        method=method,
        level=as_result(levels),
    )


def years_of_life_lost_rate(
    deaths: ArrayLike,
    person_years: ArrayLike,
    age_from: ArrayLike,
    age_until: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    until: float = 75,
    mean_age_at_death: ArrayLike | None = None,
    method: str = "fay-feuer",
    level: float | ArrayLike = 0.95,
    per: float = 100_000,
) -> RateEstimate:
    r"""Years of life lost per person-years lived before age `until`, crude or standardised.

    :math:`\sum_{a<A} W_a (A - m_a) d_a / n_a \big/ \sum_{a<A} W_a`; without weights :math:`W_a = n_a`, which
    is the crude rate.

    Parameters
    ----------
    deaths, person_years : array_like, shape (..., bands)
        Counts by age band, same order.
    age_from, age_until, until, mean_age_at_death
        As for :func:`years_of_life_lost`.
    weights : array_like, shape (bands,) or (..., bands), optional
        Standard population on any scale; its bands above `until` are left out.
    method, level, per
        As for :func:`rnc_epi.maths.standardise.directly_standardised_rate`.

    Returns
    -------
    RateEstimate
        In years lost per `per` person-years; ``events`` are the deaths before `until`.

    Raises
    ------
    InputError
        ``M001``, ``M002``, ``M003``, ``M007`` impossible counts; ``M006`` weights; ``M011`` no band starts
        at `until`; ``M013`` bands in disorder; ``M004``, ``M005``, ``M009`` level, method, per.

    References
    ----------
    Romeder JM, McWhinnie JR. Int J Epidemiol 1977;6:143-151. doi:10.1093/ije/6.2.143

    Examples
    --------
    Two deaths at 62.5 lose 25 years, of 1 000 person-years before 75:

    >>> found = years_of_life_lost_rate([2, 9], [1000, 500], [60, 75], [65, float("inf")], per=1000)
    >>> float(found.rate)
    25.0
    """
    counts, denominators = require_events_and_person_years(deaths, person_years)
    require_bands(counts, "deaths")
    lost = _years_lost_per_death(age_from, age_until, until, mean_age_at_death, counts.shape[-1])
    levels = require_level(level)
    require_choice(method, RATE_METHODS, "method")
    unit = require_scalar(per, "per")
    require_positive(unit, "per")
    early = lost > 0
    counts, denominators, lost = counts[..., early], denominators[..., early], lost[early]
    if weights is None:
        total_years = denominators.sum(axis=-1, keepdims=True)
        peopled = np.asarray(total_years > 0)
        shares = np.divide(denominators, total_years, out=np.ones(counts.shape), where=peopled)
    else:
        given = require_band_values(
            require_numbers(weights, "weights"), (*counts.shape[:-1], early.size), "weights"
        )
        shares = require_weights(given[..., early], counts.shape)
    total = weighted_sum(counts, denominators, np.asarray(shares * lost), method=method)
    lower, upper = weighted_sum_limits(total, method, levels)
    known = np.where(total.estimable, unit, np.nan)
    return RateEstimate(
        rate=as_result(total.value * known),
        lower=as_result(lower * unit),
        upper=as_result(upper * unit),
        se=as_result(np.sqrt(total.variance) * known),
        estimable=as_result(total.estimable),
        events=as_result(total.events),
        event_weight=as_result(total.largest * known),
        method=method,
        level=as_result(levels),
        per=unit,
    )


def _years_lost_per_death(
    age_from: ArrayLike, age_until: ArrayLike, until: float, mean_age: ArrayLike | None, bands: int
) -> Floats:
    starts = require_band_values(require_finite(age_from, "age_from"), (bands,), "age_from")
    ends = require_numbers(age_until, "age_until")
    if ends.shape != starts.shape:
        raise InputError("M002", what="age_until", expected=str(starts.shape), found=str(ends.shape))
    if not (ends > starts).all():
        raise InputError("M013", what="age_until", where=first_position(~(ends > starts)))
    limit = require_scalar(until, "until")
    cut = (starts < limit) & (ends > limit)
    if cut.any() or not (starts < limit).any():
        raise InputError("M011", found=f"{limit:g}", expected=", ".join(f"{age:g}" for age in starts))
    early = starts < limit
    middle = np.where(early, (starts + np.where(early, ends, starts)) / 2, limit)
    if mean_age is not None:
        given = require_band_values(mean_age, (bands,), "mean_age_at_death")
        outside = early & ((given < starts) | (given > ends))
        if outside.any():
            place = first_position(outside)
            raise InputError(
                "M004", what=f"mean_age_at_death[{place}]", expected="its band", found="another age"
            )
        middle = np.where(early, given, limit)
    return np.asarray(limit - middle)
