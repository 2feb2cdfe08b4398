"""What adds up to what among the results of a study: sites, areas, and the groups that areas are cut into.

Disclosure protects against the sums that it is told of, so every sum that a reader can rebuild stands here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from rnc_epi.chapters import area_tree
from rnc_epi.vocabulary.areas import POOLED_REGISTRIES, AreaKey
from rnc_epi.vocabulary.containment import completed, nearest
from rnc_epi.vocabulary.estimators import ALL_GROUPS, UNKNOWN_GROUP
from rnc_epi.vocabulary.hierarchy import Hierarchy
from rnc_epi.vocabulary.sites import SITES, children

if TYPE_CHECKING:
    import pandas as pd

    from rnc_epi.cells.build import CellBuilder

_AREA = ["geo_level", "geo_code", "geo_vintage"]
_Groups = tuple[tuple[tuple[str, str], tuple[AreaKey, ...]], ...]


def hierarchy_of(results: pd.DataFrame, builder: CellBuilder, strata: Iterable[pd.DataFrame]) -> Hierarchy:
    """Return what adds up to what among the sites, areas and groups of some results.

    Parameters
    ----------
    results : DataFrame
        In the form of the one result table.
    builder : CellBuilder
        Of the extract, for its tree of areas.
    strata : iterable of DataFrame
        The group of each area: ``geo_level, geo_code, geo_vintage, stratum_type, stratum``.
    """
    sites = set(results["site"])
    areas = {AreaKey(*row) for row in results[_AREA].drop_duplicates().itertuples(index=False, name=None)}
    registries = sorted(
        area for area in areas if area.geo_level == "registry_zone" and area.geo_code != POOLED_REGISTRIES
    )
    tree = list(area_tree(builder).areas)
    for vintage in sorted({area.geo_vintage for area in registries}):
        pooled = AreaKey("registry_zone", POOLED_REGISTRIES, vintage)
        tree.append((pooled, tuple(area for area in registries if area.geo_vintage == vintage)))
    whole = Hierarchy(
        sites=tuple(
            (slug, below) for slug in SITES if (below := _nearest_selected(slug, sites)) and slug in sites
        ),
        areas=tuple(sorted(tree)),
    )
    groups = tuple(group for table in strata for group in areas_of_groups(table, whole))
    stated = Hierarchy(whole.sites, whole.areas, groups).restricted_to(sites, areas)
    # Regions are parts of France though both are stated by their départements, which may not be shown.
    implied = nearest(completed(whole, areas), areas)
    return replace(stated, areas=tuple(sorted({*stated.areas, *implied})))


def areas_of_groups(table: pd.DataFrame, tree: Hierarchy) -> _Groups:
    """Return the areas of every level that lie wholly in each group.

    Parameters
    ----------
    table : DataFrame
        Columns ``geo_level, geo_code, geo_vintage, stratum_type, stratum``: areas of one level and their
        groups. An area of that level without a row has no group.
    tree : Hierarchy
        All areas of the extract: an area wider than those of the table is in a group if all it is made of
        is, a finer one if what it lies in is.

    Examples
    --------
    >>> import pandas as pd
    >>> zones = [AreaKey("zone", code, "v") for code in "AB"]
    >>> tree = Hierarchy(areas=((AreaKey("departement", "01", "v"), tuple(zones)),))
    >>> table = pd.DataFrame({"geo_level": "zone", "geo_code": ["A", "B"], "geo_vintage": "v",
    ...                       "stratum_type": "deprivation", "stratum": ["Q1", "Q2"]})
    >>> for (kind, group), areas in areas_of_groups(table, tree):
    ...     print(group, [area.geo_code for area in areas])
    Q1 ['A']
    Q2 ['B']
    all ['01', 'A', 'B']
    """
    inside = tree.within()
    known = {area for parent, below in inside.items() for area in (parent, *below)}
    found: _Groups = ()
    for kind, part in table.groupby("stratum_type", sort=True):
        group_of = {
            AreaKey(*row[:3]): UNKNOWN_GROUP if row[3] != row[3] or row[3] is None else str(row[3])
            for row in part[[*_AREA, "stratum"]].itertuples(index=False, name=None)
        }
        levels = {(area.geo_level, area.geo_vintage) for area in group_of}
        cut = known | group_of.keys()
        for area in cut:
            if (area.geo_level, area.geo_vintage) in levels:
                group_of.setdefault(area, UNKNOWN_GROUP)
        members: dict[str, set[AreaKey]] = {}
        for area, group in group_of.items():
            of_area = {area, *inside.get(area, ())}
            members.setdefault(group, set()).update(of_area)
            if group != UNKNOWN_GROUP:
                members.setdefault(ALL_GROUPS, set()).update(of_area)
        for wider, below in inside.items():
            cells = {area for area in below if area in group_of}
            if cells and wider not in group_of:
                for own in members.values():
                    if cells <= own:
                        own.add(wider)
        found += tuple(((str(kind), group), tuple(sorted(own))) for group, own in sorted(members.items()))
    return found


def _nearest_selected(slug: str, sites: set[str]) -> tuple[str, ...]:
    found: list[str] = []
    for child in children(slug):
        found.extend([child] if child in sites else _nearest_selected(child, sites))
    return tuple(found)
