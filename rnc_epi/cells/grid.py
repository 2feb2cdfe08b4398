"""Counts on a dense grid of area x sex x period x age band, and the sums that widen it.

Everything is an integer: events are counts and person-years are millionths, so a sum is the same whatever
its order. A stratum of the grid is *present* when some age of it is covered, a band of it is *covered* when
events are counted there; sums are present, and covered, where all their parts are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Person-years are held as whole millionths, the scale of the contract's DECIMAL(18,6).
PERSON_YEAR_UNIT = 1_000_000

#: An index of areas, sexes and periods.
Where = tuple[Any, ...]

_BY_BAND = ("events", "person_years", "covered")
_BY_STRATUM = ("unknown_age", "source")


@dataclass(frozen=True)
class Grid:
    """Counts of one event and site.

    Parameters
    ----------
    events : (areas, sexes, periods, bands) int64 array
        0 in bands that are not covered.
    person_years : (areas, sexes, periods, bands) int64 array
        In millionths; 0 in bands that are not covered.
    covered : (areas, sexes, periods, bands) bool array
    unknown_age : (areas, sexes, periods) int64 array
    source : (areas, sexes, periods) int64 array
        One bit a source, so that the sources of a sum are a bitwise or.
    """

    events: NDArray[np.int64]
    person_years: NDArray[np.int64]
    covered: NDArray[np.bool_]
    unknown_age: NDArray[np.int64]
    source: NDArray[np.int64]

    @property
    def present(self) -> NDArray[np.bool_]:
        """Strata of which some age is covered."""
        return np.asarray(self.covered.any(axis=-1))

    @property
    def shape(self) -> tuple[int, ...]:
        """Areas, sexes, periods and bands."""
        return self.events.shape

    def padded(self, axis: int, more: int) -> Grid:
        """Return this grid with further, empty entries along an axis (0 areas, 1 sexes, 2 periods)."""
        return Grid(
            **{
                name: np.concatenate(
                    [values, np.zeros((*values.shape[:axis], more, *values.shape[axis + 1 :]), values.dtype)],
                    axis=axis,
                )
                for name, values in self._arrays()
            }
        )

    def merged(self, groups: NDArray[np.intp]) -> Grid:
        """Return the grid by wider bands: `groups` gives the wide band of each band, in order."""
        starts = np.flatnonzero(np.diff(groups, prepend=-1))
        covered = np.logical_and.reduceat(self.covered, starts, axis=-1)
        return Grid(
            events=np.add.reduceat(self.events, starts, axis=-1) * covered,
            person_years=np.add.reduceat(self.person_years, starts, axis=-1) * covered,
            covered=covered,
            unknown_age=self.unknown_age,
            source=self.source,
        )

    def at(self, *where: Any) -> Grid:
        """Return the entries at an index of areas, sexes and periods."""
        return Grid(**{name: values[where] for name, values in self._arrays()})

    def complete(self, target: Where, other: Grid) -> None:
        """Fill in, in place, the strata at an index that are absent, with those of another grid."""
        self.put(target, other, ~self.at(*target).present & other.present)

    def put(self, target: Where, other: Grid, where: NDArray[np.bool_]) -> None:
        """Replace, in place, some strata at an index with those of another grid."""
        if not where.any():
            return
        for name, values in self._arrays():
            here = where[..., None] if name in _BY_BAND else where
            values[target] = np.where(here, getattr(other, name), values[target])

    def clear(self, target: Where) -> None:
        """Empty, in place, the strata at an index."""
        for _, values in self._arrays():
            values[target] = 0

    def copy(self) -> Grid:
        """Return a grid of its own arrays."""
        return Grid(**{name: values.copy() for name, values in self._arrays()})

    def sum_over(self, axis: int) -> Grid:
        """Return the sum along an axis, kept with length 1; covered where all its entries are."""
        return _kept(**self._totals(axis), covered=np.asarray(self.covered.all(axis=axis, keepdims=True)))

    def sum_of_covered(self, axis: int) -> Grid:
        """Return the sum along an axis of what is covered; covered where one of its entries is."""
        return Grid(**self._totals(axis), covered=np.asarray(self.covered.any(axis=axis, keepdims=True)))

    def _totals(self, axis: int) -> dict[str, NDArray[np.int64]]:
        return {
            "events": self.events.sum(axis=axis, keepdims=True),
            "person_years": self.person_years.sum(axis=axis, keepdims=True),
            "unknown_age": self.unknown_age.sum(axis=axis, keepdims=True),
            "source": np.bitwise_or.reduce(self.source, axis=axis, keepdims=True),
        }

    def restricted_to(self, where: NDArray[np.bool_]) -> Grid:
        """Return the grid with nothing left in bands where a mask is False."""
        return _kept(
            events=self.events,
            person_years=self.person_years,
            covered=self.covered & where,
            unknown_age=self.unknown_age,
            source=self.source,
        )

    def sums_from(self, starts: NDArray[np.intp], *, of_covered: bool) -> Grid:
        """Return the sums of runs of areas, by where each run starts.

        Covered where all entries of a run are, or, `of_covered`, where one of them is.
        """
        reach = np.logical_or if of_covered else np.logical_and
        return _kept(
            events=np.add.reduceat(self.events, starts, axis=0),
            person_years=np.add.reduceat(self.person_years, starts, axis=0),
            covered=reach.reduceat(self.covered, starts, axis=0),
            unknown_age=np.add.reduceat(self.unknown_age, starts, axis=0),
            source=np.bitwise_or.reduceat(self.source, starts, axis=0),
        )

    def plus(self, other: Grid) -> Grid:
        """Return the sum with another grid of the same shape; covered where both are."""
        return _kept(
            events=self.events + other.events,
            person_years=self.person_years + other.person_years,
            covered=self.covered & other.covered,
            unknown_age=self.unknown_age + other.unknown_age,
            source=self.source | other.source,
        )

    def _arrays(self) -> list[tuple[str, NDArray]]:
        return [(name, getattr(self, name)) for name in (*_BY_BAND, *_BY_STRATUM)]


def _kept(
    *,
    events: NDArray[np.int64],
    person_years: NDArray[np.int64],
    covered: NDArray[np.bool_],
    unknown_age: NDArray[np.int64],
    source: NDArray[np.int64],
) -> Grid:
    """Return a grid of sums, with nothing left where it is not covered."""
    present = covered.any(axis=-1)
    return Grid(events * covered, person_years * covered, covered, unknown_age * present, source * present)


def empty_grid(shape: tuple[int, ...]) -> Grid:
    """Return a grid in which nothing is covered."""
    return Grid(
        events=np.zeros(shape, dtype=np.int64),
        person_years=np.zeros(shape, dtype=np.int64),
        covered=np.zeros(shape, dtype=bool),
        unknown_age=np.zeros(shape[:3], dtype=np.int64),
        source=np.zeros(shape[:3], dtype=np.int64),
    )


class SiteSum:
    """The sum of the children of a site over one population, taken one at a time.

    A child that does not exist in a sex is no gap there (a structural zero); elsewhere the sum is covered
    where every child is. Its person-years are those of the population, counted once.
    """

    def __init__(self) -> None:
        self._total: Grid | None = None
        self._seen = [False, False]
        self._failed = [False, False]

    @property
    def value(self) -> Grid | None:
        """The sum of the children so far, None where nothing is covered."""
        return self._total

    def add(self, part: Grid | None, sexes: Sequence[bool]) -> None:
        """Add a child, or None for a child that nobody covers, with the sexes in which it exists."""
        if part is not None and self._total is None:
            self._total = empty_grid(part.shape)
        for column in (0, 1):
            if not sexes[column] or self._failed[column]:
                continue
            at = (slice(None), slice(column, column + 1))
            if part is None:
                self._failed[column] = True
                if self._total is not None:
                    self._total.clear(at)
                continue
            total = self._total
            assert total is not None
            if not self._seen[column]:
                total.put(at, part.at(*at), part.at(*at).present)
                self._seen[column] = True
                continue
            both = total.at(*at).plus(part.at(*at))
            # One population: the person-years of the sum are those of any of its parts.
            both.person_years[...] = total.person_years[at] * both.covered
            total.clear(at)
            total.put(at, both, both.present)
