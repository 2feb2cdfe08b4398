"""Estimates whose errors are correlated: the same models, by dense algebra.

Estimates calibrated on the same coefficients share their errors; treated as independent, they would look
more certain than they are where they err together. With S the covariance of the errors and K that of the
log risks and effects under the model, everything is a normal conditional.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import cho_factor, cho_solve, null_space

from rnc_epi.maths.requirements import require_finite
from rnc_epi.maths.smallarea.exploration import Plan
from rnc_epi.maths.smallarea.integrated import Approximation, Engine, Integrated
from rnc_epi.maths.smallarea.laplace import Problem
from rnc_epi.maths.smallarea.models import PriorPrecision, ResolvedPriors
from rnc_epi.vocabulary.errors import EstimateRefused, InputError

Floats = NDArray[np.float64]


def error_covariance(errors: ArrayLike, size: int) -> Floats:
    """Return a covariance matrix, checked (M002, M007, A009)."""
    matrix = require_finite(errors, "errors")
    if matrix.shape != (size, size):
        raise InputError(
            "M002", what="errors", expected=f"({size},) or ({size}, {size})", found=str(matrix.shape)
        )
    if not np.allclose(matrix, matrix.T, rtol=1e-8, atol=0.0):
        raise InputError("A009", found="not symmetric")
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError as error:
        raise InputError("A009", found="not positive definite") from error
    return matrix


class DenseEngine(Engine):
    """The engine for Gaussian estimates with a full error covariance."""

    def __init__(
        self,
        problem: Problem,
        precision: Callable[[Mapping[str, float]], PriorPrecision],
        priors: ResolvedPriors,
        covariance: Floats,
    ) -> None:
        super().__init__(problem, precision, priors)
        self.covariance = covariance
        members = problem.constraints.indicators()
        size = problem.analysis.size
        # Columns: a basis of the fields that satisfy the constraints.
        self.free = null_space(members.T) if members.shape[1] else np.eye(size)
        effects = problem.effects
        self.level = (effects / problem.effect_precision) @ effects.T

    def _risk_covariance(self, scores: Floats) -> Floats:
        prior = self.prior_at(scores)
        rows = self.problem.effects.shape[0]
        covariance = prior.noise * np.eye(rows)
        analysis = self.problem.analysis
        if analysis.size:
            lower = np.zeros((analysis.size, analysis.size))
            row = analysis.order[np.repeat(np.arange(analysis.size), np.diff(analysis.entry_start))]
            column = analysis.order[analysis.entry_column]
            lower[row, column] = prior.entries
            lower[column, row] = prior.entries
            covariance += self.free @ np.linalg.solve(self.free.T @ lower @ self.free, self.free.T)
        return covariance

    def log_density(self, scores: Floats) -> float:
        """Return the log-density of the scores given the data."""
        key = scores.tobytes()
        if key not in self._values:
            finite = scores[np.isfinite(scores)]
            prior = -0.5 * float(finite @ finite) - 0.5 * finite.size * np.log(2.0 * np.pi)
            self.factorisations += 1
            factor, residual = self._conditioning(self._risk_covariance(scores))
            penalty = float(residual @ cho_solve(factor, residual)) + residual.size * np.log(2.0 * np.pi)
            self._values[key] = prior - 0.5 * penalty - float(np.log(np.diag(factor[0])).sum())
        return self._values[key]

    def _conditioning(self, risks: Floats) -> tuple[tuple[Floats, bool], Floats]:
        problem = self.problem
        try:
            lower, _ = cho_factor(risks + self.level + self.covariance, lower=True)
        except np.linalg.LinAlgError as error:
            raise EstimateRefused("A020", found="covariance not positive definite") from error
        return (lower, True), problem.likelihood.data - problem.effects @ problem.effect_mean

    def _posterior(self, scores: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Return mean and covariance of the log risks, then of the effects."""
        problem = self.problem
        risks = self._risk_covariance(scores)
        factor, residual = self._conditioning(risks)
        total = risks + self.level
        mean = problem.effects @ problem.effect_mean + total @ cho_solve(factor, residual)
        covariance = total - total @ cho_solve(factor, total)
        effects = problem.effects / problem.effect_precision
        effect_mean = problem.effect_mean + effects.T @ cho_solve(factor, residual)
        effect_covariance = np.diag(1.0 / problem.effect_precision) - effects.T @ cho_solve(factor, effects)
        return mean, covariance, effect_mean, effect_covariance

    def approximate(self, scores: Floats) -> Approximation:
        """Return the exact normal conditional at a point."""
        mean, covariance, effect_mean, effect_covariance = self._posterior(scores)
        return Approximation(
            mean, np.diag(covariance).copy(), np.zeros(mean.size), effect_mean, effect_covariance
        )

    def integrate(self, start: Floats, plan: Plan) -> Integrated:
        """Explore the hyperparameters and return the normal conditional at each kept point."""
        result = super().integrate(start, plan)
        return replace(result, components=replace(result.components, separate=False))

    def deviations(self, scores: Floats, rng: np.random.Generator, n: int) -> Floats:
        """Return draws of the log risks about their mean (rows, n)."""
        _, covariance, _, _ = self._posterior(scores)
        values, vectors = np.linalg.eigh(covariance)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        return np.asarray(root @ rng.standard_normal((values.size, n)))
