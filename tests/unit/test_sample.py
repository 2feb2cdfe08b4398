"""The synthetic extract: the same for a seed, clean under the contract, true to what it was drawn from."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from rnc_epi.cells.build import CellBuilder, Selection
from rnc_epi.extracts.check_report import check_extract
from rnc_epi.extracts.contract_checks.findings import Fate
from rnc_epi.extracts.embedded import embedded_sample
from rnc_epi.extracts.opening import open_extract
from rnc_epi.extracts.sample import make_sample
from rnc_epi.extracts.sample.codes import typical_code
from rnc_epi.extracts.sample.reference import rates
from rnc_epi.indicators.rates import standardised_rates
from rnc_epi.vocabulary.errors import FileProblem, InputError
from rnc_epi.vocabulary.periods import Period
from rnc_epi.vocabulary.sites import leaves, site_of_icdo3


@pytest.fixture(scope="module")
def made(small: Path) -> Path:
    return small


def test_the_embedded_sample_is_what_its_command_makes(made: Path) -> None:
    with open_extract(made) as again, open_extract(embedded_sample()) as embedded:
        assert again.fingerprint() == embedded.fingerprint()


def test_another_seed_gives_another_content(made: Path, tmp_path: Path) -> None:
    other = make_sample(tmp_path / "other.duckdb", seed=1)
    with open_extract(made) as first, open_extract(other) as second:
        assert first.fingerprint() != second.fingerprint()


def test_all_that_the_check_tells_of_the_sample_is_true_and_it_says_that_it_is_synthetic(made: Path) -> None:
    report = check_extract(made, codes=True)
    assert report.accepted
    told = sorted((one.code, one.table, dict(one.facts).get("where", "")) for one in report.findings)
    # Guadeloupe, Martinique, Guyane, La Réunion and Mayotte touch nothing; the mainland and Corsica do not
    # touch each other, nor do the zones of seven territories; a lung cancer at three comes from a published
    # rate of 0.1 per 100 000 that is not zero.
    assert told == [
        ("D076", "adjacency", "departement"),
        ("D077", "adjacency", "departement"),
        ("D077", "adjacency", "zone"),
        ("O008", "tumours", ""),
    ]
    assert all(finding.fate is Fate.WARN for finding in report.findings)
    rows = {(one.code, dict(one.facts).get("where")): one.rows for one in report.findings}
    assert rows[("D076", "departement")] == 5
    assert rows[("D077", "departement")] == 2
    assert rows[("D077", "zone")] == 7
    with open_extract(made) as extract:
        assert extract.sources()["synthetic"].all()


def test_the_typical_code_of_each_site_is_read_back_as_that_site() -> None:
    for leaf in {leaf for leaf, _ in rates()} & set(leaves("all_cancers")):
        for child, microscopic in itertools.product((False, True), repeat=2):
            topography, morphology = typical_code(leaf, child=child, microscopic=microscopic)
            assert site_of_icdo3(topography, morphology, 3) == leaf


def test_standardised_rates_of_registries_agree_with_the_truth(made: Path, project_root: Path) -> None:
    truth = pd.read_parquet(project_root / "data_samples/rnc_sample_truth.parquet")
    truth = truth[truth["quantity"] == "asr_world"][["site", "sex", "geo_code", "value"]]
    truth = truth.rename(columns={"value": "incidence_asr_world"})
    with open_extract(made) as extract:
        (cells,) = CellBuilder(extract).cells(
            Selection(
                sites=("all_cancers", "lung", "colorectum", "breast"),
                sexes=(1, 2),
                event_types=("incidence",),
                geo_levels=("departement",),
                pooled=(Period(2016, 2021),),
            )
        )
    table = standardised_rates(cells, "world").merge(truth, on=["site", "sex", "geo_code"])
    table = table[table["events"] >= 100]
    assert len(table) > 80
    z = (table["value"] - table["incidence_asr_world"]) / table["se"]
    # Rows of unknown age (one in a thousand) pull the rate down by less than a tenth of a standard error; the
    # mean of n standard normals is within 4/sqrt(n), their spread within 25 % for n of a hundred or so.
    assert abs(z.mean()) < 4 / np.sqrt(len(z))
    assert 0.75 < z.std() < 1.25


def test_deaths_of_all_cancers_are_those_of_its_sites_and_of_others(made: Path) -> None:
    with open_extract(made) as extract:
        cells = extract.store.read(
            "SELECT site = 'all_cancers' AS whole, sex, geo_code, period_from, age_from, "
            "sum(events) AS events FROM death_cells GROUP BY ALL"
        )
    keys = ["sex", "geo_code", "period_from", "age_from"]
    table = cells.pivot_table(index=keys, columns="whole", values="events", fill_value=0)
    assert (table[True] >= table[False]).all()


@pytest.fixture
def tables(made: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(str(made), read_only=True)
    yield connection
    connection.close()


def test_zones_add_up_to_their_département_in_deaths_and_person_years(
    tables: duckdb.DuckDBPyConnection,
) -> None:
    for table, value, by in (
        ("death_cells", "events", "site, sex, age_from"),
        ("person_years", "person_years", "sex, age_from"),
    ):
        ((rows, worst),) = tables.execute(
            f"""
            WITH z AS (
                SELECT m.parent_code AS geo_code, {by}, sum({value}) AS of_zones FROM {table} AS t
                JOIN membership AS m ON m.child_level = 'zone' AND m.child_code = t.geo_code
                WHERE t.geo_level = 'zone' GROUP BY ALL
            ), d AS (
                SELECT geo_code, {by}, sum({value}) AS whole FROM {table}
                WHERE geo_level = 'departement' GROUP BY ALL
            )
            SELECT count(*), max(abs(of_zones - whole)) FROM z JOIN d USING (geo_code, {by})
            """
        ).fetchall()
        assert rows > 3000
        assert worst == 0


def test_a_zone_has_no_more_deaths_of_its_sites_than_of_all_cancers(
    tables: duckdb.DuckDBPyConnection,
) -> None:
    found = tables.execute(
        "SELECT min(w - p) FROM (SELECT sum(events) FILTER (WHERE site = 'all_cancers') AS w, "
        "sum(events) FILTER (WHERE site <> 'all_cancers') AS p FROM death_cells WHERE geo_level = 'zone' "
        "GROUP BY sex, geo_code, age_from) WHERE p IS NOT NULL"
    ).fetchone()
    assert found is not None
    assert found[0] >= 0


def test_deaths_of_zones_scatter_about_their_true_risk(tables: duckdb.DuckDBPyConnection, made: Path) -> None:
    truth = pd.read_parquet(made.with_name("s_truth.parquet"))
    risk = truth[(truth["quantity"] == "mortality_relative_risk") & (truth["site"] == "lung")]
    seen = tables.execute(
        """
        WITH n AS (
            SELECT e.sex, e.age_from, sum(e.events) / p.py AS rate FROM death_cells AS e
            JOIN (SELECT sex, age_from, CAST(sum(person_years) AS DOUBLE) AS py FROM person_years
                  WHERE geo_level = 'zone' GROUP BY ALL) AS p ON p.sex = e.sex AND p.age_from = e.age_from
            WHERE e.site = 'lung' AND e.geo_level = 'zone' GROUP BY e.sex, e.age_from, p.py
        ), x AS (
            SELECT p.geo_code, p.sex, sum(CAST(p.person_years AS DOUBLE) * n.rate) AS expected
            FROM person_years AS p JOIN n ON n.sex = p.sex AND n.age_from = p.age_from
            WHERE p.geo_level = 'zone' GROUP BY ALL
        ), o AS (
            SELECT geo_code, sex, CAST(sum(events) AS BIGINT) AS events FROM death_cells
            WHERE site = 'lung' AND geo_level = 'zone' GROUP BY ALL
        )
        SELECT x.*, coalesce(o.events, 0) AS events FROM x LEFT JOIN o USING (geo_code, sex)
        """
    ).df()
    table = seen.merge(risk[["sex", "geo_code", "value"]], on=["sex", "geo_code"])
    assert len(table) == 2604
    mean = table["expected"] * table["value"]
    # Pearson's statistic of 2 604 Poisson counts: 1, standard error 0.03 and a little more for small means.
    assert ((table["events"] - mean) ** 2 / mean).mean() == pytest.approx(1, abs=0.12)
    # Without the risk, the zones vary more than that.
    assert ((table["events"] - table["expected"]) ** 2 / table["expected"]).mean() > 1.5


def test_lung_deaths_rise_and_prostate_cancer_deaths_do_not_rise_with_deprivation(made: Path) -> None:
    truth = pd.read_parquet(made.with_name("s_truth.parquet")).set_index(["quantity", "site", "sex"])["value"]
    ratio = truth.loc["mortality_ratio_extreme_fifths"]
    # Deprivation varies within départements only as far as rates follow it: less than the published 1.59.
    assert 1.3 < ratio[("lung", 1)] < 1.75
    assert ratio[("lip_oral_pharynx", 1)] > ratio[("lung", 1)] > ratio[("colorectum", 1)]
    assert 0.8 < ratio[("prostate", 1)] < 1.05


def test_proxies_count_the_patients_of_registries_and_vary_between_districts_as_declared(
    tables: duckdb.DuckDBPyConnection, made: Path
) -> None:
    truth = pd.read_parquet(made.with_name("s_truth.parquet"))
    cases = truth[(truth["quantity"] == "cases") & (truth["geo_level"] == "departement")]
    cells = tables.execute(
        "SELECT proxy, site, sex, geo_code, CAST(sum(events) AS BIGINT) AS events "
        "FROM proxy_cells GROUP BY ALL"
    ).df()
    spread = {}
    for site in ("pancreas", "lung", "thyroid"):
        table = cells[(cells["proxy"] == "HA") & (cells["site"] == site)].merge(
            cases[["site", "sex", "geo_code", "value"]], on=["site", "sex", "geo_code"]
        )
        table = table[table["value"] >= 400]
        spread[site] = np.log(table["events"] / table["value"]).std()
    # Counts of 400 or more add at most 5 % to districts of 2 % (pancreas, lung); thyroid has 22 %.
    assert spread["lung"] < 0.06
    assert spread["pancreas"] < 0.07
    assert spread["thyroid"] > 0.12
    registry = tables.execute(
        "SELECT CAST(sum(events) AS BIGINT) FROM incidence_cells WHERE site = 'pancreas' AND sex = 1 "
        "AND geo_code = '33'"
    ).fetchone()
    row = cases[(cases["site"] == "pancreas") & (cases["sex"] == 1) & (cases["geo_code"] == "33")]
    assert (row["value"].item(),) == registry


def test_neighbours_are_named_in_both_directions_and_islands_have_none(
    tables: duckdb.DuckDBPyConnection,
) -> None:
    pairs = tables.execute("SELECT geo_level, geo_code, neighbour_code FROM adjacency").fetchall()
    assert {(level, b, a) for level, a, b in pairs} == set(pairs)
    departements = {(a, b) for level, a, b in pairs if level == "departement"}
    # 239 borders between départements of the métropole.
    assert len(departements) == 2 * 239
    assert not {"971", "972", "973", "974", "976"} & {a for a, _ in departements}
    assert {a for a, b in departements if b == "2A"} == {"2B"}
    zones = tables.execute(
        "SELECT count(DISTINCT a.geo_code) FROM areas AS a JOIN adjacency AS n "
        "ON n.geo_level = a.geo_level AND n.geo_code = a.geo_code WHERE a.geo_level = 'zone'"
    ).fetchone()
    assert zones == (1302,)


def test_an_existing_file_is_never_overwritten_and_an_unknown_size_is_refused(
    made: Path, tmp_path: Path
) -> None:
    with pytest.raises(FileProblem, match="F001"):
        make_sample(made)
    with pytest.raises(InputError, match="M005"):
        make_sample(tmp_path / "x.duckdb", size="enormous")
