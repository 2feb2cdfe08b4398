"""Published numbers and hand calculations of the measures of social inequality.

PHE orders quantiles from the most deprived; it is converted at the door here: arrays are reversed, a slope
changes sign, a ratio is inverted, and PHE's intercept is the fitted value of the most deprived end.
"""

from __future__ import annotations

import numpy as np
import pytest

from rnc_epi.maths import inequality as iq

# Check E: PHEindicatormethods, life expectancy, area2, most deprived decile first.
LE_POPULATION = [21675, 20065, 19750, 24713, 20112, 19618, 22408, 19752, 18939, 19312]
LE_VALUE = [
    70.54853186,
    71.57155734,
    72.48698671,
    73.51985519,
    73.14605425,
    76.15898712,
    78.65444871,
    80.56476961,
    80.85486627,
    79.9711253,
]
LE_SE = [
    0.22959184,
    0.25980680,
    0.29923809,
    0.16075123,
    0.79182290,
    0.77831961,
    0.39937533,
    0.27939551,
    0.22959184,
    0.35175375,
]
# Check F: PHEindicatormethods, infant mortality, area1, most deprived decile first.
BIRTHS = np.array([279012, 255993, 236961, 214315, 192812, 183546, 168593, 164822, 154836, 138165.0])[::-1]
DEATHS = np.array([1644, 1212, 907, 829, 709, 577, 527, 485, 438, 382.0])[::-1]
# Obesity, area1, most deprived decile first.
MEASURED = np.array([34353, 32112, 27715, 25372, 23889, 23260, 23180, 24193, 23609, 24488.0])[::-1]
OBESE = np.array([7287, 6881, 5656, 4868, 4176, 3876, 3617, 3546, 3314, 2960.0])[::-1]
# Check G: healthequal's own tests.
G_POPULATION, G_VALUE = [78, 91, 162, 103, 105], [20, 30, 40, 50, 60]


def flip(values):
    return np.asarray(values)[::-1]


def test_ridits_are_the_share_below_plus_half_of_its_own():
    np.testing.assert_allclose(iq.ridit([1, 2, 1]), [1 / 8, 4 / 8, 7 / 8], rtol=1e-15)
    np.testing.assert_allclose(iq.ridit([[1, 0, 1, 2]]), [[1 / 8, 1 / 4, 3 / 8, 3 / 4]], rtol=1e-15)


def test_published_slope_of_life_expectancy_is_found_with_its_limits():
    sii = iq.slope_index(flip(LE_VALUE), flip(LE_POPULATION), se=flip(LE_SE))
    # Ten printed digits of values given to eight.
    assert -sii.value == pytest.approx(12.5478466364, rel=1e-9)
    assert sii.most_deprived == pytest.approx(69.3689557936, rel=1e-9)
    # Two simulations of 100 000: each percentile has a Monte Carlo error of 0.003.
    assert -sii.upper == pytest.approx(11.936, abs=0.02)
    assert -sii.lower == pytest.approx(13.163, abs=0.02)


def test_published_relative_index_of_life_expectancy_is_found_with_its_limits():
    rii = iq.relative_index(flip(LE_VALUE), flip(LE_POPULATION), se=flip(LE_SE))
    assert 1 / rii.value == pytest.approx(1.1808856208, rel=1e-9)
    # Monte Carlo error of a percentile: about 0.00005.
    assert 1 / rii.upper == pytest.approx(1.1714, abs=3e-4)
    assert 1 / rii.lower == pytest.approx(1.1904, abs=3e-4)


@pytest.mark.parametrize(
    ("transform", "slope", "ratio", "intercept"),
    [
        ("identity", -3.2752012327, 0.4060006895, 5.5138131896),
        ("log", -3.1559071390, 0.4418848436, 5.6545806055),
    ],
)
def test_published_indices_of_infant_mortality_are_found(transform, slope, ratio, intercept):
    rate = 1000 * DEATHS / BIRTHS
    sii = iq.slope_index(rate, BIRTHS, transform=transform)
    # All printed digits: 1e-9 relative.
    assert -sii.value == pytest.approx(slope, rel=1e-9)
    assert sii.most_deprived == pytest.approx(intercept, rel=1e-9)
    assert 1 / iq.relative_index(rate, BIRTHS, transform=transform).value == pytest.approx(ratio, rel=1e-9)


