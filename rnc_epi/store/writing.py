"""Write an extract: tables in the form of the contract, whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import duckdb
import pandas as pd

from rnc_epi.store.steps import require_identifier
from rnc_epi.vocabulary.contract import TABLES, TYPES
from rnc_epi.vocabulary.errors import FileProblem, InputError

#: What DuckDB raises where the disk takes no more: as it writes, as it commits, and ever after.
_UNWRITTEN: Final = (duckdb.IOException, duckdb.TransactionException, duckdb.FatalException)


def write_extract(
    path: str | os.PathLike[str],
    tables: Mapping[str, pd.DataFrame | Iterable[pd.DataFrame]],
    *,
    compact: bool = False,
) -> Path:
    """Write tables to a new DuckDB file, in the contract's order of columns and types.

    Rows are written in the order given: an extract made twice from the same tables holds the same content.
    The file appears under its name only when it is complete.

    Parameters
    ----------
    path : path
        A file that does not exist yet.
    tables : mapping of table name to DataFrame or iterable of DataFrames
        Names and columns of the contract; a nullable column that is absent is written as nulls. The parts of
        an iterable have the same columns, and are written one after the other, so that a table larger than
        the memory is never whole in it.
    compact : bool
        Whether to use the smallest type that holds a column, for a file that travels. A table in parts has
        the contract's own types, because the largest value is not known before the end.

    Raises
    ------
    FileProblem
        F001 the file exists, F004 it cannot be written.
    InputError
        M005 a table, M002 a column that the contract does not know or that is missing; M002 parts of a table
        that differ in their columns.
    """
    target = Path(path)
    if target.exists():
        raise FileProblem("F001", where=target.name)
    partial = target.with_name(f".{target.name}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)
        connection = duckdb.connect(str(partial), config={"python_enable_replacements": False, "threads": 1})
    except (OSError, duckdb.Error) as problem:
        raise FileProblem("F004", where=target.name, found=type(problem).__name__) from problem
    try:
        for name, frames in tables.items():
            if isinstance(frames, pd.DataFrame):
                _write_table(connection, name, frames, compact)
            else:
                _write_parts(connection, name, frames)
        connection.execute("CHECKPOINT")
    except BaseException as problem:
        # The engine may write once more as it closes, and fail again.
        with contextlib.suppress(duckdb.Error):
            connection.close()
        for left in (partial, partial.with_name(f"{partial.name}.wal")):
            left.unlink(missing_ok=True)
        if isinstance(problem, _UNWRITTEN):
            raise FileProblem("F004", where=target.name, found=type(problem).__name__) from problem
        raise
    connection.close()
    os.replace(partial, target)
    return target


def _write_parts(connection: duckdb.DuckDBPyConnection, name: str, frames: Iterable[pd.DataFrame]) -> None:
    columns: list[str] | None = None
    for frame in frames:
        found = list(frame.columns)
        if columns is not None and found != columns:
            expected = ", ".join(columns)
            raise InputError("M002", what=f"table {name}", expected=expected, found=", ".join(found))
        _write_table(connection, name, frame, compact=False, append=columns is not None)
        columns = found
    if columns is None:
        raise InputError("M002", what=f"table {name}", expected="DataFrame", found="0 DataFrame")


def _write_table(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    frame: pd.DataFrame,
    compact: bool,
    *,
    append: bool = False,
) -> None:
    if name not in TABLES:
        raise InputError("M005", what="table", found=name, expected=", ".join(TABLES))
    table = TABLES[name]
    unknown = set(frame.columns) - set(table.column_names)
    missing = {column.name for column in table.columns if not column.nullable} - set(frame.columns)
    if unknown or missing:
        found = ", ".join(sorted(unknown | missing))
        raise InputError("M002", what=f"table {name}", expected=", ".join(table.column_names), found=found)
    columns = []
    for column in table.columns:
        kind = _compact_type(column.kind, frame.get(column.name)) if compact else TYPES[column.kind][0]
        source = f'"{column.name}"' if column.name in frame.columns else "NULL"
        columns.append(f'CAST({source} AS {kind}) AS "{column.name}"')
    connection.register("incoming_frame", frame)
    try:
        target = require_identifier(name)
        verb = f"INSERT INTO {target}" if append else f"CREATE TABLE {target} AS"
        connection.execute(f"{verb} SELECT {', '.join(columns)} FROM incoming_frame").fetchall()
    finally:
        connection.unregister("incoming_frame")


def _compact_type(kind: str, values: pd.Series | None) -> str:
    if kind not in ("count", "key") or values is None:
        return TYPES[kind][0]
    highest = values.max()
    return "INTEGER" if pd.isna(highest) or highest < 2**31 else "BIGINT"
