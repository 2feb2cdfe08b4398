"""From base strata to all that are asked for: parent areas, pooled periods, both sexes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rnc_epi.cells.grid import PERSON_YEAR_UNIT, Grid
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

    Membership may change with the years, so each base period is summed with the links that hold in it.
    """
    areas = list(axes.areas)
    for parent in axes.membership.parents_upwards():
        position = {area: i for i, area in enumerate(areas)}
        columns = []
        for column, period in enumerate(axes.periods):
            here = grid.select(2, [column])
            found: Grid | None = None
            for children in axes.membership.children(parent, period).values():
                if all(child in position for child in children):
                    summed = here.sum_of(0, [position[child] for child in children])
                    found = summed if found is None else found.or_else(summed)
            columns.append(found if found is not None else _absent_like(here.select(0, [0])))
        extra = columns[0]
        for column_grid in columns[1:]:
            extra = extra.with_axis(2, column_grid)
        if not extra.present.any():
            continue
        if parent in position:
            own = grid.select(0, [position[parent]]).or_else(extra)
            others = [i for i in range(len(areas)) if i != position[parent]]
            grid = grid.select(0, others).with_axis(0, own)
            areas = [areas[i] for i in others] + [parent]
        else:
            grid = grid.with_axis(0, extra)
            areas.append(parent)
    return grid, areas


def _absent_like(grid: Grid) -> Grid:
    return Grid(
        events=np.zeros_like(grid.events),
        unknown_age=np.zeros_like(grid.unknown_age),
        person_years=np.zeros_like(grid.person_years),
        present=np.zeros_like(grid.present),
        source=np.zeros_like(grid.source),
    )


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
