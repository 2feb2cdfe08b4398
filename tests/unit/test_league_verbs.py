"""Verbs on many areas and on results, against hand calculations and against the formulas they wrap."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rnc_epi.indicators import frames, league, lifetimes
from rnc_epi.vocabulary.errors import InputError

CELLS = pd.DataFrame(
    {
        "geo_code": np.repeat(["a", "b", "c"], 2),
        "age": ["0-49", "50+"] * 3,
        "events": [10, 40, 30, 60, 20, 50],
        "person_years": [9_000, 6_000] * 3,
    }
)


def test_the_funnel_is_that_of_a_poisson_count() -> None:
    ratios = pd.DataFrame({"value": [1.3, 0.9], "events": [26.0, 45.0], "expected": [20.0, 50.0]})
    found = league.funnel(ratios, level=0.95)
    # Within one event of the quantiles of the Poisson count, between which the line is interpolated.
    for row in found.itertuples():
        assert abs(row.funnel_upper * row.expected - stats.poisson.ppf(0.975, row.expected)) <= 1
        assert abs(row.funnel_lower * row.expected - stats.poisson.ppf(0.025, row.expected)) <= 1
    assert found["outside"].tolist() == [False, False]


def test_a_funnel_that_allows_for_overdispersion_is_wider() -> None:
    ratios = pd.DataFrame({"value": [1.6, 0.5, 1.2, 0.7, 1.0], "expected": 100.0})
    ratios["events"] = ratios["value"] * 100
    exact, wide = league.funnel(ratios), league.funnel(ratios, method="multiplicative")
    assert (wide["funnel_upper"] > exact["funnel_upper"]).all()
    assert exact["outside"].sum() > wide["outside"].sum()


def test_ranks_follow_the_rates_and_do_not_depend_on_the_order_of_rows() -> None:
    found = league.ranks(CELLS, standard="two-of-league")
    again = league.ranks(CELLS.iloc[::-1], standard="two-of-league")
    pd.testing.assert_frame_equal(found, again)
    assert found.set_index("geo_code")["rank"].to_dict() == {"b": 1.0, "c": 2.0, "a": 3.0}
    assert ((found["rank_lower"] <= found["rank"]) & (found["rank"] <= found["rank_upper"])).all()


def test_the_comparative_figure_by_hand() -> None:
    reference = pd.DataFrame({"age": ["0-49", "50+"], "events": [70, 178], "person_years": [70_000, 30_000]})
    area = pd.DataFrame({"age": ["0-49", "50+"], "events": [10, 40], "person_years": [10_000, 5_000]})
    # 0.7 x 10/10 000 + 0.3 x 40/5 000 = 310 per 100 000, over 248 per 100 000.
    found = league.comparative_mortality_figure(area, reference)
    assert found["value"].item() == pytest.approx(310 / 248, rel=1e-12)


def test_an_area_that_is_part_of_its_reference_is_pulled_towards_one() -> None:
    within, without = (league.internal_sir(CELLS, with_own_area=own) for own in (True, False))
    # Area a, bands of 60/27 000 and 150/18 000: 9 000 x 60/27 000 + 6 000 x 150/18 000 = 70 expected.
    assert within.set_index("geo_code").loc["a", "expected"] == pytest.approx(70, rel=1e-12)
    # Without it, 50/18 000 and 110/12 000: 25 + 55 = 80.
    assert without.set_index("geo_code").loc["a", "expected"] == pytest.approx(80, rel=1e-12)
    assert ((without["value"] - 1).abs() >= (within["value"] - 1).abs()).all()


def test_events_of_unknown_age_are_shared_out_on_request_and_the_answer_says_so() -> None:
    table = pd.concat([CELLS, CELLS[:1].assign(age=None, events=5, person_years=0)], ignore_index=True)
    left = frames.asr(table, by=["geo_code"], standard="two-of-league")
    shared_out = frames.asr(table, by=["geo_code"], standard="two-of-league", unknown_age="redistributed")
    # 50 of known age and 5 of unknown age in area a: 10 % more; nothing elsewhere.
    assert (shared_out["value"] / left["value"]).round(12).tolist() == [1.1, 1.0, 1.0]
    assert set(left["unknown_age"]) == {"excluded"}
    assert set(shared_out["unknown_age"]) == {"redistributed"}
    with pytest.raises(InputError, match="M005"):
        frames.asr(table, by=["geo_code"], standard="two-of-league", unknown_age="dropped")


def test_reliability_is_told_from_events_and_relative_error() -> None:
    results = pd.DataFrame({"events": [5, 400, 12], "value": [50.0, 40.0, np.nan], "se": [22.4, 2.0, np.nan]})
    assert league.reliability(results)["reliable"].tolist() == [False, True, False]
    few_but_precise = pd.DataFrame({"events": [9.0, 10.0], "value": 50.0, "se": 5.0})
    assert league.reliability(few_but_precise)["reliable"].tolist() == [False, True]


def test_the_current_probability_needs_no_deaths_of_the_cancer_and_is_higher() -> None:
    cells = pd.DataFrame({"age": ["0-74", "75+"], "events": 5, "deaths": 12, "cancer_deaths": 3})
    cells["person_years"] = 1_000
    adjusted = lifetimes.lifetime_risk(cells)["value"].item()
    simple = lifetimes.lifetime_risk(cells.drop(columns="cancer_deaths"), method="current-probability")
    # 5/(5 + 12 - 3) and 5/(5 + 12), in per cent.
    assert adjusted == pytest.approx(100 * 5 / 14, rel=1e-9)
    assert simple["value"].item() == pytest.approx(100 * 5 / 17, rel=1e-9)


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda: league.funnel(pd.DataFrame({"value": [1.0]})), "N002"),
        (lambda: league.reliability(pd.DataFrame({"value": [1.0]})), "N002"),
        (lambda: league.comparative_mortality_figure(CELLS, CELLS.assign(age=["0-59", "60+"] * 3)), "M002"),
    ],
)
def test_what_is_missing_is_said(call, code: str) -> None:
    with pytest.raises(InputError, match=code):
        call()


@pytest.fixture(autouse=True, scope="module")
def _standard() -> None:
    from rnc_epi.vocabulary.ages import BandSet
    from rnc_epi.vocabulary.standards import register_standard

    register_standard("two-of-league", BandSet.from_starts([0, 50]), [0.7, 0.3])
