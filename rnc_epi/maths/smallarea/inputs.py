"""What a fit asks of its arguments: counts and map that match, columns told apart, enough cases."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnc_epi.maths.requirements import (
    require_counts,
    require_finite,
    require_level,
    require_positive,
    require_shape,
)
from rnc_epi.maths.smallarea.graph import AreaGraph
from rnc_epi.maths.smallarea.priors import Normal, Prior
from rnc_epi.vocabulary.errors import EstimateRefused, InputError

Floats = NDArray[np.float64]

# Cases that tell the level of a map, where its prior (of a larger standard deviation) does not.
FEWEST_EVENTS, WEAKEST_LEVEL = 5, 1.0


def checked_data(
    observed: ArrayLike, expected: ArrayLike, edges: ArrayLike | AreaGraph
) -> tuple[Floats, Floats, AreaGraph]:
    """Return counts and expected numbers of one size, and the map of that size."""
    counts = require_counts(observed, "observed")
    if counts.ndim != 1 or not counts.size:
        raise InputError("M002", what="observed", expected="(areas,)", found=str(counts.shape))
    numbers = require_shape(require_positive(expected, "expected"), counts.shape, "expected")
    return counts, numbers, graph_of(counts.size, edges)


def graph_of(size: int, edges: ArrayLike | AreaGraph) -> AreaGraph:
    """Return the map of `size` areas, made from its edges or checked (A007)."""
    if not isinstance(edges, AreaGraph):
        return AreaGraph(size, edges)
    if edges.size != size:
        raise InputError("A007", found=size, expected=edges.size)
    return edges


def design_matrix(size: int, covariates: ArrayLike | None) -> Floats:
    """Return the columns of the fixed effects, intercept first, checked (A008 for columns that repeat one
    another).
    """
    if covariates is None:
        return np.ones((size, 1))
    columns = require_finite(covariates, "covariates")
    columns = columns[:, None] if columns.ndim == 1 else columns
    if columns.ndim != 2 or columns.shape[0] != size:
        raise InputError("M002", what="covariates", expected=f"({size}, p)", found=str(columns.shape))
    matrix = np.c_[np.ones(size), columns]
    scaled = matrix / np.maximum(np.sqrt((matrix**2).sum(axis=0)), 1e-300)
    if np.linalg.matrix_rank(scaled, tol=1e-8) < matrix.shape[1]:
        raise InputError("A008", found=columns.shape[1])
    return matrix


def one_level(level: float) -> float:
    """Return a single coverage, checked."""
    checked = require_level(level)
    if checked.ndim:
        raise InputError("M002", what="level", expected="()", found=str(checked.shape))
    return float(checked)


def require_events(counts: Floats, priors: Mapping[str, Prior] | None) -> None:
    """Refuse a map with hardly a case (A027), unless its level is known beforehand.

    The level of such a map is as uncertain as one Poisson count of the total: log-gamma, too skewed for a
    Gaussian. With one case in all, standard deviations would be 17 % too small, with three 8 %.
    """
    intercept = priors.get("intercept", Normal()) if isinstance(priors, Mapping) else Normal()
    vague = not isinstance(intercept, Normal) or intercept.sd > WEAKEST_LEVEL
    if vague and counts.sum() < FEWEST_EVENTS:
        raise EstimateRefused("A027", expected=FEWEST_EVENTS)
