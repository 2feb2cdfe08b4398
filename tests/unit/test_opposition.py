"""The rows of a person who opposed are counted nowhere, and the accounting says so."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path

import pytest

from rnc_epi.extracts.fingerprint import MANIFEST_NAME, write_manifest
from rnc_epi.extracts.opening import open_extract
from rnc_epi.extracts.opposition import Request, read_requests
from rnc_epi.vocabulary.errors import FileProblem, InputError
from tests.extract_builder import minimal_tables, write_extract

ONE_THREAD = {"threads": 1, "memory_limit": "500MB"}
TODAY = date(2026, 11, 22)


def listed(folder, *lines: str, header: str = "person_key,kind,date"):
    path = folder / "requests.csv"
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def opened(path, requests):
    return open_extract(path, oppositions=requests, today=TODAY, **ONE_THREAD)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write_extract(tmp_path_factory.mktemp("valid") / "x.duckdb")


@pytest.fixture
def valid(written, tmp_path):
    return Path(shutil.copy(written, tmp_path / "x.duckdb"))


def test_the_list_is_read_with_commas_or_semicolons(tmp_path):
    expected = (Request(5, "opposition", date(2026, 1, 2)), Request(7, "rectification", date(2026, 3, 4)))
    commas = listed(tmp_path, "5,opposition,2026-01-02", "", " 7 , rectification , 2026-03-04")
    assert read_requests(commas, today=TODAY) == expected
    semicolons = listed(tmp_path, "5;opposition;2026-01-02", "7;rectification;2026-03-04",
                        header="\ufeffperson_key;kind;date")  # fmt: skip
    assert read_requests(semicolons, today=TODAY) == expected


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("five,opposition,2026-01-02", "B021"),
        ("5.0,opposition,2026-01-02", "B021"),
        ("99999999999999999999,opposition,2026-01-02", "B021"),
        ("9223372036854775808,opposition,2026-01-02", "B021"),
        ("-9223372036854775809,opposition,2026-01-02", "B021"),
        (",opposition,2026-01-02", "B021"),
        ("5,refusal,2026-01-02", "B021"),
        ("5,opposition,02/01/2026", "B021"),
        ("5,opposition,2026-11-23", "B021"),
        ("5,opposition", "B021"),
        ("Jeanne Dupont,opposition,2026-01-02", "B021"),
        ("255081416802538,opposition,2026-01-02", "B022"),
    ],
)
def test_a_line_that_cannot_be_understood_is_named_and_not_repeated(line, code, tmp_path):
    with pytest.raises(InputError) as caught:
        read_requests(listed(tmp_path, "4,opposition,2026-01-02", line), today=TODAY)
    assert caught.value.code == code
    assert caught.value.facts["line"] == 3
    for language in ("fr", "en"):
        assert line.partition(",")[0][:6] not in caught.value.message(language) or len(line) < 30
    assert "Dupont" not in str(caught.value)
    assert "25508" not in str(caught.value)


def test_a_field_that_never_ends_is_a_line_that_cannot_be_understood(tmp_path):
    endless = '6,opposition,"' + "x" * 200_000
    with pytest.raises(InputError) as caught:
        read_requests(listed(tmp_path, "5,opposition,2026-01-02", endless), today=TODAY)
    assert (caught.value.code, caught.value.facts["line"]) == ("B021", 3)


@pytest.mark.parametrize(
    ("width", "key"),
    [("UBIGINT", 2**63 - 1), ("HUGEINT", -(2**63)), ("UHUGEINT", 500_004), ("INTEGER", -500_004)],
)  # fmt: skip
def test_a_person_opposes_whatever_the_width_of_her_key(width, key, valid, tmp_path):
    path = write_extract(
        tmp_path / "wide.duckdb",
        statements=[
            f"ALTER TABLE tumours ALTER person_key TYPE {width}",
            f"UPDATE tumours SET person_key = {key} WHERE tumour_key = 4",
        ],
    )
    with opened(path, listed(tmp_path, f"{key},opposition,2026-01-02")) as extract:
        gone = extract.store.rows(
            "SELECT tumour_key FROM extract.main.tumours ANTI JOIN usable_tumours USING (tumour_key)"
        )
    assert gone == [(4,)]


def test_a_list_that_is_not_there_or_of_another_form_is_an_error(tmp_path):
    with pytest.raises(FileProblem) as caught:
        read_requests(tmp_path / "none.csv", today=TODAY)
    assert caught.value.code == "B020"
    for text in (b"", b"key,kind,date\n", "person_key,kind,date\n5,é,\n".encode("latin-1")):
        path = tmp_path / "requests.csv"
        path.write_bytes(text)
        with pytest.raises(InputError):
            read_requests(path, today=TODAY)
    with pytest.raises(FileProblem) as caught:
        read_requests(tmp_path / "Mme_Dupont.csv", today=TODAY)
    assert caught.value.code == "B008"


def test_rows_of_an_opposition_are_excluded_by_name_and_conserved(valid, tmp_path):
    tables = minimal_tables()
    tables["tumours"].loc[9, "person_key"] = tables["tumours"].loc[8, "person_key"]
    (tmp_path / "two").mkdir()
    path = write_extract(tmp_path / "two" / "x.duckdb", tables)
    gone = int(tables["tumours"].loc[8, "person_key"])
    requests = listed(tmp_path, f"{gone},opposition,2026-01-02", "1,opposition,2026-01-02")
    with opened(path, requests) as extract:
        (finding,) = [f for f in extract.findings if f.code == "B024"]
        assert (finding.table, finding.rows) == ("tumours", 2)
        ledger = extract.accounting.frame()
        ledger = ledger[ledger["table_name"] == "tumours"]
        rows = {(row.fate, row.reason): (row.rows, row.events) for row in ledger.itertuples()}
        count = len(tables["tumours"])
        assert rows == {("excluded", "opposition"): (2, 2), ("used", "_"): (count - 2, count - 2)}
        left = extract.store.rows(f"SELECT count(*) FROM usable_tumours WHERE person_key = {gone}")
        assert left == [(0,)]


def test_what_cells_say_of_persons_is_not_corrected_here_and_that_is_said(valid, tmp_path):
    with opened(valid, listed(tmp_path, "500001,opposition,2026-01-02")) as extract:
        warned = {finding.table for finding in extract.findings if finding.code == "B026"}
    assert warned == {"incidence_cells", "death_cells"}


def test_a_row_that_is_taken_out_is_not_judged_further(valid, tmp_path):
    # 27 rows of unknown sex are more than 0.5 %; those of persons who opposed are none of ours.
    path = write_extract(
        tmp_path / "y.duckdb", statements=["UPDATE tumours SET sex = 9 WHERE tumour_key <= 27"]
    )
    requests = listed(tmp_path, *(f"{500_000 + key},opposition,2026-01-02" for key in range(1, 28)))
    with opened(path, requests) as extract:
        ledger = extract.accounting.frame()
        assert ledger.loc[ledger["reason"] == "opposition", "rows"].tolist() == [27]
        assert "D048" not in set(ledger["reason"])


@pytest.mark.parametrize(
    ("created", "gone"), [(None, True), ("2026-05-05", True), ("2026-05-06", True), ("2026-05-07", False)]
)
def test_a_rectification_waits_for_a_newer_extract(created, gone, valid, tmp_path):
    write_manifest(valid)
    if created:
        note = valid.with_name(MANIFEST_NAME)
        note.write_text(
            json.dumps(json.loads(note.read_text()) | {"created": created, "kind": "pseudonymised"})
        )
    with opened(valid, listed(tmp_path, "500004,rectification,2026-05-06")) as extract:
        ledger = extract.accounting.frame()
        assert ("rectification" in set(ledger["reason"])) == gone
        assert ("B025" in {finding.code for finding in extract.findings}) == gone


def test_an_opposition_wins_over_a_rectification(valid, tmp_path):
    requests = listed(tmp_path, "500004,rectification,2026-05-06", "500004,opposition,2020-05-06",
                      "500004,rectification,2026-05-07")  # fmt: skip
    with opened(valid, requests) as extract:
        reasons = set(extract.accounting.frame()["reason"])
    assert reasons == {"_", "opposition"}


def test_the_fingerprint_is_of_what_is_left_and_not_of_the_list(valid, tmp_path):
    def fingerprint(*lines: str) -> str:
        with opened(valid, listed(tmp_path, *lines)) as extract:
            return extract.fingerprint()

    with open_extract(valid, **ONE_THREAD) as extract:
        plain = extract.fingerprint()
    # A person who is not in the extract changes nothing, so nobody learns that she is in the list.
    assert fingerprint("1,opposition,2026-01-02") == plain
    one = fingerprint("500004,opposition,2026-01-02")
    assert one != plain
    assert one == fingerprint("500004,opposition,2025-01-02", "1,opposition,2026-01-02")
    assert one != fingerprint("500005,opposition,2026-01-02")
    # And without its rows the extract is told from one that never had them by its accounting alone.
    without = write_extract(
        tmp_path / "w.duckdb", statements=["DELETE FROM tumours WHERE person_key = 500004"]
    )
    with open_extract(without, **ONE_THREAD) as extract:
        assert extract.fingerprint() not in (plain, one)


def test_the_same_rows_for_another_reason_are_another_release(valid, tmp_path):
    found = set()
    for lines in (
        ("500004,opposition,2026-01-02", "500005,opposition,2026-01-02"),
        ("500004,opposition,2026-01-02", "500005,rectification,2026-01-02"),
        ("500004,rectification,2026-01-02", "500005,opposition,2026-01-02"),
        ("500004,rectification,2026-01-02", "500005,rectification,2026-01-02"),
    ):
        with opened(valid, listed(tmp_path, *lines)) as extract:
            found.add(extract.fingerprint())
    assert len(found) == 4
    # Who asked for a rectification without being in the extract changes nothing.
    one = listed(tmp_path, "500004,opposition,2026-01-02")
    with opened(valid, one) as extract:
        alone = extract.fingerprint()
    with opened(
        valid, listed(tmp_path, "500004,opposition,2026-01-02", "1,rectification,2026-01-02")
    ) as extract:
        assert extract.fingerprint() == alone


CASES = """CREATE TABLE snds_cases AS SELECT * FROM (VALUES
    (1, 500004, 2016, 4), (2, NULL, 2016, 4), (3, 900011, 2016, 7), (4, 900009, 2017, 9),
    (5, 900010, 2017, NULL)
) AS t(case_key, person_key, year, linked_tumour_key)"""
FORM = """CREATE OR REPLACE TABLE snds_cases AS SELECT case_key::BIGINT AS case_key,
    person_key::BIGINT AS person_key, 'registres' AS source, 'a' AS algorithm, 'colorectum' AS site,
    1::SMALLINT AS sex, 60::SMALLINT AS age_years, year::SMALLINT AS year, 'departement' AS geo_level,
    '38' AS geo_code, 'cog2026' AS geo_vintage, linked_tumour_key::BIGINT AS linked_tumour_key,
    1.0::DOUBLE AS link_probability FROM snds_cases"""


def test_a_case_that_is_linked_to_a_tumour_of_the_person_is_hers_and_so_is_the_tumour(tmp_path):
    # Tumour 4 is of person 500004; case 2 has no key but is linked to it. Person 900009 is known by her case
    # alone, which is linked to tumour 9.
    path = write_extract(tmp_path / "s.duckdb", statements=[CASES, FORM])
    requests = listed(tmp_path, "500004,opposition,2026-01-02", "900009,opposition,2026-01-02")
    with opened(path, requests) as extract:
        left = extract.store.rows("SELECT case_key FROM usable_snds_cases")
        gone = extract.store.rows(
            "SELECT tumour_key FROM extract.main.tumours ANTI JOIN usable_tumours USING (tumour_key)"
        )
        ledger = extract.accounting.frame()
        hashed = extract.fingerprint()
    assert (left, gone) == ([(3,), (5,)], [(4,), (9,)])
    taken = ledger[ledger["reason"] == "opposition"]
    assert dict(zip(taken["table_name"], taken["rows"], strict=True)) == {"tumours": 2, "snds_cases": 3}
    assert ledger.groupby("table_name")["rows"].sum()[["tumours", "snds_cases"]].tolist() == [5202, 5]
    with opened(path, listed(tmp_path, "500004,opposition,2026-01-02")) as without_one:
        assert without_one.fingerprint() != hashed


def test_what_stands_under_the_other_key_of_the_person_is_hers_too(tmp_path):
    # The SNDS knows her as 900009. Its case 4 is linked to tumour 9 of person 500009 of the registry, who has
    # tumour 12 too; a case of a third key is linked to that, and another case has this third key.
    path = write_extract(
        tmp_path / "s.duckdb",
        statements=[
            CASES,
            "INSERT INTO snds_cases VALUES (6, 900012, 2017, 12), (7, 900012, 2018, NULL)",
            "UPDATE snds_cases SET person_key = 900099 WHERE case_key = 2",
            FORM,
            "UPDATE tumours SET person_key = 500009 WHERE tumour_key = 12",
        ],
    )
    with opened(path, listed(tmp_path, "900009,opposition,2026-01-02")) as extract:
        left = extract.store.rows("SELECT case_key FROM usable_snds_cases")
        gone = extract.store.rows(
            "SELECT tumour_key FROM extract.main.tumours ANTI JOIN usable_tumours USING (tumour_key)"
        )
    assert (left, gone) == ([(1,), (2,), (3,), (5,)], [(9,), (12,)])
