"""Samples that several tests read: each is drawn once in a session, and no test writes to it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from rnc_epi.cells.build import CellBuilder
from rnc_epi.extracts.opening import open_extract
from rnc_epi.extracts.sample import make_sample, write_large_sample
from rnc_epi.extracts.sample.extent import regional_extent
from rnc_epi.extracts.sample.places import Places, make_places

#: Sites of the regional sample: two that calibrate, two that do not, one known from its morphology alone.
LEAVES = frozenset({"lung", "pancreas", "thyroid", "larynx", "melanoma_skin"})


@pytest.fixture(scope="session")
def places() -> Places:
    """Return the zones and communes of the nation."""
    return make_places(0)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the small sample, made as its users make it."""
    return make_sample(tmp_path_factory.mktemp("small") / "s.duckdb", seed=0)


@pytest.fixture(scope="session")
def regional(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the regional sample of five sites, deaths by commune too."""
    extent = dataclasses.replace(regional_extent(), leaves=LEAVES)
    folder = tmp_path_factory.mktemp("regional")
    return write_large_sample(folder / "r.duckdb", extent, seed=0, deaths="commune")


@pytest.fixture(scope="session")
def regional_truth(regional: Path) -> pd.DataFrame:
    """Return what is true of the regional sample."""
    return pd.read_parquet(regional.with_name("r_truth.parquet"))


@pytest.fixture(scope="session")
def regional_cells(regional: Path) -> Iterator[CellBuilder]:
    """Return what makes cells of the regional sample."""
    with open_extract(regional) as extract:
        yield CellBuilder(extract)


@pytest.fixture
def regional_tables(regional: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Return an open connection to the regional sample."""
    connection = duckdb.connect(str(regional), read_only=True)
    yield connection
    connection.close()
