"""Maps of areas in classes, overseas areas in labelled insets, hatching where no figure is published."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import shapely
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.patches import Patch, Rectangle
from matplotlib.path import Path

from rnc_epi.report.figures.classes import MapClasses, rate_classes
from rnc_epi.report.figures.style import INK, QUIET, axes_of, drawing_style
from rnc_epi.report.formats import Format
from rnc_epi.report.texts import text
from rnc_epi.vocabulary.schemas import NOT_ESTIMABLE, NOT_PUBLISHED, PUBLISHED

if TYPE_CHECKING:
    import geopandas as gpd

#: Hatching by status; the legend names each that is on the map. No row at all is out of scope.
OUT_OF_SCOPE: Final = "out_of_scope"
_FILLS: Final[dict[str, dict[str, Any]]] = {
    NOT_PUBLISHED: {"facecolor": "white", "hatch": "/////"},
    NOT_ESTIMABLE: {"facecolor": "white", "hatch": "....."},
    OUT_OF_SCOPE: {"facecolor": "#d2d2d2"},
}

#: Metres by which each row of insets moves down, and between the centres of neighbours: room for labels.
LABEL_HEIGHT: Final = 55_000.0
LABEL_WIDTH: Final = 185_000.0
INSET_MARGIN: Final = 9_000.0

#: Longest label of a legend of which three stand side by side.
SHORT_LABEL: Final = 13

#: Width in metres that areas shown a second time are enlarged to, about, and how far above the map
ZOOM_WIDTH: Final = 190_000.0
ZOOM_RISE: Final = 35_000.0


def plot_choropleth(
    areas: gpd.GeoDataFrame,
    column: str = "value",
    *,
    classes: MapClasses | None = None,
    language: str = "fr",
    legend_title: str = "",
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw a map of areas in classes.

    Parameters
    ----------
    areas : GeoDataFrame
        One row an area: the geometry to draw, `column`, ``status`` (null: no row in the release), and where
        there are insets ``inset`` (bool), ``inset_scale`` and ``name``. A column ``distinct`` of booleans,
        if there, gives a dark border to areas that differ from the rest of their region; a column ``zoom``
        marks areas too small to be seen, which are shown a second time, enlarged, in the upper left.
    column : str
        What decides the colour; only rows whose status is published are read.
    classes : MapClasses, optional
        Five classes of about as many areas by default.
    language : {"fr", "en"}
    legend_title, title : str
    ax : Axes, optional

    Returns
    -------
    Axes
        Without coordinates: these outlines are for display only.

    Examples
    --------
    >>> import geopandas
    >>> import shapely
    >>> figures = {"name": ["Ain", "Gers"], "value": [10.0, 30.0], "status": "published"}
    >>> squares = [shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)]
    >>> areas = geopandas.GeoDataFrame(figures, geometry=squares)
    >>> [one.get_text() for one in plot_choropleth(areas, language="en").get_legend().get_texts()]
    ['10.0', '30.0']
    """
    shapes = np.asarray(areas.geometry.to_numpy(), dtype=object).copy()
    inset = areas["inset"].to_numpy(dtype=bool) if "inset" in areas else np.zeros(len(areas), dtype=bool)
    names = areas["name"].to_numpy() if "name" in areas else np.full(len(areas), "")
    # Areas of one island share its box: the box has a name of its own, else the area gives its name.
    boxes = areas["inset_name"].to_numpy() if "inset_name" in areas else names
    shapes[inset] = spread_insets(shapes[inset], boxes[inset])
    status = areas["status"].fillna(OUT_OF_SCOPE).to_numpy(dtype=object)
    shown = status == PUBLISHED
    values = areas[column].to_numpy(dtype=float)
    if classes is None:
        classes = rate_classes(values[shown])
    number = np.full(len(areas), -1)
    number[shown] = classes.class_of(values[shown])
    written = Format(language)
    # From here on by what is drawn: areas, then those that are drawn a second time.
    twice = np.flatnonzero(areas["zoom"].to_numpy(dtype=bool)) if "zoom" in areas else np.zeros(0, dtype=int)
    enlarged, times = enlarge(shapes, twice, inset)
    drawn = np.concatenate([np.arange(len(areas)), twice])
    shapes = np.concatenate([shapes, enlarged])
    number, status = number[drawn], status[drawn]
    with drawing_style():
        ax = axes_of(ax, 3.9, 4.3)
        border: dict[str, Any] = {"edgecolor": "#6b6b6b", "linewidth": 0.35}
        legend: list[Patch] = []
        labels = classes.labels(values[shown], language)
        for k, colour in enumerate(classes.colours):
            _add(ax, shapes[number == k], facecolor=colour, **border)
            legend.append(Patch(facecolor=colour, label=labels[k], **border))
        for name, fill in _FILLS.items():
            if (status == name).any():
                _add(ax, shapes[status == name], **fill, **border)
                legend.append(Patch(**fill, **border, label=text(f"map_{name}", language)))
        if "distinct" in areas and areas["distinct"].any():
            distinct = areas["distinct"].to_numpy(dtype=bool)[drawn]
            _add(ax, shapes[distinct], facecolor="none", edgecolor="black", linewidth=1.1)
            legend.append(
                Patch(
                    facecolor="none", edgecolor="black", linewidth=1.1, label=text("map_distinct", language)
                )
            )
        scales = areas["inset_scale"].to_numpy(dtype=float) if "inset_scale" in areas else np.ones(len(areas))
        for name, members in _boxes(boxes[inset]).items():
            scale = scales[inset][members[0]]
            label = f"{name}\n× {written.number(scale, 2 if scale < 1 else 1)}"
            _frame_inset(ax, shapely.total_bounds(shapes[: len(areas)][inset][members]), label)
        if len(twice):
            label = text("zoom_name", language) + f"\n× {written.number(times)}"
            _frame_inset(ax, shapely.total_bounds(enlarged), label)
        ax.set_aspect("equal")
        ax.set_axis_off()
        _fit(ax, shapes, has_insets=bool(inset.any()) or len(twice) > 0)
        if title:
            ax.set_title(title)
        ax.legend(
            handles=legend,
            title=legend_title or None,
            title_fontsize=7.5,
            alignment="left",
            loc="upper left",
            bbox_to_anchor=(0.0, 0.0),
            ncols=3 if all(len(str(patch.get_label())) <= SHORT_LABEL for patch in legend) else 2,
            fontsize=7,
            handlelength=1.6,
            handleheight=1.1,
            columnspacing=1.4,
            borderaxespad=0.0,
        )
    return ax


