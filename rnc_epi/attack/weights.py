"""A9: the ages of a few cases, from standardised rates and person-years by age, which anyone can have.

A standardised rate is a weighted sum of whole numbers that add up to the published count; its error is
another, a further standard a third. Integer programmes bound each age band.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy import optimize

from rnc_epi.attack.bounds import NARROW
from rnc_epi.attack.published import OPEN, Place, Published
from rnc_epi.attack.report import Finding
from rnc_epi.vocabulary.ages import BandSet
from rnc_epi.vocabulary.errors import InputError
from rnc_epi.vocabulary.schemas import NOT_APPLICABLE, PUBLISHED
from rnc_epi.vocabulary.standards import standard

if TYPE_CHECKING:
    import pandas as pd

#: Fewer events than this have few ages: two weighted sums of them can be solved.
_FEW: Final = 100
#: Cells tried, fewest events first; each takes two programmes for each band.
_TRIED: Final = 16
_SECONDS: Final = 5.0
_POPULATION: Final = ("sex", "geo_level", "geo_code", "geo_vintage", "period_from", "period_until")


def by_standards(table: pd.DataFrame, cells: Published) -> Iterator[Finding]:
    """Yield the cells of few events that two standards weigh: two equations for the same few ages."""
    names: dict[int, set[str]] = defaultdict(set)
    for row in _weighed(table):
        cell = int(cells.place_of_row[row])
        if 0 < cells.known[cell] < _FEW and cells.threshold[cell] > 0:
            names[cell].add(str(table["standard"].iloc[row]))
    for cell, found in sorted(names.items()):
        if len(found) > 1:
            yield Finding(
                "A9", f"{cells.places[cell].words()}: {len(found)} standards", 0.0, cells.known[cell]
            )


def by_ages(table: pd.DataFrame, cells: Published, populations: pd.DataFrame) -> Iterator[Finding]:
    """Yield the age bands of cells of few events that integer programmes find, or nearly.

    Parameters
    ----------
    table : DataFrame
    cells : Published
        Of that table.
    populations : DataFrame
        ``sex, geo_level, geo_code, geo_vintage, period_from, period_until, age_from, age_until,
        person_years``, as the census gives them.
    """
    rows: dict[int, list[int]] = defaultdict(list)
    for row in _weighed(table):
        cell = int(cells.place_of_row[row])
        if 0 < cells.known[cell] < _FEW and cells.threshold[cell] > 0:
            rows[cell].append(row)
    years = {
        tuple(key): part.sort_values("age_from")
        for key, part in populations.groupby(list(_POPULATION), sort=False)
    }
    at = {place: cell for cell, place in enumerate(cells.places)}
    for cell in sorted(rows, key=lambda cell: (cells.known[cell], cell))[:_TRIED]:
        place = cells.places[cell]
        known = years.get((place.sex, *place.area, *place.period))
        if known is None or place.stratum != (NOT_APPLICABLE, NOT_APPLICABLE):
            continue
        yield from _bounded(table.iloc[rows[cell]], place, cells, at, known)


def _weighed(table: pd.DataFrame) -> list[int]:
    weighed = table["standard"].ne(NOT_APPLICABLE) & table["status"].eq(PUBLISHED)
    weighed &= table["indicator"].eq("asr")
    return np.flatnonzero(weighed.to_numpy(bool)).tolist()


def _bounded(
    rates: pd.DataFrame, place: Place, cells: Published, at: dict[Place, int], known: pd.DataFrame
) -> Iterator[Finding]:
    starts = known["age_from"].to_numpy(int)
    ends = known["age_until"].to_numpy(float, na_value=OPEN)
    person_years = known["person_years"].to_numpy(float)
    sums: list[np.ndarray] = []
    low: list[float] = []
    high: list[float] = []

    def add(coefficients: np.ndarray, least: float, most: float) -> None:
        sums.append(coefficients)
        low.append(least)
        high.append(most)

    for other, cell in at.items():
        if other._replace(ages=place.ages) == place and cells.known[cell] == cells.known[cell]:
            inside = (starts >= other.ages[0]) & (ends <= other.ages[1])
            add(inside.astype(float), cells.known[cell], cells.known[cell])
    for rate in rates.to_dict("records"):
        weight = _weights(rate, starts, person_years)
        if weight is None:
            return
        half = _step(rate, float(cells.known[at[place]])) / 2 + 1e-9
        add(weight, rate["value"] - half, rate["value"] + half)
        error = rate["se"]
        if error == error and error is not None:
            add(weight**2, max(0.0, error - half) ** 2, (error + half) ** 2)
    for band in range(len(starts)):
        ends_found = [_end(band, sign, np.array(sums), np.array(low), np.array(high)) for sign in (1.0, -1.0)]
        least, most = np.ceil(ends_found[0] - 1e-6), np.floor(ends_found[1] + 1e-6)
        if least >= 1 and most < cells.threshold[at[place]] and most - least < NARROW:
            yield Finding(
                "A9", f"{place.words()}, age {starts[band]} by its rates", float(least), float(most)
            )


def _weights(rate: dict[Any, Any], starts: np.ndarray, person_years: np.ndarray) -> np.ndarray | None:
    """Return what one case at each age adds to a rate; None for a standard that is not known here."""
    try:
        bands = BandSet.from_starts(starts.tolist())
        shares = standard(str(rate["standard"])).weights_for(bands)
    except InputError:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        found: np.ndarray = np.where(
            person_years > 0, shares / shares.sum() / person_years * float(rate["per"]), 0.0
        )
    return found


def _step(rate: dict[Any, Any], events: float) -> float:
    """Return to what a rate was rounded: what one case is worth, unless its digits say more."""
    value = float(rate["value"])
    written = repr(value).partition(".")[2].rstrip("0")
    digits = 10.0 ** -max(1, len(written))
    if value <= 0:
        return digits
    # The rounded rate may stand on the other side of a rung: the coarser one is taken.
    worth = 1.2 * value / events
    power = 10.0 ** np.floor(np.log10(worth))
    step = max(rung * power for rung in (1.0, 2.0, 5.0) if rung * power <= worth)
    whole = abs(value / step - round(value / step)) < 1e-9
    return float(max(digits, step)) if whole else float(digits)


def _end(band: int, sign: float, sums: np.ndarray, low: np.ndarray, high: np.ndarray) -> float:
    goal = np.zeros(sums.shape[1])
    goal[band] = sign
    result = optimize.milp(
        goal,
        constraints=optimize.LinearConstraint(sums, low, high),
        integrality=np.ones(sums.shape[1]),
        bounds=optimize.Bounds(0, np.inf),
        options={"time_limit": _SECONDS},
    )
    # Without an answer in time the bound of the programme is what is known for certain.
    bound = getattr(result, "mip_dual_bound", None) if result.x is None else result.fun
    return -sign * np.inf if bound is None else float(sign * bound)
