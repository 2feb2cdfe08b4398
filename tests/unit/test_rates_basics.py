"""Bands, median age, shares, change and its decomposition by hand."""

import numpy as np
import pytest

from rnc_epi.maths.annual_change import annual_change, annual_change_between
from rnc_epi.maths.bands import bands_within, merge_bands, repeated_events, unknown_age_factor
from rnc_epi.maths.basics import count_ratio, mean_annual_events, median_age, reliability
from rnc_epi.maths.decomposition import decompose_change
from rnc_epi.maths.standardise import crude_rate, directly_standardised_rate


def test_bands_merge_into_an_open_one():
    merged = merge_bands([[1, 2, 3, 4, 5], [0, 0, 1, 0, 1]], [0, 1, 5, 80, 85], [0, 5, 80])
    assert merged.tolist() == [[3, 3, 9], [0, 1, 1]]


def test_ranges_of_ages_are_whole_bands():
    ages = [0, 15, 40, 75]
    assert bands_within(ages, first=15, until=40).tolist() == [False, True, False, False]
    assert bands_within(ages, first=75, until=None).tolist() == [False, False, False, True]


def test_cases_of_unknown_age_are_shared_out():
    factor = unknown_age_factor([95, 0, 0], [5, 0, 2])
    np.testing.assert_allclose(factor, [100 / 95, 1, np.nan], rtol=1e-15)
    rate = directly_standardised_rate([40, 55], [1000, 1000], [1, 1]).scaled(100 / 95)
    plain = directly_standardised_rate([40, 55], [1000, 1000], [1, 1])
    assert rate.rate == pytest.approx(5000)
    assert rate.upper / rate.rate == pytest.approx(plain.upper / plain.rate)


def test_persons_with_several_events_widen_the_limits():
    events, variance = repeated_events([[7, 0, 1], [4, 3, 0]])
    assert (events.tolist(), variance.tolist()) == ([10, 10], [16, 16])
    years, weights = [1000, 1000], [1, 1]
    apart = directly_standardised_rate(events, years, weights, method="dobson-byar")
    together = directly_standardised_rate(
        events, years, weights, method="dobson-byar", event_variance=variance
    )
    # The distance of each limit grows by the root of 16/10.
    grown = np.sqrt(1.6)
    assert together.upper - together.rate == pytest.approx(grown * (apart.upper - apart.rate))


def test_median_age_within_a_band_by_hand():
    age = median_age([0, 40, 30, 30], [0, 50, 60, 70])
    assert age.median == pytest.approx(60 + 10 * 10 / 30)
    # The limits lie at shares 1/2 -+ 0.098 of 100 events: the 40.2th and the 59.8th.
    assert age.lower == pytest.approx(60 + 10 * (40.2002 - 40) / 30, abs=1e-4)
    assert age.upper == pytest.approx(60 + 10 * (59.7998 - 40) / 30, abs=1e-4)


def test_a_median_in_the_open_band_is_not_told():
    age = median_age([[1, 0, 9], [6, 0, 4], [0, 0, 0]], [0, 50, 80])
    assert age.estimable.tolist() == [False, True, False]
    assert np.isnan(age.median[[0, 2]]).all()
    assert np.isnan(age.upper[1])


def test_another_quantile_by_hand():
    assert median_age([10, 10, 1], [0, 10, 20], share=0.25).median == pytest.approx(5.25)


def test_mean_annual_cases_have_the_limits_of_their_sum():
    mean = mean_annual_events([25, 0], 5)
    assert mean.rate.tolist() == [5, 0]
    assert mean.upper[1] == pytest.approx(-np.log(0.025) / 5)


def test_equal_counts_have_limits_that_mirror_each_other():
    ratio = count_ratio(30, 30)
    assert ratio.lower * ratio.upper == pytest.approx(1, rel=1e-12)


def test_a_rate_that_doubles_in_ten_years():
    change = annual_change_between(crude_rate(100, 1000), crude_rate(200, 1000), 10)
    assert change.percent == pytest.approx(100 * (2**0.1 - 1))
    # log-ratio 0.6931, standard error the root of 1/100 + 1/200.
    upper = 100 * np.expm1((np.log(2) + 1.959963984540054 * np.sqrt(0.015)) / 10)
    assert change.upper == pytest.approx(upper)


