"""One table of the contract made from one file: every record gets its values and its fate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import pandas as pd
from scipy.stats import binom

from rnc_epi.extracts.contract_checks.findings import Fate, Finding, shown_name
from rnc_epi.extracts.importers import dates
from rnc_epi.extracts.importers.columns import Compiled, compiled, present
from rnc_epi.extracts.importers.mapping import ImportMapping, TableRule
from rnc_epi.store import RowAccounting
from rnc_epi.store.text_files import RECORD, TextTables
from rnc_epi.vocabulary.ages import AgeBand
from rnc_epi.vocabulary.contract import TABLES
from rnc_epi.vocabulary.errors import InputError

STEP: Final = "import"
_RECORDS_SHOWN: Final = 5
_UNKNOWN_AGES: Final = ("unknown", "inconnu", "inconnue", "999")
#: Chance below which keys shaped like social security numbers are taken for them (one of 13 digits in 38 is).
_CHANCE: Final = 0.03
_SHAPED_BY_CHANCE: Final = 0.027
#: Share of keys that are letters alone above which they are names.
_MOST_NAMES: Final = 0.01
_EXCLUDED_AS_TOTAL: Final = "H127"
_REPEATED: Final = "H021"


@dataclass(frozen=True)
class Staged:
    """A table as it was made.

    Attributes
    ----------
    table : str
        Name in the contract; ``made_<table>`` holds its rows, with `fate` null where they are used.
    rows : int
        Rows that are used.
    findings : tuple of Finding
    """

    table: str
    rows: int
    findings: tuple[Finding, ...]


def stage(
    texts: TextTables, loaded: str, table: str, rule: TableRule, mapping: ImportMapping, ledger: RowAccounting
) -> Staged:
    """Make ``made_<table>`` from the cleaned text `loaded`, and account for every record of the file."""
    level_rule = rule.columns.get("geo_level")
    level = None if level_rule is None or level_rule.value is None else str(level_rule.value)
    columns = [compiled(table, name, made, mapping.format, level) for name, made in rule.columns.items()]
    against = list(_between_columns(rule, mapping, columns))
    columns = _alive_at_the_cut_off(columns)
    findings: list[Finding] = []
    excluded = _exclusions(rule)
    wanted = " AND ".join(f"NOT coalesce({condition}, false)" for _, condition in excluded) or "true"
    joins = _bands(texts, loaded, columns, rule)
    source = f"{loaded} AS t {joins}"
    findings += _scan(texts, source, wanted, table, columns)
    if any(finding.fate is Fate.REFUSE for finding in findings):
        return Staged(table, 0, tuple(findings))
    cases = [*excluded]
    for column in columns:
        cases += column.exclusions
    for column in columns:
        # With its column, so that the message can say which of them to look at.
        cases += [(f"{code} {column.column}", condition) for code, condition in column.quarantines]
    cases += against
    fate = "CASE " + " ".join(f"WHEN {condition} THEN '{code}'" for code, condition in cases) + " END"
    values = ", ".join(f'{column.value} AS "{column.column}"' for column in columns)
    texts.run(
        f"made_{table}",
        f"SELECT t.{RECORD}, {values}, {fate if cases else 'NULL::VARCHAR'} AS fate FROM {source}",
    )
    _mark_copies(texts, loaded, table, rule, mapping)
    findings += _account(texts, table, mapping, ledger)
    used = texts.rows(f"SELECT count(*) FROM made_{table} WHERE fate IS NULL")[0][0]
    return Staged(table, int(used), tuple(findings))


def _alive_at_the_cut_off(columns: list[Compiled]) -> list[Compiled]:
    """Return the columns with a vital status of alive where follow-up is censored: the death came later."""
    late = next((condition for column in columns for code, condition in column.notes if code == "H043"), None)
    if late is None:
        return columns
    # Nobody diagnosed after the cut-off has been followed until then.
    beyond = next(column.beyond for column in columns if column.beyond is not None)
    return [
        replace(column, value=f"CASE WHEN {beyond} THEN 9 WHEN {late} THEN 0 ELSE {column.value} END")
        if column.column == "vital_status"
        else column
        for column in columns
    ]


def _exclusions(rule: TableRule) -> list[tuple[str, str]]:
    lines = []
    for name, values in rule.exclude.items():
        listed = ", ".join("'" + value.replace("'", "''") + "'" for value in values)
        lines.append((_EXCLUDED_AS_TOTAL, f"{present(name)} IN ({listed})"))
    return lines


def _bands(texts: TextTables, loaded: str, columns: list[Compiled], rule: TableRule) -> str:
    joins = []
    for column in columns:
        if column.bands is None:
            continue
        text = present(column.bands, rule.columns[column.column].missing)
        labels = texts.rows(f"SELECT DISTINCT {text} FROM {loaded} AS t WHERE {text} IS NOT NULL")
        name = f"bands_{column.column}"
        texts.keep(name, _read_bands(label for (label,) in labels))
        joins.append(f"LEFT JOIN {name} ON {name}.label = {text}")
    return " ".join(joins)


def _read_bands(labels: Iterator[str]) -> pd.DataFrame:
    rows: list[tuple[str, int | None, int | None, str]] = []
    for label in labels:
        if label.lower() in _UNKNOWN_AGES:
            rows.append((label, None, None, "unknown"))
            continue
        try:
            band = AgeBand.parse(label.lower().replace("et+", "+").replace("et +", "+"))
        except InputError:
            continue
        rows.append((label, band.age_from, band.age_until, "known"))
    table = pd.DataFrame(rows, columns=["label", "age_from", "age_until", "age_status"])
    return table.astype({"label": "str", "age_from": "Int64", "age_until": "Int64", "age_status": "str"})


def _scan(
    texts: TextTables, source: str, wanted: str, table: str, columns: list[Compiled]
) -> Iterator[Finding]:
    """Count, in one pass, the forms that refuse the file and those that are put right."""
    asked = [
        (column.column, code, condition, fate)
        for column in columns
        for fate, lines in ((Fate.REFUSE, column.refusals), (Fate.NORMALISE, column.notes))
        for code, condition in dict(lines).items()
    ]
    if not asked:
        return
    counts = ", ".join(
        f"count(*) FILTER (WHERE {condition}), list({RECORD} ORDER BY {RECORD}) FILTER (WHERE {condition})"
        f"[1:{_RECORDS_SHOWN}]"
        for _, _, condition, _ in asked
    )
    ((among, *found),) = texts.rows(f"SELECT count(*), {counts} FROM {source} WHERE {wanted}")
    for place, (column, code, _, fate) in enumerate(asked):
        rows, records = found[2 * place], found[2 * place + 1]
        if not rows:
            continue
        if code in ("H026", "H027"):
            # A pseudonym may look like either by chance: what chance gives is let through.
            leaked = (
                binom.sf(rows - 1, among, _SHAPED_BY_CHANCE) < _CHANCE
                if code == "H026"
                else rows > _MOST_NAMES * among
            )
            if not leaked:
                continue
            fate, records = Fate.REFUSE, []
        yield _finding(code, fate, table, column, rows, records)


def _finding(code: str, fate: Fate, table: str, column: str, rows: int, records: list[int]) -> Finding:
    facts = (("column", shown_name(column)), ("found", ", ".join(map(str, records or [])) or "—"))
    examples = tuple(str(record) for record in records or [])
    return Finding(code, fate, table, "_", int(rows), int(rows), examples, facts, persons=True)


def _between_columns(
    rule: TableRule, mapping: ImportMapping, columns: list[Compiled]
) -> Iterator[tuple[str, str]]:
    """Yield what columns say against one another: alive with a date of death (H042)."""
    if rule.death_date is None:
        return
    status = next((column.value for column in columns if column.column == "vital_status"), None)
    if status is not None:
        date = present(rule.death_date)
        yield "H042", f"({status}) = 0 AND ({dates.day(date, mapping.format.dates)}) IS NOT NULL"


def _mark_copies(texts: TextTables, loaded: str, table: str, rule: TableRule, mapping: ImportMapping) -> None:
    """Give the fate of a copy to records equal to an earlier one, where the mapping lets them be dropped."""
    if rule.distinct:
        names, origin = list(rule.columns), f"made_{table} WHERE fate IS NULL"
    elif mapping.format.deduplicate:
        names, origin = texts.columns(loaded), loaded
    else:
        return
    listed = ", ".join('"' + name.replace('"', '""') + '"' for name in names)
    copies = (
        f"SELECT {RECORD} FROM (SELECT {RECORD}, row_number() OVER (PARTITION BY {listed} "
        f"ORDER BY {RECORD}) AS place FROM {origin}) WHERE place > 1"
    )
    texts.run("copies", copies)
    texts.run(
        f"made_{table}",
        f"SELECT m.* REPLACE (CASE WHEN m.fate IS NULL AND c.{RECORD} IS NOT NULL THEN '{_REPEATED}' "
        f"ELSE m.fate END AS fate) FROM made_{table} AS m LEFT JOIN copies AS c USING ({RECORD})",
    )


def _account(
    texts: TextTables, table: str, mapping: ImportMapping, ledger: RowAccounting
) -> Iterator[Finding]:
    events = '"events"' if "events" in TABLES[table].column_names else "1" if (
        TABLES[table].rows_of_persons
    ) else "0"  # fmt: skip
    lines = texts.rows(
        f"SELECT coalesce(fate, '_'), count(*), CAST(coalesce(sum({events}), 0) AS HUGEINT), "
        f"list({RECORD} ORDER BY {RECORD})[1:{_RECORDS_SHOWN}] FROM made_{table} GROUP BY 1"
    )
    source = mapping.source.source
    excluded = {_EXCLUDED_AS_TOTAL, _REPEATED, "H124", "H125"}
    kept = quarantined = 0
    for told, rows, carried, records in lines:
        code, _, column = told.partition(" ")
        fate = "used" if code == "_" else "excluded" if code in excluded else "quarantined"
        ledger.record(table, source, STEP, fate, code, rows=rows, events=int(carried))
        if fate == "used":
            kept += rows
            continue
        quarantined += rows if fate == "quarantined" else 0
        what = Fate.EXCLUDE if fate == "excluded" else Fate.QUARANTINE
        yield _finding(code, what, table, column or "_", rows, records)
    if quarantined > mapping.format.quarantine_limit * (kept + quarantined):
        limit = f"{mapping.format.quarantine_limit:.1%}"
        yield Finding("H109", Fate.REFUSE, table, source, quarantined, quarantined,
                      facts=(("expected", limit),), persons=True)  # fmt: skip
