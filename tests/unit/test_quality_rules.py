"""What the declared rules say of planted faults."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rnc_epi.extracts.quality import action_for
from rnc_epi.extracts.quality.comparison import compared
from rnc_epi.extracts.quality.rules import BLOCK, FLAG, broken_rules
from rnc_epi.extracts.quality.rules import COLUMNS as ACTION_COLUMNS
from rnc_epi.extracts.quality.shares import COLUMNS, OK
from tests.quality_reports import shares_of


@pytest.mark.parametrize(
    ("indicator", "part", "codes"),
    [
        ("microscopically_verified", 700, {"Q010"}),
        ("microscopically_verified", 999, {"Q011"}),
        ("microscopically_verified", 900, set()),
        ("death_certificate_only", 150, {"Q020"}),
        ("death_certificate_only", 300, {"Q020", "Q021"}),
        ("death_certificate_only", 0, {"Q022"}),
        ("primary_site_unknown", 80, {"Q030"}),
        ("primary_site_unknown", 150, {"Q030", "Q031"}),
        ("unspecified_morphology", 150, {"Q040"}),
        ("unknown_age", 30, {"Q050"}),
        ("missing_stage", 400, {"Q060"}),
        ("missing_stage", 305, set()),
    ],
)
def test_a_share_beyond_its_limit_breaks_its_rule_and_no_other(indicator, part, codes):
    found = broken_rules(compared(shares_of([part], [1000], indicator)))
    assert set(found["code"]) == codes
    assert set(found.loc[found["code"].isin(["Q021", "Q031"]), "action"]) <= {BLOCK}


def _ratio(indicator, value, lower, upper, **columns):
    row = dict.fromkeys(COLUMNS, np.nan) | {
        "registry": "r0", "indicator": indicator, "site": "all_cancers", "sex": 0, "period_from": 2016,
        "period_until": 2019, "value": value, "lower": lower, "upper": upper, "unit": "ratio", "status": OK,
        "part": 100.0, "whole": 100.0,
    }  # fmt: skip
    return compared(pd.DataFrame([row | columns], columns=list(COLUMNS)))


@pytest.mark.parametrize(
    ("row", "codes"),
    [
        (_ratio("mortality_incidence_ratio", 1.2, 1.05, 1.4, site="liver"), {"Q070"}),
        (_ratio("mortality_incidence_ratio", 1.2, 0.95, 1.5, site="liver"), set()),
        (_ratio("mortality_less_lethality", 0.3, 0.2, 0.4, site="lung"), {"Q071"}),
        (_ratio("mortality_less_lethality", 0.1, 0.0, 0.2, site="lung"), set()),
        (_ratio("childhood_ratio", 0.5, 0.4, 0.6, part=50.0, whole=100.0), {"Q090"}),
        (_ratio("childhood_ratio", 0.8, 0.7, 0.9, part=80.0, whole=100.0), set()),
        (_ratio("old_age_ratio", 0.7, 0.65, 0.75), {"Q100"}),
        (_ratio("last_year_ratio", 0.93, 0.91, 0.95), {"Q110"}),
        (_ratio("last_year_ratio", 0.8, 0.75, 0.85), {"Q110", "Q111"}),
        (_ratio("years_behind", 5.0, np.nan, np.nan, unit="years"), {"Q120"}),
        (_ratio("years_behind", 4.0, np.nan, np.nan, unit="years"), set()),
    ],
)
def test_a_ratio_beyond_its_limit_breaks_its_rule_and_no_other(row, codes):
    assert set(broken_rules(row)["code"]) == codes


def test_a_registry_far_from_the_others_is_flagged_for_it():
    found = broken_rules(compared(shares_of([100, 100, 250], [1000, 1000, 1000])))
    assert set(found.loc[found["code"] == "Q130", "registry"]) == {"r0", "r1", "r2"}
    # Significant, but a point apart: chance does not make it, and it does not matter.
    near = compared(shares_of([10_000, 10_000, 11_500], [100_000] * 3))
    assert near["differs"].any()
    assert "Q130" not in set(broken_rules(near)["code"])


def test_what_is_done_concerns_the_right_numbers():
    rows = [
        ("r", "all_cancers", 0, 2016, 2019, FLAG, "Q010", "", 1.0, 1.0),
        ("r", "colorectum", 0, 2016, 2019, FLAG, "Q060", "missing_stage", 1.0, 1.0),
        ("r", "all_cancers", 0, 2018, 2019, BLOCK, "Q111", "", 1.0, 1.0),
        ("r", "liver", 1, 2016, 2019, FLAG, "Q070", "", 1.0, 1.0),
    ]
    actions = pd.DataFrame(rows, columns=list(ACTION_COLUMNS))
    by_stage = action_for(actions, "r", "colon", 2, 2016, 2017, by_stage=True)
    assert by_stage == (FLAG, ("Q010", "Q060"))
    # Stages that are missing say nothing of numbers that are not by stage.
    assert action_for(actions, "r", "colon", 2, 2016, 2017) == (FLAG, ("Q010",))
    assert action_for(actions, "r", "lung", 1, 2016, 2017) == (FLAG, ("Q010",))
    assert action_for(actions, "r", "lung", 1, 2016, 2019) == (BLOCK, ("Q010", "Q111"))
    assert action_for(actions, "r", "liver", 2, 2016, 2017) == (FLAG, ("Q010",))
    assert action_for(actions, "r", "liver", 0, 2016, 2017) == (FLAG, ("Q010", "Q070"))
    # Years are half-open: neither the year after nor the one before is concerned.
    assert action_for(actions, "r", "lung", 1, 2019, 2020) == (None, ())
    assert action_for(actions, "r", "lung", 1, 2015, 2016) == (None, ())
    assert action_for(actions, "other", "liver", 0, 2016, 2019) == (None, ())


def test_a_ratio_far_from_that_of_the_other_registries_is_flagged_at_its_site():
    def table(*deaths: float) -> pd.DataFrame:
        rows = [
            _ratio("mortality_incidence_ratio", dead / 1000, dead / 1100, dead / 900, site="lung",
                   registry=f"r{place}", part=dead, whole=1000.0)
            for place, dead in enumerate(deaths)
        ]  # fmt: skip
        return compared(pd.concat(rows, ignore_index=True)[list(COLUMNS)])

    # By hand: ln(0.5 / 0.8) is -0.47, ten times its error of sqrt(1/500 + 1/1000 + 1/1600 + 1/2000) = 0.064.
    found = broken_rules(table(800, 800, 500))
    assert set(found["code"]) == {"Q072"}
    assert "r2" in set(found["registry"])
    assert set(found["site"]) == {"lung"}
    assert broken_rules(table(800, 820, 790)).empty
    # Far beyond chance, and less than a tenth apart.
    assert broken_rules(table(80, 80, 160)).empty
