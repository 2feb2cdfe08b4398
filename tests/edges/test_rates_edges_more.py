"""Edges of comparisons, lifetime measures and basics: empty areas, zeros, refusals by code."""

import numpy as np
import pytest

from rnc_epi.maths.annual_change import annual_change, annual_change_between
from rnc_epi.maths.bands import bands_within, merge_bands, unknown_age_factor
from rnc_epi.maths.basics import count_ratio, median_age
from rnc_epi.maths.compare import RATIO_METHODS, area_against_rest, rate_difference, rate_ratio
from rnc_epi.maths.decomposition import decompose_change
from rnc_epi.maths.funnel import funnel_limits, overdispersion_between_areas, proportion_funnel_limits
from rnc_epi.maths.lifetime import (
    cumulative_rate,
    life_table,
    lifetime_risk,
    years_of_life_lost,
    years_of_life_lost_rate,
)
from rnc_epi.maths.multiple import false_discovery_rate, ranks_from_draws, ranks_with_uncertainty
from rnc_epi.maths.reference import expected_events, internal_expected_events
from rnc_epi.maths.standardise import crude_rate
from rnc_epi.vocabulary.errors import InputError

INF = float("inf")
ONE = crude_rate(10, 1000)


@pytest.mark.parametrize("method", RATIO_METHODS)
def test_a_ratio_to_a_rate_without_events_or_people_is_not_estimable(method):
    ratio = rate_ratio(crude_rate([5, 0, 0], [100, 100, 0]), crude_rate([0, 0, 3], [100] * 3), method=method)
    assert not ratio.estimable.any()
    for figure in (ratio.ratio, ratio.lower, ratio.upper, ratio.p_value):
        assert np.isnan(figure).all()


@pytest.mark.parametrize("method", RATIO_METHODS)
def test_a_first_rate_without_events_has_ratio_zero(method):
    ratio = rate_ratio(crude_rate(0, 100), ONE, method=method)
    assert ratio.estimable
    assert ratio.ratio == 0
    assert np.isnan(ratio.upper) == (method != "fay-f")


def test_levels_of_ratios_add_a_first_axis():
    ratio = rate_ratio(crude_rate([3, 4], [50, 60]), crude_rate(9, 100), method="fay-f", level=[0.5, 0.9])
    assert ratio.lower.shape == (2, 2)
    assert (ratio.lower[1] < ratio.lower[0]).all()


def test_two_rates_without_events_differ_by_nothing_known():
    gap = rate_difference(crude_rate(0, 100), crude_rate(0, 200))
    assert gap.difference == 0
    assert np.isnan(gap.upper)


def test_one_area_alone_has_no_rest():
    found = area_against_rest([[3, 4]], [[10.5, 20.25]], [1, 1])
    assert not found.ratio.estimable.any()
    assert not internal_expected_events([[3, 4]], [[10, 20]], with_own_area=False).estimable.any()


def test_fractional_areas_leave_no_rest_of_rounding_errors():
    events = np.array([[0.1], [0.2], [0.3], [0.0]])
    years = np.array([[0.7], [0.1], [0.2], [0.0]])
    found = area_against_rest(events, years, [1])
    assert found.area.estimable.tolist() == [True, True, True, False]
    assert found.rest.estimable.all()


def test_a_reference_without_people_where_the_area_has_some_gives_no_expectation():
    found = expected_events([[10, 5], [10, 0]], [3, 0], [100, 0])
    assert found.estimable.tolist() == [False, True]
    assert found.expected[1] == pytest.approx(0.3)


def test_areas_with_nothing_expected_have_no_funnel():
    assert np.isnan(funnel_limits([0.0, 4.0]).lower[:, 0]).all()
    assert np.isnan(proportion_funnel_limits([0, 4], 0.2).upper[:, 0]).all()
    found = overdispersion_between_areas([[3, 0, 5], [0, 0, 0]], [[3, 0, 4], [0, 0, 0]])
    assert found.areas.tolist() == [2, 0]
    assert np.isnan(found.between[1])


