"""Funnel limits: how far a ratio, a rate or a share may stray from its target by chance alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from rnc_epi.maths.intervals import normal_quantile
from rnc_epi.maths.requirements import (
    Floats,
    as_result,
    level_axis,
    require_choice,
    require_counts,
    require_level,
    require_positive,
    require_same_shape,
    require_scalar,
    require_shares,
)
from rnc_epi.vocabulary.errors import InputError

FUNNEL_METHODS = ("exact", "multiplicative", "additive")

# Two lines by custom: about two and three standard errors.
FUNNEL_LEVELS = (0.95, 0.998)


@dataclass(frozen=True, eq=False)
class FunnelLimits:
    """Limits around a target; a sequence of levels adds a first axis; NaN where nothing is expected."""

    lower: Floats
    upper: Floats
    target: float
    method: str
    level: Floats


@dataclass(frozen=True, eq=False)
class Overdispersion:
    """Spread of areas beyond Poisson chance, on the scale of the square root of the ratio.

    ``factor`` multiplies the Poisson variance (1: none), ``between`` is the standard deviation added to
    it (0: none), ``areas`` the number of areas used.
    """

    factor: Floats
    between: Floats
    areas: np.ndarray
    target: float


def funnel_limits(
    expected: ArrayLike,
    *,
    target: float = 1.0,
    level: float | ArrayLike = FUNNEL_LEVELS,
    method: str = "exact",
    overdispersion: Overdispersion | None = None,
) -> FunnelLimits:
    r"""Limits of the ratio of observed to expected events around `target`, by size of the area.

    ``exact``: quantiles of a Poisson count of mean :math:`\theta_0 E`, interpolated between whole
    numbers so that the lines are smooth [1]_, over :math:`E`. ``multiplicative`` and ``additive``: on
    the square-root scale, where the standard error is :math:`s = 1/(2\sqrt E)`, limits
    :math:`(\sqrt{\theta_0} \pm z\,s\sqrt\phi)^2` and :math:`(\sqrt{\theta_0} \pm z\sqrt{s^2+\tau^2})^2`.

    For a rate, give person-years as `expected` and the overall rate as `target`.

    Parameters
    ----------
    expected : array_like, any shape
        Expected events at ratio 1 (not multiplied by `target`).
    target : float
        Ratio around which the funnel is drawn.
    level : float or sequence of float
    method : {"exact", "multiplicative", "additive"}
    overdispersion : Overdispersion, optional
        From :func:`overdispersion_between_areas`; needed by the last two methods, refused by the first.

    Returns
    -------
    FunnelLimits

    Raises
    ------
    InputError
        M001, M004, M005, M007, M009; `overdispersion` absent (M017) or superfluous (M014).

    References
    ----------
    .. [1] Spiegelhalter DJ. Funnel plots for comparing institutional performance. Stat Med
       2005;24:1185-1202. doi:10.1002/sim.1970 (appendix A.1.1; section 4.4 for overdispersion).

    Examples
    --------
    >>> limits = funnel_limits([10, 1000], level=0.95)
    >>> limits.lower.round(2).tolist(), limits.upper.round(2).tolist()
    ([0.38, 0.94], [1.62, 1.06])
    """
    require_choice(method, FUNNEL_METHODS, "method")
    awaited = require_counts(expected, "expected")
    levels = require_level(level)
    centre = require_scalar(target, "target")
    require_positive(centre, "target")
    size = np.where(awaited > 0, awaited, np.nan)
    if method == "exact":
        if overdispersion is not None:
            raise InputError(
                "M014", found=method, what="overdispersion", expected=", ".join(FUNNEL_METHODS[1:])
            )
        tail = level_axis((1 - levels) / 2, size)
        lower = _poisson_quantile(tail, centre * size) / size
        upper = _poisson_quantile(1 - tail, centre * size) / size
    else:
        if overdispersion is None:
            raise InputError("M017", found=method, what="overdispersion")
        variance = 1 / (4 * size)
        if method == "multiplicative":
            variance = variance * np.asarray(overdispersion.factor)[..., None]
        else:
            variance = variance + np.asarray(overdispersion.between)[..., None] ** 2
        variance = variance.reshape(np.broadcast_shapes(variance.shape, size.shape))
        spread = level_axis(normal_quantile(levels), variance) * np.sqrt(variance)
        lower = np.maximum(np.sqrt(centre) - spread, 0.0) ** 2
        upper = (np.sqrt(centre) + spread) ** 2
    return FunnelLimits(as_result(lower), as_result(upper), centre, method, as_result(levels))


def _poisson_quantile(probability: Floats, mean: Floats) -> Floats:
    """Quantile of a Poisson count, interpolated linearly in probability below the whole number reached."""
    known = ~np.isnan(mean)
    mu = np.where(known, mean, 1.0)
    p = np.broadcast_to(probability, np.broadcast_shapes(probability.shape, mu.shape))
    mu = np.broadcast_to(mu, p.shape)
    # The continuous inverse may miss the whole number by one: step until it is the smallest that reaches p.
    count = np.maximum(np.ceil(np.nan_to_num(special.pdtrik(p, mu))), 0.0)
    while (short := special.pdtr(count, mu) < p).any():
        count = count + short
    while (far := (count > 0) & (special.pdtr(np.maximum(count - 1, 0), mu) >= p)).any():
        count = count - far
    reached = special.pdtr(count, mu)
    below = np.where(count > 0, special.pdtr(np.maximum(count - 1, 0), mu), 0.0)
    quantile = np.maximum(count - (reached - p) / (reached - below), 0.0)
    return np.where(known, quantile, np.nan)


def overdispersion_between_areas(
    observed: ArrayLike, expected: ArrayLike, *, target: float = 1.0, winsorised: float = 0.1
) -> Overdispersion:
    r"""Estimate how much areas differ beyond Poisson chance.

    On :math:`\sqrt{O/E}` with standard error :math:`s_i = 1/(2\sqrt{E_i})`, the z-scores
    :math:`(\sqrt{O_i/E_i} - \sqrt{\theta_0})/s_i` have their outer shares brought back to the quantiles
    `winsorised` and 1 - `winsorised`, so that the outlying areas that the funnel is to show do not widen
    it. Then :math:`\phi = \sum z_i^2 / I` and, by moments,
    :math:`\tau^2 = \{I\phi - (I-1)\} / (\sum w_i - \sum w_i^2/\sum w_i)`, :math:`w_i = 1/s_i^2`; neither
    is allowed below what Poisson chance alone gives.

    Parameters
    ----------
    observed, expected : array_like, shape (..., areas)
        Areas where nothing is expected are left out.
    target : float
        The same as that of the funnel.
    winsorised : float
        Share of the z-scores brought back at each end, below one half.

    Returns
    -------
    Overdispersion

    References
    ----------
    Spiegelhalter DJ. Handling over-dispersion of performance indicators. Qual Saf Health Care
    2005;14:347-351. doi:10.1136/qshc.2005.013755

    Examples
    --------
    >>> found = overdispersion_between_areas([50, 150, 100, 80, 120], [100] * 5, winsorised=0.0)
    >>> print(f"{found.factor:.1f}")
    12.5
    """
    seen, awaited = require_counts(observed, "observed"), require_counts(expected, "expected")
    require_same_shape(observed=seen, expected=awaited)
    centre = require_scalar(target, "target")
    require_positive(centre, "target")
    share = float(require_shares(winsorised, "winsorised"))
    if share >= 0.5:
        raise InputError("M004", what="winsorised", expected="[0, 0.5)", found=str(share))
    if seen.ndim == 0:
        raise InputError("M002", what="observed", expected="(..., areas)", found="()")
    used = awaited > 0
    size = np.where(used, awaited, 1.0)
    score = np.where(used, 2 * (np.sqrt(seen) - np.sqrt(centre * size)), np.nan)
    areas = used.sum(axis=-1)
    low, high = _quantiles(score, (share, 1 - share))
    held = np.clip(score, low[..., None], high[..., None])
    squares = np.where(used, held**2, 0.0).sum(axis=-1)
    count = np.where(areas > 1, areas, np.nan)
    weight = np.where(used, 4 * size, 0.0)
    total = weight.sum(axis=-1)
    freedom = total - (weight**2).sum(axis=-1) / np.where(total > 0, total, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = np.sqrt(np.maximum((squares - (count - 1)) / freedom, 0.0))
    return Overdispersion(
        factor=as_result(np.maximum(squares / count, 1.0)),
        between=as_result(between),
        areas=as_result(areas),
        target=centre,
    )


def _quantiles(values: Floats, shares: tuple[float, float]) -> tuple[Floats, Floats]:
    """Quantiles along the last axis over the values that are not NaN, interpolated; NaN where none is."""
    in_order = np.sort(values, axis=-1)
    count = (~np.isnan(values)).sum(axis=-1)
    last = np.maximum(count - 1, 0)
    found = []
    for share in shares:
        place = share * last
        floor = np.floor(place).astype(int)
        ceiling = np.minimum(floor + 1, last)
        a = np.take_along_axis(in_order, floor[..., None], axis=-1)[..., 0]
        b = np.take_along_axis(in_order, ceiling[..., None], axis=-1)[..., 0]
        found.append(a + (b - a) * (place - floor))
    return found[0], found[1]


def proportion_funnel_limits(
    whole: ArrayLike, proportion: float, *, level: float | ArrayLike = FUNNEL_LEVELS
) -> FunnelLimits:
    r"""Limits of a share around an overall proportion, :math:`\pi \pm z\sqrt{\pi(1-\pi)/n}`, within 0 and 1.

    A share lies outside exactly when Wilson's interval of that share leaves out the proportion.

    Parameters
    ----------
    whole : array_like
        Denominator of each share.
    proportion : float
    level : float or sequence of float

    Returns
    -------
    FunnelLimits

    Examples
    --------
    >>> limits = proportion_funnel_limits(100, 0.2, level=0.95)
    >>> print(f"{limits.lower:.3f} to {limits.upper:.3f}")
    0.122 to 0.278
    """
    n = require_counts(whole, "whole")
    centre = float(require_shares(require_scalar(proportion, "proportion"), "proportion"))
    levels = require_level(level)
    spread = level_axis(normal_quantile(levels), n) * np.sqrt(
        centre * (1 - centre) / np.where(n > 0, n, np.nan)
    )
    # np.clip keeps NaN, where there is nothing to take a share of.
    lower, upper = np.clip(centre - spread, 0.0, 1.0), np.clip(centre + spread, 0.0, 1.0)
    return FunnelLimits(as_result(lower), as_result(upper), centre, "score", as_result(levels))
