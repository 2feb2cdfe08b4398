"""Quality reports of small extracts, as they are or with rows changed by hand."""

from __future__ import annotations

import shutil
from contextlib import contextmanager

import duckdb
import numpy as np
import pandas as pd

from rnc_epi.extracts.opening import Extract
from rnc_epi.extracts.quality import QualityReport, quality_report
from rnc_epi.extracts.quality.shares import COLUMNS, OK
from rnc_epi.maths.intervals import wilson_interval
from rnc_epi.store import RowAccounting, open_locked

ALL = {"site": "all_cancers", "sex": 0}
POOLED = {"period_from": 2016, "period_until": 2019}
ONE_THREAD = {"threads": 1, "memory_limit": "500MB"}


@contextmanager
def opened(path):
    """Give an extract whose rows all passed the contract, which has tests of its own."""
    with open_locked(path, **ONE_THREAD) as store:
        for name in store.tables:
            store.run_view(f"usable_{name}", f'SELECT * FROM extract.main."{name}"')
        yield Extract(store, tuple(store.tables), (), RowAccounting())


def report_of(path) -> QualityReport:
    with opened(path) as extract:
        return quality_report(extract)


def changed(valid, tmp_path, *statements: str):
    path = shutil.copy(valid, tmp_path / "x.duckdb")
    writer = duckdb.connect(path)
    for statement in statements:
        writer.execute(statement)
    writer.close()
    return path


def one(table: pd.DataFrame, **keys) -> pd.Series:
    mine = table
    for name, value in keys.items():
        mine = mine[mine[name] == value]
    assert len(mine) == 1
    return mine.iloc[0]


def shares_of(parts, wholes, indicator="missing_stage"):
    parts, wholes = np.array(parts, dtype=float), np.array(wholes, dtype=float)
    limits = wilson_interval(parts, wholes)
    table = pd.DataFrame(
        {
            "registry": [f"r{i}" for i in range(len(parts))], "indicator": indicator, "site": "all_cancers",
            "sex": 0, "period_from": 2016, "period_until": 2019, "part": parts, "whole": wholes,
            "value": 100 * parts / wholes, "lower": 100 * limits.lower, "upper": 100 * limits.upper,
            "unit": "percent", "status": OK,
        }
    )  # fmt: skip
    return table[list(COLUMNS)]