@pytest.mark.parametrize("family", ["poisson", "quasi-poisson", "negative-binomial"])
def test_exact_growth_is_found_whatever_the_age_structure(family):
    years = np.array([2000, 2001, 2003, 2007])
    person_years = np.array([[5, 1], [4, 2], [2, 4], [1, 5]]) * 1e5
    events = person_years * [1e-3, 2e-2] * 1.05 ** (years - 2000)[:, None]
    change = annual_change(events, person_years, years, by_age=True, family=family)
    assert change.percent == pytest.approx(5, rel=1e-9)


def test_a_crude_rate_grows_with_ageing_where_age_specific_rates_do_not():
    person_years = np.array([[5, 1], [4, 2], [2, 4], [1, 5]]) * 1e5
    events = person_years * [1e-3, 2e-2]
    years = [2000, 2001, 2002, 2003]
    assert annual_change(events.sum(1), person_years.sum(1), years).percent > 20
    assert annual_change(events, person_years, years, by_age=True).percent == pytest.approx(0, abs=1e-8)


def test_slope_error_between_two_years_is_that_of_the_log_ratio():
    change = annual_change([100, 200], [1e5, 1e5], [2000, 2010])
    assert change.slope == pytest.approx(np.log(2) / 10)
    assert change.slope_se == pytest.approx(np.sqrt(1 / 100 + 1 / 200) / 10)


def test_no_finite_slope_where_all_events_lie_at_one_end():
    events = [[0, 0, 3], [3, 0, 0], [0, 0, 0], [0, 3, 0]]
    change = annual_change(events, np.full((4, 3), 1e3), [2000, 2001, 2002])
    assert change.estimable.tolist() == [False, False, False, True]
    assert np.isnan(change.percent[:3]).all()
    assert change.percent[3] == pytest.approx(0, abs=1e-9)


def test_one_change_of_cases_in_three_parts_by_hand():
    # Cases 28 to 32 among 1000 then 1100 persons, of whom 200 then 300 old; rates 1 % and 10 then 8 %.
    parts = decompose_change([8, 20], [800, 200], [8, 24], [800, 300])
    assert parts.change == pytest.approx(4)
    assert parts.size == pytest.approx(28 * 0.1)
    assert parts.ageing == pytest.approx((8 + 30) - 28 * 1.1)
    assert parts.risk == pytest.approx(32 - 38)


def test_the_symmetric_parts_only_change_sign_when_the_periods_are_exchanged():
    first, last = ([8, 20], [800, 200]), ([9, 24], [700, 420])
    there = decompose_change(*first, *last, method="symmetric")
    back = decompose_change(*last, *first, method="symmetric")
    for part in ("risk", "size", "ageing"):
        assert getattr(there, part) == pytest.approx(-getattr(back, part), rel=1e-12)


def test_the_symmetric_part_of_size_by_brute_force_over_orders():
    from itertools import permutations

    n1, n2 = np.array([800.0, 200]), np.array([700.0, 420])
    r1, r2 = np.array([8.0, 20]) / n1, np.array([9.0, 24]) / n2
    factors = {"size": (n1.sum(), n2.sum()), "ageing": (n1 / n1.sum(), n2 / n2.sum()), "risk": (r1, r2)}
    parts = dict.fromkeys(factors, 0.0)
    for order in permutations(factors):
        state = {name: values[0] for name, values in factors.items()}
        for name in order:
            before = state["size"] * (state["ageing"] * state["risk"]).sum()
            state[name] = factors[name][1]
            parts[name] += (state["size"] * (state["ageing"] * state["risk"]).sum() - before) / 6
    found = decompose_change(r1 * n1, n1, r2 * n2, n2, method="symmetric")
    assert (found.size, found.ageing, found.risk) == pytest.approx(tuple(parts.values()), rel=1e-10)


def test_periods_of_unequal_length_are_compared_year_by_year():
    one = decompose_change([8, 20], [800, 200], [8, 24], [800, 300])
    two = decompose_change([40, 100], [4000, 1000], [24, 72], [2400, 900], first_years=5, last_years=3)
    assert (two.risk, two.size, two.ageing) == pytest.approx((one.risk, one.size, one.ageing))


def test_reliability_looks_at_events_and_at_the_relative_error():
    found = reliability([8, 16, 50, 0], [80, 160, 100, np.nan], [28.3, 40.0, 40.0, np.nan])
    assert found.reliable.tolist() == [False, True, False, False]
    assert found.enough_events.tolist() == [False, True, True, False]
    # 20 events make 22 % for a crude rate.
    crude = crude_rate(20, 1000)
    assert reliability(20, crude.rate, crude.se).rse == pytest.approx(100 / np.sqrt(20))
