"""Known risks on the real maps of France: are they found again, and whose alarms are false?

The truth is not drawn from the fitted model: a rough field over the country, a gradient with
the size of towns, and heavy-tailed noise of each area. Expected cases follow the real populations.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from rnc_epi.maths import smallarea
from rnc_epi.maths.shrinkage import marshall_global
from rnc_epi.maths.smallarea import AreaGraph

pytestmark = pytest.mark.oracle


def _maps():
    path = Path(__file__).resolve().parents[1] / "reference" / "maps.py"
    spec = importlib.util.spec_from_file_location("reference_maps", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MAPS = _maps()


@dataclass(frozen=True)
class Trial:
    """What one simulated map shows."""

    coverage: float
    coverage_top: float
    coverage_islands: float
    attainable_top: float
    error: float
    error_raw: float
    error_marshall: float
    alarms: dict[str, float]


def truth(areas, seed: int, sd: float) -> np.ndarray:
    """Return log risks of standard deviation `sd`."""
    rng = np.random.default_rng(seed)
    x, y = areas["x"].to_numpy() / 1e6, areas["y"].to_numpy() / 1e6
    # Random waves whose frequencies follow a bivariate Cauchy: a field of exponential covariance, range 100
    # km.
    frequency = 10.0 * rng.standard_normal((300, 2)) / np.abs(rng.standard_normal((300, 1)))
    phase = rng.uniform(0, 2 * np.pi, 300)
    wave = sum(np.cos(fx * x + fy * y + p) for (fx, fy), p in zip(frequency, phase, strict=True))
    population = areas["population"].to_numpy().astype(float)
    town = np.log(population.clip(50)) - np.log(population.clip(50)).mean()
    noise = rng.standard_t(8, size=len(areas))
    parts = [(0.85, wave), (0.15, town), (0.3, noise)]
    total = sum(weight * part / part.std() for weight, part in parts)
    return sd * (total - total.mean()) / total.std()


def attainable(reliability: np.ndarray, seed: int) -> float:
    """Return the share of the highest twentieth that exact Bayesian limits cover, the prior being the truth.

    Normal truths of variance 1, observed so that the posterior variance is 1 - reliability: posterior means
    are drawn in, and areas chosen for being high lie above theirs. No limits that are right on average over
    areas escape this.
    """
    rng = np.random.default_rng(seed)
    share = np.tile(np.clip(reliability, 0.01, 0.999), 200)
    truth = rng.standard_normal(share.size)
    seen = truth + np.sqrt((1 - share) / share) * rng.standard_normal(share.size)
    inside = np.abs(share * seen - truth) < 1.959964 * np.sqrt(1 - share)
    return float(inside[truth >= np.quantile(truth, 0.95)].mean())


def tried(areas, edges: np.ndarray, rate: float, seed: int, sd: float = 0.25) -> Trial:
    rng = np.random.default_rng(seed)
    log_risk = truth(areas, seed, sd)
    expected = np.maximum(areas["population"].to_numpy() * rate, 1e-3)
    observed = rng.poisson(expected * np.exp(log_risk))
    graph = AreaGraph(len(areas), edges)
    fit = smallarea.fit(observed, expected, graph)
    risk = np.exp(log_risk)
    inside = (fit.lower <= risk) & (risk <= fit.upper)
    top = risk >= np.quantile(risk, 0.95)
    alarm = fit.exceedance(1.0) > 0.8

    def error(values: np.ndarray) -> float:
        return float(np.sqrt(((values - risk) ** 2).mean()))

    near = {f"{level:.2f}": np.abs(log_risk - np.log(level)) < 0.05 for level in (1.0, 1.25, 1.5)}
    return Trial(
        float(inside.mean()),
        float(inside[top].mean()),
        float(inside[graph.islands].mean()),
        attainable(1 - fit.log_sd**2 / log_risk.var(), seed),
        error(fit.relative_risk),
        error(observed / expected),
        error(marshall_global(observed, expected).value),
        {name: float(alarm[there].mean()) if there.any() else float("nan") for name, there in near.items()},
    )


def recovered(trials: list[Trial]) -> None:
    coverage, top, islands, best = (
        float(np.mean([getattr(t, name) for t in trials]))
        for name in ("coverage", "coverage_top", "coverage_islands", "attainable_top")
    )
    assert 0.93 <= coverage <= 0.97
    # Shrinkage is paid by the highest risks. The project asks for nine in ten where exact limits reach it;
    # elsewhere for what exact limits reach, less two Monte Carlo errors of sixty areas a map and the heavy
    # tails of these truths.
    assert top >= min(0.90, best - 0.03), (top, best)
    # A few islands a map: two standard errors of a share of 0.95 among twenty.
    assert islands >= (0.85 if len(trials) < 10 else 0.90), islands
    for trial in trials:
        assert trial.error < trial.error_marshall < trial.error_raw
        assert trial.alarms["1.50"] > trial.alarms["1.25"] > trial.alarms["1.00"]


# Expected cases in the median EPCI: 23 and 231.
@pytest.mark.parametrize("rate", [100e-5, 1000e-5])
def test_risks_of_the_real_epci_are_found_again(shared, rate):
    areas, edges = MAPS.real_map(shared, "epci")
    recovered([tried(areas, edges, rate, seed) for seed in range(1, 6)])


@pytest.mark.slow
@pytest.mark.parametrize("rate", [100e-5, 1000e-5])
def test_risks_of_the_real_epci_are_found_again_on_fifteen_maps(shared, rate):
    areas, edges = MAPS.real_map(shared, "epci")
    recovered([tried(areas, edges, rate, seed) for seed in range(1, 16)])


@pytest.mark.slow
def test_risks_of_the_real_communes_are_found_again(shared):
    areas, edges = MAPS.real_map(shared, "commune")
    # About five expected cases in the median commune.
    recovered([tried(areas, edges, 1000e-5, 1)])
