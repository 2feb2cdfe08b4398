"""Cells counted on fingers: the persons are listed in small_extract.py."""

from __future__ import annotations

import pytest

from rnc_epi.cells.build import Selection
from rnc_epi.vocabulary.errors import ExtractRefused, NotCovered
from rnc_epi.vocabulary.periods import Period
from tests.by_hand.small_extract import cell, death, departement, frame, person_years, read, tables

SITES = ("all_cancers", "colorectum", "colon", "rectum", "breast", "prostate", "thyroid",
         "lymphoid_leukaemia", "leukaemia", "uterus", "skin_non_melanoma")  # fmt: skip
ALL_YEARS = Period(2016, 2019)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    selection = Selection(SITES, years=(2016, 2017, 2018), pooled=(ALL_YEARS, Period(2016, 2018)))
    return read(tmp_path_factory.mktemp("small"), tables(), selection)


def inc(site, sex, level, code, first, until=None):
    return ("incidence", site, sex, level, code, first, until or first + 1)


def test_a_leaf_holds_its_persons(small):
    # Person 1 (60 years) in 2016, person 3 (40 years) in 2017.
    assert small.events(*inc("colon", 1, "departement", "38", 2016)) == ([0, 0, 1], 0)
    assert small.events(*inc("colon", 1, "departement", "38", 2017)) == ([0, 1, 0], 0)


def test_a_birthday_moves_a_person_to_the_older_band(small):
    # Persons 10 (14 years) and 11 (15 years).
    assert small.events(*inc("lymphoid_leukaemia", 1, "departement", "73", 2016)) == ([1, 1, 0], 0)


def test_a_parent_site_is_the_sum_of_its_children(small):
    # Colon 1 and rectum 2; all cancers of men in 38 in 2016: persons 1, 2, 9.
    assert small.events(*inc("colorectum", 1, "departement", "38", 2016)) == ([0, 0, 2], 0)
    assert small.events(*inc("all_cancers", 1, "departement", "38", 2016)) == ([0, 1, 2], 0)
    assert small.events(*inc("leukaemia", 1, "departement", "73", 2016)) == ([1, 1, 0], 0)
    # One population: its person-years are not multiplied by the number of children.
    assert small.person_years(*inc("all_cancers", 1, "departement", "38", 2016)) == [1000, 2000, 1500]


def test_a_sex_that_a_site_does_not_have_is_no_gap_and_no_cell(small):
    assert small.events(*inc("all_cancers", 2, "departement", "38", 2016)) == ([0, 0, 1], 1)
    assert inc("prostate", 2, "departement", "38", 2016) not in small.at
    assert inc("uterus", 1, "departement", "38", 2016) not in small.at
    assert inc("uterus", 0, "departement", "38", 2016) not in small.at
    assert small.events(*inc("uterus", 2, "departement", "38", 2016)) == ([0, 0, 0], 0)


def test_unknown_age_is_counted_and_in_no_band(small):
    # Person 5, and two women of Calvados in 2017.
    assert small.events(*inc("colorectum", 2, "departement", "38", 2016)) == ([0, 0, 0], 1)
    assert small.events(*inc("colorectum", 2, "departement", "14", 2017)) == ([0, 0, 0], 2)
    part, row = small.at[inc("colorectum", 2, "departement", "14", 2017)]
    assert part.total_events[row] == 2


def test_both_sexes_are_men_and_women(small):
    # Men 1 and 2, woman 5 of unknown age.
    assert small.events(*inc("colorectum", 0, "departement", "38", 2016)) == ([0, 0, 2], 1)
    assert small.person_years(*inc("colorectum", 0, "departement", "38", 2016)) == [2000, 4000, 3100]


def test_a_pooled_period_is_the_sum_of_its_years(small):
    # Men with a colorectal cancer in 38: persons 1, 2 (2016), 3 (2017), 13 (2018).
    key = inc("colorectum", 1, "departement", "38", 2016, 2019)
    assert small.events(*key) == ([0, 1, 3], 0)
    assert small.person_years(*key) == [3000, 6000, 4500]


