"""Areas of a level that nobody asks for, in wide bands of their own, leave the others' bands alone."""

from __future__ import annotations

import pytest

from rnc_epi.cells.build import CellBuilder, Selection
from rnc_epi.extracts.opening import open_extract
from tests.by_hand.small_extract import BANDS, V, frame, tables
from tests.extract_builder import write_extract

DISTRICT = ("district", "d1", V)
WIDE = ((0, 50), (50, None))


def with_a_district():
    """Give the tables with one anonymous district, 2016-2018, in the bands 0-49 and 50+."""
    given = tables()

    def add(name, rows):
        old = given[name].itertuples(index=False, name=None) if name in given else ()
        given[name] = frame(name, [*old, *rows])

    add("sources", [("study", "study", "registry", "essai", True, None, 11, None)])
    add("areas", [(*DISTRICT, "d1", "d1", None, None, None)])
    add("coverage", [("d1", *DISTRICT, "general", 0, None, 2016, 2019)])
    add(
        "person_years",
        [("study", 1, *DISTRICT, 2016, 2019, *band, "known", 9000) for band in WIDE],
    )
    add(
        "incidence_cells",
        [
            ("study", "d1", "colorectum", 1, *DISTRICT, 2016, 2019, *band, "known", events)
            for band, events in zip(WIDE, (2, 30), strict=True)
        ],
    )
    add("cells_scope", [("incidence_cells", "study", "colorectum", 1, "district", 2016, 2019, 0, None)])
    return given


@pytest.fixture(scope="module")
def builder(tmp_path_factory):
    path = write_extract(tmp_path_factory.mktemp("district") / "x.duckdb", with_a_district())
    with open_extract(path, threads=1) as extract:
        yield CellBuilder(extract)


def cells_of(builder, *levels):
    return builder.cells(Selection(("colorectum",), (1,), ("incidence",), levels))


def test_the_registries_together_keep_their_bands(builder):
    (found,) = cells_of(builder, "registry_zone")
    assert [(band.age_from, band.age_until) for band in found.bands] == list(BANDS)
    pooled = found.strata["geo_code"].eq("ALL") & found.strata["period_from"].eq(2016)
    # Men of 2016: two tumours of 38 and four cells of 14, all but one of them of 50 and over.
    assert found.events[pooled.to_numpy()].tolist() == [[0, 1, 5]]


def test_the_district_is_there_for_who_asks(builder):
    (found,) = cells_of(builder, "district")
    assert [(band.age_from, band.age_until) for band in found.bands] == list(WIDE)
    assert found.events.tolist() == [[2, 30]]
