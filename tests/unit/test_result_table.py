"""The one result table: its columns, its key, its order; draws that keep joint worlds together."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rnc_epi.vocabulary.areas import AreaKey, level_title
from rnc_epi.vocabulary.draws import Draws, seed_of
from rnc_epi.vocabulary.errors import InputError, StudyFileError
from rnc_epi.vocabulary.policy import PlanRule, Policy
from rnc_epi.vocabulary.schemas import RESULT_COLUMNS, as_result

ROW = {"indicator": "count", "per": 1, "site": "lung", "sex": 1, "geo_level": "region", "geo_code": "01"}
ROW |= {"geo_vintage": "cog2026", "period_from": 2016, "period_until": 2017, "age_from": 0, "value": 3.0}


def rows(*changes: dict[str, object]) -> pd.DataFrame:
    return pd.DataFrame([{**ROW, **change} for change in changes])


def test_absent_columns_are_written_as_not_applicable_or_missing() -> None:
    table = as_result(rows({}))
    assert list(table.columns) == list(RESULT_COLUMNS)
    assert table.loc[0, "standard"] == "_"
    assert pd.isna(table.loc[0, "age_until"])
    assert pd.isna(table.loc[0, "level"])
    assert {name: str(kind) for name, kind in table.dtypes.items()} == dict(RESULT_COLUMNS)


def test_two_rows_with_one_key_are_refused_and_null_equals_null() -> None:
    with pytest.raises(InputError, match="S003"):
        as_result(rows({"value": 1.0}, {"value": 2.0}))
    assert len(as_result(rows({"age_until": 15}, {"age_until": pd.NA}))) == 2


def test_an_unknown_column_is_refused() -> None:
    with pytest.raises(InputError, match="S002"):
        as_result(rows({}).assign(rate=1.0))


def test_the_order_of_the_rows_given_does_not_matter() -> None:
    given = rows({"geo_code": "84"}, {"geo_code": "01"}, {"sex": 0}, {"age_until": 15}, {"sex": 2})
    first = as_result(given)
    second = as_result(given.iloc[[4, 2, 0, 3, 1]])
    pd.testing.assert_frame_equal(first, second)


def test_an_area_is_level_code_and_vintage_together() -> None:
    assert AreaKey("region", "01", "cog2026") != AreaKey("departement", "01", "cog2026")
    with pytest.raises(InputError, match="S001"):
        AreaKey("region", "", "cog2026")
    assert level_title("zone", "fr") == "zone"


def test_draws_of_a_sum_are_the_sums_of_the_draws() -> None:
    index = pd.DataFrame({"geo_code": ["01", "02", "03"]})
    values = np.array([[1.0, 2.0], [10.0, 20.0], [100.0, 200.0]])
    draws = Draws(index, values, "events", "prediction", 0, "m")
    summed = draws.aggregate([[1, 1, 0], [0, 0, 1]], pd.DataFrame({"geo_code": ["A", "B"]}))
    assert summed.values.tolist() == [[11.0, 22.0], [100.0, 200.0]]
    with pytest.raises(InputError, match="M002"):
        draws.aggregate([[1, 1]], pd.DataFrame({"geo_code": ["A"]}))
    with pytest.raises(InputError, match="M004"):
        draws.summarise(95)


def test_a_seed_depends_on_the_key_and_the_study_alone() -> None:
    # SHA-256 of "0|lung", its first eight bytes, computed apart.
    assert seed_of("lung") == int("f735e0362a2e7c9a", 16)
    assert seed_of("lung", 1) != seed_of("lung", 0)


def test_of_several_sources_the_highest_threshold_holds() -> None:
    policy = Policy("p", 11, {"ci5": 0, "strict": 20}, (PlanRule("region", 3, True, ("death",)),))
    assert [policy.threshold_of(name) for name in ("ci5", "other", "ci5+other", "ci5+strict")] == [
        0,
        11,
        11,
        20,
    ]
    assert policy.rule_of("region", "incidence") is None
    assert policy.rule_of("region", "death") is not None
    assert policy.fingerprint() != Policy("p", 10).fingerprint()
    with pytest.raises(StudyFileError, match="S010"):
        Policy("p", -1)
