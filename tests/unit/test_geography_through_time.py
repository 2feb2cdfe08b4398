"""Editions of the geographic code and populations over time: sums that hold, divisions refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rnc_epi.extracts import geography
from rnc_epi.extracts.geography import (
    carry,
    checked_passages,
    correspondence,
    corsican_codes,
    municipal_arrondissements,
    passage_links,
    passages,
    person_years_of,
    read_passages,
    whole_communes,
)
from rnc_epi.vocabulary.contract import TABLES
from rnc_epi.vocabulary.errors import InputError

#: A and B became A in 2020; C was divided in 2021, a quarter of it became D; E changed its code in 2022,
#: the new one took in A in 2023.
OWN = checked_passages(
    pd.DataFrame(
        [
            ("commune", "A", "A", 2020, None),
            ("commune", "B", "A", 2020, None),
            ("commune", "C", "C", 2021, 0.75),
            ("commune", "C", "D", 2021, 0.25),
            ("commune", "E", "F", 2022, None),
            ("commune", "A", "F", 2023, None),
            ("commune", "F", "F", 2023, None),
        ],
        columns=["geo_level", "code_from", "code_to", "year", "weight"],
    )
)
COUNTS = pd.DataFrame(
    {
        "geo_code": ["A", "B", "B", "E"],
        "geo_vintage": "cog2019",
        "sex": [1, 1, 2, 1],
        "events": [3, 4, 5, 6],
    }
)


def carried(counts: pd.DataFrame, to_year: int, table: pd.DataFrame = OWN) -> dict[tuple[str, int], float]:
    found = correspondence(counts["geo_code"].tolist(), from_year=2019, to_year=to_year, table=table)
    after = carry(counts, found, to_vintage=f"cog{to_year}")
    assert set(after["geo_vintage"]) == {f"cog{to_year}"}
    return {(code, sex): n for code, sex, n in after[["geo_code", "sex", "events"]].itertuples(index=False)}


def test_mergers_add_up_exactly_and_follow_one_another() -> None:
    assert carried(COUNTS, 2019) == {("A", 1): 3, ("B", 1): 4, ("B", 2): 5, ("E", 1): 6}
    assert carried(COUNTS, 2020) == {("A", 1): 7, ("A", 2): 5, ("E", 1): 6}
    assert carried(COUNTS, 2022) == {("A", 1): 7, ("A", 2): 5, ("F", 1): 6}
    assert carried(COUNTS, 2023) == {("F", 1): 13, ("F", 2): 5}
    found = correspondence(["A", "B", "E"], from_year=2019, to_year=2023, table=OWN)
    assert pd.api.types.is_integer_dtype(carry(COUNTS, found, to_vintage="x")["events"])


def test_a_divided_area_is_refused_without_weights_and_shared_out_by_them() -> None:
    divided = COUNTS.assign(geo_code=["C", "B", "B", "E"])
    assert carried(divided, 2021) == {("C", 1): 2.25, ("D", 1): 0.75, ("A", 1): 4, ("A", 2): 5, ("E", 1): 6}
    unknown = OWN.assign(weight=np.nan)
    with pytest.raises(InputError, match="G005"):
        carried(divided, 2021, unknown)
    # The edition of 2021 has the division already.
    later = correspondence(["C"], from_year=2021, to_year=2022, table=OWN)
    assert later.to_dict("list") == {"code_from": ["C"], "code_to": ["C"], "weight": [1.0]}
    # Who is not concerned by the division is not concerned by the missing weight.
    assert carried(COUNTS, 2021, unknown) == carried(COUNTS, 2021)


def test_going_back_mergers_are_the_divisions_and_divisions_add_up() -> None:
    found = correspondence(["C", "D"], from_year=2021, to_year=2020, table=OWN)
    assert found.to_dict("list") == {"code_from": ["C", "D"], "code_to": ["C", "C"], "weight": [1.0, 1.0]}
    # A weight says how much of the older area went into the newer, nothing of the way back.
    for table in (OWN, OWN.assign(weight=OWN["weight"].fillna(1.0))):
        with pytest.raises(InputError, match="G005"):
            correspondence(["A"], from_year=2021, to_year=2019, table=table)


def test_codes_without_an_area_in_the_other_edition_are_refused() -> None:
    with pytest.raises(InputError, match="G007"):
        correspondence(["A", "Q"], from_year=2019, to_year=2020, table=OWN, known=["A"])
    with pytest.raises(InputError, match="G007"):
        carry(COUNTS, correspondence(["A"], from_year=2019, to_year=2020, table=OWN), to_vintage="x")


def test_every_region_of_2015_is_in_one_of_2016() -> None:
    old = [
        *("11", "21", "22", "23", "24", "25", "26", "31", "41", "42", "43"),
        *("52", "53", "54", "72", "73", "74", "82", "83", "91", "93", "94"),
    ]
    today = geography.regions()
    found = correspondence(
        old, from_year=2015, to_year=2016, geo_level="region", known=today["code"].tolist()
    )
    # Law of 16 January 2015: 22 régions of the métropole became 13.
    assert found["code_to"].nunique() == 13 == (today["kind"] == "metro").sum()
    assert (found["weight"] == 1).all()
    assert found.loc[found["code_to"] == "76", "code_from"].tolist() == ["73", "91"]


def test_corsica_is_divided_in_1976_and_only_weights_could_say_how() -> None:
    with pytest.raises(InputError, match="G005"):
        correspondence(["20"], from_year=1975, to_year=1976, geo_level="departement")
    found = correspondence(["2A", "2B"], from_year=1976, to_year=1975, geo_level="departement")
    assert found["code_to"].tolist() == ["20", "20"]
    known = ["2A004", "2B033", "2B096"]
    old = pd.Series(["20004", "20033", "2A004", "62041"])
    assert corsican_codes(old, known).tolist() == ["2A004", "2B033", "2A004", "62041"]
    with pytest.raises(InputError, match="G007"):
        corsican_codes(pd.Series(["20999"]), known)


def test_mayotte_and_the_islands_that_left_guadeloupe_change_their_codes() -> None:
    mayotte = correspondence(["985"], from_year=2011, to_year=2012, geo_level="departement")
    assert mayotte["code_to"].tolist() == ["976"]
    found = correspondence(["97123", "97127"], from_year=2007, to_year=2019)
    assert found["code_to"].tolist() == ["97701", "97801"]


def test_municipal_arrondissements_are_those_of_three_communes_and_never_beside_them() -> None:
    sizes = pd.Series(municipal_arrondissements()).value_counts().to_dict()
    assert sizes == {"75056": 20, "13055": 16, "69123": 9}
    assert whole_communes(pd.Series(["69381", "69382", "01001"])).tolist() == ["69123", "69123", "01001"]
    with pytest.raises(InputError, match="G008"):
        whole_communes(pd.Series(["13201", "13055"]))


def test_communes_of_2019_are_found_again_in_2026_and_the_divided_ones_are_named() -> None:
    table = passages()
    merged = table[(table["kind"] == "merger") & (table["geo_level"] == "commune")]
    # The year before the municipal elections of 2026 saw the largest wave.
    assert merged.groupby("year").size().idxmax() == 2025
    divided = table[table["kind"].eq("split") & table["geo_level"].eq("commune")]["code_from"].unique()
    for code in divided:
        with pytest.raises(InputError, match="G005"):
            correspondence([code], from_year=2019, to_year=2026)
    whole = sorted(set(merged["code_from"]) - set(divided))
    found = correspondence(whole, from_year=2019, to_year=2026)
    assert set(found["code_from"]) == set(whole)
    assert (found.groupby("code_from")["weight"].sum() == 1).all()
    with pytest.raises(InputError, match="G006"):
        correspondence(["01001"], from_year=2012, to_year=2015)
    # Gone long ago, found in the commune that it is a part of: Arboys en Bugey took in Saint-Bois in 2016.
    assert correspondence(["01340"], from_year=2015, to_year=2026)["code_to"].tolist() == ["01015"]


def test_a_correspondence_is_membership_between_two_editions() -> None:
    found = correspondence(["A", "B"], from_year=2019, to_year=2020, table=OWN)
    links = passage_links(found, geo_level="commune", from_vintage="cog2019", to_vintage="cog2020")
    assert list(links.columns) == list(TABLES["membership"].column_names)
    assert links["parent_code"].tolist() == ["A", "A"]


@pytest.mark.parametrize(
    "change",
    [
        {"weight": [0.5, 0.4]},
        {"weight": [1.5, -0.5]},
        {"weight": ["much", ""]},
        {"year": [2021, "soon"]},
        {"code_from": ["", "C"]},
        {"code_to": ["C", "C"]},
    ],
)
def test_a_table_of_passages_that_cannot_be_used_is_refused(tmp_path: Path, change: dict[str, list]) -> None:
    table = pd.DataFrame(
        {
            "geo_level": "commune",
            "code_from": ["C", "C"],
            "code_to": ["C", "D"],
            "year": [2021, 2021],
            "weight": [0.75, 0.25],
        }
    )
    path = tmp_path / "p.csv"
    table.to_csv(path, index=False)
    assert read_passages(path)["weight"].tolist() == [0.75, 0.25]
    table.assign(**change).to_csv(path, index=False)
    with pytest.raises(InputError, match="G004"):
        read_passages(path)
    table.drop(columns="year").to_csv(path, index=False)
    with pytest.raises(InputError, match="G004"):
        read_passages(path)


def single_ages(years: dict[int, list[float]]) -> pd.DataFrame:
    """Return populations by single years of age, the last open."""
    rows = [
        {"sex": 1, "year": year, "age_from": age, "age_until": None if age == len(p) - 1 else age + 1,
         "population": value}
        for year, p in years.items() for age, value in enumerate(p)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_linear_person_years_are_half_the_sum_of_both_ends() -> None:
    table = person_years_of(single_ages({2020: [100, 90, 80], 2021: [110, 96, 91], 2022: [120, 100, 99]}))
    assert table["age_from"].tolist() == [0, 1, 2, 0, 1, 2]
    assert table["person_years"].tolist() == [105, 93, 85.5, 115, 98, 95]
    assert (table["period_until"] - table["period_from"] == 1).all()


def test_person_years_by_cohort_agree_with_a_calculation_by_hand() -> None:
    # Age 1 in 2020: those born in 2018 (90 on 1 January, 85 a year later aged 2) leave it, those born in 2019
    # (100, then 96 aged 1) reach it: 100/6 + 96/3 + 90/3 + 85/6 = 92.8333.
    table = person_years_of(
        single_ages({2020: [100, 90, 80, 200], 2021: [110, 96, 85, 210]}), method="cohort"
    )
    found = table.set_index("age_from")["person_years"]
    assert found[1] == pytest.approx(100 / 6 + 96 / 3 + 90 / 3 + 85 / 6, rel=1e-12)
    # Age 0: births stand at 110; 110/6 + 110/3 + 100/3 + 96/6.
    assert found[0] == pytest.approx(110 / 2 + 100 / 3 + 96 / 6, rel=1e-12)
    # Age 2: 90/6 + 85/3 + 80/3 + 80/6, the cohort that enters the open band does not change.
    assert found[2] == pytest.approx(90 / 6 + 85 / 3 + 80 / 2, rel=1e-12)
    assert found[3] == 205


def test_a_large_cohort_is_followed_through_its_birthdays() -> None:
    # A cohort of 1 000 among cohorts of none, no deaths: half of its year at one age, half at the next.
    ages = np.zeros(8)
    start, end = ages.copy(), ages.copy()
    start[3], end[4] = 1000, 1000
    populations = single_ages({2020: start.tolist(), 2021: end.tolist()})
    by_cohort = person_years_of(populations, method="cohort").set_index("age_from")["person_years"]
    assert by_cohort[3] == by_cohort[4] == pytest.approx(500)
    assert by_cohort.sum() == pytest.approx(1000)


def test_both_methods_agree_where_ages_are_alike_and_strata_do_not_mix() -> None:
    level = {2020: [50.0] * 6, 2021: [50.0] * 6}
    men, women = single_ages(level), single_ages({y: [2 * v for v in p] for y, p in level.items()})
    both = pd.concat([men, women.assign(sex=2)]).sample(frac=1, random_state=1)
    linear, cohort = (person_years_of(both, method=m) for m in ("linear", "cohort"))
    pd.testing.assert_frame_equal(linear, cohort)
    assert linear.groupby("sex")["person_years"].sum().tolist() == [300, 600]


def test_a_missing_year_is_refused_or_filled_on_request_and_never_beyond_what_is_known() -> None:
    table = single_ages({2020: [100, 50], 2023: [130, 80]})
    with pytest.raises(InputError, match="G009"):
        person_years_of(table)
    filled = person_years_of(table, interpolate=True)
    assert filled[filled["age_from"] == 0]["person_years"].tolist() == pytest.approx([105, 115, 125])
    short = table[~((table["year"] == 2023) & (table["age_from"] == 1))]
    with pytest.raises(InputError, match="G009"):
        person_years_of(short, interpolate=True)


@pytest.mark.parametrize(
    ("table", "options", "code"),
    [
        (single_ages({2020: [1, 2], 2021: [1, 2]}), {"method": "guess"}, "M005"),
        (single_ages({2020: [1, -2], 2021: [1, 2]}), {}, "M001"),
        (single_ages({2020: [1, np.nan], 2021: [1, 2]}), {}, "M007"),
        (pd.concat([single_ages({2020: [1, 2]})] * 2), {}, "M002"),
        (single_ages({2020: [1, 2], 2021: [1, 2]}).assign(age_until=90), {"method": "cohort"}, "G010"),
        (
            single_ages({2020: [1, 2, 3], 2021: [1, 2, 3]}).query("age_from != 1"),
            {"method": "cohort"},
            "G010",
        ),
    ],
)
def test_populations_that_cannot_be_used_are_refused_by_code(
    table: pd.DataFrame, options: dict[str, str], code: str
) -> None:
    with pytest.raises(InputError, match=code):
        person_years_of(table, **options)