def _boxes(names: np.ndarray) -> dict[Any, np.ndarray]:
    """Return the positions of the areas of each inset, in the order of their first."""
    return {name: np.flatnonzero(names == name) for name in dict.fromkeys(names.tolist())}


def spread_insets(shapes: np.ndarray, names: np.ndarray | None = None) -> np.ndarray:
    """Return insets moved apart, row by row, so that the label of each fits under it.

    Insets are for display only, so moving them loses nothing; their scale stays. Shapes of one name are
    parts of one inset and move together.
    """
    if not len(shapes):
        return shapes
    own = np.arange(len(shapes)) if names is None else names
    members = list(_boxes(own).values())
    bounds = np.array([shapely.total_bounds(shapes[part]) for part in members])
    rows: list[list[int]] = []
    for i in np.argsort(-bounds[:, 3], kind="stable"):
        # A row holds the insets that lie beside its first one.
        if rows and bounds[i, 3] > bounds[rows[-1][0], 1]:
            rows[-1].append(int(i))
        else:
            rows.append([int(i)])
    moved = shapes.copy()
    for down, row in enumerate(rows):
        previous = np.inf
        for i in sorted(row, key=lambda inset: -bounds[inset, 0]):
            centre = (bounds[i, 0] + bounds[i, 2]) / 2
            left = max(0.0, centre - (previous - LABEL_WIDTH)) if np.isfinite(previous) else 0.0
            previous = centre - left
            shift = np.array([left, down * LABEL_HEIGHT])
            for part in members[i]:
                moved[part] = shapely.transform(shapes[part], lambda xy, by=shift: xy - by)
    return moved


def enlarge(shapes: np.ndarray, twice: np.ndarray, beside: np.ndarray) -> tuple[np.ndarray, int]:
    """Return some shapes enlarged a whole number of times, in the upper left of the map of all, and how many.

    Parameters
    ----------
    shapes : ndarray of geometries
    twice : ndarray of int
        Positions of those to enlarge.
    beside : ndarray of bool
        Which shapes are insets themselves.
    """
    if not len(twice):
        return shapes[twice], 1
    left, _, _, top = shapely.total_bounds(shapes)
    # Left of the coast below it, where no inset has made room.
    left = min(left, shapely.total_bounds(shapes[~beside])[0] - 0.55 * ZOOM_WIDTH)
    bounds = shapely.total_bounds(shapes[twice])
    times = max(2, round(ZOOM_WIDTH / (bounds[2] - bounds[0])))
    corner, target = bounds[[0, 3]], np.array([left, top + ZOOM_RISE])
    return shapely.transform(shapes[twice], lambda xy: (xy - corner) * times + target), times


