"""Formulas without a reference file, against statsmodels, scipy and naive loops."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from rnc_epi.maths.annual_change import annual_change
from rnc_epi.maths.basics import count_ratio
from rnc_epi.maths.compare import rate_ratio
from rnc_epi.maths.multiple import false_discovery_rate
from rnc_epi.maths.standardise import directly_standardised_rate

YEARS = np.arange(2001, 2019)
# Both maximise the same likelihood; statsmodels stops at about eight digits of the deviance.
FITTED = 1e-6


@pytest.fixture
def series():
    rng = np.random.default_rng(4)
    person_years = rng.lognormal(10, 1, (4, YEARS.size, 3))
    rate = 1e-3 * np.array([1, 3, 9]) * np.exp(0.03 * (YEARS - 2010))[:, None]
    mean = person_years * rate * rng.gamma(8, 1 / 8, person_years.shape)
    events = rng.poisson(mean).astype(float)
    # A band without events, a year without people.
    events[1, :, 0] = 0
    events[2, 5] = person_years[2, 5] = 0
    return events, person_years


def statsmodels_fit(events, person_years, family, **options):
    years = np.repeat(YEARS, 3)
    band = np.tile(np.arange(3), YEARS.size)
    d, n = events.ravel(), person_years.ravel()
    keep = (n > 0) & np.isin(band, np.flatnonzero(events.sum(0) > 0))
    dummies = (band[keep, None] == np.unique(band[keep])).astype(float)
    design = np.column_stack([years[keep] - YEARS.mean(), dummies])
    model = sm.GLM(d[keep], design, family=family, offset=np.log(n[keep]))
    return model.fit(tol=1e-14, maxiter=300, **options)


def test_poisson_slopes_and_their_errors_are_those_of_a_generalised_linear_model(series):
    found = annual_change(*series, YEARS, by_age=True)
    for i in range(4):
        fit = statsmodels_fit(series[0][i], series[1][i], sm.families.Poisson())
        assert found.slope[i] == pytest.approx(fit.params[0], rel=FITTED)
        assert found.slope_se[i] == pytest.approx(fit.bse[0], rel=FITTED)
        assert found.p_value[i] == pytest.approx(fit.pvalues[0], rel=1e-5)


def test_quasi_poisson_errors_are_scaled_by_the_pearson_statistic(series):
    found = annual_change(*series, YEARS, by_age=True, family="quasi-poisson")
    for i in range(4):
        fit = statsmodels_fit(series[0][i], series[1][i], sm.families.Poisson(), scale="X2")
        assert found.dispersion[i] == pytest.approx(fit.scale, rel=FITTED)
        assert found.slope_se[i] == pytest.approx(fit.bse[0], rel=FITTED)
        t = stats.t.ppf(0.975, fit.df_resid)
        upper = 100 * np.expm1(fit.params[0] + t * fit.bse[0])
        assert found.upper[i] == pytest.approx(upper, rel=FITTED)


def test_negative_binomial_dispersion_maximises_the_likelihood_of_statsmodels(series):
    found = annual_change(*series, YEARS, by_age=True, family="negative-binomial")
    for i in range(4):
        alpha = found.dispersion[i]
        assert alpha > 0.02
        fit = statsmodels_fit(series[0][i], series[1][i], sm.families.NegativeBinomial(alpha=alpha))
        # At that dispersion, the slope and its error are those of the fit ...
        assert found.slope[i] == pytest.approx(fit.params[0], rel=1e-5)
        assert found.slope_se[i] == pytest.approx(fit.bse[0], rel=1e-5)
        # ... and no other dispersion is more likely.
        for other in (0.98 * alpha, 1.02 * alpha):
            family = sm.families.NegativeBinomial(alpha=other)
            assert statsmodels_fit(series[0][i], series[1][i], family).llf < fit.llf


def test_negative_binomial_agrees_with_the_joint_maximum_of_statsmodels():
    rng = np.random.default_rng(12)
    person_years = rng.uniform(8e4, 1.2e5, 40)
    years = np.arange(40)
    events = rng.negative_binomial(5, 5 / (5 + 60 * np.exp(0.01 * years))).astype(float)
    found = annual_change(events, person_years, years, family="negative-binomial")
    model = sm.NegativeBinomial(events, sm.add_constant(years - years.mean()), offset=np.log(person_years))
    fit = model.fit(disp=0, method="newton", maxiter=200, tol=1e-12)
    assert found.slope == pytest.approx(fit.params[1], rel=1e-5)
    assert found.dispersion == pytest.approx(fit.params[2], rel=1e-5)


def test_adjusted_p_values_are_those_of_scipy():
    p = np.random.default_rng(3).beta(0.5, 2, (5, 40))
    for method, name in (("benjamini-hochberg", "bh"), ("benjamini-yekutieli", "by")):
        expected = np.array([stats.false_discovery_control(row, method=name) for row in p])
        found = false_discovery_rate(p, method=method)
        # The same products in another order.
        np.testing.assert_allclose(found.adjusted, expected, rtol=1e-12)


def test_limits_of_a_ratio_of_counts_come_from_the_exact_binomial_test():
    for a, b in ((3, 9), (0, 4), (25, 1), (400, 380)):
        limits = stats.binomtest(a, a + b).proportion_ci(method="exact")
        found = count_ratio(a, b)
        # binomtest finds its limits with a root finder of about twelve digits.
        assert found.lower == pytest.approx(limits.low / (1 - limits.low), rel=1e-8, abs=1e-12)
        assert found.upper == pytest.approx(limits.high / (1 - limits.high), rel=1e-8)


@pytest.fixture
def sparse():
    rng = np.random.default_rng(9)
    person_years = rng.lognormal(7, 1.2, (300, 19))
    events = rng.poisson(person_years * np.linspace(0, 6e-4, 19)).astype(float)
    events[:20] = 0
    weights = rng.uniform(0.2, 3, (300, 19))
    weights[100:200, ::4] = 0
    return events, person_years, weights


def naive_gamma_limits(d, n, w, *, tiwari):
    """Fay and Feuer (1997), equations 3 and 4, band after band, with scipy's chi-square."""
    w = w / w.sum() / n
    y, v = sum(a * b for a, b in zip(w, d, strict=True)), sum(a * a * b for a, b in zip(w, d, strict=True))
    used = [a for a in w if a > 0]
    step = sum(used) / len(used) if tiwari else max(used)
    square = sum(a * a for a in used) / len(used) if tiwari else step**2
    lower = v / (2 * y) * stats.chi2.ppf(0.025, 2 * y * y / v) if y > 0 else 0.0
    up, more = y + step, v + square
    return lower, more / (2 * up) * stats.chi2.ppf(0.975, 2 * up * up / more)


