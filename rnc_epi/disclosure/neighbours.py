"""Which other cells could make up for a change of one: its relatives along each dimension.

A change of one count must be made up along every sum it stands in. The cells that can do so at the least
cost lie in a small block: the cell, what contains it, what it contains, and one or two siblings along each
dimension. Searching there instead of the whole table is what makes protection quick. A group of areas is a
place among the areas here: within an area, and made of areas.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

import numpy as np

from rnc_epi.disclosure.counts import CellKey, Counts
from rnc_epi.disclosure.strata import WHOLE, Stratum, families
from rnc_epi.disclosure.sums import layout_of
from rnc_epi.vocabulary.areas import AreaKey
from rnc_epi.vocabulary.containment import completed, nearest
from rnc_epi.vocabulary.hierarchy import Hierarchy

#: A sibling of this size can make up for any change of a small count.
_AMPLE: Final = 10.0
_DIMENSIONS = ("site", "sex", "area", "period", "ages")


class Neighbours:
    """The blocks of relatives of cells.

    Parameters
    ----------
    counts : Counts
    hierarchy : Hierarchy
    """

    def __init__(self, counts: Counts, hierarchy: Hierarchy) -> None:
        self._keys = [_placed(key) for key in counts.keys]
        self._events = counts.events
        self._cells: dict[CellKey, list[int]] = defaultdict(list)
        for cell, key in enumerate(self._keys):
            self._cells[key].append(cell)
        relatives: dict[str, list[tuple[Any, tuple[Any, ...]]]] = {
            "site": list(hierarchy.sites),
            "sex": [(0, (1, 2))],
            "area": _places(counts.keys, hierarchy),
            "period": _intervals({key.period for key in counts.keys}),
            "ages": _intervals({key.ages for key in counts.keys}),
        }
        self._up: dict[str, dict[Any, list[tuple[Any, tuple[Any, ...]]]]] = {}
        self._down: dict[str, dict[Any, list[tuple[Any, ...]]]] = {}
        for name, entries in relatives.items():
            up: dict[Any, list[tuple[Any, tuple[Any, ...]]]] = defaultdict(list)
            down: dict[Any, list[tuple[Any, ...]]] = defaultdict(list)
            for parent, children in entries:
                down[parent].append(children)
                for child in children:
                    up[child].append((parent, children))
            self._up[name], self._down[name] = dict(up), dict(down)

    def block(
        self, cell: int, cost: np.ndarray, usable: np.ndarray, siblings: int, climbing: int
    ) -> np.ndarray:
        """Return the cells of the block around a cell, sorted.

        Parameters
        ----------
        cost : array, shape (cells,)
            Cheaper siblings are taken first.
        usable : array of bool, shape (cells,)
            Cells that may change.
        siblings : int
            How many to take at each step.
        """
        key = self._keys[cell]
        chosen = [
            self._values(name, key, cost, usable, siblings, climbing)
            if name in _DIMENSIONS
            else [getattr(key, name)]
            for name in CellKey._fields
        ]
        cells: list[int] = []
        for values in itertools.product(*chosen):
            cells.extend(self._cells.get(CellKey(*values), ()))
        found = np.array(sorted(cells))
        return found[usable[found]]

    def _values(
        self, name: str, key: CellKey, cost: np.ndarray, usable: np.ndarray, siblings: int, climbing: int
    ) -> list[Any]:
        up, down = self._up[name], self._down[name]
        own = getattr(key, name)
        if own not in up and own not in down:
            return [own]
        chosen: dict[Any, None] = {}

        def best(candidates: tuple[Any, ...]) -> list[Any]:
            """Take the cheapest, the last of them large enough to give away what a small count needs."""
            priced = []
            for value in candidates:
                for cell in self._cells.get(key._replace(**{name: value}), ())[:1]:
                    if usable[cell] and value not in chosen:
                        priced.append((cost[cell], cell, value))
            priced.sort()
            taken = priced[:siblings]
            if not any(self._events[cell] >= _AMPLE for _, cell, _ in taken):
                ample = next((entry for entry in priced if self._events[entry[1]] >= _AMPLE), None)
                taken = [*taken[:-1], ample] if ample else taken
            return [value for _, _, value in taken]

        def descend(value: Any) -> None:
            chosen[value] = None
            for children in down.get(value, ()):
                for child in best(children):
                    descend(child)

        def climb(value: Any, steps: int) -> None:
            for parent, children in up.get(value, ()):
                if parent not in chosen:
                    for sibling in best(children):
                        descend(sibling)
                    if steps:
                        chosen[parent] = None
                        climb(parent, steps - 1)

        descend(own)
        climb(own, climbing)
        return list(chosen)


def _placed(key: CellKey) -> CellKey:
    """Return a key of which the area tells the stratum as well."""
    return key._replace(area=_place(key.area, key.stratum), stratum=WHOLE)


def _place(area: tuple[str, ...], stratum: Stratum) -> Any:
    return area if stratum == WHOLE else (*area, *stratum)


def _places(keys: Iterable[CellKey], hierarchy: Hierarchy) -> list[tuple[Any, tuple[Any, ...]]]:
    """Return which places are parts of which: areas, strata of areas, areas of strata."""
    strata_of: dict[tuple[str, str, str], set[Stratum]] = defaultdict(set)
    for key in keys:
        strata_of[key.area].add(key.stratum)
    every = frozenset().union({WHOLE}, *strata_of.values())
    found: list[tuple[Any, tuple[Any, ...]]] = []
    every_area = {AreaKey(*area) for area in strata_of}
    for parent, children in nearest(completed(hierarchy, every_area), every_area):
        below = [child.triple for child in children]
        for stratum in sorted(every):
            found.append((_place(parent.triple, stratum), tuple(_place(area, stratum) for area in below)))
    for area, strata in sorted(strata_of.items()):
        for stratum, parts in families(strata):
            found.append((_place(area, stratum), tuple(_place(area, part) for part in parts)))
    for held, stratum, areas in hierarchy.sums_of_groups():
        found.append((_place(held.triple, stratum), tuple(area.triple for area in areas)))
    return found


def _intervals(found: set[tuple[int, int]]) -> list[tuple[Any, tuple[Any, ...]]]:
    layout = layout_of(tuple(sorted(found)))
    families = []
    for wide, atoms in layout.wide:
        inside = tuple(layout.atoms[atom] for atom in atoms if layout.atoms[atom] in found)
        families.append((wide, inside))
    return families
