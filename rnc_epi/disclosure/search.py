"""Which further cells to hide so that no protected count can be had by subtraction.

For each protected count in turn, from totals to details, the cheapest witness is searched in a small block of
relatives, then in wider ones, and at the last in the whole table; the visible cells that it moves are hidden.
Witnesses are shared: now and then a sweep looks for changes of what is hidden already that serve many counts
at once. At the end, cells are shown again as long as every protected count keeps its two witnesses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from rnc_epi.disclosure.neighbours import Neighbours
from rnc_epi.disclosure.witnesses import Shift, Table, cheapest_change, longest, pieces, widest_change

#: Siblings taken at each step and steps climbed, from the quickest search to the widest.
_LADDER: Final = ((2, 0), (3, 1), (5, 5))
#: The same where totals may be hidden: which of a total and its parent matters less is compared at once.
_LADDER_OF_TOTALS: Final = ((2, 1), (5, 5), (12, 9))
#: Moving a cell that is hidden anyway costs next to nothing, but not nothing: shifts stay small.
_FREE: Final = 1e-3
#: A total that a reader must find is hidden only where nothing else can do.
_TOTAL: Final = 1e3
#: Counts handled between two sweeps, and the least share of needs a sweep must meet to be tried again.
_BETWEEN_SWEEPS: Final = 60
_WORTH_A_SWEEP: Final = 0.05
#: Directions of a sweep are drawn; the same at each run.
_SEED: Final = 20_240_506


@dataclass
class Search:
    """The state of the search.

    Parameters
    ----------
    table : Table
    neighbours : Neighbours
    hidden : array of bool, shape (variables,)
        Cells hidden from the start: protected ones, those without a number, remainders.
    totals : array of bool, shape (variables,)
        Cells not to be hidden unless nothing else can do.
    weight : array, shape (variables,)
        How much the loss of a cell matters, beside its count.
    n_cells : int
        Variables beyond it are remainders.
    subject : array of int, shape (cells,)
        Cells of one event and site bear the same number: the widest block searched before a total is hidden.
    """

    table: Table
    neighbours: Neighbours
    hidden: np.ndarray
    totals: np.ndarray
    weight: np.ndarray
    n_cells: int
    subject: np.ndarray
    shifts: list[Shift] = field(default_factory=list)
    programmes: int = 0

    def __post_init__(self) -> None:
        with np.errstate(invalid="ignore"):
            self.needs_low = self.table.values > self.table.lowest
            self.needs_high = self.table.values < self.table.highest
        self._start = self.hidden.copy()
        self._price = self.weight * (1.0 + np.log1p(self.table.values)) * np.where(self.totals, _TOTAL, 1.0)
        self._random = np.random.default_rng(_SEED)
        rows = self.table.columns.tocsr()
        self._remainders_of: dict[int, np.ndarray] = {}
        self._parent: dict[int, int] = {}
        for row in np.unique(self.table.columns[:, self.n_cells :].indices):
            members = rows.indices[rows.indptr[row] : rows.indptr[row + 1]]
            signs = rows.data[rows.indptr[row] : rows.indptr[row + 1]]
            self._remainders_of[int(row)] = members[members >= self.n_cells]
            for remainder in self._remainders_of[int(row)]:
                self._parent.setdefault(int(remainder), int(members[signs > 0][0]))

    def run(self, order: Sequence[int]) -> None:
        """Find witnesses for the protected cells, in the order given, then show again what can be."""
        handled = 0
        for cell in order:
            if not (self.needs_low[cell] or self.needs_high[cell]):
                continue
            if handled % _BETWEEN_SWEEPS == _BETWEEN_SWEEPS - 1:
                self._sweep()
            handled += 1
            for high in (True, False):
                if self._lacks(cell, high) and not self._near(cell, high):
                    self._change(np.flatnonzero(self._usable(with_totals=True)), self._cost(), cell, high)
        self._show_again()

    def unprotected(self) -> np.ndarray:
        """Return the protected cells for which a witness lacks."""
        return np.flatnonzero(self.needs_low | self.needs_high)

    def _lacks(self, cell: int, high: bool) -> bool:
        return bool(self.needs_high[cell] if high else self.needs_low[cell])

    def _cost(self) -> np.ndarray:
        return np.where(self.hidden, _FREE, self._price)

    def _usable(self, *, with_totals: bool) -> np.ndarray:
        # A published zero stays a zero; a hidden cell may move whatever its value.
        usable = self.hidden | (self.table.values > 0)
        return usable if with_totals else usable & (self.hidden | ~self.totals)

    def _near(self, cell: int, high: bool) -> bool:
        """Search a witness in wider and wider blocks around a cell."""
        centre = self._parent.get(cell, cell)
        cost = self._cost()
        for with_totals in (False, True):
            usable = self._usable(with_totals=with_totals)
            for siblings, climbing in _LADDER_OF_TOTALS if with_totals else _LADDER:
                block = self.neighbours.block(centre, cost, usable, siblings, climbing)
                if self._change(self._with_remainders(block, cell), cost, cell, high):
                    return True
            if not with_totals:
                alike = np.flatnonzero(usable[: self.n_cells] & (self.subject == self.subject[centre]))
                if self._change(self._with_remainders(alike, cell), cost, cell, high):
                    return True
        return False

    def _with_remainders(self, block: np.ndarray, cell: int) -> np.ndarray:
        rows = np.unique(self.table.columns[:, block].indices)
        extra = [self._remainders_of[row] for row in rows.tolist() if row in self._remainders_of]
        return np.unique(np.concatenate([block, [cell], *extra]).astype(np.int64))

    def _change(self, movable: np.ndarray, cost: np.ndarray, cell: int, high: bool) -> bool:
        goal = self.table.highest[cell] if high else self.table.lowest[cell]
        change = cheapest_change(self.table, movable, cost, cell, goal)
        self.programmes += 1
        if change is not None:
            self._keep(movable, change)
        return not self._lacks(cell, high)

    def _sweep(self) -> None:
        """Protect what the cells hidden so far protect already, many at a time."""
        movable = np.flatnonzero(self.hidden)
        while len(lacking := self.unprotected()):
            either = self.needs_low[lacking] & self.needs_high[lacking]
            drawn = self._random.random(len(lacking)) < 0.5
            high = np.where(either, drawn, self.needs_high[lacking])
            goal = np.where(high, self.table.highest[lacking], self.table.lowest[lacking])
            before = self.needs_low.sum() + self.needs_high.sum()
            need = goal - self.table.values[lacking]
            self._keep(movable, widest_change(self.table, movable, lacking, need))
            self.programmes += 1
            if before - self.needs_low.sum() - self.needs_high.sum() <= _WORTH_A_SWEEP * before:
                return

    def _keep(self, movable: np.ndarray, change: np.ndarray) -> None:
        """Keep the parts of a change that protect something, and hide what they move."""
        for piece in pieces(self.table, movable, change):
            for shift in longest(self.table, piece):
                low_cells, high_cells = self.table.reaches(shift)
                if self.needs_low[low_cells].any() or self.needs_high[high_cells].any():
                    self.shifts.append(shift)
                    self.hidden[shift.cells] = True
                    self.needs_low[low_cells] = False
                    self.needs_high[high_cells] = False

    def _show_again(self) -> None:
        """Show again the cells that no needed witness moves, dearest first."""
        reached = [self.table.reaches(shift) for shift in self.shifts]
        with np.errstate(invalid="ignore"):
            low = (self.table.values <= self.table.lowest).astype(int)
            high = (self.table.values >= self.table.highest).astype(int)
        users: dict[int, set[int]] = {}
        for number, shift in enumerate(self.shifts):
            low[reached[number][0]] += 1
            high[reached[number][1]] += 1
            for cell in shift.cells[~self._start[shift.cells]].tolist():
                users.setdefault(cell, set()).add(number)
        dropped: set[int] = set()
        for cell in sorted(users, key=lambda cell: (-self._price[cell], cell)):
            mine = users[cell] - dropped
            for number in sorted(mine):
                low[reached[number][0]] -= 1
                high[reached[number][1]] -= 1
            touched_low = np.concatenate([np.empty(0, int), *(reached[number][0] for number in mine)])
            touched_high = np.concatenate([np.empty(0, int), *(reached[number][1] for number in mine)])
            if (low[touched_low] > 0).all() and (high[touched_high] > 0).all():
                dropped |= mine
            else:
                for number in sorted(mine):
                    low[reached[number][0]] += 1
                    high[reached[number][1]] += 1
        self.shifts = [shift for number, shift in enumerate(self.shifts) if number not in dropped]
        self.hidden = self._start.copy()
        for shift in self.shifts:
            self.hidden[shift.cells] = True
