"""A1: read every file of a release and look for small numbers of persons."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from rnc_epi.attack.report import Finding
from rnc_epi.vocabulary.schemas import DERIVED_FROM_COUNT, PUBLISHED

#: Names of columns and keys whose numbers count persons.
_COUNTS: Final = re.compile(
    r"^(events?|rows|cases|cas|deaths|deces|décès|counts?|effectifs?|n|n_\w+|observed|persons|patients|numerator)$"
)
_IN_TEXT: Final = re.compile(
    r"\b(\d{1,3})\s+(cas|cases|décès|deaths|patients?|personnes|persons)\b", re.IGNORECASE
)
#: The manifest counts rows of files, which are not persons.
_NOT_PERSONS: Final = "MANIFEST.json"


def scan_files(folder: Path, disclosure: dict[str, Any]) -> Iterator[Finding]:
    """Yield what can be read in the files of a folder."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.name == _NOT_PERSONS:
            continue
        if path.suffix == ".csv":
            text = path.read_text(encoding="utf-8-sig")
            yield from scan_rows(path.name, csv.DictReader(io.StringIO(text, newline="")), disclosure)
        elif path.suffix == ".parquet":
            import pyarrow.parquet as pq

            yield from scan_rows(path.name, pq.read_table(path).to_pylist(), disclosure)
        elif path.suffix in (".json", ".geojson"):
            yield from _scan_json(path.name, json.loads(path.read_text(encoding="utf-8")), disclosure)
        elif path.suffix in (".txt", ".md", ".html", ".svg"):
            text = path.read_text(encoding="utf-8")
            for found in _IN_TEXT.finditer(text):
                if 0 < int(found[1]) < disclosure["threshold"]:
                    yield Finding("A1", path.name, float(found[1]), float(found[1]))


def scan_rows(name: str, rows: Any, disclosure: dict[str, Any]) -> Iterator[Finding]:
    """Yield the small counts of the rows of a table, and the numbers of rows that should have none."""
    own, default = disclosure["source_thresholds"], disclosure["threshold"]
    for number, row in enumerate(rows, start=1):
        source = row.get("source") or ""
        threshold = max(own.get(part, default) for part in source.split("+")) if source else default
        where = f"{name}, row {number}"
        status = row.get("status")
        if status is not None and status != PUBLISHED and threshold:
            for column in DERIVED_FROM_COUNT:
                if _number(row.get(column)) is not None:
                    yield Finding("A1", f"{where}, {column} of a hidden row", 0.0, float("inf"))
        for column, value in row.items():
            is_count = bool(_COUNTS.match(str(column))) or (
                column == "value" and row.get("indicator") == "count"
            )
            count = _number(value) if is_count else None
            if count is not None and 0 < count < threshold:
                yield Finding("A1", f"{where}, {column}", count, count)


def _scan_json(name: str, stated: Any, disclosure: dict[str, Any], path: str = "") -> Iterator[Finding]:
    if isinstance(stated, dict):
        for key, value in stated.items():
            count = _number(value) if _COUNTS.match(str(key)) else None
            # Decimals of counts are declared under the same word; they count digits.
            if count is not None and 0 < count < disclosure["threshold"] and not path.endswith(".precision"):
                yield Finding("A1", f"{name}{path}.{key}", count, count)
            yield from _scan_json(name, value, disclosure, f"{path}.{key}")
    elif isinstance(stated, list) and not (stated and isinstance(stated[0], int | float)):
        for value in stated:
            yield from _scan_json(name, value, disclosure, path)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return None if number != number else number
