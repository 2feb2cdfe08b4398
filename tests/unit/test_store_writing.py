"""An extract is written whole or not at all, in the columns and types of the contract."""

from __future__ import annotations

import subprocess
import sys

import duckdb
import pandas as pd
import pytest

from rnc_epi.store.writing import write_extract
from rnc_epi.vocabulary.contract import TABLES, TYPES
from rnc_epi.vocabulary.errors import FileProblem, InputError

SOURCES = pd.DataFrame({"source": ["a"], "title": ["A"], "kind": ["registry"], "licence": ["x"],
                        "synthetic": [True], "disclosure_threshold": [11]})  # fmt: skip


def test_columns_come_in_the_order_and_types_of_the_contract(tmp_path):
    path = write_extract(tmp_path / "x.duckdb", {"sources": SOURCES[SOURCES.columns[::-1]]})
    with duckdb.connect(str(path), read_only=True) as connection:
        found = connection.sql("SELECT * FROM sources")
        assert found.columns == list(TABLES["sources"].column_names)
        assert [str(kind) for kind in found.types] == [TYPES[c.kind][0] for c in TABLES["sources"].columns]
        # A nullable column that was not given is null.
        assert connection.execute("SELECT altered FROM sources").fetchall() == [(None,)]


def test_a_compact_file_holds_the_same_in_smaller_integers(tmp_path):
    cells = pd.DataFrame({"source": "a", "registry": "r", "site": "lung", "sex": 1, "geo_level": "l",
                          "geo_code": "c", "geo_vintage": "v", "period_from": 2016, "period_until": 2017,
                          "age_from": 0,
                          "age_until": 5, "age_status": "known", "events": [3, 2**31 - 1]})  # fmt: skip
    large = cells.assign(events=[3, 2**31])
    for name, table, expected in (("small", cells, "INTEGER"), ("large", large, "BIGINT")):
        path = write_extract(tmp_path / f"{name}.duckdb", {"incidence_cells": table}, compact=True)
        with duckdb.connect(str(path), read_only=True) as connection:
            ((kind,),) = connection.execute("SELECT DISTINCT typeof(events) FROM incidence_cells").fetchall()
            assert kind == expected
            rows = connection.execute("SELECT events FROM incidence_cells ORDER BY ALL").fetchall()
            assert [value for (value,) in rows] == sorted(table["events"])


def test_a_file_that_exists_is_not_overwritten(tmp_path):
    path = write_extract(tmp_path / "x.duckdb", {"sources": SOURCES})
    before = path.read_bytes()
    with pytest.raises(FileProblem) as caught:
        write_extract(path, {"sources": SOURCES})
    assert caught.value.code == "F001"
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("tables", "code"),
    [
        ({"no_such_table": SOURCES}, "M005"),
        ({"sources": SOURCES.assign(colour="blue")}, "M002"),
        ({"sources": SOURCES.drop(columns="kind")}, "M002"),
        ({"sources": SOURCES, "areas": SOURCES}, "M002"),
    ],
)
def test_what_the_contract_does_not_know_leaves_no_file(tables, code, tmp_path):
    with pytest.raises(InputError) as caught:
        write_extract(tmp_path / "x.duckdb", tables)
    assert caught.value.code == code
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_takes_no_more_leaves_nothing_and_has_a_code(tmp_path):
    # No file above 600 kB: half of what the small sample needs, as on a disk that fills up.
    script = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))\n"
        "sys.argv = ['rnc-epi', 'sample', '--size', 'small', '--out', 'x.duckdb']\n"
        "from rnc_epi.cli.main import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 7
    assert "F004" in done.stderr
    assert list(tmp_path.iterdir()) == []
