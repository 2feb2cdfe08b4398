"""Cells of one event, site and sex as panels of areas by age, over one period, from a first age on.

Registries and correlates come in their own bands and periods. Bands are merged to those that both have and
never split; years are added where they make up the period without gap or overlap; an area that lacks a year
is left out and said so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rnc_epi.vocabulary.ages import BandSet
from rnc_epi.vocabulary.areas import POOLED_REGISTRIES, AreaKey
from rnc_epi.vocabulary.errors import InputError
from rnc_epi.vocabulary.periods import Period

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rnc_epi.cells.table import Cells

    Floats = NDArray[np.float64]

#: Years above the start of an open band where it is evaluated: 88.5 for 85 and over, as the French papers.
BEYOND_OPEN = 3.5

#: Said of an area of which some events have no age: they are in no figure by age, and so in none here.
UNKNOWN_AGE = "events_of_unknown_age"

AREA = ["geo_level", "geo_code", "geo_vintage"]
_GROUP = ["event_type", "site", "sex", "geo_level"]


@dataclass(frozen=True)
class Panel:
    """Events and person-years of areas by age band, over one period.

    Parameters
    ----------
    areas : tuple of AreaKey
    bands : BandSet
    events, person_years : (areas, bands) arrays
    source : str
        The sources behind them, joined with ``+``.
    """

    areas: tuple[AreaKey, ...]
    bands: BandSet
    events: Floats
    person_years: Floats
    source: str

    def __len__(self) -> int:
        return len(self.areas)

    def take(self, positions: Sequence[int] | NDArray[np.intp]) -> Panel:
        """Return the panel of some areas, in the order given."""
        rows = np.asarray(positions, dtype=np.intp)
        return replace(
            self,
            areas=tuple(self.areas[row] for row in rows),
            events=self.events[rows],
            person_years=self.person_years[rows],
        )

    def of(self, areas: Iterable[AreaKey]) -> Panel:
        """Return the panel of some of its areas, in the order given."""
        place = {area: row for row, area in enumerate(self.areas)}
        return self.take([place[area] for area in areas])

    def merged_to(self, bands: BandSet) -> Panel:
        """Return the panel on wider bands."""
        starts = self.bands.first_of_each(bands)
        return replace(
            self,
            bands=bands,
            events=np.add.reduceat(self.events, starts, axis=1),
            person_years=np.add.reduceat(self.person_years, starts, axis=1),
        )


def midpoints(bands: BandSet) -> Floats:
    """Return the age at which each band is evaluated.

    Examples
    --------
    >>> midpoints(BandSet.from_starts([75, 80, 85])).tolist()
    [77.5, 82.5, 88.5]
    """
    return bands.midpoints(open_midpoint=bands.starts[-1] + BEYOND_OPEN if bands.is_open else None)


@dataclass(frozen=True)
class _Sheet:
    """Cells of one set of bands, from however many tables."""

    bands: BandSet
    source: NDArray[np.object_]
    events: Floats
    person_years: Floats
    covered: NDArray[np.bool_]
    unknown_age: NDArray[np.int64]

    def alike(self, one: int, other: int) -> bool:
        """Tell whether two rows say the same."""
        columns = (self.events, self.person_years, self.covered)
        return all(np.array_equal(column[one], column[other]) for column in columns)


@dataclass(frozen=True)
class _Rows:
    """Rows of one sheet for one event, site, sex and level, by area."""

    cells: _Sheet
    by_area: dict[AreaKey, list[tuple[Period, int]]]


@dataclass
class Stock:
    """Cells at hand, found by event, site, sex and level.

    Parameters
    ----------
    tables : sequence of Cells
        Of any events, bands and periods.
    """

    tables: Sequence[Cells]
    _found: dict[tuple[str, str, int, str], list[_Rows]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        by_bands: dict[BandSet, list[Cells]] = {}
        for cells in self.tables:
            strata = cells.strata
            if "stratum_type" in strata.columns and len(strata) and (strata["stratum_type"] != "_").any():
                raise InputError("W010")
            by_bands.setdefault(cells.bands, []).append(cells)
        for bands, parts in by_bands.items():
            self._add(bands, parts)

    def _add(self, bands: BandSet, parts: list[Cells]) -> None:
        names = [*_GROUP, *AREA[1:], "period_from", "period_until", "source"]
        columns = [[value for part in parts for value in part.strata[name].tolist()] for name in names]
        sheet = _Sheet(
            bands,
            np.array(columns.pop(), dtype=object),
            np.concatenate([part.events for part in parts]),
            np.concatenate([part.person_years for part in parts]),
            np.concatenate([part.covered for part in parts]),
            np.concatenate([part.unknown_age for part in parts]),
        )
        groups: dict[tuple[str, str, int, str], dict[AreaKey, list[tuple[Period, int]]]] = {}
        for row, (event, site, sex, level, code, vintage, first, last) in enumerate(
            zip(*columns, strict=True)
        ):
            if level == "registry_zone" and code == POOLED_REGISTRIES:
                # All registries together are no district.
                continue
            held = groups.setdefault((event, site, int(sex), level), {}).setdefault(
                AreaKey(level, code, vintage), []
            )
            period = Period(int(first), int(last))
            said = next((known for other, known in held if other == period), None)
            if said is None:
                held.append((period, row))
            elif not sheet.alike(said, row):
                raise InputError("W014", what=event, where=f"{level} {code}, {period.label}")
        for key, by_area in groups.items():
            self._found.setdefault(key, []).append(_Rows(sheet, by_area))

    def sites(self, event_type: str, sex: int, geo_level: str) -> list[str]:
        """Return the sites that are there for an event, a sex and a level."""
        return [
            site
            for event, site, of, level in self._found
            if (event, of, level) == (event_type, sex, geo_level)
        ]

    def periods(self, event_type: str, site: str, sex: int, geo_level: str) -> set[Period]:
        """Return the periods in which some area is there."""
        found = self._found.get((event_type, site, sex, geo_level), [])
        return {period for rows in found for held in rows.by_area.values() for period, _ in held}

    def panel(
        self, event_type: str, site: str, sex: int, geo_level: str, period: Period, age_from: int
    ) -> tuple[Panel | None, list[tuple[AreaKey, str]]]:
        """Return the areas whose years make up a period, all ages from `age_from` covered, and the others.

        Returns
        -------
        panel : Panel or None
            None where no area is left.
        left_out : list of (area, reason)
            Areas left out, and those of which events without an age are.
        """
        parts: list[Panel] = []
        left_out: list[tuple[AreaKey, str]] = []
        for rows in self._found.get((event_type, site, sex, geo_level), []):
            part, gone = _pooled(rows, period, age_from)
            left_out += gone
            if part is not None:
                parts.append(part)
        if not parts:
            return None, left_out
        whole = parts[0] if len(parts) == 1 else _together(parts)
        held = set(whole.areas)
        return whole, [
            (area, reason) for area, reason in left_out if reason == UNKNOWN_AGE or area not in held
        ]

    def people(self, area: AreaKey, sex: int, period: Period, age_from: int) -> Iterator[Panel]:
        """Yield the panels of one area that state its person-years, whatever the event and site."""
        for (event_type, site, of, level), found in self._found.items():
            if of != sex or level != area.geo_level or not any(area in rows.by_area for rows in found):
                continue
            panel, _ = self.panel(event_type, site, sex, level, period, age_from)
            if panel is not None and area in panel.areas:
                one = panel.of([area])
                if (one.person_years > 0).all():
                    yield one


def _pooled(rows: _Rows, period: Period, age_from: int) -> tuple[Panel | None, list[tuple[AreaKey, str]]]:
    bands = rows.cells.bands
    within = bands.slice_within(age_from, bands.age_until) if age_from in bands.starts else None
    if within is None:
        raise InputError("W003", found=str(bands), expected=age_from)
    areas, tiles, left_out = [], [], []
    for area, held in rows.by_area.items():
        tile = tiling(held, period)
        if tile is None:
            left_out.append((area, "period_not_covered"))
        elif not rows.cells.covered[tile, within].all():
            left_out.append((area, "ages_not_covered"))
        else:
            areas.append(area)
            tiles.append(tile)
            if rows.cells.unknown_age[tile].any():
                left_out.append((area, UNKNOWN_AGE))
    if not areas:
        return None, left_out
    order = sorted(range(len(areas)), key=lambda place: areas[place])
    taken = np.concatenate([tiles[place] for place in order])
    edges = np.concatenate([[0], np.cumsum([len(tiles[place]) for place in order])[:-1]])
    names = {name for value in set(rows.cells.source[taken]) for name in value.split("+")}
    return (
        Panel(
            areas=tuple(areas[place] for place in order),
            bands=BandSet(list(bands)[within]),
            events=np.add.reduceat(rows.cells.events[taken, within].astype(np.float64), edges, axis=0),
            person_years=np.add.reduceat(rows.cells.person_years[taken, within], edges, axis=0),
            source="+".join(sorted(names)),
        ),
        left_out,
    )


def tiling(held: Sequence[tuple[Period, int]], period: Period) -> list[int] | None:
    """Return rows whose periods make up a period without gap or overlap, the fewest, or None.

    Examples
    --------
    >>> years = [(Period(2014, 2015), 3), (Period(2015, 2016), 4), (Period(2014, 2017), 5)]
    >>> tiling(years, Period(2014, 2016)), tiling(years, Period(2014, 2017))
    ([3, 4], [5])
    >>> tiling(years, Period(2014, 2018)) is None
    True
    """
    # From each year the fewest rows to the end, counted backwards from the last year.
    best: dict[int, list[int]] = {period.period_until: []}
    for start in reversed(period.years):
        found = [
            [row, *best[part.period_until]]
            for part, row in held
            if part.period_from == start and part.period_until in best
        ]
        if found:
            best[start] = min(found, key=len)
    return best.get(period.period_from)


def _together(parts: list[Panel]) -> Panel:
    """Return panels of different areas or bands as one, on the bands that they share."""
    bands = parts[0].bands
    for part in parts[1:]:
        bands = bands.common(part.bands)
    merged = [part.merged_to(bands) for part in parts]
    rows = [(area, part, row) for part in merged for row, area in enumerate(part.areas)]
    first: dict[AreaKey, tuple[Panel, int]] = {}
    for area, part, row in rows:
        first.setdefault(area, (part, row))
    areas = tuple(sorted(first))
    names = {name for part in parts for name in part.source.split("+")}
    return Panel(
        areas=areas,
        bands=bands,
        events=np.stack([first[area][0].events[first[area][1]] for area in areas]),
        person_years=np.stack([first[area][0].person_years[first[area][1]] for area in areas]),
        source="+".join(sorted(names)),
    )


def shared_bands(one: BandSet, other: BandSet) -> BandSet:
    """Return the bands on which two panels can meet; three at least, or a ratio has no curve (W003)."""
    try:
        bands = one.common(other)
    except InputError:
        raise InputError("W003", found=str(one), expected=one.age_from) from None
    if len(bands) < 3:
        raise InputError("W004", found=len(bands))
    return bands


def merged_midpoints(fine: BandSet, coarse: BandSet, weights: Floats) -> Floats:
    """Return the age of each coarse band: the mean age of the finer ones, weighted by what they hold.

    A registry table that merges the young is thus read at the age of its cases, not at the middle of the
    merged band.

    Parameters
    ----------
    fine, coarse : BandSet
    weights : (fine bands,) array

    Examples
    --------
    >>> fine, coarse = BandSet.from_starts([15, 20, 25]), BandSet.from_starts([15, 25])
    >>> merged_midpoints(fine, coarse, np.array([1.0, 3.0, 5.0])).tolist()
    [21.25, 28.5]
    """
    place = fine.coarsen_to(coarse)
    ages = midpoints(fine)
    total = np.bincount(place, weights)
    plain = np.bincount(place, ages) / np.bincount(place)
    weighted = np.bincount(place, weights * ages) / np.where(total > 0, total, 1.0)
    return np.where(total > 0, weighted, plain)


def exclusions_table(rows: list[dict[str, object]]) -> pd.DataFrame:
    """Return the stated exclusions, in a fixed order of columns."""
    columns = ["period", "site", "sex", "event_type", *AREA, "reason"]
    return pd.DataFrame(rows, columns=columns).drop_duplicates().reset_index(drop=True)
