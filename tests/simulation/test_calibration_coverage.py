"""Intervals and grades in countries that the calibration model does not describe.

In these countries the log ratio of the proxy to incidence has district effects that neighbours share, a
slope along age of its own in each district, a dependence on urbanity and, in one area in eight, a change of
coding; incidence varies between districts too, and the proxy counts partly the very patients of the registry,
so that it is less dispersed than Poisson. Truth is the number of cases that a registry would have counted.
"""

import numpy as np
import pytest

from rnc_epi.maths.calibration import (
    combine_proxies,
    fit_calibration,
    grade,
    incidence_variation,
    leave_one_out,
)

AGES = np.arange(32.5, 90, 5)
# Shape of the age curve of pancreatic cancer in men, cases per 100 000 (CI5 XII, 16 French registries).
RATES = np.array([1.0, 2.0, 3.8, 7.9, 15.8, 26.8, 42.5, 60.6, 79.9, 92.9, 103.9, 98.6]) / 1e5
SHARE = np.array([6.2, 6.5, 6.6, 6.8, 6.9, 6.8, 6.4, 6.1, 5.6, 4.2, 3.1, 3.4]) / 100


def country(generator, areas, *, cases, sigma_ratio, sigma_incidence, urban=0.0):
    """Incident cases, proxy counts, person-years, each (areas, ages), and the urbanity of each area."""
    place = generator.uniform(0, 1, (areas, 2))
    distance = np.linalg.norm(place[:, None] - place[None], axis=2)
    # Half of the district variance is shared with neighbours.
    covariance = 0.5 * np.eye(areas) + 0.5 * np.exp(-distance / 0.15)
    root = np.linalg.cholesky(covariance)
    town = generator.standard_normal(areas)
    effect = sigma_ratio * np.sqrt(0.8) * (root @ generator.standard_normal(areas))
    slope = sigma_ratio * np.sqrt(0.1) * generator.standard_normal(areas)
    coding = sigma_ratio * np.sqrt(0.1) * 2.8 * (generator.uniform(size=areas) < 1 / 8)
    centred = (AGES - 65) / 15
    log_ratio = 0.15 - 0.06 * centred - 0.03 * centred**2
    log_ratio = log_ratio + (effect + coding + urban * town)[:, None] + slope[:, None] * centred
    size = np.exp(generator.normal(0, 0.5, areas))
    person_years = 1e6 * size[:, None] * SHARE
    level = cases / (1e6 * SHARE @ RATES)
    incidence = sigma_incidence * (root @ generator.standard_normal(areas))
    incident = generator.poisson(person_years * RATES * level * np.exp(incidence)[:, None])
    ratio = np.exp(log_ratio)
    shared = np.minimum(0.6, 0.9 * ratio)
    proxy = generator.binomial(incident, shared) + generator.poisson(incident * (ratio - shared))
    return incident.astype(float), proxy.astype(float), person_years, town


def columns(values, rows):
    return values[rows].ravel(), np.tile(AGES, len(rows)), np.repeat(rows, AGES.size)


def covered(generator, registries, *, targets=10, method="calibrated", target="cases", **world):
    """Share of the areas without registry whose interval holds the truth, in one country."""
    incident, proxy, _, _ = country(generator, registries + targets, **world)
    known, others = np.arange(registries), np.arange(registries, registries + targets)
    counts, age, district = columns(incident, known)
    fit = fit_calibration(counts, columns(proxy, known)[0], age, district)
    found = fit.predict(*columns(proxy, others), method=method, target=target)
    truth = incident[others].sum(axis=1)
    return ((found.lower <= truth) & (truth <= found.upper)).mean()


def coverage(registries, countries, seed, **world):
    generator = np.random.default_rng(seed)
    return np.array([covered(generator, registries, **world) for _ in range(countries)])


# A pancreas-like proxy (long-term illnesses or hospital patients) and a noisier, larger one.
WORLDS = {
    "pancreas": {"cases": 500, "sigma_ratio": 0.03, "sigma_incidence": 0.08},
    "uneven": {"cases": 1500, "sigma_ratio": 0.10, "sigma_incidence": 0.10},
    "urban": {"cases": 800, "sigma_ratio": 0.05, "sigma_incidence": 0.10, "urban": 0.04},
}


def assert_nominal(shares, allowance=0.0):
    """93 % to 97 %, less or more three Monte Carlo errors of the mean over countries."""
    error = 3 * shares.std() / np.sqrt(shares.size) + allowance
    assert 0.93 - error < shares.mean() < 0.97 + error


