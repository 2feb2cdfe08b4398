"""Incidence for the whole country: grades of the estimates, maps, areas in the order of their rate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd
from matplotlib.figure import Figure

from rnc_epi.report.blocks import Column, FigureBlock, Section, Table
from rnc_epi.report.content import DEPARTEMENT_LEVELS
from rnc_epi.report.figures import describe_choropleth, plot_choropleth
from rnc_epi.report.figures.calibration import describe_calibrated_areas, plot_calibrated_areas
from rnc_epi.report.figures.style import drawing_style, new_figure
from rnc_epi.report.formats import DECIMALS, NOTHING, Format
from rnc_epi.report.lectures import example_of, lecture
from rnc_epi.report.maps import inset_notes, map_table
from rnc_epi.report.provenance import source_line
from rnc_epi.report.texts import text
from rnc_epi.report.whole_country_tables import first_row, grades_table, trend_table, years_of
from rnc_epi.report.wording import altered_notes, short_area_name, sign_notes
from rnc_epi.vocabulary.areas import NATIONAL_LEVELS
from rnc_epi.vocabulary.estimators import CALIBRATED, MODELLED, OBSERVED, proxy_of
from rnc_epi.vocabulary.schemas import NOT_APPLICABLE, NOT_ESTIMABLE, PUBLISHED
from rnc_epi.vocabulary.sexes import Sex
from rnc_epi.vocabulary.sites import SITES

if TYPE_CHECKING:
    from rnc_epi.report.content import Content

#: What an estimate and the count of a registry share, and what tells one area's figures from another's.
_PAIR: Final = ["site", "sex", "period_from", "period_until", "age_from", "geo_level"]
_CELL: Final = [*_PAIR, "indicator", "standard", "geo_code", "geo_vintage"]

#: Maps drawn for each sex: the sites with most estimated cases that may be published.
MAPPED_SITES: Final = 2

#: Grades that may be published by département.
PUBLISHABLE: Final = ("A++", "A+")


def whole_country(content: Content, language: str) -> Section | None:
    """Return the chapter of calibrated incidence, or None where the release has none.

    Parameters
    ----------
    content : Content
        A release, from :func:`rnc_epi.report.open_content`.
    language : {"fr", "en"}

    Returns
    -------
    Section or None
        None where it has no calibrated row.
    """
    rows = calibrated_rows(content)
    if rows.empty:
        return None
    written = Format(language)
    age = int(rows["age_from"].iloc[0])
    facts = {
        "years": years_of(rows, language),
        "ages": text("wc_ages_from", language, age=written.number(age))
        if age
        else text("wc_all_ages", language),
    }
    areas = rows[rows["geo_level"].isin(DEPARTEMENT_LEVELS)]
    grades = areas[areas["estimator"].eq(CALIBRATED)].drop_duplicates(["site", "sex"])
    good = int(grades["data_grade"].isin(PUBLISHABLE).sum())
    tables = [grades_table(content, rows, facts, language)]
    trend = trend_table(content, language)
    parts = [
        part
        for slug, sex in _mapped(rows, grades)
        if (part := _part(content, rows, slug, sex, facts, language)) is not None
    ]
    altered = content.is_altered(rows)
    notes = [text("wc_note_limits", language)]
    if content.results["estimator"].eq(MODELLED).any():
        notes.append(text("wc_note_registries", language))
    if not areas["estimator"].eq(OBSERVED).any():
        notes.append(text("wc_note_all_predicted", language))
    return Section(
        "whole-country",
        text("whole_country", language),
        (
            text("wc_lead", language, **facts),
            text("wc_quality", language),
            text("wc_counts", language, published=written.number(good), all=written.number(len(grades))),
        ),
        tables=tuple([*tables, trend] if trend is not None else tables),
        notes=(*notes, *(altered_notes(content, language) if altered else ())),
        parts=tuple(parts),
        language=language,
        altered=altered,
    )


def calibrated_rows(content: Content) -> pd.DataFrame:
    """Return the calibrated rows of the longest period of each site and sex, by one method.

    What a registry counted over the same ages and period stands among them where no estimate does;
    benchmarked rows and those by group of deprivation are left to their own tables.
    """
    rows = content.results[
        content.results["event_type"].eq("incidence") & content.results["stratum_type"].eq(NOT_APPLICABLE)
    ]
    estimated = rows[rows["estimator"].eq(CALIBRATED)]
    if estimated.empty:
        return estimated
    estimated = pd.concat(
        [content.in_longest_period(pair) for _, pair in estimated.groupby(["site", "sex"], sort=True)]
    )
    names = estimated["method"].str.partition("-")[0].str.partition("+")[0]
    estimated = estimated[names.eq("calibrated" if names.eq("calibrated").any() else names.iloc[0])]
    counted = rows[rows["estimator"].eq(OBSERVED) & rows["age_until"].isna()]
    pairs = pd.MultiIndex.from_frame(estimated[_PAIR])
    cells = pd.MultiIndex.from_frame(estimated[_CELL])
    counted = counted[
        pd.MultiIndex.from_frame(counted[_PAIR]).isin(pairs)
        & ~pd.MultiIndex.from_frame(counted[_CELL]).isin(cells)
    ]
    return pd.concat([estimated, counted])


def _mapped(rows: pd.DataFrame, grades: pd.DataFrame) -> list[tuple[str, Sex]]:
    """Return the sites to map: of each sex the most frequent publishable ones, and one that is not."""
    national = rows[rows["geo_level"].isin(NATIONAL_LEVELS) & rows["indicator"].eq("count")]
    size = national[national["status"].eq(PUBLISHED)].groupby(["site", "sex"])["value"].max()
    pairs: list[tuple[str, Sex]] = []
    for sex in (Sex.MEN, Sex.WOMEN):
        of_sex = grades[grades["sex"].eq(int(sex))]
        of_sex = of_sex.assign(
            cases=[size.get((site, int(sex)), 0.0) for site in of_sex["site"]],
            good=of_sex["data_grade"].isin(PUBLISHABLE),
        ).sort_values(["cases", "site"], ascending=[False, True])
        chosen = of_sex.loc[of_sex["good"], "site"].head(MAPPED_SITES).tolist()
        chosen += of_sex.loc[~of_sex["good"], "site"].head(1).tolist()
        pairs += [(str(site), sex) for site in chosen]
    return pairs


def _part(
    content: Content,
    rows: pd.DataFrame,
    slug: str,
    sex: Sex,
    facts: dict[str, str],
    language: str,
) -> Section | None:
    """Return the map of one site and sex and its areas in order."""
    pair = rows[rows["site"].eq(slug) & rows["sex"].eq(int(sex)) & rows["indicator"].eq("asr")]
    if pair.empty:
        return None
    world = pair["standard"].str.startswith("world")
    pair = pair[pair["standard"].eq(pair.loc[world if world.any() else pair.index, "standard"].iloc[0])]
    areas = pair[pair["geo_level"].isin(DEPARTEMENT_LEVELS)]
    if areas.empty or content.outlines is None:
        return None
    level = areas["geo_level"].iloc[0]
    if not content.outlines["geo_level"].eq(level).any():
        return None
    written = Format(language)
    site = text("site_and_sex", language, site=SITES[slug].name(language), sex=sex.label(language))
    facts = facts | {"years": years_of(pair, language)}
    predicted = areas[areas["estimator"].eq(CALIBRATED)]
    example = (predicted if len(predicted) else areas).iloc[0]
    per = written.number(int(example["per"]))
    anchor = f"whole-country-{slug}-{int(sex)}"
    caption = text(
        "wc_figure_map" if str(example["standard"]).startswith("world") else "wc_figure_map_other",
        language,
        site=site,
        proxy=proxy_of(str(example["method"])) or NOTHING,
        grade=str(example["data_grade"]),
        standard=content.standard_title(str(example["standard"]), language),
        per=per,
        **facts,
    )
    subject = text("wc_subject", language, site=site, years=facts["years"])
    drawn = map_table(content, areas, language)
    altered = content.is_altered(areas)

    named = areas.assign(
        name=[
            short_area_name(content.area_name(level, code, vintage, language))
            for code, vintage in zip(areas["geo_code"], areas["geo_vintage"], strict=True)
        ]
    )
    whole = first_row(pair[pair["geo_level"].isin(NATIONAL_LEVELS) & pair["status"].eq(PUBLISHED)])
    # Where only registries have a figure there is no prediction to put in order.
    ordered = bool(predicted["status"].eq(PUBLISHED).any())

    def draw() -> Figure:
        with drawing_style():
            figure = new_figure(6.9, 3.5) if ordered else new_figure(3.5, 3.4)
            # The map is the wider: at less than half the page the names of its insets would touch.
            across = {"ncols": 2, "width_ratios": [1.3, 1.0]} if ordered else {"ncols": 1}
            panels = figure.subplots(squeeze=False, **across).ravel()
            plot_choropleth(
                drawn, language=language, ax=panels[0], legend_title=text("wc_legend", language, per=per)
            )
            if ordered:
                plot_calibrated_areas(
                    named,
                    reference=None if whole is None else float(whole["value"]),
                    ax=panels[1],
                    language=language,
                )
        return figure

    alternative = describe_choropleth(drawn, language, subject=subject, decimals=DECIMALS["rate"])
    if ordered:
        alternative += " " + describe_calibrated_areas(named, language, subject=subject)
    refused = bool(areas["status"].eq(NOT_ESTIMABLE).any())
    read = "estimates_and_counts" if areas["estimator"].eq(OBSERVED).any() else "estimates"
    figures = [
        FigureBlock(
            f"map-{anchor}",
            " ".join([caption, text("wc_beside", language)]) if ordered else caption,
            alternative,
            draw,
            1.0 if ordered else 0.5,
            (
                *((text("wc_not_publishable", language),) if refused else ()),
                *inset_notes(drawn, language),
            ),
            _behind(content, anchor, caption, areas, language),
            altered,
            source=source_line(content, areas, language),
            kind="estimates" if ordered else "",
            lecture=lecture(read, example_of(named, middle=True), language) if ordered else "",
        )
    ]
    return Section(f"section-{anchor}", site, figures=tuple(figures), language=language, altered=altered)


def _behind(content: Content, anchor: str, caption: str, areas: pd.DataFrame, language: str) -> Table:
    """Return the figures behind a map: code, name, rate, limits, and whether a registry counted them."""
    written = Format(language)
    level = float(areas["level"].dropna().max()) if areas["level"].notna().any() else 0.95
    lines = []
    for row in areas.sort_values("geo_code", kind="stable").to_dict("records"):
        word = "wc_counted" if row["estimator"] == OBSERVED else "wc_predicted"
        lines.append(
            (
                row["geo_code"],
                content.area_name(row["geo_level"], row["geo_code"], row["geo_vintage"], language),
                written.value(row),
                written.interval(row),
                text(word, language),
            )
        )
    columns = (
        Column(text("column_code", language), numeric=False),
        Column(text("column_area", language), numeric=False),
        Column(text("column_rate", language)),
        Column(text("wc_column_both_limits", language, level=written.number(100 * level))),
        Column(text("column_method", language), numeric=False),
    )
    return Table(
        f"data-{anchor}",
        caption,
        columns,
        tuple(lines),
        2,
        sign_notes(lines, language),
        content.is_altered(areas),
        source_line(content, areas, language),
    )
