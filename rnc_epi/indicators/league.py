"""Verbs on many areas and on results: funnel, ranks, comparative mortality figure, reliability."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from rnc_epi.indicators.comparisons import on_standard, with_column
from rnc_epi.indicators.frames import PER
from rnc_epi.indicators.grouped import Table, each_with, grouped
from rnc_epi.indicators.levels import Level, a_row_per_level
from rnc_epi.maths import basics, compare, multiple
from rnc_epi.maths.funnel import funnel_limits, overdispersion_between_areas
from rnc_epi.maths.reference import internal_expected_events
from rnc_epi.maths.standardise import (
    RateEstimate,
    directly_standardised_rate,
    indirectly_standardised_ratio,
)
from rnc_epi.vocabulary.errors import InputError


def _require(table: pd.DataFrame, *columns: str) -> None:
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise InputError("N002", found=", ".join(missing), expected=", ".join(map(str, table.columns)))


@a_row_per_level
def funnel(
    ratios: pd.DataFrame, *, target: float = 1.0, level: Level = 0.998, method: str = "exact"
) -> pd.DataFrame:
    """Return ratios with the limits of a funnel around `target`, and whether they lie outside.

    Parameters
    ----------
    ratios : DataFrame
        As the verb `sir` returns it: ``value, events, expected``; one row an area.
    target : float
        Ratio around which the funnel stands.
    level : float or sequence of float
        Coverage of the limits; several levels give a row each.
    method : {"exact", "multiplicative", "additive"}
        The last two allow for areas that differ beyond chance, as estimated from the rows.

    Returns
    -------
    DataFrame
        The rows given with ``funnel_lower, funnel_upper, outside, funnel_level, funnel_method``.

    Raises
    ------
    InputError
        ``N002`` a column is missing; ``M001``, ``M007`` negative or not finite; ``M004``, ``M005``, ``M009``
        level, method, target.

    References
    ----------
    Spiegelhalter DJ. Stat Med 2005;24:1185-1202. doi:10.1002/sim.1970

    Examples
    --------
    >>> ratios = pd.DataFrame({"value": [2.0, 1.1], "events": [200, 110], "expected": [100.0, 100.0]})
    >>> funnel(ratios)["outside"].tolist()
    [True, False]
    """
    _require(ratios, "value", "events", "expected")
    expected = ratios["expected"].to_numpy(dtype=np.float64)
    spread = None
    if method != "exact":
        events = ratios["events"].to_numpy(dtype=np.float64)
        spread = overdispersion_between_areas(events, expected, target=target)
    found = funnel_limits(expected, target=target, level=level, method=method, overdispersion=spread)
    value = ratios["value"].to_numpy(dtype=np.float64)
    outside = (value < np.asarray(found.lower)) | (value > np.asarray(found.upper))
    return ratios.assign(
        funnel_lower=found.lower, funnel_upper=found.upper, outside=outside, funnel_level=level,
        funnel_method=method,
    )  # fmt: skip


@a_row_per_level
def internal_sir(
    table: Table,
    *,
    area: str = "geo_code",
    by: Sequence[str] = (),
    with_own_area: bool = True,
    interval_method: str = "garwood",
    level: Level = 0.95,
) -> pd.DataFrame:
    """Return standardised ratios of areas against all of them together, with or without the area itself.

    Parameters
    ----------
    area : str
        Column of the areas, disjoint.
    with_own_area : bool
        Whether the reference rates of an area contain its own events and person-years.
    interval_method : {"garwood", "mid-p", "byar"}
    table, by, level
        As for :func:`rnc_epi.indicators.asr`.

    Returns
    -------
    DataFrame
        One row a group and area: `by` and `area`, then ``value, lower, upper, se`` (a ratio), ``events``
        (observed), ``expected, interval_method, level``.

    Raises
    ------
    InputError
        ``N005`` a group lacks an area that another has; else as for :func:`rnc_epi.indicators.sir`.

    References
    ----------
    Breslow NE, Day NE. Statistical methods in cancer research, vol. II. IARC Sci Publ 82, 1987, chapter 2.

    Examples
    --------
    The area ``a`` at the rate of ``b``, 9 per 300: 3 expected of 100 person-years, 1 observed.

    >>> cells = pd.DataFrame({"geo_code": ["a", "b"], "age": "0+", "events": [1, 9]})
    >>> cells["person_years"] = [100, 300]
    >>> internal_sir(cells, with_own_area=False)[["expected", "value"]].round(2).to_numpy().tolist()
    [[3.0, 0.33], [3.0, 3.0]]
    """
    groups = grouped(table, with_column(by, area))
    heads, areas, rows = groups.along(area, by)
    events, person_years = groups.events[rows], groups.person_years[rows]
    expected = internal_expected_events(events, person_years, with_own_area=with_own_area).expected
    found = indirectly_standardised_ratio(events.sum(axis=-1), expected, method=interval_method, level=level)
    return each_with(heads, area, areas).assign(
        value=np.ravel(found.ratio), lower=np.ravel(found.lower), upper=np.ravel(found.upper),
        se=np.ravel(found.se), events=np.ravel(events.sum(axis=-1)), expected=np.ravel(expected),
        interval_method=interval_method, level=level,
    )  # fmt: skip


@a_row_per_level
def ranks(
    table: Table,
    *,
    area: str = "geo_code",
    by: Sequence[str] = (),
    standard: str = "world",
    level: Level = 0.95,
    draws: int = 4000,
    seed: int = 0,
    per: int = PER,
) -> pd.DataFrame:
    """Return standardised rates of areas with their rank, 1 the highest, and the limits of that rank.

    Parameters
    ----------
    area : str
        Column of the areas.
    draws, seed : int
        Number of draws of the rates, and the seed of their random numbers.
    table, by, standard, level, per
        As for :func:`rnc_epi.indicators.asr`.

    Returns
    -------
    DataFrame
        One row a group and area: `by` and `area`, then ``value`` (the rate, per `per` person-years), ``rank,
        rank_lower, rank_upper, expected_rank, standard, level, per``.

    Raises
    ------
    InputError
        ``N005`` a group lacks an area that another has; else as for :func:`rnc_epi.indicators.asr`.

    References
    ----------
    Goldstein H, Spiegelhalter DJ. J R Stat Soc A 1996;159:385-443. doi:10.2307/2983325

    Examples
    --------
    >>> from rnc_epi.vocabulary.standards import register_standard
    >>> _ = register_standard("one-band-of-ranks", ["0+"], [1])
    >>> cells = pd.DataFrame({"geo_code": list("abc"), "age": "0+", "events": [400, 100, 90]})
    >>> found = ranks(cells.assign(person_years=1e5), standard="one-band-of-ranks")
    >>> found[["geo_code", "rank", "rank_lower", "rank_upper"]].to_numpy().tolist()
    [['a', 1.0, 1.0, 1.0], ['b', 2.0, 2.0, 3.0], ['c', 3.0, 2.0, 3.0]]
    """
    groups, weights = on_standard(grouped(table, with_column(by, area)), standard)
    heads, areas, rows = groups.along(area, by)
    rates: RateEstimate = directly_standardised_rate(
        groups.events[rows],
        groups.person_years[rows],
        weights,
        level=level,
        per=per,
    )
    found = multiple.ranks_with_uncertainty(rates, seed=seed, draws=draws, level=level)
    return each_with(heads, area, areas).assign(
        value=np.ravel(rates.rate), rank=np.ravel(found.rank), rank_lower=np.ravel(found.lower),
        rank_upper=np.ravel(found.upper), expected_rank=np.ravel(found.expected), standard=standard,
        level=level, per=per,
    )  # fmt: skip


@a_row_per_level
def comparative_mortality_figure(
    table: Table,
    reference: Table,
    *,
    by: Sequence[str] = (),
    interval_method: str = "fay-feuer",
    level: Level = 0.95,
) -> pd.DataFrame:
    """Return rates standardised to a reference population over the crude rate of that population.

    Parameters
    ----------
    reference : DataFrame or Cells
        One group, over the same age bands.
    table, by, interval_method, level
        As for :func:`rnc_epi.indicators.asr`.

    Returns
    -------
    DataFrame
        One row a group: the columns of `by`, then ``value, lower, upper, se`` (a ratio: 1 as in the
        reference), ``events, interval_method, level``.

    Raises
    ------
    InputError
        ``M002`` the reference has other bands or more than one group; else as for
        :func:`rnc_epi.indicators.asr`.

    References
    ----------
    Breslow NE, Day NE. Statistical methods in cancer research, vol. II. IARC Sci Publ 82, 1987, chapter 2.

    Examples
    --------
    The reference against itself is 1:

    >>> cells = pd.DataFrame({"age": ["0-49", "50+"], "events": [10, 40], "person_years": [10_000, 5_000]})
    >>> float(comparative_mortality_figure(cells, cells)["value"].round(9).item())
    1.0
    """
    groups, standard = grouped(table, by), grouped(reference, ())
    if standard.bands != groups.bands or len(standard.keys) != 1:
        expected = f"{groups.bands}, 1 group"
        raise InputError(
            "M002", what="reference", expected=expected, found=f"{standard.bands}, {len(standard.keys)}"
        )
    weights = standard.person_years[0]
    rates = directly_standardised_rate(
        groups.events, groups.person_years, weights, method=interval_method, level=level, per=PER
    )
    crude = PER * float(standard.events.sum()) / float(weights.sum())
    found = compare.comparative_mortality_figure(rates, crude)
    return groups.keys.assign(
        value=found.ratio, lower=found.lower, upper=found.upper, se=found.se,
        events=groups.events.sum(axis=1), interval_method=interval_method, level=level,
    )  # fmt: skip


def reliability(results: pd.DataFrame, *, least_events: float = 10, most_rse: float = 30) -> pd.DataFrame:
    """Return results with their relative standard error, 100 se / value, and whether they are reliable.

    Reliability is not secrecy: a figure that may be published can be too uncertain to be read.

    Parameters
    ----------
    results : DataFrame
        ``value, se, events``, as every verb returns them.
    least_events : float
        Events from which a result may be reliable.
    most_rse : float
        Greatest relative standard error of a reliable result, per cent.

    Returns
    -------
    DataFrame
        The rows given with ``rse`` (per cent) and ``reliable``.

    Raises
    ------
    InputError
        ``N002`` a column is missing; ``M001``, ``M007`` negative or infinite figures.

    Examples
    --------
    >>> results = pd.DataFrame({"events": [8, 16], "value": [80.0, 160.0], "se": [28.3, 40.0]})
    >>> reliability(results)[["rse", "reliable"]].round(1).to_numpy().tolist()
    [[35.4, False], [25.0, True]]
    """
    _require(results, "value", "se", "events")
    columns = (
        results[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in ("events", "value", "se")
    )
    found = basics.reliability(*columns, least_events=least_events, most_rse=most_rse)
    return results.assign(rse=found.rse, reliable=found.reliable)
