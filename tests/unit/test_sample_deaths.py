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
    mean = table["person_years"].to_numpy() * level
    mean *= events.sum() / mean.sum()
    low, high = rank < 0.2, rank >= 0.8
    for part in (low, high):
        # Thousands of deaths in each fifth: five standard errors of a Poisson count, and the lethality of
        # twelve départements, of which each varies by 5 %.
        spread = 5 * np.sqrt(mean[part].sum()) + 0.05 * mean[part].sum()
        assert events[part].sum() == pytest.approx(mean[part].sum(), abs=spread)
    rate = [events[part].sum() / table["person_years"].to_numpy()[part].sum() for part in (low, high)]
    assert rate[1] / rate[0] > 1.4


def test_deaths_of_zones_scatter_about_their_true_risk(
    regional_tables: duckdb.DuckDBPyConnection, regional_truth: pd.DataFrame
) -> None:
    risk = regional_truth[
        (regional_truth["quantity"] == "mortality_relative_risk") & (regional_truth["site"] == "lung")
        & (regional_truth["sex"] == 1)
    ]  # fmt: skip
    seen = regional_tables.execute(
        """
        SELECT d.geo_code, CAST(sum(events) AS BIGINT) AS events, any_value(p.size) AS size
        FROM death_cells AS d JOIN (
            SELECT geo_code, CAST(sum(person_years) AS DOUBLE) AS size FROM person_years
            WHERE geo_level = 'zone' AND sex = 1 GROUP BY ALL
        ) AS p USING (geo_code)
        WHERE site = 'lung' AND sex = 1 AND geo_level = 'zone' GROUP BY ALL
        """
    ).df()
    table = seen.merge(risk[["geo_code", "value"]], on="geo_code")
    assert len(table) > 80
    mean = table["size"] * table["value"]
    mean *= table["events"].sum() / mean.sum()
    # Pearson's statistic of about a hundred Poisson counts: 1, standard error 0.15.
    assert ((table["events"] - mean) ** 2 / mean).mean() == pytest.approx(1, abs=0.45)
    flat = table["size"] * table["events"].sum() / table["size"].sum()
    assert ((table["events"] - flat) ** 2 / flat).mean() > 2


def test_a_level_of_deaths_that_a_sample_cannot_have_is_refused(tmp_path: Path) -> None:
    for arguments in ({"size": "small", "deaths": "zone"}, {"size": "regional", "deaths": "street"}):
        with pytest.raises(InputError, match="M005"):
            make_sample(tmp_path / "s.duckdb", **arguments)
