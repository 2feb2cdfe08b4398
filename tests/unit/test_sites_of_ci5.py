"""The sites against the entities and published cases of Cancer Incidence in Five Continents, volume XII."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict

import pytest

from rnc_epi.vocabulary.errors import InputError
from rnc_epi.vocabulary.sites import (
    SITES,
    ancestors,
    by_ci5_code,
    ci5_control_totals,
)


def test_every_entity_of_ci5_is_one_site():
    assert [by_ci5_code(code).ci5_code for code in range(1, 62)] == list(range(1, 62))
    assert by_ci5_code(61).slug == "other_and_unspecified"


def test_control_totals_are_set_aside_with_a_reason():
    assert sorted(ci5_control_totals()) == [62, 63]
    for code, total in ci5_control_totals().items():
        with pytest.raises(InputError, match="V042"):
            by_ci5_code(code)
        assert total.reason.fr
        assert total.reason.en
        assert all(slug in SITES for slug in total.sum_of)
    for code in (0, 64, None):
        with pytest.raises(InputError, match="V041"):
            by_ci5_code(code)


@pytest.fixture(scope="module")
def french_ci5(shared):
    """Return the cases of the French registries in CI5-XII by (registry, sex, site code), and the names."""
    cases: dict[tuple[str, int, int], int] = defaultdict(int)
    names = {}
    with gzip.open(shared("data/registries/ci5_xii_france.csv.gz"), "rt", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            names[int(row["site_code"])] = row["site"]
            cases[row["registry"], int(row["sex"]), int(row["site_code"])] += int(row["cases"] or 0)
    return cases, names


def test_names_of_ci5_are_those_of_the_data(french_ci5):
    _, names = french_ci5
    for code, name in names.items():
        known = (
            ci5_control_totals()[code].name if code in ci5_control_totals() else by_ci5_code(code).ci5_name
        )
        assert known == name


def test_control_totals_are_the_sums_of_the_sites_in_every_registry(french_ci5):
    cases, _ = french_ci5
    registries = {(registry, sex) for registry, sex, _ in cases}
    assert len(registries) == 38
    for registry, sex in registries:
        sums: dict[str, int] = defaultdict(int)
        for code in range(1, 62):
            slug = by_ci5_code(code).slug
            for above in (slug, *ancestors(slug)):
                sums[above] += cases[registry, sex, code]
        for code, total in ci5_control_totals().items():
            assert cases[registry, sex, code] == sum(sums[slug] for slug in total.sum_of)


def test_sites_of_one_sex_hold_no_case_of_the_other_in_real_data(french_ci5):
    cases, _ = french_ci5
    for (_, sex, code), count in cases.items():
        if code < 62 and not by_ci5_code(code).applies_to(sex):
            assert count == 0


def test_parents_sum_to_the_published_cases_of_the_metropolitan_registries(french_ci5):
    cases, _ = french_ci5
    overseas = {"La Réunion", "Guadeloupe", "Martinique"}
    sums: dict[tuple[str, int], int] = defaultdict(int)
    for (registry, sex, code), count in cases.items():
        if registry not in overseas and code < 62:
            slug = by_ci5_code(code).slug
            for above in (slug, *ancestors(slug)):
                sums[above, sex] += count
    # Pooled counts of the 16 metropolitan registries, 2013-2017.
    published = {
        "lip_oral_pharynx": (10_441, 3_531),
        "oesophagus": (4_285, 1_190),
        "lung": (31_637, 13_559),
        "gallbladder_biliary": (1_416, 1_508),
        "melanoma_skin": (7_504, 7_665),
        "kidney": (8_562, 4_168),
        "central_nervous_system": (3_097, 2_481),
        "hodgkin_lymphoma": (1_229, 967),
        "non_hodgkin_lymphoma": (8_170, 6_455),
        "myeloma": (2_891, 2_630),
        "lymphoid_leukaemia": (4_223, 2_843),
        "myeloid_leukaemia": (3_061, 2_468),
        "all_cancers": (223_398, 181_842),
    }
    for slug, (men, women) in published.items():
        assert (sums[slug, 1], sums[slug, 2]) == (men, women), slug
    # The published line joins the anus (C18-C21), which stands apart here.
    assert sums["colorectum", 1] + sums["anus", 1] == 25_368
    assert sums["colorectum", 2] + sums["anus", 2] == 21_270
    # The published line joins corpus and unspecified (C54-C55).
    assert sums["corpus_uteri", 2] + sums["uterus_unspecified", 2] == 8_204
