"""Sparse H = L D L' and what follows from it: solutions, log-determinant, samples, entries of the inverse.

Only the pattern found in :mod:`rnc_epi.maths.gmrf.symbolic` is touched. Entries of the inverse on that
pattern are enough for every marginal variance of a model whose data each see neighbouring unknowns.

The loops of the factorisation and of the inverse stand in :mod:`rnc_epi.maths.gmrf.blocks`.

Reference: Davis TA (2006), Direct Methods for Sparse Linear Systems, SIAM, ch. 3-4.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rnc_epi.maths.gmrf.blocks import factorise, invert_on_pattern
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
        bad = factorise(
            analysis.entry_start,
            analysis.entry_column,
            analysis.entry_slot,
            np.ascontiguousarray(entries, np.float64),
            analysis.column_start,
            analysis.row_index,
            analysis.block_start,
            analysis.pair_slot,
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
        if columns.ndim == 1 or columns.shape[1] == 1:
            _solve_one(a.column_start, a.row_index, self.below, self.pivots, columns.reshape(-1))
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
        return invert_on_pattern(
            a.column_start, a.row_index, a.block_start, a.pair_slot, self.below, self.pivots
        )

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
        what = x[j]
        for p in range(column_start[j], column_start[j + 1]):
            value, into = below[p], x[row_index[p]]
            for c in range(columns):
                into[c] -= value * what[c]
    for j in range(size):
        for c in range(columns):
            x[j, c] /= pivots[j]
    _back_substitute(column_start, row_index, below, x)


@compiled
def _back_substitute(column_start: Integers, row_index: Integers, below: Floats, x: Floats) -> None:
    size, columns = x.shape
    for j in range(size - 1, -1, -1):
        into = x[j]
        for p in range(column_start[j], column_start[j + 1]):
            # Slices, because a loop over a slice is compiled to vector instructions.
            value, what = below[p], x[row_index[p]]
            for c in range(columns):
                into[c] -= value * what[c]
