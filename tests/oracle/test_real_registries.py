"""The real CI5 registries and deaths: rates before disclosure against a computation with plain pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rnc_epi.cells.build import CellBuilder, Selection
from rnc_epi.extracts.opening import open_extract
from rnc_epi.extracts.published_tables import CI5_FILE, DEATHS_FILE, published_extract
from rnc_epi.indicators.rates import standardised_rates
from rnc_epi.store.writing import write_extract
from rnc_epi.vocabulary.sites import SITES, by_ci5_code

#: Segi's world population as modified by Doll, in bands of five years, the last 85 and over (Doll 1966).
WORLD = [
    12000,
    10000,
    9000,
    9000,
    8000,
    8000,
    6000,
    6000,
    6000,
    6000,
    5000,
    4000,
    4000,
    3000,
    2000,
    1000,
    500,
    500,
]


@pytest.fixture(scope="module")
def real(shared, tmp_path_factory):
    root = shared("data").parent
    path = write_extract(tmp_path_factory.mktemp("real") / "real.duckdb", published_extract(root))
    with open_extract(path, threads=1) as extract:
        builder = CellBuilder(extract)
        sites = tuple(slug for slug in SITES if slug in builder.available_sites("incidence"))
        tables = builder.cells(Selection(sites, sexes=(1, 2)))
        return root, tables, extract.accounting.frame()


def test_the_world_rate_of_every_registry_site_and_sex_is_that_of_plain_pandas(real):
    root, tables, _ = real
    rates = standardised_rates(
        next(t for t in tables if (t.strata["event_type"] == "incidence").all()), "world"
    )
    rates = rates[rates["geo_code"] != "ALL"]
    raw = pd.read_csv(root / CI5_FILE, dtype={"registry_code": str})
    raw = raw[raw["age_band"] != "unknown"]
    raw["weight"] = (
        raw["age_band"].str.extract(r"(\d+)")[0].astype(int).floordiv(5).map(dict(enumerate(WORLD)))
    )
    raw["part"] = raw["cases"].astype(float) / raw["person_years"].astype(float) * raw["weight"]
    by_site = raw.groupby(["registry_code", "site_code", "sex"])["part"].sum()
    compared = 0
    for code in sorted(set(raw["site_code"]) - {62, 63}):
        slug = by_ci5_code(int(code)).slug
        for row in rates[rates["site"] == slug].itertuples(index=False):
            expected = by_site[(row.geo_code, code, row.sex)]
            # Sums of 18 terms in double precision, in another order.
            assert row.value == pytest.approx(expected, rel=1e-9, abs=1e-12), (row.geo_code, slug)
            compared += 1
    # 19 registries; 61 entities, of which 46 in both sexes, less those that some registry does not record.
    assert compared > 19 * 90


def test_a_parent_site_has_the_rate_of_its_parts(real):
    # Colon is CI5 entity 14 and rectum 15 in name: their tables summed are those of colorectum.
    root, tables, _ = real
    rates = standardised_rates(
        next(t for t in tables if (t.strata["event_type"] == "incidence").all()), "world"
    )
    raw = pd.read_csv(root / CI5_FILE, dtype={"registry_code": str})
    codes = [
        code
        for code in set(raw["site_code"]) - {62, 63}
        if by_ci5_code(int(code)).slug in ("colon", "rectum")
    ]
    raw = raw[raw["site_code"].isin(codes) & (raw["age_band"] != "unknown")]
    raw["weight"] = (
        raw["age_band"].str.extract(r"(\d+)")[0].astype(int).floordiv(5).map(dict(enumerate(WORLD)))
    )
    expected = (raw["cases"].astype(float) / raw["person_years"].astype(float) * raw["weight"]).groupby(
        [raw["registry_code"], raw["sex"]]
    ).sum()  # fmt: skip
    own = rates[(rates["site"] == "colorectum") & (rates["geo_code"] != "ALL")]
    assert len(own) == len(expected)
    for row in own.itertuples(index=False):
        assert row.value == pytest.approx(expected[(row.geo_code, row.sex)], rel=1e-9)


def test_counts_of_each_registry_add_up_to_the_total_that_ci5_prints(real):
    # Entity 63 is all sites but skin: our all cancers, events of unknown age included.
    root, tables, _ = real
    cells = next(t for t in tables if (t.strata["event_type"] == "incidence").all())
    raw = pd.read_csv(root / CI5_FILE, dtype={"registry_code": str})
    printed = raw[raw["site_code"] == 63].groupby(["registry_code", "sex"])["cases"].sum()
    own = cells.strata["site"].eq("all_cancers") & cells.strata["geo_code"].ne("ALL")
    rows = np.flatnonzero(own)
    assert len(rows) == len(printed)
    for row in rows:
        stratum = cells.strata.iloc[row]
        assert cells.total_events[row] == printed[(stratum.geo_code, stratum.sex)]


def test_deaths_are_used_or_excluded_each_code_with_its_own_reason(real):
    root, _, ledger = real
    own = ledger[ledger["table_name"] == "death_cells"]
    raw = pd.read_csv(root / DEATHS_FILE, dtype=str)
    raw = raw[raw["proxy"] == "M"]
    by_step = own.groupby(["step", "fate", "reason"])[["rows", "events"]].sum()
    first = own[own["step"] != "cells"]
    # Everything that the file holds is accounted for: used, or excluded under D131 (97 and such, which are no
    # département) or D132 (overseas, without person-years).
    assert first["rows"].sum() == len(raw)
    assert first["events"].sum() == raw["proxy_count"].astype(int).sum()
    assert set(first.loc[first["fate"] == "excluded", "reason"]) <= {"D131", "D132", "D133"}
    used = first.loc[first["fate"] == "used", ["rows", "events"]].sum()
    in_cells = by_step.loc["cells"].sum()
    assert (used["rows"], used["events"]) == (in_cells["rows"], in_cells["events"])
