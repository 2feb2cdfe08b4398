"""What codes mean: published examples of ICCC-3, IARC's conversion of blood, the rules of 2004, coverage."""

from __future__ import annotations

import csv
from collections import defaultdict

import pytest

from rnc_epi.extracts import geography
from rnc_epi.vocabulary.classification import icdo3
from rnc_epi.vocabulary.classification.childhood import (
    iccc3_group,
    iccc3_groups,
    iccc3_main_group,
    iccc3_main_groups,
    iccc3_rules,
)
from rnc_epi.vocabulary.classification.codes import morphology_spans, topography_spans
from rnc_epi.vocabulary.classification.consistency import code_facts
from rnc_epi.vocabulary.classification.non_invasive import non_invasive_entities, non_invasive_entity
from rnc_epi.vocabulary.classification.primaries import (
    Verdict,
    morphology_group,
    morphology_groups,
    same_primary,
)
from rnc_epi.vocabulary.classification.registries import (
    METROPOLITAN,
    coverage_rows,
    french_registries,
    general_registry_departements,
    uses_death_certificates,
)
from rnc_epi.vocabulary.classification.uterus import cervical_share
from rnc_epi.vocabulary.errors import InputError
from rnc_epi.vocabulary.sites import SITES, ancestors, children, site_of_icd10, site_of_icdo3

# One tumour of each subgroup, after tables 1 and 2 of Steliarova-Foucher 2005 and the update of 2017.
ICCC3_EXAMPLES = {
    "Ia": ("C42.1", 9836, 3), "Ib": ("C42.1", 9861, 3), "Ic": ("C42.1", 9875, 3), "Id": ("C42.1", 9985, 3),
    "Ie": ("C42.1", 9805, 3), "IIa": ("C77.0", 9650, 3), "IIb": ("C77.8", 9680, 3), "IIc": ("C77.2", 9687, 3),
    "IId": ("C41.0", 9751, 3), "IIe": ("C77.9", 9590, 3), "IIIa": ("C71.7", 9391, 3),
    "IIIb": ("C72.3", 9380, 3),
    "IIIc": ("C71.6", 9470, 3), "IIId": ("C71.7", 9380, 3), "IIIe": ("C75.2", 9350, 1),
    "IIIf": ("C71.9", 8000, 1), "IVa": ("C74.9", 9500, 3), "IVb": ("C30.0", 9522, 3), "V": ("C69.2", 9510, 3),
    "VIa": ("C64.9", 8960, 3), "VIb": ("C64.9", 8312, 3), "VIc": ("C64.9", 8000, 3),
    "VIIa": ("C22.0", 8970, 3),
    "VIIb": ("C22.0", 8170, 3), "VIIc": ("C22.0", 8000, 3), "VIIIa": ("C40.2", 9180, 3),
    "VIIIb": ("C41.4", 9220, 3), "VIIIc": ("C40.2", 9260, 3), "VIIId": ("C41.2", 9370, 3),
    "VIIIe": ("C41.9", 8800, 3), "IXa": ("C49.0", 8910, 3), "IXb": ("C49.1", 9540, 3),
    "IXc": ("C44.7", 9140, 3),
    "IXd": ("C49.2", 9260, 3), "IXe": ("C49.9", 8800, 3), "Xa": ("C75.3", 9064, 3), "Xb": ("C49.5", 9071, 3),
    "Xc": ("C62.9", 9061, 3), "Xd": ("C56.9", 8441, 3), "Xe": ("C56.9", 8620, 3), "XIa": ("C74.0", 8370, 3),
    "XIb": ("C73.9", 8260, 3), "XIc": ("C11.9", 8072, 3), "XId": ("C44.5", 8720, 3),
    "XIe": ("C44.3", 8090, 3),
    "XIf": ("C18.1", 8240, 3), "XIIa": ("C25.0", 8971, 3), "XIIb": ("C76.2", 8000, 3),
}  # fmt: skip

