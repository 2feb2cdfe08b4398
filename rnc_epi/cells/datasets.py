"""The base strata of one type of event: their axes, person-years, scope and events, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rnc_epi.cells.grid import Grid, empty_grid
from rnc_epi.cells.judging import judge_events
from rnc_epi.cells.person_years import AgedPersonYears, Denominators, bands_for
from rnc_epi.cells.scope import OPEN_AGE
from rnc_epi.vocabulary.ages import BandSet
from rnc_epi.vocabulary.areas import AreaKey
from rnc_epi.vocabulary.periods import Period

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from rnc_epi.cells.membership import Membership
    from rnc_epi.extracts.opening import Extract
    from rnc_epi.store import Store

_PERSON_YEARS = """
SELECT geo_level, geo_code, geo_vintage, sex, source, period_from, period_until, age_from, age_until,
    CAST(sum(person_years) * 1000000 AS BIGINT) AS micro
FROM usable_person_years
WHERE age_status = 'known'
GROUP BY ALL
"""
_SCOPE_COLUMNS = (
    *("site", "pool", "area", "sex", "period_from", "period_until", "yearly", "age_from", "age_until"),
)
_EVENT_COLUMNS = ("site", "area", "sex", "period_from", "period_until", "band", "events")
#: Two ages, or two years, as one number, so that arrays of them can be searched.
_CODE = 10_000


@dataclass(frozen=True)
class Pool:
    """A type of event and a source: what its bands, its areas and its person-years are chosen for."""

    number: int
    event_type: str
    source: str


@dataclass(frozen=True)
class Dataset:
    """The strata of one type of event that share their age bands.

    Parameters
    ----------
    areas, periods : list
        Axes of the grids, the same for all datasets of a type of event.
    person_years : (areas, 2, periods, bands) int64 array
        In millionths.
    known : (areas, 2, periods, bands) bool array
        Where there are person-years.
    scope, events : dict of str to (n,) int64 array
        Columns of the scope, in spans of years, and of the events, sorted by site.
    """

    event_type: str
    bands: BandSet
    pools: tuple[Pool, ...]
    areas: list[AreaKey]
    periods: list[Period]
    person_years: NDArray[np.int64]
    known: NDArray[np.bool_]
    scope: dict[str, NDArray[np.int64]]
    events: dict[str, NDArray[np.int64]]

    def sites(self) -> set[int]:
        """Return the numbers of the sites that some claimant declares."""
        return set(np.unique(self.scope["site"]).tolist())

    def grid(self, site: int, bits: Mapping[str, int]) -> Grid | None:
        """Return the grid of a site as its sources give it, or None where none covers it.

        Parameters
        ----------
        site : int
            Number of the site.
        bits : mapping of source to its bit
        """
        spans = _rows_of(self.scope, site)
        if not len(spans["site"]):
            return None
        scope = _on_periods(_in_years(spans), self.periods)
        grid = empty_grid((len(self.areas), 2, len(self.periods), len(self.bands)))
        starts = np.array(self.bands.starts)
        ends = np.append(starts[1:], OPEN_AGE)
        ages = scope["age_from"] * _CODE + scope["age_until"]
        bit_of = {pool.number: bits[pool.source] for pool in self.pools}
        for code in np.unique(ages):
            inside = np.flatnonzero((starts >= code // _CODE) & (ends <= code % _CODE))
            same = ages == code
            at = tuple(scope[name][same] for name in ("area", "sex", "period"))
            grid.covered[at[0][:, None], at[1][:, None], at[2][:, None], inside] = True
        for pool, bit in bit_of.items():
            own = scope["pool"] == pool
            at = tuple(scope[name][own] for name in ("area", "sex", "period"))
            grid.source[at] |= bit
        np.logical_and(grid.covered, self.known, out=grid.covered)
        np.multiply(self.person_years, grid.covered, out=grid.person_years)
        grid.source[~grid.present] = 0
        events = _rows_of(self.events, site)
        place = tuple(events[name] for name in ("area", "sex", "period"))
        aged = events["band"] >= 0
        np.add.at(
            grid.events, (*(axis[aged] for axis in place), events["band"][aged]), events["events"][aged]
        )
        np.add.at(grid.unknown_age, tuple(axis[~aged] for axis in place), events["events"][~aged])
        return grid


def _rows_of(columns: dict[str, NDArray[np.int64]], site: int) -> dict[str, NDArray[np.int64]]:
    first, last = np.searchsorted(columns["site"], [site, site + 1])
    return {name: values[first:last] for name, values in columns.items()}


def read_denominators(store: Store, membership: Membership) -> Denominators:
    """Return the person-years of an extract."""
    order = ["geo_level", "geo_code", "geo_vintage", "sex", "source"]
    return Denominators(store.read(_PERSON_YEARS, order_by=order), membership)


def read_datasets(extract: Extract, claimants: pd.DataFrame, denominators: Denominators) -> list[Dataset]:
    """Return the datasets of an extract whose events have been counted; judges these on the way."""
    store = extract.store
    pools = [
        Pool(int(row.pool), row.event_type, row.source)
        for row in claimants.drop_duplicates("pool").sort_values("pool").itertuples(index=False)
    ]
    areas = [AreaKey(*row[:3]) for row in _sorted_areas(store)]
    strata = _strata(store)
    found = _resolve(strata, pools, areas, denominators)
    bands = _bands(store, pools, found)
    judge_events(extract, bands, _with_person_years(found))
    datasets = []
    for event_type in sorted({pool.event_type for pool in pools}):
        own = [pool for pool in pools if pool.event_type == event_type and pool.number in bands]
        of_type = strata[strata["pool"].isin([pool.number for pool in own])]
        axis = sorted({int(area) for area in of_type["area"].unique()})
        periods = sorted({Period(*row) for row in _pairs(of_type)})
        for shared in sorted({bands[pool.number] for pool in own}, key=lambda item: item.starts):
            sharing = tuple(pool for pool in own if bands[pool.number] == shared)
            datasets.append(_dataset(store, event_type, shared, sharing, axis, areas, periods, found))
    return datasets


def _sorted_areas(store: Store) -> list[tuple[str, str, str, int]]:
    found = store.rows("SELECT geo_level, geo_code, geo_vintage, area FROM denominator_areas")
    return sorted(found, key=lambda row: row[3])


def _pairs(table: pd.DataFrame) -> set[tuple[int, int]]:
    distinct = table[["period_from", "period_until"]].drop_duplicates()
    return {(int(first), int(until)) for first, until in distinct.itertuples(index=False, name=None)}


def _strata(store: Store) -> pd.DataFrame:
    """Return the areas and periods of the scope of each pool; spans of rows are written out in years."""
    table = store.read(
        "SELECT DISTINCT k.pool, s.area, s.period_from, s.period_until, s.yearly "
        "FROM scope AS s JOIN claimants AS k USING (claimant)"
    )
    yearly = table["yearly"].to_numpy(dtype=bool)
    spans = table[yearly]
    lengths = (spans["period_until"] - spans["period_from"]).to_numpy(dtype=np.int64)
    years = spans.loc[spans.index.repeat(lengths)].reset_index(drop=True)
    first = years["period_from"].to_numpy(dtype=np.int64) + _positions_within(lengths)
    years = years.assign(period_from=first, period_until=first + 1)
    return (
        pd.concat([table[~yearly], years], ignore_index=True)
        .drop(columns="yearly")
        .astype("int64")
        .drop_duplicates()
        .sort_values(["pool", "area", "period_from", "period_until"], ignore_index=True)
    )


def _positions_within(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return 0, 1, … up to each length, one after the other."""
    ends = np.cumsum(lengths)
    return np.arange(lengths.sum()) - np.repeat(ends - lengths, lengths)


