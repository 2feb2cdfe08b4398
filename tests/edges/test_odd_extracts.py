"""Extracts that nobody would write on purpose: a coded answer, and nothing of a person in any text."""

from __future__ import annotations

from datetime import date

import duckdb
import pytest

from rnc_epi.extracts import opening
from rnc_epi.extracts.check_report import check_extract
from rnc_epi.store import connection
from tests.edges.defects_of_extracts import changed_copy
from tests.edges.test_defects import OF_STRUCTURE, ONE_THREAD
from tests.extract_builder import write_extract


@pytest.fixture(scope="module")
def valid(tmp_path_factory):
    return write_extract(tmp_path_factory.mktemp("valid") / "x.duckdb")


@pytest.fixture(autouse=True)
def _without_reading_every_text(monkeypatch):
    monkeypatch.setattr(opening, "STRUCTURE_CHECKS", OF_STRUCTURE)


def texts(report) -> str:
    return "".join(report.text(language, public=public) for language in ("fr", "en") for public in (0, 1))


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("geo_level", "jeanne dupont", "D065"),
        ("geo_code", "Dupont", "D065"),
        ("geo_code", "0612345678", "D065"),
        ("source", "jeanne dupont", "D121"),
        ("source", "dupont", "D121"),
        ("registry", "dupont", "D122"),
    ],
)
def test_a_text_of_a_person_in_a_column_of_codes_is_in_no_line_of_the_report(
    column, value, code, valid, tmp_path
):
    # As where the columns of a file have slipped by one; half of the rows, so that every example and every
    # line of the ledger has a chance to show it.
    path = changed_copy(
        valid, tmp_path, f"UPDATE tumours SET {column} = '{value}' WHERE tumour_key % 2 = 1",
        "INSERT INTO sources SELECT * REPLACE ('second' AS source) FROM sources LIMIT 1",
        "UPDATE tumours SET source = 'second' WHERE tumour_key % 4 = 0",
    )  # fmt: skip
    report = check_extract(path, **ONE_THREAD)
    assert code in report.codes
    assert not report.accepted
    said = texts(report).lower()
    assert value.lower() not in said
    assert "dupont" not in said


@pytest.mark.parametrize(
    ("statements", "kind"),
    [
        (("ALTER TABLE tumours ADD COLUMN drawn DOUBLE",), None),
        (("CREATE TABLE added (a INTEGER, b DOUBLE GENERATED ALWAYS AS (random()))",), "generated column"),
        (("CREATE TABLE added (a VARCHAR COLLATE NOCASE)",), "collation"),
        (("CREATE TABLE added (a VARCHAR DEFAULT 'x COLLATE y', \" COLLATE \" VARCHAR)",), None),
    ],
)
def test_columns_that_compute_or_compare_by_their_own_rules_refuse_the_extract(
    statements, kind, valid, tmp_path, monkeypatch
):
    # A column drawn anew at each reading gives two runs two results; 'departement' and 'Departement' under
    # a collation without case are one area to a join and two to the package.
    path = changed_copy(valid, tmp_path, *statements)
    report = check_extract(path, **ONE_THREAD)
    assert report.codes == (("D105",) if kind else report.codes)
    assert report.accepted == (kind is None)
    if kind is not None:
        assert kind in report.text("fr")
        monkeypatch.setattr(connection, "CONTENT_CHECKS", ())
        assert "D105" not in check_extract(path, **ONE_THREAD).codes


def test_a_name_that_only_unicode_takes_for_that_of_the_contract_is_another_name(valid, tmp_path):
    # The sign of Kelvin is a k in lower case to Python, and none to DuckDB.
    path = changed_copy(valid, tmp_path, 'ALTER TABLE tumours RENAME tumour_key TO "tumour_\u212aey"')
    report = check_extract(path, **ONE_THREAD)
    assert "D007" in report.codes
    assert not report.accepted


def test_a_log_beside_what_a_link_leads_to_refuses_the_extract(valid, tmp_path):
    path = changed_copy(valid, tmp_path)
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link.duckdb"
    link.symlink_to(path)
    assert check_extract(link, **ONE_THREAD).accepted
    path.with_name("x.duckdb.wal").touch()
    assert check_extract(link, **ONE_THREAD).codes == ("D004",)


def test_a_manifest_that_states_the_term_alone_is_taken_for_that(valid, tmp_path):
    path = changed_copy(valid, tmp_path, "UPDATE sources SET synthetic = false")
    assert check_extract(path, **ONE_THREAD).codes == ("B011",)
    stated = '{"created": "2026-05-06", "kind": "pseudonymised"'
    path.with_name("EXTRACT.json").write_text(stated + "}")
    assert check_extract(path, today=date(2026, 11, 22), **ONE_THREAD).codes == ()
    # Half of what would be compared is no statement of the term alone.
    path.with_name("EXTRACT.json").write_text(stated + ', "rows": {"tumours": 5202}}')
    assert check_extract(path, today=date(2026, 11, 22), **ONE_THREAD).codes == ("D138",)


def test_an_encrypted_extract_is_said_to_be_encrypted(valid, tmp_path):
    path = tmp_path / "x.duckdb"
    with duckdb.connect() as writer:
        writer.execute("SET force_mbedtls_unsafe = 'true'")
        writer.execute(f"ATTACH '{path}' AS locked (ENCRYPTION_KEY 'secret')")
        writer.execute(f"ATTACH '{valid}' AS plain (READ_ONLY)")
        writer.execute("COPY FROM DATABASE plain TO locked")
    report = check_extract(path, **ONE_THREAD)
    assert report.codes == ("D148",)
    assert "secret" not in texts(report)
