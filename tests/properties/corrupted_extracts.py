"""Corrupted extracts by the thousand: what a seeded hand does to a tiny extract, and what must then be true.

A corruption changes the schema, rows, cells or bytes, or plants something that identifies a person. Then

- the extract is refused with a code, or
- it is accepted, its ledger accounts for every row and event exactly, and its cells are those that the naive
  engine computes from the rows that were kept; from the file itself where nothing was found wrong with it;

and nothing that identifies a person is said anywhere. `judge` names the outcome and raises `Broken` where the
promise is not kept.
"""

from __future__ import annotations

import contextlib
import io
import logging
import random
import shutil
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from rnc_epi.cells.build import CellBuilder, Selection
from rnc_epi.extracts.contract_checks.findings import Fate
from rnc_epi.extracts.fingerprint import content_hash, write_manifest
from rnc_epi.extracts.opening import Extract, open_extract
from rnc_epi.vocabulary.contract import TABLES
from rnc_epi.vocabulary.errors import RncEpiError
from rnc_epi.vocabulary.periods import Period
from tests.extract_builder import YEARS, minimal_tables, write_extract
from tests.naive_engine import NaiveEngine

SITES = ("colorectum", "prostate")
POOLED = Period(2016, 2019)
ONE_THREAD: dict[str, Any] = {"threads": 1, "memory_limit": "500MB"}
EVENT_TABLES = ("tumours", "incidence_cells", "death_cells")
#: Invented; 2550814168025 leaves 59 by 97, so its key is 38.
CANARIES = (
    "255081416802538", "2550814168025", "Jeanne Dupont", "j.dupont@chu.fr", "06 12 34 56 78", "1955-08-31",
    "12 rue des Lilas", "IPP 8001234567", "Mme Dupont",
)  # fmt: skip


class Broken(AssertionError):
    """The promise is not kept."""


@dataclass(frozen=True)
class Outcome:
    """What happened: ``refused`` or ``accepted``, by which codes, and how much was compared."""

    kind: str
    codes: tuple[str, ...]
    strata: int = 0


def tiny_tables() -> dict[str, pd.DataFrame]:
    """Return the extract of `tests.extract_builder` with two sites and one tumour of forty."""
    tables = minimal_tables()
    for name in ("incidence_cells", "death_cells", "cells_scope"):
        tables[name] = tables[name][tables[name]["site"].isin(SITES)].reset_index(drop=True)
    tumours = tables["tumours"]
    tables["tumours"] = tumours[tumours["topography"] != "C25.0"].iloc[::40].reset_index(drop=True)
    return tables


# Corruptions ---------------------------------------------------------------------------------------------

Writer = duckdb.DuckDBPyConnection


def _names(writer: Writer) -> dict[str, list[tuple[str, str]]]:
    tables: dict[str, list[tuple[str, str]]] = {}
    found = writer.sql(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal "
        "ORDER BY table_name, column_index"
    ).fetchall()
    for table, column, kind in found:
        tables.setdefault(table, []).append((column, kind))
    return tables


def _place(draw: random.Random, writer: Writer) -> tuple[str, str, str]:
    tables = _names(writer)
    # Mostly where the events and denominators are.
    main = [name for name in (*EVENT_TABLES, "person_years") if name in tables]
    table = draw.choice(main) if main and draw.random() < 0.6 else draw.choice(sorted(tables))
    return (table, *draw.choice(tables[table]))


TYPES = ("VARCHAR", "DOUBLE", "FLOAT", "BIGINT", "HUGEINT", "SMALLINT", "UINTEGER", "DECIMAL(18,6)", "DATE",
         "BOOLEAN", "BLOB", "INTEGER[]", "DECIMAL(9,2)")  # fmt: skip
ODD_NAMES = ("notes", "nom", "prenom", "date_naissance", "remark", "EVENTS ", 'a"b', "x; DROP TABLE areas",
             "select", "Sexe", "é", "rowid", "source_", "area", "known", "r0", "t", "row_number",
             "row_source", "count", "L" * 300)  # fmt: skip


