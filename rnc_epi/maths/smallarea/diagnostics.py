"""How far a fit can be trusted, and how well the model predicts each area from the others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincc, gammaln, ndtr

from rnc_epi.maths.smallarea.marginals import NODES, Components, Marginals

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Diagnostics:
    """Numbers about the approximation itself.

    Attributes
    ----------
    areas, components, islands : int
        Of the map.
    points, evaluations, factorisations : int
        Work done: points kept, log-densities, factorisations.
    design : str
        ``"point"``, ``"grid"`` or ``"composite"``.
    grid_change : float
        Largest change of a posterior mean of log risk, in posterior standard deviations, when every other
        point of the hyperparameter grid is left out: small when the grid is fine enough. NaN without grid.
    mean_shift : float
        Largest difference between the mean of a tilted density and the corrected mean, in standard
        deviations.
    importance_shape : float
        Shape k of the generalised Pareto tail of the importance weights of the field, at the
        heaviest point: below 0.7 the Gaussian could be corrected by reweighting alone (Vehtari et al. 2024,
        JMLR 25:72). It grows with the number of areas and is not computed (NaN) beyond 2 000 rows.
    """

    areas: int
    components: int
    islands: int
    points: int
    evaluations: int
    factorisations: int
    design: str
    grid_change: float
    mean_shift: float
    importance_shape: float


@dataclass(frozen=True)
class PredictiveChecks:
    """Criteria and predictive checks.

    Attributes
    ----------
    dic, effective_dic : float
        Deviance information criterion (at the posterior mean of the log risk) and its number of parameters.
    waic, effective_waic : float
        Widely applicable information criterion and its number of parameters.
    log_score : float
        Minus the mean log conditional predictive ordinate: smaller is better.
    ordinate : array (rows,)
        Conditional predictive ordinates, P(y_i | the other areas).
    transform : array (rows,)
        P(Y < y_i | others) + P(Y = y_i | others) / 2: about uniform when the model fits.
    """

    dic: float
    effective_dic: float
    waic: float
    effective_waic: float
    log_score: float
    ordinate: Floats
    transform: Floats


def grid_change(components: Components, cells: Floats) -> float:
    """Return the change of the posterior means when the points with an odd sum of steps are left out.

    `cells` (k, dimensions) are the points in steps of the grid. The points left are a grid again, coarser by
    the root of two in two dimensions, by two in one.
    """
    even = np.round(cells).astype(int).sum(axis=1) % 2 == 0
    if even.all() or not even.any():
        return float("nan")
    weight = components.weight
    weight = weight / weight.sum()
    full = weight @ components.mean
    sd = np.sqrt(weight @ (components.variance + (components.mean - full) ** 2))
    part = weight[even] / weight[even].sum() @ components.mean[even]
    return float((np.abs(part - full) / sd).max())


def pareto_shape(log_weights: Floats) -> float:
    """Return the shape of the generalised Pareto distribution of the largest importance weights.

    Empirical Bayes estimate of Zhang and Stephens (2009), doi:10.1198/tech.2009.08017, with the weak prior of
    Vehtari et al. (2024), JMLR 25:72.
    """
    ordered = np.sort(log_weights)
    tail = int(min(0.2 * ordered.size, 3.0 * np.sqrt(ordered.size)))
    cut = ordered[-tail - 1]
    excess = np.exp(ordered[-tail:] - ordered[-1]) - np.exp(cut - ordered[-1])
    if tail < 5 or excess[-1] <= 0:
        return float("nan")
    excess = np.maximum(excess, excess[-1] * 1e-12)
    many = 30 + int(np.sqrt(tail))
    index = np.arange(1, many + 1)
    quarter = excess[int(tail / 4 + 0.5) - 1]
    theta = 1.0 / excess[-1] + (1.0 - np.sqrt(many / (index - 0.5))) / (3.0 * quarter)
    shape = np.log1p(-theta[:, None] * excess).mean(axis=1)
    profile = tail * (np.log(-theta / shape) - shape - 1.0)
    weight = 1.0 / np.exp(profile - profile[:, None]).sum(axis=1)
    best = float((weight * theta).sum() / weight.sum())
    estimate = float(np.log1p(-best * excess).mean())
    return (estimate * tail + 0.5 * 10.0) / (tail + 10.0)


def importance_shape(components: Components, away: Floats) -> float:
    """Return the Pareto shape of exact against Gaussian density of the field, at the heaviest point.

    `away` (rows, n) are draws of the Gaussian about its mean. Prior and noise are Gaussian in both
    densities, so that the weights are those of the likelihood against its expansion.
    """
    k = int(np.argmax(components.weight))
    mean, variance = components.mean[k], components.variance[k]
    # Sums over the rows of the exact log-likelihood less its expansion, but for what all draws share.
    rate = np.exp(mean + components.known)
    slope = components.data - np.exp(mean + components.known + 0.5 * variance)
    rise = (components.data - slope) @ away + 0.5 * (components.curvature[k] @ away**2)
    return pareto_shape(rise - rate @ np.exp(away))


def predictive_checks(components: Components, marginals: Marginals) -> PredictiveChecks:
    """Return the criteria and checks of a fit, from its marginal densities alone."""
    rows = marginals.centre.size
    step = NODES[1] - NODES[0]
    mean_log, mean_square, mean_density = np.zeros(rows), np.zeros(rows), np.zeros(rows)
    for first in range(0, rows, 2048):
        block = slice(first, first + 2048)
        eta = marginals.centre[block, None] + marginals.spread[block, None] * NODES
        mass = marginals.density[block] * marginals.spread[block, None] * step
        log_p = _log_density(components, eta, block)
        mean_log[block] = (mass * log_p).sum(axis=1)
        mean_square[block] = (mass * log_p**2).sum(axis=1)
        mean_density[block] = (mass * np.exp(log_p)).sum(axis=1)
    at_mean = _log_density(components, marginals.mean[:, None], slice(None))[:, 0]
    effective_dic = float(2.0 * (at_mean - mean_log).sum())
    effective_waic = float(np.maximum(mean_square - mean_log**2, 0.0).sum())
    log_ordinate, transform = _left_out(components)
    return PredictiveChecks(
        dic=float(-2.0 * at_mean.sum() + 2.0 * effective_dic),
        effective_dic=effective_dic,
        waic=float(-2.0 * (np.log(mean_density).sum() - effective_waic)),
        effective_waic=effective_waic,
        log_score=float(-log_ordinate.mean()),
        ordinate=np.exp(log_ordinate),
        transform=transform,
    )


def _log_density(components: Components, eta: Floats, block: slice) -> Floats:
    data, known = components.data[block, None], components.known[block, None]
    if components.poisson:
        log_mean = eta + known
        return np.asarray(data * log_mean - np.exp(log_mean) - gammaln(data + 1.0))
    return np.asarray(0.5 * (np.log(known / (2.0 * np.pi)) - known * (data - eta) ** 2))


def _left_out(components: Components) -> tuple[Floats, Floats]:
    """Return log ordinates and transforms from the cavities: what the other areas say of each."""
    # At one point the posterior mean of 1 / p(y_i) is 1 / (cavity mean of p(y_i)): the two mix with the
    # weights of the points given all data, and with those given the other areas.
    parts, below = [], []
    for weight, mean, variance, curvature in zip(
        components.weight, components.mean, components.variance, components.curvature, strict=True
    ):
        precision = 1.0 / variance - curvature
        slope = components.data - np.exp(mean + components.known + 0.5 * variance)
        if not components.poisson:
            slope = components.known * (components.data - mean)
        cavity_mean, cavity_sd = mean - slope / precision, 1.0 / np.sqrt(precision)
        if components.poisson:
            log_density = _log_ordinate(components, mean, np.sqrt(variance), cavity_mean, cavity_sd)
            less = _less(components, cavity_mean, cavity_sd)
            middle = np.minimum(less + 0.5 * np.exp(log_density), 1.0)
        else:
            sd = np.sqrt(cavity_sd**2 + 1.0 / components.known)
            z = (components.data - cavity_mean) / sd
            log_density = -0.5 * z**2 - np.log(sd * np.sqrt(2.0 * np.pi))
            middle = ndtr(z)
        parts.append(np.log(weight) - log_density if weight > 0 else np.full(mean.size, -np.inf))
        below.append(middle)
    log_inverse = np.logaddexp.reduce(parts)
    return -log_inverse, (np.exp(parts - log_inverse) * below).sum(axis=0)


# Nodes and weights of a standard normal.
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(41)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


def _log_ordinate(
    components: Components, mean: Floats, sd: Floats, cavity_mean: Floats, cavity_sd: Floats
) -> Floats:
    """Return the log of the mean of p(y_i) over each cavity, on nodes where their product lies."""
    eta = mean[:, None] + sd[:, None] * _NODES
    z = (eta - cavity_mean[:, None]) / cavity_sd[:, None]
    value = _log_density(components, eta, slice(None)) - 0.5 * z**2 + 0.5 * _NODES**2
    return np.asarray(np.logaddexp.reduce(value + np.log(_WEIGHTS), axis=1) + np.log(sd / cavity_sd))


def _less(components: Components, cavity_mean: Floats, cavity_sd: Floats) -> Floats:
    """Return P(Y_i < y_i) over each cavity."""
    less = np.zeros(components.data.size)
    # P(Y < y) given eta falls from 1 to 0 around log(y / E), over 1 / sqrt(y). Where that is a step within
    # the cavity, the integral is taken by parts: minus its slope is y p(y), the other factor is smooth.
    step = components.data * cavity_sd**2 > 1.0
    smooth = (components.data > 0) & ~step
    data, known = components.data[:, None], components.known[:, None]
    eta = cavity_mean[smooth, None] + cavity_sd[smooth, None] * _NODES
    less[smooth] = gammaincc(data[smooth], np.exp(eta + known[smooth])) @ _WEIGHTS
    count = data[step]
    eta = np.log(count) - known[step] + _NODES / np.sqrt(count)
    log_p = count * (eta + known[step]) - np.exp(eta + known[step]) - gammaln(count + 1.0)
    share = np.exp(log_p + 0.5 * np.log(2.0 * np.pi * count) + 0.5 * _NODES**2)
    less[step] = (ndtr((eta - cavity_mean[step, None]) / cavity_sd[step, None]) * share) @ _WEIGHTS
    return less
