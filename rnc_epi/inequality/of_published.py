"""What borrows from many counts at once, made again of published ones (decisions 121 and 122).

The index of an area that is shrunk towards the others, and the gradient inside a small-area model, follow
from every count they are given: someone who knows all but one would have that one. They are therefore made,
for a release, of what the release shows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from rnc_epi.inequality.area_gradient import area_gradient
from rnc_epi.inequality.rows import UNIT_RATIO
from rnc_epi.inequality.strata import STRATUM_KEYS, grouped_strata, joined_by_bands
from rnc_epi.inequality.within_areas import shrunken_relative_indices
from rnc_epi.vocabulary.deprivation import ALL_GROUPS, group_labels
from rnc_epi.vocabulary.errors import EstimateRefused
from rnc_epi.vocabulary.schemas import ESTIMATED, NOT_APPLICABLE, PUBLISHED

if TYPE_CHECKING:
    from rnc_epi.cells.table import Cells
    from rnc_epi.inequality.grouping import Grouping
    from rnc_epi.vocabulary.study_inequality import Inequality

#: Share of the expected events that visible areas must hold: what is hidden is shared out without regard to
#: deprivation, and dilutes a gradient by at most what is missing.
LEAST_VISIBLE: Final = 0.9

_AREA: Final = ["geo_level", "geo_code", "geo_vintage"]


def shrunken_of_published(
    cells: Cells | Sequence[Cells], published: pd.DataFrame, asked: Inequality
) -> pd.DataFrame:
    """Return shrunken relative indices of the areas whose own is published, made of these areas alone.

    Parameters
    ----------
    cells : Cells or sequence of Cells
        As :func:`rnc_epi.inequality.gradients` takes them.
    published : DataFrame
        The public table.
    asked : Inequality

    Returns
    -------
    DataFrame
        As :func:`shrunken_relative_indices`; empty where fewer than five areas of a level are published.
    """
    shown = published[
        published["indicator"].eq("relative_index")
        & published["estimator"].eq("observed")
        & published["status"].eq(PUBLISHED)
    ]
    parts = cells if isinstance(cells, Sequence) else [cells]
    found = []
    for strata in joined_by_bands([grouped_strata(part, asked.groups) for part in parts]):
        names = [name for name in STRATUM_KEYS if name in strata.keys.columns]
        visible = np.asarray(_index(strata.keys[names]).isin(_index(shown[names])))
        if visible.any():
            found.append(shrunken_relative_indices(strata.take(visible), asked))
    rows = [part for part in found if len(part)]
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame()


def _index(table: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(table.astype(str))


def area_gradient_rows(
    areas: pd.DataFrame,
    adjacency: pd.DataFrame,
    cut: Grouping,
    asked: Inequality,
    head: dict[str, object],
    *,
    model: Callable[..., pd.DataFrame] = area_gradient,
) -> pd.DataFrame:
    """Return the gradient inside the small-area model of one map, as rows of the one result table.

    Parameters
    ----------
    areas : DataFrame
        ``geo_level, geo_code, geo_vintage, events, expected, visible``: the counts of a reader of the
        release, and which of them are published as such.
    adjacency : DataFrame
    cut : Grouping
        Of areas of the same level.
    asked : Inequality
    head : dict
        Keys of the rows: event, site, sex, source, period, and the area that the whole map is.
    model : callable
        :func:`area_gradient`.

    Returns
    -------
    DataFrame
        ``deprivation_risk_ratio``, methods ``independent``, ``bym2`` and ``spatial-plus``: of the most to the
        least deprived end, or of each group to Q1 (comparator ``Q5/Q1``). Empty where visible areas hold less
        than nine tenths of the expected events, or a model is refused.
    """
    expected = areas["expected"].fillna(0.0)
    if not expected[areas["visible"]].sum() >= LEAST_VISIBLE * expected.sum() > 0:
        return pd.DataFrame()
    classes = asked.area_model_form == "classes"
    placed = cut.table.rename(columns={"stratum": "deprivation"}) if classes else cut.ranks
    placed = placed.rename(columns={"rank": "deprivation"})[[*_AREA, "deprivation"]]
    if classes:
        placed = placed[placed["deprivation"].isin(group_labels(asked.groups))]
    given = areas.merge(placed, on=_AREA, how="left")
    try:
        found = model(
            given, adjacency, form=asked.area_model_form, deprivation="deprivation", level=asked.level
        )
    except EstimateRefused:
        return pd.DataFrame()
    comparator = "Q1" if classes else NOT_APPLICABLE
    return pd.DataFrame(
        head
        | {
            "indicator": "deprivation_risk_ratio",
            "measure_unit": UNIT_RATIO,
            "per": 1,
            "age_from": 0,
            "stratum_type": cut.record.stratum_type,
            "stratum": ALL_GROUPS,
            "comparator": [f"{term}/{comparator}" if classes else comparator for term in found["term"]],
            "estimator": "smoothed",
            "method": found["analysis"].to_numpy(),
            "value": found["value"].to_numpy(),
            "lower": found["lower"].to_numpy(),
            "upper": found["upper"].to_numpy(),
            "interval_method": "equal-tailed",
            "level": asked.level,
            "interval_kind": "credible",
            "events": found["events"].to_numpy(),
            "status": ESTIMATED,
            "reason": NOT_APPLICABLE,
        }
    )