def schema(draw: random.Random, writer: Writer) -> str:
    """Change a table, a column or a type, or add an object."""
    table, column, kind = _place(draw, writer)
    odd = '"' + draw.choice(ODD_NAMES).replace('"', '""') + '"'
    new = draw.choice(TYPES)
    value = draw.choice(["NULL", "1", "'x'", "1.5", "DATE '1955-08-31'", "current_date"])
    return draw.choice(
        [
            f'DROP TABLE "{table}"',
            f'ALTER TABLE "{table}" DROP COLUMN "{column}"',
            f'ALTER TABLE "{table}" RENAME "{column}" TO {odd}',
            f'ALTER TABLE "{table}" RENAME TO {odd}',
            f'ALTER TABLE "{table}" RENAME "{column}" TO "{column.upper()}_"',
            f'ALTER TABLE "{table}" ALTER "{column}" TYPE {new} USING TRY_CAST("{column}" AS {new})',
            f'ALTER TABLE "{table}" ALTER "{column}" TYPE {new} USING TRY_CAST("{column}" AS {new})',
            f'ALTER TABLE "{table}" ALTER "{column}" TYPE BIGINT USING TRY_CAST("{column}" AS BIGINT)',
            f'ALTER TABLE "{table}" ADD COLUMN {odd} {new}',
            f'ALTER TABLE "{table}" ADD COLUMN {odd} {kind if "[" not in kind else "BIGINT"} DEFAULT NULL',
            f"CREATE TABLE {odd} AS SELECT {value} AS a",
            f'CREATE TABLE {odd} AS SELECT * FROM "{table}"',
            f"CREATE VIEW {odd} AS SELECT 1 AS a",
            f"CREATE MACRO {odd}(a) AS a + 1",
            f"CREATE SEQUENCE {odd}",
            f"CREATE SCHEMA {odd}",
            f"COMMENT ON TABLE \"{table}\" IS 'a comment'",
            f'CREATE OR REPLACE TABLE "{table}" AS SELECT * FROM "{table}" WHERE false',
            f'CREATE OR REPLACE TABLE "{table}" AS SELECT "{column}", * EXCLUDE ("{column}") FROM "{table}"',
            f'CREATE INDEX an_index ON "{table}" ("{column}")',
        ]
    )


def rows(draw: random.Random, writer: Writer) -> str:
    """Lose, repeat, exchange, reorder or half empty some rows."""
    table, column, _ = _place(draw, writer)
    ((count,),) = writer.sql(f'SELECT count(*) FROM "{table}"').fetchall()
    first = draw.randrange(max(1, count))
    last = first + draw.choice([0, 0, 0, 1, 2, 10, 100])
    chosen = f"rowid BETWEEN {first} AND {last}"
    other = draw.randrange(max(1, count))
    of_row = f'(SELECT "{column}" FROM "{table}" WHERE rowid = {{row}})'
    return draw.choice(
        [
            f'DELETE FROM "{table}" WHERE {chosen}',
            f'DELETE FROM "{table}" WHERE {chosen}',
            f'DELETE FROM "{table}" WHERE rowid >= {first}',
            f'DELETE FROM "{table}" WHERE "{column}" = {of_row.format(row=first)}',
            f'INSERT INTO "{table}" SELECT * FROM "{table}" WHERE {chosen}',
            f'INSERT INTO "{table}" SELECT * REPLACE (NULL AS "{column}") FROM "{table}" WHERE {chosen}',
            f'INSERT INTO "{table}" ("{column}") SELECT "{column}" FROM "{table}" WHERE rowid = {first}',
            f'CREATE OR REPLACE TABLE "{table}" AS SELECT * FROM "{table}" ORDER BY hash("{column}") DESC',
            f'UPDATE "{table}" SET "{column}" = {of_row.format(row=other)} WHERE {chosen}',
            f'INSERT INTO "{table}" SELECT * REPLACE ({of_row.format(row=other)} AS "{column}") '
            f'FROM "{table}" WHERE {chosen}',
        ]
    )


WHOLE = (-1, 0, 1, 2, 3, 5, 9, 17, 60, 65, 85, 99, 100, 119, 120, 121, 255, 999, 1900, 2015, 2016, 2017, 2018,
         2019, 2030, 9999, 32767, 70000, 2**31, 2**40, 9 * 10**17)  # fmt: skip