def test_published_logit_indices_of_obesity_are_found():
    share = OBESE / MEASURED
    assert -iq.slope_index(share, MEASURED).value == pytest.approx(-0.1072003233, rel=1e-8)
    assert -iq.slope_index(share, MEASURED, transform="logit").value == pytest.approx(-0.1096462611, rel=1e-8)
    ratio = iq.relative_index(share, MEASURED, transform="logit").value
    assert 1 / ratio == pytest.approx(0.5341775743, rel=1e-9)


def test_multiplicative_model_of_infant_deaths_gives_the_recalculated_indices():
    found = iq.slope_and_relative_index(DEATHS, BIRTHS, iq.ridit(BIRTHS), np.zeros(10), variance="model")
    # Printed digits of an independent fit (statsmodels).
    assert found.relative.value == pytest.approx(2.355855, abs=5e-7)
    assert found.relative.lower == pytest.approx(2.176120, abs=1e-6)
    assert found.relative.upper == pytest.approx(2.550435, abs=1e-6)
    assert found.relative.se / found.relative.value == pytest.approx(0.0404907, abs=5e-8)
    assert 1000 * found.slope.value == pytest.approx(3.322831, abs=5e-7)


def test_additive_model_of_infant_deaths_gives_the_recalculated_indices():
    found = iq.slope_and_relative_index(
        DEATHS, BIRTHS, iq.ridit(BIRTHS), np.zeros(10), model="additive", variance="model"
    )
    assert 1000 * found.slope.value == pytest.approx(3.074880, abs=5e-7)
    assert 1000 * found.slope.lower == pytest.approx(2.780296, abs=1e-6)
    assert 1000 * found.slope.upper == pytest.approx(3.369464, abs=1e-6)
    assert found.relative.value == pytest.approx(2.314741, abs=5e-7)


def test_additive_by_age_with_one_age_is_the_weighted_regression_of_the_rates():
    found = iq.slope_and_relative_index(
        DEATHS, BIRTHS, iq.ridit(BIRTHS), np.zeros(10), model="additive-by-age"
    )
    # Two routes to one least-squares line: equal to rounding.
    assert 1000 * found.slope.value == pytest.approx(3.2752012327, rel=1e-9)
    assert 1 / found.relative.value == pytest.approx(0.4060006895, rel=1e-9)


def test_excess_deaths_and_attributable_fraction_of_infant_mortality():
    excess = iq.excess_events(DEATHS, BIRTHS, 0)
    assert excess.value == pytest.approx(2210.640, abs=5e-4)
    # The printed limits took 1.96 for 1.959964: 0.01 for a standard error of 275.
    assert excess.lower == pytest.approx(1670.73, abs=0.015)
    assert excess.upper == pytest.approx(2750.55, abs=0.015)
    fraction = iq.attributable_fraction(DEATHS, BIRTHS, 0)
    assert fraction.value == pytest.approx(0.286724, abs=5e-7)
    # The same 1.96: 1e-6.
    assert fraction.lower == pytest.approx(0.213467, abs=2e-6)
    assert fraction.upper == pytest.approx(0.353158, abs=2e-6)


