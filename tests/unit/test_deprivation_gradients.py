"""Gradients of cells by group: rows as agreed, numbers by hand, signs, parts that add up."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from rnc_epi.cells.table import Cells, concatenate
from rnc_epi.inequality import (
    concentration_curves,
    crossed_with,
    deprivation_groups,
    gradient,
    gradient_trend,
    gradients,
    grouped_strata,
    late_stage,
    urbanity_interaction,
)
from rnc_epi.maths.inequality import slope_and_relative_index
from rnc_epi.vocabulary.ages import BandSet
from rnc_epi.vocabulary.schemas import RESULT_KEY
from rnc_epi.vocabulary.study_inequality import MEASURES
from tests.deprivation_cells import asked, cells_by_group, drawn_cells, row_of

TWO_AGES = BandSet.from_starts([0, 65])
#: Of every measure whose sign is that of the gradient.
SIGNED = (
    "rate_difference", "attributable_fraction", "excess_events", "slope_index", "concentration_index",
    "absolute_concentration_index",
)  # fmt: skip


def hand_made(**keys) -> Cells:
    """Three groups, two ages: rates of 1, 2, 4 per 1 000 below 65 and 10 per 1 000 above in all."""
    events = [[10, 20], [40, 10], [40, 20]]
    years = [[10_000, 2_000], [20_000, 1_000], [10_000, 2_000]]
    return cells_by_group(
        [
            {"stratum": f"Q{g + 1}", "events": e, "person_years": n, **keys}
            for g, (e, n) in enumerate(zip(events, years, strict=True))
        ]
        + [{"stratum": "unknown", "events": [3, 1], "person_years": [1_000, 100], **keys}],
        TWO_AGES,
        unknown_age=[2, 0, 1, 5],
    )


def test_counts_of_groups_their_sum_and_what_has_no_score():
    results = gradients(hand_made(), asked(groups=3)).results
    counts = {row.stratum: row.value for row in results[results["indicator"].eq("count")].itertuples()}
    # Unknown ages are in totals: 10 + 20 + 2, 40 + 10, 40 + 20 + 1, their sum, and 3 + 1 + 5 apart.
    assert counts == {"Q1": 32, "Q2": 50, "Q3": 61, "all": 143, "unknown": 9}
    crude = row_of(results, "crude_rate", stratum="Q1")
    assert crude["value"] == pytest.approx(32 / 12_000 * 1e5)
    weight = 0.07  # Segi's weight from 65: 3 000 + 2 000 + 1 000 + 500 + 500 of 100 000
    assert row_of(results, "asr", stratum="Q3")["value"] == pytest.approx(
        ((1 - weight) * 40 / 10_000 + weight * 20 / 2_000) * 1e5
    )


def test_extremes_excess_and_attributable_share_by_hand():
    results = gradients(hand_made(), asked(groups=3)).results
    weight = 0.07
    low = ((1 - weight) * 10 / 10_000 + weight * 20 / 2_000) * 1e5
    high = ((1 - weight) * 40 / 10_000 + weight * 20 / 2_000) * 1e5
    ratio = row_of(results, "rate_ratio", comparator="Q3/Q1")
    assert ratio["value"] == pytest.approx(high / low)
    assert row_of(results, "rate_difference", comparator="Q3/Q1")["value"] == pytest.approx(high - low)
    # At the rates of Q1 below 65: 1 per 1 000 of 40 000; above, 10 per 1 000 of 5 000.
    excess = row_of(results, "excess_events")
    assert excess["value"] == pytest.approx((90 - 40) + (50 - 50))
    assert row_of(results, "attributable_fraction")["value"] == pytest.approx(100 * 50 / 140)
    assert (excess["stratum"], excess["comparator"], excess["events"]) == ("all", "Q1", 143)


def test_every_row_of_a_cell_carries_the_same_events_and_says_how_it_was_made():
    results = gradients(drawn_cells(1.6, None), asked()).results
    of_cell = results[
        results["estimator"].eq("observed") & results["age_from"].eq(0) & results["age_until"].isna()
    ]
    assert of_cell.groupby("stratum")["events"].nunique().eq(1).all()
    groups = of_cell[of_cell["stratum"].str.startswith("Q") & of_cell["indicator"].eq("count")]
    assert groups["events"].sum() == row_of(results, "count", stratum="all")["events"]
    assert set(MEASURES) <= set(results["indicator"])
    estimated = results[results["status"].eq("estimated")]
    assert estimated["value"].notna().all()
    assert estimated["method"].ne("_").all()
    limited = estimated[~estimated["indicator"].isin(["count", "gap_contribution_share"])]
    assert limited["interval_method"].ne("_").all()
    inside = limited[limited["lower"].notna() & limited["upper"].notna()]
    # Simulated limits of measures without a sign may lie above the observed value.
    signed = inside[
        ~inside["indicator"].isin(
            ["theil", "mean_log_deviation", "between_group_variance", "index_of_disparity"]
        )
    ]
    assert (signed["lower"] <= signed["value"]).all()
    assert (signed["value"] <= signed["upper"]).all()
    assert not results.duplicated(list(RESULT_KEY)).any()


@pytest.mark.parametrize(("ratio", "sign"), [(2.0, 1), (0.5, -1)])
def test_a_measure_has_the_sign_of_the_gradient(ratio, sign):
    results = gradients(drawn_cells(ratio, None), asked()).results
    for name in SIGNED:
        rows = results[results["indicator"].eq(name) & results["stratum"].eq("all")]
        assert (np.sign(rows["value"]) == sign).all(), name
    for name in ("relative_index", "rate_ratio"):
        rows = results[results["indicator"].eq(name)]
        assert (np.sign(np.log(rows["value"])) == sign).all(), name


def test_the_indices_are_those_of_the_formulas_on_the_ranks_of_the_stratum():
    cells = drawn_cells(1.8, np.random.default_rng(1), shares=[0.3, 0.2, 0.2, 0.2, 0.1])
    results = gradients(cells, asked()).results
    found = row_of(results, "relative_index", method="multiplicative-poisson")
    rank = np.cumsum([0.3, 0.2, 0.2, 0.2, 0.1]) - np.array([0.3, 0.2, 0.2, 0.2, 0.1]) / 2
    strata = grouped_strata(cells)
    expected = slope_and_relative_index(
        cells.events.ravel(),
        cells.person_years.ravel(),
        np.repeat(rank, 18),
        np.tile(np.arange(18), 5),
        weights=strata.weights("world"),
    )
    assert found["value"] == pytest.approx(expected.relative.value, rel=1e-9)
    assert found["upper"] == pytest.approx(expected.relative.upper, rel=1e-9)
    slope = row_of(results, "slope_index", method="multiplicative-poisson")
    assert slope["value"] == pytest.approx(expected.slope.value * 1e5, rel=1e-9)


def test_strata_with_other_shares_of_groups_have_ranks_of_their_own():
    rng = np.random.default_rng(2)
    one = drawn_cells(1.8, rng, geo_code="A", geo_level="region")
    other = drawn_cells(1.8, rng, shares=[0.6, 0.1, 0.1, 0.1, 0.1], geo_code="B", geo_level="region")
    both = gradients(concatenate([one, other]), asked(shrink=False)).results
    for cells, code in ((one, "A"), (other, "B")):
        alone = gradients(cells, asked(shrink=False)).results
        together = both[both["geo_code"].eq(code) & ~both["indicator"].str.startswith("gap_")]
        own = alone[~alone["indicator"].str.startswith("gap_")]
        np.testing.assert_allclose(
            together["value"].to_numpy(float), own["value"].to_numpy(float), rtol=1e-9, equal_nan=True
        )


def test_what_cannot_be_estimated_says_why():
    bands = TWO_AGES

    def reasons(events, years, **how):
        cells = cells_by_group(
            [
                {"stratum": f"Q{g + 1}", "events": e, "person_years": n}
                for g, (e, n) in enumerate(zip(events, years, strict=True))
            ],
            bands,
        )
        results = gradients(cells, asked(groups=len(events), **how)).results
        rows = results[results["stratum"].eq("all") & results["status"].eq("not_estimable")]
        return {(row.indicator, row.reason) for row in rows.itertuples()}

    full = [[1000, 100]] * 3
    assert ("excess_events", "no_events_in_reference") in reasons([[0, 0], [4, 5], [6, 7]], full)
    assert ("relative_index", "zero_rate") in reasons([[0, 0], [4, 5], [6, 7]], full)
    assert ("slope_index", "no_events") in reasons([[0, 0]] * 3, full)
    empty = reasons([[0, 0], [4, 5], [6, 7]], [[0, 0], [1000, 100], [1000, 100]])
    assert ("slope_index", "fewer_than_three_groups") in empty
    assert ("slope_index", "no_person_years") in reasons([[1, 0], [4, 5], [6, 7]], [[1000, 0], *full[1:]])


def test_a_group_in_which_nobody_lives_leaves_the_others_their_gradient():
    events, years = (
        [[5, 9], [8, 11], [0, 0], [16, 13], [20, 16]],
        [[9_000, 900]] * 2 + [[0, 0]] + [[9_000, 900]] * 2,
    )
    cells = cells_by_group(
        [{"stratum": f"Q{g + 1}", "events": events[g], "person_years": years[g]} for g in (0, 1, 3, 4)],
        TWO_AGES,
    )
    results = gradients(cells, asked()).results
    assert row_of(results, "slope_index", method="weighted-regression-identity")["status"] == "estimated"
    assert row_of(results, "rate_ratio", comparator="Q3/Q1")["status"] == "not_estimable"
    assert "Q3" not in set(results["stratum"])


def test_a_band_that_is_not_covered_leaves_no_gradient():
    cells = hand_made()
    covered = np.ones((4, 2), dtype=bool)
    covered[1, 1] = False
    partly = Cells(cells.strata, cells.bands, cells.events, cells.unknown_age, cells.person_years, covered)
    results = gradients(partly, asked(groups=3)).results
    rows = results[results["stratum"].eq("all")]
    assert rows["status"].eq("not_estimable").all()
    assert rows["reason"].eq("not_all_covered").all()


def by_year(ratios, rng=None, years=(2016, 2017, 2018, 2019), **keys):
    return concatenate(
        [
            drawn_cells(ratio, rng, period_from=year, period_until=year + 1, **keys)
            for year, ratio in zip(years, ratios, strict=True)
        ]
    )


def test_a_relative_index_that_grows_by_a_tenth_each_year_is_found_with_its_test():
    cells = by_year([1.5 * 1.1**t for t in range(4)], cases=200_000)
    results = gradients(cells, asked()).results
    trend = row_of(results, "relative_index_trend")
    # Counts are rounded to whole numbers: of 200 000, that moves the trend by less than 1e-3.
    assert trend["value"] == pytest.approx(1.1, abs=1e-3)
    assert (trend["period_from"], trend["period_until"]) == (2016, 2020)
    assert row_of(results, "relative_index_trend_p")["value"] < 1e-6
    assert row_of(results, "slope_index_trend")["measure_unit"] == "rate_per_year"
    flat = gradients(by_year([1.5] * 4, cases=200_000), asked()).results
    assert row_of(flat, "relative_index_trend_p")["value"] > 0.5


def test_pooled_periods_are_no_year_of_a_trend():
    yearly = by_year([1.5, 1.6, 1.7, 1.8], cases=50_000)
    pooled = drawn_cells(1.65, None, period_from=2016, period_until=2020)
    alone = gradients(yearly, asked()).results
    both = gradients(concatenate([yearly, pooled]), asked()).results
    assert row_of(both, "slope_index_trend")["value"] == row_of(alone, "slope_index_trend")["value"]


def test_contributions_of_ages_and_of_sites_add_up_to_the_gap():
    rng = np.random.default_rng(4)
    sites = [drawn_cells(ratio, rng, site=site) for site, ratio in
             (("lung", 2.0), ("breast", 0.8), ("colon", 1.1), ("rectum", 1.2))]  # fmt: skip
    parent = Cells(
        sites[2].strata.assign(site="colorectum"), sites[2].bands, sites[2].events + sites[3].events,
        sites[2].unknown_age, sites[2].person_years,
    )  # fmt: skip
    made = gradients(concatenate([*sites, parent]), asked())
    results = made.results
    gap = row_of(results, "rate_difference", comparator="Q5/Q1", site="lung")
    ages = results[results["indicator"].eq("gap_contribution") & results["site"].eq("lung")]
    by_age = ages[ages["comparator"].eq("Q5/Q1")]
    assert by_age["value"].sum() == pytest.approx(gap["value"], rel=1e-9)
    assert (by_age["se"] ** 2).sum() == pytest.approx(gap["se"] ** 2, rel=1e-9)
    assert by_age["age_from"].tolist() == [0, 50, 65, 75]
    by_site = results[results["indicator"].eq("gap_contribution") & results["comparator"].eq("sites")]
    # The parent is in its children already.
    assert set(by_site["site"]) == {"lung", "breast", "colon", "rectum"}
    gaps = results[results["indicator"].eq("rate_difference") & results["comparator"].eq("Q5/Q1")]
    total = gaps[gaps["site"].isin(by_site["site"])]["value"].sum()
    assert by_site["value"].sum() == pytest.approx(total, rel=1e-9)
    shares = made.inside[made.inside["indicator"].eq("gap_contribution_share")]
    assert shares["value"].sum() == pytest.approx(100.0, rel=1e-9)


def test_a_trend_or_a_contribution_that_rests_on_a_few_persons_stays_inside():
    def world(cases_of_a_year):
        return concatenate(
            [
                drawn_cells(1.5, None, cases=cases, period_from=2016 + place, period_until=2017 + place)
                for place, cases in enumerate((*[20_000] * 3, cases_of_a_year))
            ]
        )

    large, small = gradients(world(20_000), asked()), gradients(world(30), asked())
    for name in ("slope_index_trend", "relative_index_trend", "relative_index_trend_p"):
        assert large.results["indicator"].eq(name).sum() == 1
        assert not small.results["indicator"].eq(name).any()
        assert small.inside["indicator"].eq(name).sum() == 1
    # The contributions of ages of the year with few cases, and only those, are kept inside, all of them.
    ages = small.inside[
        small.inside["comparator"].eq("Q5/Q1") & small.inside["indicator"].eq("gap_contribution")
    ]
    assert set(ages["period_from"]) == {2019}
    assert len(ages) == 4


def test_a_gap_in_deaths_of_the_same_lethality_is_all_incidence():
    cases = drawn_cells(2.0, None, cases=100_000)
    deaths = Cells(cases.strata.assign(event_type="death"), cases.bands, cases.events // 2, cases.unknown_age,
                   cases.person_years)  # fmt: skip
    results = gradients(concatenate([cases, deaths]), asked()).results
    # Halving whole counts rounds them: with some thousands an age that is a part in a thousand.
    assert row_of(results, "gap_incidence_share")["value"] == pytest.approx(100.0, abs=0.5)
    parts = row_of(results, "gap_from_incidence")["value"] + row_of(results, "gap_from_lethality")["value"]
    gap = row_of(results, "rate_difference", comparator="Q5/Q1", event_type="death")["value"]
    assert parts == pytest.approx(gap, rel=1e-9)
    # Deaths of wider bands meet the cases on the bands that both have.
    wide = deaths.merged_to(BandSet.from_starts([0, 50, 65, 75]))
    apart = gradients([cases, wide], asked()).results
    assert row_of(apart, "gap_incidence_share")["value"] == pytest.approx(100.0, abs=0.5)
    elsewhere = Cells(deaths.strata, deaths.bands, deaths.events, deaths.unknown_age, 2 * deaths.person_years)
    apart = gradients(concatenate([cases, elsewhere]), asked()).results
    assert row_of(apart, "gap_from_incidence")["reason"] == "other_person_years"


def test_shrunken_indices_lie_between_their_own_value_and_the_common_one():
    rng = np.random.default_rng(5)
    sizes = [200, 400, 800, 1_600, 3_200, 6_400, 12_800]
    ratios = [1.2, 2.6, 1.4, 2.2, 1.6, 2.0, 1.8]
    cells = concatenate(
        [
            drawn_cells(ratio, rng, cases=size, geo_level="region", geo_code=f"{i:02d}")
            for i, (size, ratio) in enumerate(zip(sizes, ratios, strict=True))
        ]
    )
    made = gradients(cells, asked())
    relative = made.results[made.results["indicator"].eq("relative_index")]
    own = relative[relative["method"].eq("multiplicative-poisson")].set_index("geo_code")
    shrunk = made.shrunken.set_index("geo_code").loc[own.index]
    assert not made.results["method"].eq("fay-herriot").any()
    assert shrunk["estimator"].eq("smoothed").all()
    assert shrunk["interval_kind"].eq("prediction").all()
    moved = np.log(shrunk["value"] / own["value"])
    # Every index moves towards one common value: the moves change sign where the indices pass it.
    order = own["value"].argsort().to_numpy()
    assert (np.diff(np.sign(moved.to_numpy()[order])) <= 0).all()
    # Small regions move more: the share kept rises with the precision of the index.
    assert abs(moved.iloc[0]) > abs(moved.iloc[-1])
    assert np.log(shrunk["value"]).std() < np.log(own["value"]).std()
    assert gradients(drawn_cells(1.5, None), asked()).shrunken.empty


def test_gradients_of_town_and_country_are_compared():
    urban = drawn_cells(3.0, None, cases=60_000)
    rural = drawn_cells(1.5, None, cases=60_000)
    crossed = concatenate(
        [
            Cells(
                part.strata.assign(
                    stratum=part.strata["stratum"] + f"|{name}", stratum_type="deprivation|urbanity"
                ),
                part.bands, part.events, part.unknown_age, part.person_years,
            )
            for name, part in (("rural", rural), ("urban", urban))
        ]
    )  # fmt: skip
    rows = urbanity_interaction(crossed, asked())
    within = rows[rows["indicator"].eq("relative_index")].set_index("stratum_type")["value"]
    # Whole counts: 60 000 cases move a ratio by less than 1e-2.
    assert within["deprivation|urbanity:rural"] == pytest.approx(1.5, abs=0.01)
    assert within["deprivation|urbanity:urban"] == pytest.approx(3.0, abs=0.01)
    ratio = row_of(rows, "relative_index_ratio")
    assert ratio["value"] == pytest.approx(2.0, abs=0.02)
    assert ratio["comparator"] == "rural"
    assert row_of(rows, "relative_index_ratio_p")["value"] < 1e-6
    assert gradients(urban, asked(), crossed=crossed).results["indicator"].eq("relative_index_ratio").any()


def test_groups_are_crossed_with_classes_of_urbanity():
    area = {"geo_level": "commune", "geo_code": list("abcdef"), "geo_vintage": "2024"}
    scores = pd.DataFrame(
        {**area, "index": "fdep", "vintage": "2015", "higher_is": "more_deprived", "score": range(6)}
    )
    made = deprivation_groups(
        scores, pd.DataFrame({**area, "population": 10}), index="fdep", vintage="2015", groups=3
    )
    classes = pd.DataFrame({"geo_code": list("abcde"), "urbanity": ["town", "country"] * 2 + ["town"]})
    crossed = crossed_with(made, classes)
    assert crossed["stratum"].tolist() == ["Q1|town", "Q1|country", "Q2|town", "Q2|country", "Q3|town"]
    assert set(crossed["stratum_type"]) == {"deprivation|urbanity"}


def test_the_concentration_curve_bends_under_the_diagonal_when_the_deprived_fare_worse():
    curves = concentration_curves(grouped_strata(drawn_cells(2.0, None)), "world")
    assert curves["population_share"].tolist()[-1] == pytest.approx(1.0)
    assert curves["rate_share"].tolist()[0] == 0.0
    inner = curves.iloc[1:-1]
    assert (inner["rate_share"] < inner["population_share"]).all()


def long_frame(cells: Cells) -> pd.DataFrame:
    frame = cells.to_frame()
    groups = cells.strata["stratum"].repeat(len(cells.bands)).to_list() + cells.strata["stratum"].to_list()
    return frame.assign(group=groups)


def test_a_frame_gives_what_its_cells_give():
    cells = drawn_cells(1.7, np.random.default_rng(6))
    results = gradients(cells, asked()).results
    frame = gradient(long_frame(cells), by=["sex", "site"])
    assert frame["sex"].eq(1).all()
    for row in frame.itertuples():
        same = row_of(results, row.indicator, method=row.method, comparator=row.comparator)
        assert row.value == pytest.approx(same["value"], rel=1e-9)
        assert row.events == same["events"]
    two = pd.concat([long_frame(cells), long_frame(cells).assign(sex=2, events=1)], ignore_index=True)
    assert gradient(two, by=["sex"], measures=["rate_ratio"])["sex"].nunique() == 2


def test_a_trend_of_a_frame_is_that_of_its_cells():
    cells = by_year([1.5, 1.7, 1.6, 1.9], np.random.default_rng(7))
    results = gradients(cells, asked()).results
    frame = gradient_trend(long_frame(cells).assign(year=lambda t: t["period_from"]), by=["sex"])
    for row in frame.itertuples():
        assert row.value == pytest.approx(row_of(results, row.indicator)["value"], rel=1e-9)


def test_late_stage_by_deprivation_is_a_share_with_a_gradient():
    table = pd.DataFrame(
        {
            "group": [1, 2, 3, 4, 5] * 2,
            "age": ["0-64"] * 5 + ["65+"] * 5,
            "late": [10, 15, 20, 25, 30, 20, 30, 40, 50, 60],
            "staged": [100] * 5 + [200] * 5,
        }
    )
    found = late_stage(table)
    shares = found[found["indicator"].eq("late_stage_share")].set_index("comparator")["value"]
    assert shares.round(6).to_dict() == {"1": 10, "2": 15, "3": 20, "4": 25, "5": 30}
    # The exact limits leave 2.5 % beyond them: 30 or more of 300 at the lower one, 30 or fewer at the upper.
    first = found[found["comparator"].eq("1")].iloc[0]
    assert binom.sf(29, 300, first["lower"] / 100) == pytest.approx(0.025, rel=1e-9)
    assert binom.cdf(30, 300, first["upper"] / 100) == pytest.approx(0.025, rel=1e-9)
    slope = found[found["indicator"].eq("late_stage_slope_index")].iloc[0]
    # Shares rise by 5 points from fifth to fifth: 25 points over the whole scale, nearly straight in logits.
    assert slope["value"] == pytest.approx(25, abs=1.0)
