"""The audit of a protected table: does the proof hold, and what does an attacker's programme find?

Two checks that trust nothing of the search. Every witness is multiplied again with every sum: it must agree
with all that is visible, hold no negative count, and reach what it claims. Then, for the protected counts
without two witnesses and a fixed sample of the others, linear programmes give the least and the greatest
value that the visible cells allow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import optimize
from scipy.sparse import csgraph

from rnc_epi.disclosure.witnesses import Shift, Table

#: An interval narrower than this says too much of a small count (the floor below which nothing is released).
FLOOR: Final = 5.0
_SEED: Final = 11


@dataclass(frozen=True)
class Audit:
    """What the audit found; internal.

    Parameters
    ----------
    protected : int
        Counts to protect, remainders among them.
    witnessed : int
        Those with two witnesses that hold: an attacker learns of them no more than the public rule says.
    integral : int
        Those whose witnesses are whole tables, which hold against an attacker who knows that persons are.
    programmed : int
        Those bounded by linear programmes.
    narrowest : float
        The least width found by these programmes; infinite where none was run.
    failed : tuple of int
        Protected cells that are found exactly, or in an interval narrower than `FLOOR`.
    """

    protected: int
    witnessed: int
    integral: int
    programmed: int
    narrowest: float
    failed: tuple[int, ...]


def audit(table: Table, hidden: np.ndarray, shifts: Sequence[Shift], *, sample: int = 20) -> Audit:
    """Return what the proof of a protected table is worth.

    Parameters
    ----------
    table : Table
    hidden : array of bool, shape (variables,)
    shifts : sequence of Shift
    sample : int
        Protected counts with witnesses that are bounded by linear programmes all the same.
    """
    with np.errstate(invalid="ignore"):
        low, high = table.values <= table.lowest, table.values >= table.highest
    whole_low, whole_high = low.copy(), high.copy()
    for shift in shifts:
        if not hidden[shift.cells].all() or not table.is_kept(shift):
            continue
        low_cells, high_cells = table.reaches(shift)
        low[low_cells] = True
        high[high_cells] = True
        if np.abs(shift.change - np.round(shift.change)).max() < 1e-6:
            whole_low[low_cells] = True
            whole_high[high_cells] = True
    low |= np.isnan(table.lowest)
    high |= np.isnan(table.highest)
    protected = np.flatnonzero(~(np.isnan(table.lowest) & np.isnan(table.highest)))
    proven = protected[low[protected] & high[protected]]
    doubtful = protected[~(low[protected] & high[protected])]
    drawn = np.random.default_rng(_SEED).permutation(len(proven))[:sample]
    checked = np.concatenate([doubtful, np.sort(proven[drawn])])
    unknown = _Unknown(table, hidden)
    widths = np.array([high - low for low, high in (unknown.bounds(int(cell)) for cell in checked)])
    return Audit(
        protected=len(protected),
        witnessed=len(proven),
        integral=int((whole_low & whole_high)[protected].sum()),
        programmed=len(checked),
        narrowest=float(widths.min(initial=np.inf)),
        # A width that could not be computed is a failure too.
        failed=tuple(int(cell) for cell in checked[~(widths >= FLOOR - 1e-6)]),
    )


def bounds_of(table: Table, hidden: np.ndarray, cell: int) -> tuple[float, float]:
    """Return the least and the greatest value of a hidden cell that the visible cells allow."""
    return _Unknown(table, hidden).bounds(cell)


class _Unknown:
    """What an attacker does not know: the hidden cells, in groups that share no sum."""

    def __init__(self, table: Table, hidden: np.ndarray) -> None:
        self._cells = np.flatnonzero(hidden)
        part = table.columns[:, self._cells].tocsr()
        self._rows = np.flatnonzero(np.diff(part.indptr))
        self._sums = part[self._rows]
        visible = np.where(hidden, 0.0, table.values)
        self._total = -(table.columns @ visible)[self._rows]
        _, self._group = csgraph.connected_components(abs(self._sums).T @ abs(self._sums), directed=False)

    def bounds(self, cell: int) -> tuple[float, float]:
        at = int(np.searchsorted(self._cells, cell))
        own = np.flatnonzero(self._group == self._group[at])
        part = self._sums[:, own]
        rows = np.flatnonzero(np.diff(part.indptr))
        goal = np.zeros(len(own))
        goal[np.searchsorted(own, at)] = 1.0
        ends = []
        for sign in (1.0, -1.0):
            result = optimize.linprog(
                sign * goal, A_eq=part[rows], b_eq=self._total[rows], bounds=(0, None), method="highs"
            )
            unbounded = result.status == 3
            ends.append(sign * (-np.inf if unbounded else result.fun if result.fun is not None else np.nan))
        return ends[0], ends[1]