def test_check_g_of_healthequal_is_found():
    # Eight printed digits everywhere.
    assert iq.concentration_index(G_VALUE, G_POPULATION) == pytest.approx(0.17776861, abs=5e-9)
    assert iq.absolute_concentration_index(G_VALUE, G_POPULATION) == pytest.approx(7.32842032, abs=5e-9)
    bounds = {"lowest": 0, "highest": 100}
    assert iq.wagstaff_index(G_VALUE, G_POPULATION, **bounds) == pytest.approx(0.30245354, abs=5e-9)
    assert iq.erreygers_index(G_VALUE, G_POPULATION, **bounds) == pytest.approx(0.29313681, abs=5e-9)
    assert iq.between_group_variance(G_VALUE, G_POPULATION) == pytest.approx(170.300254, abs=5e-7)
    assert iq.theil(G_VALUE, G_POPULATION) == pytest.approx(0.05251743, abs=5e-9)
    assert iq.mean_log_deviation(G_VALUE, G_POPULATION) == pytest.approx(0.05740151, abs=5e-9)
    assert iq.index_of_disparity(G_VALUE, G_POPULATION) == pytest.approx(25.880343, abs=5e-7)
    events = np.multiply(G_VALUE, G_POPULATION) / 100
    # The reference is the last group, favourable indicator: the sign is the opposite of a rate's.
    fraction = iq.attributable_fraction(events, G_POPULATION, 4).value
    assert -100 * fraction == pytest.approx(45.54455446, abs=5e-9)
    assert -fraction * 41.22448980 == pytest.approx(18.77551020, abs=5e-8)


def test_every_signed_measure_is_positive_when_the_deprived_fare_worse_and_reverses():
    population, events = np.full(5, 1e5), np.array([50.0, 60, 70, 80, 90])
    for counts, sign in ((events, 1), (events[::-1], -1)):
        rate = counts / population
        cells = (
            np.tile(counts, 2),
            np.tile(population, 2),
            np.tile(iq.ridit(population), 2),
            [40] * 5 + [60] * 5,
        )
        both = [iq.slope_and_relative_index(*cells, model=model) for model in ("multiplicative", "additive")]
        by_age = iq.slope_and_relative_index(*cells, model="additive-by-age")
        signed = [
            iq.slope_index(rate, population).value,
            np.log(iq.relative_index(rate, population).value),
            iq.concentration_index(rate, population),
            iq.absolute_concentration_index(rate, population),
            iq.erreygers_index(rate, population),
            iq.wagstaff_index(rate, population),
            iq.excess_events(counts, population, 0).value,
            iq.attributable_fraction(counts, population, 0).value,
            iq.gap_by_age(counts[None], population[None], [1]).total.value,
            *(one.slope.value for one in (*both, by_age)),
            *(np.log(one.relative.value) for one in (*both, by_age)),
        ]
        assert (np.sign(signed) == sign).all()
        curve = iq.concentration_curve(rate, population)
        inside = slice(1, -1)
        assert (np.sign(curve.population_share - curve.value_share)[inside] == sign).all()


def test_marginal_slope_standardises_each_age_with_its_own_rate():
    # Rates e^a 4^x: 0.001 and 0.01 at rank 0. Slope = (0.25 x 0.001 + 0.75 x 0.01) x 3.
    x = np.array([0.1, 0.4, 0.8])
    rates = np.concatenate([0.001 * 4**x, 0.01 * 4**x])
    found = iq.slope_and_relative_index(
        1e6 * rates, np.full(6, 1e6), np.tile(x, 2), [1, 1, 1, 2, 2, 2], weights=[1, 3]
    )
    assert found.slope.value == pytest.approx((0.25 * 0.001 + 0.75 * 0.01) * 3, rel=1e-9)
    assert found.relative.value == pytest.approx(4, rel=1e-9)


def test_weights_may_be_given_per_cell_in_any_order_of_cells():
    rng = np.random.default_rng(4)
    x, age = np.tile([0.2, 0.5, 0.9], 3), np.repeat([60, 20, 40], 3)
    years, events = rng.uniform(1e4, 2e4, 9), rng.poisson(40, 9)
    by_age = iq.slope_and_relative_index(events, years, x, age, weights=[1, 2, 5])
    per_cell = np.select([age == 20, age == 40], [1.0, 2.0], 5.0)
    order = rng.permutation(9)
    shuffled = iq.slope_and_relative_index(
        events[order], years[order], x[order], age[order], weights=per_cell[order]
    )
    # The same sums in another order: rounding only.
    assert shuffled.slope.value == pytest.approx(by_age.slope.value, rel=1e-9)
    assert shuffled.relative.upper == pytest.approx(by_age.relative.upper, rel=1e-9)


