"""What becomes of the rows and areas of an extract that has defects: kept, corrected, excluded, set aside."""

from __future__ import annotations

from collections import Counter

import pytest

from rnc_epi.extracts import opening
from rnc_epi.extracts.check_report import check_extract
from rnc_epi.extracts.contract_checks.findings import LEDGER_WORDS
from rnc_epi.extracts.opening import open_extract
from tests.edges.defects_of_extracts import DEFECTS
from tests.edges.defects_of_extracts import changed_copy as _with
from tests.edges.test_defects import OF_STRUCTURE, ONE_THREAD, RULES_ALONE
from tests.extract_builder import write_extract


@pytest.fixture(scope="module")
def valid(tmp_path_factory):
    return write_extract(tmp_path_factory.mktemp("valid") / "x.duckdb")


@pytest.fixture(autouse=True)
def _without_reading_every_text(monkeypatch):
    monkeypatch.setattr(opening, "STRUCTURE_CHECKS", OF_STRUCTURE)


def test_many_defects_at_once_are_each_counted_and_every_row_is_accounted_for(valid, tmp_path):
    # Rows that are kept, corrected, excluded and quarantined, side by side, through the whole examination.
    chosen = [d for d in DEFECTS if d.table == "tumours" and d.rows == 1 and d.code in RULES_ALONE]
    assert len(chosen) > 15
    statements = [text.replace("tumour_key = 1", f"tumour_key = {10 * place}")
                  for place, defect in enumerate(chosen, start=1) for text in defect.statements
                  if "SELECT min(tumour_key)" not in text]  # fmt: skip
    report = check_extract(_with(valid, tmp_path, *statements), **ONE_THREAD)
    assert report.accepted
    expected = Counter(d.code for d in chosen if "SELECT min(tumour_key)" not in d.statements[-1])
    found: Counter[str] = Counter()
    for finding in report.findings:
        found[finding.code] += finding.rows
    assert found == expected
    ledger = report.accounting[report.accounting["table_name"] == "tumours"]
    assert ledger["rows"].sum() == ledger["events"].sum() == 5202
    taken = sum(1 for d in chosen if d.fate in LEDGER_WORDS and d.code in expected)
    assert ledger.loc[ledger["fate"] != "used", "rows"].sum() >= taken - 1


def test_a_corrected_code_counts_as_the_code_that_it_stands_for(valid, tmp_path):
    path = _with(valid, tmp_path, "UPDATE tumours SET topography = 'c187' WHERE topography = 'C18.7'",
                 "UPDATE tumours SET age_years = 999 WHERE age_years IS NULL",
                 "UPDATE tumours SET stage = 'NA'")  # fmt: skip
    with open_extract(path, **ONE_THREAD) as extract, open_extract(valid, **ONE_THREAD) as clean:
        assert {finding.code for finding in extract.findings} == {"D018", "D038", "D058"}
        select = "SELECT * FROM usable_tumours"
        assert extract.store.rows(select) == clean.store.rows(select)


def test_a_cancer_of_the_breast_in_a_man_is_kept(valid, tmp_path):
    path = _with(valid, tmp_path, "UPDATE tumours SET topography = 'C50.9' WHERE sex = 1")
    assert check_extract(path, **ONE_THREAD).findings == ()


def test_arrondissements_that_membership_puts_into_their_city_are_no_defect(valid, tmp_path):
    communes = [f"INSERT INTO areas SELECT 'commune', '{code}', 'cog2026', 'x', 'x', NULL, NULL, NULL"
                for code in ("75056", "75113")]  # fmt: skip
    links = ["INSERT INTO membership SELECT 'commune', '75056', 'cog2026', 'departement', '38', 'cog2026', "
             "NULL, NULL, 1",
             "INSERT INTO membership SELECT 'commune', '75113', 'cog2026', 'commune', '75056', 'cog2026', "
             "NULL, NULL, 1"]  # fmt: skip
    rows = [f"UPDATE tumours SET geo_level = 'commune', geo_code = '{code}' WHERE tumour_key = {key}"
            for key, code in enumerate(("75056", "75113"), start=1)]  # fmt: skip
    assert check_extract(_with(valid, tmp_path, *communes, *links, *rows), **ONE_THREAD).findings == ()


def test_quarantine_is_judged_on_events_against_a_declared_limit(valid, tmp_path, monkeypatch):
    path = _with(valid, tmp_path, "UPDATE tumours SET sex = 9 WHERE tumour_key <= 26")
    # 26 of 5 202 is 0.4998 %, 27 is 0.519 %: the limit of 0.5 % lies between (27 is a defect above).
    assert check_extract(path, **ONE_THREAD).accepted
    monkeypatch.setattr("rnc_epi.extracts.contract_checks.one_pass.QUARANTINE_LIMIT", 0.004)
    assert "D109" in check_extract(path, **ONE_THREAD).codes


