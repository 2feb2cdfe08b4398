"""Standard populations: published weights, merging, and users' own."""

from __future__ import annotations

import numpy as np
import pytest

from rnc_epi.vocabulary import standards
from rnc_epi.vocabulary.ages import BandSet
from rnc_epi.vocabulary.errors import InputError
from rnc_epi.vocabulary.standards import register_standard, standard, standard_names


@pytest.fixture
def register(monkeypatch):
    """Give each test a copy of the register, so that none leaves a standard behind."""
    monkeypatch.setattr(standards, "_REGISTER", dict(standards._REGISTER))


def test_the_packaged_standards():
    assert standard_names()[:4] == ("world", "esp1976", "esp2013", "who2000")
    for name in standard_names()[:4]:
        # The WHO weights are quotients: their sum is off by rounding only.
        assert standard(name).weights.sum() == pytest.approx(100_000, rel=1e-14)
        assert standard(name).title("fr") != standard(name).title("en")
        assert standard(name).source


def test_world_weights_are_those_of_segi_and_doll():
    # CI5 and Rcan, per 1000: 120 100 90 90 80 80 60 60 60 60 50 40 40 30 20 10 5 5.
    expected = [120, 100, 90, 90, 80, 80, 60, 60, 60, 60, 50, 40, 40, 30, 20, 10, 5, 5]
    assert (standard("world").weights_for(BandSet.five_year(85)) / 100).tolist() == expected


def test_european_weights_of_1976():
    # CI5 vol. III, per 100: 8, ten times 7, 6 5 4 3 2 1 1.
    expected = [8] + [7] * 10 + [6, 5, 4, 3, 2, 1, 1]
    assert (standard("esp1976").weights_for(BandSet.five_year(85)) / 1000).tolist() == expected


def test_european_weights_of_2013_to_90_and_over():
    # As in the tables of PHEindicatormethods, 19 bands.
    expected = [5000, 5500, 5500, 5500, 6000, 6000, 6500, 7000, 7000, 7000]
    expected += [7000, 6500, 6000, 5500, 5000, 4000, 2500, 1500, 1000]
    assert standard("esp2013").weights_for(BandSet.five_year(90)).tolist() == expected


def test_european_weights_of_2013_merge_to_85_and_over():
    assert standard("esp2013").weights_for(BandSet.five_year(85))[-1] == 2500


def test_european_weights_of_2013_on_the_age_bands_of_french_deaths():
    deaths = BandSet.from_labels(
        ["<1", "1-4", "5-14", "15-24", "25-34", "35-44", "45-54", "55-64", "65-74", "75-84", "85-94", "95p"]
    )
    expected = [1000, 4000, 11000, 11500, 12500, 14000, 14000, 12500, 10500, 6500, 2300, 200]
    assert standard("esp2013").weights_for(deaths).tolist() == expected


def test_who_weights_are_the_printed_percentages_over_their_sum():
    # Ahmad 2001: the printed percentages of the 18 bands to 85+ sum to 100.035.
    printed = [
        8.86,
        8.69,
        8.60,
        8.47,
        8.22,
        7.93,
        7.61,
        7.15,
        6.59,
        6.04,
        5.37,
        4.55,
        3.72,
        2.96,
        2.21,
        1.52,
        0.91,
    ]
    printed.append(0.635)
    assert sum(printed) == pytest.approx(100.035, abs=1e-9)
    weights = standard("who2000").weights_for(BandSet.five_year(85))
    # Rounding of 18 quotients.
    np.testing.assert_allclose(weights / 1000, np.array(printed) / 1.00035, rtol=1e-12)


def test_the_world_standard_truncated_to_35_64():
    # Truncated weights 6 6 6 5 4 4, sum 31.
    part = standard("world").truncated(35, 65)
    assert (part.weights / 1000).tolist() == [6, 6, 6, 5, 4, 4]
    assert part.weights_for(BandSet.from_starts([35, 50, 65], open_end=False)).tolist() == [18_000, 13_000]
    assert part.name == "world-35-64"
    assert standard("world").truncated(75, None).name == "world-75+"


def test_a_band_of_the_standard_is_never_split_and_the_message_names_it():
    with pytest.raises(InputError) as error:
        standard("world").weights_for(BandSet.five_year(90))
    assert error.value.code == "V010"
    assert error.value.facts["where"] == "85+"
    with pytest.raises(InputError) as error:
        standard("world").weights_for(BandSet.from_starts([0, 18, 65]))
    assert error.value.facts["where"] == "15-19"


def test_weights_are_not_dropped_in_silence():
    with pytest.raises(InputError, match="V013"):
        standard("world").weights_for(BandSet.five_year().truncate(0, 75))
    with pytest.raises(InputError, match="V013"):
        standard("world").truncated(0, 75).weights_for(BandSet.five_year())


def test_an_unknown_standard_names_the_nearest():
    with pytest.raises(InputError) as error:
        standard("ESP2031")
    assert error.value.code == "V014"
    assert error.value.facts["nearest"] == "esp2013"


def test_weights_cannot_be_written_over():
    with pytest.raises(ValueError, match="read-only"):
        standard("world").weights[0] = 1


def test_the_caller_keeps_its_own_array(register):
    mine = np.array([1.0, 2.0])
    kept = register_standard("mine", ["0-14", "15+"], mine)
    mine[0] = 99
    assert kept.weights.tolist() == [1, 2]


def test_a_user_may_declare_a_standard_once(register):
    first = register_standard("mine", ["0-14", "15+"], [20, 80], title_fr="La mienne", source="census")
    assert standard("mine") is first
    assert (first.title("fr"), first.title("en")) == ("La mienne", "mine")
    assert register_standard("mine", ["0-14", "15+"], [20, 80]) is first
    for bands, weights in ((["0-14", "15+"], [30, 70]), (["0-4", "5+"], [20, 80])):
        with pytest.raises(InputError, match="V012"):
            register_standard("mine", bands, weights)
    with pytest.raises(InputError, match="V012"):
        register_standard("world", ["0-14", "15+"], [20, 80])


@pytest.mark.parametrize("name", ["Mine", "", "1mine", "my standard", "mine;", None])
def test_the_name_of_a_standard_is_a_slug(register, name):
    with pytest.raises(InputError, match="V012"):
        register_standard(name, ["0-14", "15+"], [20, 80])


@pytest.mark.parametrize(
    ("weights", "code"),
    [
        ([1, 2, 3], "V011"),
        ([[1, 2]], "V011"),
        ([-1, 2], "V015"),
        ([0, 0], "V015"),
        ([np.nan, 1], "V015"),
        ([np.inf, 1], "V015"),
    ],
)
def test_unusable_weights_are_refused(register, weights, code):
    with pytest.raises(InputError) as error:
        register_standard("mine", ["0-14", "15+"], weights)
    assert error.value.code == code


def test_weights_agree_with_the_reference_table(shared):
    lines = shared("oracles/standardisation/segi.csv").read_text().splitlines()[1:]
    expected = [float(line.split(",")[1]) for line in lines]
    assert standard("world").weights_for(BandSet.five_year(85)).tolist() == expected
