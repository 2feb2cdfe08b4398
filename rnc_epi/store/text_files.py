"""Files of text and Parquet read as text: every value a string, every record numbered, nothing guessed.

What the file is (encoding, delimiter, header) is settled on its bytes before DuckDB reads it, because a
reader that sniffs turns codes into numbers, drops lines that do not fit, and renames columns in silence.
"""

from __future__ import annotations

import codecs
import csv
import io
import shutil
import tempfile
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb
import pandas as pd

from rnc_epi.store.frames import data_frame
from rnc_epi.store.steps import require_identifier
from rnc_epi.vocabulary.errors import ExtractRefused, FileProblem

#: Encodings that a file may declare, by the name that Python gives them.
ENCODINGS: Final = {
    "utf-8": "utf-8",
    "latin-1": "latin-1",
    "iso-8859-15": "iso-8859-15",
    "windows-1252": "cp1252",
    "utf-16": "utf-16",
}
_OF_ONE_BYTE: Final = ("latin-1", "iso-8859-15", "cp1252")
DELIMITERS: Final = (";", ",", "\t", "|")
#: Column that numbers the records, 1 for the first after the header.
RECORD: Final = "rnc_epi_record"
#: Column of what stands behind a delimiter at the end of every line.
_TRAILING: Final = "rnc_epi_trailing"
#: How files that are no text begin, and what they are called.
_OTHER_FILES: Final = (
    (b"\x1f\x8b", "gzip"),
    (b"PK\x03\x04", "zip / xlsx / ods"),
    (b"\xd0\xcf\x11\xe0", "xls"),
    (b"PAR1", "Parquet"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"%PDF", "PDF"),
)
_CHUNK: Final = 1 << 20
_LINES_SHOWN: Final = 5


@dataclass(frozen=True)
class TextForm:
    """How a file of text is written; None where it is found out, or refused where it cannot be.

    Parameters
    ----------
    encoding : str, optional
        A key of `ENCODINGS`; UTF-8, with or without its mark, where absent.
    delimiter : str, optional
    """

    encoding: str | None = None
    delimiter: str | None = None


@dataclass(frozen=True)
class LoadedText:
    """A file as it was loaded: its columns, its records, and what was put right on the way.

    Attributes
    ----------
    columns : tuple of str
    rows : int
    normalised : tuple of str
        Codes of harmless oddities: H012 a byte order mark, H013 ends of lines of Windows, H107 a delimiter at
        the end of every line.
    """

    columns: tuple[str, ...]
    rows: int
    normalised: tuple[str, ...]


