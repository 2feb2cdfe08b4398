"""Smooths and their restricted likelihood against closed forms, other formulas and finite differences."""

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from rnc_epi.maths.splines import (
    GAUSSIAN,
    POISSON,
    QUASI_POISSON,
    NegativeBinomial,
    build_design,
    cubic_regression,
    fit_penalised,
    fit_penalised_many,
    linear,
    random_effect,
    tensor,
    thin_plate,
)
from rnc_epi.maths.splines.reml import Problem, evaluate, information


def test_a_balanced_random_effect_has_the_variance_of_the_analysis_of_variance():
    generator = np.random.default_rng(3)
    groups, size = 12, 7
    measured = generator.normal(0, 1, groups)[:, None] + generator.normal(0, 0.6, (groups, size))
    within = measured.var(axis=1, ddof=1).mean()
    between = size * measured.mean(axis=1).var(ddof=1)
    label = np.repeat(np.arange(groups), size)
    design = build_design([random_effect("group", label)], {"group": label})
    fit = fit_penalised(design, measured.ravel(), family=GAUSSIAN)
    # REML of a balanced layout equals the mean squares exactly; the search stops within 1e-6 of its optimum.
    assert fit.reml_scale == pytest.approx(within, rel=1e-5)
    assert fit.standard_deviations("group")[0] ** 2 == pytest.approx((between - within) / size, rel=1e-4)


def test_the_reml_score_of_a_balanced_layout_is_the_density_of_its_contrasts():
    # With rho fixed, -log restricted likelihood of y ~ N(1 mu, V) has a closed form (Harville 1974),
    # up to log|X'X| / 2 of the fixed part, which the Laplace form leaves out as well.
    label = np.repeat([0, 1, 2], 2)
    measured = np.array([1.0, 3.0, 2.0, 6.0, 5.0, 9.0])
    design = build_design([random_effect("group", label)], {"group": label})

    def harville(ratio):
        between = (label[:, None] == label[None]) * 1.0
        shape = np.eye(6) + between * ratio
        inverse = np.linalg.inv(shape)
        one = np.ones(6)
        mean = one @ inverse @ measured / (one @ inverse @ one)
        left = 5
        scale = (measured - mean) @ inverse @ (measured - mean) / left
        logs = np.linalg.slogdet(shape)[1] + np.log(one @ inverse @ one)
        return (left * (np.log(2 * np.pi * scale) + 1) + logs) / 2

    for ratio in (0.05, 0.7, 12.0):
        fits = fit_penalised_many(design, measured[None], family=GAUSSIAN, log_smoothing=[[-np.log(ratio)]])
        assert fits.score[0] == pytest.approx(harville(ratio), rel=1e-10)


def test_the_penalty_is_the_integral_of_the_squared_second_derivative():
    x = np.array([0.0, 1.0, 2.5, 4.0, 5.0, 7.0, 9.0, 12.0])
    fine = np.linspace(0, 12, 24_001)
    step = fine[1] - fine[0]
    for smooth in (thin_plate("x", x, size=6), cubic_regression("x", x, size=6)):
        curves = smooth.columns(fine)
        second = np.diff(curves, 2, axis=0) / step**2
        gram = second.T @ second * step
        # Second differences on 24 001 points carry an error near 1e-3 at the kinks of the third derivative.
        # The thin-plate spline too is straight outside its knots, so the integral inside is the whole.
        np.testing.assert_allclose(gram, np.diag(smooth.penalties[0]), atol=5e-3)


def test_a_full_thin_plate_spline_is_the_natural_cubic_spline():
    # With as many functions as distinct values both bases span the natural cubic splines with those knots.
    x = np.array([1.0, 2.0, 4.0, 5.0, 8.0])
    y = np.array([0.0, 2.0, 1.0, -1.0, 3.0])
    wanted = CubicSpline(x, y, bc_type="natural")
    fine = np.linspace(1, 8, 50)
    for smooth in (thin_plate("x", x, size=5), cubic_regression("x", x, size=5)):
        design = np.column_stack([np.ones(5), smooth.columns(x)])
        coefficients = np.linalg.solve(design, y)
        values = np.column_stack([np.ones(50), smooth.columns(fine)]) @ coefficients
        np.testing.assert_allclose(values, wanted(fine), atol=1e-8)
        beyond = np.column_stack([np.ones(2), smooth.columns([-3.0, 11.0])]) @ coefficients
        # Straight lines beyond the end knots.
        ends = [y[0] + wanted(1.0, 1) * -4, y[-1] + wanted(8.0, 1) * 3]
        np.testing.assert_allclose(beyond, ends, atol=1e-8)


def test_a_surface_of_the_tensor_space_is_reproduced():
    age, year = np.meshgrid(np.arange(6.0), np.arange(5.0), indexing="ij")
    smooth = tensor(
        cubic_regression("age", age.ravel(), size=4), cubic_regression("year", year.ravel(), size=3)
    )
    design = build_design([smooth], {"age": age.ravel(), "year": year.ravel()})
    plane = 2 + 0.5 * age.ravel() - year.ravel() + 0.3 * (age * year).ravel()
    coefficients, *_ = np.linalg.lstsq(design.matrix, plane, rcond=None)
    np.testing.assert_allclose(design.matrix @ coefficients, plane, atol=1e-10)
    # Bilinear surfaces cost nothing in either direction.
    np.testing.assert_allclose(design.penalties @ coefficients**2, 0, atol=1e-12)


