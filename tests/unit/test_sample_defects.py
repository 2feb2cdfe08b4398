"""Defects on demand: the contract finds the rows that carry them, no other, and their stated fate."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from rnc_epi.extracts.check_report import CheckReport, check_extract
from rnc_epi.extracts.opening import open_extract
from rnc_epi.extracts.sample import make_sample, write_sample
from rnc_epi.extracts.sample.defect_kinds import DEFECTS, DEFECTS_OF_SHORT_TABLES
from rnc_epi.extracts.sample.defects import Defects
from rnc_epi.extracts.sample.extent import regional_extent
from rnc_epi.extracts.sample.large import LargeSample, draw_sample
from rnc_epi.vocabulary.errors import InputError

#: True of the clean sample too (islands touch nothing), and what follows from a wrong year or unknown source:
#: lone years far from the trend of the others.
OF_THE_WHOLE = {"D076", "D077", "D140"}


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # Under half a per cent are quarantined, so that the extract is taken.
    return make_sample(tmp_path_factory.mktemp("defects") / "d.duckdb", defects=0.004)


@pytest.fixture(scope="module")
def planted(spoilt: Path) -> pd.DataFrame:
    return pd.read_parquet(spoilt.with_name("d_defects.parquet"))


def few_sites() -> LargeSample:
    """Return the sample of Normandie with three sites, every table in it."""
    leaves = frozenset({"lung", "pancreas", "breast"})
    return draw_sample(dataclasses.replace(regional_extent("28"), leaves=leaves), 0)


def found_by(report: CheckReport) -> dict[tuple[str, str, str], int]:
    """Return the rows of each code, fate and table that the contract counts."""
    rows: dict[tuple[str, str, str], int] = {}
    for finding in report.findings:
        if finding.code not in OF_THE_WHOLE:
            key = (finding.code, finding.fate.value, finding.table)
            rows[key] = rows.get(key, 0) + finding.rows
    return rows


def expected_of(planted: pd.DataFrame) -> dict[tuple[str, str, str], int]:
    """Return the same from the list of what was planted."""
    return planted.groupby(["code", "fate", "table"])["rows"].sum().to_dict()


def test_the_contract_finds_every_planted_defect_once_with_its_fate(
    spoilt: Path, planted: pd.DataFrame
) -> None:
    report = check_extract(spoilt)
    assert report.accepted
    assert found_by(report) == expected_of(planted)
    for table in ("tumours", "incidence_cells", "death_cells", "proxy_cells"):
        mild = {kind.code for kind in DEFECTS[table] if kind.fate != "refuse"}
        assert set(planted.loc[planted["table"] == table, "code"]) == mild
    assert not (planted["fate"] == "refuse").any()


def test_the_usable_rows_are_those_without_a_defect_that_quarantines(
    spoilt: Path, planted: pd.DataFrame
) -> None:
    with open_extract(spoilt) as extract:
        usable = {str(key) for (key,) in extract.store.rows("SELECT tumour_key FROM usable_tumours")}
    mine = planted[planted["table"] == "tumours"]
    apart = set(mine.loc[mine["fate"] == "quarantine", "key"])
    assert apart & usable == set()
    assert len(usable) + len(apart) == 78_104


def test_every_kind_that_refuses_an_extract_is_found_as_often_as_it_was_planted(tmp_path: Path) -> None:
    path = write_sample(tmp_path / "r.duckdb", few_sites(), None, Defects(0.03, 1, refusals=True))
    planted = pd.read_parquet(tmp_path / "r_defects.parquet")
    report = check_extract(path)
    assert not report.accepted
    found = found_by(report)
    # More than half a per cent is set aside at this rate, at which every kind comes about.
    assert found.pop(("D109", "refuse", "tumours")) > 0
    assert {key: rows for key, rows in found.items() if key[0] != "D109"} == expected_of(planted)
    for table, kinds in (DEFECTS | DEFECTS_OF_SHORT_TABLES).items():
        if table != "incidence_cells":
            # One year of one registry is missing besides (D084).
            also = {"D084"} if table == "tumours" else set()
            codes = {kind.code for kind in kinds} | also
            assert set(planted.loc[planted["table"] == table, "code"]) == codes, table


@pytest.mark.slow
def test_the_same_holds_of_the_small_sample_with_cells_of_registries(tmp_path: Path) -> None:
    path = make_sample(tmp_path / "s.duckdb", seed=1, defects=0.004, refusals=True)
    planted = pd.read_parquet(tmp_path / "s_defects.parquet")
    report = check_extract(path)
    assert not report.accepted
    assert found_by(report) == expected_of(planted)
    assert set(planted.loc[planted["table"] == "incidence_cells", "code"]) == {
        kind.code for kind in DEFECTS["incidence_cells"]
    }


def test_a_rate_that_quarantines_too_many_is_refused_by_the_contract(tmp_path: Path) -> None:
    leaves = frozenset({"larynx"})
    sample = draw_sample(dataclasses.replace(regional_extent("28"), leaves=leaves), 0)
    report = check_extract(write_sample(tmp_path / "many.duckdb", sample, None, Defects(0.02, 0)))
    assert not report.accepted
    assert "D109" in report.codes


@pytest.mark.parametrize("rate", [1e-9, 0.2, 1.0])
def test_a_rate_from_next_to_nothing_to_every_row_plants_what_is_found(tmp_path: Path, rate: float) -> None:
    leaves = frozenset({"lung"})
    sample = draw_sample(dataclasses.replace(regional_extent("28"), leaves=leaves), 0)
    path = write_sample(tmp_path / "x.duckdb", sample, None, Defects(rate, 0))
    planted = pd.read_parquet(tmp_path / "x_defects.parquet")
    found = found_by(check_extract(path))
    # The contract refuses an extract of which too many rows are set aside: one finding a table, beside them.
    too_many = {key for key in found if key[0] == "D109"}
    assert bool(too_many) == (rate > 0.1)
    assert {key: rows for key, rows in found.items() if key not in too_many} == expected_of(planted)
    assert (len(planted) > 0) == (rate > 1e-6)


def test_the_list_of_defects_tells_nothing_of_a_person(spoilt: Path, planted: pd.DataFrame) -> None:
    assert list(planted.columns) == ["table", "key", "code", "fate", "column", "rows"]
    # Keys of tumours and cases are numbers of rows; those of cells are sites, sexes, areas and ages in bands.
    keys = planted.loc[planted["table"].isin(["tumours", "snds_cases"]), "key"]
    assert keys.str.fullmatch(r"\d+").all()
    with duckdb.connect(str(spoilt), read_only=True) as connection:
        same, whole = connection.execute(
            "SELECT count(*) FILTER (WHERE person_key = tumour_key), count(*) FROM tumours"
        ).fetchone()
    # The number of a row says nothing of its person: one in 78 000 has the same by chance.
    assert same < 10 < whole


def test_defects_do_not_depend_on_how_a_table_is_cut_and_a_rate_is_a_share() -> None:
    rows = pd.DataFrame(
        {
            "case_key": np.arange(2000),
            "person_key": np.arange(2000),
            "source": pd.Categorical(["snds"] * 2000),
            "site": pd.Categorical(["lung"] * 2000),
            "sex": np.repeat([1, 2], 1000),
            "age_years": 60,
            "geo_code": pd.Categorical(["a"] * 2000),
            "link_probability": 0.9,
        }
    )
    whole, parts = Defects(0.1, 3), Defects(0.1, 3)
    (spoilt,) = whole.spoil("snds_cases", rows)
    list(parts.spoil("snds_cases", [rows[:700], rows[700:]]))
    pd.testing.assert_frame_equal(whole.truth(), parts.truth())
    # 2 000 rows at 10 %: a standard error of 13.
    assert len(whole.truth()) == pytest.approx(200, abs=60)
    changed = (spoilt.astype(str) != rows.astype(str)).any(axis=1)
    assert {str(key) for key in np.flatnonzero(changed)} == set(whole.truth()["key"])
    assert len(Defects(0.0, 3).truth()) == 0
    for rate in (-0.1, 1.5, float("nan")):
        with pytest.raises(InputError, match="M004"):
            Defects(rate, 0)


def test_refusals_without_a_rate_are_no_sample(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="M004"):
        make_sample(tmp_path / "x.duckdb", refusals=True)
