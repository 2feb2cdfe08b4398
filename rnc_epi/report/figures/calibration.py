"""Figures of calibrated incidence: areas in the order of their rate; internally, what it rests on."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from rnc_epi.report.figures.axis import number_axis, rate_label
from rnc_epi.report.figures.style import INK, QUIET, SEX_COLOURS, axes_of, drawing_style
from rnc_epi.report.formats import Format
from rnc_epi.report.texts import text
from rnc_epi.vocabulary.estimators import OBSERVED
from rnc_epi.vocabulary.schemas import PUBLISHED
from rnc_epi.vocabulary.sexes import Sex

#: Errors of prediction beyond which the tree of the French papers counts a district.
LARGE: Final = 0.15
TOO_LARGE: Final = 0.30

#: Areas named at each end of a caterpillar.
NAMED: Final = 3


def plot_calibrated_areas(
    table: pd.DataFrame,
    *,
    reference: float | None = None,
    ax: Axes | None = None,
    language: str = "fr",
    title: str = "",
) -> Axes:
    """Draw areas from the lowest to the highest rate with their limits; registries apart from predictions.

    Parameters
    ----------
    table : DataFrame
        Released rows, an area each: ``name, sex, value, lower, upper, status, estimator, measure_unit, per``.
        Only published ones are drawn.
    reference : float, optional
        Rate of the nation.
    ax : Axes, optional
    language : {"fr", "en"}
    title : str

    Returns
    -------
    Axes
    """
    shown = _in_order(table)
    counted = shown["estimator"].eq(OBSERVED).to_numpy()
    place = np.arange(len(shown))
    sex = Sex(int(table["sex"].iloc[0])) if len(table) else Sex.BOTH
    looks = (
        (~counted, {"color": SEX_COLOURS[sex], "marker": "o", "label": text("wc_predicted", language)}),
        (counted, {"color": INK, "marker": "D", "label": text("wc_counted", language)}),
    )
    with drawing_style():
        ax = axes_of(ax, 6.8, 3.1)
        if reference is not None:
            ax.axhline(
                reference, color=QUIET, linestyle=(0, (4, 3)), lw=1.0, label=text("wc_nation", language)
            )
        for rows, look in looks:
            if rows.any():
                part = shown[rows]
                low, high = part["lower"].astype(float), part["upper"].astype(float)
                ax.vlines(place[rows], low, high, color=look["color"], linewidth=0.9)
                ax.plot(
                    place[rows],
                    part["value"].to_numpy(float),
                    linestyle="none",
                    markersize=3.0,
                    color=look["color"],
                    marker=look["marker"],
                    label=look["label"],
                )
        names = shown["name"].tolist()
        ends = ("\n".join(names[:NAMED]), "\n".join(names[-NAMED:]) if len(names) > NAMED else "")
        ax.set_xticks([0, max(len(names) - 1, 1)], ends, fontsize=7)
        first, last = ax.get_xticklabels()
        first.set_horizontalalignment("left")
        last.set_horizontalalignment("right")
        ax.set_xlim(-1, max(len(shown), 1))
        ax.grid(axis="y")
        ax.set_ylabel(rate_label(table, language))
        number_axis(ax.yaxis, Format(language))
        # Above: the limits of the areas may reach any corner of the panel.
        ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), borderaxespad=0.1)
        if title:
            ax.set_title(title, pad=38)
    return ax


def _in_order(table: pd.DataFrame) -> pd.DataFrame:
    shown = table[table["status"].eq(PUBLISHED)]
    return shown.sort_values(["value", "name"], kind="stable")


def describe_calibrated_areas(table: pd.DataFrame, language: str, *, subject: str) -> str:
    """Return the alternative text: how many areas are predicted, counted, not shown, and the extremes."""
    written = Format(language)
    shown = _in_order(table)
    if shown.empty:
        return f"{subject} : {text('alt_nothing_published', language)}"
    low, high = shown.iloc[0], shown.iloc[-1]
    return text(
        "wc_alt_areas",
        language,
        subject=subject,
        predicted=written.number(int(shown["estimator"].ne(OBSERVED).sum())),
        counted=written.number(int(shown["estimator"].eq(OBSERVED).sum())),
        hidden=written.number(len(table) - len(shown)),
        low=written.value(low),
        low_name=low["name"],
        high=written.value(high),
        high_name=high["name"],
    )


def plot_validation(
    table: pd.DataFrame, *, ax: Axes | None = None, language: str = "fr", title: str = ""
) -> Axes:
    """Draw the error on each registry district left out against its cases: a funnel of cross-validation.

    The shaded funnel is what the noise of the correlate's count alone would give (95 %); the lines are the
    15 % and 30 % of the tree that grades a correlate. Internal: it shows counts of districts.

    Parameters
    ----------
    table : DataFrame
        ``observed, error, noise_variance`` of one correlate, as :attr:`WholeCountry.validation`.
    ax : Axes, optional
    language : {"fr", "en"}
    title : str

    Returns
    -------
    Axes
    """
    rows = table.sort_values("observed", kind="stable")
    cases = rows["observed"].to_numpy(float)
    with drawing_style():
        ax = axes_of(ax, 4.6, 3.2)
        if len(rows):
            # The noise falls with the cases: its level is fitted by its mean product with them.
            level = float((rows["noise_variance"] * rows["observed"]).mean())
            along = np.geomspace(cases.min() * 0.9, cases.max() * 1.1, 80)
            reach = 196.0 * np.sqrt(level / along)
            ax.fill_between(along, -reach, reach, color="#e8e8e8", lw=0, label=text("wc_noise", language))
        for size, style in ((LARGE, (0, (4, 3))), (TOO_LARGE, "solid")):
            for sign in (-1, 1):
                ax.axhline(sign * 100 * size, color=QUIET, linestyle=style, linewidth=0.9)
        ax.axhline(0, color=INK, linewidth=0.6)
        ax.plot(cases, 100 * rows["error"].to_numpy(float), "o", color=SEX_COLOURS[Sex.MEN], markersize=3.8)
        ax.set_xscale("log")
        written = Format(language)
        number_axis(ax.xaxis, written)
        number_axis(ax.yaxis, written)
        ax.xaxis.set_minor_formatter(lambda *_: "")
        ax.set_xlabel(text("wc_axis_cases", language))
        ax.set_ylabel(text("wc_axis_error", language))
        if len(rows):
            # Room below the bounds for what the shade means.
            low, high = ax.get_ylim()
            ax.set_ylim(min(low, -140 * TOO_LARGE), max(high, 115 * TOO_LARGE))
            ax.legend(loc="lower right")
        if title:
            ax.set_title(title)
    return ax


def plot_ratio_by_age(
    table: pd.DataFrame, *, ax: Axes | None = None, language: str = "fr", title: str = ""
) -> Axes:
    """Draw the correlate per incident case by age, a curve each with its 95 % limits.

    Parameters
    ----------
    table : DataFrame
        ``proxy, age, ratio, lower, upper`` of one site and sex, as :attr:`WholeCountry.ratios`.
    ax : Axes, optional
    language : {"fr", "en"}
    title : str

    Returns
    -------
    Axes
    """
    colours = ("#0072b2", "#c7520b", "#4d4d4d", "#009e73")
    marks = ("o", "s", "D", "^")
    with drawing_style():
        ax = axes_of(ax, 4.6, 3.2)
        ax.axhline(1.0, color=QUIET, linewidth=0.8)
        for number, (name, rows) in enumerate(table.groupby("proxy", sort=True)):
            colour = colours[number % len(colours)]
            ax.fill_between(
                rows["age"].to_numpy(float),
                rows["lower"].to_numpy(float),
                rows["upper"].to_numpy(float),
                color=colour,
                alpha=0.18,
                linewidth=0,
            )
            ax.plot(
                rows["age"].to_numpy(float),
                rows["ratio"].to_numpy(float),
                color=colour,
                marker=marks[number % len(marks)],
                markersize=3.0,
                label=text(f"wc_proxy_{name}", language),
            )
        ax.set_ylim(bottom=0)
        number_axis(ax.yaxis, Format(language))
        ax.set_xlabel(text("wc_axis_age", language))
        ax.set_ylabel(text("wc_axis_ratio", language))
        ax.legend(loc="best")
        if title:
            ax.set_title(title)
    return ax
