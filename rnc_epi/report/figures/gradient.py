"""Rates of groups of deprivation: along the scale for a site, and side by side for several (equiplot)."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from rnc_epi.report.figures.axis import number_axis, rate_label, shown_values
from rnc_epi.report.figures.style import INK, QUIET, SEX_COLOURS, SEX_MARKERS, axes_of, drawing_style
from rnc_epi.report.formats import Format
from rnc_epi.report.texts import text
from rnc_epi.vocabulary.deprivation import group_number
from rnc_epi.vocabulary.schemas import PUBLISHED
from rnc_epi.vocabulary.sexes import Sex

#: From the least to the most deprived end, pale to dark: ordered in grey and for every colour vision.
LIGHTEST, DARKEST = np.array([0.78, 0.85, 0.93]), np.array([0.02, 0.22, 0.38])

#: Markers of the first and last group: the direction is seen without the colours.
_FIRST, _LAST = "o", "s"


def of_groups(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of groups with their number in ``group``, from the least to the most deprived."""
    number = table["stratum"].map(group_number)
    return table.assign(group=number)[number.notna().to_numpy()].sort_values("group", kind="stable")


def plot_gradient(
    table: pd.DataFrame,
    *,
    ax: Axes | None = None,
    language: str = "fr",
    title: str = "",
    legend: bool = True,
) -> Axes:
    """Draw the rate of each group of deprivation by sex, with limits.

    Parameters
    ----------
    table : DataFrame
        Released rows of one rate, site, area and period: ``stratum`` (``Q1``…), ``sex, value, lower, upper,
        status, per``. Groups without a published figure are left out, and the line stops there.
    ax : Axes, optional
    language : {"fr", "en"}
    title : str
    legend : bool

    Returns
    -------
    Axes
    """
    rows = of_groups(table)
    sexes = [Sex(int(code)) for code in sorted(rows["sex"].unique())]
    groups = sorted(rows["group"].astype(int).unique())
    with drawing_style():
        ax = axes_of(ax, 3.4, 2.8)
        for place, sex in enumerate(sexes):
            part = rows[rows["sex"].eq(int(sex))].set_index("group").reindex(groups)
            part = part.assign(status=part["status"].fillna("_"))
            value, lower, upper = shown_values(part)
            x = np.array(groups, dtype=float) + 0.08 * (place - (len(sexes) - 1) / 2) * 2
            look: dict[str, Any] = {"color": SEX_COLOURS[sex], "zorder": 2}
            ax.plot(x, value, marker=SEX_MARKERS[sex], markersize=4.5, label=sex.label(language), **look)
            ax.vlines(x, lower, upper, linewidth=1.0, **look)
        ax.set_xticks(groups, [f"Q{group}" for group in groups])
        ax.set_xlabel(text("axis_deprivation", language))
        ax.set_ylabel(rate_label(table, language))
        ax.set_ylim(bottom=0)
        ax.grid(axis="y")
        number_axis(ax.yaxis, Format(language))
        if title:
            ax.set_title(title)
        if legend and len(sexes) > 1:
            ax.legend(loc="best")
    return ax


