"""The hash of what an extract says, whatever the order of its rows, the threads or the bytes of the file.

Every row of a table becomes a line: its values in the order of the column names, texts with their length
before them so that no value can imitate two. The lines, in the order of the key of the contract (or their
own, for tables that it does not know), are hashed after the name and the columns of the table; the hash of
the extract is that of its tables in the order of their names. A DuckDB file never has the same bytes twice,
so its own hash says nothing about content.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from rnc_epi.store import Store, StoredColumn, open_locked
from rnc_epi.vocabulary.contract import TABLES

MANIFEST_NAME: Final = "EXTRACT.json"
MANIFEST_SCHEMA: Final = 1


def table_rows(store: Store) -> dict[str, int]:
    """Return the number of rows of every table of the file, in the order of their names."""
    return {name: store.rows(f"SELECT count(*) FROM {_table(name)}")[0][0] for name in sorted(store.tables)}


def content_hash(store: Store, without: Mapping[str, str] | None = None) -> str:
    """Return the SHA-256 of the content of every table, in hexadecimal.

    Parameters
    ----------
    without : mapping of table to SQL condition, optional
        Rows that are left out, as if the file had never held them.
    """
    whole = hashlib.sha256()
    for name in sorted(store.tables, key=str.lower):
        whole.update(table_hash(store, name, (without or {}).get(name.lower(), "false")).encode())
    return whole.hexdigest()


def table_hash(store: Store, table: str, without: str = "false") -> str:
    """Return the SHA-256 of one table: name, columns and rows but those left out, in hexadecimal."""
    columns = sorted(store.tables[table], key=lambda column: column.name.lower())
    digest = hashlib.sha256()
    header = [table.lower(), *(f"{column.name.lower()} {column.type}" for column in columns)]
    digest.update(json.dumps(header, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    line = "concat_ws('|', " + ", ".join(_value(column) for column in columns) + ") || chr(10)"
    # The line itself ends the order, so that rows that share a key still have one.
    order = ", ".join([*_key(table, columns), "line"])
    chosen = f"SELECT {line} AS line, * FROM {_table(table)} WHERE NOT coalesce({without}, false)"
    for batch in store.batches(f"SELECT line FROM ({chosen}) ORDER BY {order}"):
        digest.update(_bytes(batch.column(0)))
    return digest.hexdigest()


def _key(table: str, columns: Sequence[StoredColumn]) -> list[str]:
    declared = TABLES.get(table.lower())
    present = {column.name.lower() for column in columns}
    return [f'"{name}"' for name in declared.key if name in present] if declared else []


def _bytes(texts: pa.Array) -> memoryview:
    """Return the texts of an Arrow array end to end, without making Python strings of them."""
    array = texts.cast(pa.large_string())
    _, offsets, content = array.buffers()
    ends = np.frombuffer(offsets, dtype=np.int64)[array.offset : array.offset + len(array) + 1]
    return memoryview(content)[ends[0] : ends[-1]]


def describe(path: Path, *, created: date | None = None, kind: str | None = None) -> dict[str, Any]:
    """Return what `write_manifest` writes: file, rows of each table, hash, day and kind."""
    age = {"created": created.isoformat() if created else None, "kind": kind}
    with open_locked(path) as store:
        return {
            "schema": MANIFEST_SCHEMA,
            "file": path.name,
            "rows": table_rows(store),
            "content_sha256": content_hash(store),
        } | {name: stated for name, stated in age.items() if stated is not None}


def write_manifest(path: str | Path, *, created: date | None = None, kind: str | None = None) -> Path:
    """Write ``EXTRACT.json`` beside an extract, so that its receiver can tell that nothing was lost.

    Parameters
    ----------
    path : path
    created : date, optional
        The day on which the extract was made; its term of retention begins then.
    kind : str, optional
        ``"identifying"`` or ``"pseudonymised"``.
    """
    file = Path(path)
    manifest = file.with_name(MANIFEST_NAME)
    text = json.dumps(describe(file, created=created, kind=kind), indent=2, ensure_ascii=False) + "\n"
    manifest.write_text(text, encoding="utf-8", newline="\n")
    return manifest


def _table(name: str) -> str:
    # Names come from the file's own catalogue; a quote in one is doubled.
    return 'extract.main."' + name.replace('"', '""') + '"'


def _value(column: StoredColumn) -> str:
    name = '"' + column.name.replace('"', '""') + '"'
    if column.type == "BLOB":
        return f"coalesce(hex({name}), '-')"
    text = f"CAST({name} AS VARCHAR)"
    if column.type == "VARCHAR" or not column.type.split("(")[0].isalpha() or column.type.startswith("ENUM"):
        return f"coalesce(concat(strlen({text}), ':', {text}), '-')"
    return f"coalesce({text}, '-')"
