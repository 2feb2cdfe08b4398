"""Ages in completed years, as half-open bands: ``AgeBand(85, None)`` is 85 and over.

A set of bands merges and never splits: dividing a band would invent the ages of people. Unknown age is a
status of a record, never a band. Labels are derived from the ages and can be read back.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rnc_epi.vocabulary.errors import InputError

_CLOSED = re.compile(r"(\d{1,3})\s*(?:[-–—_]|à|to)\s*(\d{1,3})")
_SINGLE = re.compile(r"(\d{1,3})")
_OPEN = re.compile(r"(\d{1,3})\s*(?:\+|p|(?:et|ou)\s+plus|and\s+over|or\s+over)")
_UNDER = re.compile(r"(?:<|moins\s+de|under|less\s+than)\s*(\d{1,3})")
_UNIT = re.compile(r"\s*\b(?:ans?|years?|yrs?)\b\.?\s*")


@dataclass(frozen=True, slots=True)
class AgeBand:
    """Ages from `age_from` up to, and without, `age_until`; ``age_until=None`` is an open band.

    Raises
    ------
    InputError
        V001 where an age is not a whole number of years from 0, or the band is empty.

    Examples
    --------
    >>> AgeBand(40, 45).label()
    '40-44'
    >>> AgeBand(85, None).label("fr")
    '85 ans et plus'
    """

    age_from: int
    age_until: int | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "age_from", _age(self.age_from))
        if self.age_until is not None:
            object.__setattr__(self, "age_until", _age(self.age_until))
            if self.age_until <= self.age_from:
                raise InputError("V001", found=f"[{self.age_from}, {self.age_until})")

    @classmethod
    def parse(cls, label: str) -> AgeBand:
        """Read ``"0-4"``, ``"85+"``, ``"<1"``, ``"95p"``, ``"85 ans et plus"`` or a single age.

        Raises
        ------
        InputError
            V003 where the label is none of these; unknown age is such a label, because it is no band.

        Examples
        --------
        >>> AgeBand.parse("<1"), AgeBand.parse("85+")
        (AgeBand(age_from=0, age_until=1), AgeBand(age_from=85, age_until=None))
        """
        if not isinstance(label, str):
            raise InputError("V003", found=repr(label))
        text = _UNIT.sub(" ", label.casefold()).strip()
        if match := _CLOSED.fullmatch(text):
            return cls(int(match[1]), int(match[2]) + 1)
        if match := _OPEN.fullmatch(text):
            return cls(int(match[1]), None)
        if match := _UNDER.fullmatch(text):
            return cls(0, int(match[1]))
        if match := _SINGLE.fullmatch(text):
            return cls(int(match[1]), int(match[1]) + 1)
        raise InputError("V003", found=label)

    @property
    def is_open(self) -> bool:
        """Whether the band has no upper age."""
        return self.age_until is None

    @property
    def width(self) -> float:
        """Years that the band spans; infinite for an open band."""
        return np.inf if self.age_until is None else float(self.age_until - self.age_from)

    def contains(self, age: float) -> bool:
        """Tell whether an age in years falls in the band."""
        return self.age_from <= age and (self.age_until is None or age < self.age_until)

    def label(self, language: str = "en") -> str:
        """Return ``"0-4"``, ``"85+"`` (``"en"``) or ``"0-4 ans"``, ``"85 ans et plus"`` (``"fr"``)."""
        if language not in ("fr", "en"):
            raise InputError("M005", what="language", found=language, expected="fr, en")
        french = language == "fr"
        if self.age_until is None:
            return f"{self.age_from} ans et plus" if french else f"{self.age_from}+"
        last = self.age_until - 1
        span = str(last) if last == self.age_from else f"{self.age_from}-{last}"
        if not french:
            return span
        return f"{span} an" if last <= 1 else f"{span} ans"

    def __str__(self) -> str:
        return self.label()


def _age(value: object) -> int:
    try:
        age = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise InputError("V001", found=repr(value)) from None
    if isinstance(value, bool) or not 0 <= age <= 150:
        raise InputError("V001", found=repr(value))
    return age


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
        if _age(open_from) % 5 or open_from == 0:
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

        Sums by the coarser bands are then ``np.add.reduceat`` or ``np.bincount`` over this index.

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
