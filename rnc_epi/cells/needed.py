"""What of the base strata a selection needs: areas that only repeat what others count are left out."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from rnc_epi.cells.person_years import tiling

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

    from rnc_epi.cells.datasets import Dataset
    from rnc_epi.cells.membership import Holders
    from rnc_epi.cells.selection import Selection
    from rnc_epi.vocabulary.areas import AreaKey
    from rnc_epi.vocabulary.periods import Period


def needed_of(
    datasets: Sequence[Dataset],
    selection: Selection,
    levels: Collection[str],
    finer: Mapping[AreaKey, Collection[AreaKey]],
    holders: Holders,
) -> list[Dataset]:
    """Return the datasets of a type of event with the areas and periods that a selection needs.

    Parameters
    ----------
    levels : collection of str
        Levels of the areas that are wanted; all of them where empty.
    finer : mapping of AreaKey to areas
        Areas that count nothing but what the areas that hold them count too.
    """
    areas, periods = datasets[0].areas, datasets[0].periods
    place = {area: position for position, area in enumerate(areas)}
    kept_areas = np.array(
        [not levels or area.geo_level in levels or _adds(area, datasets, place, levels, finer, holders)
         for area in areas], dtype=bool
    )  # fmt: skip
    kept_periods = np.array(
        [
            selection.asks_for(one) or any(whole.contains(one) for whole in selection.pooled)
            for one in periods
        ],
        dtype=bool,
    )
    if kept_areas.all() and kept_periods.all():
        return list(datasets)
    return [_restricted(dataset, kept_areas, kept_periods) for dataset in datasets]


def reaching(datasets: Sequence[Dataset], levels: Collection[str], holders: Holders) -> list[Dataset]:
    """Return the datasets with some area of a wanted level or within one.

    The others give nothing, and what is pooled over datasets need not meet their bands.
    """
    if not levels or not datasets:
        return list(datasets)
    useful = np.array(
        [
            area.geo_level in levels or any(holder.geo_level in levels for holder in holders.ever(area))
            for area in datasets[0].areas
        ],
        dtype=bool,
    )
    return [dataset for dataset in datasets if useful[dataset.scope["area"]].any()]


def _adds(
    area: AreaKey,
    datasets: Sequence[Dataset],
    place: Mapping[AreaKey, int],
    levels: Collection[str],
    finer: Mapping[AreaKey, Collection[AreaKey]],
    holders: Holders,
) -> bool:
    """Return whether an area that is not wanted itself adds something to one that is."""
    if not finer.get(area):
        return True
    above = {holder for holder in holders.ever(area) if holder.geo_level in levels}
    if not above:
        return False
    return any(
        not above <= {stated} | holders.ever(stated) or not _counts_as_long(area, stated, datasets, place)
        for stated in finer[area]
    )


def _counts_as_long(
    area: AreaKey, stated: AreaKey, datasets: Sequence[Dataset], place: Mapping[AreaKey, int]
) -> bool:
    """Return whether a stated area has person-years wherever an area within it has."""
    if stated not in place:
        return False
    for dataset in datasets:
        within, whole = (dataset.known[place[one]] for one in (area, stated))
        if (within.any(axis=1) & ~whole.any(axis=1)).any():
            return False
        own = frozenset(np.flatnonzero(whole.any(axis=(0, 2))).tolist())
        wanted = frozenset(np.flatnonzero(within.any(axis=(0, 2))).tolist())
        if not _tiled(tuple(dataset.periods), own, wanted):
            return False
    return True


@cache
def _tiled(periods: tuple[Period, ...], own: frozenset[int], wanted: frozenset[int]) -> bool:
    available = [periods[column] for column in own]
    return all(tiling(periods[column], available) is not None for column in wanted)


def _restricted(dataset: Dataset, areas: NDArray[np.bool_], periods: NDArray[np.bool_]) -> Dataset:
    area_of, period_of = (np.where(kept, np.cumsum(kept) - 1, -1) for kept in (areas, periods))
    return replace(
        dataset,
        areas=[area for area, kept in zip(dataset.areas, areas, strict=True) if kept],
        periods=[period for period, kept in zip(dataset.periods, periods, strict=True) if kept],
        person_years=dataset.person_years[areas][:, :, periods],
        known=dataset.known[areas][:, :, periods],
        scope=_kept(dataset.scope, area=area_of),
        events=_kept(dataset.events, area=area_of, period=period_of),
    )


def _kept(columns: dict[str, NDArray[np.int64]], **places: NDArray[np.intp]) -> dict[str, NDArray[np.int64]]:
    """Return the rows of which every place is kept, by their new places."""
    moved = {name: place[columns[name]] for name, place in places.items()}
    rows = np.logical_and.reduce([place >= 0 for place in moved.values()])
    return {name: moved.get(name, values)[rows] for name, values in columns.items()}
