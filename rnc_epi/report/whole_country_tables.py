"""The tables of the chapter on the whole country: grades of the estimates, trends from registries alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rnc_epi.report.blocks import Column, Table
from rnc_epi.report.content import DEPARTEMENT_LEVELS
from rnc_epi.report.formats import NOTHING, Format
from rnc_epi.report.provenance import source_line
from rnc_epi.report.texts import text
from rnc_epi.report.wording import sign_notes
from rnc_epi.vocabulary.areas import NATIONAL_LEVELS
from rnc_epi.vocabulary.estimators import CALIBRATED, MODELLED, proxy_of
from rnc_epi.vocabulary.schemas import NOT_APPLICABLE, PUBLISHED
from rnc_epi.vocabulary.sexes import Sex
from rnc_epi.vocabulary.sites import SITES

if TYPE_CHECKING:
    import pandas as pd

    from rnc_epi.report.content import Content


def years_of(rows: pd.DataFrame, language: str) -> str:
    """Return the years of some rows; those of several periods are joined, and said to depend on the site."""
    periods = (
        rows[["period_from", "period_until"]].drop_duplicates().sort_values(["period_from", "period_until"])
    )
    written = [Format(language).period(*period) for period in periods.itertuples(index=False, name=None)]
    if len(written) == 1:
        return written[0]
    return text("wc_years_by_site", language, first=", ".join(written[:-1]), last=written[-1])


def grades_table(content: Content, rows: pd.DataFrame, facts: dict[str, str], language: str) -> Table:
    """Return the table of grades by site and sex, with the nation's estimated cases."""
    written = Format(language)
    counts = rows[rows["indicator"].eq("count") & rows["estimator"].eq(CALIBRATED)]
    alone = content.results[content.results["estimator"].eq(MODELLED)]
    alone = alone[alone["indicator"].eq("count")]
    several = len(counts[["period_from", "period_until"]].drop_duplicates()) > 1
    lines = []
    for slug in [slug for slug in SITES if slug in set(counts["site"])]:
        for sex in (Sex.MEN, Sex.WOMEN):
            pair = counts[counts["site"].eq(slug) & counts["sex"].eq(int(sex))]
            if pair.empty:
                continue
            area = first_row(pair[pair["geo_level"].isin(DEPARTEMENT_LEVELS)])
            region = first_row(pair[pair["geo_level"].eq("region")])
            nation = first_row(pair[pair["geo_level"].isin(NATIONAL_LEVELS)])
            lines.append(
                (
                    SITES[slug].name(language),
                    sex.label(language),
                    *([years_of(pair, language)] if several else []),
                    _correlates(area, nation, language),
                    _grade(area),
                    _grade(region),
                    written.value(nation),
                    written.interval(nation),
                    *([_registries(alone, pair, slug, sex, written)] if len(alone) else []),
                )
            )
    columns = (
        Column(text("column_site", language), numeric=False),
        Column(text("column_sex", language), numeric=False),
        *([Column(text("column_period", language), numeric=False)] if several else []),
        Column(text("wc_column_proxy", language), numeric=False),
        Column(text("wc_column_grade", language), numeric=False),
        Column(text("wc_column_grade_region", language), numeric=False),
        Column(text("wc_column_count", language)),
        Column(text("wc_column_limits", language)),
        *([Column(text("wc_column_registries", language))] if len(alone) else []),
    )
    return Table(
        "table-whole-country-grades",
        text("wc_table", language, **facts),
        columns,
        tuple(lines),
        3 if several else 2,
        sign_notes(lines, language),
        content.is_altered(counts),
        source_line(content, counts, language),
    )


def _correlates(area: dict[str, Any] | None, nation: dict[str, Any] | None, language: str) -> str:
    """Return the correlate of the départements, and that of the nation where another one serves it."""
    local, national = (proxy_of(str(row["method"])) if row else None for row in (area, nation))
    if national is None or national == local:
        return local or NOTHING
    of_nation = text("wc_of_the_nation", language, proxy=national)
    return of_nation if local is None else f"{local}\n{of_nation}"


def first_row(rows: pd.DataFrame) -> dict[str, Any] | None:
    """Return the first row, or None where there is none."""
    return rows.iloc[0].to_dict() if len(rows) else None


def _grade(row: dict[str, Any] | None) -> str:
    return NOTHING if row is None or row["data_grade"] == NOT_APPLICABLE else str(row["data_grade"])


def _registries(alone: pd.DataFrame, pair: pd.DataFrame, slug: str, sex: Sex, written: Format) -> str:
    """Return the cases that registries alone give over the period of a pair, where each year is published."""
    period = (int(pair["period_from"].iloc[0]), int(pair["period_until"].iloc[0]))
    rows = alone[
        alone["site"].eq(slug)
        & alone["sex"].eq(int(sex))
        & alone["status"].eq(PUBLISHED)
        & alone["period_from"].ge(period[0])
        & alone["period_until"].le(period[1])
    ]
    years = (rows["period_until"] - rows["period_from"]).sum()
    if years != period[1] - period[0] or rows.duplicated("period_from").any():
        return NOTHING
    return written.number(float(rows["value"].sum()))


def trend_table(content: Content, language: str) -> Table | None:
    """Return national rates of the first and last year from registries alone, and their annual change."""
    rows = content.results[content.results["estimator"].eq(MODELLED)]
    rates, changes = rows[rows["indicator"].eq("asr")], rows[rows["indicator"].eq("annual_percent_change")]
    if rates.empty or changes.empty:
        return None
    standard = changes["standard"].mode().iloc[0]
    rates, changes = rates[rates["standard"].eq(standard)], changes[changes["standard"].eq(standard)]
    written = Format(language)
    first, last = int(rates["period_from"].min()), int(rates["period_from"].max())
    age = int(changes["age_from"].iloc[0])
    lines = []
    for slug in [slug for slug in SITES if slug in set(changes["site"])]:
        for sex in (Sex.MEN, Sex.WOMEN):
            of_pair = rates[rates["site"].eq(slug) & rates["sex"].eq(int(sex))]
            change = first_row(changes[changes["site"].eq(slug) & changes["sex"].eq(int(sex))])
            if change is None or of_pair.empty:
                continue
            ends = [first_row(of_pair[of_pair["period_from"].eq(year)]) for year in (first, last)]
            lines.append(
                (
                    SITES[slug].name(language),
                    sex.label(language),
                    *(f"{written.value(end)} {written.interval(end)}".strip() for end in ends),
                    f"{written.value(change)} {written.interval(change)}".strip(),
                )
            )
    columns = (
        Column(text("column_site", language), numeric=False),
        Column(text("column_sex", language), numeric=False),
        *(Column(text("wc_column_rate", language, year=str(year))) for year in (first, last)),
        Column(text("wc_column_change", language)),
    )
    return Table(
        "table-whole-country-registries",
        text(
            "wc_table_trend",
            language,
            standard=content.standard_title(str(standard), language),
            ages=text("wc_ages_from", language, age=written.number(age))
            if age
            else text("wc_all_ages", language),
        ),
        columns,
        tuple(lines),
        2,
        sign_notes(lines, language),
        content.is_altered(rows),
        source_line(content, rates, language),
    )
