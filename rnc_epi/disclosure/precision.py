"""Published precision: numbers are rounded here, once, after the decision on what to hide."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Final

import numpy as np

from rnc_epi.disclosure.weighted import worth_of_one
from rnc_epi.vocabulary.estimators import MODELS

if TYPE_CHECKING:
    import pandas as pd

    from rnc_epi.vocabulary.policy import Policy, Precision

#: Units of measure that are ratios; counts of persons; the rest are rates per person-years.
_RATIOS: Final = ("ratio",)
_COUNTS: Final = ("persons", "count", "events", "cases", "deaths")
_PERCENTS: Final = ("percent",)
#: Numbers between -1 and 1, and changes of a rate from one year to the next.
_DECIMALS: Final = {"index": 3, "proportion": 3, "probability": 3, "rate_per_year": 2, "ratio_per_year": 3}
#: Estimated counts are published to ten, from this size on to a hundred.
_LARGE: Final = 1_000.0
#: Expected counts from this size on are whole. To a tenth, those of a hundred areas are equations that bound
#: the ages of the few young cases of the whole nation (docs/decisions/132).
WHOLE_FROM: Final = 100.0
#: Columns in the unit of the indicator.
_IN_UNIT: Final = ("value", "lower", "upper", "se")


def decimals_of(indicator: str, measure_unit: str, precision: Precision) -> tuple[int, int]:
    """Return the published decimals of a value and of its limits.

    Examples
    --------
    >>> from rnc_epi.vocabulary.policy import Precision
    >>> decimals_of("sir", "ratio", Precision()), decimals_of("count", "persons", Precision())
    ((2, 2), (0, 1))
    """
    if measure_unit in _DECIMALS:
        return _DECIMALS[measure_unit], _DECIMALS[measure_unit]
    if measure_unit in _RATIOS or indicator in ("sir", "smr"):
        return precision.ratio, precision.ratio
    if measure_unit in _COUNTS or indicator == "count":
        return precision.count, precision.rate
    if measure_unit in _PERCENTS:
        return precision.percent, precision.percent
    return precision.rate, precision.rate


def round_half_even(values: np.ndarray, decimals: int) -> np.ndarray:
    """Return values rounded to a number of decimals as a person would round their decimal writing.

    Binary rounding turns 2.675 into 2.67 or 2.68 by accident of representation; the shortest decimal
    writing of each number is rounded instead, ties to the even digit.

    Examples
    --------
    >>> round_half_even(np.array([0.125, 0.135, 2.675, -0.001]), 2).tolist()
    [0.12, 0.14, 2.68, 0.0]
    """
    unit = Decimal(1).scaleb(-decimals)
    rounded = np.array(values, dtype=float)
    # Whole numbers, most of what is published, are at any precision already.
    todo = np.flatnonzero(np.isfinite(rounded) & (rounded != np.rint(rounded)))
    rounded[todo] = [
        float(Decimal(repr(value)).quantize(unit, ROUND_HALF_EVEN)) for value in rounded[todo].tolist()
    ]
    return rounded + 0.0


def round_estimated_counts(values: np.ndarray) -> np.ndarray:
    """Return estimated counts to ten, or to a hundred where they are large; ties to the even digit.

    Examples
    --------
    >>> round_estimated_counts(np.array([14.9, 1_260.0])).tolist()
    [10.0, 1300.0]
    """
    step = np.where(np.abs(values) >= _LARGE, 100.0, 10.0)
    return np.rint(values / step) * step + 0.0


def round_to_steps(values: np.ndarray, steps: np.ndarray, decimals: int) -> np.ndarray:
    """Return values to the nearest multiple of steps of their own, no finer than some decimals; ties to even.

    Examples
    --------
    >>> round_to_steps(np.array([31.26, 31.26, 31.26]), np.array([2.0, 0.5, 0.0]), 1).tolist()
    [32.0, 31.5, 31.3]
    """
    coarse = np.maximum(steps, 0.0) > 10.0**-decimals
    rounded = round_half_even(values, decimals)
    step = steps[coarse]
    # A multiple of 0.2 is written as its shortest decimal, not as 3 x 0.2.
    rounded[coarse] = np.round(np.rint(values[coarse] / step) * step, decimals) + 0.0
    return rounded


def at_published_precision(table: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """Return a result table with every number at published precision."""
    precision = policy.precision
    steps = worth_of_one(table, policy)
    rounded = table.copy()
    kinds = table.groupby(["indicator", "measure_unit", "estimator"], sort=True).indices
    for (indicator, unit, estimator), rows in kinds.items():
        of_value, of_limits = decimals_of(str(indicator), str(unit), precision)
        estimated_counts = unit in _COUNTS and (estimator in MODELS or indicator != "count")
        for name in _IN_UNIT:
            column = rounded.columns.get_loc(name)
            values = table[name].to_numpy(float, na_value=np.nan)[rows]
            rounded.iloc[rows, column] = (
                round_estimated_counts(values)
                if estimated_counts
                else round_to_steps(values, steps[rows], of_value if name == "value" else of_limits)
            )
    # Observed counts are whole already; estimated ones, expected ones and person-years keep one decimal.
    for name in ("events", "expected", "person_years"):
        rounded[name] = round_half_even(table[name].to_numpy(float, na_value=np.nan), precision.rate)
    expected = table["expected"].to_numpy(float, na_value=np.nan)
    secret = table["source"].map(policy.threshold_of).to_numpy(float) > 0
    whole = secret & (expected >= WHOLE_FROM)
    rounded["expected"] = np.where(
        whole, np.rint(expected), rounded["expected"].to_numpy(float, na_value=np.nan)
    )
    return rounded
