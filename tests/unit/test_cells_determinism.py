"""The same extract gives the same cells and results whatever the threads and the order of its rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rnc_epi.cells.build import CellBuilder, Selection
from rnc_epi.extracts.opening import open_extract
from rnc_epi.indicators.tables import indicators
from rnc_epi.vocabulary.periods import Period
from rnc_epi.vocabulary.study import Rates
from tests.extract_builder import minimal_tables, write_extract


def computed(path, threads):
    with open_extract(path, threads=threads) as extract:
        selection = Selection(
            ("all_cancers", "colorectum", "pancreas", "prostate"), years=(2016,), pooled=(Period(2016, 2019),)
        )
        tables = CellBuilder(extract).cells(selection)
        return [cells.to_frame() for cells in tables], [
            indicators(c, Rates(ages=[0, 50, 75])) for c in tables
        ]


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    return computed(write_extract(tmp_path_factory.mktemp("order") / "a.duckdb"), 1)


def assert_same(found, reference):
    for one, other in zip([*found[0], *found[1]], [*reference[0], *reference[1]], strict=True):
        pd.testing.assert_frame_equal(one, other, check_exact=True)


def test_results_do_not_depend_on_threads(reference, tmp_path):
    assert_same(computed(write_extract(tmp_path / "x.duckdb"), 2), reference)


def test_results_do_not_depend_on_the_order_of_rows(reference, tmp_path):
    rng = np.random.default_rng(7)
    shuffled = {name: table.iloc[rng.permutation(len(table))] for name, table in minimal_tables().items()}
    assert_same(computed(write_extract(tmp_path / "x.duckdb", shuffled), 2), reference)


def test_the_reference_is_not_empty(reference):
    cells, results = reference
    assert sum(len(table) for table in cells) > 500
    assert set(results[0]["status"]) == {"estimated"}
