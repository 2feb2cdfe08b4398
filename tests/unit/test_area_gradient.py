"""Deprivation as a covariate of a map: found by three models, and by the one that neighbours do not fool."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rnc_epi.inequality import area_gradient
from rnc_epi.inequality.area_gradient import edges_of
from rnc_epi.maths.inequality import short_range_part
from rnc_epi.maths.smallarea import fit
from rnc_epi.vocabulary.errors import InputError

SIDE = 14


def grid():
    """Return codes of a square map and its neighbours in both directions."""
    codes = np.array([f"{i:02d}{j:02d}" for i in range(SIDE) for j in range(SIDE)])
    number = np.arange(SIDE * SIDE).reshape(SIDE, SIDE)
    pairs = np.concatenate(
        [np.stack([number[:, 1:], number[:, :-1]], -1).reshape(-1, 2),
         np.stack([number[1:], number[:-1]], -1).reshape(-1, 2)]
    )  # fmt: skip
    both = np.concatenate([pairs, pairs[:, ::-1]])
    adjacency = pd.DataFrame({"geo_code": codes[both[:, 0]], "neighbour_code": codes[both[:, 1]]})
    return codes, adjacency, pairs


def world(slope, rng, confounded=0.0):
    """Return areas whose rank is half smooth, half their own; risk = slope of the rank + a smooth effect."""
    codes, adjacency, _ = grid()
    x, y = (part.ravel() for part in np.meshgrid(np.linspace(0, 1, SIDE), np.linspace(0, 1, SIDE)))
    smooth = np.sin(3 * x) + y
    score = (smooth - smooth.mean()) / smooth.std() + rng.standard_normal(len(codes))
    rank = (score.argsort().argsort() + 0.5) / len(codes)
    expected = rng.uniform(40, 80, len(codes))
    risk = slope * (rank - 0.5) + confounded * (smooth - smooth.mean()) / smooth.std()
    areas = pd.DataFrame(
        {
            "geo_level": "zone", "geo_code": codes, "geo_vintage": "v", "rank": rank, "expected": expected,
            "events": rng.poisson(expected * np.exp(risk)),
        }
    )  # fmt: skip
    return areas, adjacency


def test_a_gradient_is_found_by_all_three_models_without_confounding():
    areas, adjacency = world(0.5, np.random.default_rng(51))
    found = area_gradient(areas, adjacency).set_index("analysis")
    assert list(found.index) == ["independent", "bym2", "spatial-plus"]
    # 95 % limits of three models on one map: the truth is inside all of them for this seed by design of the
    # test; a wrong scale or sign is many widths away.
    assert ((found["lower"] < np.exp(0.5)) & (np.exp(0.5) < found["upper"])).all()
    assert found["interval_kind"].eq("credible").all()
    assert found["events"].eq(areas["events"].sum()).all()
    # Spatial+ is BYM2 with what neighbours do not share of the rank.
    edges = edges_of(areas["geo_code"], adjacency)
    own = short_range_part(areas["rank"], edges)
    direct = fit(areas["events"], areas["expected"], edges, covariates=own).coefficients["beta_1"]
    assert np.log(found.loc["spatial-plus", "value"]) == pytest.approx(direct.median, rel=1e-9)
    assert abs(direct.median - np.log(found.loc["bym2", "value"])) > 1e-3


def test_a_shared_geography_fools_independent_areas_and_less_the_part_that_neighbours_do_not_share():
    errors = {"independent": [], "spatial-plus": []}
    for seed in range(3):
        areas, adjacency = world(0.0, np.random.default_rng([52, seed]), confounded=0.25)
        found = area_gradient(areas, adjacency).set_index("analysis")
        for name, kept in errors.items():
            kept.append(abs(np.log(found.loc[name, "value"])))
    assert np.mean(errors["independent"]) > 0.4
    assert np.mean(errors["spatial-plus"]) < 0.5 * np.mean(errors["independent"])


def test_classes_have_a_ratio_each_to_the_least_deprived():
    areas, adjacency = world(0.5, np.random.default_rng(53))
    groups = "Q" + (np.minimum(areas["rank"] * 5, 4.999).astype(int) + 1).astype(str)
    found = area_gradient(areas.assign(group=groups), adjacency, form="classes", deprivation="group")
    independent = found[found["analysis"].eq("independent")].set_index("term")["value"]
    assert list(independent.index) == ["Q2", "Q3", "Q4", "Q5"]
    # Ranks of Q5 and Q1 are 0.8 apart on the mean; 40 areas of 60 cases a group: an error of 3 %.
    assert np.log(independent["Q5"]) == pytest.approx(0.4, abs=0.12)


def test_areas_without_deprivation_are_left_out_and_pairs_are_taken_once():
    areas, adjacency = world(0.5, np.random.default_rng(54))
    areas.loc[0, "rank"] = np.nan
    assert area_gradient(areas, adjacency)["areas"].eq(SIDE * SIDE - 1).all()
    assert len(edges_of(areas["geo_code"], adjacency)) == 2 * SIDE * (SIDE - 1)
    with pytest.raises(InputError, match="I019"):
        area_gradient(pd.concat([areas, areas.iloc[:1]]), adjacency)
    with pytest.raises(InputError, match="I017"):
        area_gradient(areas, adjacency, form="classes")


def test_the_short_range_part_is_orthogonal_to_constants_and_zero_in_islands():
    _, _, pairs = grid()
    rng = np.random.default_rng(55)
    values = rng.standard_normal(SIDE * SIDE + 1)
    left = short_range_part(values, pairs)
    assert left[-1] == pytest.approx(0.0, abs=1e-12)
    assert left[:-1].sum() == pytest.approx(0.0, abs=1e-9)
    # Taking the patterns out twice changes nothing: a projection.
    np.testing.assert_allclose(short_range_part(left, pairs), left, atol=1e-9)
    np.testing.assert_allclose(
        short_range_part(np.stack([values, 2 * values], axis=1), pairs)[:, 1], 2 * left, atol=1e-9
    )
