"""Classical methods on tables: published totals, hand calculations, and tables that cannot be used."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rnc_epi.calibration import capture_recapture, corrected_cases
from rnc_epi.vocabulary.errors import InputError

SOURCES = ["births", "deaths", "care"]
PRESENCE = [(1, 0, 0), (0, 1, 0), (1, 1, 0), (0, 0, 1), (1, 0, 1), (0, 1, 1), (1, 1, 1)]
#: Spina bifida, upstate New York (Regal and Hook 1991): 626 children.
CASES = [60, 49, 4, 247, 112, 142, 12]


def seen(cases=CASES):
    return pd.DataFrame(PRESENCE, columns=SOURCES).assign(cases=cases)


def test_every_model_of_three_sources_has_its_published_total():
    found = capture_recapture(seen(), SOURCES)
    totals = found[found["method"].eq("log-linear")].set_index("model")["total"]
    published = {
        "independent": 763.89,
        "births x deaths": 730.93,
        "births x care": 755.94,
        "deaths x care": 831.31,
        "births x deaths, births x care": 711.23,
        "births x deaths, deaths x care": 758.32,
        "births x care, deaths x care": 1361.00,
        "births x deaths, births x care, deaths x care": 762.98,
    }
    # Printed to two decimals.
    assert totals.to_dict() == pytest.approx(published, abs=0.006)
    pairs = found[found["method"].eq("chapman")].set_index("model")
    assert pairs["total"].round(2).tolist() == [2311.47, 776.17, 688.75]
    assert pairs["se"].round(2).tolist() == [498.26, 35.05, 23.30]
    assert found["best"].sum() == 1
    assert found["refused"].eq("_").all()
    averaged = found[found["method"].eq("averaged")].iloc[0]
    assert averaged["seen"] == 626
    assert averaged["lower"] > 626


def test_groups_are_estimated_apart_and_in_any_order_of_rows():
    both = pd.concat([seen().assign(period="a"), seen([2 * n for n in CASES]).assign(period="b")])
    found = capture_recapture(both.sample(frac=1, random_state=1), SOURCES, by=["period"])
    alone = capture_recapture(seen(), SOURCES)
    first = found[found["period"].eq("a")].drop(columns="period").reset_index(drop=True)
    pd.testing.assert_frame_equal(first, alone)
    # Twice the cases: the independent model has twice the total.
    independent = found[found["model"].eq("independent")].set_index("period")["total"]
    assert independent["b"] == pytest.approx(2 * independent["a"])


def test_a_group_without_a_name_is_a_group():
    both = pd.concat([seen().assign(period=None), seen().assign(period="b")])
    found = capture_recapture(both, SOURCES, by=["period"])
    assert (
        found["period"].isna().sum()
        == found["period"].eq("b").sum()
        == len(capture_recapture(seen(), SOURCES))
    )


def test_a_group_without_overlap_is_stated_not_dropped():
    none = pd.DataFrame({"a": [1, 0, 1], "b": [0, 1, 1], "cases": [0, 0, 0]})
    found = capture_recapture(none, ["a", "b"])
    assert found["method"].tolist() == ["chapman", "log-linear"]
    assert found["refused"].tolist() == ["_", "C005"]


def test_predictive_value_and_sensitivity_correct_each_stratum():
    table = pd.DataFrame(
        {
            "age": ["15-64", "65+"],
            "identified": [1000, 500],
            "confirmed": [90, 190],
            "reviewed": [100, 200],
            "found": [92, 80],
            "registered": [100, 100],
        }
    )
    found = corrected_cases(table)
    assert found["age"].tolist() == ["15-64", "65+"]
    # 1000 x 0.90 / 0.92 and 500 x 0.95 / 0.80.
    assert found["cases"].tolist() == pytest.approx([978.260870, 593.75])
    error = np.sqrt(1 / 500 + 0.05 / 190 + 0.2 / 80)
    assert found["upper"].iloc[1] == pytest.approx(593.75 * np.exp(1.959964 * error), rel=1e-6)


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda: capture_recapture(seen().drop(columns="care"), SOURCES), "W015"),
        (lambda: capture_recapture(seen().assign(care=2), SOURCES), "W016"),
        (lambda: capture_recapture(seen().assign(care=np.nan), SOURCES), "W016"),
        (lambda: capture_recapture(seen().iloc[1:], SOURCES), "W017"),
        (lambda: capture_recapture(seen().iloc[:0], SOURCES), "W017"),
        (lambda: capture_recapture(seen(), ["births", "births"]), "W017"),
        (lambda: capture_recapture(seen().assign(cases="a"), SOURCES), "M008"),
        (lambda: capture_recapture(seen([-1] * 7), SOURCES), "M001"),
        (lambda: capture_recapture(seen(), SOURCES, criterion="dic"), "M005"),
        (lambda: corrected_cases(pd.DataFrame({"identified": [1]})), "W015"),
    ],
)
def test_tables_that_cannot_be_used_are_refused(call, code):
    with pytest.raises(InputError, match=code):
        call()
