"""Real counts of the French papers (slightly altered by their authors), fitted by mgcv 1.8-41."""

import csv

import numpy as np
import pytest

from rnc_epi.maths.calibration import fit_calibration, grade, incidence_variation, leave_one_out

pytestmark = pytest.mark.oracle
SITES = {"pancreas_men": ("A", "H", "HA", "M"), "lip_oral_pharynx_men": ("lopm",)}
PAIRS = [(site, proxy) for site, proxies in SITES.items() for proxy in proxies]


def table(path):
    with open(path) as file:
        rows = list(csv.DictReader(file))
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    for name, values in columns.items():
        if name not in ("departement", "district", "key", "dist", "src", "proxy", "site", "grade"):
            columns[name] = np.array([float(v) if v not in ("", "NA") else np.nan for v in values])
    return columns


def chosen(columns, keep):
    return {name: values[keep] for name, values in columns.items()}


class Case:
    """Registry cells, département cells and reference results of one site and proxy."""

    def __init__(self, shared, site, proxy):
        data, reference = shared("data/calibration"), shared("oracles/calibration")
        self.cells = table(data / f"{site}_registry_cells.csv")
        self.country = table(data / f"{site}_departement_cells.csv")
        if "proxy" in self.cells:
            self.cells = chosen(self.cells, self.cells["proxy"] == proxy)
            self.country = chosen(self.country, self.country["proxy"] == proxy)
        self.country = chosen(self.country, np.isfinite(self.country["person_years"]))

        def expected(what):
            columns = table(reference / f"{site}_{what}.csv")
            return chosen(columns, columns["src"] == proxy)

        self.expected = expected
        self.site = site
        self.prediction = "pred_dist" if site == "pancreas_men" else "pred"
        self.total = "pred_metro" if site == "pancreas_men" else "nat"

    @property
    def registry(self):
        c = self.cells
        return c["incident_cases"], c["proxy_count"], c["age_mid"], c["district"]

    @property
    def everywhere(self):
        c = self.country
        return c["proxy_count"], c["age_mid"], c["departement"]


@pytest.fixture(params=PAIRS, ids=lambda pair: "-".join(pair))
def case(request, shared):
    return Case(shared, *request.param)


def assert_model(fit, model, ratio):
    dispersion = model.get("dispersion", model.get("phi"))[0]
    # Tolerances of the reference: 0.002 on standard deviations, 1 % on dispersion, 0.5 % on ratios.
    assert fit.sigma_district == pytest.approx(model["sigma_d"][0], abs=0.002)
    assert fit.dispersion == pytest.approx(dispersion, rel=0.01)
    np.testing.assert_allclose(fit.ratio(ratio["age"]), ratio["ratio"], rtol=0.005)


def test_the_ratio_and_its_spread_are_those_of_mgcv(case):
    fit = fit_calibration(*case.registry)
    model = case.expected("models")
    assert_model(fit, model, case.expected("ratio_age"))
    # Far inside the tolerances: the two programs stop on the same optimum.
    assert fit.sigma_district == pytest.approx(model["sigma_d"][0], abs=1e-4)


def test_incidence_varies_as_much_as_mgcv_says(case):
    incident, _, age, district = case.registry
    found = incidence_variation(incident, case.cells["person_years"], age, district)
    assert found == pytest.approx(case.expected("models")["sigma_k"][0], abs=0.002)


def assert_predictions(found, expected, keys):
    place = {key: k for k, key in enumerate(expected["key"])}
    rows = np.array([place[key] for key in keys])
    # 0.3 % on predictions and 2 % on standard errors; limits move by the standard error's tolerance.
    np.testing.assert_allclose(found.estimate, expected["pred"][rows], rtol=0.003)
    np.testing.assert_allclose(found.se, expected["se"][rows], rtol=0.02)
    width = expected["up"][rows] - expected["low"][rows]
    assert (np.abs(found.lower - expected["low"][rows]) < 0.02 * width).all()
    assert (np.abs(found.upper - expected["up"][rows]) < 0.02 * width).all()


def test_predictions_and_their_limits_are_the_published_ones(case):
    fit = fit_calibration(*case.registry)
    found = fit.predict(*case.everywhere, method="chatignoux")
    assert_predictions(found, case.expected(case.prediction), list(found.index))
    together = np.full(case.country["age_mid"].size, "all")
    total = fit.predict(*case.everywhere, by=together, method="chatignoux")
    assert_predictions(total, case.expected(case.total), ["all"])
    # The covariance of the départements gives the variance of their sum.
    assert found.covariance.sum() == pytest.approx(total.covariance[0, 0], rel=1e-9)


def test_standardised_rates_are_those_of_mgcv(shared):
    for proxy in SITES["pancreas_men"][:3]:
        case = Case(shared, "pancreas_men", proxy)
        fit = fit_calibration(*case.registry)
        weights = case.country["world_standard"] / case.country["person_years"]
        found = fit.predict(*case.everywhere, weights=weights, method="chatignoux")
        assert_predictions(found, case.expected("asr_dist"), list(found.index))


def test_errors_on_districts_left_out_and_grades_are_the_same(case):
    found = leave_one_out(*case.registry)
    expected = case.expected("loo_cv")
    place = {key: k for k, key in enumerate(expected["dist"])}
    rows = np.array([place[key] for key in found.district])
    assert rows.size == expected["dist"].size
    assert found.excluded.size == 0
    # 0.3 percentage points; the reference gives per cent.
    np.testing.assert_allclose(100 * found.error, expected["PE"][rows], atol=0.3)
    np.testing.assert_allclose(found.se, expected["se"][rows], rtol=0.02)
    fit = fit_calibration(*case.registry)
    model = case.expected("models")
    wanted = model["grade"][0] if "grade" in model else "A+"
    assert grade(found.error, fit.sigma_district, model["sigma_k"][0]) == wanted


def test_order_labels_units_and_empty_cells_do_not_matter(case):
    incident, proxy, age, district = case.registry
    generator = np.random.default_rng(4)
    order = generator.permutation(incident.size)
    names = {name: f"zone {k}" for k, name in enumerate(generator.permutation(np.unique(district)))}
    renamed = np.array([names[name] for name in district])
    moved = [values[order] for values in (incident, proxy, age, renamed)]
    # A district without any case, and cells with none: they bring nothing to the ratio.
    ages = np.unique(age)
    extra = [np.zeros(ages.size), np.ones(ages.size), ages, np.full(ages.size, "empty")]
    fit = fit_calibration(*[np.concatenate(pair) for pair in zip(moved, extra, strict=True)])
    assert_model(fit, case.expected("models"), case.expected("ratio_age"))
    found = leave_one_out(*moved)
    expected = {
        names[key]: error
        for key, error in zip(case.expected("loo_cv")["dist"], case.expected("loo_cv")["PE"], strict=True)
    }
    np.testing.assert_allclose(100 * found.error, [expected[key] for key in found.district], atol=0.3)


def test_half_of_the_proxy_gives_the_same_incidence(shared):
    case = Case(shared, "pancreas_men", "HA")
    incident, proxy, age, district = case.registry
    counts, ages, area = case.everywhere
    plain = fit_calibration(incident, proxy, age, district).predict(counts, ages, area)
    half = fit_calibration(incident, proxy / 2, age, district).predict(counts / 2, ages, area)
    # Halving the proxy halves its dispersion with its mean: the noise in relative terms stays.
    np.testing.assert_allclose(half.estimate, plain.estimate, rtol=1e-4)
    np.testing.assert_allclose(half.se, plain.se, rtol=5e-3)
