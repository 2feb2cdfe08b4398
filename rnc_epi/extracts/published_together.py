"""The extract of `rnc-epi real`: CI5 registries, deaths, and the tables that calibrate incidence, together.

The person-years of a département stand once for each period and source, because the tables cover overlapping
periods: those of a table are its own, and deaths keep theirs.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from rnc_epi.extracts.published_calibration import LIP_ORAL_PHARYNX, PANCREAS, calibration_extract
from rnc_epi.extracts.published_tables import DEATHS, published_extract
from rnc_epi.store.writing import write_extract
from rnc_epi.vocabulary.contract import TABLES

#: Tables on which the parts of the extract say the same: areas and what holds them.
_SHARED = ("areas", "membership")


def extract_of_all(shared: Path) -> dict[str, pd.DataFrame]:
    """Return the tables of one extract made from every published table.

    Parameters
    ----------
    shared : path
        Folder that holds ``data/registries`` and ``data/calibration``.

    Raises
    ------
    FileProblem, ExtractRefused
        As `published_extract` and `calibration_extract`.
    """
    first = published_extract(shared)
    own = first["person_years"]["geo_level"].eq("departement_sante")
    populations = set(first["person_years"].loc[own, "source"])
    first["person_years"] = first["person_years"].assign(
        source=first["person_years"]["source"].mask(own, DEATHS)
    )
    first["sources"] = first["sources"][~first["sources"]["source"].isin(populations)]
    parts = [first, *(calibration_extract(shared, table) for table in (PANCREAS, LIP_ORAL_PHARYNX))]
    found = {}
    for name in dict.fromkeys(name for part in parts for name in part):
        rows = pd.concat([part[name] for part in parts if name in part], ignore_index=True)
        if name in _SHARED:
            keys = [key for key in TABLES[name].key if key in rows.columns]
            rows = rows.drop_duplicates(keys).reset_index(drop=True)
        found[name] = rows
    return found


def write_extract_of_all(shared: Path, folder: Path) -> Path:
    """Write the extract of every published table into an internal folder, anew, and return its path."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    target = folder / "published_tables.duckdb"
    tables = extract_of_all(shared)
    target.unlink(missing_ok=True)
    return write_extract(target, tables)
