"""The calibration against hand calculations and against its own simulations."""

import numpy as np
import pytest

from rnc_epi.maths.calibration import (
    best_proxy,
    combine_proxies,
    errors_without_noise,
    fit_calibration,
    grade,
    incidence_ratio,
    incidence_variation,
    leave_one_out,
    rake_draws,
    weighted_incidence,
)
from rnc_epi.maths.calibration.combination import _errors_leaving_pairs, shares
from rnc_epi.maths.calibration.inputs import Cells

AGES = np.arange(42.5, 90, 5)
SHAPE = np.array([8, 16, 27, 43, 61, 80, 93, 104, 99, 60.0])


def registry(generator, districts=12, sigma=0.05, cases=600.0, ratio=1.1, phi=0.7):
    """Cells of registry districts: incident, proxy, age, district. The proxy shares patients."""
    age, district = np.tile(AGES, districts), np.repeat(np.arange(districts), AGES.size)
    incident = generator.poisson(cases * np.tile(SHAPE / SHAPE.sum(), districts))
    effect = np.exp(generator.normal(0, sigma, districts))[district]
    # Var(H | I) / E(H | I) = 1 - kept^2 / ratio.
    kept = np.sqrt(ratio * (1 - phi))
    proxy = generator.binomial(incident, kept) + generator.poisson(incident * (ratio * effect - kept))
    return incident.astype(float), proxy.astype(float), age, district


@pytest.fixture(scope="module")
def cells():
    return registry(np.random.default_rng(1))


@pytest.fixture(scope="module")
def fit(cells):
    return fit_calibration(*cells)


def test_the_estimate_of_a_cell_is_the_proxy_over_the_ratio_and_half_a_variance(fit):
    found = fit.predict([100.0, 50.0], [62.5, 77.5], ["a", "b"])
    expected = np.array([100.0, 50.0]) / fit.ratio([62.5, 77.5]) * np.exp(-(fit.sigma_district**2) / 2)
    np.testing.assert_allclose(found.estimate, expected, rtol=1e-12)


def test_the_published_variance_written_out_cell_by_cell(fit):
    # Chatignoux 2019, the three parts of the covariance with every pair of cells, by loops.
    age, area = np.tile(AGES[:4], 3), np.repeat(["x", "y", "z"], 4)
    proxy = np.arange(5.0, 17)
    weights = np.linspace(0.5, 2, 12)
    rows = fit.curve_rows({"age": age})
    spread = rows @ fit.best.covariance @ rows.T
    sigma2, phi = fit.sigma_district**2, fit.dispersion
    factor = np.exp(-(np.log(fit.ratio(age)) + sigma2 / 2))
    estimate = proxy * factor
    wanted = np.zeros((12, 12))
    for i in range(12):
        for j in range(12):
            lift = np.exp((spread[i, i] + spread[j, j]) / 2)
            both = estimate[i] * estimate[j]
            wanted[i, j] = (np.exp(spread[i, j]) - 1) * lift * (both + (estimate[i] if i == j else 0))
            if area[i] == area[j]:
                wanted[i, j] += np.exp(spread[i, j]) * (np.exp(sigma2) - 1) * lift * both
            if i == j:
                wanted[i, j] += phi * estimate[i] * (factor[i] * np.exp(2 * spread[i, i]) + 1)
    found = fit.predict(proxy, age, area, weights=weights, method="chatignoux")
    for k, name in enumerate("xyz"):
        part = weights * (area == name)
        assert found.se[k] == pytest.approx(np.sqrt(part @ wanted @ part), rel=1e-10)
    assert found.covariance[0, 1] == pytest.approx(
        (weights * (area == "x")) @ wanted @ (weights * (area == "y")), rel=1e-10
    )
    # Log-normal limits whose centre lies above the estimate.
    cv = found.se / found.estimate
    reach = 1.959964 * np.sqrt(np.log1p(cv**2))
    np.testing.assert_allclose(found.lower, found.estimate * np.sqrt(1 + cv**2) * np.exp(-reach), rtol=1e-6)


