"""Empirical Bayes, ranks, variation and checks as verbs on tables: by hand, and the formulas they name."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest

from rnc_epi.maths import shrinkage as maths
from rnc_epi.maths import smallarea as engine
from rnc_epi.smallarea import SmallAreaModel, mapped_counts, shrunken, shrunken_rates
from rnc_epi.smallarea.shrinkage import METHODS
from rnc_epi.vocabulary.draws import Draws
from rnc_epi.vocabulary.errors import InputError
from tests.small_area_cells import AREA, ZONES, areas_of, made_map


@pytest.fixture(scope="module")
def made():
    return made_map()


@pytest.fixture(scope="module")
def counts(made):
    return mapped_counts(made.cells, made.graphs["zone"])


@pytest.mark.parametrize("method", METHODS)
def test_ratios_are_shrunken_by_the_formula_that_is_named(counts, made, method):
    table = shrunken(counts, method=method)
    observed, expected = counts.observed, counts.expected
    formulas = {
        "marshall": lambda: maths.marshall_global(observed, expected).value,
        "marshall-local": lambda: (
            maths.marshall_local(observed, expected, np.asarray(made.graphs["zone"].edges)).value
        ),
        "poisson-gamma": lambda: maths.poisson_gamma(observed, expected).value,
        "clayton-kaldor": lambda: maths.poisson_gamma(observed, expected, method="clayton-kaldor").value,
        "log-normal": lambda: np.exp(maths.log_normal(observed, expected).value),
    }
    np.testing.assert_array_equal(table["relative_risk"], formulas[method]())
    assert table["weight"].between(0, 1).all()
    assert table["geo_code"].tolist() == counts.strata["geo_code"].tolist()


def test_a_weight_is_the_share_of_the_raw_ratio(counts):
    table = shrunken(counts, method="poisson-gamma")
    found = maths.poisson_gamma(counts.observed, counts.expected)
    prior = found.shape / found.rate
    by_hand = table["weight"] * table["ratio"] + (1 - table["weight"]) * prior
    np.testing.assert_allclose(by_hand, table["relative_risk"], rtol=1e-12)
    assert ((table["lower"] < table["relative_risk"]) & (table["relative_risk"] < table["upper"])).all()
    assert (table["risk_class"].eq(1) == table["exceedance"].gt(0.8)).all()


def test_an_unknown_way_of_shrinking_is_refused(counts):
    with pytest.raises(InputError) as refusal:
        shrunken(counts, method="stein")
    assert refusal.value.code == "M005"


def test_standardised_rates_are_shrunken_by_hand():
    rates = areas_of("zone", list("abcde")).assign(value=[10.0, 20.0, 15.0, 0.0, 30.0], se=[2, 4, 3, 1, 6])
    table = shrunken_rates(rates)
    # The errors of the logs are 0.2 in the four areas that have a rate: one weight A / (A + 0.04), with
    # A the sample variance of the logs less 0.04 (REML, no covariate, equal errors).
    logs = np.log([10.0, 20.0, 15.0, 30.0])
    between = logs.var(ddof=1) - 0.04
    weight = between / (between + 0.04)
    expected = np.exp(logs.mean() + weight * (logs - logs.mean()))
    seen = table[table["geo_code"].ne("d")]
    np.testing.assert_allclose(seen["value"], expected, rtol=1e-9)
    np.testing.assert_allclose(seen["weight"], weight, rtol=1e-9)
    assert table.loc[3, ["value", "lower", "upper"]].isna().all()
    assert table["direct"].tolist() == [10.0, 20.0, 15.0, 0.0, 30.0]


def test_a_covariate_of_rates_explains_what_it_made():
    codes = [f"z{k:02d}" for k in range(30)]
    score = np.linspace(-1, 1, 30)
    rates = areas_of("zone", codes).assign(value=20 * np.exp(0.5 * score), se=2.0)
    with_score = shrunken_rates(rates, covariates=areas_of("zone", codes[::-1]).assign(score=score[::-1]))
    # The logs lie on a line: nothing is left between areas, and each stands on the line.
    assert with_score["weight"].max() < 1e-6
    np.testing.assert_allclose(with_score["value"], rates["value"], rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda r: pd.concat([r, r.iloc[:1]]), "A036"),
        (lambda r: r.drop(columns="se"), "M002"),
    ],
)
def test_a_wrong_table_of_rates_is_refused(change, code):
    rates = areas_of("zone", list("abcde")).assign(value=10.0, se=1.0)
    with pytest.raises(InputError) as refusal:
        shrunken_rates(change(rates))
    assert refusal.value.code == code


def test_ranks_variation_and_checks_are_asked_of_the_model(counts):
    model = SmallAreaModel().fit(counts)
    ranks = model.ranks(400)
    assert ranks["rank"].mean() == pytest.approx((ZONES + 1) / 2, rel=1e-12)
    # The probabilities of being among the highest six are those of six areas.
    assert ranks["among_highest_tenth"].sum() == pytest.approx(6, rel=1e-12)
    assert np.corrcoef(ranks["rank"], model.relative_risk_)[0, 1] < -0.9
    variation = model.variation(400)
    assert 1 < variation["variation_lower"] < variation["variation"] < variation["variation_upper"]
    criteria, areas = model.checks()
    assert criteria["waic"] == pytest.approx(model.result_.checks().waic)
    assert areas["transform"].between(0, 1).all()
    assert areas[AREA].equals(model.areas_[AREA])


def test_a_negative_seed_is_refused(counts):
    with pytest.raises(InputError) as refusal:
        SmallAreaModel(seed=-1).fit(counts)
    assert refusal.value.code == "M004"


def test_a_fit_comes_home_from_another_process_with_its_draws(counts):
    rows = counts.fitted
    observed, expected = counts.observed[rows], counts.expected[rows]
    edges = np.asarray(counts.graph.edges)
    fits = [
        engine.fit(observed, expected, edges),
        engine.fit_gaussian(
            np.log((observed + 1) / (expected + 1)), 1 / (observed + 1), edges, model="leroux"
        ),
        engine.fit_gaussian(np.log((observed + 1) / (expected + 1)), np.diag(1 / (observed + 1)), edges),
        engine.fit_spacetime(
            np.tile(observed[:9, None], 3), np.tile(expected[:9, None], 3), [[0, 1]], interaction="none"
        ),
    ]
    for fit in fits:
        home = pickle.loads(pickle.dumps(fit))
        assert np.array_equal(home.relative_risk, fit.relative_risk)
        # The mode is found again from another start: the same to the end of the search (1e-7) and better.
        np.testing.assert_allclose(home.draws(20), fit.draws(20), rtol=1e-6)


def test_draws_of_cases_are_no_ratios(counts, made):
    index = counts.strata[AREA].reset_index(drop=True)
    values = np.random.default_rng(1).gamma(20, size=(len(index), 400))
    for wrong, code in (("events", "M005"), ("rate", "M005")):
        with pytest.raises(InputError) as refusal:
            SmallAreaModel().fit(Draws(index, values, wrong, "prediction", 0, "m"), made.graphs["zone"])
        assert refusal.value.code == code
    values[3, 7] = np.nan
    with pytest.raises(InputError) as refusal:
        SmallAreaModel().fit(Draws(index, values, "ratio", "prediction", 0, "m"), made.graphs["zone"])
    assert refusal.value.code == "M007"
