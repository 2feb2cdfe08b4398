"""Zeros, absurd proxies, ages and districts that do not match: an error with a code, never a NaN."""

import numpy as np
import pandas as pd
import pytest

from rnc_epi.maths.calibration import (
    CalibratedIncidence,
    best_proxy,
    combine_proxies,
    errors_without_noise,
    fit_calibration,
    grade,
    incidence_ratio,
    incidence_variation,
    leave_one_out,
    rake_draws,
    weighted_incidence,
)
from rnc_epi.vocabulary.errors import RncEpiError

AGES = np.arange(42.5, 90, 5)
SHAPE = np.array([8, 16, 27, 43, 61, 80, 93, 104, 99, 60.0])
DISTRICTS = 7
AGE, DISTRICT = np.tile(AGES, DISTRICTS), np.repeat(np.arange(DISTRICTS), 10)
INCIDENT = np.random.default_rng(2).poisson(np.tile(SHAPE, DISTRICTS)).astype(float)
PROXY = np.random.default_rng(3).poisson(1.1 * INCIDENT).astype(float)
FIT = fit_calibration(INCIDENT, PROXY, AGE, DISTRICT)


def refused(code, call, *args, **kwargs):
    with pytest.raises(RncEpiError) as caught:
        call(*args, **kwargs)
    assert caught.value.code == code
    assert caught.value.message("fr") != caught.value.message("en")


def assert_finite(found):
    assert isinstance(found, CalibratedIncidence)
    for values in (found.estimate, found.se, found.lower, found.upper, found.covariance, found.draws(20)):
        assert np.isfinite(values).all()


def test_registry_cells_that_cannot_be_calibrated_are_refused():
    few = DISTRICT < 4
    refused("C010", fit_calibration, INCIDENT[few], PROXY[few], AGE[few], DISTRICT[few])
    only_four = np.where(few, INCIDENT, 0.0)
    refused("C010", fit_calibration, only_four, PROXY, AGE, DISTRICT)
    refused("C011", fit_calibration, INCIDENT, 0 * PROXY, AGE, DISTRICT)
    refused("C012", fit_calibration, INCIDENT, 100 * PROXY, AGE, DISTRICT)
    refused("C012", fit_calibration, 1000 * INCIDENT, PROXY, AGE, DISTRICT)
    refused("C013", fit_calibration, INCIDENT, np.where(DISTRICT == 3, 12 * PROXY, PROXY), AGE, DISTRICT)
    refused("C013", leave_one_out, INCIDENT, np.where(DISTRICT == 3, 0.0, PROXY), AGE, DISTRICT)
    refused("C014", fit_calibration, INCIDENT, PROXY, AGE - 60, DISTRICT)
    refused("C014", fit_calibration, INCIDENT, PROXY, 12 * AGE, DISTRICT)
    refused("C001", fit_calibration, INCIDENT, PROXY, np.where(AGE > 60, 70.0, 50.0), DISTRICT)
    refused("M001", fit_calibration, -INCIDENT, PROXY, AGE, DISTRICT)
    refused("M002", fit_calibration, INCIDENT, PROXY[:-1], AGE, DISTRICT)
    refused("M002", fit_calibration, INCIDENT, PROXY, AGE, DISTRICT[:-1])
    refused("M002", fit_calibration, [], [], [], [])
    refused("M005", fit_calibration, INCIDENT, PROXY, AGE, DISTRICT, smooth="cr")
    refused("M007", fit_calibration, INCIDENT, np.where(DISTRICT == 3, np.nan, PROXY), AGE, DISTRICT)
    one_side = np.array([None if k == 3 else f"d{k}" for k in DISTRICT], dtype=object)
    refused("C016", fit_calibration, INCIDENT, PROXY, AGE, one_side)
    refused("C016", fit_calibration, INCIDENT, PROXY, AGE, np.where(DISTRICT == 3, np.nan, DISTRICT))


def test_missing_person_years_are_refused():
    lacking = np.where(DISTRICT == 2, np.nan, 1e4)
    none = np.where(DISTRICT == 2, 0.0, 1e4)
    refused("M007", incidence_variation, INCIDENT, lacking, AGE, DISTRICT)
    refused("M003", incidence_variation, INCIDENT, none, AGE, DISTRICT)
    refused("M003", fit_calibration, INCIDENT, PROXY, AGE, DISTRICT, person_years=none)
    refused("M002", incidence_variation, INCIDENT, 1e4, AGE, DISTRICT)


