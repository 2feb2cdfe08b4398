"""The only place that opens DuckDB: read-only, locked down before the first query on the extract.

``read_only`` alone is no sandbox: a read-only connection still writes files with COPY and picks data frames
up by name. Here the extract is attached to a database in memory, then access to files, replacement scans and
extensions are switched off and the configuration is locked. Work tables are temporary; nothing is written
beside the extract.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import duckdb
import pandas as pd

from rnc_epi.store.frames import data_frame
from rnc_epi.store.steps import require_identifier
from rnc_epi.vocabulary.errors import ExtractRefused, FileProblem, InputError, RncEpiError

#: Name under which the extract is attached; users of the store never need it.
_ATTACHED: Final = "extract"
_MEMORY: Final = re.compile(r"\d{1,6}(\.\d{1,3})?\s?([KMGT]i?B|%)")

_LOCKED_OPTIONS: Final = {
    "allow_community_extensions": "false",
    "allow_persistent_secrets": "false",
    "allow_unsigned_extensions": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
}

Parameters = Mapping[str, Any] | Sequence[Any] | None


@dataclass(frozen=True)
class StoredColumn:
    """A column as the file has it: its name and its DuckDB type, such as ``"DECIMAL(18,6)"``."""

    name: str
    type: str


class Store:
    """An open, locked extract and the temporary tables made from it; made by `open_locked` only.

    Attributes
    ----------
    path : Path
    tables : dict of str to tuple of StoredColumn
        Base tables of the extract and their columns, in the order of the file.
    """

    def __init__(self, path: Path, connection: duckdb.DuckDBPyConnection, scratch: Path) -> None:
        self.path = path
        self.tables: dict[str, tuple[StoredColumn, ...]] = {}
        self._connection = connection
        self._scratch = scratch
        self._closed = False

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the file and remove the folder of temporary data; may be called twice."""
        if not self._closed:
            self._closed = True
            self._connection.close()
            shutil.rmtree(self._scratch, ignore_errors=True)

    def run(self, step_name: str, sql_text: str, parameters: Parameters = None) -> None:
        """Make the temporary table `step_name` from a SELECT, replacing an earlier one of that name.

        Parameters
        ----------
        step_name : str
            Name of the step and of the table that it makes.
        sql_text : str
            One SELECT; values come in through `parameters` (``$name`` or ``?``), never through the text.
        """
        statement = f"CREATE OR REPLACE TEMP TABLE {require_identifier(step_name)} AS\n{sql_text}"
        with _told_apart(step_name):
            self._connection.execute(statement, parameters).fetchall()

    def run_view(self, step_name: str, sql_text: str) -> None:
        """Make the temporary view `step_name` from a SELECT, for steps that only choose rows or columns."""
        statement = f"CREATE OR REPLACE TEMP VIEW {require_identifier(step_name)} AS\n{sql_text}"
        with _told_apart(step_name):
            self._connection.execute(statement).fetchall()

    def keep(self, step_name: str, frame: pd.DataFrame) -> None:
        """Make the temporary table `step_name` from a data frame."""
        require_identifier(step_name)
        self._connection.register("incoming_frame", frame)
        try:
            self.run(step_name, "SELECT * FROM incoming_frame")
        finally:
            self._connection.unregister("incoming_frame")

    def read(
        self, sql_text: str, parameters: Parameters = None, *, order_by: Sequence[str] = ()
    ) -> pd.DataFrame:
        """Return the rows of a SELECT, in a total order and with the types of `store.frames`.

        Parameters
        ----------
        order_by : sequence of str
            Columns to sort by first; the others follow, so that equal runs give equal frames. Nulls last.
        """
        with _told_apart("read"):
            relation = self._connection.sql(sql_text, params=parameters)
            return data_frame(relation, order_by)

    def rows(self, sql_text: str, parameters: Parameters = None) -> list[tuple[Any, ...]]:
        """Return the rows of a SELECT as Python values, sorted by every column from the left."""
        with _told_apart("rows"):
            ordered = f"SELECT * FROM (\n{sql_text}\n) ORDER BY ALL NULLS LAST"
            return self._connection.execute(ordered, parameters).fetchall()

    def batches(self, sql_text: str, rows_at_once: int = 262_144) -> Iterator[Any]:
        """Yield the rows of a SELECT, in the order that it states, as Arrow record batches."""
        with _told_apart("batches"):
            yield from self._connection.sql(sql_text).to_arrow_reader(rows_at_once)