# IARC's conversion of malignant haematological morphologies to ICD-10 version 2010 (Ferlay, IARC Technical
# Report 42, kept up to ICD-O-3.2): the ICD-10 category, or the subcategory of D45-D47, of each.
CONVERSION = {
    "C81": "9650-9655 9659 9661-9665 9667",
    "C82": "9597 9690 9691 9695 9698",
    "C83": "9670 9671 9673 9678 9680 9684 9687-9689 9712 9727-9729 9735 9737 9738 9766",
    "C84": "9700-9702 9709 9714 9715 9724-9726",
    "C85": "9590 9591 9596 9675 9679",
    "C86": "9705 9708 9716-9719 9767",
    "C88": "9760-9764",
    "C90": "9731-9734",
    "C91": "9811-9820 9823 9826 9827 9831-9837 9940",
    "C92": "9860-9869 9871-9879 9895-9898 9912 9930 9966 9984",
    "C93": "9891 9945 9946",
    "C94": "9742 9840 9870 9910 9911 9920 9931 9948",
    "C95": "9800-9809",
    "C96": "9740 9741 9750-9759 9967 9968",
    "D45": "9950",
    "D46": "9980 9982 9983 9985-9987 9989 9991-9993",
    "D471": "9960 9963 9975",
    "D473": "9962",
    "D474": "9961",
    "D475": "9964 9965",
}


def test_every_group_of_iccc3_takes_its_published_example():
    assert set(ICCC3_EXAMPLES) == set(iccc3_groups())
    assert {code: iccc3_group(*codes) for code, codes in ICCC3_EXAMPLES.items()} == {
        code: code for code in ICCC3_EXAMPLES
    }


def test_iccc3_has_twelve_main_groups_and_forty_seven_subgroups():
    assert len(iccc3_main_groups()) == 12
    # Retinoblastoma is a main group without subgroups.
    assert len(set(iccc3_groups()) - set(iccc3_main_groups())) == 47
    assert [iccc3_main_group(code) for code in ("Ia", "IVb", "VIIIe", "V")] == ["I", "IV", "VIII", "V"]
    assert set(map(iccc3_main_group, iccc3_groups())) == set(iccc3_main_groups())


def test_no_tumour_has_two_groups_in_iccc3():
    by_morphology = defaultdict(list)
    for rule in iccc3_rules():
        for first, until in rule.morphology:
            for code in range(first, until):
                by_morphology[code].append(rule)
    for rules in set(map(tuple, by_morphology.values())):
        for place in range(810):
            for behaviour in (0, 1, 3):
                found = {
                    rule.code
                    for rule in rules
                    if behaviour in rule.behaviour and any(a <= place < b for a, b in rule.topography)
                }
                assert len(found) <= 1, (place, behaviour, found)


# Codes that ICD-O-3.2 and WHO's fifth edition brought, as SEER's recode of ICCC-3 has them since 2023.
ICCC3_OF_2023 = {
    "Ia": [("C42.1", 9819)], "Ib": [("C42.1", code) for code in (9877, 9878, 9879, 9912)],
    "Id": [("C42.1", 9993)], "Ie": [("C42.1", 9968)],
    "IIb": [("C77.1", 9819), ("C44.5", 9715)], "IId": [("C40.2", 9749)],
    "IIId": [("C71.1", 9445)],
    "IXd": [("C22.0", 9126), ("C49.2", 8859), ("C49.2", 9366), ("C49.2", 9367), ("C40.2", 9368)],
    "Xd": [("C56.9", 9111)], "XIb": [("C73.9", 8348), ("C73.9", 8349), ("C73.9", 9111)],
    "XIf": [("C25.0", 8455), ("C53.9", 9111)], "XIIa": [("C16.9", 8976)],
}  # fmt: skip


def test_codes_of_icdo32_have_their_group_in_iccc3():
    assert {codes: iccc3_group(*codes, 3) for of_group in ICCC3_OF_2023.values() for codes in of_group} == {
        codes: group for group, of_group in ICCC3_OF_2023.items() for codes in of_group
    }


def test_every_morphology_of_icdo3_has_a_place_in_iccc3():
    held = {
        code for rule in iccc3_rules() for first, until in rule.morphology for code in range(first, until)
    }
    # Two histiocytoses of ICD-O-3 (2000), never malignant there, that its first revision took back.
    assert {c for c in range(8000, 9994) if icdo3.is_morphology(c)} - held == {9752, 9753}


def test_the_site_of_a_lymphoid_leukaemia_or_lymphoma_decides_its_group():
    assert iccc3_group("C42.1", 9837, 3) == "Ia"
    assert iccc3_group("C77.1", 9837, 3) == "IIb"
    assert iccc3_group("C71.9", 9501, 3) == "IIIc"
    assert iccc3_group("C69.4", 9501, 3) == "IVb"


def test_benign_tumours_count_in_iccc3_only_in_the_nervous_system():
    assert iccc3_group("C71.0", 9421, 1) == "IIIb"
    assert iccc3_group("C56.9", 9080, 0) is None
    assert iccc3_group("C75.3", 9080, 0) == "Xa"
    assert iccc3_group("C50.9", 8500, 2) is None


