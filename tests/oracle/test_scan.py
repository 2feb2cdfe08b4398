"""Clusters of leukaemia in upstate New York against SpatialEpi and smerc."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from rnc_epi.maths.scan import circular_scan

pytestmark = pytest.mark.oracle


@pytest.fixture
def york(shared):
    table = pd.read_csv(shared("oracles/clusters/ny_leukemia.csv"))
    rounded = pd.read_csv(shared("oracles/clusters/ny_rounded.csv"))
    oracle = json.loads(shared("oracles/clusters/expected_clusters.json").read_text())
    return table.assign(cases=rounded["cases_rounded"], expected=rounded["expected_rounded"]), oracle


def scanned(table: pd.DataFrame, share: float, **options):
    return circular_scan(
        table["cases"],
        table["expected"],
        table["x_km"],
        table["y_km"],
        population=table["population"],
        largest_share=share,
        **options,
    )


def test_clusters_are_those_of_smerc(york):
    table, oracle = york
    result = scanned(table, 0.5)
    wanted = [c for c in oracle["smerc_circular_ny_ub50"] if c["p"] < 0.999]
    assert len(wanted) == 8
    for found, theirs in zip(result.clusters, wanted, strict=False):
        assert sorted(found.areas + 1) == np.atleast_1d(theirs["ids"]).tolist()
        assert found.observed == theirs["cases"]
        assert found.expected == pytest.approx(theirs["expected"], rel=1e-8)
        assert found.relative_risk == pytest.approx(theirs["rr"], rel=1e-8)
        assert found.log_likelihood_ratio == pytest.approx(theirs["tstat"], rel=1e-8)
        # Both are shares of 999 random maps: four standard errors of their difference.
        error = np.sqrt(2 * theirs["p"] * (1 - theirs["p"]) / 999)
        assert abs(found.p_value - theirs["p"]) < 4 * error + 1e-9


@pytest.mark.parametrize("share", [0.15, 0.5])
def test_the_most_likely_cluster_is_that_of_spatialepi_in_any_order(york, share):
    table, oracle = york
    theirs = oracle[f"kulldorff_ny_poisson_ub{round(100 * share)}"]["most_likely"]
    order = np.random.default_rng(2).permutation(len(table))
    found = scanned(table.iloc[order], share, replicates=99).clusters[0]
    assert sorted(order[found.areas] + 1) == theirs["ids"]
    assert found.observed == theirs["cases"]
    assert found.expected == pytest.approx(theirs["expected"], rel=1e-8)


def test_the_gumbel_tail_agrees_with_the_rank_where_both_can_be_read(york):
    table, _ = york
    for cluster in scanned(table, 0.5).clusters[1:4]:
        error = np.sqrt(cluster.p_value * (1 - cluster.p_value) / 999)
        # The Gumbel distribution is an approximation: two points beside three standard errors.
        assert abs(cluster.gumbel_p_value - cluster.p_value) < 3 * error + 0.02
