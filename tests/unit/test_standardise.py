"""Crude, direct and indirect rates against published numbers and hand calculation."""

import numpy as np
import pytest

from rnc_epi.maths.standardise import (
    crude_rate,
    directly_standardised_rate,
    indirectly_standardised_ratio,
)

# Down syndrome among births of order 5 and more by age of the mother (Fleiss 1981, table 14.4): the stress
# test of Fay and Feuer (1997), because one stratum holds 327 births.
DOWN = {
    "events": [0, 8, 63, 112, 262, 295],
    "person_years": [327, 30666, 123419, 149919, 104088, 34392],
    "weights": [319933, 931318, 786511, 488235, 237863, 61313],
}
DOWN_LIMITS = {
    "fay-feuer": (67.70212, 188.30017),
    "mid-p": (59.71633, 173.08169),
    "tiwari": (67.70212, 112.85843),
    "dobson-garwood": (67.63284, 83.86703),
    "dobson-byar": (67.63274, 83.86711),
    "normal": (67.48907, 83.56895),
    "log-normal": (67.90220, 84.01246),
}
# Births of order 1 to 4 (same standard): crude rate, standardised rate and gamma limits to one decimal.
LOWER_ORDERS = [
    ([107, 141, 60, 40, 39, 25], [230061, 329449, 114920, 39487, 14208, 3052], (56.3, 92.3, 80.4, 105.8)),
    ([25, 150, 110, 84, 82, 39], [72202, 326701, 208667, 83228, 28466, 5375], (67.6, 91.2, 82.4, 100.9)),
    ([3, 71, 114, 103, 108, 75], [15050, 175702, 207081, 117300, 45026, 8660], (83.3, 85.1, 77.2, 94.2)),
    ([1, 26, 64, 89, 137, 96], [2293, 68800, 132424, 98301, 46075, 9834], (115.5, 92.7, 80.0, 114.7)),
]
# Public Health England's test areas, 19 bands 0-4 to 90+.
PHE_POPULATION = [
    *(636, 558, 609, 543, 384, 594, 669, 843, 660, 576),
    *(606, 522, 426, 273, 300, 288, 153, 123, 207),
]
PHE_BIG = [127, 25, 18, 21, 12, 27, 48, 27, 29, 32, 32, 34, 45, 65, 38, 68, 74, 82, 91]
PHE_SMALL = [12, 4, 3, 2, 3, 4, 8, 2, 2, 3, 4, 5, 6, 8, 5, 6, 5, 5, 4]
ESP2013 = [
    *(5000, 5500, 5500, 5500, 6000, 6000, 6500, 7000, 7000, 7000),
    *(7000, 6500, 6000, 5500, 5000, 4000, 2500, 1500, 1000),
]
ESP1976 = [8, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 6, 5, 4, 3, 2, 1, 1]
PHE_REFERENCE_EVENTS = [
    *(10303, 2824, 0, 3615, 3641, 3490, 3789, 3213, 3031, 2771),
    *(3089, 3490, 3595, 4745, 5514, 7125, 5694, 6210, 5757),
]
PHE_REFERENCE_POPULATION = [
    *(50520, 57173, 60213, 54659, 44345, 50128, 62163, 67423, 62899, 55463),
    *(60479, 49974, 44140, 40888, 37239, 30819, 18136, 15325, 13918),
]
FIVE_DECIMALS = 6e-6
SIX_DECIMALS = 6e-7


@pytest.mark.parametrize("method", DOWN_LIMITS)
def test_down_syndrome_rate_has_the_published_limits(method):
    rate = directly_standardised_rate(**DOWN, method=method)
    assert rate.rate == pytest.approx(75.52901, abs=FIVE_DECIMALS)
    assert rate.se == pytest.approx(4.102084, abs=SIX_DECIMALS)
    assert (rate.lower, rate.upper) == pytest.approx(DOWN_LIMITS[method], abs=FIVE_DECIMALS)


def test_down_syndrome_crude_rate_ignores_the_age_of_the_mothers():
    crude = crude_rate(sum(DOWN["events"]), sum(DOWN["person_years"]))
    assert crude.rate == pytest.approx(167.114, abs=6e-4)


