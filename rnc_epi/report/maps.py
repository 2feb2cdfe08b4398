"""Maps by département: the standardised rate, and the ratio to what the nation's rates would give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd
from matplotlib.figure import Figure

from rnc_epi.report.blocks import Column, FigureBlock, Section, Table
from rnc_epi.report.comparison import (
    HIGHER,
    LOWER,
    AreaOfSite,
    Parent,
    compare_with_rest,
    comparison_sentences,
    regional_parents,
)
from rnc_epi.report.content import ALL_SITES, RATIO_OF
from rnc_epi.report.figures import describe_choropleth, plot_choropleth, ratio_classes
from rnc_epi.report.figures.funnel import Funnel, describe_funnel, funnel_of, funnel_sentence, plot_funnel
from rnc_epi.report.figures.style import drawing_style, new_figure
from rnc_epi.report.formats import DECIMALS, Format
from rnc_epi.report.lectures import example_of, lecture
from rnc_epi.report.provenance import source_line
from rnc_epi.report.texts import text
from rnc_epi.report.wording import ratio_of_standard, sign_notes
from rnc_epi.vocabulary.schemas import PUBLISHED
from rnc_epi.vocabulary.sexes import Sex
from rnc_epi.vocabulary.sites import SITES

if TYPE_CHECKING:
    import geopandas as gpd

    from rnc_epi.report.content import Content

#: Single sites of each sex that have maps, beside all sites together.
MAPPED_SITES: Final = 1

#: Share of the mapped areas that must have a published figure: an almost empty map tells nothing.
SMALLEST_SHARE: Final = 0.5


def maps(content: Content, language: str) -> Section | None:
    """Return the maps of the main sites by sex, what may be said of their areas, and the figures behind.

    Parameters
    ----------
    content : Content
        A release, from :func:`rnc_epi.report.open_content`.
    language : {"fr", "en"}

    Returns
    -------
    Section or None
        None where no site can be mapped.
    """
    parts, families = [], []
    for event_type in content.event_types:
        for slug, sex in _mapped(content, event_type):
            drawn = _rows(content, event_type, slug, sex, language)
            if drawn is not None:
                families.append((event_type, slug, sex, drawn))
    if not families:
        return None
    # The family of the page: every test of every map of this section.
    ratios = pd.concat([drawn["ratio"] for *_, drawn in families], ignore_index=True)
    parents: dict[AreaOfSite, Parent] = {}
    for *_, drawn in families:
        parents |= regional_parents(content, drawn["ratio"], language)
    compared = compare_with_rest(ratios, parents) if len(ratios) else ratios
    for event_type, slug, sex, drawn in families:
        part = compared[
            compared["event_type"].eq(event_type) & compared["site"].eq(slug) & compared["sex"].eq(int(sex))
        ]
        parts.append(_part(content, event_type, slug, sex, drawn["rate"], part, language))
    funnel = _funnels(content, compared, language)
    if funnel is not None:
        parts.append(funnel)
    notice = content.notice("outlines", language)
    return Section(
        "maps",
        text("maps", language),
        (text("maps_lead", language), text("comparison_lead", language)),
        notes=(notice,) if notice else (),
        parts=tuple(parts),
        language=language,
    )


def _mapped(content: Content, event_type: str) -> list[tuple[str, Sex]]:
    """Return the pairs of site and sex to map: all sites together, then the most frequent of each sex."""
    pairs = []
    for sex in (Sex.MEN, Sex.WOMEN):
        sites = content.main_sites(event_type, int(sex), MAPPED_SITES)
        pairs += [(slug, sex) for slug in sites]
    return sorted(pairs, key=lambda pair: pair[0] != ALL_SITES)


def _rows(
    content: Content, event_type: str, slug: str, sex: Sex, language: str
) -> dict[str, pd.DataFrame] | None:
    level = content.departement_level(event_type)
    if level is None or content.outlines is None:
        return None
    of_level = content.outlines[content.outlines["geo_level"].eq(level)]
    keys = {"site": slug, "sex": int(sex)}
    rate = content.in_longest_period(content.all_ages(content.standardised(event_type, level, **keys)))
    ratio = content.in_longest_period(
        content.all_ages(content.rows(event_type, RATIO_OF[event_type], level, **keys))
    )
    # Several comparators may be published: the one that most areas have.
    if len(ratio):
        ratio = ratio[ratio["comparator"].eq(ratio["comparator"].mode().iloc[0])]
    shown = rate[rate["status"].eq(PUBLISHED) & rate["geo_code"].isin(of_level["geo_code"])]
    if len(of_level) == 0 or len(shown) < SMALLEST_SHARE * len(of_level):
        return None
    names = {
        code: content.area_name(level, code, vintage, language)
        for code, vintage in zip(rate["geo_code"], rate["geo_vintage"], strict=True)
    }
    ratio = ratio.assign(name=ratio["geo_code"].map(names).fillna(ratio["geo_code"]))
    return {"rate": rate, "ratio": ratio}


def map_table(content: Content, rows: pd.DataFrame, language: str) -> gpd.GeoDataFrame:
    """Return the outlines of the level of some rows with their figures; no status where there is no row."""
    assert content.outlines is not None
    level = rows["geo_level"].iloc[0]
    outlines = content.outlines[content.outlines["geo_level"].eq(level)].reset_index(drop=True)
    columns = [name for name in ("geo_code", "value", "lower", "upper", "status", "verdict") if name in rows]
    joined = outlines[["geo_code", "geo_vintage", "inset", "inset_scale", outlines.geometry.name]].merge(
        rows[columns], on="geo_code", how="left", validate="one_to_one"
    )
    joined["name"] = [
        content.area_name(level, code, vintage, language)
        for code, vintage in zip(joined["geo_code"], joined["geo_vintage"], strict=True)
    ]
    joined["inset_name"] = content.inset_names(level, joined, language)
    joined["zoom"] = content.zoomed(level, joined)
    return joined.set_geometry(outlines.geometry.name)


def inset_notes(areas: pd.DataFrame, language: str) -> tuple[str, ...]:
    """Return what is to be said of the insets of a map, in one note."""
    said = [
        text(key, language)
        for key, name in (("note_insets", "inset"), ("note_zoom", "zoom"))
        if areas[name].any()
    ]
    return (" ".join(said),) if said else ()


def _part(
    content: Content,
    event_type: str,
    slug: str,
    sex: Sex,
    rate: pd.DataFrame,
    compared: pd.DataFrame,
    language: str,
) -> Section:
    written = Format(language)
    years = written.period(rate["period_from"].iloc[0], rate["period_until"].iloc[0])
    site = text("site_and_sex", language, site=SITES[slug].name(language), sex=sex.label(language))
    rate_name = ratio_of_standard(event_type, content.standard, language)
    rates = map_table(content, rate, language)
    anchor = f"map-{event_type}-{slug}-{int(sex)}"
    rate_subject = text("map_subject", language, indicator=rate_name, site=site, years=years)
    alternative = describe_choropleth(rates, language, subject=rate_subject, decimals=DECIMALS["rate"])
    ratios = None
    if compared["status"].eq(PUBLISHED).any():
        ratios = map_table(content, compared, language)
        ratios["distinct"] = ratios["verdict"].isin([HIGHER, LOWER])
        ratio_name = text(f"ratio_{event_type}", language)
        subject = text("map_subject", language, indicator=ratio_name, site=site, years=years)
        alternative += " " + describe_choropleth(
            ratios, language, subject=subject, decimals=DECIMALS["ratio"]
        )
    per = written.number(int(rate["per"].iloc[0]))
    caption = text(
        "figure_map" if ratios is not None else "figure_map_rate",
        language,
        site=site,
        years=years,
        rate=rate_name,
        ratio=text(f"ratio_{event_type}", language),
        per=per,
    )

    def draw() -> Figure:
        with drawing_style():
            wide = ratios is not None
            figure = new_figure(6.9 if wide else 4.4, 3.55 if wide else 4.6)
            panels = figure.subplots(1, 2 if wide else 1, squeeze=False).ravel()
            plot_choropleth(
                rates,
                language=language,
                ax=panels[0],
                title=text(f"short_rate_{event_type}", language),
                legend_title=text("axis_rate", language, per=per),
            )
            if ratios is not None:
                plot_choropleth(
                    ratios,
                    classes=ratio_classes(),
                    language=language,
                    ax=panels[1],
                    title=text(f"short_ratio_{event_type}", language),
                    legend_title=text("axis_ratio", language),
                )
        return figure

    altered = content.is_altered(rate) or content.is_altered(compared)
    shown = pd.concat([rate, compared[rate.columns]]) if ratios is not None else rate
    source = source_line(content, shown, language)
    table = _figures_behind(anchor, caption, rates, compared, language, altered=altered, source=source)
    example = example_of(rates.assign(measure_unit="rate", per=int(rate["per"].iloc[0])), middle=True)
    figure = FigureBlock(
        anchor,
        caption,
        alternative,
        draw,
        1.0 if ratios is not None else 0.7,
        inset_notes(rates, language),
        table,
        altered,
        source=source,
        kind="map" if ratios is not None else "",
        lecture=lecture("map", example, language) if ratios is not None else "",
    )
    sentences = comparison_sentences(compared, language) if len(compared) else ()
    return Section(f"section-{anchor}", site, sentences, (figure,), altered=altered)


def _figures_behind(
    anchor: str,
    caption: str,
    rates: pd.DataFrame,
    compared: pd.DataFrame,
    language: str,
    *,
    altered: bool,
    source: str,
) -> Table:
    """Return the figures behind a map: code, name, rate, ratio, and the verdict of its comparison."""
    written = Format(language)
    held = {row["geo_code"]: row for row in compared.to_dict("records")}
    columns = [
        Column(text("column_code", language), numeric=False),
        Column(text("column_area", language), numeric=False),
        Column(text("column_rate", language)),
        Column(text("column_limits", language)),
    ]
    if held:
        columns += [
            Column(text("column_ratio", language)),
            Column(text("column_limits", language)),
            Column(text("column_verdict", language), numeric=False),
        ]
    lines = []
    for row in rates.sort_values("geo_code", kind="stable").to_dict("records"):
        rate = None if pd.isna(row["status"]) else row | {"measure_unit": "rate"}
        cells = [row["geo_code"], row["name"], written.value(rate), written.interval(rate)]
        if held:
            ratio = held.get(row["geo_code"])
            verdict = text(f"verdict_{ratio['verdict']}", language) if ratio else ""
            cells += [written.value(ratio), written.interval(ratio), verdict]
        lines.append(tuple(cells))
    return Table(
        f"data-{anchor}",
        caption,
        tuple(columns),
        tuple(lines),
        2,
        sign_notes(lines, language),
        altered,
        source,
    )


def _funnels(content: Content, compared: pd.DataFrame, language: str) -> Section | None:
    """Return the funnels of the first site that has any, men beside women, and what they say."""
    for (event_type, slug), family in compared.groupby(["event_type", "site"], sort=False, observed=True):
        panels = [
            (Sex(int(sex)), part, found)
            for sex, part in family.groupby("sex", sort=True)
            if (found := funnel_of(part)) is not None
        ]
        if panels:
            return _funnel_part(content, str(event_type), str(slug), panels, language)
    return None


def _funnel_part(
    content: Content,
    event_type: str,
    slug: str,
    panels: list[tuple[Sex, pd.DataFrame, Funnel]],
    language: str,
) -> Section:
    written = Format(language)
    rows = pd.concat([part for _, part, _ in panels])
    years = written.period(int(rows["period_from"].min()), int(rows["period_until"].max()))
    site = SITES[slug].name(language)
    titles = [text("site_and_sex", language, site=site, sex=sex.label(language)) for sex, _, _ in panels]
    ratio_name = text(f"ratio_{event_type}", language)
    anchor = f"funnel-{event_type}-{slug}"
    caption = text("figure_funnel", language, site=site, years=years, ratio=ratio_name)

    def draw() -> Figure:
        with drawing_style():
            figure = new_figure(3.45 * len(panels), 2.55)
            axes = figure.subplots(1, len(panels), squeeze=False, sharey=True).ravel()
            for place, (ax, (sex, part, _)) in enumerate(zip(axes, panels, strict=True)):
                plot_funnel(part, ax=ax, language=language, title=sex.label(language), legend=place == 0)
                if place:
                    ax.set_ylabel("")
        return figure

    row = example_of(rows, middle=True)
    figure = FigureBlock(
        anchor,
        caption,
        " ".join(
            describe_funnel(part, language, subject=f"{title}, {ratio_name}, {years}")
            for title, (_, part, _) in zip(titles, panels, strict=True)
        ),
        draw,
        width=0.5 * len(panels),
        data=_behind_funnel(content, anchor, caption, rows, language),
        altered=content.is_altered(rows),
        source=source_line(content, rows, language),
        kind="funnel",
        lecture=lecture("funnel", row, language, expected=written.expected(row["expected"]) if row else ""),
    )
    colon = " : " if language == "fr" else ": "
    return Section(
        "funnel",
        text("funnel", language),
        (text("funnel_lead", language),),
        (figure,),
        items=tuple(
            f"{_capital(sex.label(language))}{colon}{funnel_sentence(found, language)}"
            for sex, _, found in panels
        ),
        language=language,
        altered=figure.altered,
    )


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]


def _behind_funnel(content: Content, anchor: str, caption: str, rows: pd.DataFrame, language: str) -> Table:
    """Return the figures behind a funnel: expected and observed events and their ratio."""
    written = Format(language)
    columns = (
        Column(text("column_code", language), numeric=False),
        Column(text("column_area", language), numeric=False),
        Column(text("column_sex", language), numeric=False),
        Column(text("column_expected", language)),
        Column(text("column_ratio", language)),
        Column(text("column_limits", language)),
    )
    lines = []
    for row in rows.sort_values(["sex", "geo_code"], kind="stable").to_dict("records"):
        shown = row["status"] == PUBLISHED and not pd.isna(row["expected"])
        expected = written.expected(row["expected"]) if shown else written.value(row)
        lines.append(
            (
                row["geo_code"],
                row["name"],
                Sex(int(row["sex"])).label(language),
                expected,
                written.value(row),
                written.interval(row),
            )
        )
    return Table(
        f"data-{anchor}",
        caption,
        columns,
        tuple(lines),
        3,
        sign_notes(lines, language),
        content.is_altered(rows),
        source_line(content, rows, language),
    )
