"""Who has the index of deprivation knows which areas are in a group: a group is a sum of areas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rnc_epi.adding_up import areas_of_groups
from rnc_epi.attack import attack_tables
from rnc_epi.attack.relations import _strata
from rnc_epi.disclosure import load_policy, protect
from rnc_epi.disclosure.strata import families
from rnc_epi.vocabulary.areas import AreaKey
from rnc_epi.vocabulary.hierarchy import Hierarchy
from rnc_epi.vocabulary.schemas import as_result
from tests.disclosure.test_estimates_and_groups import SAME, shown

POLICY = load_policy("default")
RULES = {"threshold": 11, "source_thresholds": {}}
REGION = AreaKey("region", "53", "v")
#: Deaths of the zones of two départements, and the group of each zone.
ZONES = {
    "22a": (9, "Q1"), "22b": (40, "Q1"), "22c": (45, "Q2"), "22d": (50, "Q2"),
    "29a": (60, "Q1"), "29b": (8, "Q2"), "29c": (70, "Q2"), "29d": (55, "unknown"),
}  # fmt: skip


def zone(code: str) -> AreaKey:
    return AreaKey("zone", code, "v")


def tree() -> Hierarchy:
    places = {
        code: AreaKey("departement", code, "v") for code in sorted({zone_code[:2] for zone_code in ZONES})
    }
    below = tuple(
        (place, tuple(zone(name) for name in ZONES if name.startswith(code)))
        for code, place in places.items()
    )
    return Hierarchy(areas=((REGION, tuple(places.values())), *below))


def grouping() -> pd.DataFrame:
    return pd.DataFrame(
        [("zone", name, "v", "deprivation", group) for name, (_, group) in ZONES.items()],
        columns=["geo_level", "geo_code", "geo_vintage", "stratum_type", "stratum"],
    )


def counted() -> pd.DataFrame:
    """Zones, départements, the region, and the groups within the region."""
    events = pd.Series({name: deaths for name, (deaths, _) in ZONES.items()})
    groups = pd.Series({name: group for name, (_, group) in ZONES.items()})
    rows = [{"geo_level": "zone", "geo_code": name, "events": value} for name, value in events.items()]
    for code, part in events.groupby(events.index.str[:2]):
        rows.append({"geo_level": "departement", "geo_code": code, "events": part.sum()})
    region = {"geo_level": "region", "geo_code": "53"}
    rows.append(region | {"events": events.sum()})
    by_group = events.groupby(groups).sum()
    by_group["all"] = by_group.drop("unknown").sum()
    rows += [
        region | {"stratum_type": "deprivation", "stratum": group, "events": value}
        for group, value in by_group.items()
    ]
    return as_result(pd.DataFrame([SAME | row | {"value": row["events"]} for row in rows]))


def test_a_group_does_not_give_the_zone_that_is_hidden() -> None:
    whole = tree()
    known = Hierarchy(areas=whole.areas, groups=areas_of_groups(grouping(), whole))
    public = protect(counted(), known, POLICY)[0].table
    assert attack_tables(public, known, RULES).safe
    zones = set(shown(public, geo_level="zone")["geo_code"])
    assert not zones & {"22a", "29b"}
    # By hand: where every zone of a group but one is shown, the group must not be.
    groups = set(shown(public, stratum_type="deprivation")["stratum"])
    for name in groups & {"Q1", "Q2"}:
        hidden = [code for code, (_, group) in ZONES.items() if group == name and code not in zones]
        assert len(hidden) != 1


def test_the_attacker_computes_a_zone_from_its_group_where_nothing_was_done_about_it() -> None:
    whole = tree()
    known = Hierarchy(areas=whole.areas, groups=areas_of_groups(grouping(), whole))
    careless = counted()
    hidden = careless["geo_code"].isin(["22a", "22c"]) & careless["geo_level"].eq("zone")
    careless["status"] = np.where(hidden, "not_published", "published")
    careless["reason"] = "_"
    careless.loc[hidden, ["value", "events", "person_years"]] = np.nan
    found = {finding.where: finding.lower for finding in attack_tables(careless, known, RULES).findings}
    assert any("22a" in where and low == 9 for where, low in found.items())
    assert not any(
        "22a" in finding.where
        for finding in attack_tables(careless, Hierarchy(areas=whole.areas), RULES).findings
    ), "areas alone do not give it: 22a and 22c are hidden together"


def test_wider_and_finer_areas_are_in_a_group_with_the_areas_that_were_cut() -> None:
    house = AreaKey("iris", "22a1", "v")
    whole = tree()
    whole = Hierarchy(areas=(*whole.areas, (zone("22a"), (house,))))
    table = grouping()
    table.loc[table["geo_code"].str.startswith("22"), "stratum"] = "Q1"
    table = table[table["geo_code"] != "29d"]
    members = dict(areas_of_groups(table, whole))
    assert AreaKey("departement", "22", "v") in members["deprivation", "Q1"]
    assert house in members["deprivation", "Q1"]
    assert members["deprivation", "unknown"] == (zone("29d"),), "without a row, an area has no group"
    assert AreaKey("departement", "29", "v") not in members["deprivation", "all"]
    assert AreaKey("departement", "22", "v") in members["deprivation", "all"]


def test_groups_survive_the_metadata_of_a_release() -> None:
    whole = tree()
    known = Hierarchy(areas=whole.areas, groups=areas_of_groups(grouping(), whole))
    assert set(Hierarchy.from_dict(known.as_dict()).groups) == set(known.groups)
    fewer = known.restricted_to(set(), {REGION, zone("22a")})
    assert dict(fewer.groups) == {
        ("deprivation", "Q1"): (zone("22a"),), ("deprivation", "all"): (zone("22a"),)
    }  # fmt: skip


@pytest.mark.parametrize("group", ["all", "Q1"])
def test_town_and_country_together_are_everyone_with_a_group(group: str) -> None:
    strata = {("d", "all"), ("d", "Q1"), ("d|rural", group), ("d|urban", group)}
    assert (("d", group), (("d|rural", group), ("d|urban", group))) in families(strata)


def test_the_attacker_takes_stages_and_classes_of_urbanity_for_two_partitions() -> None:
    within = ["d|stage:late", "d|stage:early", "d|urbanity:town", "d|urbanity:country"]
    places = {("d", "Q1"), *((kind, "Q1") for kind in within)}
    parts = sorted(below for above, below in _strata(places) if above == ("d", "Q1"))
    assert parts == [
        (("d|stage:early", "Q1"), ("d|stage:late", "Q1")),
        (("d|urbanity:country", "Q1"), ("d|urbanity:town", "Q1")),
    ]
