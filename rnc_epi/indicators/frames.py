"""Rates and ratios as verbs on plain data frames and on cells: one row a group and age band in, a group out.

The frame has ``age_from`` and ``age_until`` (null: open), or ``age`` labels such as ``"0-4"``, ``"85+"``,
and the columns of events and person-years. What a group is, `by` says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rnc_epi.indicators.grouped import Grouped, Table, grouped
from rnc_epi.indicators.levels import Level, a_row_per_level
from rnc_epi.maths import standardise
from rnc_epi.maths.bands import unknown_age_factor
from rnc_epi.maths.reference import expected_events
from rnc_epi.vocabulary.errors import InputError
from rnc_epi.vocabulary.standards import standard as standard_named

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

PER = 100_000
_UNKNOWN_AGE = ("excluded", "redistributed")


@a_row_per_level
def asr(
    table: Table,
    *,
    by: Sequence[str] = (),
    standard: str = "world",
    ages: tuple[int, int | None] | None = None,
    unknown_age: str = "excluded",
    events: str = "events",
    person_years: str = "person_years",
    event_variance: str | ArrayLike | None = None,
    interval_method: str = "fay-feuer",
    level: Level = 0.95,
    per: int = PER,
) -> pd.DataFrame:
    """Return directly standardised rates by group, over all ages or truncated to some.

    Parameters
    ----------
    table : DataFrame or Cells
        One row a group and age band; rows of one are summed. Cells must be told apart by `by`.
    by : sequence of str
        Columns that tell the groups; none for one rate.
    standard : str
        Name of a standard population.
    ages : (age_from, age_until), optional
        Half-open range of a truncated rate, such as ``(35, 65)``; None as the second is open.
    unknown_age : {"excluded", "redistributed"}
        Whether events of unknown age are left out, or shared out like those of known age (Boyle and Parkin
        1991); the answer says which in a column of that name.
    events, person_years : str
        Columns of a frame.
    event_variance : str or (groups, bands) array, optional
        Variance of the counts where one person may bring several events
        (`rnc_epi.maths.bands.repeated_events`): a column of a frame, summed with its rows, or one value a
        group and band. Needs a method that rests on two moments (Dobson, normal, log-normal).
    interval_method : str
        ``fay-feuer, tiwari, mid-p, dobson-garwood, dobson-byar, normal`` or ``log-normal``.
    level : float or sequence of float
        Coverage of the limits; several levels give a row each.
    per : int
        Person-years that a rate is expressed per.

    Returns
    -------
    DataFrame
        One row a group: the columns of `by`, then ``value, lower, upper, se`` (per `per` person-years; NaN
        where a band has no person-years), ``events, person_years, standard, interval_method, level, per,
        unknown_age``.

    Raises
    ------
    InputError
        The table: ``N001`` no ages, ``N002`` a column is missing, ``N003`` a group lacks a band, ``N006``
        cells not told apart, ``N007`` text in the place of numbers, ``N008`` no table; ``V001`` to ``V003``
        its age bands. The standard: ``V014`` unknown, ``V010``, ``V013`` other bands or ages; ``V004``,
        ``V005`` `ages`. The figures: ``M001``, ``M007`` negative or not finite, ``M002`` shapes and levels,
        ``M003`` events without person-years. Options: ``M004`` level, ``M005`` names, ``M009`` `per`,
        ``M014`` `event_variance` with a method that takes none.

    References
    ----------
    Fay MP, Feuer EJ. Stat Med 1997;16:791-801; the other methods, and their equations, at
    :func:`rnc_epi.maths.standardise.directly_standardised_rate`.

    Examples
    --------
    By hand, weights 0.7 and 0.3 below and above 50: 0.7 x 10/10 000 + 0.3 x 40/5 000 = 310 per 100 000.

    >>> from rnc_epi.vocabulary.standards import register_standard
    >>> from rnc_epi.vocabulary.ages import BandSet
    >>> _ = register_standard("two-bands", BandSet.from_starts([0, 50]), [0.7, 0.3])
    >>> cells = pd.DataFrame({"age": ["0-49", "50+"], "events": [10, 40], "person_years": [10_000, 5_000]})
    >>> float(asr(cells, standard="two-bands")["value"].round(1).item())
    310.0
    """
    if unknown_age not in _UNKNOWN_AGE:
        raise InputError("M005", what="unknown_age", found=unknown_age, expected=", ".join(_UNKNOWN_AGE))
    groups = grouped(table, by, events, person_years)
    # Of all ages: a truncated rate is scaled by the same share of events that have no age.
    factor = unknown_age_factor(groups.events.sum(axis=1), groups.unknown_age)
    population = standard_named(standard)
    if ages is not None:
        groups, population = groups.within(*ages), population.truncated(*ages)
    bands = population.shared_bands(groups.bands)
    weights = population.weights_for(bands)
    spread = event_variance
    if isinstance(event_variance, str):
        variances = _variances(table, by, event_variance, person_years)
        spread = (variances if ages is None else variances.within(*ages)).merged(bands).events
    elif spread is not None and bands != groups.bands:
        starts = groups.bands.first_of_each(bands)
        spread = np.add.reduceat(np.asarray(spread, dtype=np.float64), starts, axis=-1)
    groups = groups.merged(bands)
    estimate = standardise.directly_standardised_rate(
        groups.events, groups.person_years, weights, method=interval_method, level=level, per=per,
        event_variance=spread,
    )  # fmt: skip
    if unknown_age == "redistributed":
        estimate = estimate.scaled(factor)
    stated = {"standard": population.name, "interval_method": interval_method, "level": level, "per": per}
    stated["unknown_age"] = unknown_age
    return _answer(groups, estimate.rate, estimate, groups.person_years.sum(axis=1), stated)


@a_row_per_level
def crude_rate(
    table: Table,
    *,
    by: Sequence[str] = (),
    events: str = "events",
    person_years: str = "person_years",
    event_variance: str | ArrayLike | None = None,
    interval_method: str = "garwood",
    level: Level = 0.95,
    per: int = PER,
) -> pd.DataFrame:
    """Return crude rates by group, with Poisson limits.

    Parameters
    ----------
    table, by, events, person_years
        As for :func:`asr`. Cells of which some ages are not covered are left out.
    event_variance : str or (groups,) array, optional
        Variance of the counts, as for `asr`: a column of a frame, summed over the ages and with the events
        of unknown age, or one value a group. Needs a method that rests on two moments, such as
        ``log-normal``.
    interval_method : {"garwood", "mid-p", "byar"}
        Or, with `event_variance`, a method of :func:`asr`.
    level, per
        As for :func:`asr`.

    Returns
    -------
    DataFrame
        One row a group: the columns of `by`, then ``value, lower, upper, se`` (per `per` person-years;
        events of unknown age included, here and in ``events``), ``events, person_years, interval_method,
        level, per``.

    Raises
    ------
    InputError
        ``N001`` to ``N008`` and ``M001`` to ``M014`` as for :func:`asr`.

    References
    ----------
    Garwood F. Biometrika 1936;28:437-442. doi:10.1093/biomet/28.3-4.437

    Examples
    --------
    >>> cells = pd.DataFrame({"sex": [1, 2], "age": "0+", "events": [10, 0], "person_years": 1e5})
    >>> crude_rate(cells, by=["sex"])[["sex", "value", "lower", "upper"]].round(2).to_numpy().tolist()
    [[1.0, 10.0, 4.8, 18.39], [2.0, 0.0, 0.0, 3.69]]
    """
    groups = grouped(table, by, events, person_years).complete()
    total = groups.person_years.sum(axis=1)
    spread = event_variance
    if isinstance(event_variance, str):
        spread = _variances(table, by, event_variance, person_years).all_events
    estimate = standardise.crude_rate(
        groups.all_events, total, method=interval_method, level=level, per=per, event_variance=spread
    )
    stated = {"interval_method": interval_method, "level": level, "per": per}
    return _answer(groups, estimate.rate, estimate, total, stated).assign(events=groups.all_events)


@a_row_per_level
def sir(
    table: Table,
    reference: Table,
    *,
    by: Sequence[str] = (),
    reference_by: Sequence[str] = (),
    events: str = "events",
    person_years: str = "person_years",
    interval_method: str = "garwood",
    level: Level = 0.95,
) -> pd.DataFrame:
    """Return standardised ratios by group against the age-specific rates of a reference frame.

    Parameters
    ----------
    table, by, events, person_years
        As for :func:`asr`.
    reference : DataFrame or Cells
        In the form of `table`, over the same age bands.
    reference_by : sequence of str
        Columns of `by` that the reference is given by too (sex, say): each group meets its own.
    interval_method : {"garwood", "mid-p", "byar"}
    level
        As for :func:`asr`.

    Returns
    -------
    DataFrame
        One row a group: the columns of `by`, then ``value, lower, upper, se`` (a ratio: 1 as in the
        reference; NaN where no event is expected), ``events`` (observed, of known age), ``person_years,
        expected, interval_method, level``.

    Raises
    ------
    InputError
        ``N001`` to ``N003``, ``N006`` to ``N008`` as for :func:`asr`, of either table; ``N004`` a group has
        no reference; ``M002`` other age bands in the reference; ``M001``, ``M003``, ``M007`` impossible
        counts; ``M004``, ``M005`` options.

    References
    ----------
    Breslow NE, Day NE. Statistical methods in cancer research, vol. II. IARC Sci Publ 82, 1987, chapter 2.

    Examples
    --------
    The reference against itself is 1:

    >>> cells = pd.DataFrame({"age": ["0-49", "50+"], "events": [10, 40], "person_years": [10_000, 5_000]})
    >>> float(sir(cells, cells)["value"].item())
    1.0
    """
    unknown = [name for name in reference_by if name not in by]
    if unknown:
        raise InputError("N002", found=", ".join(unknown), expected=", ".join(by))
    groups = grouped(table, by, events, person_years).complete()
    standard = grouped(reference, reference_by, events, person_years)
    if standard.bands != groups.bands:
        raise InputError("M002", what="reference", expected=str(groups.bands), found=str(standard.bands))
    rows = np.zeros(len(groups.keys), dtype=np.intp)
    if reference_by:
        positions = standard.keys.assign(_row=np.arange(len(standard.keys)))
        found = groups.keys[list(reference_by)].merge(positions, on=list(reference_by), how="left")["_row"]
        if found.isna().any():
            raise InputError("N004", found=int(found.isna().sum()), expected=", ".join(reference_by))
        rows = found.to_numpy(dtype=np.intp)
    expected = expected_events(
        groups.person_years, standard.events[rows], standard.person_years[rows]
    ).expected
    observed = groups.events.sum(axis=1)
    estimate = standardise.indirectly_standardised_ratio(
        observed, expected, method=interval_method, level=level
    )
    stated = {"expected": expected, "interval_method": interval_method, "level": level}
    return _answer(groups, estimate.ratio, estimate, groups.person_years.sum(axis=1), stated)


def _variances(table: Table, by: Sequence[str], event_variance: str, person_years: str) -> Grouped:
    """Return the variances of the counts in the place of the counts; cells hold none."""
    if not isinstance(table, pd.DataFrame):
        raise InputError("N002", found=event_variance, expected="(groups, bands)")
    return grouped(table, by, event_variance, person_years)


def _answer(
    groups: Grouped,
    value: object,
    estimate: standardise.RateEstimate | standardise.RatioEstimate,
    person_years: NDArray[np.float64],
    stated: Mapping[str, object],
) -> pd.DataFrame:
    return groups.keys.assign(
        value=value,
        lower=estimate.lower,
        upper=estimate.upper,
        se=estimate.se,
        events=groups.events.sum(axis=1),
        person_years=person_years,
        **stated,
    )
