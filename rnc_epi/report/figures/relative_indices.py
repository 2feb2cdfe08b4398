"""Relative indices of inequality: a forest by site, and the absolute beside the relative over the years."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from rnc_epi.report.figures.axis import number_axis
from rnc_epi.report.figures.style import INK, QUIET, SEX_COLOURS, SEX_MARKERS, axes_of, drawing_style
from rnc_epi.report.formats import Format
from rnc_epi.report.texts import text
from rnc_epi.vocabulary.schemas import PUBLISHED
from rnc_epi.vocabulary.sexes import Sex

#: Ticks of a ratio axis, those that its limits reach.
_TICKS = (0.1, 0.2, 0.33, 0.5, 0.67, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0)


def shown_ratios(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a forest that can be drawn: published, above zero, with both limits."""
    numbers = table[["value", "lower", "upper"]].astype(float)
    drawable = table["status"].eq(PUBLISHED) & np.isfinite(numbers).all(axis=1) & numbers.gt(0).all(axis=1)
    return table[drawable]


def plot_forest(
    table: pd.DataFrame,
    *,
    ax: Axes | None = None,
    language: str = "fr",
    title: str = "",
    width: float = 6.6,
    axis_title: str = "",
) -> Axes:
    """Draw a ratio by site and sex with its limits on a logarithmic axis, the highest on top.

    Parameters
    ----------
    table : DataFrame
        Released rows: ``name, sex, value, lower, upper, status``. Rows that are not published or lack a limit
        are left out.
    ax : Axes, optional
    language : {"fr", "en"}
    title, axis_title : str
    width : float

    Returns
    -------
    Axes
    """
    rows = shown_ratios(table)
    names = ordered_names(rows)
    place = {name: len(names) - 1 - i for i, name in enumerate(names)}
    sexes = [Sex(int(code)) for code in sorted(rows["sex"].unique())]
    with drawing_style():
        ax = axes_of(ax, width, 1.0 + 0.22 * len(names))
        ax.axvline(1.0, color=QUIET, linewidth=1.0, zorder=1)
        for position, sex in enumerate(sexes):
            part = rows[rows["sex"].eq(int(sex))]
            y = part["name"].map(place).to_numpy(dtype=float) + 0.17 * ((len(sexes) - 1) - 2 * position)
            look: dict[str, Any] = {"color": SEX_COLOURS[sex], "zorder": 2}
            ax.hlines(y, part["lower"].astype(float), part["upper"].astype(float), linewidth=1.1, **look)
            ax.plot(
                part["value"].to_numpy(dtype=float), y, linestyle="none", marker=SEX_MARKERS[sex],
                markersize=4.0, label=sex.label(language), **look,
            )  # fmt: skip
        ax.set_yticks(range(len(names))[::-1], names)
        ax.set_ylim(-0.7, len(names) - 0.3)
        ax.tick_params(axis="y", length=0)
        ax.grid(axis="x")
        _ratio_axis(ax.xaxis, rows, language)
        ax.set_xscale("log")
        _ratio_axis(ax.xaxis, rows, language)
        ax.set_xlabel(axis_title or text("axis_relative_index", language))
        if title:
            ax.set_title(title)
        if len(sexes) > 1:
            ax.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, borderaxespad=0.1)
    return ax


def _ratio_axis(axis: Any, rows: pd.DataFrame, language: str) -> None:
    written = Format(language)
    low, high = rows["lower"].astype(float).min(), rows["upper"].astype(float).max()
    ticks = [tick for tick in _TICKS if low <= tick <= high] if len(rows) else []
    # A narrow range has few usual ticks: one stands on each side of 1.
    if 1.0 not in ticks:
        ticks.append(1.0)
    axis.set_major_locator(FixedLocator(sorted(ticks)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: written.number(value, _decimals(value))))


def _decimals(value: float) -> int:
    return next((d for d in range(3) if abs(round(value, d) - value) < 1e-9), 2)


def ordered_names(rows: pd.DataFrame) -> list[str]:
    """Return the names of a forest by their highest value, equal ones by name."""
    highest = rows.groupby("name")["value"].max().reset_index()
    ordered = highest.sort_values(["value", "name"], ascending=[False, True], kind="stable")
    return [str(name) for name in ordered["name"]]


