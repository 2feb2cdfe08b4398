"""Age bands that follow one another, and what they can be merged to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rnc_epi.vocabulary.ages.band import AgeBand, completed_years
from rnc_epi.vocabulary.errors import InputError


@dataclass(frozen=True)
class BandSet:
    """Age bands in order, each starting where the one before ends; only the last may be open.

    Two sets with the same bands are equal and hash alike.

    Parameters
    ----------
    bands : iterable of AgeBand

    Raises
    ------
    InputError
        V002 where the bands are empty, overlap, leave a gap or are out of order.

    Examples
    --------
    >>> five = BandSet.five_year(open_from=85)
    >>> len(five), five.labels()[0], five.labels()[-1]
    (18, '0-4', '85+')
    """

    bands: tuple[AgeBand, ...]

    def __init__(self, bands: Iterable[AgeBand]) -> None:
        bands = tuple(bands)
        if not bands:
            raise InputError("V002", found="—", where=0)
        for position in range(len(bands) - 1):
            if bands[position].age_until != bands[position + 1].age_from:
                found = f"{bands[position]}, {bands[position + 1]}"
                raise InputError("V002", found=found, where=position + 1)
        object.__setattr__(self, "bands", bands)

    @classmethod
    def five_year(cls, open_from: int = 85) -> BandSet:
        """Return 0-4, 5-9, … up to an open band.

        Raises
        ------
        InputError
            V001 where `open_from` is not a multiple of five above 0.
        """
        if completed_years(open_from) % 5 or open_from == 0:
            raise InputError("V001", found=open_from)
        return cls.from_starts(range(0, open_from + 1, 5))

    @classmethod
    def from_starts(cls, starts: Iterable[int], *, open_end: bool = True) -> BandSet:
        """Return the bands that start at the given ages.

        Parameters
        ----------
        starts : iterable of int
        open_end : bool
            Whether the last start opens an open band; otherwise it is the age where the last band ends.

        Examples
        --------
        >>> BandSet.from_starts([0, 1, 5, 15]).labels()
        ('0', '1-4', '5-14', '15+')
        >>> BandSet.from_starts([35, 50, 65], open_end=False).labels()
        ('35-49', '50-64')
        """
        edges: list[int | None] = [*starts]
        if open_end:
            edges.append(None)
        # `is not None` is certain here: only the edge after the last start may be None.
        return cls(AgeBand(a, b) for a, b in pairwise(edges) if a is not None)

    @classmethod
    def from_labels(cls, labels: Iterable[str]) -> BandSet:
        """Return the bands of ordered labels; see `AgeBand.parse`.

        Examples
        --------
        >>> BandSet.from_labels(["<1", "1-4", "5-14", "15+"]).starts
        (0, 1, 5, 15)
        """
        return cls(AgeBand.parse(label) for label in labels)

    def __len__(self) -> int:
        return len(self.bands)

    def __iter__(self) -> Iterator[AgeBand]:
        return iter(self.bands)

    def __getitem__(self, position: int) -> AgeBand:
        return self.bands[position]

    def __str__(self) -> str:
        return " ".join(self.labels())

    @property
    def starts(self) -> tuple[int, ...]:
        """First age of each band."""
        return tuple(band.age_from for band in self.bands)

    @property
    def age_from(self) -> int:
        """First age of the set."""
        return self.bands[0].age_from

    @property
    def age_until(self) -> int | None:
        """Age where the set ends; None where its last band is open."""
        return self.bands[-1].age_until

    @property
    def is_open(self) -> bool:
        """Whether the last band is open."""
        return self.bands[-1].is_open

    @cached_property
    def widths(self) -> NDArray[np.float64]:
        """Years that each band spans, infinite for an open band; shape (bands,), read-only."""
        widths = np.array([band.width for band in self.bands])
        widths.flags.writeable = False
        return widths

    def midpoints(self, *, open_midpoint: float | None = None) -> NDArray[np.float64]:
        """Return the middle age of each band, shape (bands,).

        Parameters
        ----------
        open_midpoint : float, optional
            Age that stands for the open band, which has no middle; the French calibration of incidence uses
            88.5 for 85 and over.

        Raises
        ------
        InputError
            V006 where the set ends with an open band and `open_midpoint` is absent or below the band.

        Examples
        --------
        >>> BandSet.from_starts([0, 5, 10]).midpoints(open_midpoint=12.5).tolist()
        [2.5, 7.5, 12.5]
        """
        middles = np.array(self.starts, dtype=float) + self.widths / 2
        if self.is_open:
            if open_midpoint is None or not self.bands[-1].contains(open_midpoint):
                raise InputError("V006", found=str(self.bands[-1]))
            middles[-1] = open_midpoint
        return middles

    def labels(self, language: str = "en") -> tuple[str, ...]:
        """Return the label of each band, in order."""
        return tuple(band.label(language) for band in self.bands)

    def contains(self, age: float) -> bool:
        """Tell whether an age in years falls in one of the bands."""
        return self.age_from <= age and (self.age_until is None or age < self.age_until)

    def slice_within(self, age_from: int, age_until: int | None) -> slice:
        """Return the positions of the bands that make up exactly `age_from` to `age_until`.

        The slice cuts the age axis of an array whose bands are these.

        Raises
        ------
        InputError
            V004 where a band crosses a limit and would have to be split; V005 where the limits reach beyond
            the bands.

        Examples
        --------
        >>> BandSet.five_year().slice_within(35, 65)
        slice(7, 13, None)
        """
        wanted = AgeBand(age_from, age_until)
        if wanted.age_from < self.age_from or _end(wanted.age_until) > _end(self.age_until):
            raise InputError("V005", found=str(self), expected=str(wanted))
        inside = [
            position
            for position, band in enumerate(self.bands)
            if band.age_from < _end(wanted.age_until) and _end(band.age_until) > wanted.age_from
        ]
        for band in (self.bands[inside[0]], self.bands[inside[-1]]):
            if band.age_from < wanted.age_from or _end(band.age_until) > _end(wanted.age_until):
                raise InputError("V004", found=str(band), expected=str(wanted))
        return slice(inside[0], inside[-1] + 1)

    def truncate(self, age_from: int, age_until: int | None) -> BandSet:
        """Return the bands from `age_from` to `age_until`; refuses where `slice_within` does.

        Examples
        --------
        >>> BandSet.five_year().truncate(0, 75).labels()[-1]
        '70-74'
        """
        return BandSet(self.bands[self.slice_within(age_from, age_until)])

    def coarsen_to(self, other: BandSet) -> NDArray[np.intp]:
        """Return, for each of these bands, the position of the band of `other` that it falls in.

        Sums by the coarser bands are then ``np.bincount`` over this index; see `first_of_each` too.

        Parameters
        ----------
        other : BandSet
            Bands at least as wide, over the same ages.

        Returns
        -------
        ndarray of intp, shape (bands,)

        Raises
        ------
        InputError
            V004 where one of these bands would have to be split; V005 where the two sets do not span the
            same ages, so that a sum would lose people or be partial.

        Examples
        --------
        >>> fine = BandSet.from_starts([0, 1, 5, 10])
        >>> fine.coarsen_to(BandSet.from_starts([0, 5])).tolist()
        [0, 0, 1, 1]
        """
        if self.age_from != other.age_from or self.is_open != other.is_open:
            raise InputError("V005", found=str(self), expected=str(other))
        if self.age_until != other.age_until:
            raise InputError("V005", found=str(self), expected=str(other))
        positions = np.searchsorted(other.starts, self.starts, side="right") - 1
        for band, position in zip(self.bands, positions, strict=True):
            if _end(band.age_until) > _end(other.bands[position].age_until):
                raise InputError("V004", found=str(band), expected=str(other))
        return positions

    def first_of_each(self, other: BandSet) -> NDArray[np.intp]:
        """Return, for each band of a coarser set, the position of the first of these bands inside it.

        ``np.add.reduceat(values, bands.first_of_each(other), axis=-1)`` sums by the coarser bands; refuses
        where `coarsen_to` does.

        Examples
        --------
        >>> fine = BandSet.from_starts([0, 1, 5, 10])
        >>> fine.first_of_each(BandSet.from_starts([0, 5])).tolist()
        [0, 2]
        """
        return np.flatnonzero(np.diff(self.coarsen_to(other), prepend=-1))

    def can_coarsen_to(self, other: BandSet) -> bool:
        """Tell whether `coarsen_to` would succeed."""
        try:
            self.coarsen_to(other)
        except InputError:
            return False
        return True

    def common(self, other: BandSet) -> BandSet:
        """Return the finest bands that both sets can be merged to, without splitting any band of either.

        Raises
        ------
        InputError
            V005 where the two do not span the same ages.

        Examples
        --------
        The ten-year bands of the French open data on deaths and the five-year bands of registries:

        >>> deaths = BandSet.from_starts([0, 1, 5, 15, 25])
        >>> deaths.common(BandSet.from_starts([0, 5, 10, 15, 20])).labels()
        ('0-4', '5-14', '15+')
        """
        if self.age_from != other.age_from or self.age_until != other.age_until:
            raise InputError("V005", found=str(self), expected=str(other))
        starts = sorted(set(self.starts) & set(other.starts))
        if self.age_until is None:
            return BandSet.from_starts(starts)
        return BandSet.from_starts([*starts, self.age_until], open_end=False)


def common_bands(sets: Sequence[BandSet]) -> BandSet:
    """Return the finest bands that every one of several sets can be merged to; see `BandSet.common`.

    Parameters
    ----------
    sets : sequence of BandSet
        One or more.

    Returns
    -------
    BandSet

    Raises
    ------
    InputError
        ``V002`` no set; ``V005`` sets that do not span the same ages.

    Examples
    --------
    >>> common_bands([BandSet.five_year(85), BandSet.five_year(90), BandSet.from_starts([0, 15, 85])]).starts
    (0, 15, 85)
    """
    if not sets:
        raise InputError("V002", found="—", where=0)
    merged = sets[0]
    for other in sets[1:]:
        merged = merged.common(other)
    return merged


def _end(age_until: int | None) -> float:
    return np.inf if age_until is None else age_until
