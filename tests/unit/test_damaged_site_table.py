"""A damaged table of sites is seen, each damage by its own sentence."""

from __future__ import annotations

import copy
import tomllib
from importlib.resources import files

import pytest

from rnc_epi.vocabulary.site_integrity import site_table_problems


@pytest.fixture
def entries():
    """Return a copy of the packaged table that a test may damage."""
    text = (files("rnc_epi.vocabulary") / "sites.toml").read_text(encoding="utf-8")
    return copy.deepcopy(tomllib.loads(text)["site"])


def test_the_packaged_table_is_sound(entries):
    assert site_table_problems(entries) == ()


def damage_parent(entries):
    entries["colon"]["parent"] = "bowel"


def damage_cycle(entries):
    entries["all_cancers"]["parent"] = "lung"


def damage_overlap_of_topography(entries):
    entries["lung"]["topography"] = "C32-C34"


def damage_overlap_of_morphology(entries):
    entries["myeloma"]["rules"][0]["morphology"] = "9729-9734"


def damage_deaths_lost(entries):
    entries["multiple_primaries"]["icd10_deaths"] = ""
    entries["multiple_primaries"]["icd10"] = ""


def damage_deaths_twice(entries):
    entries["renal_pelvis"]["icd10_deaths"] = "C65"


def damage_ci5_twice(entries):
    entries["lung"]["ci5"] = 20


def damage_ci5_nested(entries):
    entries["unknown_primary"]["ci5"] = 62


def damage_sex_of_parent(entries):
    entries["uterus"]["sexes"] = [1, 2]


def damage_sex_of_child(entries):
    entries["cervix_uteri"]["sexes"] = [1]


def damage_report(entries):
    entries["prostate"]["french_report_sexes"] = [2]


def damage_note(entries):
    del entries["kidney"]["deaths_note_fr"], entries["kidney"]["deaths_note_en"]


def damage_language(entries):
    del entries["liver"]["mortality_caveat_en"]


def damage_key(entries):
    entries["lung"]["topographie"] = "C33"


def damage_codes_of_parent(entries):
    entries["colorectum"]["icd10"] = "C18-C20"


def damage_leaf_without_codes(entries):
    del entries["lung"]["topography"], entries["lung"]["icd10"]


def damage_icss(entries):
    entries["lung"]["icss"] = 4


def damage_validity(entries):
    entries["lung"] |= {"valid_from": 2010, "valid_until": 2010}


def damage_name(entries):
    entries["lung"]["fr"] = ""


def damage_slug(entries):
    entries["Lung cancer"] = entries.pop("lung")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (damage_parent, "parent bowel does not stand before it"),
        (damage_cycle, "parent lung does not stand before it"),
        (damage_overlap_of_topography, "ICD-O-3 rules of priority 40 overlap"),
        (damage_overlap_of_morphology, "ICD-O-3 rules of priority 10 overlap"),
        (damage_deaths_lost, "deaths coded C97 are in no site"),
        (damage_deaths_twice, "ICD-10 codes of deaths overlap"),
        (damage_ci5_twice, "CI5 entity 20 is mapped more than once"),
        (damage_ci5_twice, "CI5 entity 21 is not mapped"),
        (damage_ci5_nested, "unknown_primary: not in exactly one CI5 entity"),
        (damage_ci5_nested, "CI5 entity 62 is unknown"),
        (damage_sex_of_parent, "uterus: its sexes are not those of its children"),
        (damage_sex_of_child, "uterus: its sexes are not those of its children"),
        (damage_report, "prostate: reported for a sex to which it does not apply"),
        (damage_note, "kidney: deaths are defined differently and nothing says why"),
        (damage_language, "liver: mortality_caveat in one language only"),
        (damage_key, "lung: unknown key topographie"),
        (damage_codes_of_parent, "colorectum: a parent is the sum of its children"),
        (damage_leaf_without_codes, "lung: a leaf without codes"),
        (damage_icss, "lung: icss is 1, 2 or 3"),
        (damage_validity, "lung: valid for no year"),
        (damage_name, "lung: no name in fr"),
        (damage_slug, "Lung cancer: not a slug"),
    ],
)
def test_a_damaged_table_is_seen(entries, damage, said):
    damage(entries)
    assert any(said in problem for problem in site_table_problems(entries))