class TextTables:
    """Text of files in the memory of a private database, read once and queried by named steps."""

    def __init__(self) -> None:
        self._scratch = Path(tempfile.mkdtemp(prefix="rnc_epi_"))
        options: dict[str, Any] = {
            "python_enable_replacements": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "temp_directory": str(self._scratch),
        }
        self._connection = duckdb.connect(":memory:", config=options)

    def close(self) -> None:
        """Forget everything; may be called twice."""
        self._connection.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def load_text(self, name: str, file: Path, form: TextForm) -> LoadedText:
        """Load a delimited file as table `name`, every column VARCHAR, beside the number of each record.

        Raises
        ------
        FileProblem
            H001 no such file.
        ExtractRefused
            H002 empty; H134 no text; H011 not in its encoding; H103 NUL bytes; H105 no line but the header,
            or no header; H015 the delimiter is ambiguous; H008 a column twice; H014 records of another
            length.
        """
        _require_file(file)
        normalised: list[str] = []
        clean = self._as_utf8(file, form.encoding, normalised)
        with clean.open("r", encoding="utf-8", newline="") as stream:
            start = stream.read(_CHUNK)
        delimiter = form.delimiter or _delimiter(start, file)
        header = next(
            (record for record in csv.reader(io.StringIO(start), delimiter=delimiter) if record), []
        )
        columns = _columns(header, file, normalised)
        rows = self._read(name, clean, file, delimiter, columns, trailing="H107" in normalised)
        if clean != file:
            clean.unlink()
        return LoadedText(tuple(column for column in columns if column), rows, tuple(normalised))

    def load_parquet(self, name: str, file: Path) -> LoadedText:
        """Load a Parquet file as text.

        Raises
        ------
        FileProblem
            H001 no such file.
        ExtractRefused
            H002 empty; H110 not a Parquet file; H008 a column twice, whatever the case; H105 no row.
        """
        _require_file(file)
        try:
            # Under a plain name: a name with * is a pattern to DuckDB, and a folder named a=b adds a column.
            plain = self._scratch / f"{require_identifier(name)}.parquet"
            plain.symlink_to(file.resolve())
            relation = self._connection.read_parquet(str(plain), hive_partitioning=False)
            stated = self._top_columns(plain)
            columns = _columns(stated, file, [])
            texts = ", ".join(
                f"CAST({_quoted(there)} AS VARCHAR) AS {_quoted(column)}"
                for there, column in zip(stated, columns, strict=True)
            )
            relation.project(texts).create(require_identifier(f"{name}_unnumbered"))
        except duckdb.Error:
            raise ExtractRefused("H110", where=file.name) from None
        return LoadedText(tuple(columns), self._number(name, file), ())

    def _top_columns(self, file: Path) -> list[str]:
        """Return the names of the columns as the file has them: DuckDB renames one that stands twice."""
        nodes = self._connection.execute(
            "SELECT name, num_children FROM parquet_schema($file)", {"file": str(file)}
        ).fetchall()
        names, hidden = [], 0
        for name, children in nodes[1:]:
            if hidden:
                hidden -= 1
            else:
                names.append(str(name))
            hidden += children or 0
        return names

    def run(self, step_name: str, sql_text: str) -> None:
        """Make the table `step_name` from a SELECT."""
        self._connection.execute(f"CREATE OR REPLACE TABLE {require_identifier(step_name)} AS\n{sql_text}")

    def columns(self, table: str) -> list[str]:
        """Return the columns of a table, without the number of the record."""
        found = self.rows(
            "SELECT column_index, column_name FROM duckdb_columns() "
            f"WHERE table_name = '{require_identifier(table)}'"
        )
        return [name for _, name in found if name != RECORD]

    def rows(self, sql_text: str, parameters: Sequence[object] | None = None) -> list[tuple[Any, ...]]:
        """Return the rows of a SELECT, sorted by every column from the left."""
        ordered = f"SELECT * FROM (\n{sql_text}\n) ORDER BY ALL NULLS LAST"
        return self._connection.execute(ordered, parameters).fetchall()

    def read(self, sql_text: str, order_by: Sequence[str]) -> pd.DataFrame:
        """Return the rows of a SELECT as a data frame in a total order, `order_by` first."""
        return data_frame(self._connection.sql(sql_text), order_by)

    def keep(self, step_name: str, frame: pd.DataFrame) -> None:
        """Make the table `step_name` from a data frame."""
        self._connection.register("incoming_frame", frame)
        try:
            self.run(step_name, "SELECT * FROM incoming_frame")
        finally:
            self._connection.unregister("incoming_frame")

    def _as_utf8(self, file: Path, encoding: str | None, normalised: list[str]) -> Path:
        """Return a copy of the file in UTF-8 without mark; DuckDB reads either end of line."""
        with file.open("rb") as opened:
            start = opened.read(8)
        for magic, kind in _OTHER_FILES:
            if start.startswith(magic):
                raise ExtractRefused("H134", where=file.name, found=kind)
        mark = start.startswith(codecs.BOM_UTF8)
        wide = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        if wide and encoding != "utf-16":
            raise ExtractRefused("H011", where=file.name, found="UTF-16")
        codec = ENCODINGS[encoding or "utf-8"]
        if codec in _OF_ONE_BYTE and not mark and _is_utf8(file):
            # Every byte is a character there: read so, accents and with them pseudonyms would change.
            raise ExtractRefused("H011", where=file.name, found=encoding)
        if mark:
            normalised.append("H012")
            codec = "utf-8-sig"
        target = self._scratch / f"utf8_{len(list(self._scratch.iterdir()))}.txt"
        windows = False
        with target.open("w", encoding="utf-8", newline="") as out:
            for text in _decoded(file, codec, encoding):
                if "\0" in text:
                    raise ExtractRefused("H103", where=file.name)
                if "\r" in text:
                    windows = True
                    text = text.replace("\r\n", "\n").replace("\r", "\n")
                out.write(text)
        if windows:
            normalised.append("H013")
        return target

    def _read(
        self, name: str, clean: Path, file: Path, delimiter: str, columns: list[str], *, trailing: bool
    ) -> int:
        listed = [*columns, _TRAILING] if trailing else columns
        table = require_identifier(f"{name}_unnumbered")
        types = (
            "{" + ", ".join(f"'{column.replace(chr(39), chr(39) * 2)}': 'VARCHAR'" for column in listed) + "}"
        )
        path = str(clean).replace("'", "''")
        reader = (
            f"read_csv('{path}', header = false, skip = 0, delim = '{delimiter}', quote = '\"', "
            f"escape = '\"', columns = {types}, all_varchar = true, nullstr = '', auto_detect = false, "
            "strict_mode = true, null_padding = false, store_rejects = true, parallel = false, "
            f"rejects_table = '{name}_rejects', rejects_scan = '{name}_scans', max_line_size = 16777216)"
        )
        try:
            self._connection.execute(f"CREATE TABLE {table} AS SELECT * FROM {reader}")
            wrong = self._connection.execute(
                f"SELECT DISTINCT line FROM {require_identifier(name + '_rejects')} ORDER BY line"
            ).fetchall()
        except duckdb.Error:
            # The text of DuckDB quotes the line.
            raise ExtractRefused("H014", where=file.name, rows="—", found="—") from None
        # Counted again without DuckDB: after a quote that never closes it drops the rest in silence, and it
        # lets a delimiter at the end of one line pass.
        wrong = wrong or [(line,) for line in _uneven_lines(clean, delimiter, len(listed))]
        ((read,),) = self._connection.execute(f"SELECT count(*) FROM {table}").fetchall()
        if not wrong and read != _records(clean, delimiter):
            raise ExtractRefused("H014", where=file.name, rows="—", found="—")
        if wrong:
            shown = ", ".join(str(line) for (line,) in wrong[:_LINES_SHOWN])
            raise ExtractRefused("H014", where=file.name, rows=len(wrong), found=shown)
        # The first record is the header, read with the others so that quotes and ends of lines are alike.
        self._connection.execute(f"DELETE FROM {table} WHERE rowid = 0")
        if trailing:
            ((filled,),) = self._connection.execute(f"SELECT count({_TRAILING}) FROM {table}").fetchall()
            if filled:
                raise ExtractRefused("H014", where=file.name, rows=filled, found="—")
            self._connection.execute(f"ALTER TABLE {table} DROP COLUMN {_TRAILING}")
        return self._number(name, file)

    def _number(self, name: str, file: Path) -> int:
        table = require_identifier(f"{name}_unnumbered")
        self._connection.execute(
            f"CREATE TABLE {require_identifier(name)} AS "
            f"SELECT *, CAST(row_number() OVER (ORDER BY rowid) AS BIGINT) AS {RECORD} FROM {table}"
        )
        self._connection.execute(f"DROP TABLE {table}")
        ((rows,),) = self._connection.execute(f"SELECT count(*) FROM {require_identifier(name)}").fetchall()
        if rows == 0:
            raise ExtractRefused("H105", where=file.name)
        return int(rows)