def test_age_stratified_excess_keeps_what_is_negative():
    # Age 1: 12 - 6 = 6. Age 2: 10 - 3 x 4 = -2.
    events, years = [[1, 4, 7], [4, 3, 3]], [[1000, 2000, 3000], [1000, 1000, 1000]]
    found = iq.age_stratified_excess_events(events, years, 0)
    assert found.value == pytest.approx(4, rel=1e-12)
    # Var: 11 + 25 x 1, then 6 + 4 x 4.
    assert found.se**2 == pytest.approx(36 + 22, rel=1e-12)
    share = iq.age_stratified_attributable_fraction(events, years, 0)
    assert share.value == pytest.approx(4 / 22, rel=1e-12)
    # E = 18, D = 22: 1 (6/18 - 1/22)^2 + 4 (3/18 - 1/22)^2 + 17 / 22^2.
    variance = (6 / 18 - 1 / 22) ** 2 + 4 * (3 / 18 - 1 / 22) ** 2 + 17 / 22**2
    assert share.se == pytest.approx(18 / 22 * np.sqrt(variance), rel=1e-12)


def test_miettinen_fraction_of_adjusted_ratios():
    assert iq.attributable_fraction_from_ratios([20, 30, 50], [1, 1.5, 2]) == pytest.approx(0.1 + 0.25)


def test_contributions_of_sites_add_up_to_the_gap_and_may_be_negative():
    lung, breast = [[1, 2, 4], [10, 11, 15]], [[3, 3, 2], [20, 20, 16]]
    years, weights = [[1000, 1000, 1000], [500, 500, 500]], [0.7, 0.3]
    gap = iq.gap_by_site([lung, breast], years, weights)
    np.testing.assert_allclose(
        gap.contribution.value, [0.7 * 0.003 + 0.3 * 0.01, -0.7 * 0.001 - 0.3 * 0.008], rtol=1e-12
    )
    assert gap.total.value == pytest.approx(gap.contribution.value.sum(), rel=1e-12)
    assert gap.share.sum() == pytest.approx(1, rel=1e-12)
    # Lung: 0.49 x (1 + 4)/1000^2 + 0.09 x (10 + 15)/500^2.
    variance = 0.49 * 5 / 1000**2 + 0.09 * 25 / 500**2
    assert gap.contribution.se[0] ** 2 == pytest.approx(variance, rel=1e-12)


def test_gap_in_deaths_is_split_by_the_midpoint_formula():
    cases, deaths = np.array([[100.0, 150, 200]]), np.array([[30.0, 60, 100]])
    split = iq.gap_in_deaths(cases, deaths, np.full((1, 3), 1e5), [1], linked=True)
    # i: 100 to 200 per 100 000; l: 0.3 to 0.5. Parts: 0.4 x 100 and 150 x 0.2.
    assert split.incidence.value * 1e5 == pytest.approx(40, rel=1e-12)
    assert split.lethality.value * 1e5 == pytest.approx(30, rel=1e-12)
    assert split.incidence_share == pytest.approx(4 / 7, rel=1e-12)
    # The sum is a difference of two Poisson rates of deaths, whatever the split: 130 / (10^5)^2.
    assert split.total.se == pytest.approx(np.sqrt(130) / 1e5, rel=1e-12)


def test_parts_of_the_gap_in_deaths_vary_as_simulated_counts_do():
    rng = np.random.default_rng(1)
    expected, fatal = np.array([400.0, 500, 600]), np.array([0.3, 0.35, 0.45])
    cases = rng.poisson(expected, size=(20_000, 1, 3)).astype(float)
    years = np.full(cases.shape, 1e5)
    for linked in (True, False):
        deaths = (
            rng.binomial(cases.astype(int), fatal) if linked else rng.poisson(expected * fatal, cases.shape)
        )
        split = iq.gap_in_deaths(cases, deaths, years, [1], linked=linked)
        # 20 000 replicates: a standard deviation is known to 0.5 %, delta method to about 1 %.
        for part in (split.incidence, split.lethality, split.total):
            assert part.se.mean() == pytest.approx(part.value.std(), rel=0.03)


