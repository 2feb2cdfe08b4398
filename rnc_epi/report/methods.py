"""The methods page, with the pointer to the data dictionary, made from what the release says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rnc_epi.report.blocks import Column, Section, Table
from rnc_epi.report.formats import NOTHING, Format
from rnc_epi.report.national import national_notice, not_estimable_nation
from rnc_epi.report.provenance import release_line
from rnc_epi.report.texts import report_texts, text
from rnc_epi.report.wording import altered_notes
from rnc_epi.vocabulary.areas import level_title
from rnc_epi.vocabulary.errors import catalogue, placeholders
from rnc_epi.vocabulary.estimators import OBSERVED, proxy_of
from rnc_epi.vocabulary.schemas import NOT_APPLICABLE
from rnc_epi.vocabulary.sites import SITES

if TYPE_CHECKING:
    import pandas as pd

    from rnc_epi.report.content import Content


def methods(content: Content, language: str) -> Section:
    """Return definitions, sources, notices, interval methods, standards, disclosure rule, row accounting.

    Parameters
    ----------
    content : Content
        A release, from :func:`rnc_epi.report.open_content`.
    language : {"fr", "en"}

    Returns
    -------
    Section
    """
    parts = [
        _sources(content, language),
        _indicators(content, language),
        _sites(content, language),
        _not_estimable(content, language),
        _disclosure(content, language),
        _comparisons(language),
        _accounting(content, language),
        _outlines(content, language),
        _dictionary(content, language),
    ]
    return Section(
        "methods",
        text("methods", language),
        parts=tuple(part for part in parts if part is not None),
        language=language,
    )


def _dictionary(content: Content, language: str) -> Section:
    """Return where the figures lie and how to read them again."""
    return Section(
        "methods-dictionary",
        text("dictionary", language),
        (
            text("dictionary_lead", language, file=f"dictionary_{language}.csv"),
            text("release_identity", language, release=content.release_id, version=content.version),
        ),
    )


def _sources(content: Content, language: str) -> Section:
    yes_no = {True: text("yes", language), False: text("no", language)}
    lines = tuple(
        (
            source.title,
            text(f"kind_{source.kind}", language) if source.kind in _KINDS else source.kind,
            source.licence,
            yes_no[source.synthetic],
            str(source.disclosure_threshold)
            if source.disclosure_threshold
            else text("no_threshold", language),
        )
        for source in content.sources
    )
    columns = tuple(
        Column(text(f"column_{name}", language), numeric=False)
        for name in ("source", "kind", "licence", "synthetic", "threshold")
    )
    notes = altered_notes(content, language)
    if content.synthetic:
        notes.insert(0, text("synthetic_notice", language))
    return Section(
        "methods-sources",
        text("methods_sources", language),
        tuple(notes),
        tables=(
            Table(
                "table-sources",
                text("table_sources", language),
                columns,
                lines,
                source=release_line(content, language),
            ),
        ),
    )


_SEPARATOR: Final = {"fr": "\u00a0; ", "en": "; "}
_KINDS = ("registry", "snds", "deaths", "census", "published")


def _indicators(content: Content, language: str) -> Section:
    """Return the definition, the calculation and the limits of each indicator that the release holds."""
    rows = content.results
    lines = []
    for (indicator, estimator), part in rows.groupby(["indicator", "estimator"], sort=True):
        name = content.label("indicator", indicator, language)
        if estimator != OBSERVED:
            name = f"{name} ({content.label('estimator', estimator, language)})"
        lines.append(
            (
                name,
                content.definition("indicator", indicator, language),
                _methods_of(content, part, language),
                _limits_of(content, part, language),
            )
        )
    columns = tuple(
        Column(text(f"column_{name}", language), numeric=False)
        for name in ("indicator", "definition", "method", "limits_method")
    )
    standards = sorted(set(rows["standard"]) - {NOT_APPLICABLE})
    paragraphs = []
    if standards:
        titles = [content.standard_title(name, language) for name in standards]
        paragraphs.append(
            text("methods_standards", language, standards=Format(language).sentence_list(titles))
        )
    paragraphs.append(text("methods_intervals", language))
    if rows["indicator"].isin(("sir", "smr")).any():
        paragraphs.append(text("methods_ratios", language))
    return Section(
        "methods-indicators",
        text("methods_indicators", language),
        tuple(paragraphs),
        tables=(
            Table(
                "table-indicators",
                text("table_indicators", language),
                columns,
                tuple(lines),
                source=release_line(content, language),
            ),
        ),
    )


def _methods_of(content: Content, rows: pd.DataFrame, language: str) -> str:
    """Return how the values of some rows were calculated; correlates are named where they serve."""
    said = {
        text("method_correlate", language)
        if proxy_of(method) is not None
        else content.label("method", method, language)
        for method in rows["method"].drop_duplicates()
    }
    return _SEPARATOR[language].join(sorted(said))


def _limits_of(content: Content, rows: pd.DataFrame, language: str) -> str:
    """Return every way in which the limits of some rows were had, with their level."""
    written = Format(language)
    pairs = rows.loc[rows["interval_method"].ne(NOT_APPLICABLE), ["interval_method", "level"]]
    said = [
        f"{content.label('interval_method', interval, language)}, {written.interval_name(float(level))}"
        for interval, level in sorted(set(pairs.itertuples(index=False, name=None)))
    ]
    return _SEPARATOR[language].join(said) or NOTHING


def _sites(content: Content, language: str) -> Section | None:
    """Return where deaths are not defined as incident cases are, caveats of mortality, and their lifts."""
    if "death" not in content.event_types:
        return Section(
            "methods-sites", text("methods_sites", language), (text("methods_case_definition", language),)
        )
    held = content.sites("death")
    items = []
    for slug in held:
        note = SITES[slug].deaths_note
        if note is not None:
            items.append(_named(slug, note.fr if language == "fr" else note.en, language))
    lifted = {lift["site"]: lift for lift in content.lifts if lift["event_type"] == "death"}
    for slug in held:
        caveat = SITES[slug].mortality_caveat
        if caveat is None:
            continue
        said = caveat.fr if language == "fr" else caveat.en
        if slug in lifted:
            reason = lifted[slug][f"reason_{language}"]
            items.append(_named(slug, text("caveat_lifted", language, caveat=said, reason=reason), language))
        else:
            items.append(_named(slug, text("caveat_stands", language, caveat=said), language))
    paragraphs = []
    if "incidence" in content.event_types:
        paragraphs.append(text("methods_case_definition", language))
    if items:
        paragraphs.append(text("methods_deaths", language))
    return Section("methods-sites", text("methods_sites", language), tuple(paragraphs), items=tuple(items))


def _named(slug: str, words: str, language: str) -> str:
    colon = " : " if language == "fr" else ": "
    return f"{SITES[slug].name(language)}{colon}{words}"


def _not_estimable(content: Content, language: str) -> Section | None:
    items = []
    if not_estimable_nation(content, "incidence"):
        items.append(text(national_notice(content), language))
    if any(
        len(content.rows("incidence", "sir", level)) for level in ("registry_zone", "departement", "region")
    ):
        items.append(text("sir_comparator", language))
    if not items:
        return None
    return Section("methods-not-estimable", text("methods_not_estimable", language), items=tuple(items))


def _disclosure(content: Content, language: str) -> Section:
    rules = content.disclosure
    paragraphs = [
        text(
            "methods_disclosure",
            language,
            threshold=rules["threshold"],
            hidden=content.notice("hidden", language),
        )
    ]
    if content.results["indicator"].eq("asr").any():
        paragraphs.append(content.notice("ages_not_published", language))
    free = [source.title for source in content.sources if source.disclosure_threshold == 0]
    if free:
        paragraphs.append(
            text("methods_disclosure_free", language, sources=Format(language).sentence_list(free))
        )
    paragraphs.append(text("methods_signs", language))
    yes_no = {True: text("yes", language), False: text("no", language)}
    held = set(content.results["geo_level"])
    lines = tuple(
        (
            level_title(rule["geo_level"], language),
            Format(language).number(rule["minimum_years"]),
            yes_no[bool(rule["age_detail"])],
        )
        for rule in rules["plan"]
        if rule["geo_level"] in held
    )
    columns = (
        Column(text("column_level", language), numeric=False),
        Column(text("column_minimum_years", language)),
        Column(text("column_age_detail", language), numeric=False),
    )
    plan = Table(
        "table-plan",
        text("table_plan", language),
        columns,
        lines,
        source=release_line(content, language),
    )
    tables = (plan,) if lines else ()
    return Section(
        "methods-disclosure", text("methods_disclosure_title", language), tuple(paragraphs), tables=tables
    )


def _comparisons(language: str) -> Section:
    return Section(
        "methods-comparisons", text("methods_comparisons", language), (text("comparison_method", language),)
    )


def _accounting(content: Content, language: str) -> Section | None:
    """Return the public row accounting as the release holds it."""
    ledger = content.accounting
    if ledger.empty:
        return None
    lines = tuple(
        (
            row["table_name"],
            NOTHING if row["source"] == NOT_APPLICABLE else row["source"],
            _said("step", str(row["step"]).partition(":")[0], language),
            _said("fate", row["fate"], language),
            "" if row["reason"] == NOT_APPLICABLE else _said("reason", row["reason"], language),
            _count(row["rows"], language),
            _count(row["events"], language),
        )
        for row in ledger.to_dict("records")
    )
    columns = (
        *(
            Column(text(f"column_{name}", language), numeric=False)
            for name in ("table", "source", "step", "fate", "reason")
        ),
        Column(text("column_rows", language)),
        Column(text("column_events", language)),
    )
    return Section(
        "methods-accounting",
        text("methods_accounting", language),
        (text("methods_accounting_lead", language),),
        tables=(
            Table(
                "table-accounting",
                text("table_accounting", language),
                columns,
                lines,
                row_headers=2,
                notes=_reasons(ledger, language),
                source=release_line(content, language),
            ),
        ),
    )


def _said(kind: str, word: str, language: str) -> str:
    """Return the word of a language for a code of the ledger, or the code where the report has no word."""
    key = f"{kind}_{word}"
    return text(key, language) if key in report_texts() else word


def _count(written: Any, language: str) -> str:
    if str(written).isdigit():
        return Format(language).number(int(written))
    return str(written).replace(">=", "≥ ").replace("<", "< ")


def _reasons(ledger: pd.DataFrame, language: str) -> tuple[str, ...]:
    """Return what each reason of the ledger means, in the words of the catalogue and with public counts."""
    said = []
    for row in ledger[ledger["reason"].ne(NOT_APPLICABLE)].to_dict("records"):
        facts = {
            "rows": _count(row["rows"], language),
            "events": _count(row["events"], language),
            "table": row["table_name"],
            "source": row["source"],
        }
        template = catalogue().get(row["reason"], {}).get(language)
        # A text that asks for more than the public ledger holds is not completed by guessing.
        if template is not None and placeholders(template) <= set(facts):
            colon = "\u00a0: " if language == "fr" else ": "
            said.append(f"{row['reason']}{colon}{template.format(**facts)}")
    return tuple(dict.fromkeys(said))


def _outlines(content: Content, language: str) -> Section | None:
    notice = content.notice("outlines", language)
    if not notice:
        return None
    return Section("methods-outlines", text("methods_outlines", language), (notice,))