@contextmanager
def text_tables() -> Iterator[TextTables]:
    """Open a database of text and forget it at the end of the ``with`` block."""
    tables = TextTables()
    try:
        yield tables
    finally:
        tables.close()


def _require_file(file: Path) -> None:
    if "\0" in str(file) or not file.is_file():
        raise FileProblem("H001", where=file.name.replace("\0", ""))
    if file.stat().st_size == 0:
        raise ExtractRefused("H002", where=file.name)


def _decoded(file: Path, codec: str, declared: str | None) -> Iterator[str]:
    reader = codecs.getincrementaldecoder(codec)()
    try:
        with file.open("rb") as stream:
            kept = ""
            while chunk := stream.read(_CHUNK):
                text = kept + reader.decode(chunk)
                # The two halves of an end of line of Windows stay together.
                kept = "\r" if text.endswith("\r") else ""
                yield text.removesuffix(kept)
            yield kept + reader.decode(b"", final=True)
    except UnicodeError:
        found = declared or "UTF-8"
        raise ExtractRefused("H011", where=file.name, found=found) from None


def _is_utf8(file: Path) -> bool:
    """Tell whether a file has characters beyond ASCII and all of them in UTF-8, which no chance gives."""
    reader = codecs.getincrementaldecoder("utf-8")()
    beyond = False
    try:
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                beyond = beyond or not chunk.isascii()
                reader.decode(chunk)
        reader.decode(b"", final=True)
    except UnicodeError:
        return False
    return beyond


