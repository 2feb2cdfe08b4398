"""Restricted likelihood of the smoothing parameters, with slope and curvature, for many responses at once.

All penalties being diagonal, the penalised information is ``H = X'WX + diag(s)`` with
``s = sum_k exp(rho_k) d_k``. The Laplace approximation of the restricted likelihood (Wood 2011, eq. 4), to
be minimised, is

    D_p / 2 phi - l_s(phi) + log|H| / 2 - log|s|_+ / 2 - M log(2 pi phi) / 2

with D_p the penalised deviance, M the number of unpenalised coefficients. An unknown scale phi is profiled
out: phi = D_p / (n - M). Slope and curvature in rho are exact (implicit differentiation of the penalised
fit), so a Newton search needs few steps. The first axis of every array holds the responses: leaving one
district out, a bootstrap and a simulation are each a single call.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rnc_epi.maths.requirements import Floats
from rnc_epi.maths.splines.families import Family

_FIT_TOLERANCE = 1e-10
_FIT_STEPS = 100
_HALVINGS = 40
_RIDGE = 1e-12
_LEAST_INFORMATION = 1e-200


@dataclass
class Problem:
    """Responses that share a design: arrays of shape (responses, rows) beside one model matrix."""

    matrix: Floats
    penalties: Floats
    unpenalised: int
    family: Family
    response: Floats
    offset: Floats
    weights: Floats

    @cached_property
    def transposed(self) -> Floats:
        """Transposed model matrix, laid out by column for the weighted products."""
        return np.ascontiguousarray(self.matrix.T)

    @cached_property
    def split(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Columns without structure, and indicator columns of which a row has one at most.

        The information of the latter among themselves is diagonal: with many districts most of the products
        are zeros that need not be computed.
        """
        is_indicator = np.isin(self.matrix, (0.0, 1.0)).all(axis=0)
        candidates = np.flatnonzero(is_indicator & (self.matrix.sum(axis=0) < len(self.matrix)))
        apart = candidates.size and self.matrix[:, candidates].sum(axis=1).max() <= 1
        disjoint = candidates if apart else candidates[:0]
        return np.setdiff1d(np.arange(self.matrix.shape[1]), disjoint), disjoint

    def of(self, chosen: NDArray[np.intp]) -> Problem:
        """Return the same problem for some of the responses."""
        part = Problem(
            self.matrix,
            self.penalties,
            self.unpenalised,
            self.family,
            self.response[chosen],
            self.offset[chosen],
            self.weights[chosen],
        )
        part.__dict__["transposed"], part.__dict__["split"] = self.transposed, self.split
        return part


@dataclass
class State:
    """Penalised fit at given smoothing parameters and, for the search, the criterion and its derivatives."""

    coefficients: Floats
    inverse: Floats
    score: Floats
    slope: Floats
    curvature: Floats
    scale: Floats
    converged: NDArray[np.bool_]


def predictor(problem: Problem, coefficients: Floats) -> Floats:
    """Linear predictor, offset included, shape (responses, rows)."""
    return problem.offset + coefficients @ problem.matrix.T


def information(problem: Problem, curvature: Floats) -> Floats:
    """``X' diag(curvature) X`` for each response, shape (responses, columns, columns)."""
    matrix = problem.matrix
    rows, columns = matrix.shape
    plain, disjoint = problem.split
    weighted = (curvature[:, None, :] * problem.transposed[None, plain]).reshape(-1, rows)
    part = (weighted @ matrix).reshape(len(curvature), plain.size, columns)
    if not disjoint.size:
        return part
    whole = np.zeros((len(curvature), columns, columns))
    whole[:, plain] = part
    whole[:, disjoint[:, None], plain[None]] = part[:, :, disjoint].transpose(0, 2, 1)
    whole[:, disjoint, disjoint] = curvature @ matrix[:, disjoint]
    return whole


def _leverage(problem: Problem, inverse: Floats) -> Floats:
    """Diagonal of ``X inverse X'`` for each response, shape (responses, rows)."""
    matrix = problem.matrix
    plain, disjoint = problem.split
    half = matrix[:, plain] @ inverse[:, plain]
    found = np.einsum("rnp,np->rn", half[:, :, plain], matrix[:, plain])
    if disjoint.size:
        own = matrix[:, disjoint]
        found += 2 * np.einsum("rnp,np->rn", half[:, :, disjoint], own)
        found += np.einsum("rpp->rp", inverse)[:, disjoint] @ own.T
    return np.asarray(found)


