"""Groups of areas, such as fifths of deprivation: who is in which, and what a group in an area is made of.

A group within an area (the most deprived communes of a région) is an area of its own: the sum of the areas
that are in both. Areas of the extract that no sum can tell apart (same group, same place, same coverage) are
added up once, before any site is looked at; so a nation of communes costs little more than its départements.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rnc_epi.vocabulary.areas import POOLED_REGISTRIES, AreaKey
from rnc_epi.vocabulary.errors import InputError
from rnc_epi.vocabulary.estimators import ALL_GROUPS, UNKNOWN_GROUP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rnc_epi.cells.datasets import Dataset
    from rnc_epi.cells.membership import Holders, Membership
    from rnc_epi.vocabulary.periods import Period

GROUPING_COLUMNS = ("geo_level", "geo_code", "geo_vintage", "stratum_type", "stratum")

#: Why an event that is counted cannot be given to a group.
WIDER_THAN_GROUPS = "area_wider_than_groups"

_CODE = 10_000
_SCOPE_NUMBERS = ("site", "pool", "sex", "yearly")


def groupings(table: pd.DataFrame) -> dict[str, dict[AreaKey, str]]:
    """Return the group of each area, by type of group; an area without a group has `UNKNOWN_GROUP`.

    Raises
    ------
    InputError
        K007 a column is missing, K008 an area has two groups of one type, K009 a group has a reserved name.
    """
    missing = [name for name in GROUPING_COLUMNS if name not in table.columns]
    if missing:
        raise InputError("K007", found=", ".join(missing), expected=", ".join(GROUPING_COLUMNS))
    rows = table[list(GROUPING_COLUMNS)].astype("str")
    rows["stratum"] = rows["stratum"].where(table["stratum"].notna(), UNKNOWN_GROUP)
    if (rows["stratum"] == ALL_GROUPS).any():
        raise InputError("K009", found=ALL_GROUPS)
    twice = rows.duplicated([*GROUPING_COLUMNS[:4]])
    if twice.any():
        first = rows[twice].iloc[0]
        raise InputError("K008", n=int(twice.sum()), where=f"{first.geo_level} {first.geo_code}")
    found: dict[str, dict[AreaKey, str]] = {}
    for level, code, vintage, kind, stratum in rows.itertuples(index=False, name=None):
        found.setdefault(kind, {})[AreaKey(level, code, vintage)] = stratum
    return dict(sorted(found.items()))


@dataclass(frozen=True)
class GroupSum:
    """Groups and what they are made of, for the periods of which the areas are the same.

    Parameters
    ----------
    columns : (n,) array
        Positions of the periods.
    targets : (groups,) array
        Positions of the groups.
    parts, starts : arrays
        Positions of the parts of each group, one group after another, and where each begins.
    """

    columns: NDArray[np.intp]
    targets: NDArray[np.intp]
    parts: NDArray[np.intp]
    starts: NDArray[np.intp]


@dataclass(frozen=True)
class GroupSums:
    """All groups within areas.

    Parameters
    ----------
    names : list of (area, group)
    sums : list of GroupSum
    exists : (groups, periods) bool array
        Whether a group has any area there, counted or not.
    """

    names: list[tuple[AreaKey, str]]
    sums: list[GroupSum]
    exists: NDArray[np.bool_]


@dataclass(frozen=True)
class Universe:
    """The areas that groups of one type are made of, and how the base areas of some datasets relate to them.

    Parameters
    ----------
    stratum : dict of AreaKey to str
        Every area that has, or lacks, a group of its own.
    positions : (base areas,) int array
        Place of each base area on the axis of `areas`; -1 where it is too wide for a group.
    areas : list of AreaKey
        The new axis. An area may stand for others that no sum tells apart from it.
    stands_for : dict of AreaKey to (position)
        Where on the axis an area of `stratum` is, if events are counted there.
    within : frozenset of AreaKey
        Areas that are summed from finer base areas first.
    """

    stratum: dict[AreaKey, str]
    positions: NDArray[np.intp]
    areas: list[AreaKey]
    stands_for: dict[AreaKey, int]
    within: frozenset[AreaKey]


def universe_of(
    groups: dict[AreaKey, str], datasets: Sequence[Dataset], membership: Membership, holders: Holders
) -> Universe:
    """Return the areas of a grouping and their places on an axis that is as short as may be.

    Raises
    ------
    InputError
        K010, an area of the grouping lies within another: which group is meant is not ours to guess.
    """
    # Sets, not the dictionaries: a comparison with these would walk all of their areas for each area.
    grouped = frozenset(groups)
    nested = [area for area in groups if not holders.ever(area).isdisjoint(grouped)]
    if nested:
        first = min(nested)
        raise InputError("K010", n=len(nested), where=f"{first.geo_level} {first.geo_code}")
    levels = {area.geo_level for area in groups}
    base = datasets[0].areas
    known = {link.child for link in membership.links} | {link.parent for link in membership.links} | set(base)
    holding = frozenset().union(*map(holders.ever, groups))
    stratum = dict(groups)
    for area in known:
        if area.geo_level in levels and area not in holding:
            stratum.setdefault(area, UNKNOWN_GROUP)
    placed = frozenset(stratum)
    finer = {area for area in base if area not in placed and not holders.ever(area).isdisjoint(placed)}
    whole = frozenset().union(*(holders.ever(area) & placed for area in finer))
    # What is summed from finer areas is kept apart; the rest is told apart only where some sum needs it.
    links: dict[frozenset[object], int] = {}
    signs = _signatures(datasets)
    places: dict[object, int] = {}
    positions = np.full(len(base), -1, dtype=np.intp)
    areas: list[AreaKey] = []
    stands_for: dict[AreaKey, int] = {}
    for position, area in enumerate(base):
        key: object
        if area in finer or area in whole:
            key = area
        elif area in stratum:
            above = frozenset(
                (link.parent, link.valid_from, link.valid_until) for link in membership.by_child.get(area, ())
            )
            key = (stratum[area], links.setdefault(above, len(links)), signs[position])
        else:
            continue
        if key not in places:
            places[key] = len(areas)
            areas.append(area)
        positions[position] = places[key]
        if area in stratum:
            stands_for[area] = places[key]
    for area in sorted(whole):
        if area not in stands_for:
            stands_for[area] = len(areas)
            areas.append(area)
    return Universe(stratum, positions, areas, stands_for, whole)


def _signatures(datasets: Sequence[Dataset]) -> list[tuple[bytes, ...]]:
    """Return what distinguishes the coverage and the person-years of each base area, as bytes."""
    signs: list[list[bytes]] = []
    n = len(datasets[0].areas)
    for dataset in datasets:
        scope = dataset.scope
        spans = np.zeros(len(scope["area"]), dtype=np.int64)
        for name in ("period_from", "period_until", "age_from", "age_until"):
            spans = spans * _CODE + scope[name]
        code = np.unique(spans, return_inverse=True)[1].astype(np.int64)
        for name in _SCOPE_NUMBERS:
            code = code * (int(scope[name].max(initial=0)) + 1) + scope[name]
        order = np.lexsort((code, scope["area"]))
        code = code[order]
        bounds = np.searchsorted(scope["area"][order], np.arange(n + 1))
        known = np.packbits(dataset.known.reshape(n, -1), axis=1)
        signs.append(
            [code[bounds[i] : bounds[i + 1]].tobytes() + b"|" + known[i].tobytes() for i in range(n)]
        )
    return list(zip(*signs, strict=True))


def collapsed(dataset: Dataset, universe: Universe) -> Dataset:
    """Return a dataset on the axis of a universe; base areas that are too wide for a group are left out."""
    place = universe.positions
    kept = np.flatnonzero(place >= 0)
    order = kept[np.argsort(place[kept], kind="stable")]
    targets, starts = np.unique(place[order], return_index=True)
    shape = (len(universe.areas), *dataset.person_years.shape[1:])
    person_years, known = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=bool)
    first = order[starts] if len(order) else order
    if len(order):
        person_years[targets] = np.add.reduceat(dataset.person_years[order], starts, axis=0)
    known[targets] = dataset.known[first]
    represents = np.zeros(len(place), dtype=bool)
    represents[first] = True
    return replace(
        dataset,
        areas=universe.areas,
        person_years=person_years,
        known=known,
        scope=_moved(dataset.scope, represents, place),
        events=_moved(dataset.events, place >= 0, place),
    )


def _moved(
    columns: dict[str, NDArray[np.int64]], kept: NDArray[np.bool_], place: NDArray[np.intp]
) -> dict[str, NDArray[np.int64]]:
    """Return the rows of some areas, by their new positions; the order by site stays."""
    rows = kept[columns["area"]]
    out = {name: values[rows] for name, values in columns.items()}
    return out | {"area": place[out["area"]]}


def group_sums(
    universe: Universe,
    holders: Holders,
    periods: Sequence[Period],
    *,
    wanted_levels: Sequence[str],
    whole_only: bool,
) -> GroupSums:
    """Return the groups within areas, and what each is made of by run of periods.

    Parameters
    ----------
    wanted_levels : sequence of str
        Levels of the areas; all of them where empty.
    whole_only : bool
        Whether a group is known only where events are counted in all its areas (deaths, proxies), or is what
        is counted of it (incidence, which also has the pool of the registries).
    """
    runs: dict[tuple[int, ...], list[int]] = {}
    for column, period in enumerate(periods):
        runs.setdefault(holders.epochs_of(period), []).append(column)
    found = {epochs: _members(universe, holders, epochs, whole_only) for epochs in sorted(runs)}
    known = sorted({key for _, existing in found.values() for key in existing
                    if not wanted_levels or key[0].geo_level in wanted_levels})  # fmt: skip
    names = {key: position for position, key in enumerate(known)}
    exists = np.zeros((len(names), len(periods)), dtype=bool)
    sums = []
    for epochs, (made, existing) in found.items():
        columns = runs[epochs]
        rows = [names[key] for key in existing if key in names]
        exists[np.ix_(rows, columns)] = True
        chosen = {key: parts for key, parts in sorted(made.items()) if key in names}
        if not chosen:
            continue
        lengths = np.array([len(parts) for parts in chosen.values()])
        sums.append(
            GroupSum(
                np.array(columns),
                np.array([names[key] for key in chosen]),
                np.concatenate([np.array(sorted(parts), dtype=np.intp) for parts in chosen.values()]),
                np.cumsum(lengths) - lengths,
            )
        )
    return GroupSums(known, sums, exists)


def _members(
    universe: Universe, holders: Holders, epochs: tuple[int, ...], whole_only: bool
) -> tuple[dict[tuple[AreaKey, str], set[int]], set[tuple[AreaKey, str]]]:
    """Return the positions that make up each group of each area that does not change, and every group."""
    found: dict[tuple[AreaKey, str], set[int]] = {}
    broken: set[tuple[AreaKey, str]] = set()
    changing: set[AreaKey] = set()
    existing: set[tuple[AreaKey, str]] = set()
    for area, stratum in universe.stratum.items():
        above = [holders.of(area, epoch) for epoch in epochs]
        if len(epochs) > 1:
            changing |= frozenset().union(*above) - above[0].intersection(*above)
        existing |= {(parent, stratum) for parent in frozenset().union(*above)}
        position = universe.stands_for.get(area)
        for parent in above[0]:
            if position is None:
                broken.add((parent, stratum))
            else:
                found.setdefault((parent, stratum), set()).add(position)
    for parent, links in holders.membership.partial.items():
        for link in links:
            if link.child in universe.stratum:
                # What lies there in part can be given to no group of it.
                changing |= {parent} | (holders.ever(parent) - holders.ever(link.child))
    if whole_only:
        for key in broken & found.keys():
            del found[key]
    else:
        _add_pool(found, changing)
    made = {key: parts for key, parts in found.items() if key[0] not in changing}
    return made, existing | found.keys()


def _add_pool(found: dict[tuple[AreaKey, str], set[int]], changing: set[AreaKey]) -> None:
    """Add the groups of all registries together, where there is more than one."""
    zones: dict[str, set[AreaKey]] = {}
    for area, _ in found:
        if area.geo_level == "registry_zone":
            zones.setdefault(area.geo_vintage, set()).add(area)
    for vintage, inside in sorted(zones.items()):
        if len(inside) > 1:
            pool = AreaKey("registry_zone", POOLED_REGISTRIES, vintage)
            if not inside.isdisjoint(changing):
                changing.add(pool)
            for area, stratum in list(found):
                if area in inside:
                    found.setdefault((pool, stratum), set()).update(found[(area, stratum)])


def too_wide(universe: Universe, base: Sequence[AreaKey]) -> list[AreaKey]:
    """Return the base areas that no group holds: what is known only to them has no group."""
    return [area for area, place in zip(base, universe.positions, strict=True) if place < 0]
