"""Expected events: what a population would have had at the rates of a reference.

The reference may be external (national rates) or internal (the areas studied together, with or without the
area itself).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rnc_epi.maths.requirements import (
    Floats,
    Mask,
    as_result,
    require_band_values,
    require_bands,
    require_counts,
    require_events_and_person_years,
    require_level,
    require_person_time,
    require_positive,
    require_same_shape,
    require_scalar,
)
from rnc_epi.maths.standardise import RateEstimate, indirectly_standardised_ratio
from rnc_epi.vocabulary.errors import InputError


@dataclass(frozen=True, eq=False)
class ExpectedEvents:
    """Events expected in each group, NaN where the reference has no rate for a band that is needed.

    ``reference_rate`` is the crude rate of the reference, per person-year.
    """

    expected: Floats
    estimable: Mask
    reference_rate: Floats


def expected_events(
    person_years: ArrayLike, reference_events: ArrayLike, reference_person_years: ArrayLike
) -> ExpectedEvents:
    """Events expected at the age-specific rates of a reference.

    Parameters
    ----------
    person_years : array_like, shape (..., bands)
    reference_events, reference_person_years : array_like, shape (bands,) or (..., bands)

    Returns
    -------
    ExpectedEvents
        Summed over the bands. A band with person-years whose reference has none is not estimable.

    Raises
    ------
    InputError
        M001, M002, M003, M007.

    Examples
    --------
    >>> found = expected_events([1000, 500], [10, 40], [10_000, 8_000])
    >>> float(found.expected)
    3.5
    """
    exposed = require_bands(require_counts(person_years, "person_years"), "person_years")
    counts = require_counts(reference_events, "reference_events")
    denominators = require_counts(reference_person_years, "reference_person_years")
    require_same_shape(reference_events=counts, reference_person_years=denominators)
    require_band_values(counts, exposed.shape, "reference_events")
    require_person_time(counts, denominators)
    peopled = denominators > 0
    rates = np.divide(counts, denominators, out=np.zeros(counts.shape), where=peopled)
    estimable = (peopled | (exposed == 0)).all(axis=-1)
    expected = np.where(estimable, (exposed * rates).sum(axis=-1), np.nan)
    total = denominators.sum(axis=-1)
    crude = counts.sum(axis=-1) / np.where(total > 0, total, np.nan)
    return ExpectedEvents(
        as_result(expected), as_result(estimable), as_result(np.broadcast_to(crude, expected.shape))
    )


def internal_expected_events(
    events: ArrayLike, person_years: ArrayLike, *, with_own_area: bool = True
) -> ExpectedEvents:
    """Events expected in each area at the rates of all areas together.

    With its own area in the reference, the ratio of a large area is drawn towards 1, and observed and
    expected add up to the same total. Without it, each area has a reference of its own.

    Parameters
    ----------
    events, person_years : array_like, shape (..., areas, bands)
    with_own_area : bool
        Whether the reference of an area contains that area.

    Returns
    -------
    ExpectedEvents
        One per area.

    Examples
    --------
    >>> events, person_years = [[1], [9]], [[100], [300]]
    >>> internal_expected_events(events, person_years).expected.tolist()
    [2.5, 7.5]
    >>> internal_expected_events(events, person_years, with_own_area=False).expected.tolist()
    [3.0, 3.0]
    """
    counts, denominators = require_areas(events, person_years)
    all_events, all_years = counts.sum(axis=-2, keepdims=True), denominators.sum(axis=-2, keepdims=True)
    if with_own_area:
        all_events = np.broadcast_to(all_events, counts.shape)
        all_years = np.broadcast_to(all_years, counts.shape)
    else:
        all_events, all_years = the_rest(counts, denominators)
    return expected_events(denominators, all_events, all_years)


def require_areas(events: ArrayLike, person_years: ArrayLike) -> tuple[Floats, Floats]:
    """Return checked events and person-years of shape (..., areas, bands)."""
    counts, denominators = require_events_and_person_years(events, person_years)
    if counts.ndim < 2:
        raise InputError("M002", what="events", expected="(..., areas, bands)", found=str(counts.shape))
    return counts, denominators


def the_rest(events: Floats, person_years: Floats) -> tuple[Floats, Floats]:
    """Return the events and person-years of all other areas, shape (..., areas, bands)."""
    others = events.sum(axis=-2, keepdims=True) - events
    exposed = person_years.sum(axis=-2, keepdims=True) - person_years
    # Where one area alone is peopled, the difference of two sums may miss 0 by a rounding error.
    alone = (person_years > 0).sum(axis=-2, keepdims=True) - (person_years > 0) == 0
    none = (events > 0).sum(axis=-2, keepdims=True) - (events > 0) == 0
    return np.where(none, 0.0, np.maximum(others, 0.0)), np.where(alone, 0.0, np.maximum(exposed, 0.0))


def indirectly_standardised_rate(
    observed: ArrayLike,
    expected: ArrayLike,
    reference_rate: float,
    *,
    method: str = "garwood",
    level: float | ArrayLike = 0.95,
    per: float = 100_000,
) -> RateEstimate:
    """Ratio of observed to expected events times the crude rate of the reference.

    Parameters
    ----------
    observed, expected : array_like of one shape
    reference_rate : float
        Crude rate of the reference, per person-year.
    method, level : see :func:`rnc_epi.maths.standardise.indirectly_standardised_ratio`
    per : float
        Person-years the rate is expressed per.

    Returns
    -------
    RateEstimate

    Examples
    --------
    >>> rate = indirectly_standardised_rate(91, 835.883561, 0.09349883092, method="byar")
    >>> print(f"{rate.rate:.1f} ({rate.lower:.1f} to {rate.upper:.1f})")
    1017.9 (819.5 to 1249.8)
    """
    unit = require_scalar(per, "per") * require_scalar(reference_rate, "reference_rate")
    require_positive(unit, "reference_rate")
    ratio = indirectly_standardised_ratio(observed, expected, method=method, level=level)
    awaited = np.where(ratio.estimable, ratio.expected, np.nan)
    return RateEstimate(
        rate=as_result(ratio.ratio * unit),
        lower=as_result(ratio.lower * unit),
        upper=as_result(ratio.upper * unit),
        se=as_result(ratio.se * unit),
        estimable=ratio.estimable,
        events=ratio.observed,
        event_weight=as_result(unit / awaited),
        method=method,
        level=as_result(require_level(level)),
        per=float(per),
    )
