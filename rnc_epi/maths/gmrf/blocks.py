"""The two loops that a Gaussian field lives by, block of columns by block of columns.

Near the end of an elimination, neighbouring columns of L have the same rows below them: they form a block
whose arithmetic is that of a small dense matrix, contiguous in memory. On the communes of France the widest
block has two hundred columns, and working by blocks is four times as fast as by single columns.

          columns of a block
        |  d                |      triangle: the block itself
        |  x  d             |
        |  x  x  d          |
        |  x  x  x          |      tail: rows that all its columns share;
        |  x  x  x          |      each pair of them is an entry of a later column

References: Ng EG, Peyton BW (1993), SIAM J Sci Comput 14:1034, doi:10.1137/0914063 (blocks of columns);
Takahashi K, Fagan J, Chen MS (1973), 8th PICA Conference; Rue H, Martino S (2007), J Stat Plan Inference
137:3177, doi:10.1016/j.jspi.2006.07.016 (recursion for the inverse).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rnc_epi.maths.gmrf.compilation import compiled

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


@compiled
def find_blocks(column_start: Integers, row_index: Integers) -> Integers:
    """Return the first column of each block, and the number of columns at the end.

    Column j joins the block of column j - 1 when the rows of column j - 1 are j and the rows of column j.
    """
    size = column_start.size - 1
    start = np.empty(size + 1, np.int64)
    number = 0
    for j in range(size):
        joins = False
        if j > 0:
            before, here = column_start[j] - column_start[j - 1], column_start[j + 1] - column_start[j]
            joins = before == here + 1 and row_index[column_start[j - 1]] == j
        if not joins:
            start[number] = j
            number += 1
    start[number] = size
    return start[: number + 1].copy()


@compiled
def pair_slots(column_start: Integers, row_index: Integers, block_start: Integers) -> Integers:
    """Return where each pair of rows of each tail stands in the columns of L, block by block.

    Pairs come row by row: (first, second), (first, third), …, (second, third), …
    """
    size = column_start.size - 1
    total = 0
    for b in range(block_start.size - 1):
        last = block_start[b + 1]
        tail = column_start[last] - column_start[last - 1]
        total += tail * (tail - 1) // 2
    slot = np.empty(total, np.int64)
    place = np.zeros(size, np.int64)
    block_of = np.empty(size, np.int64)
    for b in range(block_start.size - 1):
        block_of[block_start[b] : block_start[b + 1]] = b
    filled = 0
    for b in range(block_start.size - 1):
        last = block_start[b + 1]
        start, stop = column_start[last - 1], column_start[last]
        known = -1
        for c in range(start, stop):
            column = row_index[c]
            target = block_of[column]
            beyond = block_start[target + 1]
            if target != known:
                known = target
                for p in range(column_start[beyond - 1], column_start[beyond]):
                    place[row_index[p]] = p - column_start[beyond - 1]
            # Column: first the rows of its own block below it, then the tail of its block.
            for p in range(c + 1, stop):
                row = row_index[p]
                if row < beyond:
                    slot[filled] = column_start[column] + row - column - 1
                else:
                    slot[filled] = column_start[column] + beyond - 1 - column + place[row]
                filled += 1
    return slot


@compiled
def factorise(
    entry_start: Integers,
    entry_column: Integers,
    entry_slot: Integers,
    entries: Floats,
    column_start: Integers,
    row_index: Integers,
    block_start: Integers,
    pair_slot: Integers,
    below: Floats,
    pivots: Floats,
) -> int:
    """Fill `below` and `pivots` with L and D of H = L D L'; return the first pivot not above 0, or -1."""
    size = pivots.size
    below[:] = 0.0
    for k in range(size):
        for e in range(entry_start[k], entry_start[k + 1]):
            if entry_column[e] == k:
                pivots[k] = entries[e]
            else:
                below[entry_slot[e]] = entries[e]
    update = np.zeros(size)
    slot = 0
    for b in range(block_start.size - 1):
        first, last = block_start[b], block_start[b + 1]
        # The triangle and the tail of the block, column after column.
        for j in range(first, last):
            pivot = pivots[j]
            if not pivot > 0.0:
                return j
            start, height = column_start[j], column_start[j + 1] - column_start[j]
            for c in range(last - 1 - j):
                value = below[start + c]
                ratio = value / pivot
                pivots[j + 1 + c] -= ratio * value
                # Slices, because a loop over a slice is compiled to vector instructions.
                other = column_start[j + 1 + c]
                into = below[other : other + height - c - 1]
                what = below[start + c + 1 : start + height]
                for p in range(into.size):
                    into[p] -= ratio * what[p]
            column = below[start : start + height]
            for p in range(height):
                column[p] /= pivot
        # What the block takes from the columns of the rows of its tail: L D L' over the pairs of the tail.
        tail = column_start[last - 1]
        rows = column_start[last] - tail
        if last - first == 1:
            for c in range(rows):
                value = below[tail + c] * pivots[first]
                pivots[row_index[tail + c]] -= value * below[tail + c]
                for p in range(c + 1, rows):
                    below[pair_slot[slot]] -= value * below[tail + p]
                    slot += 1
            continue
        for c in range(rows):
            left = rows - c
            total = update[:left]
            total[:] = 0.0
            j = first
            while j + 3 < last:
                p0 = column_start[j] + last - 1 - j + c
                p1 = column_start[j + 1] + last - 2 - j + c
                p2 = column_start[j + 2] + last - 3 - j + c
                p3 = column_start[j + 3] + last - 4 - j + c
                v0, v1 = below[p0] * pivots[j], below[p1] * pivots[j + 1]
                v2, v3 = below[p2] * pivots[j + 2], below[p3] * pivots[j + 3]
                l0, l1 = below[p0 : p0 + left], below[p1 : p1 + left]
                l2, l3 = below[p2 : p2 + left], below[p3 : p3 + left]
                for p in range(left):
                    total[p] += v0 * l0[p] + v1 * l1[p] + v2 * l2[p] + v3 * l3[p]
                j += 4
            while j < last:
                p0 = column_start[j] + last - 1 - j + c
                v0 = below[p0] * pivots[j]
                l0 = below[p0 : p0 + left]
                for p in range(left):
                    total[p] += v0 * l0[p]
                j += 1
            pivots[row_index[tail + c]] -= total[0]
            for p in range(1, left):
                below[pair_slot[slot]] -= total[p]
                slot += 1
    return -1


