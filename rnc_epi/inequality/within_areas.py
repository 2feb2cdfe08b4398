"""Gradients inside areas: those of regions shrunk towards their common value, those of town and country."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import ndtri

from rnc_epi.inequality.measures import flat_cells
from rnc_epi.inequality.rows import UNIT_EVENTS, UNIT_PROBABILITY, UNIT_RATIO, Measured, measured_rows
from rnc_epi.inequality.strata import STRATUM_KEYS, GroupedStrata, grouped_strata
from rnc_epi.maths import inequality as formulas
from rnc_epi.maths.inequality.results import multiplier, p_value
from rnc_epi.maths.shrinkage import fay_herriot
from rnc_epi.vocabulary.areas import POOLED_REGISTRIES
from rnc_epi.vocabulary.deprivation import DEPRIVATION
from rnc_epi.vocabulary.estimators import CROSSED
from rnc_epi.vocabulary.schemas import NOT_APPLICABLE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rnc_epi.cells.table import Cells
    from rnc_epi.inequality.grouping import Grouping
    from rnc_epi.vocabulary.study_inequality import Inequality

    Floats = NDArray[np.float64]

#: Areas below which a common value and a spread around it are not told apart.
FEWEST_AREAS = 5

#: Kind of the classes, and what joins it to a grouping and a class: ``deprivation|urbanity:urban``.
URBANITY = "urbanity"
IN_CLASS = f"{CROSSED}{URBANITY}:"


@dataclass(frozen=True, eq=False)
class LogRelative:
    """Logs of relative indices, their errors, how many errors their limits are away, and where they exist."""

    value: Floats
    se: Floats
    times: Floats
    estimable: NDArray[np.bool_]


def log_relative(strata: GroupedStrata, asked: Inequality) -> LogRelative:
    """Return the log of the relative index of each stratum: multiplicative Poisson, the variance asked."""
    events, person_years, rank, age = flat_cells(strata)
    found = formulas.log_slope(events, person_years, rank, age, variance=asked.variance)
    estimable = np.asarray(found.estimable) & (strata.reasons(asked.standard) == NOT_APPLICABLE)
    freedom = np.where(estimable, found.freedom, np.inf)
    times, _ = multiplier(asked.level, np.asarray(found.value), freedom)
    return LogRelative(
        np.where(estimable, found.value, 0.0), np.where(estimable, found.se, np.nan), times, estimable
    )


def shrunken_relative_indices(strata: GroupedStrata, asked: Inequality) -> pd.DataFrame:
    """Return the relative index of each area of a level, shrunk towards the mean of those of the level.

    An area with few cases lends most of its value from the others, and says so in its limits. Five areas at
    least; the nation and all registries together are no area among others.

    Returns
    -------
    DataFrame
        Rows ``relative_index``, estimator ``smoothed``, method ``fay-herriot``, interval of prediction.
    """
    keys = strata.keys
    names = [name for name in STRATUM_KEYS if name in keys.columns and name != "geo_code"]
    if "geo_code" not in keys.columns:
        return pd.DataFrame()
    found = log_relative(strata, asked)
    one_area = (
        found.estimable & (found.se > 0) & keys["geo_code"].astype(str).ne(POOLED_REGISTRIES).to_numpy()
    )
    number = keys.groupby(names, sort=True, observed=True, dropna=False).ngroup().to_numpy()
    value, spread = np.full(len(keys), np.nan), np.full(len(keys), np.nan)
    # The variance between areas is found by one root search a family of areas: nothing to vectorise over.
    for family in np.unique(number[one_area]):
        rows = np.flatnonzero(one_area & (number == family))
        if rows.size < FEWEST_AREAS:
            continue
        shrunk = fay_herriot(found.value[rows], found.se[rows] ** 2)
        value[rows], spread[rows] = shrunk.value, np.sqrt(shrunk.mse)
    done = np.flatnonzero(np.isfinite(value))
    if not done.size:
        return pd.DataFrame()
    times = float(ndtri((1.0 + asked.level) / 2.0))
    chosen = strata.take(done)
    centre, se = value[done], spread[done]
    measure = Measured(
        "relative_index",
        UNIT_RATIO,
        np.exp(centre),
        "fay-herriot",
        np.exp(centre - times * se),
        np.exp(centre + times * se),
        np.exp(centre) * se,
        "log-normal",
        standard=asked.standard,
        estimator="smoothed",
        interval_kind="prediction",
    )
    return _rows(chosen, [measure], asked)


def crossed_with(grouping: Grouping, classes: pd.DataFrame) -> pd.DataFrame:
    """Return groups of deprivation crossed with classes of urbanity, as a grouping of cells.

    Parameters
    ----------
    grouping : Grouping
        From :func:`rnc_epi.inequality.deprivation_groups`.
    classes : DataFrame
        ``geo_code`` of the areas of the grouping and ``urbanity``, their class; an area without a class is
        left out.

    Returns
    -------
    DataFrame
        In the form of ``Grouping.table``; `stratum` holds the group and the class, ``Q1|urban``.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> table = pd.DataFrame({"geo_code": ["a", "b"], "stratum_type": "deprivation", "stratum": ["Q1", "Q2"]})
    >>> classes = pd.DataFrame({"geo_code": ["a"], "urbanity": ["urban"]})
    >>> crossed_with(SimpleNamespace(table=table), classes)[["stratum_type", "stratum"]].values.tolist()
    [['deprivation|urbanity', 'Q1|urban']]
    """
    held = classes[["geo_code", "urbanity"]].astype(str).drop_duplicates("geo_code")
    crossed = grouping.table.merge(held, on="geo_code", how="inner")
    return crossed.assign(
        stratum_type=crossed["stratum_type"].astype(str) + CROSSED + URBANITY,
        stratum=crossed["stratum"].astype(str) + CROSSED + crossed["urbanity"],
    ).drop(columns="urbanity")


def within_classes(crossed: pd.DataFrame) -> pd.DataFrame:
    """Return crossed groups as groups within each class: the strata that :func:`urbanity_interaction` names.

    Parameters
    ----------
    crossed : DataFrame
        As :func:`crossed_with` gives it.

    Returns
    -------
    DataFrame
        In the form of ``Grouping.table``: `stratum_type` ``deprivation|urbanity:urban``, `stratum` ``Q1``.

    Examples
    --------
    >>> crossed = pd.DataFrame({"stratum_type": ["deprivation|urbanity"], "stratum": ["Q1|urban"]})
    >>> within_classes(crossed)[["stratum_type", "stratum"]].values.tolist()
    [['deprivation|urbanity:urban', 'Q1']]
    """
    kind = crossed["stratum_type"].astype(str).str.split(CROSSED, n=1, regex=False).str[0]
    split = crossed["stratum"].astype(str).str.split(CROSSED, n=1, regex=False)
    return crossed.assign(stratum_type=kind + IN_CLASS + split.str[1], stratum=split.str[0])


def urbanity_interaction(cells: Cells, asked: Inequality) -> pd.DataFrame:
    """Return the relative index within each class of urbanity, and whether the first differs from the others.

    Parameters
    ----------
    cells : Cells
        By groups crossed with classes (:func:`crossed_with`).
    asked : Inequality
        The section [inequality] of the study file.

    Returns
    -------
    DataFrame
        Rows ``relative_index`` of each class (`stratum_type` ends with the class), the ratio of each to the
        first class in alphabetical order ``relative_index_ratio`` (comparator: that class), and the p-value
        of no interaction ``relative_index_ratio_p``. Counts of two classes are of distinct persons.

    Raises
    ------
    InputError
        ``I001``, ``I017`` cells that are not by group of deprivation; as for
        :func:`rnc_epi.inequality.gradients`.

    References
    ----------
    Altman DG, Bland JM. Interaction revisited: the difference between two estimates. BMJ 2003;326:219
    (difference of the log indices, their variances added).

    Examples
    --------
    No gradient in either class: both indices are 1, and so is their ratio.

    >>> import numpy as np
    >>> from rnc_epi.cells.table import Cells
    >>> from rnc_epi.vocabulary.ages import BandSet
    >>> from rnc_epi.vocabulary.study_inequality import Inequality
    >>> asked = Inequality(index="fdep", vintage="2015", groups=3, measures=["rate_ratio"])
    >>> crossed = [f"{group}|{urbanity}" for urbanity in ("rural", "urban") for group in ("Q1", "Q2", "Q3")]
    >>> strata = pd.DataFrame({"event_type": "incidence", "source": "s", "site": "lung", "sex": 1,
    ...     "geo_level": "region", "geo_code": "r", "geo_vintage": "v", "period_from": 2016,
    ...     "period_until": 2021, "stratum_type": "deprivation|urbanity", "stratum": crossed})
    >>> cells = Cells(strata, BandSet.from_starts([0]), np.full((6, 1), 100), np.zeros(6, int),
    ...     np.full((6, 1), 1e5))
    >>> found = urbanity_interaction(cells, asked).set_index("indicator")["value"]
    >>> found[["relative_index", "relative_index_ratio"]].round(6).tolist()
    [1.0, 1.0, 1.0]
    """
    split = cells.strata["stratum"].astype(str).str.split(CROSSED, n=1, regex=False)
    group, urbanity = split.str[0], split.str[1]
    kind = cells.strata["stratum_type"].astype(str).str.split(CROSSED, n=1, regex=False).str[0]
    of_class: dict[str, GroupedStrata] = {}
    for name in sorted(set(urbanity.dropna())):
        rows = urbanity.eq(name).to_numpy()
        part = cells.take(rows)
        strata = part.strata.assign(stratum=group[rows].to_numpy(), stratum_type=kind[rows].to_numpy())
        of_class[name] = grouped_strata(replace(part, strata=strata), asked.groups)
    names = list(of_class)
    if len(names) < 2:
        return pd.DataFrame()
    first = of_class[names[0]]
    base = log_relative(first, asked)
    parts = [_class_rows(first, names[0], base, asked)]
    for name in names[1:]:
        own = of_class[name]
        found = log_relative(own, asked)
        parts.append(_class_rows(own, name, found, asked))
        parts.append(_ratio_rows(own, name, found, (first, names[0], base), asked))
    return pd.concat([part for part in parts if len(part)], ignore_index=True)


def _class_rows(strata: GroupedStrata, name: str, found: LogRelative, asked: Inequality) -> pd.DataFrame:
    # The counts that the index rests on stand beside it: secrecy is judged on them.
    seen = strata.events.sum(axis=1) + strata.unknown_age
    counts = [
        Measured("count", UNIT_EVENTS, seen[:, place], "count", stratum=label,
                 events=seen[:, place], person_years=strata.population[:, place])
        for place, label in enumerate(strata.labels)
    ]  # fmt: skip
    counts.append(Measured("count", UNIT_EVENTS, strata.total_events, "count"))
    return _rows(strata, [_ratio("relative_index", found, asked), *counts], asked, name)


def _ratio(
    indicator: str, found: LogRelative, asked: Inequality, comparator: str = NOT_APPLICABLE
) -> Measured:
    value = np.where(found.estimable, np.exp(found.value), np.nan)
    return Measured(
        indicator,
        UNIT_RATIO,
        value,
        "multiplicative-poisson",
        value * np.exp(-found.times * found.se),
        value * np.exp(found.times * found.se),
        value * found.se,
        asked.variance,
        standard=asked.standard,
        comparator=comparator,
    )


def _ratio_rows(
    strata: GroupedStrata,
    name: str,
    found: LogRelative,
    reference: tuple[GroupedStrata, str, LogRelative],
    asked: Inequality,
) -> pd.DataFrame:
    other, other_name, base = reference
    present = [one for one in STRATUM_KEYS if one in strata.keys.columns]
    place = other.keys[present].assign(_row=np.arange(len(other)))
    row = strata.keys[present].merge(place, on=present, how="left")["_row"].to_numpy(dtype=float)
    both = np.flatnonzero(np.isfinite(row))
    at = row[both].astype(np.intp)
    known = found.estimable[both] & base.estimable[at]
    gap = LogRelative(
        np.where(known, found.value[both] - base.value[at], 0.0),
        np.where(known, np.sqrt(found.se[both] ** 2 + base.se[at] ** 2), 1.0),
        # The wider of the two multipliers: with few ages both rest on few degrees of freedom.
        np.maximum(found.times[both], base.times[at]),
        known,
    )
    test = p_value(gap.value / gap.se, np.full(len(both), np.inf))
    measures = [
        _ratio("relative_index_ratio", gap, asked, other_name),
        Measured(
            "relative_index_ratio_p",
            UNIT_PROBABILITY,
            np.where(known, test, np.nan),
            "multiplicative-poisson",
            standard=asked.standard,
            comparator=other_name,
        ),
    ]
    return _rows(strata.take(both), measures, asked, name)


def _rows(
    strata: GroupedStrata, measures: list[Measured], asked: Inequality, urbanity: str = ""
) -> pd.DataFrame:
    keys = strata.keys
    if urbanity:
        kind = keys["stratum_type"].astype(str) if "stratum_type" in keys else DEPRIVATION
        keys = keys.assign(stratum_type=kind + IN_CLASS + urbanity)
    return measured_rows(
        keys,
        measures,
        strata.reasons(asked.standard),
        events=strata.total_events,
        person_years=strata.total_person_years,
        level=asked.level,
    )
