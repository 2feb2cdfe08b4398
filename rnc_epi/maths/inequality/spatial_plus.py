"""The part of a covariate that neighbours do not share: what a map's own smooth effect cannot stand for."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from scipy.sparse.linalg import eigsh

from rnc_epi.maths.requirements import Floats, require_finite, require_whole
from rnc_epi.vocabulary.errors import InputError

#: Share of the areas whose smoothest patterns are taken out, and the most patterns found at reasonable cost.
PATTERNS_SHARE, MOST_PATTERNS = 0.10, 200


def short_range_part(covariate: ArrayLike, edges: ArrayLike, *, patterns: int | None = None) -> Floats:
    r"""Take the smoothest patterns of the map out of a covariate (simplified Spatial+).

    With :math:`U` the eigenvectors of the Laplacian of the map of lowest eigenvalues, the constant of each
    component included,

    .. math:: r = x - U U^\top x .

    A spatial effect takes the place of a covariate that varies as smoothly as itself: the coefficient then
    says little and its interval lies. What is left varies between neighbours.

    Parameters
    ----------
    covariate : array_like, shape (areas,) or (areas, columns)
    edges : array_like of int, shape (m, 2)
        Neighbouring pairs, areas numbered from 0.
    patterns : int, optional
        How many patterns beside the constants; a tenth of the areas, at most 200, without it.

    Returns
    -------
    ndarray, shape of `covariate`
        Zero in an island: it has no neighbour to differ from.

    Raises
    ------
    InputError
        ``M002`` shapes, ``M004`` a pair outside the map or too many patterns.

    References
    ----------
    Dupont E, Wood SN, Augustin NH. Spatial+: a novel approach to spatial confounding. Biometrics
    2022;78:1279-1290. doi:10.1111/biom.13656

    Urdangarin A, Goicoa T, Kneib T, Ugarte MD. A simplified spatial+ approach to mitigate spatial confounding
    in multivariate spatial areal models. Spat Stat 2024;59:100804. doi:10.1016/j.spasta.2023.100804

    Examples
    --------
    A slope along a row of areas is smooth; what alternates is not:

    >>> pairs = [[i, i + 1] for i in range(19)]
    >>> smooth, rough = np.arange(20.0), np.tile([1.0, -1.0], 10)
    >>> bool(np.abs(short_range_part(smooth, pairs, patterns=4)).max() < 1.5)
    True
    >>> bool(np.abs(short_range_part(rough, pairs, patterns=4)).min() > 0.6)
    True
    """
    values = require_finite(covariate, "covariate")
    columns = values[:, None] if values.ndim == 1 else values
    if values.ndim not in (1, 2) or len(columns) < 3:
        raise InputError("M002", what="covariate", expected="(areas,)", found=str(values.shape))
    size = len(columns)
    pairs = np.asarray(edges, dtype=np.int64)
    if pairs.ndim != 2 or pairs.shape[1] != 2:
        raise InputError("M002", what="edges", expected="(m, 2)", found=str(pairs.shape))
    if pairs.size and (pairs.min() < 0 or pairs.max() >= size):
        raise InputError("M004", what="edges", expected=f"0 … {size - 1}", found=str(int(pairs.max())))
    smooth = _smooth_patterns(size, pairs, patterns)
    left = columns - smooth @ (smooth.T @ columns)
    return np.asarray(left[:, 0] if values.ndim == 1 else left)


def _smooth_patterns(size: int, pairs: np.ndarray, patterns: int | None) -> Floats:
    ones = np.ones(len(pairs))
    upper = sparse.coo_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(size, size))
    adjacency = ((upper + upper.T) > 0).astype(np.float64).tocsr()
    degree = np.asarray(adjacency.sum(axis=1)).ravel()
    laplacian = (sparse.diags_array(degree) - adjacency).tocsc()
    components, label = sparse.csgraph.connected_components(adjacency, directed=False)
    constants = (label[:, None] == np.arange(components)).astype(np.float64)
    constants /= np.sqrt(constants.sum(axis=0))
    wanted = min(MOST_PATTERNS, round(PATTERNS_SHARE * size)) if patterns is None else patterns
    require_whole(wanted, "patterns", least=0)
    if wanted + components >= size:
        raise InputError("M004", what="patterns", expected=f"0 … {size - components - 1}", found=wanted)
    if wanted == 0:
        return constants
    # A start of our own: the default one is random, and digits would change from run to run.
    start = np.cos(np.arange(size) * 1.7) + 1.5
    _, vectors = eigsh(laplacian, k=wanted + components, sigma=-0.01, which="LM", v0=start)
    # The constants are known exactly; what rounding left of them in the others is taken out.
    vectors = vectors - constants @ (constants.T @ vectors)
    basis, _, _ = np.linalg.svd(vectors, full_matrices=False)
    return np.hstack([constants, basis[:, :wanted]])