def test_overdispersion_estimated_for_each_region_widens_its_own_funnel():
    expected = np.full((2, 30), 100.0)
    rng = np.random.default_rng(2)
    observed = np.vstack([rng.poisson(100, 30), rng.poisson(100 * rng.gamma(20, 1 / 20, 30))])
    spread = overdispersion_between_areas(observed, expected)
    limits = funnel_limits(expected, method="additive", overdispersion=spread)
    assert limits.upper.shape == (2, 2, 30)
    assert (limits.upper[0, 1] > limits.upper[0, 0]).all()


def test_ranks_leave_areas_without_people_out():
    ranks = ranks_with_uncertainty(crude_rate([9, 0, 5], [100, 0, 100]), seed=3, level=[0.8, 0.95])
    assert ranks.rank[[0, 2]].tolist() == [1, 2]
    assert np.isnan([ranks.rank[1], *ranks.upper[:, 1]]).all()


def test_a_lifetime_without_cases_has_no_limits_and_one_without_people_no_risk():
    zero = lifetime_risk([0, 0], [5, 9], [0, 0], [100, 100], [50, INF])
    assert zero.risk == 0
    assert np.isnan(zero.upper)
    gap = lifetime_risk([[1, 0], [1, 2]], [[3, 0], [3, 9]], [[0, 0]] * 2, [[100, 0], [100, 50]], [50, INF])
    assert gap.estimable.tolist() == [False, True]
    assert np.isnan(gap.risk[0])


def test_bands_that_nobody_leaves_are_passed_through():
    with_gap = lifetime_risk([3, 0, 4], [5, 0, 9], [0, 0, 0], [100, 40, 100], [20, 30, INF])
    without = lifetime_risk([3, 4], [5, 9], [0, 0], [100, 100], [20, INF])
    assert with_gap.risk == pytest.approx(without.risk, rel=1e-14)
    assert with_gap.se == pytest.approx(without.se, rel=1e-14)


def test_everybody_falling_ill_is_a_risk_of_one():
    sure = lifetime_risk([10], [0], [0], [100], [INF])
    assert sure.risk == 1


def test_a_life_table_needs_deaths_in_its_last_band_and_people_in_all():
    table = life_table([[1, 0], [1, 3], [0, 3]], [[50, 20], [50, 20], [0, 20]], [0, 60])
    assert table.estimable.tolist() == [False, True, False]
    assert np.isnan(table.expectancy[[0, 2]]).all()
    assert np.isfinite(table.expectancy[1]).all()


def test_a_band_in_which_all_die_leaves_no_survivors():
    table = life_table([50, 10], [10, 10], [0, 5])
    assert table.survivors.tolist() == [100_000, 0]
    assert np.isnan(table.expectancy[1])


def test_years_lost_without_deaths_are_zero_with_an_upper_limit():
    lost = years_of_life_lost([0, 0], [0, 75], [75, INF])
    assert lost.years == 0
    assert lost.upper > 0
    rate = years_of_life_lost_rate([[0, 2], [0, 2]], [[0, 9], [5, 0.5]], [0, 75], [75, INF], weights=[1, 1])
    assert rate.estimable.tolist() == [False, True]


def test_a_decomposition_without_people_in_a_band_is_not_estimable():
    # A band peopled at last only has no old rate; a band that empties needs none, but has no new rate.
    filled, emptied = ([1, 0], [10, 0], [1, 1], [10, 5]), ([1, 2], [10, 10], [1, 0], [10, 0])
    assert not decompose_change(*filled).estimable
    assert decompose_change(*emptied).estimable
    assert not decompose_change(*emptied, method="symmetric").estimable
    assert np.isnan(decompose_change(*filled).risk)


def test_no_change_between_rates_of_which_one_is_zero():
    change = annual_change_between(crude_rate([0, 5], [10, 10]), crude_rate([5, 0], [10, 10]), 4)
    assert not change.estimable.any()
    assert np.isnan(change.percent).all()


def test_two_years_leave_no_freedom_for_a_dispersion():
    change = annual_change([10, 12], [100, 100], [2000, 2001], family="quasi-poisson")
    assert not change.estimable
    assert annual_change([10, 12], [100, 100], [2000, 2001]).estimable


