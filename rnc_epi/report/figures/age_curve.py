"""Rates by age: one line a sex, at the true ages, with limits."""

from __future__ import annotations

from typing import Final

import pandas as pd
from matplotlib.axes import Axes

from rnc_epi.report.figures.axis import rates_upwards, shown_values
from rnc_epi.report.figures.style import SEX_COLOURS, SEX_MARKERS, axes_of, drawing_style
from rnc_epi.report.formats import Format
from rnc_epi.report.texts import text
from rnc_epi.vocabulary.schemas import PUBLISHED
from rnc_epi.vocabulary.sexes import Sex

#: Years given on the axis to an open last band, which has no end of its own.
OPEN_BAND_YEARS: Final = 15


def plot_age_curve(
    table: pd.DataFrame, *, ax: Axes | None = None, language: str = "fr", title: str = "", legend: bool = True
) -> Axes:
    """Draw age-specific rates by sex: a bar as wide as the band of ages, a mark in its middle, its limits.

    Parameters
    ----------
    table : DataFrame
        Released rows of ``age_specific_rate`` of one site, area and period: ``sex, age_from, age_until,
        value, lower, upper, status, per``. Rows without a published figure leave a gap.
    ax : Axes, optional
    language : {"fr", "en"}
    title : str
    legend : bool

    Returns
    -------
    Axes

    Examples
    --------
    >>> table = pd.DataFrame({"sex": 1, "age_from": [0, 50], "age_until": pd.array([50, None], dtype="Int64"),
    ...     "value": [2.0, 80.0], "lower": [1.0, 70.0], "upper": [3.0, 90.0], "status": "published",
    ...     "measure_unit": "rate", "per": 100_000})
    >>> plot_age_curve(table, language="en").get_xticks().tolist()
    [0, 50]
    """
    with drawing_style():
        ax = axes_of(ax, 4.2, 3.0)
        for sex, rows in _by_sex(table):
            colour, marker = SEX_COLOURS[sex], SEX_MARKERS[sex]
            start = rows["age_from"].to_numpy(dtype=float)
            end = rows["age_until"].astype("float64").to_numpy()
            end = pd.Series(end).fillna(pd.Series(start + OPEN_BAND_YEARS)).to_numpy()
            middle = (start + end) / 2
            value, lower, upper = shown_values(rows)
            ax.plot(middle, value, color=colour, marker=marker, markersize=3.5, label=sex.label(language))
            ax.hlines(value, start, end, color=colour, linewidth=1.6, alpha=0.55)
            ax.vlines(middle, lower, upper, color=colour, linewidth=0.9)
        edges = sorted({int(age) for age in table["age_from"]})
        ax.set_xticks(edges)
        ax.set_xlim(edges[0] if edges else 0, (edges[-1] if edges else 0) + OPEN_BAND_YEARS + 1)
        ax.set_xlabel(text("axis_age", language))
        rates_upwards(ax, table, language)
        if title:
            ax.set_title(title)
        if legend:
            ax.legend(loc="upper left")
    return ax


def describe_age_curve(table: pd.DataFrame, language: str, *, subject: str) -> str:
    """Return the alternative text: for each sex the age of the highest rate and the rates at both ends.

    Parameters
    ----------
    table : DataFrame
        As :func:`plot_age_curve` takes it.
    language : {"fr", "en"}
    subject : str
        What the figure shows, as its title says it.

    Returns
    -------
    str
        One to a few sentences; what is not published is not told.

    Examples
    --------
    >>> table = pd.DataFrame({"sex": 1, "age_from": [0, 50], "age_until": pd.array([50, None], dtype="Int64"),
    ...     "value": [2.0, 80.0], "lower": [1.0, 70.0], "upper": [3.0, 90.0], "status": "published",
    ...     "measure_unit": "rate", "per": 100_000})
    >>> describe_age_curve(table, "en", subject="Lung")
    'Lung, rates by age. men: 2.0 at ages 0–49, at most 80.0 at ages 50+.'
    """
    written = Format(language)
    sentences = []
    for sex, rows in _by_sex(table):
        shown = rows[rows["status"].eq(PUBLISHED)]
        if shown.empty:
            continue
        top, first = shown.loc[shown["value"].idxmax()], shown.iloc[0]
        sentences.append(
            text(
                "alt_age_curve_sex",
                language,
                sex=sex.label(language),
                first_ages=written.ages(first["age_from"], first["age_until"]),
                first=written.value(first),
                top_ages=written.ages(top["age_from"], top["age_until"]),
                top=written.value(top),
            )
        )
    lead = text("alt_age_curve", language, subject=subject)
    return " ".join([lead, *(sentences or [text("alt_nothing_published", language)])])


def _by_sex(table: pd.DataFrame) -> list[tuple[Sex, pd.DataFrame]]:
    ordered = table.sort_values(["sex", "age_from"], kind="stable")
    found = {Sex(int(code)): rows for code, rows in ordered.groupby("sex", sort=True)}
    # Both sexes together would hide the two others; it is drawn where it stands alone.
    return [(sex, rows) for sex, rows in found.items() if sex != Sex.BOTH or len(found) == 1]
