"""One age band, its label, and the labels that are understood."""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass

import numpy as np

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
        object.__setattr__(self, "age_from", completed_years(self.age_from))
        if self.age_until is not None:
            object.__setattr__(self, "age_until", completed_years(self.age_until))
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


def completed_years(value: object) -> int:
    """Return an age as a whole number of years from 0; V001 where it is none."""
    try:
        age = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise InputError("V001", found=repr(value)) from None
    if isinstance(value, bool) or not 0 <= age <= 150:
        raise InputError("V001", found=repr(value))
    return age
