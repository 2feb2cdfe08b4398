"""Verbs on tables: by hand, the same on cells and on frames, and errors by their codes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rnc_epi.cells.table import Cells
from rnc_epi.indicators import comparisons, frames, lifetimes, rates, ratios, report_basics
from rnc_epi.vocabulary.ages import BandSet
from rnc_epi.vocabulary.errors import InputError
from rnc_epi.vocabulary.indicators import defined_slugs, definition
from rnc_epi.vocabulary.schemas import CELL_STRATUM
from rnc_epi.vocabulary.standards import register_standard

BANDS = BandSet.from_starts([0, 15, 65])
register_standard("verbs-three", BANDS, [0.2, 0.5, 0.3])
GOOD = pd.DataFrame(
    {"age": ["0-14", "15-64", "65+"], "events": [4, 40, 90], "person_years": [9_000, 30_000, 8_000]}
)
STRATA = [
    ("incidence", "s", "lung", sex, level, code, "v", year, year + 1)
    for year in (2016, 2017)
    for level, code in (("departement", "a"), ("departement", "b"), ("france_entiere", "FR"))
    for sex in (1, 2)
]  # fmt: skip


def make_cells(*, covered=None, strata=STRATA) -> Cells:
    """Cells of two départements and their sum, two sexes, two years; events 1, 2, 3… by band."""
    n = len(strata)
    return Cells(
        strata=pd.DataFrame(strata, columns=list(CELL_STRATUM)),
        bands=BANDS,
        events=np.arange(3 * n, dtype=np.int64).reshape(n, 3) % 11,
        unknown_age=np.arange(n, dtype=np.int64) % 2,
        person_years=np.linspace(1000, 9000, 3 * n).reshape(n, 3),
        covered=covered,
    )


BY = ["sex", "geo_level", "geo_code", "period_from"]


def departements(cells: Cells) -> Cells:
    return cells.take((cells.strata["geo_level"] == "departement").to_numpy())


def verbs(table):
    """Every verb on one table, by its name."""
    inside = departements(table) if isinstance(table, Cells) else table[table["geo_level"] == "departement"]
    local = ["sex", "geo_code", "period_from"]
    return {
        "asr": frames.asr(table, by=BY, standard="verbs-three"),
        "truncated_rate": frames.asr(table, by=BY, standard="verbs-three", ages=(15, None)),
        "crude_rate": frames.crude_rate(table, by=BY),
        "sir": frames.sir(table, table, by=BY, reference_by=BY),
        "rate_ratio": comparisons.rate_ratio(
            inside, between="geo_code", first="a", second="b", by=local, standard="verbs-three"),
        "rate_difference": comparisons.rate_difference(
            inside, between="period_from", first=2016, second=2017, by=local, standard="verbs-three"),
        "area_against_rest": comparisons.area_against_rest(inside, by=local, standard="verbs-three"),
        "annual_change": comparisons.annual_change(inside, by=local),
        "decomposition": comparisons.decomposition(inside, first=2016, last=2017, by=local),
        "cumulative_rate": lifetimes.cumulative_rate(table, by=BY, until=65),
        "cumulative_risk": lifetimes.cumulative_risk(table, by=BY, until=65),
        "years_of_life_lost": lifetimes.years_of_life_lost(table, by=BY, until=65),
        "years_of_life_lost_rate": lifetimes.years_of_life_lost_rate(
            table, by=BY, until=65, standard="verbs-three"),
        "life_expectancy": lifetimes.life_table(table, by=BY),
        "mean_annual_events": report_basics.mean_annual_events(table, years=1, by=BY),
        "median_age": report_basics.median_age(table, by=BY),
        "sex_ratio": report_basics.sex_ratio(table, by=BY),
        "share_aged": report_basics.share_aged(table, age_from=65, by=BY),
        "mortality_incidence_ratio": report_basics.mortality_incidence_ratio(table, table, by=BY),
    }  # fmt: skip


def test_every_verb_gives_the_same_on_cells_and_on_their_long_frame():
    cells = make_cells()
    on_cells, on_frame = verbs(cells), verbs(cells.to_frame())
    for name, table in on_cells.items():
        keys = [key for key in BY if key in table.columns] + ["age_from"] * ("age_from" in table.columns)
        sort = [key for key in keys if not table[key].isna().any()]
        one, other = (t.sort_values(sort, ignore_index=True) for t in (table, on_frame[name]))
        # The same numbers through the same formula.
        pd.testing.assert_frame_equal(one, other, check_dtype=False, check_categorical=False, obj=name)


def test_rates_of_cells_and_the_verbs_on_tables_agree():
    cells = make_cells()
    own = rates.standardised_rates(cells, "verbs-three")
    verb = frames.asr(cells, by=BY, standard="verbs-three")
    np.testing.assert_array_equal(own["value"], verb["value"])
    np.testing.assert_array_equal(rates.crude_rates(cells)["upper"], frames.crude_rate(cells, by=BY)["upper"])


def test_a_truncated_rate_uses_its_ages_alone():
    # 15 and over, weights 0.5 and 0.3 of 0.8: (0.5 x 4/2 000 + 0.3 x 6/1 000) / 0.8 = 350 per 100 000.
    table = pd.DataFrame(
        {"age": ["0-14", "15-64", "65+"], "events": [99, 4, 6], "person_years": [10, 2000, 1000]}
    )
    found = frames.asr(table, standard="verbs-three", ages=(15, None))
    assert found["value"].item() == pytest.approx(350)
    assert found["standard"].item() == "verbs-three-15+"
    assert found["events"].item() == 10


def test_a_ratio_to_an_external_reference_counts_what_it_would_have_given():
    # Expected 1 000 x 10/10 000 + 500 x 40/8 000 = 3.5; observed 7.
    table = pd.DataFrame({"age": ["0-14", "15+"], "events": [3, 4], "person_years": [1000, 500]})
    reference = pd.DataFrame({"age": ["0-14", "15+"], "events": [10, 40], "person_years": [10_000, 8_000]})
    found = frames.sir(table, reference)
    assert found["expected"].item() == pytest.approx(3.5)
    assert found["value"].item() == pytest.approx(2)


def test_a_reference_without_people_in_a_band_expects_nothing_known():
    table = pd.DataFrame({"age": ["0-14", "15+"], "events": [3, 4], "person_years": [1000, 500]})
    reference = pd.DataFrame({"age": ["0-14", "15+"], "events": [10, 0], "person_years": [10_000, 0]})
    assert frames.sir(table, reference)["value"].isna().all()


def test_unknown_age_is_in_totals_and_in_no_band():
    table = pd.DataFrame(
        {"age": ["0-14", "15+", "unknown"], "events": [3, 4, 5], "person_years": [1000, 500, None]}
    )
    assert report_basics.mean_annual_events(table, years=2)["value"].item() == 6
    crude = frames.crude_rate(table, per=1500)
    assert crude["value"].item() == pytest.approx(12)
    # The events beside a rate are those that it is made of, unlike those beside a standardised rate.
    assert crude["events"].item() == 12
    assert frames.asr(table)["events"].item() == 7
    assert report_basics.share_aged(table, age_from=15)["value"].item() == pytest.approx(400 / 7)


@pytest.mark.parametrize("verb", [frames.crude_rate, frames.asr, lambda table: frames.sir(table, GOOD)])
@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("events", -1, "M001"),
        ("events", np.nan, "M007"),
        ("person_years", -5, "M001"),
        ("person_years", 0, "M003"),
    ],
)
def test_a_wrong_number_in_one_band_is_refused_and_never_lost_in_a_sum(verb, column, value, code):
    table = GOOD.astype({column: float})
    table.loc[0, column] = value
    with pytest.raises(InputError, match=code) as refused:
        verb(table)
    if code != "M003":
        assert refused.value.facts["what"] == column


def test_a_table_without_rows_or_with_two_columns_of_one_name_is_no_table():
    with pytest.raises(InputError, match="N010"):
        frames.crude_rate(GOOD.iloc[:0])
    with pytest.raises(InputError, match="N009"):
        frames.crude_rate(pd.concat([GOOD, GOOD[["events"]]], axis=1))


def test_an_area_is_compared_with_the_others_not_with_itself():
    table = pd.DataFrame(
        {"geo_code": ["a", "b", "c"], "age": "0+", "events": [300, 100, 110], "person_years": 1e5}
    )
    register_standard("verbs-one", ["0+"], [1])
    found = comparisons.area_against_rest(table, standard="verbs-one").set_index("geo_code")
    # Against the other two together: 300 / ((100 + 110) / 2).
    assert found.loc["a", "value"] == pytest.approx(300 / 105)
    assert found["differs"].tolist() == [True, True, True]
    assert (found["adjusted_p_value"] >= found["p_value"]).all()


def test_stages_add_up_and_the_unknown_stage_stands_apart():
    cases = pd.DataFrame(
        {"sex": [1, 1, 1, 2], "stage": ["I", "IV", None, "I"], "age": "0+", "events": [30, 10, 10, 5]}
    )
    shares = report_basics.stage_distribution(cases, by=["sex"]).set_index(["sex", "stage"])["value"]
    assert shares[(1, "I")] == pytest.approx(75)
    assert shares[(1, "unknown")] == pytest.approx(20)
    assert shares[(2, "IV")] == 0
    people = pd.DataFrame({"sex": [1, 2], "age": "0+", "person_years": 1e5})
    register_standard("verbs-one", ["0+"], [1])
    by_stage = report_basics.incidence_by_stage(cases, people, by=["sex"], standard="verbs-one")
    assert by_stage.groupby("sex")["value"].sum().tolist() == pytest.approx([50, 5])
    assert by_stage.set_index(["sex", "stage"])["value"][(2, "IV")] == 0


def test_cells_that_are_covered_in_part_give_no_total_but_their_own_ages():
    covered = np.ones((len(STRATA), 3), dtype=bool)
    covered[0, 1:] = False
    cells = make_cells(covered=covered)
    cells.events[0, 1:] = 0
    cells.person_years[0, 1:] = 0
    for table in (
        rates.counts(cells),
        rates.crude_rates(cells),
        rates.standardised_rates(cells, "verbs-three"),
    ):
        assert table["status"].tolist() == ["not_estimable"] + ["estimated"] * (len(cells) - 1)
        assert table["reason"].iloc[0] == "not_all_covered"
        assert np.isnan(table["value"].iloc[0])
    by_age = rates.age_specific_rates(cells, BANDS).iloc[[0, len(cells), 2 * len(cells)]]
    assert by_age["status"].tolist() == ["estimated", "not_estimable", "not_estimable"]
    assert len(report_basics.median_age(cells, by=BY)) == len(cells) - 1
    young = frames.asr(cells, by=BY, standard="verbs-three", ages=(0, 15))
    assert young["value"].notna().all()
    local = ratios.standardised_ratios(cells)
    assert local["status"].tolist().count("not_estimable") == 1


def test_a_band_without_inhabitants_leaves_the_count_and_takes_the_standardised_rate():
    cells = make_cells()
    cells.events[0, 2] = 0
    cells.person_years[0, 2] = 0
    assert rates.counts(cells)["status"].iloc[0] == "estimated"
    assert rates.crude_rates(cells)["status"].iloc[0] == "estimated"
    rate = rates.standardised_rates(cells, "verbs-three").iloc[0]
    assert (rate["status"], rate["reason"]) == ("not_estimable", "no_person_years")


def test_the_reference_of_a_ratio_is_france_of_the_same_year_and_sex():
    cells = make_cells()
    found = ratios.standardised_ratios(cells)
    # Two départements, two sexes, two years; France itself has none.
    assert len(found) == 8
    assert set(found["comparator"]) == {"france_entiere:FR:v"}
    # Men of 2016 have no unknown age in the nation, women have one: it is spread over the bands.
    for sex in (1, 2):
        same = (found["geo_code"] == "a") & (found["sex"] == sex) & (found["period_from"] == 2016)
        own = next(i for i, s in enumerate(STRATA) if s[5] == "a" and s[3] == sex and s[7] == 2016)
        nation = next(i for i, s in enumerate(STRATA) if s[5] == "FR" and s[3] == sex and s[7] == 2016)
        assert cells.unknown_age[nation] == sex - 1
        reference = cells.events[nation] / cells.person_years[nation]
        spread = (cells.events[nation].sum() + sex - 1) / cells.events[nation].sum()
        expected = (reference * cells.person_years[own]).sum() * spread
        assert found[same]["expected"].item() == pytest.approx(expected)
        assert found[same]["value"].item() == pytest.approx(cells.total_events[own] / expected)


@pytest.mark.parametrize(
    ("code", "call"),
    [
        ("N001", lambda: frames.asr(pd.DataFrame({"events": [1], "person_years": [1]}))),
        ("N002", lambda: frames.asr(pd.DataFrame({"age": ["0+"], "person_years": [1]}))),
        ("N003", lambda: frames.asr(pd.DataFrame({"sex": [1, 1, 2], "age": ["0-14", "15+", "15+"],
                                                  "events": 1, "person_years": 1}), by=["sex"])),
        ("N004", lambda: report_basics.sex_ratio(pd.DataFrame({"sex": [1], "age": "0+", "events": 1,
                                                               "person_years": 1}))),
        ("N005", lambda: comparisons.area_against_rest(pd.DataFrame(
            {"sex": [1, 1, 2], "geo_code": ["a", "b", "a"], "age": "0+", "events": 1, "person_years": 1}),
            by=["sex"])),
        ("N006", lambda: frames.asr(make_cells(), by=["sex"])),
        ("M005", lambda: comparisons.rate_ratio(
            make_cells(), between="geo_code", first="a", second="z", by=BY)),
        ("V004", lambda: frames.asr(make_cells(), by=BY, standard="verbs-three", ages=(10, 65))),
        ("M005", lambda: definition("no such thing")),
    ],
)  # fmt: skip
def test_bad_input_has_its_code(code, call):
    with pytest.raises(InputError) as caught:
        call()
    assert caught.value.code == code


def test_every_verb_is_defined_in_both_languages():
    computed = set(verbs(make_cells())) | {
        "stage_distribution",
        "incidence_by_stage",
        "lifetime_risk",
        "internal_sir",
        "funnel",
        "ranks",
        "comparative_mortality_figure",
    }
    assert computed <= set(defined_slugs())
    for slug in defined_slugs():
        for language in ("fr", "en"):
            said = definition(slug, language)
            assert said.title
            assert said.definition.endswith(".")
        assert bool(definition(slug, "fr").caveat) == bool(definition(slug, "en").caveat)


def grouped_cells() -> Cells:
    """Men of 2016 in one département and the nation, by group; the last row is all groups of the nation."""
    strata = [("incidence", "s", "lung", 1, level, code, "v", 2016, 2017, "fdep", group)
              for level, code in (("departement", "a"), ("france_entiere", "FR"))
              for group in ("Q1", "Q2", "unknown", "all")]  # fmt: skip
    columns = [*CELL_STRATUM, "stratum_type", "stratum"]
    events = np.array([[1, 2, 3], [4, 5, 6], [1, 1, 1], [5, 7, 9], [10, 20, 30], [40, 50, 60], [2, 2, 2],
                       [50, 70, 90]])  # fmt: skip
    return Cells(
        strata=pd.DataFrame(strata, columns=columns),
        bands=BANDS,
        events=events,
        unknown_age=np.zeros(8, dtype=np.int64),
        person_years=np.repeat([[1000.0], [2000.0], [500.0], [3000.0]] * 2, 3, axis=1),
    )


def test_rows_of_groups_say_which_group_they_are():
    cells = grouped_cells()
    tables = [rates.counts(cells), rates.crude_rates(cells), rates.standardised_rates(cells, "verbs-three")]
    for table in [*tables, rates.age_specific_rates(cells, BANDS).iloc[:8]]:
        assert table["stratum_type"].astype("str").tolist() == ["fdep"] * 8
        assert table["stratum"].astype("str").tolist() == ["Q1", "Q2", "unknown", "all"] * 2
    plain = rates.counts(make_cells())
    assert set(plain["stratum"]) == {"_"}


def test_groups_are_compared_with_all_groups_of_the_reference():
    cells = grouped_cells()
    found = ratios.standardised_ratios(cells)
    own = found.assign(key=found["geo_level"].astype("str") + " " + found["stratum"].astype("str"))
    expected = own.set_index("key")["expected"].to_dict()
    # 50, 70 and 90 events on 3 000 person-years of each band: 1 000 of each give (50 + 70 + 90) / 3.
    assert expected["departement Q1"] == pytest.approx(70)
    assert expected["departement Q2"] == pytest.approx(140)
    # The groups of the nation meet the whole as well; the whole is its own reference and has no row.
    assert expected["france_entiere Q2"] == pytest.approx(140)
    assert "france_entiere all" not in expected


@pytest.mark.parametrize(
    ("table", "code"),
    [
        (pd.DataFrame({"age": ["0+"], "events": ["a"], "person_years": [1.0]}), "N007"),
        ([1, 2], "N008"),
    ],
)
def test_what_is_no_table_of_numbers_is_refused_without_its_values(table: object, code: str) -> None:
    with pytest.raises(InputError) as refusal:
        frames.asr(table)
    assert refusal.value.code == code
    assert "'a'" not in refusal.value.message("fr")