def _add(ax: Axes, shapes: np.ndarray, **look: Any) -> None:
    if len(shapes):
        ax.add_collection(PathCollection([_path(shape) for shape in shapes], **look), autolim=False)


def _path(shape: Any) -> Path:
    """Return a polygon with its holes as one path: rings turn the other way inside, so holes stay empty."""
    parts = []
    for polygon in shapely.get_parts(shapely.orient_polygons(shape)):
        for ring in (polygon.exterior, *polygon.interiors):
            # 100 m on a map of 1 200 km: finer digits would only swell the file.
            points = np.round(shapely.get_coordinates(ring), -2)
            parts.append(Path(points, closed=True))
    return Path.make_compound_path(*parts)


def _frame_inset(ax: Axes, bounds: np.ndarray, label: str) -> None:
    left, bottom, right, top = bounds
    ax.add_patch(
        Rectangle(
            (left - INSET_MARGIN, bottom - INSET_MARGIN),
            right - left + 2 * INSET_MARGIN,
            top - bottom + 2 * INSET_MARGIN,
            facecolor="none",
            edgecolor=QUIET,
            linewidth=0.5,
        )
    )
    ax.annotate(
        label,
        ((left + right) / 2, bottom - INSET_MARGIN),
        xytext=(0, -1.0),
        textcoords="offset points",
        ha="center",
        va="top",
        fontsize=5.0,
        linespacing=1.0,
        color=INK,
    )


def _fit(ax: Axes, shapes: np.ndarray, *, has_insets: bool) -> None:
    left, bottom, right, top = shapely.total_bounds(shapes)
    ax.set_xlim(left - (45_000 if has_insets else 10_000), right + 10_000)
    ax.set_ylim(bottom - 10_000, top + 10_000)


def describe_choropleth(
    areas: pd.DataFrame, language: str, *, subject: str, column: str = "value", decimals: int = 1
) -> str:
    """Return the alternative text: areas shown and not, middle half, lowest and highest area.

    Parameters
    ----------
    areas : DataFrame
        As :func:`plot_choropleth` takes them; the geometry is not needed.
    language : {"fr", "en"}
    subject : str
        What the map shows, as its title says it.
    column : str
        What decides the colour.
    decimals : int
        Of the values.

    Returns
    -------
    str
        A few sentences; what is not published is counted, not told.

    Examples
    --------
    >>> areas = pd.DataFrame({"name": ["Ain", "Gers"], "value": [10.0, 30.0], "status": "published"})
    >>> "from 10.0 (Ain) to 30.0 (Gers)" in describe_choropleth(areas, "en", subject="Lung")
    True
    """
    written = Format(language)
    shown = areas[areas["status"].eq(PUBLISHED)]
    sentences = [text("alt_map", language, subject=subject, areas=written.number(len(areas)))]
    if shown.empty:
        sentences.append(text("alt_nothing_published", language))
    else:
        ordered = shown.sort_values([column, "name"], kind="stable")
        low, high = ordered.iloc[0], ordered.iloc[-1]
        sentences.append(
            text(
                "alt_map_values",
                language,
                shown=written.number(len(shown)),
                low=written.number(low[column], decimals),
                low_name=low["name"],
                high=written.number(high[column], decimals),
                high_name=high["name"],
                quarter=written.number(float(shown[column].quantile(0.25)), decimals),
                three_quarters=written.number(float(shown[column].quantile(0.75)), decimals),
            )
        )
    for status, key in ((NOT_PUBLISHED, "alt_hidden"), (NOT_ESTIMABLE, "alt_not_estimable")):
        number = int(areas["status"].eq(status).sum())
        if number:
            sentences.append(text(key, language, areas=written.number(number)))
    outside = int(areas["status"].isna().sum())
    if outside:
        sentences.append(text("alt_out_of_scope", language, areas=written.number(outside)))
    if "distinct" in areas:
        names = sorted(areas.loc[areas["distinct"].fillna(False).astype(bool), "name"])
        key = "alt_distinct" if names else "alt_none_distinct"
        sentences.append(text(key, language, areas=written.sentence_list(names)))
    return " ".join(sentences)
