"""Labels to places, and sums by place."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rnc_epi.maths.requirements import Floats


def order_of_appearance(labels: NDArray[np.generic]) -> tuple[NDArray[np.generic], NDArray[np.intp]]:
    """Distinct labels as they first appear, and the place of each row among them.

    Examples
    --------
    >>> index, place = order_of_appearance(np.array(["b", "a", "b"]))
    >>> index.tolist(), place.tolist()
    (['b', 'a'], [0, 1, 0])
    """
    distinct, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.argsort(first, kind="stable")
    place = np.empty_like(rank)
    place[rank] = np.arange(rank.size)
    return distinct[rank], place[inverse]


def totals(place: NDArray[np.intp], values: Floats, size: int) -> Floats:
    """Sum of `values` at each place, shape (size,).

    Examples
    --------
    >>> totals(np.array([0, 2, 0]), np.array([1.0, 5.0, 2.0]), 3).tolist()
    [3.0, 0.0, 5.0]
    """
    return np.bincount(place, values, minlength=size).astype(np.float64)
