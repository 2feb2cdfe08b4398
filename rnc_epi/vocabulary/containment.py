"""Every sum among areas that follows from what they are made of, stated or not.

France is stated to be its départements, and so is each region: France is then the sum of the regions, though
no line says so. Where a table shows regions by age and no départements, that sum is the only one there is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

from rnc_epi.vocabulary.areas import AreaKey
from rnc_epi.vocabulary.hierarchy import Hierarchy

#: An area and areas of one level that lie wholly in it, without overlap.
Entry = tuple[AreaKey, tuple[AreaKey, ...]]


def completed(tree: Hierarchy, areas: Collection[AreaKey]) -> tuple[Entry, ...]:
    """Return, for each of some areas, those of every level that lie wholly in it.

    An area lies in another if all that it is made of does. Two areas made of the same (a département that is
    a region, a zone that is a département) are stated once, under the one that holds more.

    Parameters
    ----------
    tree : Hierarchy
        Links from level to level; levels in between need not be among `areas`.
    areas : collection of AreaKey

    Examples
    --------
    >>> country, north, south = (AreaKey(*key, "v") for key in
    ...     (("france_hexagonale", "F"), ("region", "N"), ("region", "S")))
    >>> small = [AreaKey("departement", code, "v") for code in ("01", "02", "03")]
    >>> tree = Hierarchy(areas=((country, tuple(small)), (north, tuple(small[:2])), (south, (small[2],))))
    >>> for parent, parts in completed(tree, {country, north, south}):
    ...     print(parent.geo_code, [part.geo_code for part in parts])
    F ['N', 'S']
    """
    inside = tree.within()
    made_of = {area: _pieces(area, inside) for area in {*areas, *inside}}
    holders: dict[AreaKey, set[AreaKey]] = defaultdict(set)
    wanted = sorted(areas)
    for area in wanted:
        for piece in made_of[area]:
            holders[piece].add(area)
    within: dict[AreaKey, set[AreaKey]] = defaultdict(set)
    for area in wanted:
        for holder in _holding(area, made_of, holders):
            within[holder].add(area)
    rank = {area: (-len(inside.get(area, ())), area) for area in wanted}
    entries: list[Entry] = []
    for parent in wanted:
        by_level: dict[tuple[str, str], list[AreaKey]] = defaultdict(list)
        for part in sorted(within[parent]):
            # The same area under two names is one sum, not two, and never its own grandchild.
            if parent not in within[part] or rank[parent] < rank[part]:
                by_level[part.geo_level, part.geo_vintage].append(part)
        for parts in by_level.values():
            # Areas of one level that hold one another (registries, and all of them): the widest, the finest.
            widest = tuple(part for part in parts if not any(part in within[other] for other in parts))
            finest = tuple(part for part in parts if not within[part].intersection(parts))
            entries += [(parent, layer) for layer in dict.fromkeys((widest, finest)) if layer]
    return tuple(entries)


def nearest(entries: Iterable[Entry], present: Collection[AreaKey]) -> tuple[Entry, ...]:
    """Return the entries among the areas that are there, without those that follow from others.

    The départements of France need no line where regions are there and each département is in one.

    Parameters
    ----------
    entries : iterable of Entry
        As `completed` returns them.
    present : collection of AreaKey
    """
    known = set(present)
    below: dict[AreaKey, list[tuple[AreaKey, ...]]] = defaultdict(list)
    for parent, parts in entries:
        if parent in known and (there := tuple(part for part in parts if part in known)):
            below[parent].append(there)
    found: list[Entry] = []
    for parent, families in sorted(below.items()):
        kept: list[tuple[AreaKey, ...]] = []
        # The widest areas first: what they hold needs no line of its own.
        for parts in sorted(families, key=lambda parts: (len(parts), -_held(parts, below), parts)):
            if not any(_follows(parts, middle, below) for middle in kept):
                kept.append(parts)
        found += [(parent, parts) for parts in kept]
    return tuple(found)


def _pieces(area: AreaKey, inside: dict[AreaKey, frozenset[AreaKey]]) -> frozenset[AreaKey]:
    """Return what an area is made of that is made of nothing smaller; itself, if that is so."""
    below = inside.get(area)
    return frozenset({area}) if not below else frozenset(part for part in below if part not in inside)


def _holding(
    area: AreaKey, made_of: dict[AreaKey, frozenset[AreaKey]], holders: dict[AreaKey, set[AreaKey]]
) -> set[AreaKey]:
    """Return the areas in which an area lies: by each kind of piece that both are made of."""
    by_kind: dict[tuple[str, str], list[AreaKey]] = defaultdict(list)
    for piece in made_of[area]:
        by_kind[piece.geo_level, piece.geo_vintage].append(piece)
    found: set[AreaKey] = set()
    refused: set[AreaKey] = set()
    for pieces in by_kind.values():
        common = set.intersection(*(holders[piece] for piece in pieces))
        found |= common
        for piece in pieces:
            refused |= holders[piece] - common
    return found - refused - {area}


def _held(parts: tuple[AreaKey, ...], below: dict[AreaKey, list[tuple[AreaKey, ...]]]) -> int:
    return sum(len(below.get(part, ())) for part in parts)


def _follows(
    parts: tuple[AreaKey, ...], middle: tuple[AreaKey, ...], below: dict[AreaKey, list[tuple[AreaKey, ...]]]
) -> bool:
    """Return whether every part lies in an area of another entry of the same parent."""
    level = (parts[0].geo_level, parts[0].geo_vintage)
    reached: set[AreaKey] = set()
    for area in middle:
        for family in below.get(area, ()):
            if (family[0].geo_level, family[0].geo_vintage) == level:
                reached.update(family)
    return reached.issuperset(parts)
