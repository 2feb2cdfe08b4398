"""Numbers that a reader can find again with a pencil, a table or a dense matrix."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.integrate
import scipy.stats

from rnc_epi.maths import smallarea
from rnc_epi.maths.gmrf import IntrinsicField
from rnc_epi.maths.smallarea import (
    AreaGraph,
    Beta,
    Fixed,
    InverseGamma,
    Normal,
    PenalisedComplexityMixing,
    PenalisedComplexitySD,
    UniformSD,
)
from rnc_epi.maths.smallarea.diagnostics import _left_out, pareto_shape
from rnc_epi.maths.smallarea.marginals import Components

SCORES = np.array([-2.5, -0.7, 0.0, 1.1, 2.5])
SQUARE = np.array([[0, 1], [1, 2], [2, 3], [0, 3]])


def test_normal_scores_of_the_priors_are_quantiles_of_scipy():
    probability = scipy.stats.norm.cdf(SCORES)
    exponential = scipy.stats.expon(scale=1 / -np.log(0.01))
    np.testing.assert_allclose(
        PenalisedComplexitySD().transform(None)(SCORES), exponential.ppf(probability), rtol=1e-10
    )
    inverse_gamma = scipy.stats.invgamma(1.5, scale=0.01)
    value = InverseGamma(1.5, 0.01).transform(None)(SCORES) ** 2
    np.testing.assert_allclose(value, inverse_gamma.ppf(probability), rtol=1e-8)
    np.testing.assert_allclose(
        Beta(2, 3).transform(None)(SCORES), scipy.stats.beta(2, 3).ppf(probability), rtol=1e-8
    )
    np.testing.assert_allclose(
        UniformSD(0.01, 0.4).transform(None)(SCORES), 0.01 + 0.39 * probability, rtol=1e-12
    )


def test_two_thirds_of_the_prior_of_the_spatial_share_lie_below_one_half():
    field = IntrinsicField(4, SQUARE)
    prior = PenalisedComplexityMixing(0.5, 2 / 3)
    mass = prior.atom(field)
    # Scores are those of the prior below its atom.
    score = scipy.stats.norm.ppf((2 / 3) / (1 - mass))
    assert float(prior.transform(field)(np.array(score))) == pytest.approx(0.5, abs=1e-4)


def test_the_prior_of_the_spatial_share_is_the_exponential_of_the_dense_distance():
    field = IntrinsicField(4, SQUARE)
    # A cycle of four: eigenvalues 0, 2, 2, 4; all variances (1/2 + 1/2 + 1/4) / 4 = 5/16, so scaled ones
    # are that times 5/16.
    inverse = 1 / (np.array([2.0, 2.0, 4.0]) * 5 / 16)

    def distance(phi: float) -> float:
        eigenvalues = np.r_[(1 - phi) + phi * inverse, 1 - phi]
        return np.sqrt((eigenvalues - 1 - np.log(eigenvalues)).sum())

    prior = PenalisedComplexityMixing()
    rate, mass = np.log(3) / distance(0.5), prior.atom(field)
    assert mass == pytest.approx(
        np.exp(-rate * distance(1 / (1 + np.exp(-9.0)))), rel=1e-3
    )  # a spline within 1e-4, times an exponent of 6
    for phi in (0.02, 0.3, 0.8, 0.999):
        below = 1 - np.exp(-rate * distance(phi))
        score = scipy.stats.norm.ppf(below / (1 - mass))
        assert float(prior.transform(field)(np.array(score))) == pytest.approx(phi, rel=2e-3, abs=1e-4)


def test_one_area_with_a_known_spread_is_a_one_dimensional_integral():
    # y ~ Poisson(E exp(eta)), eta ~ N(0.2, 0.5^2 + 0.3^2): by quadrature.
    observed, expected, sd = 7.0, 3.5, np.hypot(0.5, 0.3)

    def joint(eta: float, power: int, scale: float = 1.0) -> float:
        return (
            eta**power
            * np.exp(scipy.stats.norm.logpdf(eta, 0.2, sd))
            * scipy.stats.poisson.pmf(7, expected * np.exp(eta))
        )

    moments = [scipy.integrate.quad(joint, -4, 4, args=(k,), epsabs=1e-13)[0] for k in range(3)]
    above = scipy.integrate.quad(joint, 0, 4, args=(0,), epsabs=1e-13)[0] / moments[0]
    mean = moments[1] / moments[0]
    priors = {"sigma": Fixed(0.3), "intercept": Normal(0.2, 0.5)}
    fit = smallarea.fit([observed], [expected], np.zeros((0, 2), int), model="independent", priors=priors)
    # One dimension: the cavity is the exact prior, and the tilted density is the posterior itself.
    assert fit.log_mean[0] == pytest.approx(mean, abs=2e-3)
    assert fit.log_sd[0] == pytest.approx(np.sqrt(moments[2] / moments[0] - mean**2), rel=1e-4)
    assert fit.exceedance(1.0)[0] == pytest.approx(above, abs=2e-3)
    assert fit.log_evidence == pytest.approx(np.log(moments[0]), abs=0.02)
    assert fit.checks().ordinate[0] == pytest.approx(moments[0], rel=0.01)


def dense_covariance(model: str, values: dict[str, float]) -> np.ndarray:
    """Return the prior covariance of the log risks of a cycle of four and an island, intercept N(0, 2^2)
    included."""
    laplacian = np.diag([2.0, 2, 2, 2, 0])
    laplacian[SQUARE[:, 0], SQUARE[:, 1]] = laplacian[SQUARE[:, 1], SQUARE[:, 0]] = -1
    level = np.full((5, 5), 4.0)
    inverse = np.linalg.pinv(laplacian)
    inverse[4, 4] = 1.0
    scaled = inverse.copy()
    scaled[:4, :4] /= 5 / 16
    if model == "bym2":
        phi = values["phi"]
        return values["sigma"] ** 2 * (phi * scaled + (1 - phi) * np.eye(5)) + level
    if model == "icar":
        return values["sigma"] ** 2 * scaled + level
    if model == "bym":
        return (
            values["sigma_structured"] ** 2 * inverse + values["sigma_unstructured"] ** 2 * np.eye(5) + level
        )
    if model == "independent":
        return values["sigma"] ** 2 * np.eye(5) + level
    laplacian[4, 4] = 1.0
    covariance = np.linalg.inv(values["rho"] * laplacian + (1 - values["rho"]) * np.eye(5))
    total = covariance @ np.ones(5)
    return values["sigma"] ** 2 * (covariance - np.outer(total, total) / total.sum()) + level


@pytest.mark.parametrize(
    ("model", "values"),
    [
        ("bym2", {"sigma": 0.6, "phi": 0.7}),
        ("icar", {"sigma": 0.5}),
        ("bym", {"sigma_structured": 0.8, "sigma_unstructured": 0.3}),
        ("leroux", {"sigma": 0.7, "rho": 0.8}),
        ("independent", {"sigma": 0.4}),
    ],
)
def test_gaussian_data_under_known_hyperparameters_are_the_normal_conditional(model, values):
    estimates, variances = np.array([0.3, -0.2, 0.5, 0.1, 0.9]), np.array([0.1, 0.2, 0.05, 0.3, 0.15])
    covariance = dense_covariance(model, values)
    total = covariance + np.diag(variances)
    gain = covariance @ np.linalg.inv(total)
    priors = {**{k: Fixed(v) for k, v in values.items()}, "intercept": Normal(0.0, 2.0)}
    fit = smallarea.fit_gaussian(estimates, variances, SQUARE_AND_ISLAND, model=model, priors=priors)
    np.testing.assert_allclose(fit.log_mean, gain @ estimates, atol=1e-8)
    np.testing.assert_allclose(fit.log_sd, np.sqrt(np.diag(covariance - gain @ covariance)), rtol=1e-6)
    evidence = scipy.stats.multivariate_normal(np.zeros(5), total).logpdf(estimates)
    assert fit.log_evidence == pytest.approx(evidence, abs=1e-6)
    draws = np.log(fit.draws(40_000))
    # Five standard errors of a covariance from 40 000 draws.
    np.testing.assert_allclose(
        np.cov(draws), covariance - gain @ covariance, atol=5 * 0.15 * np.sqrt(2 / 40_000)
    )


SQUARE_AND_ISLAND = AreaGraph(5, SQUARE)


def test_limits_are_quantiles_and_exceedance_is_their_reverse():
    fit = smallarea.fit([8, 2, 0, 5, 3], [3.0, 3.0, 2.0, 4.0, 2.0], SQUARE_AND_ISLAND, level=0.9)
    for area in range(5):
        assert fit.exceedance(float(fit.lower[area]))[area] == pytest.approx(0.95, abs=1e-6)
        assert fit.exceedance(float(fit.upper[area]))[area] == pytest.approx(0.05, abs=1e-6)
        assert fit.exceedance(float(fit.median[area]))[area] == pytest.approx(0.5, abs=1e-6)
    np.testing.assert_allclose(fit.quantile(0.05), fit.lower)


def test_draws_have_the_margins_of_the_fit():
    fit = smallarea.fit([8, 2, 0, 5, 3], [3.0, 3.0, 2.0, 4.0, 2.0], SQUARE_AND_ISLAND)
    draws = np.log(fit.draws(40_000))
    # Standard error of a mean 0.005 sd, of an sd 0.35 %; the bend keeps skewness to first order only.
    np.testing.assert_allclose((draws.mean(axis=1) - fit.log_mean) / fit.log_sd, 0.0, atol=0.025)
    np.testing.assert_allclose(draws.std(axis=1) / fit.log_sd, 1.0, atol=0.02)
    below = (draws < np.log(fit.lower)[:, None]).mean(axis=1)
    np.testing.assert_allclose(below, 0.025, atol=0.006)


def test_the_same_seed_gives_the_same_draws_and_another_seed_others():
    arguments = ([8, 2, 0, 5, 3], [3.0, 3.0, 2.0, 4.0, 2.0], SQUARE_AND_ISLAND)
    one, two, three = (smallarea.fit(*arguments, seed=seed).draws(20) for seed in (1, 1, 2))
    assert (one == two).all()
    assert not (one == three).any()


def test_the_shape_of_a_pareto_sample_is_found():
    # Quantiles of a generalised Pareto of shape 0.5, as weights: the estimate pulls towards 0.5 by design,
    # so 0.2 is tried too.
    for shape in (0.2, 0.5, 0.9):
        weights = scipy.stats.genpareto(shape).ppf((np.arange(20_000) + 0.5) / 20_000)
        assert pareto_shape(np.log(weights + 1e-12)) == pytest.approx(shape, abs=0.05)


def test_correlated_errors_are_those_of_the_dense_normal_conditional():
    values = {"sigma": 0.6, "phi": 0.7}
    root = np.random.default_rng(4).normal(size=(5, 5)) * 0.2
    errors = root @ root.T + 0.05 * np.eye(5)
    estimates = np.array([0.3, -0.2, 0.5, 0.1, 0.9])
    covariance = dense_covariance("bym2", values)
    gain = covariance @ np.linalg.inv(covariance + errors)
    priors = {**{k: Fixed(v) for k, v in values.items()}, "intercept": Normal(0.0, 2.0)}
    fit = smallarea.fit_gaussian(estimates, errors, SQUARE_AND_ISLAND, priors=priors)
    np.testing.assert_allclose(fit.log_mean, gain @ estimates, atol=1e-8)
    np.testing.assert_allclose(fit.log_sd, np.sqrt(np.diag(covariance - gain @ covariance)), rtol=1e-6)
    evidence = scipy.stats.multivariate_normal(np.zeros(5), covariance + errors).logpdf(estimates)
    assert fit.log_evidence == pytest.approx(evidence, abs=1e-8)
    # Five standard errors of a covariance from 40 000 draws.
    found = np.cov(np.log(fit.draws(40_000)))
    np.testing.assert_allclose(found, covariance - gain @ covariance, atol=5 * 0.2 * np.sqrt(2 / 40_000))


@pytest.mark.parametrize("model", smallarea.MODELS)
def test_a_diagonal_matrix_of_errors_is_the_same_as_their_variances(model):
    rng = np.random.default_rng(6)
    estimates, variances = rng.normal(size=5) * 0.5, rng.uniform(0.05, 0.2, 5)
    sparse = smallarea.fit_gaussian(estimates, variances, SQUARE_AND_ISLAND, model=model)
    dense = smallarea.fit_gaussian(estimates, np.diag(variances), SQUARE_AND_ISLAND, model=model)
    # The same points of the hyperparameters, by two algebras.
    np.testing.assert_allclose(dense.log_mean, sparse.log_mean, atol=1e-6)
    np.testing.assert_allclose(dense.upper, sparse.upper, rtol=1e-5)
    assert dense.coefficients["intercept"].sd == pytest.approx(sparse.coefficients["intercept"].sd, rel=1e-5)
    assert dense.log_evidence == pytest.approx(sparse.log_evidence, abs=1e-5)


def test_classes_of_evidence_have_open_ends():
    assert smallarea.evidence_classes([0.81, 0.8, 0.5, 0.2, 0.19]).tolist() == [1, 0, 0, 0, -1]


def test_ranks_of_three_draws_by_hand():
    draws = np.array([[3.0, 3.0, 1.0, 3.0], [2.0, 1.0, 2.0, 2.0], [1.0, 2.0, 3.0, 1.0]])
    result = smallarea.ranks(draws, top=1, level=0.5)
    assert result.mean.tolist() == [(1 + 1 + 3 + 1) / 4, (2 + 3 + 2 + 2) / 4, (3 + 2 + 1 + 3) / 4]
    assert result.highest.tolist() == [3 / 4, 0, 1 / 4]
    assert result.median.tolist() == [1, 2, 2]
    np.testing.assert_allclose(
        smallarea.ratio_of_extremes(np.array([[1.0], [2.0], [4.0]]), share=0.25), [3 / 1.5]
    )


def test_pieces_raked_to_two_levels_add_up_to_both_in_every_draw():
    rng = np.random.default_rng(7)
    pieces = rng.gamma(3, 2, (6, 50))
    department, region = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 0, 0, 0, 1, 1])
    totals = rng.gamma(50, 1, (3, 50))
    above = np.array([totals[0] + totals[1], totals[2]])
    across = np.array([-1, 0, 0, -1, -1, -1])
    two = smallarea.benchmark(pieces, [(department, totals), (region, above)])
    for d in range(3):
        np.testing.assert_allclose(two.values[department == d].sum(axis=0), totals[d], rtol=1e-9)
    # Within a group that one margin alone constrains, proportions are kept.
    np.testing.assert_allclose(two.values[0] / two.values[1], pieces[0] / pieces[1], rtol=1e-9)
    np.testing.assert_allclose(two.factor, two.values / pieces)
    # A piece of each of the first two groups makes an EPCI that lies across their border.
    crossed = smallarea.benchmark(pieces, [(department, totals), (across, np.full((1, 50), 40.0))])
    np.testing.assert_allclose(crossed.values[[1, 2]].sum(axis=0), 40.0, rtol=1e-8)
    np.testing.assert_allclose(crossed.values[:2].sum(axis=0), totals[0], rtol=1e-8)


def test_counts_in_the_millions_are_placed_among_those_their_cavity_predicts():
    # Cavities of log risks 0.1 wide: what one count says of itself is a thousand times sharper.
    count, expected, cavity, width = 1_050_000.0, 1e6, 0.0, 0.1
    precision = 1 / width**2 + count
    mean = (cavity / width**2 + count * np.log(count / expected)) / precision
    rate = expected * np.exp(mean)
    variance = np.array([[1 / precision]])
    components = Components(
        np.ones(1),
        np.array([[mean]]),
        variance,
        1 / variance - 1 / width**2,
        np.array([count]),
        np.array([np.log(expected)]),
        True,
    )
    log_ordinate, transform = _left_out(components)
    centre = mean - width**2 * (count - rate * np.exp(0.5 / precision))
    # Against that cavity the count is a point: P(Y < y) is the normal probability of log(y / E), and the
    # ordinate the normal density there over y. Relative errors of the order of 1 / (y width^2) = 1e-4.
    z = (np.log(count / expected) - centre) / width
    assert transform[0] == pytest.approx(scipy.stats.norm.cdf(z), abs=1e-4)
    density = -0.5 * z**2 - np.log(width * np.sqrt(2 * np.pi) * count)
    assert log_ordinate[0] == pytest.approx(density, abs=1e-3)
