"""The map of a level of areas: who is whose neighbour, checked against the data.

Neighbours come from a table (``adjacency`` of the extract) or from outlines (contiguity of libpysal). An
area without neighbour, an overseas département, a region cut off by the data: all stay on the map; the
models give them an effect of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
import shapely

from rnc_epi.maths import smallarea as maths
from rnc_epi.vocabulary.errors import InputError

if TYPE_CHECKING:
    import geopandas as gpd
    from libpysal.weights import W
    from numpy.typing import NDArray

AREA = ["geo_level", "geo_code", "geo_vintage"]

#: Metres put between territories whose coordinates do not compare.
APART: Final = 1e8


@dataclass(frozen=True, eq=False)
class AreaGraph:
    """Areas of one level and edition, and which of them are neighbours.

    Parameters
    ----------
    areas : DataFrame
        ``geo_level, geo_code, geo_vintage``, one row an area, in the order of the results; ``x, y``, the
        centres in one planar unit, where clusters are looked for.
    edges : int array (m, 2)
        Neighbouring pairs, rows of `areas`, each pair once.

    Raises
    ------
    InputError
        A001-A004 for the edges, A038 for areas given twice or of several levels.

    Examples
    --------
    >>> import pandas as pd
    >>> areas = pd.DataFrame({"geo_level": "zone", "geo_code": ["a", "b", "c"], "geo_vintage": "v"})
    >>> pairs = areas.iloc[:1].assign(neighbour_code="b")
    >>> graph = AreaGraph.from_adjacency(pairs, areas)
    >>> graph.components, graph.islands["geo_code"].tolist()
    (2, ['c'])
    """

    areas: pd.DataFrame
    edges: NDArray[np.int64]
    _restricted: dict[bytes, AreaGraph] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        areas = self.areas.reset_index(drop=True)
        kept = [*AREA, *(name for name in ("x", "y") if name in areas)]
        repeated = areas.duplicated("geo_code")
        several = areas[["geo_level", "geo_vintage"]].drop_duplicates()
        if repeated.any() or len(several) > 1:
            where = areas.loc[repeated, "geo_code"].iloc[0] if repeated.any() else several.iloc[1].to_list()
            raise InputError("A038", where=where)
        object.__setattr__(self, "areas", areas[kept])
        object.__setattr__(self, "edges", np.asarray(self.maths.edges))

    @cached_property
    def maths(self) -> maths.AreaGraph:
        """The graph as the engine sees it; order of elimination, scale and prior table are made once."""
        return maths.AreaGraph(len(self.areas), self.edges)

    @property
    def geo_level(self) -> str:
        """Level of the areas."""
        return str(self.areas["geo_level"].iloc[0])

    @property
    def geo_vintage(self) -> str:
        """Edition of the codes."""
        return str(self.areas["geo_vintage"].iloc[0])

    @property
    def components(self) -> int:
        """Number of connected parts, islands included."""
        return self.maths.components

    @property
    def islands(self) -> pd.DataFrame:
        """Areas without neighbour."""
        return self.areas.iloc[self.maths.islands]

    def __len__(self) -> int:
        return len(self.areas)

    @classmethod
    def from_adjacency(
        cls, adjacency: pd.DataFrame, areas: pd.DataFrame, centres: pd.DataFrame | None = None
    ) -> AreaGraph:
        """Return the graph of a table of neighbours.

        Parameters
        ----------
        adjacency : DataFrame
            ``geo_level, geo_code, geo_vintage, neighbour_code``; every pair in both directions, or every
            pair in one. Rows of other levels and editions are left aside.
        areas : DataFrame
            ``geo_level, geo_code, geo_vintage`` of every area, those without neighbour included.
        centres : DataFrame, optional
            ``geo_code, x, y`` (A044 when an area has none).

        Returns
        -------
        AreaGraph

        Raises
        ------
        InputError
            ``A030`` an area of the table that is not in `areas`, ``A032`` a neighbour that is not, ``A033``
            pairs half given, ``A034`` rows given twice, ``A035`` areas their own neighbour, ``A038`` areas
            given twice, ``A044`` an area without centre.

        Examples
        --------
        >>> areas = pd.DataFrame({"geo_level": "zone", "geo_code": ["a", "b"], "geo_vintage": "v"})
        >>> AreaGraph.from_adjacency(areas.iloc[:1].assign(neighbour_code="b"), areas).edges.tolist()
        [[0, 1]]
        """
        listed = areas[[*AREA, *(name for name in ("x", "y") if name in areas)]].reset_index(drop=True)
        if centres is not None:
            found = listed[AREA].merge(centres[["geo_code", "x", "y"]], on="geo_code", how="left")
            _require(found["x"].notna() & found["y"].notna(), found["geo_code"], "A044")
            listed = found
        level, vintage = listed["geo_level"].iloc[0], listed["geo_vintage"].iloc[0]
        rows = adjacency[adjacency["geo_level"].eq(level) & adjacency["geo_vintage"].eq(vintage)]
        place = pd.Series(np.arange(len(listed)), index=listed["geo_code"].astype(str))
        if place.index.has_duplicates:
            raise InputError("A038", where=place.index[place.index.duplicated()][0])
        first, second = rows["geo_code"].astype(str), rows["neighbour_code"].astype(str)
        _require(first.isin(place.index), first, "A030")
        _require(second.isin(place.index), second, "A032", name=level)
        _require(first.ne(second), first, "A035")
        named = pd.DataFrame({"a": first, "b": second})
        _require(~named.duplicated(), first + "-" + second, "A034")
        pairs = np.sort(np.c_[place[first].to_numpy(), place[second].to_numpy()].astype(np.int64), axis=1)
        edges, count = np.unique(pairs, axis=0, return_counts=True)
        both = count == 2
        if both.any() and not both.all():
            a, b = edges[int(np.argmin(both))]
            codes = listed["geo_code"]
            raise InputError(
                "A033", found=int(both.sum()), expected=int((~both).sum()), where=f"{codes[a]}-{codes[b]}"
            )
        return cls(listed, edges.reshape(-1, 2))

    @classmethod
    def from_outlines(cls, outlines: gpd.GeoDataFrame, *, corners: bool = True) -> AreaGraph:
        """Return the graph of outlines that touch (libpysal contiguity), with their centres.

        Parameters
        ----------
        outlines : GeoDataFrame
            ``geo_level, geo_code, geo_vintage`` and a geometry, in one planar system. Insets may be there:
            they touch nothing.
        corners : bool
            Whether areas that meet in one point are neighbours (queen), or a stretch of border is asked
            (rook).

        Raises
        ------
        InputError
            A044 for an area without outline, A038.
        """
        from libpysal.graph import Graph

        shapes = outlines.reset_index(drop=True)
        empty = shapely.is_empty(shapes.geometry.to_numpy()) | shapely.is_missing(shapes.geometry.to_numpy())
        drawn = pd.Series(~empty)
        _require(drawn, shapes["geo_code"], "A044")
        # strict: borders are compared as lines, not by vertices, which simplified outlines may not share.
        graph = Graph.build_contiguity(shapes, rook=not corners, strict=True)
        table = graph.adjacency.reset_index()
        joined = table["focal"].to_numpy() < table["neighbor"].to_numpy()
        edges = table.loc[joined, ["focal", "neighbor"]].to_numpy(np.int64)
        return cls(shapes[AREA].assign(**centres_of(shapes.geometry)), edges)

    def restricted_to(self, kept: NDArray[np.bool_]) -> AreaGraph:
        """Return the map of some areas (mask in the order of `areas`), made once for each set of them."""
        if kept.all():
            return self
        key = np.packbits(kept).tobytes()
        if key not in self._restricted:
            place = np.cumsum(kept) - 1
            inside = kept[self.edges].all(axis=1)
            part = AreaGraph(self.areas[kept].reset_index(drop=True), place[self.edges[inside]])
            self._restricted[key] = part
        return self._restricted[key]

    def positions(self, areas: pd.DataFrame) -> NDArray[np.int64]:
        """Return the row of each area of a table on this map, -1 where it is not on it."""
        here = (
            areas["geo_level"].astype(str).eq(self.geo_level)
            & areas["geo_vintage"].astype(str).eq(self.geo_vintage)
        ).to_numpy()
        place = pd.Index(self.areas["geo_code"].astype(str)).get_indexer(areas["geo_code"].astype(str))
        return np.where(here, place, -1).astype(np.int64)

    def weights(self) -> W:
        """Return the neighbours as libpysal weights, for esda."""
        from libpysal.weights import W

        around: dict[int, list[int]] = {k: [] for k in range(len(self))}
        for a, b in self.edges.tolist():
            around[a].append(b)
            around[b].append(a)
        return W(around, silence_warnings=True)

    def centres(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the centres of the areas (A044 without)."""
        if "x" not in self.areas:
            raise InputError("A044", found=len(self), where=self.areas["geo_code"].iloc[0])
        _require(self.areas["x"].notna() & self.areas["y"].notna(), self.areas["geo_code"], "A044")
        return self.areas["x"].to_numpy(np.float64), self.areas["y"].to_numpy(np.float64)


