"""Zeros, few values, absurd sizes, and every refusal by its code."""

import numpy as np
import pytest

from rnc_epi.maths.splines import (
    GAUSSIAN,
    POISSON,
    QUASI_POISSON,
    NegativeBinomial,
    build_design,
    cubic_regression,
    fit_penalised,
    fit_penalised_many,
    random_effect,
    tensor,
    thin_plate,
)
from rnc_epi.vocabulary.errors import InputError

AGE = np.tile(np.arange(5.0, 90, 10), 6)
DISTRICT = np.repeat(np.arange(6), 9)
DESIGN = build_design(
    [thin_plate("age", AGE, size=6), random_effect("district", DISTRICT)], {"age": AGE, "district": DISTRICT}
)


def refused(code, call, *args, **kwargs):
    with pytest.raises(InputError) as caught:
        call(*args, **kwargs)
    assert caught.value.code == code


def test_impossible_input_is_refused_by_code():
    counts = np.ones(54)
    refused("C001", thin_plate, "age", [1, 1, 2])
    refused("C001", cubic_regression, "age", [1, 1, 2])
    refused("M007", thin_plate, "age", [1, 2, np.nan])
    refused("M002", thin_plate, "age", [[1, 2, 3]])
    refused("M004", thin_plate, "age", [1, 2, 3], size=2)
    refused("M009", NegativeBinomial, 0.0)
    refused("M001", fit_penalised, DESIGN, -counts, family=POISSON)
    refused("M002", fit_penalised, DESIGN, counts[:-1], family=POISSON)
    refused("M002", fit_penalised_many, DESIGN, counts, family=POISSON)
    refused("M002", fit_penalised, DESIGN, counts, family=POISSON, offset=[1.0, 2.0])
    refused("M007", fit_penalised, DESIGN, counts, family=POISSON, offset=np.inf)
    refused("M001", fit_penalised, DESIGN, counts, family=POISSON, weights=-1)
    refused("C005", fit_penalised, DESIGN, 0 * counts, family=POISSON)
    refused("C004", fit_penalised, DESIGN, counts, family=POISSON, weights=1.0 * (np.arange(54) < 1))
    refused("C004", fit_penalised, DESIGN, counts, family=QUASI_POISSON, weights=1.0 * (np.arange(54) < 2))
    fit = fit_penalised(DESIGN, np.arange(54.0), family=POISSON)
    refused("C002", fit.linear_predictor, {"age": [50]})
    refused("M005", fit.linear_predictor, {"age": [50]}, exclude=["region"])
    refused("M002", fit.linear_predictor, {"age": [50], "district": [1, 2]})
    age = thin_plate("age", AGE)
    refused("C003", build_design, [age, age], {"age": AGE})
    refused("C002", build_design, [age], {"year": AGE})
    refused(
        "M002",
        build_design,
        [age, random_effect("district", DISTRICT[:-1])],
        {"age": AGE, "district": DISTRICT[:-1]},
    )
    refused("M002", random_effect, "district", [])


def test_districts_without_difference_have_no_variance():
    counts = np.tile(np.round(1000 * np.exp(-(((AGE[:9] - 60) / 25) ** 2))), 6)
    fit = fit_penalised(DESIGN, counts, family=POISSON)
    assert fit.standard_deviations("district")[0] < 1e-3
    assert fit.term_edf("district") < 1e-3


def test_zeros_in_most_cells_give_finite_results():
    counts = np.zeros(54)
    counts[[4, 14, 40]] = 1
    for family in (POISSON, QUASI_POISSON, NegativeBinomial(1.0)):
        fit = fit_penalised(DESIGN, counts, family=family)
        estimate, se = fit.linear_predictor({"age": [5.0, 85.0]}, exclude=["district"])
        assert np.isfinite(estimate).all()
        assert np.isfinite(se).all()


def test_counts_of_a_million_and_of_one_live_together():
    counts = np.tile(np.geomspace(1, 1e6, 9), 6) * (1 + 0.01 * DISTRICT)
    fits = fit_penalised_many(DESIGN, counts[None], family=POISSON)
    assert fits.converged.all()
    fitted = np.exp(DESIGN.matrix @ fits.coefficients[0])
    np.testing.assert_allclose(fitted.sum(), counts.sum(), rtol=1e-6)


def test_an_unknown_district_has_no_effect():
    counts = np.arange(54.0)
    fit = fit_penalised(DESIGN, counts, family=POISSON)
    elsewhere = fit.linear_predictor({"age": [55.0], "district": [99]})[0]
    assert elsewhere == pytest.approx(fit.linear_predictor({"age": [55.0]}, exclude=["district"])[0])


def test_a_measurement_without_noise_does_not_divide_by_zero():
    line = 2 + 0.1 * AGE + 1e-9 * np.sin(AGE)
    fit = fit_penalised(build_design([thin_plate("age", AGE)], {"age": AGE}), line, family=GAUSSIAN)
    np.testing.assert_allclose(fit.linear_predictor({"age": [15.0]})[0], 3.5, atol=1e-6)


def test_two_years_are_too_few_for_a_surface():
    refused("C001", cubic_regression, "year", [2019, 2020])
    age, year = cubic_regression("age", [1, 2, 3]), cubic_regression("year", [1, 2, 3])
    assert tensor(age, year).columns([1.0], [2.0]).shape == (1, 8)