def test_iccc3_refuses_a_group_that_it_does_not_have():
    with pytest.raises(InputError, match="O090"):
        iccc3_main_group("VIII")


def test_blood_is_cut_where_iarc_converts_to_icd10():
    differences = {}
    for category, text in CONVERSION.items():
        for first, until in morphology_spans(text.replace(" ", ", ")):
            for morphology in range(first, until):
                if not icdo3.is_morphology(morphology):
                    continue
                expected = site_of_icd10(category, "incidence")
                found = site_of_icdo3("C42.1", morphology, 3)
                if found != expected:
                    differences[morphology] = (found, expected)
    assert differences == {}


def test_a_marginal_zone_lymphoma_is_nodal_in_a_node_and_immunoproliferative_elsewhere():
    assert site_of_icdo3("C77.2", 9699, 3) == "non_hodgkin_lymphoma"
    assert site_of_icdo3("C16.9", 9699, 3) == "immunoproliferative"


def test_every_malignant_code_of_icdo3_has_a_site():
    solid = [code for code in range(8000, 9590) if icdo3.is_morphology(code)]
    blood = [code for code in range(9590, 9994) if icdo3.is_morphology(code)]
    places = [place for place in range(810) if icdo3.is_topography(place)]
    assert (len(solid) + len(blood), len(places)) == (857, 330)
    for place in places:
        topography = f"C{place // 10:02d}.{place % 10}"
        assert site_of_icdo3(topography, 8000, 3) is not None
    assert None not in {site_of_icdo3("C34.1", code, 3) for code in solid}
    assert None not in {site_of_icdo3("C42.1", code, 3) for code in blood}


def test_solid_sites_take_no_blood_and_blood_is_told_by_morphology_alone():
    assert {site_of_icdo3(place, 9680, 3) for place in ("C16.9", "C62.9", "C71.0", "C77.0")} == {
        "non_hodgkin_lymphoma"
    }
    assert site_of_icdo3("C44.9", 8090, 3) == "skin_non_melanoma"
    assert "all_cancers" not in ancestors("skin_non_melanoma")


@pytest.mark.parametrize(
    ("codes", "site", "entity"),
    [
        (("C67.9", 8120, 3), "bladder", None),
        (("C67.9", 8130, 2), None, "bladder_non_invasive"),
        (("C67.9", 8130, 1), None, "bladder_non_invasive"),
        (("C67.9", 8121, 0), None, None),
        (("C70.0", 9530, 3), "central_nervous_system", None),
        (("C70.0", 9530, 0), None, "cns_non_malignant"),
        (("C75.1", 8272, 0), None, "cns_non_malignant"),
        (("C56.9", 8442, 1), None, "ovary_borderline"),
        (("C44.5", 8743, 2), None, "melanoma_in_situ"),
        (("C44.5", 8070, 2), None, "other_in_situ"),
        (("C53.9", 8077, 2), None, "cervix_in_situ"),
        (("C50.9", 8500, 2), None, "breast_in_situ"),
    ],
)
def test_what_is_not_invasive_is_named_and_in_no_incidence(codes, site, entity):
    assert site_of_icdo3(*codes) == site
    assert non_invasive_entity(*codes) == entity


