"""National surface against what its data hold by construction."""

import numpy as np
import pytest

from rnc_epi.maths.national_incidence import fit_national_incidence

AGES, YEARS = np.arange(32.5, 90, 5), np.arange(2000.0, 2015)
WEIGHTS = np.array([6, 6, 6, 6, 5, 4, 4, 3, 2, 1, 0.5, 0.5])


def grid(districts):
    mesh = np.meshgrid(AGES, YEARS, np.arange(districts), indexing="ij")
    return tuple(axis.ravel() for axis in mesh)


def log_rate(age, year):
    return -9 + 4 * (1 - np.exp(-(((age - 20) / 30) ** 2))) + 0.02 * (year - 2007) * (age - 30) / 40


def replicate(generator, districts=10, sigma=0.1, size=40_000):
    age, year, district = grid(districts)
    effect = generator.normal(0, sigma, districts)
    person_years = np.full(age.size, float(size))
    cases = generator.poisson(person_years * np.exp(log_rate(age, year) + effect[district])).astype(float)
    return cases, person_years, age, year, district


def test_data_without_noise_give_their_rates_back():
    age, year, district = grid(6)
    person_years = np.full(age.size, 1e5)
    cases = person_years * np.exp(log_rate(age, year))
    surface = fit_national_incidence(cases, person_years, age, year, district)
    found = surface.rates(AGES, np.full(12, 2003.0))
    # Eight knots of age: the surface is approximated within 1.5 %.
    np.testing.assert_allclose(found.estimate, 1e5 * np.exp(log_rate(AGES, 2003.0)), rtol=0.015)
    index, total = surface.cases(person_years, age, year)
    assert index.tolist() == YEARS.tolist()
    # The intercept is free, so observed and fitted totals are equal.
    assert total.estimate.sum() == pytest.approx(cases.sum(), rel=1e-3)
    share = WEIGHTS / WEIGHTS.sum()
    standard = surface.standardised_rates([2000.0, 2014.0], AGES, WEIGHTS)
    wanted = [1e5 * share @ np.exp(log_rate(AGES, year)) for year in (2000.0, 2014.0)]
    np.testing.assert_allclose(standard.estimate, wanted, rtol=0.005)
    change = surface.annual_percent_change(2000, 2014, AGES, WEIGHTS)
    assert change.estimate[0] == pytest.approx(100 * ((wanted[1] / wanted[0]) ** (1 / 14) - 1), abs=0.05)


def test_draws_and_the_delta_method_tell_the_same_spread():
    surface = fit_national_incidence(*replicate(np.random.default_rng(2)))
    found = surface.rates(AGES, np.full(12, 2010.0), per=1.0)
    draws = surface.draws(AGES, np.full(12, 2010.0), 4000)
    # Monte Carlo error of a deviation over 4 000 draws is 1.1 %; five of them.
    np.testing.assert_allclose(np.log(draws).std(axis=1), found.se / found.estimate, rtol=0.06)
    weighted = (WEIGHTS / WEIGHTS.sum()) @ draws
    standard = surface.standardised_rates([2010.0], AGES, WEIGHTS, per=1.0)
    assert np.log(weighted).std() == pytest.approx(standard.se[0] / standard.estimate[0], rel=0.06)
    pair = [surface.draws(AGES, np.full(12, year), 4000) for year in (2001.0, 2012.0)]
    growth = ((WEIGHTS @ pair[1]) / (WEIGHTS @ pair[0])) ** (1 / 11)
    change = surface.annual_percent_change(2001, 2012, AGES, WEIGHTS)
    assert 100 * growth.std() == pytest.approx(change.se[0], rel=0.06)


def test_a_declared_correction_multiplies_and_widens():
    surface = fit_national_incidence(*replicate(np.random.default_rng(3)))
    plain = surface.standardised_rates([2010.0], AGES, WEIGHTS)
    moved = surface.corrected(1.05, log_se=0.03).standardised_rates([2010.0], AGES, WEIGHTS)
    assert moved.estimate[0] == pytest.approx(1.05 * plain.estimate[0])
    assert (moved.se / moved.estimate)[0] == pytest.approx(np.hypot(plain.se / plain.estimate, 0.03)[0])
    # A correction constant in time cancels in the change.
    change = [
        s.annual_percent_change(2000, 2010, AGES, WEIGHTS)
        for s in (surface, surface.corrected(2.0, log_se=1))
    ]
    assert change[0].estimate == pytest.approx(change[1].estimate)
    assert change[0].se == pytest.approx(change[1].se)
