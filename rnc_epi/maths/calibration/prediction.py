"""Incidence of areas from their proxy: estimates, prediction intervals, joint draws."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from rnc_epi.maths.calibration.curve import Curve, require_known
from rnc_epi.maths.calibration.groups import order_of_appearance, require_labels, sortable, totals
from rnc_epi.maths.calibration.inputs import require_reachable_ages
from rnc_epi.maths.requirements import (
    Floats,
    require_choice,
    require_counts,
    require_finite,
    require_level,
    require_same_shape,
    require_whole,
)
from rnc_epi.vocabulary.errors import InputError

if TYPE_CHECKING:
    from rnc_epi.maths.calibration.model import CalibrationFit

METHODS = ("calibrated", "chatignoux")
TARGETS = ("cases", "risk")
_CHUNK = 100
_BISECTIONS = 60
# Squares of weights beyond this are no numbers any more.
_LEAST_WEIGHT = 1e-60


@dataclass(frozen=True)
class Layout:
    """Cells to predict: profiles are the distinct covariates, blocks the pairs of a group and an area."""

    proxy: Floats
    weights: Floats
    rows: Floats
    score: Floats
    profile: NDArray[np.intp]
    group: NDArray[np.intp]
    groups: int
    area: NDArray[np.intp]
    block: NDArray[np.intp]
    block_group: NDArray[np.intp]
    block_area: NDArray[np.intp]


def noise_factor(method: str, adds_count: bool, dispersion: float, inverse_ratio: Floats) -> Floats:
    """Variance of the noise of a cell over its estimate.

    Given what stands in the offset the proxy has variance phi times its mean, which becomes phi / ratio once
    divided by the ratio. Cases counted there are Poisson around the risk; a risk smoothed there has cases
    that are Poisson around it: the other of the two adds that noise (`adds_count`). ``chatignoux``:
    phi (1 / ratio + 1), the published form.
    """
    if method == "chatignoux":
        return dispersion * (inverse_ratio + 1)
    return dispersion * inverse_ratio + (1.0 if adds_count else 0.0)


@dataclass(frozen=True)
class Moments:
    """Estimates of the groups and the pieces of their covariance."""

    estimate: Floats
    shared: Floats
    blocks: Floats
    kernel: Floats
    between: Floats
    own: Floats

    def covariance(self, cells: Layout) -> Floats:
        """Covariance of the groups, shape (groups, groups): an area in two groups ties them."""
        matrix = self.shared @ self.kernel @ self.shared.T + np.diag(self.own)
        alone = np.bincount(cells.block_area)[cells.block_area] == 1
        own = np.einsum("bp,bp->b", self.blocks[alone] @ self.between, self.blocks[alone])
        place = cells.block_group[alone]
        matrix[np.diag_indices_from(matrix)] += totals(place, own, cells.groups)
        shared = np.flatnonzero(~alone)
        order = shared[np.argsort(cells.block_area[shared], kind="stable")]
        edges = np.flatnonzero(np.diff(cells.block_area[order], prepend=-1))
        for chosen in np.split(order, edges[1:]) if order.size else ():
            groups = cells.block_group[chosen]
            within = self.blocks[chosen] @ self.between @ self.blocks[chosen].T
            matrix[np.ix_(groups, groups)] += within
        return matrix


def moments(cells: Layout, curve: Curve, method: str, adds_count: bool, dispersion: float) -> Moments:
    """Estimates and covariance at one curve (Chatignoux 2019; french practice, eq. 2 and 3)."""
    district = curve.sigma**2 + curve.sigma_slope**2 * np.outer(cells.score, cells.score)
    log_ratio = cells.rows @ curve.coefficients + np.diag(district) / 2
    spread = cells.rows @ curve.covariance @ cells.rows.T
    own = np.diag(spread)
    inverse_ratio = np.exp(-log_ratio)[cells.profile]
    estimate = cells.proxy * inverse_ratio
    # The curve's own error enters the noise through its log-normal moments.
    inflated = own[cells.profile]
    noise = estimate * noise_factor(method, adds_count, dispersion, inverse_ratio * np.exp(2 * inflated))
    if method == "chatignoux":
        noise = noise + np.expm1(inflated) * np.exp(inflated) * estimate
    weighted = cells.weights * estimate
    lifted = weighted * np.exp(inflated / 2)
    profiles = cells.rows.shape[0]
    shared = totals(cells.group * profiles + cells.profile, lifted, cells.groups * profiles)
    count = cells.block_group.size
    blocks = totals(cells.block * profiles + cells.profile, lifted, count * profiles)
    return Moments(
        estimate=totals(cells.group, weighted, cells.groups),
        shared=shared.reshape(cells.groups, profiles),
        blocks=blocks.reshape(count, profiles),
        kernel=np.expm1(spread),
        between=np.exp(spread) * np.expm1(district),
        own=totals(cells.group, cells.weights**2 * noise, cells.groups),
    )


def log_normal_parameters(estimate: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """Centre and variance on the log scale; the centre lies above the logarithm of the estimate."""
    spread = np.log1p(variance / estimate**2)
    return np.log(estimate) + spread / 2, spread


@dataclass(frozen=True)
class CalibratedIncidence:
    """Predicted incidence of groups of cells.

    Attributes
    ----------
    index : ndarray, shape (groups,)
        Groups in order of first appearance.
    estimate, se, lower, upper : ndarray, shape (groups,)
        Estimate, standard error and prediction limits, in the unit that the weights give.
    estimable : ndarray of bool, shape (groups,)
        False where the proxy (or the weight) is null: the estimate is 0 and says nothing.
    covariance : ndarray, shape (groups, groups)
        Covariance of the estimates.
    method, target : str
    level : float
    """

    index: NDArray[np.generic]
    estimate: Floats
    se: Floats
    lower: Floats
    upper: Floats
    estimable: NDArray[np.bool_]
    covariance: Floats = field(repr=False)
    method: str
    target: str
    level: float
    cells: Layout = field(repr=False)
    curves: tuple[Curve, ...] = field(repr=False)
    dispersion: float = field(repr=False)
    adds_count: bool = field(repr=False)

    def draws(self, n: int, *, seed: int = 0) -> Floats:
        """Joint predictive draws of the groups.

        Each draw takes one curve, one effect for each area, shared by its ages, and gamma noise for each
        cell, whose variance may lie below Poisson's when the dispersion does. Draws average to the
        estimates, so that totals of areas keep them.

        Parameters
        ----------
        n : int
            Number of draws.
        seed : int
            The same seed gives the same draws.

        Returns
        -------
        ndarray, shape (groups, n)
        """
        require_whole(n, "n")
        require_whole(seed, "seed", least=0)
        generator = np.random.default_rng(seed)
        cells = self.cells
        areas = int(cells.area.max()) + 1
        weights = np.array([curve.weight for curve in self.curves])
        roots = [_root(curve.covariance) for curve in self.curves]
        positive = cells.proxy > 0
        proxy, profile, area = cells.proxy[positive], cells.profile[positive], cells.area[positive]
        target = np.zeros((cells.groups, n))
        for start in range(0, n, _CHUNK):
            size = min(_CHUNK, n - start)
            chosen = generator.choice(weights.size, size=size, p=weights / weights.sum())
            normal = generator.standard_normal((size, cells.rows.shape[1]))
            effect = generator.standard_normal((size, areas))
            slope = generator.standard_normal((size, areas))
            for k, which in enumerate(chosen):
                curve = self.curves[which]
                spread = curve.coefficients + roots[which] @ normal[k]
                own = ((cells.rows @ roots[which]) ** 2).sum(axis=1)
                # The variances taken off make the log-normal factors average to the estimate.
                variance = curve.sigma**2 + (curve.sigma_slope * cells.score) ** 2
                log_inverse = (-(cells.rows @ spread) - own / 2 - variance)[profile]
                tilt = curve.sigma_slope * cells.score[profile] * slope[k][area]
                inverse_ratio = np.exp(log_inverse - curve.sigma * effect[k][area] - tilt)
                mean = proxy * inverse_ratio
                factor = noise_factor(self.method, self.adds_count, self.dispersion, inverse_ratio)
                # Without noise (a null dispersion) the gamma shape has no end: the cell is its mean.
                steady = factor < 1e-9
                factor = np.where(steady, 1.0, factor)
                values = np.where(steady, mean, generator.gamma(mean / factor) * factor)
                weighted = cells.weights[positive] * values
                target[:, start + k] = totals(cells.group[positive], weighted, cells.groups)
        return target


def _root(covariance: Floats) -> Floats:
    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(np.maximum(values, 0.0))


def _mixture_limits(centres: Floats, spreads: Floats, weights: Floats, probability: float) -> Floats:
    """Quantile of a mixture of log-normals by bisection; arrays of shape (curves, groups)."""
    deviation = np.sqrt(np.maximum(spreads, 1e-24))
    low = (centres - 40 * deviation).min(axis=0)
    high = (centres + 40 * deviation).max(axis=0)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        reached = (weights[:, None] * ndtr((middle - centres) / deviation)).sum(axis=0)
        low, high = (
            np.where(reached < probability, middle, low),
            np.where(reached < probability, high, middle),
        )
    return np.exp((low + high) / 2)


def predict_incidence(
    fit: CalibrationFit,
    proxy: ArrayLike,
    age: ArrayLike,
    area: ArrayLike,
    *,
    weights: ArrayLike | None,
    by: ArrayLike | None,
    method: str,
    level: float,
    target: str,
    deprivation: ArrayLike | None,
) -> CalibratedIncidence:
    """Predict; see :meth:`CalibrationFit.predict`."""
    require_choice(method, METHODS, "method")
    require_choice(target, TARGETS, "target")
    coverage = require_level(level)
    if coverage.ndim:
        raise InputError("M002", what="level", expected="()", found=str(coverage.shape))
    counts = require_counts(proxy, "proxy")
    if counts.ndim != 1 or counts.size == 0:
        raise InputError("M002", what="proxy", expected="(cells,)", found=str(counts.shape))
    ages = require_reachable_ages(age, fit.youngest, fit.oldest)
    require_same_shape(proxy=counts, age=ages)
    areas = require_labels(area, counts.shape, "area")
    groups = areas if by is None else require_labels(by, counts.shape, "by")
    weight = np.ones_like(counts) if weights is None else require_counts(weights, "weights")
    if ((weight > 0) & ~((weight >= _LEAST_WEIGHT) & (weight <= 1 / _LEAST_WEIGHT))).any():
        raise InputError("M004", what="weights", expected="[1e-60, 1e60]", found="-")
    require_same_shape(proxy=counts, weights=weight)
    if (deprivation is None) != (fit.deprivation_slope is None):
        raise InputError("C015")
    columns = [ages]
    names = ["age"]
    if deprivation is not None:
        score = require_finite(deprivation, "deprivation")
        require_same_shape(proxy=counts, deprivation=score)
        columns.append(score)
        names.append("deprivation")
    profiles, profile = np.unique(np.stack(columns), axis=1, return_inverse=True)
    index, group = order_of_appearance(groups)
    _, area_place = np.unique(sortable(areas), return_inverse=True)
    pairs, block = np.unique(np.stack([group, area_place]), axis=1, return_inverse=True)
    rows = fit.curve_rows(dict(zip(names, profiles, strict=True)))
    # Ages without any proxy give nothing, whatever their ratio.
    needed = np.bincount(profile.ravel(), counts) > 0
    variance = np.einsum("ap,pq,aq->a", rows, fit.best.covariance, rows)
    require_known(rows @ fit.best.coefficients, variance, needed)
    cells = Layout(
        proxy=counts,
        weights=weight,
        rows=rows * needed[:, None],
        score=(profiles[1] - fit.mean_score) if deprivation is not None else np.zeros(profiles.shape[1]),
        profile=profile.ravel(),
        group=group,
        groups=index.size,
        area=area_place,
        block=block.ravel(),
        block_group=pairs[0],
        block_area=pairs[1],
    )
    adds_count = (target == "risk") != fit.smoothed_offset
    best = moments(cells, fit.best, method, adds_count, fit.dispersion)
    estimable = best.estimate > 0
    tail = (1 - float(coverage)) / 2
    count = index.size
    lower, upper, variance = np.zeros(count), np.zeros(count), np.zeros(count)
    curves = (fit.best,) if method == "chatignoux" else fit.curves
    covariance = np.zeros((count, count))
    centres = np.empty((len(curves), int(estimable.sum())))
    spreads = np.empty_like(centres)
    for k, curve in enumerate(curves):
        piece = moments(cells, curve, method, adds_count, fit.dispersion)
        part = piece.covariance(cells)
        shift = piece.estimate - best.estimate
        covariance += curve.weight * (part + np.outer(shift, shift))
        own = np.diag(part)
        centres[k], spreads[k] = log_normal_parameters(piece.estimate[estimable], own[estimable])
    variance = np.diag(covariance)
    share = np.array([curve.weight for curve in curves])
    share = share / share.sum()
    if len(curves) == 1:
        reach = ndtri(1 - tail) * np.sqrt(spreads[0])
        lower[estimable], upper[estimable] = np.exp(centres[0] - reach), np.exp(centres[0] + reach)
    else:
        lower[estimable] = _mixture_limits(centres, spreads, share, tail)
        upper[estimable] = _mixture_limits(centres, spreads, share, 1 - tail)
    return CalibratedIncidence(
        index=index,
        estimate=best.estimate,
        se=np.sqrt(variance),
        lower=lower,
        upper=upper,
        estimable=estimable,
        covariance=covariance,
        method=method,
        target=target,
        level=float(coverage),
        cells=cells,
        curves=curves,
        dispersion=fit.dispersion,
        adds_count=adds_count,
    )
