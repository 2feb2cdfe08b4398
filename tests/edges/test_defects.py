"""Every defect of an extract has its code, its fate and its text; without its check it would go unseen."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter

import duckdb
import pytest

from rnc_epi.extracts import opening
from rnc_epi.extracts.check_report import CheckReport, check_extract
from rnc_epi.extracts.contract_checks import (
    calendar,
    denominators,
    identifiers,
    keys,
    magnitudes,
    one_pass,
    places,
    profiles,
    structure,
)
from rnc_epi.extracts.contract_checks.findings import LEDGER_WORDS, Fate, Finding, first_refusal
from rnc_epi.extracts.contract_checks.one_pass import check_table
from rnc_epi.extracts.contract_checks.references import prepare_references
from rnc_epi.extracts.contract_checks.rules import LATEST_COG, RULES
from rnc_epi.extracts.contract_checks.tables import ExtractTables
from rnc_epi.extracts.fingerprint import MANIFEST_NAME, write_manifest
from rnc_epi.extracts.geography import GEO_VINTAGE
from rnc_epi.extracts.opening import Examination, examine, open_extract
from rnc_epi.store import RowAccounting, Store, connection, open_locked
from rnc_epi.vocabulary.errors import ExtractRefused, RncEpiError, catalogue, placeholders
from tests.edges.defects_of_extracts import CANARIES, DEFECTS, NIR_OF_CORSICA, Defect
from tests.extract_builder import write_extract

ONE_THREAD = {"threads": 1, "memory_limit": "500MB"}
#: What reads every text for identifiers takes most of the time of a small extract, and has tests of its own.
EVERY_STRUCTURE_CHECK = opening.STRUCTURE_CHECKS
OF_STRUCTURE = [check for check in EVERY_STRUCTURE_CHECK if check.__module__.endswith(".structure")]
OF_IDENTIFIERS = ("D009", "D026", "D027")
#: Codes that a function finds; all others are found by rules as data.
FOUND_BY = {
    "D003": [structure.rows_present],
    "D102": [structure.rows_present],
    "D101": [structure.required_tables],
    "D007": [structure.required_columns],
    "D009": [structure.identifier_columns],
    "D010": [structure.column_types],
    "D125": [structure.unknown_columns],
    "D106": [structure.unknown_columns],
    "D026": [identifiers.text_keys, identifiers.number_keys],
    "D027": [identifiers.text_keys],
    "D108": [identifiers.sources_without_keys],
    "D047": [structure.sex_in_letters],
    "D018": [profiles.normalise_codes],
    "D021": [keys.duplicate_keys],
    "D022": [keys.duplicate_keys],
    "D028": [keys.constant_keys],
    "D029": [calendar.years_in_two_sources],
    "D044": [calendar.months_alike],
    "D058": [profiles.normalise_codes],
    "D071": [places.cities_and_arrondissements],
    "D073": [places.postcodes],
    "D076": [places.areas_without_neighbours],
    "D077": [places.areas_without_neighbours],
    "D078": [places.areas_without_outline],
    "D079": [places.areas_without_score],
    "D083": [places.open_bands_that_differ],
    "D084": [calendar.years_without_events, calendar.zero_years_of_person_years],
    "D140": [calendar.jumps],
    "D112": [keys.overlapping_ages],
    "D113": [keys.overlapping_periods],
    "D118": [keys.rows_beside_cells],
    "D080": [denominators.events_on_zero_person_years],
    "D142": [magnitudes.steps_of_person_years],
    "D143": [magnitudes.person_years_against_population],
    "D144": [magnitudes.more_events_than_person_years],
    "D082": [denominators.gaps_in_person_years, denominators.events_without_person_years],
}
#: Codes that rules on single rows find and nothing else: the table concerned is enough.
RULES_ALONE = {rule.code for rule in RULES} - set(FOUND_BY)


@pytest.fixture(scope="module")
def valid(tmp_path_factory):
    return write_extract(tmp_path_factory.mktemp("valid") / "x.duckdb")


def _with(valid, tmp_path, *statements: str):
    path = shutil.copy(valid, tmp_path / "x.duckdb")
    writer = duckdb.connect(path)
    for statement in statements:
        writer.execute(statement)
    writer.close()
    return tmp_path / "x.duckdb"


@pytest.fixture(autouse=True)
def _without_reading_every_text(monkeypatch):
    monkeypatch.setattr(opening, "STRUCTURE_CHECKS", OF_STRUCTURE)


def _examine_table(store: Store, table: str) -> Examination:
    """Apply the rules of one table, as `examine` does for each of them."""
    tables = ExtractTables.of(store)
    done = Examination()
    prepare_references(store, tables)
    profiles.prepare_profiles(store, tables)
    for check in opening.CODE_CHECKS:
        done.findings.extend(check(store, tables))
    done.findings.extend(check_table(store, tables, table, RULES, done.accounting))
    return done


def _codes_without(code: str, table: str, store: Store) -> set[str]:
    """Return what the checks of the kind of a code find when the one that finds it is taken out."""
    gone = FOUND_BY.get(code, [])
    tables = ExtractTables.of(store)
    findings: list[Finding] = []
    if any(rule.code == code for rule in RULES) and table in tables.present:
        rules = [rule for rule in RULES if rule.code != code]
        findings += check_table(store, tables, table, rules, RowAccounting())
    for checks in (opening.STRUCTURE_CHECKS, opening.CODE_CHECKS, opening.TABLE_CHECKS):
        if any(check in gone for check in checks):
            findings += [found for check in checks if check not in gone for found in check(store, tables)]
    return {finding.code for finding in findings}


def test_the_valid_extract_is_clean_and_wholly_used(valid, monkeypatch):
    monkeypatch.setattr(opening, "STRUCTURE_CHECKS", EVERY_STRUCTURE_CHECK)
    report = check_extract(valid, **ONE_THREAD)
    assert report.accepted
    assert report.exit_code == 0
    assert report.findings == ()
    assert set(report.accounting["fate"]) == {"used"}


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.label)
def test_each_defect_has_its_code_and_fate_and_its_check_is_what_finds_it(
    defect: Defect, valid, tmp_path, monkeypatch
):
    with open_locked(_with(valid, tmp_path, *defect.statements), **ONE_THREAD) as store:
        if defect.code in RULES_ALONE:
            done = _examine_table(store, defect.table)
        else:
            checks = EVERY_STRUCTURE_CHECK if defect.code in OF_IDENTIFIERS else None
            done = examine(store, structure_checks=checks)
        _require_the_declared_outcome(defect, done)
        if defect.code == "D109":
            return  # the limit, not a rule; the next test moves it
        if defect.code == "D010":
            monkeypatch.setattr(one_pass, "width_rules", lambda tables, table: ())
        try:
            without = _codes_without(defect.code, defect.table, store)
        except (duckdb.Error, RncEpiError):
            return  # a later check stumbles over what this one keeps out
        assert defect.code not in without


def _require_the_declared_outcome(defect: Defect, done: Examination) -> None:
    found = [finding for finding in done.findings if finding.code == defect.code]
    assert {finding.fate for finding in found} == {defect.fate}
    assert defect.table in {finding.table for finding in found}
    if defect.rows is not None:
        assert [finding.rows for finding in found] == [defect.rows]
    assert (first_refusal(done.findings) is not None) == (defect.fate is Fate.REFUSE)
    # Codes that are only read otherwise stay in use.
    if defect.rows is not None and defect.fate in LEDGER_WORDS and defect.code not in ("D018", "D058"):
        ledger = done.accounting.frame()
        mine = ledger[(ledger["fate"] == LEDGER_WORDS[defect.fate]) & (ledger["reason"] == defect.code)]
        assert mine["rows"].tolist() == [defect.rows]
    for finding in done.findings:
        for language in ("fr", "en"):
            for public in (False, True):
                _require_no_canary(finding.message(language, public=public) + " ".join(finding.examples))


def _require_no_canary(text: str) -> None:
    for canary in (*CANARIES, NIR_OF_CORSICA):
        assert canary.lower() not in text.lower()


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


def test_the_latest_geographic_code_of_the_checks_is_the_packaged_one():
    assert LATEST_COG == GEO_VINTAGE


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


def test_all_refusals_are_listed_and_the_first_is_raised(valid, tmp_path):
    path = _with(valid, tmp_path, "UPDATE tumours SET sex = 3 WHERE tumour_key = 1",
                 "UPDATE death_cells SET events = -1 WHERE site = 'pancreas'")  # fmt: skip
    report = check_extract(path, **ONE_THREAD)
    assert {"D047", "D081"} <= set(report.codes)
    assert report.exit_code == 3
    with pytest.raises(ExtractRefused) as caught:
        open_extract(path, **ONE_THREAD)
    assert caught.value.code == first_refusal(report.findings).code
    _require_no_canary(str(caught.value))


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


def test_every_code_of_extracts_has_one_fact_list_in_both_languages():
    codes = [code for code in catalogue() if re.fullmatch(r"D\d{3}", code)]
    assert len(codes) > 60
    for code in codes:
        texts = catalogue()[code]
        assert placeholders(texts["fr"]) == placeholders(texts["en"]), code
        assert placeholders(texts["next_fr"]) == placeholders(texts["next_en"]), code


def test_every_rule_has_a_text_and_every_check_of_this_list_a_defect():
    assert {rule.code for rule in RULES} <= set(catalogue())
    covered = {defect.code for defect in DEFECTS}
    assert {rule.code for rule in RULES} <= covered
    assert set(FOUND_BY) <= covered
