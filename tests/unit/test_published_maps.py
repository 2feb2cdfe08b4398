"""What a published map is fitted on: the counts that a reader knows, and what remains of those above."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rnc_epi.cells.table import Cells
from rnc_epi.smallarea import AreaGraph, small_areas
from rnc_epi.smallarea.mapped import mapped_counts
from rnc_epi.smallarea.published import as_published
from rnc_epi.vocabulary.ages import BandSet
from rnc_epi.vocabulary.study_small_areas import SmallAreas

VINTAGE = "v"
ZONES = [f"{d}{z}" for d in "ABC" for z in range(4)]
PERSON_YEARS = np.array([10.0, 20.0, 30.0, 40.0] * 3) * 1e3
COUNTS = np.array([12, 19, 33, 4, 15, 25, 30, 38, 11, 22, 3, 44])


def cells_of(counts: np.ndarray) -> Cells:
    """Return deaths of twelve zones, of the three départements that they make up, and of the nation."""
    departements = [("departement", name, counts[4 * k : 4 * k + 4].sum()) for k, name in enumerate("ABC")]
    areas = [("zone", code, n) for code, n in zip(ZONES, counts, strict=True)]
    areas += [*departements, ("france_hexagonale", "FRA", counts.sum())]
    years = [*PERSON_YEARS, *(PERSON_YEARS[:4].sum(),) * 3, PERSON_YEARS.sum()]
    strata = pd.DataFrame(areas, columns=["geo_level", "geo_code", "events"])
    events = strata.pop("events").to_numpy(np.int64)[:, None]
    strata = strata.assign(
        event_type="death",
        source="d",
        site="lung",
        sex=1,
        geo_vintage=VINTAGE,
        period_from=2016,
        period_until=2021,
    )  # fmt: skip
    unknown = np.zeros(len(events), dtype=np.int64)
    return Cells(strata, BandSet.from_starts([0]), events, unknown, np.array(years)[:, None])


def graph() -> AreaGraph:
    areas = pd.DataFrame({"geo_level": "zone", "geo_code": ZONES, "geo_vintage": VINTAGE})
    return AreaGraph(areas, np.array([(k, k + 1) for k in range(11)]))


MEMBERSHIP = pd.DataFrame(
    [("zone", code, VINTAGE, "departement", code[0], VINTAGE, 1.0) for code in ZONES]
    + [("departement", name, VINTAGE, "france_hexagonale", "FRA", VINTAGE, 1.0) for name in "ABC"],
    columns=[
        *(
            "child_level",
            "child_code",
            "child_vintage",
            "parent_level",
            "parent_code",
            "parent_vintage",
            "weight",
        )
    ],
)


def published(cells: Cells, *hidden: str) -> pd.DataFrame:
    table = cells.strata.drop(columns="source").assign(events=cells.total_events.astype(float))
    return table[~table["geo_code"].isin(hidden)]


def known(cells: Cells, *hidden: str) -> dict[str, float]:
    counts = mapped_counts(cells, graph(), complete=False)
    seen = as_published(counts, published(cells, *hidden), MEMBERSHIP)
    return dict(zip(counts.strata["geo_code"], seen.observed, strict=True))


def test_what_is_hidden_is_shared_out_of_the_departement_in_proportion_to_what_is_expected() -> None:
    cells = cells_of(COUNTS)
    found = known(cells, "A0", "A3")
    # The département has 68, of which 52 are visible: 16 for areas that expect 10 and 40 parts.
    assert found["A0"] == pytest.approx(16 * 10 / 50)
    assert found["A3"] == pytest.approx(16 * 40 / 50)
    assert [found[code] for code in ("A1", "A2", "B0")] == [19, 33, 15]


def test_below_a_departement_that_is_hidden_too_areas_have_the_ratio_of_those_that_are_visible() -> None:
    cells = cells_of(COUNTS)
    found = known(cells, "A0", "A3", "A")
    visible = [code for code in ZONES if code not in ("A0", "A3")]
    expected = dict(zip(ZONES, PERSON_YEARS / PERSON_YEARS.sum() * COUNTS.sum(), strict=True))
    ratio = sum(found[code] for code in visible) / sum(expected[code] for code in visible)
    assert found["A0"] == pytest.approx(ratio * expected["A0"])


def test_a_published_map_does_not_move_when_hidden_counts_do() -> None:
    asked = SmallAreas(geo_levels=["zone"], events=["death"], fewest_areas=5, autocorrelation=False)
    other = COUNTS.copy()
    other[[0, 3]] = [7, 9]
    maps = []
    for counts in (COUNTS, other):
        cells = cells_of(counts)
        tables = small_areas(
            cells, graph(), asked, membership=MEMBERSHIP, published=published(cells, "A0", "A3")
        )
        maps.append(tables.results.drop(columns="events"))
    pd.testing.assert_frame_equal(*maps)
    whole = [small_areas(cells_of(counts), graph(), asked).results["value"] for counts in (COUNTS, other)]
    assert not np.allclose(*whole, equal_nan=True), "the internal map does follow the counts"


def test_nothing_is_invented_where_everything_is_visible() -> None:
    cells = cells_of(COUNTS)
    counts = mapped_counts(cells, graph(), complete=False)
    seen = as_published(counts, published(cells), MEMBERSHIP)
    assert seen.observed.tolist() == counts.observed.tolist()
