"""Deprivation as columns of a model: classes of equal population, or a natural spline of the score.

An area without a score is not dropped: it has a coefficient of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rnc_epi.maths.inequality.deprivation import assign_quantiles
from rnc_epi.maths.splines.cubic import cubic_regression
from rnc_epi.smallarea.graph import AREA
from rnc_epi.vocabulary.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rnc_epi.smallarea.mapped import MappedCounts
    from rnc_epi.vocabulary.study_small_areas import DeprivationCovariate

#: Knots of the spline of the score: three bends are all that a map of areas can tell.
KNOTS = 4


def deprivation_columns(
    counts: MappedCounts, deprivation: pd.DataFrame, asked: DeprivationCovariate
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Return the columns of a covariate of deprivation for the fitted areas, and their names.

    Parameters
    ----------
    counts : MappedCounts
    deprivation : DataFrame
        The table of the extract: ``index, vintage``, keys of the area, ``score, higher_is``.
    asked : DeprivationCovariate

    Returns
    -------
    (array (areas, p), tuple of str)
        The least deprived class is the reference of the others.

    Raises
    ------
    InputError
        A041 for an index or an edition that the table does not hold at this level.
    """
    areas = counts.graph.areas[AREA]
    of_index = deprivation[deprivation["index"].eq(asked.index)]
    if asked.vintage:
        of_index = of_index[of_index["vintage"].eq(asked.vintage)]
    table = areas.merge(of_index, on=AREA, how="left")
    if table["score"].isna().all() or len(table) != len(areas):
        held = deprivation.merge(areas, on=AREA)[["index", "vintage"]].drop_duplicates().sort_values(
            ["index", "vintage"]
        )  # fmt: skip
        known = ", ".join(f"{name} ({vintage})" for name, vintage in held.itertuples(index=False, name=None))
        raise InputError("A041", name=asked.index, expected=known or "–")
    score = table["score"].to_numpy(np.float64)
    score = np.where(table["higher_is"].eq("less_deprived"), -score, score)
    rows = counts.fitted
    if asked.form == "classes":
        number = assign_quantiles(score, counts.person_years[rows], quantiles=asked.classes).quantile
        labels = {k: f"Q{k}" for k in range(2, asked.classes + 1)} | {0: "unknown"}
        parts = [(name, number == k) for k, name in labels.items()]
    else:
        known_score = ~np.isnan(score)
        ordered = score[known_score]
        knots = np.unique(np.quantile(ordered, [0.05, 0.35, 0.65, 0.95]))
        if knots.size < KNOTS:
            raise InputError("A041", name=asked.index, expected="–")
        spline = cubic_regression("score", ordered, knots=knots, penalised=False)
        basis = np.zeros((score.size, KNOTS - 1))
        basis[known_score] = spline.columns(ordered)
        # Columns of one size: their normal priors then mean the same.
        basis[known_score] -= basis[known_score].mean(axis=0)
        basis /= basis[known_score].std(axis=0)
        parts = [(f"score_{k + 1}", basis[:, k]) for k in range(KNOTS - 1)]
        parts.append(("unknown", ~known_score))
    columns = [(name, np.asarray(column, np.float64)) for name, column in parts]
    kept = [(name, column) for name, column in columns if np.ptp(column) > 0]
    return np.column_stack([column for _, column in kept]), tuple(name for name, _ in kept)
