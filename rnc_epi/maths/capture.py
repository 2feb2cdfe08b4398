"""How many cases no source has seen: capture-recapture with two sources or more.

It supposes that no case leaves or enters meanwhile, that links are right and that sources hold true cases
only; a false positive counts as a case seen once and inflates the estimate.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri, xlogy

from rnc_epi.maths.requirements import (
    Floats,
    as_result,
    first_position,
    require_counts,
    require_level,
    require_scalar,
)
from rnc_epi.maths.splines import POISSON, build_design, fit_penalised, linear
from rnc_epi.vocabulary.errors import EstimateRefused, InputError

# Beyond this standard error of the logarithm of the unseen, the model has no finite estimate.
_NO_ESTIMATE = 8.0
_MOST_SOURCES = 4


@dataclass(frozen=True)
class CaptureEstimate:
    """Number of cases in the population; arrays of one shape.

    Attributes
    ----------
    total, se, lower, upper : ndarray
        Estimate of all cases, seen or not, with limits that never fall below the cases seen.
    seen : ndarray
        Distinct cases seen.
    completeness : ndarray
        `seen` over `total`.
    """

    total: Floats
    se: Floats
    lower: Floats
    upper: Floats
    seen: Floats
    completeness: Floats


def _estimate(seen: Floats, unseen: Floats, variance: Floats, level: float) -> CaptureEstimate:
    """Limits log-normal on the unseen part (Chao 1987)."""
    coverage = float(require_level(require_scalar(level, "level")))
    safe = np.where(unseen > 0, unseen, 1.0)
    reach = np.exp(ndtri((1 + coverage) / 2) * np.sqrt(np.log1p(variance / safe**2)))
    total = seen + unseen
    return CaptureEstimate(
        total=as_result(total),
        se=as_result(np.sqrt(variance)),
        lower=as_result(seen + unseen / reach),
        upper=as_result(seen + unseen * reach),
        seen=as_result(seen),
        completeness=as_result(np.divide(seen, total, out=np.ones_like(total), where=total > 0)),
    )


def chapman(first: ArrayLike, second: ArrayLike, both: ArrayLike, *, level: float = 0.95) -> CaptureEstimate:
    r"""Chapman's estimate from two independent sources.

    :math:`\hat N = (n_1 + 1)(n_2 + 1)/(m + 1) - 1`, with variance
    :math:`(n_1 + 1)(n_2 + 1)(n_1 - m)(n_2 - m) / ((m + 1)^2 (m + 2))`.

    Parameters
    ----------
    first, second : array_like
        Cases in each source, those in both included; element-wise.
    both : array_like
        Cases in both sources.
    level : float
        Coverage of the limits.

    Returns
    -------
    CaptureEstimate

    Raises
    ------
    InputError
        M001, M007; M012: more cases in both sources than in one of them.

    References
    ----------
    .. [1] Chapman DG. Some properties of the hypergeometric distribution with applications to zoological
       sample censuses. Univ Calif Publ Stat 1951;1:131-60.
    .. [2] Seber GAF. The effects of trap response on tag recapture estimates. Biometrics 1970;26:13-22.
    .. [3] Chao A. Estimating the population size for capture-recapture data with unequal catchability.
       Biometrics 1987;43:783-91. doi:10.2307/2531532

    Examples
    --------
    By hand: 101 x 81 / 41 - 1 = 198.5.

    >>> round(float(chapman(100, 80, 40).total), 1)
    198.5
    """
    n1, n2, m = (
        require_counts(value, name) for value, name in ((first, "first"), (second, "second"), (both, "both"))
    )
    n1, n2, m = np.broadcast_arrays(n1, n2, m)
    for value, name in ((n1, "first"), (n2, "second")):
        if (m > value).any():
            wrong = m > value
            raise InputError(
                "M012", part="both", whole=name, found=int(wrong.sum()), where=first_position(wrong)
            )
    total = (n1 + 1) * (n2 + 1) / (m + 1) - 1
    variance = (n1 + 1) * (n2 + 1) * (n1 - m) * (n2 - m) / ((m + 1) ** 2 * (m + 2))
    seen = n1 + n2 - m
    # With rounding apart the estimate is never below the cases seen.
    return _estimate(seen, np.maximum(total - seen, 0.0), variance, level)


@dataclass(frozen=True)
class CaptureModel:
    """One log-linear model of the sources.

    Attributes
    ----------
    interactions : tuple of pairs of int
        Pairs of sources taken as dependent, counted from 0.
    estimate : CaptureEstimate
    deviance : float
        G squared against the saturated model of the cells seen.
    degrees_of_freedom : int
    aic, bic : float
        Deviance plus 2 (or the logarithm of the cases seen) per parameter.
    """

    interactions: tuple[tuple[int, int], ...]
    estimate: CaptureEstimate
    deviance: float
    degrees_of_freedom: int
    aic: float
    bic: float


@dataclass(frozen=True)
class CaptureModels:
    """Every hierarchical model with pairs of dependent sources.

    Attributes
    ----------
    models : tuple of CaptureModel
        In order of the number of interactions.
    best : CaptureModel
        Smallest criterion.
    averaged : CaptureEstimate
        Average over models, weighted by ``exp(-criterion / 2)``; the limits carry the choice of the model.
    excluded : tuple
        Interactions of the models without finite estimate (an empty cell that they need).
    """

    models: tuple[CaptureModel, ...]
    best: CaptureModel
    averaged: CaptureEstimate
    excluded: tuple[tuple[tuple[int, int], ...], ...]


def log_linear_capture(cells: ArrayLike, *, criterion: str = "bic", level: float = 0.95) -> CaptureModels:
    """Capture-recapture with two to four sources by log-linear models.

    Parameters
    ----------
    cells : array_like, shape (2,) * sources
        Cases by presence (1) in each source; the cell ``[0, 0, ...]``, which nobody has seen, is ignored.
    criterion : {"aic", "bic"}
        What ranks and weights the models.
    level : float
        Coverage of the limits.

    Returns
    -------
    CaptureModels

    Raises
    ------
    InputError
        M001, M002, M005, M007: impossible input. C005: no case at all.
    EstimateRefused
        C032: no model has a finite estimate.

    Notes
    -----
    The interaction of all sources together cannot be estimated: it is supposed null.

    References
    ----------
    .. [1] Fienberg SE. The multiple recapture census for closed populations and incomplete 2^k contingency
       tables. Biometrika 1972;59:591-603. doi:10.1093/biomet/59.3.591
    .. [2] Hook EB, Regal RR. Capture-recapture methods in epidemiology. Epidemiol Rev 1995;17:243-64.

    Examples
    --------
    Two sources give Lincoln and Petersen's estimate, 60 x 40 / 20 not seen:

    >>> found = log_linear_capture([[0, 40], [60, 20]])
    >>> round(float(found.best.estimate.total), 3)
    240.0
    """
    table = require_counts(cells, "cells")
    sources = table.ndim
    if table.shape != (2,) * sources or not 2 <= sources <= _MOST_SOURCES:
        raise InputError(
            "M002", what="cells", expected="(2, 2), (2, 2, 2) or (2, 2, 2, 2)", found=str(table.shape)
        )
    if criterion not in ("aic", "bic"):
        raise InputError("M005", what="criterion", found=criterion, expected="aic, bic")
    presence = np.array(list(np.ndindex(*table.shape)))[1:]
    counts = table.ravel()[1:]
    if counts.sum() == 0:
        raise InputError("C005", where=0)
    pairs = list(combinations(range(sources), 2))
    # With two sources the pair leaves nothing to estimate the unseen from.
    free = pairs if sources > 2 else []
    fitted: list[CaptureModel] = []
    excluded: list[tuple[tuple[int, int], ...]] = []
    for size in range(len(free) + 1):
        for chosen in combinations(free, size):
            model = _fit_model(presence, counts, chosen, level)
            if model is None:
                excluded.append(chosen)
            else:
                fitted.append(model)
    if not fitted:
        raise EstimateRefused("C032")
    scores = np.array([getattr(model, criterion) for model in fitted])
    return CaptureModels(
        models=tuple(fitted),
        best=fitted[int(np.argmin(scores))],
        averaged=_average(fitted, scores, level),
        excluded=tuple(excluded),
    )


def _average(fitted: list[CaptureModel], scores: Floats, level: float) -> CaptureEstimate:
    weight = np.exp(-(scores - scores.min()) / 2)
    weight /= weight.sum()
    unseen = np.array([float(model.estimate.total - model.estimate.seen) for model in fitted])
    variance = np.array([float(model.estimate.se) ** 2 for model in fitted])
    mean = weight @ unseen
    spread = weight @ (variance + (unseen - mean) ** 2)
    return _estimate(
        np.asarray(fitted[0].estimate.seen, dtype=float), np.asarray(mean), np.asarray(spread), level
    )


def _fit_model(
    presence: NDArray[np.int_], counts: Floats, interactions: tuple[tuple[int, int], ...], level: float
) -> CaptureModel | None:
    columns = {f"s{k}": presence[:, k] for k in range(presence.shape[1])}
    columns |= {f"s{a}:s{b}": presence[:, a] * presence[:, b] for a, b in interactions}
    design = build_design([linear(name) for name in columns], columns)
    fit = fit_penalised(design, counts, family=POISSON)
    unseen, error = fit.linear_predictor({name: [0.0] for name in columns})
    if error[0] > _NO_ESTIMATE:
        return None
    expected = np.exp(design.matrix @ fit.coefficients)
    deviance = float(2 * (xlogy(counts, counts) - xlogy(counts, expected) - counts + expected).sum())
    hidden = np.exp(unseen[0])
    parameters = design.matrix.shape[1]
    seen = counts.sum()
    # The unseen are themselves a Poisson count around their estimate (Bishop, Fienberg and Holland 1975).
    variance = hidden**2 * error[0] ** 2 + hidden
    return CaptureModel(
        interactions=interactions,
        estimate=_estimate(np.asarray(seen), np.asarray(hidden), np.asarray(variance), level),
        deviance=max(deviance, 0.0),
        degrees_of_freedom=counts.size - parameters,
        aic=deviance + 2 * parameters,
        bic=deviance + float(np.log(seen)) * parameters,
    )
