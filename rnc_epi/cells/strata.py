"""Selected strata of a widened grid, as a table of cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rnc_epi.cells.grid import PERSON_YEAR_UNIT, Grid
from rnc_epi.cells.group_widening import GroupWidening
from rnc_epi.cells.table import Cells
from rnc_epi.vocabulary.schemas import CELL_COLUMNS
from rnc_epi.vocabulary.sites import SITES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from rnc_epi.cells.selection import Selection
    from rnc_epi.cells.widening import Widening
    from rnc_epi.vocabulary.ages import BandSet


def cells_of(
    wide: Grid,
    kept: NDArray[np.bool_],
    axes: Widening,
    bands: BandSet,
    slug: str,
    selection: Selection,
    bits: Mapping[str, int],
) -> Cells:
    """Return the strata of a widened grid that are selected.

    Parameters
    ----------
    kept : (areas, sexes, periods) bool array
        Strata that may be taken.
    bits : mapping of source to its bit
    """
    sexes = (1, 2, 0)[: wide.shape[1]]
    levels = [area.geo_level for area in axes.areas]
    of_level = np.array([not selection.geo_levels or level in selection.geo_levels for level in levels])
    of_sex = np.array([sex in selection.sexes for sex in sexes])
    of_period = np.array([selection.asks_for(period) for period in axes.periods])
    asked = kept & of_level[:, None, None] & of_sex[None, :, None] & of_period[None, None, :]
    at = np.nonzero(asked)
    integer = CELL_COLUMNS["sex"]
    slugs = list(SITES)
    strata = pd.DataFrame(
        {
            "event_type": _text(np.zeros(len(at[0]), dtype=np.intp), [axes.event_type]),
            "source": _source_names(wide.source[at], bits),
            "site": _text(np.full(len(at[0]), slugs.index(slug)), slugs),
            "sex": pd.array(np.array(sexes)[at[1]], dtype=integer),
            "geo_level": _text(at[0], levels),
            "geo_code": _text(at[0], [area.geo_code for area in axes.areas]),
            "geo_vintage": _text(at[0], [area.geo_vintage for area in axes.areas]),
            "period_from": pd.array(np.array([p.period_from for p in axes.periods])[at[2]], dtype=integer),
            "period_until": pd.array(np.array([p.period_until for p in axes.periods])[at[2]], dtype=integer),
        },
        copy=False,
    )
    if isinstance(axes, GroupWidening):
        strata["stratum_type"] = _text(np.zeros(len(at[0]), dtype=np.intp), [axes.stratum_type])
        strata["stratum"] = _text(at[0], axes.strata)
    if selection.detail is not None:
        let_out = selection.detail.keeps(strata)
        strata = strata[let_out].reset_index(drop=True)
        at = (at[0][let_out], at[1][let_out], at[2][let_out])
    return Cells(
        strata=strata,
        bands=bands,
        events=wide.events[at],
        unknown_age=wide.unknown_age[at],
        person_years=wide.person_years[at] / PERSON_YEAR_UNIT,
        covered=wide.covered[at],
    )


def _text(positions: NDArray[np.intp], names: Sequence[str]) -> pd.Categorical:
    """Return a column of words by their position in a list that may name one twice."""
    words = sorted(set(names))
    code = {word: position for position, word in enumerate(words)}
    codes = np.array([code[name] for name in names], dtype=np.int32)
    return pd.Categorical.from_codes(codes[positions], categories=pd.Index(words, dtype="str"))


def _source_names(values: NDArray[np.int64], bits: Mapping[str, int]) -> pd.Categorical:
    distinct, positions = np.unique(values, return_inverse=True)
    names = ["+".join(name for name, bit in bits.items() if int(value) & bit) for value in distinct]
    return _text(positions, names)
