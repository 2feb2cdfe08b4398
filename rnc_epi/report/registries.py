"""Incidence by registry zone: the table of the main sites, and the registries ranked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from rnc_epi.report.area_rates import ranked_figure, rates_by_area
from rnc_epi.report.blocks import Section, Table
from rnc_epi.report.comparison import AreaOfSite, Parent, compare_with_rest, comparison_sentences
from rnc_epi.report.content import RATIO_OF
from rnc_epi.report.formats import Format
from rnc_epi.report.texts import text
from rnc_epi.report.wording import area_title, ratio_of_standard, short_area_name
from rnc_epi.vocabulary.areas import POOLED_REGISTRIES
from rnc_epi.vocabulary.schemas import PUBLISHED
from rnc_epi.vocabulary.sexes import Sex
from rnc_epi.vocabulary.sites import SITES

if TYPE_CHECKING:
    from rnc_epi.report.content import Content

#: Single sites of each sex in the table, beside all sites together.
TABLED_SITES: Final = 5


def registries(content: Content, language: str) -> Section | None:
    """Return the incidence of the main sites by registry zone, with limits, and the registries ranked.

    Parameters
    ----------
    content : Content
        A release, from :func:`rnc_epi.report.open_content`.
    language : {"fr", "en"}

    Returns
    -------
    Section or None
        None where no registry has a published rate.
    """
    rates = content.all_ages(content.standardised("incidence", "registry_zone"))
    # Registries of one volume may cover unequal periods: each is shown over its own, and the table says it.
    rates = content.in_own_longest_period(rates)
    own = rates[rates["geo_code"].ne(POOLED_REGISTRIES)]
    if not own["status"].eq(PUBLISHED).any():
        return None
    figures, tables = [], []
    for sex in (Sex.MEN, Sex.WOMEN):
        sites = content.main_sites("incidence", int(sex), TABLED_SITES)
        rows = rates[rates["sex"].eq(int(sex)) & rates["site"].isin(sites)]
        if not sites or not rows["status"].eq(PUBLISHED).any():
            continue
        tables.append(_table(content, rows, sites, sex, language))
        leading = rows[rows["site"].eq(sites[0])]
        pooled = leading["geo_code"].eq(POOLED_REGISTRIES)
        if leading[~pooled]["status"].eq(PUBLISHED).sum() > 1:
            figures.append(
                ranked_figure(
                    content,
                    f"figure-registries-{int(sex)}",
                    "figure_ranked_registries",
                    leading[~pooled],
                    leading[pooled],
                    language,
                )
            )
    lead = [text("registries_lead", language)]
    if own[["period_from", "period_until"]].drop_duplicates().shape[0] > 1:
        lead.append(text("registries_periods", language))
    sentences = _sentences(content, language)
    parts: tuple[Section, ...] = ()
    if sentences:
        parts = (
            Section(
                "registries-compared",
                text("registries_compared", language),
                (text("comparison_registries", language),),
                items=tuple(sentences),
            ),
        )
    return Section(
        "registries",
        text("registries", language),
        tuple(lead),
        tuple(figures),
        tuple(tables),
        parts=parts,
        language=language,
    )


def _table(content: Content, rows: pd.DataFrame, sites: list[str], sex: Sex, language: str) -> Table:
    unequal = rows[["period_from", "period_until"]].drop_duplicates().shape[0] > 1
    years = Format(language).period(int(rows["period_from"].min()), int(rows["period_until"].max()))
    caption = text(
        "table_registries",
        language,
        rate=ratio_of_standard("incidence", content.standard, language),
        sex=sex.label(language),
        years=years,
    )
    return rates_by_area(
        content,
        rows,
        sites,
        f"table-registries-{int(sex)}",
        caption,
        text("column_registry", language),
        language,
        periods=unequal,
        first=(POOLED_REGISTRIES,),
    )


def _sentences(content: Content, language: str) -> list[str]:
    """Return, site by site, which registries differ from the others together; one family for the page."""
    found = []
    for sex in (Sex.MEN, Sex.WOMEN):
        for slug in content.main_sites("incidence", int(sex), 1):
            rows = content.all_ages(
                content.rows("incidence", RATIO_OF["incidence"], "registry_zone", site=slug, sex=int(sex))
            )
            rows = content.in_longest_period(rows[rows["geo_code"].ne(POOLED_REGISTRIES)])
            found.append(rows)
    areas = pd.concat(found, ignore_index=True) if found else content.results.iloc[:0]
    if areas.empty:
        return []
    areas["name"] = [short_area_name(area_title(content, row, language)) for row in areas.to_dict("records")]
    parents: dict[AreaOfSite, Parent] = {}
    others = text("other_registries", language)
    for row in areas.to_dict("records"):
        whole = content.all_ages(
            content.rows(
                "incidence",
                "count",
                "registry_zone",
                geo_code=POOLED_REGISTRIES,
                site=row["site"],
                sex=row["sex"],
                period_from=row["period_from"],
                period_until=row["period_until"],
            )
        )
        whole = whole[whole["status"].eq(PUBLISHED)]
        if len(whole):
            # The pooled registries are the comparator: what is expected of them is what they have.
            total = float(whole["events"].iloc[0])
            parents[(row["site"], row["sex"], row["geo_code"])] = Parent(total, total, others)
    compared = compare_with_rest(areas, parents)
    sentences = []
    for (slug, sex), part in compared.groupby(["site", "sex"], sort=False):
        said = comparison_sentences(part, language, limit=8)
        if said:
            title = text(
                "site_and_sex", language, site=SITES[slug].name(language), sex=Sex(int(sex)).label(language)
            )
            colon = " : " if language == "fr" else ": "
            sentences.append(f"{title}{colon}{' '.join(said)}")
    return sentences
