"""An extract from the calibration tables of Santé publique France: anonymous registries, all départements.

Pancreas of men 2007-2015 with its four correlates, and lip, oral cavity and pharynx of men 2007-2011 with
hospital patients. Registry districts have no name, so that they are areas of a level of their own, which no
rate is published of; their counts and those of the départements were slightly altered by their authors, which
every page says.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd

from rnc_epi.extracts import geography
from rnc_epi.store.writing import write_extract
from rnc_epi.vocabulary.contract import SITE_GROUP_ALL
from rnc_epi.vocabulary.errors import FileProblem
from rnc_epi.vocabulary.periods import Period

FOLDER: Final = "data/calibration"
MEN: Final = 1
#: Level of the anonymous districts, and that of the départements of health tables (Corsica as one).
DISTRICT: Final = "registry_district"
DEPARTEMENT: Final = "departement_sante"
NATION: Final = ("france_hexagonale", "FR", geography.GEO_VINTAGE)

_ALTERED = (
    "Effectifs légèrement modifiés par leurs auteurs (Santé publique France) pour respecter le secret "
    "statistique. / Counts slightly altered by their authors (Santé publique France) for disclosure control."
)
_AREA = ["geo_level", "geo_code", "geo_vintage"]
_AGES = ["age_from", "age_until", "age_status"]
_PERIOD = ["period_from", "period_until"]


@dataclass(frozen=True)
class CalibrationTable:
    """One site of the published tables, a source of its own: its populations are those of its own period.

    Parameters
    ----------
    site : str
        Slug.
    name : str
        First words of its files.
    period : Period
    correlate : str
        The correlate of a table that names none.
    merged_until : int
        Age where the first band of the districts ends, 5 where none is merged.
    title : str
        Of the source.
    """

    site: str
    name: str
    period: Period
    correlate: str
    merged_until: int
    title: str

    @property
    def source(self) -> str:
        """Name of the source, and edition of the codes of its districts: each table has its own."""
        return f"calibinc_{self.site}"


PANCREAS: Final = CalibrationTable(
    "pancreas",
    "pancreas_men",
    Period(2007, 2016),
    "",
    5,
    "Cancer du pancréas, hommes, 2007-2015 : registres, ALD, PMSI, décès (CalibInc, Santé publique France)",
)
LIP_ORAL_PHARYNX: Final = CalibrationTable(
    "lip_oral_pharynx",
    "lip_oral_pharynx_men",
    Period(2007, 2012),
    "H",
    30,
    "Cancers des lèvres, de la cavité orale et du pharynx, hommes, 2007-2011 : registres, PMSI (CalibInc, "
    "Santé publique France)",
)


def calibration_extract(shared: Path, table: CalibrationTable = PANCREAS) -> dict[str, pd.DataFrame]:
    """Return the tables of an extract made from the two files of one site.

    Parameters
    ----------
    shared : path
        Folder that holds ``data/calibration``.
    table : CalibrationTable

    Raises
    ------
    FileProblem
        D001, a file is missing.
    """
    districts = _read(shared / FOLDER / f"{table.name}_registry_cells.csv", table)
    departements = _read(shared / FOLDER / f"{table.name}_departement_cells.csv", table)
    departements = _corsica_as_one(departements)
    districts = districts.assign(
        geo_level=DISTRICT, geo_code=districts["district"].astype(str), geo_vintage=table.source
    )
    departements = departements.assign(
        geo_level=DEPARTEMENT, geo_code=departements["departement"], geo_vintage=geography.GEO_VINTAGE
    )
    both = pd.concat(
        [_aged(districts, table.merged_until), _aged(departements, 5)], ignore_index=True
    ).assign(
        source=table.source,
        site=table.site,
        sex=MEN,
        period_from=table.period.period_from,
        period_until=table.period.period_until,
        age_status="known",
    )
    keys = ["site", "sex", *_AREA, *_PERIOD, *_AGES]
    own = both[both["geo_level"].eq(DISTRICT)]
    first = own["proxy"].iloc[0]
    incidence = own[own["proxy"].eq(first)].assign(
        events=own["incident_cases"].astype(float).astype("int64"), registry=own["geo_code"]
    )
    proxies = both.assign(events=both["proxy_count"].astype(float).astype("int64"))
    inhabited = both[both["proxy"].eq(first) & ~both["person_years"].isin(["NA", ""])]
    person_years = inhabited[["source", "sex", *_AREA, *_PERIOD, *_AGES, "person_years"]]
    zones = own[_AREA].drop_duplicates().reset_index(drop=True)
    return {
        "sources": _sources(table),
        "areas": _areas(zones),
        "membership": _membership(),
        "coverage": zones.assign(
            registry=zones["geo_code"],
            site_group=SITE_GROUP_ALL,
            age_from=0,
            age_until=None,
            period_from=table.period.period_from,
            period_until=table.period.period_until,
        ),
        "incidence_cells": incidence[["source", "registry", *keys, "events"]].reset_index(drop=True),
        "proxy_cells": proxies[["source", "proxy", *keys, "events"]].reset_index(drop=True),
        "person_years": person_years.reset_index(drop=True),
        "cells_scope": _scope(table),
    }


def write_calibration_extract(shared: Path, folder: Path, table: CalibrationTable = PANCREAS) -> Path:
    """Write the extract of one site into an internal folder, anew, and return its path."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    target = folder / f"calibration_{table.site}.duckdb"
    tables = calibration_extract(shared, table)
    target.unlink(missing_ok=True)
    return write_extract(target, tables)


