"""Empirical Bayes: rates of small areas drawn towards a common value, without a model of the map.

Quick, explicit and without hyperparameters to choose; less than :mod:`rnc_epi.maths.smallarea` where
neighbours resemble one another. For relative risks give expected cases, for rates person-years.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import gammaincc, gammaincinv, psi

from rnc_epi.maths.requirements import (
    require_choice,
    require_counts,
    require_finite,
    require_level,
    require_positive,
    require_shape,
)
from rnc_epi.maths.smallarea.graph import AreaGraph
from rnc_epi.maths.smallarea.inputs import design_matrix, graph_of
from rnc_epi.vocabulary.errors import InputError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class MarshallShrinkage:
    """Empirical Bayes estimates by moments.

    Attributes
    ----------
    value : array (areas,)
        Shrunken ratios.
    weight : array (areas,)
        Share of the raw ratio, 0 to 1.
    mean, variance : arrays (areas,) or float
        Mean and variance of the true ratios, of the map or of each neighbourhood.
    """

    value: Floats
    weight: Floats
    mean: Floats | float
    variance: Floats | float


@dataclass(frozen=True)
class GammaShrinkage:
    """Posterior gamma distributions of the risks (Poisson-gamma model).

    Attributes
    ----------
    shape, rate : float
        Of the prior gamma; both infinite when the counts vary no more than chance.
    value : array (areas,)
        Posterior means.
    """

    shape: float
    rate: float
    value: Floats
    posterior_shape: Floats
    posterior_rate: Floats

    def limits(self, level: float = 0.95) -> tuple[Floats, Floats]:
        """Return the limits of the central credible interval (areas,), (areas,)."""
        tail = 0.5 * (1.0 - float(require_level(level)))
        if not np.isfinite(self.shape):
            return self.value, self.value
        low = gammaincinv(self.posterior_shape, tail) / self.posterior_rate
        return low, gammaincinv(self.posterior_shape, 1.0 - tail) / self.posterior_rate

    def exceedance(self, threshold: float = 1.0) -> Floats:
        """Return the probability that each risk exceeds `threshold` (areas,)."""
        if not np.isfinite(self.shape):
            return (self.value > threshold).astype(np.float64)
        return np.asarray(gammaincc(self.posterior_shape, threshold * self.posterior_rate))


@dataclass(frozen=True)
class FayHerriotEstimate:
    """Shrunken direct estimates.

    Attributes
    ----------
    value : array (areas,)
    mse : array (areas,)
        Mean squared error, second order (Prasad and Rao's g1 + g2 + 2 g3).
    weight : array (areas,)
        Share of the direct estimate.
    variance : float
        Variance between areas that the covariates leave, by REML.
    coefficients, coefficient_covariance : arrays (p,), (p, p)
        Intercept first.
    """

    value: Floats
    mse: Floats
    weight: Floats
    variance: float
    coefficients: Floats
    coefficient_covariance: Floats


def _checked(events: ArrayLike, denominators: ArrayLike) -> tuple[Floats, Floats]:
    counts = require_counts(events, "events")
    if counts.ndim != 1 or not counts.size:
        raise InputError("M002", what="events", expected="(areas,)", found=str(counts.shape))
    return counts, require_shape(require_positive(denominators, "denominators"), counts.shape, "denominators")


def marshall_global(events: ArrayLike, denominators: ArrayLike) -> MarshallShrinkage:
    """Shrink each ratio towards that of the whole map, by moments.

    Parameters
    ----------
    events, denominators : arrays (areas,)
        Cases, and expected cases or person-years, above 0.

    Returns
    -------
    MarshallShrinkage

    References
    ----------
    Marshall RJ (1991), Appl Stat 40:283, doi:10.2307/2347593.

    Examples
    --------
    >>> marshall_global([9, 39, 11, 1], [1.4, 8.7, 3.0, 5.0]).value.round(3)
    array([5.144, 4.364, 3.58 , 0.712])
    """
    counts, numbers = _checked(events, denominators)
    mean = float(counts.sum() / numbers.sum())
    raw = counts / numbers
    spread = float((numbers * (raw - mean) ** 2).sum() / numbers.sum())
    variance = max(spread - mean / float(numbers.mean()), 0.0)
    weight = _share(variance, mean / numbers)
    return MarshallShrinkage(mean + weight * (raw - mean), weight, mean, variance)


def marshall_local(
    events: ArrayLike, denominators: ArrayLike, edges: ArrayLike | AreaGraph
) -> MarshallShrinkage:
    """Shrink each ratio towards that of its neighbours and itself, by moments.

    The spread of a neighbourhood is that of its members each about its own local mean (Bailey and Gatrell's
    reading of Marshall, that of spdep). An area without neighbours keeps its raw ratio: nothing tells how
    far to move it. A neighbourhood without a case has ratio 0.

    Parameters
    ----------
    events, denominators : arrays (areas,)
    edges : array of int (m, 2) or AreaGraph

    Returns
    -------
    MarshallShrinkage

    References
    ----------
    Marshall RJ (1991), Appl Stat 40:283, doi:10.2307/2347593. Bailey TC, Gatrell AC (1995), Interactive
    Spatial Data Analysis, Longman, p. 305-307.
    """
    counts, numbers = _checked(events, denominators)
    graph = graph_of(counts.size, edges)
    pairs = np.asarray(graph.edges)
    receiver = np.concatenate([np.arange(counts.size), pairs[:, 0], pairs[:, 1]])
    giver = np.concatenate([np.arange(counts.size), pairs[:, 1], pairs[:, 0]])

    def around(values: Floats) -> Floats:
        return np.asarray(np.bincount(receiver, values, minlength=counts.size), np.float64)

    raw = counts / numbers
    total = around(numbers[giver])
    mean = around(counts[giver]) / total
    spread = around(numbers[giver] * (raw[giver] - mean[giver]) ** 2) / total
    size = around(np.ones(receiver.size))
    variance = np.maximum(spread - mean / (total / size), 0.0)
    weight = np.where(size > 1, _share(variance, mean / numbers), 1.0)
    return MarshallShrinkage(mean + weight * (raw - mean), weight, mean, variance)


def _share(between: Floats | float, within: Floats) -> Floats:
    total = between + within
    return np.asarray(np.divide(between, total, out=np.zeros_like(total), where=total > 0))


def poisson_gamma(events: ArrayLike, expected: ArrayLike, *, method: str = "ml") -> GammaShrinkage:
    """Shrink relative risks under a gamma distribution of the true risks.

    Parameters
    ----------
    events, expected : arrays (areas,)
    method : {"ml", "clayton-kaldor"}
        Maximum likelihood of the negative binomial, or the iterated moments of Clayton and Kaldor.

    Returns
    -------
    GammaShrinkage
        With ``shape`` infinite and every value at the overall ratio when the counts vary no more than chance.

    References
    ----------
    Clayton D, Kaldor J (1987), Biometrics 43:671, doi:10.2307/2532003.

    Examples
    --------
    >>> result = poisson_gamma([9, 39, 11, 1, 0], [1.4, 8.7, 3.0, 5.0, 2.0])
    >>> result.value.round(2)
    array([5.93, 4.44, 3.61, 0.32, 0.3 ])
    """
    counts, numbers = _checked(events, expected)
    require_choice(method, ("ml", "clayton-kaldor"), "method")
    overall = float(counts.sum() / numbers.sum())
    found = _maximum_likelihood(counts, numbers) if method == "ml" else _moments(counts, numbers)
    if found is None:
        flat = np.full(counts.size, overall)
        return GammaShrinkage(
            np.inf, np.inf, flat, np.full(counts.size, np.inf), np.full(counts.size, np.inf)
        )
    shape, rate = found
    return GammaShrinkage(shape, rate, (counts + shape) / (numbers + rate), counts + shape, numbers + rate)


def _maximum_likelihood(counts: Floats, numbers: Floats) -> tuple[float, float] | None:
    # At the maximum over the mean mu for a given shape a, sum of (y - mu E) / (1 + mu E / a) = 0; the
    # profile is then one-dimensional in log a. It has a maximum at infinity when the counts vary no more
    # than chance.
    if not counts.sum() > 0:
        return None

    def mean_at(shape: float) -> float:
        def balance(log_mean: float) -> float:
            mean = np.exp(log_mean)
            return float(((counts - mean * numbers) / (1.0 + mean * numbers / shape)).sum())

        ratio = counts / numbers
        top = np.log(ratio.max()) + 1.0
        return float(np.exp(brentq(balance, top - 60.0, top, xtol=1e-13)))

    def slope(log_shape: float) -> float:
        # Derivative of the profile log-likelihood in the shape, times the shape squared: finite at infinity.
        shape = np.exp(log_shape)
        mean = mean_at(shape) * numbers
        terms = (
            psi(counts + shape)
            - psi(shape)
            + np.log(shape / (shape + mean))
            + (mean - counts) / (shape + mean)
        )
        return float(terms.sum() * shape**2)

    low, high = np.log(1e-6), np.log(1e6)
    if slope(high) > 0:
        return None
    shape = float(np.exp(brentq(slope, low, high, xtol=1e-13)))
    return shape, shape / mean_at(shape)


def _moments(counts: Floats, numbers: Floats) -> tuple[float, float] | None:
    # Clayton and Kaldor's equations: the mean of the estimates is nu / alpha, and their weighted variance
    # about it is nu / alpha^2; iterated from the raw ratios.
    size = counts.size
    if size < 2 or not counts.sum() > 0:
        return None
    estimate, rate = counts / numbers, 0.0
    for _ in range(5000):
        mean = float(estimate.mean())
        variance = float(((1.0 + rate / numbers) * (estimate - mean) ** 2).sum()) / (size - 1)
        if not variance > 0 or mean / variance > 1e6:
            return None
        new_rate = mean / variance
        estimate = (counts + mean * new_rate) / (numbers + new_rate)
        if abs(new_rate - rate) < 1e-12 * new_rate:
            return mean * new_rate, new_rate
        rate = new_rate
    return None


def log_normal(events: ArrayLike, expected: ArrayLike) -> MarshallShrinkage:
    """Shrink log relative risks under a normal distribution of the true ones.

    The log of a ratio is taken as log((y + 1/2) / E), its expansion to second order; values are on the log
    scale.

    Parameters
    ----------
    events, expected : arrays (areas,)

    Returns
    -------
    MarshallShrinkage
        ``value`` is a log relative risk.

    References
    ----------
    Clayton D, Kaldor J (1987), Biometrics 43:671, doi:10.2307/2532003, sec. 3.3 (EM algorithm).
    """
    counts, numbers = _checked(events, expected)
    raw = np.log((counts + 0.5) / numbers)
    halves = counts + 0.5
    mean, variance = float(raw.mean()), float(raw.var(ddof=1)) if counts.size > 1 else 0.0
    estimate = raw
    for _ in range(5000):
        precision = 1.0 + variance * halves
        estimate = (mean + halves * variance * raw - 0.5 * variance) / precision
        new_mean = float(estimate.mean())
        new_variance = float((variance / precision).sum() + ((estimate - new_mean) ** 2).sum()) / counts.size
        done = abs(new_mean - mean) + abs(new_variance - variance) < 1e-13
        mean, variance = new_mean, new_variance
        if done:
            break
    weight = variance * halves / (1.0 + variance * halves)
    return MarshallShrinkage(estimate, weight, mean, variance)


def fay_herriot(
    estimates: ArrayLike, variances: ArrayLike, *, covariates: ArrayLike | None = None
) -> FayHerriotEstimate:
    """Shrink direct estimates with known error variances towards a regression on covariates.

    Parameters
    ----------
    estimates : array (areas,)
        Direct estimates: for a standardised rate R with variance v, log R with error variance v / R^2.
    variances : array (areas,)
        Error variances, above 0.
    covariates : array (areas,) or (areas, p), optional

    Returns
    -------
    FayHerriotEstimate

    References
    ----------
    Fay RE, Herriot RA (1979), JASA 74:269, doi:10.2307/2286322. Datta GS, Lahiri P (2000), Stat Sinica
    10:613 (REML, error).

    Examples
    --------
    >>> import numpy as np
    >>> result = fay_herriot([2.2, 2.6, 2.4, 3.1, 1.9], np.full(5, 0.04))
    >>> round(result.variance, 4)                          # sample variance 0.203 less 0.04
    0.163
    """
    values = require_finite(estimates, "estimates")
    if values.ndim != 1 or not values.size:
        raise InputError("M002", what="estimates", expected="(areas,)", found=str(values.shape))
    known = require_shape(require_positive(variances, "variances"), values.shape, "variances")
    design = design_matrix(values.size, covariates)
    if values.size <= design.shape[1]:
        raise InputError("A008", found=design.shape[1] - 1)

    def regression(variance: float) -> tuple[Floats, Floats, Floats]:
        precision = 1.0 / (variance + known)
        covariance: Floats = np.asarray(np.linalg.inv(design.T @ (design * precision[:, None])), np.float64)
        return precision, covariance, np.asarray(covariance @ (design.T @ (precision * values)), np.float64)

    def slope(variance: float) -> float:
        # Twice the derivative of the restricted log-likelihood.
        precision, covariance, coefficients = regression(variance)
        residual = precision * (values - design @ coefficients)
        leverage = ((design @ covariance) * design).sum(axis=1) * precision**2
        return float((residual**2).sum() - precision.sum() + leverage.sum())

    top = 10.0 * float(values.var() + known.max()) + 1e-12
    variance = 0.0 if slope(0.0) <= 0 else float(brentq(slope, 0.0, top, xtol=1e-14, rtol=1e-13))
    precision, covariance, coefficients = regression(variance)
    weight = variance * precision
    fitted = design @ coefficients
    first = variance * known * precision
    second = (1.0 - weight) ** 2 * ((design @ covariance) * design).sum(axis=1)
    third = known**2 * precision**3 * 2.0 / float((precision**2).sum())
    mse = first + second + 2.0 * third
    return FayHerriotEstimate(
        fitted + weight * (values - fitted), mse, weight, variance, coefficients, covariance
    )