def _balanced(system: Floats) -> tuple[Floats, Floats]:
    """Scale a symmetric system to a unit diagonal, so that extreme penalties cost no precision.

    Where all events lie at one end of the ages the likelihood has no maximum and the information becomes
    singular: the trace of a ridge keeps the steps finite, and the standard errors say the rest.
    """
    size = 1 / np.sqrt(np.maximum(np.einsum("rpp->rp", system), _LEAST_INFORMATION))
    return system * size[:, :, None] * size[:, None, :] + _RIDGE * np.eye(system.shape[1]), size


def inverse_information(problem: Problem, curvature: Floats, penalty: Floats) -> Floats:
    """Inverse of ``X' diag(curvature) X + diag(penalty)`` for each response."""
    system, size = _balanced(information(problem, curvature) + _diagonal(penalty))
    return np.linalg.inv(system) * size[:, :, None] * size[:, None, :]


def _penalised_deviance(problem: Problem, eta: Floats, coefficients: Floats, penalty: Floats) -> Floats:
    with np.errstate(over="ignore", invalid="ignore"):
        deviance = (problem.weights * problem.family.deviance(problem.response, eta)).sum(axis=1)
        # Rounding leaves a perfect fit a little below zero.
        floor = 1e-12 * (problem.weights * np.abs(problem.response)).sum(axis=1)
        return np.maximum(deviance, floor) + (penalty * coefficients**2).sum(axis=1)


def first_coefficients(problem: Problem, penalty: Floats) -> Floats:
    """One weighted least-squares step from the family's first guess."""
    guess = problem.family.first_guess(problem.response)
    _, curvature, _, _ = problem.family.derivatives(problem.response, guess)
    curvature = problem.weights * curvature
    system, size = _balanced(information(problem, curvature) + _diagonal(penalty))
    target = (curvature * (guess - problem.offset)) @ problem.matrix
    return np.linalg.solve(system, (target * size)[:, :, None])[:, :, 0] * size


def _diagonal(values: Floats) -> Floats:
    return values[:, :, None] * np.eye(values.shape[1])


