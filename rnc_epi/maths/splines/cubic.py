"""Cubic regression splines, natural at their ends, and their tensor product (Wood 2017, §5.3, §5.6)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from rnc_epi.maths.requirements import Floats, require_whole
from rnc_epi.maths.splines.bases import distinct_values, on_one_axis


def _cubic_matrices(knots: Floats) -> tuple[Floats, Floats]:
    """Second derivatives at the knots per value at the knots, and the penalty (Wood 2017, table 5.1)."""
    h = np.diff(knots)
    k = knots.size
    difference = np.zeros((k - 2, k))
    tridiagonal = np.zeros((k - 2, k - 2))
    inner = np.arange(k - 2)
    difference[inner, inner] = 1 / h[:-1]
    difference[inner, inner + 1] = -1 / h[:-1] - 1 / h[1:]
    difference[inner, inner + 2] = 1 / h[1:]
    tridiagonal[inner, inner] = (h[:-1] + h[1:]) / 3
    tridiagonal[inner[:-1], inner[:-1] + 1] = tridiagonal[inner[:-1] + 1, inner[:-1]] = h[1:-1] / 6
    second = np.linalg.solve(tridiagonal, difference)
    penalty = difference.T @ second
    return np.vstack([np.zeros(k), second, np.zeros(k)]), (penalty + penalty.T) / 2


def _cubic_values(place: Floats, knots: Floats, second: Floats) -> Floats:
    """Cardinal cubic spline basis at `place`: one column per knot; straight lines beyond the end knots."""
    inside = np.clip(place, knots[0], knots[-1])
    left = np.clip(np.searchsorted(knots, inside, side="right") - 1, 0, knots.size - 2)
    h = knots[left + 1] - knots[left]
    up, down = knots[left + 1] - inside, inside - knots[left]
    columns = (up**3 / h - h * up)[:, None] / 6 * second[left]
    columns += (down**3 / h - h * down)[:, None] / 6 * second[left + 1]
    rows = np.arange(place.size)
    columns[rows, left] += up / h
    columns[rows, left + 1] += down / h
    beyond = place - inside
    outside = beyond != 0
    if outside.any():
        at = left[outside]
        width = h[outside]
        slope = np.zeros((at.size, knots.size))
        steps = np.arange(at.size)
        slope[steps, at] = -1 / width
        slope[steps, at + 1] = 1 / width
        before = place[outside] < knots[0]
        # Second derivative vanishes at the end knots: only the inner neighbour's remains.
        slope += np.where(before, -width / 6, width / 6)[:, None] * np.where(
            before[:, None], second[at + 1], second[at]
        )
        columns[outside] += beyond[outside, None] * slope
    return columns


@dataclass(frozen=True)
class CubicRegression:
    """Natural cubic spline through its values at the knots. Build it with :func:`cubic_regression`.

    ``eigenvalues`` and ``rotation`` turn the penalty diagonal; the first rotated column is the constant.
    """

    name: str
    knots: Floats
    second: Floats = field(repr=False)
    rotation: Floats = field(repr=False)
    eigenvalues: Floats = field(repr=False)
    penalised: bool = True
    centred: bool = True

    @property
    def covariates(self) -> tuple[str, ...]:
        """The one covariate, named as the term."""
        return (self.name,)

    @property
    def penalties(self) -> Floats:
        """Ones for the curved directions and zero for the straight line; none for an unpenalised spline."""
        if not self.penalised:
            return np.zeros((0, self.knots.size - 1))
        return (self.eigenvalues[None, 1:] > 0).astype(np.float64)

    def rotated(self, values: ArrayLike) -> Floats:
        """Basis turned so that the penalty is ``diag(eigenvalues)``; the first column is constant."""
        place = on_one_axis(values, self.name)
        return _cubic_values(place, self.knots, self.second) @ self.rotation

    def columns(self, *values: ArrayLike) -> Floats:
        """Values of the basis functions, the constant dropped, scaled to unit penalties."""
        size = np.where(self.eigenvalues[1:] > 0, self.eigenvalues[1:], 1.0)
        return self.rotated(values[0])[:, 1:] / np.sqrt(size)


def cubic_regression(
    name: str,
    values: ArrayLike,
    *,
    size: int = 10,
    knots: ArrayLike | None = None,
    penalised: bool = True,
) -> CubicRegression:
    """Cubic regression spline of one covariate, natural at its end knots.

    Parameters
    ----------
    name : str
        Name of the covariate and of the term.
    values : array_like, shape (rows,)
        Values of the covariate in the data.
    size : int
        Number of knots, placed at equally spaced quantiles of the distinct values (mgcv's ``k``).
    knots : array_like, optional
        Knots to use in place of the quantiles, in increasing order.
    penalised : bool
        False gives a regression spline whose shape only the number of knots restrains.

    Returns
    -------
    CubicRegression

    Raises
    ------
    InputError
        C001: fewer than three distinct values or knots. M007: a value is not finite.

    References
    ----------
    .. [1] Wood SN. Generalized Additive Models: an Introduction with R, 2nd ed. CRC Press 2017, §5.3.1.

    Examples
    --------
    A straight line is in the space whatever the knots: it interpolates exactly, beyond the ends too.

    >>> curve = cubic_regression("age", [0, 1, 2, 3, 4], size=4)
    >>> basis = curve.columns([0, 1, 2, 3, 4, 9])
    >>> import numpy as np
    >>> design = np.column_stack([np.ones(6), basis])
    >>> coefficients = np.linalg.lstsq(design[:5], np.arange(5.0), rcond=None)[0]
    >>> float(np.round(design[5] @ coefficients, 8))
    9.0
    """
    if knots is None:
        require_whole(size, "size", least=3)
        distinct = distinct_values(values, name, 3)
        places = np.quantile(distinct, np.linspace(0, 1, min(size, distinct.size)))
    else:
        places = distinct_values(knots, f"knots of {name}", 3)
    second, penalty = _cubic_matrices(places)
    eigenvalues, vectors = np.linalg.eigh(penalty)
    # Constants and straight lines have no curvature: their two directions are written exactly.
    constant = np.ones(places.size)
    flat = np.linalg.qr(np.column_stack([constant, places]))[0]
    rotation = np.column_stack([flat, vectors[:, 2:]])
    return CubicRegression(
        name, places, second, rotation, np.concatenate([[0.0, 0.0], eigenvalues[2:]]), penalised
    )


@dataclass(frozen=True)
class Tensor:
    """Smooth surface of two covariates, one smoothing parameter in each direction.

    Build it with :func:`tensor`.
    """

    margins: tuple[CubicRegression, CubicRegression]
    centred: bool = True

    @property
    def name(self) -> str:
        """``te(first, second)``."""
        return f"te({self.margins[0].name}, {self.margins[1].name})"

    @property
    def covariates(self) -> tuple[str, ...]:
        """The two covariates, in the order of the margins."""
        return tuple(margin.name for margin in self.margins)

    @property
    def penalties(self) -> Floats:
        """Roughness along each covariate, each relative to the roughest direction of its margin."""
        first, second = (margin.eigenvalues / margin.eigenvalues.max() for margin in self.margins)
        rough = np.stack([np.repeat(first, second.size), np.tile(second, first.size)])
        return rough[:, 1:]

    def columns(self, *values: ArrayLike) -> Floats:
        """Products of the marginal functions, the constant surface dropped."""
        first, second = (margin.rotated(value) for margin, value in zip(self.margins, values, strict=True))
        product = first[:, :, None] * second[:, None, :]
        return product.reshape(first.shape[0], -1)[:, 1:]


def tensor(first: CubicRegression, second: CubicRegression) -> Tensor:
    """Tensor product of two cubic regression splines.

    The penalties of the two directions are diagonal in the same basis, so their sum has an exact determinant
    however different the two smoothing parameters.

    Parameters
    ----------
    first, second : CubicRegression
        The margins.

    Returns
    -------
    Tensor
        One column fewer than the product of those of the margins.

    References
    ----------
    .. [1] Wood SN. Low-rank scale-invariant tensor product smooths for generalized additive mixed models.
       Biometrics 2006;62:1025-36. doi:10.1111/j.1541-0420.2006.00574.x

    Examples
    --------
    >>> age = cubic_regression("age", [0, 1, 2, 3], size=4)
    >>> year = cubic_regression("year", [0, 1, 2], size=3)
    >>> tensor(age, year).columns([0, 1], [2, 2]).shape
    (2, 11)
    """
    return Tensor((first, second))
