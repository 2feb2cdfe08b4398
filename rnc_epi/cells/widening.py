"""From base strata to all that are asked for: parent areas, pooled periods, both sexes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rnc_epi.cells.grid import PERSON_YEAR_UNIT, Grid, empty_grid
from rnc_epi.cells.person_years import tiling
from rnc_epi.cells.table import Cells
from rnc_epi.vocabulary.areas import POOLED_REGISTRIES, AreaKey
from rnc_epi.vocabulary.schemas import CELL_COLUMNS, CELL_STRATUM
from rnc_epi.vocabulary.sites import SITES

if TYPE_CHECKING:
    from rnc_epi.cells.build import Selection
    from rnc_epi.cells.membership import Membership
    from rnc_epi.vocabulary.ages import BandSet
    from rnc_epi.vocabulary.periods import Period


@dataclass(frozen=True)
class Widening:
    """The axes of the base grids, and what their areas add up to."""

    areas: list[AreaKey]
    periods: list[Period]
    membership: Membership
    event_type: str


def widen(
    grid: Grid, slug: str, bands: BandSet, axes: Widening, selection: Selection, sources: list[str]
) -> Cells:
    """Return the cells of one site: base strata and every sum of them that is asked for and whole."""
    grid, areas = _with_parent_areas(grid, axes)
    if axes.event_type == "incidence":
        grid, areas = _with_pooled_registries(grid, areas)
    grid, periods = _with_pooled_periods(grid, axes.periods, selection)
    grid, sexes = _with_both_sexes(grid, slug)
    keep_area = np.array(
        [not selection.geo_levels or area.geo_level in selection.geo_levels for area in areas]
    )
    keep_sex = np.array([sex in selection.sexes for sex in sexes])
    keep_period = np.array([_is_asked(period, selection) for period in periods])
    kept = grid.present & keep_area[:, None, None] & keep_sex[None, :, None] & keep_period[None, None, :]
    at = np.nonzero(kept)
    strata = pd.DataFrame(
        {
            "event_type": axes.event_type,
            "source": _source_names(grid.source[at], sources),
            "site": slug,
            "sex": np.array(sexes)[at[1]],
            "geo_level": np.array([area.geo_level for area in areas], dtype=object)[at[0]],
            "geo_code": np.array([area.geo_code for area in areas], dtype=object)[at[0]],
            "geo_vintage": np.array([area.geo_vintage for area in areas], dtype=object)[at[0]],
            "period_from": np.array([period.period_from for period in periods])[at[2]],
            "period_until": np.array([period.period_until for period in periods])[at[2]],
        }
    )
    strata = strata.astype({name: CELL_COLUMNS[name] for name in CELL_STRATUM})[list(CELL_STRATUM)]
    if selection.detail is not None:
        let_out = selection.detail.keeps(strata)
        strata = strata[let_out].reset_index(drop=True)
        at = (at[0][let_out], at[1][let_out], at[2][let_out])
    return Cells(
        strata=strata,
        bands=bands,
        events=grid.events[at],
        unknown_age=grid.unknown_age[at],
        person_years=grid.person_years[at] / PERSON_YEAR_UNIT,
    )


def _is_asked(period: Period, selection: Selection) -> bool:
    if period in selection.pooled:
        return True
    if period.length == 1:
        return period.period_from in selection.years or not (selection.years or selection.pooled)
    return not selection.pooled


def _with_parent_areas(grid: Grid, axes: Widening) -> tuple[Grid, list[AreaKey]]:
    """Add every area that is wholly made up of areas present, from the lowest level upwards.

    Membership may change with the years, so periods are summed with the links that hold in them. An area
    with cells of its own keeps them; sums complete it where it has none.
    """
    areas = list(axes.areas)
    position = {area: i for i, area in enumerate(areas)}
    parents = axes.membership.parents_upwards()
    areas += [parent for parent in parents if parent not in position]
    wide = grid.with_axis(
        0, empty_grid((len(areas) - len(position), *grid.present.shape[1:]), len(grid.events[0, 0, 0]))
    )
    position = {area: i for i, area in enumerate(areas)}
    for parent in parents:
        for periods, children_by_level in _periods_alike(axes, parent):
            for children in children_by_level:
                if all(child in position for child in children):
                    wide.complete(position[parent], [position[child] for child in children], periods)
    return wide, areas


def _periods_alike(
    axes: Widening, parent: AreaKey
) -> list[tuple[list[int], tuple[tuple[AreaKey, ...], ...]]]:
    """Return the periods in which a parent is made up of the same areas, with these areas by level."""
    alike: dict[tuple[tuple[AreaKey, ...], ...], list[int]] = {}
    for column, period in enumerate(axes.periods):
        children = axes.membership.children(parent, period)
        alike.setdefault(tuple(tuple(areas) for areas in children.values()), []).append(column)
    return [(columns, children) for children, columns in alike.items()]


def _with_pooled_registries(grid: Grid, areas: list[AreaKey]) -> tuple[Grid, list[AreaKey]]:
    """Add the sum of the registry zones that cover a stratum, whichever they are."""
    for vintage in sorted({area.geo_vintage for area in areas if area.geo_level == "registry_zone"}):
        zones = [
            i
            for i, area in enumerate(areas)
            if (area.geo_level, area.geo_vintage) == ("registry_zone", vintage)
        ]
        if len(zones) > 1:
            grid = grid.with_axis(0, grid.sum_of_present(0, zones))
            areas = [*areas, AreaKey("registry_zone", POOLED_REGISTRIES, vintage)]
    return grid, areas


def _with_pooled_periods(
    grid: Grid, periods: list[Period], selection: Selection
) -> tuple[Grid, list[Period]]:
    pooled = list(periods)
    for period in selection.pooled:
        if period in pooled:
            continue
        pieces = tiling(period, periods)
        if pieces is None:
            continue
        grid = grid.with_axis(2, grid.sum_of(2, [periods.index(piece) for piece in pieces]))
        pooled.append(period)
    return grid, pooled


def _with_both_sexes(grid: Grid, slug: str) -> tuple[Grid, list[int]]:
    if set(SITES[slug].sexes) != {1, 2}:
        return grid, [1, 2]
    return grid.with_axis(1, grid.sum_of(1, [0, 1])), [1, 2, 0]


def _source_names(bits: np.ndarray, sources: list[str]) -> np.ndarray:
    names = {
        int(value): "+".join(source for i, source in enumerate(sources) if (int(value) >> i) & 1)
        for value in np.unique(bits)
    }
    return np.array([names[int(value)] for value in bits], dtype=object)
