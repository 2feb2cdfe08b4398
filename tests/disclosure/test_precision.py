"""Published precision: decimal, half to even, once."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from rnc_epi.disclosure.precision import at_published_precision, decimals_of, round_half_even
from rnc_epi.vocabulary.policy import Policy, Precision
from rnc_epi.vocabulary.schemas import as_result


def test_ties_go_to_the_even_digit_of_the_decimal_writing():
    # 0.25 -> 0.2 and 0.35 -> 0.4 although 0.35 lies below its writing in binary.
    assert round_half_even(np.array([0.25, 0.35, 0.45, 2.5]), 1).tolist() == [0.2, 0.4, 0.4, 2.5]
    assert round_half_even(np.array([0.5, 1.5, 2.5]), 0).tolist() == [0.0, 2.0, 2.0]


def test_nulls_stay_and_no_negative_zero_is_written():
    rounded = round_half_even(np.array([np.nan, -0.01]), 1)
    assert np.isnan(rounded[0])
    assert repr(float(rounded[1])) == "0.0"


@given(st.floats(0, 1e7), st.integers(0, 3))
def test_rounding_moves_by_half_a_unit_at_most_and_twice_is_once(value, decimals):
    once = round_half_even(np.array([value]), decimals)
    assert round_half_even(once, decimals)[0] == once[0]
    # A double holds 15 digits: the unit below the last published one is far above its error.
    assert abs(Decimal(repr(float(once[0]))) - Decimal(repr(value))) <= Decimal(1).scaleb(-decimals) / 2


def test_precision_follows_the_kind_of_measure():
    precision = Precision()
    assert decimals_of("count", "events", precision) == (0, 1)
    assert decimals_of("asr", "rate", precision) == (1, 1)
    assert decimals_of("smr", "ratio", precision) == (2, 2)
    assert decimals_of("share", "percent", precision) == (1, 1)


def test_large_expected_counts_are_whole_unless_the_source_is_published_elsewhere():
    expected = [99.94, 100.04, 1234.56]
    ratio = {
        "indicator": "smr",
        "measure_unit": "ratio",
        "value": 1.0,
        "source": "deaths",
        "status": "estimated",
    }
    table = as_result(pd.DataFrame([ratio | {"expected": value, "site": str(value)} for value in expected]))
    published = at_published_precision(table, Policy("p"))
    assert sorted(published["expected"].tolist()) == [99.9, 100.0, 1235.0]
    elsewhere = at_published_precision(table, Policy("p", source_thresholds={"deaths": 0}))
    assert sorted(elsewhere["expected"].tolist()) == [99.9, 100.0, 1234.6]
