"""An extract is used until the last day of its term and not a day longer."""

from __future__ import annotations

import json
import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest

from rnc_epi.extracts import retention
from rnc_epi.extracts.check_report import check_extract
from rnc_epi.extracts.contract_checks.tables import ExtractTables
from rnc_epi.extracts.fingerprint import MANIFEST_NAME, write_manifest
from rnc_epi.extracts.opening import open_extract
from rnc_epi.extracts.retention import last_day, within_term
from rnc_epi.store import open_locked
from rnc_epi.vocabulary.errors import ExtractRefused
from tests.extract_builder import minimal_tables, write_extract

ONE_THREAD = {"threads": 1, "memory_limit": "500MB"}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    tables = minimal_tables()
    tables["sources"]["synthetic"] = False
    return write_extract(tmp_path_factory.mktemp("real") / "x.duckdb", tables)


@pytest.fixture
def real(written, tmp_path):
    """Return an extract whose persons are not synthetic."""
    return Path(shutil.copy(written, tmp_path / "x.duckdb"))


def found(path, today: date) -> list[str]:
    with open_locked(path, **ONE_THREAD) as store:
        return [finding.code for finding in within_term(store, ExtractTables.of(store), today)]


def stating(path, **stated: object) -> None:
    note = path.with_name(MANIFEST_NAME)
    facts = json.loads(note.read_text()) if note.exists() else {"schema": 1, "file": path.name}
    note.write_text(json.dumps(facts | stated))


@pytest.mark.parametrize(
    ("created", "kind", "last"),
    [
        # Counted by hand: 24 months and 20 years on the calendar.
        (date(2024, 11, 22), "identifying", date(2026, 11, 22)),
        (date(2024, 12, 31), "identifying", date(2026, 12, 31)),
        (date(2024, 2, 29), "identifying", date(2026, 2, 28)),
        (date(2022, 2, 28), "identifying", date(2024, 2, 28)),
        (date(2006, 11, 22), "pseudonymised", date(2026, 11, 22)),
        (date(2004, 2, 29), "pseudonymised", date(2024, 2, 29)),
        (date(2080, 2, 29), "pseudonymised", date(2100, 2, 28)),
    ],
)
def test_the_last_day_is_used_and_the_next_is_not(created, kind, last, real):
    assert last_day(created, kind) == last
    stating(real, created=created.isoformat(), kind=kind)
    assert found(real, last) == []
    assert found(real, last + timedelta(days=1)) == ["B010"]
    assert found(real, created) == []
    assert found(real, created - timedelta(days=1)) == ["B013"]


def test_without_a_kind_the_shorter_term_holds(real):
    stating(real, created="2020-01-01")
    assert found(real, date(2022, 1, 1)) == []
    assert found(real, date(2022, 1, 2)) == ["B010"]


def test_without_a_day_a_warning_says_how_to_state_it(real):
    report = check_extract(real, today=date(2026, 11, 22), **ONE_THREAD)
    assert report.codes == ("B011",)
    assert report.accepted
    for language in ("fr", "en"):
        assert '"created"' in report.text(language)
        assert MANIFEST_NAME in report.text(language)
    stating(real, file="another.duckdb", created="2026-01-01")
    assert found(real, date(2026, 11, 22)) == ["B011"]


@pytest.mark.parametrize(
    "stated",
    [
        {"created": "22/11/2024", "kind": "identifying"},
        {"created": "2024-W10-1", "kind": "identifying"},
        {"created": "20241122", "kind": "identifying"},
        {"created": "2024-02-30", "kind": "identifying"},
        {"created": 20241122, "kind": "identifying"},
        {"created": "2024-11-22", "kind": "anonymous"},
        {"created": "2024-11-22", "kind": ["identifying"]},
        {"kind": "pseudonymised"},
        {"created": None},
    ],
)
def test_what_cannot_be_understood_is_refused(stated, real):
    stating(real, **stated)
    assert found(real, date(2026, 11, 22)) == ["B012"]


def test_a_note_that_no_reader_can_follow_is_refused_with_a_code(real):
    real.with_name(MANIFEST_NAME).write_text("[" * 200_000)
    report = check_extract(real, today=date(2026, 11, 22), **ONE_THREAD)
    assert set(report.codes) == {"B011", "D138"}
    assert not report.accepted


def test_a_term_beyond_the_calendar_ends_with_it(real):
    stating(real, created="9990-01-01", kind="pseudonymised")
    assert last_day(date(9990, 1, 1), "pseudonymised") == date.max
    assert found(real, date.max) == []


def test_synthetic_persons_and_cells_have_no_term(tmp_path, real):
    synthetic = write_extract(tmp_path / "s.duckdb")
    stating(synthetic, file="s.duckdb", created="1990-01-01")
    assert found(synthetic, date(2026, 11, 22)) == []
    tables = minimal_tables()
    tables["sources"]["synthetic"] = False
    del tables["tumours"]
    cells = write_extract(tmp_path / "c.duckdb", tables)
    assert found(cells, date(2026, 11, 22)) == []


def test_the_day_may_be_declared_and_is_that_of_the_clock_otherwise(real):
    write_manifest(real, created=date(2020, 1, 1), kind="identifying")
    with open_extract(real, today=date(2021, 1, 1), **ONE_THREAD) as extract:
        assert extract.findings == ()
    with pytest.raises(ExtractRefused) as caught:
        open_extract(real, **ONE_THREAD)
    assert caught.value.code == "B010"
    for language, day in (("fr", "2022-01-01"), ("en", "2022-01-01")):
        assert day in caught.value.message(language)


def test_without_the_check_an_old_extract_is_used(real, monkeypatch):
    write_manifest(real, created=date(2000, 1, 1), kind="pseudonymised")
    assert check_extract(real, today=date(2026, 1, 1), **ONE_THREAD).codes == ("B010",)
    monkeypatch.setattr("rnc_epi.extracts.opening.within_term", lambda *_: iter(()))
    assert check_extract(real, today=date(2026, 1, 1), **ONE_THREAD).codes == ()
    assert retention.TERMS == {"identifying": 24, "pseudonymised": 240}
