"""Which areas make up which: sums go from a level to the one above, whole areas only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from rnc_epi.vocabulary.areas import AreaKey

if TYPE_CHECKING:
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


class Membership:
    """The links of an extract, by parent and by child.

    Parameters
    ----------
    table : DataFrame
        The extract's `membership`. A link of weight below 1 (an EPCI that crosses a border) cannot serve an
        exact sum and is left out.
    """

    def __init__(self, table: pd.DataFrame) -> None:
        whole = table[table["weight"] >= 1]
        self.links = [
            Link(
                AreaKey(row.child_level, row.child_code, row.child_vintage),
                AreaKey(row.parent_level, row.parent_code, row.parent_vintage),
                None if pd.isna(row.valid_from) else int(row.valid_from),
                None if pd.isna(row.valid_until) else int(row.valid_until),
            )
            for row in whole.itertuples(index=False)
        ]
        self.by_parent: dict[AreaKey, list[Link]] = {}
        self.by_child: dict[AreaKey, list[Link]] = {}
        for link in self.links:
            self.by_parent.setdefault(link.parent, []).append(link)
            self.by_child.setdefault(link.child, []).append(link)

    def children(self, parent: AreaKey, period: Period) -> dict[str, list[AreaKey]]:
        """Return the areas that make up a parent during a period, by level of the children, in code order.

        A level of which the areas change within the period is left out: no one set of areas is the parent.
        """
        by_year: dict[str, list[set[AreaKey]]] = {}
        for link in self.by_parent.get(parent, ()):
            years = by_year.setdefault(link.child.geo_level, [set() for _ in period.years])
            for position, year in enumerate(period.years):
                if link.holds_in(year):
                    years[position].add(link.child)
        return {
            level: sorted(years[0])
            for level, years in sorted(by_year.items())
            if years[0] and all(areas == years[0] for areas in years)
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
