"""Extracts that nobody would write on purpose: a coded answer, and nothing of a person in any text."""

from __future__ import annotations

import pytest

from rnc_epi.extracts import opening
from rnc_epi.extracts.check_report import check_extract
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
