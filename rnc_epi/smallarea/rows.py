"""Rows of the result table for smoothed risks: the risk, its certainty, its class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from rnc_epi.smallarea.mapped import MappedCounts
from rnc_epi.vocabulary.estimators import OF_A_SMOOTHED_MAP, RISK_CLASS, SMOOTHED
from rnc_epi.vocabulary.schemas import CELL_STRATUM, ESTIMATED, NOT_APPLICABLE, NOT_ESTIMABLE

if TYPE_CHECKING:
    from numpy.typing import NDArray

RELATIVE_RISK, EXCEEDANCE = OF_A_SMOOTHED_MAP
#: Indicators of a smoothed map, with the unit of each.
UNITS: Final = {RELATIVE_RISK: "ratio", EXCEEDANCE: "probability", RISK_CLASS: "class"}

#: Why a whole map has no figure.
TOO_FEW_AREAS, NO_EVENTS = "too_few_areas", "no_events"
FIT_REFUSED, NO_REFERENCE = "fit_refused", "no_reference"


@dataclass(frozen=True, eq=False)
class Risks:
    """What is said of the fitted areas of a map, arrays (fitted areas,)."""

    relative_risk: NDArray[np.float64]
    sd: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    exceedance: NDArray[np.float64]
    risk_class: NDArray[np.int64]


def compared_with(comparator: str, threshold: float) -> str:
    """Return what an exceedance is judged against: the reference, times a threshold other than 1.

    Examples
    --------
    >>> compared_with("pooled", 1.0), compared_with("pooled", 1.25)
    ('pooled', 'pooled*1.25')
    """
    return comparator if threshold == 1.0 else f"{comparator}*{threshold:g}"


def smoothed_rows(
    counts: MappedCounts,
    risks: Risks | None,
    *,
    method: str,
    level: float,
    threshold: float,
    estimator: str = SMOOTHED,
    refused: str = FIT_REFUSED,
) -> pd.DataFrame:
    """Return three rows an area: risk with its limits, probability of exceedance, class.

    Parameters
    ----------
    counts : MappedCounts
    risks : Risks or None
        None where the whole map is refused: every row then says "not estimable", with the reason `refused`.
    method : str
        The model.
    level, threshold : float
    estimator : {"smoothed", "benchmarked"}
    refused : str
    """
    n = len(counts.strata)
    fitted = counts.fitted if risks is not None else np.zeros(n, dtype=np.bool_)
    reason = np.where(fitted, NOT_APPLICABLE, np.where(counts.fitted, refused, counts.reason))
    parts = []
    for indicator, unit in UNITS.items():
        table = {name: counts.strata[name].to_numpy() for name in CELL_STRATUM}
        is_risk = indicator == RELATIVE_RISK
        table |= {
            "indicator": indicator,
            "measure_unit": unit,
            "per": 1,
            "age_from": 0,
            "comparator": counts.comparator if is_risk else compared_with(counts.comparator, threshold),
            "estimator": estimator,
            "method": method,
            "interval_method": "equal-tailed" if is_risk else NOT_APPLICABLE,
            "level": level if is_risk else np.nan,
            "interval_kind": "credible" if is_risk else NOT_APPLICABLE,
            "events": counts.observed,
            "expected": counts.expected,
            "person_years": counts.person_years,
            "status": np.where(fitted, ESTIMATED, NOT_ESTIMABLE),
            "reason": reason,
        }
        figures = dict.fromkeys(("value", "lower", "upper", "se"), np.full(n, np.nan))
        if risks is not None:
            said: dict[str, dict[str, NDArray]] = {
                RELATIVE_RISK: {
                    "value": risks.relative_risk,
                    "lower": risks.lower,
                    "upper": risks.upper,
                    "se": risks.sd,
                },
                EXCEEDANCE: {"value": risks.exceedance},
                RISK_CLASS: {"value": risks.risk_class},
            }
            figures |= {name: _placed(values, fitted) for name, values in said[indicator].items()}
        parts.append(pd.DataFrame(table | figures))
    return pd.concat(parts, ignore_index=True)


def _placed(values: NDArray, rows: NDArray[np.bool_]) -> NDArray[np.float64]:
    placed = np.full(len(rows), np.nan)
    placed[rows] = values
    return placed
