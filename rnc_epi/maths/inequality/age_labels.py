"""Ages of cells and the weights of a standard: which weight is whose, whatever the labels and their order."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnc_epi.maths.requirements import (
    Floats,
    first_position,
    require_numbers,
    require_same_shape,
    require_weights,
)
from rnc_epi.vocabulary.errors import InputError

#: Weights of a standard: one per age or per cell, or by label of age.
Weights = ArrayLike | Mapping[Any, float]

_FIRST_NUMBER: Final = re.compile(r"\D*(\d+)")


def ages_in_order(age: ArrayLike) -> tuple[NDArray[Any], NDArray[np.intp], bool]:
    """Return the distinct ages in ascending order, the position of each cell, and whether the order is known.

    Labels of text are in the order of the number that each begins with: ``"5-9"`` comes before ``"10-14"``.
    Where some label has none, or two have the same, the order of the ages is not known.

    Raises
    ------
    InputError
        ``M007`` an age is missing, ``I029`` ages of several kinds.
    """
    labels = np.asarray(age)
    missing = _missing(labels)
    if missing.any():
        raise InputError("M007", what="age", found=int(missing.sum()), where=first_position(missing))
    try:
        names, position = np.unique(labels, return_inverse=True)
    except TypeError as error:
        kinds = sorted({type(one).__name__ for one in labels.ravel().tolist()})
        raise InputError("I029", found=", ".join(kinds)) from error
    position = position.reshape(labels.shape)
    if not any(isinstance(one, str) for one in names.tolist()):
        return names, position, True
    numbers = [_FIRST_NUMBER.match(str(one)) for one in names.tolist()]
    starts = [int(found.group(1)) for found in numbers if found]
    if len(set(starts)) < len(names):
        return names, position, False
    order = np.argsort(starts, kind="stable")
    return names[order], np.argsort(order)[position], True


def _missing(labels: NDArray[Any]) -> NDArray[np.bool_]:
    if labels.dtype.kind == "f":
        return np.isnan(labels)
    if labels.dtype.kind in "mM":
        return np.isnat(labels)
    if labels.dtype.kind == "U":
        return np.isin(labels, ("", "nan", "None", "NaT", "<NA>"))
    if labels.dtype.kind != "O":
        return np.zeros(labels.shape, dtype=bool)
    # Missing: None, what is not equal to itself (NaN), and the mark of data frames, which equals nothing.
    flat = [one is None or repr(one) in ("nan", "<NA>", "NaT") for one in labels.ravel().tolist()]
    return np.array(flat, dtype=bool).reshape(labels.shape)


def weights_by_age(weights: Weights, names: NDArray[Any], age: NDArray[np.intp], ordered: bool) -> Floats:
    """Return the weight of each age, summing to one.

    Parameters
    ----------
    weights : mapping, or array_like of shape (ages,) or (cells,)
        By label of age; or one per age in ascending order; or one per cell, the same in all cells of an age.
    names : (ages,) array
        Distinct ages, in the order of `age`.
    age : (cells,) array of int
    ordered : bool
        Whether the order of `names` is that of the ages.

    Raises
    ------
    InputError
        ``I005`` weights that vary within an age, ``I028`` an age without a weight, or weights in an order
        that the labels do not tell; ``M002``, ``M006``, ``M008``.
    """
    if isinstance(weights, Mapping):
        lacking = [one for one in names.tolist() if one not in weights]
        if lacking:
            raise InputError("I028", found=", ".join(map(str, lacking[:5])))
        by_age = require_numbers([weights[one] for one in names.tolist()], "weights")
        return require_weights(by_age, (names.size,))
    given = require_numbers(weights, "weights")
    if given.shape == (age.size,) and age.size != names.size:
        by_age = np.zeros(names.size)
        by_age[age] = given
        differs = ~((by_age[age] == given) | np.isnan(given))
        if differs.any():
            raise InputError("I005", where=first_position(differs))
        given = by_age
    elif not ordered and names.size > 1 and age.size != names.size:
        raise InputError("I028", found=", ".join(map(str, names.tolist()[:5])))
    require_same_shape(age=np.zeros(names.size), weights=given)
    return require_weights(given, (names.size,))
