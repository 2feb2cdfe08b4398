"""Making a map add up: smoothed events of areas raked to draws of the level above, world by world.

An EPCI may cross the border of a département: what is raked are pieces, each in one area and one parent
(ruling 23). Draw k of the pieces is raked to draw k of the totals, never to an observed count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rnc_epi.maths.smallarea import benchmark
from rnc_epi.smallarea.graph import AREA
from rnc_epi.vocabulary.draws import Draws
from rnc_epi.vocabulary.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Pieces:
    """Parts of areas that each lie in one parent.

    Attributes
    ----------
    area, parent : int arrays (pieces,)
        Row of the area and of the parent of each piece.
    share : array (pieces,)
        Share of the expected events of the area that the piece holds; they sum to 1 in each area.
    """

    area: NDArray[np.int64]
    parent: NDArray[np.int64]
    share: NDArray[np.float64]


def nested_pieces(areas: pd.DataFrame, parents: pd.DataFrame, membership: pd.DataFrame) -> Pieces:
    """Return one piece an area, where each lies wholly in one parent.

    Parameters
    ----------
    areas, parents : DataFrame
        Keys; the rows that pieces point to.
    membership : DataFrame
        ``child_level, child_code, child_vintage, parent_level, parent_code, parent_vintage, weight``.

    Returns
    -------
    Pieces
        One an area, with the whole of its expected events.

    Raises
    ------
    InputError
        ``A042`` an area in no parent, or in several.

    Examples
    --------
    >>> zones = pd.DataFrame({"geo_level": "zone", "geo_code": ["a", "b"], "geo_vintage": "v"})
    >>> region = pd.DataFrame({"geo_level": "region", "geo_code": ["r"], "geo_vintage": "v"})
    >>> member = pd.DataFrame({"child_level": "zone", "child_code": ["a", "b"], "child_vintage": "v",
    ...     "parent_level": "region", "parent_code": "r", "parent_vintage": "v", "weight": 1.0})
    >>> nested_pieces(zones, region, member).parent.tolist()
    [0, 0]
    """
    place = _parent_of(areas, parents, membership)
    return Pieces(np.arange(len(areas)), place, np.ones(len(areas)))


def crossing_pieces(
    areas: pd.DataFrame,
    parents: pd.DataFrame,
    membership: pd.DataFrame,
    finer: pd.DataFrame,
    expected: NDArray[np.float64],
) -> Pieces:
    """Return the pieces area x parent made of a finer level that nests in both.

    Parameters
    ----------
    areas, parents : DataFrame
        Keys.
    membership : DataFrame
        As for :func:`nested_pieces`, of the finer areas in both levels.
    finer : DataFrame
        Keys of the finer areas.
    expected : array (len(finer),)
        Their expected events.

    Returns
    -------
    Pieces
        One an area and parent that share a finer area.

    Raises
    ------
    InputError
        ``A042`` a finer area outside both, or an area that no finer one makes up.

    Examples
    --------
    An area of two communes, one in each of two parents, with 3 and 1 events expected:

    >>> def keys(level, codes):
    ...     return pd.DataFrame({"geo_level": level, "geo_code": codes, "geo_vintage": "v"})
    >>> member = pd.DataFrame([("c1", "epci", "e"), ("c2", "epci", "e"), ("c1", "departement", "d1"),
    ...     ("c2", "departement", "d2")], columns=["child_code", "parent_level", "parent_code"])
    >>> member = member.assign(child_level="commune", child_vintage="v", parent_vintage="v", weight=1.0)
    >>> found = crossing_pieces(keys("epci", ["e"]), keys("departement", ["d1", "d2"]), member,
    ...     keys("commune", ["c1", "c2"]), np.array([3.0, 1.0]))
    >>> found.parent.tolist(), found.share.tolist()
    ([0, 1], [0.75, 0.25])
    """
    area, parent = _parent_of(finer, areas, membership), _parent_of(finer, parents, membership)
    number = area * len(parents) + parent
    names, piece = np.unique(number, return_inverse=True)
    held = np.bincount(piece, np.nan_to_num(expected))
    of_area, of_parent = names // len(parents), names % len(parents)
    total = np.bincount(of_area, held, minlength=len(areas))
    if (total <= 0).any():
        where = areas["geo_code"].iloc[int(np.argmin(total))]
        raise InputError("A042", name=_level(parents), found=f"{where}: no pieces")
    kept = held > 0
    return Pieces(of_area[kept], of_parent[kept], (held / total[of_area])[kept])


@dataclass(frozen=True, eq=False)
class Benchmark:
    """Benchmarked risks, and the factor of each parent.

    Attributes
    ----------
    draws : Draws
    factors : DataFrame
        Keys of the parents, ``factor, factor_lower, factor_upper``: far from 1, the areas and the level above
        disagree.
    """

    draws: Draws
    factors: pd.DataFrame


def benchmarked(risks: Draws, expected: NDArray[np.float64], pieces: Pieces, totals: Draws) -> Benchmark:
    """Return draws of relative risks whose events add up to draws of the level above.

    Parameters
    ----------
    risks : Draws
        Of the relative risks, an area each.
    expected : array (areas,)
        Expected events of the areas, above 0.
    pieces : Pieces
        From :func:`nested_pieces` or :func:`crossing_pieces`.
    totals : Draws
        Of the events of the parents; a parent without piece says nothing.

    Returns
    -------
    Benchmark
        ``draws`` of the relative risks, raked, and the ``factors`` of each parent: mean and 95 % limits.

    Raises
    ------
    InputError
        ``A010`` other numbers of draws, or figures that are not above 0.
    EstimateRefused
        ``A026`` totals that contradict one another.

    References
    ----------
    Deming WE, Stephan FF. On a least squares adjustment of a sampled frequency table
    when the expected marginal totals are known. Ann Math Stat 1940;11:427-444.

    Examples
    --------
    Two areas with 4 events each in a parent with 12: both are multiplied by 1.5.

    >>> zones = pd.DataFrame({"geo_level": "zone", "geo_code": ["a", "b"], "geo_vintage": "v"})
    >>> parent = pd.DataFrame({"geo_level": "region", "geo_code": ["r"], "geo_vintage": "v"})
    >>> risks = Draws(zones, np.array([[1.0], [2.0]]), "relative_risk", "credible", 0, "bym2")
    >>> totals = Draws(parent, np.array([[12.0]]), "events", "prediction", 0, "calibrated")
    >>> pieces = Pieces(np.array([0, 1]), np.array([0, 0]), np.ones(2))
    >>> benchmarked(risks, np.array([4.0, 2.0]), pieces, totals).draws.values.ravel().tolist()
    [1.5, 3.0]
    """
    if risks.values.shape[1] != totals.values.shape[1]:
        raise InputError("A010", found="the areas and the level above have different numbers of draws")
    present, group = np.unique(pieces.parent, return_inverse=True)
    held = expected[pieces.area] * pieces.share
    raked = benchmark(risks.values[pieces.area] * held[:, None], [(group, totals.values[present])])
    events = np.zeros_like(risks.values)
    np.add.at(events, pieces.area, raked.values)
    draws = Draws(
        risks.index,
        events / expected[:, None],
        "relative_risk",
        "credible",
        risks.seed,
        f"{risks.model_id}-benchmarked",
    )
    first = pd.Series(np.arange(len(group))).groupby(group).first().to_numpy()
    factor = raked.factor[first]
    table = totals.index.iloc[present].reset_index(drop=True)
    table = table.assign(
        factor=factor.mean(axis=1),
        factor_lower=np.quantile(factor, 0.025, axis=1),
        factor_upper=np.quantile(factor, 0.975, axis=1),
    )
    return Benchmark(draws, table)


def _parent_of(areas: pd.DataFrame, parents: pd.DataFrame, membership: pd.DataFrame) -> NDArray[np.int64]:
    child, above = [f"child_{part[4:]}" for part in AREA], [f"parent_{part[4:]}" for part in AREA]
    links = membership[membership["weight"] >= 1].drop_duplicates([*child, *above])
    keyed = areas[AREA].reset_index(drop=True).assign(_row=np.arange(len(areas)))
    rows = parents[AREA].reset_index(drop=True).assign(_place=np.arange(len(parents)))
    found = keyed.merge(links, left_on=AREA, right_on=child).merge(
        rows, left_on=above, right_on=AREA, suffixes=("", "_parent")
    )
    count = np.bincount(found["_row"], minlength=len(areas))
    if (count != 1).any():
        wrong = int(np.argmax(count != 1))
        code = areas["geo_code"].iloc[wrong]
        raise InputError(
            "A042", name=_level(parents), found=f"{code}: {count[wrong]} ({int((count != 1).sum())})"
        )
    place = np.empty(len(areas), np.int64)
    place[found["_row"].to_numpy()] = found["_place"].to_numpy()
    return place


def _level(areas: pd.DataFrame) -> str:
    return str(areas["geo_level"].iloc[0])
