"""Simulation-based calibration: truths drawn from the prior are, on average, where the posterior says.

For each replicate hyperparameters, field and counts are drawn from the model; the posterior probability
below the truth must be uniform over replicates (Talts et al. 2018, arXiv:1804.06788). Judged by a 99 %
simultaneous band on the ordered values.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from scipy.special import ndtr

from rnc_epi.maths import smallarea
from rnc_epi.maths.smallarea import AreaGraph, Normal, PenalisedComplexityMixing, PenalisedComplexitySD

LEVEL_PRIOR = Normal(0.0, 0.3)


def _maps():
    path = Path(__file__).resolve().parents[1] / "reference" / "maps.py"
    spec = importlib.util.spec_from_file_location("reference_maps", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MAPS = _maps()


@dataclass(frozen=True)
class Calibration:
    """Probabilities below the truth: by quantity (replicates,), and for all risks (replicates, areas)."""

    quantities: dict[str, np.ndarray]
    risks: np.ndarray


def scaled_root(graph: AreaGraph) -> np.ndarray:
    """Return a square root of the covariance of the scaled field, by dense algebra."""
    n, edges = graph.size, np.asarray(graph.edges)
    laplacian = np.zeros((n, n))
    laplacian[edges[:, 0], edges[:, 1]] = laplacian[edges[:, 1], edges[:, 0]] = -1
    np.fill_diagonal(laplacian, -laplacian.sum(axis=1))
    covariance = np.linalg.pinv(laplacian, hermitian=True)
    variance = np.diag(covariance).copy()
    component = graph.field.component
    for k in np.unique(component):
        members = component == k
        if members.sum() == 1:
            covariance[members, members] = 1.0
        else:
            covariance[np.ix_(members, members)] /= np.exp(np.log(variance[members]).mean())
    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(np.maximum(values, 0.0))


def calibrate(graph: AreaGraph, median_expected: float, replicates: int, seed: int) -> Calibration:
    """Draw from the prior, fit, and place the truths in their posteriors."""
    rng = np.random.default_rng(seed)
    root, n = scaled_root(graph), graph.size
    mixing = PenalisedComplexityMixing()
    share_of = mixing.transform(graph.field)
    sd_of = PenalisedComplexitySD().transform(None)
    atom = mixing.atom(graph.field)
    quantities: dict[str, list[float]] = {"sigma": [], "phi": [], "intercept": []}
    risks = np.empty((replicates, n))
    for r in range(replicates):
        sigma = float(sd_of(rng.standard_normal()))
        score = np.inf if rng.random() < atom else rng.standard_normal()
        phi = float(share_of(np.array(score)))
        intercept = 0.3 * rng.standard_normal()
        spatial, white = root @ rng.standard_normal(n), rng.standard_normal(n)
        truth = intercept + sigma * (np.sqrt(phi) * spatial + np.sqrt(1 - phi) * white)
        expected = median_expected * np.exp(0.8 * rng.standard_normal(n))
        fit = smallarea.fit(
            rng.poisson(expected * np.exp(truth)), expected, graph, priors={"intercept": LEVEL_PRIOR}
        )
        marginals = fit.marginals
        for i in range(n):
            z = (truth[i] - marginals.centre[i]) / marginals.spread[i]
            nodes = np.arange(-45.0, 33.0) * 0.2
            risks[r, i] = np.interp(z, nodes, marginals.cumulative[i])
        points, weights = fit.integrated.refined()
        for name, true in (("sigma", sigma), ("phi", phi)):
            k = fit.engine.priors.free.index(name)
            values = fit.engine.priors.transforms[name](points[:, k])
            # Where the truth is the atom, it shares its probability at random.
            equal = np.isclose(values, true, rtol=1e-9) & (true > 0.9998)
            below = weights[(values < true) & ~equal].sum()
            quantities[name].append(below + rng.random() * weights[equal].sum())
        components = fit.integrated.components
        means = fit.integrated.effect_means[:, 0]
        sds = np.sqrt(fit.integrated.effect_covariances[:, 0, 0])
        quantities["intercept"].append(float(components.weight @ ndtr((intercept - means) / sds)))
    found = {name: np.array(values) for name, values in quantities.items()}
    for area in (0, n // 2, n - 1):
        found[f"risk of area {area}"] = risks[:, area]
    return Calibration(found, risks)


def largest_departure(probabilities: np.ndarray) -> float:
    """Return the largest standardised distance of the ordered values to those of a uniform sample."""
    n = probabilities.size
    k = np.arange(1, n + 1)
    mean = k / (n + 1)
    sd = np.sqrt(mean * (1 - mean) / (n + 2))
    kept = (k > 0.01 * n) & (k <= 0.99 * n)
    return float(np.abs((np.sort(probabilities) - mean) / sd)[kept].max())


def band(size: int, level: float = 0.99) -> float:
    """Return the bound that a uniform sample stays within, everywhere, with probability `level`."""
    rng = np.random.default_rng(size)
    return float(np.quantile([largest_departure(rng.random(size)) for _ in range(4000)], level))


def within_band(result: Calibration) -> dict[str, float]:
    bound = band(len(result.risks))
    departures = {name: largest_departure(values) for name, values in result.quantities.items()}
    assert max(departures.values()) < bound, (departures, bound)
    return departures


def coverage(result: Calibration, level: float) -> float:
    tail = 0.5 * (1 - level)
    return float(((result.risks > tail) & (result.risks < 1 - tail)).mean())


def test_sixty_truths_lie_where_the_posterior_says():
    graph = AreaGraph(27, np.r_[MAPS.lattice(5, 5)])
    result = calibrate(graph, 3.0, 60, seed=1)
    within_band(result)
    # 1 620 risks, correlated within a map: about 300 independent ones, three standard errors.
    assert abs(coverage(result, 0.95) - 0.95) < 3 * np.sqrt(0.95 * 0.05 / 300)


@pytest.mark.slow
@pytest.mark.parametrize("expected", [2.0, 20.0])
def test_a_thousand_truths_on_a_connected_map(expected):
    result = calibrate(AreaGraph(100, MAPS.lattice(10, 10)), expected, 1000, seed=2)
    within_band(result)
    assert abs(coverage(result, 0.95) - 0.95) < 0.01


@pytest.mark.slow
@pytest.mark.oracle
@pytest.mark.parametrize("expected", [2.0, 20.0])
def test_a_thousand_truths_on_the_departements_corsica_apart(shared, expected):
    areas, edges = MAPS.real_map(shared, "departement")
    result = calibrate(AreaGraph(len(areas), edges), expected, 1000, seed=3)
    within_band(result)
    assert abs(coverage(result, 0.95) - 0.95) < 0.01
