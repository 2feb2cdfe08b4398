"""Several levels in one call, and events of which one person may bring several."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rnc_epi.indicators import (
    annual_change,
    asr,
    crude_rate,
    cumulative_rate,
    funnel,
    incidence_by_stage,
    internal_sir,
    mean_annual_events,
    median_age,
    mortality_incidence_ratio,
    rate_ratio,
    sex_ratio,
    share_aged,
    sir,
    stage_distribution,
)
from rnc_epi.vocabulary.ages import BandSet
from rnc_epi.vocabulary.errors import InputError
from rnc_epi.vocabulary.standards import register_standard

CELLS = pd.DataFrame(
    {"geo_code": np.repeat(["a", "b"], 2), "age": ["0-49", "50+"] * 2, "events": [10, 40, 30, 60],
     "person_years": [10_000, 5_000] * 2, "variance": [20, 120, 30, 60]}
)  # fmt: skip
BY = {"by": ["geo_code"]}
CALLS = {
    "asr": lambda **level: asr(CELLS, standard="two-of-levels", **BY, **level),
    "crude_rate": lambda **level: crude_rate(CELLS, **BY, **level),
    "sir": lambda **level: sir(CELLS, CELLS[:2], **BY, **level),
    "internal_sir": lambda **level: internal_sir(CELLS, **level),
    "cumulative_rate": lambda **level: cumulative_rate(CELLS.replace("50+", "50-74"), **BY, **level),
    "rate_ratio": lambda **level: rate_ratio(
        CELLS, between="geo_code", first="a", second="b", standard="two-of-levels", **level
    ),
    "annual_change": lambda **level: annual_change(
        CELLS.replace({"geo_code": {"a": 2015, "b": 2016}}), year="geo_code", **level
    ),
    "mean_annual_events": lambda **level: mean_annual_events(CELLS, years=3, **BY, **level),
    "median_age": lambda **level: median_age(CELLS.replace("50+", "50-74"), **BY, **level),
    "sex_ratio": lambda **level: sex_ratio(
        CELLS.replace({"geo_code": {"a": 1, "b": 2}}), sex="geo_code", **level
    ),
    "share_aged": lambda **level: share_aged(CELLS, age_from=50, **BY, **level),
    "mortality_incidence_ratio": lambda **level: mortality_incidence_ratio(CELLS, CELLS, **BY, **level),
    "stage_distribution": lambda **level: stage_distribution(STAGED, **BY, **level),
    "incidence_by_stage": lambda **level: incidence_by_stage(
        STAGED, CELLS, standard="two-of-levels", **BY, **level
    ),
}
STAGED = CELLS.assign(stage=["I", "II", "I", None])


@pytest.fixture(autouse=True, scope="module")
def _standard() -> None:
    register_standard("two-of-levels", BandSet.from_starts([0, 50]), [0.7, 0.3])


@pytest.mark.parametrize("name", CALLS)
def test_each_level_has_the_rows_that_it_has_alone(name: str) -> None:
    both = CALLS[name](level=[0.8, 0.95])
    alone = pd.concat([CALLS[name](level=0.8), CALLS[name](level=0.95)], ignore_index=True)
    pd.testing.assert_frame_equal(both, alone, check_dtype=False)
    assert both["level"].tolist() == sorted(both["level"])


def test_a_funnel_has_a_line_for_each_level() -> None:
    ratios = sir(CELLS, CELLS[:2], **BY)
    both = funnel(ratios, level=(0.95, 0.998))
    assert both["funnel_level"].tolist() == [0.95, 0.95, 0.998, 0.998]
    alone = pd.concat([funnel(ratios, level=0.95), funnel(ratios, level=0.998)], ignore_index=True)
    pd.testing.assert_frame_equal(both, alone, check_dtype=False)
    inner, outer = both[both["funnel_level"] == 0.95], both[both["funnel_level"] == 0.998]
    assert (inner["funnel_upper"].to_numpy() < outer["funnel_upper"].to_numpy()).all()


@pytest.mark.parametrize("level", [[], [0.9, 0.9]])
def test_no_level_or_one_twice_is_refused(level) -> None:
    with pytest.raises(InputError, match="M002"):
        asr(CELLS, standard="two-of-levels", level=level)


def test_events_that_persons_bring_together_widen_the_limits_by_hand() -> None:
    # Weights 0.7 and 0.3 over 10 000 and 5 000: 7e-5 and 6e-5 an event, variances 20 and 120 in area a.
    found = asr(CELLS, standard="two-of-levels", event_variance="variance", interval_method="normal", **BY)
    by_hand = 1e5 * np.sqrt((0.7 / 10_000) ** 2 * 20 + (0.3 / 5_000) ** 2 * 120)
    assert found["se"].iloc[0] == pytest.approx(by_hand, rel=1e-12)
    # In b the variance is that of a Poisson count: nothing changes.
    plain = asr(CELLS, standard="two-of-levels", interval_method="normal", **BY)
    assert found["se"].iloc[1] == pytest.approx(plain["se"].iloc[1], rel=1e-12)
    assert found["value"].tolist() == plain["value"].tolist()


def test_the_variance_of_a_truncated_rate_is_that_of_its_ages() -> None:
    wide = {"standard": "two-of-levels", "interval_method": "normal", "ages": (0, 50), **BY}
    found = asr(CELLS, event_variance="variance", **wide)
    # One band is left: its crude rate, 20 for the variance of 10 events.
    assert found["se"].iloc[0] == pytest.approx(1e5 * np.sqrt(20) / 10_000, rel=1e-12)
    given = asr(CELLS, event_variance=[[20.0], [30.0]], **wide)
    assert given["se"].tolist() == found["se"].tolist()


def test_a_method_that_cannot_take_the_variance_says_so() -> None:
    with pytest.raises(InputError, match="M014"):
        asr(CELLS, standard="two-of-levels", event_variance="variance", **BY)


def test_a_crude_rate_of_events_that_persons_bring_together_by_hand() -> None:
    # Area a: 50 events whose variance is 140, over 15 000 person-years.
    unit, z = 1e5 / 15_000, 1.959963984540054
    normal = crude_rate(CELLS, event_variance="variance", interval_method="normal", **BY).iloc[0]
    log_normal = crude_rate(CELLS, event_variance="variance", interval_method="log-normal", **BY).iloc[0]
    # Closed forms: what is left is rounding.
    for found in (normal, log_normal):
        assert found["value"] == pytest.approx(50 * unit, rel=1e-12)
        assert found["se"] == pytest.approx(np.sqrt(140) * unit, rel=1e-12)
    assert normal["lower"] == pytest.approx((50 - z * np.sqrt(140)) * unit, rel=1e-12)
    assert normal["upper"] == pytest.approx((50 + z * np.sqrt(140)) * unit, rel=1e-12)
    assert log_normal["lower"] == pytest.approx(50 * unit * np.exp(-z * np.sqrt(140) / 50), rel=1e-12)
    assert log_normal["upper"] == pytest.approx(50 * unit * np.exp(z * np.sqrt(140) / 50), rel=1e-12)


def test_events_of_unknown_age_bring_their_variance_to_a_crude_rate() -> None:
    # Ten more events in a, of unknown age, of which the variance is 16.
    ageless = pd.DataFrame(
        {"geo_code": ["a"], "age": [None], "events": [10], "person_years": [0], "variance": [16]}
    )
    table = pd.concat([CELLS, ageless], ignore_index=True)
    found = crude_rate(table, event_variance="variance", interval_method="normal", **BY).iloc[0]
    assert found["value"] == pytest.approx(60 * 1e5 / 15_000, rel=1e-12)
    assert found["se"] == pytest.approx(np.sqrt(156) * 1e5 / 15_000, rel=1e-12)


def test_exact_limits_of_a_crude_rate_cannot_take_the_variance() -> None:
    with pytest.raises(InputError, match="M014"):
        crude_rate(CELLS, event_variance="variance", **BY)
