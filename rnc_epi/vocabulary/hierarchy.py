"""What adds up to what: the sites within a site and the areas within an area, as facts to hand over.

Sexes, ages and periods need no declaration: their sums follow from their codes. Children of one entry are
disjoint; they need not cover their parent. A parent may stand in several entries (a region is a sum of
départements, and of EPCI).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from rnc_epi.vocabulary.areas import AreaKey


@dataclass(frozen=True)
class Hierarchy:
    """The additive relations of sites and of areas.

    Parameters
    ----------
    sites : tuple of (parent slug, children slugs)
    areas : tuple of (parent area, children areas)

    Examples
    --------
    >>> Hierarchy(sites=(("colorectum", ("colon", "rectum")),)).as_dict()["sites"]
    [{'parent': 'colorectum', 'children': ['colon', 'rectum']}]
    """

    sites: tuple[tuple[str, tuple[str, ...]], ...] = ()
    areas: tuple[tuple[AreaKey, tuple[AreaKey, ...]], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the relations in a form that JSON holds, sorted."""
        sites = [{"parent": parent, "children": sorted(children)} for parent, children in self.sites]
        areas = [{"parent": _triple(parent), "children": sorted(map(_triple, children))}
                 for parent, children in self.areas]  # fmt: skip
        return {
            "sites": sorted(sites, key=lambda entry: (entry["parent"], entry["children"])),
            "areas": sorted(areas, key=lambda entry: (entry["parent"], entry["children"])),
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
        )

    def restricted_to(self, sites: Collection[str], areas: Collection[AreaKey]) -> Hierarchy:
        """Return the entries between the sites and areas named; a child that is not named is left out."""
        return Hierarchy(_within(self.sites, set(sites)), _within(self.areas, set(areas)))


def _within(entries: Iterable[tuple[Any, tuple[Any, ...]]], known: set[Any]) -> tuple[Any, ...]:
    kept = []
    for parent, children in entries:
        present = tuple(child for child in children if child in known)
        if parent in known and present:
            kept.append((parent, present))
    return tuple(kept)


def _triple(area: AreaKey) -> list[str]:
    return [area.geo_level, area.geo_code, area.geo_vintage]