@contextmanager
def open_locked(
    path: str | os.PathLike[str],
    *,
    memory_limit: str | None = None,
    threads: int | None = None,
    temp_directory: str | os.PathLike[str] | None = None,
) -> Iterator[Store]:
    """Open an extract read-only behind the lock, and close it at the end of the ``with`` block.

    Parameters
    ----------
    path : path of the ``.duckdb`` file
        Never written to.
    memory_limit : str, optional
        Such as ``"4GB"`` or ``"60%"`` of the memory of the machine, which is the default.
    threads : int, optional
        Every core by default. No result depends on it.
    temp_directory : path, optional
        Existing folder for data that do not fit in memory; a private folder is made in it and removed at
        the end. It will hold individual data: choose the volume accordingly.

    Yields
    ------
    Store
        Its tables and columns, and the temporary tables made of them.

    Raises
    ------
    FileProblem
        D001 no such file; D104 another program is writing to it; D135 `temp_directory` is no folder;
        D137 no right to read.
    ExtractRefused
        D002 empty; D004 a ``.wal`` lies beside it; D006 written by a newer DuckDB; D103 not a DuckDB file;
        D105 holds something else than base tables; D127 damaged.
    InputError
        D136 an option that makes no sense.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     made = duckdb.connect(f"{folder}/x.duckdb")
    ...     _ = made.execute("CREATE TABLE areas AS SELECT 'r' AS geo_code")
    ...     made.close()
    ...     with open_locked(f"{folder}/x.duckdb") as store:
    ...         store.read("SELECT * FROM areas")["geo_code"].tolist()
    ['r']
    """
    store = lock(path, memory_limit=memory_limit, threads=threads, temp_directory=temp_directory)
    try:
        yield store
    finally:
        store.close()


def lock(
    path: str | os.PathLike[str],
    *,
    memory_limit: str | None = None,
    threads: int | None = None,
    temp_directory: str | os.PathLike[str] | None = None,
) -> Store:
    """Open as `open_locked` does and leave the closing to the caller."""
    file = Path(path)
    for check in FILE_CHECKS:
        check(file)
    options = _options(memory_limit, threads)
    scratch = _private_folder(temp_directory)
    connection = None
    try:
        connection = duckdb.connect(":memory:", config={**options, "temp_directory": str(scratch)})
        _attach(connection, file)
        store = Store(file, connection, scratch)
        for harden in LOCK_STEPS:
            harden(connection)
        for inspect in CONTENT_CHECKS:
            inspect(connection, file)
        # Only now do names resolve in the extract: a macro of the file called `count` has been refused.
        connection.execute("USE " + _ATTACHED)
        store.tables = _tables(connection)
    except BaseException:
        if connection is not None:
            connection.close()
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    return store


def _options(memory_limit: str | None, threads: int | None) -> dict[str, Any]:
    options: dict[str, Any] = dict(_LOCKED_OPTIONS)
    options["memory_limit"] = "60%" if memory_limit is None else memory_limit
    if not isinstance(options["memory_limit"], str) or not _MEMORY.fullmatch(options["memory_limit"]):
        raise InputError("D136", what="memory_limit", expected="4GB, 800MB, 60%")
    if threads is not None:
        if isinstance(threads, bool) or not isinstance(threads, int) or not 1 <= threads <= 1024:
            raise InputError("D136", what="threads", expected="1, 2, … 1024")
        options["threads"] = threads
    return options


def _private_folder(parent: str | os.PathLike[str] | None) -> Path:
    if parent is not None and not Path(parent).is_dir():
        raise FileProblem("D135", where=str(parent))
    # mkdtemp makes the folder readable by its owner alone.
    return Path(tempfile.mkdtemp(prefix="rnc_epi_", dir=None if parent is None else str(parent)))


def _require_file(file: Path) -> None:
    if "\0" in str(file) or not file.is_file():
        raise FileProblem("D001", where=file.name.replace("\0", ""))


def _require_content(file: Path) -> None:
    if file.stat().st_size == 0:
        raise ExtractRefused("D002", where=file.name)


def _require_no_wal(file: Path) -> None:
    # Committed rows may still be in the log alone; opened without it the file can even show no table.
    # DuckDB opens what a link leads to, and looks for the log there.
    real = file.resolve()
    if any(one.with_name(one.name + ".wal").exists() for one in (file, real)):
        raise ExtractRefused("D004", where=file.name)


