"""Indicators of quality by hand: shares, completeness, comparison of registries."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd
import pytest

from rnc_epi.extracts.quality.comparison import compared
from rnc_epi.extracts.quality.completeness import one_minus_survival
from rnc_epi.extracts.quality.shares import NOT_APPLICABLE, NOT_ESTIMABLE, OK
from rnc_epi.maths.intervals import wilson_interval
from tests.extract_builder import write_extract
from tests.quality_reports import ALL, POOLED, changed, one, report_of, shares_of


@pytest.fixture(scope="module")
def valid(tmp_path_factory):
    return write_extract(tmp_path_factory.mktemp("valid") / "x.duckdb")


@pytest.fixture(scope="module")
def report(valid):
    return report_of(valid)


def test_shares_are_those_counted_in_the_rows(valid, tmp_path):
    path = changed(
        valid,
        tmp_path,
        "UPDATE tumours SET basis_of_diagnosis = 0 WHERE tumour_key % 10 = 0",
        "UPDATE tumours SET basis_of_diagnosis = 2 WHERE tumour_key % 10 = 1",
        "UPDATE tumours SET stage = '2' WHERE tumour_key % 4 = 0",
        "UPDATE tumours SET morphology = '8000' WHERE tumour_key % 10 = 0",
    )
    rows = duckdb.connect(path, read_only=True).execute(
        "SELECT count(*), count(*) FILTER (WHERE basis_of_diagnosis = 7), "
        "count(*) FILTER (WHERE basis_of_diagnosis = 0), count(*) FILTER (WHERE stage IS NULL), "
        "count(*) FILTER (WHERE morphology = '8000'), count(*) FILTER (WHERE age_years IS NULL) FROM tumours"
    )
    total, *parts = rows.fetchone()
    table = report_of(path).indicators
    names = (
        *("microscopically_verified", "death_certificate_only", "missing_stage"),
        *("unspecified_morphology", "unknown_age"),
    )
    for name, part in zip(names, parts, strict=True):
        row = one(table, registry="isere", indicator=name, **ALL, **POOLED)
        assert (row["part"], row["whole"]) == (part, total)
        limits = wilson_interval(part, total)
        assert row["value"] == pytest.approx(100 * part / total)
        assert (row["lower"], row["upper"]) == pytest.approx((100 * limits.lower, 100 * limits.upper))


def test_years_and_sexes_add_up_to_the_whole(report):
    table = report.indicators
    mine = table[(table["registry"] == "isere") & (table["indicator"] == "missing_stage")]
    mine = mine[mine["site"] == "all_cancers"]
    yearly = mine[mine["period_until"] - mine["period_from"] == 1]
    pooled = one(mine, sex=0, **POOLED)
    assert yearly.loc[yearly["sex"] == 0, "whole"].sum() == pooled["whole"]
    assert (
        mine.loc[(mine["sex"] > 0) & (mine["period_until"] - mine["period_from"] == 3), "whole"].sum()
        == (pooled["whole"])
    )


def test_in_situ_tumours_are_in_no_share(valid, tmp_path, report):
    path = changed(valid, tmp_path, "UPDATE tumours SET behaviour = 2 WHERE tumour_key <= 30")
    keys = {"registry": "isere", "indicator": "missing_stage", **ALL, **POOLED}
    before, after = one(report.indicators, **keys), one(report_of(path).indicators, **keys)
    assert after["whole"] == before["whole"] - 30


def test_cells_do_not_say_how_cases_are_known(report):
    table = report.indicators
    for name in ("microscopically_verified", "death_certificate_only", "missing_stage"):
        row = one(table, registry="calvados", indicator=name, **ALL, **POOLED)
        assert row["status"] == NOT_ESTIMABLE
        assert np.isnan(row["value"])
    assert one(table, registry="calvados", indicator="unknown_age", **ALL, **POOLED)["status"] == OK


def test_a_coarser_site_does_not_say_how_many_have_no_primary_site(valid, tmp_path, report):
    keys = {"registry": "calvados", "indicator": "primary_site_unknown", **ALL, **POOLED}
    assert one(report.indicators, **keys)["status"] == NOT_ESTIMABLE
    path = changed(
        valid,
        tmp_path,
        "UPDATE incidence_cells SET site = 'unknown_primary' WHERE site = 'pancreas' AND sex = 2",
    )
    row = one(report_of(path).indicators, **keys)
    assert row["status"] == OK
    assert row["part"] > 0


def test_without_certificates_the_share_of_certificate_only_is_not_applicable_and_no_zero(valid, tmp_path):
    keys = {"indicator": "death_certificate_only", **ALL, **POOLED}
    row = one(report_of(valid).indicators, registry="isere", **keys)
    assert row["status"] == NOT_APPLICABLE
    assert np.isnan(row["value"])
    # A registry that is not known to do without certificates has a zero, which is told.
    renamed = [
        f"UPDATE {name} SET registry = 'elsewhere' WHERE registry = 'isere'"
        for name in ("tumours", "coverage")
    ]
    unknown = report_of(changed(valid, tmp_path, *renamed))
    row = one(unknown.indicators, registry="elsewhere", **keys)
    assert (row["status"], row["value"]) == (OK, 0.0)
    assert "Q022" in set(unknown.actions["code"])
    # One that has such cases uses certificates, whatever the table of registries says.
    (tmp_path / "again").mkdir()
    path = changed(
        valid, tmp_path / "again", "UPDATE tumours SET basis_of_diagnosis = 0 WHERE tumour_key % 50 = 0"
    )
    assert one(report_of(path).indicators, registry="isere", **keys)["status"] == OK


def test_diseases_of_the_blood_have_no_missing_stage(valid, tmp_path, report):
    path = changed(
        valid, tmp_path, "UPDATE tumours SET topography = 'C42.1', morphology = '9861' WHERE tumour_key <= 40"
    )
    keys = {"registry": "isere", "indicator": "missing_stage", **ALL, **POOLED}
    before, after = one(report.indicators, **keys), one(report_of(path).indicators, **keys)
    assert after["whole"] == before["whole"] - 40


def test_the_ratio_of_deaths_to_cases_is_that_of_the_same_area_and_years(valid, report):
    connection = duckdb.connect(valid, read_only=True)
    dead = connection.execute(
        "SELECT sum(events) FROM death_cells WHERE geo_code = '38' AND site = 'pancreas'"
    ).fetchone()[0]
    cases = connection.execute("SELECT count(*) FROM tumours WHERE topography = 'C25.0'").fetchone()[0]
    row = one(
        report.indicators, registry="isere", indicator="mortality_incidence_ratio", site="pancreas", sex=0
    )
    assert (row["part"], row["whole"]) == (dead, cases)
    assert row["value"] == pytest.approx(dead / cases)


def test_survival_by_hand():
    # 20 of 100 die in the first month, 40 leave in the second, 10 of 40 die in the third: 0.8 x 0.75.
    table = pd.DataFrame({"month": [0, 1, 2, 90], "deaths": [20, 0, 10, 0], "censored": [0, 40, 0, 30]})
    dying, error = one_minus_survival(table)
    assert dying == pytest.approx(0.4)
    # Greenwood: S² (20/(100·80) + 10/(40·30)).
    assert error == pytest.approx(0.6 * np.sqrt(20 / 8000 + 10 / 1200))
    few = table.assign(censored=[0, 40, 20, 10])
    assert np.isnan(one_minus_survival(few)[0])


def test_a_year_is_held_against_its_two_neighbours(valid, tmp_path):
    path = changed(valid, tmp_path, "DELETE FROM tumours WHERE year = 2017 AND tumour_key % 2 = 0")
    made = report_of(path)
    rows = duckdb.connect(path, read_only=True).execute(
        "SELECT year, count(*) FROM tumours GROUP BY 1 ORDER BY 1"
    )
    counts = dict(rows.fetchall())
    # Person-years are the same each year in this extract.
    row = one(made.indicators, registry="isere", indicator="yearly_count", period_from=2017)
    assert row["value"] == pytest.approx(2 * counts[2017] / (counts[2016] + counts[2018]))
    flagged = made.actions[made.actions["code"] == "Q080"]
    assert (flagged["registry"] == "isere").all()
    assert 2017 in set(flagged["period_from"])


def test_expected_children_are_rates_times_person_years(valid, report):
    people = duckdb.connect(valid, read_only=True).execute(
        "SELECT sex, age_from, CAST(sum(person_years) AS DOUBLE) FROM person_years "
        "WHERE geo_code = '38' AND age_from < 15 GROUP BY ALL"
    )
    # Published rates per 100 000 of the pooled French registries, CI5 volume XII.
    rates = {(1, 0): 20.0, (1, 5): 12.6, (1, 10): 13.5, (2, 0): 19.2, (2, 5): 9.9, (2, 10): 11.6}
    due = sum(rates[sex, age] * years / 1e5 for sex, age, years in people.fetchall())
    row = one(report.indicators, registry="isere", indicator="childhood_ratio", sex=0)
    assert row["whole"] == pytest.approx(due)
    assert row["value"] == pytest.approx(row["part"] / due)


def test_a_registry_that_ends_early_is_behind(valid, tmp_path, report):
    keys = {"registry": "isere", "indicator": "years_behind"}
    assert one(report.indicators, **keys)["value"] == 0
    path = changed(
        valid,
        tmp_path,
        "DELETE FROM tumours WHERE year > 2016",
        "INSERT INTO death_cells SELECT source, site, icd10, sex, geo_level, geo_code, geo_vintage, 2021, "
        "2022, age_from, age_until, age_status, events FROM death_cells WHERE period_from = 2018",
    )
    made = report_of(path)
    assert one(made.indicators, **keys)["value"] == 5
    assert "Q120" in set(made.actions.loc[made.actions["registry"] == "isere", "code"])


def test_a_registry_is_compared_with_the_others_together():
    found = compared(shares_of([100, 100, 250], [1000, 1000, 1000]))
    assert found["others"].tolist() == pytest.approx([17.5, 17.5, 10.0])
    # By hand: (0.25 - 0.10) / sqrt(0.15 x 0.85 x (1/1000 + 1/2000)) = 10.85.
    z = 0.15 / np.sqrt(0.15 * 0.85 * (1 / 1000 + 1 / 2000))
    assert z == pytest.approx(10.85, abs=0.005)
    assert found["p_value"].iloc[2] < 1e-20
    assert found["differs"].tolist() == [True, True, True]
    alike = compared(shares_of([100, 105, 96], [1000, 1000, 1000]))
    assert not alike["differs"].any()


def test_a_registry_alone_is_compared_with_nobody():
    assert compared(shares_of([100], [1000]))["others"].isna().all()


def test_the_areas_of_a_registry_are_those_that_hold_its_cases_and_what_they_belong_to(report):
    places = report.places[report.places["registry"] == "isere"]
    assert list(places[["geo_level", "geo_code"]].itertuples(index=False, name=None)) == [
        ("departement", "38"),
        ("france_hexagonale", "FR"),
        ("region", "84"),
        ("registry_zone", "isere"),
    ]
    # Sites of single tumours are the leaves of the table.
    assert report.sites["isere"] == {"colon", "pancreas", "prostate"}


def _by_hand(path, statement: str) -> float:
    with duckdb.connect(path, read_only=True) as reader:
        return float(reader.execute(statement).fetchone()[0])


def test_deaths_are_held_against_the_cases_of_the_same_years(valid, tmp_path):
    path = changed(valid, tmp_path, "DELETE FROM death_cells WHERE period_from = 2018 AND geo_code = '38'")
    row = one(report_of(path).indicators, registry="isere", indicator="mortality_incidence_ratio",
              site="pancreas", sex=0)  # fmt: skip
    assert (row["period_from"], row["period_until"]) == (2016, 2018)
    deaths = "SELECT sum(events) FROM death_cells WHERE geo_code = '38' AND site = 'pancreas'"
    cases = "SELECT count(*) FROM tumours WHERE topography LIKE 'C25%' AND year < 2018"
    assert row["value"] == pytest.approx(_by_hand(path, deaths) / _by_hand(path, cases))


def test_deaths_count_once_where_an_area_stands_on_two_lines_of_a_registry(valid, tmp_path, report):
    path = changed(
        valid,
        tmp_path,
        "INSERT INTO coverage SELECT registry, geo_level, geo_code, geo_vintage, 'pancreas', 0, NULL, 2010, "
        "period_until FROM coverage WHERE registry = 'isere'",
    )
    keys = {"registry": "isere", "indicator": "mortality_incidence_ratio", "site": "pancreas", "sex": 0}
    assert one(report_of(path).indicators, **keys)["part"] == one(report.indicators, **keys)["part"]


def test_projected_populations_make_no_registry_late(valid, tmp_path):
    ahead = (
        "INSERT INTO person_years SELECT source, sex, geo_level, geo_code, geo_vintage, 2030, 2031, "
        "age_from, age_until, age_status, person_years FROM person_years WHERE period_from = 2018"
    )
    keys = {"registry": "isere", "indicator": "years_behind"}
    assert one(report_of(changed(valid, tmp_path, ahead)).indicators, **keys)["value"] == 0
    alone = changed(valid, tmp_path, ahead, "DROP TABLE death_cells")
    assert one(report_of(alone).indicators, **keys)["value"] == 12


@pytest.mark.parametrize("cut", [15, 85])
def test_rates_by_age_are_not_told_from_bands_that_are_too_wide(cut, valid, tmp_path):
    # One open band from `cut` on: of 85 and over it is one of the reference, from 15 on it hides the curve.
    path = changed(
        valid,
        tmp_path,
        f"UPDATE person_years SET age_until = NULL WHERE age_from = {cut} AND geo_code = '38'",
        f"DELETE FROM person_years WHERE age_from > {cut} AND geo_code = '38'",
    )
    table = report_of(path).indicators
    for indicator in ("childhood_ratio", "old_age_ratio"):
        status = {
            registry: one(table, registry=registry, indicator=indicator, sex=0)["status"]
            for registry in ("isere", "calvados")
        }
        assert status == {"isere": OK if cut == 85 else NOT_ESTIMABLE, "calvados": OK}
