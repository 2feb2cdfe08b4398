"""The regional table: standardised rates of the main sites, with limits, men and women."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from rnc_epi.report.area_rates import by_name, ranked_figure, rates_by_area
from rnc_epi.report.blocks import Column, FigureBlock, Section, Table
from rnc_epi.report.content import ALL_SITES, RATIO_OF
from rnc_epi.report.formats import Format
from rnc_epi.report.provenance import source_line
from rnc_epi.report.texts import text
from rnc_epi.report.wording import area_title, event_word, ratio_of_standard, sign_notes
from rnc_epi.vocabulary.schemas import PUBLISHED
from rnc_epi.vocabulary.sexes import Sex
from rnc_epi.vocabulary.sites import SITES

if TYPE_CHECKING:
    from rnc_epi.report.content import Content

#: Single sites of each sex in the table of regions, beside all sites together.
TABLED_SITES: Final = 3

#: Areas below which a table by region says less than the maps.
FEWEST_REGIONS: Final = 2


def regions(content: Content, language: str) -> Section | None:
    """Return the table by region of each event with regional figures, and the regions ranked.

    Parameters
    ----------
    content : Content
        A release, from :func:`rnc_epi.report.open_content`.
    language : {"fr", "en"}

    Returns
    -------
    Section or None
        None where too few regions are published.
    """
    figures, tables, paragraphs = [], [], []
    for event_type in content.event_types:
        rates = content.in_longest_period(content.all_ages(content.standardised(event_type, "region")))
        shown = rates[rates["status"].eq(PUBLISHED)]
        if shown["geo_code"].nunique() < FEWEST_REGIONS:
            continue
        nation = len(content.rows("death", "asr", "region")["geo_code"].unique())
        if shown["geo_code"].nunique() < nation:
            paragraphs.append(
                text(
                    "regions_covered",
                    language,
                    events=event_word(event_type, language),
                    regions=Format(language).sentence_list(_names(content, shown, language)),
                )
            )
        for sex in (Sex.MEN, Sex.WOMEN):
            table = _totals(content, event_type, sex, rates, language)
            if table is not None:
                tables.append(table)
        for sex in (Sex.MEN, Sex.WOMEN):
            table = _sites(content, event_type, sex, rates, language)
            if table is not None:
                tables.append(table)
        figure = _ranked(content, event_type, language)
        if figure is not None:
            figures.append(figure)
    if not tables:
        return None
    return Section(
        "regions",
        text("regions", language),
        (text("regions_lead", language), *paragraphs),
        tuple(figures),
        tuple(tables),
        language=language,
    )


def _names(content: Content, rows: pd.DataFrame, language: str) -> list[str]:
    areas = rows[["geo_level", "geo_code", "geo_vintage"]].drop_duplicates()
    return [area_title(content, row, language) for row in by_name(content, areas, language)]


def _leading(content: Content, event_type: str, sex: Sex) -> str | None:
    found = content.main_sites(event_type, int(sex), 1)
    return found[0] if found else None


def _totals(content: Content, event_type: str, sex: Sex, rates: pd.DataFrame, language: str) -> Table | None:
    """Return counts, rates and ratios by region for all sites, or for the leading site where alone."""
    slug = _leading(content, event_type, sex)
    if slug is None:
        return None
    written = Format(language)
    period = content.longest_period(rates)
    assert period is not None
    keys = {"site": slug, "sex": int(sex), "period_from": period[0], "period_until": period[1]}
    held = {
        name: content.records(content.all_ages(content.rows(event_type, name, "region", **keys)), "geo_code")
        for name in ("count", "crude_rate")
    }
    asr = content.standardised(event_type, "region", **keys)
    held["asr"] = content.records(asr, "geo_code")
    ratio = content.rows(event_type, RATIO_OF[event_type], "region", **keys)
    if len(ratio):
        ratio = ratio[ratio["comparator"].eq(ratio["comparator"].mode().iloc[0])]
    held["ratio"] = content.records(ratio, "geo_code")
    if not asr["status"].eq(PUBLISHED).any():
        return None
    columns = [
        Column(text("column_region", language), numeric=False),
        Column(event_word(event_type, language, capital=True)),
        Column(text(f"column_crude_{event_type}", language)),
        Column(
            text(f"column_asr_{event_type}_{'world' if content.standard == 'world' else 'other'}", language)
        ),
        Column(text("column_limits", language)),
    ]
    if len(ratio):
        columns += [
            Column(text(f"short_ratio_{event_type}", language)),
            Column(text("column_limits", language)),
        ]
    lines = []
    for row in by_name(content, asr, language):
        found = {name: known.get((row["geo_code"],)) for name, known in held.items()}
        cells = [
            content.area_name("region", row["geo_code"], row["geo_vintage"], language),
            written.value(found["count"]),
            written.value(found["crude_rate"]),
            written.value(found["asr"]),
            written.interval(found["asr"]),
        ]
        if len(ratio):
            cells += [written.value(found["ratio"]), written.interval(found["ratio"])]
        lines.append(tuple(cells))
    caption = text(
        "table_region",
        language,
        events=event_word(event_type, language, capital=True),
        site=text("site_and_sex", language, site=SITES[slug].name(language), sex=sex.label(language)),
        years=written.period(*period),
    )
    return Table(
        f"table-region-{event_type}-{int(sex)}",
        caption,
        tuple(columns),
        tuple(lines),
        notes=sign_notes(lines, language),
        altered=content.is_altered(asr),
        source=source_line(content, asr, language),
    )


def _sites(content: Content, event_type: str, sex: Sex, rates: pd.DataFrame, language: str) -> Table | None:
    """Return the standardised rates of the main sites by region, each over its limits."""
    sites = [slug for slug in content.main_sites(event_type, int(sex), TABLED_SITES) if slug != ALL_SITES]
    sites = [slug for slug in sites if slug != _leading(content, event_type, sex)]
    rows = rates[rates["sex"].eq(int(sex)) & rates["site"].isin(sites)]
    rows = content.in_longest_period(rows)
    if not sites or not rows["status"].eq(PUBLISHED).any():
        return None
    written = Format(language)
    return rates_by_area(
        content,
        rows,
        sites,
        f"table-region-sites-{event_type}-{int(sex)}",
        text(
            "table_region_sites",
            language,
            rate=ratio_of_standard(event_type, content.standard, language),
            sex=sex.label(language),
            years=written.period(rows["period_from"].iloc[0], rows["period_until"].iloc[0]),
        ),
        text("column_region", language),
        language,
    )


def _ranked(content: Content, event_type: str, language: str) -> FigureBlock | None:
    """Return the regions ranked by their rate for the leading site of men, or else of women."""
    sex = next((one for one in (Sex.MEN, Sex.WOMEN) if _leading(content, event_type, one)), None)
    if sex is None:
        return None
    keys = {"site": _leading(content, event_type, sex), "sex": int(sex)}
    rows = content.in_longest_period(content.all_ages(content.standardised(event_type, "region", **keys)))
    if int(rows["status"].eq(PUBLISHED).sum()) < FEWEST_REGIONS:
        return None
    level = content.national_level(event_type)
    whole = content.all_ages(content.standardised(event_type, level, **keys)) if level else rows.iloc[:0]
    return ranked_figure(
        content, f"figure-regions-{event_type}", "figure_ranked_regions", rows, whole, language
    )
