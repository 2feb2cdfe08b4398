"""Cells: what indicators are computed from. One row a stratum, one column an age band."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rnc_epi.vocabulary.ages import BandSet
from rnc_epi.vocabulary.errors import InputError
from rnc_epi.vocabulary.schemas import CELL_COLUMNS, KNOWN_AGE, UNKNOWN_AGE

if TYPE_CHECKING:
    from numpy.typing import NDArray


#: Further columns of the strata of groups of areas.
GROUP_COLUMNS = ("stratum_type", "stratum")


@dataclass(frozen=True)
class Cells:
    """Events and person-years by stratum and age band.

    Parameters
    ----------
    strata : DataFrame
        One row a stratum, in the columns of ``CELL_STRATUM``; `source` joins several sources with ``+``.
        Groups of areas have ``stratum_type`` and ``stratum`` besides.
    bands : BandSet
        The age bands, the last one open.
    events : (n_strata, n_bands) int64 array
        Events of known age. A stratum is there because it is covered: a 0 is a zero, never a gap.
    unknown_age : (n_strata,) int64 array
        Events of unknown age: part of the total, of no band.
    person_years : (n_strata, n_bands) float64 array
        0 where a band is not covered.
    covered : (n_strata, n_bands) bool array, optional
        Bands in which events are counted (a childhood registry covers the first ones only); all of them
        without it. A covered band may have no inhabitant.
    """

    strata: pd.DataFrame
    bands: BandSet
    events: NDArray[np.int64]
    unknown_age: NDArray[np.int64]
    person_years: NDArray[np.float64]
    covered: NDArray[np.bool_] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        expected = (len(self.strata), len(self.bands))
        if self.covered is None:
            object.__setattr__(self, "covered", np.ones(expected, dtype=bool))
        for name in ("events", "person_years", "covered"):
            found = getattr(self, name).shape
            if found != expected:
                raise InputError("M002", what=name, expected=expected, found=found)
        if self.unknown_age.shape != expected[:1]:
            raise InputError("M002", what="unknown_age", expected=expected[:1], found=self.unknown_age.shape)

    def __len__(self) -> int:
        return len(self.strata)

    @property
    def total_events(self) -> NDArray[np.int64]:
        """Events of any age, unknown age included, by stratum."""
        return self.events.sum(axis=1) + self.unknown_age

    @property
    def total_person_years(self) -> NDArray[np.float64]:
        """Person-years of all bands, by stratum."""
        return self.person_years.sum(axis=1)

    @property
    def all_ages(self) -> NDArray[np.bool_]:
        """Whether every band of a stratum is covered: a total, a rate over all ages needs it."""
        return np.asarray(self.covered.all(axis=1))

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> Cells:
        """Return the cells of some strata, by mask or position."""
        positions = np.flatnonzero(rows) if rows.dtype == bool else rows
        return replace(
            self,
            strata=self.strata.iloc[positions].reset_index(drop=True),
            events=self.events[positions],
            unknown_age=self.unknown_age[positions],
            person_years=self.person_years[positions],
            covered=self.covered[positions],
        )

    def merged_to(self, bands: BandSet) -> Cells:
        """Return the cells with bands merged into wider ones; a band is never split.

        A band of which a part is not covered is not covered.

        Raises
        ------
        InputError
            A band of these cells would have to be split.
        """
        starts = self.bands.first_of_each(bands)
        covered = np.logical_and.reduceat(self.covered, starts, axis=1)
        return replace(
            self,
            bands=bands,
            events=np.add.reduceat(self.events, starts, axis=1) * covered,
            person_years=np.add.reduceat(self.person_years, starts, axis=1) * covered,
            covered=covered,
        )

    def to_frame(self) -> pd.DataFrame:
        """Return the cells in long form: one row a stratum and covered band, then one row for unknown age."""
        n_bands = len(self.bands)
        known = self.strata.loc[self.strata.index.repeat(n_bands)].reset_index(drop=True)
        known["age_from"] = np.tile([band.age_from for band in self.bands], len(self))
        until = pd.array([band.age_until for band in self.bands], dtype="Int64")
        known["age_until"] = pd.concat([pd.Series(until)] * max(len(self), 1), ignore_index=True)[
            : len(known)
        ]
        known["age_status"] = KNOWN_AGE
        known["events"] = self.events.ravel()
        known["person_years"] = self.person_years.ravel()
        known = known[self.covered.ravel()]
        unknown = self.strata.copy()
        unknown["age_status"] = UNKNOWN_AGE
        unknown["events"] = self.unknown_age
        table = pd.concat([known, unknown], ignore_index=True)
        extra = {name: "str" for name in GROUP_COLUMNS if name in table.columns}
        return pd.DataFrame({name: table[name].astype(kind) for name, kind in (CELL_COLUMNS | extra).items()})


def concatenate(parts: list[Cells]) -> Cells:
    """Return one table of cells from several of the same bands, in the order given."""
    if not parts:
        raise InputError("M002", what="parts", expected="at least one table of cells", found=0)
    if any(part.bands != parts[0].bands for part in parts):
        raise InputError("M002", what="bands", expected="the same bands everywhere", found="different bands")
    return Cells(
        strata=pd.concat([part.strata for part in parts], ignore_index=True),
        bands=parts[0].bands,
        events=np.concatenate([part.events for part in parts]),
        unknown_age=np.concatenate([part.unknown_age for part in parts]),
        person_years=np.concatenate([part.person_years for part in parts]),
        covered=np.concatenate([part.covered for part in parts]),
    )
