"""Nations of which registries see a part: their incidence is said to be unknown, not left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from rnc_epi.vocabulary.areas import NATIONAL_LEVELS, POOLED_REGISTRIES
from rnc_epi.vocabulary.schemas import CELL_COLUMNS, CELL_STRATUM

if TYPE_CHECKING:
    from rnc_epi.cells.table import Cells

_SAME = ["event_type", "site", "sex", "period_from", "period_until"]


def national_gaps(cells: Cells, areas: pd.DataFrame) -> pd.DataFrame:
    """Return the strata of nations that lack incidence although registries count some of it.

    Parameters
    ----------
    cells : Cells
    areas : DataFrame
        ``geo_level, geo_code, geo_vintage`` of the extract.
    """
    strata = cells.strata
    pooled = strata[(strata["geo_level"] == "registry_zone") & (strata["geo_code"] == POOLED_REGISTRIES)]
    nations = areas.loc[areas["geo_level"].isin(NATIONAL_LEVELS), ["geo_level", "geo_code", "geo_vintage"]]
    wanted = pooled[_SAME].drop_duplicates().merge(nations.drop_duplicates(), how="cross")
    had = strata.loc[
        strata["geo_level"].isin(NATIONAL_LEVELS), [*_SAME, "geo_level", "geo_code", "geo_vintage"]
    ]
    missing = wanted.merge(had.drop_duplicates(), how="left", indicator=True)
    missing = missing[missing["_merge"] == "left_only"].drop(columns="_merge")
    missing["source"] = "_"
    return missing[list(CELL_STRATUM)].astype({name: CELL_COLUMNS[name] for name in CELL_STRATUM})
