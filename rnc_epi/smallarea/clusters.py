"""Clusters of a map, as a table: the circular scan at the level of tables. Internal."""

from __future__ import annotations

from typing import Final

import pandas as pd

from rnc_epi.maths.scan import circular_scan
from rnc_epi.smallarea.mapped import MappedCounts

#: A cluster less unlikely than this is not listed.
WORTH_LISTING: Final = 0.2


def clusters(
    counts: MappedCounts, *, largest_share: float = 0.5, replicates: int = 999, seed: int = 0
) -> pd.DataFrame:
    """Return the areas of the circular clusters of a map, one row an area of a cluster.

    Parameters
    ----------
    counts : MappedCounts
        Its graph must know the centres of the areas (A044).
    largest_share : float
        Largest share of the expected events in a circle.
    replicates : int
        Random maps that the likelihood ratios are compared with.
    seed : int
        Of the random maps.

    Returns
    -------
    DataFrame
        One row an area of a cluster: keys of the area, ``cluster`` (1 the most likely), ``observed,
        expected`` (events), ``relative_risk`` (inside over outside), ``log_likelihood_ratio, p_value,
        gumbel_p_value`` of the cluster. Empty where there is none with p <= 0.2; p-values after the first
        are conservative.

    Raises
    ------
    InputError
        ``A044`` an area without centre; ``A011``, ``M004`` share, replicates or seed out of range.

    References
    ----------
    Kulldorff M (1997), Commun Stat Theory Methods 26:1481, doi:10.1080/03610929708831995.

    Examples
    --------
    An area with 120 events of 80 expected, beside 120 of 160: a ratio of 1.5 over 0.75.

    >>> import numpy as np
    >>> from rnc_epi.smallarea import AreaGraph, MappedCounts
    >>> areas = pd.DataFrame({"geo_level": "zone", "geo_code": list("abc"), "geo_vintage": "v",
    ...     "x": [0.0, 1.0, 5.0], "y": 0.0})
    >>> counts = MappedCounts(areas, np.array([40.0, 80.0, 120.0]), np.full(3, 80.0), np.full(3, 1e4),
    ...     np.array(["_"] * 3, object), "pooled", AreaGraph(areas, np.array([[0, 1], [1, 2]])), 0)
    >>> clusters(counts, replicates=99)[["geo_code", "cluster", "relative_risk"]].values.tolist()
    [['c', 1, 2.0]]
    """
    rows = counts.fitted
    areas = counts.strata[rows].reset_index(drop=True)
    columns = [
        "cluster",
        "observed",
        "expected",
        "relative_risk",
        "log_likelihood_ratio",
        "p_value",
        "gumbel_p_value",
    ]
    empty = areas.iloc[:0].assign(**dict.fromkeys(columns, pd.Series(dtype=float)))
    if counts.observed[rows].sum() < 1 or len(areas) < 2:
        return empty
    east, north = counts.graph.centres()
    found = circular_scan(
        counts.observed[rows],
        counts.expected[rows],
        east,
        north,
        largest_share=largest_share,
        replicates=replicates,
        seed=seed,
    )
    parts = [
        areas.iloc[cluster.areas].assign(
            cluster=number,
            observed=cluster.observed,
            expected=cluster.expected,
            relative_risk=cluster.relative_risk,
            log_likelihood_ratio=cluster.log_likelihood_ratio,
            p_value=cluster.p_value,
            gumbel_p_value=cluster.gumbel_p_value,
        )
        for number, cluster in enumerate(found.clusters, start=1)
        if cluster.p_value <= WORTH_LISTING
    ]
    return pd.concat(parts, ignore_index=True) if parts else empty
