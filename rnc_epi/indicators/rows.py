"""Rows of the result table from strata of cells: the keys that every indicator shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rnc_epi.vocabulary.schemas import ESTIMATED, NOT_APPLICABLE, NOT_ESTIMABLE

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from rnc_epi.cells.table import Cells
    from rnc_epi.vocabulary.ages import AgeBand

#: Unit of the value of an indicator; the published precision follows from it.
UNIT_COUNT, UNIT_RATE, UNIT_RATIO = "events", "rate", "ratio"

#: Reasons for which a value is not estimable, whatever the count.
NO_PERSON_YEARS, NOTHING_EXPECTED, NOT_ALL_COVERED = "no_person_years", "nothing_expected", "not_all_covered"


def result_rows(
    cells: Cells,
    *,
    indicator: str,
    measure_unit: str,
    per: int,
    method: str,
    value: ArrayLike,
    events: ArrayLike,
    person_years: ArrayLike,
    lower: ArrayLike = np.nan,
    upper: ArrayLike = np.nan,
    se: ArrayLike = np.nan,
    expected: ArrayLike = np.nan,
    interval_method: str = NOT_APPLICABLE,
    level: float | None = None,
    band: AgeBand | None = None,
    standard: str = NOT_APPLICABLE,
    comparator: ArrayLike | str = NOT_APPLICABLE,
    estimator: str = "observed",
    stratum_type: str = NOT_APPLICABLE,
    stratum: str = NOT_APPLICABLE,
    data_grade: ArrayLike | str = NOT_APPLICABLE,
    estimable: ArrayLike = True,
    reason: str = NO_PERSON_YEARS,
) -> pd.DataFrame:
    """Return one row a stratum; where `estimable` is False, the value is null and the reason is named.

    Parameters
    ----------
    cells : Cells
        Their strata give the keys.
    band : AgeBand, optional
        Ages that the row speaks of; without one, all ages.
    """
    table = cells.strata.copy()
    ok = np.broadcast_to(np.asarray(estimable, dtype=bool), len(cells))
    table["indicator"] = indicator
    table["measure_unit"] = measure_unit
    table["per"] = per
    table["age_from"] = 0 if band is None else band.age_from
    table["age_until"] = pd.array([None if band is None else band.age_until] * len(cells), dtype="Int64")
    table["standard"] = standard
    table["comparator"] = comparator
    table["estimator"] = estimator
    table["stratum_type"] = stratum_type
    table["stratum"] = stratum
    table["data_grade"] = data_grade
    table["method"] = method
    for name, figures in (("value", value), ("lower", lower), ("upper", upper), ("se", se)):
        table[name] = np.where(ok, np.asarray(figures, dtype=np.float64), np.nan)
    table["interval_method"] = interval_method
    table["level"] = np.nan if level is None else level
    table["interval_kind"] = NOT_APPLICABLE if level is None else "confidence"
    table["events"] = np.asarray(events, dtype=np.float64)
    table["expected"] = np.asarray(expected, dtype=np.float64)
    table["person_years"] = np.asarray(person_years, dtype=np.float64)
    table["status"] = np.where(ok, ESTIMATED, NOT_ESTIMABLE)
    table["reason"] = np.where(ok, NOT_APPLICABLE, reason)
    return table
