"""Published numbers, hand calculations and limits of empirical Bayes."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from scipy.optimize import minimize

from rnc_epi.maths.autocorrelation import empirical_bayes_standardised
from rnc_epi.maths.shrinkage import fay_herriot, log_normal, marshall_global, marshall_local, poisson_gamma
from rnc_epi.vocabulary.errors import InputError

# Lip cancer of Scotland, counties in the order of Clayton and Kaldor (1987).
# fmt: off
CASES = [
    9, 39, 11, 9, 15, 8, 26, 7, 6, 20, 13, 5, 3, 8, 17, 9, 2, 7, 9, 7, 16, 31, 11, 7, 19, 15, 7, 10,
    16, 11, 5, 3, 7, 8, 11, 9, 11, 8, 6, 4, 10, 8, 2, 6, 19, 3, 2, 3, 28, 6, 1, 1, 1, 1, 0, 0,
]
EXPECTED = [
    1.4, 8.7, 3.0, 2.5, 4.3, 2.4, 8.1, 2.3, 2.0, 6.6, 4.4, 1.8, 1.1, 3.3, 7.8, 4.6, 1.1, 4.2, 5.5,
    4.4, 10.5, 22.7, 8.8, 5.6, 15.5, 12.5, 6.0, 9.0, 14.4, 10.2, 4.8, 2.9, 7.0, 8.5, 12.3, 10.1,
    12.7, 9.4, 7.2, 5.3, 18.8, 15.8, 4.3, 14.6, 50.7, 8.2, 5.6, 9.3, 88.7, 19.6, 3.4, 3.6, 5.7, 7.0,
    4.2, 1.8,
]
# fmt: on
LIP = np.array(CASES, float), np.array(EXPECTED)


def test_marshall_by_hand_on_two_areas():
    # m = 12/8 = 3/2; raw 2, 1/2 after 10/5 and 2/3... : spread = (5 (1/2)^2 + 3 (5/6)^2) / 8; mean size 4.
    result = marshall_global([10, 2], [5, 3])
    variance = (5 / 4 + 3 * 25 / 36) / 8 - (3 / 2) / 4
    assert result.variance == pytest.approx(variance, rel=1e-14)
    weight = variance / (variance + (3 / 2) / 5)
    assert result.value[0] == pytest.approx(3 / 2 + weight / 2, rel=1e-14)


def test_counts_that_vary_less_than_chance_are_all_given_the_mean():
    result = marshall_global([10, 10, 10], [10, 10, 10])
    assert result.variance == 0.0
    assert result.value.tolist() == [1.0, 1.0, 1.0]
    flat = poisson_gamma([10, 10, 10], [10, 10, 10])
    assert flat.shape == np.inf
    assert flat.value.tolist() == [1.0, 1.0, 1.0]
    assert flat.exceedance(0.9).tolist() == [1.0, 1.0, 1.0]
    assert flat.limits()[0].tolist() == [1.0, 1.0, 1.0]


def test_an_island_keeps_its_ratio_and_an_empty_neighbourhood_is_zero():
    result = marshall_local([4, 0, 0, 9], [2.0, 2.0, 2.0, 3.0], np.array([[1, 2]]))
    assert result.value.tolist() == [2.0, 0.0, 0.0, 3.0]


def test_no_case_at_all_is_a_map_of_zeros():
    for method in ("ml", "clayton-kaldor"):
        assert poisson_gamma([0, 0, 0], [1, 2, 3], method=method).value.tolist() == [0, 0, 0]
    assert marshall_global([0, 0], [1, 2]).value.tolist() == [0, 0]
    assert empirical_bayes_standardised([0, 0], [1, 2]).tolist() == [0, 0]
    assert np.isfinite(log_normal([0, 0, 0], [1, 2, 3]).value).all()


def test_the_gamma_prior_maximises_the_negative_binomial_likelihood():
    cases, expected = LIP

    def loss(theta):
        shape, rate = np.exp(theta)
        return -scipy.stats.nbinom.logpmf(cases, shape, rate / (rate + expected)).sum()

    best = minimize(loss, [0.5, 0.2], method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-12})
    result = poisson_gamma(cases, expected)
    np.testing.assert_allclose([result.shape, result.rate], np.exp(best.x), rtol=1e-5)


def test_sixteen_scottish_counties_are_surely_below_one():
    # Recalculated from the published counts: 22 counties above 0.8, 16 below 0.2, under the gamma prior.
    above = poisson_gamma(*LIP).exceedance(1.0)
    assert int((above > 0.8).sum()) == 22
    assert int((above < 0.2).sum()) == 16


def test_fay_herriot_with_equal_errors_is_the_sample_variance_less_the_error():
    values = np.array([2.2, 2.6, 2.4, 3.1, 1.9])
    result = fay_herriot(values, np.full(5, 0.04))
    # Balanced: REML of A is the sample variance (0.203) less D.
    assert result.variance == pytest.approx(0.203 - 0.04, rel=1e-10)
    weight = 0.163 / 0.203
    np.testing.assert_allclose(result.value, 2.44 + weight * (values - 2.44), rtol=1e-10)
    # g1 = D A / (A + D), g2 = (1 - w)^2 (A + D) / 5, g3 = D^2 / (A + D)^3 x 2 (A + D)^2 / 5.
    error = 0.04 * weight + (1 - weight) ** 2 * 0.203 / 5 + 2 * 0.04**2 / 0.203 * 2 / 5
    np.testing.assert_allclose(result.mse, error, rtol=1e-10)


def test_fay_herriot_without_variance_left_is_the_regression():
    x = np.arange(6.0)
    result = fay_herriot(
        1.0 + 0.5 * x + 0.01 * np.array([1, -1, 1, -1, 1, -1]), np.full(6, 0.5), covariates=x
    )
    assert result.variance == 0.0
    np.testing.assert_allclose(result.value, result.coefficients[0] + result.coefficients[1] * x, rtol=1e-12)


def test_fay_herriot_maximises_the_restricted_likelihood():
    rng = np.random.default_rng(5)
    x, known = rng.normal(size=30), rng.uniform(0.05, 0.4, 30)
    values = 0.3 + 0.8 * x + rng.normal(size=30) * np.sqrt(0.2 + known)
    design = np.c_[np.ones(30), x]

    def loss(variance):
        total = variance + known
        information = design.T @ (design / total[:, None])
        residual = values - design @ np.linalg.solve(information, design.T @ (values / total))
        return 0.5 * (np.log(total).sum() + np.linalg.slogdet(information)[1] + (residual**2 / total).sum())

    grid = np.linspace(0.01, 1.0, 20_000)
    best = grid[np.argmin([loss(v) for v in grid])]
    assert fay_herriot(values, known, covariates=x).variance == pytest.approx(best, abs=1e-4)


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda: marshall_global([1, -1], [1, 1]), "M001"),
        (lambda: marshall_global([1, 1], [1, 0]), "M009"),
        (lambda: marshall_global([[1]], [[1]]), "M002"),
        (lambda: marshall_local([1, 1], [1, 1], np.array([[0, 2]])), "A002"),
        (lambda: poisson_gamma([1, 1], [1, 1], method="moments"), "M005"),
        (lambda: fay_herriot([1.0, 2.0], [0.1, 0.0]), "M009"),
        (lambda: fay_herriot([1.0], [0.1]), "A008"),
        (lambda: empirical_bayes_standardised([[1]], [[1]]), "M002"),
    ],
)
def test_wrong_input_has_its_code(call, code):
    with pytest.raises(InputError) as caught:
        call()
    assert caught.value.code == code


def test_log_normal_shrinkage_stands_at_the_fixed_point_of_its_equations():
    events = np.array([9, 39, 3, 9, 1, 8, 2, 7, 11, 10], dtype=float)
    expected = np.array([1.4, 8.7, 3.0, 2.5, 4.3, 2.4, 8.1, 2.3, 3.6, 1.8])
    found = log_normal(events, expected)
    halves, raw = events + 0.5, np.log((events + 0.5) / expected)
    precision = 1.0 + found.variance * halves
    again = (found.mean + halves * found.variance * raw - 0.5 * found.variance) / precision
    # One more step of the published iteration changes nothing beyond where it was stopped.
    np.testing.assert_allclose(again, found.value, rtol=0, atol=1e-11)
    assert again.mean() == pytest.approx(found.mean, abs=1e-11)
    spread = (found.variance / precision).sum() + ((again - again.mean()) ** 2).sum()
    assert spread / events.size == pytest.approx(found.variance, abs=1e-11)
