"""What a seeded hand does to a tiny extract: to its schema, rows, cells, bytes, or what it plants there."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb

from rnc_epi.extracts.fingerprint import write_manifest

#: Events and denominators, where most corruptions go.
EVENT_TABLES = ("tumours", "incidence_cells", "death_cells")
#: Invented; 2550814168025 leaves 59 by 97, so its key is 38.
CANARIES = (
    "255081416802538", "2550814168025", "Jeanne Dupont", "j.dupont@chu.fr", "06 12 34 56 78", "1955-08-31",
    "12 rue des Lilas", "IPP 8001234567", "Mme Dupont",
)  # fmt: skip

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
