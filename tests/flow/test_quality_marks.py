"""What the rules on quality do to the figures of a registry, and to no other."""

from __future__ import annotations

import pandas as pd
import pytest

from rnc_epi.extracts.quality import QualityReport
from rnc_epi.extracts.quality.rules import COLUMNS
from rnc_epi.quality_marks import marked
from rnc_epi.vocabulary.schemas import as_result

SAME = {
    "indicator": "asr", "measure_unit": "rate", "per": 100_000, "event_type": "incidence", "site": "lung",
    "sex": 1, "geo_level": "registry_zone", "geo_vintage": "v", "period_from": 2016, "period_until": 2021,
    "age_from": 0, "value": 50.0, "lower": 40.0, "upper": 60.0, "events": 400.0, "status": "estimated",
    "estimator": "observed",
}  # fmt: skip


def results() -> pd.DataFrame:
    rows = [
        {"geo_code": "poor"},
        {"geo_code": "good"},
        {"geo_code": "ALL"},
        {"geo_code": "poor", "site": "breast", "sex": 2},
        {"geo_code": "poor", "event_type": "death"},
    ]
    return as_result(pd.DataFrame([SAME | row for row in rows]))


def report(action: str) -> QualityReport:
    actions = pd.DataFrame(
        [("poor", "lung", 1, 2016, 2021, action, "Q021", "x", 1.0, 1.0)], columns=list(COLUMNS)
    )
    return QualityReport("x", pd.DataFrame(), actions)


@pytest.mark.parametrize(
    ("action", "block", "lost"), [("flag", True, 0), ("block", False, 0), ("block", True, 1)]
)
def test_a_rule_marks_its_registry_and_blocks_only_where_it_says_so(
    action: str, block: bool, lost: int
) -> None:
    table = marked(results(), report(action), block=block)
    graded = table[table["data_grade"].eq("Q021")]
    assert graded[["geo_code", "site", "event_type"]].values.tolist() == [["poor", "lung", "incidence"]]
    assert table["status"].eq("not_estimable").sum() == lost
    assert graded["value"].isna().sum() == lost
    assert table["events"].eq(400.0).all(), "secrecy is judged on the count, whatever its quality"


def test_a_table_without_broken_rules_stays_as_it_is() -> None:
    empty = QualityReport("x", pd.DataFrame(), pd.DataFrame(columns=list(COLUMNS)))
    pd.testing.assert_frame_equal(marked(results(), empty, block=True), results())
