"""The figures of the chapter on social inequality, each with what it does not say about persons beside it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import pandas as pd
from matplotlib.figure import Figure

from rnc_epi.report.blocks import FigureBlock
from rnc_epi.report.content import ALL_SITES
from rnc_epi.report.deprivation_rows import SHOWN_MODEL, Gradient
from rnc_epi.report.figures.choropleth import describe_choropleth, plot_choropleth
from rnc_epi.report.figures.concentration import (
    curves_of,
    describe_concentration_curve,
    excess_classes,
    plot_concentration_curve,
)
from rnc_epi.report.figures.gradient import (
    describe_equiplot,
    describe_gradient,
    equiplot_lines,
    of_groups,
    plot_equiplot,
    plot_gradient,
)
from rnc_epi.report.figures.relative_indices import (
    describe_absolute_and_relative,
    describe_forest,
    paths_of,
    plot_absolute_and_relative,
    plot_forest,
    shown_ratios,
)
from rnc_epi.report.figures.style import drawing_style, figure_of, new_figure
from rnc_epi.report.formats import Format
from rnc_epi.report.lectures import example_of, lecture
from rnc_epi.report.maps import SMALLEST_SHARE, map_table
from rnc_epi.report.provenance import source_line
from rnc_epi.report.texts import text
from rnc_epi.report.wording import event_word, ratio_of_standard
from rnc_epi.vocabulary.deprivation import ALL_GROUPS
from rnc_epi.vocabulary.schemas import PUBLISHED
from rnc_epi.vocabulary.sexes import Sex
from rnc_epi.vocabulary.sites import SITES

if TYPE_CHECKING:
    from rnc_epi.report.content import Content

#: Sites of which panels stand side by side.
ACROSS: Final = 3

#: Sites with a gradient figure of their own, and curves of concentration.
DRAWN_SITES: Final = 3

#: Areas below which a map shows nothing that a line of the table does not.
FEWEST_MAPPED: Final = 5

#: Levels at which a map of excess is looked for, the first that has one.
MAPPED_LEVELS: Final = ("departement", "departement_sante", "region")


def figures_of(content: Content, held: Gradient, language: str) -> tuple[FigureBlock, ...]:
    """Return every figure that the gradients of an event can fill."""
    made = (gradients, equiplots, forests, curves, changes, excess)
    return tuple(block for make in made for block in make(content, held, language))


def _named(rows: pd.DataFrame, language: str) -> pd.DataFrame:
    return rows.assign(name=rows["site"].map(lambda slug: SITES[slug].name(language)))


def facts_of(held: Gradient, language: str) -> dict[str, str]:
    """Return what most captions say."""
    rates = held.of("asr")
    written = Format(language)
    return {
        "rate": _capital(ratio_of_standard(held.event_type, held.standard, language)),
        "events": event_word(held.event_type, language),
        "where": held.where,
        "years": written.period(*held.period),
        "per": written.number(int(rates["per"].iloc[0])),
    }


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]


def reading(language: str, *more: str) -> tuple[str, ...]:
    """Return what a gradient of areas does not say, beside every figure."""
    return (text("deprivation_reading", language), *(text(key, language) for key in more))


def _block(
    content: Content,
    anchor: str,
    caption: str,
    alternative: str,
    draw: Callable[[], Figure],
    rows: pd.DataFrame,
    notes: tuple[str, ...],
    language: str,
    *,
    width: float = 0.7,
    read: str = "",
) -> FigureBlock:
    return FigureBlock(
        anchor,
        caption,
        alternative,
        draw,
        width,
        notes,
        altered=content.is_altered(rows),
        source=source_line(content, rows, language),
        kind=anchor.partition("-")[0],
        lecture=read,
    )


def gradients(content: Content, held: Gradient, language: str) -> list[FigureBlock]:
    """Return the gradients of the most frequent sites of either sex, a panel each."""
    sites: list[str] = []
    for sex in (Sex.MEN, Sex.WOMEN):
        sites += [slug for slug in held.sites(int(sex))[: DRAWN_SITES + 1] if slug not in sites]
    parts = []
    for slug in sites[: 2 * DRAWN_SITES]:
        rows = of_groups(held.of("asr", site=slug))
        rows = rows[rows["sex"].isin([1, 2])]
        if int(rows["status"].eq(PUBLISHED).sum()) > 1:
            parts.append((SITES[slug].name(language), rows))
    if not parts:
        return []
    across = min(ACROSS, len(parts))
    down = -(-len(parts) // across)

    def draw() -> Figure:
        with drawing_style():
            figure = new_figure(2.25 * across + 0.2, 1.95 * down + 0.2)
            panels = figure.subplots(down, across, squeeze=False).ravel()
            legended = max(range(len(parts)), key=lambda i: (parts[i][1]["sex"].nunique(), -i))
            for place, (name, rows) in enumerate(parts):
                title = re.sub(r"\s*\([^)]*\)$", "", name)
                plot_gradient(
                    rows, ax=panels[place], language=language, title=title, legend=place == legended
                )
                if place % across:
                    panels[place].set_ylabel("")
                if place + across < len(parts):
                    panels[place].set_xlabel("")
            for panel in panels[len(parts) :]:
                panel.set_axis_off()
        return figure

    every = pd.concat([rows for _, rows in parts])
    example = example_of(parts[0][1])
    return [
        _block(
            content,
            f"gradient-{held.event_type}",
            text("figure_gradient", language, **without(facts_of(held, language), "events")),
            " ".join(
                describe_gradient(rows, language, subject=f"{name}, {held.where}") for name, rows in parts
            ),
            draw,
            every,
            reading(language),
            language,
            width=min(1.0, 0.36 * across),
            read=lecture("gradient", example, language, group=str(example["stratum"]) if example else ""),
        )
    ]


def without(facts: dict[str, str], *names: str) -> dict[str, str]:
    """Return facts without those of some names: a caption names the facts that it says."""
    return {name: value for name, value in facts.items() if name not in names}


def equiplots(content: Content, held: Gradient, language: str) -> list[FigureBlock]:
    """Return the groups of every site side by side, men above women."""
    parts = []
    for sex in (Sex.MEN, Sex.WOMEN):
        rows = held.of("asr", sex=int(sex))
        rows = _named(rows[rows["site"].ne(ALL_SITES)], language)
        if equiplot_lines(rows):
            parts.append((sex.label(language), rows))
    if not parts:
        return []
    lengths = [len(equiplot_lines(rows)) for _, rows in parts]

    def draw() -> Figure:
        with drawing_style():
            # A line is as high in both panels; titles and the axis take the rest.
            figure = new_figure(6.6, 0.5 + sum(0.75 + 0.2 * length for length in lengths))
            panels = figure.subplots(
                len(parts), 1, squeeze=False, sharex=True, height_ratios=[1.2 + length for length in lengths]
            ).ravel()
            for place, (label, rows) in enumerate(parts):
                title = label[0].upper() + label[1:]
                plot_equiplot(rows, ax=panels[place], language=language, title=title, legend=place == 0)
                if place + 1 < len(parts):
                    panels[place].set_xlabel("")
        return figure

    drawn = pd.concat([rows for _, rows in parts])
    complete = {name for name, _ in equiplot_lines(parts[0][1])}
    example = example_of(of_groups(parts[0][1][parts[0][1]["name"].isin(complete)]))
    return [
        _block(
            content,
            f"equiplot-{held.event_type}",
            text("figure_equiplot", language, **without(facts_of(held, language), "events")),
            " ".join(
                describe_equiplot(rows, language, subject=f"{label}, {held.where}") for label, rows in parts
            ),
            draw,
            drawn,
            reading(language),
            language,
            width=1.0,
            read=lecture("equiplot", example, language, group=str(example["stratum"]) if example else ""),
        )
    ]


def forests(content: Content, held: Gradient, language: str) -> list[FigureBlock]:
    """Return the relative index of every site by sex."""
    rows = held.of("relative_index", method=SHOWN_MODEL, stratum=ALL_GROUPS)
    rows = _named(rows[rows["sex"].isin([1, 2])], language)
    if shown_ratios(rows).empty:
        return []
    facts = without(facts_of(held, language), "rate", "per")
    return [
        _block(
            content,
            f"forest-{held.event_type}",
            text("figure_forest", language, **facts),
            describe_forest(rows, language, subject=f"{facts['events']}, {held.where}"),
            lambda: figure_of(plot_forest(rows, language=language)),
            rows,
            reading(language),
            language,
            width=1.0,
            read=lecture("forest", example_of(shown_ratios(rows)), language),
        )
    ]


def curves(content: Content, held: Gradient, language: str) -> list[FigureBlock]:
    """Return the curves of concentration of the most frequent sites, men beside women."""
    parts = []
    for sex in (Sex.MEN, Sex.WOMEN):
        sites = [slug for slug in held.sites(int(sex)) if slug != ALL_SITES][:DRAWN_SITES]
        rows = held.of("asr", sex=int(sex))
        rows = _named(rows[rows["site"].isin(sites)], language)
        if curves_of(rows):
            parts.append((sex.label(language), rows))
    if not parts:
        return []

    def draw() -> Figure:
        with drawing_style():
            figure = new_figure(3.4 * len(parts), 3.4)
            panels = figure.subplots(1, len(parts), squeeze=False).ravel()
            for place, (label, rows) in enumerate(parts):
                title = label[0].upper() + label[1:]
                plot_concentration_curve(rows, ax=panels[place], language=language, title=title)
                if place:
                    panels[place].set_ylabel("")
        return figure

    drawn = pd.concat([rows for _, rows in parts])
    return [
        _block(
            content,
            f"concentration-{held.event_type}",
            text("figure_concentration", language, **without(facts_of(held, language), "rate", "per")),
            " ".join(
                describe_concentration_curve(rows, language, subject=f"{label}, {held.where}")
                for label, rows in parts
            ),
            draw,
            drawn,
            reading(language),
            language,
            width=0.48 * len(parts),
            read=lecture("concentration", example_of(drawn), language),
        )
    ]


def changes(content: Content, held: Gradient, language: str) -> list[FigureBlock]:
    """Return absolute against relative over single years, for the site with most events."""
    sites = held.sites(1) + held.sites(2)
    for slug in sites:
        keys = {"site": slug, "method": SHOWN_MODEL, "stratum": ALL_GROUPS}
        found = []
        for name in ("slope_index", "relative_index"):
            rows = held.every(name, **keys)
            length = rows["period_until"] - rows["period_from"]
            found.append(rows[length.eq(length.min()) & rows["sex"].isin([1, 2])])
        absolute, relative = found
        if not paths_of(absolute, relative):
            continue
        site = SITES[slug].name(language)
        facts = without(facts_of(held, language), "rate", "years") | {"site": site}

        def draw(absolute: pd.DataFrame = absolute, relative: pd.DataFrame = relative) -> Figure:
            return figure_of(plot_absolute_and_relative(absolute, relative, language=language))

        return [
            _block(
                content,
                f"absolute-relative-{held.event_type}",
                text("figure_absolute_relative", language, **facts),
                describe_absolute_and_relative(absolute, relative, language, subject=f"{site}, {held.where}"),
                draw,
                absolute,
                reading(language, "deprivation_both_scales"),
                language,
                width=0.6,
                read=lecture("paths", example_of(absolute), language),
            )
        ]
    return []


def excess(content: Content, held: Gradient, language: str) -> list[FigureBlock]:
    """Return a map of excess events of the site with most, at the finest level that mostly has figures."""
    if content.outlines is None:
        return []
    results = content.results
    wanted = (
        results["indicator"].eq("excess_events")
        & results["event_type"].eq(held.event_type)
        & results["stratum_type"].eq(held.stratum_type)
        & results["estimator"].eq("observed")
    )
    for level in MAPPED_LEVELS:
        of_level = content.outlines[content.outlines["geo_level"].eq(level)]
        rows = content.in_longest_period(results[wanted & results["geo_level"].eq(level)])
        if len(of_level) < FEWEST_MAPPED or rows.empty:
            continue
        candidates = [(slug, sex) for sex in (Sex.MEN, Sex.WOMEN) for slug in held.sites(int(sex))]
        for slug, sex in candidates:
            one = rows[rows["site"].eq(slug) & rows["sex"].eq(int(sex))]
            shown = one[one["status"].eq(PUBLISHED) & one["geo_code"].isin(of_level["geo_code"])]
            if len(shown) >= SMALLEST_SHARE * len(of_level):
                return [_excess_map(content, held, one, slug, sex, language)]
    return []


def _excess_map(
    content: Content, held: Gradient, rows: pd.DataFrame, slug: str, sex: Sex, language: str
) -> FigureBlock:
    areas = map_table(content, rows, language)
    site = text("site_and_sex", language, site=SITES[slug].name(language), sex=sex.label(language))
    years = Format(language).period(int(rows["period_from"].iloc[0]), int(rows["period_until"].iloc[0]))
    caption = text(
        "figure_excess", language, site=site, years=years, events=event_word(held.event_type, language)
    )
    values = areas.loc[areas["status"].eq(PUBLISHED), "value"].to_numpy(dtype=float)

    def draw() -> Figure:
        axes = plot_choropleth(
            areas,
            classes=excess_classes(values),
            language=language,
            legend_title=text("short_excess", language),
        )
        return figure_of(axes)

    return _block(
        content,
        f"excess-{held.event_type}",
        caption,
        describe_choropleth(areas, language, subject=caption.rstrip("."), decimals=0),
        draw,
        rows,
        reading(language, "deprivation_excess_reading"),
        language,
        read=lecture("excess", example_of(areas.assign(measure_unit="events"), middle=True), language),
    )