@pytest.mark.parametrize(("world", "registries"), [("pancreas", 8), ("uneven", 16), ("urban", 24)])
def test_calibrated_intervals_hold_the_truth_in_foreign_worlds(world, registries):
    assert_nominal(coverage(registries, 50, 11, **WORLDS[world]))


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("registries", [8, 16, 24])
def test_calibrated_intervals_over_a_thousand_countries(world, registries):
    shares = coverage(registries, 1000, 1, **WORLDS[world])
    # Over a thousand countries the Monte Carlo error is 0.3 points: the bounds are asserted as they are.
    assert 0.93 <= shares.mean() <= 0.97


def published(generator, registries, **world):
    incident, proxy, person_years, _ = country(generator, registries, **world)
    counts, age, district = columns(incident, np.arange(registries))
    proxies = proxy.ravel()
    found = leave_one_out(counts, proxies, age, district)
    sigma = fit_calibration(counts, proxies, age, district).sigma_district
    mark = grade(found.error, sigma, incidence_variation(counts, person_years.ravel(), age, district))
    return mark in ("A++", "A+")


def share_published(countries, seed, **world):
    generator = np.random.default_rng(seed)
    return np.mean([published(generator, 20, **world) for _ in range(countries)])


PANCREAS = {"cases": 560, "sigma_ratio": 0.02, "sigma_incidence": 0.08}
THYROID = {"cases": 300, "sigma_ratio": 0.22, "sigma_incidence": 0.30}


def test_a_pancreas_like_proxy_is_published_and_a_thyroid_like_one_refused():
    # 3 Monte Carlo errors over 60 countries: 12 points at 90 %, 8 at 5 %.
    assert share_published(60, 5, **PANCREAS) > 0.90 - 0.12
    assert share_published(60, 6, **THYROID) < 0.05 + 0.08


@pytest.mark.slow
def test_grades_over_a_thousand_countries():
    assert share_published(1000, 7, **PANCREAS) >= 0.90
    assert share_published(1000, 8, **THYROID) <= 0.05


SCORES = np.array([0.1, 0.3, 0.5, 0.7, 0.9])


def deprived_country(generator, areas, *, gradient, ratio_gradient, sigma_slope=0.05):
    """Counts by area, quintile and age; the ratio rises with deprivation, by a slope that areas vary."""
    age = np.tile(np.repeat(AGES, 5), areas)
    score = np.tile(np.tile(SCORES, AGES.size), areas)
    area = np.repeat(np.arange(areas), AGES.size * 5)
    risk = np.tile(np.repeat(SHARE * RATES, 5), areas) * np.exp(gradient * (score - 0.5))
    incident = generator.poisson(600 / (5 * SHARE @ RATES) * risk)
    effect = generator.normal(0, 0.05, areas) + 0.0
    slope = ratio_gradient + generator.normal(0, sigma_slope, areas)
    ratio = 0.8 * np.exp(effect[area] + slope[area] * (score - 0.5))
    proxy = generator.binomial(incident, 0.5) + generator.poisson(incident * (ratio - 0.5))
    return incident.astype(float), proxy.astype(float), age, score, area


def relative_index(generator, *, with_term, registries=16, targets=40, sigma_slope=0.05):
    """Limits of the RII of calibrated incidence over areas without registry, true value 1."""
    incident, proxy, age, score, area = deprived_country(
        generator, registries + targets, gradient=0.0, ratio_gradient=0.25, sigma_slope=sigma_slope
    )
    known = area < registries
    term = {"deprivation": score[known]} if with_term else {}
    fit = fit_calibration(incident[known], proxy[known], age[known], area[known], **term)
    there = {"deprivation": score[~known]} if with_term else {}
    # The gradient is that of the risk, not of the cases that happened: their Poisson noise counts.
    found = fit.predict(proxy[~known], age[~known], area[~known], by=score[~known], target="risk", **there)
    draws = np.log(found.draws(200, seed=1))
    centred = found.index.astype(float) - 0.5
    slopes = centred @ draws / (centred @ centred)
    return np.quantile(slopes, [0.025, 0.975])


def share_covering_one(countries, seed, *, with_term):
    generator = np.random.default_rng(seed)
    limits = np.array([relative_index(generator, with_term=with_term) for _ in range(countries)])
    return ((limits[:, 0] <= 0) & (limits[:, 1] >= 0)).mean()


@pytest.mark.slow
def test_a_gradient_of_the_ratio_is_not_taken_for_a_gradient_of_incidence():
    # Without the deprivation term the gradient of the ratio passes for one of incidence, almost always.
    assert share_covering_one(20, 3, with_term=False) < 0.2
    # The spread of slopes between 16 districts is integrated over: nominal, less three Monte Carlo errors.
    assert share_covering_one(400, 4, with_term=True) > 0.95 - 3 * np.sqrt(0.95 * 0.05 / 400)