@pytest.mark.parametrize("method", ["fay-feuer", "tiwari"])
def test_limits_of_sparse_tables_with_zero_cells_are_those_of_a_naive_loop(sparse, method):
    found = directly_standardised_rate(*sparse, method=method, per=1)
    expected = np.array(
        [naive_gamma_limits(*rows, tiwari=method == "tiwari") for rows in zip(*sparse, strict=True)]
    )
    # Two routes to the same quantile (chi-square and gamma) differ by rounding.
    np.testing.assert_allclose(found.lower, expected[:, 0], rtol=1e-10)
    np.testing.assert_allclose(found.upper, expected[:, 1], rtol=1e-10)


def test_mid_p_limits_of_sparse_tables_give_the_mixture_its_tails(sparse):
    found = directly_standardised_rate(*sparse, method="mid-p", per=1)
    d, n, w = sparse
    w = w / w.sum(1, keepdims=True) / n
    y, v, step = (w * d).sum(1), (w * w * d).sum(1), w.max(1)
    high = stats.gamma((y + step) ** 2 / (v + step**2), scale=(v + step**2) / (y + step))
    seen = y > 0
    low = stats.gamma(
        np.where(seen, y, 1) ** 2 / np.where(seen, v, 1), scale=np.where(seen, v / np.where(seen, y, 1), 1)
    )
    at_upper = np.where(seen, low.sf(found.upper), 0.0) / 2 + high.sf(found.upper) / 2
    np.testing.assert_allclose(at_upper, 0.025, rtol=1e-10)
    at_lower = low.cdf(found.lower) / 2 + high.cdf(found.lower) / 2
    np.testing.assert_allclose(at_lower[seen], 0.025, rtol=1e-10)
    assert (found.lower[~seen] == 0).all()


def test_fay_f_limits_are_quantiles_of_f_distributions(sparse):
    events, person_years, weights = sparse
    first = directly_standardised_rate(events[20:100], person_years[20:100], weights[20:100], per=1)
    second = directly_standardised_rate(events[200:280], person_years[200:280], weights[20:100], per=1)
    found = rate_ratio(first, second, method="fay-f", level=0.9)
    known = np.flatnonzero(found.estimable)
    assert known.size > 60
    for i in known:
        y1, v1, w1 = first.rate[i], first.se[i] ** 2, first.event_weight[i]
        y2, v2, w2 = second.rate[i], second.se[i] ** 2, second.event_weight[i]
        up1, up2 = y1 + w1, y2 + w2
        upper = up1 / y2 * stats.f.ppf(0.95, 2 * up1**2 / (v1 + w1**2), 2 * y2**2 / v2)
        assert found.upper[i] == pytest.approx(upper, rel=1e-9)
        lower = 0.0
        if y1 > 0:
            lower = y1 / up2 * stats.f.ppf(0.05, 2 * y1**2 / v1, 2 * up2**2 / (v2 + w2**2))
        assert found.lower[i] == pytest.approx(lower, rel=1e-9)


def test_the_p_value_of_fay_f_is_one_minus_the_level_whose_limit_is_one(sparse):
    events, person_years, weights = sparse
    first = directly_standardised_rate(events[20:60], person_years[20:60], weights[20:60])
    second = directly_standardised_rate(events[200:240], person_years[200:240], weights[20:60])
    ratio = rate_ratio(first, second, method="fay-f")
    for i in np.flatnonzero(ratio.estimable & (ratio.p_value < 0.99))[:10]:
        at = rate_ratio(first, second, method="fay-f", level=1 - float(ratio.p_value[i]))
        nearest = at.lower[i] if ratio.ratio[i] > 1 else at.upper[i]
        assert nearest == pytest.approx(1, rel=1e-8)
