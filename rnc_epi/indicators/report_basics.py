"""The first figures of an annual report as verbs: mean cases, median age, sex ratio, shares, stage.

Cells of which some ages are not covered are left out: their totals would be partial.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from rnc_epi.indicators.frames import PER, asr
from rnc_epi.indicators.grouped import Table, grouped
from rnc_epi.indicators.levels import Level, a_row_per_level
from rnc_epi.maths import basics
from rnc_epi.maths.intervals import wilson_interval
from rnc_epi.vocabulary.errors import InputError

#: Word for a stage that the registry does not know; a null is one too.
UNKNOWN_STAGE = "unknown"


@a_row_per_level
def mean_annual_events(
    table: Table, *, years: float, by: Sequence[str] = (), level: Level = 0.95
) -> pd.DataFrame:
    """Return the mean number of events a year over a period of `years`, unknown age included.

    Parameters
    ----------
    table, by, level
        As for :func:`rnc_epi.indicators.asr`.
    years : float
        Length of the period, years.

    Returns
    -------
    DataFrame
        One row a group: the columns of `by`, then ``value, lower, upper, se`` (events a year), ``events``
        (of the period), ``interval_method, level``.

    Raises
    ------
    InputError
        ``M009`` years not above 0; ``N001`` to ``N008`` and the others as for
        :func:`rnc_epi.indicators.asr`.

    References
    ----------
    Garwood F. Biometrika 1936;28:437-442. doi:10.1093/biomet/28.3-4.437

    Examples
    --------
    25 events in 5 years; the exact limits of 25 are 16.2 and 36.9:

    >>> cells = pd.DataFrame({"age": "0+", "events": [25], "person_years": 1e5})
    >>> mean_annual_events(cells, years=5)[["value", "lower", "upper"]].round(1).to_numpy().tolist()
    [[5.0, 3.2, 7.4]]
    """
    groups = grouped(table, by).complete()
    found = basics.mean_annual_events(groups.all_events, years, level=level)
    return groups.keys.assign(
        value=found.rate, lower=found.lower, upper=found.upper, se=found.se, events=groups.all_events,
        interval_method=found.method, level=level,
    )  # fmt: skip


@a_row_per_level
def median_age(table: Table, *, by: Sequence[str] = (), level: Level = 0.95) -> pd.DataFrame:
    """Return the median age of the events of known age; null where it falls in the open band.

    Parameters
    ----------
    table, by, level
        As for :func:`rnc_epi.indicators.asr`.

    Returns
    -------
    DataFrame
        The columns of `by`, then ``value, lower, upper`` (years), ``events``, ``interval_method, level``.

    Raises
    ------
    InputError
        ``N001`` to ``N008`` and the others as for :func:`rnc_epi.indicators.asr`.

    References
    ----------
    Woodruff RS. J Am Stat Assoc 1952;47:635-646. doi:10.1080/01621459.1952.10483443

    Examples
    --------
    40 of 100 are below 60, and 10 of the next 30 lack to the half: 60 + 10 x 10/30.

    >>> cells = pd.DataFrame({"age": ["0-49", "50-59", "60-69", "70+"], "events": [0, 40, 30, 30]})
    >>> median_age(cells.assign(person_years=1e4))["value"].round(1).tolist()
    [63.3]
    """
    groups = grouped(table, by).complete()
    found = basics.median_age(groups.events, groups.age_from, level=level)
    return groups.keys.assign(
        value=found.median, lower=found.lower, upper=found.upper, events=found.events,
        interval_method="woodruff", level=level,
    )  # fmt: skip


@a_row_per_level
def sex_ratio(table: Table, *, by: Sequence[str] = (), sex: str = "sex", level: Level = 0.95) -> pd.DataFrame:
    """Return events of men (1) over events of women (2), unknown age included.

    Parameters
    ----------
    table, by, level
        As for :func:`rnc_epi.indicators.asr`.
    sex : str
        Column of the sex, 1 men and 2 women.

    Returns
    -------
    DataFrame
        One row a group: the columns of `by` but `sex`, then ``value, lower, upper`` (a ratio; NaN without
        women), ``men, women`` (events), ``interval_method, level``.

    Raises
    ------
    InputError
        ``N004`` no sex, ``N005`` a group lacks one; else as for :func:`rnc_epi.indicators.asr`.

    References
    ----------
    Przyborowski J, Wilenski H. Biometrika 1940;31:313-323. doi:10.1093/biomet/31.3-4.313

    Examples
    --------
    >>> cells = pd.DataFrame({"sex": [1, 2], "age": "0+", "events": [60, 40], "person_years": 1e5})
    >>> sex_ratio(cells)["value"].tolist()
    [1.5]
    """
    groups = grouped(table, [*(name for name in by if name != sex), sex]).complete()
    heads, values, rows = groups.along(sex, by)
    missing = [code for code in (1, 2) if code not in values]
    if missing:
        raise InputError("N004", found=len(heads), expected=f"{sex}={missing[0]}")
    men, women = (groups.all_events[rows[:, values.index(code)]] for code in (1, 2))
    found = basics.sex_ratio(men, women, level=level)
    return heads.assign(
        value=found.ratio, lower=found.lower, upper=found.upper, men=men, women=women,
        interval_method=found.method, level=level,
    )  # fmt: skip


@a_row_per_level
def share_aged(
    table: Table, *, age_from: int, age_until: int | None = None, by: Sequence[str] = (), level: Level = 0.95
) -> pd.DataFrame:
    """Return the share of events at some ages (65 and over, say) among those of known age, per cent.

    Parameters
    ----------
    table, by, level
        As for :func:`rnc_epi.indicators.asr`.
    age_from, age_until : int
        Half-open range of ages; None as the second is open.

    Returns
    -------
    DataFrame
        One row a group: the columns of `by`, then ``value, lower, upper, se`` (per cent; NaN without
        events), ``events`` (at these ages), ``whole`` (of known age), ``interval_method, level, age_from,
        age_until``.

    Raises
    ------
    InputError
        ``V004``, ``V005`` a band would have to be split; else as for :func:`rnc_epi.indicators.asr`.

    References
    ----------
    Wilson EB. J Am Stat Assoc 1927;22:209-212. doi:10.1080/01621459.1927.10502953

    Examples
    --------
    >>> cells = pd.DataFrame({"age": ["0-64", "65+"], "events": [25, 75], "person_years": 1e5})
    >>> share_aged(cells, age_from=65)["value"].tolist()
    [75.0]
    """
    groups = grouped(table, by).complete()
    part, whole = groups.within(age_from, age_until).events.sum(axis=1), groups.events.sum(axis=1)
    return _shares(groups.keys, part, whole, level).assign(age_from=age_from, age_until=age_until)


@a_row_per_level
def mortality_incidence_ratio(
    deaths: Table, cases: Table, *, by: Sequence[str] = (), level: Level = 0.95
) -> pd.DataFrame:
    """Return deaths over new cases of the same groups.

    A rough sign of lethality and of completeness, not a risk of dying: the deaths are those of persons
    diagnosed in earlier years, and causes of death are certified, not registered. It may exceed 1.

    Parameters
    ----------
    deaths, cases : DataFrame or Cells
        One row a group and age band; the events of the first are deaths, of the second new cases.
    by, level
        As for :func:`rnc_epi.indicators.asr`.

    Returns
    -------
    DataFrame
        One row a group: the columns of `by`, then ``value, lower, upper`` (a ratio; NaN without cases),
        ``deaths, cases, interval_method, level``.

    Raises
    ------
    InputError
        ``N004`` groups without a counterpart; else as for :func:`rnc_epi.indicators.asr`.

    References
    ----------
    Przyborowski J, Wilenski H. Biometrika 1940;31:313-323. doi:10.1093/biomet/31.3-4.313

    Examples
    --------
    >>> cases = pd.DataFrame({"sex": [1, 2], "age": "0+", "events": [100, 50], "person_years": 1e5})
    >>> mortality_incidence_ratio(cases.assign(events=[45, 10]), cases, by=["sex"])["value"].tolist()
    [0.45, 0.2]
    """
    above, below = grouped(deaths, by).complete(), grouped(cases, by).complete()
    keys = list(above.keys.columns)
    rows = np.zeros(len(above.keys), dtype=np.intp)
    if keys:
        places = below.keys.assign(_row=np.arange(len(below.keys)))
        found = above.keys.merge(places, on=keys, how="left")["_row"]
        if found.isna().any():
            raise InputError("N004", found=int(found.isna().sum()), expected=", ".join(keys))
        rows = found.to_numpy(dtype=np.intp)
    ratio = basics.mortality_incidence_ratio(above.all_events, below.all_events[rows], level=level)
    return above.keys.assign(
        value=ratio.ratio, lower=ratio.lower, upper=ratio.upper, deaths=above.all_events,
        cases=below.all_events[rows], interval_method=ratio.method, level=level,
    )  # fmt: skip


@a_row_per_level
def stage_distribution(
    table: pd.DataFrame,
    *,
    by: Sequence[str] = (),
    stage: str = "stage",
    events: str = "events",
    level: Level = 0.95,
) -> pd.DataFrame:
    """Return the share of each stage at diagnosis, per cent.

    Shares of known stages are among known stages; the share of the unknown is among all cases. A stage that
    a group does not have is a zero there.

    Parameters
    ----------
    table : DataFrame
        Cases, one row a group and stage; rows of one are summed. A null stage is an unknown one.
    by : sequence of str
        Columns that tell the groups.
    stage, events : str
        Columns.
    level : float or sequence of float
        Coverage of the limits; several levels give a row each.

    Returns
    -------
    DataFrame
        One row a group and stage: the columns of `by` and `stage`, then ``value, lower, upper, se`` (per
        cent), ``events, whole, interval_method, level``.

    Raises
    ------
    InputError
        ``N002`` a column is missing; ``M001``, ``M007`` negative or not finite; ``M004`` level.

    References
    ----------
    Wilson EB. J Am Stat Assoc 1927;22:209-212. doi:10.1080/01621459.1927.10502953

    Examples
    --------
    >>> cases = pd.DataFrame({"stage": ["I", "II", None], "events": [30, 10, 10]})
    >>> stage_distribution(cases)[["stage", "value"]].to_numpy().tolist()
    [['I', 75.0], ['II', 25.0], ['unknown', 20.0]]
    """
    missing = [name for name in (*by, stage, events) if name not in table.columns]
    if missing:
        raise InputError("N002", found=", ".join(missing), expected=", ".join(map(str, table.columns)))
    known = table.assign(**{stage: table[stage].fillna(UNKNOWN_STAGE)})
    stages = [*sorted({*known[stage]} - {UNKNOWN_STAGE}), UNKNOWN_STAGE]
    counts = _by_stage(known, by, stage, events, stages)
    total = counts.to_numpy(dtype=np.float64)
    staged = total[:, :-1].sum(axis=1)
    keys = counts.index.to_frame(index=False)[list(by)]
    parts = [
        _shares(keys, total[:, column], total.sum(axis=1) if name == UNKNOWN_STAGE else staged, level).assign(
            **{stage: name}
        )
        for column, name in enumerate(stages)
    ]
    found = pd.concat(parts, ignore_index=True)
    order = [*by, stage, *(name for name in found.columns if name not in (*by, stage))]
    return found[order].sort_values([*by], kind="stable", ignore_index=True) if by else found[order]


def _by_stage(
    table: pd.DataFrame, by: Sequence[str], stage: str, events: str, stages: list[str]
) -> pd.DataFrame:
    counts = table.assign(_all=0).pivot_table(
        index=["_all", *by], columns=stage, values=events, aggfunc="sum", fill_value=0, observed=True
    )
    return counts.reindex(columns=stages, fill_value=0)


@a_row_per_level
def incidence_by_stage(
    cases: pd.DataFrame,
    population: pd.DataFrame,
    *,
    by: Sequence[str] = (),
    stage: str = "stage",
    standard: str = "world",
    level: Level = 0.95,
    per: int = PER,
) -> pd.DataFrame:
    """Return standardised incidence by stage at diagnosis, unknown stage apart; stages add up to the whole.

    Parameters
    ----------
    cases : DataFrame
        Events by group, stage and age band; a row that is missing is a zero.
    population : DataFrame
        Person-years by group and age band: they say which groups and bands there are.
    stage : str
        Column of the stage; a null is an unknown one.
    by, standard, level, per
        As for :func:`rnc_epi.indicators.asr`.

    Returns
    -------
    DataFrame
        One row a group and stage, with the columns of :func:`rnc_epi.indicators.asr`.

    Raises
    ------
    InputError
        ``N004`` cases of a group or band that the population lacks; ``N002`` a column is missing; else as
        for :func:`rnc_epi.indicators.asr`.

    References
    ----------
    Fay MP, Feuer EJ. Stat Med 1997;16:791-801.

    Examples
    --------
    >>> cases = pd.DataFrame({"stage": ["I", None], "age": "0+", "events": [30, 10]})
    >>> people = pd.DataFrame({"age": ["0+"], "person_years": [1e5]})
    >>> from rnc_epi.vocabulary.standards import register_standard
    >>> _ = register_standard("one-band", ["0+"], [1])
    >>> found = incidence_by_stage(cases, people, standard="one-band")
    >>> found[["stage", "value"]].round(6).to_numpy().tolist()
    [['I', 30.0], ['unknown', 10.0]]
    """
    ages = [name for name in ("age", "age_from", "age_until") if name in population.columns]
    needed = {
        "cases": ([*by, stage, *ages, "events"], cases),
        "population": ([*by, *ages, "person_years"], population),
    }
    for wanted, table in needed.values():
        missing = [name for name in wanted if name not in table.columns]
        if missing:
            raise InputError("N002", found=", ".join(missing), expected=", ".join(map(str, table.columns)))
    known = cases.assign(**{stage: cases[stage].fillna(UNKNOWN_STAGE)})
    stages = pd.DataFrame({stage: sorted(known[stage].unique())})
    keys = [*by, *ages, stage]
    counts = known.groupby(keys, observed=True, dropna=False)["events"].sum().reset_index()
    grid = population[[*by, *ages, "person_years"]].merge(stages, how="cross")
    table = grid.merge(counts, on=keys, how="left")
    placed = counts.merge(grid[keys].drop_duplicates(), on=keys, how="left", indicator=True)["_merge"]
    if (placed == "left_only").any():
        lost = int((placed == "left_only").sum())
        raise InputError("N004", found=lost, expected=", ".join([*by, *ages]))
    table["events"] = table["events"].fillna(0)
    return asr(table, by=[*by, stage], standard=standard, level=level, per=per)


def _shares(keys: pd.DataFrame, part: np.ndarray, whole: np.ndarray, level: Level) -> pd.DataFrame:
    """Return shares per cent with Wilson limits; null where the whole is 0."""
    found = wilson_interval(part, whole, level=level)
    return keys.assign(
        value=100 * found.share, lower=100 * found.lower, upper=100 * found.upper, events=part, whole=whole,
        interval_method="wilson", level=level,
    )  # fmt: skip
