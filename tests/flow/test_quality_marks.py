"""What the rules on quality do to the figures of a registry, and to no other."""

from __future__ import annotations

import pandas as pd
import pytest

from rnc_epi.cli.main import main
from rnc_epi.extracts.quality import QualityReport
from rnc_epi.extracts.quality.rules import COLUMNS
from rnc_epi.flow import run
from rnc_epi.quality_marks import POOR_DATA, marked
from rnc_epi.report import open_content
from rnc_epi.report.quality_notices import quality_notices
from rnc_epi.vocabulary.schemas import as_result
from tests.extract_builder import write_extract

SAME = {
    "indicator": "asr", "measure_unit": "rate", "per": 100_000, "event_type": "incidence", "site": "lung",
    "sex": 1, "geo_level": "registry_zone", "geo_vintage": "v", "period_from": 2016, "period_until": 2021,
    "age_from": 0, "value": 50.0, "lower": 40.0, "upper": 60.0, "events": 400.0, "status": "estimated",
    "estimator": "observed",
}  # fmt: skip


def results() -> pd.DataFrame:
    rows = [
        {"geo_code": "poor"},
        {"geo_code": "good"},
        {"geo_code": "ALL"},
        {"geo_code": "poor", "site": "breast", "sex": 2},
        {"geo_code": "poor", "event_type": "death"},
    ]
    return as_result(pd.DataFrame([SAME | row for row in rows]))


def report(action: str) -> QualityReport:
    actions = pd.DataFrame(
        [("poor", "lung", 1, 2016, 2021, action, "Q021", "x", 1.0, 1.0)], columns=list(COLUMNS)
    )
    return QualityReport("x", pd.DataFrame(), actions)


@pytest.mark.parametrize(
    ("action", "block", "lost"), [("flag", True, 0), ("block", False, 0), ("block", True, 1)]
)
def test_a_rule_marks_its_registry_and_blocks_only_where_it_says_so(
    action: str, block: bool, lost: int
) -> None:
    table = marked(results(), report(action), block=block)
    graded = table[table["data_grade"].eq("Q021")]
    assert graded[["geo_code", "site", "event_type"]].values.tolist() == [["poor", "lung", "incidence"]]
    assert table["status"].eq("not_estimable").sum() == lost
    assert graded["value"].isna().sum() == lost
    assert table["events"].eq(400.0).all(), "secrecy is judged on the count, whatever its quality"


PLACES = pd.DataFrame(
    [
        ("poor", "departement", "38", "v"),
        ("poor", "region", "84", "v"),
        ("other", "region", "84", "v"),
        ("other", "departement", "01", "v"),
        ("poor", "registry_zone", "wide", "v"),
    ],
    columns=["registry", "geo_level", "geo_code", "geo_vintage"],
)
SITES = {"poor": frozenset({"lung", "breast"}), "other": frozenset({"lung"})}


def placed(*actions: tuple[object, ...]) -> QualityReport:
    return QualityReport(
        "x", pd.DataFrame(), pd.DataFrame(list(actions), columns=list(COLUMNS)), PLACES, SITES
    )


def test_an_area_shows_no_more_than_the_registry_whose_cases_it_holds() -> None:
    rows = [
        {"geo_level": "departement", "geo_code": "38"},
        {"geo_level": "region", "geo_code": "84"},
        {"geo_level": "region", "geo_code": "84", "stratum_type": "deprivation", "stratum": "Q1"},
        {"geo_level": "region", "geo_code": "84", "estimator": "calibrated", "data_grade": "A++"},
        {"geo_level": "departement", "geo_code": "01"},
        {"geo_level": "departement", "geo_code": "38", "geo_vintage": "older"},
        {"geo_level": "registry_zone", "geo_code": "wide"},
        {"geo_level": "registry_zone", "geo_code": "ALL"},
        {
            "geo_level": "departement",
            "geo_code": "38",
            "sex": 2,
            "status": "not_estimable",
            "reason": "no_cases",
        },
    ]
    table = as_result(pd.DataFrame([SAME | row for row in rows]))
    whole = ("poor", "all_cancers", 0, 2016, 2021, "block", "Q021", "x", 1.0, 1.0)
    also = ("other", "all_cancers", 0, 2016, 2021, "flag", "Q010", "x", 1.0, 1.0)
    found = marked(table, placed(whole, also), block=True)
    # A zone is that of its registry, whichever others have cases there; the pooled one has no mark.
    keys = found[["geo_level", "geo_code", "geo_vintage", "stratum", "estimator", "sex"]].astype(str)
    told = dict(zip(map(tuple, keys.values), found[["data_grade", "reason"]].values.tolist(), strict=True))
    assert told == {
        ("departement", "38", "v", "_", "observed", "1"): ["Q021", POOR_DATA],
        ("region", "84", "v", "_", "observed", "1"): ["Q010+Q021", POOR_DATA],
        ("region", "84", "v", "Q1", "observed", "1"): ["Q010+Q021", POOR_DATA],
        ("region", "84", "v", "_", "calibrated", "1"): ["A++", "_"],
        ("departement", "01", "v", "_", "observed", "1"): ["Q010", "_"],
        ("departement", "38", "older", "_", "observed", "1"): ["_", "_"],
        ("registry_zone", "wide", "v", "_", "observed", "1"): ["_", "_"],
        ("registry_zone", "ALL", "v", "_", "observed", "1"): ["_", "_"],
        ("departement", "38", "v", "_", "observed", "2"): ["Q021", "no_cases"],
    }
    # A registry without a case of the site says nothing of it.
    breast = as_result(pd.DataFrame([SAME | rows[1] | {"site": "breast", "sex": 2}]))
    assert marked(breast, placed(also), block=True)["data_grade"].tolist() == ["_"]


