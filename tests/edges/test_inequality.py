"""Zeros, empty groups and impossible input of the measures of social inequality."""

from __future__ import annotations

import numpy as np
import pytest

from rnc_epi.maths import inequality as iq
from rnc_epi.vocabulary.errors import InputError

RATES, PEOPLE = [10.0, 20, 30, 40], [1.0, 1, 1, 1]
VALUE_MEASURES = [
    iq.slope_index,
    iq.relative_index,
    iq.concentration_index,
    iq.absolute_concentration_index,
    iq.concentration_curve,
    iq.theil,
    iq.mean_log_deviation,
    iq.between_group_variance,
    iq.coefficient_of_variation,
    iq.index_of_disparity,
    iq.mean_difference,
    lambda v, p: iq.erreygers_index(v, p, highest=100),
    lambda v, p: iq.wagstaff_index(v, p, highest=100),
    lambda v, p: iq.concentration_interval(v, p, se=np.ones_like(v)),
]
RANK, AGE = np.tile([0.1, 0.5, 0.9], 2), np.repeat([40, 60], 3)


def code_of(call, *args, **named):
    with pytest.raises(InputError) as caught:
        call(*args, **named)
    # Both languages must render with the facts given.
    assert caught.value.message("fr") != caught.value.message("en")
    return caught.value.code


def values(found):
    """Return the numbers of a plain array, a result or a curve."""
    return np.asarray(getattr(found, "value", getattr(found, "value_share", found)))


@pytest.mark.parametrize("measure", VALUE_MEASURES)
def test_two_groups_make_no_gradient(measure):
    assert code_of(measure, [1, 2], [1, 1]) == "I001"
    assert code_of(measure, np.ones((4, 2)), np.ones((4, 2))) == "I001"


@pytest.mark.parametrize("measure", VALUE_MEASURES)
def test_a_rate_of_nobody_is_refused_and_an_empty_group_is_left_out(measure):
    assert code_of(measure, RATES, [1, 0, 1, 1]) == "I002"
    without = values(measure([10.0, 30, 40], [1, 1, 1]))
    with_empty = values(measure([10.0, np.nan, 30, 40], [1, 0, 1, 1]))
    np.testing.assert_allclose(np.unique(with_empty), np.unique(without), rtol=1e-12)


@pytest.mark.parametrize("measure", VALUE_MEASURES)
def test_a_missing_value_spoils_its_stratum_only(measure):
    found = values(measure([RATES, [10, np.nan, 30, 40]], [PEOPLE, PEOPLE]))
    assert np.isfinite(found[0]).all()
    assert np.isnan(found[1]).all()
    two_left = values(measure([10, np.nan, np.nan, 40], [1, 0, 0, 1]))
    assert np.isnan(two_left).all()
    nobody = values(measure([np.nan] * 4, [0] * 4))
    assert np.isnan(nobody).all()


@pytest.mark.parametrize("measure", VALUE_MEASURES)
def test_impossible_values_and_shapes_have_their_codes(measure):
    assert code_of(measure, RATES, [1, 1, 1, -1]) == "M001"
    assert code_of(measure, RATES, [1, 1, 1, np.nan]) == "M007"
    assert code_of(measure, [1, 2, 3, np.inf], PEOPLE) == "M007"
    assert code_of(measure, RATES, [1, 1, 1]) == "M002"
    assert code_of(measure, 3.0, 1.0) == "M002"
    assert code_of(measure, ["a", "b", "c"], [1, 1, 1]) == "M008"


def test_without_standard_errors_there_are_no_limits():
    found = iq.slope_index(RATES, PEOPLE)
    assert found.value == pytest.approx(40)
    assert np.isnan([found.lower, found.upper, found.se]).all()
    assert found.estimable


def test_a_zero_has_no_logarithm_and_a_negative_rate_no_meaning():
    found = iq.relative_index([0, 1, 2], [1, 1, 1], transform="log", se=[1, 1, 1])
    assert not found.estimable
    assert np.isnan([found.value, found.lower, found.upper, found.se]).all()
    assert not iq.slope_index([0.1, 0.5, 1], [1, 1, 1], transform="logit").estimable
    assert code_of(iq.slope_index, [-1, 1, 2], [1, 1, 1], transform="log") == "M001"
    assert code_of(iq.slope_index, [0.2, 0.5, 1.5], [1, 1, 1], transform="logit") == "M010"
    assert code_of(iq.slope_index, RATES, PEOPLE, transform="sqrt") == "M005"


