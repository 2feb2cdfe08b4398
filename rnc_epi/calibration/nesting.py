"""Which areas lie in which region and make up which nation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rnc_epi.vocabulary.areas import NATIONAL_LEVELS, AreaKey
from rnc_epi.vocabulary.hierarchy import Hierarchy


@dataclass(frozen=True)
class Nesting:
    """The region of each area, the areas of each region, and the nations."""

    region_of: Mapping[AreaKey, AreaKey]
    regions: Mapping[AreaKey, tuple[AreaKey, ...]]
    nations: Mapping[AreaKey, tuple[AreaKey, ...]]

    @classmethod
    def of(cls, hierarchy: Hierarchy, geo_level: str) -> Nesting:
        """Read the regions and nations above the areas of a level."""
        regions: dict[AreaKey, tuple[AreaKey, ...]] = {}
        nations: dict[AreaKey, tuple[AreaKey, ...]] = {}
        for parent, children in hierarchy.areas:
            below = tuple(child for child in children if child.geo_level == geo_level)
            if below and parent.geo_level == "region":
                regions[parent] = below
            elif below and parent.geo_level in NATIONAL_LEVELS:
                nations[parent] = below
        region_of = {child: parent for parent, children in regions.items() for child in children}
        return cls(region_of, regions, nations)

    def complete(self, areas: set[AreaKey]) -> dict[AreaKey, tuple[AreaKey, ...]]:
        """Return the regions of which every area is there."""
        return {region: below for region, below in self.regions.items() if set(below) <= areas}

    def nation(self, areas: set[AreaKey]) -> tuple[AreaKey | None, tuple[AreaKey, ...]]:
        """Return the nation that the areas make up, métropole first, and its areas."""
        for level in reversed(NATIONAL_LEVELS):
            for nation, below in sorted(self.nations.items()):
                if nation.geo_level == level and set(below) <= areas:
                    return nation, below
        return None, tuple(sorted(areas))
