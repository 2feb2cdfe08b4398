"""Rows of the result table for estimates that rest on a correlate, a model of registries, or their counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rnc_epi.vocabulary.areas import AreaKey
from rnc_epi.vocabulary.periods import Period
from rnc_epi.vocabulary.schemas import ESTIMATED, NOT_APPLICABLE, NOT_ESTIMABLE

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

PER = 100_000

#: Unit and person-years of each indicator.
UNITS = {
    "count": ("events", 1),
    "crude_rate": ("rate", PER),
    "asr": ("rate", PER),
    "sir": ("ratio", 1),
    "annual_percent_change": ("percent", 1),
    "relative_index": ("ratio", 1),
}

#: Why a figure is not estimable, whatever the count.
QUALITY, ZERO_PROXY, NO_PERSON_YEARS = "quality", "proxy_is_zero", "no_person_years"
NOT_ALL_COVERED, NO_CALIBRATION = "not_all_covered", "no_calibration"


@dataclass(frozen=True)
class Cell:
    """What all the rows of one site, sex and period share.

    Parameters
    ----------
    site : str
    sex : int
    period : Period
    age_from : int
    source : str
    level : float
        Coverage of the limits.
    """

    site: str
    sex: int
    period: Period
    age_from: int
    source: str
    level: float


def canonical(area: AreaKey) -> str:
    """Return the text by which the column `comparator` names an area."""
    return f"{area.geo_level}:{area.geo_code}:{area.geo_vintage}"


def estimate_rows(
    cell: Cell,
    areas: Sequence[AreaKey],
    *,
    indicator: str,
    estimator: str,
    method: str | NDArray[np.str_],
    value: ArrayLike,
    events: ArrayLike,
    person_years: ArrayLike,
    lower: ArrayLike = np.nan,
    upper: ArrayLike = np.nan,
    se: ArrayLike = np.nan,
    expected: ArrayLike = np.nan,
    interval_method: str = NOT_APPLICABLE,
    interval_kind: str = "prediction",
    standard: str = NOT_APPLICABLE,
    comparator: str = NOT_APPLICABLE,
    stratum_type: str = NOT_APPLICABLE,
    stratum: str = NOT_APPLICABLE,
    data_grade: str = NOT_APPLICABLE,
    reason: ArrayLike | str = NOT_APPLICABLE,
) -> pd.DataFrame:
    """Return one row an area; where `reason` names one, the figure is not estimable and is null.

    `method` is that of all areas, or one an area.
    """
    n = len(areas)
    reasons = np.broadcast_to(np.asarray(reason, dtype=object), n)
    known = reasons == NOT_APPLICABLE
    unit, per = UNITS[indicator]
    has_limits = interval_method != NOT_APPLICABLE
    figures = {
        name: np.where(known, np.broadcast_to(np.asarray(given, dtype=np.float64), n), np.nan)
        for name, given in (("value", value), ("lower", lower), ("upper", upper), ("se", se))
    }
    context = {
        name: np.broadcast_to(np.asarray(given, dtype=np.float64), n)
        for name, given in (("events", events), ("expected", expected), ("person_years", person_years))
    }
    return pd.DataFrame(
        {
            "indicator": indicator,
            "measure_unit": unit,
            "per": per,
            "event_type": "incidence",
            "site": cell.site,
            "sex": cell.sex,
            "geo_level": [area.geo_level for area in areas],
            "geo_code": [area.geo_code for area in areas],
            "geo_vintage": [area.geo_vintage for area in areas],
            "period_from": cell.period.period_from,
            "period_until": cell.period.period_until,
            "age_from": cell.age_from,
            "age_until": pd.array([pd.NA] * n, dtype="Int64"),
            "stratum_type": stratum_type,
            "stratum": stratum,
            "comparator": comparator,
            "standard": standard,
            "estimator": estimator,
            "method": method,
            **figures,
            "interval_method": interval_method,
            "level": cell.level if has_limits else np.nan,
            "interval_kind": interval_kind if has_limits else NOT_APPLICABLE,
            **context,
            "data_grade": data_grade,
            "status": np.where(known, ESTIMATED, NOT_ESTIMABLE),
            "reason": reasons,
            "source": cell.source,
        }
    )
