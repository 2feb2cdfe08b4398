"""Standardised figures of few persons tell their ages, unless they are coarse and few."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from rnc_epi.disclosure import load_policy, protect
from rnc_epi.disclosure.precision import round_to_steps
from rnc_epi.disclosure.weighted import ONE_STANDARD_BELOW, further_standards, worth_of_one
from rnc_epi.vocabulary.hierarchy import Hierarchy
from rnc_epi.vocabulary.schemas import as_result
from rnc_epi.vocabulary.standards import standard
from tests.disclosure.test_estimates_and_groups import SAME, shown

POLICY = load_policy("default")


def asr(value: float, events: float, name: str = "world", **other: object) -> dict:
    rate = {"indicator": "asr", "measure_unit": "rate", "standard": name, "method": "direct"}
    return SAME | rate | {"value": value, "events": events, "lower": value / 2, "upper": 2 * value} | other


def table_of(*rows: dict) -> pd.DataFrame:
    return as_result(pd.DataFrame(list(rows)))


@pytest.mark.parametrize(
    ("value", "events", "step"),
    # One case of eleven is worth 2.73 of 30 per 100 000, one of 60 0.5, one of 400 0.075.
    [(30.0, 11.0, 2.0), (30.0, 60.0, 0.5), (30.0, 400.0, 0.05), (0.0, 12.0, 0.0)],
)
def test_a_rate_has_no_more_digits_than_one_case_is_worth(value: float, events: float, step: float) -> None:
    assert worth_of_one(table_of(asr(value, events)), POLICY)[0] == pytest.approx(step, rel=1e-12)


def test_a_figure_that_weighs_no_ages_keeps_its_digits() -> None:
    assert worth_of_one(table_of(SAME | {"events": 12.0, "value": 12.0}), POLICY).tolist() == [0.0]
    elsewhere = load_policy("default", {"ci5": 0})
    assert worth_of_one(table_of(asr(30.0, 11.0, source="ci5")), elsewhere).tolist() == [0.0]


def test_steps_are_written_as_decimals_and_never_finer_than_the_usual_ones() -> None:
    values = np.array([0.61, 31.26, 31.26, np.nan])
    steps = np.array([0.2, 0.5, 0.05, 2.0])
    assert repr(round_to_steps(values, steps, 1).tolist()) == "[0.6, 31.5, 31.3, nan]"


def test_few_events_are_weighed_by_one_standard_alone_and_it_is_the_world_population() -> None:
    few, many = float(ONE_STANDARD_BELOW - 1), float(ONE_STANDARD_BELOW)
    rows = [asr(30.0, few, name, geo_code="A") for name in ("esp2013", "world")]
    rows += [asr(30.0, few, "esp2013", geo_code="B")]
    rows += [asr(30.0, many, name, geo_code="C") for name in ("esp2013", "world")]
    table = table_of(*rows)
    hidden = table[further_standards(table, POLICY)]
    assert hidden[["geo_code", "standard"]].to_numpy().tolist() == [["A", "esp2013"]]


def test_what_leaves_is_coarse_and_under_one_standard() -> None:
    # Nation as a level: the plan lets it out whatever its size.
    rows = [SAME | {"events": 12.0, "value": 12.0}]
    rows += [asr(31.4159, 12.0, name) for name in ("world", "esp2013", "who2000")]
    public = protect(table_of(*rows), Hierarchy(), POLICY)[0].table
    left = shown(public, indicator="asr")
    assert left["standard"].tolist() == ["world"]
    assert left[["value", "lower", "upper"]].to_numpy().tolist() == [[32.0, 16.0, 62.0]]


def ages_that_follow(names: tuple[str, ...], *, coarse: bool) -> list[int]:
    """Return the bands of a small area that an integer programme gives exactly, from what is published."""
    cases = np.array([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 2, 2, 1, 1])
    person_years = np.array(
        [5210, 5630, 5870, 5720, 4980, 5140, 5490, 5830, 6010,
         6260, 6580, 6720, 6390, 6110, 5350, 3890, 2970, 3280.0]
    )  # fmt: skip
    total = cases.sum()
    rows, lowest, highest = [np.ones(18)], [total], [total]
    for name in names:
        population = standard(name)
        starts = [band[0] if isinstance(band, tuple) else band.age_from for band in population.bands]
        weights = np.zeros(18)
        for start, weight in zip(starts, population.weights, strict=True):
            weights[min(start // 5, 17)] += weight
        each = weights / weights.sum() / person_years * 1e5
        rate, error = each @ cases, np.sqrt(each**2 @ cases)
        step = worth_of_one(table_of(asr(rate, total, name)), POLICY) if coarse else np.zeros(1)
        unit = max(float(step[0]), 0.1) / 2
        for figure, value, power in ((each, rate, 1), (each**2, error, 2)):
            said = round_to_steps(np.array([value]), step, 1)[0]
            rows.append(figure)
            lowest.append(max(said - unit, 0.0) ** power)
            highest.append((said + unit) ** power)
    known = LinearConstraint(np.array(rows), lowest, highest)
    exact = []
    for band in np.flatnonzero(cases):
        ends = []
        for sign in (1.0, -1.0):
            goal = np.zeros(18)
            goal[band] = sign
            found = milp(goal, constraints=known, integrality=np.ones(18), bounds=Bounds(0, total))
            assert found.status == 0, "the truth agrees with what is published"
            ends.append(round(sign * found.fun))
        if ends[0] == ends[1]:
            exact.append(int(band))
    return exact


def test_four_standards_to_a_tenth_give_the_ages_of_twelve_cases_and_the_published_form_none() -> None:
    assert ages_that_follow(("world", "esp1976", "esp2013", "who2000"), coarse=False)
    assert not ages_that_follow(("world",), coarse=True)
