"""Labels of districts, areas and groups: any hashable, or several levels; their places, and sums by place."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnc_epi.maths.requirements import Floats, first_position
from rnc_epi.vocabulary.errors import InputError


def require_labels(values: ArrayLike, shape: tuple[int, ...], what: str) -> NDArray[np.generic]:
    """Return labels of the given shape (M002); a missing label is refused (C016).

    Numbers, texts and dates come back as arrays of their own kind. Other hashables, labels of mixed kinds
    and labels of several levels (two columns, tuples, a MultiIndex) come back as objects, one a cell.
    """
    labels = _one_a_cell(values)
    if labels.shape != shape:
        raise InputError("M002", what=what, expected=str(shape), found=str(labels.shape))
    if labels.dtype.kind == "O":
        missing = np.array([_is_missing(label) for label in labels.ravel()], dtype=bool)
        if not missing.any() and all(isinstance(label, str) for label in labels.ravel()):
            labels = labels.astype(str)
    elif labels.dtype.kind == "f":
        missing = ~np.isfinite(labels)
    elif labels.dtype.kind in "mM":
        missing = np.isnat(labels)
    else:
        missing = np.zeros(labels.shape, dtype=bool)
    if missing.any():
        raise InputError("C016", what=what, found=int(missing.sum()), where=first_position(missing))
    return labels


def _one_a_cell(values: ArrayLike) -> NDArray[np.generic]:
    if isinstance(values, list | tuple) and any(not isinstance(label, str) for label in values):
        kinds = {type(label) for label in values}
        if len(kinds) > 1 or kinds <= {tuple, list}:
            # numpy would make text of numbers beside texts, and columns of tuples.
            return _objects([tuple(label) if isinstance(label, list) else label for label in values])
    labels = np.asarray(values)
    if labels.ndim == 2:
        return _objects([tuple(row) for row in labels.tolist()])
    return labels


def _objects(labels: list[object]) -> NDArray[np.generic]:
    found = np.empty(len(labels), dtype=object)
    found[:] = labels
    return found


def _is_missing(label: object) -> bool:
    if isinstance(label, tuple):
        return any(_is_missing(part) for part in label)
    try:
        return label is None or bool(label != label)
    except TypeError:
        # The missing value of pandas is neither equal to itself nor different.
        return True


def order_of_appearance(labels: NDArray[np.generic]) -> tuple[NDArray[np.generic], NDArray[np.intp]]:
    """Distinct labels as they first appear, and the place of each row among them.

    Examples
    --------
    >>> index, place = order_of_appearance(np.array(["b", "a", "b"]))
    >>> index.tolist(), place.tolist()
    (['b', 'a'], [0, 1, 0])
    """
    if labels.dtype.kind == "O":
        # The kind is part of a label: 1 and True are two.
        places: dict[tuple[type, object], int] = {}
        rows = [places.setdefault((type(label), label), len(places)) for label in labels.tolist()]
        return _objects([label for _, label in places]), np.array(rows, dtype=np.intp)
    distinct, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.argsort(first, kind="stable")
    place = np.empty_like(rank)
    place[rank] = np.arange(rank.size)
    return distinct[rank], place[inverse]


def sortable(labels: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return labels that can be put in order: themselves, or their places where they are objects."""
    return order_of_appearance(labels)[1] if labels.dtype.kind == "O" else labels


def totals(place: NDArray[np.intp], values: Floats, size: int) -> Floats:
    """Sum of `values` at each place, shape (size,).

    Examples
    --------
    >>> totals(np.array([0, 2, 0]), np.array([1.0, 5.0, 2.0]), 3).tolist()
    [3.0, 0.0, 5.0]
    """
    return np.bincount(place, values, minlength=size).astype(np.float64)
