"""What the report dares to say of an area beside the rest of its region (ruling 26)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rnc_epi.report.comparison import Parent, compare_with_rest, comparison_sentences


def areas(observed, expected, *, status="published", site="lung"):
    count = len(observed)
    return pd.DataFrame(
        {
            "geo_code": [f"{i:02d}" for i in range(count)],
            "name": [f"Zone {i}" for i in range(count)],
            "site": site,
            "sex": 1,
            "status": status,
            "events": np.asarray(observed, float),
            "expected": np.asarray(expected, float),
        }
    )


def parents(frame, events, expected):
    return {
        (site, sex, code): Parent(events, expected, "Région")
        for site, sex, code in frame[["site", "sex", "geo_code"]].itertuples(index=False, name=None)
    }


def test_the_ratio_is_to_the_rest_of_the_region_with_exact_limits():
    # 30 observed for 20 expected, in a region of 100 for 100: the rest has 70 for 80.
    frame = areas([30], [20])
    found = compare_with_rest(frame, parents(frame, 100, 100)).iloc[0]
    assert found["against_rest"] == pytest.approx((30 / 20) / (70 / 80), rel=1e-12)
    # Given 100 events, those of the area are binomial; Clopper and Pearson's limits of its share, as odds.
    share = stats.binomtest(30, 100, 20 / 100)
    low, high = share.proportion_ci(method="exact")
    # Two routes to the same quantile, F and beta: they agree to rounding.
    assert found["rest_lower"] == pytest.approx(low / (1 - low) * 80 / 20, rel=1e-9)
    assert found["rest_upper"] == pytest.approx(high / (1 - high) * 80 / 20, rel=1e-9)
    tails = min(stats.binom.sf(29, 100, 0.2), stats.binom.cdf(30, 100, 0.2))
    assert found["p_value"] == pytest.approx(2 * tails, rel=1e-9)


def test_one_area_in_twenty_is_not_a_finding_among_twenty_five():
    # One p-value of about 0.03 among 25: alone it stands out, in its family it does not.
    observed, expected = [123] + [100] * 24, [100.0] * 25
    frame = areas(observed, expected)
    family = compare_with_rest(frame, parents(frame, 2523, 2500))
    alone = compare_with_rest(frame.head(1), parents(frame, 2523, 2500))
    assert alone["p_value"].iloc[0] < 0.05
    assert alone["verdict"].tolist() == ["higher"]
    assert set(family["verdict"]) == {"not_distinct"}


def test_an_area_whose_figures_are_not_published_is_not_compared():
    frame = areas([5, 30], [9, 20])
    frame.loc[0, ["status", "events", "expected"]] = ["not_published", np.nan, np.nan]
    found = compare_with_rest(frame, parents(frame, 100, 100))
    assert found["verdict"].tolist() == ["not_compared", "higher"]
    assert np.isnan(found.loc[0, "p_value"])


def test_an_area_without_region_or_that_is_its_whole_region_is_not_compared():
    frame = areas([30, 100], [20, 100.0])
    known = parents(frame, 100, 100)
    del known["lung", 1, "00"]
    assert compare_with_rest(frame, known)["verdict"].tolist() == ["not_compared", "not_compared"]


def test_by_default_areas_do_not_stand_out():
    frame = areas([20, 21, 19], [20, 20, 20])
    said = comparison_sentences(compare_with_rest(frame, parents(frame, 60, 60)), "fr")
    assert said == ("Aucune des 3 zones comparées ne se distingue.",)


def test_the_sentence_names_the_area_its_region_its_ratio_and_limits():
    frame = areas([60, 20, 20], [20, 20, 20])
    # Clopper and Pearson for 60 of 100: 0.4972 to 0.6967, as odds times 40 / 20.
    higher, lower, calm = comparison_sentences(compare_with_rest(frame, parents(frame, 100, 60)), "en")
    assert higher == "Higher than the rest: Zone 0 (×\u00a03.00 (1.98–4.59))."
    assert "Zone 1" in lower
    assert "Zone 2" in lower
    assert calm == "Areas that do not stand out: 0."


def test_thyroid_and_melanoma_name_diagnostic_practice():
    for site, named in (("thyroid", True), ("melanoma_skin", True), ("lung", False)):
        frame = areas([20, 21], [20, 20], site=site)
        said = " ".join(comparison_sentences(compare_with_rest(frame, parents(frame, 60, 60)), "fr"))
        assert ("pratiques diagnostiques" in said) is named


def test_more_areas_than_the_page_can_name_are_counted():
    frame = areas([40] * 5 + [100] * 15, [100.0] * 20)
    compared = compare_with_rest(frame, parents(frame, 1700, 2000))
    lower = next(words for words in comparison_sentences(compared, "en", limit=3) if "Lower" in words)
    assert lower.endswith("and 2 more.")
