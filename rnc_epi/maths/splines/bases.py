"""Smooth functions written as columns with a diagonal penalty, so that every smooth is a set of variances.

A spline of the literature has a dense penalty matrix and one function too many, the constant that the
intercept already holds. Here each basis is turned once so that its penalty is diagonal and the constant is
a column of its own, which is dropped: what remains are independent Gaussian coefficients (and a few
unpenalised ones), exactly like a random effect. The fitted curve does not depend on the turning.

Thin-plate splines follow Wood (2003), cubic regression splines and tensor products Wood (2017, §5.3, §5.6).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from rnc_epi.maths.requirements import Floats, require_finite, require_whole
from rnc_epi.vocabulary.errors import InputError

# Beyond this many distinct values the thin-plate kernel matrix costs more than it brings.
_MOST_THIN_PLATE_KNOTS = 1_000


class Smooth(Protocol):
    """What a model needs to know of a term: its covariates, its columns, its diagonal penalties."""

    @property
    def name(self) -> str:
        """Name of the term in results."""

    @property
    def covariates(self) -> tuple[str, ...]:
        """Names of the covariates, in the order that `columns` takes them."""

    @property
    def penalties(self) -> Floats:
        """Diagonals of the penalties, shape (penalties, columns), non-negative."""

    @property
    def centred(self) -> bool:
        """Whether the columns are to sum to zero over the data (the intercept holds the constant)."""

    def columns(self, *values: ArrayLike) -> Floats:
        """Values of the basis functions, shape (rows, columns)."""


def on_one_axis(values: ArrayLike, what: str) -> Floats:
    """Return finite `values` with exactly one axis (M002, M007)."""
    numbers = require_finite(values, what)
    if numbers.ndim != 1:
        raise InputError("M002", what=what, expected="(rows,)", found=str(numbers.shape))
    return numbers


def distinct_values(values: ArrayLike, what: str, least: int) -> Floats:
    """Return the distinct values in increasing order, at least `least` of them (C001)."""
    distinct = np.unique(on_one_axis(values, what))
    if distinct.size < least:
        raise InputError("C001", what=what, least=least, found=distinct.size)
    return distinct


@dataclass(frozen=True)
class ThinPlate:
    """Thin-plate regression spline of one covariate, penalty the integral of the squared second derivative.

    Build it with :func:`thin_plate`.
    """

    name: str
    knots: Floats = field(repr=False)
    centre: float
    width: float
    weights: Floats = field(repr=False)
    penalties: Floats = field(repr=False)
    centred: bool = True

    @property
    def covariates(self) -> tuple[str, ...]:
        """The one covariate, named as the term."""
        return (self.name,)

    def columns(self, *values: ArrayLike) -> Floats:
        """Values of the basis functions at each value of the covariate; straight lines beyond the knots."""
        place = (on_one_axis(values[0], self.name) - self.centre) / self.width
        distance = np.abs(place[:, None] - self.knots[None, :])
        return np.column_stack([(distance**3 / 12) @ self.weights, place])


def thin_plate(name: str, values: ArrayLike, *, size: int = 10, knots: ArrayLike | None = None) -> ThinPlate:
    r"""Thin-plate regression spline of one covariate.

    The full spline has one radial function :math:`|x - x_i|^3 / 12` per distinct value; the `size` largest
    eigenvectors of their matrix are kept, which is the best approximation of that rank [1]_.

    Parameters
    ----------
    name : str
        Name of the covariate and of the term.
    values : array_like, shape (rows,)
        Values of the covariate in the data; the knots are the distinct ones.
    size : int
        Rank before the constant is dropped (mgcv's ``k``); fewer when there are fewer distinct values.
    knots : array_like, optional
        Knots to use in place of the distinct values of the data.

    Returns
    -------
    ThinPlate

    Raises
    ------
    InputError
        C001: fewer than three distinct values. M007: a value is not finite.

    References
    ----------
    .. [1] Wood SN. Thin plate regression splines. J R Stat Soc B 2003;65:95-114.
       doi:10.1111/1467-9868.00374

    Examples
    --------
    >>> ages = [2.5, 22.5, 42.5, 62.5, 82.5]
    >>> curve = thin_plate("age", ages, size=4)
    >>> curve.columns(ages).shape
    (5, 3)
    """
    require_whole(size, "size", least=3)
    places = distinct_values(values if knots is None else knots, name, 3)
    if places.size > _MOST_THIN_PLATE_KNOTS:
        ranks = np.linspace(0, places.size - 1, _MOST_THIN_PLATE_KNOTS).round().astype(np.int64)
        places = places[ranks]
    centre, width = float(places.mean()), float(np.ptp(places))
    scaled = (places - centre) / width
    kernel = np.abs(scaled[:, None] - scaled[None, :]) ** 3 / 12
    eigenvalues, vectors = np.linalg.eigh(kernel)
    kept = np.argsort(-np.abs(eigenvalues), kind="stable")[: min(size, places.size)]
    eigenvalues, vectors = eigenvalues[kept], vectors[:, kept]
    # The radial coefficients must be orthogonal to straight lines, otherwise the penalty is infinite.
    lines = np.column_stack([np.ones_like(scaled), scaled])
    orthogonal = np.linalg.qr(vectors.T @ lines, mode="complete")[0][:, 2:]
    penalty = orthogonal.T @ (eigenvalues[:, None] * orthogonal)
    roughness, turned = np.linalg.eigh(penalty)
    # Scaled so that each coefficient has unit penalty per squared unit of the covariate to the power -3,
    # the integral being over the covariate itself: the standard deviations then compare with mgcv's.
    weights = vectors @ orthogonal @ turned / np.sqrt(roughness) * width**1.5
    penalties = np.ones((1, weights.shape[1] + 1))
    penalties[0, -1] = 0.0
    return ThinPlate(name, scaled, centre, width, weights, penalties)
