"""Types of data frames follow from the query, whatever the rows; and the ledger of rows adds up."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rnc_epi.store import RowAccounting, open_locked
from rnc_epi.vocabulary.errors import ExtractRefused
from tests.extract_builder import write_extract

QUERY = """
SELECT sum(i) AS total, count(*) AS n, CAST(i AS UTINYINT) AS small,
       CAST(1.25 AS DECIMAL(18,6)) AS person_years, CAST(i AS FLOAT) AS single, 'é' AS word, i > 1 AS flag,
       CAST('x' AS BLOB) AS raw, CAST(NULL AS INTEGER) AS absent, CAST(NULL AS VARCHAR) AS no_word
FROM range(3) t(i) WHERE {} GROUP BY i
"""
TYPES = {
    "total": "Int64", "n": "Int64", "small": "Int64", "person_years": "float64", "single": "float64",
    "word": "str", "flag": "boolean", "raw": "object", "absent": "Int64", "no_word": "str",
}  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with open_locked(write_extract(tmp_path_factory.mktemp("frames") / "x.duckdb")) as store:
        yield store


@pytest.mark.parametrize("condition", ["true", "false"])
def test_types_are_the_same_with_rows_and_without(store, condition):
    frame = store.read(QUERY.format(condition))
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == TYPES


def test_values_come_through_unchanged(store):
    frame = store.read(QUERY.format("true"), order_by=["small"])
    assert frame["total"].tolist() == [0, 1, 2]
    assert frame["person_years"].tolist() == [1.25] * 3
    assert frame["word"].tolist() == ["é"] * 3
    assert frame["raw"].tolist() == [b"x"] * 3
    assert frame["absent"].isna().all()
    assert frame["no_word"].isna().all()


def test_person_years_of_the_contract_become_the_nearest_double(store):
    frame = store.read("SELECT CAST('123456789012.345678' AS DECIMAL(18,6)) AS person_years")
    assert frame["person_years"].tolist() == [123456789012.345678]


def test_a_sum_beyond_64_bits_is_an_error_and_not_a_wrong_number(store):
    with pytest.raises(ExtractRefused) as caught:
        store.read("SELECT sum(9223372036854775807) AS n FROM range(2)")
    assert caught.value.code == "D129"


def test_types_outside_the_exchange_are_refused(store):
    with pytest.raises(TypeError):
        store.read("SELECT [1, 2] AS a")


def test_rows_come_back_sorted_with_nulls_last(store):
    assert store.rows("SELECT * FROM (VALUES (2), (NULL), (1))") == [(1,), (2,), (None,)]
    frame = store.read("SELECT * FROM (VALUES (2, 'b'), (NULL, 'a'), (1, 'c')) t(a, b)", order_by=["b"])
    assert frame["b"].tolist() == ["a", "b", "c"]


def test_a_frame_can_be_written_to(store):
    frame = store.read("SELECT 1.5 AS a")
    values = frame["a"].to_numpy(copy=True)
    values[0] = 2.0
    frame.loc[0, "a"] = 3.0
    assert np.isclose(frame["a"].iloc[0], 3.0)


def test_the_ledger_adds_lines_of_one_reason_and_has_fixed_types():
    ledger = RowAccounting()
    for _ in range(2):
        ledger.record("tumours", "a", "contract", "quarantined", "D048", rows=1, events=1)
    ledger.record("tumours", "a", "contract", "used", "_", rows=8, events=8)
    frame = ledger.frame()
    assert frame["rows"].tolist() == [2, 8]
    assert str(frame["rows"].dtype) == "Int64"
    assert str(RowAccounting().frame()["reason"].dtype) == "str"
    ledger.require_conserved("tumours", "a", "contract", rows_in=10, events_in=10)


@pytest.mark.parametrize(("rows_in", "events_in"), [(11, 10), (10, 11), (9, 10)])
def test_one_row_or_event_lost_or_gained_stops_the_study(rows_in, events_in):
    ledger = RowAccounting()
    ledger.record("tumours", "a", "contract", "used", "_", rows=10, events=10)
    with pytest.raises(ExtractRefused) as caught:
        ledger.require_conserved("tumours", "a", "contract", rows_in=rows_in, events_in=events_in)
    assert caught.value.code == "D130"


def test_an_invented_fate_is_refused():
    with pytest.raises(ValueError):
        RowAccounting().record("tumours", "a", "contract", "lost", "_", rows=1, events=1)


def test_the_frame_of_the_ledger_is_independent_of_the_order_of_entries():
    first, second = RowAccounting(), RowAccounting()
    lines = [("tumours", "b", "contract", "used", "_"), ("areas", "_", "contract", "used", "_")]
    for ledger, order in ((first, lines), (second, lines[::-1])):
        for line in order:
            ledger.record(*line, rows=1, events=0)
    pd.testing.assert_frame_equal(first.frame(), second.frame())
