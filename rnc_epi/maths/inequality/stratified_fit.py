r"""Regression of counts on a few columns within strata: many fits at once, each in time linear in its cells.

Every stratum (an age, or an age in a year) has an intercept of its own, so the information matrix is an
arrow: diagonal for the intercepts, a small block for the columns. Centring the columns within strata with
the working weights takes the intercepts out, and no matrix larger than (columns, columns) is ever solved.
The same centring gives the influence of each cell on any quantity, hence its robust variance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnc_epi.maths.requirements import Floats, Mask

# Newton decrement (squared distance to the optimum in standard errors) below which a fit has converged:
# coefficients are then right to 1e-9 standard errors.
CONVERGED = 1e-18
# What is still called converged when rounding or slow scoring stops the descent: 1e-5 standard errors.
ACCEPTED = 1e-10
MOST_STEPS = 100
# A log-ratio beyond 20 between the two ends is separation (all events on one side), not an estimate.
SEPARATED = 20.0


@dataclass(frozen=True, slots=True)
class Cells:
    """Counts of several fits over the same cells, sorted by stratum.

    ``events`` and ``exposure`` are (fits, cells), ``columns`` is (fits, cells, columns), ``stratum`` (cells,)
    holds 0, 0, 1, 1, …, ``starts`` the first cell of each stratum.
    """

    events: Floats
    exposure: Floats
    columns: Floats
    stratum: NDArray[np.intp]
    starts: NDArray[np.intp]

    def total(self, values: Floats) -> Floats:
        """Sum (fits, cells, …) over the cells of each stratum."""
        return np.add.reduceat(values, self.starts, axis=1)

    def rows(self, keep: NDArray[np.intp]) -> Cells:
        """Return the fits at the positions `keep`."""
        return Cells(self.events[keep], self.exposure[keep], self.columns[keep], self.stratum, self.starts)


@dataclass(frozen=True, slots=True)
class Fit:
    """Fitted intercepts (fits, strata) and coefficients (fits, columns), with what the variance needs."""

    cells: Cells
    intercepts: Floats
    coefficients: Floats
    overdispersion: Floats
    mean: Floats
    weight: Floats
    score: Floats
    estimable: Mask


@dataclass(frozen=True, slots=True)
class Centred:
    """Columns centred within strata by the working weights, and the information that is left."""

    stratum_weight: Floats
    stratum_mean: Floats
    columns: Floats
    inverse: Floats
    full_rank: Mask


def sort_cells(events: Floats, exposure: Floats, columns: Floats, stratum: NDArray[np.intp]) -> Cells:
    """Return cells in the order of their strata, the order of the columns and of the fits unchanged."""
    order = np.argsort(stratum, kind="stable")
    sorted_stratum = stratum[order]
    starts = np.flatnonzero(np.r_[True, np.diff(sorted_stratum) > 0])
    return Cells(events[:, order], exposure[:, order], columns[:, order], sorted_stratum, starts)


def _without_empty_strata(cells: Cells, link: str) -> Cells:
    """Give no exposure to strata whose intercept would be infinite: they say nothing about the columns."""
    if link == "identity":
        return cells
    events = cells.total(cells.events)
    silent = events <= 0
    if link == "logit":
        silent |= events >= cells.total(cells.exposure)
    heard = ~silent[:, cells.stratum]
    return Cells(cells.events * heard, cells.exposure * heard, cells.columns, cells.stratum, cells.starts)


def _mean(cells: Cells, link: str, intercepts: Floats, coefficients: Floats) -> Floats:
    """Return the expected events of each cell; negative where an identity link has left its domain."""
    predictor = intercepts[:, cells.stratum] + np.einsum("bnk,bk->bn", cells.columns, coefficients)
    if link == "identity":
        return cells.exposure * predictor
    if link == "logit":
        return cells.exposure / (1.0 + np.exp(-np.clip(predictor, -500.0, 500.0)))
    return cells.exposure * np.exp(np.clip(predictor, -700.0, 300.0))


def _log_likelihood(cells: Cells, link: str, kappa: Floats, mean: Floats) -> Floats:
    """Return the log-likelihood up to what does not depend on the mean; -inf outside the domain."""
    present = cells.exposure > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        if link == "logit":
            rest = cells.exposure - mean
            terms = cells.events * np.log(mean) + (cells.exposure - cells.events) * np.log(rest)
            outside = present & ((mean <= 0) | (rest <= 0))
        else:
            k = kappa[:, None]
            spread = np.log1p(k * mean)
            # (1/k) log(1 + k mean) tends to the mean when k tends to 0: the Poisson likelihood.
            penalty = np.where(k > 0, spread / np.where(k > 0, k, 1.0), mean)
            terms = np.where(cells.events > 0, cells.events * (np.log(mean) - spread), 0.0) - penalty
            outside = present & (mean <= 0)
    total = np.where(present, np.where(outside, 0.0, terms), 0.0).sum(axis=1)
    return np.where(outside.any(axis=1), -np.inf, total)


def _weight_and_score(cells: Cells, link: str, kappa: Floats, mean: Floats) -> tuple[Floats, Floats]:
    """Return the Fisher weight of each cell and its score, per unit of the linear predictor."""
    residual = cells.events - mean
    if link == "logit":
        with np.errstate(divide="ignore", invalid="ignore"):
            weight = np.where(cells.exposure > 0, mean * (1.0 - mean / cells.exposure), 0.0)
        return weight, residual
    inflation = 1.0 + kappa[:, None] * mean
    if link == "log":
        return mean / inflation, residual / inflation
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(mean > 0, cells.exposure / (mean * inflation), 0.0)
    return cells.exposure * ratio, residual * ratio


def _curvature(cells: Cells, link: str, kappa: Floats, mean: Floats, weight: Floats) -> Floats:
    """Return the weight of a step: Fisher's, or for an identity link the observed curvature.

    Where a cell without events lies near a zero rate its Fisher weight is huge and its curvature nil:
    scoring would creep. A thousandth of Fisher's weight keeps the curvature positive.
    """
    if link != "identity":
        return weight
    k = kappa[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        bend = cells.events / mean**2 - k * (1.0 + k * cells.events) / (1.0 + k * mean) ** 2
        observed = np.where(mean > 0, cells.exposure**2 * bend, 0.0)
    return np.maximum(observed, 1e-3 * weight)


def centre(cells: Cells, weight: Floats) -> Centred:
    """Centre the columns within strata and invert the information left for the coefficients."""
    stratum_weight = cells.total(weight)
    with np.errstate(divide="ignore", invalid="ignore"):
        stratum_mean = cells.total(weight[..., None] * cells.columns) / stratum_weight[..., None]
    stratum_mean = np.where(stratum_weight[..., None] > 0, stratum_mean, 0.0)
    centred = cells.columns - stratum_mean[:, cells.stratum]
    information = np.einsum("bn,bnk,bnl->bkl", weight, centred, centred)
    size = np.einsum("bn,bnk,bnk->bk", weight, cells.columns, cells.columns)
    # Scaled by the columns' own size, the determinant is 0 when a column does not vary within strata.
    scale = np.sqrt(np.where(size > 0, size, 1.0))
    scaled = information / (scale[:, :, None] * scale[:, None, :])
    full_rank = np.linalg.det(scaled) > 1e-12
    safe = np.where(full_rank[:, None, None], scaled, np.eye(scaled.shape[-1]))
    inverse = np.linalg.inv(safe) / (scale[:, :, None] * scale[:, None, :])
    return Centred(stratum_weight, stratum_mean, centred, inverse, full_rank)


def _divide(numerator: Floats, denominator: Floats) -> Floats:
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)


def _start(cells: Cells, link: str) -> Floats:
    """Return intercepts of rates that are equal within strata."""
    events, exposure = cells.total(cells.events), cells.total(cells.exposure)
    if link == "identity":
        # Half an event keeps a stratum without events inside the domain.
        return _divide(events + 0.5, exposure)
    rate = _divide(events, exposure)
    known = rate > 0
    safe = np.where(known, rate, 0.5)
    return np.where(known, np.log(safe / (1.0 - safe) if link == "logit" else safe), 0.0)


def fit(
    cells: Cells,
    link: str,
    overdispersion: Floats | None = None,
    start: tuple[Floats, Floats] | None = None,
) -> Fit:
    """Fit by Fisher scoring with step-halving on the likelihood, all fits together.

    `link` is ``"log"``, ``"identity"`` (Poisson, or negative binomial with variance mean + k mean² when
    `overdispersion` gives k per fit) or ``"logit"`` (binomial, exposure = persons).
    """
    cells = _without_empty_strata(cells, link)
    fits, columns = cells.events.shape[0], cells.columns.shape[-1]
    kappa = np.zeros(fits) if overdispersion is None else overdispersion
    if start is None:
        start = (_start(cells, link), np.zeros((fits, columns)))
    intercepts, coefficients = start[0].copy(), start[1].copy()
    decrement = np.full(fits, np.inf)
    ranked = np.zeros(fits, dtype=bool)
    active = np.flatnonzero(cells.events.sum(axis=1) > 0)
    for _ in range(MOST_STEPS):
        if active.size == 0:
            break
        here = cells if active.size == fits else cells.rows(active)
        k, a, b = kappa[active], intercepts[active], coefficients[active]
        mean = _mean(here, link, a, b)
        likelihood = _log_likelihood(here, link, k, mean)
        weight, score = _weight_and_score(here, link, k, mean)
        middle = centre(here, _curvature(here, link, k, mean, weight))
        ranked[active] = middle.full_rank
        gradient = np.einsum("bnk,bn->bk", middle.columns, score)
        step_b = np.einsum("bkl,bl->bk", middle.inverse, gradient) * middle.full_rank[:, None]
        stratum_score = here.total(score)
        step_a = _divide(stratum_score, middle.stratum_weight)
        decrement[active] = (step_a * stratum_score).sum(axis=1) + (step_b * gradient).sum(axis=1)
        step_a = step_a - np.einsum("bsk,bk->bs", middle.stratum_mean, step_b)
        size = np.ones(active.size)
        for _ in range(30):
            trial_a, trial_b = a + size[:, None] * step_a, b + size[:, None] * step_b
            reached = _log_likelihood(here, link, k, _mean(here, link, trial_a, trial_b))
            # Close to the optimum the likelihood moves by less than its rounding.
            worse = reached < likelihood - 1e-12 * (1.0 + np.abs(likelihood))
            if not worse.any():
                break
            size = np.where(worse, size / 2.0, size)
        intercepts[active] = np.where(worse[:, None], a, trial_a)
        coefficients[active] = np.where(worse[:, None], b, trial_b)
        going = (decrement[active] > CONVERGED) & middle.full_rank & ~worse
        if link != "identity":
            going &= (np.abs(trial_b) < 2 * SEPARATED).all(axis=1)
        active = active[going]
    mean = _mean(cells, link, intercepts, coefficients)
    weight, score = _weight_and_score(cells, link, kappa, mean)
    estimable = ranked & (decrement < ACCEPTED)
    if link == "identity":
        estimable &= ~((mean <= 0) & (cells.exposure > 0)).any(axis=1)
    else:
        span = np.ptp(np.einsum("bnk,bk->bn", cells.columns, coefficients), axis=1)
        estimable &= span < SEPARATED
    return Fit(cells, intercepts, coefficients, kappa, mean, weight, score, estimable)


def fit_negative_binomial(cells: Cells, link: str) -> Fit:
    """Fit with variance mean + k mean², k from the Pearson residuals.

    k solves sum (d - m)² / (m + k m²) = cells - parameters, and is 0 where the counts vary no more than
    Poisson counts: with one intercept per age, maximum likelihood would take k too small.
    """
    result = fit(cells, link)
    freedom = residual_freedom(result)
    kappa = np.zeros(cells.events.shape[0])
    for _ in range(50):
        previous = kappa
        kappa = _overdispersion(result, freedom)
        if np.all(np.abs(kappa - previous) <= 1e-10 * (1e-3 + kappa)):
            break
        result = fit(cells, link, kappa, (result.intercepts, result.coefficients))
    return result


def residual_freedom(result: Fit) -> Floats:
    """Return cells with exposure, minus their strata, minus the columns; (fits,)."""
    used = (result.cells.exposure > 0).astype(np.float64)
    strata = result.cells.total(used) > 0
    return np.asarray(used.sum(axis=1) - strata.sum(axis=1) - result.cells.columns.shape[-1])


def _overdispersion(result: Fit, freedom: Floats) -> Floats:
    """Solve the Pearson equation for k, by Newton from 0: the sum is convex and falls with k."""
    mean = np.where(result.mean > 0, result.mean, 1.0)
    square = np.where(result.mean > 0, (result.cells.events - result.mean) ** 2, 0.0)
    kappa = np.zeros(freedom.shape)
    for _ in range(60):
        variance = mean + kappa[:, None] * mean**2
        excess = (square / variance).sum(axis=1) - freedom
        slope = (square * mean**2 / variance**2).sum(axis=1)
        step = np.where((excess > 0) & (freedom > 0), _divide(excess, slope), 0.0)
        kappa = kappa + step
        if np.all(step <= 1e-13 * (1e-3 + kappa)):
            break
    return np.where(result.estimable, kappa, 0.0)


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """Standard error of a quantity and the degrees of freedom of its Student limits (infinite: normal)."""

    se: Floats
    freedom: Floats


def uncertainty(result: Fit, by_intercept: Floats, by_coefficient: Floats, variance: str) -> Uncertainty:
    """Return the delta-method error of a quantity from its derivatives (fits, strata) and (fits, columns).

    ``"model"`` trusts the working variance. ``"scaled"`` multiplies it by the Pearson dispersion, with the
    degrees of freedom of the residuals (quasi-Poisson). ``"robust"`` sums squared influences, each residual
    enlarged by its leverage (HC2), with the degrees of freedom of Bell and McCaffrey (2002).
    """
    cells, weight = result.cells, result.weight
    middle = centre(cells, weight)
    per_weight = _divide(np.ones_like(middle.stratum_weight), middle.stratum_weight)
    direction = by_coefficient - np.einsum("bs,bsk->bk", by_intercept, middle.stratum_mean)
    direction = np.einsum("bkl,bl->bk", middle.inverse, direction)
    influence = (by_intercept * per_weight)[:, cells.stratum] + np.einsum(
        "bnk,bk->bn", middle.columns, direction
    )
    expected = influence**2 * weight
    se_of_model = np.sqrt(expected.sum(axis=1))
    if variance == "model":
        return Uncertainty(se_of_model, np.full(se_of_model.shape, np.inf))
    if variance == "scaled":
        pearson = _divide(result.score**2, weight).sum(axis=1)
        left = residual_freedom(result)
        return Uncertainty(se_of_model * np.sqrt(_divide(pearson, left)), np.maximum(left, 1.0))
    own = per_weight[:, cells.stratum] + np.einsum(
        "bnk,bkl,bnl->bn", middle.columns, middle.inverse, middle.columns
    )
    leverage = weight * own
    # A cell alone in its stratum is fitted exactly: its residual says nothing, the model's variance stands.
    free = leverage < 1.0 - 1e-9
    share = np.where(free, 1.0 / np.where(free, 1.0 - leverage, 1.0), 0.0)
    robust = np.where(free, influence**2 * result.score**2 * share, expected).sum(axis=1)
    load = np.where(free, expected * share, 0.0)
    traced = load * weight
    first = (load**2 * (1.0 - 2.0 * leverage)).sum(axis=1)
    by_stratum = cells.total(traced)
    tilted = cells.total(traced[..., None] * middle.columns)
    crossed = np.einsum("bn,bnk,bnl->bkl", traced, middle.columns, middle.columns)
    mixed = np.einsum("bkl,blm->bkm", middle.inverse, crossed)
    spread = (
        first
        + ((by_stratum * per_weight) ** 2).sum(axis=1)
        + 2.0 * np.einsum("bs,bsk,bkl,bsl->b", per_weight, tilted, middle.inverse, tilted)
        + np.einsum("bkl,blk->b", mixed, mixed)
    )
    level = np.where(free, expected, 0.0).sum(axis=1)
    freedom = _divide(level**2, np.maximum(spread, 0.0))
    return Uncertainty(np.sqrt(robust), np.where(freedom > 0, np.maximum(freedom, 1.0), np.inf))
