"""What adds up to what: the sites within a site and the areas within an area, as facts to hand over.

Sexes, ages and periods need no declaration: their sums follow from their codes. Children of one entry are
disjoint; they need not cover their parent. A parent may stand in several entries (a region is a sum of
départements, and of EPCI). Groups of areas (fifths of deprivation) are sums of areas as well: whoever has the
index knows which areas are in a group, so the group gives the one area that is missing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from rnc_epi.vocabulary.areas import AreaKey


@dataclass(frozen=True)
class Hierarchy:
    """The additive relations of sites, of areas, and of groups of areas.

    Parameters
    ----------
    sites : tuple of (parent slug, children slugs)
    areas : tuple of (parent area, children areas)
    groups : tuple of ((stratum_type, stratum), areas)
        The areas that lie wholly in a group, of every level.

    Examples
    --------
    >>> Hierarchy(sites=(("colorectum", ("colon", "rectum")),)).as_dict()["sites"]
    [{'parent': 'colorectum', 'children': ['colon', 'rectum']}]
    """

    sites: tuple[tuple[str, tuple[str, ...]], ...] = ()
    areas: tuple[tuple[AreaKey, tuple[AreaKey, ...]], ...] = ()
    groups: tuple[tuple[tuple[str, str], tuple[AreaKey, ...]], ...] = ()

    def within(self) -> dict[AreaKey, frozenset[AreaKey]]:
        """Return all areas that lie in each area that has parts, at any depth."""
        below: dict[AreaKey, set[AreaKey]] = defaultdict(set)
        for parent, children in self.areas:
            below[parent].update(children)
        found: dict[AreaKey, frozenset[AreaKey]] = {}

        def descend(area: AreaKey) -> frozenset[AreaKey]:
            if area not in found:
                deeper = (descend(child) for child in below.get(area, ()))
                found[area] = frozenset(below.get(area, ())).union(*deeper)
            return found[area]

        for parent in list(below):
            descend(parent)
        return {area: inside for area, inside in found.items() if inside}

    def sums_of_groups(self) -> Iterator[tuple[AreaKey, tuple[str, str], tuple[AreaKey, ...]]]:
        """Yield the areas that a group is made of within an area, for each level of which there are any.

        Examples
        --------
        >>> region, a, b = AreaKey("region", "R", "v"), AreaKey("zone", "A", "v"), AreaKey("zone", "B", "v")
        >>> tree = Hierarchy(areas=((region, (a, b)),), groups=((("deprivation", "Q1"), (a,)),))
        >>> [(area.geo_code, stratum[1], [part.geo_code for part in parts])
        ...  for area, stratum, parts in tree.sums_of_groups()]
        [('R', 'Q1', ['A']), ('A', 'Q1', ['A'])]
        """
        inside = self.within()
        for stratum, members in self.groups:
            held = frozenset(members)
            for area in sorted(held | inside.keys()):
                if area in held:
                    yield area, stratum, (area,)
                    continue
                by_level: dict[str, list[AreaKey]] = defaultdict(list)
                for part in sorted(inside[area] & held):
                    by_level[part.geo_level].append(part)
                for _, parts in sorted(by_level.items()):
                    yield area, stratum, tuple(parts)

    def as_dict(self) -> dict[str, Any]:
        """Return the relations in a form that JSON holds, sorted."""
        sites = [{"parent": parent, "children": sorted(children)} for parent, children in self.sites]
        areas = [{"parent": list(parent.triple), "children": sorted(list(child.triple) for child in children)}
                 for parent, children in self.areas]  # fmt: skip
        return {
            "sites": sorted(sites, key=lambda entry: (entry["parent"], entry["children"])),
            "areas": sorted(areas, key=lambda entry: (entry["parent"], entry["children"])),
            "groups": [
                {"stratum": list(stratum), "areas": sorted(list(area.triple) for area in members)}
                for stratum, members in sorted(self.groups)
            ],
        }

    @classmethod
    def from_dict(cls, stated: dict[str, Any]) -> Hierarchy:
        """Return the hierarchy that `as_dict` wrote."""
        return cls(
            sites=tuple((entry["parent"], tuple(entry["children"])) for entry in stated.get("sites", [])),
            areas=tuple(
                (AreaKey(*entry["parent"]), tuple(AreaKey(*child) for child in entry["children"]))
                for entry in stated.get("areas", [])
            ),
            groups=tuple(
                ((entry["stratum"][0], entry["stratum"][1]), tuple(AreaKey(*area) for area in entry["areas"]))
                for entry in stated.get("groups", [])
            ),
        )

    def restricted_to(self, sites: Collection[str], areas: Collection[AreaKey]) -> Hierarchy:
        """Return the entries between the sites and areas named; a child that is not named is left out."""
        known = set(areas)
        groups = (
            (stratum, tuple(area for area in members if area in known)) for stratum, members in self.groups
        )
        return Hierarchy(
            _within(self.sites, set(sites)),
            _within(self.areas, known),
            tuple((stratum, members) for stratum, members in groups if members),
        )


def _within(entries: Iterable[tuple[Any, tuple[Any, ...]]], known: set[Any]) -> tuple[Any, ...]:
    kept = []
    for parent, children in entries:
        present = tuple(child for child in children if child in known)
        if parent in known and present:
            kept.append((parent, present))
    return tuple(kept)
