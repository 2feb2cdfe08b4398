"""Kulldorff's circular scan: where cases are more numerous than expected, and whether chance could do as
much.

Every circle around every area, up to a share of the population, is compared with the rest of the map; the
largest likelihood ratio is judged against the largest found in maps where the cases are dealt out at random.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnc_epi.maths.gmrf.compilation import compiled
from rnc_epi.maths.requirements import (
    require_counts,
    require_finite,
    require_positive,
    require_shape,
    require_whole,
)
from rnc_epi.maths.smallarea.memory import machine_bytes
from rnc_epi.vocabulary.errors import EstimateRefused, InputError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

EULER = 0.5772156649015329


@dataclass(frozen=True)
class Cluster:
    """A circle with more cases than expected.

    Attributes
    ----------
    areas : array of int
        Members, nearest to the centre first; the centre is the first.
    observed, expected : float
        Cases inside; expected cases scaled to the total of the map.
    relative_risk : float
        Ratio inside over ratio outside (infinite when every case is inside).
    log_likelihood_ratio : float
    p_value : float
        Rank among the replicates, (1 + larger) / (replicates + 1); conservative for the clusters after the
        first.
    gumbel_p_value : float
        From the Gumbel distribution fitted to the replicates, which reaches below 1 / (replicates + 1).
    """

    areas: Integers
    observed: float
    expected: float
    relative_risk: float
    log_likelihood_ratio: float
    p_value: float
    gumbel_p_value: float


@dataclass(frozen=True)
class ScanResult:
    """Clusters by decreasing likelihood ratio, without overlap.

    Attributes
    ----------
    clusters : tuple of Cluster
        The most likely first; empty when no circle has more cases than expected.
    replicate_maxima : array (replicates,)
        Largest log likelihood ratio of each random map.
    gumbel_location, gumbel_scale : float
        Of the distribution fitted to them by moments; NaN with fewer than two replicates.
    windows : int
        Circles examined.
    """

    clusters: tuple[Cluster, ...]
    replicate_maxima: Floats
    gumbel_location: float
    gumbel_scale: float
    windows: int


def circular_scan(
    observed: ArrayLike,
    expected: ArrayLike,
    x: ArrayLike,
    y: ArrayLike,
    *,
    population: ArrayLike | None = None,
    largest_share: float = 0.5,
    replicates: int = 999,
    most_clusters: int = 20,
    seed: int = 0,
) -> ScanResult:
    """Look for circular clusters of high risk under the Poisson model.

    A circle around a centre holds every area within its radius: areas at one distance enter together.

    Parameters
    ----------
    observed, expected : arrays (areas,)
        Cases; expected cases, above 0 (scaled here to the total of the cases).
    x, y : arrays (areas,)
        Coordinates of the centres of the areas, in one planar unit (Lambert 93 metres, for instance).
    population : array (areas,), optional
        What the size of a circle is measured by; the expected cases by default.
    largest_share : float
        Largest share of the population in a circle, 0 < share <= 0.5. A study of sensitivity tries 0.1 and
        0.25 too.
    replicates : int
        Random maps, with the same total, cases dealt out in proportion to the expected ones.
    most_clusters : int
        Clusters given at most.
    seed : int

    Returns
    -------
    ScanResult

    Raises
    ------
    InputError
        A011 without a case or with one area; M001, M002, M004, M007, M009.
    EstimateRefused
        A043 not enough memory for the circles.

    References
    ----------
    Kulldorff M (1997), Commun Stat Theory Methods 26:1481, doi:10.1080/03610929708831995. Abrams AM,
    Kleinman K, Kulldorff M (2010), Int J Health Geogr 9:61, doi:10.1186/1476-072X-9-61 (Gumbel).

    Examples
    --------
    >>> import numpy as np
    >>> cases = np.array([2, 3, 20, 18, 1, 2])
    >>> along = np.array([0, 1, 2, 2.9, 4, 5])
    >>> result = circular_scan(cases, np.full(6, 7.0), along, np.zeros(6), replicates=99)
    >>> sorted(result.clusters[0].areas.tolist()), result.clusters[0].p_value
    ([2, 3], 0.01)
    """
    counts = require_counts(observed, "observed")
    if counts.ndim != 1:
        raise InputError("M002", what="observed", expected="(areas,)", found=str(counts.shape))
    numbers = require_shape(require_positive(expected, "expected"), counts.shape, "expected")
    east = require_shape(require_finite(x, "x"), counts.shape, "x")
    north = require_shape(require_finite(y, "y"), counts.shape, "y")
    size = numbers if population is None else require_counts(population, "population")
    require_shape(size, counts.shape, "population")
    if size.size and not size.sum() > 0:
        raise InputError("M009", what="population", found=size.size, where="0")
    if not 0 < largest_share <= 0.5:
        raise InputError("M004", what="largest_share", expected="(0, 0.5]", found=str(largest_share))
    require_whole(replicates, "replicates")
    require_whole(most_clusters, "most_clusters")
    require_whole(seed, "seed", least=0)
    total = float(counts.sum())
    if counts.size < 2 or total < 1:
        raise InputError("A011", found=f"{counts.size} / {int(total)}")
    _require_memory(counts.size, largest_share, replicates)
    numbers = numbers * (total / numbers.sum())
    start, member, closes = _windows(east, north, size, largest_share)
    maxima = _replicate_maxima(start, member, closes, numbers, int(np.rint(total)), replicates, seed)
    location, scale = _gumbel(maxima)
    clusters: list[Cluster] = []
    free = np.ones(counts.size, dtype=np.bool_)
    while len(clusters) < most_clusters:
        centre, length, ratio = _best(start, member, closes, counts, numbers, total, free)
        if length == 0:
            break
        areas = member[start[centre] : start[centre] + length].astype(np.int64)
        free[areas] = False
        inside, awaited = float(counts[areas].sum()), float(numbers[areas].sum())
        outside = (total - inside) / (total - awaited)
        # Computed in another order than the observed map, an equal map may differ in its last digits.
        larger = int((maxima >= ratio * (1.0 - 1e-12)).sum())
        clusters.append(
            Cluster(
                areas,
                inside,
                awaited,
                inside / awaited / outside if outside > 0 else float("inf"),
                ratio,
                (1 + larger) / (replicates + 1),
                float(-np.expm1(-np.exp(-(ratio - location) / scale))) if scale > 0 else float("nan"),
            )
        )
    return ScanResult(tuple(clusters), maxima, location, scale, int(closes.sum()))


def _require_memory(areas: int, share: float, replicates: int) -> None:
    """Refuse a scan whose circles need more than four fifths of the memory of the machine (A043)."""
    # Members of every circle, twice while they are joined; the counts of the replicates; blocks of distances.
    needed = 4.0 * areas * (2.0 * share * areas + replicates) + 512.0 * areas * 32.0
    there = machine_bytes()
    if there is not None and needed > 0.8 * there:
        raise EstimateRefused(
            "A043", needed=f"{needed / 2**30:.1f}", there=f"{there / 2**30:.1f}", rows=areas
        )


def _windows(
    east: Floats, north: Floats, size: Floats, share: float
) -> tuple[Integers, NDArray[np.int32], NDArray[np.bool_]]:
    """Return, centre by centre, the areas by distance while their population stays within the share.

    The last array tells where a circle closes: areas at one distance enter it together.
    """
    limit = share * float(size.sum()) * (1.0 + 1e-12)
    members: list[NDArray[np.int32]] = []
    ends: list[NDArray[np.bool_]] = []
    lengths = np.empty(east.size, np.int64)
    for first in range(0, east.size, 512):
        block = slice(first, min(first + 512, east.size))
        away = (east[block, None] - east) ** 2 + (north[block, None] - north) ** 2
        rows = np.arange(away.shape[0])
        order = np.argsort(away, axis=1, kind="stable").astype(np.int32)
        sorted_away = np.take_along_axis(away, order, axis=1)
        closes = np.ones(order.shape, dtype=np.bool_)
        # Equal distances may differ in their last digits: two sums of squares in another order.
        closes[:, :-1] = sorted_away[:, 1:] > sorted_away[:, :-1] * (1.0 + 1e-12)
        within = closes & (np.cumsum(size[order], axis=1) <= limit)
        # The last circle that stays within the share; none where the centre and its like exceed it.
        length = np.where(within.any(axis=1), within.shape[1] - np.argmax(within[:, ::-1], axis=1), 0)
        lengths[block] = length
        members.extend(order[row, : length[row]] for row in rows)
        ends.extend(closes[row, : length[row]] for row in rows)
    start = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return start, np.concatenate(members), np.concatenate(ends)


def _replicate_maxima(
    start: Integers,
    member: NDArray[np.int32],
    closes: NDArray[np.bool_],
    expected: Floats,
    cases: int,
    replicates: int,
    seed: int,
) -> Floats:
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(cases, expected / expected.sum(), size=replicates).T.astype(np.int32)
    # The ratio of c cases among C, e expected, is  f(c) - c log e - (C - c) log(C - e)  with f tabulated.
    c = np.arange(cases + 1, dtype=np.float64)
    inside = c * np.log(np.maximum(c, 1.0))
    table = inside + inside[::-1]
    scaled = expected * (cases / expected.sum())
    return _maxima(start, member, closes, np.ascontiguousarray(counts), scaled, table)


@compiled
def _maxima(
    start: Integers,
    member: NDArray[np.int32],
    closes: NDArray[np.bool_],
    counts: NDArray[np.int32],
    expected: Floats,
    table: Floats,
) -> Floats:
    replicates = counts.shape[1]
    total = float(table.size - 1)
    best = np.zeros(replicates)
    running = np.zeros(replicates, np.int32)
    for centre in range(start.size - 1):
        running[:] = 0
        awaited = 0.0
        lowest = best.min()
        for place in range(start[centre], start[centre + 1]):
            area = member[place]
            awaited += expected[area]
            if awaited >= total:
                break
            # The likelihood ratio is at most the chi-square (c - e)^2 C / (e (C - e)): below this number of
            # cases no replicate can beat its own best, and most circles cost one comparison a replicate.
            bar = np.int32(awaited + np.sqrt(lowest * awaited * (total - awaited) / total))
            log_in, log_out = np.log(awaited), np.log(total - awaited)
            for r in range(replicates):
                running[r] += counts[area, r]
            if not closes[place]:
                continue
            for r in range(replicates):
                c = running[r]
                if c > bar:
                    value = table[c] - c * log_in - (total - c) * log_out
                    if value > best[r] and c > awaited:
                        best[r] = value
    return best


@compiled
def _best(
    start: Integers,
    member: NDArray[np.int32],
    closes: NDArray[np.bool_],
    counts: Floats,
    expected: Floats,
    total: float,
    free: NDArray[np.bool_],
) -> tuple[int, int, float]:
    """Return centre, number of areas and ratio of the best circle made of free areas."""
    best, best_centre, best_length = 0.0, 0, 0
    for centre in range(start.size - 1):
        inside, awaited = 0.0, 0.0
        for place in range(start[centre], start[centre + 1]):
            area = member[place]
            if not free[area]:
                break
            inside += counts[area]
            awaited += expected[area]
            if not closes[place] or inside <= awaited or awaited >= total:
                continue
            ratio = inside * np.log(inside / awaited)
            if inside < total:
                ratio += (total - inside) * np.log((total - inside) / (total - awaited))
            # Circles that hold the same areas differ by rounding alone: the first centre keeps them.
            if ratio > best * (1.0 + 1e-12):
                best, best_centre, best_length = ratio, centre, place - start[centre] + 1
    return best_centre, best_length, best


def _gumbel(maxima: Floats) -> tuple[float, float]:
    if maxima.size < 2:
        return float("nan"), float("nan")
    scale = float(maxima.std(ddof=1)) * np.sqrt(6.0) / np.pi
    return float(maxima.mean()) - EULER * scale, scale
