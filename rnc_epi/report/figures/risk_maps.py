"""Twin maps of small areas, risk and certainty, and the areas ranked by risk (a caterpillar)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from numpy.typing import ArrayLike, NDArray

from rnc_epi.report.figures.choropleth import plot_choropleth
from rnc_epi.report.figures.classes import MapClasses, ratio_classes
from rnc_epi.report.figures.style import DIVERGING, INK, QUIET, axes_of, drawing_style
from rnc_epi.report.formats import Format
from rnc_epi.report.texts import text
from rnc_epi.vocabulary.schemas import PUBLISHED

if TYPE_CHECKING:
    import geopandas as gpd

#: Ticks of ratios, from wide ranges to narrow ones, and how many an axis needs to be read.
RATIO_TICKS: Final = (
    (0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0),
    (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0),
    (0.8, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15, 1.2),
    (0.92, 0.94, 0.96, 0.98, 1.0, 1.02, 1.04, 1.06, 1.08),
)
FEWEST_TICKS: Final = 4

#: Colours of areas of which the class alone is shown: duller than those of figures, in the same order.
CLASS_COLOURS: Final = {-1: "#8f8b9e", 0: "#e9e4d8", 1: "#ab9378"}
CLASS_WORDS: Final = {-1: "lower", 0: "not_distinct", 1: "higher"}

#: Bounds of the classes of a probability of exceedance.
PROBABILITY_BOUNDS: Final = (0.05, 0.20, 0.80, 0.95)

#: More areas than this are drawn as a ribbon.
MOST_NAMES: Final = 45

#: Areas named at each end of a ribbon.
NAMED_EXTREMES: Final = 4

#: Colour and sign of each class of a ranking: told apart without the colours.
CLASS_MARKS: Final = {-1: (DIVERGING[0], "v"), 0: ("#9b9b9b", "o"), 1: (DIVERGING[-1], "^")}


@dataclass(frozen=True)
class _Coded(MapClasses):
    """Classes already coded 0, 1, 2, …, each with its words."""

    words: tuple[str, ...] = ()

    def class_of(self, values: ArrayLike) -> NDArray[np.intp]:
        return np.asarray(values, dtype=float).astype(np.intp)

    def labels(self, values: ArrayLike, language: str) -> list[str]:
        return list(self.words)


def plot_risks(
    areas: gpd.GeoDataFrame,
    *,
    language: str = "fr",
    ax: Axes | None = None,
    title: str = "",
    legend_title: str = "",
) -> Axes:
    """Draw the map of smoothed risks; an area without a published figure has the colour of its class.

    Parameters
    ----------
    areas : GeoDataFrame
        One row an area: the geometry, ``value`` and ``status`` of the risk, ``risk_class`` (-1, 0, 1 or
        NaN), and where there are insets ``inset, inset_scale, name``.
    language : {"fr", "en"}
    ax : Axes, optional
    title, legend_title : str

    Returns
    -------
    Axes
    """
    return _plot(areas, "value", ratio_classes(), language, ax, title, legend_title)


def plot_certainty(
    areas: gpd.GeoDataFrame,
    *,
    language: str = "fr",
    ax: Axes | None = None,
    title: str = "",
    legend_title: str = "",
) -> Axes:
    """Draw the map of the probability that the risk exceeds its threshold, or of the class alone.

    Parameters
    ----------
    areas : GeoDataFrame
        As :func:`plot_risks`, with ``probability`` (NaN where not published).
    language, ax, title, legend_title
        As :func:`plot_risks`.
    """
    classes = MapClasses(PROBABILITY_BOUNDS, DIVERGING, 2, open_ends=True)
    return _plot(areas, "probability", classes, language, ax, title, legend_title)


def _plot(
    areas: gpd.GeoDataFrame,
    column: str,
    classes: MapClasses,
    language: str,
    ax: Axes | None,
    title: str,
    legend_title: str,
) -> Axes:
    shown = (areas["status"].eq(PUBLISHED) & areas[column].notna()).to_numpy(bool)
    values = areas[column].to_numpy(float)
    alone = ~shown & areas["risk_class"].notna().to_numpy(bool)
    code = np.full(len(areas), np.nan)
    code[shown] = classes.class_of(values[shown])
    colours, words = list(classes.colours), classes.labels(values[shown], language)
    for risk_class, colour in CLASS_COLOURS.items():
        there = alone & areas["risk_class"].eq(risk_class).to_numpy(bool)
        if there.any():
            code[there] = len(colours)
            colours.append(colour)
            words.append(text(f"class_{CLASS_WORDS[risk_class]}", language))
    coded = areas.assign(code=code, status=np.where(alone, PUBLISHED, areas["status"]))
    every = _Coded((), tuple(colours), 0, words=tuple(words))
    return plot_choropleth(
        coded, "code", classes=every, language=language, ax=ax, title=title, legend_title=legend_title
    )


def plot_caterpillar(
    table: pd.DataFrame, *, language: str = "fr", ax: Axes | None = None, width: float = 6.6
) -> Axes:
    """Draw the published risks in increasing order with their limits, told apart by class.

    Few areas stand one by one with their names. Many are a ribbon between their limits, with a sign at those
    that are distinct alone and the names of the most extreme of these; the axis counts in tenths of areas.

    Parameters
    ----------
    table : DataFrame
        One row an area: ``name, value, lower, upper, status, risk_class``; rows without a published figure
        are left out.
    language : {"fr", "en"}
    ax : Axes, optional
    width : float

    Returns
    -------
    Axes
        Risks upwards on a logarithmic scale.
    """
    rows = table[table["status"].eq(PUBLISHED)].sort_values(["value", "name"], kind="stable")
    written = Format(language)
    low, value, high = (rows[name].to_numpy(float) for name in ("lower", "value", "upper"))
    # A limit published as 0.00 has no place on a logarithmic scale: it is drawn at the foot.
    foot = max(0.05, 0.5 * float(value[value > 0].min())) if (value > 0).any() else 0.5
    rows = rows.assign(lower=np.maximum(low, foot), value=np.maximum(value, foot), place=np.arange(len(rows)))
    many = len(rows) > MOST_NAMES
    with drawing_style():
        ax = axes_of(ax, width, 2.5 if many else 3.4)
        ax.axhline(1.0, color=QUIET, linestyle=(0, (4, 3)), linewidth=1.0)
        # Before what is drawn, so that the places of names are known.
        ax.set_yscale("log")
        handles = _ribbon(ax, rows, language) if many else _one_by_one(ax, rows, language)
        ax.yaxis.set_major_locator(FixedLocator(_ratio_ticks(np.concatenate([rows["lower"], high]))))
        ax.yaxis.set_minor_locator(NullLocator())
        ax.yaxis.set_major_formatter(FuncFormatter(lambda tick, _: written.number(tick, 2)))
        ax.set_ylabel(text("axis_risk_short" if many else "axis_risk", language))
        ax.grid(axis="y")
        if handles:
            ax.legend(
                handles=handles, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=4, borderaxespad=0.1
            )
    return ax


def _one_by_one(ax: Axes, rows: pd.DataFrame, language: str) -> list[Artist]:
    """Draw each area with its limits and its name."""
    handles: list[Artist] = []
    for risk_class, (colour, marker) in CLASS_MARKS.items():
        part = rows[rows["risk_class"].fillna(0).eq(risk_class)]
        if part.empty:
            continue
        ax.vlines(part["place"], part["lower"], part["upper"], color=colour, linewidth=0.9)
        look: dict[str, Any] = {"linestyle": "none", "marker": marker, "markersize": 3.2, "color": colour}
        ax.plot(part["place"], part["value"], **look)
        words = text(f"mark_{CLASS_WORDS[risk_class]}", language)
        handles.append(Line2D([], [], label=words, **look))
    ax.set_xlim(-0.8, max(len(rows), 1) - 0.2)
    ax.set_xticks(rows["place"].tolist(), rows["name"].tolist(), rotation=90, fontsize=6)
    ax.tick_params(axis="x", length=0)
    return handles


def _ribbon(ax: Axes, rows: pd.DataFrame, language: str) -> list[Artist]:
    """Draw many areas as a ribbon; name the most extreme of those that are distinct."""
    # In hundredths of areas: the same drawing whatever their number.
    share = 100.0 * (rows["place"].to_numpy(float) + 0.5) / len(rows)
    value = rows["value"].to_numpy(float)
    band = ax.fill_between(
        share, rows["lower"].to_numpy(float), rows["upper"].to_numpy(float), color="#d9d9d9", linewidth=0
    )
    band.set_label(text("mark_limits", language))
    (line,) = ax.plot(share, value, color=INK, linewidth=1.1, label=text("mark_risk", language))
    handles: list[Artist] = [line, band]
    for risk_class in (-1, 1):
        colour, marker = CLASS_MARKS[risk_class]
        here = rows["risk_class"].eq(risk_class).to_numpy()
        if not here.any():
            continue
        look: dict[str, Any] = {"linestyle": "none", "marker": marker, "markersize": 2.6, "color": colour}
        ax.plot(share[here], value[here], **look)
        handles.append(Line2D([], [], label=text(f"mark_{CLASS_WORDS[risk_class]}", language), **look))
        extreme = rows[here].sort_values(["value", "name"], ascending=[risk_class < 0, True], kind="stable")
        named = "\n".join(extreme["name"].head(NAMED_EXTREMES))
        top = risk_class > 0
        # Beside the end that they are at, on the side that the ribbon leaves free.
        ax.annotate(
            text("ribbon_highest" if top else "ribbon_lowest", language) + "\n" + named,
            (0.55, 0.03) if top else (0.02, 0.97),
            xycoords="axes fraction",
            va="bottom" if top else "top",
            fontsize=6.5,
            linespacing=1.25,
            color=INK,
        )
    ax.set_xlim(0, 100)
    ax.set_xticks(range(0, 101, 10))
    ax.set_xlabel(text("axis_share_of_areas", language))
    return handles


def _ratio_ticks(drawn: NDArray[np.float64]) -> list[float]:
    """Return ticks of a logarithmic axis of ratios: the coarsest of which four lie among what is drawn."""
    known = drawn[np.isfinite(drawn)]
    low, high = (float(known.min()), float(known.max())) if known.size else (1.0, 1.0)
    for ticks in RATIO_TICKS:
        if sum(low <= tick <= high for tick in ticks) >= FEWEST_TICKS:
            break
    return list(ticks)


def describe_risks(areas: pd.DataFrame, language: str, *, subject: str) -> str:
    """Return the alternative text of the twin maps: how many areas in which state, and their classes."""
    written = Format(language)
    shown = areas["status"].eq(PUBLISHED)
    classed = areas["risk_class"].notna()
    count = {k: int(areas["risk_class"].eq(k).sum()) for k in CLASS_WORDS}
    return " ".join(
        [
            text(
                "alt_twin_maps",
                language,
                subject=subject,
                areas=written.number(len(areas)),
                shown=written.number(int(shown.sum())),
                classed=written.number(int((classed & ~shown).sum())),
                hidden=written.number(int((~classed & ~shown).sum())),
            ),
            text(
                "alt_classes",
                language,
                higher=written.number(count[1]),
                lower=written.number(count[-1]),
                calm=written.number(count[0]),
            ),
        ]
    )


def describe_caterpillar(table: pd.DataFrame, language: str) -> str:
    """Return the alternative text of a caterpillar: how many areas, the lowest and the highest."""
    written = Format(language)
    rows = table[table["status"].eq(PUBLISHED)].sort_values(["value", "name"], kind="stable")
    if rows.empty:
        return text("alt_nothing_published", language)
    return text(
        "alt_caterpillar",
        language,
        areas=written.number(len(rows)),
        low=written.number(rows["value"].iloc[0], 2),
        low_name=rows["name"].iloc[0],
        high=written.number(rows["value"].iloc[-1], 2),
        high_name=rows["name"].iloc[-1],
    )
