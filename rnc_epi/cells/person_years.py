"""Person-years of areas, for the periods and bands in which events are counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rnc_epi.vocabulary.ages import BandSet
from rnc_epi.vocabulary.areas import AreaKey
from rnc_epi.vocabulary.errors import ExtractRefused
from rnc_epi.vocabulary.periods import Period

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from rnc_epi.cells.membership import Membership


def tiling(target: Period, available: Iterable[Period]) -> list[Period] | None:
    """Return the periods that make up a target exactly, in order, or None; longest pieces first.

    Examples
    --------
    >>> tiling(Period(2016, 2018), [Period(2016, 2017), Period(2017, 2018), Period(2018, 2019)])
    [Period(period_from=2016, period_until=2017), Period(period_from=2017, period_until=2018)]
    """
    by_start: dict[int, list[Period]] = {}
    for period in sorted(set(available), key=lambda period: -period.length):
        if target.contains(period):
            by_start.setdefault(period.period_from, []).append(period)
    dead_ends: set[int] = set()

    def complete(year: int) -> list[Period] | None:
        if year == target.period_until:
            return []
        for period in by_start.get(year, ()):
            if period.period_until not in dead_ends:
                rest = complete(period.period_until)
                if rest is not None:
                    return [period, *rest]
        dead_ends.add(year)
        return None

    return complete(target.period_from)


@dataclass(frozen=True)
class AgedPersonYears:
    """Person-years in millionths by age.

    Parameters
    ----------
    starts : tuple of int
        Where ages are cut: 0 first, then each band; the last reaches to the end of life.
    values : (len(starts),) int64 array
    known : (len(starts),) bool array
        False for ages that the table does not reach, such as those over a closed last band.
    """

    starts: tuple[int, ...]
    values: NDArray[np.int64]
    known: NDArray[np.bool_]


class Denominators:
    """Person-years in millionths, by area, sex, period and band.

    Parameters
    ----------
    table : DataFrame
        ``geo_level, geo_code, geo_vintage, sex, source, period_from, period_until, age_from, age_until,
        micro`` sorted in this order, with `micro` the person-years in millionths.
    membership : Membership
        An area without person-years of its own has those of the areas that make it up.
    """

    def __init__(self, table: pd.DataFrame, membership: Membership) -> None:
        self.membership = membership
        self._rows: dict[tuple[AreaKey, int], dict[str, dict[Period, AgedPersonYears]]] = {}
        keys = ["geo_level", "geo_code", "geo_vintage", "sex", "source", "period_from", "period_until"]
        changes = np.zeros(len(table), dtype=bool)
        for name in keys:
            codes = table[name].astype("category").cat.codes.to_numpy()
            changes |= np.diff(codes, prepend=codes[:1] - 1 if len(codes) else codes) != 0
        bounds = [*np.flatnonzero(changes).tolist(), len(table)]
        age_from = table["age_from"].to_numpy(dtype=np.int64)
        age_until = table["age_until"].fillna(-1).to_numpy(dtype=np.int64)
        micro = table["micro"].to_numpy(dtype=np.int64)
        heads = table.iloc[bounds[:-1]][keys]
        known_starts: dict[bytes, tuple[tuple[int, ...], NDArray[np.bool_], slice]] = {}
        for row, start, end in zip(
            heads.itertuples(index=False, name=None), bounds[:-1], bounds[1:], strict=True
        ):
            ages = age_from[start:end].tobytes() + age_until[start:end].tobytes()
            if ages not in known_starts:
                known_starts[ages] = _cuts(age_from[start:end], age_until[start:end])
            starts, known, place = known_starts[ages]
            values = np.zeros(len(starts), dtype=np.int64)
            values[place] = micro[start:end]
            by_source = self._rows.setdefault((AreaKey(*row[:3]), int(row[3])), {})
            by_source.setdefault(row[4], {})[Period(int(row[5]), int(row[6]))] = AgedPersonYears(
                starts, values, known
            )

    def areas(self) -> list[AreaKey]:
        """Return the areas that have person-years of their own."""
        return sorted({area for area, _ in self._rows})

    def periods_of(self, area: AreaKey, source: str) -> list[Period]:
        """Return the periods of the person-years of an area's own, of a source or else of the only one."""
        found: set[Period] = set()
        for sex in (1, 2):
            by_source = self._rows.get((area, sex), {})
            if source in by_source or len(by_source) == 1:
                found.update(by_source.get(source) or next(iter(by_source.values())))
        return sorted(found)

    def of(self, area: AreaKey, sex: int, period: Period, source: str) -> list[AgedPersonYears] | None:
        """Return the pieces whose sum is the person-years of one stratum, or None where there are none.

        The event's own source comes first; else the area must have person-years of one source only.

        Raises
        ------
        ExtractRefused
            K002, two other sources give person-years for the area: which is meant is not ours to guess.
        """
        by_source = self._rows.get((area, sex))
        if by_source is None:
            return self._of_parts(area, sex, period, source)
        if source not in by_source and len(by_source) > 1:
            raise ExtractRefused(
                "K002", where=f"{area.geo_level} {area.geo_code}", found=", ".join(sorted(by_source))
            )
        chosen = by_source[source] if source in by_source else next(iter(by_source.values()))
        if period in chosen:
            return [chosen[period]]
        pieces = tiling(period, chosen)
        return None if pieces is None else [chosen[piece] for piece in pieces]

    def _of_parts(self, area: AreaKey, sex: int, period: Period, source: str) -> list[AgedPersonYears] | None:
        for children in self.membership.children(area, period).values():
            parts = [self.of(child, sex, period, source) for child in children]
            known = [piece for part in parts if part is not None for piece in part]
            if known and all(part is not None for part in parts):
                return known
        return None


def _cuts(
    age_from: NDArray[np.int64], age_until: NDArray[np.int64]
) -> tuple[tuple[int, ...], NDArray[np.bool_], slice]:
    starts = age_from.tolist()
    place = slice(0, len(starts))
    known = [True] * len(starts)
    if starts[0] > 0:
        starts, known, place = [0, *starts], [False, *known], slice(1, len(starts) + 1)
    if age_until[-1] >= 0:
        starts, known = [*starts, int(age_until[-1])], [*known, False]
    return tuple(starts), np.array(known), place


def bands_for(event_ages: Iterable[tuple[int, int | None]], starts: Sequence[int]) -> BandSet:
    """Return the finest bands that neither split a band of the events nor one of the person-years.

    Parameters
    ----------
    event_ages : iterable of (age_from, age_until)
        Bands in which the events come; None is open.
    starts : sequence of int
        First ages of the bands of the person-years, from 0; the last is open.

    Examples
    --------
    >>> bands_for([(0, 15), (15, 50), (50, None)], [0, 5, 10, 15, 50, 85]).labels()
    ('0-14', '15-49', '50+')
    """
    bands = list(event_ages)
    kept = [
        start
        for start in starts
        if not any(first < start and (until is None or start < until) for first, until in bands)
    ]
    return BandSet.from_starts(kept)
