"""Rows of the result table from strata of cells: the keys that every indicator shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pandas.api.types import union_categoricals

from rnc_epi.vocabulary.schemas import ESTIMATED, NOT_APPLICABLE, NOT_ESTIMABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from rnc_epi.cells.table import Cells
    from rnc_epi.vocabulary.ages import AgeBand

#: Unit of the value of an indicator; the published precision follows from it.
UNIT_COUNT, UNIT_RATE, UNIT_RATIO = "events", "rate", "ratio"

#: Reasons for which a value is not estimable, whatever the count.
NO_PERSON_YEARS, NOTHING_EXPECTED, NOT_ALL_COVERED = "no_person_years", "nothing_expected", "not_all_covered"


def why_not(cells: Cells) -> NDArray:
    """Return why a figure of all ages is unknown, where it is: ages not covered, else nobody lives there."""
    return np.where(cells.all_ages, NO_PERSON_YEARS, NOT_ALL_COVERED)


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
    level: float | Sequence[float] | None = None,
    band: AgeBand | None = None,
    standard: str = NOT_APPLICABLE,
    comparator: ArrayLike | str = NOT_APPLICABLE,
    estimator: str = "observed",
    stratum_type: str | None = None,
    stratum: str | None = None,
    data_grade: ArrayLike | str = NOT_APPLICABLE,
    estimable: ArrayLike = True,
    reason: ArrayLike | str = NO_PERSON_YEARS,
) -> pd.DataFrame:
    """Return one row a stratum; where `estimable` is False, the value is null and the reason is named.

    Parameters
    ----------
    cells : Cells
        Their strata give the keys.
    band : AgeBand, optional
        Ages that the row speaks of; without one, all ages.
    stratum_type, stratum : str, optional
        Of every row; without them those of the strata of groups of areas, where the cells have them.
    """
    n = len(cells)
    ok = np.broadcast_to(np.asarray(estimable, dtype=bool), n)
    table: dict[str, object] = {name: cells.strata[name].array for name in cells.strata.columns}
    table |= {
        "indicator": _word(indicator, n),
        "measure_unit": _word(measure_unit, n),
        "per": _integer(per, n),
        "age_from": _integer(0 if band is None else band.age_from, n),
        "age_until": _integer(None if band is None else band.age_until, n),
        "standard": _word(standard, n),
        "comparator": _words(comparator, n),
        "estimator": _word(estimator, n),
        "data_grade": _words(data_grade, n),
        "method": _word(method, n),
    }
    for name, given in (("stratum_type", stratum_type), ("stratum", stratum)):
        if given is not None:
            table[name] = _word(given, n)
        else:
            table.setdefault(name, _word(NOT_APPLICABLE, n))
    for name, figures in (("value", value), ("lower", lower), ("upper", upper), ("se", se)):
        table[name] = np.where(ok, np.asarray(figures, dtype=np.float64), np.nan)
    table["interval_method"] = _word(interval_method, n)
    table["level"] = np.full(n, np.nan if level is None else level)
    table["interval_kind"] = _word(NOT_APPLICABLE if level is None else "confidence", n)
    for name, figures in (("events", events), ("expected", expected), ("person_years", person_years)):
        table[name] = np.broadcast_to(np.asarray(figures, dtype=np.float64), n)
    table["status"] = _choice(ok, ESTIMATED, NOT_ESTIMABLE)
    reasons = np.broadcast_to(np.asarray(reason, dtype=object), n)
    table["reason"] = _words(np.where(ok, NOT_APPLICABLE, reasons), n)
    return pd.DataFrame(table, copy=False)


def joined(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return several tables of rows as one; columns of words stay columns of words."""
    tables = [table for table in tables if len(table)]
    if len(tables) < 2:
        return tables[0] if tables else pd.DataFrame()
    columns = {}
    for name in dict.fromkeys(name for table in tables for name in table.columns):
        parts = [table[name] for table in tables if name in table.columns]
        if len(parts) == len(tables) and all(isinstance(part.dtype, pd.CategoricalDtype) for part in parts):
            columns[name] = union_categoricals([part.array for part in parts], sort_categories=False)
        else:
            columns[name] = pd.concat(
                [table[name] if name in table.columns else pd.Series(pd.NA, table.index) for table in tables],
                ignore_index=True,
            ).array
    return pd.DataFrame(columns, copy=False)


def _word(word: str, n: int) -> pd.Categorical:
    return pd.Categorical.from_codes(np.zeros(n, dtype=np.int8), categories=pd.Index([word], dtype="str"))


def _choice(ok: NDArray[np.bool_], yes: str, no: str) -> pd.Categorical:
    return pd.Categorical.from_codes((~ok).astype(np.int8), categories=pd.Index([yes, no], dtype="str"))


def _words(values: ArrayLike | str, n: int) -> pd.Categorical:
    if isinstance(values, str):
        return _word(values, n)
    if isinstance(values, pd.Categorical):
        return values
    codes, words = pd.factorize(np.asarray(values, dtype=object))
    return pd.Categorical.from_codes(codes, categories=pd.Index(words, dtype="str"))


def _integer(value: int | None, n: int) -> pd.arrays.IntegerArray:
    return pd.arrays.IntegerArray(
        np.full(n, 0 if value is None else value, dtype=np.int64), np.full(n, value is None)
    )
