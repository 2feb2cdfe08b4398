"""How often the limits of ranks and funnels hold, within the domain that docs/assurance.md states."""

from __future__ import annotations

import numpy as np
import pytest

from rnc_epi.maths.funnel import funnel_limits, overdispersion_between_areas
from rnc_epi.maths.multiple import ranks_with_uncertainty
from rnc_epi.maths.standardise import crude_rate

AREAS = 20


def rank_coverage(spread: float, mean: float, tables: int) -> float:
    """Return how often limits hold the true rank of an area; `spread` is that of the logs of the rates."""
    rng = np.random.default_rng(1)
    truth = np.exp(rng.normal(0, spread, (tables, AREAS)))
    events = rng.poisson(mean * truth)
    found = ranks_with_uncertainty(crude_rate(events, np.full(events.shape, mean), per=1), seed=2, draws=400)
    true_rank = np.argsort(np.argsort(-truth, axis=1), axis=1) + 1
    return float(np.mean((found.lower <= true_rank) & (true_rank <= found.upper)))


@pytest.mark.parametrize(("spread", "mean"), [(0.1, 400), (0.2, 100), (0.4, 20), (0.4, 400)])
def test_limits_of_ranks_hold_where_areas_differ_by_more_than_chance(spread: float, mean: float) -> None:
    # 200 tables of 20 areas; the areas of one table depend on one another, so a table counts as one draw:
    # three errors of a share of 0.95, at most, are 3 x sqrt(0.95 x 0.05 / 200) = 0.046.
    assert rank_coverage(spread, mean, 200) >= 0.95 - 0.046
    assert spread >= 1 / np.sqrt(mean)


def test_limits_of_ranks_hold_less_often_where_areas_hardly_differ() -> None:
    # Rates are drawn around what was seen, which spreads more than the truth: stated, not repaired.
    assert 0.80 < rank_coverage(0.1, 20, 200) < 0.92


@pytest.mark.parametrize("level", [0.95, 0.998])
@pytest.mark.parametrize("expected", [5.0, 20.0, 100.0])
def test_an_exact_funnel_holds_areas_without_excess_as_often_as_it_says(
    expected: float, level: float
) -> None:
    counts = np.random.default_rng(3).poisson(expected, 100_000)
    found = funnel_limits(np.array([expected]), level=level)
    inside = np.mean((counts / expected >= found.lower) & (counts / expected <= found.upper))
    # Limits lie between two counts: they miss the level by at most the probability of one count on each side,
    # itself no more than (1 - level) for 5 expected and less above; Monte Carlo adds 3 x 0.0007.
    assert abs(inside - level) <= (1 - level) * 0.5 + 0.0021


def test_a_funnel_for_overdispersion_holds_areas_that_differ_and_the_exact_one_does_not() -> None:
    rng = np.random.default_rng(5)
    inside = {"exact": [], "multiplicative": [], "additive": []}
    for _ in range(60):
        expected = np.exp(rng.normal(np.log(100), 0.5, 100))
        events = rng.poisson(expected * np.exp(rng.normal(0, np.sqrt(0.02), 100))).astype(float)
        for method, held in inside.items():
            spread = None if method == "exact" else overdispersion_between_areas(events, expected)
            found = funnel_limits(expected, level=0.95, method=method, overdispersion=spread)
            ratio = events / expected
            held.append(np.mean((ratio >= found.lower) & (ratio <= found.upper)))
    means = {method: float(np.mean(held)) for method, held in inside.items()}
    # Variance three times that of chance: 1.96 / sqrt(3) standard errors hold 0.742 of a normal law.
    assert means["exact"] == pytest.approx(0.742, abs=0.02)  # 6 000 areas: 3 x 0.0057, and the mix of sizes
    # Pulling in the outer tenths of the areas takes some of the spread away: between 0.86 and the level.
    for method in ("multiplicative", "additive"):
        assert 0.86 < means[method] <= 0.96
