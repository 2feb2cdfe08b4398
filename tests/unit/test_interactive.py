"""What Jupyter users read beside a figure: formula, exclusions, and denominators that count nobody twice."""

from __future__ import annotations

import pandas as pd
import pytest

import rnc_epi
from rnc_epi.indicators import league, lifetimes
from tests.extract_builder import minimal_tables, write_extract


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    path = write_extract(tmp_path_factory.mktemp("interactive") / "x.duckdb", minimal_tables())
    with rnc_epi.open(path) as opened:
        yield opened


def test_denominators_are_told_by_stratum_and_not_summed_over_nested_ones(tmp_path) -> None:
    path = write_extract(tmp_path / "x.duckdb", minimal_tables())
    with rnc_epi.open(path) as study:
        cells = study.cells("pancreas", by=[], period="2016-2018", event="death")
        largest = cells.to_frame().groupby(["geo_level", "geo_code"])["person_years"].sum().max()
        said = cells.asr("world").explain()
    # The nation is the largest stratum; regions and départements lie within it.
    assert f"to {largest:,.0f} person-years a stratum" in said
    assert "france_hexagonale" in said


def test_the_verbs_over_a_life_are_those_of_frames(study) -> None:
    cells = study.cells("pancreas", by=["sex"], geo_level="departement", period="2016-2018", event="death")
    by = ["sex", "geo_code"]
    for name, wanted in (
        ("cumulative_rate", lifetimes.cumulative_rate), ("cumulative_risk", lifetimes.cumulative_risk),
        ("years_of_life_lost", lifetimes.years_of_life_lost),
        ("years_of_life_lost_rate", lifetimes.years_of_life_lost_rate),
    ):  # fmt: skip
        found = getattr(cells, name)().to_frame()
        expected = wanted(cells.to_frame(), by=by)
        columns = [*by, "value", "lower", "upper"]
        pd.testing.assert_frame_equal(
            found[columns].sort_values(by, ignore_index=True).astype({"geo_code": "str"}),
            expected[columns].sort_values(by, ignore_index=True).astype({"geo_code": "str"}),
            check_dtype=False,
        )
        assert set(found["site"]) == {"pancreas"}


def test_ranks_are_within_a_sex_and_a_level(study) -> None:
    cells = study.cells("pancreas", by=["sex"], geo_level="departement", period="2016-2018", event="death")
    found = cells.ranks("world", draws=200).to_frame()
    assert found.groupby("sex")["rank"].apply(sorted).tolist() == [[1, 2, 3], [1, 2, 3]]
    men = cells.to_frame().query("sex == 1")
    expected = league.ranks(men, draws=200).set_index("geo_code")["rank"]
    own = found[found["sex"] == 1].set_index("geo_code")["rank"]
    assert own.to_dict() == expected.to_dict()


def test_each_sex_has_a_funnel_of_its_own() -> None:
    # Lung on the embedded sample: its areas differ by more than chance, and not alike at all levels.
    with rnc_epi.open(rnc_epi.embedded_sample()) as sample:
        cells = sample.cells("lung", by=["sex"], period="2016-2018", event="death")
        found = cells.funnel(method="multiplicative").to_frame()
        for _, own in found.groupby(["sex", "geo_level"]):
            alone = league.funnel(own[["value", "events", "expected"]], method="multiplicative")
            assert alone["funnel_upper"].tolist() == own["funnel_upper"].tolist()
        assert len(found.groupby(["sex", "geo_level"])) == 6
        assert "<table" in cells.funnel()._repr_html_()


def test_several_levels_give_a_row_each(study) -> None:
    cells = study.cells("pancreas", by=["sex"], geo_level="region", period="2016-2018", event="death")
    both = cells.asr("world", level=[0.9, 0.95]).to_frame()
    assert sorted(set(both["level"])) == [0.9, 0.95]
    wide = both[both["level"] == 0.95].drop(columns="level").reset_index(drop=True)
    pd.testing.assert_frame_equal(wide, cells.asr("world").to_frame().drop(columns="level"))
    narrow = both[both["level"] == 0.9].reset_index(drop=True)
    assert (narrow["lower"] >= wide["lower"]).all()
    assert cells.asr("world").reliability()["reliable"].any()
