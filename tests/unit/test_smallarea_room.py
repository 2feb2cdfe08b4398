"""The small-area room: from cells and a map to rows that say what may be said, and no more."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from rnc_epi.cells.table import Cells, concatenate
from rnc_epi.maths import smallarea as maths
from rnc_epi.smallarea import (
    AreaGraph,
    SmallAreaModel,
    crossing_pieces,
    graphs_of,
    mapped_counts,
    small_areas,
)
from rnc_epi.smallarea import maps as room
from rnc_epi.vocabulary.ages import BandSet
from rnc_epi.vocabulary.draws import Draws
from rnc_epi.vocabulary.schemas import RESULT_COLUMNS
from rnc_epi.vocabulary.study_small_areas import (
    Clusters,
    DeprivationCovariate,
    SmallAreaPriors,
    SmallAreas,
)
from tests.small_area_cells import AREA, ZONES, areas_of, made_map, strata_of

PLAIN = SmallAreas(geo_levels=["zone"], autocorrelation=False, draws=200)


@pytest.fixture(scope="module")
def made():
    return made_map()


@pytest.fixture(scope="module")
def full(made):
    asked = SmallAreas(benchmark="departement", fewest_areas=5, clusters=Clusters(replicates=99))
    return small_areas(made.cells, made.graphs, asked, membership=made.membership)


def three_areas(events, person_years, unknown=(0, 0, 0)) -> Cells:
    areas = areas_of("zone", ["a", "b", "c"])
    bands = BandSet.from_starts([0, 65])
    return Cells(
        strata_of(areas), bands, np.array(events), np.array(unknown), np.array(person_years, dtype=float)
    )


def three_graph() -> AreaGraph:
    return AreaGraph(areas_of("zone", ["a", "b", "c"]), np.array([[0, 1]]))


def test_expected_events_by_hand_against_the_areas_together():
    # Rates of the pool: (2 + 1 + 0) / 3 000 = 1 / 1 000 and (4 + 6 + 2) / 600 = 20 / 1 000.
    cells = three_areas([[2, 4], [1, 6], [0, 2]], [[1000, 100], [1500, 300], [500, 200]])
    counts = mapped_counts(cells, three_graph(), reference="pooled")
    # Sums of three products of whole numbers: exact but for rounding.
    np.testing.assert_allclose(counts.expected, [1 + 2, 1.5 + 6, 0.5 + 4], rtol=1e-12)
    assert counts.observed.tolist() == [6, 7, 2]
    assert counts.comparator == "pooled"


def test_events_of_unknown_age_are_spread_over_what_is_expected():
    cells = three_areas([[2, 4], [1, 6], [0, 2]], [[1000, 100], [1500, 300], [500, 200]], (3, 0, 0))
    counts = mapped_counts(cells, three_graph(), reference="pooled")
    # Observed and expected of the pool are one total: 15 of known age and 3 of unknown.
    assert counts.expected.sum() == pytest.approx(18, rel=1e-12)
    assert counts.observed.sum() == 18


def test_the_nation_is_the_reference_and_is_named(made):
    counts = mapped_counts(made.cells, made.graphs["zone"])
    assert counts.comparator == "france_hexagonale:FRH:v"
    # The nation is the sum of these zones, so its rates give back its own total.
    assert counts.expected.sum() == pytest.approx(counts.observed.sum(), rel=1e-12)


def test_three_rows_an_area_carry_the_counts_that_secrecy_is_judged_on(full, made):
    rows = full.results
    assert list(rows.columns) == list(RESULT_COLUMNS)
    zones = rows[rows["geo_level"].eq("zone") & rows["estimator"].eq("smoothed")]
    assert zones.groupby("geo_code").size().eq(3).all()
    assert len(zones) == 3 * ZONES
    observed = dict(zip(made.areas["geo_code"], made.cells.total_events[:ZONES], strict=True))
    assert (zones["events"] == zones["geo_code"].map(observed)).all()
    units = dict(zip(zones["indicator"], zones["measure_unit"], strict=True))
    assert units == {
        "relative_risk": "ratio", "exceedance_probability": "probability", "risk_class": "class"
    }  # fmt: skip
    risks = zones[zones["indicator"].eq("relative_risk")]
    assert (risks["lower"] < risks["value"]).all()
    assert (risks["value"] < risks["upper"]).all()
    assert risks["interval_kind"].eq("credible").all()


def test_classes_follow_the_probability_of_exceedance(full):
    rows = full.results[full.results["estimator"].eq("smoothed")]
    wide = rows.pivot_table(index=AREA, columns="indicator", values="value")
    expected = (wide["exceedance_probability"] > 0.8).astype(int) - (
        wide["exceedance_probability"] < 0.2
    ).astype(int)
    assert (wide["risk_class"] == expected).all()
    assert set(wide["risk_class"]) == {-1, 0, 1}


def test_the_threshold_is_part_of_what_an_exceedance_is_judged_against(made):
    asked = SmallAreas(geo_levels=["zone"], threshold=1.25, autocorrelation=False, draws=200)
    rows = small_areas(made.cells, made.graphs, asked).results
    said = rows.groupby("indicator")["comparator"].unique().str[0]
    assert said["relative_risk"] == "france_hexagonale:FRH:v"
    assert said["exceedance_probability"] == "france_hexagonale:FRH:v*1.25"
    fit = SmallAreaModel(threshold=1.25).fit(mapped_counts(made.cells, made.graphs["zone"]))
    values = rows.loc[rows["indicator"].eq("exceedance_probability"), "value"].to_numpy()
    assert values == pytest.approx(fit.result_.exceedance(1.25), abs=1e-12)


def test_smoothed_risks_are_nearer_the_truth_than_raw_ratios(made):
    fit = SmallAreaModel().fit(mapped_counts(made.cells, made.graphs["zone"]))
    counts = fit.counts_
    raw = counts.observed / counts.expected
    reference = (made.risk * counts.expected).sum() / counts.expected.sum()
    truth = made.risk / reference

    def error(values):
        return float(np.sqrt(((values - truth) ** 2).mean()))

    assert error(fit.relative_risk_) < 0.8 * error(raw)


def test_areas_in_another_order_and_with_other_names_keep_their_risks(made):
    rng = np.random.default_rng(1)
    shuffled = made.cells.take(rng.permutation(len(made.cells)))
    asked = SmallAreas(geo_levels=["zone"], draws=200)
    first = small_areas(made.cells, made.graphs, asked)
    again = small_areas(shuffled, made.graphs, asked)
    pd.testing.assert_frame_equal(first.results, again.results)
    renamed = made.adjacency.assign(
        geo_code="x" + made.adjacency["geo_code"], neighbour_code="x" + made.adjacency["neighbour_code"]
    )
    areas = made.areas.assign(geo_code="x" + made.areas["geo_code"])
    strata = made.cells.strata
    other = Cells(
        strata.assign(
            geo_code=strata["geo_code"].where(strata["geo_level"].ne("zone"), "x" + strata["geo_code"])
        ),
        made.cells.bands, made.cells.events, made.cells.unknown_age, made.cells.person_years,
    )  # fmt: skip
    zone = renamed[renamed["geo_level"].eq("zone")]
    found = small_areas(other, AreaGraph.from_adjacency(zone, areas), asked).results
    assert found["value"].to_numpy() == pytest.approx(first.results["value"].to_numpy(), abs=1e-12)


def test_the_work_done_on_a_map_is_shared_by_every_site_and_sex(made):
    women = Cells(
        made.cells.strata.assign(sex=2),
        made.cells.bands, made.cells.events, made.cells.unknown_age, made.cells.person_years,
    )  # fmt: skip
    graph = made.graphs["zone"]
    of_men, of_women = (mapped_counts(part, graph).graph for part in (made.cells, women))
    assert of_men is of_women is graph
    kept = np.arange(ZONES) != 7
    assert graph.restricted_to(kept) is graph.restricted_to(kept.copy())
    assert graph.maths.field is graph.maths.field
    both = small_areas(concatenate([made.cells, women]), made.graphs, PLAIN).results
    values = both[both["indicator"].eq("relative_risk")].pivot_table(
        index="geo_code", columns="sex", values="value"
    )
    np.testing.assert_array_equal(values[1], values[2])


def test_an_area_without_inhabitants_has_rows_that_say_why_and_the_others_keep_theirs(made):
    lived, events = made.cells.person_years.copy(), made.cells.events.copy()
    lived[5], events[5] = 0.0, 0
    cells = Cells(made.cells.strata, made.cells.bands, events, made.cells.unknown_age, lived)
    found = small_areas(cells, made.graphs, PLAIN)
    lost = found.results[found.results["geo_code"].eq("z05")]
    assert lost["status"].eq("not_estimable").all()
    assert lost["reason"].eq("no_person_years").all()
    assert lost[["value", "lower", "upper"]].isna().all(axis=None)
    rest = found.results[found.results["geo_code"].ne("z05")]
    assert rest["status"].eq("estimated").all()
    assert found.diagnostics["left_out"].item() == 1


def test_areas_that_the_data_do_not_cover_are_counted_as_absent(made):
    covered = made.cells.take(~made.cells.strata["geo_code"].isin(["z10", "z11"]).to_numpy())
    found = small_areas(covered, made.graphs, PLAIN)
    assert found.diagnostics[["areas", "absent"]].iloc[0].tolist() == [ZONES - 2, 2]
    assert found.results["geo_code"].nunique() == ZONES - 2


def test_a_refused_fit_has_rows_without_a_number_and_a_code(made, monkeypatch):
    monkeypatch.setattr("rnc_epi.maths.smallarea.fitting.MOST_SHIFT", 1e-9)
    found = small_areas(made.cells, made.graphs, PLAIN)
    assert found.diagnostics[["status", "code"]].iloc[0].tolist() == ["fit_refused", "A023"]
    assert found.results["status"].eq("not_estimable").all()
    assert found.results["reason"].eq("fit_refused").all()
    assert found.results["value"].isna().all()
    assert found.results["events"].notna().all()
    assert found.ranks.empty


def test_a_grid_that_is_too_coarse_is_a_refusal(made, monkeypatch):
    monkeypatch.setattr("rnc_epi.smallarea.model.LARGEST_GRID_CHANGE", 1e-6)
    found = small_areas(made.cells, made.graphs, PLAIN)
    assert found.diagnostics["code"].item() == "A039"
    assert found.results["value"].isna().all()


def test_without_the_nation_a_national_reference_gives_rows_without_a_number(made):
    zones = made.cells.take(made.cells.strata["geo_level"].eq("zone").to_numpy())
    found = small_areas(zones, made.graphs, PLAIN)
    assert found.results["reason"].eq("no_reference").all()
    assert found.results[["value", "expected"]].isna().all(axis=None)
    pooled = SmallAreas(geo_levels=["zone"], reference="pooled", autocorrelation=False, draws=200)
    assert small_areas(zones, made.graphs, pooled).results["status"].eq("estimated").all()


def test_a_map_of_too_few_areas_is_not_fitted(made):
    asked = SmallAreas(geo_levels=["departement"], fewest_areas=7)
    found = small_areas(made.cells, made.graphs, asked)
    assert found.results["reason"].eq("too_few_areas").all()
    assert found.results["value"].isna().all()


def test_every_selection_of_the_study_file_selects(made):
    women = Cells(
        made.cells.strata.assign(sex=2, site="breast"),
        made.cells.bands, made.cells.events, made.cells.unknown_age, made.cells.person_years,
    )  # fmt: skip
    cells = concatenate([made.cells, women])

    def maps(**options) -> list[tuple[str, int]]:
        asked = SmallAreas(geo_levels=["zone"], autocorrelation=False, draws=200, **options)
        found = small_areas(cells, made.graphs, asked).diagnostics
        return list(zip(found["site"], found["sex"], strict=True)) if len(found) else []

    assert maps() == [("lung", 1), ("breast", 2)]
    assert maps(sites=["breast"]) == [("breast", 2)]
    assert maps(sexes=[1]) == [("lung", 1)]
    assert maps(events=["incidence"]) == []
    assert maps(minimum_years=6) == []


def test_the_prior_of_the_study_file_reaches_the_model(made):
    def sigma(**priors) -> float:
        asked = SmallAreas(
            geo_levels=["zone"], autocorrelation=False, draws=200, priors=SmallAreaPriors(**priors)
        )
        found = small_areas(made.cells, made.graphs, asked).parameters.set_index("parameter")
        return float(found.loc["sigma", "mean"])

    assert sigma(spread_upper=0.05) < 0.7 * sigma()
    asked = SmallAreas(priors=SmallAreaPriors(share_below=0.3, share_probability=0.4))
    assert room.priors_of(asked)["phi"] == maths.PenalisedComplexityMixing(0.3, 0.4)
    assert set(room.priors_of(SmallAreas(model="bym"))) == {"sigma_structured", "sigma_unstructured"}


def test_benchmarked_events_add_up_to_what_the_level_above_says(full, made):
    rows = full.results[full.results["indicator"].eq("relative_risk")]
    zones = rows[rows["estimator"].eq("benchmarked")].set_index("geo_code")
    parent = dict(zip(made.membership["child_code"], made.membership["parent_code"], strict=True))
    sums = (zones["value"] * zones["expected"]).groupby(parent).sum()
    above = rows[rows["geo_level"].eq("departement")].set_index("geo_code")
    # Means of 1 000 draws against exact posterior means: three Monte Carlo errors of a sum.
    wanted = above["value"] * above["expected"]
    assert (np.abs(sums - wanted) < 3 * above["se"] * above["expected"] / np.sqrt(1000) * 1.5).all()
    plain = rows[rows["estimator"].eq("smoothed") & rows["geo_level"].eq("zone")].set_index("geo_code")
    unraked = (plain["value"] * plain["expected"]).groupby(parent).sum()
    assert np.abs(unraked - wanted).max() > 5


def test_an_area_that_crosses_a_border_is_cut_into_pieces_by_hand():
    areas, parents = areas_of("epci", ["e", "f"]), areas_of("departement", ["p", "q"])
    finer = areas_of("commune", ["1", "2", "3", "4"])
    links = [("1", "e", "p"), ("2", "e", "q"), ("3", "f", "q"), ("4", "f", "q")]
    membership = pd.DataFrame(
        [("commune", child, "v", "epci", area, "v", 1.0) for child, area, _ in links]
        + [("commune", child, "v", "departement", parent, "v", 1.0) for child, _, parent in links],
        columns=[
            "child_level", "child_code", "child_vintage",
            "parent_level", "parent_code", "parent_vintage", "weight",
        ],
    )  # fmt: skip
    found = crossing_pieces(areas, parents, membership, finer, np.array([3.0, 1.0, 2.0, 6.0]))
    assert found.area.tolist() == [0, 0, 1]
    assert found.parent.tolist() == [0, 1, 1]
    assert found.share.tolist() == [0.75, 0.25, 1.0]


def test_outlines_that_touch_are_neighbours_and_an_island_stays():
    squares = [shapely.box(x, y, x + 1, y + 1) for x, y in ((0, 0), (1, 0), (1, 1), (9, 9))]
    outlines = gpd.GeoDataFrame(areas_of("zone", list("abcd")), geometry=squares)
    queen, rook = (AreaGraph.from_outlines(outlines, corners=corners) for corners in (True, False))
    assert rook.edges.tolist() == [[0, 1], [1, 2]]
    assert queen.edges.tolist() == [[0, 1], [0, 2], [1, 2]]
    assert queen.islands["geo_code"].tolist() == ["d"]
    assert queen.centres()[0].tolist() == [0.5, 1.5, 1.5, 9.5]


def test_the_table_of_neighbours_gives_one_graph_a_level(made):
    both = pd.concat(
        [
            made.adjacency,
            made.adjacency.rename(columns={"geo_code": "neighbour_code", "neighbour_code": "geo_code"}),
        ]
    )
    everywhere = pd.concat([made.areas, areas_of("departement", [f"d{k}" for k in range(6)])])
    one, two = (graphs_of(table, everywhere) for table in (made.adjacency, both))
    assert set(one) == {"zone", "departement"}
    for level in one:
        np.testing.assert_array_equal(one[level].edges, two[level].edges)
        np.testing.assert_array_equal(one[level].edges, made.graphs[level].edges)


def test_territories_in_insets_are_far_from_all_others_whatever_their_coordinates():
    shapes = [shapely.to_wkb(shapely.box(x, 0, x + 1, 1)) for x in (0, 1, 0, 1)]
    inset = [None, None, '{"scale": 2}', '{"scale": 2}']
    areas = areas_of("zone", list("abcd")).assign(outline=shapes, inset=inset)
    pairs = areas[AREA].iloc[[0, 2]].assign(neighbour_code=["b", "d"])
    x, _ = graphs_of(pairs, areas)["zone"].centres()
    assert abs(x[1] - x[0]) == abs(x[3] - x[2]) == 1.0
    assert abs(x[2] - x[0]) > 1e7


def test_calibrated_draws_are_smoothed_with_the_covariance_of_their_logarithms():
    rng = np.random.default_rng(4)
    areas = areas_of("zone", [f"a{k:02d}" for k in range(25)])
    cell = np.arange(25).reshape(5, 5)
    edges = np.r_[
        np.c_[cell[:, :-1].ravel(), cell[:, 1:].ravel()], np.c_[cell[:-1].ravel(), cell[1:].ravel()]
    ]
    graph = AreaGraph(areas, edges)
    logs = 0.3 * rng.standard_normal(25)[:, None]
    # One coefficient common to all and an error of each: what calibration leaves.
    logs = logs + 0.2 * rng.standard_normal(2000) + 0.1 * rng.standard_normal((25, 2000))
    order = rng.permutation(25)
    draws = Draws(
        areas.iloc[order].reset_index(drop=True), np.exp(logs[order]), "ratio", "prediction", 0, "m"
    )
    found = SmallAreaModel().fit(draws, graph)
    assert found.areas_["geo_code"].tolist() == areas["geo_code"].tolist()
    same = maths.fit_gaussian(logs.mean(axis=1), np.cov(logs), edges)
    assert found.relative_risk_ == pytest.approx(same.relative_risk, rel=1e-9)
    alone = maths.fit_gaussian(logs.mean(axis=1), logs.var(axis=1, ddof=1), edges)
    # The common error, 0.2, cannot be smoothed away; taken as independent it would be.
    assert found.result_.log_sd.min() > 0.2 > alone.log_sd.max()


@pytest.mark.parametrize("form", ["smooth", "classes"])
def test_deprivation_explains_what_it_made_and_its_direction_is_read(made, form):
    of_form = {"classes": 3} if form == "classes" else {}

    def parameters(table) -> pd.DataFrame:
        asked = SmallAreas(
            geo_levels=["zone"], autocorrelation=False, draws=200,
            deprivation=DeprivationCovariate(index="EDI", form=form, **of_form),
        )  # fmt: skip
        found = small_areas(made.cells, made.graphs, asked, deprivation=table)
        assert set(found.results["method"]) == {"bym2-deprivation"}
        return found.parameters.set_index("parameter")["mean"]

    found = parameters(made.deprivation)
    turned = made.deprivation.assign(score=-made.deprivation["score"], higher_is="less_deprived")
    assert parameters(turned).to_numpy() == pytest.approx(found.to_numpy(), abs=1e-9)
    plain = small_areas(made.cells, made.graphs, PLAIN).parameters.set_index("parameter")["mean"]
    assert found["sigma"] < 0.6 * plain["sigma"]
    if form == "classes":
        assert 0.1 < found["Q2"] < found["Q3"]
        assert "unknown" in found.index


def test_morans_coefficient_and_clusters_stand_beside_the_map(full):
    zones = full.diagnostics[full.diagnostics["geo_level"].eq("zone")].iloc[0]
    assert zones["moran"] > 0.1
    assert zones["moran_p"] < 0.05
    assert zones["moran_expected"] == pytest.approx(-1 / (ZONES - 1), rel=1e-12)
    local = full.local[full.local["geo_level"].eq("zone")]
    island = local[local["geo_code"].eq("z59")]
    assert island["p_value"].isna().all()
    assert set(local["quadrant"]) <= {"high_high", "low_high", "low_low", "high_low", "_"}
    assert full.clusters["p_value"].le(0.2).all()
    assert len(full.clusters)


def test_draws_are_fewer_on_a_large_map_and_the_number_is_said(made, monkeypatch):
    monkeypatch.setattr("rnc_epi.smallarea.tables.MOST_NUMBERS", 18_000)
    found = small_areas(made.cells, made.graphs, SmallAreas(geo_levels=["zone"], autocorrelation=False))
    assert found.diagnostics["draws"].item() == 300
