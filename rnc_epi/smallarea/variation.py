"""Does a map vary, and who ranks where: what joint draws of its areas say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from rnc_epi.maths import smallarea as maths

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Share of the areas above the higher and below the lower quantile whose ratio says whether a map varies.
EXTREMES: Final = 0.1


def variation_of(values: NDArray[np.float64]) -> dict[str, float]:
    """Return how much draws (areas, draws) of a map vary."""
    ratio = maths.ratio_of_extremes(values, share=EXTREMES)
    lower, middle, upper = np.quantile(ratio, [0.025, 0.5, 0.975])
    return {
        "draws": values.shape[1],
        "variation": float(middle),
        "variation_lower": float(lower),
        "variation_upper": float(upper),
    }


def ranks_of(areas: pd.DataFrame, values: NDArray[np.float64], level: float) -> pd.DataFrame:
    """Return the rank of each area over draws (areas, draws), with limits, within each period."""
    parts = []
    period = [name for name in ("period_from", "period_until") if name in areas]
    groups = areas.groupby(period, sort=False).indices.values() if period else [np.arange(len(areas))]
    for rows in groups:
        found = maths.ranks(values[rows], top=max(1, len(rows) // 10), level=level)
        parts.append(
            areas.iloc[rows].assign(
                rank=found.mean,
                rank_lower=found.lower,
                rank_upper=found.upper,
                among_highest_tenth=found.highest,
            )
        )
    return pd.concat(parts).sort_index()
