"""Build the packaged table of passages between editions of the Code officiel géographique; run once.

    python data_samples/make_passages.py FOLDER

FOLDER holds the unpacked npm packages ``@etalab/decoupage-administratif`` as ``v0.7.0``, … ``v6.0.0``
(``npm pack @etalab/decoupage-administratif@0.7.0``), data under the Licence Ouverte 2.0. What changed between
two editions is read from their lists of communes; what ceased to exist before the first edition is known by
its destination alone, without a date.
"""

from __future__ import annotations

import json
import sys
from itertools import pairwise
from pathlib import Path

import pandas as pd

#: Versions of the package and the editions (1 January) that they hold.
EDITIONS = (
    *(("0.7.0", 2019), ("1.1.1", 2021), ("2.3.1", 2022), ("3.1.1", 2023)),
    *(("4.1.0", 2024), ("5.3.0", 2025), ("6.0.0", 2026)),
)
#: Régions of the law of 16 January 2015, in force on 1 January 2016.
REGIONS_2016 = {
    "27": ("26", "43"),
    "28": ("23", "25"),
    "32": ("22", "31"),
    "44": ("21", "41", "42"),
    "75": ("54", "72", "74"),
    "76": ("73", "91"),
    "84": ("82", "83"),
}
#: Passages that are older than the package's editions: level, from, to, first edition, kind.
OLDER = (
    # Corsica was divided on 1 January 1976.
    ("departement", "20", "2A", 1976, "split"),
    ("departement", "20", "2B", 1976, "split"),
    # Mayotte became a département on 31 March 2011.
    ("departement", "985", "976", 2012, "recode"),
    # Saint-Barthélemy and Saint-Martin left Guadeloupe on 15 July 2007.
    ("commune", "97123", "97701", 2008, "recode"),
    ("commune", "97127", "97801", 2008, "recode"),
)
#: Communes that some sources give by municipal arrondissement.
ARRONDISSEMENTS = {"75056": range(75101, 75121), "69123": range(69381, 69390), "13055": range(13201, 13217)}


class Edition:
    """The communes of an edition, and where the communes that are no more went."""

    def __init__(self, folder: Path, version: str) -> None:
        rows = json.loads((folder / f"v{version}" / "package/data/communes.json").read_text("utf-8"))
        self.present = {row["code"] for row in rows if row["type"] == "commune-actuelle"}
        self.inside = {
            row["code"]: row.get("chefLieu") or row.get("commune")
            for row in rows
            if row["type"] in ("commune-deleguee", "commune-associee") and row["code"] not in self.present
        }
        self.former = {
            old: row["code"]
            for row in rows
            if row["type"] == "commune-actuelle"
            for old in row.get("anciensCodes") or []
            if old not in self.present
        }

    def destination(self, code: str) -> str:
        """Return the commune of this edition that a former commune is in."""
        return self.inside.get(code) or self.former[code]


def main(folder: Path) -> None:
    """Write ``passages.csv.gz`` beside the module that reads it."""
    editions = [(Edition(folder, version), year) for version, year in EDITIONS]
    first, first_year = editions[0]
    known = set().union(*(edition.inside.keys() | edition.former.keys() for edition, _ in editions))
    later = {code for edition, _ in editions for code in edition.present}
    rows = []
    # Gone before the first edition: it says so itself, or a later one does and none has the commune.
    for code in sorted(first.inside.keys() | first.former.keys() | (known - later)):
        holder = next(edition for edition, _ in editions if code in edition.inside or code in edition.former)
        target = holder.destination(code)
        if target in first.present:
            rows.append(("commune", code, target, first_year, "merged_before"))
    for (before, _), (after, year) in pairwise(editions):
        moves = [(code, after.destination(code), "merger") for code in before.present - after.present]
        for code in after.present - before.present:
            if code in before.inside:
                origin = before.inside[code]
                # An origin that is gone too has only changed its code, or its seat.
                if origin in after.present:
                    moves += [(origin, code, "split"), (origin, origin, "split")]
        split = {origin for origin, _, kind in moves if kind == "split"}
        targets = {target for _, target, kind in moves if kind == "merger"}
        # A commune that others join is a part of what it becomes.
        moves += [(code, code, "merger") for code in targets & before.present - split]
        rows += [("commune", origin, target, year, kind) for origin, target, kind in set(moves)]
    rows += [("region", old, new, 2016, "merger") for new, olds in REGIONS_2016.items() for old in olds]
    rows += OLDER
    rows += [
        ("commune", str(number), commune, None, "arrondissement")
        for commune, numbers in ARRONDISSEMENTS.items()
        for number in numbers
    ]
    table = pd.DataFrame(rows, columns=["geo_level", "code_from", "code_to", "year", "kind"])
    table["year"] = table["year"].astype("Int64")
    table = table.sort_values(["geo_level", "year", "code_from", "code_to"]).drop_duplicates()
    target = Path(__file__).resolve().parents[1] / "rnc_epi/extracts/geography/passages.csv.gz"
    # No time in the header: the same passages give the same bytes.
    table.to_csv(
        target,
        index=False,
        lineterminator="\n",
        compression={"method": "gzip", "mtime": 0, "compresslevel": 9},
    )
    print(f"{len(table)} rows in {target}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
