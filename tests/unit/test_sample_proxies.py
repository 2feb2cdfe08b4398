"""Proxies of the large samples: unions, spread between districts, ratios by age and deprivation."""

from __future__ import annotations

import duckdb
import numpy as np
import pytest

from rnc_epi.extracts.sample.places import Places
from rnc_epi.extracts.sample.proxies import draw_proxies


def test_proxies_are_patients_of_either_and_deaths_are_those_of_the_death_registry(
    regional_tables: duckdb.DuckDBPyConnection,
) -> None:
    cells = regional_tables.execute("SELECT * FROM proxy_cells").df()
    keys = ["site", "sex", "geo_code", "period_from", "age_from"]
    wide = cells.pivot_table(index=keys, columns="proxy", values="events", fill_value=0)
    assert (wide["HA"] >= wide[["A", "H"]].max(axis=1)).all()
    assert (wide["HA"] <= wide["A"] + wide["H"]).all()
    deaths = regional_tables.execute(
        "SELECT site, sex, m.parent_code AS geo_code, CAST(sum(events) AS BIGINT) AS events "
        "FROM death_cells AS d JOIN membership AS m "
        "ON m.child_code = d.geo_code AND m.parent_level = 'departement' "
        "WHERE site <> 'all_cancers' AND d.geo_level = 'zone' GROUP BY ALL"
    ).df()
    proxy = cells[cells["proxy"] == "M"].groupby(["site", "sex", "geo_code"], as_index=False)["events"].sum()
    both = deaths.merge(proxy, on=["site", "sex", "geo_code"])
    assert len(both) == len(deaths) > 0
    assert (both["events_x"] == both["events_y"]).all()


def test_a_proxy_varies_by_district_as_declared_and_less_than_a_poisson_count(places: Places) -> None:
    count = len(places.departements)
    expected = np.full((count, 1, 18), 2000.0)
    cases = np.random.default_rng(1).poisson(expected)
    spread = {}
    for site, sigma in (("pancreas", 0.022), ("thyroid", 0.22)):
        either = draw_proxies(places, site, 1, cases, expected)["HA"].sum(axis=(1, 2))
        spread[site] = np.log(either / cases.sum(axis=(1, 2))).std()
        # 101 districts (7 %), a slope by age, deprivation for thyroid, counts of 36 000 (0.4 %).
        assert spread[site] == pytest.approx(sigma, rel=0.35)
    assert spread["thyroid"] > 5 * spread["pancreas"]
    # Within districts, over ages next to each other: the ratio has the variance of shared patients.
    drawn = draw_proxies(places, "pancreas", 1, cases, cases.astype(float))["HA"][:, 0, :]
    ratio = drawn / cases[:, 0, :]
    step = np.diff(ratio[:, 10:], axis=1)
    step -= step.mean(axis=0)
    # Var of a Poisson ratio is ratio / cases for each of the two ages.
    poisson = (ratio[:, 10:-1] / cases[:, 0, 10:-1] + ratio[:, 11:] / cases[:, 0, 11:]).mean()
    assert 0.5 < step.var() / poisson < 0.95


def test_the_ratio_of_a_proxy_falls_with_age_and_for_lung_rises_with_deprivation(places: Places) -> None:
    expected = np.full((len(places.departements), 1, 18), 5000.0)
    cases = np.random.default_rng(2).poisson(expected)
    lung = draw_proxies(places, "lung", 1, cases, expected)["HA"][:, 0, :] / cases[:, 0, :]
    assert lung[:, 6].mean() > lung[:, 17].mean() + 0.08
    slope = np.polyfit(places.mean_rank(), np.log(lung.mean(axis=1)), 1)[0]
    # 0.12 declared; districts of 0.02 over a deprivation whose spread is about 0.2 give an error of 0.01.
    assert slope == pytest.approx(0.12, abs=0.04)


@pytest.mark.parametrize(
    ("site", "sex", "young", "old"),
    [("pancreas", 1, 1.24, 1.04), ("lung", 2, 1.18, 1.04), ("bladder", 1, 1.6, 1.45)],
)
def test_a_ratio_is_the_declared_one_at_both_ends_of_life(
    places: Places, site: str, sex: int, young: float, old: float
) -> None:
    expected = np.full((len(places.departements), 1, 18), 5000.0)
    cases = np.random.default_rng(3).poisson(expected)
    ratio = draw_proxies(places, site, sex, cases, expected)["HA"].sum(axis=(0, 1)) / cases.sum(axis=(0, 1))
    # 30 and 87 years. 101 districts: of bladder they vary by 0.15, and their mean by 0.015; a slope by age
    # of a quarter of that adds as much at 30.
    assert ratio[6] == pytest.approx(young, rel=0.05)
    assert ratio[17] == pytest.approx(old, rel=0.05)


def test_what_a_district_has_differs_by_age(places: Places) -> None:
    expected = np.full((len(places.departements), 1, 18), 20_000.0)
    cases = np.random.default_rng(4).poisson(expected)
    ratio = np.log(draw_proxies(places, "thyroid", 2, cases, expected)["HA"][:, 0, :] / cases[:, 0, :])
    rise = ratio[:, 15:].mean(axis=1) - ratio[:, 6:9].mean(axis=1)
    # Slope of a district: a quarter of 0.22 in twenty years, over forty years here; counts add 0.004.
    assert rise.std() == pytest.approx(0.25 * 0.22 * 2, rel=0.3)