def test_a_ratio_to_no_cases_is_not_estimable():
    ratio = count_ratio([3, 0], [0, 0])
    assert not ratio.estimable.any()
    assert np.isnan(ratio.upper).all()


REFUSALS = {
    "M015": [lambda: rate_ratio(ONE, crude_rate(10, 1000, per=1000))],
    "M005": [
        lambda: rate_ratio(ONE, ONE, method="f"),
        lambda: false_discovery_rate([0.1], method="bonferroni"),
        lambda: lifetime_risk([1], [1], [0], [9], [5], method="esteve"),
        lambda: annual_change([1, 2], [9, 9], [1, 2], family="gaussian"),
    ],
    "M002": [
        lambda: rate_ratio(crude_rate([1, 2], [9, 9]), crude_rate([1, 2, 3], [9, 9, 9])),
        lambda: area_against_rest([1, 2], [9, 9], [1, 1]),
        lambda: annual_change([1, 2], [9, 9], [1, 2, 3]),
        lambda: lifetime_risk([1, 2], [3, 4], [0, 0], [9, 9], [5]),
        lambda: life_table([1, 2], [9, 9], [0, 5, 10]),
        lambda: ranks_from_draws([1, 2], [1, 2]),
        lambda: median_age([1, 2], [0, 5, 10]),
        lambda: overdispersion_between_areas(3, 3),
    ],
    "M010": [lambda: false_discovery_rate([0.1, 1.2]), lambda: proportion_funnel_limits(10, 20)],
    "M011": [
        lambda: merge_bands([1, 2], [0, 5], [0, 3]),
        lambda: merge_bands([1, 2], [0, 5], [5]),
        lambda: bands_within([0, 5, 10], first=0, until=12),
        lambda: years_of_life_lost([1, 2], [0, 70], [70, 80]),
        lambda: years_of_life_lost([1, 2], [0, 70], [70, INF]),
    ],
    "M012": [lambda: lifetime_risk([1], [3], [4], [9], [5])],
    "M013": [
        lambda: merge_bands([1, 2], [5, 0], [5]),
        lambda: annual_change([1, 2], [9, 9], [2001, 2000]),
        lambda: life_table([1, 2], [9, 9], [0, 0]),
        lambda: years_of_life_lost([1], [5], [5]),
    ],
    "M014": [
        lambda: lifetime_risk([1], [3], [1], [9], [5], method="current-probability"),
        lambda: funnel_limits([1.0], overdispersion=overdispersion_between_areas([3, 4], [3, 4])),
    ],
    "M016": [
        lambda: cumulative_rate([1, 2], [9, 9], [5, INF]),
        lambda: lifetime_risk([1, 2], [3, 4], [0, 0], [9, 9], [INF, 5]),
    ],
    "M017": [
        lambda: lifetime_risk([1], [3], None, [9], [5]),
        lambda: lifetime_risk([1], [3], [0], [9], [5], limits="bootstrap"),
        lambda: funnel_limits([1.0], method="additive"),
    ],
    "M009": [lambda: cumulative_rate([1, 2], [9, 9], [5, 0]), lambda: annual_change_between(ONE, ONE, 0)],
    "M004": [
        lambda: median_age([1, 2], [0, 5], share=1),
        lambda: ranks_with_uncertainty(crude_rate([1, 2], [9, 9]), seed=1, draws=10),
        lambda: overdispersion_between_areas([3, 4], [3, 4], winsorised=0.5),
        lambda: years_of_life_lost([1, 0], [0, 75], [75, INF], mean_age_at_death=[80, 80]),
    ],
    "M003": [lambda: lifetime_risk([0], [3], [0], [0], [5]), lambda: expected_events([3], [2], [0])],
    "M001": [lambda: unknown_age_factor([1], [-1]), lambda: median_age([1, -2], [0, 5])],
}


@pytest.mark.parametrize(
    ("code", "attempt"), [(code, attempt) for code, attempts in REFUSALS.items() for attempt in attempts]
)
def test_each_refusal_has_its_code_and_a_text_in_both_languages(code, attempt):
    with pytest.raises(InputError) as refusal:
        attempt()
    assert refusal.value.code == code
    assert refusal.value.message("fr") != refusal.value.message("en")