def plot_absolute_and_relative(
    absolute: pd.DataFrame,
    relative: pd.DataFrame,
    *,
    ax: Axes | None = None,
    language: str = "fr",
    title: str = "",
) -> Axes:
    """Draw each year as a point, the absolute index across and the relative one up, joined in their order.

    A path to the upper left says that the gap closes in rates while it widens in proportion.

    Parameters
    ----------
    absolute, relative : DataFrame
        Released rows of ``slope_index`` and ``relative_index``, one a period: ``sex, period_from,
        period_until, value, status, per``.
    ax : Axes, optional
    language : {"fr", "en"}
    title : str

    Returns
    -------
    Axes
    """
    written = Format(language)
    paths = paths_of(absolute, relative)
    with drawing_style():
        ax = axes_of(ax, 4.4, 3.6)
        for code, path in paths.items():
            sex = Sex(code)
            ax.plot(
                path["absolute"], path["relative"], color=SEX_COLOURS[sex], marker=SEX_MARKERS[sex],
                markersize=3.8, linewidth=1.0, label=sex.label(language),
            )  # fmt: skip
            for end in sorted({0, len(path) - 1}):
                row = path.iloc[end]
                ax.annotate(
                    written.period(int(row["period_from"]), int(row["period_until"])),
                    (row["absolute"], row["relative"]),
                    xytext=(3, 4),
                    textcoords="offset points",
                    fontsize=6.5,
                    color=INK,
                )
        ax.axhline(1.0, color=QUIET, linewidth=0.8)
        ax.axvline(0.0, color=QUIET, linewidth=0.8)
        ax.margins(0.14)
        ax.grid(visible=True)
        per = int(absolute["per"].iloc[0]) if len(absolute) else 100_000
        ax.set_xlabel(text("axis_slope_index", language, per=written.number(per)))
        ax.set_ylabel(text("axis_relative_index", language))
        number_axis(ax.xaxis, written)
        number_axis(ax.yaxis, written)
        if title:
            ax.set_title(title)
        if len(paths) > 1:
            ax.legend(loc="best")
    return ax


def paths_of(absolute: pd.DataFrame, relative: pd.DataFrame) -> dict[int, pd.DataFrame]:
    """Return by sex the periods with both indices published, in their order; two at least."""
    keys = ["sex", "period_from", "period_until"]
    parts = [
        table[table["status"].eq(PUBLISHED)][[*keys, "value"]].rename(columns={"value": name})
        for name, table in (("absolute", absolute), ("relative", relative))
    ]
    both = parts[0].merge(parts[1], on=keys).sort_values(keys, kind="stable")
    return {int(code): path for code, path in both.groupby("sex", sort=True) if len(path) > 1}


def describe_forest(table: pd.DataFrame, language: str, *, subject: str) -> str:
    """Return the alternative text: by sex the highest and the lowest ratio."""
    written = Format(language)
    rows = shown_ratios(table)
    sentences = [text("alt_forest", language, subject=subject)]
    for code in sorted(rows["sex"].unique()):
        part = rows[rows["sex"].eq(code)].sort_values(["value", "name"], kind="stable")
        low, high = part.iloc[0], part.iloc[-1]
        sentences.append(
            text(
                "alt_forest_sex",
                language,
                sex=Sex(int(code)).label(language),
                high_name=high["name"],
                high=written.value(high),
                high_limits=written.interval(high),
                low_name=low["name"],
                low=written.value(low),
                low_limits=written.interval(low),
            )
        )
    if len(sentences) == 1:
        sentences.append(text("alt_nothing_published", language))
    return " ".join(sentences)


def describe_absolute_and_relative(
    absolute: pd.DataFrame, relative: pd.DataFrame, language: str, *, subject: str
) -> str:
    """Return the alternative text: both indices of the first and last period by sex."""
    written = Format(language)
    sentences = [text("alt_absolute_relative", language, subject=subject)]
    for code, path in paths_of(absolute, relative).items():
        first, last = path.iloc[0], path.iloc[-1]
        sentences.append(
            text(
                "alt_absolute_relative_sex",
                language,
                sex=Sex(code).label(language),
                first=written.period(int(first["period_from"]), int(first["period_until"])),
                first_absolute=written.number(first["absolute"], 1),
                first_relative=written.number(first["relative"], 2),
                last=written.period(int(last["period_from"]), int(last["period_until"])),
                last_absolute=written.number(last["absolute"], 1),
                last_relative=written.number(last["relative"], 2),
            )
        )
    return " ".join(sentences)
