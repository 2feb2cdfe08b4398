"""What holds for every calibration and every prediction, whatever the counts."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rnc_epi.maths.calibration import errors_without_noise, fit_calibration, grade, rake_draws

AGES = np.arange(42.5, 90, 5)
SHAPE = np.array([8, 16, 27, 43, 61, 80, 93, 104, 99, 60.0])
AGE, DISTRICT = np.tile(AGES, 8), np.repeat(np.arange(8), 10)
INCIDENT = np.random.default_rng(2).poisson(np.tile(SHAPE, 8)).astype(float)
PROXY = np.random.default_rng(3).poisson(1.1 * INCIDENT).astype(float)
FIT = fit_calibration(INCIDENT, PROXY, AGE, DISTRICT)
counts = st.lists(st.integers(0, 400), min_size=20, max_size=20)
methods = st.sampled_from(["calibrated", "chatignoux"])
GRADES = ["A++", "A+", "B-", "B--"]


@given(counts, methods, st.sampled_from([0.5, 0.9, 0.99]))
def test_predictions_are_finite_ordered_and_zero_only_without_proxy(values, method, level):
    proxy = np.array(values, dtype=float)
    area = np.repeat(["a", "b"], 10)
    found = FIT.predict(proxy, np.tile(AGES, 2), area, method=method, level=level)
    for numbers in (found.estimate, found.se, found.lower, found.upper, found.covariance):
        assert np.isfinite(numbers).all()
    assert (found.lower <= found.upper).all()
    assert (found.estimable == (proxy.reshape(2, 10).sum(axis=1) > 0)).all()
    wider = FIT.predict(proxy, np.tile(AGES, 2), area, method=method, level=0.999)
    assert (wider.lower <= found.lower + 1e-9).all()
    assert (wider.upper >= found.upper - 1e-9).all()


@given(counts, methods, st.randoms(use_true_random=False), st.floats(1e-6, 1e3))
def test_order_and_unit_of_the_cells_do_not_matter(values, method, random, unit):
    proxy, age, area = np.array(values, dtype=float), np.tile(AGES, 2), np.repeat(["a", "b"], 10)
    order = np.arange(20)
    random.shuffle(order)
    plain = FIT.predict(proxy, age, area, method=method)
    weights = np.full(20, unit)
    moved = FIT.predict(proxy[order], age[order], area[order], weights=weights, method=method)
    back = [list(moved.index).index(name) for name in plain.index]
    for name in ("estimate", "se", "lower", "upper"):
        # Sums in another order, and bisection to 1e-12 of the logarithm.
        np.testing.assert_allclose(
            getattr(moved, name)[back] / unit, getattr(plain, name), rtol=1e-8, atol=1e-12
        )


@given(counts)
def test_a_total_is_the_sum_of_its_areas_with_their_covariance(values):
    proxy, age, area = np.array(values, dtype=float), np.tile(AGES, 2), np.repeat(["a", "b"], 10)
    parts = FIT.predict(proxy, age, area)
    whole = FIT.predict(proxy, age, area, by=np.zeros(20))
    assert np.isclose(whole.estimate[0], parts.estimate.sum())
    assert np.isclose(whole.covariance[0, 0], parts.covariance.sum())


@settings(max_examples=15)
@given(st.floats(0.2, 5.0), st.randoms(use_true_random=False))
def test_a_proxy_in_another_proportion_predicts_the_same_incidence(factor, random):
    order = np.arange(80)
    random.shuffle(order)
    moved = fit_calibration(INCIDENT[order], factor * PROXY[order], AGE[order], DISTRICT[order])
    plain, other = FIT.predict(SHAPE, AGES, np.zeros(10)), moved.predict(factor * SHAPE, AGES, np.zeros(10))
    # The searches stop on a slope; what is left in the fit is far below one case in a thousand.
    assert np.isclose(plain.estimate[0], other.estimate[0], rtol=1e-3)
    assert np.isclose(plain.se[0], other.se[0], rtol=2e-2)


@given(
    st.lists(st.floats(-0.6, 0.6), min_size=5, max_size=25),
    st.floats(0, 0.3),
    st.floats(0, 0.3),
    st.floats(0, 1),
)
def test_smaller_errors_never_lower_a_grade(errors, spread, variation, factor):
    before = grade(errors, spread, variation)
    after = grade(np.array(errors) * factor, spread, variation)
    assert GRADES.index(after) <= GRADES.index(before)
    assert GRADES.index(grade(errors, spread / 2, variation)) <= GRADES.index(before)


@given(st.lists(st.floats(-0.5, 0.5), min_size=3, max_size=20), st.floats(1e-4, 0.05))
def test_taking_the_noise_off_only_shrinks_errors(errors, noise):
    error = np.array(errors)
    found = errors_without_noise(error, np.full(error.size, noise))
    assert (np.abs(found) <= np.abs(error) + 1e-12).all()
    assert (found * error >= 0).all()


@given(
    st.lists(st.floats(0.1, 100), min_size=12, max_size=12),
    st.lists(st.floats(0.1, 1000), min_size=6, max_size=6),
)
def test_raked_pieces_sum_to_their_units_and_keep_their_shares(pieces, wanted):
    values, target = np.array(pieces).reshape(4, 3), np.array(wanted).reshape(2, 3)
    found = rake_draws(values, [(["n", "s", "n", "s"], ["s", "n"], target)])
    assert np.allclose(found[[1, 3]].sum(axis=0), target[0])
    assert np.allclose(found[0] / found[2], values[0] / values[2])