def test_lower_birth_orders_have_the_rates_of_fay_and_feuer():
    events, births, expected = zip(*LOWER_ORDERS, strict=True)
    crude = crude_rate(np.sum(events, axis=1), np.sum(births, axis=1))
    rate = directly_standardised_rate(events, births, DOWN["weights"])
    found = np.column_stack([crude.rate, rate.rate, rate.lower, rate.upper])
    # One decimal printed.
    np.testing.assert_allclose(found, expected, rtol=0, atol=0.051)


def test_english_test_areas_have_the_published_rates_with_dobson_and_byar_limits():
    population = [PHE_POPULATION, PHE_POPULATION]
    rate = directly_standardised_rate([PHE_BIG, PHE_SMALL], population, ESP2013, method="dobson-byar")
    np.testing.assert_allclose(rate.rate, [10430.247991, 1103.212025], rtol=0, atol=SIX_DECIMALS)
    np.testing.assert_allclose(rate.lower, [9717.709068, 877.455768], rtol=0, atol=SIX_DECIMALS)
    np.testing.assert_allclose(rate.upper, [11178.940915, 1367.088223], rtol=0, atol=SIX_DECIMALS)
    older = directly_standardised_rate(PHE_BIG[:18], PHE_POPULATION[:18], ESP1976, method="dobson-byar")
    found = (older.rate, older.lower, older.upper)
    assert found == pytest.approx((8592.097585, 7991.160931, 9225.253880), abs=SIX_DECIMALS)


def test_wider_limits_of_the_english_area_are_those_published():
    rate = directly_standardised_rate(PHE_BIG, PHE_POPULATION, ESP2013, method="dobson-byar", level=0.998)
    assert (rate.lower, rate.upper) == pytest.approx((9323.28788, 11620.59600), abs=FIVE_DECIMALS)


def test_english_areas_have_the_gamma_and_tiwari_upper_limits():
    for method, expected in (
        ("tiwari", [11179.1476, 1366.7189]),
        ("fay-feuer", [11188.1054, 1377.1300]),
    ):
        rate = directly_standardised_rate([PHE_BIG, PHE_SMALL], [PHE_POPULATION] * 2, ESP2013, method=method)
        np.testing.assert_allclose(rate.upper, expected, rtol=0, atol=6e-5)


def test_english_areas_have_the_published_indirect_ratios():
    reference = np.divide(PHE_REFERENCE_EVENTS, PHE_REFERENCE_POPULATION)
    expected = np.array([float(np.dot(PHE_POPULATION, reference))] * 2)
    np.testing.assert_allclose(expected, 835.883561, rtol=0, atol=SIX_DECIMALS)
    byar = indirectly_standardised_ratio([895, 91], expected, method="byar")
    exact = indirectly_standardised_ratio(9, expected[0], method="garwood")
    np.testing.assert_allclose(byar.ratio, [1.0707232939, 0.1088668377], rtol=0, atol=6e-11)
    np.testing.assert_allclose(byar.lower, [1.0017147713, 0.0876504010], rtol=0, atol=6e-11)
    np.testing.assert_allclose(byar.upper, [1.1432332872, 0.1336657633], rtol=0, atol=6e-11)
    found = (exact.ratio, exact.lower, exact.upper)
    assert found == pytest.approx((0.0107670499, 0.0049233808, 0.0204392146), abs=6e-11)


def test_one_event_more_than_expected_by_hand():
    ratio = indirectly_standardised_ratio(4, 2)
    # 4 / 2, and the square root of 4 over 2.
    assert (ratio.ratio, ratio.se) == (2.0, 1.0)


def test_a_rate_weighted_by_hand():
    # 0.7 x 10/10 000 + 0.3 x 40/5 000 = 0.0031; variance 0.49 x 10/1e8 + 0.09 x 40/25e6 = 1.93e-7.
    rate = directly_standardised_rate([10, 40], [10_000, 5_000], [7, 3], per=1)
    assert rate.rate == pytest.approx(0.0031, rel=1e-14)
    assert rate.se == pytest.approx(np.sqrt(1.93e-7), rel=1e-14)
    assert rate.event_weight == pytest.approx(0.7 / 10_000, rel=1e-14)


def test_age_specific_rates_are_crude_rates_of_each_band():
    rates = crude_rate([[0, 2], [5, 1]], [[100, 200], [500, 100]], per=1000)
    np.testing.assert_allclose(rates.rate, [[0, 10], [10, 10]], rtol=1e-15)