def test_kitagawa_parts_by_hand():
    # Shares 0.5, 0.5 against 0.8, 0.2; rates 0.001, 0.01 against 0.002, 0.01.
    gap = iq.crude_gap([[0.5, 0, 1.6], [5, 0, 2]], [[500, 500, 800], [500, 500, 200]])
    assert gap.composition == pytest.approx(0.3 * 0.0015 - 0.3 * 0.01, rel=1e-12)
    assert gap.rates == pytest.approx(0.65 * 0.001, rel=1e-12)
    assert gap.total == pytest.approx(3.6 / 1000 - 5.5 / 1000, rel=1e-12)


def test_trend_of_a_gradient_that_doubles_each_year():
    x = np.tile(iq.ridit(np.ones(5)), 3)
    year = np.repeat([2000, 2001, 2002], 5)
    counts = 1000 * np.exp(x * np.log(2) * (year - 2000))
    found = iq.gradient_trend(counts, np.full(15, 1e5), x, np.zeros(15), year)
    assert found.relative.value == pytest.approx(2, rel=1e-8)
    assert found.slope.value > 0
    flat = iq.gradient_trend(np.full(15, 100.0), np.full(15, 1e5), x, np.zeros(15), year, variance="model")
    assert flat.relative.p_value == pytest.approx(1, abs=1e-6)
    assert flat.slope.p_value == pytest.approx(1, abs=1e-6)


def test_absolute_trend_is_the_least_squares_slope_of_yearly_indices():
    rng = np.random.default_rng(8)
    x, ages, years = iq.ridit(np.ones(5)), 3, np.array([2000, 2001, 2003, 2006])
    events = rng.poisson(200, (4, ages, 5)).astype(float)
    py = rng.uniform(5e4, 1e5, (4, ages, 5))
    weights = [1, 2, 3]
    yearly = [
        iq.slope_and_relative_index(
            d.ravel(), n.ravel(), np.tile(x, ages), np.repeat([0, 1, 2], 5), weights=weights,
            model="additive-by-age", variance="model",
        ).slope
        for d, n in zip(events, py, strict=True)
    ]  # fmt: skip
    arm = (years - years.mean()) / ((years - years.mean()) ** 2).sum()
    found = iq.gradient_trend(
        events.ravel(), py.ravel(), np.tile(x, 12), np.tile(np.repeat([0, 1, 2], 5), 4), np.repeat(years, 15),
        weights=weights, variance="model",
    )  # fmt: skip
    assert found.slope.value == pytest.approx(sum(a * s.value for a, s in zip(arm, yearly, strict=True)))
    variance = sum((a * s.se) ** 2 for a, s in zip(arm, yearly, strict=True))
    assert found.slope.se == pytest.approx(np.sqrt(variance), rel=1e-9)


def test_first_component_of_two_variables_is_their_standardised_difference():
    income, unemployment = np.array([30.0, 20, 10, 25]), np.array([4.0, 8, 15, 6])
    weight = np.array([100.0, 300, 50, 200])
    index = iq.first_component_index(np.c_[income, unemployment], weight, [-1, 1])

    def z(v):
        mean = np.average(v, weights=weight)
        return (v - mean) / np.sqrt(np.average((v - mean) ** 2, weights=weight))

    # With two variables the eigenvectors of a correlation matrix are (1, ±1)/sqrt(2).
    np.testing.assert_allclose(index.score, (z(unemployment) - z(income)) / np.sqrt(2), rtol=1e-10)
    correlation = np.average(z(income) * z(unemployment), weights=weight)
    assert index.explained == pytest.approx((1 - correlation) / 2, rel=1e-10)
    assert np.average(index.score**2, weights=weight) == pytest.approx(1 - correlation, rel=1e-10)


