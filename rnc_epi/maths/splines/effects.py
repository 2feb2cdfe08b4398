"""Terms that are no curve: independent random effects, and a slope without penalty."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnc_epi.maths.requirements import Floats
from rnc_epi.maths.splines.bases import on_one_axis
from rnc_epi.vocabulary.errors import InputError


@dataclass(frozen=True)
class RandomEffect:
    """Independent Gaussian effects, one per level. Build it with :func:`random_effect`."""

    name: str
    levels: NDArray[np.generic] = field(repr=False)
    centred: bool = False

    @property
    def covariates(self) -> tuple[str, ...]:
        """The one covariate, named as the term."""
        return (self.name,)

    @property
    def penalties(self) -> Floats:
        """The identity."""
        return np.ones((1, self.levels.size))

    def columns(self, *values: ArrayLike) -> Floats:
        """Indicators of the levels; a label that was not in the data has none (its effect is zero)."""
        return (np.asarray(values[0])[:, None] == self.levels[None, :]).astype(np.float64)


def random_effect(name: str, labels: ArrayLike) -> RandomEffect:
    """Independent Gaussian random effect, one level per distinct label.

    Parameters
    ----------
    name : str
        Name of the covariate and of the term.
    labels : array_like, shape (rows,)
        Labels in the data, numbers or text.

    Returns
    -------
    RandomEffect
        Columns of zeros and ones, one a level; a label not seen has zeros.

    Raises
    ------
    InputError
        ``M002`` no label, or more than one axis.

    Examples
    --------
    >>> random_effect("district", ["a", "b", "a"]).columns(["b", "a", "elsewhere"]).tolist()
    [[0.0, 1.0], [1.0, 0.0], [0.0, 0.0]]
    """
    given = np.asarray(labels)
    if given.ndim != 1 or given.size == 0:
        raise InputError("M002", what=name, expected="(rows,)", found=str(given.shape))
    return RandomEffect(name, np.unique(given))


@dataclass(frozen=True)
class RandomSlope:
    """Independent Gaussian slopes along a covariate, one per level. Build it with :func:`random_slope`."""

    name: str
    label: str
    levels: NDArray[np.generic] = field(repr=False)
    along: str
    centre: float
    centred: bool = False

    @property
    def covariates(self) -> tuple[str, ...]:
        """The label and the covariate."""
        return (self.label, self.along)

    @property
    def penalties(self) -> Floats:
        """The identity."""
        return np.ones((1, self.levels.size))

    def columns(self, *values: ArrayLike) -> Floats:
        """Indicators of the levels times the centred covariate."""
        indicators = np.asarray(values[0])[:, None] == self.levels[None, :]
        return indicators * (on_one_axis(values[1], self.along) - self.centre)[:, None]


def random_slope(name: str, label: str, labels: ArrayLike, along: str, values: ArrayLike) -> RandomSlope:
    """Independent Gaussian slope of each label along a covariate, null at the covariate's mean.

    Parameters
    ----------
    name : str
        Name of the term.
    label, along : str
        Names of the covariates that hold the labels and the values.
    labels, values : array_like, shape (rows,)
        Labels and values in the data.

    Returns
    -------
    RandomSlope
        One column a level: the distance to the mean of `values`; zeros elsewhere.

    Raises
    ------
    InputError
        ``M002`` labels or values of more than one axis.

    Examples
    --------
    Around the mean of 0.4:

    >>> tilt = random_slope("tilt", "district", ["a", "b"], "score", [0.2, 0.6])
    >>> tilt.columns(["a", "b"], [0.9, 0.4]).round(6).tolist()
    [[0.5, 0.0], [0.0, 0.0]]
    """
    levels = random_effect(label, labels).levels
    return RandomSlope(name, label, levels, along, float(on_one_axis(values, along).mean()))


@dataclass(frozen=True)
class Linear:
    """One unpenalised slope. Build it with :func:`linear`."""

    name: str
    centred: bool = True

    @property
    def covariates(self) -> tuple[str, ...]:
        """The one covariate, named as the term."""
        return (self.name,)

    @property
    def penalties(self) -> Floats:
        """No penalty."""
        return np.zeros((0, 1))

    def columns(self, *values: ArrayLike) -> Floats:
        """The covariate itself."""
        return on_one_axis(values[0], self.name)[:, None]


def linear(name: str) -> Linear:
    """Slope along one covariate, without penalty.

    Parameters
    ----------
    name : str
        Name of the covariate and of the term.

    Returns
    -------
    Linear
        One column: the values.

    Examples
    --------
    >>> linear("score").columns([1, 2]).tolist()
    [[1.0], [2.0]]
    """
    return Linear(name)
