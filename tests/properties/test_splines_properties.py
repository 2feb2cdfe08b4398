"""What holds for every penalised fit, whatever the counts."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rnc_epi.maths.splines import (
    POISSON,
    QUASI_POISSON,
    build_design,
    fit_penalised,
    fit_penalised_many,
    random_effect,
    thin_plate,
)

X = np.tile(np.linspace(20, 80, 7), 5)
DISTRICT = np.repeat(np.arange(5), 7)
counts = st.lists(st.integers(1, 60), min_size=35, max_size=35)
sparse_counts = st.lists(st.integers(0, 3), min_size=35, max_size=35).filter(lambda c: sum(c) > 0)


def design(x=X, district=DISTRICT):
    smooths = [thin_plate("age", x, size=5), random_effect("district", district)]
    return build_design(smooths, {"age": x, "district": district})


@given(counts, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_is_irrelevant(values, random):
    response = np.array(values, dtype=float)
    order = np.arange(35)
    random.shuffle(order)
    plain = fit_penalised(design(), response, family=QUASI_POISSON)
    moved = fit_penalised(design(X[order], DISTRICT[order]), response[order], family=QUASI_POISSON)
    place = {"age": np.array([25.0, 55.0])}
    # The searches stop at a slope of 1e-6 of the criterion; a flat criterion leaves about 1e-4 in the fit.
    np.testing.assert_allclose(
        plain.linear_predictor(place, exclude=["district"])[0],
        moved.linear_predictor(place, exclude=["district"])[0],
        atol=2e-3,
    )


@given(counts, st.floats(0.01, 1e6))
def test_person_years_in_another_unit_shift_the_intercept_alone(values, unit):
    response = np.array(values, dtype=float)
    plain = fit_penalised(design(), response, family=POISSON)
    moved = fit_penalised(design(), response, family=POISSON, offset=np.log(unit))
    assert np.allclose(plain.coefficients[1:], moved.coefficients[1:], atol=2e-3)
    assert np.isclose(plain.coefficients[0] - np.log(unit), moved.coefficients[0], atol=2e-3)


@given(sparse_counts)
def test_a_poisson_fit_returns_the_total_and_finite_numbers(values):
    response = np.array(values, dtype=float)
    fits = fit_penalised_many(design(), response[None], family=POISSON)
    fitted = np.exp(fits.design.matrix @ fits.coefficients[0])
    assert fits.converged.all()
    # The intercept is not penalised, so its score equation makes the totals equal.
    assert np.isclose(fitted.sum(), response.sum(), rtol=1e-4)
    for values_found in (fits.inverse, fits.edf, fits.standard_deviations("district"), fits.score):
        assert np.isfinite(values_found).all()


@given(counts)
def test_effective_degrees_of_freedom_lie_between_none_and_all(values):
    response = np.array(values, dtype=float)
    fit = fit_penalised(design(), response, family=POISSON)
    assert 1 - 1e-6 <= fit.term_edf("age") <= 4 + 1e-6
    assert -1e-6 <= fit.term_edf("district") <= 4 + 1e-6
    assert (np.linalg.eigvalsh(fit.covariance) > 0).all()
