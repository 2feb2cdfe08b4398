"""The same models fitted by mgcv 1.8-41, as they are and after changes that must not matter."""

import gzip
import json

import numpy as np
import pytest

from rnc_epi.maths.splines import (
    GAUSSIAN,
    POISSON,
    QUASI_POISSON,
    NegativeBinomial,
    build_design,
    cubic_regression,
    fit_penalised,
    fit_penalised_many,
    random_effect,
    tensor,
    thin_plate,
)

pytestmark = pytest.mark.oracle

MODELS = {
    "gauss_cr": ("y_gauss", GAUSSIAN, lambda x: cubic_regression("x", x, size=12)),
    "nb_tp": ("y_nb", NegativeBinomial(4.0), lambda x: thin_plate("x", x, size=10)),
    "quasi_tp": ("y_pois", QUASI_POISSON, lambda x: thin_plate("x", x, size=10)),
}


def read(path):
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt") as file:
        return np.genfromtxt(
            file, delimiter=",", names=[n.strip('"') for n in file.readline().strip().split(",")]
        )


@pytest.fixture(scope="module")
def one(shared):
    folder = shared("oracles/splines")
    expected = read(folder / "one_expected.csv")
    return read(folder / "one_input.csv"), expected, json.loads((folder / "fits.json").read_text())


@pytest.fixture(scope="module")
def surface(shared):
    folder = shared("oracles/splines")
    expected = json.loads((folder / "fits.json").read_text())["te_poisson_re"]
    return read(folder / "te_input.csv.gz"), read(folder / "te_expected.csv"), expected


def assert_same_curve(found, se, wanted, wanted_se):
    # Tolerances of the reference's own README: 1e-3 of the range for the fit, 2 % for the standard error.
    assert np.abs(found - wanted).max() < 1e-3 * np.ptp(wanted)
    np.testing.assert_allclose(se, wanted_se, rtol=0.02)


@pytest.mark.parametrize("model", MODELS)
def test_a_smooth_of_one_covariate_is_the_one_of_mgcv(one, model):
    data, expected, fits = one
    response, family, smooth = MODELS[model]
    design = build_design([smooth(data["x"])], {"x": data["x"]})
    fit = fit_penalised(design, data[response], family=family)
    found, se = fit.linear_predictor({"x": expected["x"]})
    assert_same_curve(found, se, expected[f"{model}_fit"], expected[f"{model}_se"])
    wanted = fits[model]
    # 1 %: both searches stop on a slope, which leaves about 1e-4 in a smoothing parameter.
    assert fit.term_edf("x") == pytest.approx(wanted["edf"], rel=0.01)
    assert fit.scale == pytest.approx(wanted["scale"], rel=0.01)
    assert fit.standard_deviations("x")[0] == pytest.approx(np.atleast_1d(wanted["sd"])[0], rel=0.01)
    if family.scaled:
        assert np.sqrt(fit.reml_scale) == pytest.approx(wanted["sd"][1], rel=0.01)


def test_the_restricted_likelihood_of_a_cubic_spline_is_the_one_of_mgcv(one):
    data, _, fits = one
    design = build_design([cubic_regression("x", data["x"], size=12)], {"x": data["x"]})
    fit = fit_penalised(design, data["y_gauss"], family=GAUSSIAN)
    # The centred cubic basis has the parametrisation of mgcv up to a rotation, so constants agree as well.
    assert fit.score == pytest.approx(fits["gauss_cr"]["reml"], abs=1e-3)


def surface_design(data):
    margins = cubic_regression("age", data["age"], size=8), cubic_regression("year", data["year"], size=6)
    covariates = {name: data[name] for name in ("age", "year", "district")}
    return build_design([tensor(*margins), random_effect("district", data["district"])], covariates)


def assert_surface(fit, data, expected, wanted):
    found, se = fit.linear_predictor({"age": expected["age"], "year": expected["year"]}, exclude=["district"])
    assert_same_curve(found, se, expected["log_rate"], expected["se"])
    assert fit.term_edf("te(age, year)") == pytest.approx(wanted["edf"][0], rel=0.01)
    assert fit.term_edf("district") == pytest.approx(wanted["edf"][1], rel=0.01)
    assert fit.standard_deviations("te(age, year)")[0] == pytest.approx(wanted["sd"][0], rel=0.01)
    assert fit.standard_deviations("district")[0] == pytest.approx(wanted["sd"][2], rel=0.01)
    # The curvature along years is null: mgcv stops where its criterion is flat, a standard deviation of
    # 2e-4 against 0.12 along ages. All that can be asked is that ours be as close to zero.
    assert fit.standard_deviations("te(age, year)")[1] < 3e-4


def test_a_surface_with_a_district_effect_is_the_one_of_mgcv(surface):
    data, expected, wanted = surface
    design = surface_design(data)
    fit = fit_penalised(design, data["cases"], family=POISSON, offset=np.log(data["py"]))
    assert_surface(fit, data, expected, wanted)
    # At least as good a restricted likelihood; both leave the flat direction somewhere.
    assert fit.score < wanted["reml"] + 1e-3
    assert fit.score == pytest.approx(wanted["reml"], abs=0.01)


def test_order_labels_and_units_do_not_matter(surface):
    data, expected, _ = surface
    order = np.random.default_rng(0).permutation(data.size)
    moved = data[order].copy()
    labels = np.array([f"zone {(17 * int(d)) % 23}" for d in moved["district"]])
    covariates = {"age": moved["age"] * 365.25, "year": moved["year"] - 1990, "district": labels}
    margins = (
        cubic_regression("age", covariates["age"], size=8),
        cubic_regression("year", covariates["year"], size=6),
    )
    design = build_design([tensor(*margins), random_effect("district", labels)], covariates)
    fit = fit_penalised(design, moved["cases"], family=POISSON, offset=np.log(moved["py"] / 1e5))
    place = {"age": expected["age"] * 365.25, "year": expected["year"] - 1990}
    found, se = fit.linear_predictor(place, exclude=["district"])
    assert_same_curve(found - np.log(1e5), se, expected["log_rate"], expected["se"])


def test_rows_without_weight_count_for_nothing(surface):
    data, expected, wanted = surface
    extra = data[:200].copy()
    extra["cases"] = 0
    both = np.concatenate([data, extra])
    weights = np.concatenate([np.ones(data.size), np.zeros(200)])
    fits = fit_penalised_many(
        surface_design(both), both["cases"][None], family=POISSON, offset=np.log(both["py"]), weights=weights
    )
    assert_surface(fits[0], data, expected, wanted)


def test_the_covariance_of_a_negative_binomial_uses_the_expected_information(one):
    data, expected, fits = one
    design = build_design([thin_plate("x", data["x"], size=10)], {"x": data["x"]})
    fit = fit_penalised(design, data["y_nb"], family=NegativeBinomial(4.0))
    _, se = fit.linear_predictor({"x": expected["x"]})
    # The two informations differ by 1.5 % in this sample: 0.1 % tells them apart.
    np.testing.assert_allclose(se, expected["nb_tp_se"], rtol=1e-3)
    assert fit.term_edf("x") == pytest.approx(fits["nb_tp"]["edf"], rel=1e-4)