WORDS = (
    "", " ", "NA", "NULL", ".", "-", "x", "01", "1", "14", "38", "38.0", "2A", "20", "2E10", "975", "974",
    "97", "99999", "75056", "departement", "region", "commune", "epci", "FR", "84", "cog2026", "cog2020",
    "registres", "cepidc", "insee", "isere", "calvados", "general", "colorectum", "colon", "prostate",
    "breast", "all_cancers", "pancreas", "known", "unknown", "C18.7", "C61.9", "c619", "C61 ", "C42.1",
    "C80.9", "8140", "9999", "814", "8140/3", "tumours", "death_cells", "é", "\u0000", "\u202e", "a" *
    5000, "O'Brien", '"; DROP TABLE areas; --', "%s", "{table}", "published", "registry", "0.5", "1e5",
)  # fmt: skip
DECIMALS = (
    "-1.5",
    "0",
    "0.000001",
    "0.5",
    "1.000001",
    "100",
    "999999999999.999999",
    "'nan'",
    "'inf'",
    "1e308",
)


def _odd_value(draw: random.Random, kind: str) -> str:
    if draw.random() < 0.12:
        return "NULL"
    if kind.startswith("DECIMAL") or kind in ("DOUBLE", "FLOAT"):
        return draw.choice(DECIMALS)
    if kind == "VARCHAR":
        return "'" + draw.choice(WORDS).replace("'", "''") + "'"
    if kind == "BOOLEAN":
        return draw.choice(["true", "false"])
    if kind == "BLOB":
        return draw.choice(["'\\x00'::BLOB", "''::BLOB"])
    return str(draw.choice(WHOLE))


def cells(draw: random.Random, writer: Writer) -> str:
    """Write something odd, or something that belongs elsewhere, into a column of some rows."""
    table, column, kind = _place(draw, writer)
    ((count,),) = writer.sql(f'SELECT count(*) FROM "{table}"').fetchall()
    first = draw.randrange(max(1, count))
    where = draw.choice([f"rowid = {first}"] * 6 + [f"rowid BETWEEN {first} AND {first + 9}", "true"])
    if draw.random() < 0.15:
        other = draw.choice(["VARCHAR", "DOUBLE", "BIGINT"])
        return (
            f'ALTER TABLE "{table}" ALTER "{column}" TYPE {other} USING TRY_CAST("{column}" AS {other}); '
            f'UPDATE "{table}" SET "{column}" = {_odd_value(draw, other)} WHERE {where}'
        )
    if kind not in ("VARCHAR", "BOOLEAN", "BLOB") and draw.random() < 0.3:
        change = draw.choice(["+ 1", "- 1", "* 2", "+ 5", "* 10"])
        return f'UPDATE "{table}" SET "{column}" = "{column}" {change} WHERE {where}'
    return f'UPDATE "{table}" SET "{column}" = {_odd_value(draw, kind)} WHERE {where}'


def identifiers(draw: random.Random, writer: Writer) -> str:
    """Plant something that identifies a person: in a cell, a key, a column, a comment, a name."""
    table, column, kind = _place(draw, writer)
    canary = draw.choice(CANARIES)
    ((count,),) = writer.sql(f'SELECT count(*) FROM "{table}"').fetchall()
    where = f"rowid = {draw.randrange(max(1, count))}"
    in_cell = (
        f'UPDATE "{table}" SET "{column}" = \'{canary}\' WHERE {where}'
        if kind == "VARCHAR"
        else f'ALTER TABLE "{table}" ALTER "{column}" TYPE VARCHAR; '
        f'UPDATE "{table}" SET "{column}" = \'{canary}\' WHERE {where}'
    )
    return draw.choice(
        [
            in_cell, in_cell, in_cell, in_cell,
            f"UPDATE tumours SET person_key = {draw.choice(CANARIES[:2])} WHERE rowid = 3",
            f"UPDATE tumours SET tumour_key = {draw.choice(CANARIES[:2])} WHERE rowid = 3",
            f'ALTER TABLE "{table}" ADD COLUMN remark VARCHAR DEFAULT \'{canary}\'',
            f'ALTER TABLE "{table}" ADD COLUMN "{canary}" INTEGER',
            f'ALTER TABLE "{table}" RENAME "{column}" TO "{canary}"',
            f'ALTER TABLE "{table}" RENAME TO "{canary}"',
            f"COMMENT ON TABLE \"{table}\" IS '{canary}'",
            f"CREATE TABLE notes AS SELECT ['{canary}'] AS a",
            f"CREATE VIEW \"{canary}\" AS SELECT '{canary}' AS a",
        ]
    )  # fmt: skip


