"""Time the rates of a whole nation, stage by stage: ``python benchmarks/bench_nation.py``.

The extract is a stand-in of the national size: about 7.5 million tumours, one row each, over the 1 302
zones of the packaged geography and 20 years, drawn from the reference rates of the sample with a fixed
seed; beside them, deaths by département and year and three proxies by département and five years, as cells.
Asked of it: every site x sex x (France, régions, départements, all zones) x 20 years and pooled x 2
standards, of incidence and of deaths, the cells of every proxy, and the incidence of the fifths of
deprivation (a made-up score of the zones) within each area.

The limits are 60 s and 6 GB on two cores, with DuckDB's memory limited to 2 GB. Making the file and checking
it against the contract are timed apart: they are not part of the call.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from rnc_epi.cells.build import CellBuilder, Selection
from rnc_epi.cells.scope import sites_of_group
from rnc_epi.cells.table import Cells
from rnc_epi.extracts.geography import tables as geography
from rnc_epi.extracts.opening import open_extract
from rnc_epi.extracts.sample import reference
from rnc_epi.extracts.sample.codes import typical_code
from rnc_epi.indicators.rates import standardised_rates
from rnc_epi.indicators.rows import joined
from rnc_epi.store.writing import write_extract
from rnc_epi.vocabulary.periods import Period
from rnc_epi.vocabulary.schemas import as_result
from rnc_epi.vocabulary.sites import SITES

YEARS = range(2004, 2024)
SPAN = 5
STANDARDS = ("world", "esp2013")
EVENTS, PROXIES = ("incidence", "death"), ("proxy_A", "proxy_H", "proxy_HA")
VINTAGE = "cog2026"
SEED = 20040101
MOST_SECONDS, MOST_GIGABYTES = 60, 6


@contextmanager
def stage(name: str, times: dict[str, float]) -> Iterator[None]:
    start, used = time.perf_counter(), time.process_time()
    yield
    times[name] = time.perf_counter() - start
    processor = time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    told = f"{times[name]:8.1f} s ({processor:6.1f} s of processor)   peak {peak:5.2f} GB"
    print(f"  {name:<42}{told}", flush=True)


def counts(zones: pd.DataFrame, cases: int) -> pd.DataFrame:
    """Draw the cases of each leaf, sex, zone, year and band, as numbers."""
    rng = np.random.default_rng(SEED)
    population = zones["population"].to_numpy(dtype=np.float64)
    shape, recorded = reference.age_shape(), set(sites_of_group("general"))
    expected = {
        (leaf, sex): population[:, None, None] * np.ones((1, len(YEARS), 1)) * (shape[sex] * rates)
        for (leaf, sex), rates in reference.rates().items()
        if SITES[leaf].rules and leaf in recorded
    }
    scale = cases / sum(values.sum() for values in expected.values())
    parts = []
    for (leaf, sex), values in sorted(expected.items()):
        drawn = rng.poisson(values * scale)
        zone, year, band = np.nonzero(drawn)
        topography, morphology = typical_code(leaf)
        parts.append(
            pd.DataFrame(
                {"zone": zone, "year": year + YEARS[0], "band": band, "n": drawn[zone, year, band]}
            ).assign(sex=sex, topography=topography, morphology=morphology, site=leaf)
        )
    return pd.concat(parts, ignore_index=True)


def cells_beside(zones: pd.DataFrame, drawn: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return deaths and proxies by département, drawn from the cases of each."""
    rng = np.random.default_rng(SEED + 1)
    local = drawn.assign(geo_code=zones["departement"].to_numpy()[drawn["zone"]])
    local["span"] = YEARS[0] + (local["year"] - YEARS[0]) // SPAN * SPAN
    starts = np.array(reference.AGE_STARTS)

    def cells(of_period: str, length: int, share: float, sites: list[str]) -> pd.DataFrame:
        keys = ["site", "sex", "geo_code", of_period, "band"]
        table = local[local["site"].isin(sites)].groupby(keys, as_index=False, observed=True)["n"].sum()
        first = starts[table["band"]]
        return pd.DataFrame(
            {
                "site": table["site"], "sex": table["sex"], "geo_level": "departement",
                "geo_code": table["geo_code"], "geo_vintage": VINTAGE, "period_from": table[of_period],
                "period_until": table[of_period] + length, "age_from": first,
                "age_until": pd.array(np.where(first < 85, first + 5, -1), dtype="Int64"),
                "age_status": "known", "events": rng.binomial(table["n"], share),
            }
        ).assign(age_until=lambda t: t["age_until"].mask(t["age_until"] < 0))  # fmt: skip

    leaves = sorted(local["site"].unique())
    dying = [leaf for leaf in leaves if SITES[leaf].icd10_deaths]
    deaths = cells("year", 1, 0.4, dying).assign(source="deces", icd10=None)
    proxies = pd.concat(
        [cells("span", SPAN, share, leaves).assign(source="snds", proxy=name)
         for name, share in (("A", 0.7), ("H", 0.8), ("HA", 0.95))], ignore_index=True,
    )  # fmt: skip
    scope = [
        (table, source, site, sex, "departement", YEARS[0], YEARS[-1] + 1, 0)
        for table, source, sites in (("death_cells", "deces", dying), ("proxy_cells", "snds", leaves))
        for site in sites
        for sex in sorted(SITES[site].sexes)
    ]
    columns = ["table_name", "source", "site", "sex", "geo_level", "period_from", "period_until", "age_from"]
    return {
        "death_cells": deaths,
        "proxy_cells": proxies,
        "cells_scope": pd.DataFrame(scope, columns=columns),
    }


