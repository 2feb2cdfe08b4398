"""Cumulative rates, lifetime risk, years lost and life tables against closed forms and published numbers."""

import numpy as np
import pytest

from rnc_epi.maths.bands import bands_within
from rnc_epi.maths.lifetime import (
    cumulative_rate,
    life_table,
    lifetime_risk,
    years_of_life_lost,
    years_of_life_lost_rate,
)
from rnc_epi.maths.standardise import directly_standardised_rate

AGES = np.arange(0, 90, 5)
WORLD = np.array([120, 100, 90, 90, 80, 80, 60, 60, 60, 60, 50, 40, 40, 30, 20, 10, 5, 5])
# Colon cancer of Norwegian men, eight periods of five years from 1958-62 to 1993-97 (from nordpred).
CASES = """
1 0 0 0 0 0 0 0;0 0 0 0 0 0 0 0;1 0 1 1 0 0 0 0;1 0 0 1 3 0 1 3;1 4 2 3 3 2 4 3;4 1 6 6 6 11 7 7
13 11 6 12 15 26 14 10;27 16 18 15 29 22 31 18;32 37 32 28 40 50 64 71;54 75 73 73 75 72 122 112
66 103 128 139 125 134 185 190;105 124 197 210 257 254 230 269;189 212 252 283 369 442 446 436
197 258 303 358 484 603 683 668;223 286 376 403 554 663 754 880;192 262 312 402 502 640 775 913
146 160 215 278 337 415 513 615;81 95 122 151 209 278 328 379
"""
PERSON_YEARS = """
788390 812469 843723 775060 668972 655654 728227 778873
777140 784976 806838 847413 780627 674954 664727 739328
813040 777482 786292 809695 851267 784491 681164 673141
683575 803332 777349 787879 813101 855490 790010 689232
538600 699263 800478 779377 790614 819188 864619 797559
502370 535604 682157 803977 784165 800519 839854 877005
566355 496204 524825 683003 805773 790520 814045 846886
644480 556945 502130 524612 681795 807197 792664 813552
646515 631049 556540 499268 521501 678823 801806 787600
611295 637710 627735 548327 492159 515113 668376 791411
557560 595542 614229 610704 533388 479757 501728 653967
492515 537045 566747 586258 582960 509987 459090 484947
431390 458963 492421 525500 544181 541542 474969 432389
343930 384477 404139 436073 466083 483657 483473 429937
245435 288059 312464 330728 360216 385143 403209 409518
162360 183099 207063 227431 242728 266643 287034 307467
97340 100759 110357 125859 140434 151699 166839 183972
53430 59244 61661 67450 79837 91208 100301 109464
"""


def periods_by_ages(text: str) -> np.ndarray:
    rows = text.strip().replace("\n", ";").split(";")
    return np.array([row.split() for row in rows], dtype=float).T


@pytest.fixture
def norway() -> tuple[np.ndarray, np.ndarray]:
    return periods_by_ages(CASES), periods_by_ages(PERSON_YEARS)


def test_norwegian_colon_cancer_has_the_published_world_rates(norway):
    rate = directly_standardised_rate(*norway, WORLD)
    published = [10.76, 12.08, 14.03, 15.14, 18.28, 20.90, 23.48, 24.76]
    np.testing.assert_allclose(rate.rate, published, rtol=0, atol=0.00501)


def test_norwegian_truncated_rates(norway):
    chosen = bands_within(AGES, first=35, until=65)
    rate = directly_standardised_rate(norway[0][:, chosen], norway[1][:, chosen], WORLD[chosen])
    expected = [13.792, 15.696, 18.507, 19.458, 23.475, 26.121, 30.363, 29.767]
    np.testing.assert_allclose(rate.rate, expected, rtol=0, atol=6e-4)


def test_norwegian_cumulative_rates_and_risks_before_75(norway):
    chosen = bands_within(AGES, first=0, until=75)
    found = cumulative_rate(norway[0][:, chosen], norway[1][:, chosen], np.full(15, 5))
    expected = [1.2338, 1.3822, 1.6272, 1.7065, 2.1175, 2.4257, 2.7122, 2.9189]
    np.testing.assert_allclose(100 * found.rate, expected, rtol=0, atol=6e-5)
    np.testing.assert_allclose(100 * found.risk[[0, -1]], [1.2262, 2.8767], rtol=0, atol=6e-5)
    np.testing.assert_allclose(100 * found.rate_se[[0, -1]], [0.0430, 0.0573], rtol=0, atol=6e-5)


def test_limits_of_a_cumulative_rate_are_those_of_the_rate_it_is_proportional_to(norway):
    # With bands of equal width the cumulative rate is 75 times the rate with equal weights.
    events, years = norway[0][:, :15], norway[1][:, :15]
    for method in ("fay-feuer", "dobson-byar"):
        found = cumulative_rate(events, years, np.full(15, 5), method=method, level=0.9)
        rate = directly_standardised_rate(events, years, np.ones(15), method=method, level=0.9, per=75)
        np.testing.assert_allclose(found.rate_lower, rate.lower, rtol=1e-12)
        np.testing.assert_allclose(found.risk_upper, 1 - np.exp(-rate.upper), rtol=1e-12)


# Constant rates a year: 5 cases, 12 deaths of which 3 of the cancer, per 1 000.
CONSTANT = ([50.0], [120.0], [30.0], [10_000.0])