def test_a_line_below_zero_has_a_slope_and_no_ratio():
    # Fitted: from below zero to above.
    found = iq.relative_index([0, 0, 30], [1, 1, 1], se=[1, 1, 1])
    assert not found.estimable
    assert np.isnan([found.value, found.lower, found.upper]).all()
    assert iq.slope_index([0, 0, 30], [1, 1, 1]).value == pytest.approx(45)


def test_a_group_that_does_not_move_the_index_gives_it_no_variance():
    # Only the fourth group is uncertain, and the first value is such that the index does not change with it:
    # its variance is nought but for rounding, which must not make a negative number of it.
    rates = [99.93799567115983, 29.0, 12.0, 22.0, 37.0]
    found = iq.slope_index(rates, [25, 24, 6, 49, 37], se=[0, 0, 0, 1, 0], transform="log")
    assert found.estimable
    assert found.se == pytest.approx(0.0, abs=1e-6)  # sixteen digits of a square: eight of its root


def test_a_ratio_whose_lower_end_may_be_zero_has_no_finite_upper_limit():
    near = iq.relative_index([2, 5, 8.0], [1, 1, 1], se=[0.5, 0.5, 0.5])
    assert near.estimable
    assert near.upper == np.inf
    assert 1 < near.lower < near.value < np.inf
    mirrored = iq.relative_index([8, 5, 2.0], [1, 1, 1], se=[0.5, 0.5, 0.5])
    assert mirrored.lower == 0


def test_levels_add_a_first_axis_and_are_checked():
    found = iq.slope_index([RATES] * 2, PEOPLE, se=np.ones((2, 4)), level=[0.8, 0.95])
    assert found.lower.shape == (2, 2)
    assert (found.lower[1] < found.lower[0]).all()
    counts = iq.slope_and_relative_index([5, 6, 9, 15, 16, 19], [1e3] * 6, RANK, AGE, level=[0.8, 0.95])
    assert counts.slope.upper.shape == (2,)
    assert counts.relative.upper[1] > counts.relative.upper[0]
    assert iq.excess_events([5, 6, 9], [1e3] * 3, 0, level=[0.5, 0.9]).lower.shape == (2,)
    assert code_of(iq.slope_index, RATES, PEOPLE, level=95) == "M004"


def test_standard_errors_are_checked_like_the_rest():
    assert code_of(iq.slope_index, RATES, PEOPLE, se=[1, 1, 1, -1]) == "M001"
    assert code_of(iq.slope_index, RATES, PEOPLE, se=[1, 1, 1]) == "M002"
    assert code_of(iq.slope_index, RATES, PEOPLE, se=[1, 1, 1, np.inf]) == "M007"
    assert not iq.slope_index(RATES, PEOPLE, se=[1, 1, np.nan, 1]).estimable
    empty = iq.slope_index([10, np.nan, 20, 30], [1, 0, 1, 1], se=[1, np.nan, 1, 1])
    assert np.isfinite(empty.lower)
    assert code_of(iq.slope_index, RATES, PEOPLE, se=[1] * 4, simulations=3) == "M004"


def test_counts_of_two_ranks_or_ranks_outside_zero_and_one_are_refused():
    assert code_of(iq.slope_and_relative_index, [1, 2, 1, 2], [9] * 4, [0.2, 0.8] * 2, [1, 1, 2, 2]) == "I001"
    assert code_of(iq.slope_and_relative_index, [1, 2, 3], [9] * 3, [1, 2, 3], [1, 1, 1]) == "M010"


def test_counts_without_person_years_and_unequal_lengths_are_refused():
    call = iq.slope_and_relative_index
    assert code_of(call, [1, 2, 3, 1, 2, 3], [9, 0, 9, 9, 9, 9], RANK, AGE) == "M003"
    assert code_of(call, [1, 2, 3], [9] * 6, RANK, AGE) == "M002"
    assert code_of(call, [1] * 6, [9] * 6, RANK[:3], AGE) == "M002"
    assert code_of(call, [1] * 6, [9] * 6, RANK, AGE[:3]) == "M002"
    assert code_of(call, [1, 2, 3, 1, 2, -3], [9] * 6, RANK, AGE) == "M001"
    assert code_of(call, [1] * 6, [9] * 6, RANK, AGE, weights=[1, 2, 3]) == "M002"
    assert code_of(call, [1] * 6, [9] * 6, RANK, AGE, weights=[0, 0]) == "M006"
    assert code_of(call, [1] * 6, [9] * 6, RANK, AGE, weights=[1, 1, 2, 3, 3, 3]) == "I005"
    assert code_of(call, [1] * 6, [9] * 6, RANK, AGE, model="probit") == "M005"
    assert code_of(call, [1] * 6, [9] * 6, RANK, AGE, family="gamma") == "M005"
    assert code_of(call, [1] * 6, [9] * 6, RANK, AGE, variance="none") == "M005"
    by_age = {"model": "additive-by-age", "family": "negative-binomial"}
    assert code_of(call, [1] * 6, [9] * 6, RANK, AGE, **by_age) == "M005"
    assert code_of(call, [10] * 6, [9] * 6, RANK, AGE, model="logistic") == "I006"
    assert code_of(call, [1] * 6, [9] * 6, RANK, [np.nan] * 6) == "M007"


