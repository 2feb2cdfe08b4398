"""Confidence limits of a count of events (Poisson) and of a share (binomial).

Events of a registry are counted, not sampled: the count is held to be Poisson around its unknown mean.
Fractional counts (estimates, cases of unknown age redistributed) are accepted: every limit below is
written with the gamma function, which needs no whole number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from rnc_epi.maths.requirements import (
    Floats,
    as_result,
    first_position,
    level_axis,
    require_choice,
    require_counts,
    require_level,
)
from rnc_epi.vocabulary.errors import InputError

COUNT_METHODS = ("garwood", "mid-p", "byar")

# Counts repeat a great deal in a national table: limits are computed once per distinct count.
DISTINCT_FROM = 256

# A gamma of so small a shape is a point mass at zero in double precision: its quantiles underflow.
LEAST_SHAPE = 1e-9


@dataclass(frozen=True, eq=False)
class PoissonInterval:
    """Limits of the mean of a count; `lower` and `upper` have the shape of the events.

    A sequence of levels adds a first axis.
    """

    lower: Floats
    upper: Floats
    method: str
    level: Floats


@dataclass(frozen=True, eq=False)
class ShareEstimate:
    """A share between 0 and 1 with its limits; NaN where the whole is empty (`estimable` False)."""

    share: Floats
    lower: Floats
    upper: Floats
    se: Floats
    estimable: np.ndarray
    method: str
    level: Floats


def normal_quantile(level: Floats) -> Floats:
    """Return z such that a standard normal lies within plus or minus z with probability `level`."""
    return np.asarray(-special.ndtri((1 - level) / 2))


def poisson_interval(
    events: ArrayLike, *, method: str = "garwood", level: float | ArrayLike = 0.95
) -> PoissonInterval:
    r"""Limits of the mean of a Poisson count, element by element.

    With :math:`O` events and :math:`\alpha = 1 - level`:

    - ``garwood`` (exact): :math:`\chi^2_{2O;\alpha/2}/2` and :math:`\chi^2_{2O+2;1-\alpha/2}/2` [1]_;
    - ``mid-p``: the values of :math:`\mu` at which :math:`P(X<O) + P(X=O)/2` is :math:`1-\alpha/2` and
      :math:`\alpha/2`; shorter, it covers the nominal level on average rather than always;
    - ``byar``: the cube-root approximation of the exact limits [2]_, with :math:`O` below and
      :math:`O + 1` above.

    Parameters
    ----------
    events : array_like, any shape
        Counts, non-negative; fractions are accepted.
    method : {"garwood", "mid-p", "byar"}
    level : float or sequence of float
        Coverage of the interval; a sequence adds a first axis to the limits.

    Returns
    -------
    PoissonInterval
        ``lower`` and ``upper``, in events.

    Raises
    ------
    InputError
        Negative (M001) or non-finite (M007) events, level outside (0, 1) (M004), unknown method (M005).

    References
    ----------
    .. [1] Garwood F. Fiducial limits for the Poisson distribution. Biometrika 1936;28:437-442.
       doi:10.1093/biomet/28.3-4.437
    .. [2] Breslow NE, Day NE. Statistical methods in cancer research, vol. II. IARC Sci Publ 82, 1987,
       equation 2.13.

    Examples
    --------
    No event seen leaves 3.69 expected ones credible:

    >>> limits = poisson_interval([0, 10])
    >>> limits.lower.round(3).tolist(), limits.upper.round(3).tolist()
    ([0.0, 4.795], [3.689, 18.39])
    """
    counts = require_counts(events, "events")
    levels = require_level(level)
    require_choice(method, COUNT_METHODS, "method")
    lower, upper = count_limits(counts, method, levels)
    return PoissonInterval(as_result(lower), as_result(upper), method, as_result(levels))


def count_limits(counts: Floats, method: str, levels: Floats) -> tuple[Floats, Floats]:
    """Return the limits of checked counts (see :func:`poisson_interval`)."""
    limits: Callable[[Floats, Floats], tuple[Floats, Floats]] = {
        "garwood": _garwood,
        "mid-p": _mid_p,
        "byar": _byar,
    }[method]
    if counts.size < DISTINCT_FROM:
        return limits(counts, levels)
    distinct, where = np.unique(counts, return_inverse=True)
    lower, upper = limits(distinct, levels)
    where = where.reshape(counts.shape)
    return lower[..., where], upper[..., where]


def _garwood(counts: Floats, levels: Floats) -> tuple[Floats, Floats]:
    tail = level_axis((1 - levels) / 2, counts)
    # With no event the lower limit is 0 by definition; gammaincinv(0, .) would be undefined.
    seen = counts > LEAST_SHAPE
    lower = np.where(seen, special.gammaincinv(np.where(seen, counts, 1.0), tail), 0.0)
    return lower, np.asarray(special.gammainccinv(counts + 1, tail))


def _mid_p(counts: Floats, levels: Floats) -> tuple[Floats, Floats]:
    tail = level_axis((1 - levels) / 2, counts)
    one = np.ones_like(counts)
    return gamma_mixture_limits(counts, one, counts + 1, one, tail)


def _byar(counts: Floats, levels: Floats) -> tuple[Floats, Floats]:
    z = level_axis(normal_quantile(levels), counts)
    seen = np.where(counts > LEAST_SHAPE, counts, 1.0)
    root = 1 - 1 / (9 * seen) - z / (3 * np.sqrt(seen))
    # Below about one event the cube root turns negative: a mean is never negative.
    lower = np.where(counts > LEAST_SHAPE, seen * np.maximum(root, 0.0) ** 3, 0.0)
    above = counts + 1
    return lower, above * (1 - 1 / (9 * above) + z / (3 * np.sqrt(above))) ** 3


def gamma_mixture_limits(
    shape_low: Floats, scale_low: Floats, shape_high: Floats, scale_high: Floats, tail: Floats
) -> tuple[Floats, Floats]:
    """Quantiles `tail` and ``1 - tail`` of the half-and-half mixture of two gamma distributions.

    This is what mid-p limits are made of [1]_. A shape of zero stands for a point mass at zero. Newton's
    steps are kept inside a bracket that shrinks at each of them, so that none can run away.

    References
    ----------
    .. [1] Fay MP, Kim S. Confidence intervals for directly standardized rates using mid-p gamma
       intervals. Biom J 2017;59:377-387. doi:10.1002/bimj.201600111
    """
    shape_low, scale_low, shape_high, scale_high, tail = np.broadcast_arrays(
        shape_low, scale_low, shape_high, scale_high, tail
    )
    has_events = shape_low > LEAST_SHAPE
    a = np.where(has_events, shape_low, 1.0)

    lower = np.zeros(a.shape)
    seen = has_events & (tail > 0)
    lower[seen] = _solve_mixture(
        a[seen], scale_low[seen], shape_high[seen], scale_high[seen], tail[seen], special.gammainc, 1.0
    )
    # Without events the point mass takes half of the probability: the other gamma carries the whole tail.
    upper = np.asarray(scale_high * special.gammainccinv(shape_high, 2 * tail))
    upper[seen] = _solve_mixture(
        a[seen], scale_low[seen], shape_high[seen], scale_high[seen], tail[seen], special.gammaincc, -1.0
    )
    return lower, upper


def _solve_mixture(
    a: Floats,
    scale_a: Floats,
    b: Floats,
    scale_b: Floats,
    tail: Floats,
    probability: Callable[[Floats, Floats], Floats],
    sign: float,
) -> Floats:
    """Solve ``(P_a(x) + P_b(x)) / 2 = tail`` for x, P being the lower or the upper tail of a gamma."""
    inverse = special.gammaincinv if sign > 0 else special.gammainccinv
    first, second = scale_a * inverse(a, tail), scale_b * inverse(b, tail)
    # The quantile of a mixture lies between those of its parts.
    low, high = np.minimum(first, second), np.maximum(first, second)
    x = (low + high) / 2
    todo = np.flatnonzero(high > low)
    for _ in range(200):
        if not todo.size:
            break
        xi, ai, bi, sa, sb = x[todo], a[todo], b[todo], scale_a[todo], scale_b[todo]
        excess = sign * ((probability(ai, xi / sa) + probability(bi, xi / sb)) / 2 - tail[todo])
        low[todo] = np.where(excess <= 0, xi, low[todo])
        high[todo] = np.where(excess >= 0, xi, high[todo])
        density = (_gamma_density(ai, xi / sa) / sa + _gamma_density(bi, xi / sb) / sb) / 2
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            step = xi - excess / density
        inside = (step > low[todo]) & (step < high[todo])
        following = np.where(inside, step, (low[todo] + high[todo]) / 2)
        x[todo] = following
        # Four units in the last place: closer than that the tail probabilities themselves are rounded.
        settled = (np.abs(following - xi) <= 1e-15 * 4 * following) | (
            high[todo] - low[todo] <= 1e-15 * 4 * high[todo]
        )
        todo = todo[~settled]
    return x


def _gamma_density(shape: Floats, x: Floats) -> Floats:
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(np.exp(special.xlogy(shape - 1, x) - x - special.gammaln(shape)))


def wilson_interval(part: ArrayLike, whole: ArrayLike, *, level: float | ArrayLike = 0.95) -> ShareEstimate:
    r"""Share of a whole with Wilson's score limits, element by element.

    The limits solve :math:`|p - \pi| = z\sqrt{\pi(1-\pi)/n}` for :math:`\pi`: they stay within 0 and 1
    and keep their coverage where the share is near 0 or 1, unlike :math:`p \pm z\sqrt{p(1-p)/n}`.

    Parameters
    ----------
    part, whole : array_like of one shape
        For instance cases aged 75 or more, and cases of all ages.
    level : float or sequence of float
        Coverage; a sequence adds a first axis to the limits.

    Returns
    -------
    ShareEstimate
        NaN and ``estimable`` False where the whole is 0.

    Raises
    ------
    InputError
        M001, M002, M004, M007; a part larger than its whole (M012).

    References
    ----------
    Wilson EB. Probable inference, the law of succession, and statistical inference. J Am Stat Assoc
    1927;22:209-212. doi:10.1080/01621459.1927.10502953

    Examples
    --------
    >>> share = wilson_interval(20, 100)
    >>> print(f"{share.share:.2f} ({share.lower:.3f} to {share.upper:.3f})")
    0.20 (0.133 to 0.289)
    """
    numerator, denominator = require_counts(part, "part"), require_counts(whole, "whole")
    if numerator.shape != denominator.shape:
        raise InputError("M002", what="whole", expected=str(numerator.shape), found=str(denominator.shape))
    excess = numerator > denominator
    if excess.any():
        raise InputError(
            "M012", part="part", whole="whole", found=int(excess.sum()), where=first_position(excess)
        )
    levels = require_level(level)
    estimable = denominator > 0
    n = np.where(estimable, denominator, np.nan)
    p = numerator / n
    z = level_axis(normal_quantile(levels), numerator)
    centre = 2 * numerator + z**2
    spread = z * np.sqrt(z**2 + 4 * numerator * (1 - p))
    lower = (centre - spread) / (2 * (n + z**2))
    upper = (centre + spread) / (2 * (n + z**2))
    # At 0 and at n the limit is exact; the formula leaves a rounding error of either sign there.
    lower = np.where(numerator == 0, np.where(estimable, 0.0, np.nan), lower)
    upper = np.where(numerator == denominator, np.where(estimable, 1.0, np.nan), upper)
    return ShareEstimate(
        share=as_result(p),
        lower=as_result(lower),
        upper=as_result(upper),
        se=as_result(np.sqrt(p * (1 - p) / n)),
        estimable=as_result(estimable),
        method="wilson",
        level=as_result(levels),
    )
