"""What the small-area room refuses, and by which code."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from pydantic import ValidationError

from rnc_epi.cells.table import Cells, concatenate
from rnc_epi.maths import smallarea as maths
from rnc_epi.smallarea import (
    AreaGraph,
    SmallAreaModel,
    clusters,
    mapped_counts,
    nested_pieces,
    small_areas,
)
from rnc_epi.vocabulary.draws import Draws
from rnc_epi.vocabulary.errors import InputError, NotCovered, RncEpiError
from rnc_epi.vocabulary.study_small_areas import (
    Clusters,
    DeprivationCovariate,
    SmallAreaPriors,
    SmallAreas,
)
from tests.small_area_cells import AREA, ZONES, areas_of, made_map

ZONES_ABC = areas_of("zone", ["a", "b", "c"])


@pytest.fixture(scope="module")
def made():
    return made_map()


def neighbours(*pairs: tuple[str, str]) -> pd.DataFrame:
    return pd.DataFrame(
        [("zone", a, "v", b) for a, b in pairs], columns=[*AREA, "neighbour_code"], dtype=object
    )


@pytest.mark.parametrize(
    ("pairs", "code"),
    [
        ([("a", "b"), ("d", "a")], "A030"),
        ([("a", "b"), ("a", "d")], "A032"),
        ([("a", "b"), ("b", "a"), ("b", "c")], "A033"),
        ([("a", "b"), ("a", "b")], "A034"),
        ([("a", "b"), ("c", "c")], "A035"),
    ],
    ids=["area unknown", "neighbour unknown", "half in both directions", "twice", "its own neighbour"],
)
def test_a_wrong_table_of_neighbours_is_refused_with_its_code(pairs, code):
    with pytest.raises(InputError) as refusal:
        AreaGraph.from_adjacency(neighbours(*pairs), ZONES_ABC)
    assert refusal.value.code == code


def test_neighbours_of_other_levels_are_left_aside_and_none_at_all_is_a_map_of_islands():
    other = neighbours(("a", "b")).assign(geo_level="commune")
    graph = AreaGraph.from_adjacency(other, ZONES_ABC)
    assert graph.components == len(graph.islands) == 3


@pytest.mark.parametrize(
    "areas",
    [areas_of("zone", ["a", "a"]), pd.concat([ZONES_ABC, areas_of("commune", ["d"])])],
    ids=["twice", "two levels"],
)
def test_areas_of_a_map_are_distinct_and_of_one_level(areas):
    with pytest.raises(InputError) as refusal:
        AreaGraph(areas, np.zeros((0, 2), np.int64))
    assert refusal.value.code == "A038"


def test_an_area_without_outline_or_centre_is_named():
    shapes = [shapely.box(0, 0, 1, 1), None, shapely.Polygon()]
    with pytest.raises(InputError) as refusal:
        AreaGraph.from_outlines(gpd.GeoDataFrame(ZONES_ABC, geometry=shapes))
    assert (refusal.value.code, refusal.value.facts["where"]) == ("A044", "b")
    with pytest.raises(InputError) as refusal:
        AreaGraph.from_adjacency(
            neighbours(), ZONES_ABC, pd.DataFrame({"geo_code": ["a", "b"], "x": [0, 1.0], "y": [0, 1.0]})
        )
    assert (refusal.value.code, refusal.value.facts["where"]) == ("A044", "c")


def test_areas_of_data_and_map_must_be_the_same_both_ways(made):
    graph, zones = made.graphs["zone"], made.cells.strata["geo_level"].eq("zone").to_numpy()
    fewer = made.cells.take(np.flatnonzero(made.cells.strata["geo_code"].ne("z07")))
    with pytest.raises(InputError) as refusal:
        SmallAreaModel().fit(fewer, graph)
    assert (refusal.value.code, refusal.value.facts["where"]) == ("A031", "z07")
    part = AreaGraph(graph.areas.iloc[:-1], graph.edges[(graph.edges < ZONES - 1).all(axis=1)])
    with pytest.raises(InputError) as refusal:
        SmallAreaModel().fit(made.cells, part)
    assert (refusal.value.code, refusal.value.facts["where"]) == ("A030", "z59")
    with pytest.raises(InputError) as refusal:
        SmallAreaModel().fit(made.cells.take(~zones), graph)
    assert refusal.value.code == "A031"


def test_one_stratum_an_area_is_asked(made):
    graph = made.graphs["zone"]
    with pytest.raises(InputError) as refusal:
        mapped_counts(concatenate([made.cells, made.cells]), graph)
    assert refusal.value.code == "A036"
    women = Cells(
        made.cells.strata.assign(sex=2),
        made.cells.bands, made.cells.events, made.cells.unknown_age, made.cells.person_years,
    )  # fmt: skip
    with pytest.raises(InputError) as refusal:
        mapped_counts(concatenate([made.cells, women]), graph)
    assert (refusal.value.code, refusal.value.facts["name"]) == ("A036", "sex")


def test_a_national_reference_without_the_nation_is_refused(made):
    zones = made.cells.take(made.cells.strata["geo_level"].eq("zone").to_numpy())
    with pytest.raises(NotCovered) as refusal:
        SmallAreaModel().fit(zones, made.graphs["zone"])
    assert refusal.value.code == "A037"


def test_results_of_a_model_that_is_not_fitted_are_refused_and_slips_are_slips():
    with pytest.raises(InputError) as refusal:
        _ = SmallAreaModel().relative_risk_
    assert refusal.value.code == "A045"
    with pytest.raises(AttributeError):
        _ = SmallAreaModel().relative_risk


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda d, v: (d.iloc[:-1], v[:-1]), "A031"),
        (lambda d, v: (d.assign(geo_code=["a", "b", "x"]), v), "A030"),
        (lambda d, v: (d.assign(geo_code=["a", "b", "b"]), v), "A036"),
        (lambda d, v: (d, v[:, :14]), "A040"),
        (lambda d, v: (d, v * np.r_[0.0, np.ones(99)]), "M004"),
    ],
    ids=["area missing", "area unknown", "area twice", "few draws", "a zero"],
)
def test_draws_that_do_not_match_the_map_are_refused(change, code):
    graph = AreaGraph(ZONES_ABC, np.array([[0, 1]]))
    index, values = change(ZONES_ABC, np.random.default_rng(0).gamma(9.0, 1.0, (3, 100)))
    with pytest.raises(InputError) as refusal:
        SmallAreaModel().fit(Draws(index, values, "ratio", "prediction", 0, "m"), graph)
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"geo_levels": ["commune"]}, "A046"),
        ({"benchmark": "region"}, "A046"),
        ({"benchmark": "departement"}, "A042"),
        ({"deprivation": DeprivationCovariate(index="EDI")}, "A041"),
    ],
    ids=["level without map", "level above without map", "no membership", "no scores"],
)
def test_what_a_study_asks_and_the_extract_lacks_is_refused(made, options, code):
    with pytest.raises(InputError) as refusal:
        small_areas(made.cells, made.graphs, SmallAreas(**options))
    assert refusal.value.code == code


def test_a_level_that_is_not_above_is_refused_for_a_benchmark(made):
    options = {"membership": made.membership}
    # Six départements cannot be made to add up to sixty zones, nor a level to itself.
    for levels, graphs in (
        (["departement"], made.graphs),
        ([], {"zone": made.graphs["zone"]}),
    ):
        asked = SmallAreas(geo_levels=levels, benchmark="zone", autocorrelation=False)
        with pytest.raises(InputError) as refusal:
            small_areas(made.cells, graphs, asked, **options)
        assert refusal.value.code == "A049"
        assert '"zone"' in refusal.value.message("fr")


def test_an_index_of_another_name_or_edition_is_refused_with_those_there_are(made):
    for asked in (DeprivationCovariate(index="FDep"), DeprivationCovariate(index="EDI", vintage="2009")):
        with pytest.raises(InputError) as refusal:
            small_areas(
                made.cells, made.graphs["zone"], SmallAreas(deprivation=asked), deprivation=made.deprivation
            )
        assert refusal.value.code == "A041"
        assert "EDI (2017)" in str(refusal.value)
    two = pd.concat([made.deprivation, made.deprivation.assign(vintage="2019")])
    with pytest.raises(InputError) as refusal:
        small_areas(
            made.cells, made.graphs["zone"],
            SmallAreas(deprivation=DeprivationCovariate(index="EDI")), deprivation=two,
        )  # fmt: skip
    assert refusal.value.code == "A041"


def test_an_area_in_no_parent_or_in_two_cannot_be_benchmarked(made):
    parents = areas_of("departement", [f"d{k}" for k in range(6)])
    for wrong in (
        made.membership.iloc[1:],
        pd.concat([made.membership, made.membership.iloc[:1].assign(parent_code="d5")]),
        made.membership.assign(weight=0.5),
    ):
        with pytest.raises(InputError) as refusal:
            nested_pieces(made.areas, parents, wrong)
        assert refusal.value.code == "A042"


def test_a_scan_asks_for_centres_and_for_memory(made, monkeypatch):
    graph = AreaGraph(made.areas, made.graphs["zone"].edges)
    with pytest.raises(InputError) as refusal:
        small_areas(made.cells, graph, SmallAreas(clusters=Clusters(replicates=99)))
    assert refusal.value.code == "A044"
    monkeypatch.setattr("rnc_epi.maths.scan.machine_bytes", lambda: 10_000)
    with pytest.raises(RncEpiError) as refused:
        clusters(mapped_counts(made.cells, made.graphs["zone"]))
    assert refused.value.code == "A043"


@pytest.mark.parametrize(
    "options",
    [
        {"low": 0.9},
        {"pieces": "commune"},
        {"model": "icar", "priors": SmallAreaPriors(share_below=0.3)},
        {"model": "car"},
        {"unknown": 1},
    ],
)
def test_a_section_that_contradicts_itself_is_refused(options):
    with pytest.raises(ValidationError):
        SmallAreas(**options)


def test_a_map_without_any_event_has_no_figure(made):
    events = np.zeros_like(made.cells.events)
    events[-1] = [50, 0, 0]
    cells = Cells(
        made.cells.strata, made.cells.bands, events, made.cells.unknown_age, made.cells.person_years
    )
    found = small_areas(cells, made.graphs["zone"], SmallAreas(fewest_areas=5))
    assert found.results["reason"].eq("no_events").all()
    assert found.results["value"].isna().all()


def test_a_mean_that_runs_away_is_refused():
    with pytest.raises(RncEpiError) as refusal:
        # So little is expected that log risks would lie beyond any that can be computed with.
        maths.fit(np.ones(20), np.full(20, 1e-100), np.c_[np.arange(19), np.arange(1, 20)])
    assert refusal.value.code == "A020"


def test_an_unknown_reference_is_refused(made):
    with pytest.raises(InputError) as refusal:
        SmallAreaModel(reference="x").fit(made.cells, made.graphs["zone"])
    assert refusal.value.code == "M005"


@pytest.mark.parametrize(
    ("cells", "graph", "code"),
    [
        (None, "zone", "M002"),
        ("frame", "zone", "M002"),
        ("empty", "zone", "A031"),
        ("cells", "edges", "M002"),
        ("cells", None, "M002"),
    ],
)
def test_what_is_no_cells_or_no_map_is_refused(made, cells, graph, code):
    known = {
        "frame": made.cells.strata,
        "empty": made.cells.take(np.zeros(len(made.cells), dtype=bool)),
        "cells": made.cells,
        "zone": made.graphs["zone"],
        "edges": np.asarray(made.graphs["zone"].edges),
    }
    for interaction in (None, "I"):
        with pytest.raises(InputError) as refusal:
            SmallAreaModel(interaction=interaction).fit(known.get(cells), known.get(graph))
        assert refusal.value.code in (code, "A047" if cells == "empty" and interaction else code)


def test_centres_of_areas_are_no_covariates_and_coefficients_have_the_names_of_their_columns(made):
    graph = made.graphs["zone"]
    score = np.sin(np.arange(len(graph)))
    table = graph.areas.assign(score=score)
    assert {"x", "y"} <= set(table.columns)
    fit = SmallAreaModel(covariates=table).fit(made.cells, graph)
    assert list(fit.coefficients_) == ["intercept", "score"]
    plain = SmallAreaModel(covariates=score[:, None]).fit(made.cells, graph)
    assert np.array_equal(fit.relative_risk_, plain.relative_risk_)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda t: t.assign(score="high"), "M008"),
        (lambda t: pd.concat([t, t.iloc[:1]]), "A036"),
        (lambda t: t.drop(columns="geo_vintage"), "M002"),
        (lambda t: t.iloc[1:], "A031"),
    ],
)
def test_a_wrong_table_of_covariates_is_refused_without_its_values(made, change, code):
    graph = made.graphs["zone"]
    table = change(graph.areas[AREA].assign(score=np.arange(float(len(graph)))))
    with pytest.raises(InputError) as refusal:
        SmallAreaModel(covariates=table).fit(made.cells, graph)
    assert refusal.value.code == code
    assert "high" not in str(refusal.value)
