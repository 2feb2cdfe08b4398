"""How figures are brought to fit the pages: one that leaves half a page empty before it is made smaller.

A figure is never cut, so one that is taller than what is left of a page goes to the next. Where that leaves
much of the page empty, and a figure a little smaller would stand there, it is made that little smaller.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

#: The body of an A4 page in points: width between margins of 2 cm, and heights from the top of the paper.
TEXT_WIDTH: Final = 17.0 / 2.54 * 72
PAGE_TOP: Final = 2.3 / 2.54 * 72
PAGE_BOTTOM: Final = 27.7 / 2.54 * 72

#: Below this the letters of a figure could no longer be read: 8 points become 6.
SMALLEST_SCALE: Final = 0.76

#: Share of a page that may be empty without a figure being made smaller for it.
ALLOWED_EMPTY: Final = 0.12

#: What stands between two blocks besides themselves, in points.
BETWEEN: Final = 26.0

#: Rounds of layout; each one settles at least one figure of each chapter that has any to settle.
MOST_ROUNDS: Final = 12


@dataclass(frozen=True)
class Mark:
    """Where the flow stands at a part of the document.

    Parameters
    ----------
    kind : str
        ``chapter``, ``heading``, ``figure`` (before it), ``image``, ``end`` (after a figure) or ``text``.
    anchor : str
        Of which figure.
    page : int
    y : float
        Points from the top of the paper.
    height : float
        That of the drawing, of an ``image``.
    """

    kind: str
    anchor: str
    page: int
    y: float
    height: float = 0.0


def fitted(laid_out: Callable[[dict[str, float]], list[Mark]]) -> dict[str, float]:
    """Return the scale of each figure that has one below 1.

    Parameters
    ----------
    laid_out : callable
        Lays the document out with figures at some scales, and returns its marks in order.
    """
    scales: dict[str, float] = {}
    tried: set[str] = set()
    for _ in range(MOST_ROUNDS):
        wanted = _wanted(laid_out(scales), scales, tried)
        if not wanted:
            break
        scales |= wanted
        tried |= set(wanted)
    return scales


def _wanted(marks: list[Mark], scales: dict[str, float], tried: set[str]) -> dict[str, float]:
    """Return the first figure of each chapter that may be made to fit before the page where it stands."""
    found: dict[str, float] = {}
    settled = False
    for place, (before, after) in enumerate(pairwise(marks), start=1):
        if after.kind == "chapter":
            settled = False
        elif not settled and after.page == before.page + 1 and after.kind in ("heading", "figure"):
            group = _group(marks[place:])
            if group is None or group[0] in tried:
                continue
            anchor, image, end = group
            left = PAGE_BOTTOM - before.y
            height = end - after.y + BETWEEN
            smaller = 1.0 - (height - left) / image
            scale = scales.get(anchor, 1.0) * smaller
            if left > ALLOWED_EMPTY * (PAGE_BOTTOM - PAGE_TOP) and SMALLEST_SCALE <= scale < 1.0:
                found[anchor] = scale
                settled = True
    return found


def _group(marks: list[Mark]) -> tuple[str, float, float] | None:
    """Return the figure that begins a page, the height of its drawing and where it ends."""
    figure = next((i for i, mark in enumerate(marks) if mark.kind == "figure"), None)
    if figure is None or any(mark.kind not in ("heading", "text") for mark in marks[:figure]):
        return None
    anchor, page = marks[figure].anchor, marks[0].page
    inside = [mark for mark in marks[figure:] if mark.anchor == anchor and mark.page == page]
    if [mark.kind for mark in inside] != ["figure", "image", "end"]:
        return None
    return anchor, inside[1].height, inside[2].y
