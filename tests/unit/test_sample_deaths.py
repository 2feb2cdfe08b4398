"""Deaths of the large samples: zones and communes, gradients of mortality, maps below the département."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from rnc_epi.cells.build import CellBuilder, Selection
from rnc_epi.extracts.sample import make_sample
from rnc_epi.extracts.sample.deaths import mortality_level
from rnc_epi.extracts.sample.places import Places
from rnc_epi.extracts.sample.truth import extreme_fifths
from rnc_epi.vocabulary.errors import InputError
from rnc_epi.vocabulary.periods import Period


def lung_deaths(builder: CellBuilder, geo_level: str, periods: tuple[Period, ...]) -> pd.DataFrame:
    """Return the deaths and person-years of lung cancer in men, by area, all ages and periods together."""
    selection = Selection(("lung",), (1,), ("death",), (geo_level,), pooled=periods)
    (cells,) = builder.cells(selection)
    wanted = {(period.period_from, period.period_until) for period in periods}
    strata = cells.strata[["geo_code", "period_from", "period_until"]]
    table = strata.assign(events=cells.events.sum(axis=1), person_years=cells.person_years.sum(axis=1))
    kept = [pair in wanted for pair in zip(table["period_from"], table["period_until"], strict=True)]
    return table[kept].groupby("geo_code")[["events", "person_years"]].sum()


@pytest.mark.parametrize(
    ("leaf", "site", "sex", "ratio"),
    [
        ("lung", "lung", 1, 1.59 + (1.59 - 1) * 0.13 / 0.87),
        ("cervix_uteri", "cervix_uteri", 2, 1.62 + (1.62 - 1) * 0.44 / 0.56),
        ("larynx", "larynx", 1, 1.67 * 1.1),
        ("colon", "colorectum", 2, 1.1),
        ("prostate", "prostate", 1, 0.88 * 1.1),
        ("melanoma_skin", "melanoma_skin", 1, 0.70 * 1.1),
    ],
)
def test_a_gradient_of_mortality_is_that_of_incidence_and_of_lethality(
    places: Places, leaf: str, site: str, sex: int, ratio: float
) -> None:
    level = mortality_level(places, site, sex, places.commune_level(leaf, sex))
    found = extreme_fifths(places, level)
    # Bryere 2019: 87 % of the excess of lung cancer deaths of men is of incidence, 56 % of that of the cervix
    # uteri; 10 % more deaths a case are declared for the others. 3 % as for incidence.
    assert found["commune"] == pytest.approx(ratio, rel=0.03)
    # Zones dilute, towards 1.
    assert abs(np.log(found["zone"])) < abs(np.log(found["commune"])) * 0.95
    assert np.sign(np.log(found["zone"])) == np.sign(np.log(found["commune"]))


def test_deaths_of_communes_zones_and_départements_are_the_same_deaths(
    regional_tables: duckdb.DuckDBPyConnection,
) -> None:
    levels = regional_tables.execute("SELECT DISTINCT geo_level FROM death_cells ORDER BY ALL").fetchall()
    assert levels == [("commune",), ("zone",)]
    ((rows, unlike),) = regional_tables.execute(
        """
        WITH c AS (
            SELECT m.parent_code AS geo_code, d.period_from, site, sex, age_from, sum(events) AS below
            FROM death_cells AS d JOIN membership AS m
                ON m.child_level = d.geo_level AND m.child_code = d.geo_code
            WHERE d.geo_level = 'commune' GROUP BY ALL
        ), z AS (
            SELECT geo_code, 2014 + 5 * ((period_from - 2014) // 5) AS period_from, site, sex, age_from,
                sum(events) AS above
            FROM death_cells WHERE geo_level = 'zone' GROUP BY ALL
        )
        SELECT count(*), count(*) FILTER (WHERE below IS DISTINCT FROM above)
        FROM c FULL JOIN z USING (geo_code, period_from, site, sex, age_from)
        """
    ).fetchall()
    assert rows > 5000
    assert unlike == 0


def test_all_cancers_are_the_sites_and_the_others_in_every_commune(
    regional_tables: duckdb.DuckDBPyConnection,
) -> None:
    least = regional_tables.execute(
        "SELECT min(w - coalesce(p, 0)), sum(w) FROM (SELECT geo_level, "
        "sum(events) FILTER (WHERE site = 'all_cancers') AS w, "
        "sum(events) FILTER (WHERE site <> 'all_cancers') AS p FROM death_cells "
        "GROUP BY sex, geo_level, geo_code, period_from, age_from)"
    ).fetchone()
    assert least is not None
    assert least[0] >= 0


def test_deaths_can_be_mapped_by_zone_and_by_commune(regional_cells: CellBuilder, places: Places) -> None:
    mine = np.isin(np.array(places.departements, dtype=object)[places.departement_of], REGION)
    by_zone = lung_deaths(regional_cells, "zone", (Period(2014, 2024),))
    by_commune = lung_deaths(regional_cells, "commune", (Period(2014, 2019), Period(2019, 2024)))
    assert len(by_zone) == mine.sum()
    assert len(by_commune) == mine[places.communes.zone].sum()
    assert by_zone["events"].sum() == by_commune["events"].sum() > 10_000
    by_departement = lung_deaths(regional_cells, "departement", (Period(2014, 2024),))
    assert set(by_departement.index) == set(REGION)
    assert by_departement["events"].sum() == by_zone["events"].sum()


REGION = ["16", "17", "19", "23", "24", "33", "40", "47", "64", "79", "86", "87"]


def test_deaths_drawn_follow_the_deprivation_of_communes(regional_cells: CellBuilder, places: Places) -> None:
    table = lung_deaths(regional_cells, "commune", (Period(2014, 2019), Period(2019, 2024)))
    communes = places.communes
    inside = np.isin(communes.codes, table.index)
    table = table.loc[np.array(communes.codes, dtype=object)[inside]]
    level = mortality_level(places, "lung", 1, places.commune_level("lung", 1))[inside]
    rank, events = communes.rank[inside], table["events"].to_numpy()
    low, high = rank < 0.2, rank >= 0.8
    rate = [events[part].sum() / table["person_years"].to_numpy()[part].sum() for part in (low, high)]
    assert rate[1] / rate[0] > 1.4
    # Within zones, where only chance and the level of each commune count: the sum of ranks is that of deaths
    # shared out by level, and far from that of deaths shared out by inhabitants.
    zone = communes.zone[inside]
    whole = np.bincount(zone, events, minlength=zone.max() + 1)
    far = {}
    for name, weight in (("level", level), ("inhabitants", np.ones(len(level)))):
        share = communes.population[inside] * weight
        share = share / np.bincount(zone, share)[zone]
        mean = whole[zone] * share
        spread = whole * (
            np.bincount(zone, share * rank**2, minlength=len(whole))
            - np.bincount(zone, share * rank, minlength=len(whole)) ** 2
        )
        far[name] = ((events - mean) @ rank) / np.sqrt(spread.sum())
    # Standard normal: four is passed once in 16 000 times.
    assert abs(far["level"]) < 4
    assert far["inhabitants"] > 6


def test_deaths_of_zones_scatter_about_their_true_risk(
    regional_cells: CellBuilder, regional_truth: pd.DataFrame, places: Places
) -> None:
    table = lung_deaths(regional_cells, "zone", (Period(2014, 2024),))
    level = pd.Series(
        places.by_zone(mortality_level(places, "lung", 1, places.commune_level("lung", 1))), places.zones
    )
    mine = regional_truth["quantity"].eq("mortality_relative_risk") & regional_truth["site"].eq("lung")
    stated = regional_truth[mine & regional_truth["sex"].eq(1)].set_index("geo_code")["value"]
    departement = table.index.str[1:3]
    # What is stated of a zone is its level, times a lethality that is its département's.
    ratio = (stated / level).loc[table.index].groupby(departement)
    assert (ratio.max() / ratio.min()).max() == pytest.approx(1, abs=1e-9)
    mean = table["person_years"] * level.loc[table.index]
    mean *= (
        (table["events"].groupby(departement).sum() / mean.groupby(departement).sum()).loc[departement].array
    )
    freedom = len(table) - departement.nunique()
    assert freedom > 60
    # Pearson's statistic of Poisson counts whose sums are given: 1, standard error 0.18.
    assert ((table["events"] - mean) ** 2 / mean).sum() / freedom == pytest.approx(1, abs=0.5)
    flat = table["person_years"] * (table["events"].sum() / table["person_years"].sum())
    assert ((table["events"] - flat) ** 2 / flat).mean() > 2


def test_a_level_of_deaths_that_a_sample_cannot_have_is_refused(tmp_path: Path) -> None:
    for arguments in ({"size": "small", "deaths": "zone"}, {"size": "regional", "deaths": "street"}):
        with pytest.raises(InputError, match="M005"):
            make_sample(tmp_path / "s.duckdb", **arguments)
