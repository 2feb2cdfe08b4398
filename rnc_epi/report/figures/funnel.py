"""The funnel of areas: ratio of observed to expected events by size, within what chance would give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from rnc_epi.maths.funnel import (
    FUNNEL_LEVELS,
    Overdispersion,
    funnel_limits,
    overdispersion_between_areas,
)
from rnc_epi.report.figures.axis import number_axis
from rnc_epi.report.figures.style import INK, QUIET, SEX_COLOURS, SEX_MARKERS, axes_of, drawing_style
from rnc_epi.report.formats import Format
from rnc_epi.report.texts import text
from rnc_epi.vocabulary.schemas import PUBLISHED
from rnc_epi.vocabulary.sexes import Sex

#: Fewest areas of which a spread can be told.
FEWEST_AREAS: Final = 5

#: Areas outside the funnel that are named, the farthest first.
MOST_NAMED: Final = 5


@dataclass(frozen=True, eq=False)
class Funnel:
    """What a funnel shows of some areas.

    Attributes
    ----------
    areas : DataFrame
        Rows with a published figure and expected events, with ``outside_chance`` and ``outside_spread``:
        beyond the wider limits of chance alone, and of chance with the spread between areas.
    spread : Overdispersion
    """

    areas: pd.DataFrame
    spread: Overdispersion

    @property
    def overdispersed(self) -> bool:
        """Whether areas differ more than chance alone would have them."""
        return float(self.spread.between) > 0


def funnel_of(table: pd.DataFrame) -> Funnel | None:
    """Return the funnel of some ratios, from published rows alone; None where they are too few.

    Parameters
    ----------
    table : DataFrame
        Released rows of ``sir`` or ``smr``: ``name, value, events, expected, status``.
    """
    held = table["status"].eq(PUBLISHED) & table["expected"].gt(0) & table["events"].notna()
    areas = table[held].sort_values(["expected", "name"], kind="stable").reset_index(drop=True)
    if len(areas) < FEWEST_AREAS:
        return None
    observed, expected = (areas[name].to_numpy(float) for name in ("events", "expected"))
    spread = overdispersion_between_areas(observed, expected)
    ratio, wide = observed / expected, FUNNEL_LEVELS[-1]
    outside = {}
    for name, limits in (
        ("outside_chance", funnel_limits(expected, level=wide)),
        (
            "outside_spread",
            funnel_limits(expected, level=wide, method="additive", overdispersion=spread),
        ),
    ):
        outside[name] = (ratio < np.ravel(limits.lower)) | (ratio > np.ravel(limits.upper))
    return Funnel(areas.assign(**outside), spread)


def plot_funnel(
    table: pd.DataFrame,
    *,
    ax: Axes | None = None,
    language: str = "fr",
    title: str = "",
    legend: bool = True,
) -> Axes:
    """Draw the ratio of each area against its expected events, with the limits of chance around one.

    Lines are the 95 % and 99.8 % limits of chance alone; the shade is the 99.8 % limits with the spread
    between areas added, where there is one.

    Parameters
    ----------
    table : DataFrame
        Released rows of ``sir`` or ``smr``, an area each: ``name, sex, value, events, expected, status``.
        Rows without a published figure leave no trace.
    ax : Axes, optional
    language : {"fr", "en"}
    title : str
    legend : bool

    Returns
    -------
    Axes

    References
    ----------
    Spiegelhalter DJ. Stat Med 2005;24:1185-1202. doi:10.1002/sim.1970

    Examples
    --------
    >>> expected = [20.0, 50.0, 100.0, 400.0, 900.0, 5_000.0]
    >>> table = pd.DataFrame({"name": list("abcdef"), "sex": 1, "expected": expected, "events": expected})
    >>> table = table.assign(value=1.0, status="published", measure_unit="ratio", per=1)
    >>> plot_funnel(table).get_xscale()
    'log'
    """
    written, funnel = Format(language), funnel_of(table)
    with drawing_style():
        ax = axes_of(ax, 4.4, 3.2)
        ax.axhline(1.0, color=QUIET, linewidth=0.8)
        if funnel is not None:
            _limits(ax, funnel, language)
            sex = Sex(int(funnel.areas["sex"].iloc[0]))
            ax.plot(
                funnel.areas["expected"].to_numpy(float),
                funnel.areas["value"].to_numpy(float),
                linestyle="none", marker=SEX_MARKERS[sex], markersize=3.0, color=SEX_COLOURS[sex],
                label=text("funnel_area", language), zorder=3,
            )  # fmt: skip
            _names(ax, funnel)
            ax.set_xscale("log")
            span = funnel.areas["expected"].to_numpy(float)
            ax.xaxis.set_major_locator(FixedLocator(_ticks(span.min(), span.max())))
            ax.xaxis.set_minor_locator(NullLocator())
            ax.xaxis.set_major_formatter(FuncFormatter(lambda tick, _: written.number(tick)))
        ax.set_xlabel(text("axis_expected", language))
        ax.set_ylabel(text("axis_ratio", language))
        number_axis(ax.yaxis, written)
        ax.grid(axis="y")
        if title:
            ax.set_title(title)
        if legend and funnel is not None:
            ax.legend(loc="upper right", fontsize=6.5)
    return ax


def _limits(ax: Axes, funnel: Funnel, language: str) -> None:
    size = funnel.areas["expected"].to_numpy(float)
    along = np.geomspace(size.min() * 0.9, size.max() * 1.1, 120)
    written = Format(language)
    wide = written.number(100 * FUNNEL_LEVELS[-1], 1)
    if funnel.overdispersed:
        shade = funnel_limits(along, level=FUNNEL_LEVELS[-1], method="additive", overdispersion=funnel.spread)
        ax.fill_between(
            along, np.ravel(shade.lower), np.ravel(shade.upper), color="#ececec", linewidth=0,
            label=text("funnel_spread", language, level=wide),
        )  # fmt: skip
    chance = funnel_limits(along, level=FUNNEL_LEVELS)
    for k, style in enumerate(((0, (4, 3)), "solid")):
        level = written.number(100 * FUNNEL_LEVELS[k], 1 if k else 0)
        label = text("funnel_chance", language, level=level)
        ax.plot(along, chance.lower[k], color=INK, linewidth=0.8, linestyle=style, label=label)
        ax.plot(along, chance.upper[k], color=INK, linewidth=0.8, linestyle=style)


def _names(ax: Axes, funnel: Funnel) -> None:
    """Name the areas outside the funnel, the farthest first."""
    beyond = funnel.areas[funnel.areas["outside_spread"]]
    far = (np.sqrt(beyond["value"]) - 1).abs() * np.sqrt(beyond["expected"])
    for row in (
        beyond.loc[far.sort_values(ascending=False, kind="stable").index].head(MOST_NAMED).to_dict("records")
    ):
        # Away from the other dots, and towards the middle, so that no name runs out of the panel.
        right = np.log(row["expected"]) > np.log(funnel.areas["expected"]).mean()
        above = row["value"] > 1
        ax.annotate(
            row["name"],
            (row["expected"], row["value"]),
            xytext=(4 if right else -4, 5 if above else -5),
            textcoords="offset points",
            ha="right" if right else "left",
            va="bottom" if above else "top",
            fontsize=6,
            color=INK,
        )


def _ticks(low: float, high: float) -> list[float]:
    """Return the round numbers of a logarithmic axis: 1, 2 and 5 by powers of ten, or powers alone."""
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    every = [first * 10.0**power for power in powers for first in (1, 2, 5)]
    inside = [tick for tick in every if low <= tick <= high]
    return inside if len(inside) <= 5 else [tick for tick in inside if np.log10(tick) % 1 == 0]


def describe_funnel(table: pd.DataFrame, language: str, *, subject: str) -> str:
    """Return the alternative text: how many areas, how many outside, and the spread between them.

    Parameters
    ----------
    table : DataFrame
        As :func:`plot_funnel` takes it.
    language : {"fr", "en"}
    subject : str
        What the figure shows, as its title says it.

    Returns
    -------
    str
        One to a few sentences; what is not published is not told.

    Examples
    --------
    >>> expected = [20.0, 50.0, 100.0, 400.0, 900.0, 5_000.0]
    >>> table = pd.DataFrame({"name": list("abcdef"), "sex": 1, "expected": expected, "events": expected})
    >>> table = table.assign(value=1.0, status="published", measure_unit="ratio", per=1)
    >>> "Lung" in describe_funnel(table, "en", subject="Lung")
    True
    """
    funnel = funnel_of(table)
    if funnel is None:
        return f"{subject}. {text('alt_nothing_published', language)}"
    return " ".join([text("alt_funnel", language, subject=subject), funnel_sentence(funnel, language)])


def funnel_sentence(funnel: Funnel, language: str) -> str:
    """Return what a funnel says of the spread between areas."""
    written = Format(language)
    return text(
        "funnel_overdispersed" if funnel.overdispersed else "funnel_by_chance",
        language,
        areas=written.number(len(funnel.areas)),
        level=written.number(100 * FUNNEL_LEVELS[-1], 1),
        outside=written.number(int(funnel.areas["outside_chance"].sum())),
        factor=written.number(float(funnel.spread.factor), 1),
        # On the scale of the square root of the ratio: twice it is about that of the ratio.
        spread=written.number(200 * float(funnel.spread.between), 1),
        beyond=written.number(int(funnel.areas["outside_spread"].sum())),
    )
