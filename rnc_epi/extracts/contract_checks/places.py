"""Checks on the map: cities beside their arrondissements, postcodes, outlines, neighbours, scores."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Final

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from rnc_epi.extracts.contract_checks.findings import (
    EXAMPLES,
    Fate,
    Finding,
    shown_area,
    shown_level,
    shown_name,
)
from rnc_epi.extracts.contract_checks.tables import CELL_TABLES, ROW_TABLES, ExtractTables, usable
from rnc_epi.store import Store

#: Paris, Marseille, Lyon: the code of the commune and what those of its arrondissements begin with.
_CITIES: Final = (("75056", "751"), ("13055", "132"), ("69123", "6938"))
#: Share of a table's rows above which unknown communes that look like postcodes are taken for postcodes.
_POSTCODES: Final = 0.01
#: Share of the unknown codes that end in 0: nearly all postcodes do, and one commune code in ten.
_ENDING_IN_ZERO: Final = 0.75
#: Polygon and multipolygon, as GEOS numbers the kinds of geometry.
_SURFACES: Final = (3, 6)


def cities_and_arrondissements(store: Store, tables: ExtractTables) -> Iterator[Finding]:
    """Find a city and its arrondissements side by side in a table, unless membership links them (D071)."""
    for city, prefix in _CITIES:
        linked = store.rows(
            "SELECT 1 FROM extract.main.membership WHERE child_level = 'commune' AND parent_level = 'commune'"
            " AND parent_code = $city LIMIT 1",
            {"city": city},
        )
        if linked:
            continue
        both = store.rows(
            """
            SELECT table_name FROM areas_by_table WHERE geo_level = 'commune'
            GROUP BY table_name
            HAVING bool_or(geo_code = $city)
               AND bool_or(starts_with(geo_code, $prefix) AND geo_code <> $city)
            """,
            {"city": city, "prefix": prefix},
        )
        for (table,) in both:
            if table in (*ROW_TABLES, *CELL_TABLES, "person_years"):
                yield Finding("D071", Fate.REFUSE, table, facts=(("where", city),))


def postcodes(store: Store, tables: ExtractTables) -> Iterator[Finding]:
    """Find postcodes given instead of codes of communes (D073)."""
    unknown = store.rows(
        "SELECT geo_code FROM area_status WHERE NOT known AND NOT zero_lost AND NOT foreign_country "
        "AND geo_level = 'commune' AND regexp_full_match(geo_code, '[0-9]{5}')"
    )
    if sum(code.endswith("0") for (code,) in unknown) <= _ENDING_IN_ZERO * len(unknown):
        return
    for table in (*ROW_TABLES, *CELL_TABLES):
        if table not in tables.present:
            continue
        ((rows, among),) = store.rows(
            f"""
            SELECT count(*) FILTER (WHERE a.geo_code IS NOT NULL), count(*)
            FROM {tables.qualified(table)} AS t
            LEFT JOIN (
                SELECT geo_code, geo_level, geo_vintage FROM area_status
                WHERE NOT known AND geo_level = 'commune' AND regexp_full_match(geo_code, '[0-9]{{4}}0')
            ) AS a
            ON a.geo_code = t.geo_code AND a.geo_level = t.geo_level AND a.geo_vintage = t.geo_vintage
            """
        )
        if rows > _POSTCODES * among:
            yield Finding("D073", Fate.REFUSE, table, rows=rows, persons=True)


def areas_within_themselves(store: Store, tables: ExtractTables) -> Iterator[Finding]:
    """Find areas that lie in an area that lies in them (D146): what climbs would count for ever."""
    found = store.rows(
        """
        SELECT a.geo_level, a.geo_code FROM area_ids AS a
        WHERE a.area_id IN (
            SELECT up.child FROM area_closure AS up
            JOIN area_closure AS down ON down.child = up.parent AND down.parent = up.child
        )
        UNION
        SELECT child_level, child_code FROM extract.main.membership
        WHERE child_level = parent_level AND child_code = parent_code AND child_vintage = parent_vintage
        """
    )
    if found:
        yield Finding("D146", Fate.REFUSE, "membership", rows=len(found), examples=_shown(found))


def memberships_twice(store: Store, tables: ExtractTables) -> Iterator[Finding]:
    """Find areas that lie in another twice at one time (D113); a row repeated as it is belongs to D021."""
    link = "child_level, child_code, child_vintage, parent_level, parent_code, parent_vintage"
    ((rows,),) = store.rows(
        f"""
        SELECT count(*) FROM (
            SELECT coalesce(valid_from, -32768) AS first, max(coalesce(valid_until, 32767)) OVER (
                PARTITION BY {link} ORDER BY coalesce(valid_from, -32768), coalesce(valid_until, 32767)
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS reached
            FROM (SELECT DISTINCT {link}, valid_from, valid_until FROM {usable("membership")})
        )
        WHERE first < reached
        """
    )
    if rows:
        yield Finding("D113", Fate.REFUSE, "membership", rows=rows)


def outlines_that_cannot_be_read(store: Store, tables: ExtractTables) -> Iterator[Finding]:
    """Find outlines that are no WKB of a surface, and insets that say no scale and shift (D147)."""
    drawn = store.rows(
        f"SELECT geo_level, geo_code, outline, inset FROM {usable('areas')} "
        "WHERE outline IS NOT NULL OR inset IS NOT NULL"
    )
    if not drawn:
        return
    import shapely

    outlines = np.array([outline for _, _, outline, _ in drawn], dtype=object)
    kinds = shapely.get_type_id(shapely.from_wkb(outlines, on_invalid="ignore"))
    found = [
        (level, code)
        for (level, code, outline, inset), kind in zip(drawn, kinds, strict=True)
        if (outline is not None and kind not in _SURFACES) or (inset is not None and not _is_inset(inset))
    ]
    if found:
        yield Finding("D147", Fate.REFUSE, "areas", rows=len(found), examples=_shown(found))


def _is_inset(text: str) -> bool:
    try:
        stated = json.loads(text)
        return all(math.isfinite(stated[name]) for name in ("scale", "dx", "dy")) and stated["scale"] > 0
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


def areas_without_outline(store: Store, tables: ExtractTables) -> Iterator[Finding]:
    """Find areas without outline at a level that has outlines, where the extract has data for them (D078)."""
    found = store.rows(
        f"""
        SELECT a.geo_level, a.geo_code FROM {usable("areas")} AS a
        SEMI JOIN (SELECT geo_level, geo_vintage FROM {usable("areas")} WHERE outline IS NOT NULL) AS drawn
            ON drawn.geo_level = a.geo_level AND drawn.geo_vintage = a.geo_vintage
        SEMI JOIN (
            SELECT * FROM areas_by_table WHERE table_name NOT IN ('areas', 'membership', 'adjacency')
        ) AS used
            ON used.geo_code = a.geo_code
           AND used.geo_level = a.geo_level AND used.geo_vintage = a.geo_vintage
        WHERE a.outline IS NULL
        """
    )
    if found:
        yield Finding("D078", Fate.REFUSE, "areas", rows=len(found), examples=_shown(found))


def areas_without_neighbours(store: Store, tables: ExtractTables) -> Iterator[Finding]:
    """Find areas that touch no other (D076) and maps in several pieces (D077), level by level."""
    if "adjacency" not in tables.present:
        return
    levels = store.rows(f"SELECT DISTINCT geo_level, geo_vintage FROM {usable('adjacency')}")
    for level, vintage in levels:
        which = {"level": level, "vintage": vintage}
        codes = [code for (code,) in store.rows(
            f"SELECT DISTINCT geo_code FROM {usable('areas')} "
            "WHERE geo_level = $level AND geo_vintage = $vintage", which,
        )]  # fmt: skip
        number = {code: position for position, code in enumerate(codes)}
        pairs = store.rows(
            f"SELECT geo_code, neighbour_code FROM {usable('adjacency')} "
            "WHERE geo_level = $level AND geo_vintage = $vintage AND geo_code <> neighbour_code", which,
        )  # fmt: skip
        ends = np.array([(number[a], number[b]) for a, b in pairs if a in number and b in number])
        ends = ends.reshape(-1, 2)
        alone = sorted(set(codes) - {code for pair in pairs for code in pair})
        where = (("where", shown_level(level)),)
        if alone:
            shown = _shown([(level, code) for code in alone[:EXAMPLES]])
            yield Finding("D076", Fate.WARN, "adjacency", rows=len(alone), examples=shown, facts=where)
        graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(len(codes), len(codes)))
        pieces = connected_components(graph, directed=False)[0] - len(alone)
        if pieces > 1:
            yield Finding("D077", Fate.WARN, "adjacency", rows=pieces, facts=where)


def areas_without_score(store: Store, tables: ExtractTables) -> Iterator[Finding]:
    """Find areas that an index of deprivation leaves without a score (D079)."""
    if "deprivation" not in tables.present:
        return
    found = store.rows(
        f"""
        SELECT i."index", i.geo_level, count(*)
        FROM (SELECT DISTINCT "index", vintage, geo_level, geo_vintage FROM {usable("deprivation")}) AS i
        JOIN {usable("areas")} AS a ON a.geo_level = i.geo_level AND a.geo_vintage = i.geo_vintage
        ANTI JOIN (SELECT * FROM {usable("deprivation")} WHERE score IS NOT NULL) AS d
            ON d."index" = i."index" AND d.vintage = i.vintage
           AND d.geo_level = a.geo_level AND d.geo_code = a.geo_code AND d.geo_vintage = a.geo_vintage
        GROUP BY i."index", i.vintage, i.geo_level
        """
    )
    for index, level, areas in found:
        where = f"{shown_name(index)}, {shown_level(level)}"
        yield Finding("D079", Fate.WARN, "deprivation", rows=areas, facts=(("where", where),))


def open_bands_that_differ(store: Store, tables: ExtractTables) -> Iterator[Finding]:
    """Find areas whose person-years end with 85 and over here, and with 95 and over there (D083)."""
    found = store.rows(
        f"""
        SELECT geo_level, geo_code FROM {usable("person_years")}
        WHERE age_status = 'known' AND age_until IS NULL
        GROUP BY source, geo_level, geo_code, geo_vintage HAVING min(age_from) <> max(age_from)
        """
    )
    if found:
        yield Finding("D083", Fate.REFUSE, "person_years", rows=len(found), examples=_shown(found))


def _shown(areas: list[tuple[str, str]]) -> tuple[str, ...]:
    return tuple(shown_area(level, code) for level, code in areas[:EXAMPLES])
