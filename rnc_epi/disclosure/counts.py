"""The counts behind a result table: several rows (count, rates, ratio) speak of one cell of persons.

Whatever is derived from a count is hidden with it, so protection works on cells and rows follow. An estimate
speaks of the persons it rests on: a calibrated incidence of those in its correlate, a measure that is
shrunk of those counted in the area.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from rnc_epi.vocabulary.errors import DisclosureRefused
from rnc_epi.vocabulary.estimators import (
    BENCHMARKED,
    CALIBRATED,
    MODELLED,
    MODELS,
    OBSERVED,
    proxy_of,
)
from rnc_epi.vocabulary.schemas import ESTIMATED

if TYPE_CHECKING:
    import pandas as pd

    from rnc_epi.vocabulary.policy import Policy

#: Indicators whose events include persons of unknown age; the others need an age.
_WITH_UNKNOWN_AGE: Final = ("count", "crude_rate")
OPEN: Final = 10_000
#: Person-years over which a tenth of a rate per 100 000 is fifty events.
_COARSE_PERSON_YEARS: Final = 5e7


class CellKey(NamedTuple):
    """What a count of persons counts. `ages` and `period` are half-open; an open band ends at ``OPEN``.

    `persons` names which persons: ``observed`` in the area, or those of a correlate.
    """

    event_type: str
    persons: str
    site: str
    sex: int
    area: tuple[str, str, str]
    period: tuple[int, int]
    ages: tuple[int, int]
    stratum: tuple[str, str]


ALL_AGES: Final = (0, OPEN)


@dataclass(frozen=True)
class Counts:
    """Cells of persons and the rows that speak of them.

    Parameters
    ----------
    keys : list of CellKey, length cells
    known_age : array of bool, shape (cells,)
        True for an all-ages cell that leaves out persons of unknown age, where the two counts differ.
    events, person_years : arrays, shape (cells,)
    threshold : array of int, shape (cells,)
    shown : array of bool, shape (cells,)
        False where no row of the cell would carry a number in any case.
    cell_of_row : array of int, shape (rows,)
        -1 for a row without a count, which is not estimable, and for one that follows from no few persons.
    """

    keys: list[CellKey]
    known_age: np.ndarray
    events: np.ndarray
    person_years: np.ndarray
    threshold: np.ndarray
    shown: np.ndarray
    cell_of_row: np.ndarray


def counts_of(results: pd.DataFrame, without_number: np.ndarray, policy: Policy) -> Counts:
    """Return the cells that the rows of a result table speak of.

    Raises
    ------
    DisclosureRefused
        ``P010`` two rows of one cell give different events, ``P011`` an estimated row without events.
    """
    events = results["events"].to_numpy(float, na_value=np.nan)
    person_years = results["person_years"].to_numpy(float, na_value=np.nan)
    estimated = (results["status"] == ESTIMATED).to_numpy(bool)
    silent = _says_nothing_of_a_few(results, person_years)
    lost = estimated & np.isnan(events) & ~silent
    if lost.any():
        raise DisclosureRefused("P011", found=int(lost.sum()), where=_where(results, int(np.argmax(lost))))
    thresholds = {source: policy.threshold_of(source) for source in results["source"].unique()}
    threshold = results["source"].map(thresholds).to_numpy(int)
    all_events = results["indicator"].isin(_WITH_UNKNOWN_AGE).to_numpy(bool)
    own_keys = row_keys(results)

    complete: dict[CellKey, float] = {}  # events of the count of everyone, by key
    for row, key in enumerate(own_keys):
        if all_events[row] and not np.isnan(events[row]):
            complete.setdefault(key, events[row])
    index: dict[tuple[CellKey, bool], int] = {}
    cell_of_row = np.full(len(own_keys), -1)
    first: list[int] = []
    for row, key in enumerate(own_keys):
        if np.isnan(events[row]) or silent[row]:
            continue
        known = not all_events[row] and key.ages == ALL_AGES and complete.get(key, events[row]) != events[row]
        cell = index.setdefault((key, known), len(first))
        if cell == len(first):
            first.append(row)
        elif events[first[cell]] != events[row]:
            raise DisclosureRefused("P010", where=_where(results, row))
        cell_of_row[row] = cell
    n_cells = len(first)
    speaking = cell_of_row >= 0
    shown = np.zeros(n_cells, dtype=bool)
    np.logical_or.at(shown, cell_of_row[speaking], (estimated & ~without_number)[speaking])
    highest = np.zeros(n_cells, dtype=int)
    np.maximum.at(highest, cell_of_row[speaking], threshold[speaking])
    return Counts(
        keys=[key for key, _ in index],
        known_age=np.array([known for _, known in index], dtype=bool),
        events=events[first],
        person_years=person_years[first],
        threshold=highest,
        shown=shown,
        cell_of_row=cell_of_row,
    )


def _says_nothing_of_a_few(results: pd.DataFrame, person_years: np.ndarray) -> np.ndarray:
    """Return the rows that no count of persons follows from: estimates for a whole nation.

    An estimate published to a hundred, and its rate to a tenth, move by scores of persons before they change.
    """
    of_models = results["estimator"].isin(MODELS).to_numpy(bool)
    return np.asarray(of_models & (person_years >= _COARSE_PERSON_YEARS))


def row_keys(results: pd.DataFrame) -> list[CellKey]:
    """Return the cell that each row of a result table speaks of."""
    text = {
        name: results[name].tolist()
        for name in ("event_type", "estimator", "method", "site", "geo_level", "geo_code", "geo_vintage",
                     "stratum_type", "stratum")
    }  # fmt: skip
    whole = {
        name: results[name].to_numpy(dtype=np.int64, na_value=OPEN).tolist()
        for name in ("sex", "period_from", "period_until", "age_from", "age_until")
    }
    return [
        CellKey(
            *persons_of(text["event_type"][row], text["estimator"][row], text["method"][row]),
            text["site"][row],
            whole["sex"][row],
            (text["geo_level"][row], text["geo_code"][row], text["geo_vintage"][row]),
            (whole["period_from"][row], whole["period_until"][row]),
            (whole["age_from"][row], whole["age_until"][row]),
            (text["stratum_type"][row], text["stratum"][row]),
        )
        for row in range(len(results))
    ]


def persons_of(event_type: str, estimator: str, method: str) -> tuple[str, str]:
    """Return the type of event and the persons on whom a figure rests.

    Examples
    --------
    >>> persons_of("death", "smoothed", "bym2"), persons_of("death", "benchmarked", "bym2")
    (('death', 'observed'), ('death', 'observed'))
    >>> persons_of("incidence", "calibrated", "calibrated-HA")
    ('incidence', 'HA')
    >>> persons_of("incidence", "calibrated", "chatignoux-M")
    ('death', 'observed')
    """
    proxy = proxy_of(method) if estimator in (CALIBRATED, BENCHMARKED) else None
    if proxy is not None:
        return ("death", OBSERVED) if proxy == "M" else (event_type, proxy)
    return event_type, MODELLED if estimator == MODELLED else OBSERVED


def _where(results: pd.DataFrame, row: int) -> str:
    names = ("indicator", "event_type", "site", "sex", "geo_level", "geo_code", "period_from")
    return ", ".join(f"{name}={results[name].iloc[row]}" for name in names)
