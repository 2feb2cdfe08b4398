"""What a user may hand to the measures of inequality: each input is computed rightly or refused by code."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rnc_epi.maths import inequality as iq
from rnc_epi.vocabulary.errors import InputError

PEOPLE = [3.0, 1.0, 4.0, 1.0, 5.0]
RATES = [12.3, 7.1, 30.7, 44.9, 51.3]
PLAIN = {
    "concentration": iq.concentration_index,
    "absolute concentration": iq.absolute_concentration_index,
    "theil": iq.theil,
    "mean log deviation": iq.mean_log_deviation,
    "variance": iq.between_group_variance,
    "disparity": iq.index_of_disparity,
}
REGRESSIONS = [(index, how) for index in (iq.slope_index, iq.relative_index) for how in ("identity", "log")]


@pytest.mark.parametrize("measure", PLAIN.values(), ids=PLAIN)
@pytest.mark.parametrize("rate", [0.1, 7.3, 1 / 3, 1e-9])
def test_equal_groups_have_no_inequality_at_all(measure, rate):
    assert measure([rate] * 5, PEOPLE) == 0.0


@pytest.mark.parametrize("transform", ["identity", "log", "logit"])
def test_equal_groups_have_slope_zero_and_ratio_one_exactly(transform):
    for rate in (0.1, 1 / 3, 0.7):
        assert iq.slope_index([rate] * 5, PEOPLE, transform=transform).value == 0.0
        assert iq.relative_index([rate] * 5, PEOPLE, transform=transform).value == 1.0


def test_equal_rates_of_whole_numbers_have_no_excess_exactly():
    # 49 person-years: N / n is no round number, N x d / n is.
    events, years = [7, 10, 3], [49, 70, 21]
    assert iq.excess_events(events, years, 0).value == 0.0
    assert iq.attributable_fraction(events, years, 0).value == 0.0
    found = iq.slope_and_relative_index(events, years, iq.ridit(years), [60] * 3)
    assert (found.slope.value, found.relative.value) == (0.0, 1.0)


@pytest.mark.parametrize("transform", ["identity", "log"])
def test_counting_from_the_other_end_turns_signs_to_the_last_digit(transform):
    forward = iq.slope_index(RATES, PEOPLE, transform=transform).value
    assert iq.slope_index(RATES[::-1], PEOPLE[::-1], transform=transform).value == -forward
    for measure in (iq.concentration_index, iq.absolute_concentration_index):
        assert measure(RATES[::-1], PEOPLE[::-1]) == -measure(RATES, PEOPLE)


@pytest.mark.parametrize("measure", PLAIN.values(), ids=PLAIN)
def test_lists_whole_numbers_and_leading_axes_are_all_one(measure):
    once = measure(np.array([10.0, 20, 30, 40, 50]), np.ones(5))
    assert measure([10, 20, 30, 40, 50], [1, 1, 1, 1, 1]) == once
    many = measure(np.broadcast_to([10, 20, 30, 40, 50], (2, 3, 5)), [1, 1, 1, 1, 1])
    assert many.shape == (2, 3)
    assert (many == once).all()


@pytest.mark.parametrize(
    "measure",
    [*PLAIN.values(), iq.slope_index, iq.relative_index],
    ids=[*PLAIN, "slope", "relative"],
)
def test_numbers_whose_squares_no_float_holds_are_refused(measure):
    with pytest.raises(InputError, match="I027"):
        measure([1e200, 2e200, 3e200], [1, 1, 1])


def test_counts_that_no_float_can_square_are_refused():
    huge, years = [1e150, 2e150, 3e150], [1e200] * 3
    for refused in (
        lambda: iq.excess_events(huge, years, 0),
        lambda: iq.attributable_fraction(huge, years, 0),
        lambda: iq.slope_and_relative_index(huge, years, iq.ridit(years), [1] * 3),
    ):
        with pytest.raises(InputError, match="I027"):
            refused()


def test_counts_as_large_as_a_continent_are_computed():
    found = iq.excess_events([1e12, 2e12, 3e12], [1e15] * 3, 0)
    assert found.value == 3e12
    assert found.se == pytest.approx(np.sqrt(5e12 + 4 * 1e12))


@pytest.mark.parametrize(("index", "transform"), REGRESSIONS)
def test_errors_a_thousand_times_the_rate_give_wide_limits_and_no_warning(index, transform):
    found = index([0.1, 0.2, 0.3], [1, 1, 1], se=[1e3] * 3, transform=transform, simulations=1000)
    assert found.lower <= found.value <= found.upper
    assert not np.isnan([found.lower, found.upper]).any()


@pytest.mark.parametrize("seed", [-1, 1.5, None, "0"])
def test_a_seed_that_would_not_repeat_is_refused(seed):
    with pytest.raises(InputError, match="M004"):
        iq.slope_index([1, 2, 3], [1, 1, 1], se=[1, 1, 1], seed=seed)


@pytest.mark.parametrize("reference", [-1, 3, 1.0, True, "Q1", None])
def test_a_reference_that_is_no_position_is_refused(reference):
    for measure in (iq.excess_events, iq.attributable_fraction):
        with pytest.raises(InputError, match="M004"):
            measure([1, 4, 7], [1000, 2000, 3000], reference)


def gradient(age, weights, order=slice(None)):
    """Return both indices of two ages, the older with another gradient by the additive model."""
    events = np.array([10.0, 20, 30, 90, 100, 110])[order]
    rank = np.array([1 / 6, 3 / 6, 5 / 6] * 2)[order]
    age = [age[position] for position in np.repeat([0, 1], 3)[order]]
    weights = weights[order] if isinstance(weights, np.ndarray) else weights
    found = iq.slope_and_relative_index(
        events, [1e4] * 6, rank, age, weights=weights, model="additive-by-age"
    )
    return float(found.relative.value)


def test_weights_follow_their_ages_however_they_are_given():
    # By hand: least 0.75 x 5 + 0.25 x 85 = 25, most 25 + 30, in events per 10 000 person-years.
    by_age = gradient((5, 10), [3, 1])
    assert by_age == pytest.approx(55 / 25, rel=1e-12)
    mixed = [4, 1, 5, 0, 3, 2]
    for age, weights, order in (
        ((5, 10), {10: 1, 5: 3, 90: 7}, slice(None)),
        ((5, 10), np.array([3.0, 3, 3, 1, 1, 1]), mixed),
        ((5, 10), [3, 1], mixed),
        # As text "10-14" comes before "5-9"; as ages it does not.
        (("5-9", "10-14"), [3, 1], mixed),
        (("5-9", "10-14"), {"5-9": 3, "10-14": 1}, slice(None)),
        (("young", "old"), {"young": 3, "old": 1}, mixed),
        (("young", "old"), np.array([3.0, 3, 3, 1, 1, 1]), mixed),
    ):
        assert gradient(age, weights, order) == pytest.approx(by_age, rel=1e-12)


@pytest.mark.parametrize(
    ("age", "weights", "code"),
    [
        (("young", "old"), [3, 1], "I028"),
        (("5-9", "5-14"), [3, 1], "I028"),
        ((5, 10), {5: 3}, "I028"),
        (("5-9", np.nan), None, "M007"),
        ((5, None), None, "M007"),
        ((5, np.nan), None, "M007"),
        ((5, pd.NA), None, "M007"),
        ((5, 10), [3], "M002"),
        ((5, 10), {5: -1, 10: 1}, "M006"),
        ((5, 10), {5: "a", 10: 1}, "M008"),
        ((5, 10), np.array([3.0, 2, 3, 1, 1, 1]), "I005"),
    ],
)
def test_ages_and_weights_that_do_not_meet_are_refused(age, weights, code):
    with pytest.raises(InputError, match=code):
        gradient(age, weights)


def test_a_frame_s_columns_are_read_by_position_whatever_their_index():
    columns = ([10, 20, 30], [1e4] * 3, iq.ridit([1, 1, 1]), [6] * 3)
    named = [pd.Series(one, index=[7 + place, 8, 9]) for place, one in enumerate(columns)]
    expected = iq.slope_and_relative_index(*columns).slope.value
    assert iq.slope_and_relative_index(*named).slope.value == expected


def test_ages_of_several_kinds_are_refused():
    with pytest.raises(InputError, match="I029"):
        iq.slope_and_relative_index([1, 2, 3], [9] * 3, [0.1, 0.5, 0.9], np.array([5, 5, "5"], dtype=object))


@pytest.mark.parametrize("transform", ["log", "logit"])
def test_a_rate_of_zero_leaves_no_log_line_and_says_so(transform):
    for index in (iq.slope_index, iq.relative_index):
        found = index([0.0, 0.2, 0.3], [1, 1, 1], se=[0.01] * 3, transform=transform)
        assert not found.estimable
        assert np.isnan([found.value, found.lower, found.upper, found.se]).all()
