"""Adjusted p-values, ranks and funnels against hand calculation and brute force."""

import numpy as np
import pytest
from scipy import stats

from rnc_epi.maths.funnel import funnel_limits, overdispersion_between_areas, proportion_funnel_limits
from rnc_epi.maths.intervals import wilson_interval
from rnc_epi.maths.multiple import false_discovery_rate, ranks_from_draws, ranks_with_uncertainty
from rnc_epi.maths.standardise import crude_rate

# Benjamini and Hochberg (1995), section 4: fifteen p-values of a trial, four of which are discoveries.
TRIAL = [
    *(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344),
    *(0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0),
]


def test_the_published_trial_has_four_discoveries():
    found = false_discovery_rate(TRIAL)
    assert found.discovered.sum() == 4
    # The fourth by hand: 0.0095 x 15 / 4.
    assert found.adjusted[3] == pytest.approx(0.035625)


def test_any_dependence_costs_the_harmonic_sum():
    found = false_discovery_rate(TRIAL, method="benjamini-yekutieli")
    harmonic = sum(1 / k for k in range(1, 16))
    assert found.adjusted[3] == pytest.approx(0.035625 * harmonic, rel=1e-12)


def test_an_area_that_was_not_tested_does_not_count_in_the_family():
    with_hole = false_discovery_rate([0.01, np.nan, 0.02, 0.9])
    without = false_discovery_rate([0.01, 0.02, 0.9])
    np.testing.assert_array_equal(with_hole.adjusted[[0, 2, 3]], without.adjusted)
    assert np.isnan(with_hole.adjusted[1])
    assert not with_hole.discovered[1]


def test_equal_rates_share_their_mean_rank_and_unknown_ones_have_none():
    draws = np.tile([[3.0], [7], [7], [np.nan], [1]], 5)
    ranks = ranks_from_draws([3, 7, 7, np.nan, 1], draws)
    np.testing.assert_array_equal(ranks.rank, [3, 1.5, 1.5, np.nan, 4])
    np.testing.assert_array_equal(ranks.upper, [3, 1.5, 1.5, np.nan, 4])


def test_limits_of_ranks_are_ranks_seen_in_the_draws():
    # Two areas change places in one draw of five: at 50 % they do not, at 90 % they do.
    draws = [[5, 5, 5, 5, 1], [2, 2, 2, 2, 2]]
    ranks = ranks_from_draws([5, 2], draws, level=[0.5, 0.9])
    assert ranks.lower.tolist() == [[1, 2], [1, 1]]
    assert ranks.upper.tolist() == [[1, 2], [2, 2]]
    assert ranks.expected.tolist() == [1.2, 1.8]


def test_ranks_depend_on_their_seed_alone_and_widen_for_small_areas():
    rates = crude_rate([400, 300, 3, 0], [4000, 3500, 30, 10])
    one, two = (ranks_with_uncertainty(rates, seed=9) for _ in range(2))
    np.testing.assert_array_equal(one.expected, two.expected)
    width = one.upper - one.lower
    assert width[3] > width[1]


@pytest.mark.parametrize("probability", [0.001, 0.025, 0.5, 0.975, 0.999])
def test_exact_funnel_limits_interpolate_the_poisson_distribution(probability):
    expected = np.array([0.3, 2.0, 10.0, 57.3, 1234.5])
    level = abs(1 - 2 * probability) or 1e-9
    limits = funnel_limits(expected, level=level, target=1.3)
    found = limits.lower if probability <= 0.5 else limits.upper
    for size, limit in zip(expected, found, strict=True):
        mean = 1.3 * size
        r = int(stats.poisson.ppf(probability if probability != 0.5 else 0.5 - 5e-10, mean))
        inside = stats.poisson.cdf(r, mean)
        p = probability if probability != 0.5 else 0.5 - 5e-10
        expected_limit = max(r - (inside - p) / (inside - stats.poisson.cdf(r - 1, mean)), 0) / size
        assert limit == pytest.approx(expected_limit, rel=1e-8, abs=1e-12)


def test_overdispersion_by_hand():
    # z = 2 (sqrt O - sqrt E): squares 34.3, 20.2, 0, 4.46, 3.64 over five areas of 100 expected.
    found = overdispersion_between_areas([50, 150, 100, 80, 120], [100] * 5, winsorised=0)
    squares = sum((2 * (o**0.5 - 10)) ** 2 for o in (50, 150, 100, 80, 120))
    assert found.factor == pytest.approx(squares / 5)
    # Weights 4 E = 400 each: total 2000, less 400; between areas (62.6 - 4) / 1600.
    assert found.between == pytest.approx(np.sqrt((squares - 4) / 1600))


def test_winsorised_scores_leave_an_outlier_no_weight():
    expected = np.full(40, 200.0)
    # 38 areas without spread and two far away, one on each side, each a fortieth.
    observed = np.r_[np.full(38, 200.0), 900, 20]
    assert overdispersion_between_areas(observed, expected).factor == 1
    assert overdispersion_between_areas(observed, expected, winsorised=0).factor > 5


def test_wider_funnels_by_hand():
    found = overdispersion_between_areas([50, 150, 100, 80, 120], [100] * 5, winsorised=0)
    z = 1.959963984540054
    multiplied = funnel_limits([400], level=0.95, method="multiplicative", overdispersion=found)
    assert multiplied.upper[0] == pytest.approx((1 + z / 40 * np.sqrt(found.factor)) ** 2)
    added = funnel_limits([400], level=0.95, method="additive", overdispersion=found)
    assert added.lower[0] == pytest.approx((1 - z * np.sqrt(1 / 1600 + found.between**2)) ** 2)


def test_a_share_is_outside_its_funnel_when_its_wilson_interval_leaves_the_target_out():
    part, whole = np.arange(51), np.full(51, 50)
    limits = proportion_funnel_limits(whole, 0.3, level=0.95)
    outside = (part / 50 < limits.lower) | (part / 50 > limits.upper)
    share = wilson_interval(part, whole)
    np.testing.assert_array_equal(outside, (share.upper < 0.3) | (share.lower > 0.3))