def fifths(zones: pd.DataFrame) -> pd.DataFrame:
    """Return a made-up grouping of the zones in five, with a few zones without group."""
    score = np.random.default_rng(SEED + 2).uniform(size=len(zones))
    group = np.array([f"Q{1 + int(5 * value)}" for value in score], dtype=object)
    group[score < 0.01] = None
    return pd.DataFrame({"geo_code": zones["code"], "stratum": group}).assign(
        geo_level="zone", geo_vintage=VINTAGE, stratum_type="deprivation"
    )


def reference_tables(zones: pd.DataFrame) -> dict[str, pd.DataFrame]:
    local, regions = geography.departements(), geography.regions()
    areas = [("france_entiere", "FR", "France")]
    areas += [("region", row.code, row.name_fr) for row in regions.itertuples()]
    areas += [("departement", row.code, row.name_fr) for row in local.itertuples()]
    areas += [("zone", code, code) for code in zones["code"]]
    links = [("zone", row.code, "departement", row.departement) for row in zones.itertuples()]
    links += [("departement", row.code, "region", row.region) for row in local.itertuples()]
    links += [("departement", d, "france_entiere", "FR") for d in local["code"]]
    shape = reference.age_shape()
    starts = reference.AGE_STARTS
    grid = pd.MultiIndex.from_product([range(len(zones)), (1, 2), YEARS, range(len(starts))]).to_frame(
        index=False
    )
    grid.columns = ["zone", "sex", "year", "band"]
    share = np.stack([shape[1], shape[2]])[grid["sex"] - 1, grid["band"]]
    first = np.array(starts)[grid["band"]]
    return {
        "sources": pd.DataFrame([(name, "Essai", kind, "essai", True, None, 11, None) for name, kind in (
            ("national", "registry"), ("deces", "deaths"), ("snds", "snds"))], columns=[
            "source", "title", "kind", "licence", "synthetic", "altered", "disclosure_threshold",
            "definition_break_years"]),
        "areas": pd.DataFrame(areas, columns=["geo_level", "geo_code", "name_fr"]).assign(
            geo_vintage=VINTAGE, name_en=lambda t: t["name_fr"]),
        "membership": pd.DataFrame(
            links, columns=["child_level", "child_code", "parent_level", "parent_code"]
        ).assign(child_vintage=VINTAGE, parent_vintage=VINTAGE, weight=1.0),
        "coverage": pd.DataFrame({"geo_code": zones["code"]}).assign(
            registry="national", geo_level="zone", geo_vintage=VINTAGE, site_group="general", age_from=0,
            period_from=YEARS[0], period_until=YEARS[-1] + 1),
        "person_years": pd.DataFrame({
            "source": "national", "sex": grid["sex"], "geo_level": "zone",
            "geo_code": zones["code"].to_numpy()[grid["zone"]], "geo_vintage": VINTAGE,
            "period_from": grid["year"], "period_until": grid["year"] + 1, "age_from": first,
            "age_until": pd.array(np.where(first < 85, first + 5, -1), dtype="Int64"), "age_status": "known",
            "person_years": np.round(zones["population"].to_numpy()[grid["zone"]] * share + 0.5, 6),
        }).assign(age_until=lambda t: t["age_until"].mask(t["age_until"] < 0)),
    }  # fmt: skip


