"""Sums among areas that no line states: regions are France where the départements of each are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from result_builder import VINTAGE

from rnc_epi.attack import attack_tables
from rnc_epi.disclosure import protect
from rnc_epi.vocabulary.areas import AreaKey
from rnc_epi.vocabulary.containment import completed, nearest
from rnc_epi.vocabulary.hierarchy import Hierarchy
from rnc_epi.vocabulary.policy import PlanRule

RULES = {"threshold": 11, "source_thresholds": {}}
FRANCE = AreaKey("france_hexagonale", "FRA", VINTAGE)


def key(level: str, code: str) -> AreaKey:
    return AreaKey(level, code, "v")


@pytest.fixture(scope="module")
def as_extracts_state_it(small_study) -> Hierarchy:
    """The same areas, with France stated by its départements, as memberships of extracts do."""
    regions = [entry for entry in small_study.hierarchy.areas if entry[0] != FRANCE]
    below = tuple(sorted(place for _, children in regions for place in children))
    return replace(small_study.hierarchy, areas=((FRANCE, below), *regions))


@pytest.fixture(scope="module")
def policy(plan_policy):
    """Regions by age over two years, départements over two years without ages."""
    rules = tuple(rule for rule in plan_policy.plan if rule.geo_level != "region")
    return replace(plan_policy, plan=(*rules, PlanRule("region", 2, age_detail=True)))


def hidden_regions(table: pd.DataFrame) -> pd.Series:
    """Return, where France is shown, how many regions are not, by site, sex, period and ages."""
    counts = table[table["indicator"].isin(["count", "age_specific_rate"])].copy()
    counts["ages"] = counts["age_from"].astype(str) + "-" + counts["age_until"].astype(str)
    cell = ["site", "sex", "period_from", "period_until", "ages"]
    whole = counts[counts["geo_level"].eq("france_hexagonale") & counts["events"].notna()]
    parts = counts[counts["geo_level"].eq("region")].drop_duplicates([*cell, "geo_code"])
    hidden = parts["events"].isna().groupby([parts[name] for name in cell]).sum()
    return hidden[hidden.index.isin(pd.MultiIndex.from_frame(whole[cell]))]


def test_no_region_is_what_remains_of_france_at_ages_at_which_no_departement_is_shown(
    small_study, as_extracts_state_it, policy
):
    public = protect(small_study.results, as_extracts_state_it, policy)[0].table
    hidden = hidden_regions(public)
    assert len(hidden) > 20
    assert hidden.gt(1).any()
    assert not hidden.eq(1).any()
    assert attack_tables(public, as_extracts_state_it, RULES).safe


def test_the_attacker_subtracts_regions_from_france_where_nothing_was_done_about_it(
    small_study, as_extracts_state_it
):
    full = small_study.results
    careless = full[~full["geo_level"].eq("departement") & full["age_from"].gt(0)].reset_index(drop=True)
    careless["status"] = "published"
    small = careless["events"].between(1, 10) & careless["geo_level"].eq("region")
    lone = small & ~small.duplicated()
    lone[lone[lone].index[1:]] = False
    code, true = careless.loc[lone, ["geo_code", "events"]].iloc[0]
    careless.loc[lone, ["events", "value", "lower", "upper", "se"]] = np.nan
    careless.loc[lone, "status"] = "not_published"
    # Of one site, sex and period, so that areas alone can tell.
    names = ["site", "sex", "period_from", "period_until"]
    alone = careless[names].eq(careless.loc[lone, names].iloc[0]).all(axis=1)
    found = attack_tables(careless[alone], as_extracts_state_it, RULES).findings
    assert any(f"region {code}" in finding.where and finding.lower == true for finding in found)


def test_areas_made_of_the_same_are_stated_once_and_never_in_a_circle():
    region, place, zone, town = (
        key("region", "R"), key("departement", "D"), key("registry_zone", "Z"), key("commune", "c"),
    )  # fmt: skip
    tree = Hierarchy(areas=((region, (place,)), (place, (town,)), (zone, (town,))))
    entries = completed(tree, {region, place, zone})
    assert entries == ((place, (zone,)), (region, (place,)), (region, (zone,)))
    # The registry's zone follows from the département, where that is there.
    assert nearest(entries, {region, place, zone}) == ((place, (zone,)), (region, (place,)))
    assert nearest(entries, {region, zone}) == ((region, (zone,)),)


def test_an_area_that_crosses_a_border_is_in_neither():
    east, west = key("departement", "E"), key("departement", "W")
    towns = [key("commune", code) for code in "abcd"]
    crossing, inside = key("epci", "X"), key("epci", "I")
    tree = Hierarchy(
        areas=(
            (east, tuple(towns[:2])), (west, tuple(towns[2:])),
            (crossing, tuple(towns[1:3])), (inside, (towns[0],)),
        )
    )  # fmt: skip
    assert completed(tree, {east, west, crossing, inside}) == ((east, (inside,)),)


def test_a_pool_is_the_zones_in_it_and_what_these_are_made_of():
    pool, one, two = (key("registry_zone", code) for code in ("ALL", "a", "b"))
    places = [key("departement", code) for code in ("01", "02")]
    tree = Hierarchy(areas=((pool, (one, two)), (one, (places[0],)), (two, (places[1],))))
    entries = completed(tree, {pool, one, two, *places})
    assert (pool, (one, two)) in entries
    assert (pool, tuple(places)) in entries
    # Départements of the pool need their line only where the zones are not there.
    assert (pool, tuple(places)) not in nearest(entries, {pool, one, two, *places})
    assert nearest(entries, {pool, *places}) == ((pool, tuple(places)),)


def test_a_zone_that_is_the_nation_under_another_name_is_stated_beside_the_zones_in_it():
    country, pool, one = key("france_hexagonale", "F"), key("registry_zone", "ALL"), key("registry_zone", "a")
    places = [key("departement", code) for code in ("01", "02")]
    tree = Hierarchy(areas=((country, tuple(places)), (pool, tuple(places)), (one, (places[0],))))
    entries = completed(tree, {country, pool, one})
    assert (country, (pool,)) in entries
    assert (pool, (one,)) in entries
    assert nearest(entries, {country, pool, one}) == ((country, (pool,)), (pool, (one,)))
