"""The table of sites: its tree, what code belongs where, and that it holds together."""

from __future__ import annotations

import copy
import csv
import gzip
import subprocess
import sys
import tomllib
from collections import defaultdict
from importlib.resources import files

import pytest

from rnc_epi.vocabulary.errors import InputError, catalogue, placeholders
from rnc_epi.vocabulary.site_integrity import ICD10_MALIGNANT, site_table_problems
from rnc_epi.vocabulary.site_table import code_ranges
from rnc_epi.vocabulary.sites import (
    SITES,
    ancestors,
    by_ci5_code,
    children,
    ci5_control_totals,
    classification_rows,
    icd10_rows,
    is_leaf,
    leaves,
    rollup_rows,
    site,
    site_of_icd10,
    site_of_icdo3,
    site_sex_pairs,
)

ICDO3_TOPOGRAPHIES = [
    f"C{number:02d}"
    for first, last in ((0, 26), (30, 34), (37, 42), (44, 44), (47, 58), (60, 77), (80, 80))
    for number in range(first, last + 1)
]


@pytest.fixture
def entries():
    """Return a copy of the packaged table that a test may damage."""
    text = (files("rnc_epi.vocabulary") / "sites.toml").read_text(encoding="utf-8")
    return copy.deepcopy(tomllib.loads(text)["site"])


# ---------------------------------------------------------------------------------------------- the tree


def test_the_packaged_table_is_sound(entries):
    assert site_table_problems(entries) == ()


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


def test_rollup_joins_each_site_to_itself_and_all_above():
    rows = rollup_rows()
    assert len(rows) == len(set(rows))
    for slug in SITES:
        assert {above for below, above in rows if below == slug} == {slug, *ancestors(slug)}
        assert {below for below, above in rows if above == slug and is_leaf(below)} == set(leaves(slug))


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


# ------------------------------------------------------------------------------------------------- sexes


def test_the_french_list_has_46_pairs_of_site_and_sex_not_52():
    pairs = site_sex_pairs(french_report=True)
    assert len(pairs) == 46
    assert len({slug for slug, _ in pairs}) == 26
    assert ("breast", 2) in pairs
    assert ("breast", 1) not in pairs
    assert ("breast", 1) in site_sex_pairs()


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


# ------------------------------------------------------------------------------------- incidence by ICD-O-3


@pytest.mark.parametrize(
    ("topography", "morphology", "slug"),
    [
        ("C34.1", 8140, "lung"),
        ("C33.9", 8070, "lung"),
        ("C18.7", 8140, "colon"),
        ("C19.9", 8140, "rectum"),
        ("C21.1", 8070, "anus"),
        ("C64.9", 8310, "kidney"),
        ("C65.9", 8120, "renal_pelvis"),
        ("C67.9", 8120, "bladder"),
        ("C53.1", 8070, "cervix_uteri"),
        ("C54.1", 8380, "corpus_uteri"),
        ("C55.9", 8000, "uterus_unspecified"),
        ("C44.5", 8720, "melanoma_skin"),
        ("C44.5", 8790, "melanoma_skin"),
        ("C44.3", 8090, "skin_non_melanoma"),
        ("C44.3", 8247, "skin_non_melanoma"),
        # A melanoma of the eye, the vulva or the rectum is a tumour of that organ.
        ("C69.3", 8720, "eye"),
        ("C51.9", 8720, "vulva"),
        ("C20.9", 8720, "rectum"),
        # Mesothelioma and Kaposi sarcoma wherever they arise; a skin site does not hold them back.
        ("C38.4", 9050, "mesothelioma"),
        ("C48.2", 9053, "mesothelioma"),
        ("C38.4", 8000, "thoracic_other"),
        ("C44.7", 9140, "kaposi_sarcoma"),
        ("C49.2", 8850, "soft_tissue"),
        ("C16.9", 8936, "stomach"),
        ("C71.1", 9440, "central_nervous_system"),
        ("C75.3", 9364, "endocrine_other"),
        ("C80.9", 8140, "unknown_primary"),
        ("C77.0", 8070, "unknown_primary"),
        ("C42.1", 8000, "unknown_primary"),
        ("C26.0", 8140, "digestive_other"),
        ("C48.0", 8850, "peritoneum_retroperitoneum"),
        # Lymphoid and blood by morphology, whatever the organ.
        ("C16.9", 9680, "non_hodgkin_lymphoma"),
        ("C44.3", 9700, "non_hodgkin_lymphoma"),
        ("C77.0", 9650, "hodgkin_lymphoma"),
        ("C38.1", 9663, "hodgkin_lymphoma"),
        ("C42.1", 9732, "myeloma"),
        ("C41.2", 9731, "myeloma"),
        ("C42.0", 9761, "immunoproliferative"),
        ("C42.1", 9823, "lymphoid_leukaemia"),
        ("C42.1", 9835, "lymphoid_leukaemia"),
        ("C42.1", 9940, "lymphoid_leukaemia"),
        ("C42.1", 9861, "myeloid_leukaemia"),
        ("C42.1", 9875, "myeloid_leukaemia"),
        ("C42.1", 9945, "myeloid_leukaemia"),
        ("C42.1", 9742, "myeloid_leukaemia"),
        ("C42.1", 9801, "leukaemia_unspecified"),
        ("C42.1", 9950, "myeloproliferative"),
        ("C42.1", 9962, "myeloproliferative"),
        ("C42.1", 9983, "myelodysplastic"),
        ("C42.2", 9689, "non_hodgkin_lymphoma"),
        ("C71.0", 9590, "non_hodgkin_lymphoma"),
        # Marginal zone: of mucosa C88.4, in a lymph node C83.0.
        ("C16.9", 9699, "immunoproliferative"),
        ("C77.2", 9699, "non_hodgkin_lymphoma"),
        ("C41.1", 9751, "non_hodgkin_lymphoma"),
    ],
)
def test_an_invasive_tumour_finds_its_site(topography, morphology, slug):
    assert site_of_icdo3(topography, morphology, 3) == slug
    assert site_of_icdo3(topography.replace(".", ""), f"{morphology}", "3") == slug


