"""Gaps as verbs on plain frames: they say what the formulas say, in the order of the frame's own keys."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rnc_epi.inequality import area_gradient, gap_by_age, gap_by_site, gap_in_deaths, gradient, gradient_trend
from rnc_epi.vocabulary.deprivation import EstimateOrigin
from rnc_epi.vocabulary.errors import EstimateRefused, InputError

AGES = ("0-49", "50-69", "70+")


def frame(seed: int = 1, **keys: object) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = [
        {"group": f"Q{group}", "age": age, "events": int(rng.poisson(60 * (group + place))), **keys,
         "person_years": 1e5 * (1 + place / 10)}
        for group in range(1, 6)
        for place, age in enumerate(AGES)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_contributions_of_ages_add_up_to_the_rate_difference():
    table = pd.concat([frame(1, sex=1), frame(2, sex=2)])
    found = gap_by_age(table, by=["sex"])
    assert found["age"].tolist() == list(AGES) * 2
    gaps = gradient(table, by=["sex"], measures=["rate_difference"], models=[], transforms=[])
    extremes = gaps[gaps["comparator"].eq("Q5/Q1")].set_index("sex")["value"]
    assert found.groupby("sex")["value"].sum().to_dict() == pytest.approx(extremes.to_dict(), rel=1e-12)
    assert found.groupby("sex")["share"].sum().tolist() == pytest.approx([1.0, 1.0], rel=1e-12)


def test_contributions_of_sites_add_up_to_the_gap_of_their_sum():
    table = pd.concat([frame(1, site="lung"), frame(2, site="breast")], ignore_index=True)
    found = gap_by_site(table.sample(frac=1.0, random_state=3)).set_index("site")
    whole = table.groupby(["group", "age"], as_index=False).agg({"events": "sum", "person_years": "first"})
    gaps = gradient(whole, measures=["rate_difference"], models=[], transforms=[])
    extremes = gaps[gaps["comparator"].eq("Q5/Q1")]["value"].item()
    assert found["value"].sum() == pytest.approx(extremes, rel=1e-12)
    own = gap_by_age(table[table["site"].eq("lung")])["value"].sum()
    assert found.loc["lung", "value"] == pytest.approx(own, rel=1e-12)


def test_parts_of_a_gap_in_deaths_add_up_and_follow_their_strata():
    table = pd.concat([frame(1, sex=1), frame(2, sex=2)]).rename(columns={"events": "cases"})
    table["deaths"] = (table["cases"] * np.where(table["sex"].eq(1), 0.5, 0.25)).round()
    found = gap_in_deaths(table, by=["sex"])
    assert found["sex"].tolist() == [1] * 3 + [2] * 3
    parts = found.pivot_table(index="sex", columns="part", values="value")
    assert (parts["incidence"] + parts["lethality"]).tolist() == pytest.approx(parts["total"].tolist())
    # The same lethality everywhere, exactly: all of the gap is incidence.
    exact = gap_in_deaths(table.assign(deaths=table["cases"] / 4), by=["sex"])
    shares = exact[exact["part"].eq("incidence")]["share"]
    assert shares.tolist() == pytest.approx([1.0, 1.0], rel=1e-12)


@pytest.mark.parametrize(
    ("verb", "table", "code"),
    [
        (gap_by_age, frame().drop(columns="events"), "N002"),
        (gap_by_age, frame().head(14), "N003"),
        (gap_by_site, pd.concat([frame(1, site="a"), frame(2, site="b").assign(person_years=9.0)]), "I035"),
        (gap_by_site, [1], "I031"),
        (gap_in_deaths, frame(), "N002"),
    ],
)
def test_frames_that_hold_no_gap_are_refused_by_code(verb, table, code):
    with pytest.raises(InputError, match=code):
        verb(table)


def test_a_site_that_a_stratum_lacks_is_no_zero():
    table = pd.concat([frame(1, site="a", sex=1), frame(2, site="b", sex=1), frame(3, site="a", sex=2)])
    with pytest.raises(InputError, match="N005"):
        gap_by_site(table, by=["sex"])


def test_deaths_that_outnumber_linked_cases_are_refused():
    table = frame().rename(columns={"events": "cases"}).assign(deaths=1e4)
    with pytest.raises(InputError, match="I006"):
        gap_in_deaths(table, linked=True)


def test_a_group_that_a_year_lacks_is_refused_and_not_left_out():
    table = pd.concat([frame(year, year=2000 + year) for year in range(4)], ignore_index=True)
    gradient_trend(table)
    with pytest.raises(InputError, match="N003"):
        gradient_trend(table[~(table["group"].eq("Q1") & table["year"].eq(2000))])


def test_a_map_without_deprivation_or_expected_events_is_refused_by_code():
    codes = [f"{place:02d}" for place in range(12)]
    area = {"geo_level": "zone", "geo_code": codes, "geo_vintage": "v"}
    areas = pd.DataFrame({**area, "rank": 0.5, "events": 5, "expected": 0.0})
    edges = pd.DataFrame({"geo_code": codes[:-1], "neighbour_code": codes[1:]})
    for given, code in ((areas, "I036"), (areas.drop(columns="rank"), "N002"), ([1], "I031")):
        with pytest.raises(InputError, match=code):
            area_gradient(given, edges)


def test_a_calibrated_estimate_that_does_not_name_its_proxy_has_no_gradient():
    origin = EstimateOrigin("calibrated", "", deprivation_in_model=True, tested_in_registry_zone=True)
    with pytest.raises(EstimateRefused, match="I021"):
        origin.require_gradient_allowed()
