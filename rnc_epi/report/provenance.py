"""The line under every figure and table: sources, treatment, period and scope of what it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rnc_epi.report.formats import Format
from rnc_epi.report.texts import report_texts, text
from rnc_epi.report.wording import area_title
from rnc_epi.vocabulary.areas import NATIONAL_LEVELS, POOLED_REGISTRIES, level_title
from rnc_epi.vocabulary.schemas import NOT_APPLICABLE
from rnc_epi.vocabulary.sexes import Sex

if TYPE_CHECKING:
    import pandas as pd

    from rnc_epi.report.content import Content

#: Units of what is not divided by person-years: the population is no source of these.
_COUNTED: Final = ("events", "class")
_AREA: Final = ["geo_level", "geo_code", "geo_vintage"]


def source_line(content: Content, rows: pd.DataFrame, language: str) -> str:
    """Return the line of provenance of what is made from some rows of results.

    Parameters
    ----------
    content : Content
    rows : DataFrame
        Rows of the one result table, those that a figure or table shows.
    language : {"fr", "en"}

    Returns
    -------
    str
        Empty where there is no row.
    """
    if rows.empty:
        return ""
    written = Format(language)
    years = written.period(int(rows["period_from"].min()), int(rows["period_until"].max()))
    return text(
        "source_line",
        language,
        sources=_joined(_titles(content, rows), language),
        version=content.version,
        years=years,
        scope=_scope(content, rows, language),
    )


def release_line(content: Content, language: str) -> str:
    """Return the line of provenance of what a release says of itself, without rows of results."""
    return text("source_of_release", language, release=content.release_id, version=content.version)


def _titles(content: Content, rows: pd.DataFrame) -> list[str]:
    """Return the titles of the sources of rows, and of the population where it is divided by."""
    used = {part for name in rows["source"].unique() for part in str(name).split("+")} - {NOT_APPLICABLE}
    rates = not rows["measure_unit"].isin(_COUNTED).all()
    known = {source.source: source.title for source in content.sources}
    held = [
        source.title
        for source in content.sources
        if source.source in used or (rates and source.kind == "census")
    ]
    return held + sorted(used - set(known))


def _joined(words: list[str], language: str) -> str:
    # Titles hold commas of their own.
    joint = " ; " if language == "fr" else "; "
    return joint.join(words) if words else text("source_unknown", language)


def _scope(content: Content, rows: pd.DataFrame, language: str) -> str:
    written = Format(language)
    sexes = sorted({int(sex) for sex in rows["sex"].unique()})
    # Men, women and both together are told as men and women.
    alone = [sex for sex in sexes if sex != int(Sex.BOTH)] or sexes
    ages = rows[["age_from", "age_until"]]
    until = None if ages["age_until"].isna().any() else int(ages["age_until"].max())
    return ", ".join(
        [
            written.sentence_list(_areas(content, rows, language)),
            written.sentence_list([Sex(sex).label(language) for sex in alone]),
            _ages(int(ages["age_from"].min()), until, language),
        ]
    )


def _ages(start: int, until: int | None, language: str) -> str:
    if start == 0 and until is None:
        return text("all_ages", language)
    return text("source_ages", language, ages=Format(language).ages(start, until))


def _areas(content: Content, rows: pd.DataFrame, language: str) -> list[str]:
    """Return the areas of rows: the name of a single one, the number of those of a level."""
    areas = rows[_AREA].drop_duplicates().sort_values(_AREA, kind="stable")
    whole = areas["geo_level"].isin(NATIONAL_LEVELS) | areas["geo_code"].eq(POOLED_REGISTRIES)
    said = []
    for level, part in areas[~whole].groupby("geo_level", sort=True, observed=True):
        if len(part) == 1 and not whole.any():
            said.append(area_title(content, part.iloc[0], language))
            continue
        number, key = Format(language).number(len(part)), f"source_areas_{level}"
        if key in report_texts():
            said.append(text(key, language, number=number))
        else:
            said.append(
                text("source_areas", language, number=number, level=level_title(str(level), language))
            )
    if said:
        # Areas stand beside the one that holds them: their level says more than its name.
        return said
    return [area_title(content, row, language) for row in areas[whole].to_dict("records")]