@pytest.mark.parametrize("behaviour", [0, 1, 2, 6, 9, "", None])
def test_only_invasive_primary_tumours_count(behaviour):
    for topography, morphology in (("C67.9", 8130), ("C71.1", 9440), ("C56.9", 8442), ("C34.1", 8140)):
        assert site_of_icdo3(topography, morphology, behaviour) is None


@pytest.mark.parametrize(
    ("topography", "morphology"),
    [
        ("C99.9", 8140),
        ("34.1", 8140),
        ("", 8140),
        ("C3", 8140),
        ("C34.1", 7999),
        ("C34.1", "81403"),
        ("C34.1", None),
        ("C34.1", "NSCLC"),
        ("C34.12", 8140),
        ("C35.9", 8140),
        ("C43.9", 8720),
    ],
)
def test_what_is_no_code_has_no_site(topography, morphology):
    assert site_of_icdo3(topography, morphology, 3) is None


def test_every_solid_and_blood_tumour_of_icdo3_has_a_site():
    blood = {*range(9590, 9770), *range(9800, 9838), *range(9840, 9932), 9940, 9945, 9946, 9948, 9950}
    blood |= {*range(9960, 9968), 9970, 9971, 9975, 9980, *range(9982, 9988), 9989, 9991, 9992, 9993}
    blood -= {9810, *range(9743, 9749)}
    for topography in ICDO3_TOPOGRAPHIES:
        for morphology in (8000, 8140, 8720, 9050, 9140, 9589):
            assert site_of_icdo3(topography, morphology, 3) is not None, topography
    for morphology in blood:
        for topography in ("C42.1", "C77.9", "C16.9", "C44.1"):
            assert site_of_icdo3(topography, morphology, 3) is not None, morphology


def test_the_rows_joined_in_sql_give_what_the_function_gives():
    """At every combination of a boundary of topography, of morphology and of behaviour."""
    import duckdb

    rows = classification_rows()
    edges = {edge for row in rows for edge in (row.morphology_from, row.morphology_until)}
    morphologies = sorted({value for edge in edges for value in (edge - 1, edge)})
    topographies = [f"C{number:02d}{end}" for number in range(82) for end in ("", ".0", "9")]
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE rule (slug TEXT, tf TEXT, tu TEXT, mf INT, mu INT, b INT, priority INT)"
        )
        connection.executemany("INSERT INTO rule VALUES (?, ?, ?, ?, ?, ?, ?)", [list(row) for row in rows])
        connection.execute("CREATE TABLE topography AS SELECT unnest(?::TEXT[]) AS t", [topographies])
        connection.execute("CREATE TABLE morphology AS SELECT unnest(?::INT[]) AS m", [morphologies])
        found = connection.execute(
            """
            SELECT t, m, v, arg_min(slug, priority), count(*) FILTER (priority = least_priority)
            FROM (
                SELECT *, min(priority) OVER (PARTITION BY t, m, v) AS least_priority
                FROM topography CROSS JOIN morphology CROSS JOIN (VALUES (2), (3)) AS behaviour(v)
                LEFT JOIN rule ON t >= tf AND t < tu AND m >= mf AND m < mu AND b = v
            )
            GROUP BY t, m, v
            """
        ).fetchall()
    assert len(found) == len(topographies) * len(morphologies) * 2
    for topography, morphology, behaviour, slug, rivals in found:
        assert site_of_icdo3(topography, morphology, behaviour) == slug, (topography, morphology, behaviour)
        assert rivals <= 1


