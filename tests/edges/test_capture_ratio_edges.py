"""Refusals and zeros of capture-recapture, ratio methods and national incidence."""

import numpy as np
import pytest

from rnc_epi.maths.capture import chapman, log_linear_capture
from rnc_epi.maths.national_incidence import fit_national_incidence
from rnc_epi.maths.ratio import algorithm_corrected, area_ratio, national_ratio, prediction_errors
from rnc_epi.vocabulary.errors import RncEpiError


def refused(code, call, *args, **kwargs):
    with pytest.raises(RncEpiError) as caught:
        call(*args, **kwargs)
    assert caught.value.code == code
    assert caught.value.message("fr") != caught.value.message("en")


def test_capture_refuses_what_cannot_be():
    refused("M012", chapman, 10, 20, 11)
    refused("M012", chapman, 20, 10, 11)
    refused("M001", chapman, -1, 2, 0)
    refused("M002", log_linear_capture, [1, 2])
    refused("M002", log_linear_capture, np.zeros((2, 3)))
    refused("M002", log_linear_capture, np.zeros((2,) * 5))
    refused("M005", log_linear_capture, [[0, 1], [1, 1]], criterion="best")
    refused("C005", log_linear_capture, [[9, 0], [0, 0]])
    refused("C032", log_linear_capture, [[0, 30], [40, 0]])
    refused("M004", chapman, 10, 10, 5, level=95)


def test_a_model_that_an_empty_cell_makes_infinite_is_left_out_and_named():
    cells = np.array([[[0, 20], [30, 9]], [[25, 8], [7, 4]]], dtype=float)
    found = log_linear_capture(cells)
    assert ((0, 1), (0, 2), (1, 2)) not in found.excluded
    cells = np.array([[[0, 20], [30, 9]], [[25, 8], [0, 6]]], dtype=float)
    found = log_linear_capture(cells)
    assert ((0, 1), (0, 2), (1, 2)) in found.excluded
    for model in found.models:
        assert np.isfinite([model.estimate.total, model.estimate.upper, model.bic]).all()


def test_sources_without_a_case_in_common_still_give_chapman():
    found = chapman(10, 12, 0)
    assert found.total == pytest.approx(11 * 13 - 1)
    assert found.lower >= 22


def test_ratio_methods_refuse_what_cannot_be():
    refused("C031", national_ratio, [5, 10], [0, 10], [0, 40])
    refused("C031", national_ratio, [0, 10], [0, 10], [3, 40])
    refused("C031", area_ratio, [5, 10], [0, 10], [[0, 1]])
    refused("M012", national_ratio, [5, 10], [5, 10], [5, 9])
    refused("M002", area_ratio, [5, 10], [5, 10], [1, 2, 3])
    refused("M002", national_ratio, [5, 10], [5], [5, 10])
    refused("M009", algorithm_corrected, 10, 0, 5, 4, 5)
    refused("M012", algorithm_corrected, 10, 6, 5, 4, 5)
    refused("M012", algorithm_corrected, 10, 4, 5, 6, 5)
    refused("M009", prediction_errors, [0.0], [1.0])


def test_an_age_without_anything_adds_nothing():
    found = national_ratio([0, 10], [0, 5], [0, 20])
    assert found.cases == 40
    areas = area_ratio([0, 10], [0, 5], [[0, 0], [0, 4]])
    assert areas.cases.tolist() == [0, 8]
    assert areas.se[0] == 0
    assert np.isfinite(areas.upper).all()


def surface_input(districts=5):
    age, year, district = (
        g.ravel() for g in np.meshgrid([45.0, 55, 65, 75], np.arange(2010.0, 2016), np.arange(districts))
    )
    return np.full(age.size, 20.0), np.full(age.size, 1e4), age, year, district


def test_national_incidence_refuses_what_cannot_be():
    cases, person_years, age, year, district = surface_input()
    refused("C010", fit_national_incidence, *surface_input(4))
    refused("M003", fit_national_incidence, cases, 0 * person_years, age, year, district)
    refused("M007", fit_national_incidence, cases, person_years * np.nan, age, year, district)
    refused("C005", fit_national_incidence, 0 * cases, person_years, age, year, district)
    refused("C014", fit_national_incidence, cases, person_years, age + 100, year, district)
    refused(
        "C001", fit_national_incidence, cases, person_years, age, np.where(year > 2012, 1.0, 2.0), district
    )
    missing = np.array([None, *district[1:]], dtype=object)
    refused("C016", fit_national_incidence, cases, person_years, age, year, missing)
    surface = fit_national_incidence(cases, person_years, age, year, district)
    refused("C030", surface.rates, [50.0], [2016.0])
    refused("C030", surface.standardised_rates, [2009.0], [45.0, 55.0], [1.0, 1.0])
    refused("C014", surface.rates, [95.0], [2012.0])
    refused("M013", surface.annual_percent_change, 2015, 2015, [45.0], [1.0])
    refused("M009", surface.corrected, 0.0, log_se=0.1)
    refused("M006", surface.standardised_rates, [2012.0], [45.0, 55.0], [0.0, 0.0])


def test_years_that_a_registry_does_not_cover_are_left_out():
    cases, person_years, age, year, district = surface_input()
    gap = (district == 2) & (year < 2013)
    hole = fit_national_incidence(
        np.where(gap, 0, cases), np.where(gap, 0, person_years), age, year, district
    )
    # Every covered cell has a rate of 200 per 100 000, covered or not elsewhere.
    assert hole.rates([65.0], [2010.0]).estimate[0] == pytest.approx(200, rel=1e-3)
