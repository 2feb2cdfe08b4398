"""Late stage by deprivation: the share of each group, its gradient, and the counts that both rest on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from scipy.special import betaincinv

from rnc_epi.inequality.measures import flat_cells, of_estimate
from rnc_epi.inequality.rows import UNIT_EVENTS, UNIT_PERCENT, UNIT_RATIO, Measured, measured_rows
from rnc_epi.inequality.strata import GroupedStrata, grouped_strata
from rnc_epi.maths import inequality as formulas
from rnc_epi.vocabulary.deprivation import ALL_GROUPS, DEPRIVATION
from rnc_epi.vocabulary.errors import InputError
from rnc_epi.vocabulary.estimators import CROSSED
from rnc_epi.vocabulary.schemas import as_result

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rnc_epi.cells.table import Cells
    from rnc_epi.vocabulary.study_inequality import Inequality

    Floats = NDArray[np.float64]

#: What is added to the `stratum_type` of a grouping for its cases at a late, and at an earlier, known stage.
LATE: Final = f"{CROSSED}stage:late"
EARLY: Final = f"{CROSSED}stage:early"


def late_stage_rows(
    late: Cells | Sequence[Cells], early: Cells | Sequence[Cells], asked: Inequality
) -> pd.DataFrame:
    """Return counts by stage of each group, the share found late, and its gradient.

    Parameters
    ----------
    late, early : Cells or sequence of Cells
        By group of deprivation, of the same strata in the same order: cases at a late stage, and at another
        known one. Cases without a stage are in neither.
    asked : Inequality
        The section [inequality] of the study file.

    Returns
    -------
    DataFrame
        Rows of the one result table. `stratum_type` ends in ``|stage:late`` and ``|stage:early``: counts of
        each group and of ``all``. On the late ones ``late_stage_share`` of each group and of ``all``, and on
        ``all`` the ``late_stage_slope_index`` and ``late_stage_relative_index``. Strata without a staged
        case have none.

    Raises
    ------
    InputError
        ``I017`` cells that are not by group of deprivation, or late and early ones of other strata; ``I001``
        fewer than three groups.

    Examples
    --------
    Late: 10, 20 and 30 of each 100 staged cases; in all 60 of 300, 20 per cent.

    >>> import pandas as pd
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
    >>> found = late_stage_rows(cells_of(10, 20, 30), cells_of(90, 80, 70), asked)
    >>> found.loc[found["indicator"].eq("late_stage_share"), ["stratum", "value"]].values.tolist()
    [['Q1', 10.0], ['Q2', 20.0], ['Q3', 30.0], ['all', 20.0]]
    """
    pairs = zip(*(one if isinstance(one, Sequence) else (one,) for one in (late, early)), strict=True)
    parts = []
    for found_late, found_early in pairs:
        few, many = grouped_strata(found_late, asked.groups), grouped_strata(found_early, asked.groups)
        if not few.keys.equals(many.keys) or few.bands != many.bands:
            raise InputError("I017", found=f"{len(few)} / {len(many)}")
        staged = np.flatnonzero(few.total_events + many.total_events > 0)
        if staged.size:
            parts += _rows(few.take(staged), many.take(staged), asked)
    return as_result(pd.concat(parts, ignore_index=True) if parts else pd.DataFrame())


def _rows(late: GroupedStrata, early: GroupedStrata, asked: Inequality) -> list[pd.DataFrame]:
    parts = []
    kind = late.keys["stratum_type"].astype(str) if "stratum_type" in late.keys else DEPRIVATION
    years = late.population
    for strata, suffix in ((late, LATE), (early, EARLY)):
        seen = strata.events.sum(axis=1) + strata.unknown_age
        measures = [
            Measured("count", UNIT_EVENTS, seen[:, place], "count", stratum=label,
                     events=seen[:, place], person_years=years[:, place])
            for place, label in enumerate(strata.labels)
        ]  # fmt: skip
        measures.append(Measured("count", UNIT_EVENTS, strata.total_events, "count"))
        if suffix == LATE:
            known = seen + early.events.sum(axis=1) + early.unknown_age
            measures += [
                replace(share_of(seen[:, place], known[:, place], asked.level), stratum=label,
                        events=seen[:, place], person_years=years[:, place])
                for place, label in enumerate(strata.labels)
            ]  # fmt: skip
            measures.append(share_of(seen.sum(axis=1), known.sum(axis=1), asked.level))
            measures += gradient_of_shares(_over_staged(late, early), asked.level)
        parts.append(
            measured_rows(
                strata.keys.assign(stratum_type=kind + suffix),
                measures,
                np.where(strata.covered, "_", "not_all_covered").astype(object),
                events=strata.total_events,
                person_years=strata.total_person_years,
                level=asked.level,
            )
        )
    return parts


def _over_staged(late: GroupedStrata, early: GroupedStrata) -> GroupedStrata:
    """Return late cases among staged ones, in the place of events among person-years."""
    return replace(late, person_years=late.events + early.events)


def share_of(late: Floats, staged: Floats, level: float) -> Measured:
    """Return the share found late, in per cent, with Clopper-Pearson limits."""
    tail = (1.0 - level) / 2.0
    some = staged > 0
    left = np.where(some, staged - late, 1.0)
    lower = np.where(late > 0, betaincinv(np.where(late > 0, late, 1.0), left + 1.0, tail), 0.0)
    upper = np.where(left > 0, betaincinv(late + 1.0, np.where(left > 0, left, 1.0), 1.0 - tail), 1.0)
    share = np.where(some, late / np.where(some, staged, 1.0), np.nan)
    return Measured(
        "late_stage_share",
        UNIT_PERCENT,
        100.0 * share,
        "proportion",
        100.0 * lower,
        100.0 * upper,
        100.0 * np.sqrt(share * (1.0 - share) / np.where(some, staged, 1.0)),
        "clopper-pearson",
        stratum=ALL_GROUPS,
        reason="no_staged_case",
    )


def gradient_of_shares(strata: GroupedStrata, level: float) -> list[Measured]:
    """Return slope (in points) and relative index of a share: `person_years` holds the persons it is of.

    Logistic model with an intercept at each age, robust variance, standardised on the ages of these persons.
    """
    counts, persons, rank, age = flat_cells(strata)
    found = formulas.slope_and_relative_index(counts, persons, rank, age, model="logistic", level=level)
    kept: dict[str, Any] = {"method": "logistic", "interval_method": "robust"}
    return [
        of_estimate(found.slope, "late_stage_slope_index", UNIT_PERCENT, scale=100.0, **kept),
        of_estimate(found.relative, "late_stage_relative_index", UNIT_RATIO, **kept),
    ]
