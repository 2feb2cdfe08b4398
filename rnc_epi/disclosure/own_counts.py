"""Estimates that hold registries' own counts: a hidden count among them must not come back by subtraction.

The estimate of a region is what registries counted in some of its areas and what is predicted for the others.
Less the published predictions it leaves the counts, to the rounding of each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rnc_epi.vocabulary.areas import NATIONAL_LEVELS, AreaKey
from rnc_epi.vocabulary.estimators import OBSERVED, REGISTRIES

if TYPE_CHECKING:
    import pandas as pd

    from rnc_epi.disclosure.counts import Counts
    from rnc_epi.vocabulary.hierarchy import Hierarchy


def hold_hidden_counts(
    table: pd.DataFrame, counts: Counts, hidden: np.ndarray, hierarchy: Hierarchy
) -> np.ndarray:
    """Return the rows whose estimate holds a count of a registry that is not shown.

    The nation is too coarse: a hundred rounded predictions stand between it and a count.

    Parameters
    ----------
    table : DataFrame
        The rows that `counts` speaks of.
    counts : Counts
    hidden : array of bool, shape (cells,)
    hierarchy : Hierarchy

    Returns
    -------
    array of bool, shape (rows,)
    """
    fed = table["method"].astype(str).str.contains(REGISTRIES, regex=False).to_numpy(bool)
    fed = fed & ~table["geo_level"].isin(NATIONAL_LEVELS).to_numpy(bool) & (counts.cell_of_row >= 0)
    found = np.zeros(len(table), dtype=bool)
    if not fed.any():
        return found
    shown: dict[object, bool] = {}
    for cell, key in enumerate(counts.keys):
        if key.persons == OBSERVED:
            shown[key] = shown.get(key, True) and not hidden[cell]
    inside = hierarchy.within()
    said: dict[int, bool] = {}
    for row in np.flatnonzero(fed):
        cell = int(counts.cell_of_row[row])
        if cell not in said:
            key = counts.keys[cell]._replace(persons=OBSERVED, event_type=str(table["event_type"].iloc[row]))
            below = [key._replace(area=area.triple) for area in inside.get(AreaKey(*key.area), ())]
            parts = [shown[part] for part in below if part in shown]
            # Without any the registries' own figures were left out whole, and none is known.
            said[cell] = not parts or not all(parts)
        found[row] = said[cell]
    return found