def plot_equiplot(
    table: pd.DataFrame,
    *,
    ax: Axes | None = None,
    language: str = "fr",
    title: str = "",
    width: float = 6.6,
    legend: bool = True,
) -> Axes:
    """Draw the rates of the groups of each line on one horizontal segment, its widest gap on top.

    Parameters
    ----------
    table : DataFrame
        Released rows of one rate: ``name`` (what a line is), ``stratum, value, status, per``. Lines of which
        a group is not published are left out: a segment without its end would shrink the gap.
    ax : Axes, optional
    language : {"fr", "en"}
    title : str
    width : float
    legend : bool

    Returns
    -------
    Axes
    """
    lines = equiplot_lines(table)
    with drawing_style():
        ax = axes_of(ax, width, 1.1 + 0.22 * len(lines))
        last = max((len(values) for _, values in lines), default=1)
        colours = LIGHTEST + np.linspace(0, 1, last)[:, None] * (DARKEST - LIGHTEST)
        for place, (_, values) in enumerate(reversed(lines)):
            ax.hlines(place, values.min(), values.max(), color=QUIET, linewidth=1.4, zorder=1)
            for group, value in enumerate(values):
                marker = _FIRST if group < len(values) - 1 else _LAST
                ax.plot(
                    [value], [place], linestyle="none", marker=marker, markersize=5.2,
                    color=tuple(colours[group]), markeredgecolor=INK, markeredgewidth=0.4, zorder=2,
                )  # fmt: skip
        ax.set_yticks(range(len(lines)), [name for name, _ in reversed(lines)])
        ax.set_ylim(-0.7, len(lines) - 0.3)
        ax.set_xlim(left=0)
        ax.tick_params(axis="y", length=0)
        ax.grid(axis="x")
        ax.set_xlabel(rate_label(table, language))
        number_axis(ax.xaxis, Format(language))
        if title:
            ax.set_title(title, pad=18 if legend else None)
        if legend:
            handles = [
                Line2D(
                    [], [], linestyle="none", marker=_FIRST if group < last - 1 else _LAST, markersize=5.2,
                    color=tuple(colours[group]), markeredgecolor=INK, markeredgewidth=0.4,
                    label=_group_label(group, last, language),
                )
                for group in range(last)
            ]  # fmt: skip
            ax.legend(
                handles=handles,
                loc="lower left",
                bbox_to_anchor=(0.0, 1.0),
                ncols=min(last, 5),
                borderaxespad=0.1,
            )
    return ax


def equiplot_lines(table: pd.DataFrame) -> list[tuple[str, np.ndarray]]:
    """Return the lines of an equiplot: a name, and rates from the least deprived; widest gap first."""
    rows = of_groups(table)
    found = []
    for name, part in rows.groupby("name", sort=True):
        if len(part) > 1 and part["status"].eq(PUBLISHED).all():
            found.append((str(name), part["value"].to_numpy(dtype=float)))
    return sorted(found, key=lambda line: (-abs(line[1][-1] - line[1][0]), line[0]))


def _group_label(group: int, last: int, language: str) -> str:
    ends: Final = {0: "group_least", last - 1: "group_most"}
    name = f"Q{group + 1}"
    return text(ends[group], language, group=name) if group in ends else name


def describe_gradient(table: pd.DataFrame, language: str, *, subject: str) -> str:
    """Return the alternative text: the published rates of both ends by sex."""
    written = Format(language)
    rows = of_groups(table)
    sentences = [text("alt_gradient", language, subject=subject)]
    for code in sorted(rows["sex"].unique()):
        shown = rows[rows["sex"].eq(code) & rows["status"].eq(PUBLISHED)]
        if len(shown) < 2:
            continue
        first, last = shown.iloc[0], shown.iloc[-1]
        sentences.append(
            text(
                "alt_gradient_sex",
                language,
                sex=Sex(int(code)).label(language),
                first=f"Q{int(first['group'])}",
                low=written.value(first),
                low_limits=written.interval(first),
                last=f"Q{int(last['group'])}",
                high=written.value(last),
                high_limits=written.interval(last),
            )
        )
    if len(sentences) == 1:
        sentences.append(text("alt_nothing_published", language))
    return " ".join(sentences)


def describe_equiplot(table: pd.DataFrame, language: str, *, subject: str) -> str:
    """Return the alternative text: how many lines, and the three widest gaps."""
    written = Format(language)
    lines = equiplot_lines(table)
    lead = text("alt_equiplot", language, subject=subject, lines=written.number(len(lines)))
    if not lines:
        return f"{lead} {text('alt_nothing_published', language)}"
    told = [
        text(
            "alt_equiplot_line",
            language,
            name=name,
            least=written.number(values[0], 1),
            most=written.number(values[-1], 1),
        )
        for name, values in lines[:3]
    ]
    return f"{lead} {' '.join(told)}"
