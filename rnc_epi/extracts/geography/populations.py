"""From populations on 1 January to the person-years of a year: linearly, or following each cohort.

A year of person-years needs the population at both its ends; between known years a missing figure may be
interpolated on request, beyond them nothing is extrapolated.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from rnc_epi.vocabulary.errors import InputError

METHODS: Final = ("linear", "cohort")
_AGES: Final = ["age_from", "age_until"]


def person_years_of(
    populations: pd.DataFrame, *, method: str = "linear", interpolate: bool = False
) -> pd.DataFrame:
    """Return person-years by calendar year from populations on 1 January.

    Parameters
    ----------
    populations : DataFrame
        ``year, age_from, age_until, population`` and any other columns that tell strata apart (source, sex,
        area). `age_until` empty is open.
    method : {"linear", "cohort"}
        ``linear``: half the sum of both ends, in each band. ``cohort``: those who are aged a on 1 January
        are followed to their birthdays, spread evenly over the year, their number changing linearly (Lexis
        diagram); single years of age are needed. Both give the open last band half the sum of its ends.
    interpolate : bool
        Whether years without a figure, between two that have one, are filled linearly.

    Returns
    -------
    DataFrame
        The same columns with ``period_from, period_until, person_years`` instead of ``year, population``, one
        row a year: from the first figure to the year before the last.

    Raises
    ------
    InputError
        M005 an unknown method; M001 a negative population; M007 one that is not finite; M002 a stratum twice;
        G009 a year without one of its ends; G010 ages that cannot be followed.

    Notes
    -----
    With A = P(a - 1, t), B = P(a, t + 1), C = P(a, t), D = P(a + 1, t + 1), where P(a, t) is the population
    aged a on 1 January of year t, the cohort that reaches age a during the year lives there
    int s [(1 - s) A + s B] ds = A/6 + B/3, and the one that leaves it
    int (1 - s) [(1 - s) C + s D] ds = C/3 + D/6.

    Births of the year stand for A at age 0; they are taken to be P(0, t + 1), their deaths within the year
    left out. The cohort that enters the open last band is taken not to change in that year, D = C.

    References
    ----------
    .. [1] Wilmoth JR et al. (2021). Methods protocol for the Human Mortality Database, version 6, section 6.

    Examples
    --------
    >>> table = pd.DataFrame({"year": [2020, 2021], "age_from": 0, "population": [100, 104]})
    >>> table["age_until"] = None
    >>> person_years_of(table)["person_years"].tolist()
    [102.0]
    """
    if method not in METHODS:
        raise InputError("M005", what="method", found=method, expected=", ".join(METHODS))
    values = populations["population"].to_numpy(dtype=np.float64)
    for code, wrong in (("M007", ~np.isfinite(values)), ("M001", values < 0)):
        if wrong.any():
            at = int(np.flatnonzero(wrong)[0])
            raise InputError(code, what="population", found=int(wrong.sum()), where=at)
    keys = [name for name in populations.columns if name not in ("year", *_AGES, "population")]
    strata = [*keys, *_AGES]
    if populations.duplicated([*strata, "year"]).any():
        raise InputError("M002", what="population", expected="one row a stratum", found="several")
    whole = populations.assign(age_until=populations["age_until"].astype("Float64"))
    wide = whole.set_index([*strata, "year"])["population"].unstack("year")  # noqa: PD010  no row is twice
    wide = wide.reindex(columns=range(int(wide.columns.min()), int(wide.columns.max()) + 1)).astype("float64")
    if interpolate:
        wide = wide.interpolate(axis=1, method="linear", limit_area="inside")
    gaps = wide.isna().any(axis=1)
    if gaps.any():
        where = ", ".join(str(part) for part in np.atleast_1d(np.array(wide.index[gaps][0], dtype=object)))
        raise InputError("G009", rows=int(gaps.sum()), example=where)
    start, end = wide.to_numpy()[:, :-1], wide.to_numpy()[:, 1:]
    lived = (start + end) / 2 if method == "linear" else _by_cohort(wide, keys, start, end)
    table = pd.DataFrame(lived, index=wide.index, columns=wide.columns[:-1]).reset_index()
    table = table.melt(id_vars=strata, var_name="period_from", value_name="person_years")
    period = table["period_from"].astype("int64")
    table = table.assign(
        period_from=period, period_until=period + 1, age_until=table["age_until"].astype("Int64")
    )
    table = table.sort_values([*keys, "period_from", "age_from"], ignore_index=True)
    return table[[*keys, "period_from", "period_until", *_AGES, "person_years"]]


def _by_cohort(wide: pd.DataFrame, keys: list[str], start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return person-years by (stratum, year), the strata sorted by age within each key."""
    ages = wide.index.to_frame(index=False)
    first = ages["age_from"].to_numpy(dtype=np.int64)
    open_band = ages["age_until"].isna().to_numpy()
    single = (ages["age_until"] - ages["age_from"]).eq(1).fillna(False).to_numpy(dtype=bool)
    group = ages.groupby(keys, sort=False, dropna=False).ngroup().to_numpy() if keys else np.zeros(len(ages))
    order = np.lexsort((first, group))
    begins = np.diff(group[order], prepend=-1) != 0
    ends = np.append(begins[1:], True)
    if not (single | open_band).all():
        raise InputError("G010", found="age bands of several years")
    in_order = first[order]
    follows = np.where(begins, 0, np.append(0, in_order[:-1]) + 1)
    if (in_order != follows).any() or (open_band[order] != ends).any():
        raise InputError("G010", found="ages that do not run from 0 to an open last one")
    at_start, at_end = start[order], end[order]
    younger = np.where(begins[:, None], at_end, np.roll(at_start, 1, axis=0))
    older = np.roll(at_end, -1, axis=0)
    # How many of the cohort that enters the open band are left is lost in it: taken not to change.
    before_open = np.append(ends[1:], False) & ~ends
    older = np.where(before_open[:, None], at_start, older)
    lived = younger / 6 + at_end / 3 + at_start / 3 + older / 6
    lived = np.where(ends[:, None], (at_start + at_end) / 2, lived)
    found = np.empty_like(lived)
    found[order] = lived
    return found
