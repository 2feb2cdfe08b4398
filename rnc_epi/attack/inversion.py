"""A7 and A8: the count behind a rate whose count is hidden, from person-years or from the interval."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import special

from rnc_epi.attack.published import Published
from rnc_epi.attack.report import Finding

if TYPE_CHECKING:
    import pandas as pd

#: Counts tried; above, an interval no longer tells neighbours apart and nothing is secret.
_TRIED: Final = np.arange(1.0, 31.0)


def by_person_years(table: pd.DataFrame, cells: Published) -> Iterator[Finding]:
    """A7: round(k / person-years x per) equals the published rate for one k only.

    Person-years are public: those of another site, in the same area, sex, period and age, serve as well.
    """
    years = _denominators(table, cells)
    pers = table["per"].to_numpy(float, na_value=0.0)
    for row, cell, value in _rates_without_count(table, cells, "value"):
        place = cells.places[cell]
        person_years = years.get((place.sex, place.area, place.period, place.ages, place.stratum))
        per = pers[row]
        if not person_years or per <= 0 or table["indicator"].iloc[row] == "asr":
            continue
        decimals = 10.0 ** -_decimals(value)
        # Published person-years are rounded too, to a tenth.
        slack = 0.5 * decimals + value * 0.05 / person_years + 1e-9
        fits = np.abs(_TRIED / person_years * per - value) <= slack
        if fits.sum() == 1 and _TRIED[fits][0] < cells.threshold[cell]:
            yield Finding("A7", place.words(), float(_TRIED[fits][0]), float(_TRIED[fits][0]))


def by_expected(table: pd.DataFrame, cells: Published) -> Iterator[Finding]:
    """A7 for ratios: the ratio times the expected count is the count."""
    expected = table["expected"].to_numpy(float, na_value=np.nan)
    for row, cell, value in _rates_without_count(table, cells, "expected"):
        count = round(value * expected[row]) if value * expected[row] >= 0 else 0
        if 0 < count < cells.threshold[cell]:
            yield Finding("A7", cells.places[cell].words(), float(count), float(count))


def by_interval(table: pd.DataFrame, cells: Published) -> Iterator[Finding]:
    """A8: limits over the value, or over each other, follow from the count; so does a standard error."""
    level = table["level"].to_numpy(float, na_value=np.nan)
    lower, upper = (table[name].to_numpy(float, na_value=np.nan) for name in ("lower", "upper"))
    error = table["se"].to_numpy(float, na_value=np.nan)
    for row, cell, value in _rates_without_count(table, cells, "upper", "se"):
        count = np.nan
        if upper[row] > 0 and 0 < level[row] < 1:
            low, high = _limits(str(table["interval_method"].iloc[row]), level[row])
            if value > 0:
                count = _nearest(high / _TRIED, upper[row] / value)
            elif lower[row] > 0:
                count = _nearest(high / np.maximum(low, 1e-12), upper[row] / lower[row])
        elif error[row] > 0 and value > 0:
            count = (value / error[row]) ** 2
        if 0 < count < cells.threshold[cell]:
            yield Finding("A8", cells.places[cell].words(), float(np.floor(count)), float(np.ceil(count)))


def _limits(method: str, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the limits of each tried count; the gamma limits stand for the methods that resemble them."""
    z = special.ndtri(0.5 + level / 2)
    if method == "normal":
        return _TRIED - z * np.sqrt(_TRIED), _TRIED + z * np.sqrt(_TRIED)
    if method == "log-normal":
        factor = np.exp(z / np.sqrt(_TRIED))
        return _TRIED / factor, _TRIED * factor
    tail = (1 - level) / 2
    return special.gammaincinv(_TRIED, tail), special.gammaincinv(_TRIED + 1, 1 - tail)


def _nearest(ratios: np.ndarray, found: float) -> float:
    return float(_TRIED[np.argmin(np.abs(np.log(ratios) - np.log(found)))])


def _rates_without_count(
    table: pd.DataFrame, cells: Published, *any_of: str
) -> Iterator[tuple[int, int, float]]:
    value = table["value"].to_numpy(float, na_value=np.nan)
    there = np.zeros(len(table), dtype=bool)
    for name in any_of:
        there |= ~np.isnan(table[name].to_numpy(float, na_value=np.nan))
    hidden = np.isnan(cells.known[cells.place_of_row]) & (cells.threshold[cells.place_of_row] > 0)
    for row in np.flatnonzero(there & hidden & (table["indicator"] != "count").to_numpy(bool)):
        yield int(row), int(cells.place_of_row[row]), float(value[row])


def _denominators(table: pd.DataFrame, cells: Published) -> dict[tuple[object, ...], float]:
    known: dict[tuple[object, ...], float] = {}
    for row, years in enumerate(table["person_years"].to_numpy(float, na_value=np.nan).tolist()):
        if years == years:
            place = cells.places[cells.place_of_row[row]]
            known.setdefault((place.sex, place.area, place.period, place.ages, place.stratum), years)
    return known


def _decimals(value: float) -> int:
    text = repr(value)
    return 0 if text.endswith(".0") or "." not in text else len(text) - text.index(".") - 1
