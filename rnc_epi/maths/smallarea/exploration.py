"""Where the hyperparameters may be: their mode, and a small set of weighted points around it.

Points live in the space of normal scores (:mod:`rnc_epi.maths.smallarea.priors`), where the prior is a
standard normal. One or two hyperparameters are covered by a regular grid, turned and scaled to the
posterior and filled outwards until the density has fallen by a factor e^6. Three or more use a coarser
grid, or the central composite design once the posterior has been seen to be nearly symmetrical (Rue,
Martino and Chopin 2009, sec. 6.5): on few areas with small counts it is not, and the design would be wrong
by a fifth of a standard deviation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from rnc_epi.vocabulary.errors import EstimateRefused

Floats = NDArray[np.float64]
LogDensity = Callable[[Floats], float]

MOST_POINTS = 1500
CENTRAL_COMPOSITE_RADIUS = 1.1


@dataclass(frozen=True)
class Plan:
    """How closely the hyperparameters are explored.

    Attributes
    ----------
    step : float
        Distance between grid points, in posterior standard deviations.
    drop : float
        Fall of the log-density at which the grid stops.
    composite : float
        Largest asymmetry (log-ratio of the widths on the two sides of the mode) at which a central
        composite design replaces the grid of three hyperparameters or more.
    reach : float
        First guess of the posterior standard deviation of a score.
    """

    step: float
    drop: float
    composite: float
    reach: float


@dataclass(frozen=True)
class Exploration:
    """Weighted points.

    Attributes
    ----------
    points : array (k, dimensions)
        Normal scores.
    weights : array (k,)
        Sum to 1.
    log_density : array (k,)
        Unnormalised, at the points.
    mode, axes : arrays (dimensions,), (dimensions, dimensions)
        Point = mode + axes @ z.
    z : array (k, dimensions)
    skewness : array (dimensions,)
        log-ratio of the widths on the two sides of the mode, by axis.
    design : str
        ``"point"``, ``"grid"`` or ``"composite"``.
    log_evidence : float
        Log of the integral of the density.
    cells, cell_values : arrays (m, dimensions), (m,)
        Every cell of the grid that was visited, those beyond its edge included.
    """

    points: Floats
    weights: Floats
    log_density: Floats
    mode: Floats
    axes: Floats
    z: Floats
    skewness: Floats
    design: str
    log_evidence: float
    cells: NDArray[np.int64]
    cell_values: Floats

    def refined(self, seed: int = 0) -> tuple[Floats, Floats]:
        """Return many points (m, dimensions) and weights (m,) that follow the posterior of the scores.

        On a grid the log-density is interpolated by cubic splines between the points; the composite design
        is read as normal halves of different widths on the two sides of each axis.
        """
        dimensions = self.mode.size
        if self.design == "point":
            return self.points, self.weights
        if self.design == "composite":
            widths = np.exp(0.5 * self.skewness)
            normals = np.random.default_rng(seed).standard_normal((20_000, dimensions))
            right = np.random.default_rng(seed + 1).random(normals.shape) < widths**2 / (1.0 + widths**2)
            z = np.where(right, np.abs(normals) * widths, -np.abs(normals) / widths)
            return self.mode + z @ self.axes.T, np.full(len(z), 1.0 / len(z))
        parts = {1: 40, 2: 8, 3: 4}.get(dimensions, 3)
        low = self.cells.min(axis=0)
        box = np.full(self.cells.max(axis=0) - low + 1, self.cell_values.max() - 12.0)
        box[tuple((self.cells - low).T)] = np.maximum(self.cell_values, self.cell_values.max() - 12.0)
        inner = (np.arange(parts) + 0.5) / parts - 0.5
        offsets = np.array(list(product(inner, repeat=dimensions)))
        kept = self.cells[self.cell_values > self.cell_values.max() - 11.0]
        places = (kept[:, None, :] + offsets).reshape(-1, dimensions)
        values = map_coordinates(box, (places - low).T, order=3, mode="nearest")
        weights = np.exp(values - values.max())
        step = self._step
        return self.mode + (step * places) @ self.axes.T, weights / weights.sum()

    @property
    def steps(self) -> Floats:
        """Points in steps of the grid (k, dimensions)."""
        return np.asarray(np.round(self.z / self._step))

    @property
    def _step(self) -> float:
        away = np.abs(self.z[self.z != 0.0])
        return float(away.min()) if away.size else 1.0


def explore(log_density: LogDensity, start: Floats, plan: Plan) -> Exploration:
    """Find the mode of `log_density` and cover the region around it.

    Raises
    ------
    EstimateRefused
        A021 when no mode is found, A022 when the region never closes.
    """
    dimensions = start.size
    if not dimensions:
        value = log_density(start)
        empty = np.zeros((1, 0))
        return Exploration(
            empty,
            np.ones(1),
            np.array([value]),
            start,
            np.zeros((0, 0)),
            empty,
            start,
            "point",
            value,
            np.zeros((1, 0), np.int64),
            np.array([value]),
        )
    mode, hessian = climb(log_density, start, plan.reach)
    values, vectors = np.linalg.eigh(hessian)
    # Scores have variance 1 before the data; curvature far below that of the prior is noise of differences.
    axes = vectors / np.sqrt(np.maximum(values, 0.25))
    highest = log_density(mode)
    widths = np.array(
        [
            [_width(log_density, mode, axes[:, k] * side, highest) for side in (1, -1)]
            for k in range(dimensions)
        ]
    )
    skewness = np.log(widths[:, 0] / widths[:, 1])
    if dimensions > 2 and np.abs(skewness).max() < plan.composite:
        return _composite(log_density, mode, axes, widths, skewness)
    return _grid(log_density, mode, axes * np.sqrt(widths.prod(axis=1)), skewness, plan)


def climb(log_density: LogDensity, start: Floats, first_reach: float) -> tuple[Floats, Floats]:
    """Return the mode, to a fifth of a standard deviation, and minus the Hessian over one standard deviation.

    Raises
    ------
    EstimateRefused
        A021.
    """
    centre, reach = start, np.full(start.size, first_reach)
    for turn in range(25):
        here, gradient, hessian = _differences(log_density, centre, reach)
        values, vectors = np.linalg.eigh(hessian)
        step = vectors @ ((vectors.T @ gradient) / np.maximum(values, 0.3))
        # Away from the mode the quadratic is trusted over a few reaches only.
        step *= min(
            1.0,
            1.5 / max(float(np.abs(step).max()), 1e-300),
            20.0 / max(float(np.abs(step / reach).max()), 1e-300),
        )
        decrement = float(step @ hessian @ step)
        wanted = 1.0 / np.sqrt(np.maximum(np.diag(hessian), 0.25))
        steady = bool(np.all(np.abs(np.log(wanted / reach)) < (0.6 if turn < 8 else 1.2)))
        if 0 <= decrement < 0.04 and steady:
            return centre, hessian
        for _ in range(6):
            if log_density(centre + step) >= here:
                break
            step = step / 3.0
        else:
            step = np.zeros_like(step)
            if steady:
                return centre, hessian
        centre = centre + step
        # Slow changes of reach: where the density has a corner the curvature depends on the reach it is
        # seen with.
        reach = np.clip(np.sqrt(reach * wanted) if turn > 3 else wanted, 0.2 * reach, 2.0 * reach)
    return _compass(log_density, centre, reach)


def _compass(log_density: LogDensity, centre: Floats, reach: Floats) -> tuple[Floats, Floats]:
    """Return a point that no step along an axis improves, and the curvature of a fall of one unit along
    each axis.

    For densities with a corner or a plateau, which no quadratic describes.
    """
    here = log_density(centre)
    for _ in range(60):
        moved = False
        for k in range(centre.size):
            for side in (1.0, -1.0):
                trial = centre.copy()
                trial[k] += side * reach[k]
                value = log_density(trial)
                if value > here:
                    centre, here, moved = trial, value, True
                    break
        if moved:
            reach = np.minimum(1.5 * reach, 1.0)
        elif (reach < 0.05).all() or max(_falls(log_density, centre, here, reach)) < 0.1:
            break
        else:
            reach = 0.5 * reach
    else:
        raise EstimateRefused("A021")
    width = np.empty(centre.size)
    for k in range(centre.size):
        for size in (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6):
            width[k] = size
            along = np.zeros(centre.size)
            along[k] = size
            # The wider side sets the grid; the narrower, a cliff, holds little mass.
            if min(here - log_density(centre + along), here - log_density(centre - along)) > 0.5:
                break
    return centre, np.diag(1.0 / width**2)


def _falls(log_density: LogDensity, centre: Floats, here: float, reach: Floats) -> Iterator[float]:
    for k in range(centre.size):
        along = np.zeros(centre.size)
        along[k] = reach[k]
        yield max(here - log_density(centre + along), here - log_density(centre - along))


def _differences(log_density: LogDensity, centre: Floats, reach: Floats) -> tuple[float, Floats, Floats]:
    """Return value, gradient and minus the Hessian by central differences over `reach`."""
    size = centre.size
    here = log_density(centre)
    unit = np.diag(reach)
    up = np.array([log_density(centre + unit[k]) for k in range(size)])
    down = np.array([log_density(centre - unit[k]) for k in range(size)])
    gradient = (up - down) / (2.0 * reach)
    hessian = np.diag((2.0 * here - up - down) / reach**2)
    for i in range(size):
        for j in range(i):
            corner = log_density(centre + unit[i] + unit[j])
            hessian[i, j] = hessian[j, i] = -(corner - up[i] - up[j] + here) / (reach[i] * reach[j])
    return here, gradient, hessian


def _width(log_density: LogDensity, mode: Floats, direction: Floats, highest: float) -> float:
    """Return the standard deviation seen on one side of the mode, in units of `direction`."""
    fall = highest - log_density(mode + np.sqrt(2.0) * direction)
    return float(np.clip(1.0 / np.sqrt(max(fall, 0.05)), 0.4, 2.5))


def _grid(log_density: LogDensity, mode: Floats, axes: Floats, skewness: Floats, plan: Plan) -> Exploration:
    dimensions = mode.size
    found: dict[tuple[int, ...], float] = {}
    highest = log_density(mode)
    waiting = [((0,) * dimensions, np.inf)]
    while waiting:
        cell, bound = waiting.pop(0)
        if cell in found or bound < highest - plan.drop:
            continue
        value = log_density(mode + axes @ (plan.step * np.array(cell)))
        found[cell] = value
        highest = max(highest, value)
        if len(found) > MOST_POINTS:
            raise EstimateRefused("A022", found=MOST_POINTS)
        if value > highest - plan.drop:
            waiting.extend((beyond, _bound(found, before, value)) for beyond, before in _around(cell))
    kept = sorted(cell for cell, value in found.items() if value > highest - plan.drop)
    z = plan.step * np.array(kept, dtype=np.float64)
    values = np.array([found[cell] for cell in kept])
    relative = np.exp(values - highest)
    volume = plan.step**dimensions * abs(float(np.linalg.det(axes)))
    evidence = highest + float(np.log(relative.sum() * volume))
    points = mode + z @ axes.T
    weights = relative / relative.sum()
    cells, cell_values = np.array(list(found), dtype=np.int64), np.array(list(found.values()))
    return Exploration(points, weights, values, mode, axes, z, skewness, "grid", evidence, cells, cell_values)


def _around(cell: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Give each neighbour of a cell with the cell on the other side."""
    for axis in range(len(cell)):
        for side in (-1, 1):
            yield tuple((*cell[:axis], cell[axis] + way * side, *cell[axis + 1 :]) for way in (1, -1))  # type: ignore[misc]


