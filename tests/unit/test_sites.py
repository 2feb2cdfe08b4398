"""The table of sites: its tree, its sexes, its names."""

from __future__ import annotations

import subprocess
import sys

import pytest

from rnc_epi.vocabulary.errors import InputError, catalogue, placeholders
from rnc_epi.vocabulary.site_integrity import ICD10_MALIGNANT
from rnc_epi.vocabulary.site_table import code_ranges
from rnc_epi.vocabulary.sites import (
    SITES,
    ancestors,
    children,
    is_leaf,
    leaves,
    site,
    site_of_icd10,
)


def test_everything_but_non_melanoma_skin_is_all_cancers():
    roots = [slug for slug, item in SITES.items() if item.parent is None]
    assert roots == ["all_cancers", "skin_non_melanoma"]
    assert "skin_non_melanoma" not in leaves("all_cancers")
    assert len(leaves("all_cancers")) + 1 == sum(is_leaf(slug) for slug in SITES)


def test_colon_and_rectum_without_the_anus():
    assert leaves("colorectum") == ("colon", "rectum")
    assert ancestors("anus") == ("all_cancers",)
    assert site("colorectum").icd10_deaths == code_ranges("C18, C19-C20")


def test_lip_mouth_and_pharynx_are_c00_to_c14():
    codes = [code for code in ICD10_MALIGNANT if site_of_icd10(code) in leaves("lip_oral_pharynx")]
    assert codes == [f"C{number:02d}" for number in range(15)]


def test_the_leaves_of_a_site_are_those_that_have_it_above_them():
    for slug in SITES:
        below = {leaf for leaf in SITES if is_leaf(leaf) and slug in (leaf, *ancestors(leaf))}
        assert below == set(leaves(slug))
        assert len(set(ancestors(slug))) == len(ancestors(slug))


def test_an_unknown_site_names_the_nearest_in_either_language():
    for word, nearest in (("Poumon", "lung"), ("colorectal", "colorectum"), ("oesophage", "oesophagus")):
        with pytest.raises(InputError) as error:
            site(word)
        assert error.value.code == "V040"
        assert error.value.facts["nearest"].split(", ")[0] == nearest
    for function in (children, leaves, ancestors, is_leaf):
        with pytest.raises(InputError, match="V040"):
            function("lungs")


def test_names_exist_in_both_languages():
    assert (site("cervix_uteri").name("fr"), site("cervix_uteri").name()) == (
        "Col de l'utérus",
        "Cervix uteri",
    )
    with pytest.raises(InputError, match="M005"):
        site("lung").name("de")


def test_a_site_cannot_be_changed():
    with pytest.raises(AttributeError):
        site("lung").slug = "other"


def test_the_french_list_has_46_pairs_of_site_and_sex_not_52():
    sexes = {slug: item.french_report_sexes for slug, item in SITES.items() if item.french_report}
    assert sum(map(len, sexes.values())) == 46
    assert len(sexes) == 26
    assert sexes["breast"] == (2,)
    assert site("breast").sexes == (1, 2)


def test_sites_of_one_sex_are_structurally_zero_for_the_other():
    for slug in ("prostate", "testis", "penis", "male_genital_other"):
        assert site(slug).sexes == (1,)
        assert not site(slug).applies_to(2)
        assert site(slug).applies_to(0)
    women = {slug for slug, item in SITES.items() if item.sexes == (2,)}
    assert women == {
        *("vulva", "vagina", "uterus", "cervix_uteri", "corpus_uteri", "uterus_unspecified"),
        *("ovary", "female_genital_other", "placenta"),
    }


def test_the_french_list_counts_no_tumour_twice():
    reported = [slug for slug, item in SITES.items() if item.french_report and slug != "all_cancers"]
    below = [leaf for slug in reported for leaf in leaves(slug)]
    assert len(below) == len(set(below))


def test_importing_the_module_reads_no_table_and_adds_no_heavy_library():
    code = (
        "import sys, rnc_epi.vocabulary.errors;"
        "before = set(sys.modules);"
        "import rnc_epi.vocabulary.sites as sites;"
        "assert sites._table.cache_info().currsize == 0;"
        "assert not {'numpy', 'pandas', 'duckdb', 'difflib'} & (set(sys.modules) - before)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_messages_of_the_vocabulary_ask_for_the_same_facts_in_both_languages():
    codes = [code for code in catalogue() if code.startswith("V")]
    assert codes
    for code in codes:
        texts = catalogue()[code]
        for key in ("", "next_"):
            assert placeholders(texts[f"{key}fr"]) == placeholders(texts[f"{key}en"]), code
