"""Limits of counts and shares against standard tables."""

import numpy as np
import pytest

from rnc_epi.maths.intervals import poisson_interval, wilson_interval

# Six decimals as printed: half a unit of the last one.
SIX_DECIMALS = 6e-7

# Observed count: Garwood, Byar and mid-p limits at 95 %.
TABLE = {
    0: ((0, 3.688879), (0, 3.668012), (0, 2.995732)),
    1: ((0.025318, 5.571643), (0.013072, 5.563756), (0.050020, 4.931861)),
    5: ((1.623486, 11.668332), (1.611348, 11.668164), (1.831995, 11.082416)),
    10: ((4.795389, 18.390356), (4.787450, 18.391459), (5.079522, 17.824854)),
    20: ((12.216520, 30.888378), (12.211429, 30.889880), (12.559738, 30.339601)),
}


@pytest.mark.parametrize(("place", "method"), list(enumerate(["garwood", "byar", "mid-p"])))
def test_limits_of_small_counts_are_those_of_the_tables(place, method):
    limits = poisson_interval(list(TABLE), method=method)
    lower, upper = np.transpose([row[place] for row in TABLE.values()])
    np.testing.assert_allclose(limits.lower, lower, rtol=0, atol=SIX_DECIMALS)
    np.testing.assert_allclose(limits.upper, upper, rtol=0, atol=SIX_DECIMALS)


def test_byar_limits_are_those_published_for_english_indicators():
    limits = poisson_interval([65, 1045, 1], method="byar")
    np.testing.assert_allclose(limits.lower, [50.163188, 982.593202, 0.013072], rtol=0, atol=SIX_DECIMALS)
    np.testing.assert_allclose(limits.upper, [82.849139, 1110.331213, 5.563756], rtol=0, atol=SIX_DECIMALS)
    wide = poisson_interval([65, 10], method="byar", level=0.998)
    np.testing.assert_allclose(wide.lower, [42.880261, 2.916318], rtol=0, atol=SIX_DECIMALS)
    np.testing.assert_allclose(wide.upper, [94.000291, 24.193725], rtol=0, atol=SIX_DECIMALS)


def test_with_no_event_the_upper_limit_is_the_logarithm_of_the_tail():
    # P(no event | mu) = exp(-mu) = 0.025, hence mu = -log 0.025; with the mid-p half of it, 0.05.
    assert poisson_interval(0).upper == pytest.approx(-np.log(0.025), rel=1e-14)
    assert poisson_interval(0, method="mid-p").upper == pytest.approx(-np.log(0.05), rel=1e-14)


def test_a_sequence_of_levels_adds_a_first_axis():
    both = poisson_interval([[0, 3, 7]], level=[0.9, 0.95])
    assert both.upper.shape == (2, 1, 3)
    np.testing.assert_array_equal(both.upper[1], poisson_interval([[0, 3, 7]], level=0.95).upper)


@pytest.mark.parametrize("method", ["garwood", "mid-p", "byar"])
def test_a_long_table_of_repeated_counts_has_the_limits_of_each_count_alone(method):
    counts = np.arange(1200).reshape(300, 4) % 37
    table = poisson_interval(counts, method=method, level=[0.9, 0.95])
    alone = poisson_interval(np.arange(37), method=method, level=[0.9, 0.95])
    np.testing.assert_array_equal(table.lower, alone.lower[:, counts])
    np.testing.assert_array_equal(table.upper, alone.upper[:, counts])


def test_wilson_limits_solve_the_score_equation():
    share = wilson_interval([1, 20, 99], [100, 100, 100])
    z = 1.959963984540054
    for limit in (share.lower, share.upper):
        score = np.abs(share.share - limit) / np.sqrt(limit * (1 - limit) / 100)
        # The limits are closed forms: only rounding separates them from the equation.
        np.testing.assert_allclose(score, z, rtol=1e-12)


def test_a_share_of_nothing_or_of_everything_keeps_a_limit_inside():
    share = wilson_interval([0, 10], [10, 10])
    # By hand: z^2 / (n + z^2) with z = 1.96 and n = 10.
    np.testing.assert_allclose(share.upper, [3.841459 / 13.841459, 1], rtol=1e-7)
    np.testing.assert_allclose(share.lower, [0, 10 / 13.841459], rtol=1e-7)
