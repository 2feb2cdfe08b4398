"""Mean annual change of a rate: between two years, and over a period by log-linear regression."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from rnc_epi.maths.compare import Rate, rate_ratio
from rnc_epi.maths.intervals import normal_quantile
from rnc_epi.maths.requirements import (
    Floats,
    Mask,
    as_result,
    level_axis,
    require_choice,
    require_events_and_person_years,
    require_finite,
    require_level,
    require_positive,
    require_scalar,
)
from rnc_epi.vocabulary.errors import InputError

FAMILIES = ("poisson", "quasi-poisson", "negative-binomial")

MOST_STEPS = 200
# On the scale of the log-rate over the whole period: far below any published digit.
SETTLED = 1e-12
# On the scale of the log-dispersion, on which the slope hardly depends.
DISPERSION_SETTLED = 1e-9
# Dispersion from a hundred million down to one ten-millionth, beyond which it is nothing.
LOG_K_RANGE = (float(np.log(1e-8)), float(np.log(1e7)))


@dataclass(frozen=True, eq=False)
class AnnualChange:
    """Mean annual change in per cent with limits.

    ``slope`` and ``slope_se`` are those of the log-rate per year. ``dispersion`` is Pearson's statistic
    over its degrees of freedom for ``quasi-poisson``, the parameter of the variance
    mu + dispersion mu^2 for ``negative-binomial``, NaN otherwise. NaN and ``estimable`` False where the
    data hold no finite slope.
    """

    percent: Floats
    lower: Floats
    upper: Floats
    slope: Floats
    slope_se: Floats
    dispersion: Floats
    p_value: Floats
    estimable: Mask
    method: str
    level: Floats


def annual_change_between(
    first: Rate, last: Rate, years: float, *, method: str = "log-normal", level: float | ArrayLike = 0.95
) -> AnnualChange:
    """Mean annual change that leads from one rate to another, `years` later.

    ``100 ((last / first)^(1/years) - 1)``; the limits are those of the ratio of the two rates, carried over.
    It looks at the two ends alone: :func:`annual_change` uses every year between them.

    Parameters
    ----------
    first, last : rates of the same shape, with ``rate``, ``se``, ``estimable``, ``event_weight``, ``per``
    years : float
        Years between the middles of the two periods.
    method : see :func:`rnc_epi.maths.compare.rate_ratio`
    level : float or sequence of float

    Returns
    -------
    AnnualChange
        Where a rate is 0 there is no slope.

    Examples
    --------
    A rate that doubles in ten years grows by 7.2 % a year:

    >>> from rnc_epi.maths.standardise import crude_rate
    >>> change = annual_change_between(crude_rate(100, 1000), crude_rate(200, 1000), 10)
    >>> print(f"{change.percent:.1f} ({change.lower:.1f} to {change.upper:.1f})")
    7.2 (4.6 to 9.8)
    """
    span = require_scalar(years, "years")
    require_positive(span, "years")
    ratio = rate_ratio(last, first, method=method, level=level)
    estimable = np.asarray(ratio.estimable & (np.nan_to_num(ratio.ratio) > 0))
    inside = np.where(estimable, ratio.ratio, np.nan)
    with np.errstate(divide="ignore"):
        lower, upper = (
            np.log(np.where(estimable, ratio.lower, np.nan)),
            np.log(np.where(estimable, ratio.upper, np.nan)),
        )
    return AnnualChange(
        percent=as_result(100 * np.expm1(np.log(inside) / span)),
        lower=as_result(100 * np.expm1(lower / span)),
        upper=as_result(100 * np.expm1(upper / span)),
        slope=as_result(np.log(inside) / span),
        slope_se=as_result(ratio.log_se / span),
        dispersion=as_result(np.full(inside.shape, np.nan)),
        p_value=as_result(np.where(estimable, ratio.p_value, np.nan)),
        estimable=as_result(estimable),
        method=method,
        level=ratio.level,
    )


def annual_change(
    events: ArrayLike,
    person_years: ArrayLike,
    years: ArrayLike,
    *,
    family: str = "poisson",
    by_age: bool = False,
    level: float | ArrayLike = 0.95,
) -> AnnualChange:
    r"""Mean annual change over a period: :math:`\log \mu_{ta} = \log n_{ta} + \alpha_a + \beta t`.

    ``100 (exp(beta) - 1)`` by maximum likelihood, all groups at once. ``quasi-poisson`` multiplies the
    variance by Pearson's dispersion and uses Student's t; ``negative-binomial`` estimates the variance
    :math:`\mu + \alpha\mu^2` by maximum likelihood, and falls to Poisson (dispersion 0) where the counts
    vary no more than that.

    Parameters
    ----------
    events, person_years : array_like, shape (..., years), or (..., years, bands) with `by_age`
        A cell without person-years is left out.
    years : array_like, shape (years,)
        Calendar years, or middles of periods; not necessarily evenly spaced.
    family : {"poisson", "quasi-poisson", "negative-binomial"}
    by_age : bool
        Whether the last axis holds age bands, each with a level of its own and one slope for all: the
        change is then that of the age-specific rates, free of ageing.
    level : float or sequence of float
        Coverage; a sequence adds a first axis to the limits.

    Returns
    -------
    AnnualChange
        Not estimable where no finite slope fits: no event, or all of them in the first or the last year.

    Raises
    ------
    InputError
        M001, M002, M003, M005, M007; years not increasing (M013).

    References
    ----------
    McCullagh P, Nelder JA. Generalized linear models, 2nd ed. London: Chapman & Hall, 1989, chapter 6.
    Lawless JF. Negative binomial and mixed Poisson regression. Can J Stat 1987;15:209-225.
    doi:10.2307/3314912

    Examples
    --------
    >>> events, person_years = [100, 110, 121, 133.1], [1e5] * 4
    >>> change = annual_change(events, person_years, [2015, 2016, 2017, 2018])
    >>> print(f"{change.percent:.2f} ({change.lower:.1f} to {change.upper:.1f})")
    10.00 (1.4 to 19.4)
    """
    counts, denominators = require_events_and_person_years(events, person_years)
    require_choice(family, FAMILIES, "family")
    levels = require_level(level)
    calendar = require_finite(years, "years")
    if not by_age:
        counts, denominators = counts[..., None], denominators[..., None]
    shape = counts.shape
    if counts.ndim < 2 or calendar.shape != shape[-2:-1] or 0 in shape[-2:]:
        expected = "(..., years, bands)" if by_age else "(..., years)"
        raise InputError("M002", what="events", expected=expected, found=str(shape if by_age else shape[:-1]))
    stalled = np.diff(calendar) <= 0
    if stalled.any():
        raise InputError("M013", what="years", where=str(int(np.argmax(stalled)) + 1))

    t = np.broadcast_to((calendar - calendar.mean())[:, None], shape)
    used = denominators > 0
    # A band without any event says nothing of the slope: its own level is minus infinity.
    used = used & (counts.sum(axis=-2, keepdims=True) > 0)
    estimable = _has_finite_slope(counts, t, used)
    cells = used & estimable[..., None, None]
    slope, information, mu, dispersion = _fit(counts, denominators, t, cells, family)

    freedom = used.sum(axis=(-2, -1)) - used.any(axis=-2).sum(axis=-1) - 1
    scale, quantile = (
        np.ones(slope.shape),
        np.broadcast_to(normal_quantile(levels)[..., None], (*levels.shape, 1)),
    )
    if family == "quasi-poisson":
        estimable = estimable & (freedom > 0)
        df = np.where(freedom > 0, freedom, 1)
        pearson = np.where(cells, (counts - mu) ** 2 / np.where(cells, mu, 1.0), 0.0).sum(axis=(-2, -1))
        scale = dispersion = pearson / df
        quantile = -special.stdtrit(df.astype(float), level_axis((1 - levels) / 2, scale))
    else:
        quantile = level_axis(normal_quantile(levels), slope)
    se = np.sqrt(scale / np.where(estimable, information, 1.0))
    slope, se = np.where(estimable, slope, np.nan), np.where(estimable, se, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        # A perfect quasi-Poisson fit has no spread: its p-value is 0, or NaN for a slope of zero.
        statistic = -np.abs(slope) / se
    if family == "quasi-poisson":
        p_value = 2 * special.stdtr(np.where(freedom > 0, freedom, 1).astype(float), statistic)
    else:
        p_value = 2 * special.ndtr(statistic)
    return AnnualChange(
        percent=as_result(100 * np.expm1(slope)),
        lower=as_result(100 * np.expm1(slope - quantile * se)),
        upper=as_result(100 * np.expm1(slope + quantile * se)),
        slope=as_result(slope),
        slope_se=as_result(se),
        dispersion=as_result(np.where(estimable, dispersion, np.nan)),
        p_value=as_result(p_value),
        estimable=as_result(estimable),
        method=family,
        level=as_result(levels),
    )


def _has_finite_slope(counts: Floats, t: Floats, used: Mask) -> Mask:
    """Whether the events of some band fall neither all in its first nor all in its last year observed."""
    first = np.where(used, t, np.inf).min(axis=-2)
    last = np.where(used, t, -np.inf).max(axis=-2)
    with np.errstate(invalid="ignore"):
        total = counts.sum(axis=-2)
        moment = np.where(used, counts * t, 0.0).sum(axis=-2)
        # The slope grows without end where the mean year of the events lies at the edge in every band.
        low = np.where(used.any(axis=-2), moment - total * first, 0.0).sum(axis=-1)
        high = np.where(used.any(axis=-2), total * last - moment, 0.0).sum(axis=-1)
    span = t.max() - t.min() if t.size else 0.0
    least = 1e-9 * span * np.maximum(total.sum(axis=-1), 1e-300)
    return np.asarray((low > least) & (high > least))


@dataclass(frozen=True)
class _Cells:
    """Events, person-years and years of groups that are fitted together, shape (groups, years, bands)."""

    events: Floats
    person_years: Floats
    t: Floats
    used: Mask
    span: float

    def of(self, groups: NDArray[np.intp]) -> _Cells:
        return _Cells(
            self.events[groups], self.person_years[groups], self.t[groups], self.used[groups], self.span
        )


def _fit(
    counts: Floats, person_years: Floats, t: Floats, used: Mask, family: str
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return slope, its information, fitted counts and dispersion of every group (axes years, bands last)."""
    groups, last = counts.shape[:-2], (-1, *counts.shape[-2:])
    d = np.where(used, counts, 0.0).reshape(last)
    n = np.where(used, person_years, 1.0).reshape(last)
    span = float(np.ptp(t)) if t.size else 0.0
    cells = _Cells(d, n, np.reshape(t, last), np.reshape(used, last), span if span > 0 else 1.0)
    total_years = np.where(cells.used, n, 0.0).sum(axis=-2, keepdims=True)
    crude = d.sum(axis=-2, keepdims=True) / np.where(total_years > 0, total_years, 1.0)
    start = np.log(np.where(crude > 0, crude, 1.0))
    slope, intercept, information, mu = _settle(cells, np.zeros(len(d)), np.zeros(len(d)), start)
    alpha = np.full(len(d), np.nan)
    if family == "negative-binomial":
        alpha = np.zeros(len(d))
        # Beyond Poisson only where the likelihood rises as the dispersion leaves 0 (score test at 0).
        excess = np.where(cells.used, (d - mu) ** 2 - d, 0.0).sum(axis=(-2, -1))
        rising = np.flatnonzero(excess > 0)
        if rising.size:
            square = np.where(cells.used, mu**2, 0.0).sum(axis=(-2, -1))
            alpha[rising], slope[rising], information[rising], mu[rising] = _fit_dispersion(
                cells.of(rising), square[rising] / excess[rising], slope[rising], intercept[rising]
            )
    return (
        slope.reshape(groups),
        information.reshape(groups),
        mu.reshape(counts.shape),
        alpha.reshape(groups),
    )


