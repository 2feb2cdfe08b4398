"""From cells by group of deprivation to the result rows of a study: the verb of this room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rnc_epi.inequality.changes import trends
from rnc_epi.inequality.contributions import contributions_by_age, contributions_by_site, gaps_in_deaths
from rnc_epi.inequality.group_rates import rates_by_group
from rnc_epi.inequality.measures import measures_of, usable
from rnc_epi.inequality.rows import measured_rows
from rnc_epi.inequality.strata import PER, GroupedStrata, grouped_strata
from rnc_epi.inequality.within_areas import shrunken_relative_indices, urbanity_interaction
from rnc_epi.maths.inequality import concentration_curve
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
    """

    results: pd.DataFrame
    curves: pd.DataFrame


def gradients(cells: Cells, asked: Inequality, *, per: int = PER, crossed: Cells | None = None) -> Gradients:
    """Return the rates of groups of deprivation and every measure of their gradient that is asked.

    Ranks come from the person-years of each stratum over all ages; Q1 is the least deprived, a slope is
    positive and a ratio above one where the most deprived fare worse. Areas without a score are out of the
    measures and have a row of their own.

    Parameters
    ----------
    cells : Cells
        Incidence and deaths by group: ``stratum_type`` and ``stratum`` among the columns of their strata.
    asked : Inequality
        The section of the study file.
    per : int
        Person-years of a rate.
    crossed : Cells, optional
        By groups crossed with classes of urbanity, for the interaction.

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
    strata = grouped_strata(cells, asked.groups)
    parts = [rates_by_group(strata, asked.standard, level=asked.level, per=per)]
    parts.append(
        measured_rows(
            strata.keys,
            list(measures_of(strata, asked, per=per)),
            strata.reasons(asked.standard),
            events=strata.total_events,
            person_years=strata.total_person_years,
            level=asked.level,
        )
    )
    if asked.trend:
        parts.append(trends(strata, asked, per=per))
    if asked.by_age:
        parts.append(contributions_by_age(strata, asked, per=per))
    if asked.by_site:
        parts.append(contributions_by_site(strata, asked, per=per))
    if asked.gap_in_deaths:
        parts.append(gaps_in_deaths(strata, asked, per=per))
    if asked.shrink:
        parts.append(shrunken_relative_indices(strata, asked))
    if crossed is not None:
        parts.append(urbanity_interaction(crossed, asked))
    rows = pd.concat([part for part in parts if len(part)], ignore_index=True)
    return Gradients(as_result(rows), concentration_curves(strata, asked.standard))


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