# ----------------------------------------------------------------------------------------- deaths by ICD-10


@pytest.mark.parametrize(
    ("code", "slug"),
    [
        ("C34.9", "lung"),
        ("C349", "lung"),
        ("c34", "lung"),
        ("C20", "rectum"),
        ("C21.8", "anus"),
        ("C22.0", "liver"),
        ("C43.9", "melanoma_skin"),
        ("C44.9", "skin_non_melanoma"),
        ("C45.0", "mesothelioma"),
        ("C55", "uterus_unspecified"),
        ("C64", "kidney"),
        ("C65", "kidney"),
        ("C66", "kidney"),
        ("C68.9", "kidney"),
        ("C67.9", "bladder"),
        ("C76.2", "unknown_primary"),
        ("C78.7", "unknown_primary"),
        ("C80.9", "unknown_primary"),
        ("C86.6", "non_hodgkin_lymphoma"),
        ("C96.9", "non_hodgkin_lymphoma"),
        ("C88.0", "immunoproliferative"),
        ("C94.3", "myeloid_leukaemia"),
        ("C97", "multiple_primaries"),
        ("D45", None),
        ("D46.9", None),
        ("D47.1", None),
        ("D37.9", None),
        ("I21.9", None),
        ("C27", None),
        ("C87", None),
        ("cancer", None),
        ("", None),
    ],
)
def test_a_death_finds_its_site(code, slug):
    assert site_of_icd10(code) == slug


def test_every_malignant_category_of_icd10_is_counted_once():
    assert len(ICD10_MALIGNANT) == 27 + 5 + 5 + 16 + 27 + 1 + 8
    for category in ICD10_MALIGNANT:
        holders = [row.slug for row in icd10_rows() if row.code_from <= category < row.code_until]
        assert len(holders) == 1, category
        assert ("all_cancers" in ancestors(holders[0])) == (category != "C44")


@pytest.mark.parametrize(
    ("code", "slug"),
    [
        ("C64", "kidney"),
        ("C65", "renal_pelvis"),
        ("C66", "ureter"),
        ("C68.0", "urinary_other"),
        ("D45", "myeloproliferative"),
        ("D46.2", "myelodysplastic"),
        ("D47.1", "myeloproliferative"),
        ("D47.3", "myeloproliferative"),
        ("D47.5", "myeloproliferative"),
        ("D47.2", None),
        ("C97", None),
    ],
)
def test_an_incident_case_coded_in_icd10_finds_its_site(code, slug):
    assert site_of_icd10(code, "incidence") == slug


def test_events_are_deaths_or_incident_cases():
    with pytest.raises(InputError, match="M005"):
        site_of_icd10("C34", "prevalence")


def test_deaths_that_are_defined_differently_say_so():
    different = {slug for slug, item in SITES.items() if is_leaf(slug) and item.deaths_defined_differently}
    assert different == {
        *("kidney", "renal_pelvis", "ureter", "urinary_other", "myeloproliferative", "myelodysplastic"),
        "multiple_primaries",
    }
    assert site("all_cancers").deaths_defined_differently
    assert not site("lung").deaths_defined_differently
    for slug in different | {"all_cancers"}:
        assert SITES[slug].deaths_note.fr
        assert SITES[slug].deaths_note.en


def test_sites_whose_mortality_needs_a_caveat():
    caveats = {slug for slug, item in SITES.items() if item.mortality_caveat}
    assert caveats == {"liver", "pancreas", "uterus_unspecified", "cervix_uteri", "corpus_uteri"}


# --------------------------------------------------------------------------------------------------- CI5


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


# -------------------------------------------------------------------------------- a damaged table is seen


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
