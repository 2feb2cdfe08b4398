"""Periods of whole calendar years, half-open: ``Period(2013, 2018)`` is 2013 to 2017 inclusive.

Lengths may differ from one registry to another within one study, so a period never implies a length:
person-years are stored, never deduced from it.
"""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass

from rnc_epi.vocabulary.errors import InputError

_LABEL = re.compile(r"\s*(\d{4})\s*(?:[-–—/]\s*(\d{4})\s*)?")


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """Calendar years from `period_from` up to, and without, `period_until`.

    Raises
    ------
    InputError
        V020 where a year is not a whole number of four digits or the period is empty.

    Examples
    --------
    >>> period = Period(2013, 2018)
    >>> period.label, period.length
    ('2013-2017', 5)
    """

    period_from: int
    period_until: int

    def __post_init__(self) -> None:
        for name in ("period_from", "period_until"):
            object.__setattr__(self, name, _year(getattr(self, name)))
        if self.period_from >= self.period_until:
            raise InputError("V020", found=f"[{self.period_from}, {self.period_until})")

    @classmethod
    def parse(cls, label: str) -> Period:
        """Read an inclusive label: ``"2013-2017"`` is the half-open period 2013 to 2018.

        Raises
        ------
        InputError
            V021 where the label is not one or two years; V020 where they are in the wrong order.

        Examples
        --------
        >>> Period.parse("2013-2017")
        Period(period_from=2013, period_until=2018)
        >>> Period.parse("2015").length
        1
        """
        match = _LABEL.fullmatch(label) if isinstance(label, str) else None
        if match is None:
            raise InputError("V021", found=label)
        first = int(match[1])
        last = int(match[2]) if match[2] else first
        return cls(first, last + 1)

    @property
    def label(self) -> str:
        """First and last year, both included, as readers expect them; one year alone for a single year."""
        last = self.period_until - 1
        return str(last) if self.length == 1 else f"{self.period_from}-{last}"

    @property
    def length(self) -> int:
        """Number of calendar years."""
        return self.period_until - self.period_from

    @property
    def years(self) -> range:
        """The calendar years, in order."""
        return range(self.period_from, self.period_until)

    def contains(self, other: Period | int) -> bool:
        """Tell whether a year, or every year of another period, lies inside."""
        if isinstance(other, Period):
            return self.period_from <= other.period_from and other.period_until <= self.period_until
        return self.period_from <= other < self.period_until

    def overlaps(self, other: Period) -> bool:
        """Tell whether the two share at least one year; periods that only touch do not."""
        return self.period_from < other.period_until and other.period_from < self.period_until

    def __str__(self) -> str:
        return self.label


def _year(value: object) -> int:
    try:
        year = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise InputError("V020", found=repr(value)) from None
    # The bound of period_until is 10000 because 9999 may itself be the last year included.
    if isinstance(value, bool) or not 1000 <= year <= 10_000:
        raise InputError("V020", found=repr(value))
    return year
