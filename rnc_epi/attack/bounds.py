"""The least and the greatest value of what is hidden, given every sum, by the attacker's own programmes.

Hidden quantities fall apart into groups that share no sum. In each group, programmes with drawn objectives
give tables that agree with all that is published; what they show to be wide needs no more work, and only the
others are bounded one by one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import optimize, sparse
from scipy.sparse import csgraph

from rnc_epi.attack.relations import Equations

#: A small count known within less than this is a leak; so is any count below the threshold known exactly.
NARROW: Final = 5.0
_ROUNDS: Final = 12
_CLOSE: Final = 1e-6
_SEED: Final = 8


@dataclass(frozen=True)
class Group:
    """Hidden quantities linked by sums.

    Parameters
    ----------
    variables : array of int
    matrix : sparse array, shape (sums, variables)
    total : array, shape (sums,)
        What is visible of each sum.
    """

    variables: np.ndarray
    matrix: sparse.csr_array
    total: np.ndarray


@dataclass(frozen=True)
class Bounded:
    """What the programmes found.

    Parameters
    ----------
    narrow : dict
        Variable to (least, greatest), for what is known too well.
    programmes : int
    contradictory : int
    """

    narrow: dict[int, tuple[float, float]]
    programmes: int
    contradictory: int


def groups_of(equations: Equations) -> Iterator[Group]:
    """Yield the groups of unknown quantities."""
    known = np.array(equations.known)
    unknown = np.flatnonzero(np.isnan(known))
    if not len(unknown) or not equations.rows:
        return
    place = np.full(len(known), -1)
    place[unknown] = np.arange(len(unknown))
    rows: list[int] = []
    columns: list[int] = []
    values: list[float] = []
    totals: list[float] = []
    for terms in equations.rows:
        hidden = [(place[v], c) for v, c in terms.items() if place[v] >= 0]
        if hidden:
            for column, coefficient in hidden:
                rows.append(len(totals))
                columns.append(column)
                values.append(coefficient)
            totals.append(-sum(c * known[v] for v, c in terms.items() if place[v] < 0))
    if not totals:
        return
    matrix = sparse.csr_array((values, (rows, columns)), shape=(len(totals), len(unknown)))
    visible = np.array(totals)
    count, label = csgraph.connected_components(abs(matrix).T @ abs(matrix), directed=False)
    of_row = label[matrix.indices[matrix.indptr[:-1]]]
    order = np.argsort(label, kind="stable")
    starts = np.searchsorted(label[order], np.arange(count + 1))
    row_order = np.argsort(of_row, kind="stable")
    row_starts = np.searchsorted(of_row[row_order], np.arange(count + 1))
    for number in range(count):
        own = np.sort(order[starts[number] : starts[number + 1]])
        sums = np.sort(row_order[row_starts[number] : row_starts[number + 1]])
        if len(sums):
            yield Group(unknown[own], matrix[sums][:, own], visible[sums])


def too_well_known(equations: Equations) -> Bounded:
    """Return the hidden small counts that the sums give, exactly or nearly."""
    threshold = np.array(equations.threshold)
    is_cell = np.array([attack == "A2" for attack in equations.attack])
    narrow: dict[int, tuple[float, float]] = {}
    programmes = contradictory = 0
    groups = list(groups_of(equations))
    together = _seen_together(groups, threshold)
    for number, group in enumerate(groups):
        limit, cell = threshold[group.variables], is_cell[group.variables]
        open_ = limit > 0
        if not open_.any():
            continue
        seen_low, seen_high, used, feasible = together[number] if together else _seen(group, open_, limit)
        programmes += used
        if not feasible:
            contradictory += 1
            continue
        doubtful = open_ & (seen_high < limit - _CLOSE) & (seen_high - seen_low < NARROW)
        for at in np.flatnonzero(doubtful).tolist():
            high = optimum(group, at, 1.0)
            programmes += 1
            if high >= limit[at] - _CLOSE:
                continue
            low = optimum(group, at, -1.0)
            programmes += 1
            # What lies between published totals may be empty; a hidden cell is hidden for somebody.
            someone = high > _CLOSE if cell[at] else low > _CLOSE
            if someone and high - low < NARROW - _CLOSE:
                narrow[int(group.variables[at])] = (low, high)
    return Bounded(narrow, programmes, contradictory)


_Seen = tuple[np.ndarray, np.ndarray, int, bool]


def _seen_together(groups: list[Group], threshold: np.ndarray) -> list[_Seen] | None:
    """Do the same for all groups in the same programmes; None if the sums of one admit no table."""
    if not groups:
        return None
    variables = np.concatenate([group.variables for group in groups])
    whole = Group(
        variables,
        sparse.block_diag([group.matrix for group in groups], format="csr"),
        np.concatenate([group.total for group in groups]),
    )
    limit = threshold[variables]
    low, high, used, feasible = _seen(whole, limit > 0, limit)
    if not feasible:
        return None
    ends = np.cumsum([len(group.variables) for group in groups])
    starts = ends - [len(group.variables) for group in groups]
    return [
        (low[start:end], high[start:end], used if start == 0 else 0, True)
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
    ]


def _seen(group: Group, wanted: np.ndarray, limit: np.ndarray) -> _Seen:
    """Return the extremes of some tables that agree with the sums."""
    rng = np.random.default_rng(_SEED)
    n = len(group.variables)
    low, high = np.full(n, np.inf), np.full(n, -np.inf)
    # Far above anything visible, so that programmes end; tables within it are tables all the same.
    cap = 10.0 * np.abs(group.total).max(initial=1.0) + 1e3
    for used in range(1, _ROUNDS + 1):
        unsettled = wanted & ~((high >= limit) | (high - low >= NARROW))
        if used > 1 and not unsettled.any():
            return low, high, used - 1, True
        # What lies above the limit earns nothing, so that one programme raises many at once.
        apart = np.flatnonzero(unsettled)
        goal = np.zeros(n + len(apart))
        goal[n:] = rng.uniform(0.2, 1.0, len(apart)) * (1.0 if used != 2 else -1.0)
        result = optimize.linprog(
            -goal,
            A_eq=sparse.hstack([group.matrix, group.matrix[:, apart]], format="csr"),
            b_eq=group.total,
            bounds=np.concatenate(
                [
                    np.tile([0.0, cap], (n, 1)),
                    np.column_stack([np.zeros(len(apart)), limit[apart]]),
                ]
            ),
            method="highs",
        )
        if result.x is None:
            return low, high, used, False
        found = result.x[:n].copy()
        found[apart] += result.x[n:]
        low, high = np.minimum(low, found), np.maximum(high, found)
    return low, high, _ROUNDS, True


def optimum(group: Group, at: int, sign: float, *, most: float | None = None) -> float:
    """Return the greatest (`sign` 1) or least (-1) value of one hidden quantity.

    Parameters
    ----------
    group : Group
    at : int
        Its place in the group.
    sign : float
    most : float, optional
        What the attacker knows that no hidden count exceeds, such as the population.
    """
    goal = np.zeros(len(group.variables))
    goal[at] = -sign
    result = optimize.linprog(goal, A_eq=group.matrix, b_eq=group.total, bounds=(0.0, most), method="highs")
    if result.status == 3:
        return sign * np.inf
    return float("nan") if result.fun is None else float(-sign * result.fun)
