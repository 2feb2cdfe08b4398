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
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from rnc_epi.cells.build import CellBuilder, Selection
from rnc_epi.extracts.contract_checks.findings import Fate
from rnc_epi.extracts.fingerprint import content_hash
from rnc_epi.extracts.opening import Extract, open_extract
from rnc_epi.vocabulary.contract import TABLES
from rnc_epi.vocabulary.errors import RncEpiError
from rnc_epi.vocabulary.periods import Period
from tests.extract_builder import YEARS, minimal_tables, write_extract
from tests.naive_engine import NaiveEngine
from tests.properties.corruptions import CANARIES, EVENT_TABLES, Writer

SITES = ("colorectum", "prostate")
POOLED = Period(2016, 2019)
ONE_THREAD: dict[str, Any] = {"threads": 1, "memory_limit": "500MB"}


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
