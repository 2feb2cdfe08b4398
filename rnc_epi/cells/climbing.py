"""Where the tumours of a registry count: in the areas that it covers, and in those above and below that can.

A coverage is stated for some areas. Where such an area has no person-years, its tumours climb to the nearest
area that has, if all of it is covered. Where tumours are coded more finely than the coverage is stated, the
finer areas that have person-years, of years or of several years at once, count them too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from rnc_epi.cells.person_years import tiling
from rnc_epi.vocabulary.areas import AreaKey
from rnc_epi.vocabulary.periods import Period

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rnc_epi.cells.membership import Holders, Membership
    from rnc_epi.cells.person_years import Denominators

#: Least share of the tumours of a covered area that must be known to a finer level, for that level to be
#: counted: below it, rates of its areas would lack too many of the tumours that lie there.
LEAST_LOCATED = 0.9

_STATED = ["site_group", "age_from", "age_until", "period_from", "period_until"]
COLUMNS = ["claimant", "geo_level", "geo_code", "geo_vintage", *_STATED, "yearly"]
#: Whether a line only repeats, more finely, what a covered area counts.
FINER = "finer"


@dataclass(frozen=True)
class Place:
    """An area in which a claimant counts during a period: each year of it, or all of it at once."""

    area: AreaKey
    period: Period
    yearly: bool


@dataclass
class _Located:
    """Tumours of a claimant by covered area, and how many of them are known to each finer level."""

    total: dict[AreaKey, int] = field(default_factory=dict)
    at_level: dict[AreaKey, dict[str, int]] = field(default_factory=dict)

    def finer_levels(self, area: AreaKey) -> set[str]:
        """Return the levels below a covered area to which enough of its tumours are known.

        An area without tumours has the levels of all the areas of its registry.
        """
        among = [area] if self.total.get(area) else list(self.total)
        total = sum(self.total.get(one, 0) for one in among)
        counts: dict[str, int] = {}
        for one in among:
            for level, count in self.at_level.get(one, {}).items():
                counts[level] = counts.get(level, 0) + count
        return {level for level, count in counts.items() if count >= LEAST_LOCATED * total}


class Climbing:
    """Finds the places of a claimant.

    Parameters
    ----------
    membership : Membership
    holders : Holders
    denominators : Denominators
    """

    def __init__(self, membership: Membership, holders: Holders, denominators: Denominators) -> None:
        self.membership, self.holders, self.denominators = membership, holders, denominators
        self._upwards = membership.parents_upwards()
        #: Areas with person-years of their own, by area that holds them.
        self._inside: dict[AreaKey, list[AreaKey]] = {}
        for area in denominators.areas():
            for holder in holders.ever(area):
                self._inside.setdefault(holder, []).append(area)
        self._periods: dict[tuple[Period, ...], tuple[list[Period], bool]] = {}

    def coverage(self, stated: pd.DataFrame, homes: Mapping[AreaKey, int], source: str) -> pd.DataFrame:
        """Return the coverage of one claimant with the areas above and below that count its tumours.

        Parameters
        ----------
        stated : DataFrame
            Its lines of the table `coverage`.
        homes : mapping of AreaKey to int
            Tumours by the area to which they are coded.
        source : str
            Of the tumours; its own person-years come first.
        """
        rows: list[tuple[object, ...]] = []
        covered = {AreaKey(*row) for row in _areas(stated)}
        located = self._located(covered, homes)
        for keys, lines in stated.groupby(_STATED, dropna=False, sort=True):
            period = Period(int(keys[3]), int(keys[4]))
            areas = {AreaKey(*row) for row in _areas(lines)}
            places = {Place(area, period, True) for area in areas}
            places.update(self._above(areas, period, source))
            stated_or_above = {place.area for place in places}
            places.update(self._within(areas, period, source, located))
            rows += [
                (place.area.geo_level, place.area.geo_code, place.area.geo_vintage, *keys[:3],
                 place.period.period_from, place.period.period_until, place.yearly,
                 place.area not in stated_or_above)
                for place in sorted(places, key=lambda one: (one.area, one.period, one.yearly))
            ]  # fmt: skip
        return pd.DataFrame(rows, columns=[*COLUMNS[1:], FINER])

    def _located(self, covered: set[AreaKey], homes: Mapping[AreaKey, int]) -> _Located:
        found = _Located()
        for home, count in homes.items():
            path = {home} | self.holders.ever(home)
            for area in path & covered:
                found.total[area] = found.total.get(area, 0) + count
                for level in {one.geo_level for one in path if area in self.holders.ever(one)}:
                    counts = found.at_level.setdefault(area, {})
                    counts[level] = counts.get(level, 0) + count
        return found

    def _above(self, areas: set[AreaKey], period: Period, source: str) -> Iterator[Place]:
        """Yield the nearest wholly covered areas above those that lack person-years of a year."""
        for run in self.holders.runs(period):
            pending = {area for area in areas if self._lacks(area, run, source)}
            if not pending:
                continue
            reached = set(areas)
            epoch = self.holders.epochs_of(run)[0]
            above = frozenset[AreaKey]().union(*(self.holders.of(area, epoch) for area in pending))
            for parent in self._upwards:
                if parent not in above or parent in reached:
                    continue
                whole = [parts for parts in self.membership.children(parent, run).values()
                         if reached.issuperset(parts) and not pending.isdisjoint(parts)]  # fmt: skip
                if not whole:
                    continue
                reached.add(parent)
                if self._lacks(parent, run, source):
                    pending.add(parent)
                else:
                    yield Place(parent, run, True)

    def _within(self, areas: set[AreaKey], period: Period, source: str, located: _Located) -> Iterator[Place]:
        """Yield the areas within covered ones that have person-years of their own, and their periods."""
        for holder in sorted(areas):
            for one in self._own(holder, source)[0]:
                if period.contains(one):
                    yield Place(holder, one, False)
            levels = located.finer_levels(holder)
            for area in self._inside.get(holder, ()):
                if area.geo_level not in levels or area in areas:
                    continue
                whole, yearly = self._own(area, source)
                for one in whole:
                    if period.contains(one) and self._holds(holder, area, one):
                        yield Place(area, one, False)
                if yearly:
                    for run in self.holders.runs(period):
                        if self._holds(holder, area, run):
                            yield Place(area, run, True)

    def _own(self, area: AreaKey, source: str) -> tuple[list[Period], bool]:
        """Return the periods of several years that no shorter ones make up, and whether there are years."""
        own = tuple(self.denominators.periods_of(area, source))
        if own not in self._periods:
            whole = [one for one in own if one.length > 1
                     and tiling(one, [other for other in own if other != one]) is None]  # fmt: skip
            self._periods[own] = (whole, any(one.length == 1 for one in own))
        return self._periods[own]

    def _holds(self, holder: AreaKey, area: AreaKey, period: Period) -> bool:
        return all(holder in self.holders.of(area, epoch) for epoch in self.holders.epochs_of(period))

    def _lacks(self, area: AreaKey, period: Period, source: str) -> bool:
        """Return whether an area lacks person-years in some year of a period."""
        return any(
            self.denominators.of(area, 1, Period(year, year + 1), source) is None
            and self.denominators.of(area, 2, Period(year, year + 1), source) is None
            for year in period.years
        )


def _areas(table: pd.DataFrame) -> Iterable[tuple[str, str, str]]:
    return table[["geo_level", "geo_code", "geo_vintage"]].itertuples(index=False, name=None)
