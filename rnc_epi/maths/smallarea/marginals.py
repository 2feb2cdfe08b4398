"""Marginal distributions of the log risks: mixtures over the hyperparameters of tilted densities.

At one point of the hyperparameters, area i has a Gaussian approximation N(m, s2) that holds its own
likelihood expanded to second order. Taking that expansion out leaves the "cavity", what the other areas and
the prior say of area i; putting the exact Poisson probability back gives the tilted density

    exp(-(eta - c)^2 / (2 s2_c)) exp(y eta - E e^eta),   1 / s2_c = 1 / s2 - D,   c = m - s2_c (y - E e^(m +
    s2/2)),

skewed as the posterior is (Rue and Martino 2007, doi:10.1016/j.jspi.2006.07.016; Vehtari et al. 2016, JMLR
17:103).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnc_epi.maths.gmrf.compilation import compiled

Floats = NDArray[np.float64]

# Nodes of each density in standard deviations of the mixture: a fifth apart (the trapezoid is then exact to
# rounding), further to the left, where a small count leaves a long tail.
NODES: Floats = np.arange(-45.0, 33.0) * 0.2


@dataclass(frozen=True)
class Components:
    """Gaussian approximations at the points of the hyperparameters.

    Attributes
    ----------
    weight : array (k,)
    mean, variance, curvature : arrays (k, rows)
    data, known : arrays (rows,)
        Counts and log expected numbers (Poisson).
    poisson : bool
    separate : bool
        Whether the data of different rows are independent given their risks.
    """

    weight: Floats
    mean: Floats
    variance: Floats
    curvature: Floats
    data: Floats
    known: Floats
    poisson: bool
    separate: bool = True


@dataclass(frozen=True)
class Marginals:
    """Densities of the log risks on nodes of their own.

    Attributes
    ----------
    centre, spread : arrays (rows,)
        Node j of row i is centre[i] + spread[i] NODES[j].
    density, cumulative : arrays (rows, nodes)
    mean, sd : arrays (rows,)
        Of the log risk.
    risk_mean, risk_sd : arrays (rows,)
        Of the risk.
    skewness, shift : arrays (k, rows)
        Skewness of each tilted component, and the difference between its mean and that of its Gaussian in
        standard deviations: what the Gaussian missed.
    """

    centre: Floats
    spread: Floats
    density: Floats
    cumulative: Floats
    mean: Floats
    sd: Floats
    risk_mean: Floats
    risk_sd: Floats
    skewness: Floats
    scale: Floats
    shift: Floats

    def quantile(self, probability: float) -> Floats:
        """Return the quantile of each log risk (rows,)."""
        return (
            _quantiles(NODES, self.density, self.cumulative, self.spread, probability) * self.spread
            + self.centre
        )

    def above(self, log_threshold: float) -> Floats:
        """Return the probability that each log risk exceeds a value (rows,)."""
        z = (log_threshold - self.centre) / self.spread
        return 1.0 - _distribution(NODES, self.density, self.cumulative, self.spread, z)


def mix(components: Components) -> Marginals:
    """Return the marginal distributions of every row."""
    weight = components.weight
    centre = weight @ components.mean
    second = weight @ (components.variance + (components.mean - centre) ** 2)
    spread = np.sqrt(second)
    rows = centre.size
    density = np.zeros((rows, NODES.size))
    skewness, scale, shift = (np.zeros_like(components.mean) for _ in range(3))
    _fill(
        NODES,
        weight,
        np.ascontiguousarray(components.mean),
        np.ascontiguousarray(components.variance),
        np.ascontiguousarray(components.curvature),
        components.data,
        components.known,
        components.poisson,
        centre,
        spread,
        density,
        skewness,
        scale,
        shift,
    )
    return _summaries(centre, spread, density, skewness, scale, shift)


def _summaries(
    centre: Floats, spread: Floats, density: Floats, skewness: Floats, scale: Floats, shift: Floats
) -> Marginals:
    step = NODES[1] - NODES[0]
    mean_z = density @ NODES * step
    sd_z = np.sqrt(np.maximum(density @ NODES**2 * step - mean_z**2, 0.0))
    # exp() of the nodes, area by area in blocks: the whole table twice would double the memory of a large
    # map.
    risk_mean, risk_square = np.empty_like(centre), np.empty_like(centre)
    for first in range(0, centre.size, 4096):
        block = slice(first, first + 4096)
        risk = np.exp(centre[block, None] + spread[block, None] * NODES)
        risk_mean[block] = (density[block] * risk).sum(axis=1) * step
        risk_square[block] = (density[block] * risk**2).sum(axis=1) * step
    density /= spread[:, None]
    cumulative = _cumulate(density, spread, step)
    return Marginals(
        centre,
        spread,
        density,
        cumulative,
        centre + spread * mean_z,
        spread * sd_z,
        risk_mean,
        np.sqrt(np.maximum(risk_square - risk_mean**2, 0.0)),
        skewness,
        scale,
        shift,
    )


@compiled
def _fill(
    nodes: Floats,
    weight: Floats,
    mean: Floats,
    variance: Floats,
    curvature: Floats,
    data: Floats,
    known: Floats,
    poisson: bool,
    centre: Floats,
    spread: Floats,
    density: Floats,
    skewness: Floats,
    scale: Floats,
    shift: Floats,
) -> None:
    # With d the distance of a node to the centre, the tilted log-density is, up to a constant,
    #     -m (e^d - 1 - d - d^2 / 2)  +  (y - m) d - m d^2 / 2 - (d - cavity mean + centre)^2 / (2 s2_c),
    # m the expected count at the centre. The first part is the same at all points: one exponential a node.
    # The second is a Gaussian, which on equidistant nodes is a product of ratios that themselves fall
    # by a constant ratio.
    count = nodes.size
    step = nodes[1] - nodes[0]
    tilt, values = np.ones(count), np.empty(count)
    for i in range(centre.size):
        gap = step * spread[i]
        rate = np.exp(centre[i] + known[i]) if poisson else 0.0
        slope = data[i] - rate if poisson else 0.0
        if poisson:
            for j in range(count):
                d = spread[i] * nodes[j]
                tilt[j] = np.exp(-rate * (np.expm1(d) - d - 0.5 * d * d))
        for k in range(weight.size):
            m, s2, curved = mean[k, i], variance[k, i], curvature[k, i]
            cavity_precision, cavity_mean = 1.0 / s2, m
            if poisson:
                cavity_precision = 1.0 / s2 - curved
                cavity_mean = m - (data[i] - np.exp(m + known[i] + 0.5 * s2)) / cavity_precision
            precision = cavity_precision + rate
            top = (slope - cavity_precision * (centre[i] - cavity_mean)) / precision
            nearest = min(max(round((top / spread[i] - nodes[0]) / step), 0), count - 1)
            away = spread[i] * nodes[nearest] - top
            fall = np.exp(-precision * gap * gap)
            half = np.exp(-0.5 * precision * gap * gap)
            for side in (1, -1):
                value = 1.0
                ratio = half * np.exp(-side * precision * gap * away)
                j = nearest
                while 0 <= j < count:
                    values[j] = value * tilt[j]
                    value *= ratio
                    ratio *= fall
                    j += side
            total, first, second, third = 0.0, 0.0, 0.0, 0.0
            for j in range(count):
                total += values[j]
                first += values[j] * nodes[j]
            if not 0.0 < total < np.inf:
                # Centre and points are worlds apart: nothing to say of this area.
                density[i, :] = np.nan
                continue
            first /= total
            share = weight[k] / (total * step)
            for j in range(count):
                z = nodes[j] - first
                mass = values[j] * z * z
                second += mass
                third += mass * z
                density[i, j] += share * values[j]
            second /= total
            third /= total
            sd = np.sqrt(second)
            skewness[k, i] = third / (second * sd)
            scale[k, i] = sd * spread[i]
            shift[k, i] = (centre[i] + spread[i] * first - m) / np.sqrt(s2)


@compiled
def _cumulate(density: Floats, spread: Floats, step: float) -> Floats:
    # Trapezoid with the end correction -h^2 (f'(b) - f'(a)) / 12, slopes by central differences.
    rows, count = density.shape
    result = np.zeros((rows, count))
    for i in range(rows):
        for j in range(1, count):
            left, right = density[i, j - 1], density[i, j]
            slope_left = 0.5 * (right - (density[i, j - 2] if j > 1 else left))
            slope_right = 0.5 * ((density[i, j + 1] if j + 1 < count else right) - left)
            area = 0.5 * (left + right) - (slope_right - slope_left) / 12.0
            result[i, j] = result[i, j - 1] + max(area, 0.0) * step * spread[i]
        total = result[i, count - 1]
        for j in range(count):
            result[i, j] /= total
    return result


@compiled
def _hermite(left: float, right: float, slope_left: float, slope_right: float, t: float) -> float:
    # Cubic through two values with their slopes, 0 <= t <= 1.
    return (
        left * (1.0 + 2.0 * t) * (1.0 - t) ** 2
        + right * t * t * (3.0 - 2.0 * t)
        + slope_left * t * (1.0 - t) ** 2
        - slope_right * t * t * (1.0 - t)
    )


@compiled
def _distribution(nodes: Floats, density: Floats, cumulative: Floats, spread: Floats, z: Floats) -> Floats:
    step = nodes[1] - nodes[0]
    result = np.empty(z.size)
    for i in range(z.size):
        place = (z[i] - nodes[0]) / step
        j = int(np.floor(place))
        if place <= 0.0:
            result[i] = 0.0
        elif j >= nodes.size - 1:
            result[i] = 1.0
        else:
            h = step * spread[i]
            value = _hermite(
                cumulative[i, j], cumulative[i, j + 1], density[i, j] * h, density[i, j + 1] * h, place - j
            )
            result[i] = min(max(value, 0.0), 1.0)
    return result


@compiled
def _quantiles(
    nodes: Floats, density: Floats, cumulative: Floats, spread: Floats, probability: float
) -> Floats:
    step = nodes[1] - nodes[0]
    rows = cumulative.shape[0]
    result = np.empty(rows)
    for i in range(rows):
        j = min(max(int(np.searchsorted(cumulative[i], probability)) - 1, 0), nodes.size - 2)
        h = step * spread[i]
        low, high = 0.0, 1.0
        for _ in range(40):
            middle = 0.5 * (low + high)
            value = _hermite(
                cumulative[i, j], cumulative[i, j + 1], density[i, j] * h, density[i, j + 1] * h, middle
            )
            if value < probability:
                low = middle
            else:
                high = middle
        result[i] = nodes[j] + step * 0.5 * (low + high)
    return result
