"""Small areas: twin maps of risk and certainty, the areas ranked, what may be said of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pandas as pd
from matplotlib.figure import Figure

from rnc_epi.report.blocks import Column, FigureBlock, Section, Table
from rnc_epi.report.comparison import DIAGNOSTIC_PRACTICE
from rnc_epi.report.figures.risk_maps import (
    CLASS_WORDS,
    describe_caterpillar,
    describe_risks,
    plot_caterpillar,
    plot_certainty,
    plot_risks,
)
from rnc_epi.report.figures.style import drawing_style, figure_of, new_figure
from rnc_epi.report.formats import DECIMALS, NOTHING, Format
from rnc_epi.report.lectures import example_of, lecture
from rnc_epi.report.maps import inset_notes
from rnc_epi.report.provenance import source_line
from rnc_epi.report.risk_maps import RiskMap, against_rest, risk_maps
from rnc_epi.report.texts import text
from rnc_epi.report.wording import event_word, sign_notes
from rnc_epi.vocabulary.areas import level_title
from rnc_epi.vocabulary.schemas import NOT_ESTIMABLE, NOT_PUBLISHED, PUBLISHED
from rnc_epi.vocabulary.sexes import Sex
from rnc_epi.vocabulary.sites import SITES

if TYPE_CHECKING:
    from rnc_epi.report.content import Content

#: Maps drawn of one event and level, those with most published figures first; the table holds them all.
MOST_DRAWN: Final = 4

#: Areas named on each side.
MOST_NAMED: Final = 5


def small_areas(content: Content, language: str) -> Section | None:
    """Return the chapter of the smoothed maps of a release, or None where it has none.

    Parameters
    ----------
    content : Content
        A release, from :func:`rnc_epi.report.open_content`.
    language : {"fr", "en"}

    Returns
    -------
    Section or None
        None where it has no map.
    """
    found = risk_maps(content, language)
    if not found:
        return None
    drawn = _drawn(found)
    verdicts = against_rest(content, drawn)
    parts = [_part(content, one, verdict, language) for one, verdict in zip(drawn, verdicts, strict=True)]
    refused = [
        text(
            "refused_map",
            language,
            site=_site(one.key, language),
            level=level_title(one.key["geo_level"], language).lower(),
        )
        for one in found
        if one.areas["status"].eq(NOT_ESTIMABLE).all()
    ]
    notes = [text("note_risks_compared", language)] if any(len(v) for v in verdicts) else []
    return Section(
        "small-areas",
        text("small_areas", language),
        (text("small_areas_lead", language), text("small_areas_reading", language)),
        tables=(_summary(content, found, language),),
        notes=(*refused, *notes, text("small_areas_limits", language)),
        parts=tuple(parts),
        language=language,
    )


def _drawn(found: list[RiskMap]) -> list[RiskMap]:
    """Return the maps to draw, in the order of the release."""
    kept: list[RiskMap] = []
    groups = sorted({(one.key["event_type"], one.key["geo_level"]) for one in found}, reverse=True)
    for event_type, level in groups:
        family = [
            one
            for one in found
            if (one.key["event_type"], one.key["geo_level"]) == (event_type, level) and len(one.classed)
        ]
        family.sort(key=lambda one: (-len(one.shown), one.key["site"], one.key["sex"]))
        kept.extend(family[:MOST_DRAWN])
    return kept


def _site(key: dict[str, Any], language: str) -> str:
    return text(
        "site_and_sex",
        language,
        site=SITES[key["site"]].name(language),
        sex=Sex(int(key["sex"])).label(language),
    )


def _part(content: Content, one: RiskMap, verdicts: pd.DataFrame, language: str) -> Section:
    written, key = Format(language), one.key
    anchor = "-".join(
        ["risk", key["event_type"], key["geo_level"], key["site"], str(int(key["sex"])), key["method"]]
    )
    anchor += f"-{int(key['period_from'])}"
    site, years = _site(key, language), written.period(key["period_from"], key["period_until"])
    indicator = text("risk_of_map_benchmarked" if one.benchmarked else "risk_of_map", language)
    subject = text("map_subject", language, indicator=indicator, site=site, years=years)
    source = source_line(content, one.rows, language)
    table = _figures_behind(one, anchor, subject, language, source)
    example = example_of(one.areas.assign(measure_unit="ratio"), middle=True)
    figures = []
    outlined = _outlined(content, one, language)
    threshold = written.number(one.threshold, 0 if one.threshold == int(one.threshold) else 2)
    if outlined is not None:
        caption = text(
            "figure_twin_maps", language, site=site, years=years, indicator=indicator, threshold=threshold
        )

        def draw_maps() -> Figure:
            with drawing_style():
                figure = new_figure(6.9, 4.1)
                left, right = figure.subplots(1, 2)
                plot_risks(
                    outlined,
                    language=language,
                    ax=left,
                    title=text("short_risk", language),
                    legend_title=text("legend_risk", language),
                )
                plot_certainty(
                    outlined,
                    language=language,
                    ax=right,
                    title=text("short_certainty", language),
                    legend_title=text("legend_probability", language, threshold=threshold),
                )
            return figure

        figures.append(
            FigureBlock(
                anchor,
                caption,
                describe_risks(outlined, language, subject=subject),
                draw_maps,
                notes=inset_notes(outlined, language),
                data=table,
                altered=one.altered,
                source=source,
                kind="risks",
                lecture=lecture("risks", example, language),
            )
        )
    if len(one.shown) > 1:
        figures.append(
            FigureBlock(
                f"{anchor}-ranked",
                text(
                    "figure_caterpillar",
                    language,
                    site=site,
                    years=years,
                    indicator=indicator,
                    level=written.number(100 * one.level, 0),
                ),
                describe_caterpillar(one.areas, language),
                lambda: figure_of(plot_caterpillar(one.areas, language=language)),
                data=None if figures else table,
                altered=one.altered,
                source=source,
                kind="ribbon",
                lecture=lecture("ribbon", example, language),
            )
        )
    level = level_title(key["geo_level"], language)
    title = text(
        "small_areas_title",
        language,
        events=event_word(key["event_type"], language, capital=True),
        level=level[0].lower() + level[1:] if not level.isupper() else level,
        site=SITES[key["site"]].name(language),
        sex=Sex(int(key["sex"])).label(language),
    )
    sentences = (_classes(one, language), *_sentences(content, one, verdicts, language))
    return Section(
        f"section-{anchor}", title, sentences, tuple(figures), language=language, altered=one.altered
    )


def _outlined(content: Content, one: RiskMap, language: str) -> Any:
    """Return the outlines of the level with the figures of the map, or None where there are none."""
    if content.outlines is None:
        return None
    level = one.key["geo_level"]
    outlines = content.outlines[content.outlines["geo_level"].eq(level)].reset_index(drop=True)
    if outlines.empty:
        return None
    columns = ["geo_code", "value", "lower", "upper", "status", "probability", "risk_class", "name"]
    joined = outlines[["geo_code", "inset", "inset_scale", outlines.geometry.name]].merge(
        one.areas[columns], on="geo_code", how="left", validate="one_to_one"
    )
    joined["name"] = joined["name"].fillna(joined["geo_code"])
    joined["inset_name"] = content.inset_names(level, joined, language)
    joined["zoom"] = content.zoomed(level, joined)
    return joined.set_geometry(outlines.geometry.name)


def _classes(one: RiskMap, language: str) -> str:
    written = Format(language)
    higher, lower, calm = (one.number_of(k) for k in (1, -1, 0))
    key = "classes_of_map" if higher or lower else "classes_of_map_calm"
    return text(
        key,
        language,
        areas=written.number(len(one.classed)),
        calm=written.number(calm),
        higher=written.number(higher),
        lower=written.number(lower),
    )


def _sentences(content: Content, one: RiskMap, verdicts: pd.DataFrame, language: str) -> tuple[str, ...]:
    """Return what may be said of single areas: against the rest of their region, discoveries only."""
    written = Format(language)
    found = []
    for verdict, from_top in (("higher", True), ("lower", False)):
        rows = verdicts[verdicts["verdict"].eq(verdict)]
        rows = rows.sort_values(["value", "name"], ascending=not from_top, kind="stable")
        if rows.empty:
            continue
        named = [
            text(
                "risk_of_area",
                language,
                name=row["name"],
                risk=written.number(row["value"], 2),
                limits=written.limits(row["lower"], row["upper"], 2),
                region=_region_name(content, row["region"], language),
                rest=written.number(row["rest"], 2),
            )
            for row in rows.head(MOST_NAMED).to_dict("records")
        ]
        listed = (" ; " if language == "fr" else "; ").join(named)
        more = len(rows) - len(named)
        if more:
            listed = text("and_others", language, areas=listed, more=written.number(more))
        found.append(text(f"risks_{verdict}", language, areas=listed))
    calm = int(verdicts["verdict"].eq("not_distinct").sum())
    if len(verdicts):
        key = "risks_not_distinct_all" if calm == len(verdicts) else "risks_not_distinct"
        found.append(text(key, language, number=written.number(calm)))
    if one.key["site"] in DIAGNOSTIC_PRACTICE:
        found.append(text("diagnostic_practice", language))
    return tuple(found)


def _region_name(content: Content, code: str, language: str) -> str:
    named = content.areas[content.areas["geo_level"].eq("region") & content.areas["geo_code"].eq(code)]
    return str(named[f"name_{language}"].iloc[0]) if len(named) else code


def _figures_behind(one: RiskMap, anchor: str, caption: str, language: str, source: str) -> Table:
    """Return the figures behind a map: area, risk with limits, class."""
    written = Format(language)
    columns = (
        Column(text("column_code", language), numeric=False),
        Column(text("risks_column_area_small", language), numeric=False),
        Column(text("risks_column_risk", language)),
        Column(text("column_limits", language)),
        Column(text("risks_column_class", language), numeric=False),
    )
    lines = []
    for row in one.areas.sort_values("geo_code", kind="stable").to_dict("records"):
        ratio = row | {"measure_unit": "ratio"}
        word = NOTHING
        if not pd.isna(row["risk_class"]):
            word = text(f"word_class_{CLASS_WORDS[int(row['risk_class'])]}", language)
        lines.append((row["geo_code"], row["name"], written.value(ratio), written.interval(ratio), word))
    return Table(
        f"data-{anchor}",
        caption[0].upper() + caption[1:],
        columns,
        tuple(lines),
        2,
        sign_notes(lines, language),
        one.altered,
        source,
    )


def _summary(content: Content, found: list[RiskMap], language: str) -> Table:
    """Return one line a map: what is shown of it, the classes, the range of the published risks."""
    written = Format(language)
    columns = (
        Column(text("risks_column_site_and_sex", language), numeric=False),
        Column(text("risks_column_level", language), numeric=False),
        Column(text("column_period", language), numeric=False),
        Column(text("risks_column_model", language), numeric=False),
        *(
            Column(text(f"risks_column_{name}", language))
            for name in ("shown", "class_alone", "nothing_shown", "above", "calm", "below", "extremes")
        ),
    )
    lines = []
    for one in found:
        shown = one.shown["value"]
        alone = one.areas["risk_class"].notna() & one.areas["status"].ne(PUBLISHED)
        nothing = one.areas["risk_class"].isna() & one.areas["status"].ne(PUBLISHED)
        decimals = DECIMALS["ratio"]
        spread = (
            f"{written.number(shown.min(), decimals)} – {written.number(shown.max(), decimals)}"
            if len(shown)
            else written.status(
                NOT_ESTIMABLE if one.areas["status"].eq(NOT_ESTIMABLE).all() else NOT_PUBLISHED
            )
        )
        lines.append(
            (
                f"{event_word(one.key['event_type'], language, capital=True)}, {_site(one.key, language)}",
                level_title(one.key["geo_level"], language),
                written.period(one.key["period_from"], one.key["period_until"]),
                one.key["method"],
                *(
                    written.number(number)
                    for number in (
                        len(shown),
                        int(alone.sum()),
                        int(nothing.sum()),
                        one.number_of(1),
                        one.number_of(0),
                        one.number_of(-1),
                    )
                ),
                spread,
            )
        )
    return Table(
        "table-small-areas",
        text("table_smoothed", language),
        columns,
        tuple(lines),
        1,
        sign_notes(lines, language),
        any(one.altered for one in found),
        source_line(content, pd.concat([one.rows for one in found]), language),
    )
