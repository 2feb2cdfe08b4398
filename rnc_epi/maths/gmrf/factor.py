"""Sparse H = L D L' and what follows from it: solutions, log-determinant, samples, entries of the inverse.

Only the pattern found in :mod:`rnc_epi.maths.gmrf.symbolic` is touched. Entries of the inverse on that
pattern are enough for every marginal variance of a model whose data each see neighbouring unknowns.

References
----------
Davis TA (2005), Algorithm 849, ACM TOMS 31:587, doi:10.1145/1114268.1114277 (up-looking L D L').
Takahashi K, Fagan J, Chen MS (1973), 8th PICA Conference; Rue H, Martino S (2007), J Stat Plan Inference
137:3177, doi:10.1016/j.jspi.2006.07.016 (recursion for the inverse).
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rnc_epi.maths.gmrf.compilation import compiled
from rnc_epi.maths.gmrf.symbolic import Analysis

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


class NotPositiveDefinite(ArithmeticError):
    """A pivot was not above zero: the matrix is no precision matrix at these numbers."""


class Factor:
    """The factorisation L D L' of one matrix with an analysed pattern.

    Parameters
    ----------
    analysis : Analysis
        Pattern, shared between factorisations.
    entries : array (analysis.entries,)
        Lower triangle of the reordered matrix, aligned with ``analysis.entry_column``.

    Raises
    ------
    NotPositiveDefinite

    Examples
    --------
    >>> import numpy as np
    >>> from rnc_epi.maths.gmrf import analyse
    >>> analysis = analyse(2, np.array([0]), np.array([1]))
    >>> factor = Factor(analysis, np.array([2.0, -1.0, 2.0]))      # [[2, -1], [-1, 2]]
    >>> np.round(factor.solve(np.array([1.0, 0.0])), 4)
    array([0.6667, 0.3333])
    >>> round(factor.log_determinant, 6)                         # log 3
    1.098612
    """

    def __init__(self, analysis: Analysis, entries: Floats) -> None:
        self.analysis = analysis
        self.pivots = np.empty(analysis.size)
        self.below = np.empty(analysis.fill)
        bad = _factorise(
            analysis.entry_start,
            analysis.entry_column,
            np.ascontiguousarray(entries, np.float64),
            analysis.column_start,
            analysis.row_index,
            analysis.row_start,
            analysis.row_column,
            analysis.row_slot,
            self.below,
            self.pivots,
        )
        if bad >= 0:
            raise NotPositiveDefinite(f"pivot {bad} of {analysis.size} is not positive")

    @cached_property
    def log_determinant(self) -> float:
        """Logarithm of the determinant of the matrix."""
        return float(np.log(self.pivots).sum())

    def solve(self, right: Floats) -> Floats:
        """Return H^-1 times a vector (size,) or the columns of a matrix (size, m)."""
        a = self.analysis
        columns = np.ascontiguousarray(right[a.order], np.float64)
        if columns.ndim == 1:
            _solve_one(a.column_start, a.row_index, self.below, self.pivots, columns)
        else:
            _solve_many(a.column_start, a.row_index, self.below, self.pivots, columns)
        return np.asarray(columns[a.place])

    def sample(self, normals: Floats) -> Floats:
        """Turn standard normals (size, m) into draws (size, m) of a Gaussian with precision H and mean 0."""
        a = self.analysis
        columns = np.ascontiguousarray(normals, np.float64) / np.sqrt(self.pivots)[:, None]
        _back_substitute(a.column_start, a.row_index, self.below, columns)
        return np.asarray(columns[a.place])

    @cached_property
    def _inverse(self) -> tuple[Floats, Floats]:
        a = self.analysis
        return _takahashi(a.column_start, a.row_index, self.below, self.pivots)

    def variances(self) -> Floats:
        """Return the diagonal of H^-1 (size,)."""
        return np.asarray(self._inverse[0][self.analysis.place])

    def covariances(self) -> Floats:
        """Return the entries of H^-1 at the stored entries of H (analysis.entries,)."""
        a = self.analysis
        diagonal, below = self._inverse
        off = a.entry_slot >= 0
        values = np.empty(a.entries)
        values[off] = below[a.entry_slot[off]]
        values[~off] = diagonal[a.entry_column[~off]]
        return values


@compiled
def _factorise(
    entry_start: Integers,
    entry_column: Integers,
    entries: Floats,
    column_start: Integers,
    row_index: Integers,
    row_start: Integers,
    row_column: Integers,
    row_slot: Integers,
    below: Floats,
    pivots: Floats,
) -> int:
    # Row k of L solves L[:k, :k] D y = H[:k, k]: the columns already known are subtracted one by one, in
    # increasing order, which is an order in which every column is met after those it depends on.
    size = pivots.size
    work = np.zeros(size)
    for k in range(size):
        pivot = 0.0
        for e in range(entry_start[k], entry_start[k + 1]):
            if entry_column[e] == k:
                pivot = entries[e]
            else:
                work[entry_column[e]] = entries[e]
        for t in range(row_start[k], row_start[k + 1]):
            j = row_column[t]
            here = row_slot[t]
            y = work[j]
            work[j] = 0.0
            for p in range(column_start[j], here):
                work[row_index[p]] -= below[p] * y
            ratio = y / pivots[j]
            below[here] = ratio
            pivot -= ratio * y
        if not pivot > 0.0:
            return k
        pivots[k] = pivot
    return -1


@compiled
def _solve_one(column_start: Integers, row_index: Integers, below: Floats, pivots: Floats, x: Floats) -> None:
    size = pivots.size
    for j in range(size):
        y = x[j]
        if y != 0.0:
            for p in range(column_start[j], column_start[j + 1]):
                x[row_index[p]] -= below[p] * y
    for j in range(size - 1, -1, -1):
        y = x[j] / pivots[j]
        for p in range(column_start[j], column_start[j + 1]):
            y -= below[p] * x[row_index[p]]
        x[j] = y


@compiled
def _solve_many(
    column_start: Integers, row_index: Integers, below: Floats, pivots: Floats, x: Floats
) -> None:
    size, columns = x.shape
    for j in range(size):
        for p in range(column_start[j], column_start[j + 1]):
            i = row_index[p]
            for c in range(columns):
                x[i, c] -= below[p] * x[j, c]
    for j in range(size):
        for c in range(columns):
            x[j, c] /= pivots[j]
    _back_substitute(column_start, row_index, below, x)


@compiled
def _back_substitute(column_start: Integers, row_index: Integers, below: Floats, x: Floats) -> None:
    size, columns = x.shape
    for j in range(size - 1, -1, -1):
        for p in range(column_start[j], column_start[j + 1]):
            i = row_index[p]
            for c in range(columns):
                x[j, c] -= below[p] * x[i, c]


@compiled
def _takahashi(
    column_start: Integers, row_index: Integers, below: Floats, pivots: Floats
) -> tuple[Floats, Floats]:
    # Z = H^-1 satisfies Z = D^-1 L^-1 + (I - L') Z, hence for i >= j on the pattern of L
    #     Z[i, j] = [i == j] / D[j] - sum over k > j of L[k, j] Z[k, i],
    # from the last column to the first; every Z[k, i] needed lies on the pattern because the rows of
    # column j are joined to one another by the elimination of j.
    size = pivots.size
    diagonal = np.empty(size)
    inverse = np.empty(below.size)
    gathered = np.zeros(size)
    weight = np.zeros(size)
    for j in range(size - 1, -1, -1):
        start, stop = column_start[j], column_start[j + 1]
        for p in range(start, stop):
            weight[row_index[p]] = below[p]
            gathered[row_index[p]] = 0.0
        for p in range(start, stop):
            k = row_index[p]
            w = below[p]
            total = diagonal[k] * w
            # Rows outside column j carry weight zero and add nothing to `total`; what they receive in
            # `gathered` is never read.
            for q in range(column_start[k], column_start[k + 1]):
                i = row_index[q]
                total += inverse[q] * weight[i]
                gathered[i] += inverse[q] * w
            gathered[k] += total
        variance = 1.0 / pivots[j]
        for p in range(start, stop):
            i = row_index[p]
            inverse[p] = -gathered[i]
            variance += gathered[i] * below[p]
        diagonal[j] = variance
        for p in range(start, stop):
            weight[row_index[p]] = 0.0
    return diagonal, inverse
