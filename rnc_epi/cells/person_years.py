"""Person-years of areas, for the periods and bands in which events are counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rnc_epi.vocabulary.ages import BandSet
from rnc_epi.vocabulary.areas import AreaKey
from rnc_epi.vocabulary.errors import ExtractRefused
from rnc_epi.vocabulary.periods import Period

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from rnc_epi.cells.membership import Membership


def tiling(target: Period, available: Iterable[Period]) -> list[Period] | None:
    """Return the periods that make up a target exactly, in order, or None; longest pieces first.

    Examples
    --------
    >>> tiling(Period(2016, 2018), [Period(2016, 2017), Period(2017, 2018), Period(2018, 2019)])
    [Period(period_from=2016, period_until=2017), Period(period_from=2017, period_until=2018)]
    """
    inside = sorted(
        (period for period in set(available) if target.contains(period)),
        key=lambda period: (period.period_from, -period.length),
    )

    def complete(year: int) -> list[Period] | None:
        if year == target.period_until:
            return []
        for period in inside:
            if period.period_from == year:
                rest = complete(period.period_until)
                if rest is not None:
                    return [period, *rest]
        return None

    return complete(target.period_from)


class Denominators:
    """Person-years in millionths, by area, sex, period and band.

    Parameters
    ----------
    table : DataFrame
        ``source, sex, geo_level, geo_code, geo_vintage, period_from, period_until, age_from, micro`` with
        `micro` the person-years in millionths.
    membership : Membership
        An area without person-years of its own has those of the areas that make it up.
    """

    def __init__(self, table: pd.DataFrame, membership: Membership) -> None:
        self.membership = membership
        self._ages = tuple(sorted(int(age) for age in table["age_from"].unique()))
        self._column = {age: column for column, age in enumerate(self._ages)}
        by_origin = table.groupby(["source", "geo_level"])["age_from"].unique()
        #: First ages of the finest bands that all person-years of the extract share.
        self.starts = tuple(sorted(set(self._ages).intersection(*(map(int, ages) for ages in by_origin))))
        self._rows: dict[tuple[AreaKey, int], dict[str, dict[Period, NDArray[np.int64]]]] = {}
        keys = ["geo_level", "geo_code", "geo_vintage", "sex", "source", "period_from", "period_until"]
        ordered = table.sort_values([*keys, "age_from"], kind="stable")
        codes = ordered.groupby(keys, sort=False).ngroup().to_numpy()
        bounds = (
            np.flatnonzero(np.diff(codes, prepend=-1, append=-2)) if len(ordered) else np.zeros(1, dtype=int)
        )
        columns = ordered["age_from"].map(self._column).to_numpy(dtype=np.intp)
        micro = ordered["micro"].to_numpy(dtype=np.int64)
        heads = ordered.iloc[bounds[:-1]] if len(ordered) else ordered
        for row, start, end in zip(heads.itertuples(index=False), bounds[:-1], bounds[1:], strict=True):
            values = np.zeros(len(self._ages), dtype=np.int64)
            values[columns[start:end]] = micro[start:end]
            area = AreaKey(row.geo_level, row.geo_code, row.geo_vintage)
            by_source = self._rows.setdefault((area, int(row.sex)), {})
            by_source.setdefault(row.source, {})[Period(int(row.period_from), int(row.period_until))] = values

    def of(self, area: AreaKey, sex: int, period: Period, source: str) -> NDArray[np.int64] | None:
        """Return the person-years of one stratum at the finest bands, or None where there are none.

        The event's own source comes first; else the area must have person-years of one source only.

        Raises
        ------
        ExtractRefused
            Two other sources give person-years for the area: which is meant is not ours to guess.
        """
        by_source = self._rows.get((area, sex))
        if by_source is None:
            return self._of_parts(area, sex, period, source)
        if source not in by_source and len(by_source) > 1:
            raise ExtractRefused(
                "K002", where=f"{area.geo_level} {area.geo_code}", found=", ".join(sorted(by_source))
            )
        chosen = by_source.get(source) or next(iter(by_source.values()))
        pieces = tiling(period, chosen)
        if pieces is None:
            return None
        return np.sum([chosen[piece] for piece in pieces], axis=0)

    def _of_parts(self, area: AreaKey, sex: int, period: Period, source: str) -> NDArray[np.int64] | None:
        for children in self.membership.children(area, period).values():
            parts = [self.of(child, sex, period, source) for child in children]
            known = [part for part in parts if part is not None]
            if known and len(known) == len(parts):
                return np.sum(known, axis=0)
        return None

    def merge(self, values: NDArray[np.int64], bands: BandSet) -> NDArray[np.int64]:
        """Return person-years at the finest bands summed into wider ones."""
        groups = np.searchsorted(bands.starts, self._ages, side="right") - 1
        merged = np.zeros((*values.shape[:-1], len(bands)), dtype=np.int64)
        for column, group in enumerate(groups):
            merged[..., group] += values[..., column]
        return merged


def bands_for(event_ages: Iterable[tuple[int, int | None]], starts: Sequence[int]) -> BandSet:
    """Return the finest bands that neither split a band of the events nor one of the person-years.

    Parameters
    ----------
    event_ages : iterable of (age_from, age_until)
        Bands in which the events come; None is open.
    starts : sequence of int
        First ages of the bands of the person-years, from 0; the last is open.
    """
    bands = list(event_ages)
    kept = [
        start
        for start in starts
        if not any(first < start and (until is None or start < until) for first, until in bands)
    ]
    return BandSet.from_starts(kept)
