"""What holds for every table of events, person-years and weights."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rnc_epi.maths.annual_change import annual_change
from rnc_epi.maths.bands import merge_bands
from rnc_epi.maths.basics import median_age
from rnc_epi.maths.compare import RATIO_METHODS, rate_ratio
from rnc_epi.maths.decomposition import decompose_change
from rnc_epi.maths.intervals import COUNT_METHODS, poisson_interval, wilson_interval
from rnc_epi.maths.lifetime import cumulative_rate, life_table, lifetime_risk
from rnc_epi.maths.multiple import false_discovery_rate
from rnc_epi.maths.standardise import crude_rate, directly_standardised_rate
from rnc_epi.maths.weighted_sums import RATE_METHODS

# Sums of some twenty products in double precision.
ROUNDING = 1e-9
BANDS = 5

counts = st.integers(0, 60).map(float)
exposures = st.floats(1, 1e6, allow_subnormal=False)
shares = st.floats(0.01, 100, allow_subnormal=False)


def row(of):
    return arrays(float, BANDS, elements=of)


tables = st.tuples(row(counts), row(exposures), row(shares))


def figures(rate):
    return np.array([rate.rate, rate.lower, rate.upper, rate.se])


@pytest.mark.parametrize("method", RATE_METHODS)
@given(table=tables, scale=st.floats(1e-6, 1e6))
def test_rescaling_the_weights_changes_nothing(method, table, scale):
    d, n, w = table
    np.testing.assert_allclose(
        figures(directly_standardised_rate(d, n, w * scale, method=method)),
        figures(directly_standardised_rate(d, n, w, method=method)),
        rtol=ROUNDING,
    )


@pytest.mark.parametrize("method", RATE_METHODS)
@given(table=tables, order=st.permutations(range(BANDS)))
def test_the_order_of_the_bands_is_irrelevant(method, table, order):
    here = directly_standardised_rate(*table, method=method)
    there = directly_standardised_rate(*(column[list(order)] for column in table), method=method)
    np.testing.assert_allclose(figures(there), figures(here), rtol=ROUNDING)


@given(table=tables)
def test_the_order_of_the_groups_is_irrelevant_and_groups_do_not_mix(table):
    d, n, w = table
    groups = directly_standardised_rate([d, d[::-1], d * 0], [n, n, n], w)
    back = directly_standardised_rate([d * 0, d[::-1], d], [n, n, n], w)
    np.testing.assert_array_equal(figures(groups), figures(back)[:, ::-1])
    np.testing.assert_allclose(
        figures(groups)[:, 0], figures(directly_standardised_rate(d, n, w)), rtol=1e-13
    )


@given(d=counts, n=exposures)
def test_one_band_gives_the_crude_rate_and_the_exact_limits(d, n):
    crude = crude_rate(d, n)
    for method in ("fay-feuer", "tiwari"):
        one = directly_standardised_rate([d], [n], [3.0], method=method)
        np.testing.assert_allclose(figures(one), figures(crude), rtol=ROUNDING)
    mid = directly_standardised_rate([d], [n], [3.0], method="mid-p")
    np.testing.assert_allclose(figures(mid), figures(crude_rate(d, n, method="mid-p")), rtol=1e-8)


@given(table=tables)
def test_a_rate_lies_between_the_extreme_band_rates_and_within_its_limits(table):
    d, n, w = table
    rate = directly_standardised_rate(d, n, w, per=1)
    bands = d / n
    assert bands.min() * (1 - ROUNDING) <= rate.rate <= bands.max() * (1 + ROUNDING)
    assert rate.lower <= rate.rate <= rate.upper


@given(table=tables, level=st.lists(st.floats(0.5, 0.999), min_size=2, max_size=4, unique=True))
def test_wider_levels_have_wider_limits_and_each_equals_its_own_call(table, level):
    together = directly_standardised_rate(*table, level=sorted(level))
    assert (np.diff(together.upper) >= 0).all()
    assert (np.diff(together.lower) <= 0).all()
    alone = directly_standardised_rate(*table, level=sorted(level)[0])
    assert (together.lower[0], together.upper[0]) == (alone.lower, alone.upper)


@pytest.mark.parametrize("method", COUNT_METHODS)
@given(count=st.floats(0, 1e6), level=st.floats(0.5, 0.9999))
def test_limits_of_a_count_hold_it_and_grow_with_it(method, count, level):
    limits = poisson_interval([count, count + 1], method=method, level=level)
    assert limits.lower[0] <= count * (1 + 1e-12) + 1e-12
    assert limits.upper[0] >= count
    assert (np.diff(limits.lower) >= 0).all()
    assert (np.diff(limits.upper) > 0).all()


@given(count=st.integers(0, 100_000), level=st.floats(0.5, 0.9999))
def test_mid_p_limits_lie_within_the_exact_ones(count, level):
    exact = poisson_interval(count, level=level)
    mid = poisson_interval(count, method="mid-p", level=level)
    assert exact.lower <= mid.lower * (1 + 1e-12)
    assert mid.upper <= exact.upper * (1 + 1e-12)


@given(whole=st.integers(1, 10_000), data=st.data(), level=st.floats(0.5, 0.9999))
def test_a_share_and_its_complement_have_mirrored_limits(whole, data, level):
    part = data.draw(st.integers(0, whole))
    share = wilson_interval([part, whole - part], [whole, whole], level=level)
    assert share.lower[0] == pytest.approx(1 - share.upper[1], rel=1e-9, abs=1e-12)
    assert 0 <= share.lower[0] <= share.share[0] <= share.upper[0] <= 1


@pytest.mark.parametrize("method", RATIO_METHODS)
@given(first=tables, second=tables)
def test_exchanging_two_rates_inverts_their_ratio(method, first, second):
    weights = first[2]
    a = directly_standardised_rate(first[0] + 1, first[1], weights)
    b = directly_standardised_rate(second[0] + 1, second[1], weights)
    here, there = rate_ratio(a, b, method=method), rate_ratio(b, a, method=method)
    assert here.ratio * there.ratio == pytest.approx(1, rel=ROUNDING)
    assert here.lower * there.upper == pytest.approx(1, rel=1e-7)
    assert here.p_value == pytest.approx(there.p_value, rel=1e-7, abs=1e-300)
    assert here.lower <= here.ratio * (1 + 1e-12)
    assert here.upper >= here.ratio * (1 - 1e-12)


@given(table=tables, factor=st.floats(0.1, 10))
def test_merging_two_bands_with_equal_rates_changes_neither_rate_nor_variance(table, factor):
    d, n, w = (column.copy() for column in table)
    # The second band is the first, `factor` times as large in every respect.
    d[1], n[1], w[1] = d[0] * factor, n[0] * factor, w[0] * factor
    ages = np.arange(BANDS) * 5
    onto = np.delete(ages, 1)
    merged = [merge_bands(column, ages, onto) for column in (d, n, w)]
    before, after = directly_standardised_rate(d, n, w), directly_standardised_rate(*merged)
    assert after.rate == pytest.approx(before.rate, rel=ROUNDING)
    assert after.se == pytest.approx(before.se, rel=ROUNDING)


@given(table=tables)
def test_a_cumulative_risk_stays_below_its_rate_and_below_one(table):
    found = cumulative_rate(table[0], table[1], np.full(BANDS, 5.0))
    assert 0 <= found.risk <= found.rate
    assert found.risk <= found.risk_upper <= 1


@given(cases=row(counts), others=row(counts), years=row(exposures))
def test_a_lifetime_risk_is_a_probability_and_grows_when_other_deaths_are_removed(cases, others, years):
    years = years + cases + others
    width = np.array([10, 20, 20, 20, np.inf])
    with_deaths = lifetime_risk(cases, others, np.zeros(BANDS), years, width)
    alone = lifetime_risk(cases, others, others, years, width)
    assert 0 <= with_deaths.risk <= alone.risk * (1 + 1e-9) + 1e-12
    assert alone.risk <= 1 + 1e-12
    if with_deaths.risk > 0:
        assert 0 <= with_deaths.lower <= with_deaths.risk <= with_deaths.upper <= 1


@given(deaths=row(st.integers(1, 300).map(float)), years=row(st.floats(5000, 1e6)))
def test_fewer_deaths_at_any_age_lengthen_life(deaths, years):
    ages = [0, 1, 20, 50, 70]
    table = life_table(deaths, years, ages)
    better = life_table(deaths - [0, 0, 0.5, 0, 0], years, ages)
    assert better.expectancy[0] > table.expectancy[0]
    assert (np.diff(table.survivors) <= 0).all()
    np.testing.assert_allclose(table.deaths.sum(), 1e5, rtol=1e-12)


@given(events=row(counts))
def test_half_of_the_events_lie_below_the_median_age(events):
    ages = np.array([0.0, 10, 25, 60, 80])
    found = median_age(events, ages)
    if found.estimable:
        below = np.interp(found.median, np.append(ages, 120), np.append(0, np.cumsum(events)))
        assert below == pytest.approx(events.sum() / 2, rel=1e-9)


@given(first=tables, last=tables)
def test_the_parts_of_a_change_of_cases_add_up_to_it(first, last):
    for method in ("sequential", "symmetric"):
        parts = decompose_change(first[0], first[1], last[0], last[1], method=method)
        scale = abs(parts.risk) + abs(parts.size) + abs(parts.ageing) + 1
        assert parts.risk + parts.size + parts.ageing == pytest.approx(parts.change, abs=1e-11 * scale)


@given(p=arrays(float, 8, elements=st.floats(0, 1)))
def test_adjusted_p_values_keep_the_order_and_never_fall_below_the_raw_ones(p):
    found = false_discovery_rate(p)
    assert (found.adjusted >= p * (1 - 1e-12)).all()
    order = np.argsort(p, kind="stable")
    assert (np.diff(found.adjusted[order]) >= 0).all()


@pytest.mark.parametrize("family", ["poisson", "quasi-poisson", "negative-binomial"])
@given(events=arrays(float, 8, elements=counts), factor=st.floats(0.01, 100))
def test_annual_change_does_not_depend_on_the_unit_of_person_years_nor_on_the_direction(
    family, events, factor
):
    years, n = np.arange(8.0), np.full(8, 1e5)
    here = annual_change(events, n, years, family=family)
    scaled = annual_change(events, n * factor, years + 1990, family=family)
    back = annual_change(events[::-1], n, years, family=family)
    assert here.estimable == scaled.estimable == back.estimable
    if here.estimable:
        assert scaled.slope == pytest.approx(here.slope, rel=1e-6, abs=1e-8)
        assert back.slope == pytest.approx(-here.slope, rel=1e-6, abs=1e-8)
        assert back.slope_se == pytest.approx(here.slope_se, rel=1e-6, abs=1e-12)