def _settle(
    cells: _Cells, alpha: Floats, slope: Floats, intercept: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Fit slope and levels at a given dispersion by iterated weighted least squares.

    One slope and a level per band make the normal equations an arrow: subtracting from the years their
    weighted mean in each band leaves a single equation for the slope.
    """
    t, spread = cells.t, alpha[:, None, None]
    for _ in range(MOST_STEPS):
        eta = np.clip(intercept + slope[:, None, None] * t, -700, 700)
        mu = np.where(cells.used, cells.person_years * np.exp(eta), 0.0)
        weight = mu / (1 + spread * mu)
        residual = np.where(cells.used, (cells.events - mu) / np.where(mu > 0, mu, 1.0), 0.0)
        band = weight.sum(axis=-2, keepdims=True)
        band = np.where(band > 0, band, 1.0)
        centred = t - (weight * t).sum(axis=-2, keepdims=True) / band
        information = (weight * centred**2).sum(axis=(-2, -1))
        step = (weight * centred * residual).sum(axis=(-2, -1)) / np.where(information > 0, information, 1.0)
        # A step may not change the rate more than e-fold over the period: no overshoot can run away.
        step = np.clip(step, -1 / cells.span, 1 / cells.span)
        level_step = (weight * (residual - step[:, None, None] * t)).sum(axis=-2, keepdims=True) / band
        slope = slope + step
        intercept = intercept + np.clip(level_step, -2.0, 2.0)
        if not step.size or max(np.abs(step).max() * cells.span, np.abs(level_step).max()) < SETTLED:
            break
    return slope, intercept, information, mu


def _fit_dispersion(
    cells: _Cells, k: Floats, slope: Floats, intercept: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return dispersion, slope, information and fitted counts at the maximum of the likelihood.

    At the slope and levels that suit a dispersion, the derivative of the likelihood along that ridge is the
    partial one: its zero in log k, k = 1 / dispersion, is bracketed and found by Newton's steps or halving.
    """
    log_k = np.clip(np.log(k), *LOG_K_RANGE)
    low, high = (np.full(k.shape, edge) for edge in LOG_K_RANGE)
    slope, intercept = slope.copy(), intercept.copy()
    information, mu = np.zeros(k.shape), np.zeros(cells.events.shape)
    todo = np.arange(k.size)
    for _ in range(MOST_STEPS):
        some, k = cells.of(todo), np.exp(log_k[todo])
        slope[todo], intercept[todo], information[todo], mu[todo] = _settle(
            some, 1 / k, slope[todo], intercept[todo]
        )
        score, curvature = _score_of_k(some.events, mu[todo], some.used, k)
        at = log_k[todo]
        low[todo] = np.where(score > 0, at, low[todo])
        high[todo] = np.where(score <= 0, at, high[todo])
        bend = curvature * k * k + score * k
        newton = at - np.where(bend < 0, score * k / np.where(bend < 0, bend, 1.0), np.inf)
        inside = (newton > low[todo]) & (newton < high[todo])
        following = np.where(inside, newton, (low[todo] + high[todo]) / 2)
        log_k[todo] = following
        todo = todo[np.abs(following - at) > DISPERSION_SETTLED]
        if not todo.size:
            break
    return np.exp(-log_k), slope, information, mu


def _score_of_k(d: Floats, mu: Floats, cells: Mask, k: Floats) -> tuple[Floats, Floats]:
    """First and second derivative of the negative binomial log-likelihood in k = 1 / dispersion."""
    size = k[..., None, None]
    score = special.digamma(d + size) - special.digamma(size) + np.log(size / (size + mu))
    score = score + 1 - (d + size) / (size + mu)
    bend = special.polygamma(1, d + size) - special.polygamma(1, size) + 1 / size
    bend = bend - 2 / (size + mu) + (d + size) / (size + mu) ** 2
    return (
        np.where(cells, score, 0.0).sum(axis=(-2, -1)),
        np.where(cells, bend, 0.0).sum(axis=(-2, -1)),
    )
