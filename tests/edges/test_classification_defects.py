"""Each contradiction of codes has its code, its fate and its text; without its rule it would go unseen."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb
import pandas as pd
import pytest

from rnc_epi.extracts.classification import (
    apply_codes,
    apply_multiple_primaries,
    check_codes,
    childhood_counts,
    share_out_uterus,
)
from rnc_epi.extracts.classification.consistency import CODE_RULES, STEP
from rnc_epi.extracts.contract_checks.findings import Fate, key_hash
from rnc_epi.extracts.opening import Extract, open_extract
from rnc_epi.store import RowAccounting, open_locked
from rnc_epi.vocabulary.contract import TABLES
from rnc_epi.vocabulary.errors import ExtractRefused, catalogue, placeholders
from tests.extract_builder import VINTAGE, minimal_tables, write_extract

ONE_THREAD = {"threads": 1, "memory_limit": "500MB"}


@dataclass(frozen=True)
class Contradiction:
    """A code, its fate, and what to set in one tumour (a man of 64, colon, say) to make it."""

    code: str
    fate: Fate
    set: str


_C61 = "topography = 'C61.9', sex = 1"
CONTRADICTIONS = (
    Contradiction("O003", Fate.WARN, "morphology = '8999'"),
    Contradiction("O004", Fate.QUARANTINE, "topography = 'C40.2', morphology = '8720'"),
    Contradiction("O004", Fate.QUARANTINE, "topography = 'C34.1', morphology = '9510', age_years = 3"),
    Contradiction("O005", Fate.WARN, "topography = 'C18.7', morphology = '8312'"),
    Contradiction("O005", Fate.WARN, "topography = 'C71.0', morphology = '8140'"),
    Contradiction("O006", Fate.WARN, "topography = 'C18.7', morphology = '9823'"),
    Contradiction("O007", Fate.WARN, "topography = 'C48.1', morphology = '8441', sex = 1"),
    Contradiction("O007", Fate.WARN, "topography = 'C49.9', morphology = '9061', sex = 2"),
    Contradiction("O008", Fate.WARN, f"{_C61}, age_years = 39"),
    Contradiction("O008", Fate.WARN, "topography = 'C69.2', morphology = '9510', age_years = 6"),
    Contradiction("O008", Fate.WARN, "topography = 'C19.9', age_years = 19"),
    Contradiction("O009", Fate.QUARANTINE, f"{_C61}, age_years = 14"),
    Contradiction("O010", Fate.WARN, "basis_of_diagnosis = 2"),
    Contradiction("O011", Fate.WARN, "behaviour = 2, basis_of_diagnosis = 2"),
    Contradiction("O011", Fate.WARN, "behaviour = 2, basis_of_diagnosis = 6"),
    Contradiction("O012", Fate.WARN, "topography = 'C49.1', morphology = '8890', behaviour = 2"),
    Contradiction("O013", Fate.WARN, "behaviour = 6"),
    Contradiction("O017", Fate.WARN, "topography = 'C80.9', morphology = '8000', stage = '3'"),
    Contradiction("O018", Fate.WARN, "behaviour = 2, stage = '3'"),
)


@pytest.fixture(scope="module")
def valid(tmp_path_factory):
    # The small extract has adults' cancers at every age; here they have likely ages.
    likely = "UPDATE tumours SET age_years = 60 + age_years % 10 WHERE age_years < 40"
    return write_extract(tmp_path_factory.mktemp("valid") / "x.duckdb", statements=[likely])


def _with(valid, tmp_path, *statements: str):
    path = shutil.copy(valid, tmp_path / "x.duckdb")
    writer = duckdb.connect(path)
    for statement in statements:
        writer.execute(statement)
    writer.close()
    return tmp_path / "x.duckdb"


@contextmanager
def _opened(path):
    """Give an extract whose rows all passed the contract, which is not asked: it has tests of its own."""
    with open_locked(path, **ONE_THREAD) as store:
        _all_rows_pass(store)
        yield Extract(store, tuple(store.tables), (), RowAccounting())


def _all_rows_pass(store):
    for name in store.tables:
        store.run_view(f"usable_{name}", f'SELECT * FROM extract.main."{name}"')


@pytest.fixture(scope="module")
def contradicting(valid, tmp_path_factory):
    """Give a store with one tumour for each case, by its key, and a function that checks it anew."""
    path = shutil.copy(valid, tmp_path_factory.mktemp("contradicting") / "x.duckdb")
    writer = duckdb.connect(path)
    chosen = writer.execute(
        "SELECT tumour_key FROM tumours WHERE sex = 1 AND topography = 'C18.7' ORDER BY tumour_key"
    ).fetchall()
    keys = [key for (key,) in chosen[: len(CONTRADICTIONS)]]
    for key, case in zip(keys, CONTRADICTIONS, strict=True):
        writer.execute(f"UPDATE tumours SET {case.set} WHERE tumour_key = {key}")
    writer.close()
    with open_locked(path, **ONE_THREAD) as store:

        def checked(rules):
            _all_rows_pass(store)
            ledger = RowAccounting()
            return list(check_codes(store, ledger, rules=rules)), ledger.frame()

        yield dict(zip(CONTRADICTIONS, keys, strict=True)), checked


def _checked(path):
    with _opened(path) as extract:
        return list(check_codes(extract.store, extract.accounting)), extract.accounting.frame()


def test_codes_that_agree_are_told_nothing_of(valid):
    found, ledger = _checked(valid)
    assert found == []
    assert list(ledger["fate"]) == ["used"]


@pytest.mark.parametrize("case", CONTRADICTIONS, ids=lambda case: f"{case.code} {case.set}")
def test_each_contradiction_has_its_code_and_its_rule_is_what_finds_it(case, contradicting):
    keys, checked = contradicting
    found, ledger = checked(CODE_RULES)
    mine = [finding for finding in found if finding.code == case.code]
    assert [finding.fate for finding in mine] == [case.fate]
    assert key_hash(keys[case]) in mine[0].examples
    for language in ("fr", "en"):
        assert "<11" in mine[0].message(language, public=True)
    aside = ledger[ledger["fate"] == "quarantined"]
    assert (case.code in set(aside["reason"])) == (case.fate is Fate.QUARANTINE)
    without, _ = checked([rule for rule in CODE_RULES if rule.code != case.code])
    assert case.code not in {finding.code for finding in without}


def test_every_rule_of_codes_has_a_case_and_texts_in_both_languages():
    codes = {rule.code for rule in CODE_RULES}
    assert {case.code for case in CONTRADICTIONS} == codes
    for code in codes:
        texts = catalogue()[code]
        assert placeholders(texts["fr"]) == placeholders(texts["en"]) == {"rows", "table", "source"}


def test_what_is_set_aside_leaves_the_usable_table_and_nothing_else_does(valid, tmp_path):
    path = _with(valid, tmp_path, f"UPDATE tumours SET {_C61}, age_years = 9 WHERE tumour_key = 1")
    with _opened(path) as extract:
        before = extract.store.rows("SELECT tumour_key FROM usable_tumours")
        list(check_codes(extract.store, extract.accounting))
        after = extract.store.rows("SELECT tumour_key FROM usable_tumours")
        gone = {key for (key,) in before} - {key for (key,) in after}
        ledger = extract.accounting.frame()
        assert len(before) == len(after) + 1
        assert len(gone) == 1
        mine = ledger[ledger["step"] == STEP]
        assert int(mine["rows"].sum()) == len(before)
        # A second pass finds nothing left.
        again = [f.code for f in check_codes(extract.store, RowAccounting()) if f.fate is Fate.QUARANTINE]
        assert again == []


def test_a_study_applies_all_that_it_asks_for_in_one_call(valid, tmp_path):
    path = _with(
        valid,
        tmp_path,
        *_same_person("topography = 'C18.0', morphology = '8140'"),
        f"UPDATE tumours SET {_C61}, age_years = 9 WHERE tumour_key = 3",
    )
    with open_extract(path, **ONE_THREAD) as extract:
        before = extract.store.rows("SELECT count(*) FROM usable_tumours")[0][0]
        done = apply_codes(extract, multiple_primaries=True, uterus=True)
        left = extract.store.rows("SELECT count(*) FROM usable_tumours")[0][0]
    assert "O009" in {finding.code for finding in done.findings}
    assert (done.primaries.excluded, done.deaths_shared) == (1, 0)
    assert left == before - 2


def test_only_what_is_asked_for_is_applied(valid):
    with _opened(valid) as extract:
        done = apply_codes(extract)
    assert (done.findings, done.primaries, done.deaths_shared) == ((), None, None)


def test_impossible_codes_refuse_the_study(valid, tmp_path):
    path = _with(
        valid, tmp_path, "UPDATE tumours SET morphology = '8720', topography = 'C41.0' WHERE sex = 1"
    )
    with _opened(path) as extract, pytest.raises(ExtractRefused, match="D109"):
        apply_codes(extract)


def test_more_impossible_codes_than_the_limit_refuse_the_extract(valid, tmp_path):
    path = _with(
        valid, tmp_path, "UPDATE tumours SET morphology = '8720', topography = 'C41.0' WHERE sex = 1"
    )
    with _opened(path) as extract:
        found = list(check_codes(extract.store, extract.accounting))
    assert ("D109", Fate.REFUSE) in {(finding.code, finding.fate) for finding in found}


# ---------------------------------------------------------------------------- several tumours of one person


def _same_person(second: str) -> tuple[str, ...]:
    """Make the second tumour of the registry one of the same person as the first, later, with other codes."""
    return (
        "UPDATE tumours SET person_key = (SELECT person_key FROM tumours WHERE tumour_key = 1), year = 2018, "
        f"sex = (SELECT sex FROM tumours WHERE tumour_key = 1), {second} WHERE tumour_key = 2",
        "UPDATE tumours SET year = 2016, topography = 'C18.7', morphology = '8140' WHERE tumour_key = 1",
    )


def test_a_second_tumour_of_the_colon_is_told_and_left_out_on_request(valid, tmp_path):
    path = _with(valid, tmp_path, *_same_person("topography = 'C18.0', morphology = '8480'"))
    found, _ = _checked(path)
    assert [(finding.code, finding.rows) for finding in found] == [("O016", 1)]
    with _opened(path) as extract:
        before = extract.store.rows("SELECT count(*) FROM usable_tumours")[0][0]
        done = apply_multiple_primaries(extract)
        after = extract.store.rows(
            "SELECT count(*), count(*) FILTER (WHERE tumour_key = 2) FROM usable_tumours"
        )
        assert (done.excluded, done.undecided) == (1, 0)
        assert after == [(before - 1, 0)]
        ledger = extract.accounting.frame()
        mine = ledger[ledger["step"] == "multiple_primaries"]
        assert dict(zip(mine["reason"], mine["rows"], strict=True)) == {
            "_": before - 1,
            "not_a_new_primary": 1,
        }


@pytest.mark.parametrize(
    ("second", "excluded", "undecided"),
    [
        ("topography = 'C34.1', morphology = '8140'", 0, 0),
        ("topography = 'C18.7', morphology = '8800'", 0, 0),
        ("topography = 'C18.7', morphology = '8010'", 1, 0),
        ("topography = 'C80.9', morphology = '8140'", 0, 1),
        ("topography = 'C18.7', morphology = '8140', behaviour = 2", 0, 0),
    ],
)
def test_a_second_tumour_counts_by_the_rules_of_2004(second, excluded, undecided, valid, tmp_path):
    with _opened(_with(valid, tmp_path, *_same_person(second))) as extract:
        done = apply_multiple_primaries(extract)
    assert (done.excluded, done.undecided) == (excluded, undecided)


def test_rules_of_primaries_refuse_tumours_without_persons(valid, tmp_path):
    path = _with(valid, tmp_path, "UPDATE tumours SET person_key = NULL")
    with (
        _opened(path) as extract,
        pytest.raises(ExtractRefused, match="O091"),
    ):
        apply_multiple_primaries(extract)


# ------------------------------------------------------------------------------------- deaths of the uterus


def _uterine_deaths(tmp_path, *, icd10: bool = False, ages: bool = True):
    tables = minimal_tables()
    cells = tables["death_cells"]
    columns = list(cells.columns)
    rows = []
    for code in ("01", "14", "38"):
        for start in (35, 55, 75):
            for site, icd, events in (
                ("cervix_uteri", "C53", 2), ("corpus_uteri", "C54", 3), ("uterus_unspecified", "C55", 5)
            ):  # fmt: skip
                row = dict.fromkeys(columns)
                row |= {
                    "source": "cepidc", "site": None if icd10 else site, "icd10": icd if icd10 else None,
                    "sex": 2, "geo_level": "departement", "geo_code": code, "geo_vintage": VINTAGE,
                    "period_from": 2016, "period_until": 2017, "age_from": start if ages else None,
                    "age_until": start + 5 if ages else None, "age_status": "known" if ages else "unknown",
                    "events": events if ages or start == 35 else 0,
                }  # fmt: skip
                if row["events"]:
                    rows.append(row)
    for row in rows:
        cells.loc[len(cells)] = [row[name] for name in columns]
    return write_extract(tmp_path / "deaths.duckdb", tables)


@pytest.mark.parametrize("icd10", [False, True])
def test_deaths_without_site_go_to_cervix_and_corpus_by_age_and_none_is_lost(icd10, tmp_path):
    by_age = "SELECT age_from, {} AS part, CAST(sum(events) AS BIGINT) FROM usable_death_cells GROUP BY ALL"
    part = "substr(icd10, 1, 3)" if icd10 else "site"
    with _opened(_uterine_deaths(tmp_path, icd10=icd10)) as extract:
        before = extract.store.rows("SELECT CAST(sum(events) AS BIGINT) FROM usable_death_cells")
        assert share_out_uterus(extract) == 45
        assert extract.store.rows("SELECT CAST(sum(events) AS BIGINT) FROM usable_death_cells") == before
        found = {(age, name): events for age, name, events in extract.store.rows(by_age.format(part))}
        assert share_out_uterus(extract) == 0
    cervix, corpus, unspecified = ("C53", "C54", "C55") if icd10 else (
        "cervix_uteri", "corpus_uteri", "uterus_unspecified"
    )  # fmt: skip
    assert not [key for key in found if key[1] == unspecified]
    # Three départements, 6 + 9 + 15 deaths at each age. At 35-39 the cervix should have 28.5 of 30 and can
    # have 21; at 55-59 (middle 57.5: share 0.6) 18 of 30; at 75-79 10.5 of 30.
    assert (found[35, cervix], found[35, corpus]) == (21, 9)
    assert (found[55, cervix], found[55, corpus]) == (18, 12)
    assert found[75, cervix] in (10, 11)
    assert found[75, cervix] + found[75, corpus] == 30


def test_uterine_deaths_without_any_age_cannot_be_shared_out(tmp_path):
    with (
        _opened(_uterine_deaths(tmp_path, ages=False)) as extract,
        pytest.raises(ExtractRefused, match="O092"),
    ):
        share_out_uterus(extract)


def test_rows_of_deaths_are_shared_out_as_cells_are(tmp_path):
    tables = minimal_tables()
    tables.pop("death_cells")
    scope = tables["cells_scope"]
    tables["cells_scope"] = scope[scope["table_name"] != "death_cells"]
    columns = list(TABLES["deaths"].column_names)
    rows = [
        (key, "cepidc", 2, 75 + key % 5, 2016, cause, "departement", "38", VINTAGE)
        for key, cause in enumerate(["C53.9"] * 2 + ["C54.1"] * 3 + ["C55"] * 15, start=1)
    ]
    tables["deaths"] = pd.DataFrame(rows, columns=columns, dtype=object)
    with _opened(write_extract(tmp_path / "rows.duckdb", tables)) as extract:
        assert share_out_uterus(extract) == 15
        found = dict(
            extract.store.rows("SELECT substr(cause_icd10, 1, 3), count(*) FROM usable_deaths GROUP BY 1")
        )
    # 35 % of 20 are 7: 2 certified and 5 more.
    assert found == {"C53": 7, "C54": 13}


def test_children_are_counted_by_group_and_adults_are_not(valid, tmp_path):
    path = _with(
        valid,
        tmp_path,
        "UPDATE tumours SET topography = 'C64.9', morphology = '8960', age_years = 3 WHERE tumour_key = 1",
        "UPDATE tumours SET topography = 'C70.0', morphology = '9530', behaviour = 0, age_years = 12 "
        "WHERE tumour_key = 2",
        "UPDATE tumours SET topography = 'C64.9', morphology = '8960', age_years = 20 WHERE tumour_key = 3",
    )
    with _opened(path) as extract:
        found = childhood_counts(extract)
        under = extract.store.rows("SELECT count(*) FROM usable_tumours WHERE age_years < 20")[0][0]
    groups = found.groupby("childhood_group")["events"].sum()
    assert (groups["VIa"], groups["IIIe"]) == (1, 1)
    assert int(found["events"].sum()) == under
    assert set(found["age_from"]) <= {0, 5, 10, 15}
