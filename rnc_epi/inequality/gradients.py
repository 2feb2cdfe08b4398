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
        Several tables, each of its own bands, are one study: years of one are compared with those of another.
    asked : Inequality
        The section of the study file.
    per : int
        Person-years of a rate.
    crossed : Cells or sequence of Cells, optional
        By groups crossed with classes of urbanity (:func:`crossed_with`), for the interaction.

    Returns
    -------
    Gradients

    Raises
    ------
    InputError
        ``I017`` cells that are not by group of deprivation, ``I001`` fewer than three groups.

    Notes
    -----
    Where a study holds both pooled and yearly strata all have their measures; trends take the yearly ones.
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
    """Return the points of the concentration curve of the standardised rates of each stratum."""
    value, _ = usable(strata.rates(standard))
    curve = concentration_curve(value, strata.population)
    points = len(strata.labels) + 1
    table = strata.keys.loc[strata.keys.index.repeat(points)].reset_index(drop=True)
    return table.assign(
        stratum=np.tile(["_", *strata.labels], len(strata)),
        population_share=curve.population_share.ravel(),
        rate_share=curve.value_share.ravel(),
    )
