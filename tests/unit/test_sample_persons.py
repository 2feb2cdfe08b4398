"""Persons of the large samples: those that SNDS knows, true and false, their dates, links and stages."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd
import pytest

from rnc_epi.extracts.sample.national import YEARS, nation, relative_population
from rnc_epi.extracts.sample.persons import OLDEST, Area, Persons, link_failure, performance
from rnc_epi.extracts.sample.places import Places, site_handed_over
from rnc_epi.extracts.sample.reference import AGE_STARTS


def drawn(leaf: str, registry: int) -> Persons:
    """Return 100 000 men of 40 in each of three years, in one zone."""
    here = np.array([registry], dtype=np.int16)
    persons = Persons(Area(["Z"], ["C"], np.array([0]), here, ["r"], [2014, 2015, 2016], 2017, 0))
    counts = np.zeros((1, 3, 18), dtype=np.int64)
    counts[0, :, 8] = 100_000
    persons.draw(leaf, 1, counts, counts.astype(float), np.ones(1))
    return persons


def test_links_join_the_same_person_and_fail_as_often_as_published_and_more_at_old_age(
    regional_tables: duckdb.DuckDBPyConnection, regional_truth: pd.DataFrame
) -> None:
    wrong = regional_tables.execute(
        "SELECT count(*) FROM snds_cases AS s JOIN tumours AS t ON t.tumour_key = s.linked_tumour_key "
        "WHERE t.person_key <> s.person_key OR t.sex <> s.sex OR t.geo_code <> s.geo_code "
        "OR s.year NOT BETWEEN t.year AND t.year + 1"
    ).fetchone()
    assert wrong == (0,)
    repeated = regional_tables.execute(
        "SELECT count(linked_tumour_key) - count(DISTINCT linked_tumour_key) FROM snds_cases"
    )
    assert repeated.fetchone() == (0,)
    share = regional_truth.loc[regional_truth["quantity"] == "linked_share", "value"].item()
    # 95.3 % over all sites; five sites and about 35 000 pairs here.
    assert share == pytest.approx(0.953, abs=0.008)
    young, old = (
        regional_tables.execute(
            "SELECT avg((s.case_key IS NOT NULL)::INT) FROM tumours AS t "
            "LEFT JOIN snds_cases AS s ON s.linked_tumour_key = t.tumour_key "
            f"WHERE substr(t.topography, 1, 3) IN ('C33', 'C34') AND t.year < 2020 AND t.age_years {ages}"
        ).fetchone()[0]
        for ages in ("BETWEEN 55 AND 74", ">= 90")
    )
    # Expected 0.93 and 0.85; 600 tumours of the old give a standard error of 0.014.
    assert old < young - 0.05
    assert regional_tables.execute(
        "SELECT count(*) FROM snds_cases WHERE (linked_tumour_key IS NULL) <> (link_probability IS NULL)"
    ).fetchone() == (0,)


def test_a_false_case_is_drawn_so_that_the_predictive_value_is_the_declared_one(places: Places) -> None:
    nowhere = np.array([-1], dtype=np.int16)
    area = Area(["Z"], ["C"], np.array([0]), nowhere, [], [2014, 2015, 2016], 2016, 0)
    persons = Persons(area)
    # Bladder has the lowest value, 0.62. All are 40: detection is that under 75, and nobody is registered.
    counts = np.zeros((1, 3, 18), dtype=np.int64)
    counts[0, 0, 8] = 200_000
    persons.draw("bladder", 1, counts, counts.astype(float), np.ones(1))
    seen = sum(len(part["site"]) for part in persons.cases.parts)
    sensitivity, value = performance("bladder")
    # Standard error of 0.2 %.
    assert seen == pytest.approx(200_000 * sensitivity / value, rel=0.01)
    assert persons.matchable == 0


def test_cases_that_start_late_leave_no_year_short() -> None:
    years = np.concatenate([part["year"] for part in drawn("lung", -1).cases.parts])
    first, second, last = np.bincount(years, minlength=3)
    # Four standard errors of about 450; without those of the year before, the first would lack 4 000.
    assert abs(first - second) < 1800
    assert abs(last - second) < 1800


def test_cases_seen_in_snds_are_linked_as_their_predictive_value_and_the_matching_allow(
    regional_tables: duckdb.DuckDBPyConnection,
) -> None:
    linked, cases = regional_tables.execute(
        "SELECT count(linked_tumour_key), count(*) FROM snds_cases AS s "
        "JOIN membership AS m ON m.child_code = s.geo_code JOIN coverage AS c ON c.geo_code = m.parent_code "
        "WHERE s.site = 'lung' AND s.year < 2020"
    ).fetchone()
    # Predictive value 0.95 times the share linked, 0.953 and a little more at the ages of lung cancer; about
    # 15 000 cases give a standard error of 0.0025, and detection is lower after 75.
    assert linked / cases == pytest.approx(0.95 * 0.955, abs=0.012)


def test_what_only_a_microscope_tells_is_known_from_no_death_certificate() -> None:
    for leaf, expected in (("melanoma_skin", {7}), ("lung", {0, 2, 7})):
        (part,) = drawn(leaf, 0).tumours.parts
        assert set(part["basis"].tolist()) == expected
        assert (part["days"][part["basis"] == 0] == 0).all()


@pytest.mark.parametrize("site", ["lung", "melanoma_skin", "cervix_uteri", "myeloma", "colorectum"])
def test_the_algorithm_has_the_declared_sensitivity_and_misses_more_of_the_old(site: str) -> None:
    leaf, sex = {"colorectum": "colon"}.get(site, site), 2
    young, old = (seen_among(leaf, sex, band) for band in (8, 17))
    sensitivity, value = performance(site)
    # 40 000 persons of 40, and as many over 85: a standard error of 0.003 and less.
    assert young == pytest.approx(sensitivity, abs=0.012)
    odds = sensitivity / (1 - sensitivity) * np.exp(-0.05 * (np.arange(85, 105) - 75))
    assert old == pytest.approx(((odds / (1 + odds)) * OLDEST).sum(), abs=0.012)
    assert 0.6 < value < sensitivity + 0.2


def seen_among(leaf: str, sex: int, band: int) -> float:
    """Return the share of registered women of one age that the algorithm sees; nobody else is seen."""
    counts = np.zeros((1, 3, 18), dtype=np.int64)
    counts[0, 0, band] = 40_000
    area = Area(
        ["Z"], ["C"], np.array([0]), np.array([0], dtype=np.int16), ["r"], [2014, 2015, 2016], 2020, 0
    )
    persons = Persons(area)
    persons.draw(leaf, sex, counts, np.zeros(counts.shape), np.ones(1))
    return persons.matchable / 40_000


def test_links_fail_as_often_as_published_over_the_nation_and_more_for_melanoma_than_for_lung() -> None:
    persons, ages = relative_population(YEARS), np.array(AGE_STARTS) + 2.5
    ages[-1] = 90.5
    seen = linked = 0.0
    for (leaf, sex), rates in nation().leaf_rates.items():
        site = site_handed_over(leaf)
        sensitivity, _ = performance(site)
        odds = sensitivity / (1 - sensitivity) * np.exp(-0.05 * np.maximum(ages - 75, 0))
        identified = (rates * persons[sex]).sum(axis=0) * odds / (1 + odds)
        seen += identified.sum()
        linked += (identified * (1 - link_failure(site, ages))).sum()
    # Published: 95.3 % of the registered cases that SNDS knows are matched.
    assert linked / seen == pytest.approx(0.953, abs=0.002)
    fails = {site: link_failure(site, np.array([65.0]))[0] for site in ("lung", "prostate", "melanoma_skin")}
    assert fails["lung"] < fails["prostate"] < fails["melanoma_skin"]
    assert (link_failure("lung", np.array([30.0, 90.0])) > 1.3 * fails["lung"]).all()


def test_stages_are_later_for_sites_found_late_and_in_situ_tumours_are_of_stage_0(
    regional_tables: duckdb.DuckDBPyConnection,
) -> None:
    fourth = dict(
        regional_tables.execute(
            "SELECT substr(topography, 1, 3), avg((stage = '4')::INT) FROM tumours "
            "WHERE stage IS NOT NULL AND behaviour = 3 GROUP BY ALL"
        ).fetchall()
    )
    # Of the order of what registries of whole populations stage; about 2 000 staged tumours of the larynx
    # (standard error 0.01), 20 000 of the others.
    assert fourth["C34"] == pytest.approx(0.50, abs=0.02)
    assert fourth["C25"] == pytest.approx(0.58, abs=0.02)
    assert fourth["C32"] == pytest.approx(0.30, abs=0.04)
    assert fourth["C44"] == pytest.approx(0.03, abs=0.01)
    in_situ = regional_tables.execute(
        "SELECT DISTINCT stage FROM tumours WHERE behaviour = 2 AND stage IS NOT NULL"
    ).fetchall()
    assert in_situ == [("0",)]


def test_the_oldest_are_ever_fewer_and_nobody_is_older_than_104(
    regional_tables: duckdb.DuckDBPyConnection,
) -> None:
    by_age = dict(
        regional_tables.execute(
            "SELECT age_years, count(*) FROM tumours WHERE age_years >= 85 GROUP BY ALL"
        ).fetchall()
    )
    of = [sum(by_age.get(age, 0) for age in range(start, start + 5)) for start in (85, 90, 95, 100)]
    # Insee, 1 January 2022: 90 to 94 are about half as many as 85 to 89, 95 to 99 a third of these. Thousands
    # of tumours over 85 here: standard errors of 2 and 4 %.
    assert of[1] / of[0] == pytest.approx(0.47, abs=0.08)
    assert of[2] / of[1] == pytest.approx(0.32, abs=0.08)
    assert of[3] < 0.3 * of[2]
    assert max(by_age) <= 104


def test_those_found_early_live_longer(regional_tables: duckdb.DuckDBPyConnection) -> None:
    alive = dict(
        regional_tables.execute(
            "SELECT stage, avg((vital_status = 0 OR follow_up_days >= 365)::INT) FROM tumours "
            "WHERE topography LIKE 'C34%' AND behaviour = 3 AND year < 2019 AND basis_of_diagnosis > 0 "
            "GROUP BY stage"
        ).fetchall()
    )
    assert alive["1"] > alive["2"] > alive["3"] > alive["4"]
    # French registries, lung: under half alive at a year of all, about four in five of stage 1.
    assert 0.6 < alive["1"] < 0.95
    assert 0.1 < alive["4"] < 0.4
