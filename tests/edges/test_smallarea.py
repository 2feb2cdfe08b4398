"""Zeros, islands, tiny maps, wrong maps: a figure with a meaning or an error with a code, never a crash."""

from __future__ import annotations

import numpy as np
import pytest

from rnc_epi.maths import smallarea
from rnc_epi.maths.smallarea import (
    AreaGraph,
    Beta,
    Fixed,
    Normal,
    PenalisedComplexitySD,
    exploration,
    fitting,
    laplace,
    memory,
)
from rnc_epi.vocabulary.errors import EstimateRefused, InputError

LINE = np.array([[0, 1], [1, 2], [2, 3], [3, 4]])
OBSERVED = np.array([12, 9, 4, 3, 2, 0])
EXPECTED = np.array([6.0, 5.0, 4.0, 4.0, 3.0, 1.5])


def refused(code: str, *arguments, kind=InputError, **options) -> None:
    with pytest.raises(kind) as caught:
        smallarea.fit(*arguments, **options)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("edges", "code"),
    [
        (np.array([[0, 1, 2]]), "A001"),
        (np.array([[0.0, 1.0]]), "A001"),
        (np.array([[0, 6]]), "A002"),
        (np.array([[-1, 2]]), "A002"),
        (np.array([[2, 2]]), "A003"),
        (np.array([[0, 1], [1, 2], [0, 1]]), "A004"),
        (np.array([[0, 1], [1, 0]]), "A004"),
        (AreaGraph(5, LINE), "A007"),
    ],
)
def test_a_wrong_map_is_refused_with_its_code(edges, code):
    refused(code, OBSERVED, EXPECTED, edges)


@pytest.mark.parametrize(
    ("observed", "expected", "code"),
    [
        (OBSERVED, np.r_[EXPECTED[:5], 0.0], "M009"),
        (OBSERVED, -EXPECTED, "M009"),
        (OBSERVED, np.r_[EXPECTED[:5], np.nan], "M007"),
        (-OBSERVED, EXPECTED, "M001"),
        (OBSERVED[:5], EXPECTED, "M002"),
        (OBSERVED[None], EXPECTED[None], "M002"),
        (np.array([]), np.array([]), "M002"),
    ],
)
def test_wrong_counts_are_refused_with_their_code(observed, expected, code):
    refused(code, observed, expected, LINE)


def test_unknown_model_prior_and_level_are_refused():
    refused("M005", OBSERVED, EXPECTED, LINE, model="besag")
    refused("A005", OBSERVED, EXPECTED, LINE, priors={"rho": Beta()})
    refused("A006", OBSERVED, EXPECTED, LINE, priors={"sigma": Beta()})
    refused("A006", OBSERVED, EXPECTED, LINE, priors={"intercept": PenalisedComplexitySD()})
    refused("A006", OBSERVED, EXPECTED, LINE, priors={"intercept": Fixed(0.0)})
    refused("M004", OBSERVED, EXPECTED, LINE, level=95)
    refused("M002", OBSERVED, EXPECTED, LINE, level=[0.9, 0.95])
    with pytest.raises(InputError) as caught:
        PenalisedComplexitySD(upper=-1.0)
    assert caught.value.code == "M004"


def test_covariates_that_cannot_be_told_apart_are_refused():
    x = np.arange(6.0)
    refused("A008", OBSERVED, EXPECTED, LINE, covariates=np.ones(6))
    refused("A008", OBSERVED, EXPECTED, LINE, covariates=np.c_[x, 2 * x])
    refused("M002", OBSERVED, EXPECTED, LINE, covariates=x[:5])
    refused("M007", OBSERVED, EXPECTED, LINE, covariates=np.r_[x[:5], np.nan])


def test_a_threshold_or_a_number_of_draws_that_makes_no_sense_is_refused():
    fit = smallarea.fit(OBSERVED, EXPECTED, LINE)
    for call in (
        lambda: fit.exceedance(0.0),
        lambda: fit.exceedance(np.nan),
        lambda: fit.draws(0),
        lambda: fit.quantile(1),
    ):
        with pytest.raises(InputError) as caught:
            call()
        assert caught.value.code == "M004"


@pytest.mark.parametrize("model", smallarea.MODELS)
def test_every_model_takes_islands_pairs_and_zeros(model):
    observed = np.array([3, 0, 0, 7, 1, 0, 0])
    fit = smallarea.fit(observed, np.full(7, 1.5), np.array([[0, 1], [1, 2], [3, 4]]), model=model)
    assert np.isfinite(fit.relative_risk).all()
    assert (fit.lower < fit.median).all()
    assert (fit.median < fit.upper).all()
    assert fit.diagnostics.islands == 2
    assert fit.diagnostics.components == 4


@pytest.mark.parametrize("model", smallarea.MODELS)
def test_a_map_of_one_area_and_a_map_of_islands_are_maps(model):
    for size in (1, 4):
        fit = smallarea.fit(np.arange(size) + 5, np.full(size, 2.0), np.zeros((0, 2), int), model=model)
        assert np.isfinite(fit.log_sd).all()
        assert fit.diagnostics.islands == size


@pytest.mark.parametrize("model", smallarea.MODELS)
def test_a_map_without_any_case_has_a_low_risk_and_a_wide_one(model):
    fit = smallarea.fit(np.zeros(6), EXPECTED, LINE, model=model, priors={"intercept": Normal(0.0, 1.0)})
    assert (fit.relative_risk < 0.5).all()
    assert (fit.upper > 2 * fit.median).all()


