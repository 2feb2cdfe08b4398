"""Groups ordered from least to most deprived: their shares, their ranks, and what is refused about them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rnc_epi.maths.requirements import (
    Floats,
    Mask,
    as_result,
    first_position,
    require_counts,
    require_numbers,
)
from rnc_epi.vocabulary.errors import InputError

FEWEST_GROUPS = 3
#: Larger numbers are errors of unit, and their squares would pass the largest float.
LARGEST = 1e100


@dataclass(frozen=True, slots=True)
class Groups:
    """Values of groups with their share of the population and their rank.

    All arrays are (..., groups). A group in which nobody lives has share 0 and value 0: it weighs nothing.
    `lean` is the rank minus one half, exactly opposite when the groups are counted from the other end.
    `estimable` and `groups` are (...).
    """

    value: Floats
    share: Floats
    rank: Floats
    lean: Floats
    estimable: Mask
    groups: Floats


def ridit(population: ArrayLike) -> Floats:
    r"""Return the rank of each group: the share of the population less deprived, plus half of its own.

    .. math:: x_j = \sum_{k<j} a_k + a_j / 2 , \qquad a_j = n_j / \sum_k n_k .

    Parameters
    ----------
    population : array_like, shape (..., groups)
        Persons or person-years by group, from the least to the most deprived.

    Returns
    -------
    ndarray, shape (..., groups)
        Ranks between 0 (least deprived end) and 1 (most deprived end); NaN where nobody lives in a stratum.

    Raises
    ------
    InputError
        ``I001`` fewer than three groups; ``M001`` and ``M007`` for negative and non-finite populations.

    References
    ----------
    Bross IDJ. How to use ridit analysis. Biometrics 1958;14:18-38. doi:10.2307/2527727

    Examples
    --------
    >>> ridit([100, 200, 100])
    array([0.125, 0.5  , 0.875])
    """
    people = require_three_groups(require_counts(population, "population"), "population")
    return shares_and_ranks(people)[1]


def shares_and_ranks(population: Floats) -> tuple[Floats, Floats]:
    """Return shares and ridits over the last axis, NaN where the total is zero."""
    # Dividing by the largest first keeps the total finite for any finite scale.
    largest = population.max(axis=-1, keepdims=True)
    scaled = np.divide(population, largest, out=np.full_like(population, np.nan), where=largest > 0)
    share = scaled / even_sum(scaled)[..., None]
    return share, np.cumsum(share, axis=-1) - share / 2.0


def even_sum(values: Floats) -> Floats:
    """Return sums over the last axis that do not depend on which end is counted from, to the last digit."""
    return np.asarray((values + values[..., ::-1]).sum(axis=-1) / 2.0)


def mean_over(share: Floats, value: Floats) -> Floats:
    """Return the mean of groups over the last axis; of equal values it is that value, to the last digit."""
    populated = share > 0
    some = populated.any(axis=-1)
    low = np.where(some, np.where(populated, value, np.inf).min(axis=-1), 0.0)
    high = np.where(some, np.where(populated, value, -np.inf).max(axis=-1), 0.0)
    centre = low / 2.0 + high / 2.0
    away = np.where(populated, value - centre[..., None], 0.0)
    return np.asarray(centre + even_sum(share * away))


def require_workable(values: Floats, what: str) -> Floats:
    """Return `values` whose squares and sums a float64 can hold (I027); NaN passes."""
    if values.size:
        beyond = np.abs(values) > LARGEST
        if beyond.any():
            raise InputError("I027", what=what, found=int(beyond.sum()), where=first_position(beyond))
    return values


def require_three_groups(values: Floats, what: str) -> Floats:
    """Return `values` when the last axis holds at least three groups (I001; M002 without an axis)."""
    if values.ndim == 0:
        raise InputError("M002", what=what, expected="(..., groups)", found=str(values.shape))
    if values.shape[-1] < FEWEST_GROUPS:
        raise InputError("I001", what=what, found=values.shape[-1])
    return values


def require_alike(values: Floats, shape: tuple[int, ...], what: str) -> Floats:
    """Return `values` broadcast to `shape`; the last axis is never stretched (M002)."""
    if values.ndim == 0 or values.shape[-1] != shape[-1]:
        raise InputError("M002", what=what, expected=f"(..., {shape[-1]})", found=str(values.shape))
    try:
        return np.broadcast_to(values, shape)
    except ValueError as error:
        raise InputError("M002", what=what, expected=str(shape), found=str(values.shape)) from error


def common_shape(**named: Floats) -> tuple[int, ...]:
    """Return the shape that the arrays broadcast to, groups last (M002)."""
    (_, first), *others = named.items()
    shape = first.shape
    for name, values in others:
        try:
            shape = np.broadcast_shapes(shape, values.shape)
        except ValueError as error:
            raise InputError("M002", what=name, expected=str(shape), found=str(values.shape)) from error
    for name, values in named.items():
        require_alike(values, shape, name)
    return shape


def ordered_groups(
    value: ArrayLike, population: ArrayLike, *, what: str = "value", least: float | None = None
) -> Groups:
    """Check values and populations of groups and rank them.

    A NaN value in a populated group makes its stratum not estimable; a NaN where nobody lives leaves the
    group out. A finite value where nobody lives is refused (I002), an infinite one too (M007), and one
    below `least` (M001).
    """
    values = require_three_groups(require_numbers(value, what), what)
    people = require_three_groups(require_counts(population, "population"), "population")
    shape = common_shape(**{what: values, "population": people})
    values, people = np.broadcast_to(values, shape), np.broadcast_to(people, shape)
    infinite = np.isinf(values)
    if infinite.any():
        raise InputError("M007", what=what, found=int(infinite.sum()), where=first_position(infinite))
    require_workable(values, what)
    known = ~np.isnan(values)
    if least is not None:
        low = known & (values < least)
        if low.any():
            raise InputError("M001", what=what, found=int(low.sum()), where=first_position(low))
    populated = people > 0
    groundless = known & ~populated
    if groundless.any():
        raise InputError("I002", found=int(groundless.sum()), where=first_position(groundless))
    share, rank = shares_and_ranks(people)
    share, rank = np.where(populated, share, 0.0), np.where(populated, rank, 0.0)
    below, above = np.cumsum(share, axis=-1), np.cumsum(share[..., ::-1], axis=-1)[..., ::-1]
    lean = np.where(populated, (below - above) / 2.0, 0.0)
    count = populated.sum(axis=-1)
    complete = (known | ~populated).all(axis=-1)
    estimable = complete & (count >= FEWEST_GROUPS)
    return Groups(np.where(known, values, 0.0), share, rank, lean, np.asarray(estimable), np.asarray(count))


def plain(values: Floats, estimable: Mask) -> Floats:
    """Return values with NaN where not estimable, a scalar for one stratum."""
    return as_result(np.where(estimable, values, np.nan))