@pytest.mark.parametrize(
    ("kind", "grade"),
    [("deprivation|stage:late", "Q060"), ("stage", "Q060"), ("deprivation", "_"), ("_", "_")],
)
def test_missing_stages_mark_numbers_by_stage_and_no_others(kind: str, grade: str) -> None:
    table = as_result(pd.DataFrame([SAME | {"geo_code": "poor", "stratum_type": kind, "stratum": "all"}]))
    missing = ("poor", "lung", 0, 2016, 2021, "flag", "Q060", "missing_stage", 1.0, 1.0)
    assert marked(table, placed(missing), block=True)["data_grade"].tolist() == [grade]


STUDY = """schema = 1
title = "Essai"
extract = "x.duckdb"
[select]
sites = ["prostate"]
sexes = [1]
events = ["incidence"]
geo_levels = ["registry_zone", "region", "departement"]
pooled = ["2016-2018"]
[quality]
rules = "block"
[outputs]
formats = ["csv"]
[disclosure]
policy = "p.toml"
"""
POLICY = """schema = 1
name = "essai"
threshold = 11
[precision]
count = 0
rate = 1
ratio = 2
percent = 1
[[plan]]
geo_level = "region"
minimum_years = 3
age_detail = false
[[plan]]
geo_level = "departement"
minimum_years = 3
age_detail = false
[[plan]]
geo_level = "registry_zone"
minimum_years = 3
age_detail = false
"""


def test_a_run_that_blocks_a_registry_gives_its_incidence_at_no_level(tmp_path) -> None:
    # Isère, which makes up the département 38, has a third of its cases from certificates alone.
    write_extract(
        tmp_path / "x.duckdb",
        statements=[
            "UPDATE tumours SET basis_of_diagnosis = 0, follow_up_days = 0, vital_status = 1 "
            "WHERE tumour_key % 3 = 0"
        ],
    )
    (tmp_path / "study.toml").write_text(STUDY)
    (tmp_path / "p.toml").write_text(POLICY)
    with pytest.raises(SystemExit) as end:
        main(["run", str(tmp_path / "study.toml"), "--out", str(tmp_path / "out"), "--threads", "1"])
    assert not end.value.code
    (table,) = (tmp_path / "out" / "staged").glob("*/indicators.csv")
    shown = pd.read_csv(table, dtype=str, keep_default_na=False)
    shown = shown[shown["indicator"] == "asr"].set_index(["geo_level", "geo_code"])["status"]
    assert shown["departement", "14"] == shown["registry_zone", "calvados"] == "published"
    assert shown["departement", "38"] == shown["registry_zone", "isere"] == "not_estimable"
    assert "Q021" in pd.read_parquet(next((tmp_path / "out" / "internal").glob("*/results.parquet")))[
        "data_grade"
    ].str.cat(sep=" ")


def test_a_run_that_flags_a_registry_shows_its_figures_with_a_notice_in_the_report(tmp_path) -> None:
    write_extract(
        tmp_path / "x.duckdb",
        statements=[
            "UPDATE tumours SET basis_of_diagnosis = 0, follow_up_days = 0, vital_status = 1 "
            "WHERE tumour_key % 3 = 0"
        ],
    )
    (tmp_path / "study.toml").write_text(STUDY.replace('"block"', '"flag"'))
    (tmp_path / "p.toml").write_text(POLICY)
    staged = run(tmp_path / "study.toml", tmp_path / "out", threads=1)
    section = quality_notices(open_content(staged), "fr")
    assert section is not None
    told = [item for item in section.items if "(Q021)" in item]
    # The région has no incidence of its own: no registry covers the Ain.
    assert {item.split(" —")[0] for item in told} == {"Zone de registre", "Département"}
    assert all("certificat de décès" in item and "2016-2018" in item for item in told)
    assert not any("Calvados" in item for item in told)
    assert any("Isère" in item for item in told)


def test_a_table_without_broken_rules_stays_as_it_is() -> None:
    empty = QualityReport("x", pd.DataFrame(), pd.DataFrame(columns=list(COLUMNS)))
    pd.testing.assert_frame_equal(marked(results(), empty, block=True), results())
