"""The sums that an attacker rebuilds from the codes and from the published trees of sites and areas."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from rnc_epi.attack.published import OPEN, Place, Published
from rnc_epi.vocabulary.estimators import ALL_GROUPS, UNKNOWN_GROUP

if TYPE_CHECKING:
    from rnc_epi.vocabulary.areas import AreaKey
    from rnc_epi.vocabulary.hierarchy import Hierarchy

_SAME: Final = 1e-6
#: What an area within a group and the area itself differ by.
_GROUPS: Final = ("area", "stratum")
#: No stratum.
_EVERYONE: Final = ("_", "_")


@dataclass
class Equations:
    """Sums over cells and over quantities that nobody published.

    Parameters
    ----------
    rows : list of dict
        Variable to coefficient; each row sums to zero.
    known : list of float
        Value of each variable; NaN if not known.
    threshold : list of float
    words : list of str
    attack : list of str
        Which attack finds the variable: ``A2`` a cell, ``A5`` a piece of time or age, ``A11`` a complement.
    """

    rows: list[dict[int, float]] = field(default_factory=list)
    known: list[float] = field(default_factory=list)
    threshold: list[float] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    attack: list[str] = field(default_factory=list)

    def variable(self, attack: str, words: str, threshold: float) -> int:
        """Add something that nobody published."""
        self.known.append(np.nan)
        self.threshold.append(threshold)
        self.words.append(words)
        self.attack.append(attack)
        return len(self.known) - 1


def rebuild(cells: Published, hierarchy: Hierarchy) -> Equations:
    """Return every sum that the published files state or imply."""
    equations = Equations(
        known=cells.known.tolist(),
        threshold=cells.threshold.tolist(),
        words=[place.words() for place in cells.places],
        attack=["A2"] * len(cells.places),
    )
    for names, families in _families(cells, hierarchy).items():
        groups = _by_rest(cells.places, *names)
        for parent, parts in families:
            # Nothing is in a group beside its areas, unless the figures say so; nobody is of a third sex.
            _add_family(
                equations,
                groups,
                parent,
                parts,
                complete_unless_seen=names == _GROUPS,
                whole_unless_seen=names == ("sex",),
            )
    for group in _by_rest(cells.places, "period"):
        _add_line(equations, "period", group, complete=True)
    by_age = _by_rest(cells.places, "ages")
    known = np.array(equations.known)
    complete = _ages_are_complete(by_age, known)
    for group in by_age:
        _add_line(equations, "ages", group, complete=complete)
    return equations


def _ages_are_complete(groups: list[dict[tuple[int, int], int]], known: np.ndarray) -> bool:
    """Return whether bands add up to their total wherever all of them are visible, or are nowhere so.

    Unknown ages are rare: who sees none of them supposes that there are none.
    """
    rests = []
    for group in groups:
        bands = sorted(span for span in group if span != (0, OPEN))
        chained = all(before[1] == after[0] for before, after in pairwise(bands))
        if (0, OPEN) in group and bands and chained and bands[0][0] == 0 and bands[-1][1] == OPEN:
            rests.append(known[group[0, OPEN]] - known[[group[span] for span in bands]].sum())
    seen = [rest for rest in rests if rest == rest]
    return max((abs(rest) for rest in seen), default=0.0) < _SAME


def _families(
    cells: Published, hierarchy: Hierarchy
) -> dict[tuple[str, ...], list[tuple[Any, tuple[Any, ...]]]]:
    return {
        ("site",): list(hierarchy.sites),
        ("sex",): [(0, (1, 2))],
        ("area",): _areas(hierarchy),
        ("stratum",): list(_strata({place.stratum for place in cells.places})),
        _GROUPS: list(_groups_of_areas(hierarchy)),
    }


def _areas(hierarchy: Hierarchy) -> list[tuple[Any, tuple[Any, ...]]]:
    """Return what is stated of areas, and what follows: two areas made of the same are the same.

    Regions are parts of France because the départements of each are, whether these are shown or not.
    """
    stated: dict[AreaKey, set[AreaKey]] = defaultdict(set)
    for parent, children in hierarchy.areas:
        stated[parent].update(children)
    bottom: dict[AreaKey, frozenset[AreaKey]] = {}

    def made_of(area: AreaKey) -> frozenset[AreaKey]:
        if area not in bottom:
            below = stated.get(area)
            bottom[area] = frozenset().union(*map(made_of, below)) if below else frozenset({area})
        return bottom[area]

    by_level: dict[tuple[str, str], list[AreaKey]] = defaultdict(list)
    for area in sorted({*stated, *(child for below in stated.values() for child in below)}):
        by_level[area.geo_level, area.geo_vintage].append(area)
    found = dict.fromkeys(
        (parent.triple, tuple(child.triple for child in children)) for parent, children in hierarchy.areas
    )
    for parent in stated:
        own = made_of(parent)
        for level, areas in by_level.items():
            if level == (parent.geo_level, parent.geo_vintage):
                continue
            inside = [area for area in areas if made_of(area) <= own]
            if sum(len(made_of(area)) for area in inside) > len(own):
                # Of areas of one level that hold one another, the smaller are parts.
                inside = [
                    area for area in inside if not any(made_of(other) < made_of(area) for other in inside)
                ]
            if inside:
                found[parent.triple, tuple(area.triple for area in inside)] = None
    return list(found)


def _groups_of_areas(hierarchy: Hierarchy) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """Yield what groups of areas are made of: the index that cuts them is public."""
    below: dict[AreaKey, list[tuple[AreaKey, ...]]] = defaultdict(list)
    for parent, children in hierarchy.areas:
        below[parent].append(children)
    for stratum, areas in hierarchy.groups:
        members = set(areas)
        for area in sorted(members):
            yield (area.triple, stratum), ((area.triple, _EVERYONE),)
        for parent in below:
            if parent in members:
                continue
            reached: set[AreaKey] = set()
            fringe = [parent]
            while fringe:
                for children in below.get(fringe.pop(), ()):
                    fringe += [child for child in children if child not in reached]
                    reached.update(children)
            for level in sorted({area.geo_level for area in reached & members}):
                parts = sorted(area.triple for area in reached & members if area.geo_level == level)
                yield (parent.triple, stratum), tuple((part, _EVERYONE) for part in parts)


def _strata(found: set[tuple[str, str]]) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """Yield what adds up among groups: everyone is those with a group and those without."""
    whole = _EVERYONE
    for kind in sorted({kind for kind, _ in found - {whole}}):
        own = sorted(stratum for stratum in found if stratum[0] == kind)
        groups = tuple(stratum for stratum in own if stratum[1] not in (ALL_GROUPS, UNKNOWN_GROUP))
        apart = tuple(stratum for stratum in own if stratum[1] in (ALL_GROUPS, UNKNOWN_GROUP))
        if (kind, ALL_GROUPS) in apart:
            yield whole, apart
            yield (kind, ALL_GROUPS), groups
        else:
            yield whole, groups + apart
        # A grouping that is looked at within classes: town and country together are everyone with a group.
        # Classes of one family only: stages and classes of urbanity count the same persons twice.
        for stratum in own:
            families: dict[str, list[tuple[str, str]]] = defaultdict(list)
            for other, group in sorted(found):
                base, crossed, name = other.partition("|")
                if crossed and base == kind and group == stratum[1]:
                    families[name.partition(":")[0] if ":" in name else ""].append((other, group))
            for classes in families.values():
                yield stratum, tuple(classes)


def _by_rest(places: list[Place], *names: str) -> list[dict[Any, int]]:
    """Return the cells that differ by some fields only, each under what it has there."""
    groups: dict[Place, dict[Any, int]] = defaultdict(dict)
    blank: dict[str, Any] = dict.fromkeys(names)
    for cell, place in enumerate(places):
        own = tuple(getattr(place, name) for name in names)
        groups[place._replace(**blank)][own if len(names) > 1 else own[0]] = cell
    return list(groups.values())


def _add_family(
    equations: Equations,
    groups: Iterable[dict[Any, int]],
    parent: Any,
    parts: tuple[Any, ...],
    *,
    complete_unless_seen: bool,
    whole_unless_seen: bool,
) -> None:
    """Add the sum of a parent in every group; where all is visible, one sees whether its parts are all.

    Where nothing says so, parts may be taken for all: those that stand there, or only where all stand there.
    """
    held = []
    for group in groups:
        present = tuple(part for part in parts if part in group)
        if parent in group and present:
            held.append((group[parent], [group[part] for part in present], present))
    known = np.array(equations.known)
    complete: dict[tuple[Any, ...], bool] = {}
    for whole, members, present in held:
        rest = known[whole] - known[members].sum()
        if rest == rest:
            complete[present] = complete.get(present, True) and abs(rest) < _SAME
    for whole, members, present in held:
        row = {whole: 1.0} | dict.fromkeys(members, -1.0)
        rest = known[whole] - known[members].sum()
        if rest == rest and rest < -_SAME:
            continue
        default = complete_unless_seen or (whole_unless_seen and present == parts)
        if not complete.get(present, default):
            limit = max(equations.threshold[cell] for cell in (whole, *members))
            row[equations.variable("A11", f"rest of {equations.words[whole]}", limit)] = -1.0
        equations.rows.append(row)


def _add_line(equations: Equations, name: str, group: dict[tuple[int, int], int], *, complete: bool) -> None:
    """Add what overlapping periods or ages share, in pieces between neighbouring ends."""
    ends = sorted({end for span in group for end in span})
    pieces: dict[tuple[int, int], int] = {}
    limit = max(equations.threshold[cell] for cell in group.values())
    anyone = equations.words[next(iter(group.values()))]

    def piece(start: int, stop: int) -> int:
        if (start, stop) in group:
            return group[start, stop]
        if (start, stop) not in pieces:
            pieces[start, stop] = equations.variable("A5", f"{name} {start}-{stop} beside {anyone}", limit)
        return pieces[start, stop]

    for span, cell in group.items():
        inside = [end for end in ends if span[0] <= end <= span[1]]
        if len(inside) < 3:
            continue
        row = {cell: 1.0}
        for start, stop in pairwise(inside):
            row[piece(start, stop)] = -1.0
        # Persons of unknown age are in the total over all ages and in no band.
        if name == "ages" and span == (0, OPEN) and not complete:
            row[equations.variable("A11", f"unknown age in {equations.words[cell]}", limit)] = -1.0
        equations.rows.append(row)