def test_an_area_split_over_two_groups_ties_them(fit):
    age, area, by = np.tile(AGES, 2), np.repeat("one", 20), np.repeat(["young", "old"], 10)
    found = fit.predict(np.full(20, 50.0), age, area, by=by)
    apart = fit.predict(np.full(20, 50.0), age, np.repeat(["one", "two"], 10), by=by)
    assert found.index.tolist() == ["young", "old"]
    assert found.covariance[0, 1] > apart.covariance[0, 1]
    assert found.se[0] == pytest.approx(apart.se[0])


def test_draws_have_the_estimates_the_spread_and_the_ties_of_the_prediction(fit):
    age, area = np.tile(AGES, 8), np.repeat(np.arange(8), AGES.size)
    proxy = np.tile(SHAPE, 8) * np.repeat(np.geomspace(0.3, 3, 8), AGES.size)
    for method, target in (("calibrated", "cases"), ("calibrated", "risk"), ("chatignoux", "cases")):
        found = fit.predict(proxy, age, area, method=method, target=target)
        draws = found.draws(4000, seed=3)
        # Monte Carlo errors over 4 000 draws: 1.6 % of an se for means, 1.1 % for deviations; four of them.
        assert (np.abs(draws.mean(axis=1) - found.estimate) < 0.064 * found.se).all()
        np.testing.assert_allclose(draws.std(axis=1), found.se, rtol=0.05)
        total = fit.predict(proxy, age, area, by=np.zeros(80), method=method, target=target)
        assert draws.sum(axis=0).std() == pytest.approx(total.se[0], rel=0.05)
        inside = ((found.lower[:, None] < draws) & (draws < found.upper[:, None])).mean(axis=1)
        # The limits of the set of draws and of the formula: 95 %, less 3 Monte Carlo errors and the shape.
        assert (np.abs(inside - 0.95) < 0.015).all()
    assert np.array_equal(found.draws(50, seed=3), found.draws(50, seed=3))


def test_the_noise_of_the_count_separates_cases_from_risk(fit):
    found = {target: fit.predict(SHAPE, AGES, np.zeros(10), target=target) for target in ("cases", "risk")}
    # The risk adds a Poisson variance, the estimate itself.
    gap = found["risk"].se ** 2 - found["cases"].se ** 2
    assert gap[0] == pytest.approx(found["cases"].estimate[0], rel=0.01)


def test_with_a_smoothed_offset_it_is_the_cases_that_add_the_noise_of_the_count(cells):
    incident, proxy, age, district = cells
    smoothed = fit_calibration(incident, proxy, age, district, person_years=np.full(incident.size, 1e5))
    found = {one: smoothed.predict(SHAPE, AGES, np.zeros(10), target=one) for one in ("cases", "risk")}
    # The dispersion is about the expected number there: its own noise is in it already.
    gap = found["cases"].se ** 2 - found["risk"].se ** 2
    assert gap[0] == pytest.approx(found["risk"].estimate[0], rel=0.01)


def test_few_districts_make_the_calibrated_interval_wider_than_a_known_deviation():
    few = fit_calibration(*registry(np.random.default_rng(9), districts=6, sigma=0.2, cases=5000))
    proxy, age, area = np.tile(50 * SHAPE, 1), AGES, np.zeros(10)
    integrated = few.predict(proxy, age, area)
    known = few.predict(proxy, age, area, method="chatignoux")
    ratio = np.log(integrated.upper / integrated.lower) / np.log(known.upper / known.lower)
    # Student on 5 degrees of freedom is 1.31 times the normal; the estimate of sigma moves it a little.
    assert 1.15 < ratio[0] < 1.6


