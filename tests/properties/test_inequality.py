"""What holds for every input of the measures of social inequality."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rnc_epi.maths import inequality as iq

GROUPS = st.integers(3, 10)
SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def populations_and_rates(draw):
    """Rates between 1 and 1 000 and populations between 1 and a million, 3 to 10 groups."""
    groups = draw(GROUPS)
    numbers = st.floats(1, 1000)
    rate = draw(hnp.arrays(float, groups, elements=numbers))
    people = draw(hnp.arrays(float, groups, elements=st.floats(1, 1e6)))
    return rate, people


MEASURES = {
    "slope": lambda y, n: iq.slope_index(y, n).value,
    "concentration": iq.concentration_index,
    "absolute": iq.absolute_concentration_index,
    "theil": iq.theil,
    "mld": iq.mean_log_deviation,
    "variance": iq.between_group_variance,
    "disparity": iq.index_of_disparity,
    "variation": iq.coefficient_of_variation,
    "difference": iq.mean_difference,
}


@given(populations_and_rates(), st.floats(1e-6, 1e6))
def test_only_shares_of_the_population_matter(data, scale):
    rate, people = data
    for name, measure in MEASURES.items():
        # Sums of ten numbers of a similar size: rounding only, absolute where groups are nearly equal.
        assert measure(rate, people * scale) == pytest.approx(measure(rate, people), rel=1e-9, abs=1e-8), name


@given(populations_and_rates())
def test_equal_rates_show_no_inequality(data):
    rate, people = data
    level = np.full_like(rate, rate[0])
    for name, measure in MEASURES.items():
        assert measure(level, people) == pytest.approx(0, abs=1e-9 * rate[0] ** 2 + 1e-12), name
    for transform in ("identity", "log"):
        assert iq.relative_index(level, people, transform=transform).value == pytest.approx(1, rel=1e-9)


@given(populations_and_rates())
def test_reversing_the_groups_reverses_every_sign_and_no_size(data):
    rate, people = data
    for transform in ("identity", "log"):
        there = iq.slope_index(rate, people, transform=transform).value
        back = iq.slope_index(rate[::-1], people[::-1], transform=transform).value
        assert back == pytest.approx(-there, rel=1e-6, abs=1e-6 * rate.max())
    ratio = iq.relative_index(rate, people, transform="log").value
    assert iq.relative_index(rate[::-1], people[::-1], transform="log").value * ratio == pytest.approx(1)
    there, back = iq.concentration_index(rate, people), iq.concentration_index(rate[::-1], people[::-1])
    assert back == pytest.approx(-there, abs=1e-12)
    assert iq.theil(rate[::-1], people[::-1]) == pytest.approx(iq.theil(rate, people), abs=1e-12)


@given(populations_and_rates(), st.integers(0, 9))
def test_splitting_a_group_in_two_equal_parts_leaves_order_free_measures_alone(data, place):
    rate, people = data
    at = place % rate.size
    split_rate = np.insert(rate, at, rate[at])
    split_people = np.insert(people, at, people[at] / 2)
    split_people[at + 1] = people[at] / 2
    for measure in (iq.theil, iq.mean_log_deviation, iq.between_group_variance, iq.concentration_index):
        assert measure(split_rate, split_people) == pytest.approx(measure(rate, people), rel=1e-8, abs=1e-9)


@given(populations_and_rates(), st.floats(0.01, 100))
def test_relative_measures_ignore_the_unit_and_absolute_ones_follow_it(data, unit):
    rate, people = data
    for name in ("concentration", "theil", "mld", "disparity", "variation"):
        assert MEASURES[name](rate * unit, people) == pytest.approx(MEASURES[name](rate, people), abs=1e-8)
    for name in ("slope", "absolute", "difference"):
        assert MEASURES[name](rate * unit, people) == pytest.approx(
            unit * MEASURES[name](rate, people), rel=1e-6, abs=1e-8 * unit * rate.max()
        )


@given(populations_and_rates())
def test_bounds_of_concentration_and_entropy_hold(data):
    rate, people = data
    assert -1 < iq.concentration_index(rate, people) < 1
    # Rounding only may push a zero below itself.
    assert -1e-12 < iq.theil(rate, people) <= np.log(people.sum() / people.min()) + 1e-12
    assert iq.mean_log_deviation(rate, people) >= 0
    curve = iq.concentration_curve(rate, people)
    assert curve.value_share[0] == 0
    assert curve.value_share[-1] == pytest.approx(1)
    assert (np.diff(curve.value_share) >= 0).all()
    area = np.trapezoid(curve.value_share, curve.population_share)
    # Twice the area between diagonal and curve is the index, for a curve drawn through the groups.
    assert 1 - 2 * area == pytest.approx(iq.concentration_index(rate, people), abs=1e-12)


@given(SEEDS, st.integers(3, 8), st.integers(1, 6))
def test_strata_computed_together_equal_strata_computed_alone(seed, groups, strata):
    rng = np.random.default_rng(seed)
    rate, people = rng.uniform(1, 20, (2, strata, groups)), rng.uniform(1, 5, (2, strata, groups))
    together = iq.relative_index(rate, people, se=rate / 10, transform="log", simulations=500)
    for i in range(2):
        for j in range(strata):
            alone = iq.relative_index(
                rate[i, j], people[i, j], se=rate[i, j] / 10, transform="log", simulations=500
            )
            # The same draws serve every stratum: an area does not depend on its companions.
            assert together.lower[i, j] == pytest.approx(alone.lower, rel=1e-12)
            assert together.upper[i, j] == pytest.approx(alone.upper, rel=1e-12)


@given(SEEDS)
def test_sets_of_counts_fitted_together_equal_sets_fitted_alone(seed):
    rng = np.random.default_rng(seed)
    rank, age = np.tile(iq.ridit(rng.uniform(1, 2, 5)), 4), np.repeat(np.arange(4), 5)
    years = rng.uniform(1e3, 1e4, 20)
    events = rng.poisson(years * 0.003 * (1 + age) * 1.5**rank, (3, 20)).astype(float)
    for model in ("multiplicative", "additive-by-age"):
        together = iq.slope_and_relative_index(events, years, rank, age, model=model)
        for i in range(3):
            alone = iq.slope_and_relative_index(events[i], years, rank, age, model=model)
            # Each fit stops by its own criterion; einsum may sum in another order.
            assert together.slope.value[i] == pytest.approx(alone.slope.value, rel=1e-9)
            assert together.relative.upper[i] == pytest.approx(alone.relative.upper, rel=1e-8)


@given(SEEDS)
def test_order_of_cells_and_labels_of_ages_are_irrelevant(seed):
    rng = np.random.default_rng(seed)
    rank, age = np.tile(iq.ridit(rng.uniform(1, 2, 5)), 3), np.repeat([0, 1, 2], 5)
    years, events = rng.uniform(1e3, 1e4, 15), rng.poisson(30, 15)
    order = rng.permutation(15)
    labels = np.array(["40-44", "45-49", "50-54"])[age]
    for model in ("multiplicative", "additive-by-age"):
        one = iq.slope_and_relative_index(events, years, rank, age, model=model)
        other = iq.slope_and_relative_index(
            events[order], years[order], rank[order], labels[order], model=model
        )
        assert other.slope.value == pytest.approx(one.slope.value, rel=1e-8, abs=1e-12)
        assert other.slope.se == pytest.approx(one.slope.se, rel=1e-7)


@given(SEEDS, st.floats(1e-3, 1e3))
def test_rates_follow_the_unit_of_person_years_and_ratios_do_not(seed, unit):
    rng = np.random.default_rng(seed)
    rank, age = np.tile(iq.ridit(np.ones(5)), 3), np.repeat([0, 1, 2], 5)
    years, events = rng.uniform(1e4, 1e5, 15), rng.poisson(30, 15)
    for model in ("multiplicative", "additive-by-age"):
        one = iq.slope_and_relative_index(events, years, rank, age, model=model)
        other = iq.slope_and_relative_index(events, years * unit, rank, age, model=model)
        assert other.slope.value * unit == pytest.approx(one.slope.value, rel=1e-7, abs=1e-12)
        assert other.relative.value == pytest.approx(one.relative.value, rel=1e-7)


@given(SEEDS)
def test_contributions_to_a_gap_add_up(seed):
    rng = np.random.default_rng(seed)
    years = rng.uniform(1e3, 1e4, (4, 5))
    events = rng.poisson(20, (3, 4, 5))
    weights = rng.uniform(0.1, 1, 4)
    by_site = iq.gap_by_site(events, years, weights)
    by_age = iq.gap_by_age(events.sum(axis=0), years, weights)
    assert by_site.contribution.value.sum() == pytest.approx(by_age.total.value, abs=1e-15)
    assert by_age.contribution.value.sum() == pytest.approx(by_age.total.value, abs=1e-15)
    assert by_site.total.se == pytest.approx(by_age.total.se, rel=1e-9)
    cases = events[0] + 1
    split = iq.gap_in_deaths(cases, events[1], years, weights, linked=False)
    deaths = iq.gap_by_age(events[1], years, weights)
    assert split.total.value == pytest.approx(deaths.total.value, abs=1e-15)
    assert split.total.se == pytest.approx(deaths.total.se, rel=1e-9)


@given(SEEDS, st.integers(3, 10), st.integers(10, 60))
def test_reversed_scores_give_reversed_classes_of_the_same_population(seed, quantiles, areas):
    rng = np.random.default_rng(seed)
    # Whole scores make ties, whole populations exact middles.
    score, people = rng.integers(0, 15, areas).astype(float), rng.integers(1, 50, areas).astype(float)
    there = iq.assign_quantiles(score, people, quantiles=quantiles)
    assert there.population_share.sum() == pytest.approx(1)
    order = np.argsort(score, kind="stable")
    assert (np.diff(there.quantile[order]) >= 0).all()
    for one in np.unique(score):
        assert np.unique(there.quantile[score == one]).size == 1
    back = iq.assign_quantiles(-score, people, quantiles=quantiles)
    middle_on_a_limit = there.quantile + back.quantile != quantiles + 1
    # A middle exactly on a limit goes up both ways; anything else mirrors.
    assert ((there.quantile + back.quantile)[middle_on_a_limit] == quantiles + 2).all()


@given(SEEDS)
def test_first_component_does_not_depend_on_units_or_on_the_scale_of_population(seed):
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=40)
    variables = np.outer(hidden, [-1, -1, 1, 1]) + 0.3 * rng.normal(size=(40, 4))
    people = rng.uniform(100, 1000, 40)
    signs = list(iq.FDEP_DIRECTIONS.values())
    one = iq.first_component_index(variables, people, signs)
    other = iq.first_component_index(variables * [1000, 1, 0.01, 7] + [5, 0, 2, 1], people * 12, signs)
    np.testing.assert_allclose(other.score, one.score, rtol=1e-7, atol=1e-9)
    assert np.corrcoef(one.score, hidden)[0, 1] > 0.9
