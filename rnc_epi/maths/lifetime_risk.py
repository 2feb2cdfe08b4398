"""Risk of a cancer over a life in which one may die of something else first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rnc_epi.maths.bands import require_part
from rnc_epi.maths.intervals import normal_quantile
from rnc_epi.maths.requirements import (
    Floats,
    Mask,
    as_result,
    first_position,
    level_axis,
    require_bands,
    require_choice,
    require_counts,
    require_events_and_person_years,
    require_level,
    require_numbers,
    require_person_time,
    require_positive,
    require_same_shape,
    require_whole,
)
from rnc_epi.vocabulary.errors import InputError

RISK_METHODS = ("amp", "current-probability")
LIMIT_METHODS = ("delta", "bootstrap")


@dataclass(frozen=True, eq=False)
class LifetimeRisk:
    """Probability (a fraction) of the cancer over the bands given; NaN where a band has no person-years."""

    risk: Floats
    lower: Floats
    upper: Floats
    se: Floats
    estimable: Mask
    method: str
    limits: str
    level: Floats


def lifetime_risk(
    cases: ArrayLike,
    deaths: ArrayLike,
    cancer_deaths: ArrayLike | None,
    person_years: ArrayLike,
    band_width: ArrayLike,
    *,
    method: str = "amp",
    limits: str = "delta",
    level: float | ArrayLike = 0.95,
    draws: int = 1000,
    seed: int | None = None,
) -> LifetimeRisk:
    r"""Probability of being diagnosed over the ages given, at today's rates, other deaths competing.

    With :math:`R` cases, :math:`M` deaths of all causes, :math:`D` deaths of that cancer, :math:`N`
    person-years and bands :math:`h` years wide, :math:`T = R + M - D`, :math:`\lambda = T/N`:

    .. math:: \sum_i S_i \frac{R_i}{T_i} (1 - e^{-h_i\lambda_i}) , \quad S_1 = 1 ,
              \quad S_{i+1} = S_i e^{-h_i\lambda_i} .

    ``amp`` (adjusted for multiple primaries) leaves the deaths of the cancer out because those who die of
    it had been diagnosed before [1]_. ``current-probability`` does not, :math:`T = R + M`: it is the older
    formula, for when deaths by cause are not at hand, and counts such persons twice as leaving life.

    Limits: ``delta`` takes :math:`R` and :math:`M - D` as independent Poisson counts and a normal
    distribution of :math:`\log(-\log(1 - risk))`; ``bootstrap`` draws both counts anew and takes the
    quantiles. Neither exists without cases.

    Parameters
    ----------
    cases, deaths : array_like, shape (..., bands)
        `deaths` of all causes, in the same population and years.
    cancer_deaths : array_like, shape (..., bands), or None
        Needed by ``amp``; None for ``current-probability``.
    person_years : array_like, shape (..., bands)
    band_width : array_like, shape (bands,)
        Years; infinite for a last, open band, which then is the rest of life. Without it the risk stops
        at the end of the last band.
    method : {"amp", "current-probability"}
    limits : {"delta", "bootstrap"}
    level : float or sequence of float
        Coverage; a sequence adds a first axis to the limits.
    draws, seed : int
        For the bootstrap, which needs a seed; all draws of all groups are held in memory.

    Returns
    -------
    LifetimeRisk

    Raises
    ------
    InputError
        More deaths of the cancer than deaths (M012), an open band that is not the last (M016), an argument
        that the method needs (M017) or does not take (M014), M001, M002, M003, M007.

    References
    ----------
    .. [1] Sasieni PD, Shelton J, Ormiston-Smith N, Thomson CS, Silcocks PB. What is the lifetime risk of
       developing cancer? Br J Cancer 2011;105:460-465. doi:10.1038/bjc.2011.250

    Examples
    --------
    Constant rates of 0.5 % cases and 0.9 % other deaths a year: over a whole life 0.5 / 1.4.

    >>> found = lifetime_risk([50], [120], [30], [10_000], [float("inf")])
    >>> print(f"{found.risk:.4f} ({found.lower:.3f} to {found.upper:.3f})")
    0.3571 (0.284 to 0.442)
    """
    require_choice(method, RISK_METHODS, "method")
    require_choice(limits, LIMIT_METHODS, "limits")
    levels = require_level(level)
    registered, exposed = require_events_and_person_years(cases, person_years)
    require_bands(registered, "cases")
    others = _other_deaths(registered, deaths, cancer_deaths, exposed, method)
    width = _require_widths(band_width, registered.shape)
    estimable = np.asarray((exposed > 0).all(axis=-1))
    years = np.where(exposed > 0, exposed, 1.0)
    risk, slope_cases, slope_others = _risk_and_slopes(registered, others, years, width)
    seen = estimable & (risk > 0)
    if limits == "delta":
        variance = (slope_cases**2 * registered + slope_others**2 * others).sum(axis=-1)
        se = np.where(seen, np.sqrt(variance), np.nan)
        lower, upper = _log_log_limits(np.where(seen, risk, np.nan), se, levels)
    else:
        if seed is None:
            raise InputError("M017", found=limits, what="seed")
        generator = np.random.default_rng(seed)
        size = (require_whole(draws, "draws", least=100), *registered.shape)
        # Fractional counts are estimates: their draws keep their mean.
        drawn_cases, drawn_others = generator.poisson(registered, size), generator.poisson(others, size)
        drawn = _risk_and_slopes(drawn_cases.astype(float), drawn_others.astype(float), years, width)[0]
        se = np.where(seen, drawn.std(axis=0, ddof=1), np.nan)
        lower = np.where(seen, np.quantile(drawn, (1 - levels) / 2, axis=0), np.nan)
        upper = np.where(seen, np.quantile(drawn, (1 + levels) / 2, axis=0), np.nan)
    return LifetimeRisk(
        risk=as_result(np.where(estimable, risk, np.nan)),
        lower=as_result(lower),
        upper=as_result(upper),
        se=as_result(se),
        estimable=as_result(estimable),
        method=method,
        limits=limits,
        level=as_result(levels),
    )


def _other_deaths(
    cases: Floats, deaths: ArrayLike, cancer_deaths: ArrayLike | None, person_years: Floats, method: str
) -> Floats:
    everyone = require_counts(deaths, "deaths")
    require_same_shape(cases=cases, deaths=everyone)
    require_person_time(everyone, person_years)
    if method == "current-probability":
        if cancer_deaths is not None:
            raise InputError("M014", found=method, what="cancer_deaths", expected="amp")
        return everyone
    if cancer_deaths is None:
        raise InputError("M017", found=method, what="cancer_deaths")
    of_cancer = require_counts(cancer_deaths, "cancer_deaths")
    require_same_shape(cases=cases, cancer_deaths=of_cancer)
    require_part(of_cancer, everyone, "cancer_deaths", "deaths")
    return np.asarray(everyone - of_cancer)


def _require_widths(band_width: ArrayLike, shape: tuple[int, ...]) -> Floats:
    width = require_numbers(band_width, "band_width")
    if width.shape != shape[-1:]:
        raise InputError("M002", what="band_width", expected=str(shape[-1:]), found=str(width.shape))
    endless = np.isposinf(width)
    if endless[:-1].any():
        raise InputError("M016", what="band_width", where=first_position(endless))
    require_positive(np.where(endless, 1.0, width), "band_width")
    return width


def _risk_and_slopes(
    cases: Floats, others: Floats, person_years: Floats, width: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return the risk, and its derivatives with respect to the cases and other deaths of each band."""
    leaving = cases + others
    endless = np.isposinf(width)
    # t: years of a band over its person-years, so that a band is left by exp(-t * leaving).
    t = np.where(endless, 0.0, np.where(endless, 1.0, width) / person_years)
    empty = leaving == 0
    total = np.where(empty, 1.0, leaving)
    stay = np.where(endless, 0.0, np.exp(-t * leaving))
    # g = (1 - exp(-t T)) / T, its limit t at T = 0. Nobody leaves an open band without events: it adds 0.
    g = np.where(empty, t, np.where(endless, 1 / total, -np.expm1(-t * total) / total))
    slope_g = np.where(empty, -(t**2) / 2, (t * stay - g) / total)
    reach = np.cumprod(stay, axis=-1)
    reach = np.concatenate([np.ones((*reach.shape[:-1], 1)), reach[..., :-1]], axis=-1)
    added = reach * cases * g
    later = np.flip(np.cumsum(np.flip(added, axis=-1), axis=-1), axis=-1) - added
    both = reach * cases * slope_g - t * later
    return added.sum(axis=-1), reach * g + both, both


def _log_log_limits(risk: Floats, se: Floats, levels: Floats) -> tuple[Floats, Floats]:
    """Limits on the scale log(-log(1 - risk)), within 0 and 1."""
    hazard = -np.log1p(-np.minimum(risk, 1 - 1e-15))
    spread = level_axis(normal_quantile(levels), risk) * se / ((1 - risk) * hazard + (risk >= 1))
    return -np.expm1(-hazard * np.exp(-spread)), -np.expm1(-hazard * np.exp(spread))
