"""Checked tables of an extract in, cells out: events and person-years of every stratum that is covered.

The steps are SQL files, each named after the table it makes; what comes out of them is small and whole
numbers, and is summed on dense grids. Every event is used, or excluded for a reason that is counted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rnc_epi.cells.detail import Detail
from rnc_epi.cells.grid import PERSON_YEAR_UNIT, Grid, empty_grid, sum_of_sites
from rnc_epi.cells.membership import Membership
from rnc_epi.cells.person_years import Denominators, bands_for
from rnc_epi.cells.scope import OPEN_AGE, calendar, covered_sites, declared_scope, is_counted, site_sexes
from rnc_epi.cells.table import Cells, concatenate
from rnc_epi.cells.widening import Widening, widen
from rnc_epi.vocabulary.ages import BandSet
from rnc_epi.vocabulary.areas import AreaKey
from rnc_epi.vocabulary.errors import ExtractRefused, NotCovered
from rnc_epi.vocabulary.periods import Period
from rnc_epi.vocabulary.schemas import NOT_APPLICABLE
from rnc_epi.vocabulary.sites import SITES, children, site, site_of_icd10, site_of_icdo3

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rnc_epi.extracts.opening import Extract

AREA = ["geo_level", "geo_code", "geo_vintage"]
EVENT_TABLES = {
    "tumours": ("tumour_fates", "scope_of_tumours"),
    "incidence_cells": ("incidence_cell_fates", "scope_of_incidence_cells"),
    "death_cells": ("death_cell_fates", "scope_of_death_cells"),
    "deaths": ("death_fates", "scope_of_deaths"),
}

#: Sources are held as bits of an int64.
MOST_SOURCES = 62


def step(name: str) -> str:
    """Return the SQL of a step."""
    return (files("rnc_epi.cells") / "steps" / f"{name}.sql").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Selection:
    """What to make cells of.

    Parameters
    ----------
    sites : tuple of str
        Slugs; a parent is the sum of its children.
    sexes : tuple of int
        Of 1 (men), 2 (women), 0 (both together).
    event_types : tuple of str
        Of ``"incidence"``, ``"death"``.
    geo_levels : tuple of str
        Empty: all levels that the extract reaches.
    years : tuple of int
        Single years to keep; empty: all.
    pooled : tuple of Period
        Pooled periods to add; a period that the extract holds as one is always kept.
    detail : Detail, optional
        What a publication plan lets out; without one, everything is kept.
    """

    sites: tuple[str, ...]
    sexes: tuple[int, ...] = (1, 2, 0)
    event_types: tuple[str, ...] = ("incidence", "death")
    geo_levels: tuple[str, ...] = ()
    years: tuple[int, ...] = ()
    pooled: tuple[Period, ...] = ()
    detail: Detail | None = None


@dataclass
class _Dataset:
    """The strata of one type of event that share their age bands."""

    event_type: str
    bands: BandSet
    areas: list[AreaKey]
    periods: list[Period]
    person_years: NDArray[np.int64]
    sources: list[str]
    scope: dict[str, pd.DataFrame] = field(default_factory=dict)
    events: dict[str, pd.DataFrame] = field(default_factory=dict)


class CellBuilder:
    """Cells of an extract, site by site.

    Parameters
    ----------
    extract : Extract
        A checked extract; its ``usable_*`` tables are read and nothing else.
    """

    def __init__(self, extract: Extract) -> None:
        self.store = extract.store
        self.tables = [name for name in EVENT_TABLES if name in extract.tables]
        membership = self.store.read("SELECT * FROM usable_membership")
        self.membership = Membership(membership)
        self._load_references(extract)
        self._judge_events(extract)
        self._load_grids()

    def _load_references(self, extract: Extract) -> None:
        store = self.store
        store.run("denominator_areas", step("denominator_areas"))
        coverage = store.read("SELECT * FROM usable_coverage")
        store.keep("covered_sites", covered_sites(coverage))
        scope_columns = ["table_name", "source", "site", "sex", "geo_level"]
        scope_columns += ["period_from", "period_until", "age_from", "age_until"]
        scope = (
            store.read("SELECT * FROM usable_cells_scope")[scope_columns]
            if "cells_scope" in extract.tables
            else pd.DataFrame(columns=scope_columns)
        )
        store.keep("declared_scope", declared_scope(scope))
        store.keep("site_sexes", site_sexes())
        spans = pd.concat([coverage[["period_from", "period_until"]], scope[["period_from", "period_until"]]])
        years = [] if spans.empty else range(int(spans.min().min()), int(spans.max().max()))
        store.keep("calendar", calendar(years))
        self._load_classification(extract)

    def _load_classification(self, extract: Extract) -> None:
        store = self.store
        if "tumours" in extract.tables:
            codes = store.read(
                "SELECT DISTINCT topography, morphology, behaviour FROM usable_tumours ORDER BY ALL"
            )
            codes["site"] = [
                site_of_icdo3(row.topography, row.morphology, int(row.behaviour))
                for row in codes.itertuples(index=False)
            ]
            store.keep("classified_codes", codes)
        causes: set[str] = set()
        if "death_cells" in extract.tables:
            found = store.read("SELECT DISTINCT icd10 FROM usable_death_cells WHERE icd10 IS NOT NULL")
            causes.update(found["icd10"])
        if "deaths" in extract.tables:
            found = store.read("SELECT DISTINCT cause_icd10 AS icd10 FROM usable_deaths")
            causes.update(found["icd10"].dropna())
        pairs = [(code, site_of_icd10(code)) for code in sorted(causes)]
        store.keep("classified_causes", pd.DataFrame(pairs, columns=["icd10", "site"], dtype="str"))

    def _judge_events(self, extract: Extract) -> None:
        store = self.store
        for name in self.tables:
            fates, scope = EVENT_TABLES[name]
            store.run(fates, step(fates))
            store.run(scope, step(scope))
        parts = " UNION ALL ".join
        store.run("events", parts(f"SELECT * FROM {EVENT_TABLES[name][0]}" for name in self.tables))
        store.run("scope", parts(f"SELECT * FROM {EVENT_TABLES[name][1]}" for name in self.tables))
        overlaps = store.read(step("scope_overlaps"))
        if len(overlaps):
            first = overlaps.iloc[0]
            raise ExtractRefused(
                "K001",
                found=len(overlaps),
                where=f"{first.geo_level} {first.geo_code}, {first.site}",
                registries=f"{first.first_registry}, {first.second_registry}",
            )
        store.run("judged_events", step("judged_events"))
        summary = store.read(
            "SELECT table_name, source, fate, count(*) AS rows, CAST(sum(events) AS BIGINT) AS events "
            "FROM judged_events GROUP BY ALL ORDER BY ALL"
        )
        for row in summary.itertuples(index=False):
            extract.accounting.record(
                row.table_name,
                row.source,
                "cells",
                "used" if row.fate == "used" else "excluded",
                NOT_APPLICABLE if row.fate == "used" else row.fate,
                rows=int(row.rows),
                events=int(row.events),
            )

    def _load_grids(self) -> None:
        store = self.store
        person_years = store.read(
            "SELECT source, sex, geo_level, geo_code, geo_vintage, period_from, period_until, age_from, "
            f"CAST(sum(person_years) * {PERSON_YEAR_UNIT} AS BIGINT) AS micro FROM usable_person_years "
            "WHERE age_status = 'known' GROUP BY ALL ORDER BY ALL"
        )
        self.denominators = Denominators(person_years, self.membership)
        scope = store.read(
            "SELECT DISTINCT event_type, source, geo_level, geo_code, geo_vintage, period_from, period_until "
            "FROM scope ORDER BY ALL"
        )
        ages = store.read(
            "SELECT DISTINCT event_type, source, table_name, age_from, age_until FROM judged_events "
            "WHERE fate = 'used' AND age_from IS NOT NULL ORDER BY ALL"
        )
        by_source = {}
        for (event_type, source), _ in scope.groupby(["event_type", "source"], sort=True):
            own = ages[(ages["event_type"] == event_type) & (ages["source"] == source)]
            own = own[~own["table_name"].isin(["tumours", "deaths"])]
            stated = [
                (int(row.age_from), None if row.age_until == OPEN_AGE else int(row.age_until))
                for row in own.itertuples(index=False)
            ]
            by_source[(event_type, source)] = bands_for(stated, self.denominators.starts)
        lookup = [
            (event_type, source, age, int(np.searchsorted(bands.starts, age, side="right")) - 1)
            for (event_type, source), bands in by_source.items()
            for age in range(151)
        ]
        store.keep("age_bands", pd.DataFrame(lookup, columns=["event_type", "source", "age", "band"]))
        areas = sorted({AreaKey(*row) for row in scope[AREA].itertuples(index=False, name=None)})
        periods = sorted(
            {Period(int(a), int(b)) for a, b in zip(scope["period_from"], scope["period_until"], strict=True)}
        )
        store.keep(
            "area_index",
            pd.DataFrame(
                [(a.geo_level, a.geo_code, a.geo_vintage, i) for i, a in enumerate(areas)],
                columns=[*AREA, "area"],
            ),
        )
        store.keep(
            "period_index",
            pd.DataFrame(
                [(p.period_from, p.period_until, i) for i, p in enumerate(periods)],
                columns=["period_from", "period_until", "period"],
            ),
        )
        store.run("banded_events", step("banded_events"))
        store.run("indexed_scope", step("indexed_scope"))
        sources = sorted(set(scope["source"]))
        if len(sources) > MOST_SOURCES:
            raise ExtractRefused("K003", found=len(sources), expected=MOST_SOURCES)
        self.sources = sources
        self.datasets = self._datasets(scope, by_source, areas, periods)

    def _datasets(
        self,
        scope: pd.DataFrame,
        by_source: dict[tuple[str, str], BandSet],
        areas: list[AreaKey],
        periods: list[Period],
    ) -> list[_Dataset]:
        position = {area: i for i, area in enumerate(areas)}
        place = {period: i for i, period in enumerate(periods)}
        datasets: dict[tuple[str, BandSet], _Dataset] = {}
        for key, rows in scope.groupby(["event_type", "source"], sort=True):
            event_type, source = str(key[0]), str(key[1])
            bands = by_source[(event_type, source)]
            dataset = datasets.setdefault(
                (event_type, bands),
                _Dataset(
                    event_type,
                    bands,
                    areas,
                    periods,
                    np.full((len(areas), 2, len(periods), len(bands)), -1, dtype=np.int64),
                    [],
                ),
            )
            dataset.sources.append(source)
            strata = rows[[*AREA, "period_from", "period_until"]].drop_duplicates()
            for row in strata.itertuples(index=False):
                area = AreaKey(row.geo_level, row.geo_code, row.geo_vintage)
                period = Period(int(row.period_from), int(row.period_until))
                for column, sex in enumerate((1, 2)):
                    values = self.denominators.of(area, sex, period, source)
                    if values is not None:
                        merged = self.denominators.merge(values, bands)
                        dataset.person_years[position[area], column, place[period]] = merged
        return list(datasets.values())

    def areas(self) -> pd.DataFrame:
        """Return the areas of the extract: keys, names, population, outline and inset."""
        return self.store.read("SELECT * FROM usable_areas", order_by=AREA)

    def slugs_with_data(self, event_type: str) -> list[str]:
        """Return the sites that some source declares for a type of event, in the order of the site table."""
        found = self.store.read("SELECT DISTINCT event_type, site FROM scope ORDER BY ALL")
        declared = set(found.loc[found["event_type"] == event_type, "site"])
        return [slug for slug in SITES if slug in declared]

    def available_sites(self, event_type: str) -> list[str]:
        """Return the sites that can be had for a type of event, directly or as a sum of their children."""
        declared = set(self.slugs_with_data(event_type))

        def available(slug: str) -> bool:
            below = [child for child in children(slug) if is_counted(child, event_type)]
            return slug in declared or (bool(below) and all(available(child) for child in below))

        return [slug for slug in SITES if available(slug)]

    def cells(self, selection: Selection) -> list[Cells]:
        """Return the cells of a selection: one table for each type of event and set of age bands.

        Raises
        ------
        NotCovered
            The extract covers nothing of what was asked.
        """
        for slug in selection.sites:
            site(slug)
        tables = []
        for dataset in self.datasets:
            if dataset.event_type not in selection.event_types:
                continue
            widening = Widening(dataset.areas, dataset.periods, self.membership, dataset.event_type)
            cache: dict[str, Grid | None] = {}
            parts = []
            for slug in selection.sites:
                grid = self._grid(dataset, slug, cache)
                if grid is not None:
                    parts.append(widen(grid, slug, dataset.bands, widening, selection, self.sources))
            parts = [part for part in parts if len(part)]
            if parts:
                tables.append(concatenate(parts))
        if not tables:
            raise NotCovered("K004", found=", ".join(selection.sites))
        return tables

    def _grid(self, dataset: _Dataset, slug: str, cache: dict[str, Grid | None]) -> Grid | None:
        if slug in cache:
            return cache[slug]
        direct = self._direct_grid(dataset, slug)
        below = [child for child in children(slug) if is_counted(child, dataset.event_type)]
        if below:
            parts = [self._grid(dataset, child, cache) for child in below]
            if all(part is not None for part in parts):
                needed = [np.array([sex in SITES[child].sexes for sex in (1, 2)]) for child in below]
                summed = sum_of_sites([part for part in parts if part is not None], needed)
                direct = summed if direct is None else direct.or_else(summed)
        if direct is not None and not direct.present.any():
            direct = None
        cache[slug] = direct
        return direct

    def _direct_grid(self, dataset: _Dataset, slug: str) -> Grid | None:
        columns = "source, sex, area, period"
        scope = self.store.read(
            f"SELECT {columns}, age_from, age_until FROM indexed_scope "
            "WHERE event_type = $event_type AND site = $site ORDER BY ALL",
            {"event_type": dataset.event_type, "site": slug},
        )
        scope = scope[scope["source"].isin(dataset.sources)]
        if scope.empty:
            return None
        shape = (len(dataset.areas), 2, len(dataset.periods))
        grid = empty_grid(shape, len(dataset.bands))
        bit = {source: np.int64(1) << position for position, source in enumerate(self.sources)}
        at = (scope["area"].to_numpy(), scope["sex"].to_numpy() - 1, scope["period"].to_numpy())
        starts = np.array(dataset.bands.starts)
        ends = np.array([OPEN_AGE if band.age_until is None else band.age_until for band in dataset.bands])
        inside = (starts >= scope["age_from"].to_numpy()[:, None]) & (
            ends <= scope["age_until"].to_numpy()[:, None]
        )
        person_years = dataset.person_years[at]
        known = (person_years >= 0).all(axis=1)
        np.add.at(grid.person_years, at, np.where(inside & known[:, None], person_years, 0))
        np.logical_or.at(grid.present, at, known)
        np.bitwise_or.at(grid.source, at, scope["source"].map(bit).to_numpy(dtype=np.int64) * known)
        events = self.store.read(
            f"SELECT {columns}, band, events FROM banded_events "
            "WHERE event_type = $event_type AND site = $site ORDER BY ALL",
            {"event_type": dataset.event_type, "site": slug},
        )
        events = events[events["source"].isin(dataset.sources)]
        place = (events["area"].to_numpy(), events["sex"].to_numpy() - 1, events["period"].to_numpy())
        counts = events["events"].to_numpy(dtype=np.int64)
        band = events["band"].to_numpy()
        of_known = band >= 0
        np.add.at(grid.events, (*(axis[of_known] for axis in place), band[of_known]), counts[of_known])
        np.add.at(grid.unknown_age, tuple(axis[~of_known] for axis in place), counts[~of_known])
        return grid