def test_an_area_with_thousands_of_cases_keeps_its_ratio():
    observed, expected = np.r_[9000, OBSERVED[1:]], np.r_[6000.0, EXPECTED[1:]]
    fit = smallarea.fit(observed, expected, LINE)
    # Relative standard error 1 / sqrt(9 000) = 1 %.
    assert fit.relative_risk[0] == pytest.approx(1.5, rel=0.02)


def test_counts_beyond_reason_are_refused_and_not_smoothed():
    with pytest.raises(EstimateRefused) as caught:
        smallarea.fit(np.array([1e15, 0, 0]), np.array([1e-12, 1.0, 1e12]), LINE[:2])
    assert caught.value.code in ("A020", "A021", "A022")


def test_a_field_that_does_not_converge_is_refused(monkeypatch):
    monkeypatch.setattr(laplace, "MOST_STEPS", 1)
    refused("A020", OBSERVED, EXPECTED, LINE, kind=EstimateRefused)


def test_a_grid_that_never_closes_is_refused(monkeypatch):
    monkeypatch.setattr(exploration, "MOST_POINTS", 5)
    refused("A022", OBSERVED, EXPECTED, LINE, kind=EstimateRefused)


def test_an_approximation_that_contradicts_itself_is_refused(monkeypatch):
    monkeypatch.setattr(fitting, "MOST_SHIFT", 1e-9)
    refused("A023", OBSERVED, EXPECTED, LINE, kind=EstimateRefused)


def test_a_fit_too_large_for_the_machine_is_refused_with_its_size(monkeypatch):
    monkeypatch.setattr(memory, "machine_bytes", lambda: 10_000)
    with pytest.raises(EstimateRefused) as caught:
        smallarea.fit(OBSERVED, EXPECTED, LINE)
    assert caught.value.code == "A024"
    assert caught.value.facts["rows"] == 6


def test_a_system_that_does_not_tell_its_memory_is_trusted(monkeypatch):
    monkeypatch.setattr(memory, "machine_bytes", lambda: None)
    assert np.isfinite(smallarea.fit(OBSERVED, EXPECTED, LINE).relative_risk).all()


@pytest.mark.parametrize(
    ("errors", "code"),
    [
        (np.eye(5), "M002"),
        (np.ones((6, 6)), "A009"),
        (np.eye(6) + np.triu(np.full((6, 6), 0.1), 1), "A009"),
        (-np.ones(6), "M009"),
    ],
)
def test_wrong_errors_of_estimates_are_refused(errors, code):
    with pytest.raises(InputError) as caught:
        smallarea.fit_gaussian(np.zeros(6), errors, LINE)
    assert caught.value.code == code


def test_predictive_checks_are_refused_where_errors_are_correlated():
    fit = smallarea.fit_gaussian(np.array([0.1, 0.3, -0.2, 0.0, 0.1, 0.5]), 0.05 * np.eye(6) + 0.01, LINE)
    with pytest.raises(EstimateRefused) as caught:
        fit.checks()
    assert caught.value.code == "A025"


def test_benchmarking_refuses_what_does_not_match_and_what_contradicts_itself():
    pieces, group, totals = np.ones((3, 4)), np.array([0, 0, 1]), np.full((2, 4), 5.0)
    for bad in (
        (np.zeros((3, 4)), [(group, totals)]),
        (pieces, [(group[:2], totals)]),
        (pieces, [(group, totals[:1])]),
        (pieces, [(group, totals[:, :3])]),
        (pieces, [(np.array([0, 0, 2]), totals)]),
        (pieces, [(group, -totals)]),
    ):
        with pytest.raises(InputError) as caught:
            smallarea.benchmark(*bad)
        assert caught.value.code == "A010"
    with pytest.raises(EstimateRefused) as refusal:
        smallarea.benchmark(
            pieces, [(group, totals), (np.zeros(3, int), np.full((1, 4), 99.0))], most_steps=50
        )
    assert refusal.value.code == "A026"


def test_statements_from_draws_refuse_what_is_no_set_of_draws():
    for call in (
        lambda: smallarea.ranks(np.ones(3)),
        lambda: smallarea.ranks(np.ones((3, 4)), top=4),
        lambda: smallarea.ratio_of_extremes(np.ones(3)),
        lambda: smallarea.ratio_of_extremes(np.ones((3, 4)), share=0.5),
        lambda: smallarea.evidence_classes([0.5], high=0.1),
        lambda: smallarea.evidence_classes([1.5]),
    ):
        with pytest.raises(InputError) as caught:
            call()
        assert caught.value.code in ("M002", "M004", "M010")


@pytest.mark.parametrize("interaction", ["none", "I", "II"])
def test_periods_without_cases_and_islands_are_fitted(interaction):
    observed = np.array([[3, 0, 4], [0, 0, 2], [1, 0, 0], [5, 0, 9]])
    fit = smallarea.fit_spacetime(observed, np.full((4, 3), 2.0), LINE[:2], interaction=interaction)
    assert np.isfinite(fit.relative_risk).all()
    assert (fit.lower < fit.upper).all()
    assert ("sigma_interaction" in fit.hyperparameters) == (interaction != "none")


@pytest.mark.parametrize(
    ("observed", "options", "code"),
    [
        (np.ones((4, 1)), {}, "M002"),
        (np.ones(4), {}, "M002"),
        (np.ones((5, 3)), {}, "A007"),
        (np.ones((4, 3)), {"interaction": "IV"}, "M005"),
        (np.ones((4, 3)), {"covariates": np.ones(4)}, "M002"),
        (np.ones((4, 3)), {"covariates": np.ones((4, 3))}, "A008"),
    ],
)
def test_wrong_cells_are_refused(observed, options, code):
    with pytest.raises(InputError) as caught:
        smallarea.fit_spacetime(observed, np.ones(observed.shape), AreaGraph(4, LINE[:2]), **options)
    assert caught.value.code == code