def damage(draw: random.Random, path: Path) -> None:
    """Change bytes of the file: bits, blocks, its length, what lies beside it."""
    data = bytearray(path.read_bytes())
    how = draw.choice(
        ["bit"] * 6 + ["byte"] * 3 + ["block", "cut", "cut", "swap", "head", "tail", "wal", "note"]
    )
    written = [at for at in range(0, len(data), 64) if any(data[at : at + 64])]
    if how == "bit":
        for _ in range(draw.choice([1, 1, 2, 8, 64])):
            data[min(len(data) - 1, draw.choice(written) + draw.randrange(64))] ^= 1 << draw.randrange(8)
    elif how == "byte":
        for _ in range(draw.choice([1, 4, 64])):
            data[min(len(data) - 1, draw.choice(written) + draw.randrange(64))] = draw.randrange(256)
    elif how == "block":
        at = draw.choice(written)
        data[at : at + 4096] = bytes(min(4096, len(data) - at))
    elif how == "cut":
        del data[draw.randrange(len(data)) :]
    elif how == "swap":
        size = 4096
        first, second = (draw.choice(written) // size * size for _ in range(2))
        data[first : first + size], data[second : second + size] = (
            data[second : second + size], data[first : first + size],
        )  # fmt: skip
    elif how == "head":
        at = draw.randrange(0, 12_288)
        data[at : at + 16] = draw.randbytes(16)
    elif how == "tail":
        data += draw.randbytes(draw.choice([1, 4096, 262_144]))
    elif how == "wal":
        path.with_name(path.name + ".wal").write_bytes(draw.randbytes(64))
    else:
        note = write_manifest(path)
        text = bytearray(note.read_bytes())
        text[draw.randrange(len(text))] = draw.randrange(256)
        note.write_bytes(text)
    path.write_bytes(data)


KINDS: dict[str, Callable[[random.Random, Writer], str]] = {
    "schema": schema, "rows": rows, "cells": cells, "identifiers": identifiers,
}  # fmt: skip


def corrupt(seed: int, valid: Path, folder: Path) -> tuple[str, Path]:
    """Return the kind of corruption of a seed and the corrupted file."""
    draw = random.Random(seed)
    path = folder / "x.duckdb"
    shutil.copyfile(valid, path)
    kind = draw.choices(["schema", "rows", "cells", "identifiers", "bytes"], [15, 22, 40, 8, 15])[0]
    if kind == "bytes":
        damage(draw, path)
        return kind, path
    with duckdb.connect(str(path)) as writer:
        writer.execute("SET threads = 1")
        done = 0
        # A statement that DuckDB will not do is drawn again.
        while done < draw.choice([1, 1, 1, 2, 3]):
            try:
                for statement in KINDS[kind](draw, writer).split("; " if kind != "cells" else "; UPDATE"):
                    writer.execute(statement if not statement.startswith(" ") else "UPDATE" + statement)
                done += 1
            except duckdb.Error:
                continue
        writer.execute("CHECKPOINT")
    return kind, path


# Judgement -----------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _listening() -> Iterator[io.StringIO]:
    """Hear what is printed, logged or warned of."""
    heard = io.StringIO()
    handler = logging.StreamHandler(heard)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        with contextlib.redirect_stdout(heard), contextlib.redirect_stderr(heard), warnings.catch_warnings():
            warnings.simplefilter("error")
            yield heard
    finally:
        root.removeHandler(handler)


def _require_silence(text: str, what: str) -> None:
    for canary in CANARIES:
        if canary.lower() in text.lower():
            raise Broken(f"{what} holds a value that identifies a person")


def judge(path: Path, truth: str | None = None) -> Outcome:
    """Open a file as a study would and return the outcome; bytes must keep the content hash `truth`."""
    with _listening() as heard:
        try:
            outcome = _outcome(path, truth)
        except RncEpiError as problem:
            texts = problem.message("fr") + problem.message("en") + repr(problem) + str(problem)
            _require_silence(texts, f"the text of {problem.code}")
            outcome = Outcome("refused", (problem.code,))
        except Broken:
            raise
        except Exception as problem:
            raise Broken(f"{type(problem).__name__}: {str(problem)[:300]}") from problem
    _require_silence(heard.getvalue(), "what was printed or logged")
    return outcome


def _outcome(path: Path, truth: str | None) -> Outcome:
    extract = open_extract(path, **ONE_THREAD)
    try:
        for finding in extract.findings:
            for language in ("fr", "en"):
                said = finding.message(language) + finding.message(language, public=True)
                _require_silence(said + " ".join(finding.examples), f"finding {finding.code}")
        if truth is not None and content_hash(extract.store) != truth:
            raise Broken("bytes changed and the content with them, without a word")
        _require_conserved(path, extract)
        codes = tuple(sorted({finding.code for finding in extract.findings}))
        untouched = all(finding.fate is Fate.WARN for finding in extract.findings)
        tables = _read(path) if untouched else _usable(extract)
        return Outcome("accepted", codes, _require_same_cells(extract, tables))
    finally:
        extract.close()


def _raw(path: Path) -> Writer:
    reader = duckdb.connect()
    reader.execute("SET threads = 1")
    reader.execute(f"ATTACH '{path}' AS x (READ_ONLY)")
    return reader


def _require_conserved(path: Path, extract: Extract) -> None:
    ledger = extract.accounting.frame()
    with _raw(path) as reader:
        for name in extract.tables:
            counted = ledger[(ledger["table_name"] == name) & (ledger["step"] == "contract")]
            weight = "sum(events)" if name.endswith("_cells") else "count(*)" if name in EVENT_TABLES else "0"
            ((rows_in, events_in),) = reader.sql(
                f'SELECT count(*), CAST(coalesce({weight}, 0) AS HUGEINT) FROM x.main."{name}"'
            ).fetchall()
            found = (int(counted["rows"].sum()), int(counted["events"].sum()))
            if found != (rows_in, events_in):
                raise Broken(f"{name}: the ledger has {found} of {(rows_in, events_in)}")


def _read(path: Path) -> dict[str, pd.DataFrame]:
    """Return the tables of the file itself, in the columns of the contract, read without the package."""
    tables = {}
    with _raw(path) as reader:
        present = {name.lower(): name for (name,) in reader.sql(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'x'").fetchall()}  # fmt: skip
        for name, declared in TABLES.items():
            if name in present:
                columns = ", ".join(f'"{column}"' for column in declared.column_names)
                tables[name] = _frame(reader.sql(f'SELECT {columns} FROM x.main."{present[name]}"'))
    return tables


def _usable(extract: Extract) -> dict[str, pd.DataFrame]:
    connection = extract.store._connection
    return {name: _frame(connection.sql(f"SELECT * FROM usable_{name}")) for name in extract.tables}


def _frame(relation: Any) -> pd.DataFrame:
    return pd.DataFrame(relation.fetchall(), columns=relation.columns, dtype=object)


def _require_same_cells(extract: Extract, tables: dict[str, pd.DataFrame]) -> int:
    selection = Selection(SITES, years=YEARS, pooled=(POOLED,))
    found = {}
    for event_type, _, part in CellBuilder(extract).stream(selection):
        for row, key in enumerate(part.strata.itertuples(index=False)):
            area = (key.geo_level, key.geo_code, key.geo_vintage)
            micro = np.rint(part.person_years[row] * 1e6).astype(int).tolist()
            bands = zip(part.events[row].tolist(), micro, part.covered[row].tolist(), strict=True)
            found[(event_type, key.site, key.sex, area, (key.period_from, key.period_until))] = (
                list(bands), int(part.unknown_age[row]),
            )  # fmt: skip
    ledger = extract.accounting.frame()
    ledger = ledger[ledger["step"] != "contract"]
    # Only what the last step uses is used; what any of them excludes is excluded.
    ledger = ledger[(ledger["step"] == "cells") | (ledger["fate"] != "used")]
    expected: dict[Any, Any] = {}
    for event_type in ("incidence", "death"):
        naive = NaiveEngine(tables, event_type, (POOLED.period_from, POOLED.period_until))
        expected |= {(event_type, *key): value for key, value in naive.strata(SITES).items()}
        for name, fates in naive.fates.items():
            own = ledger[ledger["table_name"] == name]
            said: Counter[str] = Counter()
            for row in own.itertuples():
                said["used" if row.fate == "used" else row.reason] += int(row.events)
            if +said != +Counter(fates):
                raise Broken(f"{name}: the ledger says {dict(+said)}, the naive engine {fates}")
    if found != expected:
        different = sorted(str(key) for key in {*found, *expected} if found.get(key) != expected.get(key))
        raise Broken(f"{len(different)} of {len(expected)} strata differ, such as {different[0]}")
    return len(found)


def make_valid(folder: Path) -> Path:
    """Write the extract that is corrupted."""
    return write_extract(folder / "valid.duckdb", tiny_tables())
