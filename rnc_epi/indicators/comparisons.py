"""Verbs that compare standardised rates: two areas or periods, an area and the others, changes in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rnc_epi.indicators.frames import PER
from rnc_epi.indicators.grouped import Grouped, Table, each_with, grouped
from rnc_epi.indicators.levels import Level, a_row_per_level
from rnc_epi.maths import annual_change as changes
from rnc_epi.maths import compare
from rnc_epi.maths.decomposition import decompose_change
from rnc_epi.maths.multiple import false_discovery_rate
from rnc_epi.maths.standardise import RateEstimate, directly_standardised_rate
from rnc_epi.vocabulary.errors import InputError
from rnc_epi.vocabulary.standards import standard as standard_named

if TYPE_CHECKING:
    from numpy.typing import NDArray


@a_row_per_level
def rate_ratio(
    table: Table,
    *,
    between: str,
    first: object,
    second: object,
    by: Sequence[str] = (),
    standard: str = "world",
    method: str = "log-normal",
    level: Level = 0.95,
) -> pd.DataFrame:
    """Return the standardised rate of one area, sex or period over that of another, by group.

    The two must be independent: never an area and one that contains it.

    Parameters
    ----------
    between : str
        Column that holds both, such as ``"geo_code"`` or ``"period_from"``.
    first, second : values of that column
        The rate of `first` is divided by that of `second`.
    method : {"log-normal", "test-based", "fay-f"}
    table, by, standard, level
        As for :func:`rnc_epi.indicators.asr`.

    Returns
    -------
    DataFrame
        One row a group: the columns of `by`, then ``value, lower, upper`` (a ratio), ``p_value`` (of no
        difference), ``comparator`` (`second`), ``standard, interval_method, level``.

    Raises
    ------
    InputError
        ``M005`` no such value in `between`, unknown method; ``N005`` a group lacks one of the two; else as
        for :func:`rnc_epi.indicators.asr`.

    References
    ----------
    Boyle P, Parkin DM. Statistical methods for registries. IARC Sci Publ 95, 1991,
    chapter 11. Fay MP. Commun Stat Theory Methods 1999;28:2141-2160. doi:10.1080/03610929908832411

    Examples
    --------
    Rates 310 and 200 per 100 000 with one band:

    >>> cells = pd.DataFrame({"area": ["a", "b"], "age": "0+", "events": [310, 200], "person_years": 1e5})
    >>> from rnc_epi.vocabulary.standards import register_standard
    >>> _ = register_standard("one-band", ["0+"], [1])
    >>> found = rate_ratio(cells, between="area", first="a", second="b", standard="one-band")
    >>> found["value"].round(2).tolist()
    [1.55]
    """
    keys, one, other = _two(table, between, first, second, by, standard, PER)
    found = compare.rate_ratio(one, other, method=method, level=level)
    return keys.assign(
        value=found.ratio, lower=found.lower, upper=found.upper, p_value=found.p_value,
        comparator=str(second), standard=standard, interval_method=method, level=level,
    )  # fmt: skip


@a_row_per_level
def rate_difference(
    table: Table,
    *,
    between: str,
    first: object,
    second: object,
    by: Sequence[str] = (),
    standard: str = "world",
    level: Level = 0.95,
    per: int = PER,
) -> pd.DataFrame:
    """Return the standardised rate of one area, sex or period minus that of another, by group.

    Parameters
    ----------
    table, between, first, second, by, standard, level, per
        As for :func:`rate_ratio`: the rate of `first` minus that of `second`, per `per` person-years.

    Returns
    -------
    DataFrame
        One row a group: the columns of `by`, then ``value, lower, upper, se`` (per `per` person-years),
        ``p_value, comparator, standard, interval_method, level, per``.

    Raises
    ------
    InputError
        ``M005``, ``N005`` and the others as for :func:`rate_ratio`.

    References
    ----------
    Normal limits with the sum of the two Poisson variances: Boyle P, Parkin DM. Statistical methods for
    registries. IARC Sci Publ 95, 1991, chapter 11.

    Examples
    --------
    >>> cells = pd.DataFrame({"area": ["a", "b"], "age": "0+", "events": [310, 200], "person_years": 1e5})
    >>> from rnc_epi.vocabulary.standards import register_standard
    >>> _ = register_standard("one-band", ["0+"], [1])
    >>> found = rate_difference(cells, between="area", first="a", second="b", standard="one-band")
    >>> found["value"].round(6).tolist()
    [110.0]
    """
    keys, one, other = _two(table, between, first, second, by, standard, per)
    found = compare.rate_difference(one, other, level=level)
    return keys.assign(
        value=found.difference, lower=found.lower, upper=found.upper, se=found.se, p_value=found.p_value,
        comparator=str(second), standard=standard, interval_method=found.method, level=level, per=per,
    )  # fmt: skip


@a_row_per_level
def area_against_rest(
    table: Table,
    *,
    area: str = "geo_code",
    by: Sequence[str] = (),
    standard: str = "world",
    method: str = "fay-f",
    level: Level = 0.95,
    discovery_rate: float = 0.05,
    per: int = PER,
) -> pd.DataFrame:
    """Return the standardised rate of each area over that of all the others, with false discoveries bounded.

    The areas must be disjoint. All the comparisons of one call are one family.

    Parameters
    ----------
    area : str
        Column of the areas.
    method : {"log-normal", "test-based", "fay-f"}
    discovery_rate : float
        Share of false ones tolerated among the areas said to differ.
    table, by, standard, level, per
        As for :func:`rnc_epi.indicators.asr`.

    Returns
    -------
    DataFrame
        One row a group and area: `by` and `area`, then ``value`` (the ratio), ``lower, upper, p_value,
        adjusted_p_value, differs, area_rate, rest_rate`` (per `per` person-years), ``standard,
        interval_method, level, per``; ``differs`` is False for what does not stand out.

    Raises
    ------
    InputError
        ``N005`` a group lacks an area that another has; ``M010`` a discovery rate outside 0 to 1; else as
        for :func:`rnc_epi.indicators.asr`.

    References
    ----------
    Benjamini Y, Hochberg Y. J R Stat Soc B 1995;57:289-300. doi:10.1111/j.2517-6161.1995.tb02031.x

    Examples
    --------
    >>> cells = pd.DataFrame({"geo_code": list("abc"), "age": "0+", "events": [200, 100, 100]})
    >>> from rnc_epi.vocabulary.standards import register_standard
    >>> _ = register_standard("one-band", ["0+"], [1])
    >>> found = area_against_rest(cells.assign(person_years=1e5), standard="one-band")
    >>> found[["geo_code", "value", "differs"]].round(2).to_numpy().tolist()
    [['a', 2.0, True], ['b', 0.67, True], ['c', 0.67, True]]
    """
    groups, weights = on_standard(grouped(table, with_column(by, area)), standard)
    heads, areas, rows = groups.along(area, by)
    found = compare.area_against_rest(
        groups.events[rows], groups.person_years[rows], weights, method=method,
        level=level, per=per,
    )  # fmt: skip
    p_values = np.asarray(found.ratio.p_value).ravel()
    family = false_discovery_rate(p_values, rate=discovery_rate)
    return each_with(heads, area, areas).assign(
        value=np.ravel(found.ratio.ratio), lower=np.ravel(found.ratio.lower),
        upper=np.ravel(found.ratio.upper), p_value=p_values, adjusted_p_value=family.adjusted,
        differs=family.discovered, area_rate=np.ravel(found.area.rate), rest_rate=np.ravel(found.rest.rate),
        standard=standard, interval_method=method, level=level, per=per,
    )  # fmt: skip


@a_row_per_level
def annual_change(
    table: Table,
    *,
    by: Sequence[str] = (),
    year: str = "period_from",
    family: str = "poisson",
    level: Level = 0.95,
) -> pd.DataFrame:
    """Return the mean annual change of age-specific rates, per cent, one slope for all ages, by group.

    Parameters
    ----------
    table, by, level
        As for :func:`rnc_epi.indicators.asr`; one row a group, year and age band.
    year : str
        Column of single calendar years, or of the middles of periods.
    family : {"poisson", "quasi-poisson", "negative-binomial"}

    Returns
    -------
    DataFrame
        One row a group: the columns of `by`, then ``value, lower, upper`` (per cent a year;
        NaN where no finite slope fits), ``p_value`` (of
        no change), ``dispersion, method`` (the family), ``level``.

    Raises
    ------
    InputError
        ``N005`` a group lacks a year that another has; ``M005`` unknown family; else as for
        :func:`rnc_epi.indicators.asr`.

    References
    ----------
    McCullagh P, Nelder JA. Generalized linear models, 2nd ed. London: Chapman & Hall, 1989, chapter 6.

    Examples
    --------
    >>> cells = pd.DataFrame({"period_from": [2015, 2016, 2017], "age": "0+", "events": [100, 110, 121]})
    >>> float(annual_change(cells.assign(person_years=1e5))["value"].round(2).item())
    10.0
    """
    groups = grouped(table, with_column(by, year))
    heads, years, rows = groups.along(year, by)
    found = changes.annual_change(
        groups.events[rows], groups.person_years[rows], np.array(years, dtype=np.float64), family=family,
        by_age=True, level=level,
    )  # fmt: skip
    return heads.assign(
        value=found.percent, lower=found.lower, upper=found.upper, p_value=found.p_value,
        dispersion=found.dispersion, method=family, level=level,
    )  # fmt: skip


def decomposition(
    table: Table,
    *,
    between: str = "period_from",
    first: object,
    last: object,
    by: Sequence[str] = (),
    years: tuple[float, float] = (1, 1),
    method: str = "sequential",
) -> pd.DataFrame:
    """Return the change in yearly cases and its parts: risk, size of the population, its ageing.

    Parameters
    ----------
    table, by
        As for :func:`rnc_epi.indicators.asr`.
    between : str
        Column of the periods.
    first, last : values of that column
        The change goes from `first` to `last`.
    years : (float, float)
        Years in the first and in the last period.
    method : {"sequential", "symmetric"}
        The first keeps the rates of `first` while the population grows and ages; the second averages over
        the orders of the factors.

    Returns
    -------
    DataFrame
        One row a group: the columns of `by`, then ``first, last, change, risk, size, ageing`` (cases a year;
        the last three add up to ``change``), ``method``.

    Raises
    ------
    InputError
        ``M005`` no such period, unknown method; ``M009`` years not above 0; ``N005`` a group lacks a period;
        else as for :func:`rnc_epi.indicators.asr`.

    References
    ----------
    Das Gupta P. Standardization and decomposition of rates: a user's manual.
    Washington: US Bureau of the Census, 1993 (three factors); the sequential one as Defossez G et al., Santé
    publique France, 2019, vol. 1.

    Examples
    --------
    >>> cells = pd.DataFrame({"period_from": [1990, 2018], "age": "0+", "events": [10, 30]})
    >>> found = decomposition(cells.assign(person_years=[1000, 2000]), first=1990, last=2018)
    >>> found[["change", "risk", "size", "ageing"]].to_numpy().tolist()
    [[20.0, 10.0, 10.0, 0.0]]
    """
    groups = grouped(table, with_column(by, between)).complete()
    heads, one, other = _pair(groups, between, first, last, by)
    found = decompose_change(
        groups.events[one], groups.person_years[one], groups.events[other], groups.person_years[other],
        method=method, first_years=years[0], last_years=years[1],
    )  # fmt: skip
    return heads.assign(
        first=found.first, last=found.last, change=found.change, risk=found.risk, size=found.size,
        ageing=found.ageing, method=method,
    )  # fmt: skip


def with_column(by: Sequence[str], column: str) -> list[str]:
    """Return what tells groups apart, with a column that must be among it, last."""
    return [*(name for name in by if name != column), column]


def on_standard(groups: Grouped, standard: str) -> tuple[Grouped, NDArray[np.float64]]:
    """Return groups on the bands that they share with a standard population, and its weights there."""
    population = standard_named(standard)
    groups = groups.merged(population.shared_bands(groups.bands))
    return groups, population.weights_for(groups.bands)


def _pair(
    groups: Grouped, between: str, first: object, second: object, by: Sequence[str]
) -> tuple[pd.DataFrame, NDArray[np.intp], NDArray[np.intp]]:
    chosen = groups.keys[between].isin([first, second])
    kept = replace(groups, keys=groups.keys[chosen].reset_index(drop=True))
    positions = np.flatnonzero(chosen)
    missing = [str(value) for value in (first, second) if value not in set(kept.keys[between])]
    if missing:
        known = ", ".join(str(value) for value in groups.keys[between].unique())
        raise InputError("M005", what=between, found=missing[0], expected=known)
    heads, values, rows = kept.along(between, by)
    rows = positions[rows]
    return heads, rows[:, values.index(first)], rows[:, values.index(second)]


def _two(
    table: Table, between: str, first: object, second: object, by: Sequence[str], standard: str, per: int
) -> tuple[pd.DataFrame, RateEstimate, RateEstimate]:
    groups, weights = on_standard(grouped(table, with_column(by, between)), standard)
    heads, one, other = _pair(groups, between, first, second, by)
    rates = directly_standardised_rate(groups.events, groups.person_years, weights, per=per)
    return heads, _take(rates, one), _take(rates, other)


def _take(rates: RateEstimate, rows: NDArray[np.intp]) -> RateEstimate:
    per_group: dict[str, Any] = {
        field.name: np.asarray(getattr(rates, field.name))[rows]
        for field in fields(rates)
        if field.name not in ("method", "level", "per")
    }
    return replace(rates, **per_group)
