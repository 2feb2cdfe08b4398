"""One site and sex over the periods of a run: a map, a common curve and what neither explains, together.

Each period has rows of its own, in the form of a map of one period: its risks are relative to the reference
in the same period.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rnc_epi.smallarea.asked import method_of, model_of
from rnc_epi.smallarea.autocorrelation import autocorrelation
from rnc_epi.smallarea.clusters import clusters
from rnc_epi.smallarea.graph import AreaGraph
from rnc_epi.smallarea.judged import checks_of, facts_of, parameters_of, risks_of
from rnc_epi.smallarea.periods import Period, same_areas
from rnc_epi.smallarea.published import Known
from rnc_epi.smallarea.rows import FIT_REFUSED, NO_EVENTS, TOO_FEW_AREAS, smoothed_rows
from rnc_epi.smallarea.tables import Found, number_of_draws
from rnc_epi.smallarea.variation import ranks_of, variation_of
from rnc_epi.vocabulary.errors import EstimateRefused

if TYPE_CHECKING:
    from rnc_epi.cells.table import Cells
    from rnc_epi.vocabulary.study_small_areas import SmallAreas


def add_run(
    cells: Cells,
    graph: AreaGraph,
    asked: SmallAreas,
    found: Found,
    *,
    run: tuple[Period, ...],
    known: Known,
    deprivation: pd.DataFrame | None,
) -> None:
    """Fit the maps of a run of periods together, and add what is found of each.

    Parameters
    ----------
    cells : Cells
        One event, site and sex over the periods of `run`.
    graph : AreaGraph
    asked : SmallAreas
    found : Found
        What the room found so far.
    run : tuple of (int, int)
    known : Known
    deprivation : DataFrame, optional

    Raises
    ------
    NotCovered
        A037 where a period has no national rates.
    """
    strata, method = cells.strata, method_of(asked, over_periods=True)
    options: dict[str, Any] = {"method": method, "level": asked.level, "threshold": asked.threshold}
    held = [
        cells.take(np.flatnonzero((strata["period_from"].eq(a) & strata["period_until"].eq(b)).to_numpy()))
        for a, b in run
    ]
    parts = same_areas([known.counts(one, graph, asked.reference) for one in held], graph)
    rows = [part.fitted for part in parts]
    why = ""
    model = None
    if rows[0].sum() < asked.fewest_areas:
        why = TOO_FEW_AREAS
    elif sum(part.observed[of].sum() for part, of in zip(parts, rows, strict=True)) < 1:
        why = NO_EVENTS
    else:
        model, names = model_of(asked, parts[0], deprivation, over_periods=True)
        try:
            model.fit(parts)
        except EstimateRefused as refusal:
            model, why = None, refusal.code
    if model is None:
        refused = why if why in (TOO_FEW_AREAS, NO_EVENTS) else FIT_REFUSED
        for part in parts:
            found.diagnostics.append(facts_of(part, method, why))
            found.results.append(smoothed_rows(part, None, refused=refused, **options))
        return
    draws = model.draws(number_of_draws(asked.draws, len(model.areas_)))
    whole = parts[0].key | {"period_until": run[-1][1]}
    found.parameters.append(parameters_of(whole, model, names))
    checks = checks_of(model)
    for place, part in enumerate(parts):
        of_period = np.arange(place, len(model.areas_), len(parts))
        areas, values = model.areas_.iloc[of_period].reset_index(drop=True), draws.values[of_period]
        found.results.append(smoothed_rows(part, risks_of(model, of_period), **options))
        found.ranks.append(ranks_of(areas, values, asked.level))
        facts = facts_of(part, method, "") | {"periods": len(parts)} | checks | variation_of(values)
        if asked.autocorrelation:
            said, local = autocorrelation(part, seed=draws.seed)
            facts |= said
            found.local.append(local)
        if asked.clusters is not None:
            share, replicates = asked.clusters.largest_share, asked.clusters.replicates
            found.clusters.append(clusters(part, largest_share=share, replicates=replicates, seed=draws.seed))
        found.diagnostics.append(facts)
