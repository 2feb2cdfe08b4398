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
        The public table: rows ``relative_index`` with ``status="published"`` say which areas are shown.
    asked : Inequality
        The section [inequality] of the study file.

    Returns
    -------
    DataFrame
        As :func:`shrunken_relative_indices`; empty where fewer than five areas of a level are published.

    Raises
    ------
    InputError
        ``I001``, ``I017`` cells that are not by group of deprivation; as for
        :func:`rnc_epi.inequality.gradients`.

    References
    ----------
    Fay RE, Herriot RA. J Am Stat Assoc 1979;74:269-277. doi:10.2307/2286322

    Examples
    --------
    Nothing is shrunken where nothing is published:

    >>> import numpy as np
    >>> from rnc_epi.cells.table import Cells
    >>> from rnc_epi.vocabulary.ages import BandSet
    >>> strata = pd.DataFrame({"event_type": "incidence", "source": "s", "site": "lung", "sex": 1,
    ...     "geo_level": "region", "geo_code": "r", "geo_vintage": "v", "period_from": 2016,
    ...     "period_until": 2021, "stratum_type": "deprivation", "stratum": ["Q1", "Q2", "Q3"]})
    >>> def cells_of(*events):
    ...     people = np.full((3, 1), 1e5)
    ...     return Cells(strata, BandSet.from_starts([0]), np.c_[list(events)], np.zeros(3, int), people)
    >>> from rnc_epi.vocabulary.study_inequality import Inequality
    >>> asked = Inequality(index="fdep", vintage="2015", groups=3, measures=["rate_ratio"])
    >>> published = strata.assign(indicator="relative_index", estimator="observed", status="suppressed")
    >>> len(shrunken_of_published(cells_of(100, 200, 300), published, asked))
    0
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
        The contract's table: ``geo_code, neighbour_code``.
    cut : Grouping
        Of areas of the same level.
    asked : Inequality
        The section [inequality] of the study file.
    head : dict
        Keys of the rows: event, site, sex, source, period, and the area that the whole map is.
    model : callable
        :func:`area_gradient`.

    Returns
    -------
    DataFrame
        ``deprivation_risk_ratio``, methods ``independent``, ``bym2`` and ``spatial-plus``: of the most to
        the least deprived end, or of each group to Q1 (comparator ``Q5/Q1``). Empty where visible areas hold
        less than nine tenths of the expected events, or a model is refused.

    Raises
    ------
    InputError
        As for :func:`rnc_epi.inequality.area_gradient`; its refusals make an empty table.

    References
    ----------
    Of the three models, at :func:`rnc_epi.inequality.area_gradient`.
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
