"""What rates do with empty strata, and the code of each refusal."""

import numpy as np
import pytest

from rnc_epi.maths.intervals import poisson_interval, wilson_interval
from rnc_epi.maths.standardise import (
    crude_rate,
    directly_standardised_rate,
    indirectly_standardised_ratio,
)
from rnc_epi.maths.weighted_sums import RATE_METHODS
from rnc_epi.vocabulary.errors import InputError

DEFINED_WITHOUT_EVENTS = ("fay-feuer", "tiwari", "mid-p")


@pytest.mark.parametrize("method", RATE_METHODS)
def test_a_band_without_people_makes_the_rate_not_estimable_and_spares_its_neighbours(method):
    rate = directly_standardised_rate([[3, 0], [3, 2]], [[100, 0], [100, 50]], [1, 1], method=method)
    assert rate.estimable.tolist() == [False, True]
    for figure in (rate.rate, rate.lower, rate.upper, rate.se):
        assert np.isnan(figure).tolist() == [True, False]


@pytest.mark.parametrize("method", RATE_METHODS)
def test_a_band_that_the_standard_ignores_may_be_empty_and_changes_nothing(method):
    truncated = directly_standardised_rate([3, 4, 0], [100, 200, 0], [1, 2, 0], method=method)
    sliced = directly_standardised_rate([3, 4], [100, 200], [1, 2], method=method)
    assert truncated.estimable
    found = (truncated.rate, truncated.lower, truncated.upper, truncated.events)
    assert found == (sliced.rate, sliced.lower, sliced.upper, sliced.events)


@pytest.mark.parametrize("method", RATE_METHODS)
def test_events_of_a_band_that_the_standard_ignores_do_not_narrow_the_limits(method):
    with_them = directly_standardised_rate([3, 4, 90], [100, 200, 50], [1, 2, 0], method=method)
    without = directly_standardised_rate([3, 4], [100, 200], [1, 2], method=method)
    assert (with_them.lower, with_them.upper) == (without.lower, without.upper)


@pytest.mark.parametrize("method", RATE_METHODS)
def test_without_events_limits_exist_only_for_gamma_methods(method):
    rate = directly_standardised_rate([0, 0], [100, 200], [1, 2], method=method)
    assert rate.rate == 0
    assert rate.estimable
    if method in DEFINED_WITHOUT_EVENTS:
        assert rate.lower == 0
        assert rate.upper > 0
    else:
        assert np.isnan(rate.lower)
        assert np.isnan(rate.upper)


def test_no_groups_at_all_give_no_rates():
    rate = directly_standardised_rate(np.zeros((0, 3)), np.zeros((0, 3)), [1, 1, 1])
    assert rate.rate.shape == (0,)
    assert rate.upper.shape == (0,)


def test_fractional_counts_lie_between_whole_ones():
    limits = poisson_interval([4, 4.5, 5], method="mid-p")
    assert np.all(np.diff(limits.lower) > 0)
    assert np.all(np.diff(limits.upper) > 0)


def test_nothing_expected_is_not_estimable():
    ratio = indirectly_standardised_ratio([0, 2, 3], [0, 0, np.nan])
    assert not ratio.estimable.any()
    assert np.isnan(ratio.upper).all()


def test_no_people_and_no_events_is_not_a_rate_of_zero():
    assert np.isnan(crude_rate(0, 0).rate)


def test_a_share_of_an_empty_whole_is_not_estimable():
    share = wilson_interval([0, 1], [0, 2])
    assert share.estimable.tolist() == [False, True]
    assert np.isnan(share.lower[0])


@pytest.mark.parametrize(
    ("code", "arguments", "place"),
    [
        ("M001", ([[1, 2], [3, -4]], [[10, 10], [10, 10]], [1, 1]), "(1, 1)"),
        ("M001", ([1, 2], [-10, 10], [1, 1]), "0"),
        ("M007", ([1, np.nan], [10, 10], [1, 1]), "1"),
        ("M007", ([1, 2], [10, np.inf], [1, 1]), "1"),
        ("M003", ([[1, 2], [0, 3]], [[10, 10], [10, 0]], [1, 1]), "(1, 1)"),
        ("M002", ([1, 2], [10, 10, 10], [1, 1]), None),
        ("M002", ([1, 2], [10, 10], [1, 1, 1]), None),
        ("M002", ([1, 2], [10, 10], [1]), None),
        ("M002", ([1, 2], [10, 10], 1), None),
        ("M002", ([1, 2], [10, 10], [[1, 1], [1, 1]]), None),
        ("M002", (1, 10, [1]), None),
        ("M006", ([1, 2], [10, 10], [0, 0]), "0"),
        ("M006", ([1, 2], [10, 10], [1, -1]), "1"),
        ("M006", ([1, 2], [10, 10], [1, np.nan]), "1"),
        ("M006", ([[1, 2]] * 2, [[10, 10]] * 2, [[1, 1], [0, 0]]), "(1,)"),
        ("M008", (["a", "b"], [10, 10], [1, 1]), None),
        ("M008", ([[1], [1, 2]], [10, 10], [1, 1]), None),
    ],
)
def test_impossible_input_is_refused_by_its_code_and_place(code, arguments, place):
    with pytest.raises(InputError) as refusal:
        directly_standardised_rate(*arguments)
    assert refusal.value.code == code
    if place is not None:
        assert str(refusal.value.facts["where"]) in (place, place.strip("(,)"))


def test_a_message_does_not_show_the_count_at_fault():
    with pytest.raises(InputError) as refusal:
        directly_standardised_rate([7, 3], [10, 0], [1, 1])
    for language in ("fr", "en"):
        assert "7" not in refusal.value.message(language)
        assert "3 " not in refusal.value.message(language).replace("M003", "")


@pytest.mark.parametrize(
    ("code", "options"),
    [
        ("M005", {"method": "gamma"}),
        ("M005", {"method": ["fay-feuer"]}),
        ("M004", {"level": 95}),
        ("M004", {"level": [0.9, 1.0]}),
        ("M002", {"level": []}),
        ("M009", {"per": 0}),
        ("M014", {"event_variance": [1, 2]}),
        ("M002", {"event_variance": [1, 2, 3], "method": "normal"}),
    ],
)
def test_an_impossible_option_is_refused(code, options):
    with pytest.raises(InputError) as refusal:
        directly_standardised_rate([1, 2], [10, 10], [1, 1], **options)
    assert refusal.value.code == code


def test_a_part_larger_than_its_whole_is_refused():
    with pytest.raises(InputError) as refusal:
        wilson_interval([1, 3], [2, 2])
    assert refusal.value.code == "M012"
