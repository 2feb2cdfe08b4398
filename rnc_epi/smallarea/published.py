"""The counts of a map as a reader of the release knows them, so that a published map gives none of them back.

A smoothed risk follows from every count of its map. Someone who knows all of them but one finds that one by
fitting the model again, even from risks rounded to a tenth. A map that is published is therefore fitted on
what is published: visible counts as they are; what is hidden is what remains of the area above, shared out
in proportion to the expected events.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rnc_epi.smallarea.graph import AREA, AreaGraph
from rnc_epi.smallarea.mapped import MAP_KEY, MappedCounts, mapped_counts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rnc_epi.cells.table import Cells


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of the counts of maps: all of them, or what a reader of the release knows.

    Attributes
    ----------
    published : DataFrame or None
        Published counts, for :func:`as_published`; None where the counts are known as they are.
    membership : DataFrame or None
        The table of the extract.
    """

    published: pd.DataFrame | None = None
    membership: pd.DataFrame | None = None

    def counts(self, cells: Cells, graph: AreaGraph, reference: str) -> MappedCounts:
        """Return the counts of a map."""
        counts = mapped_counts(cells, graph, reference=reference, complete=False)
        if self.published is None or self.membership is None:
            return counts
        return as_published(counts, self.published, self.membership)


def as_published(counts: MappedCounts, published: pd.DataFrame, membership: pd.DataFrame) -> MappedCounts:
    """Return a map with the counts that a reader of the release knows, or can work out.

    Parameters
    ----------
    counts : MappedCounts
    published : DataFrame
        Published counts over all ages, of every level: the columns of a map's key and of an area, `events`.
        What is not there is hidden.
    membership : DataFrame
        The table of the extract: whole areas within whole areas are used.

    Returns
    -------
    MappedCounts
        `observed` may hold fractions. It is a function of the published counts, and of what is expected.
    """
    key = counts.key
    same = np.logical_and.reduce([published[name].eq(key[name]).to_numpy(bool) for name in MAP_KEY])
    known = published[same].set_index(AREA)["events"]
    areas = pd.MultiIndex.from_frame(counts.strata[AREA].astype(str))
    observed = known.reindex(areas).to_numpy(np.float64).copy()
    expected = np.where(np.isfinite(counts.expected), counts.expected, 0.0)
    visible = np.isfinite(observed)
    links = membership[membership["weight"].ge(1)]
    for _, above in sorted(
        links[links["child_level"].eq(key["geo_level"])].groupby("parent_level", sort=True),
        key=lambda held: (-held[1]["parent_code"].nunique(), held[0]),
    ):
        _share_out(observed, expected, areas, above, known)
    rest = ~np.isfinite(observed)
    ratio = observed[visible].sum() / expected[visible].sum() if expected[visible].sum() > 0 else 1.0
    observed[rest] = ratio * expected[rest]
    return replace(counts, observed=observed)


def _share_out(
    observed: NDArray[np.float64],
    expected: NDArray[np.float64],
    areas: pd.MultiIndex,
    links: pd.DataFrame,
    known: pd.Series,
) -> None:
    """Fill what is hidden below each area whose total is known, in place."""
    parent = ["parent_level", "parent_code", "parent_vintage"]
    children = pd.MultiIndex.from_frame(links[["child_level", "child_code", "child_vintage"]].astype(str))
    place = areas.get_indexer(children)
    for names, rows in links.groupby(parent, sort=True).indices.items():
        members = np.unique(place[rows])
        if names not in known.index or members[0] < 0:
            continue
        hidden = members[~np.isfinite(observed[members])]
        if not hidden.size:
            continue
        left = max(0.0, float(known.loc[names]) - np.nansum(observed[members]))
        share = expected[hidden].sum()
        observed[hidden] = left * expected[hidden] / share if share > 0 else left / hidden.size
