"""The declared mapping of files to the tables of the contract: read from TOML, every key known and typed."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rnc_epi.store.text_files import ENCODINGS
from rnc_epi.vocabulary.contract import SOURCE_KINDS, TABLES, TYPES
from rnc_epi.vocabulary.errors import FileProblem, StudyFileError

#: Layouts that the package knows, each a mapping that a user's own completes; the other kinds start empty.
LAYOUTS: Final = ("encr", "cepidc", "cnam")
KINDS: Final = ("csv", "parquet", *LAYOUTS)
DATE_FORMATS: Final = {
    "YYYY-MM-DD": "%Y-%m-%d",
    "DD/MM/YYYY": "%d/%m/%Y",
    "MM/DD/YYYY": "%m/%d/%Y",
    "DD-MM-YYYY": "%d-%m-%Y",
    "DD.MM.YYYY": "%d.%m.%Y",
    "YYYY/MM/DD": "%Y/%m/%d",
    "YYYYMMDD": "%Y%m%d",
}
#: Largest whole number of each kind of column.
_WHOLE: Final = {"small": 2**15 - 1, "count": 2**63 - 1, "key": 2**63 - 1}
#: Columns of codes, which may have lost zeros.
PADDED: Final = frozenset({
    "geo_code", "child_code", "parent_code", "neighbour_code", "topography", "morphology", "cause_icd10",
    "icd10", "registry", "stage",
})  # fmt: skip


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)


class SourceLine(_Part):
    """What the table `sources` says of the files."""

    source: str
    title: str
    kind: str = Field(pattern="|".join(SOURCE_KINDS))
    licence: str
    synthetic: bool = False
    altered: str | None = None
    disclosure_threshold: int = Field(default=11, ge=0)
    definition_break_years: str | None = None


class FileFormat(_Part):
    """How the files are written; what is not declared is the plain form, and anything else is refused.

    `records` is the number of records of the first file, compared where it is given. `ignored` are columns
    that are never read, whatever they are called. `birth_dates` says that full dates of birth may be read
    (for the age alone: they are never written). Follow-up after `cut_off` is censored.
    """

    encoding: str | None = Field(default=None, pattern="|".join(ENCODINGS))
    delimiter: Literal[";", ",", "\t", "|"] | None = None
    decimal: Literal[".", ","] = "."
    thousands: Literal["", " ", ".", ",", "'"] = ""
    dates: Literal[tuple(DATE_FORMATS)] | None = None  # type: ignore[valid-type]
    missing: tuple[str, ...] = ()
    records: int | None = Field(default=None, ge=0)
    deduplicate: bool = False
    quarantine_limit: float = Field(default=0.005, ge=0, le=1)
    cut_off: date | None = None
    birth_dates: bool = False
    ignored: tuple[str, ...] = ()


class ColumnRule(_Part):
    """Where a column of the contract comes from.

    Parameters
    ----------
    from : str
        Column of the file; or `value`, the same for every row.
    map : mapping
        Values of the file to values of the contract; what it lacks is refused, or treated as `others` says.
    take : str
        What to make of it: the ``year`` or ``month`` of a date; completed years (``age``) or ``days`` since
        the column `since` (or the columns of year and month); the start, end or status of an age band; a
        number for a pseudonym (``key``).
    missing : tuple of str
        Values that stand for "missing" in this column, beside those of the whole file.
    empty : str
        Whether a row without this value is kept, or left out and counted (masked by its producer).
    pad : int
        Digits that a code has: zeros are put back in front, which is only right where they were lost.
    plus : int
        Added to a number.
    agrees_with : str
        A column that says the same by other means: an age, where the age is taken from dates.
    """

    source_column: str | None = Field(default=None, alias="from", min_length=1)
    value: str | int | float | bool | None = None
    map: dict[str, str | int] | None = None
    others: Literal["refuse", "exclude", "missing"] = "refuse"
    take: Literal["year", "month", "age", "days", "band_from", "band_until", "band_status", "key"] | None = (
        None
    )
    since: str | tuple[str, str] | None = None
    missing: tuple[str, ...] = ()
    empty: Literal["keep", "exclude"] = "keep"
    pad: int | None = Field(default=None, ge=1, le=9)
    plus: int = 0
    agrees_with: str | None = None


class TableRule(_Part):
    """One table of the contract: its file (1 for the first), rows left out, and its columns.

    `exclude` names values of a column of the file whose rows are totals or out of subject; `distinct` keeps
    one of several equal rows (a population repeated beside every disease).
    """

    file: int = Field(default=1, ge=1)
    exclude: dict[str, tuple[str, ...]] = {}
    distinct: bool = False
    death_date: str | None = None
    columns: dict[str, ColumnRule]


class Geography(_Part):
    """Levels of the packaged geography to write as areas and membership."""

    levels: tuple[Literal["region", "departement", "departement_sante", "zone"], ...] = Field(min_length=1)


class ImportMapping(_Part):
    """The whole mapping."""

    source: SourceLine
    format: FileFormat = FileFormat()
    tables: dict[str, TableRule]
    rows: dict[str, tuple[dict[str, str | int | float | bool], ...]] = {}
    geography: Geography | None = None


def read_mapping(kind: str, path: Path | None) -> ImportMapping:
    """Return the mapping of a kind of file, completed by a user's own where it is given.

    Parameters
    ----------
    kind : one of `KINDS`
    path : path of a TOML file, optional
        For ``csv`` and ``parquet`` it is the whole mapping; for the layouts it adds what files cannot say
        (who sends them, what is covered) and may replace any key.

    Returns
    -------
    ImportMapping
        Of each table, where its columns come from and what becomes of each value.

    Raises
    ------
    StudyFileError
        H120 unknown kind; H121 the file is no TOML; H122 a key that is unknown, missing or of the wrong
        type; H123 a table or column that the contract does not have; H132 columns that a table cannot do
        without.
    FileProblem
        H001 no such file.

    Examples
    --------
    >>> read_mapping("encr", None).tables["tumours"].columns["tumour_key"].source_column
    'TUM'
    """
    if kind not in KINDS:
        raise StudyFileError("H120", found=kind, expected=", ".join(KINDS))
    stated: dict[str, Any] = {}
    if kind in LAYOUTS:
        layout = files("rnc_epi.extracts.importers") / "layouts" / f"{kind}.toml"
        stated = tomllib.loads(layout.read_text(encoding="utf-8"))
    if path is not None:
        stated = _merged(stated, _own(path))
    where = kind if path is None else path.name
    try:
        mapping = ImportMapping.model_validate(_tuples(stated))
    except ValidationError as problem:
        first = problem.errors(include_input=False, include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise StudyFileError("H122", where=where, what=key or "—", found=first["type"]) from None
    _require_contract(mapping, where)
    mapping = _with_source(mapping)
    _require_whole(mapping, where)
    return mapping


def _own(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise FileProblem("H001", where=path.name)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise StudyFileError("H121", where=path.name) from None


def _merged(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in own.items():
        # The rule of one column is replaced whole: half of one and half of another would mean neither.
        whole = isinstance(value, Mapping) and ({"from", "value"} & set(value))
        if isinstance(value, Mapping) and isinstance(merged.get(key), Mapping) and not whole:
            merged[key] = _merged(merged[key], value)
        else:
            merged[key] = value
    return merged


def _tuples(value: Any) -> Any:
    """Return the same with lists as tuples and a bare name of a column as its rule."""
    if isinstance(value, Mapping):
        return {
            key: _column_rules(item) if key == "columns" and isinstance(item, Mapping) else _tuples(item)
            for key, item in value.items()
        }
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def _column_rules(rules: Mapping[str, Any]) -> dict[str, Any]:
    return {name: {"from": rule} if isinstance(rule, str) else _tuples(rule) for name, rule in rules.items()}


def _require_contract(mapping: ImportMapping, where: str) -> None:
    for table, rule in mapping.tables.items():
        _require_columns(table, set(rule.columns), where)
        for column, made in rule.columns.items():
            what = f"tables.{table}.columns.{column}"
            if (made.source_column is None) == (made.value is None):
                raise StudyFileError("H122", where=where, what=what, found="from, value")
            if made.take in ("age", "days") and made.since is None:
                raise StudyFileError("H122", where=where, what=what, found="since")
            kind = _kind(table, column)
            for wrong in (*_wrong_constants(made, kind), *_idle_options(made, column, kind)):
                raise StudyFileError("H122", where=where, what=what, found=wrong)
    for table, rows in mapping.rows.items():
        for number, row in enumerate(rows):
            _require_columns(table, set(row), where)
            for column, value in row.items():
                if not _fits(value, _kind(table, column)):
                    what = f"rows.{table}.{number}.{column}"
                    raise StudyFileError("H122", where=where, what=what, found=TYPES[_kind(table, column)][0])


def _kind(table: str, column: str) -> str:
    return next(declared.kind for declared in TABLES[table].columns if declared.name == column)


def _fits(value: str | int | float | bool, kind: str) -> bool:
    """Tell whether a constant of the mapping is a value of its column, without rounding or turning it."""
    if kind == "flag":
        return isinstance(value, bool) or value in ("true", "false")
    if isinstance(value, bool) or kind == "bytes":
        return False
    if kind in _WHOLE:
        stated = str(value)
        return bool(re.fullmatch(r"-?[0-9]{1,18}", stated)) and abs(int(stated)) <= _WHOLE[kind]
    if kind in ("person_years", "number"):
        return bool(re.fullmatch(r"-?[0-9]{1,11}([.][0-9]+)?", str(value)))
    return not isinstance(value, float)


def _wrong_constants(rule: ColumnRule, kind: str) -> Iterator[str]:
    constants = [] if rule.value is None else [rule.value]
    # An empty text in a map stands for a missing value.
    constants += [value for value in (rule.map or {}).values() if value != ""]
    if not all(_fits(value, kind) for value in constants):
        yield TYPES[kind][0]


def _idle_options(rule: ColumnRule, column: str, kind: str) -> Iterator[str]:
    """Yield options that would do nothing, or not what they say, beside the others of their rule."""
    taken = rule.take or ""
    numeric = kind in _WHOLE or kind in ("person_years", "number")
    of_dates = taken in ("year", "month", "age", "days")
    if rule.value is not None:
        stated = {name: getattr(rule, name) for name in ("map", "take", "pad", "plus", "since", "missing")}
        yield from (f"value, {name}" for name, option in stated.items() if option)
        return
    if rule.map is not None and taken:
        yield "map, take"
    if rule.map is None and rule.others != "refuse":
        yield "others"
    if rule.plus and not (rule.map is None and (of_dates or (numeric and not taken))):
        yield "plus"
    if rule.pad is not None and (rule.map is not None or taken or column not in PADDED):
        yield "pad"
    if rule.since is not None and taken not in ("age", "days"):
        yield "since"
    if rule.agrees_with is not None and taken != "age":
        yield "agrees_with"
    wanted = "key" if taken == "key" else "text" if taken == "band_status" else "whole" if taken else kind
    if taken and wanted != (kind if kind in ("key", "text") else "whole" if kind in _WHOLE else ""):
        yield f"take = {taken}"


def _require_columns(table: str, columns: set[str], where: str) -> None:
    if table not in TABLES:
        raise StudyFileError("H123", where=where, what=table, expected=", ".join(TABLES))
    unknown = columns - set(TABLES[table].column_names)
    if unknown:
        expected = ", ".join(TABLES[table].column_names)
        raise StudyFileError("H123", where=where, what=f"{table}.{sorted(unknown)[0]}", expected=expected)


def _with_source(mapping: ImportMapping) -> ImportMapping:
    """Return the mapping with the declared source in every table that has one and does not say which."""
    own = mapping.source.source
    tables = {
        name: rule
        if "source" in rule.columns or "source" not in TABLES[name].column_names
        else rule.model_copy(update={"columns": {**rule.columns, "source": ColumnRule(value=own)}})
        for name, rule in mapping.tables.items()
    }
    rows = {
        name: tuple({"source": own, **row} if "source" in TABLES[name].column_names else row for row in lines)
        for name, lines in mapping.rows.items()
    }
    return mapping.model_copy(update={"tables": tables, "rows": rows})


def _require_whole(mapping: ImportMapping, where: str) -> None:
    """Refuse tables and rows without a column that must have a value (H132)."""
    stated = [(name, set(rule.columns)) for name, rule in mapping.tables.items()]
    stated += [(name, set(row)) for name, lines in mapping.rows.items() for row in lines]
    for name, columns in stated:
        needed = [column.name for column in TABLES[name].columns if not column.nullable]
        missing = [column for column in needed if column not in columns]
        if missing:
            raise StudyFileError("H132", where=where, table=name, column=", ".join(missing))