def test_the_ratio_of_a_calibration_without_noise_is_recovered_by_both_smooths():
    age, district = np.tile(AGES, 8), np.repeat(np.arange(8), 10)
    incident = 50 * np.tile(SHAPE, 8)
    proxy = incident * np.exp(0.2 - 0.01 * (age - 60))
    for smooth in ("tp", "ns"):
        fit = fit_calibration(incident, proxy, age, district, smooth=smooth)
        np.testing.assert_allclose(fit.ratio(AGES), np.exp(0.2 - 0.01 * (AGES - 60)), rtol=1e-3)
        assert fit.sigma_district < 1e-3


def test_smoothed_incidence_in_the_offset_uses_cells_without_a_case():
    # Deaths against incident cases of a rare site: a third of the cells has no incident case, and leaving
    # them out forgets their deaths: the raw offset gives too low a ratio, by 1 - exp(-mean) in each cell.
    generator = np.random.default_rng(21)
    districts = 60
    age, district = np.tile(AGES, districts), np.repeat(np.arange(districts), 10)
    person_years = np.full(age.size, 1e4)
    mean = np.tile(SHAPE / 50, districts)
    incident = generator.poisson(mean).astype(float)
    deaths = generator.poisson(0.5 * mean).astype(float)
    raw = fit_calibration(incident, deaths, age, district)
    smoothed = fit_calibration(incident, deaths, age, district, person_years=person_years)
    everywhere = np.zeros(age.size)
    found = [f.predict(deaths, age, district, by=everywhere).estimate[0] for f in (smoothed, raw)]
    # About 350 deaths for 700 cases: the total is known within 7 %; two of them.
    assert found[0] == pytest.approx(mean.sum(), rel=0.14)
    assert found[1] > 1.25 * mean.sum()
    assert np.trace(smoothed.extra_covariance) > 0


def test_a_deprivation_term_recovers_its_slope():
    generator = np.random.default_rng(4)
    ages, districts = AGES, 12
    score = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
    age = np.tile(np.repeat(ages, 5), districts)
    ridit = np.tile(np.tile(score, 10), districts)
    district = np.repeat(np.arange(districts), 50)
    incident = generator.poisson(np.tile(np.repeat(20 * SHAPE / 10, 5), districts)).astype(float)
    proxy = generator.poisson(incident * np.exp(0.1 + 0.3 * (ridit - 0.5))).astype(float)
    fit = fit_calibration(incident, proxy, age, district, deprivation=ridit)
    assert fit.deprivation_slope == pytest.approx(0.3, abs=3 * fit.deprivation_se)
    # About 12 x 1 200 proxy cases over a score of deviation 0.283.
    assert fit.deprivation_se == pytest.approx(1 / (0.283 * np.sqrt(proxy.sum())), rel=0.15)
    least, most = (
        fit.predict([100.0], [62.5], ["a"], deprivation=[value]).estimate[0] for value in (0.0, 1.0)
    )
    assert np.log(least / most) == pytest.approx(fit.deprivation_slope, rel=1e-9)


def test_leaving_a_district_out_is_fitting_without_it(cells):
    incident, proxy, age, district = cells
    found = leave_one_out(*cells)
    assert found.district.tolist() == list(range(12))
    for k in (0, 7):
        rest, own = district != k, district == k
        fit = fit_calibration(incident[rest], proxy[rest], age[rest], district[rest])
        alone = fit.predict(proxy[own], age[own], district[own], method="chatignoux")
        assert found.predicted[k] == pytest.approx(alone.estimate[0], rel=1e-4)
        assert found.se[k] == pytest.approx(alone.se[0], rel=1e-3)
    np.testing.assert_allclose(found.error, found.predicted / found.observed - 1)
    # The noise of the proxy in relative terms: dispersion over its count.
    counts = np.bincount(district, proxy)
    np.testing.assert_allclose(found.noise_variance, 0.7 / counts, rtol=0.35)
    regions, error = found.aggregated(np.repeat(["n", "s"], 6))
    assert regions.tolist() == ["n", "s"]
    assert error[0] == pytest.approx(found.predicted[:6].sum() / found.observed[:6].sum() - 1)


