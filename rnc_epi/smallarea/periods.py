"""Maps of consecutive periods of one length: the counts that a model over space and time is fitted to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from rnc_epi.smallarea.graph import AREA, AreaGraph
from rnc_epi.smallarea.mapped import NATIONAL, MappedCounts, mapped_counts
from rnc_epi.vocabulary.errors import InputError

if TYPE_CHECKING:
    from rnc_epi.cells.table import Cells

#: Why an area that some period covers is left out of all of them.
NOT_EVERY_PERIOD: Final = "not_every_period"

Period = tuple[int, int]


def runs_of_periods(periods: Iterable[Period]) -> list[tuple[Period, ...]]:
    """Return the periods in runs: of one length, each beginning where the one before it ends.

    Parameters
    ----------
    periods : iterable of (int, int)
        First year, and the year after the last.

    Returns
    -------
    list of tuple of (int, int)
        Each period stands in one run; a run of one is a period without another beside it.

    Examples
    --------
    >>> runs_of_periods([(2006, 2011), (2011, 2016), (2001, 2006), (2001, 2016)])
    [((2001, 2006), (2006, 2011), (2011, 2016)), ((2001, 2016),)]
    """
    left = sorted(set(periods), key=lambda period: (period[1] - period[0], period[0]))
    runs = []
    while left:
        run = [left.pop(0)]
        while (beyond := (run[-1][1], 2 * run[-1][1] - run[-1][0])) in left:
            left.remove(beyond)
            run.append(beyond)
        runs.append(tuple(run))
    return runs


def mapped_periods(cells: Cells, graph: AreaGraph, *, reference: str = NATIONAL) -> list[MappedCounts]:
    """Return the counts of each period, in time, of the areas that every period covers.

    Parameters
    ----------
    cells : Cells
        One event, site and sex; the areas of the map and, for a national reference, the nation in each
        period.
    graph : AreaGraph
        The areas and their neighbours.
    reference : {"national", "pooled"}
        Whose rates of the same period give the expected events.

    Returns
    -------
    list of MappedCounts
        One a period, of the same areas.

    Raises
    ------
    InputError
        ``A047`` the periods are fewer than two, of different lengths or not consecutive; ``M002`` no cells;
        and those of :func:`~rnc_epi.smallarea.mapped_counts`.

    Examples
    --------
    Two years of two areas, 30 and 10 events a year:

    >>> import pandas as pd
    >>> from rnc_epi.cells.table import Cells
    >>> from rnc_epi.smallarea import AreaGraph
    >>> from rnc_epi.vocabulary.ages import BandSet
    >>> areas = pd.DataFrame({"geo_level": "zone", "geo_code": list("ab"), "geo_vintage": "v"})
    >>> fixed = areas.assign(event_type="death", source="s", site="lung", sex=1)
    >>> strata = pd.concat([fixed.assign(period_from=year, period_until=year + 1) for year in (2019, 2020)])
    >>> strata, bands = strata.reset_index(drop=True), BandSet.from_starts([0])
    >>> events = np.array([[30], [10], [30], [10]])
    >>> cells = Cells(strata, bands, events, np.zeros(4, int), np.full((4, 1), 1e4))
    >>> found = mapped_periods(cells, AreaGraph(areas, np.array([[0, 1]])), reference="pooled")
    >>> [(part.observed.tolist(), part.expected.tolist()) for part in found]
    [([30.0, 10.0], [20.0, 20.0]), ([30.0, 10.0], [20.0, 20.0])]
    """
    if not hasattr(cells, "strata"):
        raise InputError("M002", what="cells", expected="Cells", found=type(cells).__name__)
    strata = cells.strata
    held = list(zip(strata["period_from"].astype(int), strata["period_until"].astype(int), strict=True))
    runs = runs_of_periods(held)
    if len(runs) != 1 or len(runs[0]) < 2:
        raise InputError("A047", found=", ".join(f"{a}-{b - 1}" for run in runs for a, b in run))
    rows = [np.flatnonzero([period == one for period in held]) for one in runs[0]]
    parts = [mapped_counts(cells.take(of), graph, reference=reference, complete=False) for of in rows]
    return same_areas(parts, graph)


def same_areas(parts: Sequence[MappedCounts], graph: AreaGraph) -> list[MappedCounts]:
    """Return the counts of several periods with the areas fitted that all of them can be fitted to."""
    everywhere = np.ones(len(graph), dtype=np.bool_)
    for part in parts:
        here = np.zeros(len(graph), dtype=np.bool_)
        here[graph.positions(part.strata[part.fitted])] = True
        everywhere &= here
    kept = graph.restricted_to(everywhere)
    aligned = []
    for part in parts:
        inside = everywhere[graph.positions(part.strata[AREA])]
        reason = np.where(part.fitted & ~inside, NOT_EVERY_PERIOD, part.reason)
        aligned.append(replace(part, reason=reason.astype(object), graph=kept))
    return aligned
