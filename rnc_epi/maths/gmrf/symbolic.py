"""Where the factor of a sparse symmetric matrix has its non-zeros: worked out once for a map, then shared.

For H = L D L', column j of L "reaches" the rows that eliminating unknown j connects to it. The first
row below the diagonal in column j is the parent of j in the elimination tree, and the pattern of row k of L
is the part of the tree that one meets when climbing from each neighbour of k towards k:

        matrix          factor          tree
        x . . x         x . . .           4
        . x x .         . x . .          /|
        . x x x         . x x .         1 3
        x . x x         x . x x           |
                                          2

Reference: Davis TA (2006), Direct Methods for Sparse Linear Systems, SIAM, ch. 4 (elimination tree, row
subtrees).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix
from scipy.sparse.linalg import splu

from rnc_epi.maths.gmrf.blocks import find_blocks, pair_slots
from rnc_epi.maths.gmrf.compilation import compiled

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Analysis:
    """Order of elimination and pattern of the factor, for every matrix with the same non-zeros.

    Attributes
    ----------
    size : int
        Number of unknowns.
    order, place : arrays (size,)
        ``order[k]`` is the unknown eliminated k-th; ``place`` is its inverse.
    entry_start, entry_column : arrays
        Lower triangle of the reordered matrix by rows, diagonal last in its row; an array of *entries*
        aligned with ``entry_column`` is how numbers are given to :class:`~rnc_epi.maths.gmrf.Factor`.
    entry_slot : array (entries,)
        Place of each off-diagonal entry in the columns of L; -1 on the diagonal.
    column_start, row_index : arrays
        L by columns, rows increasing.
    block_start, pair_slot : arrays
        First column of each block of columns with the same rows below them, and where each pair of these
        rows stands in ``row_index`` (:mod:`rnc_epi.maths.gmrf.blocks`).
    """

    size: int
    order: Integers
    place: Integers
    entry_start: Integers
    entry_column: Integers
    entry_slot: Integers
    column_start: Integers
    row_index: Integers
    block_start: Integers
    pair_slot: Integers

    @property
    def entries(self) -> int:
        """Number of stored entries of the matrix: one triangle and the diagonal."""
        return int(self.entry_column.size)

    @property
    def fill(self) -> int:
        """Number of non-zeros of L below its diagonal."""
        return int(self.row_index.size)

    @property
    def operations(self) -> int:
        """Multiplications and additions of one factorisation."""
        height = np.diff(self.column_start)
        return int((height * (height + 3)).sum())

    def positions(self, first: Integers, second: Integers) -> Integers:
        """Return the position among the entries of each pair of unknowns (original numbering, any order)."""
        a, b = self.place[first], self.place[second]
        row, column = np.maximum(a, b), np.minimum(a, b)
        rows = np.repeat(np.arange(self.size, dtype=np.int64), np.diff(self.entry_start))
        keys = rows * self.size + self.entry_column
        wanted = row * self.size + column
        found = np.searchsorted(keys, wanted)
        if found.size and (found.max() >= keys.size or (keys[found] != wanted).any()):
            raise KeyError("pair of unknowns outside the analysed pattern")
        return found.astype(np.int64)


def analyse(size: int, first: Integers, second: Integers) -> Analysis:
    """Choose an order of elimination that keeps L sparse and work out the pattern of L.

    Parameters
    ----------
    size : int
        Number of unknowns.
    first, second : arrays of int
        Pairs of unknowns joined by a non-zero, each pair in either order, repeats allowed; the diagonal is
        always part of the pattern.

    Returns
    -------
    Analysis
        The order, and the patterns: ``entries`` of the lower triangle of the matrix, ``fill`` below the
        diagonal of the factor.

    References
    ----------
    Davis TA. Direct methods for sparse linear systems. SIAM, 2006, chapter 4.

    Examples
    --------
    A chain of four: four on the diagonal and three joints; eliminating it from its ends adds nothing.

    >>> import numpy as np
    >>> analysis = analyse(4, np.array([0, 1, 2]), np.array([1, 2, 3]))
    >>> analysis.entries, analysis.fill
    (7, 3)
    """
    first, second = np.asarray(first, np.int64), np.asarray(second, np.int64)
    order = _fill_reducing_order(size, first, second)
    place = np.empty_like(order)
    place[order] = np.arange(size)
    everyone = np.arange(size, dtype=np.int64)
    a, b = place[first], place[second]
    row = np.concatenate([np.maximum(a, b), everyone])
    column = np.concatenate([np.minimum(a, b), everyone])
    keys = np.unique(row * max(size, 1) + column)
    row, column = keys // max(size, 1), keys % max(size, 1)
    entry_start = np.searchsorted(row, np.arange(size + 1)).astype(np.int64)
    parent, height = _elimination_tree(size, entry_start, column)
    column_start = np.concatenate([[0], np.cumsum(height)]).astype(np.int64)
    row_index = _factor_pattern(size, entry_start, column, parent, column_start)
    block_start = find_blocks(column_start, row_index)
    return Analysis(
        size,
        order,
        place,
        entry_start,
        column,
        _entry_slots(entry_start, column, column_start, row_index),
        column_start,
        row_index,
        block_start,
        pair_slots(column_start, row_index, block_start),
    )


def _fill_reducing_order(size: int, first: Integers, second: Integers) -> Integers:
    # The minimum-degree order comes from scipy's LU of any matrix with this pattern; a dominant diagonal
    # keeps its pivots on the diagonal, so that the order is that of the symmetric problem.
    if size < 3:
        return np.arange(size, dtype=np.int64)
    apart = first != second
    a, b = first[apart], second[apart]
    everyone = np.arange(size)
    pattern = csc_matrix(
        (np.ones(2 * a.size + size), (np.r_[a, b, everyone], np.r_[b, a, everyone])), shape=(size, size)
    )
    pattern.sum_duplicates()
    pattern.data[:] = -1.0
    degree = np.diff(pattern.indptr)
    pattern.setdiag(degree + 1.0)
    lu = splu(
        pattern,
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True, "Equil": False},
    )
    # perm_c gives the place of each column; the order of elimination is its inverse.
    return np.argsort(lu.perm_c, kind="stable").astype(np.int64)


@compiled
def _elimination_tree(size: int, entry_start: Integers, entry_column: Integers) -> tuple[Integers, Integers]:
    parent = np.full(size, -1, np.int64)
    height = np.zeros(size, np.int64)
    seen = np.full(size, -1, np.int64)
    for k in range(size):
        seen[k] = k
        for e in range(entry_start[k], entry_start[k + 1]):
            j = entry_column[e]
            while seen[j] != k:
                if parent[j] == -1:
                    parent[j] = k
                height[j] += 1
                seen[j] = k
                j = parent[j]
    return parent, height


@compiled
def _factor_pattern(
    size: int, entry_start: Integers, entry_column: Integers, parent: Integers, column_start: Integers
) -> Integers:
    row_index = np.empty(column_start[size], np.int64)
    filled = column_start[:size].copy()
    seen = np.full(size, -1, np.int64)
    for k in range(size):
        seen[k] = k
        for e in range(entry_start[k], entry_start[k + 1]):
            j = entry_column[e]
            while seen[j] != k:
                row_index[filled[j]] = k
                filled[j] += 1
                seen[j] = k
                j = parent[j]
    return row_index


@compiled
def _entry_slots(
    entry_start: Integers, entry_column: Integers, column_start: Integers, row_index: Integers
) -> Integers:
    slot = np.full(entry_column.size, -1, np.int64)
    for k in range(entry_start.size - 1):
        for e in range(entry_start[k], entry_start[k + 1]):
            j = entry_column[e]
            if j != k:
                low, high = column_start[j], column_start[j + 1]
                while row_index[low] != k:
                    middle = (low + high) // 2
                    low, high = (middle, high) if row_index[middle] <= k else (low, middle)
                slot[e] = low
    return slot
