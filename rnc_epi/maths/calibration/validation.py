"""Does the proxy predict a district it has not seen? Errors, grades, and the noise inside the errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnc_epi.maths.calibration.ages import age_smooth
from rnc_epi.maths.calibration.curve import require_known, require_spread
from rnc_epi.maths.calibration.groups import order_of_appearance, require_labels, totals
from rnc_epi.maths.calibration.inputs import Cells, require_cells, require_registries
from rnc_epi.maths.requirements import (
    Floats,
    require_choice,
    require_counts,
    require_finite,
    require_positive,
    require_same_shape,
    require_scalar,
)
from rnc_epi.maths.splines import (
    QUASI_POISSON,
    PenalisedFits,
    build_design,
    fit_penalised_many,
    random_effect,
)
from rnc_epi.vocabulary.errors import EstimateRefused, InputError

GRADES = ("A++", "A+", "B-", "B--")
PUBLISHABLE = ("A++", "A+")
# The tree of Chatignoux 2020: an error is large beyond 15 %, too large beyond 30 %; at most a fifth of the
# districts may have a large one, and incidence must vary at least twice as much as the ratio.
LARGE_ERROR, TOO_LARGE_ERROR, SHARE_OF_LARGE, VARIATION_NEEDED = 0.15, 0.30, 0.2, 2.0


@dataclass(frozen=True)
class LeaveOneOut:
    """Prediction of each registry district from the others.

    Attributes
    ----------
    district : ndarray, shape (districts,)
        Districts with incident cases, in order of first appearance.
    observed, predicted, se : ndarray, shape (districts,)
        Incident cases, prediction and its standard error (``chatignoux``).
    error : ndarray, shape (districts,)
        (predicted - observed) / observed, a signed fraction.
    noise_variance : ndarray, shape (districts,)
        Part of the variance of `error` that the noise of the proxy count alone explains.
    excluded : ndarray
        Districts without any incident case: their error is undefined.
    """

    district: NDArray[np.generic]
    observed: Floats
    predicted: Floats
    se: Floats
    error: Floats
    noise_variance: Floats
    excluded: NDArray[np.generic]

    def aggregated(self, parent: ArrayLike) -> tuple[NDArray[np.generic], Floats]:
        """Errors of the sums of districts, for a tree at a coarser level.

        Parameters
        ----------
        parent : array_like, shape (districts,)
            Region of each district of `district`.

        Returns
        -------
        parents, error : ndarray, shape (parents,)
        """
        labels = require_labels(parent, self.district.shape, "parent")
        index, place = order_of_appearance(labels)
        observed = totals(place, self.observed, index.size)
        predicted = totals(place, self.predicted, index.size)
        return index, predicted / observed - 1


def leave_out(
    cells: Cells,
    left_out: NDArray[np.bool_],
    smooth: str = "tp",
    log_smoothing: Floats | None = None,
) -> tuple[PenalisedFits, NDArray[np.intp], Floats]:
    """Fit the calibration without each set of cells; `left_out` has shape (sets, cells).

    The smoothing is searched anew for each set, unless it is given, shape (sets, penalties).

    Returns the fits, the distinct age of each cell and the model matrix of the curve at those ages.
    """
    district = random_effect("district", cells.code)
    smooths = [age_smooth(smooth, cells.age, cells.incident), district]
    design = build_design(smooths, {"age": cells.age, "district": cells.code})
    positive = cells.incident > 0
    offset = np.log(np.where(positive, cells.incident, 1.0))
    whole = fit_penalised_many(
        design, cells.proxy[None], family=QUASI_POISSON, offset=offset, weights=positive.astype(np.float64)
    )
    # Without proxy left in the rest the ratio has no estimate; the district that holds it all is unusual.
    rest = (~left_out & positive) @ cells.proxy
    if (rest == 0).any():
        raise InputError("C017")
    fits = fit_penalised_many(
        design,
        np.repeat(cells.proxy[None], len(left_out), axis=0),
        family=QUASI_POISSON,
        offset=offset,
        weights=(positive & ~left_out).astype(np.float64),
        start=whole,
        log_smoothing=log_smoothing,
    )
    if not fits.converged.all():
        raise EstimateRefused("C006")
    ages, place = np.unique(cells.age, return_inverse=True)
    return fits, place.ravel(), design.rows({"age": ages}, exclude=["district"])


def leave_one_out(
    incident: ArrayLike, proxy: ArrayLike, age: ArrayLike, district: ArrayLike, *, smooth: str = "tp"
) -> LeaveOneOut:
    """Predict each registry district from a calibration on the others.

    Parameters
    ----------
    incident, proxy, age, district : array_like, shape (cells,)
        As :func:`fit_calibration`.
    smooth : {"tp", "ns"}
        As :func:`fit_calibration`.

    Returns
    -------
    LeaveOneOut

    Raises
    ------
    InputError
        As :func:`fit_calibration`; C017: one district holds all of the proxy.
    EstimateRefused
        C006: no convergence. C022, C023: a ratio that varies beyond any use, or that the others leave open.

    References
    ----------
    .. [1] Chatignoux E, et al. For a sound use of health care data in epidemiology. Biostatistics
       2019;20:452-67. doi:10.1093/biostatistics/kxy012

    Examples
    --------
    A proxy exactly proportional to incidence makes no error:

    >>> age, district = np.tile([50.0, 60.0, 70.0, 80.0], 6), np.repeat(np.arange(6), 4)
    >>> incident = np.tile([40.0, 90.0, 160.0, 150.0], 6)
    >>> found = leave_one_out(incident, 0.5 * incident, age, district)
    >>> bool((np.abs(found.error) < 1e-4).all())
    True
    """
    cells = require_cells(incident, proxy, age, district)
    require_registries(cells)
    index, place = order_of_appearance(cells.district)
    observed = totals(place, cells.incident, index.size)
    kept = np.flatnonzero(observed > 0)
    left_out = place[None] == kept[:, None]
    fits, age_place, rows = leave_out(cells, left_out, smooth)
    counts = np.zeros((index.size, rows.shape[0]))
    np.add.at(counts, (place, age_place), cells.proxy)
    # Ages where a district has no proxy give nothing, whatever the ratio.
    needed = counts[kept] > 0
    sigma = require_spread(fits.standard_deviations("district")[:, 0])
    spread = (rows @ fits.inverse @ rows.T) * fits.scale[:, None, None]
    spread = np.where(needed[:, :, None] & needed[:, None, :], spread, 0.0)
    own = np.einsum("raa->ra", spread)
    log_ratio = require_known(fits.coefficients @ rows.T + sigma[:, None] ** 2 / 2, own, needed)
    inverse_ratio = np.exp(-log_ratio)
    by_age = counts[kept] * inverse_ratio
    predicted = by_age.sum(axis=1)
    scale = fits.scale[:, None]
    # The variance of one area, all ages sharing its effect: the sum of the three parts of the covariance.
    lifted = by_age * np.exp(own / 2)
    kernel = np.exp(spread)
    both = np.einsum("ra,rab,rb->r", lifted, kernel * np.exp(sigma**2)[:, None, None] - 1, lifted)
    noise = scale * by_age * (inverse_ratio * np.exp(2 * own) + 1) + np.expm1(own) * np.exp(own) * by_age
    proxy_noise = (scale * by_age * inverse_ratio).sum(axis=1)
    # A district without proxy is predicted without a case: its relative noise is that of one proxy case.
    safe = np.where(predicted > 0, predicted, 1.0)
    noise_variance = np.where(predicted > 0, proxy_noise / safe**2, 1.0)
    return LeaveOneOut(
        district=index[kept],
        observed=observed[kept],
        predicted=predicted,
        se=np.sqrt(both + noise.sum(axis=1)),
        error=predicted / observed[kept] - 1,
        noise_variance=noise_variance,
        excluded=index[observed == 0],
    )


def grade(errors: ArrayLike, sigma_district: float, sigma_incidence: float) -> str:
    """Grade a proxy by the decision tree of Santé publique France.

    ``A++`` when no error exceeds 15 %; ``A+`` when none exceeds 30 %, at most a fifth of the districts
    exceed 15 % and incidence varies at least twice as much between districts as the ratio; ``B-`` when only
    that last condition fails; ``B--`` otherwise. ``A++`` and ``A+`` may be published by district.

    Parameters
    ----------
    errors : array_like, shape (districts,)
        Signed fractions, as :attr:`LeaveOneOut.error`.
    sigma_district, sigma_incidence : float
        Standard deviations of the ratio and of incidence between districts.

    Returns
    -------
    str

    Raises
    ------
    InputError
        M001, M002, M007: impossible input. M004: an error below -1, which no prediction has.

    References
    ----------
    .. [1] Chatignoux E, Uhry Z, Grosclaude P, Colonna M, Remontet L. How to produce sound predictions of
       incidence at a district level using either health care or mortality data. 2020.

    Examples
    --------
    >>> grade([0.04, -0.10, 0.149], 0.05, 0.06), grade([0.04, -0.16, 0.1, 0.0, 0.01], 0.03, 0.06)
    ('A++', 'A+')
    >>> grade([0.04, -0.16, 0.1, 0.0, 0.01], 0.04, 0.06), grade([-0.31, 0, 0, 0, 0, 0], 0.01, 0.3)
    ('B-', 'B--')
    """
    size = np.abs(require_finite(errors, "errors"))
    if size.ndim != 1 or size.size == 0:
        raise InputError("M002", what="errors", expected="(districts,)", found=str(size.shape))
    if (np.asarray(errors, dtype=np.float64) < -1).any():
        # A prediction is not negative: these are no relative errors.
        raise InputError("M004", what="errors", expected="[-1, inf)", found="-")
    spread = require_scalar(float(require_counts(sigma_district, "sigma_district")), "sigma_district")
    variation = require_scalar(float(require_counts(sigma_incidence, "sigma_incidence")), "sigma_incidence")
    if (size <= LARGE_ERROR).all():
        return "A++"
    if (size > TOO_LARGE_ERROR).any() or (size > LARGE_ERROR).sum() > SHARE_OF_LARGE * size.size:
        return "B--"
    return "A+" if variation >= VARIATION_NEEDED * spread else "B-"


def errors_without_noise(errors: ArrayLike, noise_variance: ArrayLike) -> Floats:
    r"""Errors shrunk so that their spread is what remains once the noise of the counts is taken off.

    The errors are seen as :math:`e_j \sim N(0, \tau^2 + v_j)`; :math:`\tau^2` solves :math:`\sum e_j^2 /
    (\tau^2 + v_j) = J` (Paule and Mandel), and each error is multiplied by :math:`\sqrt{\tau^2 / (\tau^2 +
    v_j)}`, which gives the set the variance :math:`\tau^2` (Louis), where the posterior means would have too
    little. Rare sites are then not refused for the noise alone.

    Parameters
    ----------
    errors, noise_variance : array_like, shape (districts,)
        As :attr:`LeaveOneOut.error` and :attr:`LeaveOneOut.noise_variance`.

    Returns
    -------
    ndarray, shape (districts,)

    Raises
    ------
    InputError
        ``M002`` shapes differ; ``M007``, ``M009`` errors not finite, variances not above 0.

    References
    ----------
    .. [1] Paule RC, Mandel J. Consensus values and weighting factors. J Res Natl Bur Stand 1982;87:377-85.
    .. [2] Louis TA. Estimating a population of parameter values using Bayes and empirical Bayes methods.
       J Am Stat Assoc 1984;79:393-8. doi:10.1080/01621459.1984.10478062

    Examples
    --------
    Equal noise of variance 0.01 and errors of mean square 0.05 leave 0.04: each is multiplied by
    the root of 4 / 5.

    >>> mean_square = 0.05**0.5
    >>> [round(float(e) ** 2, 6) for e in errors_without_noise([mean_square, -mean_square], [0.01, 0.01])]
    [0.04, 0.04]
    """
    error = require_finite(errors, "errors")
    noise = require_positive(noise_variance, "noise_variance")
    require_same_shape(errors=error, noise_variance=noise)
    if error.ndim != 1 or error.size == 0:
        raise InputError("M002", what="errors", expected="(districts,)", found=str(error.shape))
    if (error**2 / noise).sum() <= error.size:
        return np.zeros_like(error)
    low, high = 0.0, float((error**2).sum())
    for _ in range(200):
        middle = (low + high) / 2
        if (error**2 / (middle + noise)).sum() > error.size:
            low = middle
        else:
            high = middle
    between = (low + high) / 2
    return np.asarray(error * np.sqrt(between / (between + noise)))


def best_proxy(names: Sequence[str], grades: Sequence[str], errors: Sequence[ArrayLike]) -> str | None:
    """Return the proxy to publish: the best publishable grade, then the smallest mean squared error.

    Parameters
    ----------
    names, grades : sequence of str
        Proxies and their grades.
    errors : sequence of array_like
        Leave-one-out errors of each proxy.

    Returns
    -------
    str or None
        None where no proxy may be published.

    Raises
    ------
    InputError
        ``M002`` lengths differ; ``M005`` unknown grade; ``M007`` errors that are not finite.

    Examples
    --------
    >>> best_proxy(["A", "HA", "M"], ["A+", "A++", "B-"], [[0.1], [0.12], [0.01]])
    'HA'
    >>> best_proxy(["A", "M"], ["B--", "B-"], [[0.1], [0.01]]) is None
    True
    """
    if not len(names) == len(grades) == len(errors):
        raise InputError(
            "M002", what="grades", expected=f"({len(names)},)", found=f"({len(grades)},), ({len(errors)},)"
        )
    ranked = [
        (
            GRADES.index(require_choice(mark, GRADES, "grade")),
            float(np.mean(np.square(require_finite(error, "errors")))),
            name,
        )
        for name, mark, error in zip(names, grades, errors, strict=True)
        if mark in PUBLISHABLE or require_choice(mark, GRADES, "grade") in PUBLISHABLE
    ]
    return min(ranked)[2] if ranked else None