@pytest.mark.parametrize("model", ["multiplicative", "additive", "additive-by-age", "logistic"])
def test_no_event_at_all_is_not_estimable(model):
    found = iq.slope_and_relative_index([0] * 6, [100] * 6, RANK, AGE, model=model)
    assert not found.slope.estimable
    assert not found.relative.estimable
    assert np.isnan([found.slope.value, found.slope.lower, found.relative.upper]).all()


@pytest.mark.parametrize("model", ["multiplicative", "logistic"])
def test_events_at_one_end_only_are_not_estimable(model):
    found = iq.slope_and_relative_index([0, 0, 5, 0, 0, 9], [100] * 6, RANK, AGE, model=model)
    assert not found.relative.estimable


def test_an_age_without_events_changes_no_ratio_and_lowers_the_standardised_slope():
    events, years = [5, 9, 15.0], [1e4] * 3
    alone = iq.slope_and_relative_index(events, years, RANK[:3], [60] * 3, weights=[1])
    child = iq.slope_and_relative_index([0, 0, 0, *events], years * 2, RANK, AGE, weights=[1, 1])
    assert child.relative.value == pytest.approx(alone.relative.value, rel=1e-9)
    assert child.relative.upper == pytest.approx(alone.relative.upper, rel=1e-9)
    assert child.slope.value == pytest.approx(alone.slope.value / 2, rel=1e-9)


def test_an_age_without_person_years_leaves_nothing_to_standardise():
    years = [0, 0, 0, 1e4, 1e4, 1e4]
    events = [0, 0, 0, 5, 9, 15]
    for model in ("multiplicative", "additive-by-age", "additive"):
        found = iq.slope_and_relative_index(events, years, RANK, AGE, weights=[1, 1], model=model)
        assert not found.slope.estimable, model
        own = iq.slope_and_relative_index(events, years, RANK, AGE, model=model)
        assert own.slope.estimable, model


def test_additive_model_at_the_edge_of_a_zero_rate_says_so():
    # Children without an event bound the common difference: its best fit touches zero.
    events = [0, 0, 0, 50, 90, 150]
    found = iq.slope_and_relative_index(events, [1e4] * 6, RANK, AGE, model="additive")
    assert not found.slope.estimable
    by_age = iq.slope_and_relative_index(events, [1e4] * 6, RANK, AGE, model="additive-by-age")
    assert by_age.slope.estimable


def test_a_proportion_of_all_or_none_in_an_age_is_kept_in_the_standard():
    late = [10, 10, 10, 3, 5, 8]
    found = iq.slope_and_relative_index(late, [10] * 6, RANK, AGE, weights=[1, 1], model="logistic")
    alone = iq.slope_and_relative_index(late[3:], [10] * 3, RANK[:3], AGE[3:], model="logistic")
    assert found.slope.value == pytest.approx(alone.slope.value / 2, rel=1e-9)
    assert found.least_deprived == pytest.approx((1 + alone.least_deprived) / 2, rel=1e-9)


