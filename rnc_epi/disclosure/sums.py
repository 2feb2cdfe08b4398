"""Everything that adds up in a result table, as one sparse system of equations over its cells.

Both sexes, the tree of sites, areas, periods inside periods, ages inside ages, strata, the areas of a
stratum, and persons of unknown age. What a parent holds beyond its published children is a cell of its
own, which nobody publishes: hiding it is free, and finding it by subtraction is a leak like another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import Any, Final

import numpy as np
from scipy import optimize, sparse

from rnc_epi.disclosure.counts import ALL_AGES, CellKey, Counts
from rnc_epi.disclosure.strata import WHOLE, families
from rnc_epi.vocabulary.areas import AreaKey
from rnc_epi.vocabulary.containment import completed, nearest
from rnc_epi.vocabulary.hierarchy import Hierarchy

#: Counts are whole, or estimates to a few decimals: a difference below this is none.
SAME: Final = 1e-6


@dataclass(frozen=True)
class Sums:
    """The linear system ``equations @ values == 0``.

    Parameters
    ----------
    equations : sparse array, shape (equations, variables)
        +1 for the parent, -1 for each part.
    values : array, shape (variables,)
        The cells in their order, then what is left over in parents.
    n_cells : int
    leftover_threshold : array of int, shape (variables - n_cells,)
        0 where the value of a remainder follows from no subtraction, or all its sources are exempt.
    kinds : list of str, length equations
        ``site``, ``sex``, ``area``, ``period``, ``age``, ``stratum``, ``group``, ``unknown_age``.
    contradictory : int
        Parents smaller than their parts: sources that do not add up, from which nobody can subtract.
    """

    equations: sparse.csr_array
    values: np.ndarray
    n_cells: int
    leftover_threshold: np.ndarray
    kinds: list[str]
    contradictory: int


@dataclass
class _Builder:
    counts: Counts
    rows: list[list[tuple[int, int]]] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    leftovers: list[float] = field(default_factory=list)
    thresholds: list[int] = field(default_factory=list)
    seen: set[tuple[int, ...]] = field(default_factory=set)
    contradictory: int = 0

    def leftover(self, value: float, members: Iterable[int], *, follows: bool = True) -> int:
        threshold = max((int(self.counts.threshold[cell]) for cell in members), default=0)
        self.leftovers.append(float(value))
        self.thresholds.append(threshold if follows else 0)
        return len(self.counts.keys) + len(self.leftovers) - 1

    def add(self, kind: str, parent: int, parts: list[int]) -> None:
        """State that a parent is the sum of its parts and of a remainder, if there is one."""
        signature = (parent, *sorted(parts))
        if not parts or signature in self.seen:
            return
        self.seen.add(signature)
        rest = self.counts.events[parent] - self.counts.events[parts].sum()
        if rest < -SAME:
            self.contradictory += 1
            return
        row = [(parent, 1), *((part, -1) for part in parts)]
        if rest > SAME:
            row.append((self.leftover(rest, [parent, *parts]), -1))
        self.rows.append(row)
        self.kinds.append(kind)

    def add_intervals(self, kind: str, cells: dict[tuple[int, int], int]) -> None:
        """State what a group of overlapping intervals (periods, or ages) shares."""
        layout = layout_of(tuple(sorted(cells)))
        if not layout.wide:
            return
        gaps = [atom for atom in range(len(layout.atoms)) if layout.atoms[atom] not in cells]
        if not gaps:
            for interval, atoms in layout.wide:
                self.add(kind, cells[interval], [cells[layout.atoms[atom]] for atom in atoms])
            return
        column = {atom: place for place, atom in enumerate(gaps)}
        matrix = np.zeros((len(layout.wide), len(gaps)))
        target = np.empty(len(layout.wide))
        for number, (interval, atoms) in enumerate(layout.wide):
            matrix[number, [column[atom] for atom in atoms if atom in column]] = 1.0
            parts = [cells[layout.atoms[atom]] for atom in atoms if atom not in column]
            target[number] = self.counts.events[cells[interval]] - self.counts.events[parts].sum()
        filled, misfit = optimize.nnls(matrix, target)
        if misfit > SAME:
            self.contradictory += len(layout.wide)
            return
        # A gap whose unit vector lies in the row space follows from the published intervals by subtraction.
        space = np.linalg.pinv(matrix) @ matrix
        follows = np.abs(space - np.eye(len(gaps))).max(axis=0) < 1e-9
        members = list(cells.values())
        place = {
            atom: self.leftover(filled[at], members, follows=bool(follows[at])) for atom, at in column.items()
        }
        for interval, atoms in layout.wide:
            parts = [place[a] if a in place else cells[layout.atoms[a]] for a in atoms]
            self.rows.append([(cells[interval], 1), *((part, -1) for part in parts)])
            self.kinds.append(kind)


@dataclass(frozen=True)
class Layout:
    """How a set of intervals overlaps: the pieces of the line, and which pieces each wide interval holds."""

    atoms: tuple[tuple[int, int], ...]
    wide: tuple[tuple[tuple[int, int], tuple[int, ...]], ...]


def layout_of(intervals: tuple[tuple[int, int], ...]) -> Layout:
    """Cut the line at every end of an interval; the pieces inside some interval are its atoms."""
    ends = sorted({end for interval in intervals for end in interval})
    pieces = [
        (start, stop) for start, stop in pairwise(ends) if any(a <= start and stop <= b for a, b in intervals)
    ]
    wide = []
    for interval in intervals:
        inside = tuple(
            at for at, piece in enumerate(pieces) if interval[0] <= piece[0] and piece[1] <= interval[1]
        )
        if len(inside) > 1:
            wide.append((interval, inside))
    return Layout(tuple(pieces), tuple(wide))


def sums_of(counts: Counts, hierarchy: Hierarchy) -> Sums:
    """Return every additive relation among the cells of a result table."""
    builder = _Builder(counts)
    everyone = {key: cell for cell, key in enumerate(counts.keys) if not counts.known_age[cell]}
    of_known_age = {key: cell for cell, key in enumerate(counts.keys) if counts.known_age[cell]}
    for key, cell in of_known_age.items():
        builder.add("unknown_age", everyone[key], [cell])
    for name, relate in _relations(hierarchy, {key.area for key in counts.keys}).items():
        groups = _groups(everyone, *name)
        for group in groups.values():
            relate(builder, group)
        # Where some ages are unknown, standardised rates rest on a second all-ages count with its own sums;
        # a member without unknown ages serves in both.
        for rest, own in _groups(of_known_age, *name).items():
            relate(builder, groups[rest] | own)
    for rest, group in _groups(everyone, "ages").items():
        whole = rest._replace(ages=ALL_AGES)
        builder.add_intervals(
            "age", group | {ALL_AGES: of_known_age[whole]} if whole in of_known_age else group
        )
    return _system(builder)


def _groups(cells: dict[CellKey, int], *names: str) -> dict[CellKey, dict[Any, int]]:
    """Return the cells that differ by these fields only, by what they have in common."""
    groups: dict[CellKey, dict[Any, int]] = defaultdict(dict)
    for key, cell in cells.items():
        place = tuple(getattr(key, name) for name in names)
        groups[without(key, *names)][place if len(names) > 1 else place[0]] = cell
    return groups


def without(key: CellKey, *names: str) -> CellKey:
    """Return a key with some fields blanked, to group the cells that differ by them only."""
    blank: dict[str, Any] = dict.fromkeys(names)
    return key._replace(**blank)


_Relation = Callable[["_Builder", dict[Any, int]], None]
_Area = tuple[str, str, str]


def _present(
    children: Iterable[str], group: Collection[str], below: Mapping[str, tuple[str, ...]]
) -> Iterator[str]:
    """Yield the parts that are there, and the parts of those that are not."""
    for child in children:
        if child in group:
            yield child
        else:
            yield from _present(below.get(child, ()), group, below)


def _areas_among(
    hierarchy: Hierarchy, areas: Iterable[_Area]
) -> Callable[[frozenset[_Area]], list[tuple[_Area, list[_Area]]]]:
    """Return what gives, for the areas that some cells have, which of them are sums of which."""
    entries = completed(hierarchy, {AreaKey(*area) for area in areas})

    @cache
    def among(present: frozenset[_Area]) -> list[tuple[_Area, list[_Area]]]:
        found = nearest(entries, {AreaKey(*area) for area in present})
        return [(parent.triple, [part.triple for part in parts]) for parent, parts in found]

    return among


def _relations(hierarchy: Hierarchy, areas: set[_Area]) -> dict[tuple[str, ...], _Relation]:
    def by_site(builder: _Builder, group: dict[Any, int]) -> None:
        for parent, children in hierarchy.sites:
            if parent in group:
                found = _present(children, group, below)
                builder.add("site", group[parent], [group[child] for child in found])

    def by_area(builder: _Builder, group: dict[Any, int]) -> None:
        for parent, children in among(frozenset(group)):
            builder.add("area", group[parent], [group[child] for child in children])

    def by_sex(builder: _Builder, group: dict[Any, int]) -> None:
        if 0 in group:
            builder.add("sex", group[0], [group[sex] for sex in (1, 2) if sex in group])

    def by_period(builder: _Builder, group: dict[Any, int]) -> None:
        builder.add_intervals("period", group)

    def by_stratum(builder: _Builder, group: dict[Any, int]) -> None:
        for parent, parts in families(group):
            if parent in group:
                builder.add("stratum", group[parent], [group[part] for part in parts if part in group])

    below = dict(hierarchy.sites)
    among = _areas_among(hierarchy, areas)

    def by_group(builder: _Builder, group: dict[Any, int]) -> None:
        for place, parts in of_groups:
            if place in group:
                builder.add("group", group[place], [group[part] for part in parts if part in group])

    of_groups = [
        ((area.triple, stratum), [(part.triple, WHOLE) for part in parts])
        for area, stratum, parts in hierarchy.sums_of_groups()
    ]
    return {
        ("site",): by_site,
        ("sex",): by_sex,
        ("area",): by_area,
        ("period",): by_period,
        ("stratum",): by_stratum,
        ("area", "stratum"): by_group,
    }


def _system(builder: _Builder) -> Sums:
    entries = [(row, cell, sign) for row, terms in enumerate(builder.rows) for cell, sign in terms]
    n_cells = len(builder.counts.keys)
    shape = (len(builder.rows), n_cells + len(builder.leftovers))
    table = np.array(entries, dtype=np.int64).reshape(-1, 3)
    equations = sparse.csr_array(
        (table[:, 2].astype(float), (table[:, 0], table[:, 1])), shape=shape, dtype=float
    )
    return Sums(
        equations=equations,
        values=np.concatenate([builder.counts.events, np.array(builder.leftovers, dtype=float)]),
        n_cells=n_cells,
        leftover_threshold=np.array(builder.thresholds, dtype=int),
        kinds=builder.kinds,
        contradictory=builder.contradictory,
    )
