"""Late stage by group, and gradients that borrow from many areas: neither gives a small count back."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rnc_epi.cells.table import concatenate
from rnc_epi.disclosure import add_gradients, load_policy, protect, published_counts_of
from rnc_epi.disclosure.strata import families
from rnc_epi.inequality import (
    area_gradient_rows,
    deprivation_groups,
    gradients,
    late_stage_rows,
    shrunken_of_published,
)
from rnc_epi.vocabulary.errors import DisclosureRefused
from rnc_epi.vocabulary.hierarchy import Hierarchy
from rnc_epi.vocabulary.schemas import as_result
from tests.deprivation_cells import asked, cells_by_group, drawn_cells
from tests.disclosure.test_estimates_and_groups import let_out, shown

POLICY = load_policy("default")
KEYS = {"source": "registres", "geo_level": "registry_zone", "geo_code": "ALL", "age_until": None}
PERSON_YEARS = 2e6


def rows_by_stage(late: list[float], early: list[float], unstaged: float = 300.0) -> list[dict]:
    """Return the counts of a site by group and by stage, as a study holds them, and the shares."""
    base = {"indicator": "count", "event_type": "incidence", "person_years": PERSON_YEARS} | KEYS
    groups = [a + b + unstaged for a, b in zip(late, early, strict=True)]
    rows = [base | {"events": sum(groups)}]
    kinds = {"deprivation": groups, "deprivation|stage:late": late, "deprivation|stage:early": early}
    for kind, counts in kinds.items():
        rows.append(base | {"stratum_type": kind, "stratum": "all", "events": sum(counts)})
        rows += [
            base | {"stratum_type": kind, "stratum": f"Q{place}", "events": events}
            for place, events in enumerate(counts, start=1)
        ]
    share = {"indicator": "late_stage_share", "measure_unit": "percent", "method": "proportion"}
    for place, (few, others) in enumerate(zip(late, early, strict=True), start=1):
        kept = {"stratum_type": "deprivation|stage:late", "stratum": f"Q{place}", "events": few}
        rows.append(base | share | kept | {"value": 100.0 * few / (few + others)})
    whole = {"stratum_type": "deprivation|stage:late", "stratum": "all", "events": sum(late)}
    rows.append(
        base | whole | {"indicator": "late_stage_relative_index", "measure_unit": "ratio", "value": 1.3}
    )
    return rows


SHARES = ("late_stage_share", "late_stage_relative_index")


def test_large_counts_by_stage_are_published_with_their_shares():
    public = let_out(rows_by_stage([120, 130, 140, 150, 160], [220, 230, 240, 250, 260]))
    assert len(shown(public, indicator="late_stage_share")) == 5
    assert len(shown(public, indicator="late_stage_relative_index")) == 1


@pytest.mark.parametrize("place", ["late", "early"])
def test_a_small_count_at_a_stage_takes_every_share_of_its_stratum_with_it(place):
    late, early = [120, 130, 140, 150, 160], [220, 230, 240, 250, 260]
    (late if place == "late" else early)[2] = 7
    public = let_out(rows_by_stage(late, early))
    hidden = public["stratum_type"].eq(f"deprivation|stage:{place}") & public["stratum"].eq("Q3")
    assert not public.loc[hidden, "status"].eq("published").any()
    # The share of Q3 and either count give the other; the shares of the rest and the share of all give Q3's.
    assert not public.loc[public["indicator"].isin(SHARES), "status"].eq("published").any()
    # Another of the group's counts by stage, or of the stage, is hidden too: no sum gives the small one.
    beside = public["indicator"].eq("count") & public["stratum_type"].str.contains("stage") & ~hidden
    assert public.loc[beside, "status"].eq("not_published").any()


def test_few_cases_without_a_stage_are_not_had_by_subtraction():
    public = let_out(rows_by_stage([120, 130, 140, 150, 160], [220, 230, 240, 250, 260], unstaged=4.0))
    counts = public[public["indicator"].eq("count") & public["status"].eq("published")]
    held = counts.set_index(["stratum_type", "stratum"])["events"]
    for group in ("Q1", "Q2", "Q3", "Q4", "Q5"):
        kinds = [
            ("deprivation", group),
            ("deprivation|stage:late", group),
            ("deprivation|stage:early", group),
        ]
        assert not all(kind in held.index for kind in kinds), group


def test_stages_and_classes_of_urbanity_are_two_partitions_of_a_group():
    strata = [("d", "Q1"), ("d|stage:late", "Q1"), ("d|stage:early", "Q1")]
    strata += [("d|urbanity:town", "Q1"), ("d|urbanity:country", "Q1")]
    parts = [below for above, below in families(strata) if above == ("d", "Q1")]
    assert parts == [
        (("d|stage:early", "Q1"), ("d|stage:late", "Q1")),
        (("d|urbanity:country", "Q1"), ("d|urbanity:town", "Q1")),
    ]


def staged_cells(
    late_share: float,
    *,
    groups: int = 5,
    size: int | np.ndarray = 400,
    rise: float = 0.2,
):
    """Return cells of late and of early cases: `size` staged ones a group, a share of them late."""
    bands = drawn_cells(1.0, None).bands
    ages = len(bands)

    def cells(counts):
        return cells_by_group(
            [
                {
                    "stratum": f"Q{place + 1}",
                    "events": events,
                    "person_years": np.full(ages, 1e5),
                    **KEYS_OF_CELLS,
                }
                for place, events in enumerate(counts)
            ],
            bands,
        )

    late = np.zeros((groups, ages), dtype=int)
    late[:, 12] = np.rint(size * late_share * np.linspace(1 - rise, 1 + rise, groups))
    early = np.zeros((groups, ages), dtype=int)
    early[:, 12] = size - late[:, 12]
    return cells(late), cells(early)


KEYS_OF_CELLS = {"geo_level": "registry_zone", "geo_code": "ALL"}


def test_equal_shares_have_no_gradient_however_many_cases_a_group_has():
    sizes = np.array([200, 300, 400, 500, 600])
    rows = as_result(late_stage_rows(*staged_cells(0.3, size=sizes, rise=0.0), asked()))
    measured = rows.set_index("indicator")["value"]
    # 60 of 200 up to 180 of 600: 30 % in each group.
    assert measured["late_stage_relative_index"] == pytest.approx(1.0, abs=1e-9)
    assert measured["late_stage_slope_index"] == pytest.approx(0.0, abs=1e-7)


def test_rows_by_stage_say_what_they_count_and_go_through_the_door():
    rows = as_result(late_stage_rows(*staged_cells(0.3), asked()))
    shares = rows[rows["indicator"].eq("late_stage_share")].set_index("stratum")
    # By hand: 24, 27, 30, 33 and 36 % of 400 cases; 30 % of all.
    assert shares["value"].to_dict() == pytest.approx(
        {"Q1": 24.0, "Q2": 27.0, "Q3": 30.0, "Q4": 33.0, "Q5": 36.0, "all": 30.0}
    )
    assert shares["events"].to_dict() == {"Q1": 96, "Q2": 108, "Q3": 120, "Q4": 132, "Q5": 144, "all": 600}
    ratio = rows[rows["indicator"].eq("late_stage_relative_index")].iloc[0]
    # The ends of a line through these shares: 22.5 and 37.5 %; a logistic line bends by less than a point.
    assert ratio["value"] == pytest.approx(37.5 / 22.5, rel=0.05)
    public = protect(rows, Hierarchy(), POLICY)[0].table
    assert public["status"].eq("published").all()
    small = as_result(late_stage_rows(*staged_cells(0.02), asked()))
    public = protect(small, Hierarchy(), POLICY)[0].table
    assert not public.loc[public["indicator"].ne("count"), "status"].eq("published").any()


def regions(cases: list[int]):
    rng = np.random.default_rng(6)
    return concatenate(
        [
            drawn_cells(1.2 + 0.1 * place, rng, cases=size, event_type="death", geo_level="region",
                        geo_code=f"{place:02d}")
            for place, size in enumerate(cases)
        ]
    )  # fmt: skip


def test_a_shrunken_index_of_a_release_follows_from_what_is_published():
    cells = regions([3_000, 4_000, 5_000, 6_000, 7_000, 25])
    made = gradients(cells, asked(by_site=False))
    releasable, _ = protect(made.results, Hierarchy(), POLICY)
    own = shown(releasable.table, indicator="relative_index", method="multiplicative-poisson")
    assert set(own["geo_code"]) == {"00", "01", "02", "03", "04"}
    rows = shrunken_of_published(cells, releasable.table, asked())
    assert set(rows["geo_code"]) == set(own["geo_code"])
    # The hidden region does not move them: with other counts there they are the same to the last digit.
    other = cells.take(np.flatnonzero(cells.strata["geo_code"].ne("05").to_numpy()))
    changed = concatenate([other, regions([25] * 5 + [31]).take(np.arange(25, 30))])
    again = shrunken_of_published(changed, releasable.table, asked())
    assert rows["value"].tolist() == again["value"].tolist()
    # Made of all six they would move.
    assert not np.allclose(made.shrunken["value"].to_numpy()[:5], rows["value"])
    public = add_gradients(releasable, rows, POLICY).table
    shrunk = shown(public, method="fay-herriot")
    assert len(shrunk) == 5
    assert shrunk["events"].isna().all()


def test_gradients_that_borrow_do_not_go_through_the_first_door():
    cells = regions([3_000, 4_000, 5_000, 6_000, 7_000])
    made = gradients(cells, asked(by_site=False))
    with pytest.raises(DisclosureRefused, match="P013"):
        protect(as_result(pd.concat([made.results, made.shrunken])), Hierarchy(), POLICY)
    releasable, _ = protect(made.results, Hierarchy(), POLICY)
    with pytest.raises(DisclosureRefused, match="P013"):
        add_gradients(releasable, made.results.head(3), POLICY)
    assert published_counts_of(releasable.table).empty


def test_a_gradient_inside_a_map_is_made_of_the_counts_of_a_reader_or_not_at_all():
    codes = [f"Z{place:02d}" for place in range(40)]
    area = {"geo_level": "zone", "geo_code": codes, "geo_vintage": "v"}
    rank = (np.arange(40) + 0.5) / 40
    expected = np.full(40, 60.0)
    areas = pd.DataFrame({**area, "expected": expected, "events": np.rint(expected * 2.0 ** (rank - 0.5))})
    scores = pd.DataFrame(
        {**area, "index": "fdep", "vintage": "2015", "higher_is": "more_deprived", "score": rank}
    )
    cut = deprivation_groups(
        scores, pd.DataFrame({**area, "population": 1.0}), index="fdep", vintage="2015", groups=5
    )
    edges = pd.DataFrame({"geo_code": codes[:-1], "neighbour_code": codes[1:]})
    head = {
        **{"event_type": "death", "site": "lung", "sex": 1, "period_from": 2016, "period_until": 2021},
        **{"geo_level": "france_hexagonale", "geo_code": "FRH", "geo_vintage": "v", "source": "deaths"},
    }
    most = areas.assign(visible=np.arange(40) >= 3)
    rows = area_gradient_rows(most, edges, cut, asked(), head)
    assert rows["method"].tolist() == ["independent", "bym2", "spatial-plus"]
    ratio = rows.set_index("method")["value"]
    # Twice the risk from end to end; whole counts of 60 move a ratio by a few per cent at most.
    assert ratio["independent"] == pytest.approx(2.0, rel=0.05)
    assert area_gradient_rows(areas.assign(visible=np.arange(40) >= 5), edges, cut, asked(), head).empty
    classes = area_gradient_rows(
        most, edges, cut, asked(area_model_level="zone", area_model_form="classes"), head
    )
    own = classes[classes["method"].eq("independent")].set_index("comparator")["value"]
    assert list(own.index) == ["Q2/Q1", "Q3/Q1", "Q4/Q1", "Q5/Q1"]
    # Groups lie a fifth of the ranks apart.
    assert own["Q5/Q1"] == pytest.approx(2.0**0.8, rel=0.05)
    counts = gradients(regions([3_000] * 5), asked(by_site=False)).results
    releasable, _ = protect(counts, Hierarchy(), POLICY)
    public = add_gradients(releasable, rows, POLICY).table
    assert len(shown(public, indicator="deprivation_risk_ratio")) == 3
    assert public.loc[public["indicator"].eq("deprivation_risk_ratio"), "events"].isna().all()
