"""What serves thousands of strata gives what serves one: spread, slopes, ranks of their own."""

from __future__ import annotations

import numpy as np
import pytest

from rnc_epi.maths.inequality import (
    between_group_variance,
    from_standard_errors,
    gradient_trend,
    index_of_disparity,
    log_slope,
    mean_log_deviation,
    ridit,
    slope_and_relative_index,
    spread_between_groups,
    theil,
)
from rnc_epi.vocabulary.errors import InputError

MEASURES = {
    "theil": theil,
    "mean_log_deviation": mean_log_deviation,
    "between_group_variance": between_group_variance,
    "index_of_disparity": index_of_disparity,
}


@pytest.mark.parametrize("name", MEASURES)
def test_four_measures_at_once_are_the_four_measures_one_by_one(name):
    rng = np.random.default_rng(41)
    value, population = rng.uniform(5, 20, (6, 5)), rng.uniform(1, 2, (6, 5))
    se = 0.1 * value
    value[0, 2], population[0, 2], se[0, 2] = np.nan, 0.0, 0.0
    together = getattr(spread_between_groups(value, population, se=se, simulations=20_000), name)
    alone = from_standard_errors(MEASURES[name], value, population, se, simulations=20_000)
    np.testing.assert_allclose(together.value, alone.value, rtol=1e-12)
    np.testing.assert_allclose(together.se, alone.se, rtol=1e-9)
    # The same draws: an order statistic and an interpolated percentile of 20 000 differ by less than 1e-3.
    np.testing.assert_allclose(together.lower, alone.lower, rtol=1e-3)
    np.testing.assert_allclose(together.upper, alone.upper, rtol=1e-3)


def test_a_mean_log_deviation_whose_simulated_rates_are_often_zero_has_no_upper_limit():
    found = spread_between_groups([1.0, 2.0, 3.0], [1, 1, 1], se=[1.0, 0.1, 0.1]).mean_log_deviation
    assert found.estimable
    assert np.isinf(found.upper)
    assert np.isfinite(found.lower)


def test_the_log_slope_is_the_log_of_the_relative_index_with_its_error_and_test():
    rng = np.random.default_rng(42)
    rank, age = np.tile(ridit(np.ones(5)), 18), np.repeat(np.arange(18), 5)
    years = rng.uniform(1e3, 2e3, (4, 90))
    events = rng.poisson(0.02 * years * np.exp(0.3 * rank))
    found = log_slope(events, years, rank, age)
    full = slope_and_relative_index(events, years, rank, age).relative
    np.testing.assert_allclose(np.exp(found.value), full.value, rtol=1e-9)
    np.testing.assert_allclose(found.se, np.asarray(full.se) / full.value, rtol=1e-9)
    excluded = (full.lower > 1) | (full.upper < 1)
    assert ((found.p_value < 0.05) == excluded).all()


def test_sets_of_counts_with_ranks_of_their_own_are_fitted_as_if_alone():
    rng = np.random.default_rng(43)
    age = np.repeat(np.arange(18), 5)
    shares = rng.dirichlet(np.ones(5), 3)
    ranks = np.stack([np.tile(ridit(share), 18) for share in shares])
    years = np.full((3, 90), 1e3)
    events = rng.poisson(20, (3, 90))
    for model in ("multiplicative", "additive-by-age"):
        together = slope_and_relative_index(events, years, ranks, age, model=model)
        for k in range(3):
            alone = slope_and_relative_index(events[k], years[k], ranks[k], age, model=model)
            assert together.relative.value[k] == pytest.approx(alone.relative.value, rel=1e-9)
            assert together.slope.upper[k] == pytest.approx(alone.slope.upper, rel=1e-9)
    with pytest.raises(InputError, match="M002"):
        slope_and_relative_index(events, years, ranks[:2], age)


def test_a_set_whose_populated_cells_stand_at_two_ranks_is_not_estimable():
    rank, age = np.tile([0.2, 0.5, 0.8], 4), np.repeat(np.arange(4), 3)
    years = np.full((2, 12), 100.0)
    years[1, 1::3] = 0.0
    events = np.where(years > 0, 5.0, 0.0) + np.tile([0, 0, 3.0], 4)
    found = slope_and_relative_index(events, years, rank, age)
    assert found.relative.estimable.tolist() == [True, False]
    trend = gradient_trend(
        np.concatenate([events, events], axis=1), np.concatenate([years, years], axis=1),
        np.tile(rank, 2), np.tile(age, 2), np.repeat([2000, 2001], 12),
    )  # fmt: skip
    assert trend.relative.estimable.tolist() == [True, False]
