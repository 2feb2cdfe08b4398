"""What every formula asks of its arguments: finite non-negative counts, matching shapes, levels in (0, 1).

Each requirement returns the checked value as float64 and raises :class:`InputError` with a code of the
catalogue. A message gives the position of the first offending stratum (indices from 0), never its value:
a count may be small.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnc_epi.vocabulary.errors import InputError

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Kind = TypeVar("Kind", bound=np.generic)


def first_position(wrong: ArrayLike) -> str:
    """Return the place of the first True as text: ``"4"`` on one axis, ``"(2, 7)"`` on two.

    Examples
    --------
    >>> first_position([[False, False], [False, True]])
    '(1, 1)'
    """
    flags = np.asarray(wrong, dtype=bool)
    if flags.ndim == 0:
        return "0"
    index = np.unravel_index(int(np.argmax(flags)), flags.shape)
    places = tuple(int(i) for i in index)
    return str(places[0]) if len(places) == 1 else str(places)


def require_numbers(values: ArrayLike, what: str) -> Floats:
    """Return `values` as float64; text, ragged lists, objects that are no numbers and complex raise M008."""
    try:
        raw = np.asarray(values)
        if raw.dtype.kind not in "fiubO":
            raise TypeError(raw.dtype)
        return np.asarray(raw, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError("M008", what=what) from error


def require_finite(values: ArrayLike, what: str) -> Floats:
    """Return `values` as float64, all finite (M007)."""
    numbers = require_numbers(values, what)
    # min and max are infinite or NaN as soon as one value is: two passes without a temporary array.
    if numbers.size and not (np.isfinite(numbers.min()) and np.isfinite(numbers.max())):
        wrong = ~np.isfinite(numbers)
        raise InputError("M007", what=what, found=int(wrong.sum()), where=first_position(wrong))
    return numbers


def require_counts(values: ArrayLike, what: str = "events") -> Floats:
    """Return `values` as float64, all finite (M007) and none negative (M001); fractions are accepted."""
    numbers = require_finite(values, what)
    if numbers.size and numbers.min() < 0:
        wrong = numbers < 0
        raise InputError("M001", what=what, found=int(wrong.sum()), where=first_position(wrong))
    return numbers


def require_positive(values: ArrayLike, what: str) -> Floats:
    """Return `values` as float64, all finite (M007) and above zero (M009)."""
    numbers = require_finite(values, what)
    if numbers.size and numbers.min() <= 0:
        wrong = numbers <= 0
        raise InputError("M009", what=what, found=int(wrong.sum()), where=first_position(wrong))
    return numbers


def require_shares(values: ArrayLike, what: str) -> Floats:
    """Return `values` as float64, all between 0 and 1, ends included (M010)."""
    numbers = require_finite(values, what)
    if numbers.size and (numbers.min() < 0 or numbers.max() > 1):
        wrong = (numbers < 0) | (numbers > 1)
        raise InputError("M010", what=what, found=int(wrong.sum()), where=first_position(wrong))
    return numbers


def require_scalar(value: float, what: str) -> float:
    """Return one finite number as float (M002 for an array, M007, M008)."""
    number = require_finite(value, what)
    require_shape(number, (), what)
    return float(number)


def require_shape(values: Floats, shape: tuple[int, ...], what: str) -> Floats:
    """Return `values` when its shape is `shape` (M002)."""
    if values.shape != shape:
        raise InputError("M002", what=what, expected=str(shape), found=str(values.shape))
    return values


def require_same_shape(**named: Floats) -> None:
    """Refuse arrays of different shapes; the first named gives the shape expected (M002)."""
    (_, first), *others = named.items()
    for name, values in others:
        require_shape(values, first.shape, name)


def require_bands(values: Floats, what: str = "events") -> Floats:
    """Return `values` when it has at least one axis and at least one band on the last (M002)."""
    if values.ndim == 0 or values.shape[-1] == 0:
        raise InputError("M002", what=what, expected="(..., bands)", found=str(values.shape))
    return values


def require_band_values(values: ArrayLike, shape: tuple[int, ...], what: str) -> Floats:
    """Return finite `values` with one entry per band of `shape` (M002), broadcast over its other axes.

    The last axis must have exactly the length of the bands: a single value is never stretched over ages.
    """
    numbers = require_finite(values, what)
    bands = shape[-1]
    if numbers.ndim == 0 or numbers.shape[-1] != bands:
        raise InputError("M002", what=what, expected=f"(..., {bands})", found=str(numbers.shape))
    try:
        fits = np.broadcast_shapes(numbers.shape, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise InputError("M002", what=what, expected=str(shape), found=str(numbers.shape))
    return numbers


def require_person_time(events: Floats, person_years: Floats) -> None:
    """Refuse a stratum that holds events and no person-years (M003); both arrays have the same shape."""
    if person_years.size and person_years.min() <= 0:
        wrong = (person_years <= 0) & (events > 0)
        if wrong.any():
            raise InputError("M003", found=int(wrong.sum()), where=first_position(wrong))


def require_events_and_person_years(events: ArrayLike, person_years: ArrayLike) -> tuple[Floats, Floats]:
    """Return both as float64: finite, non-negative, of one shape, and no event without person-time."""
    counts = require_counts(events, "events")
    denominators = require_counts(person_years, "person_years")
    require_same_shape(events=counts, person_years=denominators)
    require_person_time(counts, denominators)
    return counts, denominators


def require_weights(weights: ArrayLike, shape: tuple[int, ...]) -> Floats:
    """Return the weights of a standard scaled to sum to one over the last axis.

    Any scale will do. A wrong length is M002; a negative or non-finite weight, or weights that are all
    zero, is M006 with the position.
    """
    numbers = require_numbers(weights, "weights")
    if numbers.size:
        lowest, highest = numbers.min(), numbers.max()
        if not (np.isfinite(lowest) and np.isfinite(highest)):
            raise InputError("M006", where=first_position(~np.isfinite(numbers)))
        if lowest < 0:
            raise InputError("M006", where=first_position(numbers < 0))
    checked = require_band_values(numbers, shape, "weights")
    # Dividing by the largest first keeps the total finite for any finite scale.
    largest = checked.max(axis=-1, keepdims=True)
    if (largest <= 0).any():
        raise InputError("M006", where=first_position((largest <= 0)[..., 0]))
    scaled = checked / largest
    return np.asarray(scaled / scaled.sum(axis=-1, keepdims=True))


def require_level(level: ArrayLike) -> Floats:
    """Return the coverage of an interval, strictly between 0 and 1, a number or a sequence of them (M004).

    The result has no axis for a number and one for a sequence.
    """
    numbers = require_numbers(level, "level")
    if numbers.ndim > 1 or numbers.size == 0:
        raise InputError("M002", what="level", expected="() or (levels,)", found=str(numbers.shape))
    inside = (numbers > 0) & (numbers < 1)
    if not inside.all():
        raise InputError("M004", what="level", expected="(0, 1)", found=str(level))
    return numbers


def require_choice(found: str, known: Collection[str], what: str) -> str:
    """Return `found` when it is one of the `known` names (M005)."""
    if not isinstance(found, str) or found not in known:
        raise InputError("M005", what=what, found=found, expected=", ".join(known))
    return found


def require_whole(value: int, what: str, *, least: int = 1) -> int:
    """Return a whole number not below `least` (M004)."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise InputError("M004", what=what, expected=f"{{{least}, {least + 1}, …}}", found=str(value))
    return int(value)


def level_axis(level: Floats, values: Floats) -> Floats:
    """Return `level` shaped so that it broadcasts as a first axis before the axes of `values`."""
    return level.reshape(level.shape + (1,) * values.ndim) if level.ndim else level


def as_result(values: NDArray[Kind]) -> NDArray[Kind]:
    """Return an array as such and a result without axis as a numpy scalar, which prints as a number."""
    scalar_or_array: NDArray[Kind] = np.asarray(values)[()]
    return scalar_or_array
