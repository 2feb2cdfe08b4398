"""An extract from published tables: CI5 incidence of the French registries, and deaths by département.

What the tables say is kept as it is: four- and five-year periods, areas that have no denominator, codes that
are no département. The checks of the extract then decide, and count, what cannot be used.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pandas as pd

from rnc_epi.extracts import geography
from rnc_epi.vocabulary.ages import AgeBand
from rnc_epi.vocabulary.contract import SITE_GROUP_ALL
from rnc_epi.vocabulary.errors import ExtractRefused, FileProblem
from rnc_epi.vocabulary.periods import Period
from rnc_epi.vocabulary.sites import SITES, by_ci5_code, ci5_control_totals, leaves

CI5_FILE: Final = "data/registries/ci5_xii_france.csv.gz"
DEATHS_FILE: Final = "data/calibration/pancreas_men_departement_cells.csv"
CI5, DEATHS = "ci5_xii", "calibinc_deaths"
CI5_VINTAGE: Final = "ci5_xii"
DEATHS_PERIOD: Final = Period(2007, 2016)
NATION: Final = ("france_hexagonale", "FR")

_ALTERED = (
    "Effectifs légèrement modifiés par leurs auteurs (Santé publique France) pour respecter le secret "
    "statistique. / Counts slightly altered by their authors (Santé publique France) for disclosure control."
)
_AGES = ["age_from", "age_until", "age_status"]
_PERIOD = ["period_from", "period_until"]
_AREA = ["geo_level", "geo_code", "geo_vintage"]


def published_extract(shared: Path) -> dict[str, pd.DataFrame]:
    """Return the tables of an extract made from the two published files.

    Parameters
    ----------
    shared : path
        Folder that holds ``data/registries`` and ``data/calibration``.

    Raises
    ------
    FileProblem
        D001, a file is missing.
    ExtractRefused
        F002, the sites of CI5 do not add up to its own totals; F003, a site has other person-years than
        the rest of its registry.
    """
    registries = _ci5(shared / CI5_FILE)
    deaths = _deaths(shared / DEATHS_FILE)
    tables = {"sources": _sources()}
    for name in ("areas", "membership", "coverage", "person_years", "cells_scope"):
        parts = [part[name] for part in (registries, deaths) if name in part]
        tables[name] = pd.concat(parts, ignore_index=True)
    tables["incidence_cells"] = registries["incidence_cells"]
    tables["death_cells"] = deaths["death_cells"]
    return tables


def _sources() -> pd.DataFrame:
    rows = [
        (CI5, "Cancer Incidence in Five Continents, vol. XII (CIRC/IARC)", "published", "IARC", None, 0),
        (DEATHS, "Décès par cancer du pancréas, hommes, 2007-2015 (CalibInc)", "deaths", "SpF", _ALTERED, 11),
        ("insee_calibinc", "Populations Insee employées par CalibInc", "census", "SpF", None, 11),
    ]
    columns = ["source", "title", "kind", "licence", "altered", "disclosure_threshold"]
    return pd.DataFrame(rows, columns=columns).assign(synthetic=False, definition_break_years=None)


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise FileProblem("D001", where=path.name)
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def _with_ages(table: pd.DataFrame, bands: pd.Series) -> pd.DataFrame:
    parsed = {label: AgeBand.parse(label) for label in bands.unique() if label != "unknown"}
    known = bands != "unknown"
    starts = bands.map({label: band.age_from for label, band in parsed.items()})
    ends = bands.map({label: band.age_until for label, band in parsed.items()})
    return table.assign(
        age_from=starts.astype("Int64"),
        age_until=ends.astype("Int64"),
        age_status=known.map({True: "known", False: "unknown"}),
    )


def _ci5(path: Path) -> dict[str, pd.DataFrame]:
    table = _read(path)
    periods = {label: Period.parse(label) for label in table["period"].unique()}
    table = _with_ages(table, table["age_band"]).assign(
        geo_level="registry_zone",
        geo_code=table["registry_code"],
        geo_vintage=CI5_VINTAGE,
        registry=table["registry_code"],
        name=table["registry"],
        source=CI5,
        sex=table["sex"].astype("int64"),
        site_code=table["site_code"].astype("int64"),
        events=table["cases"].astype("int64"),
        period_from=table["period"].map({label: p.period_from for label, p in periods.items()}),
        period_until=table["period"].map({label: p.period_until for label, p in periods.items()}),
    )
    totals = ci5_control_totals()
    _require_totals(table)
    entities = table[~table["site_code"].isin(list(totals))]
    slugs = {code: by_ci5_code(int(code)).slug for code in entities["site_code"].unique()}
    entities = entities.assign(site=entities["site_code"].map(slugs))
    # A site that a sex does not have is a structural zero, which is no cell.
    exists = [sex in SITES[slug].sexes for slug, sex in zip(entities["site"], entities["sex"], strict=True)]
    entities = entities[exists]
    zones = (
        table[[*_AREA, "registry", "name", *_PERIOD]].drop_duplicates(["geo_code"]).sort_values("geo_code")
    )
    recorded = entities[entities["events"] > 0].groupby("registry")["site"].unique()
    coverage = [(SITE_GROUP_ALL, code) for code in zones["registry"]]
    coverage += [(slug, code) for code, sites in recorded.items() for slug in sites if not _is_general(slug)]
    covered = pd.DataFrame(coverage, columns=["site_group", "registry"]).merge(
        zones[[*_AREA, "registry", *_PERIOD]], on="registry"
    )
    cells = entities[["source", "registry", "site", "sex", *_AREA, *_PERIOD, *_AGES, "events"]]
    scope = entities[["source", "site", "sex", "geo_level", *_PERIOD]].drop_duplicates()
    areas = zones[_AREA].assign(name_fr=zones["name"], name_en=zones["name"], population=None)
    return {
        "areas": areas.assign(outline=None, inset=None),
        "coverage": covered.assign(age_from=0, age_until=None),
        "person_years": _person_years(table),
        "incidence_cells": cells.reset_index(drop=True),
        "cells_scope": scope.assign(table_name="incidence_cells", age_from=0, age_until=None),
    }


def _is_general(slug: str) -> bool:
    return set(leaves(slug)) <= set(leaves("all_cancers"))


def _require_totals(table: pd.DataFrame) -> None:
    """Check the totals that CI5 gives among its sites; they are then set aside, not counted twice."""
    keys = ["registry_code", "sex", "age_band"]
    for code, total in ci5_control_totals().items():
        slugs = {leaf for slug in total.sum_of for leaf in leaves(slug)}
        codes = [
            site
            for site in table["site_code"].unique()
            if site not in ci5_control_totals() and set(leaves(by_ci5_code(int(site)).slug)) <= slugs
        ]
        summed = table[table["site_code"].isin(codes)].groupby(keys)["events"].sum()
        stated = table[table["site_code"] == code].set_index(keys)["events"]
        wrong = summed.reindex(stated.index) != stated
        if wrong.any():
            raise ExtractRefused("F002", found=int(wrong.sum()), where=total.name)


def _person_years(table: pd.DataFrame) -> pd.DataFrame:
    known = table[table["age_status"] == "known"]
    keys = ["source", "sex", *_AREA, *_PERIOD, *_AGES]
    distinct = known[[*keys, "person_years"]].drop_duplicates()
    if distinct.duplicated(keys).any():
        first = distinct[distinct.duplicated(keys)].iloc[0]
        raise ExtractRefused("F003", where=str(first["geo_code"]))
    return distinct.reset_index(drop=True)


def _deaths(path: Path) -> dict[str, pd.DataFrame]:
    table = _read(path)
    table = table[table["proxy"] == "M"].reset_index(drop=True)
    middles = table["age_mid"].astype(float)
    oldest = middles.max()
    # Ages are given by their middle: 2.5 for 0-4 and so on, the last one standing for 85 and over.
    start = (middles - 2.5).where(middles < oldest, 85).astype("int64")
    table = table.assign(
        source=DEATHS,
        site="pancreas",
        sex=1,
        geo_level="departement_sante",
        geo_code=table["departement"],
        geo_vintage=geography.GEO_VINTAGE,
        period_from=DEATHS_PERIOD.period_from,
        period_until=DEATHS_PERIOD.period_until,
        age_from=start,
        age_until=(start + 5).astype("Int64").where(start < 85),
        age_status="known",
        events=table["proxy_count"].astype("int64"),
    )
    cells = table[["source", "site", "sex", *_AREA, *_PERIOD, *_AGES, "events"]].assign(icd10=None)
    known = table[~table["person_years"].isin(["NA", ""])]
    person_years = known[["sex", *_AREA, *_PERIOD, *_AGES, "person_years"]].assign(source="insee_calibinc")
    return {
        **_french_areas(),
        "death_cells": cells,
        "person_years": person_years,
        "cells_scope": _death_scope(),
    }


def _death_scope() -> pd.DataFrame:
    row = (DEATHS, "pancreas", 1, "departement_sante", DEATHS_PERIOD.period_from, DEATHS_PERIOD.period_until)
    scope = pd.DataFrame([row], columns=["source", "site", "sex", "geo_level", *_PERIOD])
    return scope.assign(table_name="death_cells", age_from=0, age_until=None)


def _french_areas() -> dict[str, pd.DataFrame]:
    local = geography.areas("departement_sante")
    regions = geography.areas("region")
    nation = pd.DataFrame(
        [(*NATION, geography.GEO_VINTAGE, "France hexagonale", "Metropolitan France", None, None, None)],
        columns=list(local.columns),
    )
    links = geography.membership()
    of_region = links[(links["child_level"] == "departement_sante") & (links["parent_level"] == "region")]
    metropolitan = local[local["inset"].isna()]
    to_nation = pd.DataFrame(
        {
            "child_level": "departement_sante",
            "child_code": metropolitan["geo_code"],
            "child_vintage": metropolitan["geo_vintage"],
            "parent_level": NATION[0],
            "parent_code": NATION[1],
            "parent_vintage": geography.GEO_VINTAGE,
            "valid_from": pd.NA,
            "valid_until": pd.NA,
            "weight": 1.0,
        }
    )
    return {
        "areas": pd.concat([nation, regions, local], ignore_index=True),
        "membership": pd.concat([of_region, to_nation.astype(of_region.dtypes.to_dict())], ignore_index=True),
    }