def _bound(found: dict[tuple[int, ...], float], before: tuple[int, ...], value: float) -> float:
    # A log-density that bends down falls at least as much at the next step as at the last one; one unit is
    # left for those that do not.
    return 2.0 * value - found[before] + 1.0 if before in found else np.inf


def _composite(
    log_density: LogDensity, mode: Floats, axes: Floats, widths: Floats, skewness: Floats
) -> Exploration:
    dimensions = mode.size
    radius = CENTRAL_COMPOSITE_RADIUS * np.sqrt(dimensions)
    star = [radius * side * np.eye(dimensions)[k] for k in range(dimensions) for side in (1.0, -1.0)]
    corners = [
        np.array(signs) * CENTRAL_COMPOSITE_RADIUS for signs in product((1.0, -1.0), repeat=dimensions)
    ]
    z = np.array([np.zeros(dimensions), *star, *corners])
    z = z * np.where(z > 0, widths[:, 0], widths[:, 1])
    points = mode + z @ axes.T
    values = np.array([log_density(point) for point in points])
    # Weights that give a standard normal its mass and its variance: with m points on the sphere of squared
    # radius r2, m w exp(-r2 / 2) = d / r2, the rest at the centre.
    others = len(points) - 1
    share = dimensions / radius**2
    factor = np.full(len(points), share * np.exp(0.5 * radius**2) / others)
    factor[0] = 1.0 - share
    relative = factor * np.exp(values - values[0])
    volume = (
        (2.0 * np.pi) ** (dimensions / 2)
        * abs(float(np.linalg.det(axes)))
        * float(widths.mean(axis=1).prod())
    )
    evidence = values[0] + float(np.log(relative.sum() * volume))
    weights = relative / relative.sum()
    none = np.zeros((0, dimensions), np.int64)
    return Exploration(
        points, weights, values, mode, axes, z, skewness, "composite", evidence, none, np.zeros(0)
    )
