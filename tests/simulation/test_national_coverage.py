"""Limits of national incidence over replicated registries."""

import numpy as np
import pytest

from rnc_epi.maths.national_incidence import fit_national_incidence

AGES, YEARS = np.arange(32.5, 90, 5), np.arange(2000.0, 2015)
WEIGHTS = np.array([6, 6, 6, 6, 5, 4, 4, 3, 2, 1, 0.5, 0.5])


def log_rate(age, year):
    return -9 + 4 * (1 - np.exp(-(((age - 20) / 30) ** 2))) + 0.02 * (year - 2007) * (age - 30) / 40


def covered(generator, districts):
    """Whether the limits of a standardised rate and of its annual change hold the truth."""
    mesh = np.meshgrid(AGES, YEARS, np.arange(districts), indexing="ij")
    age, year, district = (axis.ravel() for axis in mesh)
    # Districts differ in level and a little in trend, which the model does not know.
    effect = generator.normal(0, 0.1, districts)[district]
    trend = generator.normal(0, 0.001, districts)[district] * (year - 2007)
    person_years = 3e4 * np.exp(generator.normal(0, 0.4, districts))[district]
    cases = generator.poisson(person_years * np.exp(log_rate(age, year) + effect + trend))
    surface = fit_national_incidence(cases, person_years, age, year, district)
    share = WEIGHTS / WEIGHTS.sum()
    truth = [share @ np.exp(log_rate(AGES, when)) for when in (2002.0, 2012.0)]
    rate = surface.standardised_rates([2012.0], AGES, WEIGHTS, per=1.0)
    change = surface.annual_percent_change(2002, 2012, AGES, WEIGHTS)
    growth = 100 * ((truth[1] / truth[0]) ** (1 / 10) - 1)
    return (
        rate.lower[0] <= truth[1] <= rate.upper[0],
        change.lower[0] <= growth <= change.upper[0],
    )


def shares(districts, countries, seed):
    generator = np.random.default_rng(seed)
    return np.mean([covered(generator, districts) for _ in range(countries)], axis=0)


def test_limits_hold_the_national_rate_and_its_change():
    found = shares(8, 25, 3)
    # 25 countries: three Monte Carlo errors are 13 points below 95 %.
    assert (found > 0.95 - 0.13).all()


@pytest.mark.slow
def test_limits_hold_over_many_countries():
    for districts in (8, 16):
        found = shares(districts, 300, districts)
        # Three Monte Carlo errors over 300 countries are 3.8 points.
        assert (found > 0.95 - 0.038).all()
