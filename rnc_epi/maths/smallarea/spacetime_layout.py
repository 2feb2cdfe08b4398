"""How the unknowns of a space-time model are laid out, and their prior precision.

In order: w, the structured effect of the areas; blocks, v alone or v + delta over the periods; gamma, the
curve common to all.

A curve of its own in each area (type II) would bring one constraint an area. It is avoided by holding
v_i + delta_i. as one block of T unknowns. With Q the precision of a curve of variance 1, the covariance
s2 11' + d2 Q^-1 of a block has the inverse

    Q / d2 - (s2 / d2) (Q 1)(Q 1)' / (d2 + s2 1' Q 1),

which for a random walk (Q the scaled structure R, R 1 = 0, delta summing to zero) becomes
11' / (T^2 s2) + R / d2.

A stationary autoregression of correlation rho and variance 1 has the tridiagonal precision
[1, 1 + rho^2, ..., 1 + rho^2, 1; -rho] / (1 - rho^2), of determinant (1 - rho^2)^-(T - 1) (Rue and Held
2005, Gaussian Markov Random Fields, sec. 1.1.1).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from rnc_epi.maths.gmrf import Analysis, Constraints, IntrinsicField, analyse
from rnc_epi.maths.smallarea.design import Design
from rnc_epi.maths.smallarea.models import PriorPrecision

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# No variance is exactly 0: a precision must stay a number.
SMALLEST = 1e-10


def least_fill(areas: int, periods: int, own_curves: bool) -> int:
    """Return a number of non-zeros that the factor has at least, known before any work is done."""
    inside = periods * (periods - 1) // 2
    return areas * (periods + (inside if own_curves else 0)) + inside


def autoregression(periods: int, rho: float) -> tuple[Floats, float]:
    """Return the precision (periods, periods) of an autoregression of variance 1, and its
    log-determinant.
    """
    left = 1.0 - rho**2
    diagonal = np.full(periods, (1.0 + rho**2) / left)
    diagonal[[0, -1]] = 1.0 / left
    beside = np.full(periods - 1, -rho / left)
    matrix = np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)
    return matrix, -(periods - 1) * float(np.log(left))


class Layout:
    """Unknowns, what each cell sees of them, their constraints, and their prior precision.

    Parameters
    ----------
    field : IntrinsicField
        Of the areas.
    periods : int
    own_curves : bool
        Whether each area has a curve (type II).
    autoregressive : bool
        Whether curves are autoregressions; random walks otherwise.
    """

    def __init__(
        self, field: IntrinsicField, periods: int, *, own_curves: bool, autoregressive: bool
    ) -> None:
        areas = field.size
        self.field, self.areas, self.periods = field, areas, periods
        self.own_curves, self.autoregressive = own_curves, autoregressive
        self.walk = IntrinsicField(periods, np.c_[np.arange(periods - 1), np.arange(1, periods)])
        width = periods if own_curves else 1
        area = np.repeat(np.arange(areas), periods)
        period = np.tile(np.arange(periods), areas)
        block = areas + area * width + (period if own_curves else 0)
        last = areas + areas * width
        size = last + periods
        rows = np.arange(areas * periods)
        seen = csr_array(
            (np.ones(3 * rows.size), (np.tile(rows, 3), np.r_[area, block, last + period])),
            shape=(rows.size, size),
        )
        seen.sort_indices()
        inner_a, inner_b = np.triu_indices(width, 1)
        curve_a, curve_b = np.triu_indices(periods, 1)
        offset = areas + width * np.arange(areas)[:, None]
        within = np.c_[(offset + inner_a).ravel(), (offset + inner_b).ravel()]
        pairs = np.concatenate(
            [
                field.edges,
                within,
                np.c_[last + curve_a, last + curve_b],
                np.c_[area, block],
                np.c_[area, last + period],
                np.c_[block, last + period],
            ]
        ).astype(np.int64)
        self.analysis: Analysis = analyse(size, pairs[:, 0], pairs[:, 1])
        self.design = Design.sparse(seen, self.analysis)
        group = np.full(size, -1, np.int64)
        group[:areas] = field.constraints.group
        number = field.constraints.number
        if not autoregressive:
            group[last:] = number
            number += 1
        # The curve is seen by every area: constraints of separate components are no longer apart.
        self.constraints = Constraints(group, number, separate=False)
        everyone = np.arange(size, dtype=np.int64)
        self._space = self._entries(field, 0)
        self._curve = self.analysis.positions(everyone[last:], everyone[last:])
        self._curve_pairs = self.analysis.positions(last + curve_a, last + curve_b)
        self._block = self.analysis.positions(everyone[areas:last], everyone[areas:last])
        self._block_pairs = self.analysis.positions(within[:, 0], within[:, 1])
        self._upper = curve_a, curve_b

    def _entries(self, field: IntrinsicField, offset: int) -> Floats:
        """Return the scaled structure of a field laid at `offset` among the unknowns."""
        own = field.analysis
        row = own.order[np.repeat(np.arange(own.size), np.diff(own.entry_start))]
        column = own.order[own.entry_column]
        entries = np.zeros(self.analysis.entries)
        entries[self.analysis.positions(offset + row, offset + column)] = field.scaled
        return entries

    def precision(self, values: Mapping[str, float]) -> PriorPrecision:
        """Return the prior precision at given hyperparameters."""
        field = self.field
        variance, share = max(values["sigma"] ** 2, SMALLEST), values["phi"]
        structured, level = max(variance * share, 1e-12), max(variance * (1.0 - share), 1e-12)
        curve = max(values["sigma_time"] ** 2, SMALLEST)
        interaction = values.get("sigma_interaction", 0.0) ** 2
        matrix, matrix_determinant, rank = self._unit_curve(values)
        entries = self._space / structured
        log_determinant = field.scaled_log_determinant - field.rank * np.log(structured)
        log_determinant += matrix_determinant - rank * np.log(curve)
        common = matrix / curve
        if not self.autoregressive:
            # Raising w and lowering gamma by as much changes neither the data nor the intrinsic priors: H
            # would be singular before its constraints. 11' on gamma mends it and is nothing where gamma
            # sums to zero.
            common = common + 1.0 / self.periods
        entries[self._curve] += np.diag(common)
        entries[self._curve_pairs] += common[self._upper]
        if not self.own_curves:
            entries[self._block] += 1.0 / level
            return PriorPrecision(entries, log_determinant - self.areas * np.log(level), interaction)
        interaction = max(interaction, SMALLEST)
        sums = matrix.sum(axis=1)
        if self.autoregressive:
            whole = interaction + level * float(sums.sum())
            own = matrix / interaction - level / interaction * np.outer(sums, sums) / whole
            block = matrix_determinant - rank * np.log(interaction) - np.log(whole / interaction)
        else:
            own = matrix / interaction + 1.0 / (self.periods**2 * level)
            block = matrix_determinant - rank * np.log(interaction) - np.log(self.periods * level)
        entries[self._block] += np.tile(np.diag(own), self.areas)
        entries[self._block_pairs] += np.tile(own[self._upper], self.areas)
        return PriorPrecision(entries, log_determinant + self.areas * block, 0.0)

    def _unit_curve(self, values: Mapping[str, float]) -> tuple[Floats, float, int]:
        """Return the precision of a curve of variance 1, its log-determinant, and its rank."""
        if self.autoregressive:
            matrix, log_determinant = autoregression(self.periods, values["rho"])
            return matrix, log_determinant, self.periods
        weight = float(self.walk.scale[0])
        path = self.walk.edges
        matrix = np.zeros((self.periods, self.periods))
        matrix[path[:, 0], path[:, 1]] = matrix[path[:, 1], path[:, 0]] = -weight
        matrix[np.arange(self.periods), np.arange(self.periods)] = -matrix.sum(axis=1)
        return matrix, self.walk.scaled_log_determinant, self.walk.rank
