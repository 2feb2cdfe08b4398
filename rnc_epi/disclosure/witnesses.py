"""Witnesses: other tables that agree with everything published and in which a hidden count is another.

A shift is a change of hidden cells that keeps every sum. If adding it to the true table gives a table
without negative counts, an attacker cannot tell the two apart. A count is protected when one witness brings
it to 1 or less and another to the threshold less one or more: then nobody learns more of it than the public
rule says. The shifts are found by linear programming, kept, and checked again by a matrix product.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import optimize, sparse
from scipy.sparse import csgraph

#: A shift smaller than this is a rounding error of the solver.
STILL: Final = 1e-7
#: How far a shift without a floor is followed.
_FAR: Final = 1e4


@dataclass(frozen=True)
class Shift:
    """A change of some cells that keeps every sum.

    Parameters
    ----------
    cells : array of int
    change : array of float, same length
    """

    cells: np.ndarray
    change: np.ndarray


@dataclass(frozen=True)
class Table:
    """What the search for shifts needs to know of the cells.

    Parameters
    ----------
    columns : sparse array in columns, shape (equations, variables)
        The sums: ``columns @ values == 0``.
    values : array, shape (variables,)
    lowest, highest : arrays, shape (variables,)
        Where a witness must bring a protected cell, at most and at least; NaN for cells that need none.
    """

    columns: sparse.csc_array
    values: np.ndarray
    lowest: np.ndarray
    highest: np.ndarray

    def reaches(self, shift: Shift) -> tuple[np.ndarray, np.ndarray]:
        """Return the protected cells that a shift brings low enough, and those it brings high enough."""
        shifted = self.values[shift.cells] + shift.change
        with np.errstate(invalid="ignore"):
            low = shifted <= self.lowest[shift.cells] + STILL
            high = shifted >= self.highest[shift.cells] - STILL
        return shift.cells[low], shift.cells[high]

    def is_kept(self, shift: Shift) -> bool:
        """Return whether a shift keeps every sum and makes no count negative."""
        change = np.zeros(len(self.values))
        change[shift.cells] = shift.change
        kept = np.abs(self.columns @ change).max(initial=0.0) <= 1e-5
        return bool(kept and (self.values + change).min(initial=0.0) >= -1e-6)


def cheapest_change(
    table: Table, movable: np.ndarray, cost: np.ndarray, cell: int, goal: float
) -> np.ndarray | None:
    """Return the cheapest change that brings one cell to a goal, or None if there is none.

    Parameters
    ----------
    movable : array of int, sorted
        The only cells that may change; `cell` is among them.
    cost : array, shape (variables,)
        Of changing a cell by one.
    cell : int
    goal : float

    Returns
    -------
    array, same length as `movable`, or None
    """
    n = len(movable)
    part = table.columns[:, movable]
    rows, row_of = np.unique(part.indices, return_inverse=True)
    # One variable for the rise of a cell and one for its fall, which stops at zero.
    both = sparse.csc_array(
        (
            np.concatenate([part.data, -part.data]),
            np.concatenate([row_of, row_of]),
            np.concatenate([part.indptr, part.indptr[1:] + part.indptr[-1]]),
        ),
        shape=(len(rows), 2 * n),
    )
    lower, upper = np.zeros(2 * n), np.concatenate([np.full(n, np.inf), table.values[movable]])
    need = goal - table.values[cell]
    at = int(np.searchsorted(movable, cell))
    lower[at if need > 0 else n + at] = abs(need)
    upper[n + at if need > 0 else at] = 0.0
    result = optimize.milp(
        np.concatenate([cost[movable], cost[movable]]),
        constraints=optimize.LinearConstraint(both, 0.0, 0.0) if len(rows) else None,
        bounds=optimize.Bounds(lower, np.maximum(lower, upper)),
    )
    if result.x is None:
        return None
    change = result.x[:n] - result.x[n:]
    change[np.abs(change) < STILL] = 0.0
    return change


def widest_change(table: Table, movable: np.ndarray, cells: np.ndarray, need: np.ndarray) -> np.ndarray:
    """Return a change that meets as much as it can of many needs at once.

    Parameters
    ----------
    movable : array of int, sorted
        The only cells that may change; `cells` are among them.
    cells : array of int
    need : array, same length
        By how much each cell should move, upwards if positive.

    Returns
    -------
    array, same length as `movable`
    """
    n, m = len(movable), len(cells)
    part = table.columns[:, movable]
    rows, row_of = np.unique(part.indices, return_inverse=True)
    sums = sparse.csc_array((part.data, row_of, part.indptr), shape=(len(rows), n))
    # A variable for each need, as far as it is met, between 0 and 1.
    met = sparse.csc_array((-np.ones(m), (np.arange(m), np.arange(m))), shape=(m, m))
    push = sparse.csc_array((1.0 / need, (np.arange(m), np.searchsorted(movable, cells))), shape=(m, n))
    matrix = sparse.block_array([[sums, None], [push, met]], format="csc")
    result = optimize.milp(
        np.concatenate([np.zeros(n), -np.ones(m)]),
        constraints=optimize.LinearConstraint(
            matrix,
            np.zeros(len(rows) + m),
            np.concatenate([np.zeros(len(rows)), np.full(m, np.inf)]),
        ),
        bounds=optimize.Bounds(
            np.concatenate([-table.values[movable], np.zeros(m)]),
            np.concatenate([np.full(n, _FAR), np.ones(m)]),
        ),
    )
    if result.x is None:
        return np.zeros(n)
    change = result.x[:n]
    change[np.abs(change) < STILL] = 0.0
    return change


def pieces(table: Table, cells: np.ndarray, change: np.ndarray) -> Iterator[Shift]:
    """Split a change into shifts that share no sum: each is a shift on its own."""
    cells, change = cells[change != 0], change[change != 0]
    if not len(cells):
        return
    part = table.columns[:, cells]
    rows, row_of = np.unique(part.indices, return_inverse=True)
    touch = sparse.csc_array((np.ones(len(row_of)), row_of, part.indptr), shape=(len(rows), len(cells)))
    count, label = csgraph.connected_components(touch.T @ touch, directed=False)
    for number in range(count):
        own = label == number
        yield Shift(cells[own], change[own])


def longest(table: Table, shift: Shift) -> Iterator[Shift]:
    """Yield a shift as far as it goes forwards, and as far as it goes backwards.

    Where a change keeps every sum, so does any multiple of it: until some count would fall below zero. Both
    ends move the same cells, so the second witness costs nothing.
    """
    for direction in (1.0, -1.0):
        change = direction * shift.change
        falling = change < 0
        reach = np.min(table.values[shift.cells][falling] / -change[falling], initial=np.inf)
        length = min(reach, _FAR / np.abs(change).max())
        if length > 0:
            yield Shift(shift.cells, change * length)
