"""Synthetic communes: each zone in a handful, the first the largest; deprivation varies most among them.

What depends on deprivation acts here, so that a gradient read from zones is diluted as it is between
intercommunal areas.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from rnc_epi.vocabulary.draws import seed_of

#: About 10 000 communes in the nation: their number grows with the square root of a zone's inhabitants.
_INHABITANTS: Final = 705.0
FEWEST, MOST = 3, 20
#: Spread of deprivation between the communes of a zone; between zones it is about 1.
WITHIN: Final = 0.85


def commune_counts(population: np.ndarray) -> np.ndarray:
    """Return how many communes each zone has.

    Examples
    --------
    >>> commune_counts(np.array([9_000.0, 52_000.0, 400_000.0])).tolist()
    [4, 9, 20]
    """
    return np.asarray(np.clip(np.rint(np.sqrt(population / _INHABITANTS)), FEWEST, MOST).astype(np.int64))


def commune_codes(zones: list[str], counts: np.ndarray) -> list[str]:
    """Return the codes of the communes of each zone, ``C01-001-02`` for the second of ``Z01-001``."""
    return [
        f"C{zone[1:]}-{number:02d}"
        for zone, count in zip(zones, counts.tolist(), strict=True)
        for number in range(1, count + 1)
    ]


def commune_populations(population: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return inhabitants, whole numbers that add up to those of the zones: proportional to 1 / rank.

    Examples
    --------
    >>> commune_populations(np.array([1_100.0]), np.array([3])).tolist()
    [600.0, 300.0, 200.0]
    """
    rank = np.concatenate([np.arange(1, count + 1) for count in counts.tolist()])
    zone = np.repeat(np.arange(len(counts)), counts)
    share = 1 / rank
    upper = np.cumsum(share)
    first = np.concatenate([[0], np.cumsum(counts)[:-1]])
    before = (upper - share)[first][zone]
    total = np.add.reduceat(share, first)[zone]
    bound = np.rint(population[zone] * (upper - before) / total)
    found = np.diff(bound, prepend=0.0)
    found[first] = bound[first]
    return np.asarray(found)


def within_zones(zone: np.ndarray, population: np.ndarray, seed: int) -> np.ndarray:
    """Return how much more deprived than its zone each commune is; inhabitants of a zone have a mean of 0."""
    rng = np.random.default_rng(seed_of("deprivation of communes", seed))
    own = WITHIN * rng.standard_normal(len(zone))
    weight = np.bincount(zone, population)
    return np.asarray(own - (np.bincount(zone, own * population) / np.maximum(weight, 1))[zone])


class Homes:
    """Where in a zone a person lives: a commune, in proportion to its weight.

    Parameters
    ----------
    zone_of : (n_communes,) int array
        Position of each commune's zone, rising.
    weights : (n_communes,) array
    """

    def __init__(self, zone_of: np.ndarray, weights: np.ndarray) -> None:
        of_zones = np.bincount(zone_of, weights)
        self._last = np.cumsum(np.bincount(zone_of)) - 1
        # On one scale zone z takes the numbers from z to z + 1; the last commune of a zone reaches its end.
        before = np.cumsum(of_zones) - of_zones
        self._upper = zone_of + (np.cumsum(weights) - before[zone_of]) / of_zones[zone_of]
        self._upper[self._last] = np.arange(1, len(of_zones) + 1)

    def of(self, zone: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return the position of the commune of each person of a zone."""
        found = np.searchsorted(self._upper, zone + rng.random(len(zone)), side="right")
        # A number next to the end of a zone may be rounded to it.
        return np.minimum(found, self._last[zone]).astype(np.int32)