def penalised_fit(
    problem: Problem, penalty: Floats, start: Floats
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Newton's method for the coefficients at given penalties.

    Returns the coefficients, the linear predictor and which responses converged. A step that does not
    improve the penalised deviance is halved, each response for itself.
    """
    coefficients = start.copy()
    eta = predictor(problem, coefficients)
    deviance = _penalised_deviance(problem, eta, coefficients, penalty)
    active = np.arange(len(coefficients))
    converged = np.zeros(len(coefficients), dtype=bool)
    part, part_penalty = problem, penalty
    for _ in range(_FIT_STEPS):
        slope, curvature, _, _ = part.family.derivatives(part.response, eta[active])
        gradient = (part.weights * slope) @ part.matrix - part_penalty * coefficients[active]
        system, size = _balanced(information(part, part.weights * curvature) + _diagonal(part_penalty))
        step = np.linalg.solve(system, (gradient * size)[:, :, None])[:, :, 0] * size
        gain = (gradient * step).sum(axis=1)
        length = np.ones(len(active))
        trial = coefficients[active] + step
        trial_eta = predictor(part, trial)
        trial_deviance = _penalised_deviance(part, trial_eta, trial, part_penalty)
        allowed = deviance[active] + 1e-9 * (np.abs(deviance[active]) + 1)
        for _ in range(_HALVINGS):
            worse = ~(trial_deviance <= allowed)
            if not worse.any():
                break
            length[worse] /= 2
            trial[worse] = coefficients[active][worse] + length[worse, None] * step[worse]
            trial_eta[worse] = part.offset[worse] + trial[worse] @ part.matrix.T
            trial_deviance = _penalised_deviance(part, trial_eta, trial, part_penalty)
        coefficients[active], eta[active], deviance[active] = trial, trial_eta, trial_deviance
        done = gain <= _FIT_TOLERANCE * (np.abs(deviance[active]) + 1)
        converged[active[done]] = True
        if done.all():
            break
        if done.any():
            active = active[~done]
            part, part_penalty = problem.of(active), penalty[active]
    return coefficients, eta, converged


def _log_determinant(penalties: Floats, rho: Floats) -> tuple[Floats, Floats, Floats]:
    """Logarithm of the product of the positive penalties, with its slope and curvature in rho."""
    touched = penalties.sum(axis=0) > 0
    parts = np.exp(rho)[:, :, None] * penalties[None, :, touched]
    total = parts.sum(axis=1, keepdims=True)
    shares = parts / total
    slope = shares.sum(axis=2)
    curvature = -shares @ shares.transpose(0, 2, 1)
    curvature[:, np.arange(rho.shape[1]), np.arange(rho.shape[1])] += slope
    return np.log(total[:, 0]).sum(axis=1), slope, curvature


def evaluate(problem: Problem, rho: Floats, start: Floats) -> State:
    """Fit at log smoothing parameters `rho`, (responses, penalties), and differentiate the criterion."""
    family, matrix = problem.family, problem.matrix
    penalised = np.exp(rho)[:, :, None] * problem.penalties[None]
    penalty = penalised.sum(axis=1)
    beta, eta, converged = penalised_fit(problem, penalty, start)
    _, second, third, fourth = family.derivatives(problem.response, eta)
    second, third, fourth = (problem.weights * term for term in (second, third, fourth))
    system, size = _balanced(information(problem, second) + _diagonal(penalty))
    sign, log_information = np.linalg.slogdet(system)
    log_information = log_information - 2 * np.log(size).sum(axis=1)
    inverse = np.linalg.inv(system) * size[:, :, None] * size[:, None, :]

    # First derivatives of the coefficients: H b_k = -exp(rho_k) d_k b.
    pull = penalised * beta[:, None, :]
    slope_beta = -pull @ inverse
    slope_eta = slope_beta @ matrix.T
    deviance = _penalised_deviance(problem, eta, beta, penalty)
    deviance_slope = (pull * beta[:, None, :]).sum(axis=2)
    leverage = _leverage(problem, inverse)
    traces = (penalised * np.einsum("rpp->rp", inverse)[:, None, :]).sum(axis=2)

    count, m = rho.shape
    turned = np.empty((count, m, *inverse.shape[1:]))
    for k in range(m):
        moved = information(problem, third * slope_eta[:, k]) + _diagonal(penalised[:, k])
        turned[:, k] = inverse @ moved
    information_slope = np.einsum("rkpp->rk", turned)
    information_curvature = np.empty((count, m, m))
    deviance_curvature = np.empty((count, m, m))
    for k in range(m):
        for j in range(k + 1):
            both = slope_eta[:, k] * slope_eta[:, j]
            force = (
                (third * both) @ matrix
                + penalised[:, j] * slope_beta[:, k]
                + penalised[:, k] * slope_beta[:, j]
            )
            bend = -np.einsum("rpq,rq->rp", inverse, force)
            if j == k:
                bend = bend + slope_beta[:, k]
            change = (leverage * (fourth * both + third * (bend @ matrix.T))).sum(axis=1)
            crossed = np.einsum("rpq,rqp->r", turned[:, k], turned[:, j])
            value = change - crossed + (traces[:, k] if j == k else 0.0)
            information_curvature[:, k, j] = information_curvature[:, j, k] = value
            bowl = 2 * (pull[:, k] * slope_beta[:, j]).sum(axis=1)
            bowl = bowl + (deviance_slope[:, k] if j == k else 0.0)
            deviance_curvature[:, k, j] = deviance_curvature[:, j, k] = bowl

    log_penalty, penalty_slope, penalty_curvature = _log_determinant(problem.penalties, rho)
    score = (log_information - log_penalty) / 2
    slope = (information_slope - penalty_slope) / 2
    curvature = (information_curvature - penalty_curvature) / 2
    free = problem.unpenalised
    if family.scaled:
        left = (problem.weights > 0).sum(axis=1) - free
        scale = deviance / left
        score = score + left * (np.log(2 * np.pi * scale) + 1) / 2
        slope = slope + left[:, None] * deviance_slope / deviance[:, None] / 2
        ratio = deviance_slope / deviance[:, None]
        curvature = curvature + left[:, None, None] / 2 * (
            deviance_curvature / deviance[:, None, None] - ratio[:, :, None] * ratio[:, None, :]
        )
    else:
        scale = np.ones(count)
        saturated = (problem.weights * family.saturated(problem.response)).sum(axis=1)
        score = score + deviance / 2 - saturated - free * np.log(2 * np.pi) / 2
        slope = slope + deviance_slope / 2
        curvature = curvature + deviance_curvature / 2
    return State(beta, inverse, score, slope, curvature, scale, converged & (sign > 0))
