"""All the indicators that a study asks for, from its cells, in the form of the one result table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rnc_epi.indicators import rates
from rnc_epi.indicators.ratios import standardised_ratios
from rnc_epi.indicators.rows import NOT_ALL_COVERED, UNIT_RATE, joined
from rnc_epi.vocabulary.ages import BandSet
from rnc_epi.vocabulary.schemas import NOT_ESTIMABLE, as_result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rnc_epi.cells.table import Cells
    from rnc_epi.vocabulary.study import Rates


def indicators(
    cells: Cells, asked: Rates, by_age: NDArray[np.bool_] | None = None, *, compact: bool = False
) -> pd.DataFrame:
    """Return the indicators that a study asks for, of one table of cells.

    Parameters
    ----------
    cells : Cells
    asked : Rates
        The section [rates] of the study file.
    by_age : (n_strata,) bool array, optional
        Strata that may be given by age band; all of them without it.
    compact : bool
        Whether text is left as categories (see ``as_result``).
    """
    parts = []
    wanted = set(asked.indicators)
    age_bands = BandSet.from_starts(asked.ages) if asked.ages else None
    if "count" in wanted:
        parts.append(rates.counts(cells))
    if "crude_rate" in wanted:
        parts.append(rates.crude_rates(cells, level=asked.level))
    if "age_specific_rate" in wanted and age_bands is not None and len(age_bands) > 1:
        detailed = cells if by_age is None else cells.take(by_age)
        parts.append(rates.age_specific_rates(detailed, age_bands, level=asked.level))
        if "count" in wanted:
            parts.append(rates.age_specific_counts(detailed, age_bands))
    if "asr" in wanted:
        parts.extend(
            rates.standardised_rates(cells, name, interval_method=asked.interval_method, level=asked.level)
            for name in asked.standards
        )
    if "sir" in wanted:
        parts.append(standardised_ratios(cells, level=asked.level))
    return as_result(joined(parts), compact=compact)


def not_covered_rows(gaps: pd.DataFrame, standards: Sequence[str], per: int = rates.PER) -> pd.DataFrame:
    """Return the rows that say "not estimable" of areas of which only a part is covered.

    Parameters
    ----------
    gaps : DataFrame
        Strata (``CELL_STRATUM`` without the source): nations whose incidence registries see in part.
    """
    parts = [
        gaps.assign(
            indicator="asr",
            measure_unit=UNIT_RATE,
            per=per,
            method="direct",
            estimator="observed",
            standard=name,
            age_from=0,
            status=NOT_ESTIMABLE,
            reason=NOT_ALL_COVERED,
            value=np.nan,
        )
        for name in standards
    ]
    return as_result(pd.concat(parts, ignore_index=True)) if len(gaps) and parts else pd.DataFrame()
