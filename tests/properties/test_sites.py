"""What holds for any code: one site at most, always a leaf, and sums up the tree lose nobody."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rnc_epi.vocabulary.sites import (
    SITES,
    ancestors,
    by_ci5_code,
    children,
    classification_rows,
    icd10_rows,
    is_leaf,
    leaves,
    site_of_icd10,
    site_of_icdo3,
)

topographies = st.builds("C{:02d}.{:d}".format, st.integers(0, 99) | st.just(44), st.integers(0, 9))
# Half of the draws fall on a limit of a rule, where mistakes live.
morphologies = st.integers(7900, 10_050) | st.sampled_from(
    sorted({edge for row in classification_rows() for edge in (row.morphology_from, row.morphology_until)})
)
slugs = st.sampled_from(sorted(SITES))


@given(topographies, morphologies)
def test_a_tumour_has_the_site_of_the_one_rule_that_comes_first(topography, morphology):
    rules = [
        row
        for row in classification_rows()
        if row.topography_from <= topography < row.topography_until
        and row.morphology_from <= morphology < row.morphology_until
    ]
    slug = site_of_icdo3(topography, morphology, 3)
    if not rules:
        assert slug is None
        return
    first = min(row.priority for row in rules)
    assert [row.slug for row in rules if row.priority == first] == [slug]
    assert is_leaf(slug)


@given(topographies, morphologies, st.integers(0, 9))
def test_spelling_changes_nothing(topography, morphology, behaviour):
    expected = site_of_icdo3(topography, morphology, behaviour)
    assert site_of_icdo3(topography.replace(".", "").lower(), f" {morphology} ", str(behaviour)) == expected


@given(topographies)
def test_the_site_of_a_solid_tumour_depends_on_the_category_only(topography):
    assert site_of_icdo3(topography, 8140, 3) == site_of_icdo3(topography[:3], 8140, 3)


@given(st.text(max_size=8), st.text(max_size=6), st.text(max_size=2))
def test_any_text_has_a_site_or_none(topography, morphology, behaviour):
    assert site_of_icdo3(topography, morphology, behaviour) in {None, *SITES}
    assert site_of_icd10(topography) in {None, *SITES}


@given(st.sampled_from("CDI"), st.integers(0, 99), st.integers(0, 9), st.sampled_from(["death", "incidence"]))
def test_a_code_of_icd10_lies_in_one_row_at_most(letter, category, digit, event_type):
    code = f"{letter}{category:02d}{digit}"
    holders = [row.slug for row in icd10_rows(event_type) if row.code_from <= code < row.code_until]
    slug = site_of_icd10(f"{letter}{category:02d}.{digit}", event_type)
    assert holders == ([] if slug is None else [slug])


@given(slugs)
def test_a_parent_is_the_disjoint_sum_of_its_children(slug):
    below = [leaf for child in children(slug) for leaf in leaves(child)]
    assert len(below) == len(set(below))
    assert tuple(below) == (leaves(slug) if below else ())
    assert all(slug in ancestors(leaf) for leaf in below)
    assert all(set(SITES[leaf].sexes) <= set(SITES[slug].sexes) for leaf in below)


@given(st.dictionaries(slugs, st.integers(0, 1000)))
def test_cells_attached_anywhere_in_the_tree_are_summed_once(cells):
    """A source may know leaves, another only parents (CI5 gives one entity for all other sites)."""
    sums = dict.fromkeys(SITES, 0)
    for slug, count in cells.items():
        for above in (slug, *ancestors(slug)):
            sums[above] += count
    assert sums["all_cancers"] + sums["skin_non_melanoma"] == sum(cells.values())
    for slug in SITES:
        assert sums[slug] == cells.get(slug, 0) + sum(sums[child] for child in children(slug))


@given(st.integers(1, 61))
def test_a_tumour_coded_in_icdo3_and_in_icd10_falls_in_the_same_entity(code):
    item = by_ci5_code(code)
    inside = set(leaves(item.slug))
    for row in item.rules:
        topography = row.topography_from.ljust(4, "9")
        assert site_of_icdo3(topography, row.morphology_from, 3) in inside
        assert site_of_icdo3(topography, row.morphology_until - 1, 3) in inside
    for codes in item.icd10_incidence:
        assert site_of_icd10(codes.code_from, "incidence") in inside
