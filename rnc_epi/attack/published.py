"""The cells that published rows speak of: what is known of each, and what is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

OPEN: Final = 1_000
#: Indicators whose events count persons of unknown age too.
_EVERYONE: Final = frozenset({"count", "crude_rate"})


class Place(NamedTuple):
    """Where a cell stands along every dimension."""

    about: tuple[str, str]
    site: str
    sex: int
    area: tuple[str, str, str]
    period: tuple[int, int]
    ages: tuple[int, int]
    stratum: tuple[str, str]

    def words(self) -> str:
        """Return the place in words."""
        ages = "" if self.ages == (0, OPEN) else f", {self.ages[0]}-{self.ages[1]}"
        return (
            f"{self.about[0]} {self.site}, sex {self.sex}, {' '.join(self.area[:2])}, "
            f"{self.period[0]}-{self.period[1] - 1}{ages}"
        )


@dataclass(frozen=True)
class Published:
    """The published cells.

    Parameters
    ----------
    places : list of Place
    known : array, shape (cells,)
        The published count; NaN where there is none.
    threshold : array, shape (cells,)
        0 for sources that are published elsewhere.
    place_of_row : array of int, shape (rows,)
    unknown_age : list of (Place, float, float)
        Places where two published totals differ, with the difference and the threshold.
    """

    places: list[Place]
    known: np.ndarray
    threshold: np.ndarray
    place_of_row: np.ndarray
    unknown_age: list[tuple[Place, float, float]]


def published_cells(table: pd.DataFrame, disclosure: dict[str, Any]) -> Published:
    """Return the cells of a published result table."""
    default, own = disclosure["threshold"], disclosure["source_thresholds"]
    by_source = {}
    for source in table["source"].unique():
        by_source[source] = max(own.get(part, default) for part in source.split("+"))
    columns = {name: table[name].tolist() for name in table.columns}
    integers = {
        name: table[name].to_numpy(dtype=np.int64, na_value=OPEN).tolist()
        for name in ("sex", "period_from", "period_until", "age_from", "age_until")
    }
    index: dict[Place, int] = {}
    everyone: dict[int, float] = {}
    aged: dict[int, float] = {}
    threshold: dict[int, int] = {}
    place_of_row = np.empty(len(table), dtype=int)
    for row in range(len(table)):
        place = Place(
            (columns["event_type"][row], columns["estimator"][row]),
            columns["site"][row],
            integers["sex"][row],
            (columns["geo_level"][row], columns["geo_code"][row], columns["geo_vintage"][row]),
            (integers["period_from"][row], integers["period_until"][row]),
            (integers["age_from"][row], integers["age_until"][row]),
            (columns["stratum_type"][row], columns["stratum"][row]),
        )
        cell = index.setdefault(place, len(index))
        place_of_row[row] = cell
        threshold[cell] = max(threshold.get(cell, 0), by_source[columns["source"][row]])
        events = columns["events"][row]
        if columns["indicator"][row] == "count" and events != events:
            events = columns["value"][row]
        if events == events:
            (everyone if columns["indicator"][row] in _EVERYONE else aged).setdefault(cell, float(events))
    places = list(index)
    known = np.array([everyone.get(cell, aged.get(cell, np.nan)) for cell in range(len(places))])
    limits = np.array([threshold[cell] for cell in range(len(places))], dtype=float)
    differing = [
        (places[cell], everyone[cell] - aged[cell], limits[cell])
        for cell in sorted(set(everyone) & set(aged))
        if everyone[cell] != aged[cell]
    ]
    return Published(places, known, limits, place_of_row, differing)
