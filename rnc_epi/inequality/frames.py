"""Gradients as verbs on plain data frames: one row a group of deprivation and age band in, a stratum out.

The frame has ``age_from`` and ``age_until`` (null: open), or ``age`` labels such as ``"0-4"``, ``"85+"``; a
column of groups, from the least to the most deprived; events and person-years. `by` says what is told apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from rnc_epi.inequality.changes import trend_measures
from rnc_epi.inequality.frame_cells import strata_of_frame
from rnc_epi.inequality.measures import measures_of
from rnc_epi.inequality.rows import Measured, measured_rows
from rnc_epi.inequality.stages import gradient_of_shares, share_of
from rnc_epi.inequality.strata import PER, GroupedStrata
from rnc_epi.maths.requirements import require_choice, require_level, require_whole
from rnc_epi.vocabulary.errors import InputError
from rnc_epi.vocabulary.study_inequality import MEASURES, MODELS, TRANSFORMS, VARIANCES, Inequality


def gradient(
    table: pd.DataFrame,
    *,
    by: Sequence[str] = (),
    group: str = "group",
    order: Sequence[Any] | None = None,
    standard: str = "world",
    measures: Sequence[str] = MEASURES,
    models: Sequence[str] = ("multiplicative", "additive-by-age"),
    transforms: Sequence[str] = ("identity", "log"),
    variance: str = "robust",
    events: str = "events",
    person_years: str = "person_years",
    level: float = 0.95,
    per: int = PER,
    simulations: int = 2_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the measures of the gradient of each stratum of a frame.

    Parameters
    ----------
    table : DataFrame
        One row a stratum, group and age band; rows of one are summed. A group ``unknown`` is left out.
    by : sequence of str
        Columns that tell the strata apart.
    group : str
        Column of the groups.
    order : sequence, optional
        The groups from the least to the most deprived. Without it numbers are in their order, and so are
        labels that differ by a number alone (``Q2`` before ``Q10``).
    standard, measures, models, transforms, variance, level, per, simulations, seed
        As in the section ``[inequality]`` of the study file.
    events, person_years : str
        Columns.

    Returns
    -------
    DataFrame
        The columns of `by`, then ``indicator, method, comparator, value, lower, upper, se, interval_method,
        unit, per, standard, level, events, reason``: ``reason`` is ``_`` where the value stands.

    Raises
    ------
    InputError
        ``N001``, ``N002``, ``N003`` ages, columns, bands missing; ``I001`` fewer than three groups, ``I030``,
        ``I033`` groups whose order is not told, ``I032`` rows without a group; ``M001``, ``M007``, ``M008``
        counts that are none; ``M004``, ``M005`` options.

    Examples
    --------
    Rates of 10, 20, 30, 40 and 50 per 100 000 in groups of equal size:

    >>> table = pd.DataFrame({"group": [1, 2, 3, 4, 5], "age": "0+", "events": [100, 200, 300, 400, 500],
    ...     "person_years": 1e6})
    >>> found = gradient(table, measures=["slope_index", "rate_ratio"], models=[], transforms=["identity"])
    >>> found.loc[found["comparator"].isin(["_", "5/1"]), ["indicator", "value"]].round(6).values.tolist()
    [['rate_ratio', 5.0], ['slope_index', 50.0]]
    """
    for what, given, known in (
        ("measures", measures, MEASURES),
        ("models", models, MODELS),
        ("transforms", transforms, TRANSFORMS),
        ("variance", (variance,), VARIANCES),
    ):
        for one in given:
            require_choice(one, known, what)
    require_level(level)
    require_whole(simulations, "simulations", least=1_000)
    require_whole(seed, "seed", least=0)
    asked = Inequality.model_validate(
        {
            "index": "_",
            "vintage": "_",
            "standard": standard,
            "measures": list(measures),
            "models": list(models),
            "transforms": list(transforms),
            "variance": variance,
            "level": level,
            "simulations": simulations,
            "seed": seed,
        }
    )
    strata = strata_of_frame(table, by=by, group=group, order=order, events=events, person_years=person_years)
    return _answer(strata, list(measures_of(strata, asked, per=per)), strata.reasons(standard), level)