Found = dict[tuple[int, int, int, Period], list[AgedPersonYears]]


def _resolve(
    strata: pd.DataFrame, pools: list[Pool], areas: list[AreaKey], denominators: Denominators
) -> Found:
    """Return the person-years of each stratum by pool, area, sex and period."""
    found: Found = {}
    periods: dict[tuple[int, int], Period] = {}
    source = {pool.number: pool.source for pool in pools}
    # Several pools of one source (the proxies of one table) share their person-years.
    known: dict[tuple[str, int, int, Period], list[AgedPersonYears] | None] = {}
    for pool, area, first, until in strata.itertuples(index=False, name=None):
        period = periods.get((first, until)) or periods.setdefault((first, until), Period(first, until))
        for sex in (1, 2):
            key = (source[pool], area, sex, period)
            if key not in known:
                known[key] = denominators.of(areas[area], sex, period, source[pool])
            pieces = known[key]
            if pieces is not None:
                found[(pool, area, sex, period)] = pieces
    return found


def _with_person_years(found: Found) -> pd.DataFrame:
    rows = [(pool, area, sex, period.period_from, period.period_until) for pool, area, sex, period in found]
    return pd.DataFrame(rows, columns=["pool", "area", "sex", "period_from", "period_until"], dtype="int64")


def _bands(store: Store, pools: list[Pool], found: Found) -> dict[int, BandSet]:
    """Return the bands of each pool: the finest that neither its cells nor its person-years would split."""
    stated = store.rows(
        "SELECT DISTINCT k.pool, e.age_from, e.age_until FROM events AS e "
        "JOIN claimants AS k USING (claimant) "
        "WHERE k.origin IN ('incidence_cells', 'death_cells', 'proxy_cells') "
        "AND e.age_from IS NOT NULL AND e.set_aside IS NULL AND e.area IS NOT NULL"
    )
    starts: dict[int, set[int]] = {}
    for (number, *_), pieces in found.items():
        for piece in pieces:
            known = starts.setdefault(number, set(piece.starts))
            known.intersection_update(piece.starts)
    bands = {}
    for pool in pools:
        ages = [
            (first, None if until == OPEN_AGE else until)
            for of_pool, first, until in stated
            if of_pool == pool.number
        ]
        bands[pool.number] = bands_for(ages, sorted(starts.get(pool.number, {0})))
    return bands


