"""What registries record of the regional sample: rates, places, delay, stage, basis of diagnosis."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd
import pytest

from rnc_epi.cells.build import CellBuilder, Selection
from rnc_epi.extracts.sample.national import (
    YEARS,
    nation,
    relative_population,
    world_weights,
)
from rnc_epi.extracts.sample.places import Places
from rnc_epi.vocabulary.periods import Period


def true_rate(places: Places, leaf: str, sex: int, code: str, years: range) -> float:
    """Return the rate of a département: all zones have the nation's ages."""
    level = places.by_departement(places.level(leaf, sex) * places.population)
    level /= places.by_departement(places.population)
    at = [YEARS.index(year) for year in years]
    persons = relative_population(YEARS)[sex][at]
    pooled = (nation().leaf_rates[(leaf, sex)][at] * persons).sum(axis=0) / persons.sum(axis=0)
    return level[places.departements.index(code)] * float(pooled @ world_weights()) * 1e5


def test_standardised_rates_of_registry_départements_agree_with_the_truth(
    regional_tables: duckdb.DuckDBPyConnection, regional_truth: pd.DataFrame, places: Places
) -> None:
    # Without the two years that registries have not finished; counted here without the help of cells.
    events = regional_tables.execute(
        """
        SELECT CASE substr(t.topography, 1, 3) WHEN 'C34' THEN 'lung' WHEN 'C25' THEN 'pancreas'
                   WHEN 'C32' THEN 'larynx' WHEN 'C44' THEN 'melanoma_skin' END AS site,
               t.sex, d.parent_code AS geo_code, least(t.age_years // 5, 17) AS band, count(*) AS events
        FROM tumours AS t JOIN membership AS z ON z.child_code = t.geo_code
        JOIN membership AS d ON d.child_code = z.parent_code AND d.parent_level = 'departement'
        WHERE t.behaviour = 3 AND t.year < 2020 AND t.age_years IS NOT NULL GROUP BY ALL
        """
    ).df()
    persons = regional_tables.execute(
        """
        SELECT p.sex, d.parent_code AS geo_code, p.age_from // 5 AS band,
            CAST(sum(p.person_years) AS DOUBLE) AS person_years
        FROM person_years AS p
        JOIN membership AS d ON d.child_code = p.geo_code AND d.parent_level = 'departement'
        WHERE p.geo_level = 'zone' AND p.period_from < 2020 GROUP BY ALL
        """
    ).df()
    table = events.dropna(subset="site").merge(persons, on=["sex", "geo_code", "band"])
    assert set(table["geo_code"]) == {"16", "17", "33", "79", "86", "87"}
    weight = world_weights()[table["band"]] * 1e5 / table["person_years"]
    table = table.assign(value=table["events"] * weight, variance=table["events"] * weight**2)
    table = table.groupby(["site", "sex", "geo_code"], as_index=False)[["events", "value", "variance"]].sum()
    table = table[table["events"] >= 100]
    assert len(table) > 30
    true = [
        true_rate(places, row.site, row.sex, row.geo_code, range(2014, 2020))
        for row in table.itertuples(index=False)
    ]
    z = (table["value"] - true) / np.sqrt(table["variance"])
    # The mean of n standard normals is within 4/sqrt(n); their spread within 35 % for n of about forty.
    assert abs(z.mean()) < 4 / np.sqrt(len(z))
    assert 0.65 < z.std() < 1.35
    stated = regional_truth[
        (regional_truth["quantity"] == "asr_world") & (regional_truth["geo_level"] == "departement")
    ]
    for row in stated[stated["site"] == "lung"].itertuples():
        mine = true_rate(places, "lung", row.sex, row.geo_code, range(2014, 2024))
        # Person-years are rounded to the hundredth, by zone and band.
        assert row.value == pytest.approx(mine, rel=1e-5)


