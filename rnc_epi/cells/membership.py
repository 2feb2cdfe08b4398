"""Which areas make up which: sums go from a level to the one above, whole areas only."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from rnc_epi.vocabulary.areas import AreaKey
from rnc_epi.vocabulary.periods import Period


@dataclass(frozen=True)
class Link:
    """A child area, the parent that wholly contains it, and the years for which this holds."""

    child: AreaKey
    parent: AreaKey
    valid_from: int | None
    valid_until: int | None

    def holds_in(self, year: int) -> bool:
        """Return whether the link holds in a year."""
        starts = self.valid_from is None or self.valid_from <= year
        ends = self.valid_until is None or self.valid_until > year
        return starts and ends


def _links(table: pd.DataFrame) -> list[Link]:
    return [
        Link(
            AreaKey(row.child_level, row.child_code, row.child_vintage),
            AreaKey(row.parent_level, row.parent_code, row.parent_vintage),
            None if pd.isna(row.valid_from) else int(row.valid_from),
            None if pd.isna(row.valid_until) else int(row.valid_until),
        )
        for row in table.itertuples(index=False)
    ]


class Membership:
    """The links of an extract, by parent and by child.

    Parameters
    ----------
    table : DataFrame
        The extract's `membership`. A link of weight below 1 (an EPCI that crosses a border) cannot serve an
        exact sum and is left out, and with it all areas of its level: without the part, they are not the
        parent.
    """

    def __init__(self, table: pd.DataFrame) -> None:
        self.links = _links(table[table["weight"] >= 1])
        #: Links of a part of an area.
        self.partial: dict[AreaKey, list[Link]] = {}
        for link in _links(table[table["weight"] < 1]):
            self.partial.setdefault(link.parent, []).append(link)
        self.by_parent: dict[AreaKey, list[Link]] = {}
        self.by_child: dict[AreaKey, list[Link]] = {}
        for link in self.links:
            self.by_parent.setdefault(link.parent, []).append(link)
            self.by_child.setdefault(link.child, []).append(link)

    def children(self, parent: AreaKey, period: Period) -> dict[str, list[AreaKey]]:
        """Return the areas that make up a parent during a period, by level of the children, in code order.

        A level of which the areas change within the period is left out: no one set of areas is the parent. So
        is a level of which an area lies there in part.
        """
        in_part = {
            link.child.geo_level
            for link in self.partial.get(parent, ())
            if any(link.holds_in(year) for year in period.years)
        }
        by_year: dict[str, list[set[AreaKey]]] = {}
        for link in self.by_parent.get(parent, ()):
            years = by_year.setdefault(link.child.geo_level, [set() for _ in period.years])
            for position, year in enumerate(period.years):
                if link.holds_in(year):
                    years[position].add(link.child)
        return {
            level: sorted(years[0])
            for level, years in sorted(by_year.items())
            if years[0] and all(areas == years[0] for areas in years) and level not in in_part
        }

    def parents_upwards(self) -> list[AreaKey]:
        """Return every parent, each after all parents that lie below it.

        A cycle cannot be summed; its areas are left out (the checks of the extract refuse it).
        """
        order: list[AreaKey] = []
        state: dict[AreaKey, int] = {}

        def visit(parent: AreaKey) -> None:
            if state.get(parent):
                return
            state[parent] = 1
            for link in self.by_parent[parent]:
                if link.child in self.by_parent:
                    visit(link.child)
            order.append(parent)

        for parent in sorted(self.by_parent):
            visit(parent)
        return order


class Holders:
    """Which areas hold an area, year by year; years between two changes of membership are one epoch."""

    def __init__(self, membership: Membership) -> None:
        self.membership = membership
        bounds = {link.valid_from for link in membership.links}
        bounds |= {link.valid_until for link in membership.links}
        self._bounds = sorted(bound for bound in bounds if bound is not None)
        self._years = [(self._bounds[0] if self._bounds else 0) - 1, *self._bounds]
        self._known: dict[tuple[AreaKey, int], frozenset[AreaKey]] = {}

    @property
    def epochs(self) -> range:
        """Numbers of the epochs."""
        return range(len(self._years))

    def epochs_of(self, period: Period) -> tuple[int, ...]:
        """Return the epochs in which the years of a period lie."""
        found = np.searchsorted(self._bounds, np.array(list(period.years)), side="right")
        return tuple(sorted(set(found.tolist())))

    def runs(self, period: Period) -> list[Period]:
        """Return the pieces of a period in which the membership does not change."""
        cuts = [bound for bound in self._bounds if period.period_from < bound < period.period_until]
        edges = [period.period_from, *cuts, period.period_until]
        return [Period(first, until) for first, until in pairwise(edges)]

    def of(self, area: AreaKey, epoch: int) -> frozenset[AreaKey]:
        """Return every area that holds an area in an epoch, however many levels up."""
        key = (area, epoch)
        if key not in self._known:
            self._known[key] = frozenset()  # a cycle ends here; the checks of the extract refuse it
            found: set[AreaKey] = set()
            for link in self.membership.by_child.get(area, ()):
                if link.holds_in(self._years[epoch]):
                    found |= {link.parent} | self.of(link.parent, epoch)
            self._known[key] = frozenset(found)
        return self._known[key]

    def ever(self, area: AreaKey) -> frozenset[AreaKey]:
        """Return every area that holds an area in some epoch."""
        return frozenset().union(*(self.of(area, epoch) for epoch in self.epochs))
