"""Tumours of some stages, by group of areas, counted on fingers: the persons of test_groups with a stage."""

from __future__ import annotations

import pandas as pd
import pytest

from rnc_epi.cells.build import CellBuilder, Selection
from rnc_epi.cells.stages import of_stages, stages_of
from rnc_epi.extracts.opening import open_extract
from rnc_epi.vocabulary.periods import Period
from tests.by_hand.test_groups import COMMUNES, V, with_communes
from tests.extract_builder import write_extract

#: One a person of test_groups, in their order; the woman of unknown age is found late.
STAGES = ("4", "1", "3", None, "4", "3", "1")
GROUPS = {"a": "Q1", "b": "Q2", "d": "Q1"}


@pytest.fixture
def builder(tmp_path):
    given = with_communes()
    given["tumours"]["stage"] = pd.array(STAGES, dtype="str")
    extract = open_extract(write_extract(tmp_path / "staged.duckdb", given))
    yield CellBuilder(extract)
    extract.close()


def grouped(builder, *stages):
    grouping = pd.DataFrame(
        [("commune", code, V, "deprivation", group) for code, group in GROUPS.items()],
        columns=["geo_level", "geo_code", "geo_vintage", "stratum_type", "stratum"],
    )
    selection = Selection(
        ("colorectum",), (1, 2), ("incidence",), ("france_hexagonale",), pooled=(Period(2016, 2019),)
    )
    source = of_stages(builder, stages) if stages else builder
    (cells,) = source.grouped(selection, grouping)
    known = cells.strata.assign(total=cells.total_events, years=cells.total_person_years)
    return known.set_index(["sex", "stratum"])


def test_stages_are_those_that_tumours_have(builder):
    assert stages_of(builder) == ("1", "3", "4")
    assert set(COMMUNES) > set(GROUPS)


def test_late_and_early_cases_are_counted_apart_and_leave_those_without_a_stage(builder):
    late, early, every = grouped(builder, "3", "4"), grouped(builder, "1"), grouped(builder)
    # Men of Q1: a in 2016 (4) and 2017 (1), d in 2016 (4) and 2018 (1); of Q2: b (3). c is in no group.
    assert late["total"].to_dict() == {
        (1, "Q1"): 2, (1, "Q2"): 1, (1, "all"): 3, (1, "unknown"): 0,
        (2, "Q1"): 1, (2, "Q2"): 0, (2, "all"): 1, (2, "unknown"): 0,
    }  # fmt: skip
    assert early["total"].to_dict() == {
        (1, "Q1"): 2, (1, "Q2"): 0, (1, "all"): 2, (1, "unknown"): 0,
        (2, "Q1"): 0, (2, "Q2"): 0, (2, "all"): 0, (2, "unknown"): 0,
    }  # fmt: skip
    # What neither holds is what has no stage; person-years are those of everyone.
    without = every["total"] - late["total"] - early["total"]
    assert without[without.ne(0)].to_dict() == {(1, "unknown"): 1}
    assert late["years"].equals(every["years"])
    # The builder itself still counts everyone.
    assert grouped(builder)["total"].equals(every["total"])
