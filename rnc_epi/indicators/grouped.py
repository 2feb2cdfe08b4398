"""A data frame, or cells, by group and age band: what every verb on tables starts from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Union

import numpy as np
import pandas as pd

from rnc_epi.maths.requirements import require_counts, require_person_time
from rnc_epi.vocabulary.ages import AgeBand, BandSet
from rnc_epi.vocabulary.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rnc_epi.cells.table import Cells

_AGES = ("age", "age_from", "age_until", "age_status")

#: What a verb takes: one row a group and age band, or cells as the room of that name makes them.
Table = Union[pd.DataFrame, "Cells"]


@dataclass(frozen=True)
class Grouped:
    """A table by group and band.

    Parameters
    ----------
    keys : DataFrame
        One row a group.
    bands : BandSet
    events, person_years : (groups, bands) float64 arrays
    unknown_age : (groups,) float64 array
        Events of unknown age: in totals, in no band.
    covered : (groups, bands) bool array
        Bands in which events are counted: all of them in a frame.
    """

    keys: pd.DataFrame
    bands: BandSet
    events: NDArray[np.float64]
    person_years: NDArray[np.float64]
    unknown_age: NDArray[np.float64]
    covered: NDArray[np.bool_]

    @property
    def all_events(self) -> NDArray[np.float64]:
        """Events of each group, unknown age included."""
        return np.asarray(self.events.sum(axis=1) + self.unknown_age)

    @property
    def age_from(self) -> NDArray[np.float64]:
        """Age at which each band starts."""
        return np.array(self.bands.starts, dtype=np.float64)

    @property
    def age_until(self) -> NDArray[np.float64]:
        """Age at which each band ends, infinite for an open one."""
        return self.age_from + self.bands.widths

    def within(self, age_from: int, age_until: int | None) -> Grouped:
        """Return the bands of a range of ages; events of unknown age are left out.

        Raises
        ------
        InputError
            V004, V005, a band would have to be split or the range goes beyond the bands.
        """
        inside = self.bands.slice_within(age_from, age_until)
        return replace(
            self,
            bands=self.bands.truncate(age_from, age_until),
            events=self.events[:, inside],
            person_years=self.person_years[:, inside],
            unknown_age=np.zeros_like(self.unknown_age),
            covered=self.covered[:, inside],
        )

    def merged(self, bands: BandSet) -> Grouped:
        """Return the groups on wider bands; one of which a part is not covered is not covered."""
        if bands == self.bands:
            return self
        starts = self.bands.first_of_each(bands)
        covered = np.logical_and.reduceat(self.covered, starts, axis=1)
        return replace(
            self,
            bands=bands,
            events=np.add.reduceat(self.events, starts, axis=1) * covered,
            person_years=np.add.reduceat(self.person_years, starts, axis=1) * covered,
            covered=covered,
        )

    def complete(self) -> Grouped:
        """Return the groups of which every band is covered; a total of the others would be partial."""
        whole = self.covered.all(axis=1)
        return self if whole.all() else replace(
            self,
            keys=self.keys[whole].reset_index(drop=True),
            events=self.events[whole],
            person_years=self.person_years[whole],
            unknown_age=self.unknown_age[whole],
            covered=self.covered[whole],
        )  # fmt: skip

    def along(self, column: str, by: Sequence[str]) -> tuple[pd.DataFrame, list[object], NDArray[np.intp]]:
        """Return groups without a column, its values, and the row of each group and value.

        Raises
        ------
        InputError
            N005, a group lacks a value of the column that another has.
        """
        values = sorted(self.keys[column].unique())
        others = [name for name in by if name != column]
        number = np.zeros(len(self.keys), dtype=np.intp)
        if others:
            number = self.keys.groupby(others, sort=True, observed=True, dropna=False).ngroup().to_numpy()
        rows = np.full((int(number.max(initial=0)) + 1, len(values)), -1, dtype=np.intp)
        place = {value: position for position, value in enumerate(values)}
        rows[number, self.keys[column].map(place).to_numpy(dtype=np.intp)] = np.arange(len(self.keys))
        if (rows < 0).any():
            raise InputError("N005", what=column, n=int((rows < 0).sum()))
        heads = self.keys.iloc[rows[:, 0]][others].reset_index(drop=True)
        return heads, values, rows


def each_with(heads: pd.DataFrame, column: str, values: Sequence[object]) -> pd.DataFrame:
    """Return every group that lacks a column with every value of it, in the order of `Grouped.along`."""
    keys = heads.loc[heads.index.repeat(len(values))].reset_index(drop=True)
    keys[column] = np.tile(np.array(values, dtype=object), len(heads))
    return keys


def grouped(
    table: Table, by: Sequence[str], events: str = "events", person_years: str = "person_years"
) -> Grouped:
    """Return a table by group and age band; rows of one group and band are summed.

    In a frame, a row without age, or whose ``age_status`` is ``unknown``, holds events of unknown age. Cells
    are told apart by `by`, or by all that tells their strata apart where it is empty; they are never
    summed, because a sum over sexes or areas would count some twice.

    Raises
    ------
    InputError
        N001 no ages, N002 a column is missing, N003 a group lacks a band: a missing row is not a zero, N006
        `by` does not tell the strata of cells apart, N007 a column holds no numbers, N008 no table, N009 two
        columns of one name, N010 no row; M001, M007 numbers below zero or not finite, M003 events where
        nobody lives: each of them could vanish in a sum.
    """
    if not isinstance(table, pd.DataFrame):
        if not hasattr(table, "strata"):
            raise InputError("N008", found=type(table).__name__)
        return _of_cells(table, by)
    needed = [*by, events, person_years]
    missing = [name for name in needed if name not in table.columns]
    if missing:
        raise InputError("N002", found=", ".join(missing), expected=", ".join(map(str, table.columns)))
    several = [name for name in table.columns[table.columns.duplicated()] if name in {*needed, *_AGES}]
    if several:
        raise InputError("N009", found=", ".join(map(str, several)))
    if table.empty:
        raise InputError("N010")
    for name in (events, person_years):
        if not pd.api.types.is_numeric_dtype(table[name]):
            raise InputError("N007", what=name, found=str(table[name].dtype))
    aged = _with_ages(table)
    known = aged["age_from"].notna().to_numpy(dtype=bool)
    pairs = aged.loc[known, ["age_from", "age_until"]].drop_duplicates().sort_values("age_from")
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
    column = np.searchsorted(bands.starts, aged.loc[known, "age_from"].to_numpy(dtype=np.int64))
    shape = (len(index), len(bands))
    seen = np.zeros(shape, dtype=bool)
    seen[numbers[known], column] = True
    if not seen.all():
        group, band = np.argwhere(~seen)[0]
        where = ", ".join(f"{name}={index.iloc[group][name]}" for name in keys) or "_"
        raise InputError("N003", where=where, found=bands[int(band)].label(), n=int((~seen).sum()))
    summed = [np.zeros(shape), np.zeros(shape)]
    for target, name in zip(summed, (events, person_years), strict=True):
        given = require_counts(aged.loc[known, name].to_numpy(dtype=np.float64), name)
        np.add.at(target, (numbers[known], column), given)
    require_person_time(*summed)
    unknown = np.zeros(len(index))
    given = require_counts(aged.loc[~known, events].to_numpy(dtype=np.float64), events)
    np.add.at(unknown, numbers[~known], given)
    return Grouped(index, bands, summed[0], summed[1], unknown, np.ones(shape, dtype=bool))


def _of_cells(cells: Cells, by: Sequence[str]) -> Grouped:
    strata = cells.strata.reset_index(drop=True)
    missing = [name for name in by if name not in strata.columns]
    if missing:
        raise InputError("N002", found=", ".join(missing), expected=", ".join(strata.columns))
    varying = [name for name in strata.columns if name != "source" and len(strata[name].unique()) > 1]
    keys = list(by) or varying
    if strata.duplicated(keys).any() if keys else len(strata) > 1:
        raise InputError("N006", found=", ".join(by), expected=", ".join(varying))
    return Grouped(
        strata[keys],
        cells.bands,
        cells.events.astype(np.float64),
        cells.person_years,
        cells.unknown_age.astype(np.float64),
        cells.covered,
    )


def _with_ages(table: pd.DataFrame) -> pd.DataFrame:
    if "age_from" in table.columns:
        until = table["age_until"] if "age_until" in table.columns else pd.Series(pd.NA, index=table.index)
        aged = table.assign(age_from=table["age_from"].astype("Int64"), age_until=until.astype("Int64"))
        if "age_status" in table.columns:
            aged.loc[table["age_status"] == "unknown", ["age_from", "age_until"]] = pd.NA
        return aged
    if "age" not in table.columns:
        raise InputError(
            "N001", expected="age_from, age_until; age", found=", ".join(map(str, table.columns))
        )
    labels = table["age"].where(table["age"].notna() & (table["age"] != "unknown"), None)
    bands = {label: AgeBand.parse(str(label)) for label in labels.dropna().unique()}
    starts = {label: band.age_from for label, band in bands.items()}
    ends = {label: band.age_until for label, band in bands.items()}
    return table.assign(
        age_from=pd.array([starts.get(label) for label in labels], dtype="Int64"),
        age_until=pd.array([ends.get(label) for label in labels], dtype="Int64"),
    )
