"""Ratios and differences of rates against published numbers and hand calculation."""

import numpy as np
import pytest

from rnc_epi.maths.compare import (
    area_against_rest,
    comparative_mortality_figure,
    rate_difference,
    rate_ratio,
)
from rnc_epi.maths.reference import (
    expected_events,
    indirectly_standardised_rate,
    internal_expected_events,
)
from rnc_epi.maths.standardise import crude_rate, directly_standardised_rate, indirectly_standardised_ratio

STANDARD = [319933, 931318, 786511, 488235, 237863, 61313]
FIVE = ([0, 8, 63, 112, 262, 295], [327, 30666, 123419, 149919, 104088, 34392])
FIRST = ([107, 141, 60, 40, 39, 25], [230061, 329449, 114920, 39487, 14208, 3052])


@pytest.fixture
def orders():
    """Down syndrome among births of order 5 and more, and among first births (Fleiss 1981, table 14.4)."""
    return (directly_standardised_rate(*cells, STANDARD) for cells in (FIVE, FIRST))


@pytest.mark.parametrize(
    ("method", "limits"), [("log-normal", (0.690132, 0.970173)), ("test-based", (0.686624, 0.975131))]
)
def test_down_syndrome_ratio_of_birth_orders(orders, method, limits):
    ratio = rate_ratio(*orders, method=method)
    # Six decimals computed by hand from the two published rates.
    assert ratio.ratio == pytest.approx(0.818259, abs=6e-7)
    assert (ratio.lower, ratio.upper) == pytest.approx(limits, abs=6e-7)


def test_down_syndrome_difference_of_birth_orders(orders):
    gap = rate_difference(*orders)
    assert gap.difference == pytest.approx(-16.775518, abs=6e-7)
    assert gap.upper - gap.difference == pytest.approx(14.669244, abs=6e-7)


def test_test_based_limits_touch_one_when_the_difference_is_just_significant(orders):
    ratio = rate_ratio(*orders, method="test-based")
    z = (np.log(ratio.ratio)) / ratio.log_se
    again = rate_ratio(
        directly_standardised_rate(*FIVE, STANDARD),
        directly_standardised_rate(*FIRST, STANDARD),
        method="test-based",
        level=1 - float(ratio.p_value),
    )
    assert z < 0
    assert again.upper == pytest.approx(1, rel=1e-12)


def test_test_based_limits_exist_for_equal_rates_and_join_the_others_smoothly():
    # 100 and 100 events: both methods then have the standard error of a log-ratio, the root of 1/100 + 1/100.
    same = rate_ratio(crude_rate(100, 1000), crude_rate(100, 1000), method="test-based")
    assert same.upper == pytest.approx(np.exp(1.959963984540054 * np.sqrt(0.02)), rel=1e-12)
    near = rate_ratio(crude_rate(100 + 1e-9, 1000), crude_rate(100, 1000), method="test-based")
    assert near.upper == pytest.approx(same.upper, rel=1e-10)


def test_a_first_rate_without_events_still_has_an_upper_limit_by_f():
    # One band: F with 2 and 2 x 20 degrees of freedom; upper = F / 20 x (ratio of person-years 1).
    ratio = rate_ratio(crude_rate(0, 1000), crude_rate(20, 1000), method="fay-f")
    assert (ratio.ratio, ratio.lower) == (0, 0)
    # F(2, 40) has the closed quantile 20 (p^(-1/20) - 1).
    assert ratio.upper == pytest.approx((0.025 ** (-1 / 20) - 1), rel=1e-10)


def test_a_difference_of_crude_rates_by_hand():
    gap = rate_difference(crude_rate(100, 1000, per=1000), crude_rate(44, 1000, per=1000))
    assert gap.difference == pytest.approx(56)
    assert gap.se == pytest.approx(12)


def test_the_comparative_figure_is_the_rate_over_a_known_one():
    rate = directly_standardised_rate([10, 40], [10_000, 5_000], [70_000, 30_000])
    figure = comparative_mortality_figure(rate, 248.0)
    assert figure.ratio == pytest.approx(310 / 248)
    assert figure.upper / figure.ratio == pytest.approx(rate.upper / rate.rate)


def test_an_area_is_compared_with_all_the_others_and_not_with_itself():
    events, years = [[10, 40], [30, 60], [20, 50]], [[9_000, 6_000], [20_000, 9_000], [8_000, 7_000]]
    found = area_against_rest(events, years, [0.7, 0.3], method="log-normal")
    rest = directly_standardised_rate([50, 110], [28_000, 16_000], [0.7, 0.3])
    alone = rate_ratio(directly_standardised_rate(events[0], years[0], [0.7, 0.3]), rest)
    assert found.rest.rate[0] == pytest.approx(rest.rate)
    assert (found.ratio.lower[0], found.ratio.p_value[0]) == pytest.approx((alone.lower, alone.p_value))


def test_selvins_deaths_of_1940_expected_at_the_rates_of_1960():
    deaths60 = [141, 926, 1253, 1080, 1869, 4891, 14956, 30888, 41725, 26501, 5928]
    people60 = [
        *(1784033, 7065148, 15658730, 10482916, 9939972, 10563872),
        *(9114202, 6850263, 4702482, 1874619, 330915),
    ]
    deaths40 = [45, 201, 320, 670, 1126, 3160, 9723, 17935, 22179, 13461, 2238]
    people40 = [
        *(906897, 3794573, 10003544, 10629526, 9465330, 8249558),
        *(7294330, 5022499, 2920220, 1019504, 142532),
    ]
    awaited = expected_events(people40, deaths60, people60)
    ratio = indirectly_standardised_ratio(sum(deaths40), awaited.expected)
    rate = indirectly_standardised_rate(sum(deaths40), awaited.expected, awaited.reference_rate)
    # Printed with four and two decimals (Selvin 2004, by way of the help page of an R package).
    assert ratio.ratio == pytest.approx(0.8305, abs=6e-5)
    assert rate.rate == pytest.approx(137.94, abs=6e-3)
    direct = directly_standardised_rate(deaths40, people40, people60)
    assert direct.rate == pytest.approx(139.25, abs=6e-3)
    assert (direct.lower, direct.upper) == pytest.approx((138.21, 140.29), abs=6e-3)


def test_expected_events_add_up_to_the_observed_with_the_areas_in_their_own_reference():
    events, years = np.array([[3, 8], [5, 1], [2, 9]]), np.array([[100, 50], [300, 20], [200, 80]])
    assert internal_expected_events(events, years).expected.sum() == pytest.approx(28)
    others = internal_expected_events(events, years, with_own_area=False)
    # First area, by hand: 100 x 7/500 + 50 x 10/100.
    assert others.expected[0] == pytest.approx(1.4 + 5.0)