#: What is asked of the file before DuckDB touches it. None opens it: closing a second handle on a file would
#: drop the lock of a writer in this process (POSIX), so DuckDB alone judges the content.
FILE_CHECKS: Final[tuple[Callable[[Path], None], ...]] = (
    _require_file,
    _require_content,
    _require_no_wal,
)


def _attach(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    # ATTACH takes no parameter; a quote in a path is doubled.
    quoted = str(file.resolve()).replace("'", "''")
    try:
        connection.execute(f"ATTACH '{quoted}' AS {_ATTACHED} (READ_ONLY, TYPE duckdb)")
    except duckdb.Error as problem:
        raise _opening_problem(problem, file) from None


def _opening_problem(problem: duckdb.Error, file: Path) -> RncEpiError:
    if isinstance(problem, duckdb.OutOfMemoryException):
        return FileProblem("D128", where=file.name)
    text = str(problem)
    if "newer version" in text:
        return ExtractRefused("D006", where=file.name, expected=duckdb.__version__)
    if "Could not set lock" in text or "already attached" in text:
        return FileProblem("D104", where=file.name)
    if "encrypted" in text.lower():
        return ExtractRefused("D148", where=file.name)
    if "Permission denied" in text:
        return FileProblem("D137", where=file.name)
    if "not a valid DuckDB" in text:
        return ExtractRefused("D103", where=file.name)
    return ExtractRefused("D127", where=file.name)


def _no_external_access(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("SET enable_external_access = false")


def _lock_configuration(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("SET lock_configuration = true")


#: In this order: nothing can be set after the second.
LOCK_STEPS: Final[tuple[Callable[[duckdb.DuckDBPyConnection], None], ...]] = (
    _no_external_access,
    _lock_configuration,
)


def _require_base_tables(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    # A view or a generated column runs whatever text its author wrote, a macro may take the name of a
    # function used here, and a collation makes codes equal that are not.
    found = connection.sql(
        """
        SELECT 'view' FROM duckdb_views() WHERE NOT internal
        UNION ALL SELECT 'macro' FROM duckdb_functions() WHERE NOT internal
        UNION ALL SELECT 'schema' FROM duckdb_schemas()
          WHERE database_name = 'extract' AND NOT internal AND schema_name <> 'main'
        UNION ALL SELECT 'generated column' FROM duckdb_columns()
          WHERE database_name = 'extract' AND is_generated
        UNION ALL SELECT 'collation' FROM duckdb_tables()
          WHERE database_name = 'extract'
            AND regexp_matches(regexp_replace(sql, '''[^'']*''|"[^"]*"', '', 'g'), ' COLLATE ')
        """
    ).fetchall()
    if found:
        kinds = sorted({kind for (kind,) in found})
        raise ExtractRefused("D105", where=file.name, found=", ".join(kinds), rows=len(found))


#: What is asked of the attached database before its names are used.
CONTENT_CHECKS: Final[tuple[Callable[[duckdb.DuckDBPyConnection, Path], None], ...]] = (_require_base_tables,)


def _tables(connection: duckdb.DuckDBPyConnection) -> dict[str, tuple[StoredColumn, ...]]:
    found = connection.sql(
        """
        SELECT table_name, column_name, data_type FROM duckdb_columns()
        WHERE database_name = 'extract' AND schema_name = 'main'
        ORDER BY table_oid, column_index
        """
    ).fetchall()
    tables: dict[str, list[StoredColumn]] = {}
    for table, column, kind in found:
        tables.setdefault(table, []).append(StoredColumn(column, kind))
    return {table: tuple(columns) for table, columns in tables.items()}


@contextmanager
def _told_apart(step: str) -> Iterator[None]:
    """Turn what data or machine may cause into errors with a code; mistakes of the package go through.

    The texts of DuckDB are dropped: a failed conversion quotes the value.
    """
    try:
        yield
    except duckdb.OutOfMemoryException:
        raise FileProblem("D128", where=step) from None
    except (duckdb.ConversionException, duckdb.OutOfRangeException):
        raise ExtractRefused("D129", where=step) from None
    except (duckdb.IOException, duckdb.SerializationException, duckdb.FatalException):
        raise ExtractRefused("D127", where=step) from None
    except duckdb.Error as problem:
        # Checksum failures come as the plain base class.
        if type(problem) is duckdb.Error:
            raise ExtractRefused("D127", where=step) from None
        raise
