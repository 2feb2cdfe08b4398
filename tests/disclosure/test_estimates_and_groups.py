"""Figures of models and figures by group leave by the same door as counts, and say no more than they."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rnc_epi.attack import attack_tables
from rnc_epi.disclosure import add_maps, load_policy, protect, published_counts
from rnc_epi.release.bytes_check import check_rows
from rnc_epi.vocabulary.areas import AreaKey
from rnc_epi.vocabulary.errors import DisclosureRefused
from rnc_epi.vocabulary.hierarchy import Hierarchy
from rnc_epi.vocabulary.schemas import as_result

POLICY = load_policy("default")
RULES = {"threshold": 11, "source_thresholds": {}}
NATION = ("france_hexagonale", "FRA")
SAME = {
    "indicator": "count", "measure_unit": "events", "event_type": "death", "site": "lung", "sex": 1,
    "geo_level": "france_hexagonale", "geo_code": "FRA", "geo_vintage": "v", "period_from": 2016,
    "period_until": 2021, "age_from": 0, "age_until": None, "status": "estimated", "source": "deaths",
    "person_years": 1e7, "estimator": "observed", "method": "crude",
}  # fmt: skip


def table_of(rows: list[dict]) -> pd.DataFrame:
    return as_result(pd.DataFrame([{"value": row.get("events")} | SAME | row for row in rows]))


def let_out(rows: list[dict], hierarchy: Hierarchy = Hierarchy()) -> pd.DataFrame:  # noqa: B008
    """Return the public form of some rows, and see that an attacker of it finds nothing."""
    public = protect(table_of(rows), hierarchy, POLICY)[0].table
    report = attack_tables(public, hierarchy, RULES)
    assert report.safe, report.findings
    check_rows(public.astype(object).where(public.notna(), None).to_dict("records"), POLICY)
    return public


def shown(public: pd.DataFrame, **wanted: object) -> pd.DataFrame:
    for name, value in wanted.items():
        public = public[public[name] == value]
    return public[public["status"] == "published"]


def group(stratum: str, events: float, **other: object) -> dict:
    return {"stratum_type": "deprivation", "stratum": stratum, "events": events} | other


def by_group(groups: dict[str, float], unknown: float) -> list[dict]:
    classified = sum(groups.values())
    rows = [{"events": classified + unknown}, group("all", classified), group("unknown", unknown)]
    rows += [group(name, events) for name, events in groups.items()]
    measure = {"indicator": "relative_index", "measure_unit": "ratio", "value": 1.234567, "method": "poisson"}
    return [*rows, group("all", classified) | measure]


def test_groups_that_are_large_are_published_with_what_compares_them() -> None:
    public = let_out(by_group({"Q1": 120, "Q2": 130, "Q3": 140, "Q4": 150, "Q5": 160}, 100))
    assert (public["status"] == "published").all()
    assert public.loc[public["indicator"] == "relative_index", "value"].tolist() == [1.23]


def test_a_small_group_takes_another_with_it_and_what_compares_them() -> None:
    public = let_out(by_group({"Q1": 5, "Q2": 130, "Q3": 140, "Q4": 150, "Q5": 160}, 100))
    groups = shown(public, indicator="count")["stratum"].tolist()
    assert "Q1" not in groups
    assert {"Q2", "Q3", "Q4", "Q5"} - set(groups), "alone, Q1 would follow by subtraction"
    assert "_" in groups, "the total over all groups stays"
    assert shown(public, indicator="relative_index").empty


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("no_fit", "not_published"),
        ("no_events_in_group", "not_published"),
        ("fewer_than_three_groups", "not_estimable"),
    ],
)
def test_that_hidden_groups_cannot_be_compared_is_not_said_unless_no_groups_could(reason, said) -> None:
    failed = {"indicator": "slope_index", "measure_unit": "rate", "value": None, "status": "not_estimable",
              "reason": reason, "stratum_type": "deprivation", "stratum": "all", "events": None}  # fmt: skip
    small = by_group({"Q1": 5, "Q2": 130, "Q3": 140, "Q4": 150, "Q5": 160}, 100)
    public = let_out([*small, failed])
    assert public.loc[public["indicator"] == "slope_index", "status"].tolist() == [said]
    large = by_group({"Q1": 120, "Q2": 130, "Q3": 140, "Q4": 150, "Q5": 160}, 100)
    public = let_out([*large, failed])
    assert public.loc[public["indicator"] == "slope_index", "status"].tolist() == ["not_estimable"]


def test_areas_without_a_score_do_not_follow_by_subtraction() -> None:
    public = let_out(by_group({"Q1": 120, "Q2": 130, "Q3": 140, "Q4": 150, "Q5": 160}, 4))
    strata = set(shown(public, indicator="count")["stratum"])
    assert "unknown" not in strata
    assert not {"_", "all"} <= strata
    assert "_" in strata


def test_groups_of_a_departement_are_left_out_by_the_plan() -> None:
    here = {"geo_level": "departement", "geo_code": "29"}
    public = let_out([here | {"events": 800.0}, group("Q1", 400.0, **here), group("Q2", 400.0, **here)])
    assert set(public["stratum"]) == {"_"}


def zones(counts: list[int]) -> tuple[list[dict], list[dict], Hierarchy]:
    """Return the counts of the zones of one département, the rows of a map of them, and what adds up."""
    parent = {"geo_level": "departement", "geo_code": "29"}
    rows, maps = [parent | {"events": float(sum(counts))}], []
    for number, events in enumerate(counts):
        here = {"geo_level": "zone", "geo_code": f"29-{number}", "events": float(events)}
        rows.append(here)
        smooth = here | {"estimator": "smoothed", "method": "bym2", "expected": 20.0}
        risk = {"indicator": "relative_risk", "measure_unit": "ratio", "value": 1.0456, "lower": 0.8123}
        maps += [
            smooth | risk,
            smooth | {"indicator": "exceedance_probability", "measure_unit": "probability", "value": 0.6789},
            smooth | {"indicator": "risk_class", "measure_unit": "class", "value": 0.0},
        ]
    below = tuple(AreaKey("zone", f"29-{number}", "v") for number in range(len(counts)))
    return rows, maps, Hierarchy((), ((AreaKey("departement", "29", "v"), below),))


def mapped(counts: list[int]) -> tuple[pd.DataFrame, Hierarchy]:
    """Return the public form of the counts of zones and of their map."""
    rows, maps, hierarchy = zones(counts)
    releasable = protect(table_of(rows), hierarchy, POLICY)[0]
    public = add_maps(releasable, table_of(maps), POLICY).table
    check_rows(public.astype(object).where(public.notna(), None).to_dict("records"), POLICY)
    return public, hierarchy


def test_a_smoothed_risk_is_a_number_only_where_the_count_itself_is_shown() -> None:
    public, hierarchy = mapped([4, 40, 50, 60, 70, 80])
    assert attack_tables(public, hierarchy, RULES).safe
    counts = set(shown(public, indicator="count", geo_level="zone")["geo_code"])
    assert "29-0" not in counts
    assert len(counts) == 4, "one more is hidden, or the first would follow by subtraction"
    for indicator in ("relative_risk", "exceedance_probability"):
        assert set(shown(public, indicator=indicator)["geo_code"]) == counts
    assert len(shown(public, indicator="risk_class")) == 6, "a class is shown everywhere"


def test_no_number_of_persons_stands_beside_a_risk_or_a_class() -> None:
    public, _ = mapped([40, 50, 60, 70])
    risks = shown(public, indicator="relative_risk")
    assert set(risks["value"]) == {1.05}
    assert risks["events"].isna().all()
    classes = shown(public, indicator="risk_class")
    assert classes[["lower", "upper", "se", "events", "expected", "person_years"]].isna().all(axis=None)


def test_a_map_of_mostly_hidden_counts_is_left_out() -> None:
    public, _ = mapped([4, 5, 6, 70, 80])
    assert not public["indicator"].eq("risk_class").any()


def test_a_map_fitted_on_counts_that_are_not_all_published_is_refused() -> None:
    rows, maps, hierarchy = zones([40, 50, 60])
    with pytest.raises(DisclosureRefused) as refusal:
        protect(table_of(rows + maps), hierarchy, POLICY)
    assert refusal.value.code == "P013"


def test_what_maps_are_fitted_on_are_the_published_counts_alone() -> None:
    rows, _, hierarchy = zones([4, 40, 50, 60, 70, 80])
    releasable = protect(table_of(rows), hierarchy, POLICY)[0]
    known = published_counts(releasable).set_index("geo_code")["events"].to_dict()
    assert known.keys() == set(shown(releasable.table, indicator="count")["geo_code"])
    assert known["29"] == 304.0


@pytest.mark.parametrize("indicator", ["relative_risk", "exceedance_probability"])
def test_the_attacker_sees_a_smoothed_number_whose_count_is_hidden(indicator: str) -> None:
    public, hierarchy = mapped([4, 40, 50, 60, 70, 80])
    leak = (public["indicator"] == indicator) & (public["geo_code"] == "29-0")
    public.loc[leak, ["value", "status"]] = [0.9, "published"]
    found = attack_tables(public, hierarchy, RULES).findings
    assert [finding.attack for finding in found] == ["A17"]


def adults(code: str, persons: float, cases: float, proxy: str, indicator: str = "count") -> dict:
    unit = {"count": "events", "asr": "rate"}[indicator]
    return {
        "event_type": "incidence", "geo_level": "departement", "geo_code": code, "age_from": 15,
        "estimator": "calibrated", "method": f"calibrated-{proxy}", "indicator": indicator,
        "measure_unit": unit, "value": cases, "lower": cases * 0.9, "upper": cases * 1.1, "events": persons,
        "source": "snds",
    }  # fmt: skip


def test_a_calibrated_count_is_published_to_ten_without_the_persons_it_rests_on() -> None:
    public = let_out([adults("01", 480.0, 436.0, "HA"), adults("01", 480.0, 12.34, "HA", "asr")])
    count = shown(public, indicator="count")
    assert count["value"].tolist() == [440.0]
    assert count["events"].isna().all()
    # Ten of 480 persons are worth 0.257 of 12.34: to 0.2.
    assert shown(public, indicator="asr")["value"].tolist() == [12.4]


def test_an_estimate_on_few_persons_or_of_few_cases_is_hidden() -> None:
    public = let_out([
        adults("01", 8.0, 30.0, "HA"), adults("02", 60.0, 12.0, "HA"), adults("02", 60.0, 0.3, "HA", "asr"),
        adults("03", 60.0, 30.0, "HA"),
    ])  # fmt: skip
    assert shown(public)["geo_code"].tolist() == ["03"]


def test_estimates_from_deaths_speak_of_the_same_persons_as_the_deaths_themselves() -> None:
    region = AreaKey("region", "53", "v")
    codes = ["22", "29", "35", "56"]
    hierarchy = Hierarchy((), ((region, tuple(AreaKey("departement", code, "v") for code in codes)),))
    counts = dict(zip(codes, [5.0, 300.0, 400.0, 500.0], strict=True))
    rows = [{"geo_level": "region", "geo_code": "53", "events": 1205.0, "age_from": 15}]
    rows += [{"geo_level": "departement", "geo_code": code, "events": counts[code]} for code in codes]
    rows += [{"geo_level": "region", "geo_code": "53", "events": 1205.0}]
    rows += [adults(code, counts[code], 2 * counts[code], "M") | {"source": "deaths"} for code in codes]
    public = let_out(rows, hierarchy)
    deaths = set(shown(public, event_type="death", geo_level="departement")["geo_code"])
    estimates = set(shown(public, estimator="calibrated")["geo_code"])
    assert "22" not in deaths | estimates
    assert len(deaths) == 2
    assert estimates == deaths, "what is hidden among deaths is not given back by an estimate"


def test_the_bytes_are_refused_where_an_estimate_stands_beside_its_persons() -> None:
    public = let_out([adults("01", 480.0, 436.0, "HA")])
    public["events"] = 480.0
    rows = public.astype(object).where(public.notna(), None).to_dict("records")
    with pytest.raises(DisclosureRefused) as refusal:
        check_rows(rows, POLICY)
    assert refusal.value.code == "R009"


def test_the_grade_that_refuses_an_estimate_is_public() -> None:
    refused = adults("01", 480.0, np.nan, "HA") | {
        "status": "not_estimable", "reason": "quality", "data_grade": "B--", "value": None,
    }  # fmt: skip
    public = let_out([refused, adults("03", 60.0, 30.0, "HA") | {"site": "pancreas"}])
    assert public.loc[public["site"] == "lung", ["status", "data_grade"]].values.tolist() == [
        ["not_estimable", "B--"]
    ]


def test_an_estimate_for_the_nation_is_too_coarse_to_speak_of_a_few() -> None:
    nation = adults("FRA", 9_000.0, 12_340.0, "M") | {
        "geo_level": "france_hexagonale", "source": "deaths", "person_years": 1.5e8,
    }  # fmt: skip
    public = let_out([{"events": 9_004.0}, nation])
    assert shown(public, estimator="calibrated")["value"].tolist() == [12_300.0]
    assert len(shown(public, estimator="observed")) == 1


@pytest.mark.parametrize(("hidden", "left"), [(9.0, set()), (12.0, {"53"})])
def test_an_estimate_that_holds_a_hidden_count_of_a_registry_is_hidden_with_it(
    hidden: float, left: set[str]
) -> None:
    region = AreaKey("region", "53", "v")
    codes = ["22", "29", "35", "56"]
    hierarchy = Hierarchy((), ((region, tuple(AreaKey("departement", code, "v") for code in codes)),))
    whole = adults("53", 1200.0, 1100.0, "HA") | {"geo_level": "region", "method": "calibrated+registries-HA"}
    rows = [whole, whole | {"estimator": "benchmarked", "method": "benchmarked+registries-HA"}]
    rows += [adults(code, 350.0, 330.0, "HA") for code in codes[1:]]
    registry = {"event_type": "incidence", "geo_level": "departement", "geo_code": "22", "age_from": 15}
    rows.append(registry | {"events": hidden})
    rows.append(
        whole | {"geo_level": NATION[0], "geo_code": NATION[1], "value": 200_000.0, "events": 210_000.0}
    )
    public = let_out(rows, hierarchy)
    assert set(shown(public, geo_level="region")["geo_code"]) == left
    assert len(shown(public, estimator="benchmarked")) == len(left)
    assert len(shown(public, geo_level=NATION[0])) == 1, "the nation is too coarse to tell"
    assert len(shown(public, method="calibrated-HA")) == 3
