"""Texts that hold direct identifiers: columns of every table, comments, names of tables, sequences, defaults.

Each column is read once: its different values are counted, and the patterns run on those.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rnc_epi.extracts.contract_checks.findings import Fate, Finding, shown_name
from rnc_epi.extracts.contract_checks.identifiers.column_names import names_an_identifier
from rnc_epi.extracts.contract_checks.identifiers.lookalikes import (
    rows_of_dates,
    rows_of_nir,
    rows_of_telephones,
)
from rnc_epi.extracts.contract_checks.identifiers.number_columns import quoted_name
from rnc_epi.extracts.contract_checks.identifiers.patterns import (
    COMPACT_DATE,
    FULL_DATE,
    NIR_AT_ALL,
    PATTERNS,
    PERSON,
    TELEPHONE,
)
from rnc_epi.extracts.contract_checks.identifiers.person_names import (
    FORM,
    FULL_FORM,
    GIVEN_NAMES,
    LEAST_DIFFERENT,
    LEAST_SURNAMES,
    SHARE_OF_FORM,
    SHARE_OF_GIVEN,
    SHARE_OF_SURNAMES,
    SURNAMES,
)
from rnc_epi.extracts.contract_checks.tables import ExtractTables
from rnc_epi.store import Store, StoredColumn
from rnc_epi.vocabulary.contract import TABLES

#: Types that hold no text; everything else is read as text, lists and structures too.
_NO_TEXT: Final = frozenset({
    "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER",
    "UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL", "UUID", "BIT", "INTERVAL", "TIME",
})  # fmt: skip
_DAYS: Final = ("DATE", "TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS")
#: Outlines are coordinates.
_COORDINATES: Final = ("areas", "outline")
#: Columns whose values describe: names of areas may be those of persons, and editions, vintages and
#: algorithms may be named by their day.
_NAMES_OF_PLACES: Final = frozenset({("areas", "name_fr"), ("areas", "name_en")})
_NAMED_BY_DAY: Final = frozenset({
    ("sources", "title"), ("sources", "licence"), ("sources", "altered"), ("sources", "source"),
    ("sources", "definition_break_years"), ("snds_cases", "algorithm"), ("deprivation", "vintage"),
    ("deprivation", "index"),
})  # fmt: skip
#: Columns of the contract that are free text; the others hold codes that are compared with lists.
_FREE: Final = frozenset({("tumours", "stage"), ("snds_cases", "algorithm"), ("life_tables", "stratum")})
#: What lists, structures and quotation put around a text.
_AROUND: Final = "[]{}'\" "
#: Nothing shorter identifies by its content.
_SHORTEST: Final = 6


@dataclass(frozen=True)
class _Texts:
    """The different texts of one place, as a SELECT of ``v`` and ``times``, and what they may be.

    Attributes
    ----------
    names : bool
        Whether a name after a title is one of a person.
    dates : bool
        Whether a full date is one of a person.
    free : bool
        Whether anything may stand there, so that all the texts may be names.
    """

    table: str
    column: str
    values: str
    names: bool = True
    dates: bool = True
    free: bool = False


def texts_of_persons(store: Store, tables: ExtractTables) -> Iterator[Finding]:
    """Find direct identifiers by what text columns hold (B001 to B006, D045), and columns of days (D045)."""
    places = []
    for table, shown, columns in _all_tables(tables):
        where = "extract.main." + quoted_name(table)
        for column in columns:
            if column.type.upper().startswith(_DAYS):
                ((rows,),) = store.rows(f"SELECT count({quoted_name(column.name)}) FROM {where}")
                if rows:
                    yield _finding("D045", shown, column.name, rows)
            elif _holds_text(shown, column):
                places.append(_texts_of(shown, where, column.name))
    for place, code, rows in _identifiers_in(store, places):
        yield _finding(code, place.table, place.column, rows)


def catalogue_texts(store: Store, tables: ExtractTables) -> Iterator[Finding]:
    """Find direct identifiers in names, comments, defaults and types of the file itself (B007)."""
    for name, _ in tables.others:
        if names_an_identifier(name):
            yield Finding("D009", Fate.REFUSE, shown_name(name), facts=(("column", "—"),))
    for _, code, rows in _identifiers_in(store, [_Texts("_", "_", _CATALOGUE, free=True)]):
        yield Finding("B007", Fate.REFUSE, rows=rows, facts=(("found", code),))


#: Underscores stand for spaces in names.
_CATALOGUE: Final = """
    SELECT unnest([text, replace(text, '_', ' ')]) AS v, 1 AS times FROM (
        SELECT unnest([table_name, comment, CAST(tags AS VARCHAR), sql]) AS text FROM duckdb_tables()
          WHERE database_name = 'extract'
        UNION ALL SELECT unnest([column_name, comment, column_default, data_type]) FROM duckdb_columns()
          WHERE database_name = 'extract'
        UNION ALL SELECT unnest([sequence_name, comment]) FROM duckdb_sequences()
          WHERE database_name = 'extract'
        UNION ALL SELECT unnest([index_name, comment, sql]) FROM duckdb_indexes()
          WHERE database_name = 'extract'
        UNION ALL SELECT constraint_text FROM duckdb_constraints() WHERE database_name = 'extract'
        UNION ALL SELECT unnest([type_name, comment, CAST(labels AS VARCHAR)]) FROM duckdb_types()
          WHERE database_name = 'extract' AND NOT internal
        UNION ALL SELECT unnest([schema_name, comment]) FROM duckdb_schemas()
          WHERE database_name = 'extract' AND NOT internal
    ) WHERE text IS NOT NULL
