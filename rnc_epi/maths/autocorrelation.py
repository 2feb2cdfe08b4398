"""What a test of spatial autocorrelation on rates needs first: rates of comparable precision.

Moran's and Geary's coefficients and their local versions come from esda, at the level of tables; given raw
rates of areas of very different sizes they answer another question, because small areas have extreme rates
by chance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnc_epi.maths.requirements import (
    require_counts,
    require_finite,
    require_positive,
    require_shape,
    require_whole,
)
from rnc_epi.vocabulary.errors import InputError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PermutationTest:
    """How a map compares with the same values dealt out at random.

    Attributes
    ----------
    p_value : float
        Global, one-sided: rank of Moran's I among the permutations, (1 + larger) / (permutations + 1).
    local_p_value : array (areas,)
        Two-sided, from the rank of each local value among those with neighbours drawn from the other areas;
        NaN for an area without neighbours.
    """

    p_value: float
    local_p_value: Floats


def empirical_bayes_standardised(events: ArrayLike, denominators: ArrayLike) -> Floats:
    """Return rates standardised by their expected variance, the variable of the EBI test.

    z = (r - b) / sqrt(a + b / n), with b the overall rate and a the variance between areas by moments;
    where a + b / n would not be positive, b / n alone. Rates are compared on one footing, whatever the size
    of the area.

    Parameters
    ----------
    events, denominators : arrays (areas,)
        Cases, and person-years or expected cases above 0.

    Returns
    -------
    array (areas,)
        All zero when there is no case at all.

    References
    ----------
    Assunção RM, Reis EA (1999), Stat Med 18:2147,
    doi:10.1002/(SICI)1097-0258(19990830)18:16<2147::AID-SIM179>3.0.CO;2-I.

    Examples
    --------
    >>> empirical_bayes_standardised([2, 8, 30], [100, 200, 1000]).round(3)
    array([-0.669,  0.899, -0.139])
    """
    counts = require_counts(events, "events")
    if counts.ndim != 1 or not counts.size:
        raise InputError("M002", what="events", expected="(areas,)", found=str(counts.shape))
    numbers = require_shape(require_positive(denominators, "denominators"), counts.shape, "denominators")
    overall = float(counts.sum() / numbers.sum())
    if overall == 0.0:
        return np.zeros(counts.size)
    rates = counts / numbers
    spread = float((numbers * (rates - overall) ** 2).sum() / numbers.sum())
    between = spread - overall / float(numbers.mean())
    variance = between + overall / numbers
    variance = np.where(variance > 0, variance, overall / numbers)
    return np.asarray((rates - overall) / np.sqrt(variance))


def permutation_test(
    values: ArrayLike, edges: ArrayLike, *, permutations: int = 999, seed: int = 0
) -> PermutationTest:
    """Judge Moran's I, and each local one, by permutations.

    For the global coefficient all values are dealt out again; for a local one the value of the area stays
    and its neighbours are drawn, without replacement, from the others (Anselin 1995). Neighbours weigh
    the same and sum to one. Locally the rank is taken on the thinner side and doubled, at most 1.

    Parameters
    ----------
    values : array (areas,)
        Rates on one footing (:func:`empirical_bayes_standardised`).
    edges : array of int (m, 2)
        Neighbouring pairs, each once.
    permutations : int
    seed : int

    Returns
    -------
    PermutationTest
        NaN throughout where all values are equal or no areas are neighbours.

    References
    ----------
    Anselin L (1995), Geogr Anal 27:93, doi:10.1111/j.1538-4632.1995.tb00338.x.

    Examples
    --------
    >>> import numpy as np
    >>> line = np.c_[np.arange(19), np.arange(1, 20)]
    >>> permutation_test(np.arange(20.0), line).p_value
    0.001
    """
    numbers = require_finite(values, "values")
    if numbers.ndim != 1 or not numbers.size:
        raise InputError("M002", what="values", expected="(areas,)", found=str(numbers.shape))
    require_whole(permutations, "permutations")
    require_whole(seed, "seed", least=0)
    pairs = np.asarray(edges, dtype=np.int64).reshape(-1, 2)
    size = numbers.size
    degree = np.bincount(pairs.ravel(), minlength=size)
    unknown = np.full(size, np.nan)
    centred = numbers - numbers.mean()
    if not pairs.size or not np.abs(centred).max() > 1e-12 * max(1.0, float(np.abs(numbers).max())):
        return PermutationTest(float("nan"), unknown)
    first, second = np.r_[pairs[:, 0], pairs[:, 1]], np.r_[pairs[:, 1], pairs[:, 0]]

    def lags(of: Floats) -> Floats:
        return np.bincount(first, of[second], minlength=size) / np.maximum(degree, 1)

    rng = np.random.default_rng(seed)
    observed = float(centred @ lags(centred))
    larger = 0
    for _ in range(permutations):
        dealt = rng.permutation(centred)
        larger += float(dealt @ lags(dealt)) >= observed
    local = unknown.copy()
    joined = np.flatnonzero(degree > 0)
    # One set of places a permutation serves every area: the places k, ..., k + degree - 1 of a shuffle of the
    # others are a draw without replacement.
    widest = int(degree.max())
    places = np.argsort(rng.random((permutations, size - 1)), axis=1)[:, :widest]
    actual = lags(centred)
    for area in joined:
        others = places[:, : degree[area]]
        drawn = centred[others + (others >= area)].mean(axis=1)
        above = int((drawn >= actual[area]).sum())
        below = int((drawn <= actual[area]).sum())
        local[area] = min(1.0, 2.0 * (1 + min(above, below)) / (permutations + 1))
    return PermutationTest((1 + larger) / (permutations + 1), local)