def test_zero_cases_in_the_reference_are_no_reference():
    for call in (iq.excess_events, iq.attributable_fraction):
        found = call([[0, 4, 7], [1, 4, 7]], np.full((2, 3), 1000), 0)
        assert found.estimable.tolist() == [False, True]
        assert np.isnan(found.value[0])
        assert np.isnan(found.upper[0])
        assert code_of(call, [1, 2, 3], [9, 9, 9], 3) == "M004"
        assert code_of(call, [1, 2, 3], [9, 9, 9], -1) == "M004"
        assert code_of(call, [1, 2], [9, 9], 0) == "I001"
        assert code_of(call, [1, 2, 3], [9, 0, 9], 0) == "M003"
        two = call([1, 0, 3], [9, 0, 9], 0)
        assert not two.estimable
    for call in (iq.age_stratified_excess_events, iq.age_stratified_attributable_fraction):
        # An age without a case in the reference counts its cases as excess.
        found = call([[0, 1, 2], [4, 5, 6]], np.full((2, 3), 100), 0)
        assert found.estimable
        assert not call([[0, 1, 2], [0, 5, 6]], np.full((2, 3), 100), 0).estimable
        assert code_of(call, [1, 2, 3], [9, 9, 9], 0) == "M002"
        assert not call([[0, 1, 2], [4, 5, 6]], [[0, 100, 100], [100, 100, 100]], 0).estimable


def test_excess_without_events_elsewhere_is_negative():
    found = iq.excess_events([3, 0, 0], [1000, 1000, 1000], 0)
    assert found.value == -6
    assert iq.attributable_fraction([3, 0, 0], [1000, 1000, 1000], 0).value == -2


def test_ratios_must_be_positive_and_events_there():
    assert code_of(iq.attributable_fraction_from_ratios, [1, 2, 3], [1, 0, 2]) == "M009"
    assert code_of(iq.attributable_fraction_from_ratios, [1, 2, 3], [1, 2]) == "I001"
    assert code_of(iq.attributable_fraction_from_ratios, [1, 2, 3], [1, 2, 2, 2]) == "M002"
    assert np.isnan(iq.attributable_fraction_from_ratios([0, 0, 0], [1, 2, 2]))


def test_zero_rates_have_their_limits_in_entropy():
    assert np.isnan(iq.mean_log_deviation([0, 1, 2], [1, 1, 1]))
    assert iq.theil([0, 1, 2], [1, 1, 1]) == pytest.approx((2 / 3) * np.log(2))
    assert np.isnan(iq.theil([0, 0, 0], [1, 1, 1]))
    assert iq.absolute_concentration_index([0, 0, 0], [1, 1, 1]) == 0


def test_bounded_indices_refuse_values_out_of_their_bounds():
    assert code_of(iq.erreygers_index, [10, 20, 30], [1, 1, 1]) == "I008"
    assert code_of(iq.wagstaff_index, [0.1, 0.2, 0.3], [1, 1, 1], lowest=1, highest=0) == "I008"
    assert np.isnan(iq.wagstaff_index([1, 1, 1], [1, 1, 1]))


def test_kakwani_variance_is_for_persons_only():
    assert code_of(iq.concentration_interval, [1, 2, 3], [5, 5, 5]) == "M004"
    assert code_of(iq.mean_difference, RATES, PEOPLE, benchmark="best") == "M005"


def test_trend_asks_two_years_and_every_age_in_each():
    x, ages = np.tile([0.1, 0.5, 0.9], 4), np.tile(np.repeat([40, 60], 3), 2)
    events, years = np.arange(5, 17), np.full(12, 1e4)
    year = np.repeat([2001, 2002], 6)
    assert code_of(iq.gradient_trend, events, years, x, ages, np.full(12, 2001)) == "I007"
    assert code_of(iq.gradient_trend, events, years, x, ages, year[:6]) == "M002"
    assert code_of(iq.gradient_trend, events, years, x, ages, [np.nan] * 12) == "M007"
    assert iq.gradient_trend(events, years, x, ages, year).slope.estimable
    gone = years.copy()
    gone[:3] = 0
    events = np.where(gone > 0, events, 0)
    found = iq.gradient_trend(events, gone, x, ages, year)
    assert not found.slope.estimable
    assert np.isnan(found.slope.p_value)


def test_gaps_ask_two_different_groups_and_known_rates():
    events, years = np.array([[1.0, 2, 4], [5, 6, 8]]), np.full((2, 3), 1e3)
    assert code_of(iq.gap_by_age, events, years, [1, 1], high=0, low=0) == "M004"
    assert code_of(iq.gap_by_age, events, years, [1, 1], high=5) == "M004"
    assert code_of(iq.gap_by_age, events[0], years[0], [1]) == "M002"
    assert code_of(iq.gap_by_site, events, years, [1, 1]) == "M002"
    assert code_of(iq.gap_by_site, [events], years[:, :2], [1, 1]) == "M002"
    assert code_of(iq.gap_by_age, events[:, :2], years[:, :2], [1, 1]) == "I001"
    missing = years.copy()
    missing[0, 0], events[0, 0] = 0, 0
    found = iq.gap_by_age(events, missing, [1, 1])
    assert not found.total.estimable
    assert found.contribution.estimable.tolist() == [False, True]
    assert iq.gap_by_age(events, missing, [0, 1]).total.estimable
    assert np.isnan(iq.crude_gap(events, missing).total)


