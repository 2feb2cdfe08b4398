"""Data finer than the standard at the oldest ages: their last bands are summed, no weight is split."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rnc_epi.indicators import asr, rate_ratio
from rnc_epi.vocabulary.ages import BandSet
from rnc_epi.vocabulary.errors import InputError
from rnc_epi.vocabulary.standards import standard


def to_ninety() -> pd.DataFrame:
    bands = list(BandSet.five_year(90))
    number = np.arange(len(bands))
    table = pd.DataFrame({"age": [str(band) for band in bands], "events": number * 2 + 1})
    return table.assign(person_years=50_000.0 - 2_000.0 * number, variance=(number * 2 + 1) * 1.5)


def to_eighty_five() -> pd.DataFrame:
    fine = to_ninety()
    last = fine.iloc[17:][["events", "person_years", "variance"]].sum()
    return pd.concat([fine.iloc[:17], last.to_frame().T.assign(age="85+")], ignore_index=True)


@pytest.mark.parametrize("options", [{}, {"interval_method": "normal", "event_variance": "variance"}])
def test_bands_within_the_open_band_of_the_standard_are_summed(options: dict) -> None:
    fine = asr(to_ninety(), standard="world", **options)
    wide = asr(to_eighty_five(), standard="world", **options)
    columns = ["value", "lower", "upper", "se", "events", "person_years"]
    # The same sums in another order.
    np.testing.assert_allclose(fine[columns], wide[columns].astype(float), rtol=1e-14)


def test_a_variance_by_band_is_summed_with_its_bands() -> None:
    table = to_ninety()
    named = asr(table, standard="world", interval_method="normal", event_variance="variance")
    given = asr(table, standard="world", interval_method="normal", event_variance=[table["variance"]])
    assert given["se"].item() == pytest.approx(named["se"].item(), rel=1e-14)


def test_comparisons_share_the_bands_too() -> None:
    fine = pd.concat([to_ninety().assign(place=name) for name in "AB"])
    wide = pd.concat([to_eighty_five().assign(place=name) for name in "AB"])
    options = {"between": "place", "first": "A", "second": "B", "standard": "world"}
    assert rate_ratio(fine, **options)["value"].item() == pytest.approx(1.0, rel=1e-14)
    assert rate_ratio(wide, **options)["value"].item() == pytest.approx(1.0, rel=1e-14)


def test_a_standard_that_is_finer_keeps_the_bands_of_the_data() -> None:
    bands = BandSet.five_year(85)
    assert standard("esp2013").shared_bands(bands) == bands
    assert str(standard("world").shared_bands(BandSet.five_year(95))) == str(bands)


def test_a_weight_is_not_split_where_the_data_have_no_band_that_starts_with_the_open_one() -> None:
    table = pd.DataFrame({"age": ["0-79", "80-89", "90+"], "events": 5, "person_years": 1_000.0})
    with pytest.raises(InputError) as refusal:
        asr(table, standard="world")
    assert refusal.value.code == "V010"