def test_the_decision_tree_at_its_limits():
    rest = [0.0] * 9
    assert grade([0.15, *rest], 1.0, 0.0) == "A++"
    assert grade([-0.1501, *rest], 0.05, 0.10) == "A+"
    assert grade([-0.1501, *rest], 0.05, 0.0999) == "B-"
    assert grade([0.16, -0.16, *rest[:8]], 0.05, 0.10) == "A+"
    assert grade([0.16, -0.16, 0.2, *rest[:7]], 0.01, 0.10) == "B--"
    assert grade([0.30, *rest], 0.01, 0.10) == "A+"
    assert grade([-0.3001, *rest], 0.01, 0.10) == "B--"


def test_errors_that_are_noise_alone_vanish_and_others_keep_their_spread():
    generator = np.random.default_rng(5)
    noise = np.full(4000, 0.05**2)
    pure = generator.normal(0, 0.04, 4000)
    assert (errors_without_noise(pure, noise) == 0).all()
    mixed = generator.normal(0, np.hypot(0.08, 0.05), 4000)
    # A deviation over 4 000 values is known within 1.1 %.
    assert errors_without_noise(mixed, noise).std() == pytest.approx(0.08, rel=0.04)


def test_the_best_publishable_proxy_wins():
    assert best_proxy(["A", "H"], ["A+", "A+"], [[0.2, 0.0], [0.1, 0.1]]) == "H"
    assert best_proxy(["A", "H"], ["A++", "A+"], [[0.2, 0.0], [0.1, 0.1]]) == "A"
    assert best_proxy(["A"], ["B-"], [[0.0]]) is None


def test_shares_follow_the_precision_of_independent_errors():
    generator = np.random.default_rng(6)
    errors = generator.normal(0, 1, (3, 50_000)) * np.array([[1.0], [2.0], [4.0]])
    precision = np.array([1, 1 / 4, 1 / 16])
    # Sampling error of a share over 50 000 districts is below 0.004.
    np.testing.assert_allclose(shares(errors), precision / precision.sum(), atol=0.012)


def test_combining_independent_proxies_beats_choosing_one():
    generator = np.random.default_rng(17)
    incident, first, age, district = registry(generator, districts=20, sigma=0.1, cases=3000)
    second = incident * np.exp(generator.normal(0, 0.1, 20))[district]
    worthless = incident * np.exp(generator.normal(0, 0.5, 20))[district]
    found = combine_proxies(incident, {"H": first, "A": second, "M": worthless}, age, district)
    assert found.combination_wins
    assert found.weights[2] < 0.15
    assert found.weights.sum() == pytest.approx(1)
    plain = leave_one_out(incident, first, age, district)
    np.testing.assert_allclose(found.errors[0], plain.error, atol=1e-4)
    # Choosing inside can only lose against the choice made with hindsight.
    assert found.optimism >= -1e-12
    fits = [fit_calibration(incident, values, age, district) for values in (first, second, worthless)]
    results = [fit.predict(first[:10], AGES, np.zeros(10)) for fit in fits]
    combined = found.combine(results)
    assert combined.estimate[0] == pytest.approx(found.weights @ [r.estimate[0] for r in results])
    assert combined.se[0] < results[0].se[0]
    # Two free shares on 20 districts: 20/18 of the variance seen, 1 + 2/17 of it on unseen ones.
    assert found.inflation == pytest.approx(20 / 18 * 19 / 17)
    known = weighted_incidence(results, found.weights, found.correlation)
    assert combined.se[0] == pytest.approx(known.se[0] * np.sqrt(found.inflation))


def test_a_choice_that_cannot_be_made_wrongly_has_no_optimism():
    generator = np.random.default_rng(18)
    incident, first, age, district = registry(generator, districts=12, sigma=0.02, cases=5000)
    worthless = incident * np.exp(generator.normal(0, 0.4, 12))[district]
    found = combine_proxies(incident, {"H": first, "M": worthless}, age, district)
    assert found.optimism == 0
    np.testing.assert_allclose(found.chosen_errors, found.errors[0])


