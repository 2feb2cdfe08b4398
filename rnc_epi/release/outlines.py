"""The outlines of published areas as GeoJSON, where a map shows them: overseas areas moved and rescaled."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pandas as pd

#: Metres; finer says nothing on a map of France.
_GRID: Final = 10.0
_LAMBERT_93: Final = "urn:ogc:def:crs:EPSG::2154"


def outlines_geojson(areas: pd.DataFrame) -> bytes:
    """Return the outlines of areas as a GeoJSON feature collection, in Lambert-93, for display only.

    Parameters
    ----------
    areas : DataFrame
        ``geo_level, geo_code, geo_vintage, name_fr, name_en, outline`` (WKB or null), ``inset`` (null, or
        JSON text with ``scale``, ``dx``, ``dy``).

    Notes
    -----
    The file names its reference system as GeoJSON 2008 did: drawn coordinates of insets are nowhere on Earth,
    so that longitudes and latitudes would say something false. Distances and areas must not be taken from it.
    """
    import numpy as np
    import shapely

    features: list[dict[str, Any]] = []
    for row in areas[areas["outline"].notna()].itertuples():
        shape = shapely.from_wkb(bytes(row.outline))
        inset = json.loads(row.inset) if isinstance(row.inset, str) else None
        if inset:
            shift = np.array([inset["dx"], inset["dy"]])
            shape = shapely.transform(shape, lambda xy, s=inset["scale"], d=shift: s * xy + d)
        shape = shapely.normalize(shapely.set_precision(shape, _GRID, mode="pointwise"))
        features.append(
            {
                "type": "Feature",
                "properties": {
                    "geo_level": row.geo_level,
                    "geo_code": row.geo_code,
                    "geo_vintage": row.geo_vintage,
                    "name_fr": row.name_fr,
                    "name_en": row.name_en,
                    "inset": inset is not None,
                    "inset_scale": inset["scale"] if inset else 1.0,
                },
                "geometry": shapely.geometry.mapping(shape),
            }
        )
    collection = {
        "type": "FeatureCollection",
        "name": "outlines",
        "crs": {"type": "name", "properties": {"name": _LAMBERT_93}},
        "features": features,
    }
    return (json.dumps(collection, ensure_ascii=False, separators=(",", ":")) + "\n").encode()
