"""The national sample, drawn once: what is counted in it against what is published. All of it is slow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from rnc_epi.cells.build import CellBuilder, Selection
from rnc_epi.extracts.check_report import check_extract
from rnc_epi.extracts.contract_checks.findings import Fate
from rnc_epi.extracts.opening import open_extract
from rnc_epi.extracts.sample import make_sample
from rnc_epi.extracts.sample.national import (
    YEARS,
    figures,
    leaves_of,
    nation,
    relative_population,
    world_weights,
)
from rnc_epi.extracts.sample.persons import link_failure, performance
from rnc_epi.extracts.sample.places import Places
from rnc_epi.extracts.sample.reference import AGE_STARTS
from rnc_epi.indicators.rates import standardised_rates
from rnc_epi.vocabulary.periods import Period

pytestmark = pytest.mark.slow
PUBLISHED = figures()
TAKEN = PUBLISHED[PUBLISHED["taken"] == "yes"]
#: Départements of France hexagonale, in SQL.
METROPOLITAN = "SELECT child_code FROM membership WHERE parent_level = 'france_hexagonale'"


@pytest.fixture(scope="module")
def nation_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_sample(tmp_path_factory.mktemp("nation") / "n.duckdb", size="national")


@pytest.fixture(scope="module")
def truth(nation_file: Path) -> pd.DataFrame:
    return pd.read_parquet(nation_file.with_name("n_truth.parquet"))


@pytest.fixture(scope="module")
def nation_tables(nation_file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(str(nation_file), read_only=True, config={"threads": 1})
    yield connection
    connection.close()


def test_all_that_the_check_tells_of_the_nation_is_true(nation_file: Path) -> None:
    report = check_extract(nation_file, codes=True)
    assert report.accepted
    assert all(finding.fate is Fate.WARN for finding in report.findings)
    told = sorted((one.code, one.table, dict(one.facts).get("where", "")) for one in report.findings)
    # The last year of a registry is 92 % complete, and leaves the trend of this one; the rest as in the small
    # sample.
    assert told == [
        ("D076", "adjacency", "departement"),
        ("D077", "adjacency", "departement"),
        ("D077", "adjacency", "zone"),
        ("D140", "tumours", "haute_vienne, 2021"),
        ("O008", "tumours", ""),
    ]


def test_person_years_of_the_nation_are_those_that_insee_counts(
    nation_tables: duckdb.DuckDBPyConnection,
) -> None:
    yearly = dict(
        nation_tables.execute(
            "SELECT period_from, CAST(sum(person_years) AS DOUBLE) FROM person_years AS p "
            f"JOIN membership AS m ON m.child_code = p.geo_code AND m.parent_code IN ({METROPOLITAN}) "
            "WHERE p.geo_level = 'zone' GROUP BY ALL"
        ).fetchall()
    )
    # Means of two 1 Januaries, millions; 0.5 % is the distance that would be worth a warning.
    for year, million in ((2004, 60.734), (2012, 63.537), (2018, 64.970), (2023, 66.034)):
        assert yearly[year] == pytest.approx(million * 1e6, rel=0.0005)


def test_cases_and_deaths_drawn_are_the_published_ones(truth: pd.DataFrame) -> None:
    for event, quantity in (("incidence", "cases"), ("death", "deaths")):
        drawn = truth[truth["quantity"] == quantity].groupby(["site", "sex", "year"])["value"].sum()
        for row in TAKEN[(TAKEN["event"] == event) & (TAKEN["measure"] == "cases")].itertuples():
            sites = drawn.index.get_level_values("site")
            if event == "death":
                mine = sites == row.site
            else:
                mine = sites.isin(leaves_of(row.site) | {row.site}) | (row.site == "all_cancers")
            part = drawn[mine & (drawn.index.get_level_values("year") == row.year)]
            total = part.sum() if row.sex == 0 else part.xs(row.sex, level="sex").sum()
            # 2 % promised of the mean, four standard errors of a Poisson count about it.
            assert abs(total - row.value) <= 0.02 * row.value + 4 * np.sqrt(row.value)


def test_rates_of_the_deaths_drawn_are_the_published_ones(nation_tables: duckdb.DuckDBPyConnection) -> None:
    drawn = nation_tables.execute(
        f"""
        WITH inside AS (SELECT child_code AS geo_code FROM membership WHERE parent_code IN ({METROPOLITAN})),
        d AS (
            SELECT site, sex, period_from AS year, age_from, CAST(sum(events) AS DOUBLE) AS events
            FROM death_cells SEMI JOIN inside USING (geo_code) WHERE geo_level = 'zone' GROUP BY ALL
        ), p AS (
            SELECT sex, period_from AS year, age_from, CAST(sum(person_years) AS DOUBLE) AS size
            FROM person_years SEMI JOIN inside USING (geo_code) WHERE geo_level = 'zone' GROUP BY ALL
        )
        SELECT d.*, p.size FROM d JOIN p USING (sex, year, age_from)
        """
    ).df()
    drawn["part"] = drawn["events"] / drawn["size"] * world_weights()[drawn["age_from"] // 5] * 1e5
    rates = drawn.groupby(["site", "sex", "year"])[["part", "events"]].sum()
    asked = TAKEN[(TAKEN["event"] == "death") & (TAKEN["measure"] == "asr_world")]
    assert len(asked) >= 15
    for row in asked.itertuples():
        found = rates.loc[(row.site, row.sex, row.year)]
        # 5 % promised of the mean, four relative standard errors of the deaths about it.
        assert abs(found["part"] / row.value - 1) <= 0.05 + 4 / np.sqrt(found["events"]), row.site


def test_links_are_as_frequent_as_published(truth: pd.DataFrame) -> None:
    share = truth.loc[truth["quantity"] == "linked_share", "value"].item()
    # A million pairs: the standard error is 0.0002; the declared curve of failure comes within 0.3 %.
    assert share == pytest.approx(0.953, abs=0.003)


@pytest.mark.parametrize("site", ["lung", "bladder", "breast", "melanoma_skin"])
def test_cases_of_snds_are_true_as_often_as_declared(
    nation_tables: duckdb.DuckDBPyConnection, site: str
) -> None:
    linked, cases = nation_tables.execute(
        "SELECT count(linked_tumour_key), count(*) FROM snds_cases AS s "
        "JOIN membership AS m ON m.child_code = s.geo_code "
        "SEMI JOIN coverage AS c ON c.geo_code = m.parent_code "
        "WHERE s.site = $site AND s.year BETWEEN 2006 AND 2019",
        {"site": site},
    ).fetchone()
    sensitivity, value = performance(site)
    ages = np.array(AGE_STARTS) + 2.5
    ages[-1] = 90.5
    odds = sensitivity / (1 - sensitivity) * np.exp(-0.05 * np.maximum(ages - 75, 0))
    true = false = matched = 0.0
    at = slice(YEARS.index(2006), YEARS.index(2019) + 1)
    for sex, persons in relative_population(YEARS).items():
        if (site, sex) in nation().leaf_rates:
            mean = (nation().leaf_rates[(site, sex)] * persons)[at].sum(axis=0)
            true += (mean * odds / (1 + odds)).sum()
            matched += (mean * odds / (1 + odds) * (1 - link_failure(site, ages))).sum()
            false += mean.sum() * sensitivity * (1 - value) / value
    # The declared value holds under 75; the old are found less often. Tens of thousands of cases, standard
    # error 0.003.
    assert true / (true + false) <= value + 1e-9
    assert linked / cases == pytest.approx(matched / (true + false), abs=0.012)


def test_deaths_of_zones_rise_with_deprivation_as_their_truth(
    nation_tables: duckdb.DuckDBPyConnection, truth: pd.DataFrame, places: Places
) -> None:
    ratios = truth[truth["quantity"].eq("mortality_ratio_extreme_fifths") & truth["geo_level"].eq("zone")]
    ratios = ratios[ratios["geo_code"].eq("FR")]
    ratios = ratios.set_index(["site", "sex"])["value"]
    counted = nation_tables.execute(
        "SELECT site, sex, geo_code, CAST(sum(events) AS DOUBLE) AS events FROM death_cells "
        "WHERE geo_level = 'zone' GROUP BY ALL"
    ).df()
    for site, sex in (("lung", 1), ("lung", 2), ("larynx", 1), ("cervix_uteri", 2), ("colorectum", 1),
                      ("breast", 2), ("prostate", 1), ("melanoma_skin", 1)):  # fmt: skip
        mine = counted[(counted["site"] == site) & (counted["sex"] == sex)].set_index("geo_code")["events"]
        events = mine.reindex(places.zones).fillna(0).to_numpy()
        ends = (places.rank < 0.2, places.rank >= 0.8)
        least, most = (events[part].sum() / places.population[part].sum() for part in ends)
        error = np.sqrt(sum(1 / events[part].sum() for part in ends))
        # Four standard errors, and the lethality of the départements of each fifth, 3 to 18 % of twenty.
        assert abs(np.log(most / least / ratios[(site, sex)])) < 4 * error + 0.06, (site, sex)


def test_tumours_of_registries_follow_deprivation_as_published(
    nation_tables: duckdb.DuckDBPyConnection, places: Places
) -> None:
    seen = dict(
        nation_tables.execute(
            "SELECT geo_code, count(*) FROM tumours WHERE topography LIKE 'C34%' AND behaviour = 3 "
            "AND sex = 1 AND year < 2020 GROUP BY geo_code"
        ).fetchall()
    )
    communes = places.communes
    events = np.array([seen.get(code, 0) for code in communes.codes])
    level = communes.population * places.commune_level("lung", 1)
    # Published of metropolitan registries; lung cancer is rare overseas, where most are deprived.
    covered = (events > 0) & places.metropolitan[communes.zone]
    ends = (covered & (communes.rank < 0.2), covered & (communes.rank >= 0.8))
    least, most = (events[part].sum() / communes.population[part].sum() for part in ends)
    true = [level[part].sum() / communes.population[part].sum() for part in ends]
    # Some ten thousand tumours in each fifth of the covered communes: standard error 1.5 %.
    assert np.log(most / least) == pytest.approx(np.log(true[1] / true[0]), abs=0.06)
    # Published for the nation: 1.59.
    assert 1.4 < most / least < 1.8


def test_deaths_of_the_nation_come_out_of_cells_as_published(nation_file: Path) -> None:
    with open_extract(nation_file) as extract:
        (cells,) = CellBuilder(extract).cells(
            Selection(sites=("lung",), sexes=(1,), event_types=("death",), geo_levels=("france_hexagonale",),
                      pooled=(Period(2012, 2013),))
        )  # fmt: skip
    (row,) = standardised_rates(cells, "world").itertuples()
    # Published for 2012: 21 326 deaths, 37.0 per 100 000.
    assert row.events == pytest.approx(21326, rel=0.03)
    assert row.value == pytest.approx(37.0, rel=0.05)
