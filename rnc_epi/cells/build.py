"""Checked tables of an extract in, cells out: events and person-years of every stratum that is covered.

The steps are SQL files, each named after the table it makes; what comes out of them is small and whole
numbers, and is summed on dense grids. Every event is used, or excluded for a reason that is counted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rnc_epi.cells.climbing import Climbing
from rnc_epi.cells.datasets import Dataset, read_datasets, read_denominators
from rnc_epi.cells.grid import Grid, SiteSum
from rnc_epi.cells.group_widening import GroupWidening
from rnc_epi.cells.groups import (
    WIDER_THAN_GROUPS,
    collapsed,
    groupings,
    too_wide,
    universe_of,
)
from rnc_epi.cells.judging import EVENT_TABLES, count_events, events_in_areas, finer_areas
from rnc_epi.cells.membership import Holders, Membership
from rnc_epi.cells.needed import needed_of, reaching
from rnc_epi.cells.scope import is_counted
from rnc_epi.cells.selection import Selection
from rnc_epi.cells.strata import cells_of
from rnc_epi.cells.table import Cells, concatenate
from rnc_epi.cells.widening import Widening
from rnc_epi.vocabulary.ages import BandSet, common_bands
from rnc_epi.vocabulary.errors import ExtractRefused, NotCovered
from rnc_epi.vocabulary.schemas import NOT_APPLICABLE
from rnc_epi.vocabulary.sites import SITES, ancestors, children, site

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rnc_epi.extracts.opening import Extract
    from rnc_epi.vocabulary.areas import AreaKey

__all__ = ["CellBuilder", "Selection"]

AREA = ["geo_level", "geo_code", "geo_vintage"]

#: Sources are held as bits of an int64.
MOST_SOURCES = 62


@dataclass(frozen=True)
class _Layer:
    """The datasets of one type of event read on one set of bands: each alone, or all of them together."""

    bands: BandSet
    datasets: tuple[Dataset, ...]
    is_union: bool = False

    def direct(self, slug: str, bits: dict[str, int]) -> Grid | None:
        """Return the grid of a site as its sources give it."""
        number = list(SITES).index(slug)
        joined: Grid | None = None
        for dataset in self.datasets:
            grid = dataset.grid(number, bits)
            if grid is None:
                continue
            if dataset.bands != self.bands:
                grid = grid.merged(dataset.bands.coarsen_to(self.bands))
            if joined is None:
                joined = grid
            else:
                joined.complete((slice(None),), grid)
        return joined


class CellBuilder:
    """Cells of an extract, site by site.

    Parameters
    ----------
    extract : Extract
        A checked extract; its ``usable_*`` tables are read and nothing else. What becomes of its events is
        added to its accounting, as the step "cells".

    Raises
    ------
    ExtractRefused
        K001 two registries cover the same strata, K002 two sources of person-years for an area, K003 too
        many sources of events.
    """

    def __init__(self, extract: Extract) -> None:
        self.store = extract.store
        self.tables = [name for name in EVENT_TABLES if name in extract.tables]
        self.membership = Membership(self.store.read("SELECT * FROM usable_membership"))
        self.holders = Holders(self.membership)
        denominators = read_denominators(self.store, self.membership)
        claimants = count_events(extract, Climbing(self.membership, self.holders, denominators))
        self.sources = sorted(set(claimants["source"]))
        if len(self.sources) > MOST_SOURCES:
            raise ExtractRefused("K003", found=len(self.sources), expected=MOST_SOURCES)
        self.accounting = extract.accounting
        self._accounted: set[tuple[str, str]] = set()
        self._bits = {source: 1 << position for position, source in enumerate(self.sources)}
        self.datasets = read_datasets(extract, claimants, denominators)
        self.finer = finer_areas(self.store, self.holders) if "tumours" in self.tables else {}

    def areas(self) -> pd.DataFrame:
        """Return the areas of the extract: keys, names, population, outline and inset."""
        return self.store.read("SELECT * FROM usable_areas", order_by=AREA)

    def slugs_with_data(self, event_type: str) -> list[str]:
        """Return the sites that some source declares for a type of event, in the order of the site table."""
        declared = {number for dataset in self._of_type(event_type) for number in dataset.sites()}
        return [slug for number, slug in enumerate(SITES) if number in declared]

    def available_sites(self, event_type: str) -> list[str]:
        """Return the sites that can be had for a type of event, directly or as a sum of their children."""
        declared = set(self.slugs_with_data(event_type))

        def available(slug: str) -> bool:
            below = [child for child in children(slug) if is_counted(child, event_type)]
            return slug in declared or (bool(below) and all(available(child) for child in below))

        return [slug for slug in SITES if available(slug)]

    def cells(self, selection: Selection) -> list[Cells]:
        """Return the cells of a selection: one table for each type of event and set of age bands.

        Parameters
        ----------
        selection : Selection
            Sites, sexes, types of event, levels and periods.

        Returns
        -------
        list of Cells
            Events and person-years, one row a stratum (event, source, site, sex, area, period).

        Raises
        ------
        NotCovered
            ``K004`` the extract covers nothing of what was asked.
        """
        by_bands: dict[tuple[str, BandSet], list[tuple[int, Cells]]] = {}
        place = {slug: position for position, slug in enumerate(selection.sites)}
        for event_type, slug, part in self.stream(selection):
            by_bands.setdefault((event_type, part.bands), []).append((place[slug], part))
        if not by_bands:
            raise NotCovered("K004", found=", ".join(selection.sites))
        return [
            concatenate([part for _, part in sorted(parts, key=lambda item: item[0])])
            for parts in by_bands.values()
        ]

    def stream(self, selection: Selection) -> Iterator[tuple[str, str, Cells]]:
        """Yield the type of event, the site and the cells of a selection, a site at a time.

        A site comes after the sites below it; only one branch of the site table is held in memory.
        """
        for slug in selection.sites:
            site(slug)
        for event_type in selection.event_types:
            datasets = self._of_type(event_type)
            if datasets:
                datasets = self._needed(datasets, selection, selection.geo_levels)
                datasets = reaching(datasets, selection.geo_levels, self.holders)
            if datasets:
                axes = Widening(
                    datasets[0].areas, datasets[0].periods, self.membership, event_type, selection.pooled
                )
                yield from self._streamed(selection, datasets, axes)

    def grouped(self, selection: Selection, grouping: pd.DataFrame) -> list[Cells]:
        """Return the cells of groups of areas (fifths of deprivation, say) within each area of a selection.

        Parameters
        ----------
        selection : Selection
            `geo_levels` are those of the areas within which areas are grouped.
        grouping : DataFrame
            ``geo_level, geo_code, geo_vintage, stratum_type, stratum``: the group of each area, one row an
            area and type of group. An area of a level that is named here, and that has no group, is in the
            group ``unknown``. Groups of one type stand on areas that do not hold one another.

        Returns
        -------
        list of Cells
            As `cells`, with two more columns of strata, ``stratum_type`` and ``stratum``: the groups,
            ``unknown``, and ``all``, the sum of the groups without ``unknown``. Incidence counts what is
            covered of a group, in events and person-years; the other types of event count whole groups only.
            Events that are known only to an area wider than those of the groups have none: they are
            accounted for as excluded, for the reason `area_wider_than_groups`, in the step "groups" of the
            accounting.

        Raises
        ------
        InputError
            K007-K010, a grouping that is incomplete or ambiguous.
        NotCovered
            K004, the extract covers nothing of what was asked.
        """
        by_bands: dict[tuple[str, str, BandSet], list[tuple[int, Cells]]] = {}
        place = {slug: position for position, slug in enumerate(selection.sites)}
        for kind, event_type, slug, part in self.grouped_stream(selection, grouping):
            by_bands.setdefault((kind, event_type, part.bands), []).append((place[slug], part))
        if not by_bands:
            raise NotCovered("K004", found=", ".join(selection.sites))
        return [
            concatenate([part for _, part in sorted(parts, key=lambda item: item[0])])
            for parts in by_bands.values()
        ]

    def grouped_stream(
        self, selection: Selection, grouping: pd.DataFrame
    ) -> Iterator[tuple[str, str, str, Cells]]:
        """Yield the type of group, the type of event, the site and the cells, as `stream` and `grouped`."""
        for slug in selection.sites:
            site(slug)
        for kind, groups in groupings(grouping).items():
            for event_type in selection.event_types:
                datasets = self._of_type(event_type)
                if not datasets:
                    continue
                datasets = self._needed(datasets, selection, {area.geo_level for area in groups})
                universe = universe_of(groups, datasets, self.membership, self.holders)
                self._account(kind, datasets, too_wide(universe, datasets[0].areas))
                axes = GroupWidening(
                    kind,
                    universe,
                    self.holders,
                    datasets[0].periods,
                    self.membership,
                    event_type,
                    selection.pooled,
                    selection.geo_levels,
                )
                if axes.names:
                    short = [collapsed(dataset, universe) for dataset in datasets]
                    for found, slug, part in self._streamed(selection, short, axes):
                        yield kind, found, slug, part

    def _needed(
        self, datasets: list[Dataset], selection: Selection, levels: Collection[str]
    ) -> list[Dataset]:
        finer = self.finer if datasets[0].event_type == "incidence" else {}
        return needed_of(datasets, selection, levels, finer, self.holders)

    def _account(self, kind: str, datasets: list[Dataset], wide: list[AreaKey]) -> None:
        """Say, once a type of group and of event, how many used events have a group and how many cannot."""
        event_type = datasets[0].event_type
        if (kind, event_type) in self._accounted:
            return
        self._accounted.add((kind, event_type))
        pools = [pool.number for dataset in datasets for pool in dataset.pools]
        for origin, source, excluded, rows, events in events_in_areas(self.store, pools, wide):
            self.accounting.record(
                origin,
                source,
                f"groups:{kind}",
                "excluded" if excluded else "used",
                WIDER_THAN_GROUPS if excluded else NOT_APPLICABLE,
                rows=rows,
                events=events,
            )

    def _streamed(
        self, selection: Selection, datasets: list[Dataset], axes: Widening
    ) -> Iterator[tuple[str, str, Cells]]:
        wanted = set(selection.sites)
        roots = [slug for slug in SITES if slug in wanted and not wanted & set(ancestors(slug))]
        layers = [_Layer(dataset.bands, (dataset,)) for dataset in datasets]
        if len(layers) > 1:
            shared = common_bands([dataset.bands for dataset in datasets])
            layers.append(_Layer(shared, tuple(datasets), is_union=True))
        for root in roots:
            for slug, grids in self._walk(root, axes.event_type, layers):
                if slug in wanted:
                    for part in self._widened(grids, layers, axes, slug, selection):
                        yield axes.event_type, slug, part

    def _of_type(self, event_type: str) -> list[Dataset]:
        return [dataset for dataset in self.datasets if dataset.event_type == event_type]

    def _walk(
        self, slug: str, event_type: str, layers: list[_Layer]
    ) -> Iterator[tuple[str, list[Grid | None]]]:
        """Yield the grids of a site in each layer, after those of every site below it."""
        below = [child for child in children(slug) if is_counted(child, event_type)]
        sums = [SiteSum() for _ in layers]
        for child in below:
            flags = [sex in SITES[child].sexes for sex in (1, 2)]
            for inner, grids in self._walk(child, event_type, layers):
                if inner == child:
                    for total, grid in zip(sums, grids, strict=True):
                        total.add(grid, flags)
                yield inner, grids
        own = []
        for layer, total in zip(layers, sums, strict=True):
            grid, summed = layer.direct(slug, self._bits), total.value
            if grid is None:
                grid = summed
            elif summed is not None:
                grid.complete((slice(None),), summed)
            own.append(grid if grid is not None and grid.covered.any() else None)
        yield slug, own

    def _widened(
        self, grids: list[Grid | None], layers: list[_Layer], axes: Widening, slug: str, selection: Selection
    ) -> Iterator[Cells]:
        """Yield the cells of a site: those of each dataset, then what only all of them together give."""
        alone = sum(grid is not None for grid, layer in zip(grids, layers, strict=True) if not layer.is_union)
        taken: list[NDArray[np.bool_]] = []
        for grid, layer in zip(grids, layers, strict=True):
            if grid is None:
                continue
            # Zones that several datasets hold are pooled on the bands that they share.
            wide = axes.apply(grid, slug, pool_registries=(alone == 1) is not layer.is_union)
            kept = wide.present
            if layer.is_union:
                kept = reduce(np.logical_and, [~present for present in taken], kept)
            taken.append(wide.present)
            part = cells_of(wide, kept, axes, layer.bands, slug, selection, self._bits)
            if len(part):
                yield part
