"""Attacks that need no sum: weights, shares, editions of codes, contents of files, an insider."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rnc_epi.attack import attack_release, attack_tables
from rnc_epi.attack.contents import scan_contents
from rnc_epi.attack.published import published_cells
from rnc_epi.attack.weights import by_ages
from rnc_epi.disclosure import load_policy, protect
from rnc_epi.disclosure.precision import at_published_precision
from rnc_epi.vocabulary.ages import BandSet
from rnc_epi.vocabulary.hierarchy import Hierarchy
from rnc_epi.vocabulary.schemas import as_result
from rnc_epi.vocabulary.standards import standard

RULES = {"threshold": 11, "source_thresholds": {}}
#: Of a person who never lived, with the key of two digits that the number asks for.
NUMBER = "1850578006084"


def rows(*changes: dict) -> pd.DataFrame:
    same = {
        "indicator": "count", "measure_unit": "persons", "event_type": "death", "site": "lung", "sex": 1,
        "geo_level": "departement", "geo_code": "01", "geo_vintage": "v", "period_from": 2016,
        "period_until": 2021, "age_from": 0, "age_until": None, "status": "published", "source": "deaths",
        "person_years": 1e6, "estimator": "observed",
    }  # fmt: skip
    return as_result(pd.DataFrame([same | change for change in changes]))


def count(events: float | None, **other: object) -> dict:
    status = "not_published" if events is None else "published"
    return {"events": events, "value": events, "status": status} | other


def attacks(table: pd.DataFrame, hierarchy: Hierarchy | None = None) -> set[str]:
    return {finding.attack for finding in attack_tables(table, hierarchy or Hierarchy(), RULES).findings}


LEAKS = {
    "a social security number": ("A15", "x.txt", f"NIR {NUMBER}{97 - int(NUMBER) % 97:02d}"),
    "a spaced one": ("A15", "x.md", f"1 85 05 78 006 084 {97 - int(NUMBER) % 97:02d}"),
    "an e-mail address": ("A15", "x.html", "<p>marie.dupont@chu-exemple.fr</p>"),
    "a telephone": ("A15", "x.json", '{"note": "06 12 34 56 78"}'),
    "a birthday": ("A15", "x.txt", "née le 14/07/1950"),
    "a column of names": ("A15", "x.csv", "nom,geo_code\nx,01\n"),
    "residuals": ("A13", "x.csv", "geo_code,residual\n01,0.42\n"),
    "draws in JSON": ("A13", "x.json", '{"model": {"draws": [1.5, 2.5]}}'),
    "single persons": ("A16", "x.csv", "sex,age_years,morphology\n1,54,8140\n2,61,8070\n"),
    "a database": ("A14", "copy.duckdb", "DUCK"),
    "the hash of a count": ("A14", "x.json", f'{{"check": "{hashlib.sha256(b"7").hexdigest()}"}}'),
}


@pytest.mark.parametrize("name", LEAKS)
def test_what_no_file_may_hold_is_found(stage_to, tmp_path, name):
    attack, file, text = LEAKS[name]
    folder = stage_to(tmp_path)
    (folder / file).write_text(text)
    assert {finding.attack for finding in scan_contents(folder)} == {attack}


def test_what_a_library_writes_beside_the_columns_is_found(stage_to, tmp_path):
    folder = stage_to(tmp_path)
    table = pa.table({"geo_code": ["01"]}).replace_schema_metadata({"pandas": "{}"})
    pq.write_table(table, folder / "x.parquet")
    assert {finding.attack for finding in attack_release(folder).findings} == {"A14"}


def test_two_standards_of_a_few_cases_are_found_and_of_many_are_not():
    def rates(events: float) -> pd.DataFrame:
        rate = {"indicator": "asr", "measure_unit": "rate", "per": 100_000, "value": 12.0, "events": events}
        return rows(count(events), *({"standard": name} | rate for name in ("world", "esp2013")))

    assert attacks(rates(60.0)) == {"A9"}
    assert attacks(rates(160.0)) == set()
    one = rates(60.0)
    assert attacks(one[one["standard"].ne("esp2013")].reset_index(drop=True)) == set()


BANDS = BandSet.five_year(85)
PERSON_YEARS = 1000.0 * np.array([30, 31, 32, 31, 27, 26, 28, 30, 31, 32, 33, 33, 31, 30, 26, 17, 12, 13])
#: Twelve deaths, at ages of a cancer of the lung.
DEATHS = np.array([0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 2, 1, 2, 3, 1, 1])


def standardised(*names: str) -> pd.DataFrame:
    found = [count(float(DEATHS.sum()))]
    for name in names:
        share = standard(name).weights_for(BANDS)
        weight = share / share.sum() / PERSON_YEARS * 1e5
        found.append(
            {
                "indicator": "asr", "measure_unit": "rate", "per": 100_000, "standard": name,
                "events": float(DEATHS.sum()), "value": float(weight @ DEATHS),
                "se": float(np.sqrt(weight**2 @ DEATHS)),
            }
        )  # fmt: skip
    return rows(*found)


def ages_found(table: pd.DataFrame) -> list:
    ends = [*BANDS.starts[1:], None]
    census = pd.DataFrame(
        {
            "sex": 1, "geo_level": "departement", "geo_code": "01", "geo_vintage": "v", "period_from": 2016,
            "period_until": 2021, "age_from": BANDS.starts, "age_until": ends, "person_years": PERSON_YEARS,
        }
    ).astype({"age_until": "float"})  # fmt: skip
    return list(by_ages(table, published_cells(table, RULES), census))


def test_ages_follow_from_rates_to_a_tenth_by_four_standards_and_not_from_what_is_published():
    exact = standardised("world", "esp1976", "esp2013", "who2000")
    for name in ("value", "se"):
        exact[name] = exact[name].astype(float).round(4)
    assert ages_found(exact), "the attack has teeth where digits are many"
    policy = load_policy()
    one = at_published_precision(standardised("world"), policy)
    assert ages_found(one) == []


def test_an_area_whose_limits_moved_by_a_few_persons_is_found():
    def editions(after: float) -> pd.DataFrame:
        return rows(count(80.0), count(after, geo_vintage="w"))

    assert attacks(editions(84.0)) == {"A6"}
    assert attacks(editions(80.0)) == attacks(editions(95.0)) == set()


def test_a_share_of_a_published_total_gives_the_hidden_count_of_the_part():
    part = {"stratum_type": "stage", "stratum": "late"}
    share = {"indicator": "late_stage", "measure_unit": "percent", "value": 3.5, "events": None}
    table = rows(count(200.0), count(None, **part), share | part)
    assert "A10" in attacks(table)
    assert "A10" not in attacks(rows(count(200.0), count(None, **part)))


def both_sexes(men: float, women: float) -> pd.DataFrame:
    """Return an area, and another that shows that men and women are everyone."""
    return rows(
        *(
            count(events, sex=sex, geo_code=code, geo_level="region")
            for code, counts in (("02", (men + women, men, women)), ("03", (90.0, 50.0, 40.0)))
            for sex, events in enumerate(counts)
        )
    )


@pytest.mark.parametrize(("together", "found"), [(11, {"S4"}), (12, set()), (40, set())])
def test_the_only_case_of_a_cell_learns_the_other_where_both_are_eleven(together, found):
    table = both_sexes(together - 1.0, 1.0)
    hidden = table["geo_code"].eq("02") & table["sex"].ne(0)
    table.loc[hidden, ["events", "value"]] = np.nan
    table.loc[hidden, "status"] = "not_published"
    assert attacks(table) == found


@pytest.mark.parametrize(("men", "women"), [(10.0, 1.0), (1.0, 10.0), (9.0, 2.0)])
def test_two_small_counts_that_are_eleven_do_not_stay_beside_their_sum(men, women):
    table = both_sexes(men, women)
    table["status"] = "estimated"
    public = protect(table, Hierarchy(), load_policy())[0].table
    assert attacks(public) == set()
    assert not public.loc[public["geo_code"].eq("02"), "status"].eq("published").any()
    assert public.loc[public["geo_code"].eq("03"), "status"].eq("published").all()


@pytest.mark.parametrize(("men", "found"), [(45.0, {"A2"}), (48.0, {"A2"}), (30.0, set())])
def test_men_and_women_are_everyone_where_nothing_published_says_so(men, found):
    # By hand: women are 5, 2 or 20 of 50; no other area shows both sexes that add up.
    table = rows(count(50.0, sex=0), count(men, sex=1), count(None, sex=2))
    assert attacks(table) == found


def test_a_sex_that_does_not_stand_there_is_what_remains_and_not_nobody():
    assert attacks(rows(count(50.0, sex=0), count(45.0, sex=1))) == {"A11"}
