"""Classical ratio methods: incidence from deaths, long-term illnesses or hospital patients, age by age.

These are the methods of the editions before calibration. Their variance holds the Poisson noise of the counts
alone: the spread of the ratio between districts, which `rnc_epi.maths.calibration` estimates, is not in it,
so their limits for one district are too narrow by construction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from rnc_epi.maths.requirements import (
    Floats,
    as_result,
    first_position,
    require_bands,
    require_counts,
    require_level,
    require_positive,
    require_same_shape,
    require_scalar,
)
from rnc_epi.vocabulary.errors import InputError


@dataclass(frozen=True)
class RatioEstimate:
    """Estimated incident cases with log-normal limits; numbers, or arrays of shape (areas,)."""

    cases: Floats
    se: Floats
    lower: Floats
    upper: Floats


def _log_normal(cases: Floats, variance: Floats, level: float) -> RatioEstimate:
    coverage = float(require_level(require_scalar(level, "level")))
    safe = np.where(cases > 0, cases, 1.0)
    reach = np.exp(ndtri((1 + coverage) / 2) * np.sqrt(np.log1p(variance / safe**2)))
    return RatioEstimate(
        as_result(cases), as_result(np.sqrt(variance)), as_result(cases / reach), as_result(cases * reach)
    )


def _zone(incident: ArrayLike, proxy: ArrayLike, elsewhere: Floats) -> tuple[Floats, Floats]:
    """Registry-zone counts by age, refusing an age whose ratio is needed and unknown (C031)."""
    cases = require_bands(require_counts(incident, "incident"), "incident")
    counts = require_counts(proxy, "proxy")
    require_same_shape(incident=cases, proxy=counts)
    if elsewhere.shape[-1] != cases.shape[-1]:
        expected = f"(..., {cases.shape[-1]})"
        raise InputError("M002", what="proxy", expected=expected, found=str(elsewhere.shape))
    needed = (elsewhere.reshape(-1, cases.shape[-1]) > 0).any(axis=0) | (cases > 0)
    unknown = (counts == 0) & needed
    if unknown.any():
        raise InputError("C031", found=int(unknown.sum()), where=first_position(unknown))
    return cases, counts


def national_ratio(
    incident: ArrayLike, proxy: ArrayLike, proxy_country: ArrayLike, *, level: float = 0.95
) -> RatioEstimate:
    r"""National incidence from the ratio of the registry zone: :math:`\sum_a I_a M_{F,a} / M_a`.

    Parameters
    ----------
    incident, proxy : array_like, shape (ages,)
        Incident cases and proxy counts of the registry zone.
    proxy_country : array_like, shape (ages,)
        Proxy counts of the whole country, the registry zone included.
    level : float
        Coverage of the limits.

    Returns
    -------
    RatioEstimate

    Raises
    ------
    InputError
        M001, M002, M007; M012: the zone holds more than the country; C031: an age without proxy in the
        zone whose ratio is needed.

    References
    ----------
    .. [1] Uhry Z, et al. Estimating infra-national and national thyroid cancer incidence in France from
       cancer registries data and national hospital discharge database. Eur J Epidemiol 2007;22:607-14.
    .. [2] Binder-Foucard F, et al. Cancer incidence and mortality in France over the 1980-2012 period.
       Rev Epidemiol Sante Publique 2014;62:95-108.

    Examples
    --------
    The zone has a quarter of the deaths at each age, hence of the cases:

    >>> float(national_ratio([20, 40], [10, 30], [40, 120]).cases)
    240.0
    """
    country = require_bands(require_counts(proxy_country, "proxy_country"), "proxy_country")
    cases, counts = _zone(incident, proxy, country)
    require_same_shape(incident=cases, proxy_country=country)
    if (counts > country).any():
        wrong = counts > country
        raise InputError(
            "M012", part="proxy", whole="proxy_country", found=int(wrong.sum()), where=first_position(wrong)
        )
    safe = np.where(counts > 0, counts, 1.0)
    factor = country / safe
    rest = country - counts
    # Delta method over three independent Poisson counts: cases, proxy of the zone, proxy of the rest.
    variance = factor**2 * cases + cases**2 * rest * country / safe**3
    return _log_normal((cases * factor).sum(axis=-1), variance.sum(axis=-1), level)


def area_ratio(
    incident: ArrayLike, proxy: ArrayLike, proxy_area: ArrayLike, *, level: float = 0.95
) -> RatioEstimate:
    r"""Incidence of areas from the ratio of the registry zone: :math:`\sum_a C_{ja} I_a / M_a`.

    Parameters
    ----------
    incident, proxy : array_like, shape (ages,)
        Incident cases and proxy counts of the registry zone.
    proxy_area : array_like, shape (..., ages)
        Proxy counts of areas outside the zone.
    level : float
        Coverage of the limits, which hold the noise of the counts and not the spread of the ratio.

    Returns
    -------
    RatioEstimate
        Arrays without the last axis.

    Raises
    ------
    InputError
        M001, M002, M007; C031: an age without proxy in the zone whose ratio is needed.

    References
    ----------
    .. [1] Colonna M, et al. Estimating incident breast cancer from hospital data at district level in
       France. J Cancer Epidemiol 2011;418968. doi:10.1155/2011/418968

    Examples
    --------
    >>> area_ratio([20, 40], [10, 80], [[5, 40], [0, 20]]).cases.tolist()
    [30.0, 10.0]
    """
    areas = require_bands(require_counts(proxy_area, "proxy_area"), "proxy_area")
    cases, counts = _zone(incident, proxy, areas)
    safe = np.where(counts > 0, counts, 1.0)
    inverse = cases / safe
    # With no case in the zone the ratio is null, and so is its variance: the smooth of calibration is
    # the remedy, not a pseudo-count.
    relative = np.where(cases > 0, 1 / np.where(cases > 0, cases, 1.0) + 1 / safe, 0.0)
    variance = inverse**2 * areas + (inverse * areas) ** 2 * relative
    return _log_normal((areas * inverse).sum(axis=-1), variance.sum(axis=-1), level)


@dataclass(frozen=True)
class PredictionErrors:
    """Observed against predicted counts; arrays of shape (areas,).

    Attributes
    ----------
    relative : ndarray
        (predicted - observed) / observed, a signed fraction.
    chi_square : ndarray
        (predicted - observed)^2 / predicted, one degree of freedom.
    """

    relative: Floats
    chi_square: Floats


def prediction_errors(observed: ArrayLike, predicted: ArrayLike) -> PredictionErrors:
    """Relative errors, :math:`p/o - 1`, and chi-squares, :math:`(o - p)^2/p`, of predicted counts.

    Parameters
    ----------
    observed, predicted : array_like, shape (areas,)
        Positive counts.

    Returns
    -------
    PredictionErrors
        ``relative`` (a fraction) and ``chi_square``, shape (areas,).

    Raises
    ------
    InputError
        M002, M007, M009.

    References
    ----------
    Colonna 2011, as for :func:`national_ratio`.

    Examples
    --------
    Calvados, breast 2004: 449 observed, 487 predicted.

    >>> found = prediction_errors([449], [487])
    >>> round(100 * float(found.relative[0]), 1), round(float(found.chi_square[0]), 1)
    (8.5, 3.0)
    """
    seen, told = require_positive(observed, "observed"), require_positive(predicted, "predicted")
    require_same_shape(observed=seen, predicted=told)
    return PredictionErrors(told / seen - 1, (told - seen) ** 2 / told)


def algorithm_corrected(
    identified: ArrayLike,
    confirmed: ArrayLike,
    reviewed: ArrayLike,
    found: ArrayLike,
    registered: ArrayLike,
    *,
    level: float = 0.95,
) -> RatioEstimate:
    r"""Cases behind those that an algorithm identifies, from its predictive value and its sensitivity.

    :math:`C \times PPV / Se`, with
    :math:`var(\log) = 1/C + (1 - PPV)/(PPV\, n_{PPV}) + (1 - Se)/(Se\, n_{Se})`
    for independent samples. Links lost at random multiply both shares alike and leave the ratio as it is.

    Parameters
    ----------
    identified : array_like
        Cases that the algorithm identifies; element-wise.
    confirmed, reviewed : array_like
        True cases among the identified cases reviewed: ``PPV = confirmed / reviewed``.
    found, registered : array_like
        Cases identified among registered cases: ``Se = found / registered``.
    level : float
        Coverage of the limits.

    Returns
    -------
    RatioEstimate
        ``cases, se, lower, upper``, in cases, with limits on the logarithmic scale.

    Raises
    ------
    InputError
        M001, M007; M009: no case confirmed, reviewed, found or registered; M012: a part above its whole.

    Examples
    --------
    A predictive value of 0.90 and a sensitivity of 0.92: a factor of 0.978260870.

    >>> result = algorithm_corrected(1000, 90, 100, 92, 100)
    >>> round(float(result.cases), 6)
    978.26087
    """
    counts = require_counts(identified, "identified")
    values = [
        require_positive(value, name)
        for value, name in (
            (confirmed, "confirmed"),
            (reviewed, "reviewed"),
            (found, "found"),
            (registered, "registered"),
        )
    ]
    counts, true, seen, hit, known = np.broadcast_arrays(counts, *values)
    for part, whole, names in (
        (true, seen, ("confirmed", "reviewed")),
        (hit, known, ("found", "registered")),
    ):
        if (part > whole).any():
            wrong = part > whole
            raise InputError(
                "M012", part=names[0], whole=names[1], found=int(wrong.sum()), where=first_position(wrong)
            )
    predictive, sensitivity = true / seen, hit / known
    cases = counts * predictive / sensitivity
    safe = np.where(counts > 0, counts, 1.0)
    log_variance = (
        1 / safe + (1 - predictive) / (predictive * seen) + (1 - sensitivity) / (sensitivity * known)
    )
    coverage = float(require_level(require_scalar(level, "level")))
    error = np.sqrt(log_variance)
    reach = np.exp(ndtri((1 + coverage) / 2) * error)
    return RatioEstimate(
        as_result(cases), as_result(cases * error), as_result(cases / reach), as_result(cases * reach)
    )


__all__ = [
    "PredictionErrors",
    "RatioEstimate",
    "algorithm_corrected",
    "area_ratio",
    "national_ratio",
    "prediction_errors",
]
