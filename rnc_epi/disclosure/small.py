"""Which counts must be protected for themselves, and how far a witness must bring each."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from rnc_epi.disclosure.counts import ALL_AGES, OPEN, Counts
from rnc_epi.disclosure.sums import SAME, Sums

if TYPE_CHECKING:
    import pandas as pd

#: A group of fewer persons than this many thresholds may be recognised: where all of them fall in one age
#: band, or one site, the zeros beside it say so of each.
RECOGNISABLE: Final = 2
#: Bands this narrow are those of the standard populations: with a standardised rate beside them, each weight
#: is known exactly and the rate is one more sum.
NARROW_YEARS: Final = 5
#: A witness brings a small count to the threshold and one case more: two counts that are eleven together
#: would tell the only case of the one that the other is ten.
BESIDE_ONE_CASE: Final = 1.0
_STANDARDISED: Final = ("asr",)


@dataclass(frozen=True)
class Small:
    """What to protect.

    Parameters
    ----------
    cells : array of bool, shape (cells,)
        Small counts, and counts that nearly exhaust their population.
    unanimous : array of bool, shape (cells,)
        Zeros, and the one count beside them, that would tell the site or age of everyone in a small group.
    remainders : int
    lowest, highest : arrays, shape (variables,)
        Where witnesses must bring each; NaN for what needs none.
    """

    cells: np.ndarray
    unanimous: np.ndarray
    remainders: int
    lowest: np.ndarray
    highest: np.ndarray


def small_counts(counts: Counts, sums: Sums | None = None) -> Small:
    """Return what must be protected: small counts, complements, unanimous groups, small remainders.

    Parameters
    ----------
    counts : Counts
    sums : Sums, optional
        Without them, remainders and unanimous groups are not looked for.
    """
    events, threshold = counts.events, counts.threshold
    below = (events > SAME) & (events < threshold)
    # The population of a cell in which nearly everyone is a case: those who are not are few.
    years = np.array([key.period[1] - key.period[0] for key in counts.keys], dtype=float)
    with np.errstate(invalid="ignore", divide="ignore"):
        others = counts.person_years / years - events
        exhausted = (events > 0) & (others > -threshold) & (others < threshold) & (threshold > 0)
    cells = below | exhausted
    n = len(events) if sums is None else len(sums.values)
    lowest, highest = np.full(n, np.nan), np.full(n, np.nan)
    lowest[: len(events)][below] = 1.0
    highest[: len(events)][below] = threshold[below] + BESIDE_ONE_CASE
    alone = exhausted & ~below
    lowest[: len(events)][alone] = np.maximum(0.0, events[alone] - (threshold[alone] - 1.0))
    unanimous = np.zeros(len(events), dtype=bool)
    remainders = 0
    if sums is not None:
        unanimous = _unanimous(counts, sums) & ~cells
        lone = unanimous & (events > 0)
        lowest[: len(events)][lone] = np.maximum(0.0, events[lone] - (threshold[lone] - 1.0))
        left = sums.values[sums.n_cells :]
        few = (left > SAME) & (left < sums.leftover_threshold)
        remainders = int(few.sum())
        lowest[sums.n_cells :][few] = 1.0
        highest[sums.n_cells :][few] = sums.leftover_threshold[few] + BESIDE_ONE_CASE
    return Small(cells, unanimous, remainders, lowest, highest)


def _unanimous(counts: Counts, sums: Sums) -> np.ndarray:
    found = np.zeros(sums.n_cells, dtype=bool)
    equations = sums.equations
    for row, kind in enumerate(sums.kinds):
        if kind not in ("site", "age"):
            continue
        entries = slice(equations.indptr[row], equations.indptr[row + 1])
        members, signs = equations.indices[entries], equations.data[entries]
        parts, parent = members[signs < 0], members[signs > 0][0]
        size, limit = counts.events[parent], counts.threshold[parent]
        if len(parts) < 2 or not 0 < size < RECOGNISABLE * limit or (parts >= sums.n_cells).any():
            continue
        if (counts.events[parts] > 0).sum() == 1:
            found[parts] = True
    return found


def narrow_ages(counts: Counts, hidden: np.ndarray, table: pd.DataFrame) -> np.ndarray:
    """Return what is hidden, with every age band of a stratum where narrow bands meet a standardised rate.

    Parameters
    ----------
    hidden : array of bool, shape (cells,)
    table : DataFrame
        The rows that `counts` speaks of.
    """
    rated = table["indicator"].isin(_STANDARDISED).to_numpy(bool) & (counts.cell_of_row >= 0)
    strata = {counts.keys[cell]._replace(ages=ALL_AGES) for cell in np.unique(counts.cell_of_row[rated])}
    bands = defaultdict(list)
    for cell, key in enumerate(counts.keys):
        if key.ages != ALL_AGES:
            bands[key._replace(ages=ALL_AGES)].append(cell)
    wider = hidden.copy()
    for stratum, cells in bands.items():
        if stratum not in strata or not hidden[cells].any():
            continue
        widths = [counts.keys[cell].ages[1] - counts.keys[cell].ages[0] for cell in cells]
        if min(width for width in (*widths, OPEN)) <= NARROW_YEARS:
            wider[cells] = True
    return wider
