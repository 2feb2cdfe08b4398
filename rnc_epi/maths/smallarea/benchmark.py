"""Benchmarking (calage): draws of small pieces raked to draws of the levels above, so that a map adds up.

Pieces are the finest units that nest in every level to respect (EPCI x département, since EPCI cross
département borders). The totals are themselves draws, predictive ones, of the level above, never an
observed count: raking to a count would give the sum of the pieces a certainty that nobody has. Draw k of
the pieces is raked to draw k of the totals: the same world.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnc_epi.maths.requirements import require_finite
from rnc_epi.vocabulary.errors import EstimateRefused, InputError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Benchmarked:
    """Raked draws.

    Attributes
    ----------
    values : array (pieces, draws)
    factor : array (pieces, draws)
        Multiplier of each piece, to be reported: far from 1, the model of the pieces and the level above
        disagree.
    steps : int
        Passes over the margins.
    """

    values: Floats
    factor: Floats
    steps: int


def benchmark(
    pieces: ArrayLike,
    margins: Sequence[tuple[ArrayLike, ArrayLike]],
    *,
    close: float = 1e-10,
    most_steps: int = 1000,
) -> Benchmarked:
    """Rake draws of cases in pieces to draws of totals, draw by draw.

    Parameters
    ----------
    pieces : array (pieces, draws)
        Cases (risk x expected), above 0.
    margins : sequence of (group, totals)
        `group` (pieces,) gives the group of each piece from 0, ``-1`` where the margin says nothing;
        `totals` (groups, draws) its draws, above 0. One margin is met in one pass; several (départements,
        then regions) by iterative proportional fitting.
    close : float
        Relative distance to the totals at the end.
    most_steps : int
        Passes over the margins before the fit is refused.

    Returns
    -------
    Benchmarked
        Raked cases and their factors, (pieces, draws), and the passes taken.

    Raises
    ------
    InputError
        A010 for groups, totals or draws that do not match.
    EstimateRefused
        A026 when margins contradict one another.

    References
    ----------
    Deming WE, Stephan FF. On a least squares adjustment of a sampled frequency table
    when the expected marginal totals are known. Ann Math Stat 1940;11:427-444.

    Examples
    --------
    Pieces of 2 and 3 raked to 10, and 5 raked to 4:

    >>> import numpy as np
    >>> pieces, totals = np.array([[2.0], [3.0], [5.0]]), np.array([[10.0], [4.0]])
    >>> result = benchmark(pieces, [(np.array([0, 0, 1]), totals)])
    >>> result.values.ravel()
    array([4., 6., 4.])
    """
    values = require_finite(pieces, "pieces")
    if values.ndim != 2 or not values.size or values.min() <= 0:
        raise InputError("A010", found="pieces are not a positive (pieces, draws) array")
    checked = [_margin(group, totals, values.shape) for group, totals in margins]
    raked = values.copy()
    for step in range(1, most_steps + 1):
        for group, totals in checked:
            raked *= _factors(raked, group, totals)
        distance = max(
            (np.abs(_factors(raked, group, totals) - 1.0).max() for group, totals in checked), default=0.0
        )
        if distance < close:
            return Benchmarked(raked, raked / values, step)
    raise EstimateRefused("A026", found=f"{distance:.1e}")


def _margin(group: ArrayLike, totals: ArrayLike, shape: tuple[int, ...]) -> tuple[Integers, Floats]:
    label = np.asarray(group)
    wanted = require_finite(totals, "totals")
    if label.shape != shape[:1] or label.dtype.kind not in "iu":
        raise InputError("A010", found="one whole number a piece is needed for its group")
    if wanted.ndim != 2 or wanted.shape[1] != shape[1] or wanted.min(initial=np.inf) <= 0:
        raise InputError("A010", found="totals are not a positive (groups, draws) array")
    present = np.unique(label[label >= 0])
    if label.min() < -1 or not np.array_equal(present, np.arange(wanted.shape[0])):
        raise InputError("A010", found="groups and totals do not correspond")
    return label.astype(np.int64), wanted


def _factors(values: Floats, group: Integers, totals: Floats) -> Floats:
    inside = group >= 0
    sums = np.zeros_like(totals)
    np.add.at(sums, group[inside], values[inside])
    factors = np.ones_like(values)
    factors[inside] = (totals / sums)[group[inside]]
    return factors