def centres_of(shapes: pd.Series) -> dict[str, NDArray[np.float64]]:
    """Return a point inside each outline, as columns ``x`` and ``y``."""
    points = shapely.point_on_surface(np.asarray(shapes.to_numpy(), dtype=object))
    return {"x": shapely.get_x(points), "y": shapely.get_y(points)}


def graphs_of(adjacency: pd.DataFrame, areas: pd.DataFrame) -> dict[str, AreaGraph]:
    """Return the graph of each level that the table of neighbours speaks of.

    Parameters
    ----------
    adjacency : DataFrame
        The table of the extract, ``geo_level, geo_code, geo_vintage, neighbour_code``; one edition of the
        codes a level.
    areas : DataFrame
        The areas of the extract, every one of a level stands on its map; where all have an ``outline``
        (WKB) in the areas table, the graph has centres.

    Returns
    -------
    dict of str to AreaGraph
        By level.

    Raises
    ------
    InputError
        ``A030`` to ``A038`` as for :meth:`AreaGraph.from_adjacency`.

    Examples
    --------
    >>> import pandas as pd
    >>> areas = pd.DataFrame({"geo_level": "zone", "geo_code": ["a", "b", "c"], "geo_vintage": "v"})
    >>> graphs_of(areas.iloc[:1].assign(neighbour_code="b"), areas)["zone"].edges.tolist()
    [[0, 1]]
    """
    found = {}
    for (level, vintage), pairs in adjacency.groupby(["geo_level", "geo_vintage"], sort=True, observed=True):
        of_level = areas[areas["geo_level"].eq(level) & areas["geo_vintage"].eq(vintage)]
        centres = None
        if "outline" in of_level and len(of_level) and of_level["outline"].notna().all():
            shapes = pd.Series(shapely.from_wkb(of_level["outline"].to_numpy()))
            centres = pd.DataFrame({"geo_code": of_level["geo_code"].to_numpy(), **centres_of(shapes)})
            if "inset" in of_level:
                # Territories in insets have systems of coordinates of their own: each far from all others.
                apart = pd.factorize(of_level["inset"].to_numpy(dtype=object))[0] + 1
                centres["x"] += APART * apart
        found[str(level)] = AreaGraph.from_adjacency(pairs, of_level, centres)
    return found


def _require(holds: pd.Series, names: pd.Series, code: str, **facts: object) -> None:
    wrong = ~holds.to_numpy(bool)
    if wrong.any():
        first = str(names.iloc[int(np.argmax(wrong))])
        raise InputError(code, found=int(wrong.sum()), where=first, **facts)
