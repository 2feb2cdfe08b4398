"""A sparse Gaussian field together with a few fixed effects, under sum-to-zero constraints.

With H the sparse precision of the field x, B its coupling to the fixed effects b and C x = 0 the
constraints, the precision of (x, b) is

    [ H   B ]
    [ B'  K ]      on the subspace C x = 0.

Conditioning on C x = 0 replaces H^-1 by  H^-1 - Y M^-1 Y'  with  Y = H^-1 C',  M = C Y  (Rue and Held 2005,
eq. 2.30); eliminating x then leaves the small matrix  S = K - B' U,  U = (constrained inverse) B.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, solve_triangular

from rnc_epi.maths.gmrf.factor import Factor, NotPositiveDefinite

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Constraints:
    """Groups of unknowns that each sum to zero.

    Attributes
    ----------
    group : array (size,)
        Group of each unknown, from 0; -1 where the unknown is free.
    number : int
        Number of groups.
    separate : bool
        Whether no non-zero of H joins two groups or a group and a free unknown that leads to another group:
        one solve then serves all groups at once.
    """

    group: Integers
    number: int
    separate: bool

    def indicators(self) -> Floats:
        """Return C' (size, number)."""
        members = np.zeros((self.group.size, self.number))
        inside = self.group >= 0
        members[inside, self.group[inside]] = 1.0
        return members

    @property
    def log_sizes(self) -> float:
        """Sum of the logarithms of the group sizes: log |C C'|."""
        return float(np.log(np.bincount(self.group[self.group >= 0], minlength=self.number)).sum())

    def responses(self, factor: Factor) -> Floats:
        """Return Y = H^-1 C' (size, number)."""
        if not self.number:
            return np.zeros((self.group.size, 0))
        members = self.indicators()
        if self.separate:
            return members * factor.solve((self.group >= 0).astype(np.float64))[:, None]
        return factor.solve(members)


class BorderedFactor:
    """Factorisation of a field with fixed effects and constraints.

    Parameters
    ----------
    factor : Factor
        Of H (size, size).
    constraints : Constraints
    border : array (size, p)
        B; p may be 0.
    corner : array (p, p)
        K.

    Raises
    ------
    NotPositiveDefinite
        When the fixed effects cannot be told apart given the data.
    """

    def __init__(self, factor: Factor, constraints: Constraints, border: Floats, corner: Floats) -> None:
        self.factor = factor
        self.constraints = constraints
        self.border = border
        self.members = constraints.indicators()
        self.responses = constraints.responses(factor)
        self._gram = _cholesky(self.members.T @ self.responses)
        self.unit = self._project(factor.solve(border)) if border.shape[1] else np.zeros_like(border)
        self._schur = _cholesky(corner - border.T @ self.unit)

    def _project(self, x: Floats) -> Floats:
        if not self.constraints.number:
            return x
        return np.asarray(x - self.responses @ cho_solve(self._gram, self.members.T @ x))

    @property
    def log_determinant(self) -> float:
        """Log-determinant of the precision of (x, b) on the subspace of the constraints."""
        total = self.factor.log_determinant - self.constraints.log_sizes
        return float(total + 2.0 * sum(np.log(np.diag(c[0])).sum() for c in (self._gram, self._schur)))

    def solve(self, field: Floats, effects: Floats) -> tuple[Floats, Floats]:
        """Return the constrained mean (x, b) whose natural parameter is (`field`, `effects`)."""
        x = self._project(self.factor.solve(field))
        if not self.border.shape[1]:
            return x, np.zeros(0)
        b = cho_solve(self._schur, effects - self.border.T @ x)
        return np.asarray(x - self.unit @ b), np.asarray(b)

    def effects_covariance(self) -> Floats:
        """Return the covariance of the fixed effects (p, p)."""
        return np.asarray(cho_solve(self._schur, np.eye(self.border.shape[1])))

    def row_variances(
        self, unconstrained: Floats, responses: Floats, unit: Floats, effects: Floats
    ) -> Floats:
        """Return the variance of each row a'x + c'b.

        Parameters
        ----------
        unconstrained : array (rows,)
            a' H^-1 a.
        responses, unit : arrays (rows, number), (rows, p)
            a' applied to ``self.responses`` and ``self.unit``.
        effects : array (rows, p)
            c.
        """
        variance = unconstrained
        if self.constraints.number:
            half = responses @ _inverse(self._gram[0]).T
            variance = variance - (half**2).sum(axis=1)
        if self.border.shape[1]:
            half = (effects - unit) @ _inverse(self._schur[0]).T
            variance = variance + (half**2).sum(axis=1)
        return np.asarray(variance)

    def sample(self, normals: Floats, effect_normals: Floats) -> tuple[Floats, Floats]:
        """Turn standard normals (size, m) and (p, m) into joint draws of (x, b) about their mean."""
        x = self._project(self.factor.sample(normals))
        if not self.border.shape[1]:
            return x, np.zeros((0, normals.shape[1]))
        b = _inverse(self._schur[0]).T @ effect_normals
        return np.asarray(x - self.unit @ b), np.asarray(b)


def _inverse(lower: Floats) -> Floats:
    """Return the inverse of a small triangle: with thousands of right-hand sides, a product is much faster
    than as many substitutions.
    """
    return np.asarray(solve_triangular(lower, np.eye(len(lower)), lower=True))


def _cholesky(matrix: Floats) -> tuple[Floats, bool]:
    try:
        lower, _ = cho_factor(matrix, lower=True) if matrix.size else (matrix, True)
    except np.linalg.LinAlgError as error:
        raise NotPositiveDefinite("fixed effects or constraints are not independent") from error
    return np.asarray(np.tril(lower)), True
