"""Cells by group of deprivation as arrays: strata, ages, groups from the least to the most deprived."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rnc_epi.maths.inequality.ridit import FEWEST_GROUPS
from rnc_epi.maths.standardise import directly_standardised_rate
from rnc_epi.vocabulary.ages import BandSet
from rnc_epi.vocabulary.deprivation import (
    ALL_GROUPS,
    UNKNOWN_GROUP,
    group_labels,
    group_number,
    is_deprivation,
)
from rnc_epi.vocabulary.errors import InputError
from rnc_epi.vocabulary.schemas import CELL_STRATUM
from rnc_epi.vocabulary.standards import standard as standard_named

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rnc_epi.cells.table import Cells
    from rnc_epi.maths.standardise import RateEstimate

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]

#: What tells the strata of a gradient apart: everything but the group and the source.
STRATUM_KEYS = [name for name in CELL_STRATUM if name != "source"] + ["stratum_type"]

PER = 100_000


@dataclass(frozen=True, eq=False)
class GroupedStrata:
    """Counts by stratum, age band and group.

    Parameters
    ----------
    keys : DataFrame
        One row a stratum: what tells it apart, and its `source` where it has one.
    labels : tuple of str
        The groups, from the least to the most deprived.
    bands : BandSet
    events, person_years : (strata, bands, groups) arrays
        A group that nobody lives in has neither.
    unknown_age : (strata, groups) array
        Events of unknown age: in totals, in no band.
    unclassified_events, unclassified_person_years : (strata, bands) arrays
        Of the areas without a score.
    unclassified_unknown_age : (strata,) array
    has_unclassified : (strata,) bool array
        Whether there are such areas at all.
    covered : (strata,) bool array
        False where a band of a group is not covered: a total over ages would be partial.
    """

    keys: pd.DataFrame
    labels: tuple[str, ...]
    bands: BandSet
    events: Floats
    person_years: Floats
    unknown_age: Floats
    unclassified_events: Floats
    unclassified_person_years: Floats
    unclassified_unknown_age: Floats
    has_unclassified: Mask
    covered: Mask

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def total_events(self) -> Floats:
        """Events of the classified groups, unknown age included, by stratum."""
        return np.asarray(self.events.sum(axis=(1, 2)) + self.unknown_age.sum(axis=1))

    @property
    def total_person_years(self) -> Floats:
        """Person-years of the classified groups, by stratum."""
        return np.asarray(self.person_years.sum(axis=(1, 2)))

    @property
    def population(self) -> Floats:
        """Person-years of each group over all ages: what ranks and weights groups, (strata, groups)."""
        return np.asarray(self.person_years.sum(axis=1))

    @property
    def populated(self) -> NDArray[np.int64]:
        """Number of groups in which someone lives, by stratum."""
        return np.asarray((self.population > 0).sum(axis=1))

    def take(self, rows: NDArray[np.intp] | Mask) -> GroupedStrata:
        """Return some strata, by position or mask."""
        at = np.flatnonzero(rows) if rows.dtype == bool else rows
        return GroupedStrata(
            self.keys.iloc[at].reset_index(drop=True),
            self.labels,
            self.bands,
            self.events[at],
            self.person_years[at],
            self.unknown_age[at],
            self.unclassified_events[at],
            self.unclassified_person_years[at],
            self.unclassified_unknown_age[at],
            self.has_unclassified[at],
            self.covered[at],
        )

    def merged_to(self, bands: BandSet) -> GroupedStrata:
        """Return the strata with bands merged into wider ones; a band is never split."""
        starts = self.bands.first_of_each(bands)
        names = ("events", "person_years", "unclassified_events", "unclassified_person_years")
        merged: dict[str, Any] = {
            name: np.add.reduceat(getattr(self, name), starts, axis=1) for name in names
        }
        return replace(self, bands=bands, **merged)

    def weights(self, standard: str) -> Floats:
        """Return the weights of a standard on the bands."""
        return np.asarray(standard_named(standard).weights_for(self.bands), dtype=np.float64)

    def rates(self, standard: str, *, level: float = 0.95, per: float = PER) -> RateEstimate:
        """Return the standardised rate of each group, (strata, groups), with Fay-Feuer limits.

        NaN for a group in which nobody lives, and for one without person-years at an age of the standard.
        """
        swap = (0, 2, 1)
        return directly_standardised_rate(
            self.events.transpose(swap),
            self.person_years.transpose(swap),
            self.weights(standard),
            method="fay-feuer",
            level=level,
            per=per,
        )

    def reasons(self, standard: str | None = None) -> NDArray[np.object_]:
        """Return why nothing can be estimated of a stratum, ``_`` where something can.

        With a `standard`, its weights tell at which ages person-years are needed.
        """
        found = np.full(len(self), "_", dtype=object)
        if standard is not None:
            needed = self.weights(standard) > 0
            hole = (self.person_years <= 0) & needed[:, None] & (self.population > 0)[:, None, :]
            found[hole.any(axis=(1, 2))] = "no_person_years"
        found[self.total_events <= 0] = "no_events"
        found[self.populated < FEWEST_GROUPS] = "fewer_than_three_groups"
        found[~self.covered] = "not_all_covered"
        return found


def grouped_strata(cells: Cells, groups: int | None = None) -> GroupedStrata:
    """Return cells by group as arrays; an absent group of a stratum is one that nobody lives in.

    Parameters
    ----------
    cells : Cells
        With ``stratum_type`` (one of deprivation) and ``stratum`` (``Q1``…, ``unknown``) in their strata.
        Strata of other kinds and ``all`` are left out: the latter is a sum made here.
    groups : int, optional
        Number of groups; without it the highest that is there.

    Returns
    -------
    GroupedStrata
        One row a stratum (event, source, site, sex, area, period): counts by band and group.

    Raises
    ------
    InputError
        ``I017`` no such strata, or a group twice in one of them; ``I001`` fewer than three groups.

    Examples
    --------
    >>> from rnc_epi.cells.table import Cells
    >>> from rnc_epi.vocabulary.ages import BandSet
    >>> strata = pd.DataFrame({"event_type": "incidence", "source": "s", "site": "lung", "sex": 1,
    ...     "geo_level": "region", "geo_code": "r", "geo_vintage": "v", "period_from": 2016,
    ...     "period_until": 2021, "stratum_type": "deprivation", "stratum": ["Q1", "Q2", "Q3"]})
    >>> def cells_of(*events):
    ...     people = np.full((3, 1), 1e5)
    ...     return Cells(strata, BandSet.from_starts([0]), np.c_[list(events)], np.zeros(3, int), people)
    >>> found = grouped_strata(cells_of(100, 200, 300))
    >>> found.labels, found.total_events.tolist()
    (('Q1', 'Q2', 'Q3'), [600.0])
    """
    strata = cells.strata
    missing = [name for name in ("stratum_type", "stratum") if name not in strata.columns]
    if missing:
        raise InputError("I017", found=", ".join(map(str, strata.columns)))
    kind = strata["stratum_type"].astype(str)
    names = strata["stratum"].astype(str)
    number = names.map({one: group_number(one) or 0 for one in names.unique()}).to_numpy(dtype=np.int64)
    ours = kind.map({one: is_deprivation(one) for one in kind.unique()}).to_numpy(dtype=bool)
    ours = ours & ((number > 0) | names.eq(UNKNOWN_GROUP).to_numpy())
    if not (ours & (number > 0)).any():
        raise InputError("I017", found=", ".join(sorted(set(kind + " " + names))[:5]) or "_")
    kept = np.flatnonzero(ours)
    number = number[kept]
    _require_on_the_scale(names, kind, groups)
    size = int(number.max()) if groups is None else groups
    if size < FEWEST_GROUPS:
        raise InputError("I001", what="stratum", found=size)
    head = strata.iloc[kept].reset_index(drop=True)
    present = [name for name in STRATUM_KEYS if name in head.columns]
    stratum = head.groupby(present, sort=True, observed=True, dropna=False).ngroup().to_numpy()
    n = int(stratum.max()) + 1
    place = np.where(number > 0, number - 1, size)
    if (place > size).any() or pd.DataFrame({"stratum": stratum, "place": place}).duplicated().any():
        raise InputError("I017", found=f"{len(head)} / {size}")
    keys = _keys(head, stratum, present)
    return _placed(
        keys,
        group_labels(size),
        cells.bands,
        (stratum, place),
        (cells.events[kept], cells.person_years[kept], cells.unknown_age[kept], cells.covered[kept]),
        n,
    )


def _require_on_the_scale(names: pd.Series, kind: pd.Series, groups: int | None) -> None:
    """Refuse a group of deprivation that is none of ``Q1``…, ``unknown``, ``all`` (I017)."""
    for name in names[kind.map({one: is_deprivation(one) for one in kind.unique()}).to_numpy(bool)].unique():
        place = group_number(name)
        off = place is None or place < 1 or (groups is not None and place > groups)
        if off and name not in (UNKNOWN_GROUP, ALL_GROUPS):
            raise InputError("I017", found=f"{name} (Q1 … Q{'n' if groups is None else groups})")


def joined_by_bands(parts: Sequence[GroupedStrata]) -> list[GroupedStrata]:
    """Return strata of the same bands as one, in the order given."""
    held: dict[BandSet, list[GroupedStrata]] = {}
    for part in parts:
        held.setdefault(part.bands, []).append(part)
    return [stacked(same) for same in held.values()]


def stacked(parts: Sequence[GroupedStrata]) -> GroupedStrata:
    """Return several tables of strata of the same bands and groups as one."""
    if len(parts) == 1:
        return parts[0]
    arrays: dict[str, Any] = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts])
        for field in fields(GroupedStrata)
        if field.name not in ("keys", "labels", "bands")
    }
    keys = pd.concat([part.keys for part in parts], ignore_index=True)
    return replace(parts[0], keys=keys, **arrays)


def _placed(
    keys: pd.DataFrame,
    labels: tuple[str, ...],
    bands: BandSet,
    where: tuple[NDArray[np.int64], NDArray[np.int64]],
    figures: tuple[NDArray, NDArray, NDArray, NDArray],
    n: int,
) -> GroupedStrata:
    """Return arrays by stratum from rows, the last place being that of areas without a score."""
    groups, width = len(labels), len(bands)
    events, person_years = np.zeros((n, groups + 1, width)), np.zeros((n, groups + 1, width))
    unknown_age = np.zeros((n, groups + 1))
    covered, there = np.ones((n, groups + 1), dtype=bool), np.zeros((n, groups + 1), dtype=bool)
    events[where], person_years[where], unknown_age[where] = figures[0], figures[1], figures[2]
    covered[where], there[where] = figures[3].all(axis=1), True
    swap = (0, 2, 1)
    return GroupedStrata(
        keys,
        labels,
        bands,
        events[:, :groups].transpose(swap).copy(),
        person_years[:, :groups].transpose(swap).copy(),
        unknown_age[:, :groups],
        events[:, groups],
        person_years[:, groups],
        unknown_age[:, groups],
        there[:, groups],
        np.asarray(covered[:, :groups].all(axis=1)),
    )


def _keys(head: pd.DataFrame, stratum: NDArray[np.int64], present: Sequence[str]) -> pd.DataFrame:
    first = pd.Series(np.arange(len(head))).groupby(stratum).first().to_numpy()
    keys = head.iloc[first][list(present)].reset_index(drop=True)
    if "source" in head.columns:
        parts = head["source"].astype(str)
        joined = parts.groupby(stratum).agg(
            lambda names: "+".join(sorted({one for name in set(names) for one in name.split("+")}))
        )
        keys["source"] = joined.to_numpy()
    return keys