def zones_in_order() -> pd.DataFrame:
    return geography.zones().rename(columns={"geo_code": "code"}).sort_values("code", ignore_index=True)


def make_extract(path: Path, cases: int) -> int:
    """Write the stand-in; return its number of tumours."""
    zones = zones_in_order()
    drawn = counts(zones, cases)
    write_extract(path, reference_tables(zones) | cells_beside(zones, drawn))
    connection = duckdb.connect(str(path), config={"threads": 2, "memory_limit": "2GB"})
    connection.register("drawn", drawn.drop(columns="site"))
    connection.register("zone_names", pd.DataFrame({"zone": range(len(zones)), "code": zones["code"]}))
    connection.execute(
        f"""
        CREATE TABLE tumours AS
        SELECT CAST(row_number() OVER () AS BIGINT) AS tumour_key, CAST(NULL AS BIGINT) AS person_key,
            'national' AS source, 'national' AS registry, CAST(sex AS SMALLINT) AS sex,
            CAST(5 * band + hash(zone, band, i) % 5 AS SMALLINT) AS age_years, CAST(year AS SMALLINT) AS year,
            CAST(NULL AS SMALLINT) AS month, topography, morphology, CAST(3 AS SMALLINT) AS behaviour,
            CAST(7 AS SMALLINT) AS basis_of_diagnosis, CAST(NULL AS VARCHAR) AS stage, 'zone' AS geo_level,
            code AS geo_code, '{VINTAGE}' AS geo_vintage, CAST(0 AS SMALLINT) AS vital_status,
            CAST(0 AS BIGINT) AS follow_up_days
        FROM (SELECT *, unnest(range(n)) AS i FROM drawn) JOIN zone_names USING (zone)
        """
    )
    connection.close()
    return int(drawn["n"].sum())


def compute(path: Path, times: dict[str, float]) -> pd.DataFrame:
    """Return the rates of the nation, text as categories."""
    with stage("open and check (apart)", times):
        extract = open_extract(path, memory_limit="2GB", threads=2)
    with stage("judge events, read strata", times):
        builder = CellBuilder(extract)
    selection = Selection(
        tuple(dict.fromkeys(slug for event in EVENTS for slug in builder.available_sites(event))),
        event_types=EVENTS, years=tuple(YEARS), pooled=(Period(YEARS[0], YEARS[-1] + 1),),
    )  # fmt: skip
    with stage("cells and rates, a site at a time", times), ThreadPoolExecutor(2) as pool:
        # Rates of one site are computed while the cells of the next are summed.
        waiting = {}
        for event, slug, cells in builder.stream(selection):
            waiting[(event, slug)] = pool.submit(rates_of, cells)
            if len(waiting) > 4:
                list(waiting.values())[-5].result()
    with stage("one result table", times):
        # The key begins with the indicator, its unit, the event and the site: sorted sites are sorted rows.
        result = joined([waiting.pop(key).result() for key in sorted(waiting)])
    spans = tuple(Period(first, first + SPAN) for first in range(YEARS[0], YEARS[-1] + 1, SPAN))
    with stage("proxies as cells", times):
        proxies = replace(selection, event_types=PROXIES, years=(), pooled=spans)
        strata = sum(len(cells) for _, _, cells in builder.stream(proxies))
        print(f"  {strata:,} strata of proxies")
    with stage("incidence of fifths within areas", times):
        fifth = replace(selection, event_types=("incidence",), years=(), pooled=spans)
        strata = sum(len(part[-1]) for part in builder.grouped_stream(fifth, fifths(zones_in_order())))
        print(f"  {strata:,} strata of fifths")
    extract.close()
    return result


def rates_of(cells: Cells) -> pd.DataFrame:
    """Return the rates of a site, sorted and with their keys checked."""
    return as_result(joined([standardised_rates(cells, name) for name in STANDARDS]), compact=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=7_500_000)
    parser.add_argument("--keep", type=Path, help="folder where the extract is kept and found again")
    options = parser.parse_args()
    times: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as scratch:
        path = (options.keep or Path(scratch)) / f"nation_{options.cases}.duckdb"
        if not path.exists():
            with stage("make the extract (apart)", times):
                make_extract(path, options.cases)
        result = compute(path, times)
    call = sum(seconds for name, seconds in times.items() if not name.endswith("(apart)"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"{len(result):,} rates in {call:.1f} s (at most {MOST_SECONDS})")
    print(f"peak {peak:.2f} GB (at most {MOST_GIGABYTES})")


if __name__ == "__main__":
    main()