def test_a_region_follows_its_membership_year_by_year(small):
    # 73 is in region 84 until the end of 2017, then in 28.
    assert small.events(*inc("all_cancers", 1, "region", "84", 2016)) == ([1, 2, 2], 0)
    assert small.person_years(*inc("all_cancers", 1, "region", "84", 2016)) == [2000, 4000, 3000]
    assert small.events(*inc("all_cancers", 1, "region", "84", 2018)) == ([0, 0, 1], 0)
    assert small.person_years(*inc("all_cancers", 1, "region", "84", 2018)) == [1000, 2000, 1500]
    # Prostate in 28: nobody in 2016 (14 alone); in 2018 four in 14 and person 6 in 73.
    assert small.person_years(*inc("prostate", 1, "region", "28", 2016)) == [1000, 2000, 1500]
    assert small.events(*inc("prostate", 1, "region", "28", 2018)) == ([0, 0, 5], 0)
    assert small.person_years(*inc("prostate", 1, "region", "28", 2018)) == [2000, 4000, 3000]


def test_a_region_that_changes_within_a_period_is_the_sum_of_its_years(small):
    # Persons 10, 11 (73, 2016), 1, 2, 9 (38, 2016), 3 (2017), 13 (2018); 73 leaves in 2018.
    key = inc("all_cancers", 1, "region", "84", 2016, 2019)
    assert small.events(*key) == ([1, 3, 3], 0)
    assert small.person_years(*key) == [5000, 10000, 7500]


def test_the_nation_is_there_where_every_departement_is_covered(small):
    assert small.events(*inc("colorectum", 1, "france_hexagonale", "FR", 2016)) == ([0, 1, 5], 0)
    # Colon alone is unknown in 14, which gives colorectum as one.
    assert inc("colon", 1, "france_hexagonale", "FR", 2016) not in small.at
    assert inc("thyroid", 1, "france_hexagonale", "FR", 2016) not in small.at


def test_registry_zones_and_their_pool_hold_what_is_covered(small):
    assert small.events(*inc("colorectum", 1, "registry_zone", "isere", 2016)) == ([0, 0, 2], 0)
    assert small.events(*inc("colorectum", 1, "registry_zone", "calvados", 2016)) == ([0, 1, 3], 0)
    assert small.events(*inc("colorectum", 1, "registry_zone", "ALL", 2016)) == ([0, 1, 5], 0)
    assert small.person_years(*inc("colorectum", 1, "registry_zone", "ALL", 2016)) == [3000, 6000, 4500]
    # Thyroid is covered by isere alone: the pool is its two départements.
    assert small.events(*inc("thyroid", 1, "registry_zone", "ALL", 2016)) == ([0, 1, 0], 0)
    assert small.person_years(*inc("thyroid", 1, "registry_zone", "ALL", 2016)) == [2000, 4000, 3000]


def test_a_zero_stands_inside_the_scope_and_nothing_outside(small):
    assert small.events(*inc("breast", 2, "departement", "14", 2018)) == ([0, 0, 0], 0)
    assert inc("thyroid", 2, "departement", "14", 2018) not in small.at
    assert not any(key[1] == "skin_non_melanoma" for key in small.at)


def test_every_row_is_used_or_excluded_for_its_reason(small):
    assert small.fate("tumours") == {
        "used": (10, 10),
        "behaviour_not_invasive": (1, 1),  # person 7
        "site_not_classified": (1, 1),  # person 8
        "outside_scope": (1, 1),  # person 12
    }
    assert small.fate("incidence_cells") == {"used": (4, 10)}
    assert small.fate("death_cells") == {"used": (3, 8)}


def test_bands_merge_where_deaths_come_in_wider_ones(small):
    key = ("death", "colorectum", 1, "departement", "38", 2016, 2017)
    assert small.bands(*key) == ("0-49", "50+")
    assert small.events(*key) == ([1, 2], 0)
    assert small.person_years(*key) == [3000, 1500]
    # Incidence keeps its finer bands beside them.
    assert small.bands(*inc("colorectum", 1, "departement", "38", 2016)) == ("0-14", "15-49", "50+")
    # All départements are in the scope of deaths, hence the nation is.
    assert small.events("death", "colorectum", 2, "france_hexagonale", "FR", 2018, 2019) == ([0, 5], 0)