def test_predictions_that_cannot_be_made_are_refused():
    refused("C014", FIT.predict, [5.0], [2.5], ["a"])
    refused("C014", FIT.predict, [5.0], [97.5], ["a"])
    refused("C015", FIT.predict, [5.0], [62.5], ["a"], deprivation=[0.5])
    refused("C016", FIT.predict, [5.0], [62.5], np.array([None], dtype=object))
    refused("M001", FIT.predict, [-5.0], [62.5], ["a"])
    refused("M001", FIT.predict, [5.0], [62.5], ["a"], weights=[-1.0])
    refused("M002", FIT.predict, [5.0, 2.0], [62.5], ["a"])
    refused("M002", FIT.predict, [5.0], [62.5], ["a"], by=["a", "b"])
    refused("M002", FIT.predict, [5.0], [62.5], ["a"], level=[0.9, 0.95])
    refused("M004", FIT.predict, [5.0], [62.5], ["a"], level=95)
    refused("M004", FIT.predict([5.0], [62.5], ["a"]).draws, 0)
    refused("M005", FIT.predict, [5.0], [62.5], ["a"], method="bootstrap")
    refused("M005", FIT.predict, [5.0], [62.5], ["a"], target="rate")
    refused("M007", FIT.predict, [np.nan], [62.5], ["a"])
    refused("M009", incidence_ratio, FIT, [5.0, 4.0], [62.5, 62.5], ["a", "b"], [0.0, 9.0])


def test_ages_merged_in_the_registries_are_predicted_at_their_finer_midpoints():
    merged = fit_calibration(INCIDENT, PROXY, np.where(AGE == 42.5, 23.0, AGE), DISTRICT)
    assert_finite(merged.predict([0.0, 1.0, 2.0], [2.5, 17.5, 88.5], ["a", "a", "a"]))


def test_an_area_without_proxy_is_zero_and_not_estimable():
    proxy = np.concatenate([SHAPE, np.zeros(10)])
    for method in ("calibrated", "chatignoux"):
        found = FIT.predict(proxy, np.tile(AGES, 2), np.repeat(["seen", "unseen"], 10), method=method)
        assert_finite(found)
        assert found.estimable.tolist() == [True, False]
        assert (found.estimate[1], found.lower[1], found.upper[1], found.se[1]) == (0, 0, 0, 0)
        assert (found.draws(20)[1] == 0).all()


def test_cells_without_proxy_are_ordinary():
    proxy = SHAPE * (np.arange(10) > 2)
    assert_finite(FIT.predict(proxy, AGES, np.zeros(10)))
    sparse = np.random.default_rng(5).binomial(INCIDENT.astype(int), 0.05).astype(float)
    fit = fit_calibration(INCIDENT, sparse, AGE, DISTRICT)
    assert_finite(fit.predict(sparse, AGE, DISTRICT))
    assert np.isfinite(leave_one_out(INCIDENT, sparse, AGE, DISTRICT).se).all()


def test_one_case_in_an_area_has_an_interval_that_holds_it():
    found = FIT.predict([1.0], [62.5], ["a"])
    assert_finite(found)
    assert 0 < found.lower[0] < found.estimate[0] < found.upper[0]


def test_a_district_without_incident_case_is_excluded_by_name():
    incident = np.where(DISTRICT == 6, 0.0, INCIDENT)
    found = leave_one_out(incident, PROXY, AGE, DISTRICT)
    assert found.excluded.tolist() == [6]
    assert 6 not in found.district
    assert fit_calibration(incident, PROXY, AGE, DISTRICT).districts == 6


def test_a_district_that_holds_all_of_the_proxy_cannot_be_left_out():
    small = np.full(70, 1.0)
    alone = np.where(DISTRICT == 0, 3.0, 0.0)
    refused("C017", leave_one_out, small, alone, AGE, DISTRICT)
    refused("C017", fit_calibration, small, alone, AGE, DISTRICT)
    # So few proxies that no district is judged alone: still all of them in one.
    refused("C017", fit_calibration, INCIDENT, np.where(DISTRICT == 0, PROXY, 0.0), AGE, DISTRICT)