@pytest.mark.slow
def test_few_registries_with_unequal_slopes_cost_some_coverage_of_the_gradient():
    # Eight slopes that vary by 0.15: taken as known their spread gave 90 %; 93 % is asked, less three errors.
    generator = np.random.default_rng(31)
    limits = [relative_index(generator, with_term=True, registries=8, sigma_slope=0.15) for _ in range(300)]
    covered = np.mean([low <= 0 <= high for low, high in limits])
    assert covered > 0.93 - 3 * np.sqrt(0.93 * 0.07 / 300)


def test_one_country_with_a_gradient_of_the_ratio_alone():
    generator = np.random.default_rng(9)
    low, high = relative_index(generator, with_term=True)
    assert low < 0 < high
    low, high = relative_index(generator, with_term=False)
    assert high < 0 or low > 0


def total_bias(generator, *, urban):
    """Relative error of the total of 96 areas when the 20 registries are the most rural ones."""
    incident, proxy, _, town = country(
        generator, 96, cases=600, sigma_ratio=0.05, sigma_incidence=0.10, urban=urban
    )
    rural = np.argsort(town)
    counts, age, district = columns(incident, rural[:20])
    fit = fit_calibration(counts, columns(proxy, rural[:20])[0], age, district)
    cells = columns(proxy, np.arange(96))
    found = fit.predict(*cells, by=np.zeros(cells[0].size))
    return found.estimate[0] / incident.sum() - 1


def test_rural_registries_bias_the_total_only_when_the_ratio_itself_is_urban():
    generator = np.random.default_rng(14)
    # One total has an error near 0.05 / sqrt(20), 1.5 % with the shared effects; its mean over 60 countries,
    # 0.2 %: below 1 % shows that incidence may differ between registries and the country without harm.
    fair = np.mean([total_bias(generator, urban=0.0) for _ in range(60)])
    assert abs(fair) < 0.01
    # A ratio that rises by 4 % per deviation of urbanity, from registries 1.4 deviations below the mean:
    # the total is too high by about 5 %, which no calibration on these registries can see.
    urban = np.mean([total_bias(generator, urban=0.04) for _ in range(30)])
    assert 0.03 < urban < 0.08


def several_proxies(generator, areas):
    """Incident cases and three proxies of the same patients: illnesses, hospital, either; false cases too."""
    size = np.exp(generator.normal(0, 0.5, areas))[:, None]
    level = 500 / (1e6 * SHARE @ RATES)
    incidence = np.exp(generator.normal(0, 0.08, areas))[:, None]
    incident = generator.poisson(1e6 * size * SHARE * RATES * level * incidence)
    seen = [1 / (1 + np.exp(-1.2 - 5 * generator.normal(0, 0.05, areas)))[:, None] for _ in range(2)]
    illness, hospital = (np.broadcast_to(share, incident.shape) for share in seen)
    both = generator.binomial(incident, illness * hospital)
    one = generator.binomial(incident - both, illness * (1 - hospital) / (1 - illness * hospital))
    rest = incident - both - one
    two = generator.binomial(rest, hospital)
    wrong = np.exp(5 * generator.normal(0, 0.05, areas))[:, None] * size * incident.mean(axis=0)
    false_illness, false_hospital = generator.poisson(0.15 * wrong), generator.poisson(0.25 * wrong)
    shared = generator.binomial(np.minimum(false_illness, false_hospital), 0.3)
    return incident.astype(float), {
        "A": (both + one + false_illness).astype(float),
        "H": (both + two + false_hospital).astype(float),
        "HA": (both + one + two + false_illness + false_hospital - shared).astype(float),
    }


def covered_by_combination(generator, registries, targets=10):
    incident, proxies = several_proxies(generator, registries + targets)
    known, others = np.arange(registries), np.arange(registries, registries + targets)
    counts, age, district = columns(incident, known)
    learned = {name: columns(values, known)[0] for name, values in proxies.items()}
    weighed = combine_proxies(counts, learned, age, district)
    results = [
        fit_calibration(counts, learned[name], age, district).predict(*columns(proxies[name], others))
        for name in weighed.names
    ]
    found = weighed.combine(results)
    truth = incident[others].sum(axis=1)
    return ((found.lower <= truth) & (truth <= found.upper)).mean()


@pytest.mark.slow
@pytest.mark.parametrize("registries", [8, 16])
def test_limits_of_a_combination_allow_for_shares_learned_on_few_districts(registries):
    generator = np.random.default_rng(3)
    shares = np.array([covered_by_combination(generator, registries) for _ in range(120)])
    # With the shares taken as known 8 registries gave 89 %. Three Monte Carlo errors over 120 countries.
    assert shares.mean() > 0.93 - 3 * shares.std() / np.sqrt(shares.size)
