"""The concentration curve of groups of deprivation, and the classes of a map of excess events."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from rnc_epi.report.figures.axis import number_axis
from rnc_epi.report.figures.classes import MapClasses, rate_classes
from rnc_epi.report.figures.gradient import of_groups
from rnc_epi.report.figures.style import DIVERGING, QUIET, axes_of, drawing_style
from rnc_epi.report.formats import Format
from rnc_epi.report.texts import text
from rnc_epi.vocabulary.schemas import PUBLISHED

#: Lines of the curves: told apart without their colours.
_LINES: Final = (("#0072b2", "-", "o"), ("#c7520b", "--", "s"), ("#4d4d4d", ":", "D"), ("#5a8f29", "-.", "^"))

#: Excess above zero, pale to dark orange; below zero, violet: told apart by every kind of colour vision.
_ABOVE: Final = ("#fdebd2", "#fdcf98", "#e08214", "#9a5300")


def curves_of(table: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return by name the points of the curve, (groups + 1, 2): shares of population and of the rate.

    Only lines of which every group is published, with its rate and its person-years.
    """
    found = {}
    for name, part in of_groups(table).groupby("name", sort=True):
        rate = part["value"].to_numpy(dtype=float)
        people = part["person_years"].to_numpy(dtype=float)
        amount = rate * people
        if (
            part["status"].eq(PUBLISHED).all()
            and len(part) > 2
            and np.isfinite(amount).all()
            and amount.sum()
        ):
            points = np.stack([np.cumsum(people) / people.sum(), np.cumsum(amount) / amount.sum()], axis=1)
            found[str(name)] = np.vstack([[0.0, 0.0], points])
    return found


def plot_concentration_curve(
    table: pd.DataFrame, *, ax: Axes | None = None, language: str = "fr", title: str = ""
) -> Axes:
    """Draw the share of the standardised rate that the least deprived hold, against their share of persons.

    Parameters
    ----------
    table : DataFrame
        Released standardised rates of groups: ``name`` (what a curve is), ``stratum, value, person_years,
        status``. At most four curves.
    ax : Axes, optional
    language : {"fr", "en"}
    title : str

    Returns
    -------
    Axes
    """
    written = Format(language)
    with drawing_style():
        ax = axes_of(ax, 3.9, 3.7)
        ax.plot([0, 100], [0, 100], color=QUIET, linewidth=1.0, label=text("curve_equality", language))
        for (name, points), (colour, line, marker) in zip(curves_of(table).items(), _LINES, strict=False):
            ax.plot(
                *(100 * points.T), color=colour, linestyle=line, marker=marker, markersize=3.2, label=name
            )
        ax.set_xlim(0, 100)
        ax.set_ylim(0, 100)
        ax.set_aspect("equal")
        ax.grid(visible=True)
        ax.set_xlabel(text("axis_population_share", language))
        ax.set_ylabel(text("axis_rate_share", language))
        number_axis(ax.xaxis, written)
        number_axis(ax.yaxis, written)
        if title:
            ax.set_title(title)
        ax.legend(loc="upper left")
    return ax


def describe_concentration_curve(table: pd.DataFrame, language: str, *, subject: str) -> str:
    """Return the alternative text: what the least deprived group holds of each curve."""
    written = Format(language)
    curves = curves_of(table)
    sentences = [text("alt_concentration", language, subject=subject)]
    for name, points in list(curves.items())[: len(_LINES)]:
        sentences.append(
            text(
                "alt_concentration_curve",
                language,
                name=name,
                people=written.number(100 * points[1, 0], 1),
                rate=written.number(100 * points[1, 1], 1),
            )
        )
    if not curves:
        sentences.append(text("alt_nothing_published", language))
    return " ".join(sentences)


def excess_classes(values: ArrayLike) -> MapClasses:
    """Return classes of excess events: one below zero, up to four above that hold about as many areas each.

    Examples
    --------
    >>> excess_classes([-5, 0, 10, 20, 40, 80]).class_of([-5, 0, 10, 80]).tolist()
    [0, 1, 1, 4]
    """
    given = np.asarray(values, dtype=float)
    above = rate_classes(given[given >= 0], decimals=0, number=4)
    shades = np.linspace(0, len(_ABOVE) - 1, len(above.bounds) + 1).round().astype(int)
    colours = [_ABOVE[shade] for shade in shades]
    if (given < 0).any():
        return MapClasses((0.0, *above.bounds), (DIVERGING[0], *colours), 0)
    return MapClasses(above.bounds, tuple(colours), 0)