def test_an_infinite_penalty_leaves_the_straight_line():
    generator = np.random.default_rng(5)
    x = np.arange(30.0)
    y = 1 + 0.2 * x + generator.normal(0, 1, 30)
    design = build_design([thin_plate("x", x)], {"x": x})
    stiff = fit_penalised_many(design, y[None], family=GAUSSIAN, log_smoothing=[[25.0]])[0]
    fitted, _ = stiff.linear_predictor({"x": x})
    slope, intercept = np.polyfit(x, y, 1)
    np.testing.assert_allclose(fitted, intercept + slope * x, atol=1e-6)
    assert stiff.term_edf("x") == pytest.approx(1, abs=1e-6)


def test_a_model_without_penalty_is_the_glm():
    # Two groups of exposure: the Poisson maximum likelihood rates are the crude rates.
    exposed = np.array([0.0, 0.0, 1.0, 1.0])
    deaths, person_years = np.array([4.0, 6.0, 9.0, 21.0]), np.array([100.0, 150.0, 120.0, 180.0])
    design = build_design([linear("exposed")], {"exposed": exposed})
    fit = fit_penalised(design, deaths, family=POISSON, offset=np.log(person_years))
    rate, se = fit.linear_predictor({"exposed": [0.0, 1.0]})
    np.testing.assert_allclose(np.exp(rate), [10 / 250, 30 / 300], rtol=1e-9)
    np.testing.assert_allclose(se, [1 / np.sqrt(10), 1 / np.sqrt(30)], rtol=1e-9)


@pytest.mark.parametrize("family", [POISSON, QUASI_POISSON, NegativeBinomial(3.0), GAUSSIAN])
def test_slope_and_curvature_of_the_criterion_are_its_differences(family):
    generator = np.random.default_rng(8)
    x, district = np.tile(np.linspace(0, 10, 12), 5), np.repeat(np.arange(5), 12)
    mean = np.exp(1 + np.sin(x) + 0.2 * district)
    response = generator.poisson(mean)[None].astype(float)
    year = np.tile(np.repeat([0.0, 1.0, 2.0], 4), 5)
    surface = tensor(cubic_regression("x", x, size=5), cubic_regression("year", year, size=3))
    design = build_design(
        [surface, random_effect("district", district)], {"x": x, "year": year, "district": district}
    )
    ones = np.ones_like(response)
    problem = Problem(
        design.matrix, design.penalties, design.unpenalised, family, response, 0 * ones, ones * (x != 0)
    )
    rho = np.array([[0.3, -0.4, 1.1]])
    start = np.zeros((1, design.matrix.shape[1]))
    start[0, 0] = 1.0
    here = evaluate(problem, rho, start)
    width = 1e-4
    for k in range(3):
        up, down = rho.copy(), rho.copy()
        up[0, k] += width
        down[0, k] -= width
        above, below = (evaluate(problem, at, here.coefficients) for at in (up, down))
        # Central differences: error of order width squared, and the fit converges to 1e-10.
        assert (above.score - below.score)[0] / (2 * width) == pytest.approx(here.slope[0, k], abs=2e-5)
        difference = (above.slope - below.slope)[0] / (2 * width)
        np.testing.assert_allclose(difference, here.curvature[0, k], atol=2e-5)


def test_draws_of_the_coefficients_have_the_covariance_of_the_fit():
    x = np.linspace(0, 1, 40)
    y = np.random.default_rng(1).poisson(np.exp(2 + x))
    fit = fit_penalised(build_design([thin_plate("x", x, size=4)], {"x": x}), y, family=POISSON)
    draws = fit.simulate(40_000, seed=2)
    # Standard error of a variance over 40 000 draws is 0.7 %; five of them are allowed.
    np.testing.assert_allclose(draws.var(axis=0), np.diag(fit.covariance), rtol=0.035)
    assert np.array_equal(draws, fit.simulate(40_000, seed=2))


def test_many_fits_at_once_are_the_fits_one_by_one():
    generator = np.random.default_rng(6)
    x = np.tile(np.linspace(0, 1, 9), 4)
    district = np.repeat(np.arange(4), 9)
    design = build_design(
        [thin_plate("x", x, size=6), random_effect("district", district)], {"x": x, "district": district}
    )
    responses = generator.poisson(20 * np.exp(x)[None] * np.exp(generator.normal(0, 0.2, (5, 36))))
    together = fit_penalised_many(design, responses, family=QUASI_POISSON)
    assert together.converged.all()
    for k in range(5):
        alone = fit_penalised(design, responses[k], family=QUASI_POISSON)
        # Each search stops by its own slope, so the two follow the same path.
        np.testing.assert_allclose(together.coefficients[k], alone.coefficients, rtol=1e-7, atol=1e-9)


def test_the_information_of_districts_that_do_not_overlap_is_the_full_product():
    generator = np.random.default_rng(2)
    age, district = np.tile(np.arange(40.0, 90, 5), 6), np.repeat(np.arange(6), 10)
    design = build_design(
        [thin_plate("age", age), random_effect("district", district)], {"age": age, "district": district}
    )
    response = generator.poisson(20, (3, 60)).astype(float)
    problem = Problem(
        design.matrix, design.penalties, design.unpenalised, POISSON, response, 0 * response, 1 + 0 * response
    )
    assert problem.split[1].size == 6
    curvature = generator.gamma(2, 1, (3, 60))
    whole = np.einsum("np,rn,nq->rpq", design.matrix, curvature, design.matrix)
    np.testing.assert_allclose(information(problem, curvature), whole, rtol=1e-12, atol=1e-12)