"""


def _all_tables(tables: ExtractTables) -> Iterator[tuple[str, str, tuple[StoredColumn, ...]]]:
    for name, columns in tables.present.items():
        yield name, name, tuple(columns.values())
    for name, others in tables.others:
        yield name, shown_name(name), others


def _holds_text(table: str, column: StoredColumn) -> bool:
    if (table, column.name.lower()) == _COORDINATES:
        return False
    return column.type.split("(")[0] not in _NO_TEXT or "[" in column.type


def _texts_of(table: str, where: str, column: str) -> _Texts:
    key, name = (table, column.lower()), quoted_name(column)
    known = table in TABLES and key[1] in TABLES[table].column_names
    return _Texts(
        table,
        column,
        f"SELECT CAST({name} AS VARCHAR) AS v, count(*) AS times FROM {where} "
        f"WHERE {name} IS NOT NULL GROUP BY 1",
        names=key not in _NAMES_OF_PLACES,
        dates=key not in _NAMED_BY_DAY and not key[1].endswith("vintage"),
        free=not known or key in _FREE,
    )


def _finding(code: str, table: str, column: str, rows: int) -> Finding:
    facts = (("column", shown_name(column)),)
    return Finding(code, Fate.REFUSE, table, rows=rows, facts=facts, persons=True)


def _identifiers_in(store: Store, places: Sequence[_Texts]) -> Iterator[tuple[_Texts, str, int]]:
    """Yield the place, the code and the rows of each kind of identifier; all places are read in one pass."""
    if not places:
        return
    for number, nir_at_all, full_dates, compact, *found in store.rows(*_one_pass(places)):
        place = places[number]
        # What hashes, counters and codes may look like is compared with the rest of the column.
        rows = rows_of_nir(store, place.values) if nir_at_all else 0
        if rows:
            yield place, "B001", rows
        for pattern, hits in zip(PATTERNS, found[: len(PATTERNS)], strict=True):
            if pattern is TELEPHONE and hits:
                hits = rows_of_telephones(store, place.values)
            if hits and (place.names or pattern is not PERSON):
                yield place, pattern.code, hits
        if place.dates and (full_dates or compact):
            dates = full_dates or rows_of_dates(store, place.values)
            if dates:
                yield place, "D045", dates
        named = _rows_of_names(*found[len(PATTERNS) :])
        if named:
            yield place, "B006", named


def _one_pass(places: Sequence[_Texts]) -> tuple[str, dict[str, Any]]:
    parameters: dict[str, Any] = {
        "nir": NIR_AT_ALL, "date": FULL_DATE, "compact": COMPACT_DATE, "form": FORM, "full": FULL_FORM,
        "given": sorted(GIVEN_NAMES), "surnames": sorted(SURNAMES), "around": _AROUND,
    }  # fmt: skip
    counts = [_rows(f"regexp_matches(v, ${name})") for name in ("nir", "date", "compact")]
    for number, pattern in enumerate(PATTERNS):
        parameters[f"p{number}"] = pattern.regex
        hint = f"contains(v, '{pattern.hint}') AND " if pattern.hint else ""
        counts.append(_rows(f"{hint}regexp_matches(v, $p{number})"))
    given = "formed AND list_has_any(words, $given) AND NOT starts_with(words[1], 'SAINT')"
    counts += [
        _rows("free"),
        "count(*) FILTER (WHERE formed)",
        _rows("formed"),
        _rows(given),
        _rows("formed AND list_has_any(words, $surnames) AND NOT starts_with(words[1], 'SAINT')"),
        _rows(f"{given} AND regexp_full_match(v, $full)"),
    ]
    values = " UNION ALL ".join(
        f"SELECT {number} AS place, {str(place.free).lower()} AS free, trim(v, $around) AS v, times "
        f"FROM ({place.values})"
        for number, place in enumerate(places)
    )
    formed = "SELECT *, CASE WHEN free THEN regexp_full_match(v, $form) ELSE false END AS formed"
    words = "CASE WHEN formed THEN regexp_extract_all(upper(strip_accents(v)), '[A-Z]+') END AS words"
    chosen = f"{formed} FROM ({values}) WHERE strlen(v) >= CASE WHEN free THEN 2 ELSE {_SHORTEST} END"
    return (
        f"SELECT place, {', '.join(counts)} FROM (SELECT *, {words} FROM ({chosen})) GROUP BY place",
        parameters,
    )


def _rows(condition: str) -> str:
    return f"CAST(coalesce(sum(times) FILTER (WHERE {condition}), 0) AS BIGINT)"


def _rows_of_names(rows: int, different: int, formed: int, given: int, surnames: int, full: int) -> int:
    """Return the rows that are names: a column of them, or single values that can be nothing else."""
    if different >= LEAST_DIFFERENT and formed >= SHARE_OF_FORM * rows:
        if given >= SHARE_OF_GIVEN * rows:
            return formed
        if different >= LEAST_SURNAMES and surnames >= SHARE_OF_SURNAMES * rows:
            return formed
    return full
