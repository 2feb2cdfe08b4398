"""The same indicators as verbs on plain data frames: one row a group and age band in, one row a group out.

The frame has ``age_from`` and ``age_until`` (null: open), or ``age`` labels such as ``"0-4"``, ``"85+"``,
and the columns of events and person-years. What a group is, `by` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rnc_epi.maths import standardise
from rnc_epi.vocabulary.ages import AgeBand, BandSet
from rnc_epi.vocabulary.errors import InputError
from rnc_epi.vocabulary.standards import standard as standard_named

if TYPE_CHECKING:
    from numpy.typing import NDArray

PER = 100_000


@dataclass(frozen=True)
class Grouped:
    """A frame by group and band: `keys` has one row a group, the arrays one column a band."""

    keys: pd.DataFrame
    bands: BandSet
    events: NDArray[np.float64]
    person_years: NDArray[np.float64]


def _with_ages(table: pd.DataFrame) -> pd.DataFrame:
    if "age_from" in table.columns:
        until = table["age_until"] if "age_until" in table.columns else pd.Series(pd.NA, index=table.index)
        return table.assign(age_from=table["age_from"].astype("Int64"), age_until=until.astype("Int64"))
    if "age" not in table.columns:
        raise InputError(
            "N001", expected="age_from, age_until; age", found=", ".join(map(str, table.columns))
        )
    bands = {label: AgeBand.parse(str(label)) for label in table["age"].unique()}
    return table.assign(
        age_from=table["age"].map({label: band.age_from for label, band in bands.items()}).astype("Int64"),
        age_until=pd.array([bands[label].age_until for label in table["age"]], dtype="Int64"),
    )


def grouped(table: pd.DataFrame, by: Sequence[str], events: str, person_years: str) -> Grouped:
    """Return a frame by group and age band; rows of one group and band are summed.

    Raises
    ------
    InputError
        N001 no ages, N002 a column is missing, N003 a group lacks a band: a missing row is not a zero.
    """
    needed = [*by, events, person_years]
    missing = [name for name in needed if name not in table.columns]
    if missing:
        raise InputError("N002", found=", ".join(missing), expected=", ".join(map(str, table.columns)))
    aged = _with_ages(table)
    pairs = aged[["age_from", "age_until"]].drop_duplicates().sort_values("age_from")
    bands = BandSet(
        AgeBand(int(row.age_from), None if pd.isna(row.age_until) else int(row.age_until))
        for row in pairs.itertuples(index=False)
    )
    keys = list(by)
    if keys:
        numbers = aged.groupby(keys, sort=True, observed=True, dropna=False).ngroup().to_numpy()
        heads = aged.assign(_number=numbers)[["_number", *keys]].drop_duplicates("_number")
        index = heads.sort_values("_number")[keys].reset_index(drop=True)
    else:
        numbers, index = np.zeros(len(aged), dtype=np.intp), pd.DataFrame(index=range(1))
    column = np.searchsorted(bands.starts, aged["age_from"].to_numpy(dtype=np.int64))
    shape = (len(index), len(bands))
    seen = np.zeros(shape, dtype=bool)
    seen[numbers, column] = True
    if not seen.all():
        group, band = np.argwhere(~seen)[0]
        where = ", ".join(f"{name}={index.iloc[group][name]}" for name in keys) or "_"
        raise InputError("N003", where=where, found=bands[int(band)].label(), n=int((~seen).sum()))
    summed = [np.zeros(shape), np.zeros(shape)]
    for target, name in zip(summed, (events, person_years), strict=True):
        np.add.at(target, (numbers, column), aged[name].to_numpy(dtype=np.float64))
    return Grouped(index, bands, *summed)


def asr(
    table: pd.DataFrame,
    *,
    by: Sequence[str] = (),
    standard: str = "world",
    events: str = "events",
    person_years: str = "person_years",
    interval_method: str = "fay-feuer",
    level: float = 0.95,
    per: int = PER,
) -> pd.DataFrame:
    """Return directly standardised rates by group.

    Parameters
    ----------
    table : DataFrame
        One row a group and age band.
    by : sequence of str
        Columns that tell the groups; none for one rate.
    standard : str
        Name of a standard population.

    Returns
    -------
    DataFrame
        The columns of `by`, then ``value, lower, upper, se, events, person_years, standard, interval_method,
        level, per``.

    Examples
    --------
    By hand, weights 0.7 and 0.3 below and above 50: 0.7 x 10/10 000 + 0.3 x 40/5 000 = 310 per 100 000.

    >>> from rnc_epi.vocabulary.standards import register_standard
    >>> from rnc_epi.vocabulary.ages import BandSet
    >>> _ = register_standard("two-bands", BandSet.from_starts([0, 50]), [0.7, 0.3])
    >>> cells = pd.DataFrame({"age": ["0-49", "50+"], "events": [10, 40], "person_years": [10_000, 5_000]})
    >>> float(asr(cells, standard="two-bands")["value"].round(1).item())
    310.0
    """
    groups = grouped(table, by, events, person_years)
    weights = standard_named(standard).weights_for(groups.bands)
    estimate = standardise.directly_standardised_rate(
        groups.events, groups.person_years, weights, method=interval_method, level=level, per=per
    )
    stated = {"standard": standard, "interval_method": interval_method, "level": level, "per": per}
    return _answer(groups, estimate.rate, estimate, groups.person_years.sum(axis=1), stated)


def crude_rate(
    table: pd.DataFrame,
    *,
    by: Sequence[str] = (),
    events: str = "events",
    person_years: str = "person_years",
    interval_method: str = "garwood",
    level: float = 0.95,
    per: int = PER,
) -> pd.DataFrame:
    """Return crude rates by group, with Poisson limits.

    Examples
    --------
    >>> cells = pd.DataFrame({"sex": [1, 2], "age": "0+", "events": [10, 0], "person_years": 1e5})
    >>> crude_rate(cells, by=["sex"])[["sex", "value", "lower", "upper"]].round(2).to_numpy().tolist()
    [[1.0, 10.0, 4.8, 18.39], [2.0, 0.0, 0.0, 3.69]]
    """
    groups = grouped(table, by, events, person_years)
    total = groups.person_years.sum(axis=1)
    estimate = standardise.crude_rate(
        groups.events.sum(axis=1), total, method=interval_method, level=level, per=per
    )
    stated = {"interval_method": interval_method, "level": level, "per": per}
    return _answer(groups, estimate.rate, estimate, total, stated)


def sir(
    table: pd.DataFrame,
    reference: pd.DataFrame,
    *,
    by: Sequence[str] = (),
    reference_by: Sequence[str] = (),
    events: str = "events",
    person_years: str = "person_years",
    interval_method: str = "garwood",
    level: float = 0.95,
) -> pd.DataFrame:
    """Return standardised ratios by group against the age-specific rates of a reference frame.

    Parameters
    ----------
    reference : DataFrame
        In the form of `table`, over the same age bands.
    reference_by : sequence of str
        Columns of `by` that the reference is given by too (sex, say): each group meets its own.

    Examples
    --------
    The reference against itself is 1:

    >>> cells = pd.DataFrame({"age": ["0-49", "50+"], "events": [10, 40], "person_years": [10_000, 5_000]})
    >>> float(sir(cells, cells)["value"].item())
    1.0
    """
    unknown = [name for name in reference_by if name not in by]
    if unknown:
        raise InputError("N002", found=", ".join(unknown), expected=", ".join(by))
    groups = grouped(table, by, events, person_years)
    standard = grouped(reference, reference_by, events, person_years)
    if standard.bands != groups.bands:
        raise InputError("M002", what="reference", expected=str(groups.bands), found=str(standard.bands))
    rates = np.divide(
        standard.events,
        standard.person_years,
        out=np.zeros_like(standard.events),
        where=standard.person_years > 0,
    )
    if reference_by:
        positions = standard.keys.assign(_row=np.arange(len(standard.keys)))
        found = groups.keys[list(reference_by)].merge(positions, on=list(reference_by), how="left")["_row"]
        if found.isna().any():
            raise InputError("N004", found=int(found.isna().sum()), expected=", ".join(reference_by))
        rates = rates[found.to_numpy(dtype=np.intp)]
    expected = (rates * groups.person_years).sum(axis=1)
    observed = groups.events.sum(axis=1)
    estimate = standardise.indirectly_standardised_ratio(
        observed, expected, method=interval_method, level=level
    )
    stated = {"expected": expected, "interval_method": interval_method, "level": level}
    return _answer(groups, estimate.ratio, estimate, groups.person_years.sum(axis=1), stated)


def _answer(
    groups: Grouped,
    value: object,
    estimate: standardise.RateEstimate | standardise.RatioEstimate,
    person_years: NDArray[np.float64],
    stated: dict[str, object],
) -> pd.DataFrame:
    return groups.keys.assign(
        value=value,
        lower=estimate.lower,
        upper=estimate.upper,
        se=estimate.se,
        events=groups.events.sum(axis=1),
        person_years=person_years,
        **stated,
    )
