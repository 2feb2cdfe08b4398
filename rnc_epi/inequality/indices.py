"""Deprivation indices from tables of areas: frames in, scores in the form of the contract out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rnc_epi.maths.inequality import (
    EDI_FRANCE_2012,
    FDEP_DIRECTIONS,
    first_component_index,
    weighted_sum_index,
)
from rnc_epi.vocabulary.deprivation import MORE_DEPRIVED
from rnc_epi.vocabulary.errors import InputError

if TYPE_CHECKING:
    from rnc_epi.maths.inequality import DeprivationIndex

AREA = ["geo_level", "geo_code", "geo_vintage"]


def fdep_scores(
    areas: pd.DataFrame,
    *,
    vintage: str,
    columns: Mapping[str, str] | None = None,
    population: str = "population",
) -> tuple[pd.DataFrame, DeprivationIndex]:
    """Return an index made like FDep: the first component of four variables, areas weighted by population.

    Parameters
    ----------
    areas : DataFrame
        ``geo_level, geo_code, geo_vintage``, the population, and the variables ``median_income``,
        ``baccalaureate``, ``blue_collar``, ``unemployment`` (any unit; missing: no score).
    vintage : str
        Year of the variables, for the scores.
    columns : mapping, optional
        Column of the frame by name of variable, where it is called otherwise.
    population : str
        Column of the population.

    Returns
    -------
    scores : DataFrame
        ``index, vintage, geo_level, geo_code, geo_vintage, score, higher_is``, as the contract has them.
    made : DeprivationIndex
        Coefficients, means, deviations, share of the variance explained, areas without a score.

    Raises
    ------
    InputError
        ``I018`` a variable is missing, ``I019`` an area twice, ``I003`` a variable against its direction.

    References
    ----------
    Rey G, Jougla E, Fouillet A, Hémon D. BMC Public Health 2009;9:33. doi:10.1186/1471-2458-9-33

    Examples
    --------
    >>> areas = pd.DataFrame({"geo_level": "commune", "geo_code": ["a", "b", "c", "d"], "geo_vintage": "v",
    ...     "population": 100, "median_income": [30, 20, 10, 24], "baccalaureate": [60, 40, 20, 48],
    ...     "blue_collar": [10, 20, 35, 18], "unemployment": [5, 9, 14, 7]})
    >>> scores, made = fdep_scores(areas, vintage="2015")
    >>> scores.sort_values("score")["geo_code"].tolist(), made.explained > 0.9
    (['a', 'd', 'b', 'c'], True)
    """
    names = _columns(areas, tuple(FDEP_DIRECTIONS), columns, population)
    made = first_component_index(
        areas[names].to_numpy(dtype=np.float64),
        areas[population].to_numpy(dtype=np.float64),
        list(FDEP_DIRECTIONS.values()),
    )
    return _scores(areas, made, "fdep", vintage), made


def edi_scores(
    areas: pd.DataFrame,
    *,
    vintage: str,
    columns: Mapping[str, str] | None = None,
    coefficients: Mapping[str, float] = EDI_FRANCE_2012,
    population: str = "population",
) -> tuple[pd.DataFrame, DeprivationIndex]:
    """Return an index made like the European one: standardised proportions times published coefficients.

    Parameters
    ----------
    areas : DataFrame
        ``geo_level, geo_code, geo_vintage``, the population, and a proportion between 0 and 1 by variable of
        `coefficients` (see ``rnc_epi.maths.inequality.EDI_FRANCE_2012``).
    vintage, columns, population
        As for :func:`fdep_scores`.
    coefficients : mapping
        Weight of each standardised proportion.

    Returns
    -------
    scores, made
        As for :func:`fdep_scores`.

    Raises
    ------
    InputError
        ``I018``, ``I019``; ``M010`` a proportion outside [0, 1].

    References
    ----------
    Pornet C, Delpierre C, Dejardin O, et al. J Epidemiol Community Health 2012;66:982-989.
    doi:10.1136/jech-2011-200311

    Examples
    --------
    Two variables with a coefficient of 1 each; both stand at -1 and 1 standard deviations:

    >>> areas = pd.DataFrame({"geo_level": "commune", "geo_code": ["a", "b", "c", "d"], "geo_vintage": "v",
    ...     "population": 100, "no_car": [0.1, 0.1, 0.3, 0.3], "jobless": [0.05, 0.05, 0.15, 0.15]})
    >>> scores, made = edi_scores(areas, vintage="2012", coefficients={"no_car": 1.0, "jobless": 1.0})
    >>> scores["score"].round(6).tolist()
    [-2.0, -2.0, 2.0, 2.0]
    """
    names = _columns(areas, tuple(coefficients), columns, population)
    made = weighted_sum_index(
        areas[names].to_numpy(dtype=np.float64),
        areas[population].to_numpy(dtype=np.float64),
        list(coefficients.values()),
    )
    return _scores(areas, made, "edi", vintage), made


def _columns(
    areas: pd.DataFrame, variables: tuple[str, ...], columns: Mapping[str, str] | None, population: str
) -> list[str]:
    names = [(columns or {}).get(variable, variable) for variable in variables]
    missing = [name for name in [*AREA, population, *names] if name not in areas.columns]
    if missing:
        raise InputError("I018", found=", ".join(missing), expected=", ".join(variables))
    require_one_row_an_area(areas)
    return names


def require_one_row_an_area(table: pd.DataFrame) -> None:
    """Refuse a table in which an area stands twice (I019)."""
    repeated = table.duplicated(AREA, keep=False).to_numpy()
    if repeated.any():
        where = str(table["geo_code"].iloc[int(np.argmax(repeated))])
        raise InputError("I019", found=int(repeated.sum()), where=where)


def _scores(areas: pd.DataFrame, made: DeprivationIndex, index: str, vintage: str) -> pd.DataFrame:
    scores = areas[AREA].reset_index(drop=True)
    scores.insert(0, "vintage", vintage)
    scores.insert(0, "index", index)
    return scores.assign(score=made.score, higher_is=MORE_DEPRIVED)
