"""The curve of the ratio: its coefficients, its columns of the design, and when it says too little."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnc_epi.maths.requirements import Floats
from rnc_epi.maths.splines import Design
from rnc_epi.vocabulary.errors import EstimateRefused

SLOPES = "district slope"

# Beyond these a ratio says nothing: districts within a factor exp(2 x 3), some 400, of one another; a
# logarithm whose standard error is 5; one per 10^13 cases.
LARGEST_SPREAD, _LARGEST_ERROR, _LARGEST_LOG = 3.0, 5.0, 30.0


def require_spread(sigma: Floats) -> Floats:
    """Return standard deviations of districts on the log scale, none beyond sense (C022)."""
    if (sigma > LARGEST_SPREAD).any():
        raise EstimateRefused("C022", expected=f"{LARGEST_SPREAD:g}")
    return sigma


def require_known(log_ratio: Floats, variance: Floats, needed: NDArray[np.bool_]) -> Floats:
    """Return log ratios, zero where they are not needed; refuse those that the registries leave open (C023).

    Parameters
    ----------
    log_ratio, variance : ndarray, shape (..., ages)
    needed : ndarray of bool, broadcast to (..., ages)
        Where a proxy is to be divided by the ratio.
    """
    asked = np.broadcast_to(needed, log_ratio.shape)
    unknown = asked & ~((variance <= _LARGEST_ERROR**2) & (np.abs(log_ratio) <= _LARGEST_LOG))
    if unknown.any():
        raise EstimateRefused("C023", found=int(unknown.any(axis=tuple(range(unknown.ndim - 1))).sum()))
    return np.where(asked, log_ratio, 0.0)


def random_terms(design: Design) -> list[str]:
    """Names of the terms that belong to a district."""
    return [name for name in ("district", SLOPES) if name in design.terms]


def fixed_columns(design: Design) -> NDArray[np.bool_]:
    """Which columns of the design are those of the curve."""
    kept = np.ones(design.matrix.shape[1], dtype=bool)
    for name in random_terms(design):
        kept[design.terms[name].columns] = False
    return kept


@dataclass(frozen=True)
class Curve:
    """Coefficients of the ratio at one value of the district standard deviation, and its weight."""

    coefficients: Floats
    covariance: Floats
    sigma: float
    sigma_slope: float
    weight: float
