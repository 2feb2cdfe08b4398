"""Areas one under the other, each with its value and limits, beside the value of reference."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from rnc_epi.report.figures.axis import number_axis, rate_label
from rnc_epi.report.figures.style import INK, QUIET, SEX_COLOURS, SEX_MARKERS, axes_of, drawing_style
from rnc_epi.report.formats import Format
from rnc_epi.report.texts import text
from rnc_epi.vocabulary.schemas import PUBLISHED
from rnc_epi.vocabulary.sexes import Sex


def plot_ranked_areas(
    table: pd.DataFrame,
    *,
    reference: float | None = None,
    reference_label: str = "",
    ax: Axes | None = None,
    language: str = "fr",
    title: str = "",
    width: float = 6.6,
) -> Axes:
    """Draw the value of each area with its limits, the highest on top (a forest).

    Parameters
    ----------
    table : DataFrame
        Released rows of one indicator, site, sex and period, an area each, with its name in ``name``:
        ``name, sex, value, lower, upper, status, measure_unit, per``. Areas without a published figure stand
        at the foot, with the sign of their status.
    reference : float, optional
        Value of the area that holds them all; a ratio is compared with 1.
    reference_label : str
    ax : Axes, optional
    language : {"fr", "en"}
    title : str
    width : float
        Width in inches of a figure of its own.

    Returns
    -------
    Axes

    Examples
    --------
    >>> table = pd.DataFrame({"name": ["Ain", "Gers"], "sex": 1, "value": [10.0, 30.0], "lower": [9.0, 28.0],
    ...     "upper": [11.0, 32.0], "status": "published", "measure_unit": "rate", "per": 100_000})
    >>> [tick.get_text() for tick in plot_ranked_areas(table).get_yticklabels()]
    ['Gers', 'Ain']
    """
    written = Format(language)
    rows = ordered_areas(table)
    shown = rows["status"].eq(PUBLISHED).to_numpy()
    place = np.arange(len(rows))[::-1]
    sex = Sex(int(rows["sex"].iloc[0])) if len(rows) else Sex.BOTH
    with drawing_style():
        ax = axes_of(ax, width, 0.9 + 0.19 * len(rows))
        if reference is not None:
            ax.axvline(reference, color=QUIET, linestyle=(0, (4, 3)), linewidth=1.0, label=reference_label)
        seen = rows[shown]
        ax.hlines(
            place[shown],
            seen["lower"].astype(float),
            seen["upper"].astype(float),
            color=SEX_COLOURS[sex],
            linewidth=1.1,
        )
        ax.plot(
            seen["value"].to_numpy(dtype=float),
            place[shown],
            linestyle="none",
            marker=SEX_MARKERS[sex],
            markersize=4.2,
            color=SEX_COLOURS[sex],
        )
        for y, status in zip(place[~shown], rows.loc[~shown, "status"], strict=True):
            ax.annotate(
                written.status(status),
                (0.01, y),
                xycoords=("axes fraction", "data"),
                va="center",
                fontsize=7,
                color=INK,
            )
        ax.set_yticks(place, rows["name"].tolist())
        ax.set_ylim(-0.7, len(rows) - 0.3)
        ax.tick_params(axis="y", length=0)
        ax.grid(axis="x")
        is_ratio = len(rows) > 0 and rows["measure_unit"].iloc[0] == "ratio"
        ax.set_xlabel(text("axis_ratio", language) if is_ratio else rate_label(table, language))
        number_axis(ax.xaxis, written)
        if title:
            ax.set_title(title)
        if reference is not None and reference_label:
            ax.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.1)
    return ax


def describe_ranked_areas(table: pd.DataFrame, language: str, *, subject: str) -> str:
    """Return the alternative text: how many areas, the extremes, how many without a published figure.

    Parameters
    ----------
    table : DataFrame
        As :func:`plot_ranked_areas` takes it.
    language : {"fr", "en"}
    subject : str
        What the figure shows, as its title says it.

    Returns
    -------
    str
        One to a few sentences; what is not published is not told.

    Examples
    --------
    >>> table = pd.DataFrame({"name": ["Ain", "Gers"], "sex": 1, "value": [10.0, 30.0], "lower": [9.0, 28.0],
    ...     "upper": [11.0, 32.0], "status": "published", "measure_unit": "rate", "per": 100_000})
    >>> "From 10.0 (9.0–11.0) (Ain) to 30.0" in describe_ranked_areas(table, "en", subject="Lung")
    True
    """
    written = Format(language)
    rows = ordered_areas(table)
    shown = rows[rows["status"].eq(PUBLISHED)]
    lead = text("alt_ranked", language, subject=subject, areas=written.number(len(rows)))
    if shown.empty:
        return f"{lead} {text('alt_nothing_published', language)}"
    high, low = shown.iloc[0], shown.iloc[-1]
    sentences = [
        lead,
        text(
            "alt_extremes",
            language,
            low=written.value(low),
            low_limits=written.interval(low),
            low_name=low["name"],
            high=written.value(high),
            high_limits=written.interval(high),
            high_name=high["name"],
        ),
    ]
    if len(shown) < len(rows):
        sentences.append(text("alt_hidden", language, areas=written.number(len(rows) - len(shown))))
    return " ".join(sentences)


def ordered_areas(table: pd.DataFrame) -> pd.DataFrame:
    """Return areas by decreasing value, equal ones by name, those without a published figure last."""
    shown = table["status"].eq(PUBLISHED)
    seen = table[shown].sort_values(["value", "name"], ascending=[False, True], kind="stable")
    return pd.concat([seen, table[~shown].sort_values("name", kind="stable")])
