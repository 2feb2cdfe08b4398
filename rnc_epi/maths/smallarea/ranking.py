"""Statements about areas made from joint draws: classes of evidence, ranks, and whether the map varies at
all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnc_epi.maths.requirements import require_finite, require_level, require_shares
from rnc_epi.vocabulary.errors import InputError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Ranks:
    """Ranks of the areas, 1 for the highest risk.

    Attributes
    ----------
    mean, median, lower, upper : arrays (areas,)
        Of the posterior distribution of the rank.
    highest : array (areas,)
        Probability of being among the highest `top`.
    """

    mean: Floats
    median: Floats
    lower: Floats
    upper: Floats
    highest: Floats


def evidence_classes(exceedance: ArrayLike, *, high: float = 0.8, low: float = 0.2) -> NDArray[np.int64]:
    """Class areas by the probability that their risk exceeds a threshold: 1 above, -1 below, 0 not told
    apart.

    Parameters
    ----------
    exceedance : array (areas,)
        From :meth:`SmallAreaFit.exceedance`.
    high, low : float
        An area is above when its probability exceeds `high` (0.8 in the rule of Richardson, tuned for
        expected counts of 5 to 20 or more and true risks of about 2), below when it is under `low`.

    Returns
    -------
    array of int (areas,)
        1 above, -1 below, 0 not told apart.

    Raises
    ------
    InputError
        ``M010`` no probabilities; ``M004`` limits other than ``0 <= low < high <= 1``.

    References
    ----------
    Richardson S, Thomson A, Best N, Elliott P (2004), Environ Health Perspect
    112:1016, doi:10.1289/ehp.6740.

    Examples
    --------
    >>> evidence_classes([0.95, 0.5, 0.1])
    array([ 1,  0, -1])
    """
    probability = require_shares(exceedance, "exceedance")
    if not 0 <= low < high <= 1:
        raise InputError("M004", what="low, high", expected="0 <= low < high <= 1", found=f"{low}, {high}")
    return np.where(probability > high, 1, np.where(probability < low, -1, 0)).astype(np.int64)


def ranks(draws: ArrayLike, *, top: int = 1, level: float = 0.95) -> Ranks:
    """Rank the areas within each joint draw.

    Parameters
    ----------
    draws : array (areas, draws)
        From :meth:`SmallAreaFit.draws`.
    top : int
        Size of the head of the list whose probability is wanted.
    level : float
        Probability held by the limits of a rank.

    Returns
    -------
    Ranks
        Per area, 1 the highest risk: mean, median and limits of the rank, and the probability of the head.

    Raises
    ------
    InputError
        ``M002``, ``M007`` draws; ``M004`` `top` or `level`.

    References
    ----------
    Goldstein H, Spiegelhalter DJ (1996), J R Stat Soc A 159:385, doi:10.2307/2983325.

    Examples
    --------
    The second area is first in three draws of four:

    >>> found = ranks([[1.0, 1.0, 1.0, 3.0], [2.0, 2.0, 2.0, 2.0]])
    >>> found.mean.tolist()
    [1.75, 1.25]
    """
    values = require_finite(draws, "draws")
    if values.ndim != 2 or not values.size:
        raise InputError("M002", what="draws", expected="(areas, draws)", found=str(values.shape))
    areas, number = values.shape
    if not 1 <= top <= areas:
        raise InputError("M004", what="top", expected=f"1 to {areas}", found=str(top))
    tail = 0.5 * (1.0 - float(require_level(level)))
    order = np.argsort(-values, axis=0, kind="stable")
    place = np.empty_like(order)
    np.put_along_axis(
        place, order, np.broadcast_to(np.arange(1, areas + 1)[:, None], (areas, number)), axis=0
    )
    lower, median, upper = np.quantile(place, [tail, 0.5, 1.0 - tail], axis=1, method="inverted_cdf")
    return Ranks(
        place.mean(axis=1),
        median.astype(np.float64),
        lower.astype(np.float64),
        upper.astype(np.float64),
        (place <= top).mean(axis=1),
    )


def ratio_of_extremes(draws: ArrayLike, *, share: float = 0.1) -> Floats:
    """Return, draw by draw, the ratio of the risks that leave `share` of the areas above and below.

    The quantile ``1 - share`` of the risks over the quantile ``share``. A distribution near 1 says that the
    map hardly varies: the evidence of variation that a map owes its reader.

    Parameters
    ----------
    draws : array (areas, draws)
        Risks, from :meth:`SmallAreaFit.draws`.
    share : float
        Between 0 and 0.5.

    Returns
    -------
    array (draws,)
        Ratios, 1 or more.

    Raises
    ------
    InputError
        ``M002``, ``M007`` draws; ``M004`` `share`.

    Examples
    --------
    Five areas at 1, 2, 3, 4 and 5; a quarter below 2, a quarter above 4:

    >>> ratio_of_extremes([[1.0], [2.0], [3.0], [4.0], [5.0]], share=0.25)
    array([2.])
    """
    values = require_finite(draws, "draws")
    if values.ndim != 2 or not values.size:
        raise InputError("M002", what="draws", expected="(areas, draws)", found=str(values.shape))
    if not 0 < share < 0.5:
        raise InputError("M004", what="share", expected="(0, 0.5)", found=str(share))
    low, high = np.quantile(values, [share, 1.0 - share], axis=0)
    return np.asarray(high / low)