def test_cells_of_départements_count_the_tumours_of_their_communes(
    regional_cells: CellBuilder, regional_tables: duckdb.DuckDBPyConnection
) -> None:
    counted = dict(
        regional_tables.execute(
            "SELECT d.parent_code, count(*) FROM tumours AS t "
            "JOIN membership AS z ON z.child_code = t.geo_code "
            "JOIN membership AS d ON d.child_code = z.parent_code AND d.parent_level = 'departement' "
            "WHERE t.behaviour = 3 AND t.topography = 'C34.9' AND t.year < 2020 AND t.sex = 1 GROUP BY ALL"
        ).fetchall()
    )
    selection = Selection(
        sites=("lung",),
        sexes=(1,),
        event_types=("incidence",),
        geo_levels=("departement",),
        pooled=(Period(2014, 2020),),
    )
    (cells,) = regional_cells.cells(selection)
    of_period = cells.strata["period_until"].to_numpy() == 2020
    of_period &= cells.strata["period_from"].to_numpy() == 2014
    events = cells.events.sum(axis=1) + cells.unknown_age
    found = dict(zip(cells.strata.loc[of_period, "geo_code"], events[of_period].tolist(), strict=True))
    assert found == counted


def test_registries_cover_their_zones_alone_and_their_last_two_years_are_unfinished(
    regional_tables: duckdb.DuckDBPyConnection,
) -> None:
    outside = regional_tables.execute(
        "SELECT count(*) FROM tumours AS t JOIN membership AS m ON m.child_code = t.geo_code "
        "ANTI JOIN coverage AS c ON c.geo_code = m.parent_code "
        "AND c.registry = t.registry AND t.year >= c.period_from AND t.year < c.period_until"
    ).fetchone()
    assert outside == (0,)
    yearly = dict(
        regional_tables.execute(
            "SELECT year, count(*) FROM tumours WHERE behaviour = 3 "
            "AND substr(topography, 1, 3) IN ('C33', 'C34') GROUP BY year"
        ).fetchall()
    )
    assert max(yearly) == 2021
    # 92 % complete against 98 %, on about 4 000 lung tumours a year in this region's registries (se 2 %);
    # the disease itself grows by about 2 % a year.
    assert yearly[2021] / yearly[2020] < 1.0
    # Of the cases that SNDS knows there, as many are linked as the registry has recorded: 98 % and
    # 92 % of what it was before. 2 500 lung cancers a year give a standard error of 0.007.
    linked = dict(
        regional_tables.execute(
            "SELECT s.year, count(s.linked_tumour_key) / count(*) FROM snds_cases AS s "
            "JOIN membership AS m ON m.child_code = s.geo_code "
            "SEMI JOIN coverage AS c ON c.geo_code = m.parent_code WHERE s.site = 'lung' GROUP BY s.year"
        ).fetchall()
    )
    before = np.mean([linked[year] for year in range(2015, 2020)])
    assert linked[2020] / before == pytest.approx(0.98, abs=0.025)
    assert linked[2021] / before == pytest.approx(0.92, abs=0.025)


def test_stage_is_missing_more_often_in_the_old(regional_tables: duckdb.DuckDBPyConnection) -> None:
    young, old = (
        regional_tables.execute(
            f"SELECT avg((stage IS NULL)::INT) FROM tumours WHERE age_years {ages}"
        ).fetchone()[0]
        for ages in ("< 75", ">= 75")
    )
    # 10 % and 20 % of more than 10 000 tumours each.
    assert young == pytest.approx(0.10, abs=0.01)
    assert old == pytest.approx(0.20, abs=0.015)


def test_tumours_of_a_registry_follow_the_deprivation_of_communes(
    regional_tables: duckdb.DuckDBPyConnection, places: Places
) -> None:
    seen = dict(
        regional_tables.execute(
            "SELECT geo_code, count(*) FROM tumours WHERE substr(topography, 1, 3) IN ('C33', 'C34') "
            "AND behaviour = 3 AND sex = 1 AND year < 2020 GROUP BY geo_code"
        ).fetchall()
    )
    communes = places.communes
    covered = np.isin(
        np.array(places.departements, dtype=object)[places.departement_of][communes.zone],
        ["16", "17", "33", "79", "86", "87"],
    )
    events = np.array([seen.get(code, 0) for code in communes.codes])
    mean = communes.population * places.commune_level("lung", 1)
    mean *= events[covered].sum() / mean[covered].sum()
    low, high = (covered & (communes.rank < 0.2)), (covered & (communes.rank >= 0.8))
    for part in (low, high):
        # About 2 500 tumours in each fifth: five standard errors of a Poisson count.
        assert events[part].sum() == pytest.approx(mean[part].sum(), abs=5 * np.sqrt(mean[part].sum()))
    ratio = (events[high].sum() / communes.population[high].sum()) / (
        events[low].sum() / communes.population[low].sum()
    )
    assert ratio > 1.35
