"""Areas over periods: the prior covariance that each layout means, and curves found again."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import null_space
from scipy.special import ndtri
from scipy.stats.qmc import Sobol

from rnc_epi.maths import smallarea
from rnc_epi.maths.gmrf import IntrinsicField
from rnc_epi.maths.smallarea import Beta, Fixed, Normal
from rnc_epi.maths.smallarea.spacetime_layout import Layout, autoregression, least_fill
from rnc_epi.vocabulary.errors import EstimateRefused

AREAS, PERIODS = 5, 4
#: Three areas in a row, a pair: two components, so two constraints.
FIELD = IntrinsicField(AREAS, np.array([[0, 1], [1, 2], [3, 4]]))
VALUES = {"sigma": 0.6, "phi": 0.3, "sigma_time": 0.4, "sigma_interaction": 0.25, "rho": 0.7}


def dense(layout: Layout, entries: np.ndarray) -> np.ndarray:
    analysis = layout.analysis
    row = analysis.order[np.repeat(np.arange(analysis.size), np.diff(analysis.entry_start))]
    column = analysis.order[analysis.entry_column]
    matrix = np.zeros((analysis.size, analysis.size))
    matrix[row, column] = matrix[column, row] = entries
    return matrix


def walk_covariance(periods: int) -> np.ndarray:
    """Return the scaled covariance of a random walk that sums to zero."""
    structure = np.diag([1.0, *[2.0] * (periods - 2), 1.0])
    structure -= np.eye(periods, k=1) + np.eye(periods, k=-1)
    covariance = np.linalg.pinv(structure)
    return covariance / np.exp(np.log(np.diag(covariance)).mean())


def autoregressive_covariance(periods: int, rho: float) -> np.ndarray:
    place = np.arange(periods)
    return rho ** np.abs(place[:, None] - place)


def field_covariance() -> np.ndarray:
    covariance = np.zeros((AREAS, AREAS))
    for members in ([0, 1, 2], [3, 4]):
        part = walk_covariance(len(members))
        covariance[np.ix_(members, members)] = part
    return covariance


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.95])
def test_the_precision_of_an_autoregression_inverts_powers_of_its_correlation(rho):
    matrix, log_determinant = autoregression(6, rho)
    # Two inversions of a matrix of condition below 1 000: twelve digits.
    np.testing.assert_allclose(np.linalg.inv(matrix), autoregressive_covariance(6, rho), atol=1e-12)
    assert log_determinant == pytest.approx(np.linalg.slogdet(matrix)[1], abs=1e-10)


@pytest.mark.parametrize("own_curves", [False, True])
@pytest.mark.parametrize("autoregressive", [False, True])
def test_cells_have_the_covariance_that_the_model_means(own_curves, autoregressive):
    layout = Layout(FIELD, PERIODS, own_curves=own_curves, autoregressive=autoregressive)
    prior = layout.precision(VALUES)
    matrix = dense(layout, prior.entries)
    free = null_space(layout.constraints.indicators().T)
    inner = free.T @ matrix @ free
    seen = layout.design.rows.toarray() @ free
    found = seen @ np.linalg.solve(inner, seen.T)
    curve = autoregressive_covariance(PERIODS, VALUES["rho"]) if autoregressive else walk_covariance(PERIODS)
    ones = np.ones((PERIODS, PERIODS))
    variance, share = VALUES["sigma"] ** 2, VALUES["phi"]
    wanted = np.kron(variance * share * field_covariance() + variance * (1 - share) * np.eye(AREAS), ones)
    wanted += np.kron(np.ones((AREAS, AREAS)), VALUES["sigma_time"] ** 2 * curve)
    if own_curves:
        wanted += np.kron(np.eye(AREAS), VALUES["sigma_interaction"] ** 2 * curve)
    else:
        assert prior.noise == pytest.approx(VALUES["sigma_interaction"] ** 2)
    # Dense algebra on matrices of condition below a million.
    np.testing.assert_allclose(found, wanted, atol=1e-9)
    if autoregressive:
        # The walk's 11' on gamma is there for the algebra alone and is no part of its determinant.
        assert prior.log_determinant == pytest.approx(np.linalg.slogdet(inner)[1], abs=1e-8)


def test_curves_that_come_back_are_told_from_curves_that_drift():
    rng = np.random.default_rng(5)
    areas, periods = 20, 10
    edges = np.c_[np.arange(areas - 1), np.arange(1, areas)]
    expected = np.full((areas, periods), 100.0)

    def correlation(rho: float) -> float:
        root = np.linalg.cholesky(autoregressive_covariance(periods, rho) + 1e-12 * np.eye(periods))
        own = 0.3 * (root @ rng.standard_normal((periods, areas))).T
        fit = smallarea.fit_spacetime(
            rng.poisson(expected * np.exp(own)), expected, edges, interaction="II", time="autoregressive"
        )
        assert fit.model == "spacetime-II-autoregressive"
        return fit.hyperparameters["rho"].median

    # 20 curves of 10 periods tell a correlation to about 0.06 and 0.1.
    assert correlation(0.85) == pytest.approx(0.85, abs=0.15)
    assert correlation(0.2) == pytest.approx(0.2, abs=0.2)


def test_an_autoregression_without_correlation_is_white_noise():
    rng = np.random.default_rng(6)
    edges = np.c_[np.arange(7), np.arange(1, 8)]
    expected = np.full((8, 5), 10.0)
    observed = rng.poisson(expected)
    priors = {"sigma": Fixed(0.3), "phi": Fixed(0.5), "sigma_time": Fixed(1e-4)}

    def risks(time: str, **more) -> np.ndarray:
        kind = "II" if time == "autoregressive" else "I"
        fit = smallarea.fit_spacetime(
            observed, expected, edges, interaction=kind, time=time,
            priors={**priors, "sigma_interaction": Fixed(0.4), **more},
        )  # fmt: skip
        return fit.log_mean

    # Independent periods are white noise: the model of type I, found by another elimination. The corrected
    # mean is that of the same Gaussian; 1e-5 is where its iterations stop.
    np.testing.assert_allclose(risks("autoregressive", rho=Fixed(0.0)), risks("random-walk"), atol=1e-4)


def test_memory_is_judged_before_the_map_is_ordered(monkeypatch):
    layout = Layout(FIELD, PERIODS, own_curves=True, autoregressive=True)
    assert least_fill(AREAS, PERIODS, True) <= layout.analysis.fill

    def never(*_, **__):
        raise AssertionError("the map was ordered")

    monkeypatch.setattr("rnc_epi.maths.smallarea.memory.machine_bytes", lambda: 1_000_000)
    monkeypatch.setattr("rnc_epi.maths.smallarea.spacetime_layout.analyse", never)
    edges = np.c_[np.arange(199), np.arange(1, 200)]
    with pytest.raises(EstimateRefused) as refusal:
        smallarea.fit_spacetime(np.ones((200, 20)), np.ones((200, 20)), edges, interaction="II")
    assert refusal.value.code == "A024"


def test_the_correlation_has_a_prior_of_its_own():
    fit = smallarea.fit_spacetime(
        np.full((4, 4), 3), np.full((4, 4), 3.0), np.array([[0, 1], [1, 2], [2, 3]]),
        interaction="none", time="autoregressive", priors={"rho": Beta(30.0, 2.0)},
    )  # fmt: skip
    assert fit.hyperparameters["rho"].median > 0.85


def exact_autoregression(observed, expected, own_curves, sigma, phi, own, draws=1024, cells=14):
    """Return mean, sd and P(risk > 1) of the log risks, and mean of rho and of the common spread.

    By brute force, with dense matrices alone: every pair of rho and spread on a grid of their priors, the
    field by importance sampling about its mode. Areas in a line of four; intercept of variance 1 000.
    """
    areas, periods = observed.shape
    laplacian = np.array([[1, -1, 0, 0], [-1, 2, -1, 0], [0, -1, 2, -1], [0, 0, -1, 1]], float)
    inverse = np.linalg.pinv(laplacian)
    inverse /= np.exp(np.log(np.diag(inverse)).mean())
    space = sigma**2 * ((1 - phi) * np.eye(areas) + phi * inverse)
    lag = np.abs(np.subtract.outer(np.arange(periods), np.arange(periods)))
    y, log_expected = observed.ravel().astype(float), np.log(expected).ravel()
    # Evenly spread draws: a share of them, too, is then known to a few thousandths.
    normals = ndtri(Sobol(y.size, seed=5).random(draws // 2))
    normals = np.r_[normals, -normals]
    # Of exactly unit covariance: what is left to chance is the weights, not the spread of the draws.
    normals = normals @ np.linalg.inv(np.linalg.cholesky(normals.T @ normals / draws)).T
    middle = (np.arange(cells) + 0.5) / cells
    found = []
    for rho in middle:
        curve = rho**lag
        for spread in -np.log1p(-middle) / -np.log(0.01):
            each = curve if own_curves else np.eye(periods)
            prior = 1000.0 + np.kron(space, np.ones((periods, periods)))
            prior += np.kron(np.ones((areas, areas)), spread**2 * curve) + own**2 * np.kron(
                np.eye(areas), each
            )
            precision = np.linalg.inv(prior)
            eta = np.log((y + 1) / (np.exp(log_expected) + 1))
            for _ in range(30):
                rate = np.exp(eta + log_expected)
                hessian = precision + np.diag(rate)
                eta = eta + np.linalg.solve(hessian, y - rate - precision @ eta)
            root = np.linalg.inv(np.linalg.cholesky(hessian))
            drawn = eta + normals @ root
            value = drawn @ y - np.exp(drawn + log_expected).sum(axis=1)
            value += -0.5 * np.einsum("ij,jk,ik->i", drawn, precision, drawn) + 0.5 * (normals**2).sum(axis=1)
            value += 0.5 * np.linalg.slogdet(precision)[1] - 0.5 * np.linalg.slogdet(hessian)[1]
            top = value.max()
            weight = np.exp(value - top)
            total = weight.sum()
            mean = weight @ drawn / total
            found.append(
                (
                    np.log(total) + top,
                    np.r_[mean, weight @ drawn**2 / total, weight @ (drawn > 0) / total, rho, spread],
                )
            )
    evidence = np.array([one for one, _ in found])
    share = np.exp(evidence - evidence.max())
    n = y.size
    moments = share @ np.array([one for _, one in found]) / share.sum()
    mean, square, above = moments[:n], moments[n : 2 * n], moments[2 * n : 3 * n]
    return mean, np.sqrt(square - mean**2), above, moments[-2], moments[-1]


@pytest.mark.parametrize("interaction", ["I", "II"])
def test_autoregressive_time_agrees_with_brute_force_on_dense_matrices(interaction):
    observed = np.array([[9, 12, 14, 11], [4, 7, 9, 6], [5, 5, 8, 10], [2, 6, 4, 3]])
    expected = np.full((4, 4), 6.0) * np.array([[1.2], [1.0], [0.9], [0.7]])
    sigma, phi, own = 0.3, 0.6, 0.2
    mean, sd, above, rho, spread = exact_autoregression(
        observed, expected, interaction == "II", sigma, phi, own
    )
    fit = smallarea.fit_spacetime(
        observed, expected, np.array([[0, 1], [1, 2], [2, 3]]), interaction=interaction,
        time="autoregressive",
        priors={
            "sigma": Fixed(sigma), "phi": Fixed(phi), "sigma_interaction": Fixed(own),
            "intercept": Normal(0.0, 1000**0.5),
        },
    )  # fmt: skip
    # The bounds of the comparisons with NUTS; brute force is exact to about 0.01 standard deviations here
    # (1 024 draws at each of 196 points).
    error = (fit.log_mean - mean) / sd
    assert np.sqrt((error**2).mean()) < 0.03
    assert np.abs(error).max() < 0.10
    assert np.abs(fit.log_sd / sd - 1).max() < 0.04
    assert np.abs(fit.exceedance(1.0) - above).max() < 0.025
    assert fit.hyperparameters["rho"].mean == pytest.approx(rho, abs=0.03)
    assert fit.hyperparameters["sigma_time"].mean == pytest.approx(spread, rel=0.05)
