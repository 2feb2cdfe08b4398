"""What a user may hand to the measures of inequality: each input is computed rightly or refused by code."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rnc_epi.inequality import deprivation_groups, gradient, gradients
from rnc_epi.maths import inequality as iq
from rnc_epi.vocabulary.errors import InputError
from tests.deprivation_cells import asked, drawn_cells

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
    # N / n is no round number, N x d / n is.
    events, years = [13, 9, 5], [91, 63, 35]
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


def ratio_of_two_ages(age, weights, order=slice(None)):
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
    by_age = ratio_of_two_ages((5, 10), [3, 1])
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
        assert ratio_of_two_ages(age, weights, order) == pytest.approx(by_age, rel=1e-12)


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
        ratio_of_two_ages(age, weights)


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


def test_one_population_serves_every_draw_of_counts():
    events = np.array([[[1, 4, 7], [2, 4, 6]]])
    for measure in (iq.excess_events, iq.attributable_fraction):
        found = measure(events, [1000, 2000, 3000], 0).value
        assert found.shape == (1, 2)
        assert found[0, 1] == measure([2, 4, 6], [1000, 2000, 3000], 0).value


def frame(labels, **columns):
    return pd.DataFrame({"group": labels, "age": "0+", "person_years": 1e6} | columns)


def relative(table, **how):
    found = gradient(table, measures=["relative_index"], models=[], transforms=["log"], **how)
    return found["value"].item()


@pytest.mark.parametrize("word", ["Q{}", "D{}", "{}e décile", "{}"])
def test_the_tenth_group_comes_last_and_not_after_the_first(word):
    events = 100 * 1.2 ** np.arange(10)
    labels = [word.format(number) for number in range(1, 11)]
    mixed = np.random.default_rng(1).permutation(10)
    table = frame(labels, events=events).iloc[mixed]
    # A line in logs, 1.2 a group of a tenth each: the ends are ten groups apart.
    assert relative(table) == pytest.approx(1.2**10, rel=1e-9)
    assert relative(table, order=labels) == pytest.approx(1.2**10, rel=1e-9)


@pytest.mark.parametrize("labels", [["low", "middle", "high"], ["Q1", "Q2", "D3"], ["Q1", "Q2", 3]])
def test_labels_that_tell_no_order_are_refused(labels):
    with pytest.raises(InputError, match="I030"):
        gradient(frame(labels, events=[10, 20, 30]))


@pytest.mark.parametrize("order", [["Q1", "Q2"], ["Q1", "Q2", "Q3", "Q3"]])
def test_an_order_names_each_group_once(order):
    with pytest.raises(InputError, match="I033"):
        gradient(frame(["Q1", "Q2", "Q3"], events=[10, 20, 30]), order=order)


def test_a_category_tells_its_order():
    labels = pd.Categorical(["low", "middle", "high"], ["low", "middle", "high"], ordered=True)
    assert relative(frame(labels, events=[10, 20, 40])) == pytest.approx(8.0, rel=1e-9)


@pytest.mark.parametrize(
    ("table", "how", "code"),
    [
        (frame(["Q1", "Q2", "Q3", None], events=[1, 2, 3, 4]), {}, "I032"),
        (frame(["Q1", "Q2", "Q3"], events=["a", "b", "c"]), {}, "M008"),
        (frame(["Q1", "Q2", "Q3"], events=[1, -2, 3]), {}, "M001"),
        (frame(["Q1", "Q2", "Q3"], events=[1, np.nan, 3]), {}, "M007"),
        ([1, 2], {}, "I031"),
        (frame(["Q1", "Q2", "Q3"], events=[1, 2, 3]), {"measures": ["foo"]}, "M005"),
        (frame(["Q1", "Q2", "Q3"], events=[1, 2, 3]), {"models": ["foo"]}, "M005"),
        (frame(["Q1", "Q2", "Q3"], events=[1, 2, 3]), {"transforms": ["foo"]}, "M005"),
        (frame(["Q1", "Q2", "Q3"], events=[1, 2, 3]), {"variance": "foo"}, "M005"),
        (frame(["Q1", "Q2", "Q3"], events=[1, 2, 3]), {"level": 95}, "M004"),
        (frame(["Q1", "Q2", "Q3"], events=[1, 2, 3]), {"seed": -1}, "M004"),
        (frame(["Q1", "Q2", "Q3"], events=[1, 2, 3]), {"simulations": 0}, "M004"),
    ],
)
def test_a_frame_or_an_option_that_is_none_is_refused_by_code(table, how, code):
    with pytest.raises(InputError, match=code):
        gradient(table, **how)


def test_a_group_off_the_scale_is_refused_by_its_name():
    cells = drawn_cells(2.0, np.random.default_rng(2))
    cells.strata["stratum"] = cells.strata["stratum"].astype(str).replace({"Q1": "Q0"})
    with pytest.raises(InputError, match="I017") as refused:
        gradients(cells, asked())
    assert "Q0" in str(refused.value)


def areas_and_scores():
    area = {"geo_level": "commune", "geo_code": list("abcdef"), "geo_vintage": "2024"}
    stated = {"index": "fdep", "vintage": "2015", "higher_is": "more_deprived", "score": [3.0, 1, 2, 4, 5, 6]}
    return pd.DataFrame({**area, "population": 100.0}), pd.DataFrame({**area, **stated})


@pytest.mark.parametrize(
    ("spoil", "how", "code"),
    [
        (lambda areas, scores: (areas, scores.drop(columns="score")), {}, "N002"),
        (lambda areas, scores: (areas.drop(columns="population"), scores), {}, "N002"),
        (lambda areas, scores: (areas, scores), {"companion": "unemployment"}, "N002"),
        (lambda areas, scores: (areas, scores.assign(score="a")), {}, "M008"),
        (lambda areas, scores: (areas.assign(population=0.0), scores), {}, "I034"),
        (lambda areas, scores: (areas, [1, 2]), {}, "I031"),
    ],
)
def test_tables_that_no_group_can_be_cut_from_are_refused_by_code(spoil, how, code):
    areas, scores = spoil(*areas_and_scores())
    with pytest.raises(InputError, match=code):
        deprivation_groups(scores, areas, index="fdep", vintage="2015", groups=3, **how)


def test_ranks_of_areas_are_those_of_their_inhabitants():
    areas, scores = areas_and_scores()
    areas["population"] = [100.0, 200, 100, 300, 200, 100]
    made = deprivation_groups(scores, areas, index="fdep", vintage="2015", groups=3)
    # By score: b (200), c (100), a (100), d (300), e (200), f (100) of 1 000.
    ranks = made.ranks.set_index("geo_code")["rank"]
    assert ranks.to_dict() == pytest.approx({"b": 0.1, "c": 0.25, "a": 0.35, "d": 0.55, "e": 0.8, "f": 0.95})
