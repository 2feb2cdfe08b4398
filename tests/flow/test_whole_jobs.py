"""The whole jobs: what they make is there, verifies, and gives nothing away to an attacker."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from rnc_epi.attack import attack_release
from rnc_epi.main_jobs import demo, real
from rnc_epi.release import verify


def test_the_published_tables_become_a_release_with_its_pages_that_an_attacker_cannot_open(
    shared, tmp_path: Path
) -> None:
    folder = shared("data/registries/ci5_xii_france.csv.gz").parents[2]
    products = real(folder, tmp_path / "out")
    assert {"published", "html", "pdf"} <= set(products)
    assert all(path.exists() for path in products.values())
    assert verify(products["published"]).approved_by
    table = pd.read_parquet(products["published"] / "indicators.parquet")
    deaths = table[(table["geo_level"] == "departement_sante") & (table["indicator"] == "asr")]
    # 95 départements with Corsica as one, in each of the two standards.
    assert deaths.groupby("standard")["geo_code"].nunique().tolist() == [95, 95]
    assert (deaths["status"] == "published").mean() > 0.9
    registries = table[(table["geo_level"] == "registry_zone") & (table["geo_code"] != "ALL")]
    assert registries["geo_code"].nunique() == 19
    nation = table[(table["geo_level"] == "france_hexagonale") & (table["event_type"] == "incidence")]
    assert set(nation.loc[nation["estimator"] == "observed", "status"]) == {"not_estimable"}
    estimated = table[table["estimator"] == "calibrated"]
    assert set(estimated["data_grade"]) == {"A++", "A+"}
    by_site = estimated[estimated["geo_level"] == "departement_sante"].groupby("site")["geo_code"].nunique()
    assert by_site.to_dict() == {"lip_oral_pharynx": 95, "pancreas": 95}
    cases = nation[(nation["site"] == "pancreas") & (nation["indicator"] == "count")]
    # 50 933 cases over the nine years, as the published vignette has them, rounded to the hundred.
    assert cases.loc[cases["estimator"] == "calibrated", "value"].tolist() == [50_900]
    ledger = pd.read_csv(products["published"] / "accounting_public.csv")
    assert {"D131", "D132"} <= set(ledger["reason"])
    page = products["html"].read_text(encoding="utf-8")
    assert "modifiés par leurs auteurs" in page
    assert "moins bien certifiée" in page
    chapter = page[page.index('id="whole-country"') :]
    assert "modifiés par leurs auteurs" in chapter
    assert {"2007-2015", "2007-2011"} <= set(re.findall(r"2007-20\d\d", chapter))
    assert attack_release(products["published"]).safe


@pytest.mark.slow
def test_the_demonstration_gives_nothing_away(tmp_path: Path) -> None:
    products = demo(tmp_path / "out", language="en")
    assert attack_release(products["published"]).safe
    assert "Synthetic data" in products["html"].read_text(encoding="utf-8")
