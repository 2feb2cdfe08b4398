"""From base strata to all that are asked for: pooled periods, parent areas, pooled registries, both sexes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rnc_epi.cells.grid import Grid, empty_grid
from rnc_epi.cells.person_years import tiling
from rnc_epi.vocabulary.areas import POOLED_REGISTRIES, AreaKey
from rnc_epi.vocabulary.sites import SITES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rnc_epi.cells.membership import Membership
    from rnc_epi.vocabulary.periods import Period

#: Positions of men and of women on the axis of sexes.
BOTH_SEXES = np.array([0, 1])


@dataclass(frozen=True)
class _AreaSum:
    """An area, the areas that make it up, and the positions of the periods for which they do."""

    parent: int
    parts: NDArray[np.intp]
    periods: NDArray[np.intp]


class Widening:
    """What the base areas and periods of a type of event add up to; made once, applied to every site.

    Parameters
    ----------
    areas, periods : list
        Axes of the base grids.
    membership : Membership
    event_type : str
    pooled : sequence of Period
        Pooled periods to add.
    parents : sequence of AreaKey, optional
        Areas to sum, each after those that lie below it; all of them without it.
    """

    def __init__(
        self,
        areas: list[AreaKey],
        periods: list[Period],
        membership: Membership,
        event_type: str,
        pooled: Sequence[Period],
        parents: Sequence[AreaKey] | None = None,
    ) -> None:
        self.event_type = event_type
        self.base_areas, self.base_periods = len(areas), len(periods)
        self.pooled = [period for period in dict.fromkeys(pooled) if _reachable(period, periods)]
        self.periods = [*periods, *(period for period in self.pooled if period not in periods)]
        position = {area: i for i, area in enumerate(areas)}
        parents = membership.parents_upwards() if parents is None else parents
        for parent in parents:
            position.setdefault(parent, len(position))
        self._sums = [
            found for parent in parents for found in _sums_of(parent, membership, position, self.periods)
        ]
        self.areas = list(position)
        self._registries: list[tuple[int, list[int]]] = []
        if event_type == "incidence":
            zones = [area for area in self.areas if area.geo_level == "registry_zone"]
            for vintage in sorted({area.geo_vintage for area in zones}):
                inside = [position[area] for area in zones if area.geo_vintage == vintage]
                if len(inside) > 1:
                    self._registries.append((len(self.areas), inside))
                    self.areas.append(AreaKey("registry_zone", POOLED_REGISTRIES, vintage))
        self._reach = len(self.areas)

    def apply(self, grid: Grid, slug: str, *, pool_registries: bool = True) -> Grid:
        """Return the grid with every sum that is whole: over years, over areas, over sexes.

        A stratum that its own source gives is kept; sums complete it where it is absent. The pooled
        registries are whichever zones cover a stratum.
        """
        wide = self.climbed(grid)
        if pool_registries:
            for whole, zones in self._registries:
                wide.complete((slice(whole, whole + 1),), wide.at(zones).sum_of_covered(0))
                self._pool_years_of(wide, slice(whole, whole + 1))
        return with_both_sexes(wide, slug)

    def climbed(self, grid: Grid) -> Grid:
        """Return the grid with the sums over years and over areas, sex by sex."""
        wide = grid.padded(0, self._reach - self.base_areas).padded(2, len(self.periods) - self.base_periods)
        self._pool_periods(wide)
        for found in self._sums:
            at = np.ix_(found.parts, BOTH_SEXES, found.periods)
            target = np.ix_(np.array([found.parent]), BOTH_SEXES, found.periods)
            wide.complete(target, wide.at(*at).sum_over(0))
        # An area whose parts change within a pooled period is the sum of its own years.
        self._pool_periods(wide)
        return wide

    def _pool_periods(self, wide: Grid) -> None:
        for period in self.pooled:
            column = self.periods.index(period)
            at = (slice(None), slice(None), slice(column, column + 1))
            wide.complete(at, self._tiled(wide, period))

    def _pool_years_of(self, wide: Grid, areas: slice) -> None:
        """Sum what is covered of areas over years, where no zone counts the pooled period at once.

        A zone that joins within the period then counts from the year in which it does.
        """
        for period in self.pooled:
            column = self.periods.index(period)
            if column >= self.base_periods:
                at = (areas, slice(None), slice(column, column + 1))
                summed = self._tiled(wide.at(areas), period)
                wide.put(at, summed, summed.present)

    def _tiled(self, wide: Grid, target: Period) -> Grid:
        """Return the sum of the periods that make up a target in each stratum, longest pieces first."""
        areas, sexes, _, bands = wide.shape
        nothing = empty_grid((areas, sexes, 1, bands))
        reached: dict[int, Grid] = {}
        inside = sorted(
            (period for period in self.periods if target.contains(period) and period != target),
            key=lambda period: (period.period_from, -period.length),
        )
        for period in inside:
            column = self.periods.index(period)
            piece = wide.at(slice(None), slice(None), slice(column, column + 1))
            if period.period_from != target.period_from:
                before = reached.get(period.period_from)
                if before is None:
                    continue
                piece = before.plus(piece)
            end = reached.get(period.period_until)
            if end is None:
                reached[period.period_until] = piece.copy()
            else:
                end.complete((slice(None),), piece)
        return reached.get(target.period_until, nothing)


def with_both_sexes(grid: Grid, slug: str) -> Grid:
    """Return a grid of men and women with both together, for a site that both have."""
    if set(SITES[slug].sexes) != {1, 2}:
        return grid
    both = grid.sum_over(1)
    wide = grid.padded(1, 1)
    wide.complete((slice(None), slice(2, 3)), both)
    return wide


def _sums_of(
    parent: AreaKey, membership: Membership, position: dict[AreaKey, int], periods: Sequence[Period]
) -> list[_AreaSum]:
    """Return the sums that make up a parent: one a level of its children and a run of periods alike."""
    alike: dict[tuple[tuple[AreaKey, ...], ...], list[int]] = {}
    for column, period in enumerate(periods):
        children = membership.children(parent, period)
        alike.setdefault(tuple(tuple(areas) for areas in children.values()), []).append(column)
    return [
        _AreaSum(position[parent], np.array([position[area] for area in areas]), np.array(columns))
        for levels, columns in alike.items()
        for areas in levels
        if all(area in position for area in areas)
    ]


def _reachable(target: Period, periods: Sequence[Period]) -> bool:
    return tiling(target, periods) is not None
