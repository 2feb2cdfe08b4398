"""Empirical Bayes and the EBI variable against spdep, SpatialEpi, DCluster and esda."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from esda.smoothing import Empirical_Bayes
from libpysal.weights import W

from rnc_epi.maths.autocorrelation import empirical_bayes_standardised
from rnc_epi.maths.shrinkage import log_normal, marshall_global, marshall_local, poisson_gamma

pytestmark = pytest.mark.oracle


@pytest.fixture
def scotland(shared):
    table = pd.read_csv(shared("oracles/small_area/scotland.csv"))
    edges = pd.read_csv(shared("oracles/small_area/scotland_edges.csv")).to_numpy() - 1
    expected = pd.read_csv(shared("oracles/small_area/expected_eb_scotland.csv"))
    scalars = json.loads(shared("oracles/small_area/expected_scalars.json").read_text())
    return table["cases"].to_numpy(float), table["expected"].to_numpy(), edges, expected, scalars


def test_global_marshall_is_that_of_spdep_in_any_order_and_unit(scotland):
    cases, expected, _, oracle, scalars = scotland
    order = np.random.default_rng(1).permutation(cases.size)
    for factor in (1.0, 1000.0):
        result = marshall_global(cases[order], factor * expected[order])
        # 1e-8 as the README of the oracle; it is stored with 12 digits.
        np.testing.assert_allclose(factor * result.value, oracle["EBest_est"].to_numpy()[order], rtol=1e-8)
        assert factor * result.mean == pytest.approx(scalars["EBest_scotland"]["b"], rel=1e-8)
        assert factor**2 * result.variance == pytest.approx(scalars["EBest_scotland"]["a"], rel=1e-8)


def test_local_marshall_is_that_of_spdep(scotland):
    cases, expected, edges, oracle, _ = scotland
    np.testing.assert_allclose(marshall_local(cases, expected, edges).value, oracle["EBlocal_est"], rtol=1e-8)


def test_global_marshall_is_that_of_esda(scotland):
    cases, expected, _, _, _ = scotland
    # esda takes a population; ratios to expected numbers are the same formula.
    theirs = Empirical_Bayes(cases, expected).r.ravel()
    np.testing.assert_allclose(marshall_global(cases, expected).value, theirs, rtol=1e-10)


def test_poisson_gamma_by_maximum_likelihood_is_that_of_spatialepi(scotland):
    cases, expected, _, oracle, scalars = scotland
    result = poisson_gamma(cases, expected)
    fitted = scalars["eBayes_scotland"]["null"]
    assert result.shape == pytest.approx(fitted["alpha"], rel=1e-6)
    assert np.log(result.shape / result.rate) == pytest.approx(fitted["beta"], rel=1e-5)
    np.testing.assert_allclose(result.value, oracle["gp_RR"], rtol=1e-6)
    np.testing.assert_allclose(result.limits(0.95)[0], oracle["gp_q025"], rtol=1e-6)


def test_clayton_and_kaldor_moments_are_those_of_dcluster(scotland):
    cases, expected, _, oracle, scalars = scotland
    result = poisson_gamma(cases, expected, method="clayton-kaldor")
    # DCluster stops iterating when the change is below 1e-6 or so.
    assert result.shape == pytest.approx(scalars["DCluster_empbaysmooth_scotland"]["nu"], rel=1e-5)
    assert result.rate == pytest.approx(scalars["DCluster_empbaysmooth_scotland"]["alpha"], rel=1e-5)
    np.testing.assert_allclose(result.value, oracle["DCluster_clayton_kaldor"], rtol=1e-5)


def test_log_normal_shrinkage_is_that_of_dcluster(scotland):
    cases, expected, _, oracle, scalars = scotland
    result = log_normal(cases, expected)
    # The same expectation-maximisation, stopped earlier by DCluster: its mean is 1e-5 from the fixed point.
    assert result.mean == pytest.approx(scalars["DCluster_lognormalEB_scotland"]["phi"], rel=3e-5)
    assert result.variance == pytest.approx(scalars["DCluster_lognormalEB_scotland"]["sigma2"], rel=3e-5)
    np.testing.assert_allclose(result.value, oracle["DCluster_lognormalEB"], rtol=1e-4)


def test_moran_on_standardised_rates_is_the_ebi_statistic_of_spdep(scotland):
    cases, expected, edges, _, scalars = scotland
    z = empirical_bayes_standardised(cases, expected)
    neighbours = {i: [] for i in range(cases.size)}
    for a, b in edges:
        neighbours[a].append(b)
        neighbours[b].append(a)
    weights = W(neighbours, silence_warnings=True)
    weights.transform = "r"
    centred = z - z.mean()
    moran = centred @ (weights.sparse @ centred) / (centred @ centred)
    assert moran == pytest.approx(scalars["EBImoran_scotland"]["statistic"], rel=1e-8)
