"""Calibrated incidence smoothed: shared errors stay, own counts keep theirs, what is missing says why."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rnc_epi.smallarea import AreaGraph, smoothed_estimates
from rnc_epi.vocabulary.draws import Draws
from rnc_epi.vocabulary.study_small_areas import SmallAreas
from tests.small_area_cells import AREA, areas_of

SIDE = 6
SIZE = SIDE * SIDE


def a_map() -> AreaGraph:
    cell = np.arange(SIZE).reshape(SIDE, SIDE)
    edges = np.r_[
        np.c_[cell[:, :-1].ravel(), cell[:, 1:].ravel()], np.c_[cell[:-1].ravel(), cell[1:].ravel()]
    ]
    return AreaGraph(areas_of("departement", [f"a{k:02d}" for k in range(SIZE)]), edges)


def estimates(common: float, *, n: int = 1000, own: int | None = None) -> tuple[Draws, pd.DataFrame]:
    """Return draws of cases whose errors have a part common to all areas, and their ratios to 50 expected."""
    rng = np.random.default_rng(3)
    graph = a_map()
    truth = 0.2 * np.sin(np.arange(SIZE) / 5)
    logs = truth[:, None] + common * rng.standard_normal(n) + 0.15 * rng.standard_normal((SIZE, n))
    values = 50 * np.exp(logs)
    rows = graph.areas[AREA].assign(
        expected=50.0, events=40.0, person_years=1e6, estimator="calibrated",
        comparator="france_hexagonale:FRH:v", reason="_",
    )  # fmt: skip
    if own is not None:
        values[own] = 60.0
        rows.loc[own, "estimator"] = "observed"
    index = graph.areas[AREA].assign(
        event_type="incidence", site="lung", sex=1, period_from=2014, period_until=2019, age_from=15
    )
    order = rng.permutation(SIZE)
    draws = Draws(
        index.iloc[order].reset_index(drop=True), values[order], "events", "prediction", 1, "calibrated-HA"
    )
    return draws, rows


def risks(common: float, **options) -> pd.DataFrame:
    made = smoothed_estimates([estimates(common, **options)], a_map(), SmallAreas())
    rows = made.results[made.results["indicator"].eq("relative_risk")]
    return rows.set_index("geo_code").sort_index()


def test_rows_say_what_was_smoothed_and_on_whom_it_rests():
    rows = risks(0.1)
    assert rows["method"].eq("bym2+calibrated-HA").all()
    assert rows["estimator"].eq("smoothed").all()
    assert rows["age_from"].eq(15).all()
    assert rows["events"].eq(40).all()
    truth = np.exp(0.2 * np.sin(np.arange(SIZE) / 5))
    assert np.corrcoef(rows["value"], truth)[0, 1] > 0.8


def test_an_error_common_to_all_areas_is_not_smoothed_away():
    width = {common: np.log(r["upper"] / r["lower"]) for common in (0.0, 0.3) for r in [risks(common)]}
    # 95 % limits of an error of 0.3 alone are 2 x 1.96 x 0.3 wide; a tenth is left to the 1 000 draws.
    assert width[0.3].min() > 0.9 * 2 * 1.96 * 0.3
    assert width[0.0].max() < 0.7


def test_an_area_that_a_registry_counts_has_the_error_of_its_count():
    rows = risks(0.1, own=14)
    assert np.isfinite(rows.loc["a14", "value"])
    # A count without error would have no covariance with anything; its limits are those of a Poisson count
    # of 60 at most: 2 x 1.96 / sqrt(60) on the log scale, and half of it at least.
    width = np.log(rows.loc["a14", "upper"] / rows.loc["a14", "lower"])
    assert 0.5 * 2 * 1.96 / np.sqrt(60) < width <= 1.05 * 2 * 1.96 / np.sqrt(60)


def test_an_area_without_estimate_says_why_and_the_others_keep_their_risks():
    draws, rows = estimates(0.1)
    rows.loc[rows["geo_code"].eq("a07"), ["expected", "reason"]] = [np.nan, "zero_proxy"]
    made = smoothed_estimates([(draws, rows)], a_map(), SmallAreas()).results
    made = made[made["indicator"].eq("relative_risk")].set_index("geo_code")
    assert made.loc["a07", "reason"] == "zero_proxy"
    assert made.loc["a07", "status"] == "not_estimable"
    assert made.drop("a07")["value"].notna().all()


def test_too_few_areas_are_not_smoothed():
    made = smoothed_estimates([estimates(0.1)], a_map(), SmallAreas(fewest_areas=50))
    assert made.results["reason"].eq("too_few_areas").all()
    assert made.results["value"].isna().all()


def test_too_few_draws_for_the_covariance_are_refused():
    from rnc_epi.vocabulary.errors import InputError

    with pytest.raises(InputError) as refusal:
        smoothed_estimates([estimates(0.1, n=100)], a_map(), SmallAreas())
    assert refusal.value.code == "A040"
