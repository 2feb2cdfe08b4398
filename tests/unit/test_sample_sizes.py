"""The regional and the national sample whole: written, checked, the same again."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from rnc_epi.extracts.check_report import check_extract
from rnc_epi.extracts.contract_checks.findings import Fate
from rnc_epi.extracts.opening import open_extract
from rnc_epi.extracts.sample import make_sample, write_large_sample
from rnc_epi.extracts.sample.extent import regional_extent
from rnc_epi.store.writing import write_extract
from rnc_epi.vocabulary.errors import FileProblem, InputError


def told(path: Path) -> list[tuple[str, str, str]]:
    """Return code, table and place of every finding of the full check of an extract that is accepted."""
    report = check_extract(path, codes=True)
    assert report.accepted
    assert all(finding.fate is Fate.WARN for finding in report.findings)
    return sorted(
        (finding.code, finding.table, dict(finding.facts).get("where", "")) for finding in report.findings
    )


def test_all_that_the_check_tells_of_the_regional_sample_is_true(regional: Path) -> None:
    # One région on the mainland, in one piece.
    assert told(regional) == [("O008", "tumours", "")]
    with open_extract(regional) as extract:
        assert extract.sources()["synthetic"].all()


@pytest.mark.slow
def test_all_that_the_check_tells_of_the_whole_regional_sample_is_true(tmp_path: Path) -> None:
    # The last year of a registry, 92 % complete, leaves the trend of one of them; the rest as above.
    found = told(make_sample(tmp_path / "r.duckdb", size="regional", deaths="commune"))
    assert found == [("D140", "tumours", "poitou_charentes, 2021"), ("O008", "tumours", "")]


def test_the_same_seed_gives_the_same_content_and_another_seed_another(tmp_path: Path) -> None:
    extent = dataclasses.replace(regional_extent("28"), leaves=frozenset({"larynx"}))
    prints = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        path = write_large_sample(tmp_path / f"{name}.duckdb", extent, seed=seed)
        with open_extract(path) as extract:
            prints.append(extract.fingerprint())
    assert prints[0] == prints[1] != prints[2]


def test_an_existing_file_is_kept_and_the_truth_may_be_a_csv(regional: Path, tmp_path: Path) -> None:
    extent = dataclasses.replace(regional_extent("28"), leaves=frozenset({"larynx"}))
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


def test_a_sample_whose_truth_cannot_be_written_is_not_left_without_it(tmp_path: Path) -> None:
    extent = dataclasses.replace(regional_extent("28"), leaves=frozenset({"larynx"}))
    with pytest.raises(FileProblem, match="F004"):
        write_large_sample(tmp_path / "x.duckdb", extent, truth=tmp_path / "absent" / "t.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_truth_that_exists_is_kept_and_defects_of_an_earlier_extract_are_not(tmp_path: Path) -> None:
    kept = tmp_path / "t.csv"
    kept.write_text("mine", encoding="utf-8")
    with pytest.raises(FileProblem, match="F001"):
        make_sample(tmp_path / "x.duckdb", truth=kept)
    assert kept.read_text(encoding="utf-8") == "mine"
    stale = tmp_path / "y_defects.parquet"
    stale.write_text("of another", encoding="utf-8")
    extent = dataclasses.replace(regional_extent("28"), leaves=frozenset({"larynx"}))
    write_large_sample(tmp_path / "y.duckdb", extent)
    assert not stale.exists()
