"""What leaves disclosure control: no small count, and nothing that gives one back."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rnc_epi.disclosure import load_policy, protect
from rnc_epi.vocabulary.errors import DisclosureRefused
from rnc_epi.vocabulary.hierarchy import Hierarchy
from rnc_epi.vocabulary.policy import Lift
from rnc_epi.vocabulary.schemas import DERIVED_FROM_COUNT, as_result


def counts_table(rows: list[dict]) -> pd.DataFrame:
    """Return a table of counts of deaths in men, France, 2016, from what differs."""
    same = {
        "indicator": "count", "measure_unit": "persons", "event_type": "death", "site": "lung", "sex": 1,
        "geo_level": "france_hexagonale", "geo_code": "FRA", "geo_vintage": "v", "period_from": 2016,
        "period_until": 2017, "age_from": 0, "age_until": None, "status": "estimated", "source": "deaths",
        "person_years": 1e6,
    }  # fmt: skip
    return as_result(pd.DataFrame([same | row | {"value": row["events"]} for row in rows]))


def band(age_from: int, age_until: int | None, events: float) -> dict:
    """Return an age-specific row."""
    return {
        "indicator": "age_specific_rate", "measure_unit": "rate", "age_from": age_from,
        "age_until": age_until, "events": events,
    }  # fmt: skip


def status_of(releasable, **wanted):
    table = releasable.table
    for name, value in wanted.items():
        table = table[table[name] == value]
    return table["status"].tolist()


def test_no_row_shows_a_count_from_one_to_ten(protected):
    table = protected[0].table
    assert not table["events"].between(1, 10).any()
    assert (table["status"] == "published").any()


def test_a_hidden_row_carries_no_number_at_all(protected):
    table = protected[0].table
    hidden = table[table["status"] == "not_published"]
    assert len(hidden)
    assert hidden[[*DERIVED_FROM_COUNT, "person_years"]].isna().all(axis=None)
    assert set(table["reason"]) == {"_"}


def test_count_rate_and_ratio_of_a_cell_are_hidden_together(protected):
    table = protected[0].table
    cell = ["site", "sex", "geo_level", "geo_code", "period_from", "period_until", "age_from", "age_until"]
    statuses = table.groupby(cell, dropna=False)["status"].nunique()
    assert (statuses == 1).all()


def test_the_audit_proves_every_small_count(protected):
    report = protected[1]
    assert report.small_cells > 20
    assert report.audit.witnessed == report.audit.protected
    assert report.audit.failed == ()
    # The linear programmes of the sample find the whole of 1..10, hence 9 at least.
    assert report.audit.narrowest >= 9


def test_national_and_long_regional_totals_stay(protected):
    assert protected[1].totals > 0
    assert protected[1].totals_hidden <= 0.05 * protected[1].totals


def test_two_protections_hide_the_same_rows(small_study, plan_policy, protected):
    shuffled = small_study.results.sample(frac=1.0, random_state=3)
    again = protect(as_result(shuffled), small_study.hierarchy, plan_policy)[0]
    pd.testing.assert_frame_equal(again.table, protected[0].table)


def test_a_lone_small_sex_takes_another_row_with_it():
    table = counts_table(
        [{"sex": 0, "events": 403.0}, {"sex": 1, "events": 3.0}, {"sex": 2, "events": 400.0}]
    )
    out, report = protect(table, Hierarchy(), load_policy())
    assert status_of(out, sex=1) == ["not_published"]
    # One sex holds nearly all of it: the row for both says little and goes.
    assert status_of(out, sex=0) == ["not_published"]
    assert status_of(out, sex=2) == ["published"]
    assert report.totals_hidden == 1


def test_what_a_parent_holds_beyond_its_children_is_a_count_too():
    # all = 40, of which lung 36: the 4 others would follow by subtraction.
    table = counts_table([{"site": "all", "events": 40.0}, {"site": "lung", "events": 36.0}])
    out, report = protect(table, Hierarchy(sites=(("all", ("lung",)),)), load_policy())
    assert report.remainders == 1
    assert "not_published" in out.table["status"].tolist()


def test_a_year_outside_the_shorter_of_two_nested_periods_is_protected():
    # 2011-2015 less 2011-2014 is the year 2015, with 6 deaths, although nobody published it.
    table = counts_table(
        [
            {"period_from": 2011, "period_until": 2016, "events": 60.0},
            {"period_from": 2011, "period_until": 2015, "events": 54.0},
        ]
    )
    out, report = protect(table, Hierarchy(), load_policy())
    assert report.remainders == 1
    assert sorted(out.table["status"]) == ["not_published", "published"]


def test_overlapping_periods_that_nest_in_none_are_both_published():
    table = counts_table(
        [
            {"period_from": 2011, "period_until": 2016, "events": 60.0},
            {"period_from": 2013, "period_until": 2018, "events": 57.0},
        ]
    )
    assert set(protect(table, Hierarchy(), load_policy())[0].table["status"]) == {"published"}


def test_persons_of_unknown_age_do_not_follow_from_two_totals():
    rows = [
        {"events": 60.0},
        {"events": 56.0, "indicator": "asr", "measure_unit": "rate", "standard": "world"},
    ]
    out, report = protect(counts_table(rows), Hierarchy(), load_policy())
    assert report.remainders == 1
    assert set(out.table["status"]) == {"not_published"}


def test_nearly_everyone_being_a_case_is_protected():
    # 40 deaths among 45 residents: the 5 others are few.
    table = counts_table([{"events": 40.0, "person_years": 45.0}, {"sex": 2, "events": 40.0}])
    out, _ = protect(table, Hierarchy(), load_policy())
    assert status_of(out, sex=1) == ["not_published"]
    assert status_of(out, sex=2) == ["published"]


def test_a_source_already_published_keeps_its_small_counts():
    table = counts_table([{"sex": 0, "events": 7.0}, {"sex": 1, "events": 3.0}, {"sex": 2, "events": 4.0}])
    table["source"] = "ci5"
    out, _ = protect(table, Hierarchy(), load_policy("default", {"ci5": 0}))
    assert out.table["events"].tolist() == [7.0, 3.0, 4.0]


def test_the_plan_leaves_out_what_is_too_fine():
    table = counts_table(
        [
            {"events": 50.0},
            {"events": 50.0, "geo_level": "departement", "geo_code": "01"},
            {"events": 50.0, "geo_level": "commune", "geo_code": "01001", "period_until": 2026},
            {"events": 50.0, "geo_level": "epci", "period_until": 2026, "age_from": 50},
        ]
    )
    out, report = protect(table, Hierarchy(), load_policy())
    assert out.table["geo_level"].tolist() == ["france_hexagonale"]
    assert report.left_out_by_plan == {"unnamed_level": 1, "short_period": 1, "age_detail": 1}


def test_mortality_with_a_caveat_needs_a_declared_line():
    table = counts_table([{"events": 50.0, "site": "pancreas"}])
    caveats = {"pancreas": "certification"}
    assert status_of(protect(table, Hierarchy(), load_policy(), caveats=caveats)[0]) == ["not_published"]
    lifted = load_policy("default", {}, [Lift("pancreas", "death", "raison assez longue", "a long reason")])
    assert status_of(protect(table, Hierarchy(), lifted, caveats=caveats)[0]) == ["published"]


def test_narrow_age_bands_beside_a_standardised_rate_are_hidden_all_together():
    bands = [band(5 * k, 5 * k + 5, n) for k, n in enumerate((4.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0))]
    whole = [{"events": 334.0}, {"events": 334.0, "indicator": "asr", "measure_unit": "rate"}]
    out, _ = protect(counts_table(bands + whole), Hierarchy(), load_policy())
    assert set(status_of(out, indicator="age_specific_rate")) == {"not_published"}
    assert status_of(out, indicator="asr") == ["published"]


def test_a_total_that_falls_in_one_age_band_does_not_say_so():
    bands = [band(0, 15, 0.0), band(15, 50, 0.0), band(50, None, 15.0)]
    out, _ = protect(counts_table([*bands, {"events": 15.0}]), Hierarchy(), load_policy())
    assert set(status_of(out, indicator="age_specific_rate")) == {"not_published"}
    assert status_of(out, indicator="count") == ["published"]


def test_what_would_be_mostly_hidden_is_left_out():
    bands = [band(0, 15, 2.0), band(15, 50, 5.0), band(50, None, 30.0)]
    out, report = protect(counts_table([*bands, {"events": 37.0}]), Hierarchy(), load_policy())
    assert out.table["indicator"].tolist() == ["count"]
    assert report.withheld_rows == 3


def test_a_row_that_cannot_be_estimated_says_so_whatever_its_count():
    table = counts_table([{"events": 50.0}, {"sex": 2, "events": np.nan}])
    table["status"] = ["estimated", "not_estimable"]
    out, _ = protect(table, Hierarchy(), load_policy())
    assert out.table["status"].tolist() == ["published", "not_estimable"]


def test_an_estimated_row_without_events_is_refused():
    with pytest.raises(DisclosureRefused, match="P011"):
        protect(counts_table([{"events": np.nan}]), Hierarchy(), load_policy())


def test_rows_of_one_cell_with_different_events_are_refused():
    table = counts_table([{"events": 50.0}, {"events": 51.0, "indicator": "crude_rate", "per": 100_000}])
    with pytest.raises(DisclosureRefused, match="P010"):
        protect(table, Hierarchy(), load_policy())


def test_sources_that_do_not_add_up_relate_nothing():
    table = counts_table(
        [{"sex": 0, "events": 100.0}, {"sex": 1, "events": 80.0}, {"sex": 2, "events": 70.0}]
    )
    out, report = protect(table, Hierarchy(), load_policy())
    assert report.contradictory_sums == 1
    assert set(out.table["status"]) == {"published"}


def test_published_numbers_are_at_published_precision(protected):
    table = protected[0].table
    rates = table[(table["measure_unit"] == "rate") & (table["status"] == "published")]["value"]
    ratios = table[(table["measure_unit"] == "ratio") & (table["status"] == "published")]["value"]
    assert all(repr(value)[::-1].find(".") <= 1 for value in rates)
    assert all(repr(value)[::-1].find(".") <= 2 for value in ratios)
