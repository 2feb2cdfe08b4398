r"""What would not have happened had every group known the rate of one of them: excess events and their share.

Negative excesses are kept: where the least deprived have the higher rate, the excess is negative, and
clipping it would make every site look unequal against the deprived.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from rnc_epi.maths.inequality.results import Estimate, multiplier, symmetric
from rnc_epi.maths.inequality.ridit import FEWEST_GROUPS, common_shape, require_three_groups, require_workable
from rnc_epi.maths.requirements import (
    Floats,
    Mask,
    as_result,
    require_counts,
    require_events_and_person_years,
    require_person_time,
    require_positive,
)
from rnc_epi.vocabulary.errors import InputError


def excess_events(
    events: ArrayLike, person_years: ArrayLike, reference: int, *, level: ArrayLike = 0.95
) -> Estimate:
    r"""Events in excess of those that the rate of the reference group would have given everywhere.

    .. math:: EC = \sum_j d_j - N\, d_r / n_r , \qquad
       \mathrm{Var} = \sum_{j \ne r} d_j + (N / n_r - 1)^2 d_r .

    Parameters
    ----------
    events, person_years : array_like, shape (..., groups)
        Counts by group, from the least to the most deprived; broadcast against one another.
    reference : int
        Position of the reference group on the last axis; 0 is the least deprived.
    level : float or sequence of float
        Coverage of the limits; a sequence adds a first axis.

    Returns
    -------
    Estimate
        Number of events, shape (...); negative where the reference group has the higher rate. NaN and
        ``estimable`` False where the reference group has no event or nobody, or fewer than three groups
        are populated: zero observed events are no reference rate.

    Raises
    ------
    InputError
        ``I001`` fewer than three groups, ``M001`` negative counts, ``M003`` events without person-years,
        ``M004`` a reference that is no position.

    Examples
    --------
    The reference rate, 1 per 1 000, would give 6 events where 12 were seen:

    >>> found = excess_events([1, 4, 7], [1000, 2000, 3000], reference=0)
    >>> float(found.value), float(round(found.se**2, 6))  # 11 + 25 x 1
    (6.0, 36.0)
    """
    counts, years, estimable = _groups(events, person_years, reference)
    return _excess(counts[..., None, :], years[..., None, :], reference, level, estimable)


def attributable_fraction(
    events: ArrayLike, person_years: ArrayLike, reference: int, *, level: ArrayLike = 0.95
) -> Estimate:
    r"""Share of the events that the rate of the reference group would not have given.

    .. math:: \mathrm{PAF} = (R - R_r) / R ,

    with limits on the scale of :math:`\ln(R_r / R)`, whose variance is :math:`1/d_r - 1/\sum d`.

    Parameters
    ----------
    events, person_years, reference, level
        As for :func:`excess_events`.

    Returns
    -------
    Estimate
        A fraction, shape (...), at most one; negative where the reference group has the higher rate.

    Raises
    ------
    InputError
        ``I001``, ``M001``, ``M003``, ``M004`` as for :func:`excess_events`.

    Examples
    --------
    Of 12 events the reference rate would have given 6:

    >>> float(attributable_fraction([1, 4, 7], [1000, 2000, 3000], reference=0).value)
    0.5
    """
    counts, years, estimable = _groups(events, person_years, reference)
    return _fraction(counts[..., None, :], years[..., None, :], reference, level, estimable)


def age_stratified_excess_events(
    events: ArrayLike, person_years: ArrayLike, reference: int, *, level: ArrayLike = 0.95
) -> Estimate:
    """Excess events age by age against the reference group's rate of the same age, summed over ages.

    Parameters
    ----------
    events, person_years : array_like, shape (..., ages, groups)
        Counts by age and group, groups from the least to the most deprived.
    reference, level
        As for :func:`excess_events`.

    Returns
    -------
    Estimate
        Number of events, shape (...). An age without an event in the reference group counts its events as
        excess; not estimable where the reference has no event at any age, or nobody at an age with events.

    Raises
    ------
    InputError
        ``I001``, ``M001``, ``M003``, ``M004`` as for :func:`excess_events`; ``M002`` fewer than two axes.

    Examples
    --------
    Two ages with an excess of 6 and of -2:

    >>> events = [[1, 4, 7], [4, 3, 3]]
    >>> years = [[1000, 2000, 3000], [1000, 1000, 1000]]
    >>> float(age_stratified_excess_events(events, years, reference=0).value)
    4.0
    """
    counts, years, estimable = _ages_and_groups(events, person_years, reference)
    return _excess(counts, years, reference, level, estimable)


def age_stratified_attributable_fraction(
    events: ArrayLike, person_years: ArrayLike, reference: int, *, level: ArrayLike = 0.95
) -> Estimate:
    r"""Age-stratified excess events over all events.

    With :math:`E = \sum_a N_a d_{ra} / n_{ra}` the fraction is :math:`1 - E/D`, and its limits come from

    .. math:: \mathrm{Var}(\ln E/D) = \sum_a d_{ra} \Big(\frac{N_a}{n_{ra} E} - \frac1D\Big)^2
       + \sum_{a, j \ne r} \frac{d_{aj}}{D^2} .

    Parameters
    ----------
    events, person_years, reference, level
        As for :func:`age_stratified_excess_events`.

    Returns
    -------
    Estimate
        A fraction, shape (...), at most one; not estimable where the excess is not.

    Raises
    ------
    InputError
        ``I001``, ``M001`` to ``M004`` as for :func:`age_stratified_excess_events`.

    Examples
    --------
    >>> events = [[1, 4, 7], [4, 3, 3]]
    >>> years = [[1000, 2000, 3000], [1000, 1000, 1000]]
    >>> float(round(age_stratified_attributable_fraction(events, years, reference=0).value, 6))  # 4 of 22
    0.181818
    """
    counts, years, estimable = _ages_and_groups(events, person_years, reference)
    return _fraction(counts, years, reference, level, estimable)


def attributable_fraction_from_ratios(events: ArrayLike, ratio: ArrayLike) -> Floats:
    r"""Share of the events that rate ratios adjusted for something else attribute to the groups.

    .. math:: \mathrm{PAF} = \sum_j \frac{d_j}{\sum_k d_k} (1 - 1/RR_j) ,

    Miettinen's form, the one that remains right with adjusted ratios (Levin's does not).

    Parameters
    ----------
    events : array_like, shape (..., groups)
    ratio : array_like, shape (..., groups)
        Rate ratio of each group to the reference, whose own ratio is 1.

    Returns
    -------
    ndarray, shape (...)
        Fractions; NaN without events.

    Raises
    ------
    InputError
        ``I001``, ``M001``, ``M002``; ``M009`` for a ratio that is not above zero.

    References
    ----------
    Miettinen OS. Proportion of disease caused or prevented by a given exposure, trait or intervention.
    Am J Epidemiol 1974;99:325-332. doi:10.1093/oxfordjournals.aje.a121617

    Examples
    --------
    >>> float(attributable_fraction_from_ratios([50, 0, 50], [1, 1.5, 2]))
    0.25
    """
    counts = require_three_groups(require_counts(events, "events"), "events")
    ratios = require_three_groups(require_positive(ratio, "ratio"), "ratio")
    if ratios.shape[-1] != counts.shape[-1]:
        raise InputError("M002", what="ratio", expected=f"(..., {counts.shape[-1]})", found=str(ratios.shape))
    counts, ratios = np.broadcast_arrays(counts, ratios)
    total = counts.sum(axis=-1)
    lost = (counts * (1.0 - 1.0 / ratios)).sum(axis=-1)
    return as_result(np.divide(lost, total, out=np.full_like(total, np.nan), where=total > 0))


def _groups(events: ArrayLike, person_years: ArrayLike, reference: int) -> tuple[Floats, Floats, Mask]:
    counts, years = require_counts(events, "events"), require_counts(person_years, "person_years")
    require_workable(require_three_groups(counts, "events"), "events")
    require_workable(years, "person_years")
    shape = common_shape(events=counts, person_years=years)
    counts, years = np.broadcast_to(counts, shape), np.broadcast_to(years, shape)
    require_person_time(counts, years)
    _require_position(reference, counts.shape[-1])
    populated = (years > 0).sum(axis=-1) >= FEWEST_GROUPS
    estimable = populated & (counts[..., reference] > 0)
    return counts, years, np.asarray(estimable)


def _ages_and_groups(
    events: ArrayLike, person_years: ArrayLike, reference: int
) -> tuple[Floats, Floats, Mask]:
    counts, years = require_events_and_person_years(events, person_years)
    if counts.ndim < 2:
        raise InputError("M002", what="events", expected="(..., ages, groups)", found=str(counts.shape))
    require_workable(require_three_groups(counts, "events"), "events")
    require_workable(years, "person_years")
    _require_position(reference, counts.shape[-1])
    populated = (years.sum(axis=-2) > 0).sum(axis=-1) >= FEWEST_GROUPS
    silent = (years[..., reference] <= 0) & (years.sum(axis=-1) > 0)
    estimable = populated & (counts[..., reference].sum(axis=-1) > 0) & ~silent.any(axis=-1)
    return counts, years, np.asarray(estimable)


def _require_position(reference: int, groups: int) -> None:
    whole = isinstance(reference, int | np.integer) and not isinstance(reference, bool)
    if not whole or not 0 <= reference < groups:
        raise InputError("M004", what="reference", expected=f"0 … {groups - 1}", found=str(reference))


def _expected(counts: Floats, years: Floats, reference: int) -> tuple[Floats, Floats]:
    """Return N / n of the reference by age, and the events that its rates would give, summed over ages."""
    base, everyone = years[..., reference], years.sum(axis=-1)
    factor = np.divide(everyone, base, out=np.zeros_like(base), where=base > 0)
    # Multiplied before divided: whole numbers then give equal rates an excess of zero, to the last digit.
    given = everyone * counts[..., reference]
    expected = np.divide(given, base, out=np.zeros_like(base), where=base > 0)
    return factor, expected.sum(axis=-1)


def _excess(counts: Floats, years: Floats, reference: int, level: ArrayLike, estimable: Mask) -> Estimate:
    factor, expected = _expected(counts, years, reference)
    total = counts.sum(axis=(-2, -1))
    own = counts[..., reference]
    variance = total - own.sum(axis=-1) + ((factor - 1.0) ** 2 * own).sum(axis=-1)
    method = "excess-over-reference"
    return symmetric(total - expected, np.sqrt(np.maximum(variance, 0.0)), level, method, estimable)


def _fraction(counts: Floats, years: Floats, reference: int, level: ArrayLike, estimable: Mask) -> Estimate:
    factor, expected = _expected(counts, years, reference)
    total = counts.sum(axis=(-2, -1))
    safe_total, safe_expected = np.where(estimable, total, 1.0), np.where(estimable, expected, 1.0)
    own = counts[..., reference]
    influence = factor / safe_expected[..., None] - 1.0 / safe_total[..., None]
    variance = (own * influence**2).sum(axis=-1) + (total - own.sum(axis=-1)) / safe_total**2
    times, recorded = multiplier(level, total)
    ratio = np.where(estimable, safe_expected / safe_total, np.nan)
    log_se = np.sqrt(np.maximum(variance, 0.0))
    with np.errstate(over="ignore"):
        lower = 1.0 - ratio * np.exp(times * log_se)
    return Estimate(
        as_result(1.0 - ratio),
        as_result(lower),
        as_result(1.0 - ratio * np.exp(-times * log_se)),
        as_result(ratio * log_se),
        recorded,
        "fraction-over-reference-log",
        as_result(estimable),
    )
