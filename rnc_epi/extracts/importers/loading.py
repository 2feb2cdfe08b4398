"""Import files: load them as text, make the tables that the mapping names, write the extract."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd

from rnc_epi.extracts import geography
from rnc_epi.extracts.check_report import CheckReport
from rnc_epi.extracts.contract_checks.findings import Fate, Finding, first_refusal
from rnc_epi.extracts.contract_checks.identifiers import (
    holds_a_common_name,
    identifier_in_name,
    names_an_identifier,
)
from rnc_epi.extracts.importers import dates
from rnc_epi.extracts.importers.columns import cleaned, quoted
from rnc_epi.extracts.importers.mapping import ImportMapping, TableRule, read_mapping
from rnc_epi.extracts.importers.staging import STEP, Staged, stage
from rnc_epi.store import RowAccounting
from rnc_epi.store.text_files import RECORD, LoadedText, TextForm, TextTables, text_tables
from rnc_epi.store.writing import write_extract
from rnc_epi.vocabulary.contract import TABLES
from rnc_epi.vocabulary.errors import ExtractRefused

#: Records written at once, so that a large table is never whole in memory a second time.
_PART: Final = 500_000
#: Characters of the name of a column that messages repeat, and figures that may be those of a person.
_LONGEST_NAME: Final = 60
_FIGURES: Final = re.compile(r"[0-9]{5}|[0-9][/.-][0-9]{1,2}[/.-][0-9]")


@dataclass(frozen=True)
class Imported:
    """What became of the files.

    Attributes
    ----------
    path : path of the extract
    findings : tuple of Finding
        What was put right, left out or set aside, with the numbers of the first records concerned.
    accounting : RowAccounting
        Every record of every file, once for each table that it feeds.
    """

    path: Path
    findings: tuple[Finding, ...]
    accounting: RowAccounting

    def text(self, language: str = "fr", *, public: bool = False) -> str:
        """Return the report of the import in French or English, as `CheckReport.text` does."""
        report = CheckReport(self.path.name, self.findings, None, self.accounting.frame(), written=True)
        return report.text(language, public=public)


def import_files(
    kind: str,
    paths: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    mapping: str | os.PathLike[str] | None = None,
) -> Imported:
    """Read files by a declared mapping and write an extract; nothing is written where a file is refused.

    Parameters
    ----------
    kind : {"csv", "parquet", "encr", "cepidc", "cnam"}
        Layout of the files.
    paths : sequence of paths
        In the order that the mapping numbers them; Parquet is told by its ending, whatever the kind.
    out : path of the extract, which must not exist
        Written whole or not at all.
    mapping : path of a TOML file
        See docs/extract.md; it completes the layout of the kind.

    Returns
    -------
    Imported
        The extract's path, the accounting of rows, and what was found on the way.

    Raises
    ------
    FileProblem
        ``H001`` a file is missing, ``F001`` `out` exists.
    ExtractRefused
        The file is not what the mapping says: ``H009`` a column names a direct identifier, ``H020`` a file
        that was cut, ``H128`` no file for a table, ``H129`` keys that fall together, or the code of the
        first refusal of a row.
    StudyFileError
        ``H120`` to ``H123`` the mapping cannot be used.
    """
    plan = read_mapping(kind, None if mapping is None else Path(mapping))
    ledger = RowAccounting()
    findings: list[Finding] = []
    with text_tables() as texts:
        files = [Path(path) for path in paths]
        tables: dict[str, TableRule] = {
            name: rule for name, rule in plan.tables.items() if rule.file <= len(files)
        }
        if not tables:
            raise ExtractRefused("H128", expected=max(rule.file for rule in plan.tables.values()))
        findings += _left_out(plan, set(tables))
        made: list[Staged] = []
        for number, file in enumerate(files, start=1):
            concerned = {name: rule for name, rule in tables.items() if rule.file == number}
            loaded = _load(texts, f"file_{number}", file, plan)
            findings += _of_file(loaded, file)
            needed = _require_columns(texts, number, loaded, file, concerned, plan)
            findings += _unread(loaded, file, needed, plan)
            findings += _clean(texts, number, loaded, concerned, plan)
            if number == 1 and plan.format.records not in (None, loaded.rows):
                raise ExtractRefused("H020", where=file.name, expected=plan.format.records, found=loaded.rows)
            for name, rule in concerned.items():
                staged = stage(texts, f"clean_{number}", name, rule, plan, ledger)
                refusal = first_refusal(staged.findings)
                if refusal is not None:
                    raise refusal.problem()
                _require_distinct_keys(texts, name, rule)
                events = _events_in(texts, name)
                ledger.require_conserved(
                    name, plan.source.source, STEP, rows_in=loaded.rows, events_in=events
                )
                made.append(staged)
                findings += staged.findings
        path = write_extract(Path(out), _tables(texts, made, plan))
    return Imported(path, tuple(findings), ledger)


def _load(texts: TextTables, name: str, file: Path, plan: ImportMapping) -> LoadedText:
    if file.suffix.lower() in (".parquet", ".pq"):
        return texts.load_parquet(name, file)
    return texts.load_text(name, file, TextForm(plan.format.encoding, plan.format.delimiter))


def _of_file(loaded: LoadedText, file: Path) -> Iterator[Finding]:
    for code in loaded.normalised:
        yield Finding(code, Fate.NORMALISE, facts=(("where", file.name),))


def _clean(
    texts: TextTables, number: int, loaded: LoadedText, rules: Mapping[str, TableRule], plan: ImportMapping
) -> Iterator[Finding]:
    """Make ``clean_<number>``: trimmed, words for "missing" null (H018); nothing else is changed."""
    tables = ", ".join(rules)
    values = ", ".join(
        f"{cleaned(name, plan.format, _meant(name, rules))} AS {quoted(name)[2:]}" for name in loaded.columns
    )
    texts.run(f"clean_{number}", f"SELECT {values}, t.{RECORD} FROM file_{number} AS t")
    before = ", ".join(f"count(nullif(trim({quoted(name)}), ''))" for name in loaded.columns)
    after = ", ".join(f"count({quoted(name)})" for name in loaded.columns)
    (given,) = texts.rows(f"SELECT {before} FROM file_{number} AS t")
    (left,) = texts.rows(f"SELECT {after} FROM clean_{number} AS t")
    for name, were, are in zip(loaded.columns, given, left, strict=True):
        if were > are:
            facts = (("column", _told(loaded, name)),)
            yield Finding("H018", Fate.NORMALISE, tables, rows=were - are, facts=facts, persons=True)


def _meant(column: str, rules: Mapping[str, TableRule]) -> frozenset[str]:
    """Return, in capitals, the texts of a column that a map or an exclusion names."""
    named: set[str] = set()
    for rule in rules.values():
        for name, values in rule.exclude.items():
            if name.lower() == column.lower():
                named |= {text.upper() for text in values}
        for made in rule.columns.values():
            if made.source_column is not None and made.source_column.lower() == column.lower():
                named |= {text.upper() for text in made.map or ()}
    return frozenset(named)


def _require_columns(
    texts: TextTables,
    number: int,
    loaded: LoadedText,
    file: Path,
    tables: Mapping[str, TableRule],
    plan: ImportMapping,
) -> set[str]:
    """Return the columns that the mapping reads, in small letters; refuse a file that lacks one or names an
    identifier. A column of births by month, from which the age is taken, names none.
    """
    needed: set[str] = set()
    births: set[str] = set()
    for rule in tables.values():
        needed |= set(rule.exclude) | ({rule.death_date} if rule.death_date else set())
        for made in rule.columns.values():
            since = made.since if isinstance(made.since, tuple) else (made.since,)
            needed |= {name for name in (made.source_column, made.agrees_with, *since) if name}
            births |= {name for name in since if name and made.take == "age"}
    there = {name.lower() for name in loaded.columns}
    missing = sorted(name for name in needed if name.lower() not in there)
    if missing:
        # A file without any of its columns has lost its header, or is another file.
        code = "H106" if len(missing) == len(needed) else "H007"
        facts = {"column": missing[0]} if code == "H007" else {}
        raise ExtractRefused(code, where=file.name, **facts)
    births = {name.lower() for name in births}
    for column in loaded.columns:
        if identifier_in_name(column) is None and (
            column in plan.format.ignored or not names_an_identifier(column)
        ):
            continue
        if column.lower() in births and (plan.format.birth_dates or not _has_days(texts, number, column)):
            continue
        raise ExtractRefused("H009", where=file.name, column=_told(loaded, column))
    return {name.lower() for name in needed}


def _has_days(texts: TextTables, number: int, column: str) -> bool:
    text = f"trim({quoted(column)})"
    ((days,),) = texts.rows(f"SELECT count(*) FROM file_{number} AS t WHERE {dates.full(text)}")
    return bool(days)


def _told(loaded: LoadedText, column: str) -> str:
    """Return the name of a column of a file whose header is one, or its place where that may name a person.

    A crosstab has persons for columns, and so has a first line of data that is one column longer.
    """
    plain = column.isprintable() and len(column) <= _LONGEST_NAME and not _FIGURES.search(column)
    if plain and identifier_in_name(column) is None and not holds_a_common_name(column):
        return column
    return f"#{loaded.columns.index(column) + 1}"


def _left_out(plan: ImportMapping, read: set[str]) -> Iterator[Finding]:
    """Name the tables of the mapping whose file was not given (H133)."""
    for name, rule in plan.tables.items():
        if name not in read:
            yield Finding("H133", Fate.WARN, name, facts=(("expected", str(rule.file)),))


def _unread(loaded: LoadedText, file: Path, needed: set[str], plan: ImportMapping) -> Iterator[Finding]:
    """Name the columns that no rule reads, so that none is lost without a word (H131)."""
    unread = [
        name for name in loaded.columns if name.lower() not in needed and name not in plan.format.ignored
    ]
    if unread:
        facts = (("where", file.name), ("column", ", ".join(_told(loaded, name) for name in unread)))
        yield Finding("H131", Fate.WARN, facts=facts)


def _require_distinct_keys(texts: TextTables, table: str, rule: TableRule) -> None:
    """Refuse records that stand twice in a table of persons (H021, H022), and keys on one number (H129)."""
    if not TABLES[table].rows_of_persons:
        return
    _require_keys_apart(texts, table, rule)
    (key,) = TABLES[table].key
    made = rule.columns.get(key)
    if made is None or made.source_column is None:
        return
    ((copies,),) = texts.rows(
        f"SELECT count(*) - count(DISTINCT {quoted(made.source_column)}) "
        f"FROM made_{table} AS m JOIN clean_{rule.file} AS t USING ({RECORD}) WHERE m.fate IS NULL"
    )
    if copies:
        listed = ", ".join(quoted(name) for name in texts.columns(f"file_{rule.file}"))
        ((equal,),) = texts.rows(
            f"SELECT count(*) - count(DISTINCT hash({listed})) FROM file_{rule.file} AS t"
        )
        raise ExtractRefused("H021" if equal else "H022", table=table, rows=equal or copies)


def _require_keys_apart(texts: TextTables, table: str, rule: TableRule) -> None:
    """Refuse two pseudonyms that fall on one number (H129): by their hash, or as 0012 and 12."""
    kinds = {column.name: column.kind for column in TABLES[table].columns}
    for key, made in rule.columns.items():
        if kinds[key] != "key" or made.source_column is None:
            continue
        ((given, numbers),) = texts.rows(
            f'SELECT count(DISTINCT {quoted(made.source_column)}), count(DISTINCT m."{key}") '
            f"FROM made_{table} AS m JOIN clean_{rule.file} AS t USING ({RECORD}) "
            f'WHERE m.fate IS NULL AND m."{key}" IS NOT NULL'
        )
        if given != numbers:
            raise ExtractRefused("H129", table=table, column=key, rows=given - numbers)


def _events_in(texts: TextTables, table: str) -> int:
    columns = TABLES[table].column_names
    events = '"events"' if "events" in columns else "1" if TABLES[table].rows_of_persons else "0"
    ((total,),) = texts.rows(f"SELECT CAST(coalesce(sum({events}), 0) AS HUGEINT) FROM made_{table}")
    return int(total)


def _tables(
    texts: TextTables, made: Iterable[Staged], plan: ImportMapping
) -> dict[str, pd.DataFrame | Iterable[pd.DataFrame]]:
    tables: dict[str, pd.DataFrame | Iterable[pd.DataFrame]] = {
        "sources": pd.DataFrame([plan.source.model_dump()])
    }
    for staged in made:
        tables[staged.table] = _parts(texts, staged, plan.tables[staged.table])
    if plan.geography is not None:
        tables |= _areas(plan)
    for name, rows in plan.rows.items():
        stated = pd.DataFrame([dict(row) for row in rows]).astype(object)
        stated = stated.where(stated.notna(), None)
        before = tables.get(name)
        if isinstance(before, pd.DataFrame):
            stated = pd.concat([before.astype(object), stated], ignore_index=True)
            stated = stated.where(stated.notna(), None)
        tables[name] = stated
    return tables


def _parts(texts: TextTables, staged: Staged, rule: TableRule) -> Iterator[pd.DataFrame]:
    columns = ", ".join(f'"{name}"' for name in rule.columns)
    ((last,),) = texts.rows(f"SELECT coalesce(max({RECORD}), 0) FROM made_{staged.table}")
    for start in range(0, max(int(last), 1), _PART):
        part = texts.read(
            f"SELECT {RECORD}, {columns} FROM made_{staged.table} WHERE fate IS NULL "
            f"AND {RECORD} > {start} AND {RECORD} <= {start + _PART}",
            [RECORD],
        )
        yield part.drop(columns=RECORD)


def _areas(plan: ImportMapping) -> dict[str, pd.DataFrame]:
    assert plan.geography is not None
    levels = plan.geography.levels
    areas = [geography.areas(level) for level in levels]
    links = geography.membership()
    chosen = links[links["child_level"].isin(levels) & links["parent_level"].isin(levels)]
    return {"areas": pd.concat(areas, ignore_index=True), "membership": chosen.reset_index(drop=True)}