def test_a_ratio_that_says_nothing_is_refused():
    generator = np.random.default_rng(1)
    wild = np.repeat(np.exp(generator.normal(0, 4, DISTRICTS)), 10)
    few = generator.poisson(INCIDENT / 30).astype(float)
    refused("C022", fit_calibration, few, generator.poisson(few * wild).astype(float), AGE, DISTRICT)
    # Young ages with a proxy in the country and none in the registries: any ratio would do.
    old_only = np.where(AGE < 75, 0.0, PROXY)
    fit = fit_calibration(INCIDENT, old_only, AGE, DISTRICT)
    assert_finite(fit.predict([0.0, 5.0], [42.5, 82.5], ["a", "a"]))
    refused("C023", fit.predict, [5.0, 5.0], [42.5, 82.5], ["a", "a"])


def test_a_deprivation_score_that_does_not_vary_is_refused():
    refused("C024", fit_calibration, INCIDENT, PROXY, AGE, DISTRICT, deprivation=np.full(70, 0.5))


def test_seeds_below_zero_weights_without_squares_and_errors_below_minus_one_are_refused():
    found = FIT.predict([5.0], [62.5], ["a"])
    refused("M004", found.draws, 5, seed=-1)
    refused("M004", FIT.predict, [5.0], [62.5], ["a"], weights=[1e-200])
    refused("M004", grade, [-1.5, 0.1], 0.1, 0.1)
    assert grade([-1.0], 0.1, 0.1) == "B--"
    refused("C014", FIT.ratio, [250.0])


@pytest.mark.parametrize("seed", range(30))
def test_poor_tables_give_finite_figures_or_a_coded_error(seed):
    generator = np.random.default_rng(seed)
    districts = int(generator.integers(5, 12))
    ages = np.arange(2.5, 90, 5)
    effect = np.exp(generator.normal(0, 1, districts))[:, None]
    shape = np.exp(-(((ages - 72) / 18) ** 2)) * 10 ** generator.uniform(-1, 2)
    incident = generator.poisson(shape * effect).ravel().astype(float)
    spread = generator.choice([0, 0.1, 1, 3])
    ratio = np.repeat(np.exp(generator.normal(0, spread, districts)), ages.size)
    proxy = generator.poisson(incident * ratio * 10 ** generator.uniform(-2, 1)).astype(float)
    age, district = np.tile(ages, districts), np.repeat(np.arange(districts), ages.size)
    proxy[district < generator.integers(0, districts)] = 0
    try:
        fit = fit_calibration(incident, proxy, age, district)
        assert_finite(fit.predict([100.0, 0.0, 3.0], [60.0, 2.0, 88.0], ["x", "y", "z"]))
        found = leave_one_out(incident, proxy, age, district)
        assert np.isfinite(found.error).all()
        assert np.isfinite(found.se).all()
    except RncEpiError:
        # Refused in so many words: numpy's warnings are errors here, and would not be caught.
        return


def as_objects(labels):
    found = np.empty(len(labels), dtype=object)
    found[:] = labels
    return found


@pytest.mark.parametrize(
    "label",
    [
        lambda k: f"d{k}",
        lambda k: ("region", int(k)),
        lambda k: int(k) if k % 2 else str(k),
        lambda k: pd.Timestamp(2000 + k, 1, 1),
    ],
    ids=["text", "two levels", "mixed", "dates"],
)
def test_districts_areas_and_groups_may_have_any_label(label):
    districts = as_objects([label(k) for k in DISTRICT])
    fit = fit_calibration(list(INCIDENT), pd.Series(PROXY), AGE, districts)
    # The labels come in another order: sums of the same numbers, not to the last bit.
    assert fit.sigma_district == pytest.approx(FIT.sigma_district, rel=1e-9)
    names = as_objects([label(k) for k in range(DISTRICTS)]).tolist()
    found = leave_one_out(INCIDENT, PROXY, AGE, districts)
    assert [
        pd.Timestamp(name) if isinstance(names[0], pd.Timestamp) else name for name in found.district
    ] == names
    own, plain = (one.predict(PROXY, AGE, area) for one, area in ((fit, districts), (FIT, DISTRICT)))
    assert len(own.index) == DISTRICTS
    np.testing.assert_allclose(own.upper, plain.upper, rtol=1e-9)


def test_groups_of_two_levels_are_tuples_in_the_order_in_which_they_appear():
    by = np.stack([np.where(AGE > 60, "old", "young"), DISTRICT.astype(str)], axis=1)
    found = FIT.predict(PROXY, AGE, DISTRICT, by=by)
    assert found.index.tolist()[:3] == [("young", "0"), ("old", "0"), ("young", "1")]
    alike = FIT.predict(PROXY, AGE, DISTRICT, by=pd.MultiIndex.from_arrays([by[:, 0], by[:, 1]]))
    assert alike.index.tolist() == found.index.tolist()
    assert alike.estimate.tolist() == found.estimate.tolist()
    single = FIT.predict(PROXY, AGE, DISTRICT, by=AGE > 60)
    young = [label[0] == "young" for label in found.index]
    assert found.estimate[young].sum() == pytest.approx(single.estimate[0])


