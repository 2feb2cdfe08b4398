"""Key figures, and the national table by site and sex."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from rnc_epi.report.blocks import Column, FigureBlock, Section, Table
from rnc_epi.report.content import ALL_SITES
from rnc_epi.report.figures import describe_sites, plot_sites
from rnc_epi.report.figures.style import figure_of
from rnc_epi.report.formats import NOTHING, Format
from rnc_epi.report.lectures import example_of, lecture
from rnc_epi.report.provenance import source_line
from rnc_epi.report.texts import text
from rnc_epi.report.wording import altered_notes, area_title, event_word, ratio_of_standard, sign_notes
from rnc_epi.vocabulary.areas import NATIONAL_LEVELS
from rnc_epi.vocabulary.estimators import CALIBRATED
from rnc_epi.vocabulary.schemas import NOT_APPLICABLE, NOT_ESTIMABLE, PUBLISHED
from rnc_epi.vocabulary.sexes import Sex
from rnc_epi.vocabulary.sites import SITES

if TYPE_CHECKING:
    from rnc_epi.report.content import Content


def summary(content: Content, language: str) -> Section:
    """Return the key figures of a release: totals and leading sites of each event, and what is missing.

    Parameters
    ----------
    content : Content
        A release, from :func:`rnc_epi.report.open_content`.
    language : {"fr", "en"}

    Returns
    -------
    Section
    """
    items: list[str] = []
    for event_type in content.event_types:
        items.extend(_key_figures(content, event_type, language))
    items.extend(_key_estimates(content, language))
    if not_estimable_nation(content, "incidence"):
        name = "incidence_modelled" if _estimated_nation(content).size else "incidence_not_national"
        items.append(text(name, language))
    paragraphs = [text("summary_lead", language, title=content.title)]
    if content.synthetic:
        paragraphs.append(text("synthetic_notice", language))
    paragraphs.extend(altered_notes(content, language))
    return Section(
        "summary", text("summary", language), tuple(paragraphs), items=tuple(items), language=language
    )


def _key_figures(content: Content, event_type: str, language: str) -> list[str]:
    written = Format(language)
    rows, geo_level = content.reference_rows(event_type, "count")
    rows = content.all_ages(content.in_longest_period(rows))
    rows = rows[rows["status"].eq(PUBLISHED)]
    if rows.empty:
        return []
    first = rows.iloc[0]
    where = area_title(content, first, language)
    years = written.period(first["period_from"], first["period_until"])
    rates = content.records(
        content.all_ages(
            content.standardised(
                event_type, geo_level, period_from=first["period_from"], period_until=first["period_until"]
            )
        ).pipe(lambda found: found[found["geo_code"].eq(first["geo_code"])]),
        "site",
        "sex",
    )
    items = []
    sexes = [sex for sex in (Sex.MEN, Sex.WOMEN) if rows["sex"].eq(int(sex)).any()]
    totals = rows[rows["site"].eq(ALL_SITES)].set_index("sex")
    named = []
    for sex in sexes:
        if int(sex) in totals.index:
            rate = rates.get((ALL_SITES, int(sex)))
            named.append(
                text(
                    "key_total_sex",
                    language,
                    sex=sex.label(language),
                    number=written.number(totals.loc[int(sex), "value"]),
                    rate=written.value(rate),
                    limits=written.interval(rate),
                )
            )
    if named:
        items.append(
            text(
                "key_total",
                language,
                events=event_word(event_type, language, capital=True),
                where=where,
                years=years,
                totals=written.sentence_list(named),
            )
        )
    for sex in sexes:
        leading = content.main_sites(event_type, int(sex), 3, all_sites=False)
        counts = rows[rows["sex"].eq(int(sex))].set_index("site")["value"]
        listed = [
            text(
                "key_site",
                language,
                site=SITES[slug].name(language),
                number=written.number(counts[slug]),
                rate=written.value(rates.get((slug, int(sex)))),
                limits=written.interval(rates.get((slug, int(sex)))),
            )
            for slug in leading
        ]
        if listed:
            items.append(
                text(
                    "key_sites",
                    language,
                    events=event_word(event_type, language, capital=True),
                    sex=sex.label(language),
                    where=where,
                    years=years,
                    sites=written.sentence_list(listed),
                )
            )
    return items


def _estimated_nation(content: Content) -> pd.DataFrame:
    """Return the national numbers of cases calibrated on correlates, of the longest period of each site."""
    rows = pd.concat(
        [
            content.estimates("incidence", "count", level, estimator=CALIBRATED, status=PUBLISHED)
            for level in NATIONAL_LEVELS
        ]
    )
    rows = rows[rows["stratum_type"].eq(NOT_APPLICABLE)]
    return content.in_longest_period(rows) if len(rows) else rows


def _key_estimates(content: Content, language: str) -> list[str]:
    """Return the leading sites of each sex by their estimated cases in the nation."""
    written = Format(language)
    rows = _estimated_nation(content)
    items = []
    for sex in (Sex.MEN, Sex.WOMEN):
        of_sex = (
            rows[rows["sex"].eq(int(sex))].sort_values(["value", "site"], ascending=[False, True]).head(3)
        )
        if of_sex.empty:
            continue
        first = of_sex.iloc[0]
        listed = [
            text(
                "key_estimate",
                language,
                site=SITES[row["site"]].name(language),
                number=written.value(row),
                limits=written.interval(row),
            )
            for row in of_sex.to_dict("records")
        ]
        ages = written.number(first["age_from"])
        items.append(
            text(
                "key_estimates" if first["age_from"] == 0 else "key_estimates_of_ages",
                language,
                sex=sex.label(language),
                where=area_title(content, first, language),
                years=written.period(first["period_from"], first["period_until"]),
                sites=written.sentence_list(listed),
                **({} if first["age_from"] == 0 else {"age": ages}),
            )
        )
    return items


def national_notice(content: Content) -> str:
    """Return the key of what is said where registries alone do not give the nation."""
    return "national_modelled" if _estimated_nation(content).size else "national_not_estimable"


def not_estimable_nation(content: Content, event_type: str) -> bool:
    """Tell whether the release says that an event is not estimable for the nation."""
    return (
        any(
            content.rows(event_type, "asr", level)["status"].eq(NOT_ESTIMABLE).any()
            for level in NATIONAL_LEVELS
        )
        and content.national_level(event_type) is None
    )


def national(content: Content, language: str) -> Section | None:
    """Return the table of each event by site and sex, for the nation or, failing that, for all registries.

    Parameters
    ----------
    content : Content
        A release, from :func:`rnc_epi.report.open_content`.
    language : {"fr", "en"}

    Returns
    -------
    Section or None
        None where no event has a table.
    """
    paragraphs, parts = [], []
    for event_type in content.event_types:
        if not_estimable_nation(content, event_type):
            paragraphs.append(text(national_notice(content), language))
        table = _table(content, event_type, language)
        if table is None:
            continue
        figure = _figure(content, event_type, language)
        parts.append(
            Section(
                f"national-{event_type}",
                event_word(event_type, language, capital=True),
                figures=(figure,) if figure is not None else (),
                tables=(table,),
                language=language,
            )
        )
    if not parts:
        return None
    return Section(
        "national", text("national", language), tuple(paragraphs), parts=tuple(parts), language=language
    )


def _reference(content: Content, event_type: str, indicator: str) -> pd.DataFrame:
    rows, _ = content.reference_rows(event_type, indicator)
    if indicator == "asr":
        rows = rows[rows["standard"].eq(content.standard)]
    return content.all_ages(content.in_longest_period(rows))


def _figure(content: Content, event_type: str, language: str) -> FigureBlock | None:
    rows = _reference(content, event_type, "asr")
    rows = rows[rows["site"].ne(ALL_SITES)]
    if rows[rows["status"].eq(PUBLISHED)]["site"].nunique() < 2:
        return None
    subject = _subject(content, rows.iloc[0], event_type, language)
    return FigureBlock(
        f"figure-sites-{event_type}",
        text("figure_sites", language, subject=subject),
        describe_sites(rows, language, subject=subject),
        lambda: figure_of(plot_sites(rows, language=language)),
        altered=content.is_altered(rows),
        source=source_line(content, rows, language),
        kind="sites",
        lecture=lecture("sites", example_of(rows), language),
    )


def _subject(content: Content, row: Any, event_type: str, language: str) -> str:
    written = Format(language)
    return text(
        "subject",
        language,
        indicator=ratio_of_standard(event_type, content.standard, language),
        where=area_title(content, row, language),
        years=written.period(row["period_from"], row["period_until"]),
    )


def _table(content: Content, event_type: str, language: str) -> Table | None:
    """Return counts, crude and standardised rates by site: men, women, and both counted together."""
    written = Format(language)
    held = {name: _reference(content, event_type, name) for name in ("count", "crude_rate", "asr")}
    if not any(rows["status"].eq(PUBLISHED).any() for rows in held.values()):
        return None
    records = {name: content.records(rows, "site", "sex") for name, rows in held.items()}
    first = next(rows for rows in held.values() if len(rows)).iloc[0]
    sexes = [
        sex
        for sex in (Sex.MEN, Sex.WOMEN)
        if any(int(sex) == found[1] for known in records.values() for found in known)
    ]
    both = len(sexes) > 1 and any(found[1] == int(Sex.BOTH) for found in records["count"])
    events = event_word(event_type, language, capital=True)
    level = float(held["asr"]["level"].dropna().iloc[0]) if held["asr"]["level"].notna().any() else 0.95
    columns = [Column(text("column_site", language), numeric=False)]
    for sex in sexes:
        group = sex.label(language).capitalize()
        columns += [
            Column(events, group),
            Column(text(f"column_crude_{event_type}", language), group),
            Column(text(f"column_asr_{event_type}_{_known(content.standard)}", language), group),
            Column(written.interval_name(level), group),
        ]
    if both:
        columns.append(Column(events, Sex.BOTH.label(language).capitalize()))
    rows = []
    for slug in content.sites(event_type):
        cells = [SITES[slug].name(language)]
        for sex in sexes:
            if not SITES[slug].applies_to(sex):
                cells += [NOTHING, NOTHING, NOTHING, ""]
                continue
            row = {name: known.get((slug, int(sex))) for name, known in records.items()}
            cells += [
                written.value(row["count"]),
                written.value(row["crude_rate"]),
                written.value(row["asr"]),
                written.interval(row["asr"]),
            ]
        if both:
            cells.append(written.value(records["count"].get((slug, int(Sex.BOTH)))))
        rows.append(tuple(cells))
    caption = text(
        "table_national",
        language,
        events=events,
        where=area_title(content, first, language),
        years=written.period(first["period_from"], first["period_until"]),
    )
    return Table(
        f"table-national-{event_type}",
        caption,
        tuple(columns),
        tuple(rows),
        notes=(
            text("note_rates", language, standard=content.standard_title(content.standard, language)),
            *sign_notes(rows, language),
        ),
        altered=any(content.is_altered(found) for found in held.values()),
        source=source_line(content, pd.concat(held.values()), language),
    )


def _known(standard: str) -> str:
    return "world" if standard == "world" else "other"