def test_edi_of_france_keeps_its_ten_published_coefficients():
    # Pornet 2012, table 5.
    assert list(iq.EDI_FRANCE_2012.values()) == [0.11, 0.34, 0.55, 0.47, 0.23, 0.52, 0.37, 0.45, 0.19, 0.41]
    rng = np.random.default_rng(0)
    shares, people = rng.uniform(0, 1, (50, 10)), rng.uniform(100, 5000, 50)
    index = iq.weighted_sum_index(shares, people, list(iq.EDI_FRANCE_2012.values()))
    assert np.average(index.score, weights=people) == pytest.approx(0, abs=1e-12)
    mean = people @ shares / people.sum()
    by_hand = sum(
        beta * (shares[0, m] - mean[m]) / np.sqrt(np.average((shares[:, m] - mean[m]) ** 2, weights=people))
        for m, beta in enumerate(iq.EDI_FRANCE_2012.values())
    )
    assert index.score[0] == pytest.approx(by_hand, rel=1e-10)


def test_quantiles_cut_the_population_not_the_areas():
    score, people = [1, 2, 3, 4, 5, 6], [60, 10, 10, 10, 5, 5]
    weighted = iq.assign_quantiles(score, people, quantiles=5)
    # Middles of cumulated population: 0.30, 0.65, 0.75, 0.85, 0.925, 0.975: the second class is half empty.
    assert weighted.quantile.tolist() == [2, 4, 4, 5, 5, 5]
    np.testing.assert_allclose(weighted.population_share, [[0, 0.6, 0, 0.2, 0.2]])
    assert iq.assign_quantiles(score, quantiles=3).quantile.tolist() == [1, 1, 2, 2, 3, 3]


def test_quantiles_within_a_scope_ignore_the_others():
    score = [1, 2, 3, 10, 20, 30]
    found = iq.assign_quantiles(score, quantiles=3, scope=["a", "a", "a", "b", "b", "b"])
    assert found.quantile.tolist() == [1, 2, 3, 1, 2, 3]
    assert found.scopes == ("a", "b")


def test_equal_scores_are_never_separated_and_a_missing_score_is_counted():
    found = iq.assign_quantiles([1, 2, 2, 2, 3, np.nan], [1, 1, 1, 1, 1, 7], quantiles=3)
    assert found.quantile.tolist() == [1, 2, 2, 2, 3, 0]
    assert (found.missing, found.missing_population) == (1, 7.0)


def test_draws_are_summarised_by_median_and_percentiles():
    draws = np.array([[1.0, 1, 1 + k] for k in range(101)])
    found = iq.over_draws(iq.absolute_concentration_index, draws, [1, 1, 1], level=0.9)
    # a y (2x - 1): the third group alone differs, k x 1/3 x 2/3.
    assert found.value == pytest.approx(50 * 2 / 9)
    assert (found.lower, found.upper) == (pytest.approx(5 * 2 / 9), pytest.approx(95 * 2 / 9))


def test_wagstaff_contributions_add_up_to_the_index():
    y, people = np.array([10.0, 12, 17, 21]), [5, 3, 4, 6]
    smoking, income = [0.2, 0.25, 0.3, 0.4], [30, 28, 22, 15]
    parts = iq.concentration_contributions(y, people, [smoking, income], [20, -0.1])
    assert parts.sum() == pytest.approx(iq.concentration_index(y, people), rel=1e-12)
    elasticity = 20 * np.average(smoking, weights=people) / np.average(y, weights=people)
    assert parts[0] == pytest.approx(elasticity * iq.concentration_index(smoking, people), rel=1e-12)