def test_an_unknown_site_and_one_that_nobody_covers_are_told_apart(tmp_path):
    with pytest.raises(NotCovered) as caught:
        read(tmp_path, tables(), Selection(("skin_non_melanoma",)))
    assert caught.value.code == "K004"


def test_two_registries_that_cover_the_same_strata_are_refused(tmp_path):
    given = tables()
    given["coverage"].loc[len(given["coverage"])] = (
        "isere",
        *departement("14"),
        "prostate",
        0,
        None,
        2017,
        2018,
    )
    with pytest.raises(ExtractRefused) as caught:
        read(tmp_path, given, Selection(("prostate",)))
    assert caught.value.code == "K001"
    assert "calvados" in str(caught.value)
    assert "prostate" in str(caught.value)


def test_two_registries_may_share_an_area_at_different_ages(tmp_path):
    # A childhood registry takes 0-14, the general one 15 and over: together all ages, in one pooled zone.
    given = tables()
    coverage = given["coverage"]
    given["coverage"] = frame("coverage", [
        *coverage[coverage["geo_code"] != "73"].itertuples(index=False, name=None),
        ("isere", *departement("73"), "general", 15, None, 2016, 2019),
        ("enfants", *departement("73"), "general", 0, 15, 2016, 2019),
    ])  # fmt: skip
    given["tumours"].loc[9, "registry"] = "enfants"
    small = read(tmp_path, given, Selection(("lymphoid_leukaemia",), years=(2016,)))
    key = inc("lymphoid_leukaemia", 1, "departement", "73", 2016)
    assert small.events(*key) == ([1, 1, 0], 0)
    assert small.covered(*key) == [True, True, True]


def test_a_childhood_registry_covers_the_first_bands_only(tmp_path):
    # Until 18 years: the band 15-49 is covered in part, so it is not covered, and person 11 (15 years) is
    # excluded; person 10 (14 years) is counted.
    given = tables()
    given["coverage"] = frame("coverage", [("isere", *departement("73"), "leukaemia", 0, 18, 2016, 2019)])
    given["tumours"] = frame("tumours", [row for row in given["tumours"].itertuples(index=False, name=None)
                                         if row[0] in (6, 10, 11)])  # fmt: skip
    del given["incidence_cells"]
    given["cells_scope"] = given["cells_scope"][given["cells_scope"]["table_name"] == "death_cells"]
    small = read(tmp_path, given, Selection(("leukaemia", "lymphoid_leukaemia"), years=(2016,)))
    for site in ("leukaemia", "lymphoid_leukaemia"):
        key = inc(site, 1, "departement", "73", 2016)
        assert small.covered(*key) == [True, False, False]
        assert small.events(*key) == ([1, 0, 0], 0)
        assert small.person_years(*key) == [1000, 0, 0]
    assert small.fate("tumours") == {
        "used": (1, 1),
        "age_band_partly_covered": (1, 1),
        "outside_scope": (1, 1),  # person 6, a prostate
    }


def test_coverage_is_by_group_of_sites(tmp_path):
    # A digestive registry says nothing of thyroid; colon, covered twice by one registry, counts once.
    given = tables()
    given["coverage"] = frame("coverage", [
        ("isere", *departement("38"), "colorectum", 0, None, 2016, 2019),
        ("isere", *departement("38"), "colon", 15, None, 2016, 2018),
        ("calvados", *departement("14"), "general", 0, None, 2016, 2019),
    ])  # fmt: skip
    given["tumours"] = frame("tumours", [row for row in given["tumours"].itertuples(index=False, name=None)
                                         if row[0] in (1, 2, 9)])  # fmt: skip
    small = read(tmp_path, given, Selection(("all_cancers", "colorectum", "thyroid"), years=(2016,)))
    key = inc("colorectum", 1, "departement", "38", 2016)
    assert small.events(*key) == ([0, 0, 2], 0)
    assert small.person_years(*key) == [1000, 2000, 1500]
    assert not any(key[1] in ("thyroid", "all_cancers") for key in small.at)
    assert small.fate("tumours")["outside_scope"] == (1, 1)