def _dataset(
    store: Store,
    event_type: str,
    bands: BandSet,
    pools: tuple[Pool, ...],
    axis: list[int],
    areas: list[AreaKey],
    periods: list[Period],
    found: Found,
) -> Dataset:
    numbers = {pool.number for pool in pools}
    place = {area: position for position, area in enumerate(axis)}
    column = {period: position for position, period in enumerate(periods)}
    shape = (len(axis), 2, len(periods), len(bands))
    person_years = np.zeros(shape, dtype=np.int64)
    known = np.zeros(shape, dtype=bool)
    known_from_all = np.ones(shape, dtype=bool)
    by_ages: dict[tuple[int, ...], list[tuple[tuple[int, int, int], AgedPersonYears]]] = {}
    for (pool, area, sex, period), pieces in found.items():
        if pool in numbers:
            for piece in pieces:
                at = (place[area], sex - 1, column[period])
                by_ages.setdefault(piece.starts, []).append((at, piece))
    for starts, pieces_alike in by_ages.items():
        groups = np.searchsorted(starts, bands.starts)
        where = tuple(np.array([at for at, _ in pieces_alike]).T)
        values = np.stack([piece.values for _, piece in pieces_alike])
        flags = np.stack([piece.known for _, piece in pieces_alike])
        np.add.at(person_years, where, np.add.reduceat(values, groups, axis=1))
        known[where] = True
        np.logical_and.at(known_from_all, where, np.logical_and.reduceat(flags, groups, axis=1))
    known &= known_from_all
    listed = ", ".join(map(str, sorted(numbers)))
    scope = _columns(store, "scope_in_bands", _SCOPE_COLUMNS, listed)
    events = _columns(store, "placed_events", _EVENT_COLUMNS, listed)
    lookup = np.full(max(axis, default=0) + 1, -1, dtype=np.int64)
    lookup[axis] = np.arange(len(axis))
    return Dataset(
        event_type=event_type,
        bands=bands,
        pools=pools,
        areas=[areas[area] for area in axis],
        periods=periods,
        person_years=person_years,
        known=known,
        scope=_on_areas(scope, lookup),
        events=_on_periods(_on_areas(events, lookup), periods),
    )


def staged_events(store: Store, dataset: Dataset) -> dict[str, NDArray[np.int64]]:
    """Return the events of the table `staged_events` on the axes of a dataset."""
    place = {area: position for position, area in enumerate(dataset.areas)}
    numbered = _sorted_areas(store)
    lookup = np.full(max((row[3] for row in numbered), default=0) + 1, -1, dtype=np.int64)
    for level, code, vintage, number in numbered:
        lookup[number] = place.get(AreaKey(level, code, vintage), -1)
    listed = ", ".join(str(pool.number) for pool in dataset.pools)
    events = _columns(store, "staged_events", _EVENT_COLUMNS, listed)
    return _on_periods(_on_areas(events, lookup), dataset.periods)


def _columns(store: Store, table: str, names: Sequence[str], pools: str) -> dict[str, NDArray[np.int64]]:
    """Return columns of a table of numbers, sorted from the left."""
    sql = f"SELECT {', '.join(names)} FROM {table} WHERE pool IN ({pools}) ORDER BY ALL"
    batches = list(store.batches(sql))
    return {
        name: np.concatenate(
            [np.zeros(0, dtype=np.int64)]
            + [batch.column(i).to_numpy(zero_copy_only=False).astype(np.int64) for batch in batches]
        )
        for i, name in enumerate(names)
    }


def _in_years(scope: dict[str, NDArray[np.int64]]) -> dict[str, NDArray[np.int64]]:
    """Return the scope with spans that are counted yearly written out, in the order of the sites."""
    lengths = np.where(scope["yearly"] == 1, scope["period_until"] - scope["period_from"], 1)
    out = {name: np.repeat(values, lengths) for name, values in scope.items()}
    yearly = out["yearly"] == 1
    out["period_from"] = out["period_from"] + np.where(yearly, _positions_within(lengths), 0)
    out["period_until"] = np.where(yearly, out["period_from"] + 1, out["period_until"])
    return out


def _on_areas(
    columns: dict[str, NDArray[np.int64]], lookup: NDArray[np.int64]
) -> dict[str, NDArray[np.int64]]:
    """Return columns with areas and sexes as positions on the axes."""
    return columns | {"area": lookup[columns["area"]], "sex": columns["sex"] - 1}


def _on_periods(columns: dict[str, NDArray[np.int64]], periods: list[Period]) -> dict[str, NDArray[np.int64]]:
    """Return columns with periods as positions on the axis; others are left out."""
    codes = np.array([p.period_from * _CODE + p.period_until for p in periods], dtype=np.int64)
    wanted = columns["period_from"] * _CODE + columns["period_until"]
    place = np.searchsorted(codes, wanted)
    on_axis = np.isin(wanted, codes)
    out = {name: values[on_axis] for name, values in columns.items() if not name.startswith("period_")}
    return out | {"period": place[on_axis]}
