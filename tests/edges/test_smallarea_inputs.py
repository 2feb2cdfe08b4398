"""What people hand to a fit: lists, fractions, hardly a case, a million; an answer or a coded refusal."""

from __future__ import annotations

import numpy as np
import pytest

from rnc_epi.maths import smallarea
from rnc_epi.maths.smallarea import Fixed, Normal
from rnc_epi.vocabulary.errors import EstimateRefused, InputError

EDGES = [[0, 1], [1, 2], [2, 3], [3, 4]]
OBSERVED, EXPECTED = [12, 9, 4, 3, 2, 0], [6.0, 5.0, 4.0, 4.0, 3.0, 1.5]


def code_of(call) -> str:
    with pytest.raises((InputError, EstimateRefused)) as caught:
        call()
    return caught.value.code


@pytest.mark.parametrize("model", smallarea.MODELS)
def test_lists_are_taken_as_arrays_and_fractions_as_counts_between(model):
    whole = smallarea.fit(OBSERVED, EXPECTED, EDGES, model=model)
    assert np.array_equal(
        whole.relative_risk, smallarea.fit(np.array(OBSERVED), EXPECTED, EDGES, model=model).relative_risk
    )
    more, half = [13, *OBSERVED[1:]], [12.5, *OBSERVED[1:]]
    low, high, middle = (
        smallarea.fit(counts, EXPECTED, EDGES, model=model).relative_risk[0]
        for counts in (OBSERVED, more, half)
    )
    assert low < middle < high


@pytest.mark.parametrize("model", smallarea.MODELS)
def test_areas_in_another_order_have_the_same_risks(model):
    order = np.array([4, 2, 5, 0, 3, 1])
    place = np.argsort(order)
    first = smallarea.fit(OBSERVED, EXPECTED, EDGES, model=model)
    second = smallarea.fit(
        np.array(OBSERVED)[order], np.array(EXPECTED)[order], place[np.array(EDGES)][::-1, ::-1], model=model
    )
    for name in ("relative_risk", "sd", "lower", "upper"):
        # Another order of elimination: only rounding differs; 1e-6 is what a user may see.
        np.testing.assert_allclose(getattr(second, name), getattr(first, name)[order], rtol=1e-6)


@pytest.mark.parametrize("model", smallarea.MODELS)
@pytest.mark.parametrize("observed", [[0] * 6, [0, 0, 4, 0, 0, 0]])
def test_a_map_with_hardly_a_case_is_refused_for_that(model, observed):
    assert code_of(lambda: smallarea.fit(observed, EXPECTED, EDGES, model=model)) == "A027"


def test_cells_with_hardly_a_case_are_refused_for_that():
    cells = np.zeros((3, 4))
    assert code_of(lambda: smallarea.fit_spacetime(cells, cells + 1.0, [[0, 1], [1, 2]])) == "A027"


def test_a_level_that_is_known_beforehand_needs_no_case():
    fit = smallarea.fit([0, 0, 4, 0, 0, 0], EXPECTED, EDGES, priors={"intercept": Normal(0.0, 0.3)})
    assert (fit.upper > fit.lower).all()


@pytest.mark.parametrize("model", smallarea.MODELS)
def test_millions_of_cases_keep_their_ratios_and_their_predictive_checks(model):
    observed = np.array([1, 2, 1, 1, 3, 1]) * 10**6
    fit = smallarea.fit(observed, [1e6] * 6, EDGES, model=model)
    # Relative standard error 1 / sqrt(1e6) = 0.1 %; the prior moves nothing at that size.
    np.testing.assert_allclose(fit.relative_risk, observed / 1e6, rtol=1e-4)
    checks = fit.checks()
    assert np.isfinite(checks.log_score)
    assert ((checks.transform >= 0) & (checks.transform <= 1)).all()


def test_an_area_where_next_to_nothing_is_expected_has_the_risk_of_its_neighbours_and_wide_limits():
    fit = smallarea.fit([*OBSERVED[:4], 0, 0], [*EXPECTED[:4], 1e-9, 1.5], EDGES)
    assert np.isfinite(fit.upper).all()
    assert 0.5 < fit.relative_risk[4] / fit.relative_risk[3] < 2.0
    assert fit.log_sd[4] > fit.log_sd[3]


@pytest.mark.parametrize("edges", [[], np.zeros((0, 2), int)])
@pytest.mark.parametrize("model", smallarea.MODELS)
def test_without_a_single_pair_every_area_is_an_island(model, edges):
    fit = smallarea.fit(OBSERVED, EXPECTED, edges, model=model)
    assert fit.diagnostics.islands == 6
    assert (fit.lower < fit.median).all()


def test_a_covariate_may_be_of_any_size():
    covariate = np.array([1.0, 5.0, 2.0, 8.0, 3.0, 1.0])
    fits = [
        smallarea.fit(OBSERVED, EXPECTED, EDGES, covariates=scale * covariate, priors=priors)
        for scale, priors in ((1.0, None), (1e-8, {"coefficients": Normal(0.0, 1e8 * 1000**0.5)}))
    ]
    # The same model in other units; the grid starts from other differences of rounding.
    np.testing.assert_allclose(fits[1].relative_risk, fits[0].relative_risk, rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"priors": {"sgima": Normal()}}, "A005"),
        ({"priors": {"sigma": 3}}, "A006"),
        ({"priors": [Normal()]}, "M002"),
        ({"priors": {"sigma": Fixed(-1.0)}}, "M004"),
        ({"priors": {"sigma": Fixed(float("nan"))}}, "M004"),
        ({"priors": {"phi": Fixed(2.0)}}, "M004"),
        ({"covariates": [3.0] * 6}, "A008"),
        ({"covariates": ["a"] * 6}, "M008"),
        ({"model": None}, "M005"),
        ({"level": 1}, "M004"),
        ({"level": "a"}, "M008"),
        ({"seed": -1}, "M004"),
        ({"seed": None}, "M004"),
        ({"seed": 1.5}, "M004"),
    ],
)
def test_a_slip_in_an_option_is_refused_with_its_code(options, code):
    assert code_of(lambda: smallarea.fit(OBSERVED, EXPECTED, EDGES, **options)) == code


@pytest.mark.parametrize(
    ("ask", "code"),
    [
        (lambda fit: fit.exceedance([1.0, 1.5]), "M002"),
        (lambda fit: fit.exceedance("a"), "M008"),
        (lambda fit: fit.exceedance(np.inf), "M004"),
        (lambda fit: fit.quantile([0.1, 0.9]), "M002"),
        (lambda fit: fit.draws(1.5), "M004"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_with_its_code(ask, code):
    fit = smallarea.fit(OBSERVED, EXPECTED, EDGES)
    assert code_of(lambda: ask(fit)) == code