def test_an_area_without_person_years_is_excluded(tmp_path):
    given = tables()
    given["person_years"] = frame("person_years", person_years(("14", "38")))
    small = read(tmp_path, given, Selection(("prostate",), years=(2018,)))
    assert inc("prostate", 1, "departement", "73", 2018) not in small.at
    # Nor is the sum that needs it; the fully known one stays.
    assert inc("prostate", 1, "region", "28", 2018) not in small.at
    assert small.events(*inc("prostate", 1, "departement", "14", 2018)) == ([0, 0, 4], 0)


def test_denominators_may_come_from_the_areas_within(tmp_path):
    # The registry counts by its zone; person-years come by département. Zone "isere" is 38 and 73.
    given = tables()
    given["tumours"][["geo_level", "geo_code"]] = ["registry_zone", "isere"]
    given["coverage"] = frame("coverage", [
        ("isere", "registry_zone", "isere", "cog2026", "general", 0, None, 2016, 2019),
        ("calvados", *departement("14"), "general", 0, None, 2016, 2019),
    ])  # fmt: skip
    small = read(tmp_path, given, Selection(("all_cancers",), years=(2016,)))
    key = inc("all_cancers", 1, "registry_zone", "isere", 2016)
    # Persons 1, 2, 9, 10, 11.
    assert small.events(*key) == ([1, 2, 2], 0)
    assert small.person_years(*key) == [2000, 4000, 3000]


def test_two_other_sources_of_person_years_are_refused(tmp_path):
    given = tables()
    rows = [*person_years(("14", "38", "73")), *person_years(("38",), source="cepidc")]
    given["person_years"] = frame("person_years", rows)
    with pytest.raises(ExtractRefused) as caught:
        read(tmp_path, given, Selection(("prostate",)))
    assert caught.value.code == "K002"
    assert "38" in str(caught.value)


def test_the_source_of_the_events_gives_its_own_person_years(tmp_path):
    given = tables()
    own = person_years(("38",), source="registres", sizes={(1, 0): 7, (1, 15): 8, (1, 50): 9,
                                                           (2, 0): 7, (2, 15): 8, (2, 50): 9})  # fmt: skip
    given["person_years"] = frame("person_years", [*person_years(("14", "38", "73")), *own])
    del given["death_cells"]
    given["cells_scope"] = given["cells_scope"][given["cells_scope"]["table_name"] != "death_cells"]
    small = read(tmp_path, given, Selection(("thyroid",), years=(2016,)))
    assert small.person_years(*inc("thyroid", 1, "departement", "38", 2016)) == [7, 8, 9]


def test_one_departement_with_a_lower_open_band_widens_the_bands(tmp_path):
    # 73 gives its population as 0-14 and 15+: the bands that all share are these two.
    given = tables()
    given["person_years"] = frame("person_years", [
        *person_years(("14", "38")), *person_years(("73",), bands=((0, 15), (15, None))),
    ])  # fmt: skip
    small = read(tmp_path, given, Selection(("all_cancers",), years=(2016,)))
    key = inc("all_cancers", 1, "departement", "38", 2016)
    assert small.bands(*key) == ("0-14", "15+")
    assert small.person_years(*key) == [1000, 3500]
    assert small.person_years(*inc("all_cancers", 1, "departement", "73", 2016)) == [1000, 3500]


def test_ages_above_a_closed_last_band_have_no_person_years(tmp_path):
    given = tables()
    given["person_years"] = frame("person_years", person_years(("14", "38", "73"), bands=((0, 15), (15, 50))))
    given["tumours"] = frame("tumours", [row for row in given["tumours"].itertuples(index=False, name=None)
                                         if row[0] in (3, 9, 10, 11)])  # fmt: skip
    del given["incidence_cells"], given["death_cells"], given["cells_scope"]
    small = read(tmp_path, given, Selection(("all_cancers",), years=(2016,)))
    key = inc("all_cancers", 1, "departement", "38", 2016)
    assert small.bands(*key) == ("0-14", "15-49", "50+")
    assert small.covered(*key) == [True, True, False]
    assert small.events(*key) == ([0, 1, 0], 0)


