"""Words of deprivation: groups of areas, how a grouping was cut, and what lets a gradient rest on estimates.

Q1 is the least deprived group, everywhere. A grouping is written in `stratum_type` of the result table:
``deprivation`` where a study has one, ``deprivation:fdep:2015:national:population:5`` where it has several.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from rnc_epi.vocabulary.errors import EstimateRefused, InputError
from rnc_epi.vocabulary.estimators import ALL_GROUPS, UNKNOWN_GROUP

__all__ = [
    "ALL_GROUPS",
    "DEPRIVATION",
    "KNOWN_DIRECTIONS",
    "LESS_DEPRIVED",
    "MORE_DEPRIVED",
    "SCOPES",
    "UNKNOWN_GROUP",
    "WEIGHTINGS",
    "EstimateOrigin",
    "GroupingName",
    "group_labels",
    "group_number",
    "grouping_named",
    "is_deprivation",
    "stratum_types",
]

#: Kind of stratum of the groups of deprivation, in the result table.
DEPRIVATION: Final = "deprivation"
SCOPES: Final = ("national", "region", "registry_zone")
WEIGHTINGS: Final = ("population", "areas")
MORE_DEPRIVED, LESS_DEPRIVED = "more_deprived", "less_deprived"

#: Families of indices whose score rises with deprivation by construction; a table that says otherwise errs.
KNOWN_DIRECTIONS: Final = {"fdep": MORE_DEPRIVED, "edi": MORE_DEPRIVED, "townsend": MORE_DEPRIVED}


def group_labels(groups: int) -> tuple[str, ...]:
    """Return the labels of groups from the least to the most deprived.

    Parameters
    ----------
    groups : int
        Number of groups.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> group_labels(5)
    ('Q1', 'Q2', 'Q3', 'Q4', 'Q5')
    """
    return tuple(f"Q{number}" for number in range(1, groups + 1))


def group_number(stratum: str) -> int | None:
    """Return the number of a group, 1 the least deprived; None for ``unknown``, ``all`` and other strata.

    Parameters
    ----------
    stratum : str
        As the column of a result says it.

    Returns
    -------
    int or None

    Examples
    --------
    >>> group_number("Q5"), group_number("unknown")
    (5, None)
    """
    return int(stratum[1:]) if stratum.startswith("Q") and stratum[1:].isdigit() else None


@dataclass(frozen=True, slots=True, order=True)
class GroupingName:
    """How areas were cut into groups: what a gradient is a gradient of.

    Parameters
    ----------
    index, vintage : str
        ``"fdep"``, ``"2015"``.
    scope : {"national", "region", "registry_zone"}
        Within what the groups were cut; groups of two scopes do not compare.
    weighting : {"population", "areas"}
        Whether the groups hold equal populations or equal numbers of areas.
    groups : int
    """

    index: str
    vintage: str
    scope: str
    weighting: str
    groups: int

    def __post_init__(self) -> None:
        for what, known in (("scope", SCOPES), ("weighting", WEIGHTINGS)):
            if getattr(self, what) not in known:
                raise InputError("M005", what=what, found=getattr(self, what), expected=", ".join(known))
        for what in ("index", "vintage"):
            if not getattr(self, what) or ":" in getattr(self, what):
                raise InputError("S001", what=what, found=repr(getattr(self, what)))

    @property
    def slug(self) -> str:
        """The grouping in full, as a `stratum_type`.

        Examples
        --------
        >>> GroupingName("fdep", "2015", "national", "population", 5).slug
        'deprivation:fdep:2015:national:population:5'
        """
        parts = (DEPRIVATION, self.index, self.vintage, self.scope, self.weighting, str(self.groups))
        return ":".join(parts)


def stratum_types(groupings: Sequence[GroupingName]) -> tuple[str, ...]:
    """Return the `stratum_type` of each grouping of a study: short where there is only one.

    Parameters
    ----------
    groupings : sequence of GroupingName
        Those of the study.

    Returns
    -------
    tuple of str
        One a grouping, in their order.

    Examples
    --------
    >>> one = GroupingName("fdep", "2015", "national", "population", 5)
    >>> stratum_types([one])
    ('deprivation',)
    """
    return tuple(DEPRIVATION if len(set(groupings)) == 1 else name.slug for name in groupings)


def is_deprivation(stratum_type: str) -> bool:
    """Tell whether a `stratum_type` is one of groups of deprivation.

    Parameters
    ----------
    stratum_type : str
        As the column of a result says it.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_deprivation("deprivation:edi:2021:region:areas:5"), is_deprivation("stage")
    (True, False)
    """
    return stratum_type.split(":", 1)[0] == DEPRIVATION


def grouping_named(stratum_type: str, known: Iterable[GroupingName] = ()) -> GroupingName | None:
    """Return the grouping that a `stratum_type` speaks of; the short form asks for the only one known.

    Parameters
    ----------
    stratum_type : str
        As the column of a result says it.
    known : iterable of GroupingName
        Those of the study.

    Returns
    -------
    GroupingName or None
        None for a stratum that is not of deprivation, or a short form whose grouping is not given.

    Raises
    ------
    InputError
        ``I015`` a slug in full that is none, ``M005``, ``S001`` a part of it that is not known.

    Examples
    --------
    >>> grouping_named("deprivation:edi:2021:region:areas:5").scope
    'region'
    >>> grouping_named("stage") is None
    True
    """
    if not is_deprivation(stratum_type):
        return None
    if stratum_type == DEPRIVATION:
        distinct = set(known)
        return distinct.pop() if len(distinct) == 1 else None
    parts = stratum_type.split(":")
    if len(parts) != 6 or not parts[5].isdigit():
        raise InputError("I015", found=stratum_type)
    return GroupingName(parts[1], parts[2], parts[3], parts[4], int(parts[5]))


@dataclass(frozen=True, slots=True)
class EstimateOrigin:
    """What a gradient needs to know of the estimates that it is asked to rest on (rulings 21 and 23).

    Parameters
    ----------
    estimator : {"calibrated", "smoothed", "benchmarked"}
    proxy : str
        For calibrated ones: ``"A"``, ``"H"``, ``"HA"``, ``"M"`` (deaths), or a combination of them.
    deprivation_in_model : bool
        Calibration: the proxy-to-incidence ratio depends on deprivation. Smoothing: deprivation is a
        covariate of the model.
    tested_in_registry_zone : bool
        Calibration: that dependence was estimated and tested where both are observed.
    benchmarked_to : {"", "draws", "observed"}
        What the level above lent when pieces were raked: predictive draws, or an observed count.
    covariance : {"", "full", "diagonal", "fit-per-draw"}
        Smoothing of calibrated logs: what was used of their joint error.
    """

    estimator: str
    proxy: str = ""
    deprivation_in_model: bool = False
    tested_in_registry_zone: bool = False
    benchmarked_to: str = ""
    covariance: str = ""

    def require_gradient_allowed(self) -> None:
        """Refuse a gradient that would be made by the model that gave the estimates.

        Raises
        ------
        InputError
            ``M005`` an unknown estimator.
        EstimateRefused
            ``I020`` the proxy is deaths, ``I021`` no tested dependence on deprivation, ``I022`` smoothed by a
            model without deprivation, ``I023`` raked towards observed counts, ``I024`` errors of calibrated
            logs taken as independent.
        """
        known = ("calibrated", "smoothed", "benchmarked")
        if self.estimator not in known:
            raise InputError("M005", what="estimator", found=self.estimator, expected=", ".join(known))
        if self.estimator != "smoothed" or self.proxy:
            if self.estimator == "calibrated" and not self.proxy:
                raise EstimateRefused("I021", found="_")
            if "M" in self.proxy:
                raise EstimateRefused("I020", found=self.proxy)
            if not (self.deprivation_in_model and self.tested_in_registry_zone):
                raise EstimateRefused("I021", found=self.proxy or "_")
        if self.estimator == "smoothed" and not self.deprivation_in_model:
            raise EstimateRefused("I022")
        if self.benchmarked_to == "observed" or (
            self.estimator == "benchmarked" and self.benchmarked_to != "draws"
        ):
            raise EstimateRefused("I023", found=self.benchmarked_to or "_")
        if self.estimator == "smoothed" and self.proxy and self.covariance not in ("full", "fit-per-draw"):
            raise EstimateRefused("I024", found=self.covariance or "_")
