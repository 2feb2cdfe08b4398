"""What code belongs where: tumours by ICD-O-3, deaths and incident cases by ICD-10."""

from __future__ import annotations

import pytest

from rnc_epi.vocabulary.errors import InputError
from rnc_epi.vocabulary.site_integrity import ICD10_MALIGNANT
from rnc_epi.vocabulary.sites import (
    SITES,
    ancestors,
    classification_rows,
    icd10_rows,
    is_leaf,
    site,
    site_of_icd10,
    site_of_icdo3,
)

ICDO3_TOPOGRAPHIES = [
    f"C{number:02d}"
    for first, last in ((0, 26), (30, 34), (37, 42), (44, 44), (47, 58), (60, 77), (80, 80))
    for number in range(first, last + 1)
]


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
        # The spleen is a site of its own in ICD-O-3; ICD-10 has it among the digestive organs (C26.1).
        ("C42.2", 9120, "digestive_other"),
        ("C42.2", 8000, "digestive_other"),
        ("C42.2", 9140, "kaposi_sarcoma"),
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