def test_an_entity_that_is_not_invasive_stands_beside_a_site_of_the_table():
    assert {item.site for item in non_invasive_entities().values()} - {None} <= set(SITES)


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        # One tumour in an organ or pair of organs, whatever the time between them.
        (("C50.1", 8500), ("C50.9", 8520), Verdict.SAME),
        (("C18.2", 8140), ("C18.7", 8480), Verdict.SAME),
        (("C56.9", 8441), ("C56.9", 8460), Verdict.SAME),
        # Sites of table 1 count as one.
        (("C01.9", 8070), ("C02.1", 8070), Verdict.SAME),
        (("C03.9", 8070), ("C06.2", 8070), Verdict.SAME),
        (("C19.9", 8140), ("C20.9", 8140), Verdict.SAME),
        (("C65.9", 8120), ("C67.0", 8130), Verdict.SAME),
        (("C18.7", 8140), ("C20.9", 8140), Verdict.DIFFERENT),
        (("C01.9", 8070), ("C03.9", 8070), Verdict.DIFFERENT),
        # Different groups of table 2 are two tumours, even in one organ.
        (("C34.1", 8070), ("C34.3", 8140), Verdict.DIFFERENT),
        (("C34.1", 8041), ("C34.1", 8140), Verdict.DIFFERENT),
        (("C50.9", 8500), ("C50.9", 8800), Verdict.DIFFERENT),
        # Unspecified carcinomas and tumours are not different from others of the organ.
        (("C34.1", 8010), ("C34.3", 8140), Verdict.SAME),
        (("C34.1", 8000), ("C34.3", 9680), Verdict.SAME),
        (("C34.1", 8010), ("C18.0", 8140), Verdict.DIFFERENT),
        # Blood and Kaposi sarcoma once in a lifetime.
        (("C42.1", 9732), ("C41.2", 9731), Verdict.SAME),
        (("C77.0", 9680), ("C16.9", 9699), Verdict.SAME),
        (("C77.0", 9590), ("C42.1", 9823), Verdict.SAME),
        (("C77.0", 9650), ("C42.1", 9861), Verdict.DIFFERENT),
        (("C44.7", 9140), ("C77.0", 9140), Verdict.SAME),
        # Table 25 of ICD-O-3.2: neoplasms with eosinophilia or after a transplant may be of either lineage.
        (("C42.1", 9965), ("C42.1", 9861), Verdict.SAME),
        (("C42.1", 9967), ("C77.0", 9837), Verdict.SAME),
        (("C42.1", 9968), ("C42.1", 9811), Verdict.SAME),
        (("C77.0", 9971), ("C77.1", 9702), Verdict.SAME),
        (("C42.1", 9966), ("C42.1", 9837), Verdict.DIFFERENT),
        # Mesothelioma once in a lifetime (IARC Technical Report 42).
        (("C38.4", 9050), ("C48.1", 9052), Verdict.SAME),
        # An unknown primary decides nothing; two of them are one.
        (("C80.9", 8140), ("C18.0", 8140), Verdict.UNDECIDED),
        (("C80.9", 8140), ("C80.9", 8010), Verdict.SAME),
    ],
)  # fmt: skip
def test_the_rules_of_2004_decide_as_they_say(first, second, verdict):
    assert same_primary(first, second) is verdict
    assert same_primary(second, first) is verdict


def test_every_morphology_of_icdo3_has_one_group_of_the_rules_of_2004():
    counts = defaultdict(int)
    for group in morphology_groups():
        for first, until in group.codes:
            for code in range(first, until):
                counts[code] += 1
    assert set(counts.values()) == {1}
    assert [c for c in range(8000, 9994) if icdo3.is_morphology(c) and not morphology_group(c)] == []


def test_every_morphology_has_one_family():
    for code in range(8000, 9994):
        names = [
            family.name
            for family in icdo3.families().values()
            if any(a <= code < b for a, b in family.morphology)
        ]
        assert len(names) <= 1
        assert bool(names) or not icdo3.is_morphology(code)


def test_what_is_usual_is_neither_unlikely_nor_impossible():
    usual = [
        ("C34.1", 8140), ("C50.9", 8500), ("C61.9", 8140), ("C18.7", 8140), ("C22.0", 8170), ("C64.9", 8312),
        ("C67.9", 8120), ("C71.1", 9440), ("C73.9", 8260), ("C44.5", 8720), ("C77.0", 9650), ("C42.1", 9732),
        ("C42.1", 9823), ("C62.9", 9061), ("C56.9", 8441), ("C54.1", 8380), ("C53.9", 8070), ("C38.4", 9050),
        ("C40.2", 9180), ("C49.2", 8890), ("C80.9", 8000), ("C69.3", 8720), ("C74.9", 9500), ("C15.4", 8070),
    ]  # fmt: skip
    for codes in usual:
        facts = code_facts(*codes)
        assert facts.topography_exists
        assert facts.morphology_exists
        assert facts.site_possible
        assert facts.site_expected
        assert not facts.blood_in_organ


def test_a_melanoma_is_known_without_a_microscope_on_the_skin_and_in_the_eye_alone():
    # IARC Technical Report 42: morphologies accepted whether verified under a microscope or not.
    assert not code_facts("C44.5", 8720).needs_microscope
    assert not code_facts("C69.3", 8720).needs_microscope
    for topography in ("C21.1", "C30.0", "C51.9", "C70.0", "C80.9"):
        assert code_facts(topography, 8720).needs_microscope
    assert code_facts("C44.5", 8743).needs_microscope
    assert not code_facts("C22.0", 8170).needs_microscope
    assert not code_facts("C74.9", 9500).needs_microscope


def test_the_share_of_the_cervix_falls_with_age_as_published():
    # Rogel 2011: above 95 % at 30-40 years, 35 % above 70.
    assert cervical_share(35) >= 0.95
    assert cervical_share(75) == 0.35
    shares = [cervical_share(age) for age in range(100)]
    assert shares == sorted(shares, reverse=True)