def test_lifetime_risk_under_constant_rates_has_its_closed_form():
    whole_life = lifetime_risk(*CONSTANT, [np.inf])
    assert whole_life.risk == pytest.approx(5 / 14, rel=1e-14)
    to_75 = [np.repeat(values, 15) for values in CONSTANT]
    # Independent of the banding: 5/14 (1 - exp(-75 x 0.014)) in 15 bands or in one.
    closed = 5 / 14 * (1 - np.exp(-75 * 0.014))
    assert lifetime_risk(*to_75, np.full(15, 5.0)).risk == pytest.approx(closed, rel=1e-13)
    assert lifetime_risk(*CONSTANT, [75.0]).risk == pytest.approx(closed, rel=1e-13)


def test_current_probability_counts_the_deaths_of_the_cancer_twice():
    found = lifetime_risk(CONSTANT[0], CONSTANT[1], None, CONSTANT[3], [np.inf], method="current-probability")
    assert found.risk == pytest.approx(5 / 17, rel=1e-14)


def test_spread_of_a_lifetime_risk_in_one_open_band_is_that_of_a_proportion():
    # 50 among 140 who leave: variance p (1 - p) / 140.
    found = lifetime_risk(*CONSTANT, [np.inf])
    assert found.se == pytest.approx(np.sqrt(5 / 14 * 9 / 14 / 140), rel=1e-12)


def test_slopes_of_the_delta_method_are_those_of_small_steps():
    rng = np.random.default_rng(8)
    years = rng.uniform(500, 2000, 6)
    cases, others = rng.poisson(9, 6).astype(float), rng.poisson(30, 6).astype(float)
    width = np.array([5, 5, 10, 10, 5, np.inf])

    def risk(r, o):
        return float(lifetime_risk(r, o, np.zeros(6), years, width).risk)

    variance = 0.0
    for i in range(6):
        step = np.zeros(6)
        step[i] = 1e-4
        by_case = (risk(cases + step, others) - risk(cases - step, others)) / 2e-4
        by_other = (risk(cases, others + step) - risk(cases, others - step)) / 2e-4
        variance += by_case**2 * cases[i] + by_other**2 * others[i]
    found = lifetime_risk(cases, others, np.zeros(6), years, width)
    # Central differences of step 1e-4 are good to about eight digits.
    assert found.se == pytest.approx(np.sqrt(variance), rel=1e-6)


def test_bootstrap_and_delta_limits_agree_on_many_events():
    cells = [np.array([200.0, 900, 700]), np.array([300.0, 2000, 4000]), np.array([50.0, 400, 500])]
    years, width = np.array([2e5, 2e5, 6e4]), np.array([40.0, 30, np.inf])
    delta = lifetime_risk(*cells, years, width)
    boot = lifetime_risk(*cells, years, width, limits="bootstrap", draws=4000, seed=5)
    # 4000 draws give a standard error to 1.1 %, and limits to about 3 % of their distance.
    assert boot.se == pytest.approx(delta.se, rel=0.045)
    assert boot.upper - boot.risk == pytest.approx(delta.upper - delta.risk, rel=0.12)
    again = lifetime_risk(*cells, years, width, limits="bootstrap", draws=4000, seed=5)
    assert again.lower == boot.lower


def test_two_deaths_in_the_early_sixties_lose_25_years_before_75():
    lost = years_of_life_lost([2, 9], [60, 75], [65, np.inf])
    assert lost.years == pytest.approx(25)
    assert lost.deaths == 2
    # Variance 12.5^2 x 2.
    assert lost.se == pytest.approx(12.5 * np.sqrt(2))


def test_rates_of_years_lost_by_hand():
    bands = ([0, 50, 75], [50, 75, np.inf])
    crude = years_of_life_lost_rate([4, 10, 99], [1000, 500, 300], *bands, per=1000)
    # (4 x 50 + 10 x 12.5) / 1 500 person-years lived before 75.
    assert crude.rate == pytest.approx(1000 * 325 / 1500)
    standard = years_of_life_lost_rate([4, 10, 99], [1000, 500, 300], *bands, weights=[3, 1, 8], per=1000)
    # (3 x 50 x 4/1000 + 1 x 12.5 x 10/500) / 4.
    assert standard.rate == pytest.approx(1000 * (0.6 + 0.25) / 4)
    infants = years_of_life_lost([1, 0, 0], *bands, mean_age_at_death=[0.1, 62.5, 80])
    assert infants.years == pytest.approx(74.9)


def test_a_life_table_under_a_constant_rate_lives_its_inverse():
    # Share lived in a band under a constant rate m: 1/(n m) - 1/(exp(n m) - 1).
    m, width = 0.02, np.array([1.0, 4, 5, 10, 20])
    share = 1 / (width * m) - 1 / np.expm1(width * m)
    ages = np.concatenate([[0], np.cumsum(width)])
    years = np.array([1e4, 4e4, 4e4, 8e4, 9e4, 5e4])
    table = life_table(m * years, years, ages, share_lived=np.append(share, 0.5))
    np.testing.assert_allclose(table.expectancy, 50.0, rtol=1e-12)
    np.testing.assert_allclose(table.survivors, 1e5 * np.exp(-m * ages), rtol=1e-12)


def test_a_life_table_of_one_open_band_by_hand():
    # 25 deaths in 1 000 person-years: 40 years; standard error 40 / 5.
    table = life_table([25], [1000], [65])
    assert (table.expectancy[0], table.se[0]) == pytest.approx((40, 8))
    assert table.lower[0] == pytest.approx(40 - 1.959963984540054 * 8)
