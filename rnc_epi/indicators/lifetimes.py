"""Verbs over a life: cumulative rate and risk, potential years of life lost, life table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from rnc_epi.indicators.frames import PER
from rnc_epi.indicators.grouped import Table, grouped
from rnc_epi.indicators.levels import Level, a_row_per_level
from rnc_epi.maths import life_tables, lifetime
from rnc_epi.maths import lifetime_risk as lifetime_risks
from rnc_epi.vocabulary.standards import standard as standard_named


@a_row_per_level
def cumulative_rate(
    table: Table,
    *,
    by: Sequence[str] = (),
    until: int = 75,
    interval_method: str = "fay-feuer",
    level: Level = 0.95,
) -> pd.DataFrame:
    """Return cumulative rates from birth to before `until`, per cent.

    Parameters
    ----------
    table, by, level
        As for :func:`rnc_epi.indicators.asr`; ages from birth.
    until : int
        Age at which the sum stops, where a band starts.
    interval_method : str
        As for :func:`rnc_epi.indicators.asr`.

    Returns
    -------
    DataFrame
        One row a group: the columns of `by`, then ``value, lower, upper, se`` (per cent; may exceed 100),
        ``events, age_from, age_until, interval_method, level, per``.

    Raises
    ------
    InputError
        ``V004``, ``V005`` no band starts at `until`, or not at birth; ``M003`` events without person-years;
        else as for :func:`rnc_epi.indicators.asr`.

    References
    ----------
    Day NE. Cumulative rate and cumulative risk. In: Cancer incidence in five continents, vol. VI. IARC Sci
    Publ 120, 1992, pages 862-864.

    Examples
    --------
    By hand, 15 years at 10/10 000 and 60 at 40/5 000: 1.5 % and 48 %.

    >>> cells = pd.DataFrame({"age": ["0-14", "15-74", "75+"], "events": [10, 40, 9]})
    >>> cells["person_years"] = [10_000, 5_000, 100]
    >>> float(cumulative_rate(cells)["value"].round(2).item())
    49.5
    """
    return _cumulative(table, by, until, interval_method, level, "rate")


@a_row_per_level
def cumulative_risk(
    table: Table,
    *,
    by: Sequence[str] = (),
    until: int = 75,
    interval_method: str = "fay-feuer",
    level: Level = 0.95,
) -> pd.DataFrame:
    """Return risks of the event from birth to before `until`, other deaths aside, per cent.

    Parameters
    ----------
    table, by, until, interval_method, level
        As for :func:`cumulative_rate`.

    Returns
    -------
    DataFrame
        As for :func:`cumulative_rate`; ``value`` lies between 0 and 100 per cent.

    Raises
    ------
    InputError
        ``V004``, ``V005`` and the others as for :func:`cumulative_rate`.

    References
    ----------
    Day 1992, as for :func:`cumulative_rate`: risk = 1 - exp(-rate).

    Examples
    --------
    The cumulative rate is 0.495: 1 - exp(-0.495) = 0.3904.

    >>> cells = pd.DataFrame({"age": ["0-14", "15-74", "75+"], "events": [10, 40, 9]})
    >>> cells["person_years"] = [10_000, 5_000, 100]
    >>> float(cumulative_risk(cells)["value"].round(2).item())
    39.04
    """
    return _cumulative(table, by, until, interval_method, level, "risk")


def _cumulative(
    table: Table, by: Sequence[str], until: int, interval_method: str, level: Level, part: str
) -> pd.DataFrame:
    groups = grouped(table, by).within(0, until)
    found = lifetime.cumulative_rate(
        groups.events, groups.person_years, groups.bands.widths, method=interval_method, level=level
    )
    names = {"value": part, "lower": f"{part}_lower", "upper": f"{part}_upper", "se": f"{part}_se"}
    figures = {name: 100 * np.asarray(getattr(found, source)) for name, source in names.items()}
    return groups.keys.assign(
        **figures, events=found.events, age_from=0, age_until=until, interval_method=interval_method,
        level=level, per=100,
    )  # fmt: skip


@a_row_per_level
def lifetime_risk(
    table: pd.DataFrame,
    *,
    by: Sequence[str] = (),
    until: int | None = None,
    method: str = "amp",
    level: Level = 0.95,
) -> pd.DataFrame:
    """Return risks of diagnosis over a life, or before `until`, other deaths competing, per cent.

    There is no such verb on the cells of an extract: the risk needs the deaths of all causes, and an extract
    counts those of cancers alone. Join the deaths of the civil registry to the frame of the cells; or, in
    their place, the mortality of a life table times the person-years: the limits, which take them for a
    count of that population, are then a little wide.

    Parameters
    ----------
    table : DataFrame
        One row a group and age band: ``events`` (new cases), ``deaths`` (all causes), ``person_years`` and,
        for the method ``amp``, ``cancer_deaths`` (of that cancer).
    by, level
        As for :func:`rnc_epi.indicators.asr`.
    until : int, optional
        Age at which the risk stops, where a band starts; a whole life without it.
    method : {"amp", "current-probability"}
        The first adjusts for multiple primaries (Sasieni 2011); the second counts every tumour.

    Returns
    -------
    DataFrame
        One row a group: the columns of `by`, then ``value, lower, upper, se`` (per cent), ``events,
        age_from, age_until, interval_method, level, method, per``.

    Raises
    ------
    InputError
        ``V004``, ``V005`` no band starts at `until`; ``M012`` more deaths of the cancer than deaths;
        ``M005`` unknown method; else as for :func:`rnc_epi.indicators.asr`.

    References
    ----------
    Sasieni PD, Shelton J, Ormiston-Smith N, Thomson CS, Silcocks PB. Br J Cancer 2011;105:460-465.
    doi:10.1038/bjc.2011.250

    Examples
    --------
    Constant rates of 5 cases, 12 deaths and 3 deaths of the cancer a thousand give 5/14:

    >>> cells = pd.DataFrame({"age": ["0-74", "75+"], "events": 5, "deaths": 12, "cancer_deaths": 3})
    >>> float(lifetime_risk(cells.assign(person_years=1_000))["value"].round(3).item())
    35.714
    """
    cases, deaths = grouped(table, by), grouped(table, by, events="deaths")
    of_cancer = grouped(table, by, events="cancer_deaths") if method == "amp" else None
    if until is not None:
        cases, deaths = cases.within(0, until), deaths.within(0, until)
        of_cancer = None if of_cancer is None else of_cancer.within(0, until)
    found = lifetime_risks.lifetime_risk(
        cases.events, deaths.events, None if of_cancer is None else of_cancer.events, cases.person_years,
        cases.bands.widths, method=method, level=level,
    )  # fmt: skip
    figures = {"value": found.risk, "lower": found.lower, "upper": found.upper, "se": found.se}
    return cases.keys.assign(
        **{name: 100 * np.asarray(values) for name, values in figures.items()},
        events=cases.events.sum(axis=1), age_from=0, age_until=until, interval_method="delta", level=level,
        method=method, per=100,
    )  # fmt: skip


@a_row_per_level
def years_of_life_lost(
    table: Table,
    *,
    by: Sequence[str] = (),
    until: int = 75,
    interval_method: str = "fay-feuer",
    level: Level = 0.95,
) -> pd.DataFrame:
    """Return potential years of life lost before age `until`.

    Parameters
    ----------
    table, by, level
        As for :func:`rnc_epi.indicators.asr`; the events are deaths.
    until : int
        Age before which a death loses years, where a band starts.
    interval_method : str
        As for :func:`rnc_epi.indicators.asr`.

    Returns
    -------
    DataFrame
        One row a group: the columns of `by`, then ``value, lower, upper, se`` (years), ``events`` (deaths
        before `until`), ``age_until, interval_method, level``.

    Raises
    ------
    InputError
        ``M011`` no band starts at `until`; else as for :func:`rnc_epi.indicators.asr`.

    References
    ----------
    Romeder JM, McWhinnie JR. Int J Epidemiol 1977;6:143-151. doi:10.1093/ije/6.2.143

    Examples
    --------
    Two deaths between 60 and 64, 62.5 on average:

    >>> cells = pd.DataFrame({"age": ["0-59", "60-64", "65-74", "75+"], "events": [0, 2, 0, 9]})
    >>> cells["person_years"] = 10_000
    >>> years_of_life_lost(cells)["value"].tolist()
    [25.0]
    """
    groups = grouped(table, by).complete()
    found = lifetime.years_of_life_lost(
        groups.events, groups.age_from, groups.age_until, until=until, method=interval_method, level=level
    )
    return groups.keys.assign(
        value=found.years, lower=found.lower, upper=found.upper, se=found.se, events=found.deaths,
        age_until=until, interval_method=interval_method, level=level,
    )  # fmt: skip


@a_row_per_level
def years_of_life_lost_rate(
    table: Table,
    *,
    by: Sequence[str] = (),
    standard: str | None = None,
    until: int = 75,
    interval_method: str = "fay-feuer",
    level: Level = 0.95,
    per: int = PER,
) -> pd.DataFrame:
    """Return potential years of life lost per person-years before `until`, crude or standardised.

    Parameters
    ----------
    table, by, until, interval_method, level
        As for :func:`years_of_life_lost`.
    standard : str, optional
        Name of a standard population; a crude rate without it.
    per : int
        Person-years that the rate is expressed per.

    Returns
    -------
    DataFrame
        One row a group: the columns of `by`, then ``value, lower, upper, se`` (years lost per `per`
        person-years lived before `until`), ``events`` (deaths), ``standard`` (``_``: crude), ``age_until,
        interval_method, level, per``.

    Raises
    ------
    InputError
        ``M011`` no band starts at `until`; ``V014``, ``V010``, ``V013`` the standard; else as for
        :func:`rnc_epi.indicators.asr`.

    References
    ----------
    Romeder and McWhinnie 1977, as for :func:`years_of_life_lost`.

    Examples
    --------
    By hand, 2 deaths lose 25 years, of 30 000 person-years before 75: 83.33 per 100 000.

    >>> cells = pd.DataFrame({"age": ["0-59", "60-64", "65-74", "75+"], "events": [0, 2, 0, 9]})
    >>> cells["person_years"] = 10_000
    >>> float(years_of_life_lost_rate(cells)["value"].round(2).item())
    83.33
    """
    groups = grouped(table, by)
    weights = None if standard is None else standard_named(standard).weights_for(groups.bands)
    found = lifetime.years_of_life_lost_rate(
        groups.events, groups.person_years, groups.age_from, groups.age_until, weights=weights, until=until,
        method=interval_method, level=level, per=per,
    )  # fmt: skip
    return groups.keys.assign(
        value=found.rate, lower=found.lower, upper=found.upper, se=found.se, events=found.events,
        standard="_" if standard is None else standard, age_until=until, interval_method=interval_method,
        level=level, per=per,
    )  # fmt: skip


@a_row_per_level
def life_table(table: Table, *, by: Sequence[str] = (), level: Level = 0.95) -> pd.DataFrame:
    """Return abridged life tables of deaths from all causes, one row a group and age band.

    Parameters
    ----------
    table, by, level
        As for :func:`rnc_epi.indicators.asr`; the events are deaths of all causes, the last band is open.

    Returns
    -------
    DataFrame
        One row a group and age band: `by`, ``age_from``, ``mortality`` (per person-year),
        ``probability_of_death``, ``survivors`` and ``deaths`` (of those born), ``years_lived``, then
        ``value`` (life expectancy at that age, years), ``lower, upper, se, level``.

    Raises
    ------
    InputError
        ``M003`` deaths without person-years; else as for :func:`rnc_epi.indicators.asr`.

    References
    ----------
    Chiang CL. The life table and its applications. Malabar: Krieger, 1984.

    Examples
    --------
    A constant rate of 2 per cent a year leaves 50 years to live after 1.

    >>> cells = pd.DataFrame({"age": ["0", "1+"], "events": [20, 200], "person_years": [1e3, 1e4]})
    >>> float(life_table(cells)["value"].iloc[1])
    50.0
    """
    groups = grouped(table, by)
    found = life_tables.life_table(groups.events, groups.person_years, groups.age_from, level=level)
    n = len(groups.bands)
    keys = groups.keys.loc[groups.keys.index.repeat(n)].reset_index(drop=True)
    columns = {"mortality": found.mortality, "probability_of_death": found.probability_of_death,
               "survivors": found.survivors, "deaths": found.deaths, "years_lived": found.years_lived,
               "value": found.expectancy, "lower": found.lower, "upper": found.upper,
               "se": found.se}  # fmt: skip
    return keys.assign(
        age_from=np.tile(np.array(groups.bands.starts), len(groups.keys)),
        **{name: np.ravel(values) for name, values in columns.items()},
        level=level,
    )
