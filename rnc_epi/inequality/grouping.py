"""Areas cut into groups of deprivation: what cells are then made by.

Groups are cut on the areas of residence (commune or IRIS) and counts summed by group; groups of larger areas
dilute the gradient. What has no score is a stratum of its own: out of the gradient, in the total, counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from rnc_epi.inequality.frame_cells import require_columns
from rnc_epi.inequality.indices import AREA, require_one_row_an_area
from rnc_epi.inequality.passage import Passed, pass_scores
from rnc_epi.inequality.scopes import scope_codes
from rnc_epi.maths.inequality import assign_quantiles, require_direction, ridit
from rnc_epi.maths.requirements import require_numbers
from rnc_epi.vocabulary.deprivation import (
    DEPRIVATION,
    KNOWN_DIRECTIONS,
    LESS_DEPRIVED,
    MORE_DEPRIVED,
    UNKNOWN_GROUP,
    GroupingName,
    group_labels,
)
from rnc_epi.vocabulary.errors import InputError


@dataclass(frozen=True)
class GroupingRecord:
    """How groups were cut, for the metadata: nothing of it can be read off the groups.

    Parameters
    ----------
    name : GroupingName
    stratum_type : str
    geo_level, geo_vintage : str
        Of the areas cut.
    higher_is : str
        What a higher score was declared to mean.
    direction_converted : bool
        Whether scores were reversed so that Q1 is the least deprived.
    direction_checked : str
        What the direction was checked against: a variable, the family of the index, or ``_``.
    areas, classified, missing_scores, outside_scope : int
        Areas there were; with a group; in the scope and without a score (stratum ``unknown``); in no area
        of the scope (in no stratum).
    missing_population, population : float
        Inhabitants of the areas without a score, and of all areas in the scope.
    tied : int
        Areas that share their score with another of their scope: never separated.
    merged, split, not_placed : int
        What the passage between editions did: areas with the mean of several scores; areas with the score of
        a larger one; scores of areas that no longer exist.
    """

    name: GroupingName
    stratum_type: str
    geo_level: str
    geo_vintage: str
    higher_is: str
    direction_converted: bool
    direction_checked: str
    areas: int
    classified: int
    missing_scores: int
    outside_scope: int
    missing_population: float
    population: float
    tied: int
    merged: int
    split: int
    not_placed: int

    def to_frame(self) -> pd.DataFrame:
        """Return the record as one row, the parts of the name first."""
        stated = asdict(self)
        name = stated.pop("name")
        return pd.DataFrame([name | stated])


@dataclass(frozen=True)
class Grouping:
    """Groups of areas and how they were made.

    Parameters
    ----------
    table : DataFrame
        ``geo_level, geo_code, geo_vintage, stratum_type, stratum``, one row an area in the scope.
    shares : DataFrame
        ``scope_code, stratum, population_share``: a large area may leave a group thin, and it shows.
    ranks : DataFrame
        ``geo_level, geo_code, geo_vintage, rank``: the rank of each area with a score among all
        inhabitants, 0 the least and 1 the most deprived; areas of one score share theirs.
    record : GroupingRecord
    """

    table: pd.DataFrame
    shares: pd.DataFrame
    record: GroupingRecord
    ranks: pd.DataFrame


def deprivation_groups(
    scores: pd.DataFrame,
    areas: pd.DataFrame,
    *,
    index: str,
    vintage: str,
    geo_level: str = "",
    geo_vintage: str = "",
    groups: int = 5,
    scope: str = "national",
    scope_areas: Sequence[str] = (),
    weighting: str = "population",
    membership: pd.DataFrame | None = None,
    passage: pd.DataFrame | None = None,
    companion: str = "",
    stratum_type: str = DEPRIVATION,
) -> Grouping:
    """Cut areas into groups of deprivation, Q1 the least deprived.

    Parameters
    ----------
    scores : DataFrame
        The contract's ``deprivation`` table: ``index, vintage, geo_level, geo_code, geo_vintage, score,
        higher_is`` (``more_deprived`` or ``less_deprived``).
    areas : DataFrame
        ``geo_level, geo_code, geo_vintage, population`` and, for `companion`, a variable.
    index, vintage : str
    geo_level : str
        Level of the scores; the only one that the index has without it.
    geo_vintage : str
        Edition of the codes of the areas to cut; without it that which the passage leads to, or that of the
        scores where there is no passage.
    groups : int
        Three at least.
    scope : {"national", "region", "registry_zone"}
        Within what the groups are cut: three different questions, whose groups do not compare.
    scope_areas : sequence of str
        Codes of the regions or zones to cut within; all of them without it.
    weighting : {"population", "areas"}
        Groups of equal population, or of equal numbers of areas.
    membership : DataFrame, optional
        The contract's table, for a scope other than national: links are followed over levels in between
        (zone, département, région).
    passage : DataFrame, optional
        From the edition of the codes of the scores to that of the areas, or from arrondissements to their
        commune, in the form of the contract's membership of one level: ``child_code, parent_code`` and
        perhaps ``child_vintage, parent_vintage, weight``; with ``population`` of the child where areas merge.
        Without it, the links of `membership` between areas of the level of the scores are the passage.
    companion : str
        Column of `areas` that rises with deprivation beyond doubt (unemployment): the declared direction is
        checked against it. Without it, it is checked against the family of the index where that is known.
    stratum_type : str
        Slug of the grouping (see ``rnc_epi.vocabulary.deprivation.stratum_types``).

    Returns
    -------
    Grouping

    Raises
    ------
    InputError
        ``I001`` fewer than three groups, ``N002`` a column is missing, ``M008`` scores of text, ``I034`` a
        scope in which nobody lives, ``I003`` a direction that contradicts its declaration, ``I009`` no
        such scores, ``I010`` areas without population, ``I011`` scores of another edition of the codes,
        ``I012`` a direction not stated, ``I013`` a merger without weights, ``I014`` overlapping areas of a
        scope, ``I016`` no areas of the scope, ``I039`` no such area of it, ``I019`` an area twice.

    Examples
    --------
    >>> area = {"geo_level": "commune", "geo_code": list("abcdef"), "geo_vintage": "2024"}
    >>> areas = pd.DataFrame({**area, "population": 100})
    >>> scores = pd.DataFrame({**area, "index": "fdep", "vintage": "2015", "higher_is": "more_deprived",
    ...     "score": [3, 1, 2, 4, None, 5]})
    >>> made = deprivation_groups(scores, areas, index="fdep", vintage="2015", groups=5)
    >>> made.table["stratum"].tolist(), made.record.missing_scores
    (['Q3', 'Q1', 'Q2', 'Q4', 'unknown', 'Q5'], 1)
    """
    name = GroupingName(index, vintage, scope, weighting, groups)
    require_columns(scores, [*AREA, "index", "vintage", "score", "higher_is"], "scores")
    require_columns(areas, [*AREA, "population", *([companion] if companion else [])], "areas")
    own = _scores_of(scores, index, vintage, geo_level)
    level, edition = str(own["geo_level"].iloc[0]), str(own["geo_vintage"].iloc[0])
    steps = _steps(passage if passage is not None else membership, level, edition, geo_vintage, areas)
    of_level = _areas_of(areas, level, geo_vintage or _edition_reached(areas, level, edition, steps), edition)
    if steps is None and str(of_level["geo_vintage"].iloc[0]) != edition:
        raise InputError("I011", found=f"{level} {edition}", expected=f"{level} {geo_vintage}")
    higher_is = _stated_direction(own, index)
    passed = pass_scores(own, pd.Index(of_level["geo_code"]), steps)
    converted = passed.scores.assign(
        score=passed.scores["score"].astype(float) * (-1.0 if higher_is == LESS_DEPRIVED else 1.0)
    )
    placed = of_level.merge(converted, on="geo_code", how="left", validate="one_to_one")
    placed = placed.assign(scope_code=scope_codes(placed, scope, scope_areas, membership))
    inside = placed[placed["scope_code"].notna()].reset_index(drop=True)
    checked = _check_direction(inside, index, higher_is, companion)
    return _cut(inside, placed, passed, name, higher_is, checked, stratum_type)


def _cut(
    inside: pd.DataFrame,
    placed: pd.DataFrame,
    passed: Passed,
    name: GroupingName,
    higher_is: str,
    checked: str,
    stratum_type: str,
) -> Grouping:
    level, vintage = str(inside["geo_level"].iloc[0]), str(inside["geo_vintage"].iloc[0])
    people = inside["population"].to_numpy(dtype=np.float64)
    if name.weighting == "population" and np.isnan(people).any():
        where = str(inside["geo_code"].iloc[int(np.argmax(np.isnan(people)))])
        raise InputError("I010", what=level, found=int(np.isnan(people).sum()), where=where)
    score = inside["score"].to_numpy(dtype=np.float64)
    scope_codes = inside["scope_code"].to_numpy(dtype=object).astype(str)
    classes = assign_quantiles(
        score,
        people if name.weighting == "population" else None,
        quantiles=name.groups,
        scope=None if name.scope == "national" else scope_codes,
    )
    labels = np.array([UNKNOWN_GROUP, *group_labels(name.groups)], dtype=object)
    table = inside[AREA].assign(stratum_type=stratum_type, stratum=labels[classes.quantile])
    known = ~np.isnan(score)
    tied = pd.DataFrame({"scope": scope_codes[known], "score": score[known]}).duplicated(keep=False)
    shares = pd.DataFrame(
        {
            "scope_code": np.repeat([str(one or "_") for one in classes.scopes], name.groups),
            "stratum": list(group_labels(name.groups)) * len(classes.scopes),
            "population_share": classes.population_share.ravel(),
        }
    )
    counted = np.nan_to_num(people)
    record = GroupingRecord(
        name=name,
        stratum_type=stratum_type,
        geo_level=level,
        geo_vintage=vintage,
        higher_is=higher_is,
        direction_converted=higher_is == LESS_DEPRIVED,
        direction_checked=checked,
        areas=len(placed),
        classified=int(known.sum()),
        missing_scores=classes.missing,
        outside_scope=len(placed) - len(inside),
        missing_population=float(counted[~known].sum()),
        population=float(counted.sum()),
        tied=int(tied.sum()),
        merged=passed.merged,
        split=passed.split,
        not_placed=passed.not_placed,
    )
    return Grouping(table, shares, record, _ranks(inside[known], people[known], score[known]))


def _ranks(areas: pd.DataFrame, people: np.ndarray, score: np.ndarray) -> pd.DataFrame:
    """Return the rank of each area; without populations each area counts for one."""
    distinct, place = np.unique(score, return_inverse=True)
    held = np.bincount(place, weights=np.ones(len(place)) if np.isnan(people).any() else people)
    if len(distinct) < 3 or held.sum() <= 0:
        return areas[AREA].assign(rank=np.nan)
    return areas[AREA].assign(rank=ridit(held)[place])


def _scores_of(scores: pd.DataFrame, index: str, vintage: str, geo_level: str) -> pd.DataFrame:
    wanted = scores["index"].astype(str).eq(index) & scores["vintage"].astype(str).eq(vintage)
    if geo_level:
        wanted &= scores["geo_level"].astype(str).eq(geo_level)
    own = scores[wanted]
    held = scores[["index", "vintage", "geo_level"]].astype(str).drop_duplicates()
    if len(own[["geo_level", "geo_vintage"]].drop_duplicates()) != 1:
        raise InputError(
            "I009",
            what=f"{index} {vintage} {geo_level}".strip(),
            expected="; ".join(" ".join(row) for row in held.itertuples(index=False, name=None)) or "_",
        )
    require_one_row_an_area(own)
    return own.assign(score=require_numbers(own["score"].to_numpy(), "score"))


def _steps(
    passage: pd.DataFrame | None, level: str, edition: str, wanted_edition: str, areas: pd.DataFrame
) -> pd.DataFrame | None:
    """Return the steps of a passage that start from areas of the level and edition of the scores.

    A table of memberships holds passages among its other links: those between areas of one level. Where they
    say no population, that of the area they start from is taken from the areas.
    """
    if passage is None:
        return None
    for name, wanted in (("child_level", level), ("parent_level", level), ("child_vintage", edition)):
        if name in passage:
            passage = passage[passage[name].astype(str).eq(wanted)]
    if wanted_edition and "parent_vintage" in passage:
        passage = passage[passage["parent_vintage"].astype(str).eq(wanted_edition)]
    if passage.empty:
        return None
    if "population" in passage:
        return passage
    old = areas[areas["geo_level"].astype(str).eq(level) & areas["geo_vintage"].astype(str).eq(edition)]
    people = old.drop_duplicates("geo_code").set_index(old["geo_code"].astype(str).drop_duplicates())
    return passage.assign(population=passage["child_code"].astype(str).map(people["population"]))


def _edition_reached(areas: pd.DataFrame, level: str, edition: str, steps: pd.DataFrame | None) -> str:
    """Return the edition that a passage leads to, that of the scores without one."""
    if steps is None:
        return edition
    if "parent_vintage" in steps:
        ends = sorted(set(steps["parent_vintage"].astype(str)))
        return ends[0] if len(ends) == 1 else edition
    # A passage without editions leads to the areas there are.
    held = sorted(set(areas.loc[areas["geo_level"].astype(str).eq(level), "geo_vintage"].astype(str)))
    return held[0] if len(held) == 1 else edition


def _areas_of(areas: pd.DataFrame, level: str, target: str, edition: str) -> pd.DataFrame:
    """Return the areas of a level and edition."""
    of_level = areas[areas["geo_level"].astype(str).eq(level)]
    of_vintage = of_level[of_level["geo_vintage"].astype(str).eq(target)]
    if of_vintage.empty:
        held = ", ".join(sorted(of_level["geo_vintage"].astype(str).unique())) or "_"
        raise InputError("I011", found=f"{level} {edition}", expected=f"{level} {held}")
    require_one_row_an_area(of_vintage)
    return of_vintage.assign(geo_code=of_vintage["geo_code"].astype(str)).reset_index(drop=True)


def _stated_direction(own: pd.DataFrame, index: str) -> str:
    stated = sorted(own["higher_is"].astype(str).unique())
    if len(stated) != 1 or stated[0] not in (MORE_DEPRIVED, LESS_DEPRIVED):
        raise InputError("I012", what=index, found=", ".join(stated))
    return stated[0]


def _check_direction(inside: pd.DataFrame, index: str, higher_is: str, companion: str) -> str:
    """Check the declared direction; scores are already turned so that higher is more deprived."""
    if companion:
        require_direction(
            inside["score"].to_numpy(dtype=np.float64),
            inside[companion].to_numpy(dtype=np.float64),
            inside["population"].fillna(0.0).to_numpy(dtype=np.float64),
            higher_is="more deprived",
            companion_name=companion,
        )
        return companion
    family = next((name for name in KNOWN_DIRECTIONS if index.lower().startswith(name)), "")
    if not family:
        return "_"
    if KNOWN_DIRECTIONS[family] != higher_is:
        declared = 1 if higher_is == MORE_DEPRIVED else -1
        raise InputError("I003", what=family, expected=declared, found=str(-declared))
    return family
