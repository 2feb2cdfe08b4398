"""The map as the models see it: areas numbered from 0, neighbouring pairs, components, islands.

Building the graph costs more than a fit on a large map (order of elimination, scale, divergence table): a
graph built once serves every site, sex and period on the same map.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnc_epi.maths.gmrf import IntrinsicField
from rnc_epi.vocabulary.errors import InputError

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class AreaGraph:
    """Areas and their neighbours, checked.

    Parameters
    ----------
    size : int
        Number of areas.
    edges : array of int (m, 2)
        Neighbouring pairs, areas numbered from 0, each pair once in either order. Areas named by no pair
        are islands: they stay in every model, with an effect of their own.

    Raises
    ------
    InputError
        A001 shape or type, A002 area outside the map, A003 area neighbour of itself, A004 pair given twice
        (also when given in both orders).

    Examples
    --------
    >>> graph = AreaGraph(4, [[0, 1], [1, 2]])
    >>> graph.islands
    array([3])
    >>> graph.components
    2
    """

    size: int
    edges: ArrayLike

    def __post_init__(self) -> None:
        object.__setattr__(self, "edges", _checked(self.size, self.edges))

    @cached_property
    def field(self) -> IntrinsicField:
        """Intrinsic field of the map."""
        return IntrinsicField(self.size, np.asarray(self.edges))

    @property
    def islands(self) -> Integers:
        """Areas without neighbours."""
        sizes = self.field.component_sizes
        return np.flatnonzero(sizes[self.field.component] == 1)

    @property
    def components(self) -> int:
        """Number of connected components, islands included."""
        return int(self.field.component_sizes.size)


def _checked(size: int, edges: ArrayLike) -> Integers:
    raw = np.asarray(edges)
    if raw.size == 0:
        return np.zeros((0, 2), np.int64)
    if raw.ndim != 2 or raw.shape[1] != 2 or raw.dtype.kind not in "iu":
        raise InputError("A001", found=f"{raw.shape}, {raw.dtype}")
    pairs = np.sort(raw.astype(np.int64), axis=1)
    outside = (pairs[:, 0] < 0) | (pairs[:, 1] >= size)
    if outside.any():
        raise InputError("A002", found=int(outside.sum()), where=int(np.argmax(outside)), areas=size)
    loops = pairs[:, 0] == pairs[:, 1]
    if loops.any():
        raise InputError("A003", found=int(loops.sum()), where=int(np.argmax(loops)))
    keys = pairs[:, 0] * size + pairs[:, 1]
    order = np.argsort(keys, kind="stable")
    repeated = keys[order][1:] == keys[order][:-1]
    if repeated.any():
        raise InputError("A004", found=int(repeated.sum()), where=int(order[1:][repeated].min()))
    return pairs[order]
