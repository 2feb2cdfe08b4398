"""Ratio methods against published errors, hand calculations and their own variance."""

import numpy as np
import pytest

from rnc_epi.maths.ratio import algorithm_corrected, area_ratio, national_ratio, prediction_errors


def test_breast_cancer_in_six_districts_2004():
    # Colonna 2011, table 2: observed, predicted from hospital patients, relative error, chi-square.
    observed = [449, 409, 919, 901, 963, 305]
    predicted = [487, 426, 872, 873, 959, 306]
    found = prediction_errors(observed, predicted)
    assert sum(observed) == 3946
    assert sum(predicted) == 3923
    # Both columns are printed with one decimal.
    np.testing.assert_allclose(100 * found.relative, [8.5, 4.2, -5.1, -3.1, -0.4, 0.3], atol=0.0501)
    np.testing.assert_allclose(found.chi_square, [3.0, 0.7, 2.5, 0.9, 0.0, 0.0], atol=0.0501)


def test_the_national_total_by_hand():
    found = national_ratio([20, 40], [10, 30], [40, 90])
    assert found.cases == pytest.approx(20 * 4 + 40 * 3)
    # Delta method: (M_F / M)^2 I + I^2 (M_F - M) M_F / M^3.
    variance = 16 * 20 + 400 * 30 * 40 / 1000 + 9 * 40 + 1600 * 60 * 90 / 27000
    assert found.se == pytest.approx(np.sqrt(variance))


def test_a_country_that_is_its_registry_zone_has_its_own_cases():
    found = national_ratio([20, 40], [10, 30], [10, 30])
    assert found.cases == 60
    # The proxy then says nothing more: Poisson noise of the cases alone.
    assert found.se == pytest.approx(np.sqrt(60))


def test_the_ratio_of_areas_by_hand():
    found = area_ratio([20, 40], [10, 80], [[5, 40], [0, 20]])
    assert found.cases.tolist() == [30, 10]
    second = 0.25 * 20 + 100 * (1 / 40 + 1 / 80)
    assert found.se[1] == pytest.approx(np.sqrt(second))


def test_the_delta_variance_is_the_variance_of_replicates():
    generator = np.random.default_rng(12)
    incident, zone, rest = np.array([400.0, 900]), np.array([300.0, 500]), np.array([900.0, 2000])
    draws = [generator.poisson(mean, (20_000, 2)).astype(float) for mean in (incident, zone, rest)]
    replicates = (draws[0] * (draws[1] + draws[2]) / draws[1]).sum(axis=1)
    found = national_ratio(incident, zone, zone + rest)
    # Monte Carlo error of a deviation over 20 000 replicates is 0.5 %; second-order terms are below 1 %.
    assert found.se == pytest.approx(replicates.std(), rel=0.02)
    areas = area_ratio(incident, zone, rest)
    replicates = (draws[0] * draws[2] / draws[1]).sum(axis=1)
    assert areas.se == pytest.approx(replicates.std(), rel=0.02)


def test_predictive_value_and_sensitivity_correct_the_count():
    found = algorithm_corrected(1000, 90, 100, 92, 100)
    assert found.cases / 1000 == pytest.approx(0.978260870, abs=1e-9)
    log_se = np.sqrt(1 / 1000 + 0.1 / (0.9 * 100) + 0.08 / (0.92 * 100))
    assert np.log(found.upper / found.cases) == pytest.approx(1.959964 * log_se, rel=1e-6)


def test_links_lost_at_random_change_neither_the_count_nor_its_centre():
    # Both shares multiplied by 0.953: the ratio of the two is what it was.
    whole = algorithm_corrected(500, 90, 100, 92, 100)
    lost = algorithm_corrected(500, 90 * 0.953, 100, 92 * 0.953, 100)
    assert lost.cases == pytest.approx(whole.cases)
    assert lost.se > whole.se