def test_sandwich_with_leverage_and_its_degrees_of_freedom_follow_their_matrix_formulas():
    rng = np.random.default_rng(7)
    ages, groups = 4, 5
    x, age = np.tile(iq.ridit(rng.uniform(1, 2, groups)), ages), np.repeat(np.arange(ages), groups)
    years = rng.uniform(1e4, 4e4, ages * groups)
    events = rng.poisson(years * 0.003 * 2**x)
    found = iq.slope_and_relative_index(events, years, x, age)
    design = np.c_[(age[:, None] == np.arange(ages)).astype(float), x]
    theta = np.linalg.lstsq(design, np.log((events + 0.5) / years), rcond=None)[0]
    for _ in range(50):
        mean = years * np.exp(design @ theta)
        theta = theta + np.linalg.solve(design.T @ (mean[:, None] * design), design.T @ (events - mean))
    mean = years * np.exp(design @ theta)
    bread = np.linalg.inv(design.T @ (mean[:, None] * design))
    root = np.sqrt(mean)[:, None] * design
    hat = root @ bread @ root.T
    # Influence of each scaled residual on the log relative index.
    q = (root @ bread)[:, -1]
    scaled = (events - mean) / np.sqrt(mean)
    robust = np.sqrt((q**2 * scaled**2 / (1 - np.diag(hat))).sum())
    middle = (np.eye(len(x)) - hat) @ np.diag(q**2 / (1 - np.diag(hat))) @ (np.eye(len(x)) - hat)
    freedom = np.trace(middle) ** 2 / np.trace(middle @ middle)
    from scipy.stats import t

    assert found.relative.se / found.relative.value == pytest.approx(robust, rel=1e-8)
    half = np.log(found.relative.upper / found.relative.value)
    assert half == pytest.approx(t(freedom).ppf(0.975) * robust, rel=1e-8)


def test_robust_error_of_additive_by_age_follows_its_matrix_formula():
    rng = np.random.default_rng(17)
    ages, groups = 3, 5
    x, age = np.tile(iq.ridit(rng.uniform(1, 2, groups)), ages), np.repeat(np.arange(ages), groups)
    years = rng.uniform(1e4, 4e4, ages * groups)
    events = rng.poisson(years * 0.003 * (1 + x)).astype(float)
    weights = np.array([0.5, 0.3, 0.2])
    found = iq.slope_and_relative_index(events, years, x, age, weights=weights, model="additive-by-age")
    design = np.zeros((15, 6))
    for a in range(ages):
        design[age == a, 2 * a], design[age == a, 2 * a + 1] = 1, x[age == a]
    rate = np.array([events[age == a].sum() / years[age == a].sum() for a in range(ages)])[age]
    # Scaled to unit working variance: proportional to person-years, and to the rate between ages.
    scale = np.sqrt(years / rate)
    root = scale[:, None] * design
    bread = np.linalg.inv(root.T @ root)
    hat = root @ bread @ root.T
    contrast = np.zeros(6)
    contrast[1::2] = weights
    q = root @ bread @ contrast
    residual = scale * (events / years - design @ (bread @ root.T @ (scale * events / years)))
    robust = np.sqrt((q**2 * residual**2 / (1 - np.diag(hat))).sum())
    middle = (np.eye(15) - hat) @ np.diag(q**2 / (1 - np.diag(hat))) @ (np.eye(15) - hat)
    freedom = np.trace(middle) ** 2 / np.trace(middle @ middle)
    from scipy.stats import t

    assert found.slope.se == pytest.approx(robust, rel=1e-8)
    assert found.slope.upper - found.slope.value == pytest.approx(t(freedom).ppf(0.975) * robust, rel=1e-8)


def test_scaled_variance_is_the_poisson_one_times_the_dispersion_around_the_fit():
    rank = iq.ridit(BIRTHS)
    for model in ("multiplicative", "additive", "additive-by-age"):
        plain, scaled = (
            iq.slope_and_relative_index(DEATHS, BIRTHS, rank, np.zeros(10), model=model, variance=kind)
            for kind in ("model", "scaled")
        )
        low, high = plain.least_deprived, plain.most_deprived
        rate = low * (high / low) ** rank if model == "multiplicative" else low + (high - low) * rank
        # Around the line of least squares each count is held to the mean rate of its age.
        working = BIRTHS * (DEATHS.sum() / BIRTHS.sum() if model == "additive-by-age" else rate)
        dispersion = ((DEATHS - BIRTHS * rate) ** 2 / working).sum() / 8
        assert scaled.slope.se == pytest.approx(plain.slope.se * np.sqrt(dispersion), rel=1e-7)
        # Student with ten cells less two parameters: 2.306.
        half = (scaled.slope.upper - scaled.slope.value) / scaled.slope.se
        assert half == pytest.approx(2.306004, abs=1e-6)
