"""Speed and memory of the small-area engine, beside CARBayes, NUTS and SpatialEpi (figures of the peers are
stored).

Run with one thread: ``OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 NUMBA_NUM_THREADS=1 python
benchmarks/bench_smallarea.py``. The first line is the compilation (or the load of the cache); every other
line is the median of runs after it. Process time is printed beside wall time, which a busy machine stretches.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from rnc_epi.maths import smallarea
from rnc_epi.maths.scan import circular_scan
from rnc_epi.maths.smallarea import AreaGraph

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("RNC_EPI_SHARED", ROOT.parent / "shared"))
sys.path.insert(0, str(ROOT / "tests" / "reference"))

PEERS = """Peers, measured on the same kind of machine (2 cores, one thread):
  CARBayes S.CARbym, 56 areas, 100 000 iterations                 6.1 s
  CARBayes S.CARbym, 3 000 areas, 100 000 iterations            143.9 s
  numpyro NUTS, BYM2, 96 areas, 40 000 draws                     30-110 s
  numpyro NUTS, BYM2, 1 232 areas, 20 000 draws                 160-300 s
  SpatialEpi kulldorff, 3 000 areas, 10 %, 999 replicates        28.4 s"""


def timed(name: str, run: Callable[[], object], repeats: int, target: float | None) -> None:
    """Print the median wall and process time of `run`."""
    walls, cpus = [], []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        run()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    goal = "" if target is None else f"  target {target:g} s"
    speed = f"wall {np.median(walls):7.3f} s  process {np.median(cpus):7.3f} s"
    print(f"{name:44s} {speed}  peak {memory:5.0f} MB{goal}", flush=True)


def lattice(rows: int, columns: int) -> np.ndarray:
    """Return the rook edges of a grid."""
    cell = np.arange(rows * columns).reshape(rows, columns)
    return np.r_[np.c_[cell[:, :-1].ravel(), cell[:, 1:].ravel()], np.c_[cell[:-1].ravel(), cell[1:].ravel()]]


def counts(size: int, edges: np.ndarray, seed: int, median: float = 5.0) -> tuple[np.ndarray, np.ndarray]:
    """Return observed and expected cases with a spatial and a white part."""
    rng = np.random.default_rng(seed)
    rough = rng.standard_normal(size)
    degree = np.maximum(np.bincount(edges.ravel(), minlength=size), 1)
    for _ in range(6):
        around = np.bincount(edges[:, 0], rough[edges[:, 1]], size) + np.bincount(
            edges[:, 1], rough[edges[:, 0]], size
        )
        rough = 0.5 * rough + 0.5 * around / degree
    expected = median * np.exp(0.9 * rng.standard_normal(size))
    risk = np.exp(0.25 * rough / rough.std() + 0.2 * rng.standard_normal(size))
    return rng.poisson(expected * risk), expected


def fits(name: str, size: int, edges: np.ndarray, repeats: int, target: float) -> None:
    """Time the graph and the fit of one map."""
    observed, expected = counts(size, edges, 1)
    graph = AreaGraph(size, edges)
    timed(
        f"{name}: map (order, scale, prior of phi)",
        lambda: AreaGraph(size, edges).field.mixing_distance,
        1,
        None,
    )
    graph.field.mixing_distance  # noqa: B018
    timed(f"{name}: BYM2 on a shared map", lambda: smallarea.fit(observed, expected, graph), repeats, target)


PAIRS = 46
_SHARED_MAP: dict[str, AreaGraph] = {}


def _one_pair(seed: int) -> float:
    """Fit one site and sex on the map that the process holds; return its process time."""
    graph = _SHARED_MAP["graph"]
    observed, expected = counts(graph.size, np.asarray(graph.edges), seed, median=0.5 * 1.2 ** (seed % 20))
    start = time.process_time()
    smallarea.fit(observed, expected, graph)
    return time.process_time() - start


def pairs(name: str, size: int, edges: np.ndarray, fitted: int, workers: int, target: float) -> None:
    """Time the fits of many sites and sexes on one map; a slice of them stands for the others.

    The map is analysed once, before the processes part: its order, scale and prior table are shared.
    """
    graph = AreaGraph(size, edges)
    graph.field.mixing_distance  # noqa: B018
    graph.field.analysis  # noqa: B018
    _SHARED_MAP["graph"] = graph
    _one_pair(0)
    wall = time.perf_counter()
    if workers == 1:
        process = [_one_pair(seed) for seed in range(fitted)]
    else:
        with ProcessPoolExecutor(workers, mp_context=get_context("fork")) as pool:
            process = list(pool.map(_one_pair, range(fitted)))
    wall = (time.perf_counter() - wall) * PAIRS / fitted
    said = f"{name}: {PAIRS} pairs, {workers} worker(s)"
    whole = "" if fitted == PAIRS else f" (from {fitted})"
    total = sum(process) * PAIRS / fitted / workers
    print(
        f"{said:44s} wall {wall:7.1f} s  process {total:7.1f} s a worker{whole}  target {target:g} s",
        flush=True,
    )


def main() -> None:
    """Run every benchmark that the data at hand allow; `--pairs N` limits the fits timed of the pairs."""
    fitted = int(sys.argv[sys.argv.index("--pairs") + 1]) if "--pairs" in sys.argv else PAIRS
    edges = lattice(10, 10)
    observed, expected = counts(101, edges, 0)
    timed("compilation or cache, and a first fit", lambda: smallarea.fit(observed, expected, edges), 1, None)
    fits("101 areas", 101, edges, 9, 0.1)
    timed("101 areas x 20 years, type I", lambda: _spacetime(101, edges, "I"), 1, 2.0)
    timed("101 areas x 20 years, type II", lambda: _spacetime(101, edges, "II"), 1, 2.0)
    if SHARED.exists():
        from maps import real_map

        areas, epci = real_map(lambda path: SHARED / path, "epci")
        fits("1 232 EPCI", len(areas), epci, 5, 0.3)
        timed("1 232 EPCI x 20 years, type I", lambda: _spacetime(len(areas), epci, "I"), 1, 30.0)
        timed("1 232 EPCI x 20 years, type II", lambda: _spacetime(len(areas), epci, "II"), 1, 30.0)
        pairs("1 232 EPCI", len(areas), epci, fitted, 1, 15.0)
    fits("5 000 areas", 5000, lattice(50, 100), 3, 1.5)
    rng = np.random.default_rng(2)
    x, y = rng.random((2, 3000))
    numbers = rng.gamma(2.0, 5.0, 3000)
    cases = rng.poisson(numbers)
    timed(
        "scan of 3 000 areas, 10 %, 999 replicates",
        lambda: circular_scan(cases, numbers, x, y, largest_share=0.1),
        3,
        3.0,
    )
    if SHARED.exists():
        areas, communes = real_map(lambda path: SHARED / path, "commune")
        fits("34 739 communes", len(areas), communes, 1, 10.0)
        pairs("34 739 communes", len(areas), communes, min(fitted, 6), 2, 480.0)
    print(PEERS)


def _spacetime(size: int, edges: np.ndarray, interaction: str) -> object:
    rng = np.random.default_rng(3)
    observed, expected = counts(size, edges, 4)
    cells = np.repeat(expected[:, None], 20, axis=1)
    risk = (observed + 5.0) / (expected + 5.0)
    curve = np.exp(0.05 * np.cumsum(rng.standard_normal(20)))
    noise = np.exp(0.1 * rng.standard_normal(cells.shape))
    return smallarea.fit_spacetime(
        rng.poisson(cells * risk[:, None] * curve * noise), cells, edges, interaction=interaction
    )


if __name__ == "__main__":
    main()