def test_a_band_without_inhabitants_is_covered(tmp_path):
    given = tables()
    rows = [(*row[:-1], 0 if row[3] == "73" and row[7] == 50 else row[-1])
            for row in person_years(("14", "38", "73"))]  # fmt: skip
    given["person_years"] = frame("person_years", rows)
    given["tumours"] = frame("tumours", [row for row in given["tumours"].itertuples(index=False, name=None)
                                         if row[0] != 6])  # fmt: skip
    given["death_cells"] = given["death_cells"].iloc[:2]
    small = read(tmp_path, given, Selection(("all_cancers",), years=(2016,)))
    key = inc("all_cancers", 1, "departement", "73", 2016)
    assert small.covered(*key) == [True, True, True]
    assert small.person_years(*key) == [1000, 2000, 0]


def test_a_commune_without_any_case_is_a_zero_of_its_registry(tmp_path):
    # Calvados counts two communes; only one has a case in 2017 and none of any site falls in the other.
    given = tables()
    commune = [("commune", code, "cog2026") for code in ("14001", "14002")]
    given["areas"] = frame("areas", [*given["areas"].itertuples(index=False, name=None),
                                     *((*area, "x", "x", None, None, None) for area in commune)])  # fmt: skip
    given["coverage"] = frame("coverage", [("calvados", *area, "general", 0, None, 2016, 2019)
                                           for area in commune])  # fmt: skip
    given["person_years"] = frame("person_years", [
        *person_years(("14", "38", "73")),
        *((*row[:2], *area, *row[5:]) for area in commune for row in person_years(("14",))),
    ])  # fmt: skip
    given["incidence_cells"] = frame("incidence_cells", [
        ("registres", "calvados", "prostate", 1, *commune[0], 2017, 2018, 50, None, "known", 1),
    ])  # fmt: skip
    given["cells_scope"] = frame("cells_scope", [
        ("incidence_cells", "registres", "prostate", 1, "commune", 2016, 2019, 0, None),
    ])  # fmt: skip
    del given["tumours"], given["death_cells"]
    small = read(tmp_path, given, Selection(("prostate",), years=(2017,)))
    assert small.events(*inc("prostate", 1, "commune", "14001", 2017)) == ([0, 0, 1], 0)
    assert small.events(*inc("prostate", 1, "commune", "14002", 2017)) == ([0, 0, 0], 0)


def test_a_registry_may_count_one_site_in_years_and_another_in_three_at_once(tmp_path):
    given = tables()
    given["incidence_cells"] = frame("incidence_cells", [
        cell("calvados", "colorectum", 1, "14", 2016, (50, None), 3),
        cell("calvados", "colorectum", 1, "14", 2018, (50, None), 1),
        cell("calvados", "prostate", 1, "14", 2016, (50, None), 9, until=2019),
    ])  # fmt: skip
    small = read(tmp_path, given, Selection(("colorectum", "prostate", "breast"), pooled=(ALL_YEARS,)))
    assert small.events(*inc("prostate", 1, "departement", "14", 2016, 2019)) == ([0, 0, 9], 0)
    # Colorectum is pooled from its years. 2017 has no cell at all: no year of which Calvados says anything.
    assert inc("colorectum", 1, "departement", "14", 2016, 2019) not in small.at
    # The pool of registries adds the three years of isere to the period that calvados counts at once.
    assert small.events(*inc("prostate", 1, "registry_zone", "ALL", 2016, 2019)) == ([0, 0, 10], 0)
    assert small.person_years(*inc("prostate", 1, "registry_zone", "ALL", 2016, 2019)) == [9000, 18000, 13500]


