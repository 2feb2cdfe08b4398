"""Gradients of estimates: refused where they would be the model's own, and those of each draw elsewhere."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rnc_epi.cells.table import Cells
from rnc_epi.inequality import gradients, gradients_on_draws, proxy_ratio_terms, with_ratio_term
from rnc_epi.maths.inequality import gradient_ends, ridit, slope_and_relative_index
from rnc_epi.vocabulary.deprivation import EstimateOrigin
from rnc_epi.vocabulary.draws import Draws
from rnc_epi.vocabulary.errors import EstimateRefused, InputError
from rnc_epi.vocabulary.standards import standard
from tests.deprivation_cells import asked, drawn_cells, row_of

SOUND = EstimateOrigin("calibrated", proxy="HA", deprivation_in_model=True, tested_in_registry_zone=True)


def draws_of(
    cells: Cells, values: np.ndarray | None = None, n: int = 3
) -> tuple[Draws, np.ndarray, np.ndarray]:
    """Return draws of the counts of cells, all equal to them without `values`; person-years; events."""
    bands = list(cells.bands)
    index = cells.strata.loc[cells.strata.index.repeat(len(bands))].reset_index(drop=True)
    index["age_from"] = [band.age_from for band in bands] * len(cells)
    index["age_until"] = pd.array([band.age_until for band in bands] * len(cells), dtype="Int64")
    counts = cells.events.ravel().astype(float)
    drawn = np.repeat(counts[:, None], n, axis=1) if values is None else values
    return Draws(index, drawn, "events", "prediction", 0, "test"), cells.person_years.ravel(), counts


@pytest.mark.parametrize(
    ("origin", "code"),
    [
        (EstimateOrigin("calibrated", "M", deprivation_in_model=True, tested_in_registry_zone=True), "I020"),
        (EstimateOrigin("calibrated", proxy="HA"), "I021"),
        (EstimateOrigin("calibrated", proxy="HA", deprivation_in_model=True), "I021"),
        (EstimateOrigin("smoothed"), "I022"),
        (EstimateOrigin("benchmarked", proxy="H", deprivation_in_model=True, tested_in_registry_zone=True,
                        benchmarked_to="observed"), "I023"),
        (EstimateOrigin("smoothed", proxy="H", deprivation_in_model=True, tested_in_registry_zone=True,
                        covariance="diagonal"), "I024"),
    ],
)  # fmt: skip
def test_a_gradient_that_the_model_would_make_is_refused(origin, code):
    draws, years, events = draws_of(drawn_cells(1.5, None))
    with pytest.raises(EstimateRefused, match=code):
        gradients_on_draws(draws, years, events, origin, asked())


def test_draws_that_do_not_vary_give_the_measures_of_the_counts():
    cells = drawn_cells(1.7, np.random.default_rng(1), shares=[0.3, 0.2, 0.2, 0.2, 0.1])
    observed = gradients(cells, asked()).results
    draws, years, events = draws_of(cells)
    found = gradients_on_draws(draws, years, events, SOUND, asked())
    assert found["estimator"].eq("calibrated").all()
    assert found["interval_kind"].eq("prediction").all()
    assert found["events"].eq(cells.events.sum()).all()
    for row in found.itertuples():
        keys = {"comparator": row.comparator, "stratum": "all"}
        if row.indicator in ("slope_index", "relative_index"):
            keys["method"] = row.method
        same = row_of(observed[observed["estimator"].eq("observed")], row.indicator, **keys)
        assert row.value == pytest.approx(same["value"], rel=1e-9), row.indicator
        assert row.lower == row.upper == row.value


def test_limits_are_percentiles_of_the_measure_of_each_draw():
    cells = drawn_cells(1.7, None)
    rng = np.random.default_rng(2)
    counts = rng.poisson(cells.events.ravel()[:, None], (cells.events.size, 400)).astype(float)
    draws, years, events = draws_of(cells, counts)
    found = gradients_on_draws(draws, years, events, SOUND, asked())
    row = row_of(found, "relative_index", method="multiplicative-poisson")
    least, most = gradient_ends(counts.T, years, np.repeat(ridit(np.ones(5)), 18), np.tile(np.arange(18), 5),
                                weights=standard("world").weights_for(cells.bands))  # fmt: skip
    each = most / least
    expected = np.quantile(each, [0.025, 0.5, 0.975])
    assert [row["lower"], row["value"], row["upper"]] == pytest.approx(expected.tolist(), rel=1e-9)
    assert row["se"] == pytest.approx(each.std(ddof=1), rel=1e-9)


def test_fits_without_limits_have_the_ends_of_the_full_fits():
    rng = np.random.default_rng(3)
    counts = rng.poisson(20, (6, 90)) * 1.0
    years, rank = rng.uniform(1e3, 2e3, (6, 90)), np.tile(ridit(np.ones(5)), 18)
    age, weights = np.repeat(np.arange(18), 5), rng.uniform(1, 2, 18)
    for model in ("multiplicative", "additive-by-age"):
        full = slope_and_relative_index(counts, years, rank, age, weights=weights, model=model)
        least, most = gradient_ends(counts, years, rank, age, weights=weights, model=model)
        np.testing.assert_allclose(least, full.least_deprived, rtol=1e-9)
        np.testing.assert_allclose(most, full.most_deprived, rtol=1e-9)


def test_draws_that_lack_a_band_or_are_no_counts_are_refused():
    draws, years, events = draws_of(drawn_cells(1.5, None))
    short = Draws(draws.index.iloc[1:], draws.values[1:], "events", "prediction", 0, "test")
    with pytest.raises(InputError, match="I025"):
        gradients_on_draws(short, years[1:], events[1:], SOUND, asked())
    rates = Draws(draws.index, draws.values, "rate", "prediction", 0, "test")
    with pytest.raises(InputError, match="M004"):
        gradients_on_draws(rates, years, events, SOUND, asked())


def proxied(true: float, ratio: float, rng: np.random.Generator, cases: float) -> tuple[Cells, Cells]:
    """Return cases and proxy counts: rates multiply by `true`, cases per proxy by 1 / `ratio`, end to end."""
    ill = drawn_cells(true, rng, cases=cases)
    seen = drawn_cells(true * ratio, rng, cases=1.3 * cases)
    return ill, Cells(seen.strata.assign(event_type="proxy_HA"), seen.bands, seen.events, seen.unknown_age,
                      seen.person_years)  # fmt: skip


def test_the_term_of_a_proxy_is_the_log_of_what_its_ratio_changes_by():
    ill, seen = proxied(1.2, 1.5, np.random.default_rng(4), 400_000)
    terms = proxy_ratio_terms(ill, seen, ridit(np.ones(5)), proxy="HA")
    row = terms.table.iloc[0]
    assert row["slope"] == pytest.approx(-np.log(1.5), abs=4 * row["se"])
    assert row["se"] < 0.02
    assert row["p_value"] < 1e-10
    # The centre is the mean rank of the persons of the proxy, whose rates rise: above a half.
    assert 0.5 < row["centre"] < 0.6


def test_corrected_draws_say_so_and_a_site_without_a_term_has_no_gradient():
    rng = np.random.default_rng(5)
    ill, seen = proxied(1.0, 1.5, rng, 50_000)
    terms = proxy_ratio_terms(ill, seen, ridit(np.ones(5)), proxy="HA")
    draws, years, _ = draws_of(seen, n=50)
    corrected, origin = with_ratio_term(draws, EstimateOrigin("calibrated", proxy="HA"), terms)
    assert origin == SOUND
    assert corrected.values.shape == draws.values.shape
    # At the centre nothing changes; beyond it the counts fall, before it they rise.
    factor = corrected.values.mean(axis=1) / np.maximum(draws.values.mean(axis=1), 1e-9)
    some = draws.values[:, 0] > 0
    group = draws.index["stratum"]
    assert (factor[some & group.eq("Q5")] < 0.9).all()
    assert (factor[some & group.eq("Q1")] > 1.1).all()
    again, _ = with_ratio_term(draws, EstimateOrigin("calibrated", proxy="HA"), terms)
    np.testing.assert_array_equal(again.values, corrected.values)
    other = Draws(draws.index.assign(site="breast"), draws.values, "events", "prediction", 0, "test")
    with pytest.raises(InputError, match="I026"):
        with_ratio_term(other, EstimateOrigin("calibrated", proxy="HA"), terms)
    assert len(years) == len(draws.index)
