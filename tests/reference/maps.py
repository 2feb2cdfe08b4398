"""The maps of the reference posteriors, for the tests that read them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

FOLDER = Path(__file__).parent / "small_area"


def lattice(rows: int, columns: int) -> np.ndarray:
    """Return the rook edges of a grid."""
    cell = np.arange(rows * columns).reshape(rows, columns)
    across = np.c_[cell[:, :-1].ravel(), cell[:, 1:].ravel()]
    down = np.c_[cell[:-1].ravel(), cell[1:].ravel()]
    return np.r_[across, down]


def islands_grid() -> np.ndarray:
    """Return a 7 x 8 grid and a pair apart; areas 58 and 59 are islands."""
    return np.r_[lattice(7, 8), [[56, 57]]]


def real_map(shared, level: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the areas (code, population, x, y; in order of code) and edges of a level of the real
    geography."""
    communes = pd.read_csv(
        shared("data/geography/communes.csv.gz"), dtype=dict.fromkeys(("commune", "epci", "departement"), str)
    )
    pairs = pd.read_csv(shared("data/geography/commune_adjacency.csv.gz"), dtype=str)
    kept = communes.dropna(subset=[level])
    of = dict(zip(kept["commune"], kept[level], strict=True))
    ends = pd.DataFrame({"a": pairs["commune_a"].map(of), "b": pairs["commune_b"].map(of)}).dropna()
    ends = ends[ends["a"] != ends["b"]]
    areas = kept.groupby(level).agg(
        population=("population", "sum"), x=("x_lambert93_m", "mean"), y=("y_lambert93_m", "mean")
    )
    number = {code: k for k, code in enumerate(areas.index)}
    edges = np.sort(np.c_[ends["a"].map(number), ends["b"].map(number)].astype(np.int64), axis=1)
    return areas.reset_index(names="code"), np.unique(edges, axis=0)


def reference(name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows and the parameters of a reference posterior."""
    rows = pd.read_csv(FOLDER / f"{name}.csv")
    return rows, pd.read_csv(FOLDER / f"{name}_parameters.csv").set_index("parameter")