def test_rows_excluded_for_a_declared_reason_do_not_count_as_quarantine(valid, tmp_path):
    # 3 000 rows out of scope and 10 of unknown sex: 10 of the 2 202 that remain is 0.45 %.
    path = _with(
        valid,
        tmp_path,
        "UPDATE tumours SET geo_code = '975' WHERE tumour_key > 2202",
        "UPDATE tumours SET sex = 9 WHERE tumour_key <= 10 OR tumour_key > 3000",
    )
    report = check_extract(path, **ONE_THREAD)
    assert report.accepted
    ledger = report.accounting[report.accounting["table_name"] == "tumours"]
    assert dict(zip(ledger["reason"], ledger["rows"], strict=True)) == {"D131": 3000, "D048": 10, "_": 2192}


def test_the_share_of_quarantine_is_among_rows_in_scope(valid, tmp_path):
    # 12 of unknown sex are 0.23 % of 5 202 rows, but 0.55 % of the 2 202 in scope.
    path = _with(
        valid,
        tmp_path,
        "UPDATE tumours SET geo_code = '975' WHERE tumour_key > 2202",
        "UPDATE tumours SET sex = 9 WHERE tumour_key <= 12",
    )
    assert "D109" in check_extract(path, **ONE_THREAD).codes


def test_unknown_ages_need_no_denominator(valid, tmp_path):
    path = _with(valid, tmp_path, "DELETE FROM person_years WHERE geo_code = '38' AND period_from = 2017",
                 "DELETE FROM death_cells WHERE geo_code = '38'",
                 "UPDATE tumours SET age_years = NULL WHERE year = 2017")  # fmt: skip
    assert check_extract(path, **ONE_THREAD).accepted


def test_an_area_counts_on_the_whole_of_its_parts(valid, tmp_path):
    # Deaths by région: person-years are those of its départements, and one of them must not be missing.
    regional = (
        "INSERT INTO death_cells SELECT 'cepidc', 'pancreas', NULL, 1, 'region', '84', 'cog2026', 2016, "
        "2017, 60, 65, 'known', 4"
    )
    assert check_extract(_with(valid, tmp_path, regional), **ONE_THREAD).accepted
    lacking = _with(valid, tmp_path, regional, "DELETE FROM person_years WHERE geo_code = '01'",
                    "DELETE FROM death_cells WHERE geo_code = '01'")  # fmt: skip
    report = check_extract(lacking, **ONE_THREAD)
    assert [(f.code, f.examples) for f in report.findings] == [("D133", ("region 84",))]


def test_a_year_that_one_part_lacks_is_missing_for_the_whole(valid, tmp_path):
    path = _with(
        valid,
        tmp_path,
        "INSERT INTO death_cells SELECT 'cepidc', 'pancreas', NULL, 1, 'region', '84', 'cog2026', 2017, "
        "2018, 60, 65, 'known', 4",
        "DELETE FROM person_years WHERE geo_code = '01' AND period_from = 2017",
        "DELETE FROM death_cells WHERE geo_code = '01'",
    )
    (finding,) = check_extract(path, **ONE_THREAD).findings
    assert (finding.code, finding.examples) == ("D082", ("region 84 2017",))


def test_communes_count_on_the_person_years_of_their_departement(valid, tmp_path):
    path = _with(
        valid,
        tmp_path,
        "INSERT INTO areas SELECT 'commune', '38185', 'cog2026', 'x', 'x', NULL, NULL, NULL",
        "INSERT INTO membership SELECT 'commune', '38185', 'cog2026', 'departement', '38', 'cog2026', NULL, "
        "NULL, 1",
        "UPDATE tumours SET geo_level = 'commune', geo_code = '38185' WHERE tumour_key <= 100",
    )
    assert check_extract(path, **ONE_THREAD).findings == ()


def test_few_events_on_a_fraction_of_a_person_year_are_chance(valid, tmp_path):
    # A hundredth of a person-year and two deaths: the bound gives 2 log 200 - 2 + 0.01 = 8.6, once in 5 000.
    # Three on a thousandth: 3 log 3000 - 3 = 21, once in a thousand million.
    of_a_band = "geo_code = '01' AND sex = 1 AND period_from = 2016 AND age_from = 85"
    cleared = f"DELETE FROM death_cells WHERE {of_a_band}"
    deaths = ("INSERT INTO death_cells SELECT 'cepidc', 'pancreas', NULL, 1, 'departement', '01', 'cog2026', "
              "2016, 2017, 85, NULL, 'known', {}")  # fmt: skip
    lived = f"UPDATE person_years SET person_years = {{}} WHERE {of_a_band}"
    few = _with(valid, tmp_path, cleared, deaths.format(2), lived.format(0.01))
    assert "D144" not in check_extract(few, **ONE_THREAD).codes
    more = _with(valid, tmp_path, cleared, deaths.format(3), lived.format(0.001))
    assert "D144" in check_extract(more, **ONE_THREAD).codes


def test_a_year_of_a_hundred_million_is_the_most_that_a_cell_may_have(valid, tmp_path):
    most = "UPDATE person_years SET person_years = 100000000, period_until = period_from + {}"
    # Three years in one period may have three times as many: periods that overlap are another defect.
    for years, count, found in ((1, 100_000_000, False), (2, 200_000_000, False), (2, 200_000_001, True)):
        path = _with(valid, tmp_path, most.format(years), f"UPDATE person_years SET person_years = {count}")
        assert ("D141" in check_extract(path, **ONE_THREAD).codes) == found
