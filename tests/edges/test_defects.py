"""Every defect of an extract has its code, its fate and its text; without its check it would go unseen."""

from __future__ import annotations

import re

import duckdb
import pytest

from rnc_epi.extracts import opening
from rnc_epi.extracts.check_report import check_extract
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
from rnc_epi.extracts.contract_checks.findings import LEDGER_WORDS, Fate, first_refusal
from rnc_epi.extracts.contract_checks.rules import LATEST_COG, RULES
from rnc_epi.extracts.geography import GEO_VINTAGE
from rnc_epi.vocabulary.errors import RncEpiError, catalogue, placeholders
from tests.edges.defects_of_extracts import DEFECTS, Defect, require_no_canary
from tests.edges.stand import Examined, Stand, codes_without_rule, examined
from tests.extract_builder import write_extract

ONE_THREAD = {"threads": 1, "memory_limit": "500MB"}
#: What reads every text for identifiers takes most of the time of a small extract, and has tests of its own.
OF_STRUCTURE = [check for check in opening.STRUCTURE_CHECKS if check.__module__.endswith(".structure")]
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
    "D113": [keys.overlapping_periods, places.memberships_twice],
    "D146": [places.areas_within_themselves],
    "D147": [places.outlines_that_cannot_be_read],
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


@pytest.fixture(scope="module")
def stand(valid, tmp_path_factory) -> Stand:
    return Stand(valid, tmp_path_factory.mktemp("stand"))


def test_the_valid_extract_is_clean_and_wholly_used(valid):
    report = check_extract(valid, **ONE_THREAD)
    assert report.accepted
    assert report.exit_code == 0
    assert report.findings == ()
    assert set(report.accounting["fate"]) == {"used"}


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.label)
def test_each_defect_has_its_code_and_fate_and_its_check_is_what_finds_it(defect: Defect, stand, monkeypatch):
    every = opening.STRUCTURE_CHECKS if defect.code in OF_IDENTIFIERS else OF_STRUCTURE
    with stand.with_defect(defect.statements) as store:
        done = examined(store, defect.statements, every, rules_alone=defect.code in RULES_ALONE)
        _require_the_declared_outcome(defect, done)
        if defect.code == "D109":
            return  # the limit, not a rule; another test moves it
        assert defect.code not in done.codes_without(FOUND_BY.get(defect.code, []))
        if all(rule.code != defect.code for rule in RULES):
            return
        if defect.code == "D010":
            monkeypatch.setattr(one_pass, "width_rules", lambda tables, table: ())
        try:
            without = codes_without_rule(defect.code, defect.table, store)
        except (duckdb.Error, RncEpiError):
            return  # a later check stumbles over what this one keeps out
        assert defect.code not in without


def test_what_the_stand_says_of_a_defect_is_what_a_file_with_it_says(valid, stand, tmp_path):
    # One defect of a rule, one of a whole table, one of structure; all three through the public function.
    for code in ("D047", "D082", "D007"):
        defect = next(defect for defect in DEFECTS if defect.code == code)
        path = tmp_path / f"{code}.duckdb"
        path.write_bytes(valid.read_bytes())
        with duckdb.connect(str(path)) as writer:
            for statement in defect.statements:
                writer.execute(statement)
        with stand.with_defect(defect.statements) as store:
            done = examined(store, defect.statements, opening.STRUCTURE_CHECKS, rules_alone=False)
        assert tuple(done.findings) == check_extract(path, **ONE_THREAD).findings


def _require_the_declared_outcome(defect: Defect, done: Examined) -> None:
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
                require_no_canary(finding.message(language, public=public) + " ".join(finding.examples))


def test_the_latest_geographic_code_of_the_checks_is_the_packaged_one():
    assert LATEST_COG == GEO_VINTAGE


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