def test_raked_draws_meet_the_level_above_world_by_world():
    generator = np.random.default_rng(7)
    pieces = generator.gamma(5, 1, (6, 40))
    department = np.array(["d1", "d1", "d1", "d2", "d2", "d2"])
    epci = np.array(["e1", "e2", "e3", "e1", "e2", "e3"])
    truth = generator.gamma(50, 1, (6, 40))
    upper = np.stack([truth[:3].sum(axis=0), truth[3:].sum(axis=0)])
    across = np.stack([truth[[0, 3]].sum(axis=0), truth[[1, 4]].sum(axis=0), truth[[2, 5]].sum(axis=0)])
    # The units are given in another order than that of the pieces.
    levels = [(department, ["d2", "d1"], upper[::-1]), (epci, ["e1", "e2", "e3"], across)]
    found = rake_draws(pieces, levels)
    np.testing.assert_allclose(found[:3].sum(axis=0), upper[0], rtol=1e-8)
    np.testing.assert_allclose(found[[0, 3]].sum(axis=0), across[0], rtol=1e-8)
    # Raking multiplies by factors of rows and columns: the cross-ratios of the pieces stay.
    before = pieces[0] * pieces[4] / (pieces[1] * pieces[3])
    after = found[0] * found[4] / (found[1] * found[3])
    np.testing.assert_allclose(before, after, rtol=1e-6)


def test_the_ratios_of_all_areas_average_to_one(fit):
    age, area = np.tile(AGES, 4), np.repeat(np.arange(4), 10)
    person_years = np.tile(np.linspace(6e4, 2e4, 10), 4) * np.repeat([1, 2, 3, 4], 10)
    proxy = np.random.default_rng(3).poisson(person_years * np.tile(SHAPE, 4) / 1e5).astype(float)
    found = incidence_ratio(fit, proxy, age, area, person_years)
    cases = fit.predict(proxy, age, area).estimate
    expected = cases / found.estimate
    # Expected cases are an allocation of the cases of all areas.
    assert expected.sum() == pytest.approx(cases.sum(), rel=1e-9)


def test_incidence_varies_as_it_was_made_to():
    generator = np.random.default_rng(11)
    age, district = np.tile(AGES, 60), np.repeat(np.arange(60), 10)
    person_years = np.full(600, 1e6)
    mean = person_years * np.tile(SHAPE, 60) / 1e5 * np.exp(generator.normal(0, 0.2, 60))[district]
    found = incidence_variation(generator.poisson(mean), person_years, age, district)
    # Deviation of 60 effects: known within 9 %; two of them.
    assert found == pytest.approx(0.2, rel=0.18)


def test_the_choice_for_a_district_ignores_its_own_error():
    # Two proxies alike, but each fails in one district of its own: seen from the others the one that fails
    # there looks perfect, so a choice made without the district predicts it with the failing proxy.
    incident = np.tile(50 * SHAPE, 8)
    age, district = np.tile(AGES, 8), np.repeat(np.arange(8), 10)
    first = incident * np.where(district == 0, 1.5, 1.0)
    second = incident * np.where(district == 1, 1.3, 1.0)
    found = combine_proxies(incident, {"A": first, "H": second}, age, district)
    # District 0 is judged by districts 1 to 7, where A is exact; district 1 by others, where H is.
    np.testing.assert_allclose(found.chosen_errors[:2], [found.errors[0, 0], found.errors[1, 1]])
    assert found.chosen_errors[0] == pytest.approx(0.5, abs=0.02)
    assert found.optimism > 0.05


def test_draws_of_a_very_uneven_ratio_still_average_to_the_estimate():
    # A deviation of 0.3 separates the mean of a log-normal from its median by 4.6 %.
    fit = fit_calibration(*registry(np.random.default_rng(8), districts=40, sigma=0.3, cases=2000, phi=0.95))
    found = fit.predict(np.tile(10 * SHAPE, 30), np.tile(AGES, 30), np.repeat(np.arange(30), 10))
    draws = found.draws(1500, seed=4)
    # The areas are independent: the mean over 30 areas and 1 500 draws is known within 0.3 %, and the curve,
    # common to all, within 0.3 / sqrt(40) / sqrt(1500) = 0.12 %.
    assert (draws / found.estimate[:, None]).mean() == pytest.approx(1, abs=0.012)


