"""A sparse Gaussian field together with a few fixed effects, under sum-to-zero constraints.

With H the sparse precision of the field x, B its coupling to the fixed effects b and C x = 0 the
constraints, the precision of (x, b) is

    [ H   B ]
    [ B'  K ]      on the subspace C x = 0.

Conditioning on C x = 0 replaces H^-1 by  H^-1 - Y M^-1 Y'  with  Y = H^-1 C',  M = C Y  (Rue and Held 2005,
eq. 2.30); eliminating x then leaves the small matrix  S = K - B' U,  U = (constrained inverse) B.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf, dpotrs, dtrtri

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

    @cached_property
    def log_sizes(self) -> float:
        """Sum of the logarithms of the group sizes: log |C C'|."""
        return float(np.log(np.bincount(self.group[self.group >= 0], minlength=self.number)).sum())

    @cached_property
    def inside(self) -> Floats:
        """1 for the unknowns of a group, 0 for those that are free (size,)."""
        return (self.group >= 0).astype(np.float64)

    @cached_property
    def place(self) -> Integers:
        """Group of each unknown, with one more for those that are free (size,)."""
        return np.where(self.group >= 0, self.group, self.number)


class _Apart:
    """The constraints C x = 0 where no non-zero of H joins two groups: Y has one number an unknown, M is
    diagonal.
    """

    def __init__(self, factor: Factor, constraints: Constraints) -> None:
        self.constraints, self.place, self.number = constraints, constraints.place, constraints.number
        self.response = factor.solve(constraints.inside)
        self.gram = np.bincount(self.place, self.response, self.number + 1)
        # Free unknowns take nothing.
        self.gram[self.number] = np.inf
        if not (self.gram > 0).all():
            raise NotPositiveDefinite("constraints are not independent")
        self.log_determinant = float(np.log(self.gram[: self.number]).sum())

    def project(self, x: Floats) -> Floats:
        """Return x less its part along Y."""
        if x.ndim == 1 or x.shape[1] == 1:
            share = np.bincount(self.place, x.ravel(), self.number + 1) / self.gram
            return np.asarray(x - (self.response * share[self.place]).reshape(x.shape))
        shares = np.vstack([self.constraints.indicators().T @ x, np.zeros(x.shape[1])]) / self.gram[:, None]
        shares = shares[self.place]
        shares *= self.response[:, None]
        return np.subtract(x, shares, out=shares)

    def taken(self, see: Callable[[Floats], Floats] | None) -> Floats:
        """Return what the constraints take from the variance of each row (rows,)."""
        part = self.response / np.sqrt(self.gram)[self.place]
        if see is None:
            return np.asarray(part**2)
        columns = np.zeros((part.size, self.number + 1))
        columns[np.arange(part.size), self.place] = part
        return np.asarray((see(columns) ** 2).sum(axis=1))


class _Joined:
    """The constraints C x = 0 where groups reach one another."""

    def __init__(self, factor: Factor, constraints: Constraints) -> None:
        self.members = constraints.indicators()
        self.responses = factor.solve(self.members)
        self.gram = _cholesky(self.members.T @ self.responses)
        self.log_determinant = _log_determinant(self.gram)

    def project(self, x: Floats) -> Floats:
        """Return x less its part along Y."""
        return np.asarray(x - self.responses @ _solve(self.gram, self.members.T @ x))

    def taken(self, see: Callable[[Floats], Floats] | None) -> Floats:
        """Return what the constraints take from the variance of each row (rows,)."""
        responses = self.responses if see is None else see(self.responses)
        return np.asarray(((responses @ _inverse(self.gram).T) ** 2).sum(axis=1))


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
        self.border = border
        self._log_sizes = constraints.log_sizes
        self._condition: _Apart | _Joined | None = None
        if constraints.number:
            self._condition = (_Apart if constraints.separate else _Joined)(factor, constraints)
        self.unit = self._project(factor.solve(border)) if border.shape[1] else np.zeros_like(border)
        self._schur = _cholesky(corner - border.T @ self.unit)

    def _project(self, x: Floats) -> Floats:
        return x if self._condition is None else self._condition.project(x)

    @property
    def log_determinant(self) -> float:
        """Log-determinant of the precision of (x, b) on the subspace of the constraints."""
        total = self.factor.log_determinant - self._log_sizes
        if self._condition is not None:
            total += self._condition.log_determinant
        return float(total + _log_determinant(self._schur))

    def solve(self, field: Floats, effects: Floats) -> tuple[Floats, Floats]:
        """Return the constrained mean (x, b) whose natural parameter is (`field`, `effects`)."""
        x = self._project(self.factor.solve(field))
        if not self.border.shape[1]:
            return x, np.zeros(0)
        b = _solve(self._schur, effects - self.border.T @ x)
        return np.asarray(x - self.unit @ b), b

    def effects_covariance(self) -> Floats:
        """Return the covariance of the fixed effects (p, p)."""
        return _solve(self._schur, np.eye(self.border.shape[1]))

    def row_variances(
        self, unconstrained: Floats, effects: Floats, see: Callable[[Floats], Floats] | None = None
    ) -> Floats:
        """Return the variance of each row a'x + c'b.

        Parameters
        ----------
        unconstrained : array (rows,)
            a' H^-1 a.
        effects : array (rows, p)
            c.
        see : callable, optional
            Gives a'x of the columns of a matrix (size, columns); without it, row i sees unknown i.
        """
        variance = unconstrained
        if self._condition is not None:
            variance = variance - self._condition.taken(see)
        if self.border.shape[1]:
            unit = self.unit if see is None else see(self.unit)
            half = (effects - unit) @ _inverse(self._schur).T
            variance = variance + (half**2).sum(axis=1)
        return np.asarray(variance)

    def sample(self, normals: Floats, effect_normals: Floats) -> tuple[Floats, Floats]:
        """Turn standard normals (size, m) and (p, m) into joint draws of (x, b) about their mean."""
        x = self._project(self.factor.sample(normals))
        if not self.border.shape[1]:
            return x, np.zeros((0, normals.shape[1]))
        b = _inverse(self._schur).T @ effect_normals
        return np.asarray(x - self.unit @ b), np.asarray(b)


# Matrices of one to a few rows, thousands of times in a fit: LAPACK itself, because the checks of its
# wrappers take longer than the work.


def _cholesky(matrix: Floats) -> Floats:
    """Return the lower triangle L of a small matrix L L'."""
    if not matrix.size:
        return matrix
    lower, failed = dpotrf(matrix, lower=1, clean=1)
    if failed:
        raise NotPositiveDefinite("fixed effects or constraints are not independent")
    return np.asarray(lower)


def _solve(lower: Floats, right: Floats) -> Floats:
    return np.asarray(dpotrs(lower, right, lower=1)[0]) if lower.size else right


def _inverse(lower: Floats) -> Floats:
    """Return the inverse of a small triangle: with thousands of right-hand sides, a product is much faster
    than as many substitutions.
    """
    return np.asarray(dtrtri(lower, lower=1)[0]) if lower.size else lower


def _log_determinant(lower: Floats) -> float:
    return 2.0 * float(np.log(lower.diagonal()).sum())
