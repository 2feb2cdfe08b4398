"""What Jupyter users read beside a figure: formula, exclusions, and denominators that count nobody twice."""

from __future__ import annotations

import rnc_epi
from tests.extract_builder import minimal_tables, write_extract


def test_denominators_are_told_by_stratum_and_not_summed_over_nested_ones(tmp_path) -> None:
    path = write_extract(tmp_path / "x.duckdb", minimal_tables())
    with rnc_epi.open(path) as study:
        cells = study.cells("pancreas", by=[], period="2016-2018", event="death")
        largest = cells.to_frame().groupby(["geo_level", "geo_code"])["person_years"].sum().max()
        said = cells.asr("world").explain()
    # The nation is the largest stratum; regions and départements lie within it.
    assert f"to {largest:,.0f} person-years a stratum" in said
    assert "france_hexagonale" in said
