"""Defects on demand: the contract finds the rows that carry them, no other, and their stated fate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rnc_epi.extracts.check_report import check_extract
from rnc_epi.extracts.opening import open_extract
from rnc_epi.extracts.sample import make_sample
from rnc_epi.extracts.sample.defects import DEFECTS, Defects
from rnc_epi.vocabulary.errors import InputError

#: True of the clean sample too (islands touch nothing), and what follows from a wrong year: a lone year far
#: from the trend of the others.
OF_THE_WHOLE = {"D076", "D077", "D140"}


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # Under half a per cent are quarantined, so that the extract is taken.
    return make_sample(tmp_path_factory.mktemp("defects") / "d.duckdb", defects=0.004)


@pytest.fixture(scope="module")
def planted(spoilt: Path) -> pd.DataFrame:
    return pd.read_parquet(spoilt.with_name("d_defects.parquet"))


def test_the_contract_finds_every_planted_defect_once_with_its_fate(
    spoilt: Path, planted: pd.DataFrame
) -> None:
    report = check_extract(spoilt)
    assert report.accepted
    found = {(f.code, f.fate.value, f.table): f.rows for f in report.findings if f.code not in OF_THE_WHOLE}
    expected = planted.groupby(["code", "fate", "table"]).size().to_dict()
    assert found == expected
    assert set(planted["code"]) == {defect.code for defect in DEFECTS["tumours"]}


def test_the_usable_rows_are_those_without_a_defect_that_quarantines(
    spoilt: Path, planted: pd.DataFrame
) -> None:
    with open_extract(spoilt) as extract:
        usable = {key for (key,) in extract.store.rows("SELECT tumour_key FROM usable_tumours")}
    apart = set(planted.loc[planted["fate"] == "quarantine", "key"])
    assert apart & usable == set()
    assert len(usable) + len(apart) == 78_104


def test_a_rate_that_quarantines_too_many_is_refused_by_the_contract(tmp_path: Path) -> None:
    report = check_extract(make_sample(tmp_path / "many.duckdb", defects=0.02))
    assert not report.accepted


def test_defects_do_not_depend_on_how_a_table_is_cut_and_a_rate_is_a_share() -> None:
    rows = pd.DataFrame(
        {
            "case_key": np.arange(2000),
            "site": pd.Categorical(["lung"] * 2000),
            "sex": np.repeat([1, 2], 1000),
            "age_years": 60,
            "geo_code": pd.Categorical(["a"] * 2000),
        }
    )
    whole, parts = Defects(0.1, 3), Defects(0.1, 3)
    (spoilt,) = whole.spoil("snds_cases", rows)
    list(parts.spoil("snds_cases", [rows[:700], rows[700:]]))
    pd.testing.assert_frame_equal(whole.truth(), parts.truth())
    # 2 000 rows at 10 %: a standard error of 13.
    assert len(whole.truth()) == pytest.approx(200, abs=60)
    changed = (spoilt.astype(str) != rows.astype(str)).any(axis=1)
    assert set(np.flatnonzero(changed)) == set(whole.truth()["key"])
    assert len(Defects(0.0, 3).truth()) == 0
    for rate in (-0.1, 1.5, float("nan")):
        with pytest.raises(InputError, match="M004"):
            Defects(rate, 0)
