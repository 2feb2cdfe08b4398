"""Codes of ICD-O-3 as whole numbers, and ranges of them as ICD writes them.

A topography ``C34.1`` is 341, a morphology ``8140`` is 8140: ranges then compare alike here, in numpy and in
SQL. Tables are written with inclusive ranges, as ICD does; here they become half-open.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

_TOPOGRAPHY = re.compile(r"C(\d\d)\.?(\d?)", re.IGNORECASE)
_MORPHOLOGY = re.compile(r"(\d{4})(?:/\d)?")
_UNSPECIFIED = "9"


class Span(NamedTuple):
    """Codes from the first up to and without the second."""

    first: int
    until: int

    def holds(self, code: int) -> bool:
        """Tell whether a code lies in the span."""
        return self.first <= code < self.until


Spans = tuple[Span, ...]

#: Every topography, C00.0 to C80.9.
EVERYWHERE: Spans = (Span(0, 810),)


def topography_number(code: str) -> int | None:
    """Return a topography as a number; a category alone is its unspecified part; None where it is no code.

    Examples
    --------
    >>> [topography_number(code) for code in ("C34.1", "c341", "C61", "61")]
    [341, 341, 619, None]
    """
    found = _TOPOGRAPHY.fullmatch(str(code).strip())
    return None if found is None else int(found[1] + (found[2] or _UNSPECIFIED))


def morphology_number(code: str | int) -> int | None:
    """Return a morphology as a number, without its behaviour; None where it is no code.

    Examples
    --------
    >>> morphology_number("8140"), morphology_number("8140/3"), morphology_number("814")
    (8140, 8140, None)
    """
    found = _MORPHOLOGY.fullmatch(str(code).strip())
    return None if found is None else int(found[1])


def morphology_spans(text: str) -> Spans:
    """Read ranges of morphologies.

    Examples
    --------
    >>> morphology_spans("8010-8015, 8050")
    (Span(first=8010, until=8016), Span(first=8050, until=8051))
    """
    parts = (part.partition("-") for part in _parts(text))
    return tuple(Span(int(first), int(last or first) + 1) for first, _, last in parts)


def topography_spans(text: str) -> Spans:
    """Read ranges of topographies, whole categories or subsites.

    Examples
    --------
    >>> topography_spans("C33-C34, C77.9")
    (Span(first=330, until=350), Span(first=779, until=780))
    """
    spans = []
    for part in _parts(text):
        first, _, last = (word.strip().removeprefix("C").replace(".", "") for word in part.partition("-"))
        last = last or first
        spans.append(Span(int(first.ljust(3, "0")), int(last.ljust(3, "9")) + 1))
    return tuple(spans)


def holds(spans: Spans, code: int) -> bool:
    """Tell whether some span holds a code."""
    return any(first <= code < until for first, until in spans)


@cache
def read_table(name: str) -> dict[str, Any]:
    """Return a packaged table of this folder, such as ``read_table("iccc3")``."""
    text = (files("rnc_epi.vocabulary.classification") / f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.replace("\n", " ").split(",") if part.strip()]