def test_sources_in_different_bands_keep_theirs_and_meet_on_common_ones(tmp_path):
    # A second source gives 14 in the bands 0-49 and 50+; isere keeps three bands, the nation has two.
    given = tables()
    given["sources"] = frame("sources", [*given["sources"].itertuples(index=False, name=None),
                                         ("autre", "autre", "registry", "x", True, None, 11,
                                          None)])  # fmt: skip
    given["incidence_cells"] = frame("incidence_cells", [
        ("autre", *cell("calvados", "colorectum", 1, "14", 2016, (0, 50), 1)[1:]),
        ("autre", *cell("calvados", "colorectum", 1, "14", 2016, (50, None), 3)[1:]),
    ])  # fmt: skip
    given["cells_scope"].loc[given["cells_scope"]["table_name"] == "incidence_cells", "source"] = "autre"
    small = read(tmp_path, given, Selection(("colorectum",), years=(2016,)))
    assert small.bands(*inc("colorectum", 1, "departement", "38", 2016)) == ("0-14", "15-49", "50+")
    assert small.bands(*inc("colorectum", 1, "departement", "14", 2016)) == ("0-49", "50+")
    for level, code in (("france_hexagonale", "FR"), ("registry_zone", "ALL")):
        key = inc("colorectum", 1, level, code, 2016)
        assert small.bands(*key) == ("0-49", "50+")
        assert small.events(*key) == ([1, 5], 0)
        assert small.person_years(*key) == [9000, 4500]
        part, row = small.at[key]
        assert part.strata["source"].iloc[row] == "autre+registres"


def test_deaths_coded_by_cause_go_to_the_site_of_the_cause(tmp_path):
    given = tables()
    given["death_cells"] = frame("death_cells", [
        death(None, 1, "38", 2016, (50, None), 2, icd10="C18"),
        death(None, 1, "38", 2016, (50, None), 1, icd10="C20"),
        death(None, 1, "38", 2016, (50, None), 7, icd10="I21"),
        death(None, 1, "38", 2016, (50, None), 6, icd10="C34"),
    ])  # fmt: skip
    small = read(tmp_path, given, Selection(("colorectum",), years=(2016,), event_types=("death",)))
    assert small.events("death", "colorectum", 1, "departement", "38", 2016, 2017) == ([0, 0, 3], 0)
    assert small.fate("death_cells") == {
        "used": (2, 3), "cause_not_cancer": (1, 7), "outside_scope": (1, 6),
    }  # fmt: skip


def test_individual_deaths_are_counted_in_the_declared_scope(tmp_path):
    given = tables()
    given["deaths"] = frame("deaths", [
        (1, "cepidc", 1, 80, 2016, "C61", *departement("38")),
        (2, "cepidc", 1, None, 2016, "C61", *departement("38")),
        (3, "cepidc", 1, 80, 2016, "J18.9", *departement("38")),
        (4, "cepidc", 1, 80, 2016, "C50.9", *departement("38")),
    ])  # fmt: skip
    del given["death_cells"]
    given["cells_scope"] = frame("cells_scope", [
        *given["cells_scope"].iloc[:-2].itertuples(index=False, name=None),
        ("deaths", "cepidc", "prostate", 1, "departement", 2016, 2019, 0, None),
    ])  # fmt: skip
    small = read(tmp_path, given, Selection(("prostate",), years=(2016,), event_types=("death",)))
    assert small.events("death", "prostate", 1, "departement", "38", 2016, 2017) == ([0, 0, 1], 1)
    assert small.events("death", "prostate", 1, "departement", "14", 2016, 2017) == ([0, 0, 0], 0)
    assert small.fate("deaths") == {"used": (2, 2), "cause_not_cancer": (1, 1), "outside_scope": (1, 1)}


def test_a_scope_declared_for_rows_is_read_within(tmp_path):
    # isere hands over colorectum only, 2016 and 2017 only, although it covers more.
    given = tables()
    extra = [
        ("tumours", "registres", "colorectum", sex, "departement", 2016, 2018, 0, None) for sex in (1, 2)
    ]
    given["cells_scope"] = frame(
        "cells_scope", [*given["cells_scope"].itertuples(index=False, name=None), *extra]
    )
    small = read(tmp_path, given, Selection(("colorectum", "thyroid"), years=(2016, 2018)))
    assert small.events(*inc("colorectum", 1, "departement", "38", 2016)) == ([0, 0, 2], 0)
    assert inc("colorectum", 1, "departement", "38", 2018) not in small.at
    assert not any(key[1] == "thyroid" for key in small.at)


def test_what_is_selected_is_what_comes(tmp_path):
    selection = Selection(("prostate",), sexes=(1,), geo_levels=("region",), event_types=("incidence",))
    found = read(tmp_path, tables(), selection)
    assert {key[3] for key in found.at} == {"region"}
    assert {(key[5], key[6]) for key in found.at} == {(2016, 2017), (2017, 2018), (2018, 2019)}
