"""Rates by site, men and women side by side."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from rnc_epi.report.figures.axis import number_axis, rate_label
from rnc_epi.report.figures.style import SEX_COLOURS, SEX_MARKERS, axes_of, drawing_style
from rnc_epi.report.formats import Format
from rnc_epi.report.texts import text
from rnc_epi.vocabulary.schemas import PUBLISHED
from rnc_epi.vocabulary.sexes import Sex
from rnc_epi.vocabulary.sites import SITES


def plot_sites(
    table: pd.DataFrame, *, ax: Axes | None = None, language: str = "fr", title: str = "", width: float = 6.6
) -> Axes:
    """Draw the rate of each site by sex, with limits, the site with the highest rate on top.

    Parameters
    ----------
    table : DataFrame
        Released rows of one rate, area and period: ``site, sex, value, lower, upper, status, per``; both
        sexes together (0) are left out where men and women are there.
    ax : Axes, optional
    language : {"fr", "en"}
    title : str
    width : float

    Returns
    -------
    Axes

    Examples
    --------
    >>> table = pd.DataFrame({"site": ["lung", "prostate"], "sex": 1, "value": [50.0, 80.0],
    ...     "lower": [48.0, 78.0], "upper": [52.0, 82.0], "status": "published", "measure_unit": "rate",
    ...     "per": 100_000})
    >>> [tick.get_text() for tick in plot_sites(table, language="en").get_yticklabels()]
    ['Prostate', 'Lung']
    """
    written = Format(language)
    rows = _shown(table)
    sites = _ordered_sites(rows)
    place = {slug: len(sites) - 1 - i for i, slug in enumerate(sites)}
    sexes = [Sex(int(code)) for code in sorted(rows["sex"].unique())]
    with drawing_style():
        ax = axes_of(ax, width, 0.9 + 0.17 * len(sites))
        for position, sex in enumerate(sexes):
            part = rows[rows["sex"].eq(int(sex))]
            y = part["site"].map(place).to_numpy(dtype=float) + 0.17 * ((len(sexes) - 1) / 2 - position) * 2
            value = part["value"].to_numpy(dtype=float)
            ax.hlines(
                y,
                part["lower"].to_numpy(dtype=float),
                part["upper"].to_numpy(dtype=float),
                color=SEX_COLOURS[sex],
            )
            ax.plot(
                value,
                y,
                linestyle="none",
                marker=SEX_MARKERS[sex],
                markersize=3.8,
                color=SEX_COLOURS[sex],
                label=sex.label(language),
            )
        ax.set_yticks(np.arange(len(sites))[::-1], [SITES[slug].name(language) for slug in sites])
        ax.set_ylim(-0.6, len(sites) - 0.4)
        ax.set_xlim(left=0)
        ax.tick_params(axis="y", length=0)
        ax.grid(axis="both")
        ax.set_xlabel(rate_label(table, language))
        number_axis(ax.xaxis, written, ticks=7)
        if title:
            ax.set_title(title)
        ax.legend(loc="lower right")
    return ax


def describe_sites(table: pd.DataFrame, language: str, *, subject: str) -> str:
    """Return the alternative text: the three highest rates of each sex.

    Parameters
    ----------
    table : DataFrame
        As :func:`plot_sites` takes it.
    language : {"fr", "en"}
    subject : str
        What the figure shows, as its title says it.

    Returns
    -------
    str
        One to a few sentences; what is not published is not told.

    Examples
    --------
    >>> table = pd.DataFrame({"site": ["lung", "prostate"], "sex": 1, "value": [50.0, 80.0],
    ...     "lower": [48.0, 78.0], "upper": [52.0, 82.0], "status": "published", "measure_unit": "rate",
    ...     "per": 100_000})
    >>> "Prostate 80.0 (78.0–82.0) and Lung" in describe_sites(table, "en", subject="Men")
    True
    """
    written = Format(language)
    rows = _shown(table)
    sentences = [text("alt_sites", language, subject=subject)]
    for code in sorted(rows["sex"].unique()):
        part = rows[rows["sex"].eq(code)].sort_values(
            ["value", "site"], ascending=[False, True], kind="stable"
        )
        named = [
            f"{SITES[row['site']].name(language)} {written.value(row)} {written.interval(row)}".strip()
            for _, row in part.head(3).iterrows()
        ]
        sentences.append(
            text(
                "alt_sites_sex",
                language,
                sex=Sex(int(code)).label(language),
                sites=written.sentence_list(named),
            )
        )
    if len(sentences) == 1:
        sentences.append(text("alt_nothing_published", language))
    return " ".join(sentences)


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    rows = table[table["status"].eq(PUBLISHED)]
    by_sex = rows[rows["sex"].ne(int(Sex.BOTH))]
    return by_sex if len(by_sex) else rows


def _ordered_sites(rows: pd.DataFrame) -> list[str]:
    highest = rows.groupby("site")["value"].max().reset_index()
    ordered = highest.sort_values(["value", "site"], ascending=[False, True], kind="stable")
    return [str(slug) for slug in ordered["site"]]
