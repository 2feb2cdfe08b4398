"""Draws of small pieces raked to draws of the levels above, world by world."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnc_epi.maths.calibration.groups import require_labels, sortable, totals
from rnc_epi.maths.requirements import Floats, first_position, require_counts
from rnc_epi.vocabulary.errors import EstimateRefused, InputError

_SWEEPS = 500
_TOLERANCE = 1e-9


def rake_draws(draws: ArrayLike, levels: Sequence[tuple[ArrayLike, ArrayLike, ArrayLike]]) -> Floats:
    """Multiply the draws of pieces so that their sums are the draws of each level above.

    Draw k of the pieces meets draw k of the levels: the uncertainty of the totals is carried down, and a
    total is never replaced by an observed count. Several levels whose limits cross (EPCI and département)
    are met together by iterative proportional fitting over their common pieces.

    Parameters
    ----------
    draws : array_like, shape (pieces, draws)
        Non-negative draws of the pieces.
    levels : sequence of (membership, labels, totals)
        For each level: the unit of each piece, shape (pieces,); the units, shape (units,); the draws of
        their totals, shape (units, draws).

    Returns
    -------
    ndarray, shape (pieces, draws)

    Raises
    ------
    InputError
        M001, M002, M007: impossible input. C020: a piece belongs to no unit, or a unit has no piece, or a
        positive total faces pieces that are all null in some draw.
    EstimateRefused
        C021: the totals of two levels contradict each other, so that no factors reach both.

    References
    ----------
    .. [1] Deming WE, Stephan FF. On a least squares adjustment of a sampled frequency table when the
       expected marginal totals are known. Ann Math Stat 1940;11:427-44. doi:10.1214/aoms/1177731829

    Examples
    --------
    >>> pieces = [[10.0], [30.0], [20.0]]
    >>> rake_draws(pieces, [(["n", "n", "s"], ["n", "s"], [[80.0], [10.0]])]).ravel().tolist()
    [20.0, 60.0, 10.0]
    """
    values = require_counts(draws, "draws").copy()
    if values.ndim != 2:
        raise InputError("M002", what="draws", expected="(pieces, draws)", found=str(values.shape))
    margins: list[tuple[NDArray[np.intp], Floats]] = []
    for membership, labels, wanted in levels:
        member = require_labels(membership, values.shape[:1], "membership")
        units = require_labels(labels, np.shape(wanted)[:1], "labels")
        if "O" in (member.dtype.kind, units.dtype.kind):
            both = sortable(np.concatenate([member.astype(object), units.astype(object)]))
            member, units = both[: member.size], both[member.size :]
        target = require_counts(wanted, "totals")
        if target.shape != (units.size, values.shape[1]):
            expected = str((units.size, values.shape[1]))
            raise InputError("M002", what="totals", expected=expected, found=str(target.shape))
        order = np.argsort(units, kind="stable")
        place = np.searchsorted(units[order], member).clip(max=units.size - 1)
        stray = units[order][place] != member
        if stray.any() or np.unique(member).size != units.size or np.unique(units).size != units.size:
            where = first_position(stray) if stray.any() else "-"
            raise InputError("C020", where=where)
        margins.append((order[place], target))
    for place, target in margins:
        empty = (_column_totals(place, values, target.shape[0]) == 0) & (target > 0)
        if empty.any():
            raise InputError("C020", where=first_position(empty))
    for _ in range(_SWEEPS):
        gap = 0.0
        for place, target in margins:
            present = _column_totals(place, values, target.shape[0])
            factor = np.divide(target, present, out=np.zeros_like(target), where=present > 0)
            values *= factor[place]
            gap = max(gap, float(np.abs(factor[present > 0] - 1).max(initial=0.0)))
        if gap < _TOLERANCE or len(margins) == 1:
            return values
    raise EstimateRefused("C021")


def _column_totals(place: NDArray[np.intp], values: Floats, size: int) -> Floats:
    draws = values.shape[1]
    index = place[:, None] * draws + np.arange(draws)
    return totals(index.ravel(), values.ravel(), size * draws).reshape(size, draws)
