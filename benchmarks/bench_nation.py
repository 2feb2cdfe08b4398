"""Time the rates of a whole nation, stage by stage: ``python benchmarks/bench_nation.py``.

The extract is a stand-in of the national size: about 7.5 million tumours, one row each, over the 1 302
zones of the packaged geography and 20 years, drawn from the reference rates of the sample with a fixed
seed. Asked of
it: every site x sex x (France, régions, départements, all zones) x 20 years and pooled x 2 standards.

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
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from rnc_epi.cells.build import CellBuilder, Selection
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
STANDARDS = ("world", "esp2013")
VINTAGE = "cog2026"
SEED = 20040101
MOST_SECONDS, MOST_GIGABYTES = 60, 6


@contextmanager
def stage(name: str, times: dict[str, float]) -> Iterator[None]:
    start = time.perf_counter()
    yield
    times[name] = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"  {name:<42}{times[name]:8.1f} s   peak {peak:5.2f} GB", flush=True)


def counts(zones: pd.DataFrame, cases: int) -> pd.DataFrame:
    """Draw the cases of each leaf, sex, zone, year and band, as numbers."""
    rng = np.random.default_rng(SEED)
    population = zones["population"].to_numpy(dtype=np.float64)
    shape = reference.age_shape()
    expected = {
        (leaf, sex): population[:, None, None] * np.ones((1, len(YEARS), 1)) * (shape[sex] * rates)
        for (leaf, sex), rates in reference.rates().items()
        if SITES[leaf].rules
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
            ).assign(sex=sex, topography=topography, morphology=morphology)
        )
    return pd.concat(parts, ignore_index=True)


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
        "sources": pd.DataFrame([("national", "Essai", "registry", "essai", True, None, 11, None)], columns=[
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


def make_extract(path: Path, cases: int) -> int:
    """Write the stand-in; return its number of tumours."""
    zones = geography.zones().rename(columns={"geo_code": "code"}).sort_values("code", ignore_index=True)
    write_extract(path, reference_tables(zones))
    drawn = counts(zones, cases)
    connection = duckdb.connect(str(path), config={"threads": 2, "memory_limit": "2GB"})
    connection.register("drawn", drawn)
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
        tuple(builder.available_sites("incidence")), event_types=("incidence",), years=tuple(YEARS),
        pooled=(Period(YEARS[0], YEARS[-1] + 1),),
    )  # fmt: skip
    with stage("cells and rates, a site at a time", times), ThreadPoolExecutor(2) as pool:
        # Rates of one site are computed while the cells of the next are summed.
        waiting = {}
        for _, slug, cells in builder.stream(selection):
            waiting[slug] = pool.submit(rates_of, cells)
            if len(waiting) > 4:
                list(waiting.values())[-5].result()
    with stage("one result table", times):
        # The key begins with the indicator, its unit, the event and the site: sorted sites are sorted rows.
        result = joined([waiting.pop(slug).result() for slug in sorted(waiting)])
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