@compiled
def invert_on_pattern(
    column_start: Integers,
    row_index: Integers,
    block_start: Integers,
    pair_slot: Integers,
    below: Floats,
    pivots: Floats,
) -> tuple[Floats, Floats]:
    """Return the diagonal of Z = H^-1 and its entries on the pattern of L."""
    # Z = D^-1 L^-1 + (I - L') Z, hence for i >= j on the pattern of L
    #     Z[i, j] = [i == j] / D[j] - sum over k > j of L[k, j] Z[k, i],
    # from the last column to the first; every Z[k, i] needed lies on the pattern because the rows of a column
    # are joined to one another by its elimination. Those of a tail are gathered once for the whole block.
    size = pivots.size
    diagonal, inverse = np.empty(size), np.empty(below.size)
    tallest = 0
    for j in range(size):
        tallest = max(tallest, column_start[j + 1] - column_start[j])
    among, gathered = np.zeros((tallest, tallest)), np.zeros(tallest)
    slot = pair_slot.size
    for b in range(block_start.size - 2, -1, -1):
        first, last = block_start[b], block_start[b + 1]
        tail = column_start[last - 1]
        rows = column_start[last] - tail
        slot -= rows * (rows - 1) // 2
        here = slot
        for c in range(rows):
            among[c, c] = diagonal[row_index[tail + c]]
            for p in range(c + 1, rows):
                value = inverse[pair_slot[here]]
                here += 1
                among[c, p] = value
                among[p, c] = value
        for j in range(last - 1, first - 1, -1):
            start, inside = column_start[j], last - 1 - j
            height = inside + rows
            gathered[:height] = 0.0
            in_tail = gathered[inside:height]
            for k in range(rows):
                weight = below[start + inside + k]
                line = among[k]
                for p in range(rows):
                    in_tail[p] += weight * line[p]
            for k in range(inside):
                weight = below[start + k]
                other = column_start[j + 1 + k]
                line = inverse[other : other + height - k - 1]
                further = gathered[k + 1 : height]
                weights = below[start + k + 1 : start + height]
                total = weight * diagonal[j + 1 + k]
                for p in range(line.size):
                    further[p] += weight * line[p]
                    total += line[p] * weights[p]
                gathered[k] += total
            variance = 1.0 / pivots[j]
            for p in range(height):
                inverse[start + p] = -gathered[p]
                variance += gathered[p] * below[start + p]
            diagonal[j] = variance
    return diagonal, inverse