def _delimiter(start: str, file: Path) -> str:
    """Return the only delimiter that cuts the first records into the same number of fields, more than one."""
    lines = [line for line in io.StringIO(start) if line.strip()][:20]
    if len(start) >= _CHUNK and len(lines) > 1:
        lines = lines[:-1]
    fitting = []
    for delimiter in DELIMITERS:
        lengths = {len(record) for record in csv.reader(iter(lines), delimiter=delimiter) if record}
        first = next(csv.reader(iter(lines), delimiter=delimiter), [])
        if len(first) > 1:
            fitting.append((len(lengths) == 1, delimiter))
    regular = [delimiter for same, delimiter in fitting if same]
    if len(regular) == 1:
        return regular[0]
    if not regular and len(fitting) == 1:
        return fitting[0][1]
    raise ExtractRefused("H015", where=file.name, expected=" ".join(map(repr, DELIMITERS)))


def _uneven_lines(clean: Path, delimiter: str, columns: int) -> list[int]:
    """Return the numbers of the lines whose number of fields is not that of the header."""
    with clean.open("r", encoding="utf-8", newline="") as stream:
        if not _has_quotes(clean):
            return [
                number
                for number, line in enumerate(stream, start=1)
                if line.count(delimiter) != columns - 1 and line.strip("\r\n")
            ]
        reader = csv.reader(stream, delimiter=delimiter, strict=True)
        try:
            return [reader.line_num for record in reader if record and len(record) != columns]
        except csv.Error:
            return [reader.line_num]


def _records(clean: Path, delimiter: str) -> int:
    """Return how many records a file has, its header among them."""
    with clean.open("r", encoding="utf-8", newline="") as stream:
        if not _has_quotes(clean):
            return sum(1 for line in stream if line.strip("\r\n"))
        return sum(1 for record in csv.reader(stream, delimiter=delimiter, strict=True) if record)


def _has_quotes(clean: Path) -> bool:
    with clean.open("rb") as stream:
        return any(b'"' in chunk for chunk in iter(lambda: stream.read(_CHUNK), b""))


def _columns(header: Sequence[str], file: Path, normalised: list[str]) -> list[str]:
    columns = [unicodedata.normalize("NFC", name).strip().strip("\u00a0\u200b\ufeff") for name in header]
    if len(columns) > 1 and columns[-1] == "" and all(columns[:-1]):
        columns = columns[:-1]
        normalised.append("H107")
    numbers = sum(name.replace(".", "").replace(",", "").isdigit() for name in columns)
    if not columns or "" in columns or numbers:
        raise ExtractRefused("H106", where=file.name)
    lowered = [name.lower() for name in columns] + [RECORD, _TRAILING]
    twice = sorted({name for name in lowered if lowered.count(name) > 1})
    if twice:
        raise ExtractRefused("H008", where=file.name, rows=len(twice))
    return columns


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
