"""Rates of the areas of one level: a table of areas by sites, and the areas ranked for one site."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any, Final

from rnc_epi.report.blocks import Column, FigureBlock, Table
from rnc_epi.report.figures import describe_ranked_areas, plot_ranked_areas
from rnc_epi.report.figures.style import figure_of
from rnc_epi.report.formats import NOTHING, Format
from rnc_epi.report.lectures import example_of, lecture
from rnc_epi.report.provenance import source_line
from rnc_epi.report.texts import text
from rnc_epi.report.wording import area_title, ratio_of_standard, short_area_name, sign_notes
from rnc_epi.vocabulary.schemas import PUBLISHED
from rnc_epi.vocabulary.sexes import Sex
from rnc_epi.vocabulary.sites import SITES

if TYPE_CHECKING:
    import pandas as pd

    from rnc_epi.report.content import Content

#: With more sites than this, limits stand under their rate; with fewer, beside it.
SITES_ON_ONE_LINE: Final = 3


def by_name(content: Content, rows: pd.DataFrame, language: str) -> list[dict[str, Any]]:
    """Return rows as records, their areas in the order of their names; accents do not count."""

    def folded(row: dict[str, Any]) -> str:
        name = short_area_name(area_title(content, row, language))
        letters = unicodedata.normalize("NFKD", name.casefold())
        return "".join(letter for letter in letters if not unicodedata.combining(letter))

    return sorted(rows.to_dict("records"), key=folded)


def rates_by_area(
    content: Content,
    rows: pd.DataFrame,
    sites: list[str],
    anchor: str,
    caption: str,
    area_column: str,
    language: str,
    *,
    periods: bool = False,
    first: tuple[str, ...] = (),
) -> Table:
    """Return a table of areas by sites, each rate with its limits.

    Parameters
    ----------
    content : Content
    rows : DataFrame
        Released rates of one sex.
    sites : list of str
        Columns, in their order.
    anchor, caption, area_column : str
    language : {"fr", "en"}
    periods : bool
        Whether areas have unequal periods, to be shown.
    first : tuple of str
        Codes of the areas that stand on top.
    """
    written = Format(language)
    held = content.records(rows, "geo_code", "site")
    columns = ["geo_level", "geo_code", "geo_vintage", "period_from", "period_until"]
    areas = by_name(content, rows[columns].drop_duplicates(), language)
    joint = " " if len(sites) <= SITES_ON_ONE_LINE else "\n"
    lines = []
    for row in sorted(areas, key=lambda area: area["geo_code"] not in first):
        found = [held.get((row["geo_code"], slug)) for slug in sites]
        cells = [
            f"{written.value(one)}{joint}{written.interval(one)}".strip() if one else NOTHING for one in found
        ]
        period = (written.period(row["period_from"], row["period_until"]),) if periods else ()
        name = short_area_name(area_title(content, row, language))
        lines.append((name[0].upper() + name[1:], *period, *cells))
    return Table(
        anchor,
        caption[0].upper() + caption[1:],
        (
            Column(area_column, numeric=False),
            *((Column(text("column_period", language), numeric=False),) if periods else ()),
            *(Column(SITES[slug].name(language)) for slug in sites),
        ),
        tuple(lines),
        notes=sign_notes(lines, language),
        altered=content.is_altered(rows),
        source=source_line(content, rows, language),
    )


def ranked_figure(
    content: Content, anchor: str, caption: str, rows: pd.DataFrame, whole: pd.DataFrame, language: str
) -> FigureBlock:
    """Return the areas of one site and sex ranked by their rate, beside the rate of the area that holds them.

    Parameters
    ----------
    content : Content
    anchor : str
    caption : str
        Key of the text of the caption, which names its ``subject``.
    rows : DataFrame
        Released rates, an area each.
    whole : DataFrame
        Released rates of the area that holds them; that of the longest of their periods is drawn.
    language : {"fr", "en"}
    """
    written = Format(language)
    rows = rows.assign(
        name=[short_area_name(area_title(content, row, language)) for row in rows.to_dict("records")]
    )
    period_from, period_until = int(rows["period_from"].min()), int(rows["period_until"].max())
    whole = whole[
        whole["status"].eq(PUBLISHED)
        & whole["period_from"].eq(period_from)
        & whole["period_until"].eq(period_until)
    ]
    reference, label = None, ""
    if len(whole):
        reference = float(whole["value"].iloc[0])
        name = area_title(content, whole.iloc[0], language)
        label = text(
            "reference_value",
            language,
            name=name[0].upper() + name[1:],
            value=written.number(reference, 1),
        )
    first = rows.iloc[0]
    subject = text(
        "map_subject",
        language,
        indicator=ratio_of_standard(first["event_type"], content.standard, language),
        site=text(
            "site_and_sex",
            language,
            site=SITES[first["site"]].name(language),
            sex=Sex(int(first["sex"])).label(language),
        ),
        years=written.period(period_from, period_until),
    )
    return FigureBlock(
        anchor,
        text(caption, language, subject=subject),
        describe_ranked_areas(rows, language, subject=subject) + (f" {label}." if label else ""),
        lambda: figure_of(
            plot_ranked_areas(rows, reference=reference, reference_label=label, language=language)
        ),
        notes=(text("note_ranks", language),),
        altered=content.is_altered(rows),
        source=source_line(content, rows, language),
        kind="ranked",
        lecture=lecture("ranked", example_of(rows, middle=True), language),
    )