@pytest.mark.parametrize(
    "labels",
    [
        pd.Series(DISTRICT.astype(str), dtype="string").mask(DISTRICT == 2),
        np.where(DISTRICT == 2, np.datetime64("NaT"), np.datetime64("2020-01-01")),
        as_objects([("a", None) if k == 2 else ("a", 1) for k in DISTRICT]),
    ],
    ids=["text", "dates", "two levels"],
)
def test_missing_labels_of_any_kind_are_refused(labels):
    refused("C016", FIT.predict, PROXY, AGE, labels)
    refused("C016", FIT.predict, PROXY, AGE, DISTRICT, by=labels)


def test_a_perfect_proxy_has_no_noise_and_finite_results():
    fit = fit_calibration(INCIDENT, 2 * INCIDENT, AGE, DISTRICT)
    for method in ("calibrated", "chatignoux"):
        found = fit.predict(2 * SHAPE, AGES, np.zeros(10), method=method)
        assert_finite(found)
        assert found.estimate[0] == pytest.approx(SHAPE.sum(), rel=1e-3)


def test_grades_errors_and_choices_refuse_what_cannot_be():
    refused("M002", grade, [], 0.1, 0.1)
    refused("M007", grade, [np.nan], 0.1, 0.1)
    refused("M001", grade, [0.1], -0.1, 0.1)
    refused("M009", errors_without_noise, [0.1], [0.0])
    refused("M002", errors_without_noise, [0.1], [0.1, 0.2])
    refused("M005", best_proxy, ["A"], ["A+++"], [[0.1]])
    refused("M002", best_proxy, ["A"], [], [[0.1]])
    refused("C019", combine_proxies, INCIDENT, {"A": PROXY}, AGE, DISTRICT)
    five = DISTRICT < 5
    pair = {"A": PROXY[five], "H": PROXY[five]}
    refused("C010", combine_proxies, INCIDENT[five], pair, AGE[five], DISTRICT[five])
    both = combine_proxies(INCIDENT, {"A": PROXY, "H": 2 * PROXY}, AGE, DISTRICT)
    one = FIT.predict([5.0], [62.5], ["a"])
    refused("C018", both.combine, [one])
    refused("C018", both.combine, [one, FIT.predict([5.0], [62.5], ["b"])])


def test_shares_and_correlations_that_are_none_are_refused():
    pair = [FIT.predict([5.0], [62.5], ["a"])] * 2
    refused("C025", weighted_incidence, pair, [1.0, 1.0], np.eye(2))
    refused("C026", weighted_incidence, pair, [0.5, 0.5], 2 * np.eye(2))
    refused("C026", weighted_incidence, pair, [0.5, 0.5], [[1.0, 0.5], [0.2, 1.0]])
    refused("M002", weighted_incidence, pair, [0.5, 0.5], np.eye(3))
    refused("M007", best_proxy, ["A"], ["A+"], [[np.nan]])


def test_draws_that_do_not_fit_their_level_are_refused():
    pieces = np.ones((2, 3))
    refused("C020", rake_draws, pieces, [(["n", "x"], ["n", "s"], np.ones((2, 3)))])
    refused("C020", rake_draws, pieces, [(["n", "n"], ["n", "s"], np.ones((2, 3)))])
    refused("C020", rake_draws, 0 * pieces, [(["n", "s"], ["n", "s"], np.ones((2, 3)))])
    refused("M002", rake_draws, pieces, [(["n", "s"], ["n", "s"], np.ones((2, 2)))])
    refused("M002", rake_draws, pieces[0], [(["n", "s"], ["n", "s"], np.ones((2, 3)))])
    refused("M001", rake_draws, -pieces, [(["n", "s"], ["n", "s"], np.ones((2, 3)))])
    contrary = [(["n", "s"], ["n", "s"], np.ones((2, 3))), (["f", "f"], ["f"], np.full((1, 3), 5.0))]
    refused("C021", rake_draws, pieces, contrary)
    empty = rake_draws(pieces, [(["n", "s"], ["n", "s"], np.zeros((2, 3)))])
    assert (empty == 0).all()
