"""The tables of docs/assurance_small_areas.md: known risks on the real maps, found again or not.

``python benchmarks/coverage_small_areas.py epci 15 25e-5,100e-5,1000e-5``: a level, maps, events
expected a person in the period. Truths are those of tests/simulation/test_smallarea_recovery.py: not drawn
from the fitted model.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd

from rnc_epi.maths import smallarea
from rnc_epi.maths.shrinkage import marshall_global
from rnc_epi.maths.smallarea import AreaGraph

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("RNC_EPI_SHARED", ROOT.parent / "shared"))
EXPECTED_CLASSES = ((0, 5), (5, 20), (20, 80), (80, np.inf))
SD = 0.25


def recovery() -> ModuleType:
    """Return the module of the test that draws the truths."""
    path = ROOT / "tests" / "simulation" / "test_smallarea_recovery.py"
    spec = importlib.util.spec_from_file_location("recovery", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["recovery"] = module
    spec.loader.exec_module(module)
    return module


def one_map(
    drawn: ModuleType, areas: pd.DataFrame, graph: AreaGraph, rate: float, seed: int
) -> dict[str, float]:
    """Return what one simulated map shows."""
    log_risk = drawn.truth(areas, seed, SD)
    risk, rng = np.exp(log_risk), np.random.default_rng(seed)
    expected = np.maximum(areas["population"].to_numpy() * rate, 1e-3)
    observed = rng.poisson(expected * risk)
    fit = smallarea.fit(observed, expected, graph)
    inside = (fit.lower <= risk) & (risk <= fit.upper)
    probability = fit.exceedance(1.0)

    def error(values: np.ndarray) -> float:
        return float(np.sqrt(((values - risk) ** 2).mean()))

    found = {
        "median expected": float(np.median(expected)),
        "all": inside.mean(),
        "highest twentieth": inside[risk >= np.quantile(risk, 0.95)].mean(),
        "highest twentieth, exact limits": drawn.attainable(1 - fit.log_sd**2 / log_risk.var(), seed),
        "lowest twentieth": inside[risk <= np.quantile(risk, 0.05)].mean(),
        "islands": inside[graph.islands].mean() if graph.islands.size else np.nan,
        "error": error(fit.relative_risk),
        "error of Marshall": error(marshall_global(observed, expected).value),
        "error of the raw ratio": error(observed / expected),
        "alarms that are false": (log_risk < 0)[probability > 0.8].mean(),
    }
    for true in (1.0, 1.25, 1.5):
        near = np.abs(log_risk - np.log(true)) < 0.05
        for cut in (0.8, 0.95):
            found[f"P > {cut} at {true}"] = (probability > cut)[near].mean()
        for low, high in EXPECTED_CLASSES:
            here = near & (expected >= low) & (expected < high)
            found[f"P > 0.8 at {true}, {low:g} to {high:g} expected"] = (
                (probability > 0.8)[here].mean() if here.sum() >= 3 else np.nan
            )
    return {name: float(value) for name, value in found.items()}


def main() -> None:
    """Print one table for the level, the number of maps and the rates of the command line."""
    level, maps, rates = sys.argv[1], int(sys.argv[2]), [float(rate) for rate in sys.argv[3].split(",")]
    drawn = recovery()
    areas, edges = drawn.MAPS.real_map(lambda path: SHARED / path, level)
    graph = AreaGraph(len(areas), edges)
    columns = {}
    for rate in rates:
        table = pd.DataFrame([one_map(drawn, areas, graph, rate, seed) for seed in range(1, maps + 1)])
        columns[f"{rate:g}"] = table.mean()
    print(pd.DataFrame(columns).round(3).to_string())


if __name__ == "__main__":
    main()