def gradient_trend(
    table: pd.DataFrame,
    *,
    year: str = "year",
    by: Sequence[str] = (),
    group: str = "group",
    order: Sequence[Any] | None = None,
    standard: str = "world",
    variance: str = "robust",
    events: str = "events",
    person_years: str = "person_years",
    level: float = 0.95,
    per: int = PER,
) -> pd.DataFrame:
    """Return the annual change of the slope and relative index of each stratum, with a test.

    Parameters
    ----------
    year : str
        Column of the year (or of the middle of the period): the same years in every stratum.
    table, by, group, order, standard, variance, events, person_years, level, per
        As for :func:`gradient`.

    Returns
    -------
    DataFrame
        As for :func:`gradient`: ``slope_index_trend``, ``relative_index_trend`` and their ``…_p``.

    Raises
    ------
    InputError
        As for :func:`gradient`, and ``I007`` a single year.

    References
    ----------
    As for :func:`rnc_epi.maths.inequality.gradient_trend`.

    Examples
    --------
    The most deprived third rises by 10 per cent a year, the others do not change: both indices rise.

    >>> years, rise = [2018] * 3 + [2019] * 3 + [2020] * 3, [100, 100, 100, 100, 100, 110, 100, 100, 121]
    >>> table = pd.DataFrame({"year": years, "group": [1, 2, 3] * 3, "age": "0+", "events": rise})
    >>> found = gradient_trend(table.assign(person_years=1e5)).set_index("indicator")["value"]
    >>> bool(found["slope_index_trend"] > 0), bool(found["relative_index_trend"] > 0)
    (True, True)
    """
    keys = [*by, year]
    strata = strata_of_frame(
        table, by=keys, group=group, order=order, events=events, person_years=person_years
    )
    _require_groups_of_every_year(strata)
    years = np.sort(strata.keys[year].unique())
    if len(years) < 2:
        raise InputError("I007", found=len(years))
    if len(strata) % len(years) or not _all_years(strata.keys, by, year, years):
        raise InputError("N005", what=year, n=len(strata) % len(years) or 1)
    ordered = strata.keys.sort_values(keys, kind="stable").index.to_numpy()
    series = ordered.reshape(-1, len(years))
    measured, reasons = trend_measures(
        strata, series, years.astype(float), (standard, variance, level), per=per
    )
    heads = strata.take(series[:, 0])
    answer = _answer(heads, measured, reasons, level)
    answer["events"] = np.tile(strata.total_events[series].sum(axis=1), len(measured))
    return answer.drop(columns=year)


def _require_groups_of_every_year(strata: GroupedStrata) -> None:
    """Refuse a group that some year lacks (N003): ranks, and the gradient, would change for want of a row."""
    there = strata.person_years.sum(axis=1) > 0
    hole = there.any(axis=0) & ~there
    if hole.any():
        row, place = np.argwhere(hole)[0]
        where = ", ".join(f"{name}={value}" for name, value in strata.keys.iloc[int(row)].items())
        raise InputError("N003", where=where, found=strata.labels[int(place)], n=int(hole.sum()))


def _all_years(keys: pd.DataFrame, by: Sequence[str], year: str, years: np.ndarray) -> bool:
    if not by:
        return len(keys) == len(years)
    return bool(keys.groupby(list(by), dropna=False)[year].nunique().eq(len(years)).all())


def late_stage(
    table: pd.DataFrame,
    *,
    by: Sequence[str] = (),
    group: str = "group",
    order: Sequence[Any] | None = None,
    late: str = "late",
    staged: str = "staged",
    level: float = 0.95,
) -> pd.DataFrame:
    """Return the gradient of the share diagnosed at a late stage, among cases of known stage.

    Logistic model with an intercept at each age, robust variance, marginally standardised on the ages of the
    cases of the stratum: the share if all lived at the most, and at the least, deprived end.

    Parameters
    ----------
    table : DataFrame
        One row a stratum, group and age band.
    late, staged : str
        Columns: cases at a late stage, cases of known stage. What is not staged is left out; say how many.
    by, group, order, level
        As for :func:`gradient`.

    Returns
    -------
    DataFrame
        Rows ``late_stage_share`` of each group (comparator: the group), in per cent with Clopper-Pearson
        limits, ``late_stage_slope_index`` (points) and ``late_stage_relative_index``.

    Raises
    ------
    InputError
        As for :func:`gradient`; ``I006`` more late cases than staged ones.

    Examples
    --------
    >>> table = pd.DataFrame({"group": [1, 2, 3], "age": "0+", "late": [10, 20, 30], "staged": 100})
    >>> found = late_stage(table)
    >>> found.loc[found["comparator"].eq("3"), "value"].item()
    30.0
    """
    strata = strata_of_frame(table, by=by, group=group, order=order, events=late, person_years=staged)
    seen, known = strata.events.sum(axis=1), strata.population
    measures = [
        replace(share_of(seen[:, place], known[:, place], level), comparator=label)
        for place, label in enumerate(strata.labels)
    ]
    measures += gradient_of_shares(strata, level)
    reasons = strata.reasons()
    return _answer(strata, measures, reasons, level)


def _answer(
    strata: GroupedStrata, measures: Sequence[Measured], reasons: np.ndarray, level: float
) -> pd.DataFrame:
    """Return measures in long form: the keys of the strata, then what was measured."""
    rows = measured_rows(
        strata.keys.assign(_stratum=np.arange(len(strata))),
        measures,
        reasons,
        events=strata.total_events,
        person_years=strata.total_person_years,
        level=level,
    )
    stated = [
        "indicator", "method", "comparator", "value", "lower", "upper", "se", "interval_method",
        "measure_unit", "per", "standard", "level", "events", "reason",
    ]  # fmt: skip
    return rows[[*strata.keys.columns, *stated]].rename(columns={"measure_unit": "unit"})