def _read(path: Path, table: CalibrationTable) -> pd.DataFrame:
    if not path.is_file():
        raise FileProblem("D001", where=path.name)
    found = pd.read_csv(path, dtype=str, keep_default_na=False)
    return found if "proxy" in found.columns else found.assign(proxy=table.correlate)


def _corsica_as_one(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows with the two départements of Corsica added up, as health tables have them."""
    apart = rows["departement"].isin(["2A", "2B"])
    if not apart.any():
        return rows
    keys = [name for name in rows.columns if name not in ("departement", "proxy_count", "person_years")]
    numbers = rows[apart].astype({"proxy_count": float, "person_years": float})
    summed = numbers.groupby(keys, sort=False)[["proxy_count", "person_years"]].sum().reset_index()
    summed = summed.assign(departement="20").astype({"proxy_count": str, "person_years": str})
    return pd.concat([rows[~apart], summed[rows.columns]], ignore_index=True)


def _aged(rows: pd.DataFrame, merged_until: int) -> pd.DataFrame:
    """Return rows with their bands, read from the middles: the last is open, the first may be merged."""
    middles = rows["age_mid"].astype(float)
    start = (middles - 2.5).round()
    start = start.where(middles < middles.max(), 85)
    start = start.where(middles > middles.min(), 0).astype("int64")
    until = (start + 5).where(start > 0, merged_until)
    return rows.assign(age_from=start, age_until=until.astype("Int64").where(start < 85))


def _sources(table: CalibrationTable) -> pd.DataFrame:
    row = (table.source, table.title, "snds", "GPL", _ALTERED)
    found = pd.DataFrame([row], columns=["source", "title", "kind", "licence", "altered"])
    return found.assign(synthetic=False, disclosure_threshold=11, definition_break_years=None)


def _areas(zones: pd.DataFrame) -> pd.DataFrame:
    nation = pd.DataFrame(
        [(*NATION, "France hexagonale", "Metropolitan France")], columns=[*_AREA, "name_fr", "name_en"]
    )
    number = zones["geo_code"].str.replace(r"\D", "", regex=True)
    districts = zones.assign(name_fr="Registre " + number, name_en="Registry " + number)
    parts = [nation, geography.areas("region"), geography.areas(DEPARTEMENT), districts]
    empty = {"population": pd.NA, "outline": None, "inset": None}
    complete = [part.assign(**{k: v for k, v in empty.items() if k not in part.columns}) for part in parts]
    return pd.concat([part.astype({"population": "Int64"}) for part in complete], ignore_index=True)


def _membership() -> pd.DataFrame:
    links = geography.membership()
    regional = links[(links["child_level"] == DEPARTEMENT) & (links["parent_level"] == "region")]
    local = geography.areas(DEPARTEMENT)
    metropolitan = local[local["inset"].isna()]
    national = pd.DataFrame(
        {
            "child_level": DEPARTEMENT,
            "child_code": metropolitan["geo_code"],
            "child_vintage": metropolitan["geo_vintage"],
            "parent_level": NATION[0],
            "parent_code": NATION[1],
            "parent_vintage": NATION[2],
            "valid_from": pd.NA,
            "valid_until": pd.NA,
            "weight": 1.0,
        }
    )
    return pd.concat([regional, national.astype(regional.dtypes.to_dict())], ignore_index=True)


def _scope(table: CalibrationTable) -> pd.DataFrame:
    rows = [("incidence_cells", DISTRICT), ("proxy_cells", DISTRICT), ("proxy_cells", DEPARTEMENT)]
    return pd.DataFrame(rows, columns=["table_name", "geo_level"]).assign(
        source=table.source,
        site=table.site,
        sex=MEN,
        period_from=table.period.period_from,
        period_until=table.period.period_until,
        age_from=0,
        age_until=pd.NA,
    )
