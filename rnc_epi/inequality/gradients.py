"""From cells by group of deprivation to the result rows of a study: the verb of this room."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rnc_epi.inequality.changes import trends
from rnc_epi.inequality.contributions import contributions_by_age, contributions_by_site, gaps_in_deaths
from rnc_epi.inequality.group_rates import rates_by_group
from rnc_epi.inequality.kept_inside import stacked_rows
from rnc_epi.inequality.measures import measures_of, usable
from rnc_epi.inequality.rows import measured_rows
from rnc_epi.inequality.strata import PER, GroupedStrata, grouped_strata, joined_by_bands, stacked
from rnc_epi.inequality.within_areas import shrunken_relative_indices, urbanity_interaction
from rnc_epi.maths.inequality import concentration_curve
from rnc_epi.vocabulary.ages import common_bands
from rnc_epi.vocabulary.schemas import as_result

if TYPE_CHECKING:
    from rnc_epi.cells.table import Cells
    from rnc_epi.vocabulary.study_inequality import Inequality


@dataclass(frozen=True)
class Gradients:
    """What a table of cells by group gives.

    Parameters
    ----------
    results : DataFrame
        The one result table: rates by group, measures on ``all`` of them.
    curves : DataFrame
        Points of the concentration curve of each stratum: its keys, ``stratum``, ``population_share`` and
        ``rate_share``, cumulated from the least deprived. Internal: they give back rates of groups.
    shrunken : DataFrame
        Relative indices of the areas of a level shrunk towards their common value, where asked. Internal:
        each follows from the counts of all. A release makes its own (:func:`shrunken_of_published`).
    inside : DataFrame
        Trends and contributions that rest on a small count of some year or age, and shares of a gap.
    """

    results: pd.DataFrame
    curves: pd.DataFrame
    shrunken: pd.DataFrame
    inside: pd.DataFrame


def gradients(
    cells: Cells | Sequence[Cells],
    asked: Inequality,
    *,
    per: int = PER,
    crossed: Cells | Sequence[Cells] | None = None,
) -> Gradients:
    """Return the rates of groups of deprivation and every measure of their gradient that is asked.

    Ranks come from the person-years of each stratum over all ages; Q1 is the least deprived, a slope is
    positive and a ratio above one where the most deprived fare worse. Areas without a score are out of the
    measures and have a row of their own.

    Parameters
    ----------
    cells : Cells or sequence of Cells
        Incidence and deaths by group: ``stratum_type`` and ``stratum`` among the columns of their strata.
        Several tables, each of its own bands, are one study: years of one are compared with those of
        another.
    asked : Inequality
        The section [inequality] of the study file.
    per : int
        Person-years of a rate.
    crossed : Cells or sequence of Cells, optional
        By groups crossed with classes of urbanity (:func:`crossed_with`), for the interaction.

    Returns
    -------
    Gradients
        ``results`` in the form of the one result table, and the internal tables beside it.

    Raises
    ------
    InputError
        ``I017`` cells that are not by group of deprivation, ``I001`` fewer than three groups.

    Notes
    -----
    Where a study holds both pooled and yearly strata all have their measures; trends take the yearly ones.

    References
    ----------
    Of each measure, with its equation, in :mod:`rnc_epi.maths.inequality`.

    Examples
    --------
    Rates of 100, 200 and 300 per 100 000:

    >>> from rnc_epi.cells.table import Cells
    >>> from rnc_epi.vocabulary.ages import BandSet
    >>> strata = pd.DataFrame({"event_type": "incidence", "source": "s", "site": "lung", "sex": 1,
    ...     "geo_level": "region", "geo_code": "r", "geo_vintage": "v", "period_from": 2016,
    ...     "period_until": 2021, "stratum_type": "deprivation", "stratum": ["Q1", "Q2", "Q3"]})
    >>> def cells_of(*events):
    ...     people = np.full((3, 1), 1e5)
    ...     return Cells(strata, BandSet.from_starts([0]), np.c_[list(events)], np.zeros(3, int), people)
    >>> from rnc_epi.vocabulary.study_inequality import Inequality
    >>> asked = Inequality(index="fdep", vintage="2015", groups=3, measures=["rate_ratio"])
    >>> found = gradients(cells_of(100, 200, 300), asked).results
    >>> found.loc[found["indicator"].eq("rate_ratio"), ["comparator", "value"]].round(6).values.tolist()
    [['Q2/Q1', 2.0], ['Q3/Q1', 3.0]]
    """
    tables = joined_by_bands([grouped_strata(part, asked.groups) for part in _each(cells)])
    both = [rows for strata in tables for rows in rows_of_strata(strata, asked, per=per)]
    parts, inside = [rows for rows, _ in both], stacked_rows([rows for _, rows in both])
    if asked.gap_in_deaths:
        # Cases and deaths may come with other bands: they are compared on those that both have.
        bands = common_bands([strata.bands for strata in tables])
        parts.append(gaps_in_deaths(stacked([one.merged_to(bands) for one in tables]), asked, per=per))
    if crossed is not None:
        parts += [urbanity_interaction(part, asked) for part in _each(crossed)]
    rows = pd.concat([part for part in parts if len(part)], ignore_index=True)
    curves = [concentration_curves(strata, asked.standard) for strata in tables]
    shrunken = [shrunken_relative_indices(strata, asked) for strata in tables if asked.shrink]
    some = [part for part in shrunken if len(part)]
    return Gradients(
        as_result(rows),
        pd.concat(curves, ignore_index=True),
        as_result(pd.concat(some, ignore_index=True)) if some else pd.DataFrame(),
        as_result(inside) if len(inside) else inside,
    )


def _each(cells: Cells | Sequence[Cells]) -> Sequence[Cells]:
    return cells if isinstance(cells, Sequence) else (cells,)


def rows_of_strata(
    strata: GroupedStrata, asked: Inequality, *, per: int = PER
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """Yield the tables of rows of strata of the same bands, one a question: for the door, and kept inside."""
    nothing = pd.DataFrame()
    yield rates_by_group(strata, asked.standard, level=asked.level, per=per), nothing
    measured = measured_rows(
        strata.keys,
        list(measures_of(strata, asked, per=per)),
        strata.reasons(asked.standard),
        events=strata.total_events,
        person_years=strata.total_person_years,
        level=asked.level,
    )
    yield measured, nothing
    if asked.trend:
        yield trends(strata, asked, per=per)
    if asked.by_age:
        yield contributions_by_age(strata, asked, per=per)
    if asked.by_site:
        yield contributions_by_site(strata, asked, per=per)


def concentration_curves(strata: GroupedStrata, standard: str) -> pd.DataFrame:
    """Return the points of the concentration curve of the standardised rates of each stratum.

    Parameters
    ----------
    strata : GroupedStrata
        From :func:`rnc_epi.inequality.grouped_strata`.
    standard : str
        Name of a standard population.

    Returns
    -------
    DataFrame
        One row a stratum and point: its keys, ``stratum`` (``_`` at the origin, then the groups),
        ``population_share, rate_share``, cumulated from the least deprived, 0 to 1. Internal: the points
        give back the rates of the groups.

    Raises
    ------
    InputError
        ``V014`` unknown standard; those of :func:`rnc_epi.maths.inequality.concentration_curve`.

    References
    ----------
    Kakwani N, Wagstaff A, van Doorslaer E. J Econometrics 1997;77:87-103.
    doi:10.1016/S0304-4076(96)01807-6

    Examples
    --------
    Groups of equal size at rates of 1, 2 and 3 in six:

    >>> from rnc_epi.cells.table import Cells
    >>> from rnc_epi.vocabulary.ages import BandSet
    >>> strata = pd.DataFrame({"event_type": "incidence", "source": "s", "site": "lung", "sex": 1,
    ...     "geo_level": "region", "geo_code": "r", "geo_vintage": "v", "period_from": 2016,
    ...     "period_until": 2021, "stratum_type": "deprivation", "stratum": ["Q1", "Q2", "Q3"]})
    >>> def cells_of(*events):
    ...     people = np.full((3, 1), 1e5)
    ...     return Cells(strata, BandSet.from_starts([0]), np.c_[list(events)], np.zeros(3, int), people)
    >>> curves = concentration_curves(grouped_strata(cells_of(100, 200, 300)), "world")
    >>> curves["rate_share"].round(3).tolist()
    [0.0, 0.167, 0.5, 1.0]
    """
    value, _ = usable(strata.rates(standard))
    curve = concentration_curve(value, strata.population)
    points = len(strata.labels) + 1
    table = strata.keys.loc[strata.keys.index.repeat(points)].reset_index(drop=True)
    return table.assign(
        stratum=np.tile(["_", *strata.labels], len(strata)),
        population_share=curve.population_share.ravel(),
        rate_share=curve.value_share.ravel(),
    )
