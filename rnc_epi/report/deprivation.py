"""The chapter on social inequality: gradients of areas, and what they do not say about persons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rnc_epi.report.blocks import Column, Section, Table
from rnc_epi.report.deprivation_figures import facts_of, figures_of, reading, without
from rnc_epi.report.deprivation_rows import SHOWN_MODEL, Gradient, gradient_of
from rnc_epi.report.deprivation_tables import more_tables
from rnc_epi.report.formats import Format
from rnc_epi.report.provenance import source_line
from rnc_epi.report.texts import text
from rnc_epi.report.wording import event_word, sign_notes
from rnc_epi.vocabulary.deprivation import grouping_named
from rnc_epi.vocabulary.sexes import Sex
from rnc_epi.vocabulary.sites import SITES

if TYPE_CHECKING:
    from rnc_epi.report.content import Content

#: In the order of the chapter.
EVENTS: Final = ("incidence", "death")


def deprivation(content: Content, language: str) -> Section | None:
    """Return the chapter, one part an event, where the release holds gradients of deprivation.

    Parameters
    ----------
    content : Content
        A release, from :func:`rnc_epi.report.open_content`.
    language : {"fr", "en"}

    Returns
    -------
    Section or None
        None where the release holds no gradient.
    """
    parts = []
    first = None
    for event_type in EVENTS:
        held = gradient_of(content, event_type, language)
        if held is None:
            continue
        first = first or held
        parts.append(_part(content, held, language))
    if not parts or first is None:
        return None
    return Section(
        "deprivation",
        text("deprivation", language),
        (_lead(first, language), text("deprivation_reading", language)),
        notes=(text("deprivation_not_cause", language),),
        parts=tuple(parts),
        language=language,
    )


def _lead(held: Gradient, language: str) -> str:
    name = None if held.stratum_type == "deprivation" else grouping_named(held.stratum_type)
    how = text("deprivation_how_unknown", language)
    if name is not None:
        how = text(
            "deprivation_how",
            language,
            index=name.index,
            vintage=name.vintage,
            scope=text(f"scope_{name.scope}", language),
            weighting=text(f"weighting_{name.weighting}", language),
        )
    written = Format(language)
    return text(
        "deprivation_lead",
        language,
        groups=written.number(len(held.labels)),
        last=held.labels[-1],
        how=how,
    )


def _part(content: Content, held: Gradient, language: str) -> Section:
    tables = [table for sex in (Sex.MEN, Sex.WOMEN) if (table := _table(content, held, sex, language))]
    where = text(
        "deprivation_where",
        language,
        events=event_word(held.event_type, language, capital=True),
        where=held.where,
        years=Format(language).period(*held.period),
    )
    return Section(
        f"deprivation-{held.event_type}",
        event_word(held.event_type, language, capital=True),
        (where,),
        figures_of(content, held, language),
        (*tables, *more_tables(content, held, language)),
        language=language,
        altered=content.is_altered(held.rows),
    )


def _table(content: Content, held: Gradient, sex: Sex, language: str) -> Table | None:
    """Return the extremes and the measures of every site of a sex."""
    sites = held.sites(int(sex))
    if not sites:
        return None
    written = Format(language)
    keys = {"sex": int(sex)}
    rates = held.of("asr", **keys)
    parts = {
        "least": rates[rates["stratum"].eq(held.labels[0])],
        "most": rates[rates["stratum"].eq(held.labels[-1])],
        "ratio": held.of("rate_ratio", comparator=held.extremes, **keys),
        "slope": held.of("slope_index", method=SHOWN_MODEL, **keys),
        "relative": held.of("relative_index", method=SHOWN_MODEL, **keys),
        "share": held.of("attributable_fraction", **keys),
        "excess": held.of("excess_events", **keys),
    }
    found = {name: content.records(rows, "site") for name, rows in parts.items()}
    lines = []
    for slug in sites:
        row = {name: records.get((slug,)) for name, records in found.items()}
        cells = [SITES[slug].name(language), written.value(row["least"]), written.value(row["most"])]
        # Limits under their value: beside it, twelve columns would leave no room for the names of sites.
        for name in ("ratio", "slope", "relative", "share"):
            cells.append(f"{written.value(row[name])}\n{written.interval(row[name])}".strip())
        lines.append((*cells, written.value(row["excess"])))
    last = held.labels[-1]
    columns = (
        Column(text("column_site", language), numeric=False),
        Column(text("column_least", language)),
        Column(text("column_most", language, last=last)),
        *(
            Column(f"{title} {text('column_limits', language)}")
            for title in (
                text("column_extremes", language, last=last),
                text("column_slope_index", language),
                text("column_relative_index", language),
                text("column_attributable", language),
            )
        ),
        Column(text("column_excess", language)),
    )
    facts = without(facts_of(held, language), "events") | {"sex": sex.label(language)}
    return Table(
        f"table-deprivation-{held.event_type}-{int(sex)}",
        text("table_deprivation", language, **facts),
        columns,
        tuple(lines),
        notes=(*sign_notes(lines, language), *reading(language)),
        altered=content.is_altered(rates),
        source=source_line(content, rates, language),
    )
