"""Counts on a dense grid of area x sex x period x age band, and the sums that widen it.

Everything is an integer: events are counts and person-years are millionths, so a sum is the same whatever
its order. A cell of the grid is *present* when it is covered; sums are present where all their parts are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

#: Person-years are held as whole millionths, the scale of the contract's DECIMAL(18,6).
PERSON_YEAR_UNIT = 1_000_000


@dataclass(frozen=True)
class Grid:
    """Counts of one event and site.

    Parameters
    ----------
    events : (areas, sexes, periods, bands) int64 array
    unknown_age : (areas, sexes, periods) int64 array
    person_years : (areas, sexes, periods, bands) int64 array
        In millionths; 0 in bands that are not covered.
    present : (areas, sexes, periods) bool array
    source : (areas, sexes, periods) int64 array
        One bit a source, so that the sources of a sum are a bitwise or.
    """

    events: NDArray[np.int64]
    unknown_age: NDArray[np.int64]
    person_years: NDArray[np.int64]
    present: NDArray[np.bool_]
    source: NDArray[np.int64]

    def or_else(self, other: Grid) -> Grid:
        """Return this grid, completed with another where this one is not present."""
        here = self.present
        return Grid(
            events=np.where(here[..., None], self.events, other.events),
            unknown_age=np.where(here, self.unknown_age, other.unknown_age),
            person_years=np.where(here[..., None], self.person_years, other.person_years),
            present=here | other.present,
            source=np.where(here, self.source, other.source),
        )

    def with_axis(self, axis: int, extra: Grid) -> Grid:
        """Return this grid with further entries along an axis (0 areas, 1 sexes, 2 periods)."""
        return Grid(
            *(
                np.concatenate([getattr(self, name), getattr(extra, name)], axis=axis)
                for name in ("events", "unknown_age", "person_years", "present", "source")
            )
        )

    def select(self, axis: int, positions: Sequence[int]) -> Grid:
        """Return some entries of an axis, in the order given."""
        chosen = list(positions)
        return Grid(
            *(
                np.take(getattr(self, name), chosen, axis=axis)
                for name in ("events", "unknown_age", "person_years", "present", "source")
            )
        )

    def sum_of(self, axis: int, positions: Sequence[int]) -> Grid:
        """Return the sum of some entries of an axis, as an axis of one; present where all of them are."""
        parts = self.select(axis, positions)
        present = np.asarray(parts.present.all(axis=axis, keepdims=True))
        return Grid(
            events=parts.events.sum(axis=axis, keepdims=True) * present[..., None],
            unknown_age=parts.unknown_age.sum(axis=axis, keepdims=True) * present,
            person_years=parts.person_years.sum(axis=axis, keepdims=True) * present[..., None],
            present=present,
            source=np.bitwise_or.reduce(parts.source, axis=axis, keepdims=True) * present,
        )

    def complete(self, area: int, parts: Sequence[int], periods: Sequence[int]) -> None:
        """Fill in, in place, the strata of an area that are absent, with the sum of other areas.

        Only periods named, and only where all the parts are present.
        """
        here = np.ix_(list(parts), range(self.present.shape[1]), list(periods))
        target = np.ix_([area], range(self.present.shape[1]), list(periods))
        whole = self.present[here].all(axis=0, keepdims=True) & ~self.present[target]
        if not whole.any():
            return
        for name in ("events", "person_years"):
            values = getattr(self, name)
            values[target] = np.where(
                whole[..., None], values[here].sum(axis=0, keepdims=True), values[target]
            )
        self.unknown_age[target] = np.where(
            whole, self.unknown_age[here].sum(axis=0, keepdims=True), self.unknown_age[target]
        )
        joined = np.bitwise_or.reduce(self.source[here], axis=0, keepdims=True)
        self.source[target] = np.where(whole, joined, self.source[target])
        self.present[target] |= whole

    def sum_of_present(self, axis: int, positions: Sequence[int]) -> Grid:
        """Return the sum of those entries that are present; present where one of them is."""
        parts = self.select(axis, positions)
        return Grid(
            events=(parts.events * parts.present[..., None]).sum(axis=axis, keepdims=True),
            unknown_age=(parts.unknown_age * parts.present).sum(axis=axis, keepdims=True),
            person_years=(parts.person_years * parts.present[..., None]).sum(axis=axis, keepdims=True),
            present=np.asarray(parts.present.any(axis=axis, keepdims=True)),
            source=np.bitwise_or.reduce(parts.source * parts.present, axis=axis, keepdims=True),
        )


def empty_grid(shape: tuple[int, int, int], bands: int) -> Grid:
    """Return a grid in which nothing is present."""
    return Grid(
        events=np.zeros((*shape, bands), dtype=np.int64),
        unknown_age=np.zeros(shape, dtype=np.int64),
        person_years=np.zeros((*shape, bands), dtype=np.int64),
        present=np.zeros(shape, dtype=bool),
        source=np.zeros(shape, dtype=np.int64),
    )


def sum_of_sites(parts: list[Grid], needed: list[NDArray[np.bool_]]) -> Grid:
    """Return the sum of sites over one population.

    Parameters
    ----------
    parts : list of Grid
        The children of a site.
    needed : list of (sexes,) bool arrays
        Whether a child exists in each sex; a child that does not is no gap (a structural zero).

    Returns
    -------
    Grid
        Present where every child that exists in that sex is; its person-years are those of the population,
        counted once: in a band, covered only if all children are covered there.
    """
    shape, bands = parts[0].present.shape, parts[0].events.shape[-1]
    exists = [np.broadcast_to(flags[None, :, None], shape) for flags in needed]
    any_exists = reduce(np.logical_or, exists)
    present = any_exists & reduce(
        np.logical_and, [part.present | ~flag for part, flag in zip(parts, exists, strict=True)]
    )
    events = np.zeros((*shape, bands), dtype=np.int64)
    unknown = np.zeros(shape, dtype=np.int64)
    source = np.zeros(shape, dtype=np.int64)
    person_years = np.full((*shape, bands), np.iinfo(np.int64).max)
    for part, flag in zip(parts, exists, strict=True):
        counted = flag & present
        events += part.events * counted[..., None]
        unknown += part.unknown_age * counted
        source |= part.source * counted
        person_years = np.where(counted[..., None], np.minimum(person_years, part.person_years), person_years)
    return Grid(events, unknown, np.where(present[..., None], person_years, 0), present, source)
