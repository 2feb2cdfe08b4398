r"""Deprivation indices of areas and the classes cut from them.

Two French constructions: the first principal component of a few variables (FDep) and a weighted sum of
standardised proportions (EDI). Higher is more deprived in both. A class is 1 for the least deprived areas.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnc_epi.maths.inequality.ridit import FEWEST_GROUPS
from rnc_epi.maths.requirements import (
    Floats,
    Mask,
    require_choice,
    require_counts,
    require_finite,
    require_numbers,
    require_shares,
    require_whole,
)
from rnc_epi.vocabulary.errors import InputError

# Coefficients of the European deprivation index for France: log odds ratios of the logistic regression of
# individual deprivation on ten census variables, EU-SILC 2006, n = 19 253.
# Pornet C et al. J Epidemiol Community Health 2012;66:982-989, table 5. doi:10.1136/jech-2011-200311
EDI_FRANCE_2012: Mapping[str, float] = MappingProxyType(
    {
        "overcrowding": 0.11,
        "no_central_or_electric_heating": 0.34,
        "not_owner": 0.55,
        "unemployment": 0.47,
        "foreign_nationality": 0.23,
        "no_car": 0.52,
        "unskilled_or_farm_worker": 0.37,
        "household_of_six_or_more": 0.45,
        "low_education": 0.19,
        "single_parent": 0.41,
    }
)

# Variables of FDep and what a higher value says of deprivation.
# Rey G et al. BMC Public Health 2009;9:33. doi:10.1186/1471-2458-9-33
FDEP_DIRECTIONS: Mapping[str, int] = MappingProxyType(
    {"median_income": -1, "baccalaureate": -1, "blue_collar": 1, "unemployment": 1}
)


@dataclass(frozen=True, slots=True)
class DeprivationIndex:
    """Scores of areas, higher more deprived, and how they were made.

    Attributes
    ----------
    score : ndarray, shape (areas,)
        NaN for an area with a missing variable.
    coefficients : ndarray, shape (variables,)
        What multiplies each standardised variable.
    mean, deviation : ndarray, shape (variables,)
        Population-weighted mean and standard deviation used to standardise.
    explained : float
        Share of the variance held by the first component; NaN for a sum with given coefficients.
    missing : int
        Areas without a score.
    """

    score: Floats
    coefficients: Floats
    mean: Floats
    deviation: Floats
    explained: float
    missing: int


@dataclass(frozen=True, slots=True)
class QuantileClasses:
    """Classes of areas, 1 the least deprived.

    Attributes
    ----------
    quantile : ndarray of int, shape (areas,)
        1 to `quantiles`; 0 for an area without a score: out of the gradient, in the total.
    population_share : ndarray, shape (scopes, quantiles)
        What each class holds of the population with a score, per scope in ascending order of its label.
    missing : int
        Areas without a score.
    missing_population : float
        Population of these areas.
    scopes : tuple
        Labels of the scopes; one None when the classes are cut over all areas together.
    """

    quantile: NDArray[np.int64]
    population_share: Floats
    missing: int
    missing_population: float
    scopes: tuple[Any, ...]


def first_component_index(
    variables: ArrayLike, population: ArrayLike, directions: ArrayLike
) -> DeprivationIndex:
    r"""Deprivation index as the first principal component of the variables, areas weighted by population.

    Variables are standardised with population weights, and the component is the leading eigenvector of
    their weighted correlation matrix, turned so that higher is more deprived. FDep is this index with the
    four variables of ``FDEP_DIRECTIONS``.

    Parameters
    ----------
    variables : array_like, shape (areas, variables)
        NaN in an area leaves the area without a score, and out of the means and correlations.
    population : array_like, shape (areas,)
    directions : array_like, shape (variables,)
        +1 when more of the variable means more deprived, -1 when less.

    Returns
    -------
    DeprivationIndex
        Scores have weighted mean 0 and weighted variance equal to the leading eigenvalue.

    Raises
    ------
    InputError
        ``I001`` fewer than three areas with all variables, ``I003`` a variable that enters the component
        against its declared direction, ``I004`` a variable that does not vary, ``M002`` shapes, ``M004``
        directions other than -1 and 1.

    References
    ----------
    Rey G, Jougla E, Fouillet A, Hémon D. Ecological association between a deprivation index and mortality in
    France over the period 1997-2001. BMC Public Health 2009;9:33. doi:10.1186/1471-2458-9-33

    Examples
    --------
    >>> income, unemployment = [30, 20, 10, 25], [4, 8, 15, 6]
    >>> areas = list(zip(income, unemployment))
    >>> index = first_component_index(areas, [100, 100, 100, 100], [-1, 1])
    >>> index.score.argsort().tolist()
    [0, 3, 1, 2]
    """
    values, people = _areas(variables, population)
    signs = require_finite(directions, "directions")
    if signs.shape != values.shape[1:]:
        raise InputError("M002", what="directions", expected=str(values.shape[1:]), found=str(signs.shape))
    if not np.isin(signs, (-1.0, 1.0)).all():
        raise InputError("M004", what="directions", expected="{-1, 1}", found="≠ ±1")
    complete, share = _complete(values, people)
    mean, deviation = _moments(values, share, complete)
    standard = (np.where(complete[:, None], values, mean) - mean) / deviation
    correlation = (standard * share[:, None]).T @ standard
    eigenvalues, vectors = np.linalg.eigh(correlation)
    # An eigenvector has no sign of its own: the declared directions give it one.
    loading = vectors[:, -1] * (1.0 if vectors[:, -1] @ signs >= 0 else -1.0)
    against = loading * signs <= 0
    if against.any():
        which = int(np.argmax(against))
        raise InputError(
            "I003",
            what=f"variable {which}",
            expected=int(signs[which]),
            found=f"{loading[which]:.2f}",
        )
    score = np.where(complete, standard @ loading, np.nan)
    explained = float(eigenvalues[-1] / eigenvalues.sum())
    return DeprivationIndex(score, loading, mean, deviation, explained, int((~complete).sum()))


def weighted_sum_index(
    proportions: ArrayLike, population: ArrayLike, coefficients: ArrayLike
) -> DeprivationIndex:
    r"""Deprivation index as a sum of standardised proportions with given coefficients.

    .. math:: \mathrm{EDI}_k = \sum_m \beta_m (p_{mk} - \bar p_m) / s_m ,

    with the population-weighted mean and standard deviation over areas. The European deprivation index of
    France is this sum with ``EDI_FRANCE_2012``.

    Parameters
    ----------
    proportions : array_like, shape (areas, variables)
        Proportions between 0 and 1; NaN leaves the area without a score.
    population : array_like, shape (areas,)
    coefficients : array_like, shape (variables,)

    Returns
    -------
    DeprivationIndex

    Raises
    ------
    InputError
        ``I001``, ``I004``, ``M002``; ``M010`` proportions outside [0, 1].

    References
    ----------
    Pornet C, Delpierre C, Dejardin O, et al. Construction of an adaptable European transnational ecological
    deprivation index: the French version. J Epidemiol Community Health 2012;66:982-989.
    doi:10.1136/jech-2011-200311

    Examples
    --------
    >>> index = weighted_sum_index([[0.1, 0.2], [0.2, 0.1], [0.3, 0.6]], [1, 1, 1], [0.5, 0.4])
    >>> index.score.round(3).tolist()
    [-0.798, -0.37, 1.168]
    """
    values, people = _areas(proportions, population)
    require_shares(np.where(np.isnan(values), 0.0, values), "proportions")
    betas = require_finite(coefficients, "coefficients")
    if betas.shape != values.shape[1:]:
        raise InputError("M002", what="coefficients", expected=str(values.shape[1:]), found=str(betas.shape))
    complete, share = _complete(values, people)
    mean, deviation = _moments(values, share, complete)
    standard = (np.where(complete[:, None], values, mean) - mean) / deviation
    score = np.where(complete, standard @ betas, np.nan)
    return DeprivationIndex(score, betas, mean, deviation, float("nan"), int((~complete).sum()))


def assign_quantiles(
    score: ArrayLike,
    population: ArrayLike | None = None,
    *,
    quantiles: int = 5,
    scope: ArrayLike | None = None,
) -> QuantileClasses:
    """Cut areas, sorted by score, into classes of equal population: 1 least deprived.

    An area goes to the class in which the middle of its population falls; areas of equal score are one
    block and never separated. Reversing the score therefore reverses the classes exactly.

    Parameters
    ----------
    score : array_like, shape (areas,)
        Higher is more deprived. NaN: no class (0).
    population : array_like, shape (areas,), optional
        Without it each area counts for one: classes of equal numbers of areas.
    quantiles : int
        Number of classes, three at least.
    scope : array_like, shape (areas,), optional
        Label of the region (or registry zone) within which the classes are cut. Without it they are cut
        over all areas: the two answer different questions and do not compare.

    Returns
    -------
    QuantileClasses
        Classes and what each holds: a large area may leave a neighbouring class empty, and it shows.

    Raises
    ------
    InputError
        ``I001`` fewer than three classes asked, ``I034`` a scope in which nobody lives, ``M001``, ``M002``,
        ``M007`` (infinite score).

    Examples
    --------
    >>> assign_quantiles([3, 1, 2, 4, 5, 6], [10, 10, 10, 10, 10, 10], quantiles=3).quantile.tolist()
    [2, 1, 1, 2, 3, 3]
    >>> assign_quantiles([3, 1, 2, 4, 5, float("nan")], quantiles=3).quantile.tolist()
    [2, 1, 1, 3, 3, 0]
    """
    scores = require_numbers(score, "score")
    if scores.ndim != 1:
        raise InputError("M002", what="score", expected="(areas,)", found=str(scores.shape))
    require_finite(np.where(np.isnan(scores), 0.0, scores), "score")
    require_whole(quantiles, "quantiles")
    if quantiles < FEWEST_GROUPS:
        raise InputError("I001", what="quantiles", found=quantiles)
    people = np.ones(scores.size) if population is None else require_counts(population, "population")
    labels = np.zeros(scores.size, dtype=np.int64) if scope is None else np.asarray(scope)
    for what, given in (("population", people), ("scope", labels)):
        if given.shape != scores.shape:
            raise InputError("M002", what=what, expected=str(scores.shape), found=str(given.shape))
    names, position = np.unique(labels, return_inverse=True)
    known = ~np.isnan(scores)
    quantile = np.zeros(scores.size, dtype=np.int64)
    order = np.lexsort((scores[known], position[known]))
    rows = np.flatnonzero(known)[order]
    if rows.size:
        where, weight = position[rows], people[rows]
        total = np.bincount(where, weights=weight, minlength=names.size)
        if (total[where] <= 0).any():
            nobody = str(names[where[np.argmax(total[where] <= 0)]])
            raise InputError("I034", where=nobody if scope is not None else "_")
        after = np.cumsum(weight)
        first = np.r_[True, (where[1:] != where[:-1])]
        scope_start = np.repeat((after - weight)[first], np.diff(np.r_[np.flatnonzero(first), rows.size]))
        new_block = first | np.r_[True, scores[rows][1:] != scores[rows][:-1]]
        block = np.cumsum(new_block) - 1
        held = np.bincount(block, weights=weight)
        middle = ((after - weight)[new_block] - scope_start[new_block] + held / 2.0)[block]
        share = np.divide(middle, total[where], out=np.zeros_like(middle), where=total[where] > 0)
        # A middle that falls on a limit but for rounding belongs to the class above, as an exact one does.
        quantile[rows] = np.minimum(np.floor(quantiles * share + 1e-9).astype(np.int64), quantiles - 1) + 1
    cells = np.bincount(
        position[known] * quantiles + quantile[known] - 1,
        weights=people[known],
        minlength=names.size * quantiles,
    ).reshape(names.size, quantiles)
    # Without any area counted numpy gives whole numbers, which hold no NaN.
    cells = cells.astype(np.float64)
    everyone = cells.sum(axis=1, keepdims=True)
    return QuantileClasses(
        quantile,
        np.divide(cells, everyone, out=np.full_like(cells, np.nan), where=everyone > 0),
        int((~known).sum()),
        float(people[~known].sum()),
        (None,) if scope is None else tuple(names.tolist()),
    )


def require_direction(
    score: ArrayLike,
    companion: ArrayLike,
    population: ArrayLike,
    *,
    higher_is: Literal["more deprived", "less deprived"],
    companion_name: str = "companion",
) -> float:
    """Check the declared direction of an index against a variable that rises with deprivation.

    Parameters
    ----------
    score, companion : array_like, shape (areas,)
        The index, and a variable whose meaning is not in doubt, such as the unemployment rate.
    population : array_like, shape (areas,)
    higher_is : {"more deprived", "less deprived"}
        What a higher score was declared to mean.
    companion_name : str
        Name of the variable in the message.

    Returns
    -------
    float
        Population-weighted correlation of score and companion over areas that have both.

    Raises
    ------
    InputError
        ``I003`` a correlation of the sign opposite to the declaration, ``I001`` fewer than three areas with
        both, ``I004`` either does not vary, ``M002`` shapes, ``M005`` no such `higher_is`.

    Examples
    --------
    >>> round(require_direction([1, 2, 3], [5, 7, 9], [1, 1, 1], higher_is="more deprived"), 6)
    1.0
    """
    require_choice(higher_is, ("more deprived", "less deprived"), "higher_is")
    both = np.stack([require_numbers(score, "score"), require_numbers(companion, companion_name)], axis=-1)
    values, people = _areas(both, population)
    complete, share = _complete(values, people)
    mean, deviation = _moments(values, share, complete)
    standard = (np.where(complete[:, None], values, mean) - mean) / deviation
    correlation = float((share * standard[:, 0] * standard[:, 1]).sum())
    declared = 1 if higher_is == "more deprived" else -1
    if correlation * declared <= 0:
        raise InputError("I003", what=companion_name, expected=declared, found=f"{correlation:.2f}")
    return correlation


def _areas(variables: ArrayLike, population: ArrayLike) -> tuple[Floats, Floats]:
    values, people = require_numbers(variables, "variables"), require_counts(population, "population")
    if values.ndim != 2:
        raise InputError("M002", what="variables", expected="(areas, variables)", found=str(values.shape))
    require_finite(np.where(np.isnan(values), 0.0, values), "variables")
    if people.shape != values.shape[:1]:
        raise InputError("M002", what="population", expected=str(values.shape[:1]), found=str(people.shape))
    return values, people


def _complete(values: Floats, people: Floats) -> tuple[Mask, Floats]:
    """Return areas with every variable, and the share of each in their population."""
    complete = np.asarray(~np.isnan(values).any(axis=1))
    counted = np.where(complete, people, 0.0)
    found = int((counted > 0).sum())
    if found < FEWEST_GROUPS:
        raise InputError("I001", what="variables", found=found)
    return complete, counted / counted.sum()


def _moments(values: Floats, share: Floats, complete: Mask) -> tuple[Floats, Floats]:
    filled = np.where(complete[:, None], values, 0.0)
    mean = share @ filled
    deviation = np.sqrt(share @ (filled - mean) ** 2)
    size = np.abs(filled[share > 0]).max(axis=0)
    flat = deviation <= 1e-12 * np.where(size > 0, size, 1.0)
    if flat.any():
        raise InputError("I004", what=f"variable {int(np.argmax(flat))}")
    return mean, deviation
