"""Coverage of the limits of slope and relative indices, counted over simulated populations.

Counts are drawn from a Poisson law, or from one whose mean varies from cell to cell by a gamma factor with
coefficient of variation 0.45 (k = 0.2). Ages have the rates of a cancer over a life. A bound of 93-97 % is
asked, widened by two Monte Carlo errors; where a method does not reach it, its domain stands in
docs/decisions/111-*.md and its figures are asserted here as they are.
"""

from __future__ import annotations

import numpy as np
import pytest

from rnc_epi.maths import inequality as iq

RATES = np.array([15, 10, 12, 20, 30, 45, 65, 100, 160, 270, 450, 700, 1000, 1350, 1600, 1800, 1850, 1700.0])
WORLD = np.array([12, 10, 9, 9, 8, 8, 6, 6, 6, 6, 5, 4, 4, 3, 2, 1, 0.5, 0.5])


def shares_of(groups, small_reference):
    """Return equal shares, or a reference group of 2 %."""
    if small_reference:
        return np.r_[0.02, np.full(groups - 1, 0.98 / (groups - 1))]
    return np.full(groups, 1 / groups)


def draw(rng, mean, k, replicates):
    mean = np.broadcast_to(mean, (replicates, *mean.shape))
    if k:
        mean = mean * rng.gamma(1 / k, k, size=mean.shape)
    return rng.poisson(mean).astype(float)


def coverage(found, truth):
    """Return the share of estimable intervals that hold the truth, and the share estimable."""
    held = (found.lower <= truth) & (truth <= found.upper)
    return held[found.estimable].mean(), found.estimable.mean()


def accept(observed, replicates, low=0.93, high=0.97):
    error = 2 * np.sqrt(0.05 * 0.95 / replicates)
    assert low - error <= observed <= high + error


def counts_coverage(
    groups, cases, k, small, *, model, replicates, ratio=2.0, ages=18, family="poisson", variance="robust"
):
    """Return coverage of the slope and of the relative index for one setting."""
    rng = np.random.default_rng([groups, cases, int(100 * k), small, ages])
    share = shares_of(groups, small)
    rank = np.cumsum(share) - share / 2
    rates, standard = RATES[-ages:], WORLD[-ages:] / WORLD[-ages:].sum()
    if model == "multiplicative":
        rate = rates[:, None] * ratio**rank
        least, most = standard @ rates, ratio * standard @ rates
    elif model == "additive":
        # One difference at all ages: 0.8 of the lowest rate.
        rate = rates[:, None] + 0.8 * rates.min() * rank
        least = standard @ rates
        most = least + 0.8 * rates.min()
    else:
        rate = rates[:, None] * (1 + (ratio - 1) * rank)
        least, most = standard @ rates, ratio * standard @ rates
    years = np.outer(np.linspace(1, 0.3, 18)[-ages:], share)
    years *= cases / (years * rate).sum()
    events = draw(rng, (years * rate).ravel(), k, replicates)
    found = iq.slope_and_relative_index(
        events, years.ravel(), np.tile(rank, ages), np.repeat(np.arange(ages), groups),
        weights=standard, model=model, family=family, variance=variance,
    )  # fmt: skip
    return coverage(found.slope, most - least), coverage(found.relative, most / least)


def regression_coverage(groups, cases, k, small, *, transform, ends=(1, 2), replicates):
    rng = np.random.default_rng([groups, cases, int(100 * k), small])
    share = shares_of(groups, small)
    rank = np.cumsum(share) - share / 2
    low, high = ends
    rate = low * (high / low) ** rank if transform == "log" else low + (high - low) * rank
    years = share * cases / (share * rate).sum()
    events = draw(rng, years * rate, k, replicates)
    # The caller owes the standard errors of its rates, overdispersion included.
    se = np.sqrt(events + k * events**2) / years
    options = {"se": se, "transform": transform, "simulations": 2000}
    slope = iq.slope_index(events / years, years, **options)
    ratio = iq.relative_index(events / years, years, **options)
    return coverage(slope, high - low), coverage(ratio, high / low)


@pytest.mark.parametrize("groups", [5, 10])
@pytest.mark.parametrize("cases", [50, 500, 5000])
@pytest.mark.parametrize("k", [0, 0.2])
@pytest.mark.parametrize("small", [False, True])
def test_multiplicative_limits_hold_their_level(groups, cases, k, small):
    slope, ratio = counts_coverage(groups, cases, k, small, model="multiplicative", replicates=1500)
    for held, estimable in (slope, ratio):
        accept(held, 1500)
        assert estimable == 1


@pytest.mark.parametrize("groups", [5, 10])
@pytest.mark.parametrize("cases", [50, 500, 5000])
@pytest.mark.parametrize("k", [0, 0.05])
@pytest.mark.parametrize("small", [False, True])
def test_regression_limits_hold_their_level(groups, cases, k, small):
    for transform in ("identity", "log"):
        slope, ratio = regression_coverage(groups, cases, k, small, transform=transform, replicates=1500)
        accept(slope[0], 1500)
        # The ratio of an identity line with 50 overdispersed cases is wider than it need be.
        accept(ratio[0], 1500, high=0.98 if transform == "identity" and cases == 50 else 0.97)