def test_deaths_need_cases_to_come_from():
    cases, deaths, years = [[0, 5, 9]], [[2, 3, 4]], [[1e3] * 3]
    assert code_of(iq.gap_in_deaths, cases, deaths, years, [1], linked=True) == "I006"
    assert not iq.gap_in_deaths(cases, deaths, years, [1], linked=False).total.estimable
    # Nobody ill in the least deprived group: all of the gap is incidence.
    split = iq.gap_in_deaths([[0, 5, 8]], [[0, 3, 4]], years, [1], linked=True)
    assert split.incidence.value == pytest.approx(0.004)
    assert split.lethality.value == 0
    same = iq.gap_in_deaths([[5, 5, 5]], [[1, 1, 1]], years, [1], linked=True)
    assert np.isnan(same.incidence_share)


def test_an_index_that_contradicts_its_declaration_is_refused():
    unemployment, income = np.array([4.0, 8, 15, 6]), np.array([30.0, 20, 10, 25])
    areas, people = np.c_[income, unemployment], [1, 1, 1, 1]
    assert code_of(iq.first_component_index, areas, people, [1, 1]) == "I003"
    assert code_of(iq.require_direction, income, unemployment, people, higher_is="more deprived") == "I003"
    assert iq.require_direction(income, unemployment, people, higher_is="less deprived") < 0
    assert code_of(iq.require_direction, income, [1, 1, 1, 1], people, higher_is="more deprived") == "I004"
    assert code_of(iq.require_direction, income, unemployment, people, higher_is="poor") == "M005"


def test_deprivation_indices_check_their_variables():
    areas, people = np.array([[1.0, 2], [2, 4], [3, 7]]), [1, 1, 1]
    assert code_of(iq.first_component_index, areas, people, [1]) == "M002"
    assert code_of(iq.first_component_index, areas, people, [1, 2]) == "M004"
    assert code_of(iq.first_component_index, areas[0], people, [1, 1]) == "M002"
    assert code_of(iq.first_component_index, areas, people[:2], [1, 1]) == "M002"
    assert code_of(iq.first_component_index, [[1, 5], [2, 5], [3, 5]], people, [1, 1]) == "I004"
    assert code_of(iq.first_component_index, [[1, 5], [np.nan, 5], [3, 5]], people, [1, 1]) == "I001"
    assert code_of(iq.weighted_sum_index, areas, people, [1, 1]) == "M010"
    assert code_of(iq.weighted_sum_index, areas / 10, people, [1]) == "M002"
    four = np.array([[1.0, 2], [2, 4], [3, 7], [np.nan, 5]])
    found = iq.first_component_index(four, [1, 1, 1, 50], [1, 1])
    assert np.isnan(found.score[3])
    assert found.missing == 1
    np.testing.assert_allclose(found.mean, [2, 13 / 3])


def test_quantiles_check_their_request():
    assert code_of(iq.assign_quantiles, [1, 2, 3], quantiles=2) == "I001"
    assert code_of(iq.assign_quantiles, [1, 2, np.inf]) == "M007"
    assert code_of(iq.assign_quantiles, [1, 2, 3], [1, 1]) == "M002"
    assert code_of(iq.assign_quantiles, [1, 2, 3], scope=["a"]) == "M002"
    assert code_of(iq.assign_quantiles, [[1, 2, 3]]) == "M002"
    nothing = iq.assign_quantiles([np.nan, np.nan], [3, 4])
    assert nothing.quantile.tolist() == [0, 0]
    assert np.isnan(nothing.population_share).all()
    assert (nothing.missing, nothing.missing_population) == (2, 7)


def test_draws_need_their_axis_and_a_missing_draw_shows():
    assert code_of(iq.over_draws, iq.theil, [1, 2, 3], [1, 1, 1]) == "M002"
    found = iq.over_draws(iq.mean_log_deviation, [[1, 2, 3], [0, 1, 2]], [1, 1, 1])
    assert not found.estimable
    assert code_of(iq.from_standard_errors, iq.theil, [1, 2, 3], [1, 1, 1], [1, 1]) == "M002"
