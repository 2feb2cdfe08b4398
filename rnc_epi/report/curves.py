"""Rates by age and rates by year, of the main sites."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnc_epi.report.blocks import Column, FigureBlock, Section, Table
from rnc_epi.report.figures import describe_age_curve, describe_trend, plot_age_curve, plot_trend
from rnc_epi.report.figures.style import drawing_style, new_figure
from rnc_epi.report.figures.trend import DISTURBED_YEARS
from rnc_epi.report.formats import Format
from rnc_epi.report.lectures import example_of, lecture
from rnc_epi.report.provenance import source_line
from rnc_epi.report.texts import text
from rnc_epi.report.wording import area_title, ratio_of_standard, sign_notes
from rnc_epi.vocabulary.schemas import PUBLISHED
from rnc_epi.vocabulary.sexes import Sex
from rnc_epi.vocabulary.sites import SITES

if TYPE_CHECKING:
    from rnc_epi.report.content import Content

#: Sites of each sex that have a curve, beside all sites together.
MAIN_SITES = 3


def age_curves(content: Content, language: str) -> Section | None:
    """Return one figure an event: the rates by age of the main sites, in the reference area.

    Parameters
    ----------
    content : Content
        A release, from :func:`rnc_epi.report.open_content`.
    language : {"fr", "en"}

    Returns
    -------
    Section or None
        None where no site has published rates in three bands of age.
    """
    figures = []
    for event_type in content.event_types:
        rows, _ = content.reference_rows(event_type, "age_specific_rate")
        rows = content.in_longest_period(rows)
        sites = _sites_with(content, rows, event_type, bands=3)
        if not sites:
            continue
        first = rows.iloc[0]
        subject = _subject(content, first, text(f"rate_by_age_{event_type}", language), language)
        figures.append(
            _panels(
                f"figure-ages-{event_type}",
                subject[0].upper() + subject[1:],
                rows,
                sites,
                partial(_plot_ages, language),
                partial(_describe_ages, language),
                _age_table(content, event_type, rows, sites, subject, language),
                altered=content.is_altered(rows),
                source=source_line(content, rows[rows["site"].isin(sites)], language),
                kind="ages",
                lecture=_read_ages(rows[rows["site"].eq(sites[0])], language),
            )
        )
    if not figures:
        return None
    return Section(
        "ages", text("ages", language), (text("ages_lead", language),), tuple(figures), language=language
    )


def trends(content: Content, language: str) -> Section | None:
    """Return one figure an event: the standardised rate of the main sites, year by year.

    Parameters
    ----------
    content : Content
        A release, from :func:`rnc_epi.report.open_content`.
    language : {"fr", "en"}

    Returns
    -------
    Section or None
        None where no site has published rates in three years.
    """
    figures, notes = [], []
    for event_type in content.event_types:
        level = content.national_level(event_type)
        rows = (
            content.standardised(event_type, level)
            if level
            else content.standardised(event_type, "registry_zone", geo_code="ALL")
        )
        rows = content.all_ages(rows)
        rows = rows[(rows["period_until"] - rows["period_from"]).eq(1)]
        sites = _sites_with(content, rows, event_type, years=3)
        if not sites:
            continue
        breaks = _breaks(content, rows)
        first = rows.iloc[0]
        years = Format(language).period(int(rows["period_from"].min()), int(rows["period_until"].max()))
        subject = text(
            "subject",
            language,
            indicator=ratio_of_standard(event_type, content.standard, language),
            where=area_title(content, first, language),
            years=years,
        )
        figures.append(
            _panels(
                f"figure-trend-{event_type}",
                subject[0].upper() + subject[1:],
                rows,
                sites,
                partial(_plot_trend, breaks, language),
                partial(_describe_trend, breaks, language),
                _trend_table(content, event_type, rows, sites, subject, language),
                altered=content.is_altered(rows),
                source=source_line(content, rows[rows["site"].isin(sites)], language),
                kind="trend",
                lecture=_read_trend(rows[rows["site"].eq(sites[0])], language),
            )
        )
        if rows["period_from"].isin(DISTURBED_YEARS).any():
            notes.append(text("note_2020", language))
        notes.append(text("note_editions", language))
    if not figures:
        return None
    return Section(
        "trend",
        text("trend", language),
        (text("trend_lead", language),),
        tuple(figures),
        notes=tuple(dict.fromkeys(notes)),
        language=language,
    )


def _read_ages(rows: pd.DataFrame, language: str) -> str:
    row = example_of(rows[rows["sex"].ne(int(Sex.BOTH))])
    ages = Format(language).ages(row["age_from"], row["age_until"]) if row else ""
    return lecture("ages", row, language, ages=ages)


def _read_trend(rows: pd.DataFrame, language: str) -> str:
    rows = rows[rows["sex"].ne(int(Sex.BOTH))]
    row = example_of(rows[rows["period_from"].eq(rows["period_from"].min())])
    return lecture("trend", row, language, year=str(int(row["period_from"])) if row else "")


def _plot_ages(language: str, part: pd.DataFrame, ax: Axes, legend: bool) -> Axes:
    return plot_age_curve(part, ax=ax, language=language, title=_panel_title(part, language), legend=legend)


def _describe_ages(language: str, part: pd.DataFrame) -> str:
    return describe_age_curve(part, language, subject=_title(part, language))


def _plot_trend(breaks: tuple[int, ...], language: str, part: pd.DataFrame, ax: Axes, legend: bool) -> Axes:
    title = _panel_title(part, language)
    return plot_trend(part, ax=ax, breaks=breaks, language=language, title=title, legend=legend)


def _describe_trend(breaks: tuple[int, ...], language: str, part: pd.DataFrame) -> str:
    return describe_trend(part, language, subject=_title(part, language), breaks=breaks)


def _breaks(content: Content, rows: pd.DataFrame) -> tuple[int, ...]:
    used = {part for name in rows["source"].unique() for part in name.split("+")}
    return tuple(
        sorted(
            {
                year
                for source in content.sources
                if source.source in used
                for year in source.definition_break_years
            }
        )
    )


def _sites_with(
    content: Content, rows: pd.DataFrame, event_type: str, *, bands: int = 0, years: int = 0
) -> list[str]:
    """Return the main sites of both sexes with enough published figures to draw a line."""
    shown = rows[rows["status"].eq(PUBLISHED) & rows["sex"].ne(int(Sex.BOTH))]
    column, enough = ("age_from", bands) if bands else ("period_from", years)
    points = shown.groupby("site")[column].nunique()
    wanted = list(
        dict.fromkeys(
            slug
            for sex in (Sex.MEN, Sex.WOMEN)
            for slug in content.main_sites(event_type, int(sex), MAIN_SITES)
        )
    )
    return [slug for slug in wanted if points.get(slug, 0) >= enough]


def _title(part: pd.DataFrame, language: str) -> str:
    return SITES[part["site"].iloc[0]].name(language) if len(part) else ""


def _panel_title(part: pd.DataFrame, language: str) -> str:
    """Return the title of a panel: what stands in brackets would reach into the next one."""
    return re.sub(r"\s*\([^)]*\)$", "", _title(part, language))


def _subject(content: Content, row: pd.Series, indicator: str, language: str) -> str:
    return text(
        "subject",
        language,
        indicator=indicator,
        where=area_title(content, row, language),
        years=Format(language).period(row["period_from"], row["period_until"]),
    )


def _panels(
    anchor: str,
    caption: str,
    rows: pd.DataFrame,
    sites: list[str],
    plot: Callable[[pd.DataFrame, Axes, bool], Axes],
    describe: Callable[[pd.DataFrame], str],
    data: Table,
    *,
    altered: bool,
    source: str,
    kind: str,
    lecture: str,
) -> FigureBlock:
    """Return a figure of one panel a site, three in a row, and its alternative text, panel by panel."""
    parts = [rows[rows["site"].eq(slug)] for slug in sites]
    across = min(3, len(parts))
    down = -(-len(parts) // across)

    def draw() -> Figure:
        with drawing_style():
            figure = new_figure(2.25 * across + 0.2, 1.92 * down + 0.2)
            panels = np.atleast_1d(figure.subplots(down, across, squeeze=False).ravel())
            legended = max(range(len(parts)), key=lambda i: (parts[i]["sex"].nunique(), -i))
            for i, part in enumerate(parts):
                plot(part, panels[i], i == legended)
                if i % across:
                    panels[i].set_ylabel("")
                if i + across < len(parts):
                    panels[i].set_xlabel("")
            for panel in panels[len(parts) :]:
                panel.set_axis_off()
        return figure

    return FigureBlock(
        anchor,
        caption,
        " ".join([f"{caption}.", *(describe(part) for part in parts)]),
        draw,
        width=min(1.0, 0.36 * across),
        data=data,
        altered=altered,
        source=source,
        kind=kind,
        lecture=lecture,
    )


def _age_table(
    content: Content, event_type: str, rows: pd.DataFrame, sites: list[str], subject: str, language: str
) -> Table:
    written = Format(language)
    rows = rows[rows["site"].isin(sites) & rows["sex"].ne(int(Sex.BOTH))]
    bands = sorted(
        {
            (int(start), None if pd.isna(end) else int(end))
            for start, end in zip(rows["age_from"], rows["age_until"], strict=True)
        },
        key=lambda band: band[0],
    )
    held = {(row["site"], row["sex"], int(row["age_from"])): row for row in rows.to_dict("records")}
    lines = []
    for slug in sites:
        for sex in (Sex.MEN, Sex.WOMEN):
            if not SITES[slug].applies_to(sex):
                continue
            cells = [written.value(held.get((slug, int(sex), start))) for start, _ in bands]
            lines.append((SITES[slug].name(language), sex.label(language), *cells))
    columns = (
        Column(text("column_site", language), numeric=False),
        Column(text("column_sex", language), numeric=False),
        *(Column(written.ages(start, end)) for start, end in bands),
    )
    return Table(
        f"data-ages-{event_type}",
        subject,
        columns,
        tuple(lines),
        2,
        sign_notes(lines, language),
        source=source_line(content, rows, language),
    )


def _trend_table(
    content: Content, event_type: str, rows: pd.DataFrame, sites: list[str], subject: str, language: str
) -> Table:
    written = Format(language)
    rows = rows[rows["site"].isin(sites) & rows["sex"].ne(int(Sex.BOTH))]
    years = sorted(int(year) for year in rows["period_from"].unique())
    held = {(row["site"], row["sex"], int(row["period_from"])): row for row in rows.to_dict("records")}
    lines = []
    for slug in sites:
        for sex in (Sex.MEN, Sex.WOMEN):
            if not SITES[slug].applies_to(sex):
                continue
            found = [held.get((slug, int(sex), year)) for year in years]
            cells = [f"{written.value(row)}\n{written.interval(row)}".strip() for row in found]
            lines.append((SITES[slug].name(language), sex.label(language), *cells))
    columns = (
        Column(text("column_site", language), numeric=False),
        Column(text("column_sex", language), numeric=False),
        *(Column(str(year)) for year in years),
    )
    return Table(
        f"data-trend-{event_type}",
        subject,
        columns,
        tuple(lines),
        2,
        sign_notes(lines, language),
        source=source_line(content, rows, language),
    )