@pytest.mark.parametrize("groups", [5, 10])
def test_an_identity_line_near_zero_keeps_the_slope_and_says_when_the_ratio_is_lost(groups):
    for cases, least in ((50, 0.6), (500, 0.9), (5000, 0.99)):
        slope, ratio = regression_coverage(
            groups, cases, 0, False, transform="identity", ends=(0.1, 1.9), replicates=1500
        )
        accept(slope[0], 1500)
        # Among the lines that stay above zero; the others are not estimable.
        accept(ratio[0], 1500, high=0.985)
        assert ratio[1] > least


@pytest.mark.parametrize("ratio", [0.5, 1.0])
def test_null_and_reversed_gradients_are_covered_as_well(ratio):
    for model in ("multiplicative", "additive-by-age"):
        slope, relative = counts_coverage(5, 500, 0.05, False, model=model, ratio=ratio, replicates=1500)
        accept(slope[0], 1500)
        # Ratios of linear models are wider than they need be: up to 98 %.
        accept(relative[0], 1500, high=0.98)


def test_additive_limits_hold_their_level_where_the_difference_is_common():
    for groups, cases, k, small in ((5, 500, 0, False), (5, 5000, 0.05, True), (10, 1000, 0, True)):
        slope, ratio = counts_coverage(groups, cases, k, small, model="additive", ages=6, replicates=1500)
        accept(slope[0], 1500)
        accept(ratio[0], 1500)
        assert slope[1] > 0.98


def test_negative_binomial_limits_hold_their_level():
    for groups, cases in ((5, 500), (10, 200)):
        slope, ratio = counts_coverage(
            groups, cases, 0.2, False, model="multiplicative", family="negative-binomial", replicates=500
        )
        accept(slope[0], 500)
        accept(ratio[0], 500)


def test_poisson_variance_is_too_short_for_overdispersed_counts_and_the_robust_one_is_not():
    model, replicates = "multiplicative", 1000
    (plain, _), _ = counts_coverage(5, 5000, 0.2, False, model=model, variance="model", replicates=replicates)
    (robust, _), _ = counts_coverage(5, 5000, 0.2, False, model=model, replicates=replicates)
    assert plain < 0.75
    accept(robust, replicates)


def test_a_trend_is_covered_and_no_trend_is_found_one_time_in_twenty():
    rng = np.random.default_rng(12)
    rank, ages, years = iq.ridit(np.ones(5)), 6, np.arange(8.0)
    x = np.tile(rank, ages * years.size)
    age, year = np.tile(np.repeat(np.arange(ages), 5), years.size), np.repeat(years, ages * 5)
    standard = np.full(ages, 1 / ages)
    for annual in (1.0, 1.05):
        rate = RATES[-ages:][age] * 1e-5 * 1.5**x * annual ** (x * (year - years.mean()))
        events = draw(rng, 2000 * rate, 0.05, 1500)
        found = iq.gradient_trend(events, np.full(x.size, 2000.0), x, age, year, weights=standard)
        accept(coverage(found.relative, annual)[0], 1500)
        # What the absolute trend estimates: the line through the yearly lines of the true rates.
        truth = iq.gradient_trend(rate * 1e9, np.full(x.size, 1e9), x, age, year, weights=standard)
        accept(coverage(found.slope, truth.slope.value)[0], 1500)
        if annual == 1.0:
            accept(1 - (found.relative.p_value < 0.05).mean(), 1500)
            accept(1 - (found.slope.p_value < 0.05).mean(), 1500)


def test_excess_and_attributable_fraction_are_covered():
    rng = np.random.default_rng(3)
    rate, years = np.array([1.0, 1.1, 1.2, 1.4, 1.6]), np.array([100.0, 80, 120, 90, 110])
    for scale in (0.3, 3.0):
        events = rng.poisson(rate * years * scale, (4000, 5))
        n = np.broadcast_to(years * scale, events.shape)
        truth = (rate * years).sum() * scale - rate[0] * years.sum() * scale
        accept(coverage(iq.excess_events(events, n, 0), truth)[0], 4000)
        share = truth / (rate * years * scale).sum()
        accept(coverage(iq.attributable_fraction(events, n, 0), share)[0], 4000)


@pytest.mark.slow
@pytest.mark.parametrize("groups", [5, 10])
@pytest.mark.parametrize("cases", [50, 100, 200, 500, 1000, 2000, 5000])
@pytest.mark.parametrize("k", [0, 0.05, 0.2])
@pytest.mark.parametrize("small", [False, True])
def test_all_limits_hold_their_level_over_the_whole_grid(groups, cases, k, small):
    replicates = 4000
    for ratio in (1.0, 2.0):
        slope, relative = counts_coverage(
            groups, cases, k, small, model="multiplicative", ratio=ratio, replicates=replicates
        )
        # At 50 overdispersed cases the slope is slightly wide.
        accept(slope[0], replicates, high=0.975 if cases == 50 else 0.97)
        accept(relative[0], replicates)
        slope, relative = counts_coverage(
            groups, cases, k, small, model="additive-by-age", ratio=ratio, replicates=replicates
        )
        accept(slope[0], replicates)
        # The ratio of linear standardised rates is too wide with few cases: its domain is 500 and more.
        accept(relative[0], replicates, high=1.0 if cases < 500 else 0.975)
    if k < 0.2:
        for transform in ("identity", "log"):
            slope, relative = regression_coverage(
                groups, cases, k, small, transform=transform, replicates=replicates
            )
            accept(slope[0], replicates)
            accept(relative[0], replicates, high=0.98)
        if cases >= 500:
            slope, relative = counts_coverage(
                groups, cases, k, small, model="additive", ages=6, replicates=replicates
            )
            accept(slope[0], replicates)
            accept(relative[0], replicates)