def test_general_registries_cover_the_published_share_of_the_population(shared):
    person_years = defaultdict(float)
    with shared("data/population/person_years_departement_2007_2015.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            person_years[row["departement"]] += float(row["person_years"])
    covered = sum(share * person_years[code] for code, share in general_registry_departements(2015).items())
    # "22 to 25 % according to the site" (Santé publique France, 2020): general registries alone are at the
    # low end, and a point below it without the digestive, haematological and gynaecological ones.
    assert 0.205 < covered / sum(person_years.values()) < 0.225


def test_with_the_overseas_registries_about_24_percent_of_the_population_is_covered():
    population = geography.departements().set_index("code")["population"]
    covered = sum(
        share * population[code] for code, share in general_registry_departements(2015, overseas=True).items()
    )
    # Francim says 24 %; half a point for the year and for the part of the Nord.
    assert covered / population.sum() == pytest.approx(0.24, abs=0.006)


def test_every_line_of_the_registries_is_sourced_and_makes_sense():
    departements = set(geography.departements()["code"])
    lines = french_registries()
    assert {line.registry for line in lines if line.general} >= {"isere", "tarn", "martinique", "reunion"}
    for line in lines:
        assert line.source
        assert line.checked in ("source", "notes")
        assert set(line.departements) - {METROPOLITAN} <= departements
        assert all(group == "general" or group in SITES for group in line.site_groups)
        assert 1975 <= line.period_from < (line.period_until or 2026)
        assert 0 <= line.age_from < (line.age_until or 200)
        assert 0 < line.population_share <= 1
    assert {part for line in lines for part in line.part_of} <= {line.registry for line in lines}


def test_two_general_registries_never_cover_one_departement():
    for year in (1990, 2000, 2010, 2016, 2020):
        owners = [
            (code, line.registry)
            for line in french_registries()
            if line.general
            for code in line.departements
            if line.covers(code, year)
        ]
        assert len({code for code, _ in owners}) == len(owners)


def test_children_are_covered_once_at_each_age_in_each_year():
    blood = ("hodgkin_lymphoma", "non_hodgkin_lymphoma", "immunoproliferative", "myeloma", "leukaemia",
             "myeloproliferative", "myelodysplastic")  # fmt: skip
    solid = set(children("all_cancers")) - set(blood)
    national = [line for line in french_registries() if line.departements == (METROPOLITAN,)]
    for year, age, expected in [
        (1995, 10, set(blood)),
        (2005, 10, set(blood) | solid),
        (2005, 16, set()),
        (2015, 10, set(blood) | solid),
        (2015, 16, {"general"}),
        (2015, 18, set()),
    ]:
        groups = [
            group
            for line in national
            if line.period_from <= year and line.age_from <= age < (line.age_until or 200)
            for group in line.site_groups
        ]
        assert sorted(groups) == sorted(expected), (year, age)


def test_coverage_says_from_which_age_a_registry_records():
    assert coverage_rows("rnce", geo_vintage="v", until=2021)[0] == (
        "rnce", "departement", "971", "v", "general", 0, 18, 2011, 2021
    )  # fmt: skip
    adolescents = next(line for line in french_registries() if line.age_from == 15)
    assert (adolescents.registry, adolescents.age_until, adolescents.general) == ("rnce", 18, False)


def test_thyroid_cancers_of_marne_and_ardennes_are_recorded_since_1975():
    # Institut Godinot: the registry was set up in 1975; InVS 2011 publishes both départements from that year.
    assert not [line for line in french_registries() if line.covers("51", 1974)]
    assert [line.registry for line in french_registries() if line.covers("08", 1975)] == [
        "marne_ardennes_thyroide"
    ]


def test_a_registry_that_ended_covers_no_later_year():
    assert "90" in general_registry_departements(2016)
    assert "90" not in general_registry_departements(2017)
    assert coverage_rows("doubs_belfort", geo_vintage="v", until=2015)[1][-1] == 2015


def test_french_registries_take_no_case_from_a_certificate_alone():
    assert uses_death_certificates("isere") is False
    assert uses_death_certificates("nowhere") is None
    # Its hospital names certificates among the sources, without saying for what.
    assert uses_death_certificates("calvados_digestif") is None


def test_ranges_are_read_as_icd_writes_them():
    assert topography_spans("C00-C02, C77.9") == ((0, 30), (779, 780))
    assert morphology_spans("8010-8015, 8050") == ((8010, 8016), (8050, 8051))
