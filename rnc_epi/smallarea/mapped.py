"""What one map is made of: observed and expected events of each area, against a stated reference.

Expected events are those that the area would have at the age-specific rates of the reference (indirect
standardisation): the nation, or all the areas of the map together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from rnc_epi.maths.reference import expected_events
from rnc_epi.maths.requirements import require_choice
from rnc_epi.smallarea.graph import AREA, AreaGraph
from rnc_epi.vocabulary.areas import NATIONAL_LEVELS
from rnc_epi.vocabulary.errors import InputError, NotCovered
from rnc_epi.vocabulary.schemas import CELL_STRATUM, NOT_APPLICABLE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rnc_epi.cells.table import Cells


#: What tells one map from another.
MAP_KEY: Final = ("event_type", "site", "sex", "period_from", "period_until")

NATIONAL, POOLED = "national", "pooled"

#: Why an area of the data is not on the fitted map.
NOT_ALL_COVERED, NO_PERSON_YEARS, NOTHING_EXPECTED = "not_all_covered", "no_person_years", "nothing_expected"


@dataclass(frozen=True, eq=False)
class MappedCounts:
    """Counts of the areas of one map, one row an area, and which of them a model can be fitted to.

    Attributes
    ----------
    strata : DataFrame
        Keys of each area, in the columns of ``CELL_STRATUM``.
    observed, expected, person_years : arrays (areas,)
        All ages; ``expected`` is NaN where it is not known.
    reason : array of str (areas,)
        Why the area is not fitted; ``"_"`` for those that are.
    comparator : str
        The reference: an area, or ``"pooled"``.
    graph : AreaGraph
        Of the fitted areas, in the order of the rows that are fitted.
    absent : int
        Areas of the whole map that the data do not cover.
    """

    strata: pd.DataFrame
    observed: NDArray[np.float64]
    expected: NDArray[np.float64]
    person_years: NDArray[np.float64]
    reason: NDArray[np.object_]
    comparator: str
    graph: AreaGraph
    absent: int

    @property
    def fitted(self) -> NDArray[np.bool_]:
        """Rows that the model is fitted to."""
        return np.asarray(self.reason == NOT_APPLICABLE)

    @property
    def key(self) -> dict[str, object]:
        """What the map is of."""
        first = self.strata.iloc[0]
        return {name: first[name] for name in (*MAP_KEY, "geo_level", "geo_vintage")}


def mapped_counts(
    cells: Cells, graph: AreaGraph, *, reference: str = NATIONAL, complete: bool = True
) -> MappedCounts:
    """Return observed and expected events of the areas of a map.

    Parameters
    ----------
    cells : Cells
        One event, site, sex and period: the areas of the map and, for a national reference, the nation.
    graph : AreaGraph
        The areas and their neighbours.
    reference : {"national", "pooled"}
        Whose age-specific rates give the expected events: the nation's, or all the areas' together.
    complete : bool
        Whether every area of the graph must be in the data (A031); without it the map is restricted to
        those that are, and says how many are absent.

    Returns
    -------
    MappedCounts
        One row an area, in the order of the graph: events of all ages, events expected, person-years.

    Raises
    ------
    InputError
        ``A030`` an area that is not on the map, ``A031`` an area of the map without data, ``A036`` several
        strata of one area, ``M002`` no cells, ``M005`` an unknown reference.
    NotCovered
        ``A037`` no national rates.

    References
    ----------
    Breslow NE, Day NE. Statistical methods in cancer research, vol. II. IARC Sci Publ 82, 1987, chapter 2
    (indirect standardisation).

    Examples
    --------
    Three areas of equal size with 240 events in all: 80 expected in each.

    >>> from rnc_epi.cells.table import Cells
    >>> from rnc_epi.vocabulary.ages import BandSet
    >>> areas = pd.DataFrame({"geo_level": "zone", "geo_code": list("abc"), "geo_vintage": "v"})
    >>> strata = areas.assign(event_type="death", source="s", site="lung", sex=1, period_from=2016,
    ...     period_until=2021)
    >>> cells = Cells(strata, BandSet.from_starts([0]), np.array([[40], [80], [120]]), np.zeros(3, int),
    ...     np.full((3, 1), 1e4))
    >>> graph = AreaGraph(areas, np.array([[0, 1], [1, 2]]))
    >>> mapped_counts(cells, graph, reference="pooled").expected.tolist()
    [80.0, 80.0, 80.0]
    """
    require_choice(reference, (NATIONAL, POOLED), "reference")
    if not hasattr(cells, "strata"):
        raise InputError("M002", what="cells", expected="Cells", found=type(cells).__name__)
    strata = cells.strata
    if not len(strata):
        raise InputError("A031", found=len(graph), where=graph.areas["geo_code"].iloc[0])
    for name in MAP_KEY:
        if strata[name].ne(strata[name].iloc[0]).any():
            raise InputError("A036", found=len(strata), name=name)
    of_level = strata["geo_level"].eq(graph.geo_level) & strata["geo_vintage"].eq(graph.geo_vintage)
    rows = np.flatnonzero(of_level.to_numpy())
    if not rows.size:
        raise InputError("A031", found=len(graph), where=graph.areas["geo_code"].iloc[0])
    if strata.iloc[rows].duplicated(AREA).any():
        raise InputError("A036", found=len(rows), name="geo_code")
    place = graph.positions(strata.iloc[rows])
    if (place < 0).any():
        raise InputError(
            "A030", found=int((place < 0).sum()), where=strata["geo_code"].iloc[rows[int(np.argmin(place))]]
        )
    present = np.zeros(len(graph), dtype=np.bool_)
    present[place] = True
    if complete and not present.all():
        raise InputError(
            "A031",
            found=int((~present).sum()),
            where=graph.areas["geo_code"].iloc[int(np.argmin(present))],
        )
    rows, place = rows[np.argsort(place)], np.sort(place)
    areas = cells.take(rows)
    rates_of, comparator = _reference(cells, areas, reference)
    expected = _expected(areas, rates_of)
    person_years = areas.total_person_years
    reason = np.full(len(rows), NOT_APPLICABLE, dtype=object)
    reason[~(expected > 0)] = NOTHING_EXPECTED
    reason[~(person_years > 0)] = NO_PERSON_YEARS
    reason[~areas.all_ages] = NOT_ALL_COVERED
    kept = np.zeros(len(graph), dtype=np.bool_)
    kept[place[reason == NOT_APPLICABLE]] = True
    return MappedCounts(
        areas.strata[list(CELL_STRATUM)],
        areas.total_events.astype(np.float64),
        np.where(areas.all_ages, expected, np.nan),
        person_years.astype(np.float64),
        reason,
        comparator,
        graph.restricted_to(kept),
        int((~present).sum()),
    )


@dataclass(frozen=True, eq=False)
class _Rates:
    """Events and person-years of a reference by age band, and what spreads its events of unknown age."""

    events: NDArray[np.float64]
    person_years: NDArray[np.float64]
    spread: float


def expected_at(cells: Cells, areas: Cells, reference: str) -> NDArray[np.float64]:
    """Return the expected events of the strata of `areas` at the rates that `cells` hold of the reference."""
    return _expected(areas, _reference(cells, areas, reference)[0])


def _reference(cells: Cells, areas: Cells, reference: str) -> tuple[_Rates, str]:
    if reference == POOLED:
        whole = areas.take(np.flatnonzero(areas.all_ages))
        return _rates(whole), POOLED
    strata = cells.strata
    for level in reversed(NATIONAL_LEVELS):
        found = np.flatnonzero((strata["geo_level"].eq(level)).to_numpy() & cells.all_ages)
        if found.size:
            nation = strata.iloc[found[0]]
            name = ":".join(str(nation[part]) for part in AREA)
            return _rates(cells.take(found[:1])), name
    raise NotCovered("A037", name=reference)


def _rates(cells: Cells) -> _Rates:
    events = cells.events.sum(axis=0).astype(np.float64)
    known = float(events.sum())
    # Events of unknown age are spread like the known ones, so that the reference against itself gives 1.
    spread = float(cells.total_events.sum()) / known if known > 0 else 1.0
    return _Rates(events, cells.person_years.sum(axis=0), spread)


def _expected(areas: Cells, rates: _Rates) -> NDArray[np.float64]:
    found = expected_events(areas.person_years, rates.events, rates.person_years)
    return np.asarray(found.expected * rates.spread, dtype=np.float64)
