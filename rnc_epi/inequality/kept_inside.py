"""What rests on counts finer than any that a release judges, and is kept inside where one of them is small.

Secrecy is judged on the counts of groups over all ages of a published period. A trend rests on those of every
year, a contribution of ages on those of its ages: few persons in one of them could be worked out from it by
someone who knows the rest, and no row says so. The threshold is the common one; sources that need a higher
one are judged at the door as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from rnc_epi.vocabulary.policy import DEFAULT_THRESHOLD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

#: Shares of a gap tell the gap of a hidden site from those of the others.
SHARES: Final = ("gap_contribution_share",)


def some_few(counts: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return, by first axis, where some count is of a few persons: from 1 to one below the threshold."""
    few = (counts > 0) & (counts < DEFAULT_THRESHOLD)
    return np.asarray(few.reshape(len(counts), -1).any(axis=1))


def parted(rows: pd.DataFrame, few: NDArray[np.bool_]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return rows of strata that a release may judge, and those kept inside.

    Parameters
    ----------
    rows : DataFrame
        Measure by measure, every stratum in its order.
    few : (strata,) array of bool
    """
    if rows.empty:
        return rows, rows
    inside = np.tile(few, len(rows) // len(few))
    return rows[~inside].reset_index(drop=True), rows[inside].reset_index(drop=True)


def stacked_rows(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return tables one under the other, those without rows left out."""
    held = [part for part in parts if len(part)]
    return pd.concat(held, ignore_index=True) if held else pd.DataFrame()
