"""Age bands: what labels mean, what merges, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from rnc_epi.vocabulary.ages import AgeBand, BandSet, common_bands
from rnc_epi.vocabulary.errors import InputError


@pytest.mark.parametrize(
    ("label", "age_from", "age_until"),
    [
        ("0-4", 0, 5),
        ("85+", 85, None),
        ("<1", 0, 1),
        ("0", 0, 1),
        ("1-4", 1, 5),
        ("95p", 95, None),
        ("80 – 84", 80, 85),
        ("5 à 9 ans", 5, 10),
        ("85 ans et plus", 85, None),
        ("85 et plus", 85, None),
        ("moins de 1 an", 0, 1),
        ("85 years and over", 85, None),
        ("10_14", 10, 15),
    ],
)
def test_a_label_says_its_ages(label, age_from, age_until):
    assert AgeBand.parse(label) == AgeBand(age_from, age_until)


@pytest.mark.parametrize("label", ["unknown", "inconnu", "", "5-", "-5", "4 - 5 - 6", "ans", None, 5, "1e1"])
def test_what_is_no_band_is_refused(label):
    with pytest.raises(InputError) as error:
        AgeBand.parse(label)
    assert error.value.code == "V003"


def test_labels_are_inclusive_although_bands_are_half_open():
    assert AgeBand(0, 5).label() == "0-4"
    assert AgeBand(0, 5).label("fr") == "0-4 ans"
    assert AgeBand(0, 1).label("fr") == "0 an"
    assert AgeBand(85, None).label() == "85+"
    assert AgeBand(85, None).label("fr") == "85 ans et plus"
    with pytest.raises(InputError, match="M005"):
        AgeBand(0, 5).label("de")


def test_a_birthday_belongs_to_the_older_band():
    assert not AgeBand(0, 5).contains(5)
    assert AgeBand(5, 10).contains(5)
    assert AgeBand(0, 5).contains(4.999)
    assert AgeBand(85, None).contains(112)


@pytest.mark.parametrize(
    ("age_from", "age_until"), [(5, 5), (6, 5), (-1, 5), (0, 2.5), (True, 5), (0, 200), ("0", 5)]
)
def test_an_impossible_band_is_refused(age_from, age_until):
    with pytest.raises(InputError) as error:
        AgeBand(age_from, age_until)
    assert error.value.code == "V001"


def test_an_age_from_an_array_becomes_a_plain_integer():
    band = AgeBand(np.int64(40), np.int16(45))
    assert type(band.age_from) is int
    assert type(band.age_until) is int


def test_the_eighteen_bands_of_cancer_registries():
    bands = BandSet.five_year()
    assert bands.labels() == (
        *("0-4", "5-9", "10-14", "15-19", "20-24", "25-29", "30-34", "35-39", "40-44", "45-49"),
        *("50-54", "55-59", "60-64", "65-69", "70-74", "75-79", "80-84", "85+"),
    )
    assert bands == BandSet.from_labels(bands.labels())
    assert hash(bands) == hash(BandSet.from_starts(range(0, 90, 5)))
    assert bands != BandSet.five_year(90)
    assert bands.widths.tolist() == [5.0] * 17 + [np.inf]
    assert bands.contains(0)
    assert bands.contains(130)
    assert bands[17].is_open


@pytest.mark.parametrize("open_from", [0, 87, -5])
def test_five_year_bands_open_at_a_multiple_of_five(open_from):
    with pytest.raises(InputError, match="V001"):
        BandSet.five_year(open_from)


@pytest.mark.parametrize(
    ("bands", "where"),
    [
        ([], 0),
        ([AgeBand(0, 5), AgeBand(6, 10)], 1),
        ([AgeBand(0, 5), AgeBand(5, 10), AgeBand(9, 15)], 2),
        ([AgeBand(5, 10), AgeBand(0, 5)], 1),
        ([AgeBand(0, None), AgeBand(5, 10)], 1),
        ([AgeBand(0, None), AgeBand(0, None)], 1),
    ],
)
def test_gaps_overlaps_disorder_and_an_open_band_inside_are_refused(bands, where):
    with pytest.raises(InputError) as error:
        BandSet(bands)
    assert error.value.code == "V002"
    assert error.value.facts["where"] == where


def test_cepidc_bands_merge_with_five_year_bands_where_both_have_a_limit():
    deaths = BandSet.from_labels(
        ["<1", "1-4", "5-14", "15-24", "25-34", "35-44", "45-54", "55-64", "65-74", "75-84", "85-94", "95p"]
    )
    merged = deaths.common(BandSet.five_year(85))
    assert merged.labels() == (
        "0-4",
        "5-14",
        "15-24",
        "25-34",
        "35-44",
        "45-54",
        "55-64",
        "65-74",
        "75-84",
        "85+",
    )
    assert deaths.coarsen_to(merged).tolist() == [0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9]
    assert common_bands([deaths, BandSet.five_year(85), BandSet.from_starts([0, 15])]).labels() == (
        "0-14",
        "15+",
    )


def test_a_ten_year_band_is_not_split_and_the_message_names_it():
    with pytest.raises(InputError) as error:
        BandSet.from_starts([0, 5, 15, 25]).coarsen_to(BandSet.from_starts([0, 5, 10, 15, 25]))
    assert error.value.code == "V004"
    assert error.value.facts["found"] == "5-14"


def test_an_open_band_is_not_split():
    with pytest.raises(InputError) as error:
        BandSet.five_year(85).coarsen_to(BandSet.five_year(90))
    assert error.value.code == "V004"
    assert error.value.facts["found"] == "85+"
    assert not BandSet.five_year(85).can_coarsen_to(BandSet.five_year(90))
    assert BandSet.five_year(90).can_coarsen_to(BandSet.five_year(85))


@pytest.mark.parametrize(
    ("fine", "coarse"),
    [
        (BandSet.five_year(), BandSet.from_starts([5, 15])),
        (BandSet.five_year(), BandSet.from_starts([0, 75], open_end=False)),
        (BandSet.from_starts([0, 5, 75], open_end=False), BandSet.from_starts([0, 80], open_end=False)),
        (BandSet.from_starts([0, 5, 75], open_end=False), BandSet.from_starts([0])),
    ],
)
def test_merging_never_loses_people_nor_makes_a_partial_band(fine, coarse):
    with pytest.raises(InputError) as error:
        fine.coarsen_to(coarse)
    assert error.value.code == "V005"
    with pytest.raises(InputError, match="V005"):
        fine.common(coarse)


def test_truncation_keeps_whole_bands_only():
    bands = BandSet.five_year()
    assert bands.truncate(35, 65).labels() == ("35-39", "40-44", "45-49", "50-54", "55-59", "60-64")
    assert bands.truncate(0, 75).age_until == 75
    assert bands.truncate(75, None).labels() == ("75-79", "80-84", "85+")
    assert bands.slice_within(35, 65) == slice(7, 13)
    with pytest.raises(InputError) as error:
        bands.truncate(35, 67)
    assert (error.value.code, error.value.facts["found"]) == ("V004", "65-69")
    with pytest.raises(InputError) as error:
        bands.truncate(33, 65)
    assert (error.value.code, error.value.facts["found"]) == ("V004", "30-34")
    with pytest.raises(InputError) as error:
        bands.truncate(0, 90)
    assert (error.value.code, error.value.facts["found"]) == ("V004", "85+")
    with pytest.raises(InputError, match="V005"):
        bands.truncate(0, 75).truncate(0, 80)
    with pytest.raises(InputError, match="V005"):
        bands.truncate(15, None).truncate(0, 75)


def test_midpoints_are_those_of_the_french_calibration():
    # Chatignoux's tables use 2.5, 7.5, …, 82.5 and 88.5 for 85 and over.
    middles = BandSet.five_year().midpoints(open_midpoint=88.5)
    assert middles[[0, 1, 16, 17]].tolist() == [2.5, 7.5, 82.5, 88.5]


@pytest.mark.parametrize("open_midpoint", [None, 84.9])
def test_an_open_band_has_no_midpoint_of_its_own(open_midpoint):
    with pytest.raises(InputError, match="V006"):
        BandSet.five_year().midpoints(open_midpoint=open_midpoint)


def test_closed_bands_need_no_midpoint_given():
    assert BandSet.from_starts([0, 1, 5], open_end=False).midpoints().tolist() == [0.5, 3.0]
