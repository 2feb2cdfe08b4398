r"""What a gap between two groups is made of: ages, sites, composition, incidence and lethality.

A gap is the rate of the `high` group minus that of the `low` one, by default the most and the least deprived.
Contributions add up to the gap exactly, negative ones included.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rnc_epi.maths.inequality.results import Estimate, symmetric
from rnc_epi.maths.inequality.ridit import require_three_groups
from rnc_epi.maths.requirements import (
    Floats,
    Mask,
    as_result,
    first_position,
    require_events_and_person_years,
    require_finite,
    require_person_time,
    require_same_shape,
    require_weights,
)
from rnc_epi.vocabulary.errors import InputError


@dataclass(frozen=True, slots=True)
class GapContributions:
    """Contributions to a gap between standardised rates.

    Attributes
    ----------
    contribution : Estimate
        One per age (or per site), in events per person-year.
    total : Estimate
        The gap.
    share : ndarray
        Contribution over total; NaN where the gap is zero. Shares may be negative or pass one.
    """

    contribution: Estimate
    total: Estimate
    share: Any


@dataclass(frozen=True, slots=True)
class GapInDeaths:
    """A gap in mortality split between how many fall ill and how many of them die.

    Attributes
    ----------
    incidence, lethality, total : Estimate
        Parts of the gap and their sum, in deaths per person-year of the standard.
    incidence_share : float or ndarray
        Part of incidence over the total; NaN where the gap is zero.
    """

    incidence: Estimate
    lethality: Estimate
    total: Estimate
    incidence_share: Any


@dataclass(frozen=True, slots=True)
class CrudeGap:
    """A gap in crude rates: what age structures make, what rates make, and their sum; arrays (...)."""

    composition: Any
    rates: Any
    total: Any


def gap_by_age(
    events: ArrayLike,
    person_years: ArrayLike,
    weights: ArrayLike,
    *,
    high: int = -1,
    low: int = 0,
    level: ArrayLike = 0.95,
) -> GapContributions:
    r"""Contribution of each age to the gap between two directly standardised rates.

    With h the high group and l the low one,

    .. math:: G = \sum_a W_a (r_{ah} - r_{al}) , \qquad
       \mathrm{Var}_a = W_a^2 (d_{ah} / n_{ah}^2 + d_{al} / n_{al}^2) .

    Parameters
    ----------
    events, person_years : array_like, shape (..., ages, groups)
        Counts, groups from the least to the most deprived.
    weights : array_like, shape (ages,) or (..., ages)
        Age standard, any scale.
    high, low : int
        Positions of the two groups on the last axis.
    level : float or sequence of float
        Coverage of the limits; a sequence adds a first axis.

    Returns
    -------
    GapContributions
        ``contribution`` of shape (..., ages), ``total`` of shape (...). Not estimable where an age with
        weight has no person-years in one of the two groups.

    Raises
    ------
    InputError
        ``I001``, ``M001``, ``M002``, ``M003``, ``M004``, ``M006``.

    Examples
    --------
    >>> gap = gap_by_age([[1, 1, 2], [5, 6, 8]], [[1000] * 3, [500] * 3], weights=[0.75, 0.25])
    >>> gap.contribution.value.round(6).tolist(), float(round(gap.total.value, 6))
    ([0.00075, 0.0015], 0.00225)
    """
    gap, variance, estimable = _gap_of_ages(events, person_years, weights, high, low)
    by_age = np.where(estimable, gap, 0.0)
    total = by_age.sum(axis=-1)
    whole = np.asarray(estimable.all(axis=-1))
    return GapContributions(
        symmetric(gap, np.sqrt(variance), level, "gap-by-age", estimable),
        symmetric(total, np.sqrt(variance.sum(axis=-1)), level, "gap", whole),
        _share(gap, total[..., None], (estimable & whole[..., None])),
    )


def gap_by_site(
    events: ArrayLike,
    person_years: ArrayLike,
    weights: ArrayLike,
    *,
    high: int = -1,
    low: int = 0,
    level: ArrayLike = 0.95,
) -> GapContributions:
    """Contribution of each site to the gap between two standardised rates of all the sites together.

    Parameters
    ----------
    events : array_like, shape (..., sites, ages, groups)
        Counts of sites that exclude one another: their sum is a true total.
    person_years : array_like, shape (..., ages, groups)
        The same for every site.
    weights, high, low, level
        As for :func:`gap_by_age`.

    Returns
    -------
    GapContributions
        ``contribution`` of shape (..., sites), ``total`` of shape (...).

    Raises
    ------
    InputError
        As for :func:`gap_by_age`.

    Examples
    --------
    >>> lung, breast = [[1, 2, 4]], [[3, 3, 2]]
    >>> gap = gap_by_site([lung, breast], [[1000, 1000, 1000]], weights=[1])
    >>> gap.contribution.value.tolist(), float(round(gap.total.value, 6)), gap.share.tolist()
    ([0.003, -0.001], 0.002, [1.5, -0.5])
    """
    counts, years = require_finite(events, "events"), require_finite(person_years, "person_years")
    if counts.ndim < 3 or years.ndim < 2:
        raise InputError(
            "M002", what="events", expected="(..., sites, ages, groups)", found=str(counts.shape)
        )
    try:
        spread_years = np.broadcast_to(years[..., None, :, :], counts.shape)
    except ValueError as error:
        raise InputError(
            "M002",
            what="person_years",
            expected=str(counts.shape[:-3] + counts.shape[-2:]),
            found=str(years.shape),
        ) from error
    gap, variance, estimable = _gap_of_ages(counts, spread_years, weights, high, low)
    by_site = gap.sum(axis=-1)
    site_variance = variance.sum(axis=-1)
    whole = np.asarray(estimable.all(axis=-1))
    total = by_site.sum(axis=-1)
    everything = np.asarray(whole.all(axis=-1))
    return GapContributions(
        symmetric(by_site, np.sqrt(site_variance), level, "gap-by-site", whole),
        symmetric(total, np.sqrt(site_variance.sum(axis=-1)), level, "gap", everything),
        _share(by_site, total[..., None], whole & everything[..., None]),
    )


def gap_in_deaths(
    cases: ArrayLike,
    deaths: ArrayLike,
    person_years: ArrayLike,
    weights: ArrayLike,
    *,
    linked: bool,
    high: int = -1,
    low: int = 0,
    level: ArrayLike = 0.95,
) -> GapInDeaths:
    r"""Split a gap in mortality into more cases and more deaths per case.

    At each age mortality is incidence times lethality, :math:`m = i\,l`, :math:`l` = deaths over cases, and
    the change is shared evenly between the two orders of replacement (Kitagawa; Das Gupta):

    .. math:: m_h - m_l = \tfrac12 (l_h + l_l)(i_h - i_l) + \tfrac12 (i_h + i_l)(l_h - l_l) ,

    each part weighted by the age standard and summed.

    Parameters
    ----------
    cases, deaths, person_years : array_like, shape (..., ages, groups)
        Groups from the least to the most deprived.
    weights : array_like, shape (ages,) or (..., ages)
        Age standard.
    linked : bool
        True when the deaths are those of the cases (follow-up): they are then binomial given the cases, and
        may not be more numerous. False when they come from certificates of the same period: Poisson,
        independent, and lethality is the mortality to incidence ratio.
    high, low, level
        As for :func:`gap_by_age`.

    Returns
    -------
    GapInDeaths
        Shape (...). An age without cases in one of the two groups takes the lethality of the other group,
        so that it counts as incidence; not estimable where deaths have no case to come from.

    Raises
    ------
    InputError
        ``I006`` more deaths than linked cases, ``M002`` shapes; else as for :func:`gap_by_age`.

    References
    ----------
    Kitagawa EM. Components of a difference between two rates. J Am Stat Assoc 1955;50:1168-1194.
    doi:10.1080/01621459.1955.10501299

    Examples
    --------
    Twice the cases and the same lethality: all of the gap is incidence.

    >>> split = gap_in_deaths([[100, 150, 200]], [[50, 75, 100]], [[1e5] * 3], [1], linked=True)
    >>> float(round(split.incidence.value * 1e5, 6)), float(round(split.incidence_share, 6))
    (50.0, 1.0)
    """
    ill, years = require_events_and_person_years(cases, person_years)
    dead, _ = require_events_and_person_years(deaths, person_years)
    require_same_shape(cases=ill, deaths=dead)
    first, second = _positions(ill, high, low)
    standard = require_weights(weights, ill.shape[:-1])
    if linked:
        wrong = dead > ill
        if wrong.any():
            raise InputError("I006", found=int(wrong.sum()), where=first_position(wrong))
    pick = [first, second]
    d, e, n = ill[..., pick], dead[..., pick], years[..., pick]
    known = (n > 0).all(axis=-1) | (standard <= 0)
    safe_n = np.where(n > 0, n, 1.0)
    incidence = d / safe_n
    seen = d > 0
    safe_d = np.where(seen, d, 1.0)
    own = np.where(seen, e / safe_d, 0.0)
    # An age where one group has no case says nothing of its lethality: the other group's stands for it.
    lethality = np.where(seen, own, own[..., ::-1])
    orphan = ((e > 0) & ~seen).any(axis=-1) & (standard > 0)
    estimable = (known & ~orphan).all(axis=-1)
    gap_i, mean_i = incidence[..., 0] - incidence[..., 1], incidence.mean(axis=-1)
    gap_l, mean_l = lethality[..., 0] - lethality[..., 1], lethality.mean(axis=-1)
    part_i = (standard * mean_l * gap_i).sum(axis=-1)
    part_l = (standard * mean_i * gap_l).sum(axis=-1)
    # Derivatives of both parts by the counts of cases and of deaths of each group.
    sign = np.array([1.0, -1.0])
    share = np.where(seen, 1.0, 0.0) / safe_d
    scale = standard[..., None]
    i_by_cases = scale * (mean_l[..., None] * sign / safe_n - gap_i[..., None] / 2 * lethality * share)
    i_by_deaths = scale * gap_i[..., None] / 2 * share
    l_by_cases = scale * (gap_l[..., None] / 2 / safe_n - mean_i[..., None] * sign * lethality * share)
    l_by_deaths = scale * mean_i[..., None] * sign * share
    # Linked: deaths = binomial(cases, l), so that var(deaths) = deaths and cov(cases, deaths) = deaths under
    # Poisson cases. Not linked: both Poisson, no covariance.
    together = e if linked else np.zeros_like(e)

    def error(by_cases: Floats, by_deaths: Floats) -> Floats:
        terms = by_cases**2 * d + by_deaths**2 * e + 2.0 * by_cases * by_deaths * together
        return np.sqrt(np.maximum(terms.sum(axis=(-2, -1)), 0.0))

    total = part_i + part_l
    return GapInDeaths(
        symmetric(part_i, error(i_by_cases, i_by_deaths), level, "gap-incidence", estimable),
        symmetric(part_l, error(l_by_cases, l_by_deaths), level, "gap-lethality", estimable),
        symmetric(total, error(i_by_cases + l_by_cases, i_by_deaths + l_by_deaths), level, "gap", estimable),
        _share(part_i, total, np.asarray(estimable)),
    )


def crude_gap(events: ArrayLike, person_years: ArrayLike, *, high: int = -1, low: int = 0) -> CrudeGap:
    r"""Split a gap in crude rates between age structure and age-specific rates (Kitagawa).

    .. math:: \Delta = \sum_a \Delta c_a \bar r_a + \sum_a \bar c_a \Delta r_a ,

    with :math:`c_a` the share of age a in the person-years of a group.

    Parameters
    ----------
    events, person_years : array_like, shape (..., ages, groups)
        Counts, groups from the least to the most deprived.
    high, low : int
        Positions of the two groups on the last axis.

    Returns
    -------
    CrudeGap
        Each part of shape (...), per person-year; NaN where an age has person-years in one of the two groups
        only.

    Raises
    ------
    InputError
        ``I001`` fewer than three groups; ``M001``, ``M002``, ``M003``, ``M007`` impossible counts; ``M004``
        a position that is none.

    References
    ----------
    Kitagawa EM. Components of a difference between two rates. J Am Stat Assoc 1955;50:1168-1194.

    Examples
    --------
    Equal ages: all of the gap of 11/2000 - 7/2000 is of rates.

    >>> gap = crude_gap([[1, 1, 2], [6, 6, 9]], [[1000, 1000, 1000], [1000, 1000, 1000]])
    >>> float(gap.composition), float(round(gap.rates, 6))
    (0.0, 0.002)
    """
    counts, years = require_events_and_person_years(events, person_years)
    first, second = _positions(counts, high, low)
    d, n = counts[..., [first, second]], years[..., [first, second]]
    total = n.sum(axis=-2, keepdims=True)
    shares = np.divide(n, total, out=np.zeros_like(n), where=total > 0)
    rates = np.divide(d, n, out=np.zeros_like(n), where=n > 0)
    alike = ((n > 0).all(axis=-1) | (n <= 0).all(axis=-1)).all(axis=-1) & (total > 0).all(axis=(-2, -1))
    composition = ((shares[..., 0] - shares[..., 1]) * rates.mean(axis=-1)).sum(axis=-1)
    of_rates = (shares.mean(axis=-1) * (rates[..., 0] - rates[..., 1])).sum(axis=-1)

    def shown(values: Floats) -> Any:
        return as_result(np.where(alike, values, np.nan))

    return CrudeGap(shown(composition), shown(of_rates), shown(composition + of_rates))


def _positions(counts: Floats, high: int, low: int) -> tuple[int, int]:
    if counts.ndim < 2:
        raise InputError("M002", what="events", expected="(..., ages, groups)", found=str(counts.shape))
    groups = require_three_groups(counts, "events").shape[-1]
    for what, position in (("high", high), ("low", low)):
        if not -groups <= position < groups:
            raise InputError("M004", what=what, expected=f"0 … {groups - 1}", found=str(position))
    if high % groups == low % groups:
        raise InputError("M004", what="high", expected=f"≠ {low % groups}", found=str(high))
    return high % groups, low % groups


def _gap_of_ages(
    events: ArrayLike, person_years: ArrayLike, weights: ArrayLike, high: int, low: int
) -> tuple[Floats, Floats, Mask]:
    """Return the weighted gap of each age, its Poisson variance, and where both rates are known."""
    counts, years = require_events_and_person_years(events, person_years)
    require_person_time(counts, years)
    first, second = _positions(counts, high, low)
    standard = require_weights(weights, counts.shape[:-1])
    d, n = counts[..., [first, second]], years[..., [first, second]]
    safe = np.where(n > 0, n, 1.0)
    known = (n > 0).all(axis=-1) | (standard <= 0)
    rate = d / safe
    gap = standard * (rate[..., 0] - rate[..., 1])
    variance = standard**2 * (d / safe**2).sum(axis=-1)
    return gap, variance, np.asarray(known)


def _share(part: Floats, total: Floats, estimable: Mask) -> Any:
    total = np.broadcast_to(total, part.shape)
    ratio = np.divide(part, total, out=np.full(part.shape, np.nan), where=total != 0)
    return as_result(np.where(estimable, ratio, np.nan))
