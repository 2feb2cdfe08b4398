"""The publication plan: which rows may be published at all, before any count is looked at.

A row that the plan does not allow is left out of the release. A row whose mortality carries a caveat that
no declared line lifts stays, without a number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from rnc_epi.vocabulary.estimators import RISK_CLASS
from rnc_epi.vocabulary.schemas import NOT_APPLICABLE

if TYPE_CHECKING:
    import pandas as pd

    from rnc_epi.vocabulary.policy import Policy

#: Words that internal accounting uses for what the plan leaves out.
UNNAMED_LEVEL, SHORT_PERIOD, AGE_DETAIL, CAVEAT = "unnamed_level", "short_period", "age_detail", "caveat"
STRATA, CLASSES = "strata", "classes"
#: Age from which calibrated estimates are made: below it too few cases to calibrate on.
_ADULT_AGE: Final = 15


@dataclass(frozen=True)
class PlanDecision:
    """For each row of a result table: whether it stays, whether it stays without a number, and why not.

    Parameters
    ----------
    kept, caveat : arrays of bool, shape (rows,)
    left_out : dict
        Rows left out, by reason.
    """

    kept: np.ndarray
    caveat: np.ndarray
    left_out: dict[str, int]


def apply_plan(results: pd.DataFrame, policy: Policy, caveats: Mapping[str, str]) -> PlanDecision:
    """Return what the plan of a policy says of each row.

    Parameters
    ----------
    results : DataFrame
        In the form of the one result table.
    policy : Policy
    caveats : mapping
        Sites whose mortality carries a caveat, with the caveat; lifted by `policy.lifts`.
    """
    rules = {
        pair: policy.rule_of(*pair)
        for pair in set(zip(results["geo_level"], results["event_type"], strict=True))
    }
    pairs = list(zip(results["geo_level"], results["event_type"], strict=True))
    named = np.array([rules[pair] is not None for pair in pairs], dtype=bool)
    minimum = np.array([rule.minimum_years if (rule := rules[pair]) else 0 for pair in pairs])
    detail = np.array(
        [bool(rule and rule.age_detail) for pair in pairs for rule in (rules[pair],)], dtype=bool
    )
    exempt = results["source"].map(lambda source: policy.threshold_of(source) == 0).to_numpy(bool)
    years = (results["period_until"] - results["period_from"]).to_numpy(float)
    # Adults as a whole are no detail by age; the children that remain are protected as any remainder.
    by_age = (~results["age_from"].isin([0, _ADULT_AGE]) | results["age_until"].notna()).to_numpy(bool)
    short = named & ~exempt & (years < minimum)
    too_fine = named & ~exempt & ~short & by_age & ~detail
    strata = np.array([bool((rule := rules[pair]) and rule.strata) for pair in pairs], dtype=bool)
    classes = np.array([bool((rule := rules[pair]) and rule.classes) for pair in pairs], dtype=bool)
    stratified = (results["stratum_type"] != NOT_APPLICABLE).to_numpy(bool)
    in_time_and_age = named & ~short & ~too_fine
    by_group = in_time_and_age & stratified & ~strata
    by_class = in_time_and_age & (results["indicator"] == RISK_CLASS).to_numpy(bool) & ~classes
    lifted = {(lift.site, lift.event_type) for lift in policy.lifts}
    declared = {site for site in caveats if (site, "death") not in lifted}
    caveat = ((results["event_type"] == "death") & results["site"].isin(declared)).to_numpy(bool)
    kept = in_time_and_age & ~by_group & ~by_class
    beside = {STRATA: int(by_group.sum()), CLASSES: int(by_class.sum())}
    return PlanDecision(
        kept=kept,
        caveat=caveat & kept,
        left_out={
            UNNAMED_LEVEL: int((~named).sum()),
            SHORT_PERIOD: int(short.sum()),
            AGE_DETAIL: int(too_fine.sum()),
        }
        | {reason: rows for reason, rows in beside.items() if rows},
    )
