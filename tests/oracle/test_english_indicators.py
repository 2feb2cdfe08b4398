"""Rates, ratios, proportions and limits that English public health publishes, from their counts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rnc_epi.maths.bands import repeated_events
from rnc_epi.maths.funnel import proportion_funnel_limits
from rnc_epi.maths.intervals import poisson_interval, wilson_interval
from rnc_epi.maths.reference import indirectly_standardised_rate
from rnc_epi.maths.standardise import (
    crude_rate,
    directly_standardised_rate,
    indirectly_standardised_ratio,
)

pytestmark = pytest.mark.oracle

LEVELS = [0.9, 0.95, 0.998]
# Closed forms in double precision, printed with 15 digits.
EXACT = 1e-8
# The peer stops its root finder at about five digits.
ROOT = 1e-5
# The peer rounds to 15 decimals.
ROUNDED = 2e-15


def test_published_english_direct_rates_and_those_of_repeated_events(shared):
    published = pd.read_csv(shared("oracles/standardisation/published_phe_dsr.csv"))
    inputs = pd.read_csv(shared("oracles/standardisation/direct_input.csv"))
    persons = pd.read_csv(shared("oracles/standardisation/phe_nonindependent.csv"))
    esp2013 = inputs[inputs["group"] == "phe_testdata_big"]["stdpop"].to_numpy(float)
    compared = 0
    for _, row in published.iterrows():
        if np.isnan(row["value"]):
            assert row["total_count"] < 10  # the office prints none below ten, by rule and not by formula
            continue
        variance = None
        if "nonind" in row["area"]:
            cells = persons[persons["area"] == row["area"]]
            table = cells[["f1", "f2", "f3", "f4"]].fillna(0).to_numpy(float)
            d, variance = repeated_events(table)
            n, w = cells["pop"].to_numpy(float), esp2013
            np.testing.assert_allclose(d, cells["count"].fillna(0), rtol=0)
        else:
            name = "phe_1976" if row["area"].endswith("1976") else f"phe_{row['area']}"
            d, n, w = inputs[inputs["group"] == name][["count", "pop", "stdpop"]].to_numpy(float).T
        per = float(row["statistic"].removeprefix("dsr per "))
        found = directly_standardised_rate(
            d, n, w, method="dobson-byar", level=[0.95, 0.998], per=per, event_variance=variance
        )
        assert found.rate == pytest.approx(row["value"], rel=EXACT)
        # Ten times too large in the published table.
        scale = 10 if row["area"].endswith("1976") else 1
        expected = (
            row["lower95_0cl"],
            row["lower99_8cl"] / scale,
            row["upper95_0cl"],
            row["upper99_8cl"] / scale,
        )
        assert (*found.lower, *found.upper) == pytest.approx(expected, rel=EXACT)
        compared += 1
    assert compared == 9


def test_published_english_indirect_rates(shared):
    published = pd.read_csv(shared("oracles/standardisation/published_phe_isr.csv"))
    for _, row in published.iterrows():
        method = "byar" if row["method"] == "Byars" else "garwood"
        arguments = {"method": method, "level": [0.95, 0.998]}
        text = row["statistic"]
        if "rate per" in text:
            per = float(text.rsplit(" ", 1)[1])
            # The reference rate is printed per the same person-years.
            printed = row["ref_rate"] / per
            found = indirectly_standardised_rate(
                row["observed"], row["expected"], printed, per=per, **arguments
            )
            value, unit = found.rate, 1.0
        else:
            found = indirectly_standardised_ratio(row["observed"], row["expected"], **arguments)
            value, unit = found.ratio, float(text.rsplit(" ", 1)[1])
        assert value * unit == pytest.approx(row["value"], rel=EXACT)
        assert (found.lower[0] * unit, found.upper[0] * unit) == pytest.approx(
            (row["lower95_0cl"], row["upper95_0cl"]), rel=EXACT
        )
        if not np.isnan(row["lower99_8cl"]):
            assert (found.lower[1] * unit, found.upper[1] * unit) == pytest.approx(
                (row["lower99_8cl"], row["upper99_8cl"]), rel=EXACT
            )
    assert len(published) == 16


def test_published_english_byar_and_wilson_limits(shared):
    published = pd.read_csv(shared("oracles/standardisation/published_phe_byars_wilson.csv"))
    for _, row in published.iterrows():
        level = float(row["confidence"].rstrip("%")) / 100
        if row["method"] == "Byars":
            found = poisson_interval(row["x"], method="byar", level=level)
        else:
            found = wilson_interval(row["x"], row["n"], level=level)
        assert found.upper == pytest.approx(row["uppercl"], rel=EXACT)
        if np.isnan(row["lowercl"]):
            # The cube root turns negative there; the office prints nothing, this package 0.
            assert found.lower == 0
        else:
            assert found.lower == pytest.approx(row["lowercl"], rel=EXACT)


def test_published_english_crude_rates(shared):
    published = pd.read_csv(shared("oracles/standardisation/published_phe_rate.csv"))
    published = published.dropna(subset=["Numerator", "Denominator", "value"])
    for _, row in published.iterrows():
        method = "byar" if row["method"] == "Byars" else "garwood"
        found = crude_rate(
            row["Numerator"], row["Denominator"], method=method, level=[0.95, 0.998], per=row["multiplier"]
        )
        assert found.rate == pytest.approx(row["value"], rel=EXACT)
        printed = [row[c] for c in ("lower95_0cl", "lower99_8cl", "upper95_0cl", "upper99_8cl")]
        assert (*found.lower, *found.upper) == pytest.approx(tuple(printed), rel=EXACT)
    assert len(published) > 15


def test_published_english_proportions(shared):
    published = pd.read_csv(shared("oracles/standardisation/published_phe_proportion.csv"))
    published = published.dropna(subset=["Numerator", "Denominator", "value"])
    for _, row in published.iterrows():
        found = wilson_interval(row["Numerator"], row["Denominator"], level=[0.95, 0.998])
        unit = row["multiplier"]
        assert found.share * unit == pytest.approx(row["value"], rel=EXACT)
        printed = (row["lower95_0cl"], row["lower99_8cl"], row["upper95_0cl"], row["upper99_8cl"])
        assert (*found.lower * unit, *found.upper * unit) == pytest.approx(printed, rel=EXACT, abs=1e-12)
    assert len(published) >= 15


def test_funnel_limits_of_proportions_agree(shared):
    oracle = pd.read_csv(shared("oracles/standardisation/expected_funnel_proportion_phe.csv"))
    found = proportion_funnel_limits(oracle["Population"], oracle["baseline"].iloc[0] / 100)
    for i, sigma in enumerate(("2s", "3s")):
        np.testing.assert_allclose(100 * found.lower[i], oracle[f"lower_{sigma}_limit"], rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(100 * found.upper[i], oracle[f"upper_{sigma}_limit"], rtol=1e-6)
