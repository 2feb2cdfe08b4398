"""The regional and the national sample whole: written, checked, the same again."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from rnc_epi.cells.build import CellBuilder, Selection
from rnc_epi.extracts.check_report import check_extract
from rnc_epi.extracts.opening import open_extract
from rnc_epi.extracts.sample import make_sample, write_large_sample
from rnc_epi.extracts.sample.extent import regional_extent
from rnc_epi.extracts.sample.national import (
    figures,
    leaves_of,
)
from rnc_epi.indicators.rates import standardised_rates
from rnc_epi.store.writing import write_extract
from rnc_epi.vocabulary.errors import FileProblem, InputError
from rnc_epi.vocabulary.periods import Period

#: Promised distance of every published figure that the sample takes.
LIMITS = {"cases": 0.02, "asr_world": 0.05}
PUBLISHED = figures()
TAKEN = PUBLISHED[PUBLISHED["taken"] == "yes"]


def test_the_sample_has_no_defect_and_is_synthetic(regional: Path) -> None:
    report = check_extract(regional, codes=True)
    assert report.accepted
    # Islands and overseas touch nothing, some tumours come at an unlikely age: told, and true.
    assert set(report.codes) <= {"D076", "D077", "O008"}
    with open_extract(regional) as extract:
        assert extract.sources()["synthetic"].all()


def test_the_same_seed_gives_the_same_content_and_another_seed_another(tmp_path: Path) -> None:
    extent = dataclasses.replace(regional_extent(), leaves=frozenset({"larynx"}))
    prints = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        path = write_large_sample(tmp_path / f"{name}.duckdb", extent, seed=seed)
        with open_extract(path) as extract:
            prints.append(extract.fingerprint())
    assert prints[0] == prints[1] != prints[2]


def test_an_existing_file_is_kept_and_the_truth_may_be_a_csv(regional: Path, tmp_path: Path) -> None:
    extent = dataclasses.replace(regional_extent(), leaves=frozenset({"larynx"}))
    with pytest.raises(FileProblem, match="F001"):
        write_large_sample(regional, extent)
    with pytest.raises(FileProblem, match="F001"):
        make_sample(regional, size="national")
    write_large_sample(tmp_path / "x.duckdb", extent, truth=tmp_path / "t.csv")
    assert set(pd.read_csv(tmp_path / "t.csv")["site"]) == {"larynx", "all_cancers"}


def test_a_table_in_parts_is_written_whole_and_parts_must_agree(tmp_path: Path) -> None:
    rows = pd.DataFrame(
        {"child_level": "zone", "child_code": ["a", "b", "c"], "child_vintage": "v", "parent_level": "region",
         "parent_code": "r", "parent_vintage": "v", "weight": 1.0}
    )  # fmt: skip
    path = write_extract(tmp_path / "p.duckdb", {"membership": [rows[:2], rows[2:]]})
    with duckdb.connect(str(path), read_only=True) as connection:
        found = connection.execute("SELECT child_code FROM membership").fetchall()
    assert found == [("a",), ("b",), ("c",)]
    for parts in ([], [rows, rows.assign(valid_from=2000)]):
        with pytest.raises(InputError, match="M002"):
            write_extract(tmp_path / "q.duckdb", {"membership": parts})
        assert not (tmp_path / "q.duckdb").exists()


@pytest.mark.slow
def test_the_national_sample_is_clean_and_its_draws_are_those_of_the_nation(tmp_path: Path) -> None:
    path = make_sample(tmp_path / "n.duckdb", size="national")
    report = check_extract(path)
    # Islands and overseas touch nothing; the last years of registries are not complete and leave their trend:
    # told, and true.
    assert set(report.codes) <= {"D076", "D077", "D140"}
    assert {finding.table for finding in report.findings if finding.code == "D140"} <= {"tumours"}
    truth = pd.read_parquet(path.with_name("n_truth.parquet"))
    for event, quantity in (("incidence", "cases"), ("death", "deaths")):
        drawn = truth[truth["quantity"] == quantity].groupby(["site", "sex", "year"])["value"].sum()
        for row in TAKEN[(TAKEN["event"] == event) & (TAKEN["measure"] == "cases")].itertuples():
            sites = drawn.index.get_level_values("site")
            if event == "death":
                mine = sites == row.site
            else:
                mine = sites.isin(leaves_of(row.site) | {row.site}) | (row.site == "all_cancers")
            part = drawn[mine & (drawn.index.get_level_values("year") == row.year)]
            total = part.sum() if row.sex == 0 else part.xs(row.sex, level="sex").sum()
            # 2 % promised of the mean, four standard errors of a Poisson count about it.
            assert abs(total - row.value) <= 0.02 * row.value + 4 * np.sqrt(row.value)
    share = truth.loc[truth["quantity"] == "linked_share", "value"].item()
    # A million pairs: the standard error is 0.0002; the declared curve of failure comes within 0.3 %.
    assert share == pytest.approx(0.953, abs=0.003)
    with open_extract(path) as extract:
        (cells,) = CellBuilder(extract).cells(
            Selection(sites=("lung",), sexes=(1,), event_types=("death",), geo_levels=("france_hexagonale",),
                      pooled=(Period(2012, 2013),))
        )  # fmt: skip
    (row,) = standardised_rates(cells, "world").itertuples()
    # Published for 2012: 21 326 deaths.
    assert row.events == pytest.approx(21326, rel=0.03)
