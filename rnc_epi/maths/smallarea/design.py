"""How the rows of the data see the sparse field, and products with its precision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from rnc_epi.maths.gmrf import Analysis
from rnc_epi.maths.gmrf.compilation import compiled

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Design:
    """How rows (areas, or area-periods) see the field: sparse rows of A, and where A' P A falls in the
    pattern of H.

    ``rows`` is None when row i sees unknown i alone. The products of two entries of a row are listed as
    pairs (row, position among the entries of H, value, 2 off the diagonal and 1 on it).
    """

    rows: csr_array | None
    transposed: csr_array | None
    pair_row: Integers
    pair_position: Integers
    pair_value: Floats
    pair_weight: Floats
    size: int

    @classmethod
    def identity(cls, analysis: Analysis) -> Design:
        """Return the design where row i sees unknown i."""
        everyone = np.arange(analysis.size, dtype=np.int64)
        ones = np.ones(analysis.size)
        return cls(None, None, everyone, analysis.positions(everyone, everyone), ones, ones, analysis.size)

    @classmethod
    def empty(cls, rows: int) -> Design:
        """Return the design of a model without field."""
        nothing, none = np.zeros(0, np.int64), np.zeros(0)
        matrix = csr_array((rows, 0))
        return cls(matrix, csr_array((0, rows)), nothing, nothing, none, none, rows)

    @classmethod
    def sparse(cls, rows: csr_array, analysis: Analysis) -> Design:
        """Return the design of the sparse matrix `rows` (rows, analysis.size)."""
        first, second = row_pairs(rows)
        row = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))[first]
        a, b = rows.indices[first].astype(np.int64), rows.indices[second].astype(np.int64)
        weight = np.where(first == second, 1.0, 2.0)
        value = rows.data[first] * rows.data[second]
        return cls(rows, csr_array(rows.T), row, analysis.positions(a, b), value, weight, rows.shape[0])

    def apply(self, field: Floats) -> Floats:
        """Return A x."""
        return field if self.rows is None else np.asarray(self.rows @ field)

    def spread(self, values: Floats) -> Floats:
        """Return A' r."""
        return values if self.transposed is None else np.asarray(self.transposed @ values)

    def precision(self, entries: Floats, weights: Floats) -> Floats:
        """Return the entries of Q + A' P A."""
        if self.rows is None:
            total = entries.copy()
            total[self.pair_position] += weights
            return total
        added = np.bincount(
            self.pair_position, self.pair_value * weights[self.pair_row], minlength=entries.size
        )
        return np.asarray(entries + added)

    def quadratic(self, covariances: Floats) -> Floats:
        """Return a' Z a for each row a, Z given at the entries of H."""
        if self.rows is None:
            return np.asarray(covariances[self.pair_position])
        terms = self.pair_value * self.pair_weight * covariances[self.pair_position]
        return np.asarray(np.bincount(self.pair_row, terms, minlength=self.size), np.float64)


def row_pairs(rows: csr_array) -> tuple[Integers, Integers]:
    """Return, for a sparse matrix, the pairs of stored entries that share a row, each pair once."""
    count = np.diff(rows.indptr).astype(np.int64)
    return _row_pairs(rows.indptr.astype(np.int64), int((count * (count + 1) // 2).sum()))


@compiled
def _row_pairs(start: Integers, total: int) -> tuple[Integers, Integers]:
    first, second = np.empty(total, np.int64), np.empty(total, np.int64)
    filled = 0
    for r in range(start.size - 1):
        for p in range(start[r], start[r + 1]):
            for q in range(start[r], p + 1):
                first[filled], second[filled] = p, q
                filled += 1
    return first, second


def multiply(analysis: Analysis, entries: Floats, field: Floats) -> Floats:
    """Return Q x."""
    result = np.zeros(analysis.size)
    _multiply_entries(
        analysis.entry_start,
        analysis.entry_column,
        analysis.order,
        entries,
        np.ascontiguousarray(field),
        result,
    )
    return result


@compiled
def _multiply_entries(
    start: Integers, column: Integers, order: Integers, entries: Floats, field: Floats, result: Floats
) -> None:
    for k in range(start.size - 1):
        i = order[k]
        for e in range(start[k], start[k + 1]):
            j = order[column[e]]
            result[i] += entries[e] * field[j]
            if i != j:
                result[j] += entries[e] * field[i]
