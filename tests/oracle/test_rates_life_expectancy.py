"""Life expectancy against PHEindicatormethods, as given and disturbed."""

import numpy as np
import pandas as pd
import pytest

from rnc_epi.maths.lifetime import life_table

pytestmark = pytest.mark.oracle


@pytest.mark.parametrize("disturbance", ["as given", "areas permuted", "rescaled"])
def test_life_expectancy_and_limits_agree_at_every_age(shared, disturbance):
    inputs = pd.read_csv(shared("oracles/inequality/phe_life_table_input.csv"))
    oracle = pd.read_csv(shared("oracles/inequality/expected_phe_life_expectancy.csv"))
    ages = np.sort(inputs["startage"].unique())
    areas = list(inputs["area"].unique())
    if disturbance == "areas permuted":
        areas = areas[::-1]
    wide = inputs.pivot_table(["deaths", "pop"], "area", "startage").loc[areas]
    deaths, people = wide["deaths"].to_numpy(float), wide["pop"].to_numpy(float)
    scale = 1.0
    if disturbance == "rescaled":
        # Four times the deaths and person-years: the same expectancy, half the spread.
        deaths, people, scale = deaths * 4, people * 4, 2.0
    table = life_table(deaths, people, ages, level=[0.95, 0.998])
    compared = 0
    for i, level in enumerate((0.95, 0.998)):
        rows = oracle[oracle["conf"] == level]
        for j, area in enumerate(areas):
            of_area = rows[rows["area"] == area].set_index("startage").loc[ages]
            value = of_area["value"].to_numpy()
            # The reference is printed with ten decimals.
            np.testing.assert_allclose(table.expectancy[j], value, rtol=1e-8)
            for limit, column in ((table.lower, "lowercl"), (table.upper, "uppercl")):
                distance = (limit[i, j] - table.expectancy[j]) * scale
                np.testing.assert_allclose(distance, of_area[column] - value, rtol=1e-7)
            compared += len(of_area)
    assert compared == len(oracle) == 240
