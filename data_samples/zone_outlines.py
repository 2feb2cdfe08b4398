"""Synthetic zones: each département in 3 to 20 pieces of the size of an EPCI, small near its centre.

No random number enters. Sites are spread by Lloyd's algorithm (a centroidal Voronoi diagram) and the diagram
is laid over the outlines of a whole territory at once: clipping cell by cell would leave vertices on one side
of a border only, and the zones would not be a coverage.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely
from scipy.spatial import cKDTree
from shapely.geometry.base import BaseGeometry

#: Number of zones of the métropole, and the least and most that one département may have.
METROPOLITAN_ZONES = 1250
FEWEST, MOST = 3, 20
#: Lattice points for each site, and the greatest number of Lloyd steps.
POINTS_PER_SITE = 300
LLOYD_STEPS = 60
#: The centre is (1 + this) times as dense as the border, so that central zones are smaller, like urban EPCI.
CENTRE_DENSITY = 8.0
GRID = 10.0
#: Share of the zone of rank k from the centre in its département's population: proportional to k ** -this.
#: With 1 the largest zone of the median département holds 31 % of it, its largest EPCI 34 % in fact.
RANK_SIZE_EXPONENT = 1.0


def zones_per_departement(population: pd.Series, metropolitan: pd.Series) -> pd.Series:
    """Return how many zones each département has: one for every K inhabitants, 1 250 in the métropole.

    Parameters
    ----------
    population : Series of int
        Inhabitants, indexed by département.
    metropolitan : Series of bool
        Which of them count towards the 1 250; the others are divided with the same K.
    """

    def counts(inhabitants: float) -> pd.Series:
        return (population / inhabitants).round().clip(FEWEST, MOST).astype(int)

    low, high = 1_000.0, 1_000_000.0
    for _ in range(200):
        middle = (low + high) / 2
        total = counts(middle)[metropolitan].sum()
        if total == METROPOLITAN_ZONES:
            return counts(middle)
        low, high = (middle, high) if total > METROPOLITAN_ZONES else (low, middle)
    raise AssertionError("no size of zone gives the wanted number")


def largest_part(shape: BaseGeometry) -> BaseGeometry:
    """Return the largest polygon of a shape: sites on islands would make zones without neighbour."""
    return max(shapely.get_parts(shape), key=lambda part: part.area)


def lattice(shape: BaseGeometry, count: int) -> np.ndarray:
    """Return about ``count`` points of a hexagonal lattice inside a polygon, shape (m, 2)."""
    step = np.sqrt(shape.area / count * 2 / np.sqrt(3))
    west, south, east, north = shape.bounds
    rows = np.arange(south + step / 4, north, step * np.sqrt(3) / 2)
    columns = np.arange(west - step / 2, east + step, step)
    x, y = np.meshgrid(columns, rows)
    x[1::2] += step / 2
    inside = shapely.contains_xy(shape, x, y)
    return np.column_stack([x[inside], y[inside]])


def spread_sites(shape: BaseGeometry, count: int) -> np.ndarray:
    """Return ``count`` sites of a centroidal Voronoi diagram on a polygon, sorted by y then x."""
    points = lattice(shape, POINTS_PER_SITE * count)
    centre = shapely.get_coordinates(shape.representative_point())[0]
    radius = np.sqrt(shape.area / np.pi)
    squared = ((points - centre) ** 2).sum(axis=1)
    density = 1 + CENTRE_DENSITY * np.exp(-squared / (2 * (radius / 4) ** 2))

    sites = [centre]
    nearest = squared
    while len(sites) < count:
        sites.append(points[int(np.argmax(nearest))])
        nearest = np.minimum(nearest, ((points - sites[-1]) ** 2).sum(axis=1))
    moving = np.array(sites)
    for _ in range(LLOYD_STEPS):
        _, owner = cKDTree(moving).query(points)
        mass = np.bincount(owner, density, count)
        centroid = np.column_stack([np.bincount(owner, density * points[:, k], count) / mass for k in (0, 1)])
        shift = np.abs(centroid - moving).max()
        moving = centroid
        if shift < GRID / 10:
            break
    return moving[np.lexsort((moving[:, 0], moving[:, 1]))]


def divide(codes: list[str], shapes: np.ndarray, counts: list[int]) -> pd.DataFrame:
    """Divide the départements of one territory into zones that are a coverage.

    Parameters
    ----------
    codes : list of str
        Département codes.
    shapes : ndarray of geometries, shape (n,)
        Their outlines: a valid coverage in metres.
    counts : list of int
        Zones of each.

    Returns
    -------
    DataFrame
        ``code`` (``Z01-001``), ``departement``, ``rank`` (1 = nearest to the centre), ``geometry``, by code.
    """
    mains = [largest_part(shape) for shape in shapes]
    sites = [spread_sites(main, count) for main, count in zip(mains, counts, strict=True)]
    edges = [
        shapely.intersection(
            shapely.voronoi_polygons(shapely.multipoints(s), extend_to=main.envelope, only_edges=True), main
        )
        for s, main in zip(sites, mains, strict=True)
    ]
    lines = shapely.union_all([*shapely.boundary(shapes), *edges], grid_size=GRID)
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(lines)))
    inside = shapely.point_on_surface(faces)
    face, departement = shapely.STRtree(shapes).query(inside, predicate="within")
    assert len(face) == len(np.unique(face)), "a face lies in two départements"

    rows = []
    for d, code in enumerate(codes):
        own = faces[face[departement == d]]
        centre = shapely.get_coordinates(mains[d].representative_point())[0]
        rank = np.empty(counts[d], dtype=int)
        rank[np.argsort(((sites[d] - centre) ** 2).sum(axis=1), kind="stable")] = np.arange(1, counts[d] + 1)
        on_main = shapely.within(shapely.point_on_surface(own), mains[d])
        zones = gather(own, on_main, sites[d])
        rows += [
            {
                "code": f"Z{code}-{k + 1:03d}",
                "departement": code,
                "rank": int(rank[k]),
                "geometry": zone,
            }
            for k, zone in enumerate(zones)
        ]
    return pd.DataFrame(rows)


def gather(faces: np.ndarray, on_main: np.ndarray, sites: np.ndarray) -> list[BaseGeometry]:
    """Return one zone a site: its largest face, and the stray faces that border it most or lie nearest to it.

    Only faces of the largest part of the département start a zone: an island may be larger than a cell.
    """
    xy = shapely.get_coordinates(shapely.point_on_surface(faces))
    owner = cKDTree(sites).query(xy)[1]
    area = shapely.area(faces)
    zone_of = np.full(len(faces), -1)
    for k in range(len(sites)):
        mine = np.flatnonzero((owner == k) & on_main)
        assert len(mine), "a site lost its zone"
        zone_of[mine[np.argmax(area[mine])]] = k

    stray = [int(f) for f in np.argsort(-area, kind="stable") if zone_of[f] < 0]
    while stray:
        placed = np.flatnonzero(zone_of >= 0)
        # The stray face with the longest border to a placed zone goes first; islands come last, by distance.
        best = (-1.0, -1, -1)
        for f in stray:
            border = shapely.length(shapely.intersection(faces[f], faces[placed]))
            by_zone = np.bincount(zone_of[placed], border, len(sites))
            if by_zone.max() > best[0]:
                best = (float(by_zone.max()), f, int(by_zone.argmax()))
        length, f, k = best
        if length <= 0:
            f = stray[0]
            k = int(zone_of[placed[np.argmin(shapely.distance(faces[f], faces[placed]))]])
        zone_of[f] = k
        stray.remove(f)
    return [shapely.normalize(shapely.coverage_union_all(faces[zone_of == k])) for k in range(len(sites))]


def share_population(total: int, rank: np.ndarray) -> np.ndarray:
    """Return the inhabitants of each zone: rank-size shares that add up to the exact sum."""
    weight = rank.astype(float) ** -RANK_SIZE_EXPONENT
    exact = total * weight / weight.sum()
    whole = np.floor(exact).astype(int)
    missing = total - int(whole.sum())
    order = np.lexsort((rank, -(exact - whole)))
    whole[order[:missing]] += 1
    return whole
