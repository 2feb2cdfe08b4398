"""Areas into groups: who goes where, what is recorded, and what editions, mergers and directions do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rnc_epi.inequality import deprivation_groups, edi_scores, fdep_scores
from rnc_epi.maths.inequality import EDI_FRANCE_2012
from rnc_epi.vocabulary.deprivation import GroupingName, grouping_named, stratum_types
from rnc_epi.vocabulary.errors import InputError


def areas_of(population, vintage="2024", level="commune", codes=None):
    codes = codes or [f"c{i}" for i in range(len(population))]
    return pd.DataFrame(
        {"geo_level": level, "geo_code": codes, "geo_vintage": vintage, "population": population}
    )


def scores_of(score, codes=None, vintage="2024", **keys):
    codes = codes or [f"c{i}" for i in range(len(score))]
    base = {"index": "fdep", "vintage": "2015", "higher_is": "more_deprived", "geo_level": "commune"}
    return pd.DataFrame({**base, **keys, "geo_code": codes, "geo_vintage": vintage, "score": score})


def cut(scores, areas, **how):
    return deprivation_groups(scores, areas, index="fdep", vintage="2015", **how)


def membership_of(children, parents, level="region"):
    return pd.DataFrame(
        {
            "child_level": "commune", "child_code": children, "child_vintage": "2024",
            "parent_level": level, "parent_code": parents, "parent_vintage": "2024", "weight": 1.0,
        }
    )  # fmt: skip


def test_equal_populations_and_equal_numbers_of_areas_are_two_groupings():
    # The last area holds half of the inhabitants: by population the other five share the first two groups
    # and a half, by numbers each group has an area and a bit.
    scores, areas = scores_of([1, 2, 3, 4, 5, 6]), areas_of([20, 20, 20, 20, 20, 100])
    by_people = cut(scores, areas).table["stratum"].tolist()
    by_areas = cut(scores, areas, weighting="areas").table["stratum"].tolist()
    # Middles of population: 10, 30, 50, 70, 90, 150 of 200.
    assert by_people == ["Q1", "Q1", "Q2", "Q2", "Q3", "Q4"]
    # Middles of ranks: 1/12, 3/12, 5/12, 7/12, 9/12, 11/12.
    assert by_areas == ["Q1", "Q2", "Q3", "Q3", "Q4", "Q5"]


def test_a_score_that_falls_with_deprivation_is_turned_and_the_record_says_so():
    areas = areas_of([10] * 5)
    more = deprivation_groups(scores_of([1, 2, 3, 4, 5], index="home"), areas, index="home", vintage="2015")
    less = deprivation_groups(
        scores_of([1, 2, 3, 4, 5], index="home", higher_is="less_deprived"),
        areas,
        index="home",
        vintage="2015",
    )
    assert (
        more.table["stratum"].tolist()
        == less.table["stratum"].tolist()[::-1]
        == ["Q1", "Q2", "Q3", "Q4", "Q5"]
    )
    assert (more.record.direction_converted, less.record.direction_converted) == (False, True)


def test_a_direction_against_the_family_of_the_index_or_a_companion_is_refused():
    areas = areas_of([10] * 5).assign(unemployment=[5, 6, 7, 9, 12])
    with pytest.raises(InputError, match="I003"):
        cut(scores_of([1, 2, 3, 4, 5], higher_is="less_deprived"), areas)
    with pytest.raises(InputError, match="I003"):
        cut(scores_of([5, 4, 3, 2, 1]), areas, companion="unemployment")
    kept = cut(scores_of([1, 2, 3, 4, 5]), areas, companion="unemployment")
    assert kept.record.direction_checked == "unemployment"
    assert cut(scores_of([1, 2, 3, 4, 5]), areas).record.direction_checked == "fdep"
    with pytest.raises(InputError, match="I012"):
        cut(scores_of([1, 2, 3, 4, 5], higher_is=["more_deprived"] * 4 + ["less_deprived"]), areas)


def test_areas_without_a_score_are_a_stratum_of_their_own_and_counted():
    made = cut(scores_of([1, 2, None, 4, 5, 6]), areas_of([10, 10, 30, 10, 10, 10]))
    assert made.table["stratum"].tolist() == ["Q1", "Q2", "unknown", "Q3", "Q4", "Q5"]
    assert (made.record.missing_scores, made.record.missing_population, made.record.population) == (
        1,
        30.0,
        80.0,
    )
    # An area that the index does not know at all is one without a score.
    absent = cut(scores_of([1, 2, 4, 5, 6], codes=["c0", "c1", "c3", "c4", "c5"]), areas_of([10] * 6))
    assert absent.table["stratum"].tolist() == ["Q1", "Q2", "unknown", "Q3", "Q4", "Q5"]


def test_areas_of_equal_score_are_never_separated_and_the_record_counts_them():
    made = cut(scores_of([1, 1, 1, 2, 3, 3]), areas_of([10] * 6), groups=3)
    assert made.table["stratum"].tolist() == ["Q1", "Q1", "Q1", "Q2", "Q3", "Q3"]
    assert made.record.tied == 5


def test_scores_of_another_edition_of_the_codes_are_refused_without_a_passage():
    with pytest.raises(InputError, match="I011"):
        cut(scores_of([1, 2, 3], vintage="2019"), areas_of([10] * 3), groups=3)


def test_a_merger_takes_the_mean_of_its_parts_weighted_by_their_population():
    # old1 (30 inhabitants, score 1) and old2 (10 inhabitants, score 9) become c1: (30 + 90) / 40 = 3.
    scores = scores_of([0, 1, 9, 2.9, 3.1], codes=["c0", "old1", "old2", "c3", "c4"], vintage="2019")
    passage = pd.DataFrame(
        {
            "child_level": "commune", "child_code": ["old1", "old2"], "child_vintage": "2019",
            "parent_level": "commune", "parent_code": "c1", "parent_vintage": "2024",
            "weight": 1.0, "population": [30, 10],
        }
    )  # fmt: skip
    areas = areas_of([10, 10, 10, 10], codes=["c0", "c1", "c3", "c4"])
    made = cut(scores, areas, groups=4, passage=passage)
    assert made.table.set_index("geo_code")["stratum"].to_dict() == {
        "c0": "Q1",
        "c3": "Q2",
        "c1": "Q3",
        "c4": "Q4",
    }
    assert (made.record.merged, made.record.not_placed) == (1, 0)
    with pytest.raises(InputError, match="I013"):
        cut(scores, areas, groups=4, passage=passage.drop(columns="population"))


def test_cases_on_the_commune_meet_scores_on_its_arrondissements_and_the_reverse():
    # Paris: scores by arrondissement, cases by commune; Lyon the reverse.
    scores = scores_of([8, 4, 1, 2, 9], codes=["75101", "75102", "69123", "c1", "c2"])
    passage = pd.DataFrame(
        {
            "child_code": ["75101", "75102", "69123", "69123"],
            "parent_code": ["75056", "75056", "69381", "69382"],
            "population": [10, 30, 20, 20],
        }
    )
    areas = areas_of([40, 10, 10, 10, 10], codes=["75056", "69381", "69382", "c1", "c2"])
    made = cut(scores, areas, groups=3, passage=passage)
    # Paris: (80 + 120) / 40 = 5; both arrondissements of Lyon take the 1 of the commune.
    found = made.table.set_index("geo_code")["stratum"]
    assert found["69381"] == found["69382"] == "Q1"
    # Order: Lyon 1 and 1 (20), c1 2 (10), Paris 5 (40), c2 9 (10): middles 10, 25, 50, 75 of 80.
    assert (found["c1"], found["75056"], found["c2"]) == ("Q1", "Q2", "Q3")
    assert (made.record.merged, made.record.split) == (1, 2)


def test_groups_within_regions_are_cut_in_each_and_overlapping_zones_are_refused():
    scores, areas = scores_of([1, 2, 3, 11, 12, 13]), areas_of([10] * 6)
    links = membership_of([f"c{i}" for i in range(6)], ["R1"] * 3 + ["R2"] * 3)
    national = cut(scores, areas, groups=3)
    regional = cut(scores, areas, groups=3, scope="region", membership=links)
    assert national.table["stratum"].tolist() == ["Q1", "Q1", "Q2", "Q2", "Q3", "Q3"]
    assert regional.table["stratum"].tolist() == ["Q1", "Q2", "Q3"] * 2
    assert regional.shares["scope_code"].unique().tolist() == ["R1", "R2"]
    # c0 lies in a zone of four départements and in that of its own one.
    zones = membership_of(["c0", "c1", "c2", "c3", "c0"], ["Z1"] * 4 + ["Z2"], level="registry_zone")
    with pytest.raises(InputError, match="I014"):
        cut(scores, areas, groups=3, scope="registry_zone", membership=zones)
    zonal = cut(scores, areas, groups=3, scope="registry_zone", membership=zones, scope_areas=["Z1"])
    assert len(zonal.table) == 4
    assert zonal.record.outside_scope == 2
    with pytest.raises(InputError, match="I016"):
        cut(scores, areas, scope="region")


def test_a_scope_is_reached_over_the_levels_in_between_and_not_through_parts_of_areas():
    scores, areas = scores_of([1, 2, 3, 11, 12, 13]), areas_of([10] * 6)
    codes = [f"c{i}" for i in range(6)]
    first = membership_of(codes, ["D1"] * 3 + ["D2"] * 3, level="departement")
    second = first.iloc[[0, 3]].assign(
        child_level="departement", child_code=["D1", "D2"], parent_level="region", parent_code=["R1", "R2"]
    )
    # Half of a commune lies in a third département: no whole link, no second region.
    part = first.iloc[[0]].assign(parent_code="D3", weight=0.5)
    links = pd.concat([first, second, part, second.iloc[[0]].assign(child_code="D3", parent_code="R3")])
    made = cut(scores, areas, groups=3, scope="region", membership=links)
    assert made.table["stratum"].tolist() == ["Q1", "Q2", "Q3"] * 2


def test_links_between_communes_are_the_passage_and_areas_hold_the_populations():
    # old1 and old2 became c1; their populations stand in the table of areas, at the old edition.
    scores = scores_of([0, 1, 9, 2.9, 3.1], codes=["c0", "old1", "old2", "c3", "c4"], vintage="2019")
    links = membership_of(["old1", "old2"], ["c1", "c1"], level="commune").assign(child_vintage="2019")
    new = areas_of([10, 10, 10, 10], codes=["c0", "c1", "c3", "c4"])
    old = areas_of([30, 10], vintage="2019", codes=["old1", "old2"])
    made = cut(scores, pd.concat([new, old]), groups=4, membership=links)
    assert made.table.set_index("geo_code")["stratum"]["c1"] == "Q3"
    # The edition of the scores can be asked for: no passage then. One that nothing leads to is refused.
    asked = cut(scores, pd.concat([new, old]), groups=3, membership=links, geo_vintage="2019")
    assert asked.table["geo_code"].tolist() == ["old1", "old2"]
    with pytest.raises(InputError, match="I011"):
        cut(scores, pd.concat([new, old]), groups=3, geo_vintage="2024")


def test_bad_tables_are_refused_by_code():
    areas = areas_of([10] * 5)
    with pytest.raises(InputError, match="I009"):
        deprivation_groups(scores_of([1, 2, 3, 4, 5]), areas, index="edi", vintage="2015")
    with pytest.raises(InputError, match="I010"):
        cut(scores_of([1, 2, 3, 4, 5]), areas_of([10, 10, None, 10, 10]))
    assert (
        cut(scores_of([1, 2, 3, 4, 5]), areas_of([10, 10, None, 10, 10]), weighting="areas").record.areas == 5
    )
    with pytest.raises(InputError, match="I019"):
        cut(scores_of([1, 2, 3], codes=["c0", "c0", "c1"]), areas)
    with pytest.raises(InputError, match="I001"):
        cut(scores_of([1, 2, 3, 4, 5]), areas, groups=2)


def test_the_name_of_a_grouping_is_read_back_and_short_where_it_is_alone():
    one = GroupingName("fdep", "2015", "national", "population", 5)
    two = GroupingName("edi", "2021", "region", "areas", 10)
    assert stratum_types([one]) == ("deprivation",)
    assert [grouping_named(slug) for slug in stratum_types([one, two])] == [one, two]
    assert grouping_named("deprivation", [one]) == one
    assert grouping_named("deprivation", [one, two]) is None
    with pytest.raises(InputError, match="I015"):
        grouping_named("deprivation:fdep")


def test_the_record_is_a_line_for_the_metadata():
    line = cut(scores_of([1, 2, 3, 4, 5]), areas_of([10] * 5)).record.to_frame().iloc[0]
    told = ("index", "vintage", "scope", "weighting", "groups", "geo_level", "geo_vintage")
    assert [line[name] for name in told] == ["fdep", "2015", "national", "population", 5, "commune", "2024"]


def test_indices_made_from_area_tables_feed_the_groups():
    rng = np.random.default_rng(3)
    hidden = rng.normal(size=200)
    areas = areas_of(rng.integers(50, 5_000, 200)).assign(
        median_income=22 - 3 * hidden + rng.normal(size=200),
        baccalaureate=50 - 8 * hidden + 3 * rng.normal(size=200),
        blue_collar=20 + 5 * hidden + 2 * rng.normal(size=200),
        unemployment=10 + 2 * hidden + rng.normal(size=200),
    )
    scores, made = fdep_scores(areas, vintage="2015")
    groups = cut(scores, areas)
    # The hidden deprivation of areas rises from group to group.
    mean = pd.Series(hidden).groupby(groups.table["stratum"]).mean()
    assert mean.is_monotonic_increasing
    assert np.sign(made.coefficients).tolist() == [-1, -1, 1, 1]
    proportions = pd.DataFrame(
        {name: 1 / (1 + np.exp(1 - hidden + rng.normal(size=200))) for name in EDI_FRANCE_2012}
    )
    edi, _ = edi_scores(pd.concat([areas, proportions.add_suffix("_x")], axis=1), vintage="2021",
                        columns={name: f"{name}_x" for name in EDI_FRANCE_2012})  # fmt: skip
    z = (proportions - np.average(proportions, axis=0, weights=areas["population"])) / np.sqrt(
        np.average((proportions - np.average(proportions, axis=0, weights=areas["population"])) ** 2,
                   axis=0, weights=areas["population"])
    )  # fmt: skip
    np.testing.assert_allclose(edi["score"], (z * pd.Series(EDI_FRANCE_2012)).sum(axis=1), rtol=1e-10)
    with pytest.raises(InputError, match="I018"):
        fdep_scores(areas.drop(columns="unemployment"), vintage="2015")
