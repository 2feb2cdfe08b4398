"""The report on an extract: refusals of files, EXTRACT.json, what is said inside and what outside."""

from __future__ import annotations

import json
import re

import duckdb
import pytest

from rnc_epi.extracts import opening
from rnc_epi.extracts.check_report import CheckReport, check_extract
from rnc_epi.extracts.contract_checks.findings import first_refusal
from rnc_epi.extracts.fingerprint import MANIFEST_NAME, write_manifest
from rnc_epi.extracts.opening import open_extract
from rnc_epi.store import connection
from rnc_epi.vocabulary.errors import ExtractRefused
from tests.edges.defects_of_extracts import changed_copy as _with
from tests.edges.defects_of_extracts import require_no_canary
from tests.edges.test_defects import OF_STRUCTURE, ONE_THREAD
from tests.extract_builder import write_extract


@pytest.fixture(scope="module")
def valid(tmp_path_factory):
    return write_extract(tmp_path_factory.mktemp("valid") / "x.duckdb")


@pytest.fixture(autouse=True)
def _without_reading_every_text(monkeypatch):
    monkeypatch.setattr(opening, "STRUCTURE_CHECKS", OF_STRUCTURE)


def test_all_refusals_are_listed_and_the_first_is_raised(valid, tmp_path):
    path = _with(valid, tmp_path, "UPDATE tumours SET sex = 3 WHERE tumour_key = 1",
                 "UPDATE death_cells SET events = -1 WHERE site = 'pancreas'")  # fmt: skip
    report = check_extract(path, **ONE_THREAD)
    assert {"D047", "D081"} <= set(report.codes)
    assert report.exit_code == 3
    with pytest.raises(ExtractRefused) as caught:
        open_extract(path, **ONE_THREAD)
    assert caught.value.code == first_refusal(report.findings).code
    require_no_canary(str(caught.value))


def test_a_refused_extract_is_closed_again(valid, tmp_path):
    path = _with(valid, tmp_path, "UPDATE tumours SET sex = 3")
    with pytest.raises(ExtractRefused):
        open_extract(path, **ONE_THREAD)
    duckdb.connect(str(path)).close()


# Files


def test_without_its_check_a_log_beside_the_file_goes_unseen(valid, tmp_path, monkeypatch):
    path = _with(valid, tmp_path)
    path.with_name("x.duckdb.wal").touch()
    assert check_extract(path).codes == ("D004",)
    kept = [check for check in connection.FILE_CHECKS if check is not connection._require_no_wal]
    monkeypatch.setattr(connection, "FILE_CHECKS", kept)
    assert check_extract(path).codes == ()


@pytest.mark.parametrize(("name", "code"), [("_require_file", "D001"), ("_require_content", "D002")])
def test_without_its_check_a_missing_or_empty_file_has_another_code(name, code, tmp_path, monkeypatch):
    path = tmp_path / "x.duckdb"
    if code == "D002":
        path.touch()
    assert check_extract(path).codes == (code,)
    kept = [check for check in connection.FILE_CHECKS if check is not getattr(connection, name)]
    monkeypatch.setattr(connection, "FILE_CHECKS", kept)
    try:
        codes = check_extract(path).codes
    except OSError:
        return
    assert codes != (code,)


def test_without_its_check_a_view_goes_unseen(valid, tmp_path, monkeypatch):
    path = _with(valid, tmp_path, "CREATE VIEW v AS SELECT 1 AS a")
    assert check_extract(path).codes == ("D105",)
    monkeypatch.setattr(connection, "CONTENT_CHECKS", ())
    assert "D105" not in check_extract(path).codes


# EXTRACT.json


def test_a_true_manifest_changes_nothing(valid, tmp_path):
    path = _with(valid, tmp_path)
    write_manifest(path)
    assert check_extract(path, **ONE_THREAD).findings == ()


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("DELETE FROM tumours WHERE tumour_key = 1", "rows"),
        ("UPDATE tumours SET month = 1 + month % 12 WHERE tumour_key = 1", "content_sha256"),
        ("UPDATE areas SET name_fr = NULL WHERE geo_code = '01'", "content_sha256"),
        ("ALTER TABLE areas ADD COLUMN remark VARCHAR", "content_sha256"),
    ],
)
def test_a_change_after_the_manifest_refuses_the_extract(statement, what, valid, tmp_path, monkeypatch):
    path = _with(valid, tmp_path)
    write_manifest(path)
    writer = duckdb.connect(str(path))
    writer.execute(statement)
    writer.close()
    report = check_extract(path, **ONE_THREAD)
    assert "D005" in report.codes
    assert what in report.text("en")
    monkeypatch.setattr(opening, "TABLE_CHECKS", opening.TABLE_CHECKS[:-1])
    assert "D005" not in check_extract(path, **ONE_THREAD).codes


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("not json", "D138"),
        ("[]", "D138"),
        (json.dumps({"schema": 9, "rows": {}, "content_sha256": ""}), "D138"),
        (json.dumps({"schema": 1, "file": "y.duckdb", "rows": {}, "content_sha256": ""}), "D126"),
    ],
)
def test_a_manifest_that_says_nothing_of_the_file_is_not_taken_for_agreement(content, code, valid, tmp_path):
    path = _with(valid, tmp_path)
    (tmp_path / MANIFEST_NAME).write_text(content)
    report = check_extract(path, **ONE_THREAD)
    assert report.codes == (code,)
    assert report.accepted == (code == "D126")


# The report


def test_the_public_text_hides_small_counts_of_persons_and_every_example(valid, tmp_path):
    path = _with(valid, tmp_path, "UPDATE tumours SET sex = 9 WHERE tumour_key <= 7",
                 "UPDATE tumours SET geo_code = '15' WHERE tumour_key BETWEEN 101 AND 112")  # fmt: skip
    report = check_extract(path, **ONE_THREAD)
    (unknown_sex,) = [finding for finding in report.findings if finding.code == "D048"]
    for language in ("fr", "en"):
        inside, outside = report.text(language), report.text(language, public=True)
        assert re.search(r"\b7 (ligne|row)", inside)
        assert "<11" in outside
        assert not re.search(r"\b7 (ligne|row)", outside)
        assert re.search(r"\b12 (ligne|row)", outside)
        # 5 202 rows less 7 and 12: a total would give the hidden count back.
        assert "5183" in inside
        assert "5183" not in outside
        assert unknown_sex.examples[0] in inside
        assert unknown_sex.examples[0] not in outside
    assert isinstance(report, CheckReport)


def test_a_file_that_cannot_be_opened_is_reported_and_not_raised(tmp_path):
    report = check_extract(tmp_path / "none.duckdb")
    assert not report.accepted
    assert report.exit_code == 7
    assert "none.duckdb" in report.text("fr")
    assert "introuvable" in report.text("fr")
