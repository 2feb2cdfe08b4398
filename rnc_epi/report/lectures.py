"""How a figure is read, told on one of its own published numbers ("Lecture : …")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rnc_epi.report.formats import Format
from rnc_epi.report.texts import text
from rnc_epi.vocabulary.schemas import PUBLISHED
from rnc_epi.vocabulary.sexes import Sex
from rnc_epi.vocabulary.sites import SITES

if TYPE_CHECKING:
    import pandas as pd


def example_of(rows: pd.DataFrame, *, middle: bool = False) -> dict[str, Any] | None:
    """Return the row that a reader is shown how to read: that of the highest value, or the one in the middle.

    Only published rows with both limits; None where there is none. Among areas the middle one is shown, so
    that a note on reading points at nobody.
    """
    shown = rows[rows["status"].eq(PUBLISHED) & rows["lower"].notna() & rows["upper"].notna()]
    if shown.empty:
        return None
    keys = [name for name in ("value", "name", "site", "sex", "geo_code", "period_from") if name in shown]
    ordered = shown.sort_values(keys, kind="stable")
    return dict(ordered.iloc[len(ordered) // 2 if middle else -1])


def lecture(kind: str, row: dict[str, Any] | None, language: str, **facts: str) -> str:
    """Return how a kind of figure is read on a row, empty where there is none to read.

    Parameters
    ----------
    kind : str
        The end of the key of its text.
    row : dict or None
        From :func:`example_of`.
    language : {"fr", "en"}
    **facts
        What the row does not hold, such as the name of its area.
    """
    if row is None:
        return ""
    written = Format(language)
    held = {
        "site": SITES[row["site"]].name(language) if row.get("site") in SITES else "",
        "sex": Sex(int(row["sex"])).label(language) if "sex" in row else "",
        "name": str(row.get("name", "")),
        "value": written.value(row),
        "limits": written.interval(row),
        "per": written.number(int(row["per"])) if "per" in row else "",
    }
    return text(f"read_{kind}", language, **(held | facts))
