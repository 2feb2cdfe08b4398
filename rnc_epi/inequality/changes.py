"""Change of gradients over the years, on both scales, each with a test of no change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rnc_epi.inequality.kept_inside import parted, some_few, stacked_rows
from rnc_epi.inequality.measures import flat_cells, of_estimate
from rnc_epi.inequality.rows import (
    UNIT_PROBABILITY,
    UNIT_RATE_A_YEAR,
    UNIT_RATIO_A_YEAR,
    Measured,
    measured_rows,
)
from rnc_epi.inequality.strata import STRATUM_KEYS, GroupedStrata
from rnc_epi.maths import inequality as formulas
from rnc_epi.vocabulary.schemas import NOT_APPLICABLE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rnc_epi.vocabulary.study_inequality import Inequality

#: Periods below which a line through the years tests nothing.
FEWEST_PERIODS = 3

_PERIOD = ["period_from", "period_until"]


def trends(strata: GroupedStrata, asked: Inequality, *, per: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the annual change of the slope and relative index of each series of periods.

    A series is the longest run of periods of equal length of one site, sex and area; the row speaks of all of
    its years together. Three periods at least.

    Returns
    -------
    outside, inside : DataFrame
        Rows ``slope_index_trend`` (in the rate's unit a year), ``relative_index_trend`` (factor a year; 1 is
        no change) and their p-values ``…_p``; empty without series. Inside: series with a small count of a
        group in some period (:mod:`rnc_epi.inequality.kept_inside`).
    """
    outside, inside = [], []
    for series in _series(strata):
        counts = strata.events.sum(axis=1) + strata.unknown_age
        shown, kept = parted(_trend_rows(strata, series, asked, per), some_few(counts[series]))
        outside.append(shown)
        inside.append(kept)
    return stacked_rows(outside), stacked_rows(inside)


def _series(strata: GroupedStrata) -> list[NDArray[np.intp]]:
    """Return positions of strata, (series, periods), one array for each run of periods that series share.

    Series that have the same periods are fitted together.
    """
    keys = strata.keys
    names = [name for name in STRATUM_KEYS if name in keys.columns and name not in _PERIOD]
    if not all(name in keys.columns for name in _PERIOD):
        return []
    number = keys.groupby(names, sort=True, observed=True, dropna=False).ngroup().to_numpy()
    start = keys["period_from"].to_numpy(dtype=np.int64)
    end = keys["period_until"].to_numpy(dtype=np.int64)
    frame = pd.DataFrame({"series": number, "start": start, "end": end, "row": np.arange(len(keys))})
    frame["length"] = frame["end"] - frame["start"]
    # Pooled periods overlap single years: of each series the length with most periods is the series.
    sizes = frame.groupby(["series", "length"], sort=True)["row"].size().reset_index(name="periods")
    best = sizes.sort_values(["series", "periods", "length"], ascending=[True, False, True], kind="stable")
    best = best.drop_duplicates("series")
    chosen = frame.merge(best, on=["series", "length"]).sort_values(["series", "start"], kind="stable")
    chosen = chosen[chosen["periods"] >= FEWEST_PERIODS]
    overlaps = chosen.groupby("series")["start"].diff().lt(chosen["length"])
    chosen = chosen[~chosen["series"].isin(chosen.loc[overlaps, "series"])]
    shape: dict[tuple[int, ...], list[NDArray[np.intp]]] = {}
    for _, rows in chosen.groupby("series", sort=True):
        periods = (*rows["start"], int(rows["length"].iloc[0]))
        shape.setdefault(periods, []).append(rows["row"].to_numpy(dtype=np.intp))
    return [np.stack(found) for found in shape.values()]


def _trend_rows(strata: GroupedStrata, series: NDArray[np.intp], asked: Inequality, per: int) -> pd.DataFrame:
    middle = (
        strata.keys["period_from"].to_numpy(dtype=float)[series[0]]
        + strata.keys["period_until"].to_numpy(dtype=float)[series[0]]
        - 1.0
    ) / 2.0
    how = (asked.standard, asked.variance, asked.level)
    measured, reasons = trend_measures(strata, series, middle, how, per=per)
    keys = strata.keys.iloc[series[:, 0]].reset_index(drop=True)
    keys["period_until"] = strata.keys["period_until"].to_numpy()[series[:, -1]]
    return measured_rows(
        keys,
        measured,
        reasons,
        events=strata.total_events[series].sum(axis=1),
        person_years=strata.total_person_years[series].sum(axis=1),
        level=asked.level,
    )


def trend_measures(
    strata: GroupedStrata,
    series: NDArray[np.intp],
    years: NDArray[np.float64],
    how: tuple[str, str, float],
    *,
    per: int,
) -> tuple[list[Measured], NDArray[np.object_]]:
    """Return the trends of series of strata, and why there is none.

    Parameters
    ----------
    series : (series, years) array of int
        Positions of strata.
    years : (years,) array
    how : (standard, variance, level)
    """
    n, periods = series.shape
    standard, variance, level = how
    events, person_years, rank, age = flat_cells(strata)
    found = formulas.gradient_trend(
        events[series].reshape(n, -1),
        person_years[series].reshape(n, -1),
        rank[series].reshape(n, -1),
        np.tile(age, periods),
        np.repeat(years, age.size),
        weights=strata.weights(standard),
        variance=variance,  # type: ignore[arg-type]
        level=level,
    )
    reasons = strata.reasons(standard)[series]
    # A series is only as good as its weakest period.
    lacking = reasons != NOT_APPLICABLE
    first = np.where(lacking.any(axis=1), lacking.argmax(axis=1), 0)
    return list(_measured(found, standard, variance, per)), reasons[np.arange(n), first]


def _measured(found: formulas.GradientTrend, standard: str, variance: str, per: int) -> Iterator[Measured]:
    for name, estimate, unit, scale in (
        ("slope_index_trend", found.slope, UNIT_RATE_A_YEAR, float(per)),
        ("relative_index_trend", found.relative, UNIT_RATIO_A_YEAR, 1.0),
    ):
        kept: dict[str, Any] = {
            "method": estimate.method.removesuffix(f"-{variance}"),
            "standard": standard if name == "slope_index_trend" else NOT_APPLICABLE,
        }
        yield of_estimate(
            estimate,
            name,
            unit,
            scale=scale,
            per=per if unit == UNIT_RATE_A_YEAR else 1,
            interval_method=variance,
            **kept,
        )
        p_value = np.where(estimate.estimable, estimate.p_value, np.nan)
        yield Measured(f"{name}_p", UNIT_PROBABILITY, p_value, **kept)
