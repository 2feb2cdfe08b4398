"""Which areas share a border: read from the outlines exactly, without a tolerance."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import shapely

from rnc_epi.extracts.geography.outlines import _local


class Adjacency(NamedTuple):
    """Pairs of neighbouring areas.

    Attributes
    ----------
    codes : tuple of str
        Codes of the areas, sorted; an area without neighbour is there too.
    pairs : ndarray of int64, shape (m, 2)
        Positions in ``codes``, the smaller first, each pair once, in lexicographic order.
    """

    codes: tuple[str, ...]
    pairs: np.ndarray


def shared_borders(shapes: np.ndarray, system: np.ndarray) -> np.ndarray:
    """Return the pairs of shapes of a coverage that share at least one segment.

    Parameters
    ----------
    shapes : ndarray of geometries, shape (n,)
        A valid coverage with whole-metre coordinates: neighbours share their vertices.
    system : ndarray of int, shape (n,)
        Coordinate system of each shape; shapes of two systems are never neighbours.

    Returns
    -------
    ndarray of int64, shape (m, 2)
        Contact at a point alone is no border.

    Examples
    --------
    >>> squares = shapely.box([0, 1, 1], [0, 0, 1], [1, 2, 2], [1, 1, 2])
    >>> shared_borders(squares, np.zeros(3, dtype=int)).tolist()
    [[0, 1], [1, 2]]
    """
    # get_rings passes over multipolygons in silence: they are taken apart first.
    parts, part_owner = shapely.get_parts(shapes, return_index=True)
    rings, ring_part = shapely.get_rings(parts, return_index=True)
    ring_owner = part_owner[ring_part]
    points, point_ring = shapely.get_coordinates(rings, return_index=True)
    whole = np.rint(points).astype(np.int64)
    follows = point_ring[:-1] == point_ring[1:]
    ends = np.stack([whole[:-1][follows], whole[1:][follows]], axis=1)
    owner = ring_owner[point_ring[:-1][follows]]
    # A segment is the same whichever way it is walked.
    backwards = (ends[:, 0, 0] > ends[:, 1, 0]) | (
        (ends[:, 0, 0] == ends[:, 1, 0]) & (ends[:, 0, 1] > ends[:, 1, 1])
    )
    ends[backwards] = ends[backwards][:, ::-1]
    segments = np.column_stack([np.asarray(system)[owner], ends.reshape(-1, 4)])
    order = np.lexsort((owner, *segments.T))
    same = (segments[order][:-1] == segments[order][1:]).all(axis=1)
    pairs = np.column_stack([owner[order][:-1][same], owner[order][1:][same]]).astype(np.int64)
    return np.unique(np.sort(pairs, axis=1), axis=0)


def adjacency(level: str) -> Adjacency:
    """Return the neighbours by shared border of every area of a level.

    Parameters
    ----------
    level : {"region", "departement", "departement_sante", "zone"}

    Returns
    -------
    Adjacency
        ``codes`` and ``pairs``. Overseas départements are islands: insets never touch anything.

    Raises
    ------
    InputError
        M005 when the level has no outlines.

    Notes
    -----
    Calvados (14) and Seine-Maritime (76) touch here in the Seine estuary; in contours cut at the coast they
    do not. Every other pair of départements is the official one.

    Examples
    --------
    >>> codes, pairs = adjacency("region")
    >>> [codes[j] for i, j in pairs.tolist() if codes[i] == "53"]
    []
    >>> [codes[i] for i, j in pairs.tolist() if codes[j] == "53"]
    ['28', '52']
    """
    local = _local(level)
    pairs = shared_borders(local["geometry"].to_numpy(), local["epsg"].to_numpy())
    return Adjacency(tuple(local["code"]), pairs)
