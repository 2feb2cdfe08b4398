"""From base strata to groups of areas within areas: the sums of `widening`, by group instead of whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rnc_epi.cells.grid import Grid, empty_grid
from rnc_epi.cells.groups import ALL_GROUPS, UNKNOWN_GROUP, Universe, group_sums
from rnc_epi.cells.widening import BOTH_SEXES, Widening, with_both_sexes
from rnc_epi.vocabulary.areas import AreaKey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rnc_epi.cells.groups import GroupSum
    from rnc_epi.cells.membership import Holders, Membership
    from rnc_epi.vocabulary.periods import Period


class GroupWidening(Widening):
    """What the groups of one type add up to within each area; made once, applied to every site.

    Parameters
    ----------
    stratum_type : str
    universe : Universe
        Its axis is that of the base grids.
    geo_levels : sequence of str
        Levels of the areas within which groups are wanted; all of them where empty.
    """

    def __init__(
        self,
        stratum_type: str,
        universe: Universe,
        holders: Holders,
        periods: list[Period],
        membership: Membership,
        event_type: str,
        pooled: Sequence[Period],
        geo_levels: Sequence[str],
    ) -> None:
        below = {area for area in membership.by_parent if not holders.ever(area).isdisjoint(universe.within)}
        inner = [p for p in membership.parents_upwards() if p in below or p in universe.within]
        # No pool of registries among the base areas: groups have their own.
        super().__init__(universe.areas, periods, membership, "_", pooled, parents=inner)
        self.event_type, self.stratum_type = event_type, stratum_type
        # Incidence is what registries cover; a group of which deaths are known in part is not known.
        self.covered_only = event_type == "incidence"
        self._groups = group_sums(
            universe, holders, self.periods, wanted_levels=geo_levels, whole_only=not self.covered_only
        )
        self._together = _together(self._groups.names)
        self.names = [*self._groups.names, *((area, ALL_GROUPS) for area, _ in self._together)]
        self.areas = [area for area, _ in self.names]
        self.strata = [stratum for _, stratum in self.names]

    def apply(self, grid: Grid, slug: str, *, pool_registries: bool = True) -> Grid:
        """Return the grid of the groups; nothing where only the datasets together would make them whole."""
        shape = (len(self.names), 2, len(self.periods), grid.shape[3])
        wide = empty_grid(shape)
        if not pool_registries:
            return wide
        climbed = self.climbed(grid)
        for found in self._groups.sums:
            at = np.ix_(found.targets, BOTH_SEXES, found.columns)
            wide.complete(at, self._sum(climbed, found))
        if self.covered_only:
            self._pool_years_of(wide, slice(None))
        self._pool_periods(wide)
        wide = with_both_sexes(wide, slug)
        # Last, so that all groups together are always the sum of the groups.
        for whole, (_, parts) in enumerate(self._together, start=len(self.names) - len(self._together)):
            groups = wide.at(np.array(parts))
            summed = groups.sum_of_covered(0)
            if not self.covered_only:
                whole_or_none = groups.covered | ~self._groups.exists[parts][:, None, :, None]
                summed = summed.restricted_to(np.asarray(whole_or_none.all(axis=0, keepdims=True)))
            wide.complete((slice(whole, whole + 1),), summed)
        return wide

    def _sum(self, grid: Grid, found: GroupSum) -> Grid:
        parts = grid.at(found.parts)
        if len(found.columns) < len(self.periods):
            parts = parts.at(slice(None), slice(None), found.columns)
        return parts.sums_from(found.starts, of_covered=self.covered_only)


def _together(names: Sequence[tuple[AreaKey, str]]) -> list[tuple[AreaKey, list[int]]]:
    """Return the areas that have groups, and the positions of their groups; the unknown one is none."""
    found: dict[AreaKey, list[int]] = {}
    for position, (area, stratum) in enumerate(names):
        if stratum != UNKNOWN_GROUP:
            found.setdefault(area, []).append(position)
    return sorted(found.items())
