"""Limits hold the truth as often as they say, within the domain of use stated in docs/assurance.md."""

from __future__ import annotations

import importlib.util
import sys

import numpy as np
import pytest

from rnc_epi.maths.annual_change import annual_change
from rnc_epi.maths.basics import median_age
from rnc_epi.maths.lifetime import life_table, lifetime_risk

NOMINAL = 0.95


def three_monte_carlo_errors(replicates: int) -> float:
    return float(3 * np.sqrt(NOMINAL * (1 - NOMINAL) / replicates))


@pytest.fixture(scope="module")
def coverage(project_root):
    """Return the program that makes the figure of docs/assurance.md."""
    spec = importlib.util.spec_from_file_location(
        "coverage_rates", project_root / "benchmarks" / "coverage_rates.py"
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("allocation", ["even", "heavy", "light"])
@pytest.mark.parametrize(("expected", "variation"), [(0.5, 3), (2, 1), (10, 2), (50, 3), (500, 0.5)])
def test_fay_feuer_limits_cover_at_least_their_level(coverage, expected, variation, allocation):
    replicates = 4000
    (found,) = coverage.rate_coverage(expected, variation, allocation, replicates, 1, methods=["fay-feuer"])
    assert found.coverage >= NOMINAL - three_monte_carlo_errors(replicates)
    assert found.without_limits == 0


@pytest.mark.slow
@pytest.mark.parametrize("variation", [0, 0.5, 1, 2, 3])
def test_fay_feuer_limits_cover_at_least_their_level_everywhere(coverage, variation):
    replicates = 20_000
    for i, expected in enumerate(coverage.EXPECTED):
        for allocation in coverage.ALLOCATIONS:
            (found,) = coverage.rate_coverage(
                expected, variation, allocation, replicates, 70 + i, methods=["fay-feuer"]
            )
            assert found.coverage >= NOMINAL - three_monte_carlo_errors(replicates)


def test_exact_limits_of_a_count_cover_at_least_their_level_at_every_mean(coverage):
    mean = np.exp(np.linspace(np.log(0.5), np.log(500), 1201))
    for level in (0.9, 0.95, 0.998):
        # A finite sum of Poisson probabilities: only the cut of its tail is lost.
        assert coverage.count_coverage(mean, "garwood", level).min() >= level - 1e-9


def test_mid_p_and_byar_limits_of_a_count_keep_to_their_stated_domain(coverage):
    mean = np.exp(np.linspace(np.log(0.5), np.log(500), 1201))
    assert coverage.count_coverage(mean, "byar").min() >= 0.949
    mid = coverage.count_coverage(mean, "mid-p")
    assert mid.min() >= 0.91
    assert 0.945 <= mid[mean > 20].mean() <= 0.955


@pytest.mark.parametrize(
    ("method", "expected", "variation"),
    [
        ("tiwari", 20, 0.5),
        ("mid-p", 20, 2),
        ("dobson-byar", 20, 0.5),
        ("log-normal", 50, 0.5),
        ("normal", 500, 1),
    ],
)
def test_approximate_limits_fall_short_by_less_than_two_points_in_their_domain(
    coverage, method, expected, variation
):
    replicates = 4000
    for allocation in coverage.ALLOCATIONS:
        (found,) = coverage.rate_coverage(expected, variation, allocation, replicates, 5, methods=[method])
        assert found.coverage >= 0.93 - three_monte_carlo_errors(replicates)


def test_moment_limits_fail_outside_their_domain_as_documented(coverage):
    # The simulation must be able to tell: few events with unequal weights.
    (found,) = coverage.rate_coverage(5, 3, "light", 2000, 6, methods=["dobson-byar"])
    assert found.coverage < 0.8


def test_limits_of_ratios_cover_their_level_from_twenty_events(coverage):
    replicates = 4000
    for true in (1.0, 3.0):
        log_normal, _, f = coverage.ratio_coverage(20, 0.5, replicates, 8, true)
        assert abs(log_normal.coverage - NOMINAL) < 0.015
        assert f.coverage >= NOMINAL - three_monte_carlo_errors(replicates)
    # Test-based limits are only right near equality.
    test_based = coverage.ratio_coverage(50, 2, replicates, 8, 3.0)[1]
    assert test_based.coverage > NOMINAL + 0.01 or test_based.coverage < NOMINAL - 0.01


REPLICATES = 3000


def covers(lower, upper, truth) -> float:
    return float(((lower <= truth) & (truth <= upper)).mean())


def test_limits_of_life_expectancy_cover_their_level_in_a_small_population():
    ages = np.array([0, 1, 5, *range(10, 91, 10)])
    mortality = np.array([4e-3, 2e-4, 1e-4, 1e-4, 5e-4, 8e-4, 1.6e-3, 4e-3, 1e-2, 2.6e-2, 7.5e-2, 0.2])
    people = np.array([60, 240, 300, 620, 640, 690, 660, 640, 540, 430, 230, 70]) * 5.0
    truth = life_table(people * mortality, people, ages).expectancy[0]
    deaths = np.random.default_rng(21).poisson(people * mortality, (REPLICATES, ages.size))
    table = life_table(deaths, np.broadcast_to(people, deaths.shape), ages)
    assert table.estimable.all()
    # The normal approximation of a sum over ages, at about 400 deaths.
    assert covers(table.lower[:, 0], table.upper[:, 0], truth) == pytest.approx(NOMINAL, abs=0.02)


def test_limits_of_a_lifetime_risk_cover_their_level():
    width = np.array([40, 20, 20, np.inf])
    years = np.array([4e4, 2e4, 1.2e4, 2e3])
    cases, others = years * [1e-4, 1e-3, 3e-3, 5e-3], years * [1e-3, 5e-3, 3e-2, 0.2]
    truth = lifetime_risk(cases, others, 0 * others, years, width).risk
    rng = np.random.default_rng(22)
    d, m = rng.poisson(cases, (REPLICATES, 4)), rng.poisson(others, (REPLICATES, 4))
    found = lifetime_risk(d, m, 0 * m, np.broadcast_to(years, d.shape), width)
    assert covers(found.lower, found.upper, truth) == pytest.approx(NOMINAL, abs=0.02)


def test_limits_of_a_median_age_cover_their_level():
    ages = np.arange(0, 95, 5)
    shape = np.exp(-0.5 * ((ages + 2.5 - 68) / 12) ** 2)
    mean = 80 * shape / shape.sum()
    truth = median_age(mean, ages).median
    found = median_age(np.random.default_rng(23).poisson(mean, (REPLICATES, ages.size)), ages)
    assert covers(found.lower, found.upper, truth) == pytest.approx(NOMINAL, abs=0.02)


@pytest.mark.parametrize("family", ["poisson", "quasi-poisson", "negative-binomial"])
def test_limits_of_an_annual_change_cover_their_level_where_the_family_is_right(family):
    replicates, years = 1000, np.arange(2000, 2020)
    mean = np.broadcast_to(60 * 1.02 ** (years - 2000), (replicates, years.size))
    rng = np.random.default_rng(24)
    spread = {"poisson": 0.0, "quasi-poisson": 0.03, "negative-binomial": 0.03}[family]
    events = rng.poisson(mean * (rng.gamma(1 / spread, spread, mean.shape) if spread else 1.0))
    found = annual_change(events, np.full(events.shape, 1e5), years, family=family)
    covered = covers(found.lower, found.upper, 2.0)
    # Maximum likelihood takes the dispersion from 20 years for known: about two points too few.
    assert covered == pytest.approx(NOMINAL, abs=0.035 if family == "negative-binomial" else 0.022)


def test_poisson_limits_of_a_change_are_too_narrow_for_overdispersed_counts():
    years = np.arange(2000, 2020)
    rng = np.random.default_rng(25)
    events = rng.poisson(200 * rng.gamma(20, 1 / 20, (500, years.size)))
    found = annual_change(events, np.full(events.shape, 1e5), years)
    assert covers(found.lower, found.upper, 0.0) < 0.75
