"""A13 to A16: what no file of a release may hold, whatever its numbers.

Residuals, draws and steps of survival follow from single persons; so does a table with a row for each. The
hash of a short text is that text; an identifier is a person.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

from rnc_epi.attack.report import Finding
from rnc_epi.vocabulary.schemas import RESULT_COLUMNS

_OF_MODELS: Final = re.compile(
    r"^(residuals?|leverage|hat_values?|cooks?_\w+|draws?|draw_\d+|posterior_\w+|n_risk|n_event|at_risk"
    r"|survival_time|follow_up(_days)?|age_(min|max)|(min|max)_age|weights_of_persons)$",
    re.IGNORECASE,
)
_OF_PERSONS: Final = re.compile(
    r"^(nir|nom|prenom|prénom|nom_\w+|surname|first_?name|last_?name|ddn|date_naissance|birth_?date"
    r"|date_of_birth|adresse|address|ipp|ine|e?mail|tel(ephone)?|phone|(person|patient|tumour|case|death)"
    r"_(key|id))$",
    re.IGNORECASE,
)
#: What singles a person out where several stand in one row.
_QUASI: Final = re.compile(
    r"^(sex|sexe|age|age_years|birth_?year|annee_naissance|commune|postcode|code_postal|iris|topography"
    r"|morphology|date|date_\w+|month|mois|vital_status|stage|basis_of_diagnosis)$",
    re.IGNORECASE,
)
_NEVER: Final = (
    ".duckdb", ".wal", ".db", ".sqlite", ".log", ".pkl", ".pickle", ".joblib", ".npy", ".npz", ".rds",
    ".rdata", ".tmp",
)  # fmt: skip
_NIR: Final = re.compile(r"(?<![\d.])[12]\d{2}(?:0[1-9]|1[0-2]|[2-9]\d)(?:\d{2}|2[AB])\d{6}(\d{2})(?![\d.])")
_SPACED: Final = re.compile(r"(?<=\d)[  .](?=\d)")
_MAIL: Final = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{2,24})+")
_PHONE: Final = re.compile(r"(?<![\d.])(?:\+33[  .]?|0)[1-9](?:[  .]\d{2}){4}(?!\d)")
_DAY: Final = re.compile(r"(?<!\d)(?:0[1-9]|[12]\d|3[01])/(?:0[1-9]|1[0-2])/(?:19|20)\d{2}(?!\d)")
_HASH: Final = re.compile(r"(?<![0-9a-f])(?:[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32})(?![0-9a-f])")
#: Numbers whose hash anyone can look up.
_SHORT: Final = 100_000
_FEWEST: Final = 11
_TEXTS: Final = (".csv", ".json", ".txt", ".md", ".html", ".svg", ".geojson", ".ipynb", ".xml")


def scan_contents(folder: Path) -> Iterator[Finding]:
    """Yield what should be in no file of a folder."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        if path.suffix.lower() in _NEVER or path.name.startswith("."):
            yield _found("A14", path, "is no file of a release")
            continue
        columns, rows = _table(path)
        yield from _names(path, columns)
        if set(columns) != set(RESULT_COLUMNS):
            yield from _single_rows(path, columns, rows)
        if path.suffix == ".parquet":
            yield from _beside_the_columns(path)
        if path.suffix.lower() in _TEXTS:
            yield from _identifiers(path, path.read_text(encoding="utf-8-sig", errors="replace"))


def _found(attack: str, path: Path, what: str) -> Finding:
    return Finding(attack, f"{path.name}: {what}", 0.0, float("inf"))


def _table(path: Path) -> tuple[list[str], list[dict[str, Any]]]:
    """Return the columns of a file and, of tables of another form than the one result table, the rows."""
    if path.suffix == ".csv":
        reader = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline=""))
        columns = list(reader.fieldnames or ())
        return columns, [] if set(columns) == set(RESULT_COLUMNS) else list(reader)
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        columns = pq.read_schema(path).names
        return columns, [] if set(columns) == set(RESULT_COLUMNS) else pq.read_table(path).to_pylist()
    if path.suffix in (".json", ".geojson", ".ipynb"):
        return sorted(_keys(json.loads(path.read_text(encoding="utf-8")))), []
    return [], []


def _keys(stated: Any) -> set[str]:
    """Return the keys under which a list of numbers or texts stands: a column in another form."""
    if isinstance(stated, dict):
        lists = {key for key, value in stated.items() if isinstance(value, list) and len(value) > 1}
        return lists.union(*(_keys(value) for value in stated.values()))
    return set().union(*(_keys(value) for value in stated)) if isinstance(stated, list) else set()


def _names(path: Path, columns: Iterable[str]) -> Iterator[Finding]:
    for name in columns:
        if _OF_MODELS.match(name):
            yield _found("A13", path, f"column {name}")
        if _OF_PERSONS.match(name):
            yield _found("A15", path, f"column {name}")


def _single_rows(path: Path, columns: list[str], rows: list[dict[str, Any]]) -> Iterator[Finding]:
    quasi = [name for name in columns if _QUASI.match(name)]
    if len(quasi) < 2 or not rows:
        return
    alike = Counter(tuple(str(row[name]) for name in quasi) for row in rows)
    if min(alike.values()) < _FEWEST:
        yield _found("A16", path, f"rows that {', '.join(quasi)} tell apart")


def _beside_the_columns(path: Path) -> Iterator[Finding]:
    import pyarrow.parquet as pq

    for key in pq.read_metadata(path).metadata or {}:
        yield _found("A14", path, f"{key.decode(errors='replace')} beside the columns")


def _identifiers(path: Path, text: str) -> Iterator[Finding]:
    # Coordinates are long numbers; a key of two digits fits one of them in 97.
    if path.suffix != ".geojson":
        for found in _NIR.finditer(_SPACED.sub("", text) if path.suffix != ".csv" else text):
            body = found[0][:13].replace("2A", "19").replace("2B", "18")
            if 97 - int(body) % 97 == int(found[1]):
                yield _found("A15", path, "a social security number")
    for pattern, what in ((_MAIL, "an e-mail address"), (_PHONE, "a telephone"), (_DAY, "a day")):
        if (pattern is not _MAIL or "@" in text) and pattern.search(text):
            yield _found("A15", path, what)
    if path.suffix != ".csv" or len(text) < 1_000_000:
        for value in sorted(set(_HASH.findall(text))):
            if value in _hashes_of_numbers():
                yield _found("A14", path, "the hash of a small number")


@cache
def _hashes_of_numbers() -> frozenset[str]:
    return frozenset(
        make(str(number).encode()).hexdigest()
        for make in (hashlib.md5, hashlib.sha1, hashlib.sha256)
        for number in range(_SHORT)
    )
