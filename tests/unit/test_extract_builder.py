"""The extract that other tests start from: stable, and typed as the contract says."""

from __future__ import annotations

import duckdb
import pandas as pd

from rnc_epi.vocabulary.contract import TABLES, TYPES
from tests.extract_builder import minimal_tables, write_extract


def test_two_calls_give_the_same_tables():
    first, second = minimal_tables(), minimal_tables()
    for name in first:
        pd.testing.assert_frame_equal(first[name], second[name])


def test_the_file_has_the_types_of_the_contract(tmp_path):
    path = write_extract(tmp_path / "x.duckdb")
    connection = duckdb.connect(str(path), read_only=True)
    for name, frame in minimal_tables().items():
        written = connection.sql(f'select * from "{name}"')
        assert written.columns == list(TABLES[name].column_names)
        assert [str(kind) for kind in written.types] == [TYPES[c.kind][0] for c in TABLES[name].columns]
        assert written.shape == frame.shape
    connection.close()
