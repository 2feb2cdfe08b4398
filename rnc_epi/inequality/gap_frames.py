"""What a gap is made of, as verbs on plain data frames: its ages, its sites, for deaths how many fall ill.

Frames are those of :mod:`rnc_epi.inequality.frames`. A gap is the standardised rate of the most deprived
group minus that of the least deprived; contributions add up to it, negative ones included.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnc_epi.inequality.frame_cells import strata_of_frame
from rnc_epi.inequality.strata import PER, GroupedStrata
from rnc_epi.maths import inequality as formulas
from rnc_epi.maths.requirements import require_level
from rnc_epi.vocabulary.errors import InputError


def gap_by_age(
    table: pd.DataFrame,
    *,
    by: Sequence[str] = (),
    group: str = "group",
    order: Sequence[Any] | None = None,
    standard: str = "world",
    events: str = "events",
    person_years: str = "person_years",
    level: float = 0.95,
    per: int = PER,
) -> pd.DataFrame:
    """Return the contribution of each age band to the gap between the extreme groups.

    Parameters
    ----------
    table, by, group, order, standard, events, person_years, level, per
        As for :func:`rnc_epi.inequality.gradient`.

    Returns
    -------
    DataFrame
        The columns of `by`, ``age``, ``value, lower, upper, se`` (per `per` person-years) and ``share`` of
        the gap, null where nobody lives at an age of the standard.

    Raises
    ------
    InputError
        As for :func:`rnc_epi.inequality.gradient`.

    Examples
    --------
    >>> table = pd.DataFrame({"group": [1, 2, 3] * 2, "age": ["0-64"] * 3 + ["65+"] * 3,
    ...     "events": [10, 15, 20, 100, 90, 80], "person_years": 1e5})
    >>> found = gap_by_age(table, standard="world")
    >>> found["age"].tolist(), found["value"].round(2).tolist()
    (['0-64', '65+'], [9.3, -1.4])
    """
    strata = _strata(table, by, group, order, events, person_years, level)
    found = formulas.gap_by_age(strata.events, strata.person_years, strata.weights(standard), level=level)
    bands = [band.label() for band in strata.bands]
    heads = _repeated(strata.keys, len(bands)).assign(age=bands * len(strata))
    return _with_numbers(heads, found.contribution, per, share=np.ravel(found.share))


def gap_by_site(
    table: pd.DataFrame,
    *,
    site: str = "site",
    by: Sequence[str] = (),
    group: str = "group",
    order: Sequence[Any] | None = None,
    standard: str = "world",
    events: str = "events",
    person_years: str = "person_years",
    level: float = 0.95,
    per: int = PER,
) -> pd.DataFrame:
    """Return the contribution of each site to the gap of all of them together.

    Parameters
    ----------
    site : str
        Column of the sites: they must exclude one another, and have the same person-years.
    table, by, group, order, standard, events, person_years, level, per
        As for :func:`gap_by_age`.

    Returns
    -------
    DataFrame
        The columns of `by`, the site, ``value, lower, upper, se`` and ``share`` of the gap.

    Raises
    ------
    InputError
        As for :func:`rnc_epi.inequality.gradient`; ``N005`` a site that some stratum lacks, ``I035`` sites of
        one stratum with other person-years.

    Examples
    --------
    >>> table = pd.DataFrame({"site": ["lung"] * 3 + ["breast"] * 3, "group": [1, 2, 3] * 2, "age": "0+",
    ...     "events": [100, 200, 400, 300, 300, 200], "person_years": 1e5})
    >>> gap_by_site(table)[["site", "value", "share"]].round(3).values.tolist()
    [['breast', -100.0, -0.5], ['lung', 300.0, 1.5]]
    """
    strata = _strata(table, [*by, site], group, order, events, person_years, level)
    rows = _by_last(strata.keys, [*by, site])
    years = strata.person_years[rows]
    if not np.allclose(years, years[:, :1], rtol=1e-9, atol=0.0):
        raise InputError("I035", what=site)
    found = formulas.gap_by_site(strata.events[rows], years[:, 0], strata.weights(standard), level=level)
    heads = strata.keys.iloc[rows.ravel()].reset_index(drop=True)
    return _with_numbers(heads, found.contribution, per, share=np.ravel(found.share))


def gap_in_deaths(
    table: pd.DataFrame,
    *,
    cases: str = "cases",
    deaths: str = "deaths",
    linked: bool = False,
    by: Sequence[str] = (),
    group: str = "group",
    order: Sequence[Any] | None = None,
    standard: str = "world",
    person_years: str = "person_years",
    level: float = 0.95,
    per: int = PER,
) -> pd.DataFrame:
    """Return the gap in mortality between the extreme groups split into incidence and lethality.

    Parameters
    ----------
    cases, deaths : str
        Columns.
    linked : bool
        True where the deaths are those of the cases, followed up; False where they come from certificates of
        the same years: lethality is then the mortality to incidence ratio.
    table, by, group, order, standard, person_years, level, per
        As for :func:`gap_by_age`.

    Returns
    -------
    DataFrame
        The columns of `by`, ``part`` (``incidence``, ``lethality``, ``total``), ``value, lower, upper, se``
        and ``share`` of the gap; null where deaths have no case to come from.

    Raises
    ------
    InputError
        As for :func:`rnc_epi.inequality.gradient`; ``I006`` more deaths than linked cases.

    Examples
    --------
    Twice the cases and the same lethality: all of the gap is incidence.

    >>> table = pd.DataFrame({"group": [1, 2, 3], "age": "0+", "cases": [100, 150, 200],
    ...     "deaths": [50, 75, 100], "person_years": 1e5})
    >>> gap_in_deaths(table)[["part", "value", "share"]].round(6).values.tolist()
    [['incidence', 50.0, 1.0], ['lethality', 0.0, 0.0], ['total', 50.0, 1.0]]
    """
    ill = _strata(table, by, group, order, cases, person_years, level)
    dead = _strata(table, by, group, order, deaths, person_years, level)
    found = formulas.gap_in_deaths(
        ill.events, dead.events, ill.person_years, ill.weights(standard), linked=linked, level=level
    )
    parts = []
    for part in ("incidence", "lethality", "total"):
        estimate = getattr(found, part)
        total = np.asarray(found.total.value)
        share = np.divide(estimate.value, total, out=np.full(total.shape, np.nan), where=total != 0)
        heads = ill.keys.assign(part=part).reset_index(drop=True)
        parts.append(_with_numbers(heads, estimate, per, share=share))
    together = pd.concat(parts, ignore_index=True)
    return together.sort_values(list(by), kind="stable", ignore_index=True) if by else together


def _strata(
    table: pd.DataFrame,
    by: Sequence[str],
    group: str,
    order: Sequence[Any] | None,
    events: str,
    person_years: str,
    level: float,
) -> GroupedStrata:
    require_level(level)
    return strata_of_frame(table, by=by, group=group, order=order, events=events, person_years=person_years)


def _repeated(keys: pd.DataFrame, times: int) -> pd.DataFrame:
    return keys.loc[keys.index.repeat(times)].reset_index(drop=True)


def _by_last(keys: pd.DataFrame, names: Sequence[str]) -> NDArray[np.intp]:
    """Return positions of strata, (strata without the last key, values of the last key)."""
    values = sorted(keys[names[-1]].unique())
    ordered = keys.sort_values(list(names), kind="stable").index.to_numpy()
    whole = len(keys) % len(values) == 0
    if whole and len(names) > 1:
        whole = bool(keys.groupby(list(names[:-1]), dropna=False)[names[-1]].nunique().eq(len(values)).all())
    if not whole:
        raise InputError("N005", what=names[-1], n=len(keys) % len(values) or 1)
    return np.asarray(ordered.reshape(-1, len(values)))


def _with_numbers(
    heads: pd.DataFrame, estimate: Any, per: int, *, share: NDArray[np.float64]
) -> pd.DataFrame:
    numbers = {name: per * np.ravel(getattr(estimate, name)) for name in ("value", "lower", "upper", "se")}
    return heads.assign(**numbers, share=share)
