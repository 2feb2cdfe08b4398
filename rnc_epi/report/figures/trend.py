"""A rate year by year: values with limits, breaks of edition, and the year 2020 apart."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from rnc_epi.report.figures.axis import rates_upwards, shown_values
from rnc_epi.report.figures.style import INK, QUIET, SEX_COLOURS, SEX_MARKERS, axes_of, drawing_style
from rnc_epi.report.formats import Format
from rnc_epi.report.texts import text
from rnc_epi.vocabulary.schemas import PUBLISHED
from rnc_epi.vocabulary.sexes import Sex

#: Years in which care and certification were disturbed (Covid-19): shown hollow, never read as a trend.
DISTURBED_YEARS: Final = (2020,)


def plot_trend(
    table: pd.DataFrame,
    *,
    breaks: Iterable[int] = (),
    ax: Axes | None = None,
    language: str = "fr",
    title: str = "",
    legend: bool = True,
) -> Axes:
    """Draw a rate by year and sex with its limits; the line stops at a break and does not join over it.

    Parameters
    ----------
    table : DataFrame
        Released rows of one indicator, site and area, a year each: ``sex, period_from, value, lower, upper,
        status, per``.
    breaks : iterable of int
        First years of a new definition or edition.
    ax : Axes, optional
    language : {"fr", "en"}
    title : str
    legend : bool

    Returns
    -------
    Axes

    Examples
    --------
    >>> table = pd.DataFrame({"sex": 1, "period_from": [2018, 2019], "value": [10.0, 12.0],
    ...     "lower": [9.0, 11.0], "upper": [11.0, 13.0], "status": "published", "measure_unit": "rate",
    ...     "per": 100_000})
    >>> [tick.get_text() for tick in plot_trend(table).get_xticklabels()]
    ['2018', '2019']
    """
    ordered = table.sort_values(["sex", "period_from"], kind="stable")
    years = np.unique(ordered["period_from"].to_numpy(dtype=int))
    stops = sorted({int(year) for year in breaks if len(years) and years[0] < year <= years[-1]})
    with drawing_style():
        ax = axes_of(ax, 4.2, 3.0)
        sexes = _sexes(ordered)
        for place, sex in enumerate(sexes):
            rows = ordered[ordered["sex"].eq(int(sex))]
            # Side by side, so that the limits of one sex do not hide those of the other.
            shift = 0.08 * (place - (len(sexes) - 1) / 2)
            _draw_sex(ax, rows, sex, stops, shift, language)
        for year in stops:
            ax.axvline(year - 0.5, color=QUIET, linestyle=(0, (4, 3)), linewidth=0.9)
            ax.annotate(
                text("edition_break", language),
                (year - 0.5, 1.0),
                xycoords=("data", "axes fraction"),
                xytext=(2, -2),
                textcoords="offset points",
                fontsize=6.5,
                color=INK,
                rotation=90,
                va="top",
            )
        ax.set_xticks(years, [str(year) for year in years])
        if len(years) > 8:
            ax.set_xticks(years[::2], [str(year) for year in years[::2]])
        ax.margins(x=0.06)
        ax.set_xlabel(text("axis_year", language))
        rates_upwards(ax, table, language)
        if title:
            ax.set_title(title)
        if legend:
            ax.legend(loc="lower left")
    return ax


def _draw_sex(ax: Axes, rows: pd.DataFrame, sex: Sex, stops: list[int], shift: float, language: str) -> None:
    colour, marker = SEX_COLOURS[sex], SEX_MARKERS[sex]
    year = rows["period_from"].to_numpy(dtype=float)
    value, lower, upper = shown_values(rows)
    edges = [-np.inf, *stops, np.inf]
    for start, end in pairwise(edges):
        part = (year >= start) & (year < end)
        ax.plot(year[part] + shift, value[part], color=colour, zorder=2)
    ax.vlines(year + shift, lower, upper, color=colour, linewidth=0.9, zorder=2)
    disturbed = np.isin(year, DISTURBED_YEARS)
    for hollow in (False, True):
        part = disturbed == hollow
        ax.plot(
            year[part] + shift,
            value[part],
            linestyle="none",
            marker=marker,
            markersize=4,
            color=colour,
            markerfacecolor="white" if hollow else colour,
            zorder=3,
            label=None if hollow else sex.label(language),
        )


def describe_trend(table: pd.DataFrame, language: str, *, subject: str, breaks: Iterable[int] = ()) -> str:
    """Return the alternative text: first and last published value by sex, breaks and disturbed years.

    Parameters
    ----------
    table : DataFrame
        As :func:`plot_trend` takes it.
    language : {"fr", "en"}
    subject : str
        What the figure shows, as its title says it.
    breaks : iterable of int
        First years of a new definition or edition.

    Returns
    -------
    str
        One to a few sentences; what is not published is not told.

    Examples
    --------
    >>> table = pd.DataFrame({"sex": 1, "period_from": [2018, 2019], "value": [10.0, 12.0],
    ...     "lower": [9.0, 11.0], "upper": [11.0, 13.0], "status": "published", "measure_unit": "rate",
    ...     "per": 100_000})
    >>> describe_trend(table, "en", subject="Lung")
    'Lung, rates by year. men: 10.0 (9.0–11.0) in 2018, 12.0 (11.0–13.0) in 2019.'
    """
    written = Format(language)
    ordered = table.sort_values(["sex", "period_from"], kind="stable")
    sentences = [text("alt_trend", language, subject=subject)]
    for sex in _sexes(ordered):
        rows = ordered[ordered["sex"].eq(int(sex)) & ordered["status"].eq(PUBLISHED)]
        if rows.empty:
            continue
        first, last = rows.iloc[0], rows.iloc[-1]
        sentences.append(
            text(
                "alt_trend_sex",
                language,
                sex=sex.label(language),
                first_year=int(first["period_from"]),
                first=written.value(first),
                first_limits=written.interval(first),
                last_year=int(last["period_from"]),
                last=written.value(last),
                last_limits=written.interval(last),
            )
        )
    if len(sentences) == 1:
        sentences.append(text("alt_nothing_published", language))
    held = set(ordered["period_from"].astype(int))
    for year in sorted(set(breaks) & held):
        sentences.append(text("alt_trend_break", language, year=year))
    if held & set(DISTURBED_YEARS):
        sentences.append(text("note_2020", language))
    return " ".join(sentences)


def _sexes(table: pd.DataFrame) -> list[Sex]:
    found = [Sex(int(code)) for code in sorted(table["sex"].unique())]
    return [sex for sex in found if sex != Sex.BOTH] or found