def test_draws_of_a_combination_have_its_means_and_covariance(fit, cells):
    proxy, age = np.outer([1.0, 0.5, 0.125], cells[1][:10]), np.tile(AGES, 3)
    area = np.repeat(["a", "b", "c"], 10)
    one = fit.predict(proxy.ravel(), age, area)
    other = fit.predict(0.9 * proxy.ravel(), age, area)
    found = weighted_incidence([one, other], [0.7, 0.3], [[1.0, 0.4], [0.4, 1.0]])
    np.testing.assert_allclose(np.diag(found.covariance), found.se**2, rtol=1e-12)
    # By hand, for one group: variances of the shares and twice their tie.
    wanted = (0.7 * one.se) ** 2 + (0.3 * other.se) ** 2 + 2 * 0.7 * 0.3 * 0.4 * one.se * other.se
    np.testing.assert_allclose(found.se**2, wanted, rtol=1e-12)
    drawn = found.draws(40_000, seed=3)
    # 40 000 draws of a spread of about 5 %: means to 0.03 %, standard deviations to 0.4 %.
    np.testing.assert_allclose(drawn.mean(axis=1), found.estimate, rtol=0.002)
    np.testing.assert_allclose(drawn.std(axis=1), found.se, rtol=0.02)
    tie = found.covariance[0, 1] / (found.se[0] * found.se[1])
    # Areas share the curve of the ratio, in each correlate alike: the combination keeps that correlation.
    own = one.covariance[0, 1] / (one.se[0] * one.se[1])
    assert tie == pytest.approx(own, rel=0.05)
    assert own > 0.02
    # The correlation of draws is known to 0.005.
    assert np.corrcoef(drawn)[0, 1] == pytest.approx(tie, abs=0.02)
    np.testing.assert_array_equal(drawn, found.draws(40_000, seed=3))


def test_pairs_left_out_at_known_smoothing_err_as_those_searched_anew():
    generator = np.random.default_rng(23)
    incident, proxy, age, district = registry(generator, districts=8, sigma=0.08)
    errors = _errors_leaving_pairs(Cells(incident, proxy, age, district), district, 8)
    for j, k in ((0, 1), (2, 7), (5, 3)):
        kept = (district != j) & (district != k)
        fit = fit_calibration(incident[kept], proxy[kept], age[kept], district[kept])
        there = district == k
        found = fit.predict(proxy[there], age[there], district[there]).estimate[0]
        # The errors are of several points; the smoothing moves them by a fifth of one.
        assert errors[j, k] == pytest.approx(found / incident[there].sum() - 1, abs=0.002)


def test_the_spread_of_slopes_between_few_districts_is_not_taken_as_known():
    generator = np.random.default_rng(29)
    scores = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
    incident, _, age, district = registry(generator, districts=8, cases=3000)
    cells = [np.repeat(values, 5) for values in (incident / 5, age, district)]
    score = np.tile(scores, incident.size)
    slope = generator.normal(0.2, 0.15, 8)[cells[2]]
    counts = generator.poisson(cells[0] * np.exp(slope * (score - 0.5)))
    fit = fit_calibration(cells[0], counts, cells[1], cells[2], deprivation=score)
    slopes = np.array([curve.sigma_slope for curve in fit.curves])
    weights = np.array([curve.weight for curve in fit.curves])
    mean = (weights * slopes).sum() / weights.sum()
    spread = np.sqrt((weights * (slopes - mean) ** 2).sum() / weights.sum())
    # Eight slopes tell their standard deviation to about a quarter: sqrt(1 / (2 x 7)) = 27 %.
    assert 0.15 < spread / fit.sigma_slope < 0.6
    assert fit.sigma_slope == pytest.approx(0.15, abs=0.12)
