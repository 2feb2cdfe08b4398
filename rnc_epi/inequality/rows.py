"""Measures as rows of the one result table: the keys of a stratum, a value with its limits, or a reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rnc_epi.vocabulary.deprivation import ALL_GROUPS
from rnc_epi.vocabulary.schemas import ESTIMATED, NOT_APPLICABLE, NOT_ESTIMABLE

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from rnc_epi.vocabulary.ages import AgeBand

#: Units of the measures; the published precision follows from them.
UNIT_EVENTS, UNIT_RATE, UNIT_RATIO, UNIT_PERCENT = "events", "rate", "ratio", "percent"
UNIT_INDEX, UNIT_SQUARE, UNIT_PROBABILITY = "index", "rate_squared", "probability"
UNIT_RATE_A_YEAR, UNIT_RATIO_A_YEAR = "rate_per_year", "ratio_per_year"


@dataclass(frozen=True, eq=False)
class Measured:
    """One measure of every stratum.

    Parameters
    ----------
    indicator, unit : str
    value, lower, upper, se : (strata,) arrays
        NaN where not estimable.
    method, interval_method : str
    per : int
        Person-years of a rate; 1 for what has none.
    standard, comparator, stratum : str
    reason : str
        Why a stratum is not estimable, where the stratum itself gives no reason.
    events, person_years : (strata,) arrays, optional
        Of what the row speaks; those of the classified groups without them.
    band : AgeBand, optional
        Ages that the row speaks of.
    estimator, interval_kind : str
    """

    indicator: str
    unit: str
    value: ArrayLike
    method: str
    lower: ArrayLike = np.nan
    upper: ArrayLike = np.nan
    se: ArrayLike = np.nan
    interval_method: str = NOT_APPLICABLE
    per: int = 1
    standard: str = NOT_APPLICABLE
    comparator: str = NOT_APPLICABLE
    stratum: str = ALL_GROUPS
    reason: str = "no_fit"
    events: ArrayLike | None = None
    person_years: ArrayLike | None = None
    band: AgeBand | None = None
    estimator: str = "observed"
    interval_kind: str = "confidence"


def measured_rows(
    keys: pd.DataFrame,
    measures: Sequence[Measured],
    reasons: NDArray[np.object_],
    *,
    events: NDArray[np.float64],
    person_years: NDArray[np.float64],
    level: float,
) -> pd.DataFrame:
    """Return one row a stratum and measure.

    `reasons` is ``_`` where a stratum can be estimated: any measure that is NaN there gives its own reason.
    """
    n = len(keys)
    if not measures or not n:
        return pd.DataFrame()
    columns: dict[str, Any] = {
        name: pd.concat([keys[name]] * len(measures), ignore_index=True) for name in keys.columns
    }

    def words(name: str) -> NDArray[np.object_]:
        return np.repeat(np.array([getattr(one, name) for one in measures], dtype=object), n)

    def figures(name: str) -> NDArray[np.float64]:
        return np.concatenate(
            [np.broadcast_to(np.asarray(getattr(one, name), dtype=np.float64), n) for one in measures]
        )

    def counts(name: str, default: NDArray[np.float64]) -> NDArray[np.float64]:
        given = [getattr(one, name) for one in measures]
        parts = [default if one is None else np.asarray(one, dtype=np.float64) for one in given]
        return np.concatenate([np.broadcast_to(part, n) for part in parts])

    value = figures("value")
    known = np.tile(reasons == NOT_APPLICABLE, len(measures))
    shown = np.isfinite(value) & known
    own = words("reason")
    limited = words("interval_method") != NOT_APPLICABLE
    columns |= {
        "indicator": words("indicator"),
        "measure_unit": words("unit"),
        "per": np.repeat([one.per for one in measures], n),
        "age_from": np.repeat([0 if one.band is None else one.band.age_from for one in measures], n),
        "age_until": pd.array(
            np.repeat(
                np.array([None if one.band is None else one.band.age_until for one in measures], object), n
            ),
            dtype="Int64",
        ),
        "stratum": words("stratum"),
        "comparator": words("comparator"),
        "standard": words("standard"),
        "estimator": words("estimator"),
        "method": words("method"),
        "value": np.where(shown, value, np.nan),
        "interval_method": words("interval_method"),
        "level": np.where(limited, level, np.nan),
        "interval_kind": np.where(limited, words("interval_kind"), NOT_APPLICABLE),
        "events": counts("events", events),
        "person_years": counts("person_years", person_years),
        "status": np.where(shown, ESTIMATED, NOT_ESTIMABLE),
        "reason": np.where(shown, NOT_APPLICABLE, np.where(known, own, np.tile(reasons, len(measures)))),
    }
    for name in ("lower", "upper", "se"):
        limits = figures(name)
        columns[name] = np.where(shown & np.isfinite(limits), limits, np.nan)
    return pd.DataFrame(columns)
