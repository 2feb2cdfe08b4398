"""What holds for any set of age bands: merging conserves, composes, and never splits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnc_epi.vocabulary.ages import AgeBand, BandSet
from rnc_epi.vocabulary.errors import InputError
from rnc_epi.vocabulary.standards import register_standard, standard


@st.composite
def band_sets(draw, *, min_bands=1, open_end=None):
    starts = draw(st.lists(st.integers(1, 110), unique=True, min_size=min_bands, max_size=25))
    open_end = draw(st.booleans()) if open_end is None else open_end
    edges = [0, *sorted(starts)]
    return BandSet.from_starts(edges, open_end=open_end)


@st.composite
def merged(draw, fine):
    """Draw a set that `fine` can be merged to."""
    kept = [start for start in fine.starts[1:] if draw(st.booleans())]
    edges = [fine.age_from, *kept]
    return BandSet.from_starts(edges if fine.is_open else [*edges, fine.age_until], open_end=fine.is_open)


@given(band_sets())
def test_labels_can_be_read_back_in_both_languages(bands):
    for language in ("en", "fr"):
        assert BandSet.from_labels(bands.labels(language)) == bands


@given(band_sets(), st.integers(0, 149) | st.floats(0, 149))
def test_an_age_falls_in_exactly_one_band_or_outside_the_set(bands, age):
    assert sum(band.contains(age) for band in bands) == int(bands.contains(age))


@given(st.data())
def test_merging_conserves_counts_and_keeps_each_age_in_its_band(data):
    fine = data.draw(band_sets())
    coarse = data.draw(merged(fine))
    index = fine.coarsen_to(coarse)
    counts = np.array(data.draw(st.lists(st.integers(0, 1000), min_size=len(fine), max_size=len(fine))))
    sums = np.bincount(index, weights=counts, minlength=len(coarse))
    assert sums.sum() == counts.sum()
    assert set(index.tolist()) == set(range(len(coarse)))
    for band, position in zip(fine, index, strict=True):
        assert coarse[position].contains(band.age_from)


@given(st.data())
def test_merging_twice_is_merging_once(data):
    fine = data.draw(band_sets())
    middle = data.draw(merged(fine))
    coarse = data.draw(merged(middle))
    np.testing.assert_array_equal(fine.coarsen_to(coarse), middle.coarsen_to(coarse)[fine.coarsen_to(middle)])


@given(band_sets(open_end=True), band_sets(open_end=True))
def test_common_bands_suit_both_and_no_finer_ones_do(one, other):
    shared = one.common(other)
    assert shared == other.common(one)
    assert one.can_coarsen_to(shared)
    assert other.can_coarsen_to(shared)
    for start in set(one.starts) | set(other.starts):
        if start not in shared.starts:
            finer = BandSet.from_starts(sorted({*shared.starts, start}))
            assert not (one.can_coarsen_to(finer) and other.can_coarsen_to(finer))


@given(band_sets(open_end=True), band_sets(open_end=True))
def test_merging_succeeds_exactly_where_every_coarse_limit_exists_in_the_fine_set(one, other):
    assert one.can_coarsen_to(other) == set(other.starts).issubset(one.starts)


@given(st.data())
def test_truncation_gives_the_bands_inside_or_refuses(data):
    bands = data.draw(band_sets())
    age_from = data.draw(st.integers(0, 100))
    age_until = data.draw(st.none() | st.integers(age_from + 1, 120))
    limits = {*bands.starts, bands.age_until}
    if age_from in bands.starts and age_until in limits:
        part = bands.truncate(age_from, age_until)
        assert (part.age_from, part.age_until) == (age_from, age_until)
        assert set(part) <= set(bands)
    else:
        with pytest.raises(InputError) as error:
            bands.truncate(age_from, age_until)
        assert error.value.code in ("V004", "V005")


@given(st.data())
def test_weights_of_a_standard_are_conserved_by_merging(data):
    world = standard("world")
    coarse = data.draw(merged(world.bands))
    # Sums of whole numbers are exact.
    assert world.weights_for(coarse).sum() == 100_000


@given(st.text(max_size=12))
def test_any_text_is_a_band_that_can_be_written_back_or_a_coded_refusal(text):
    code = None
    try:
        band = AgeBand.parse(text)
    except InputError as error:
        code = error.code
    assert code in ("V001", "V003") or AgeBand.parse(band.label()) == band


@given(st.text(max_size=12), st.lists(st.floats(), max_size=4))
def test_any_declaration_of_a_standard_is_taken_or_refused_with_a_code(name, weights):
    with pytest.raises(InputError):
        # Five bands and at most four weights never fit, whatever the name.
        register_standard(name, BandSet.from_starts([0, 15, 45, 65, 85]), weights)
