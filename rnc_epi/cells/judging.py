"""Every event judged: used where the declared scope holds it, else excluded for a counted reason."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pandas as pd

from rnc_epi.cells.climbing import COLUMNS, FINER
from rnc_epi.cells.scope import (
    OPEN_AGE,
    covered_sites,
    declared_scope,
    site_numbers,
    site_sexes,
    sites_of_groups,
)
from rnc_epi.store.steps import read_step
from rnc_epi.vocabulary.areas import AreaKey
from rnc_epi.vocabulary.errors import ExtractRefused
from rnc_epi.vocabulary.schemas import NOT_APPLICABLE
from rnc_epi.vocabulary.sites import site_of_icd10, site_of_icdo3

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rnc_epi.cells.climbing import Climbing
    from rnc_epi.cells.membership import Holders
    from rnc_epi.extracts.opening import Extract
    from rnc_epi.store import Store
    from rnc_epi.vocabulary.ages import BandSet

PACKAGE = "rnc_epi.cells.steps"

#: Tables of events in the order of their claims, the type of event that each holds (a proxy's is followed by
#: its letters, as in ``proxy_HA``), and whether one row is one person.
EVENT_TABLES = {
    "tumours": ("incidence", True),
    "incidence_cells": ("incidence", False),
    "death_cells": ("death", False),
    "deaths": ("death", True),
    "proxy_cells": ("proxy", False),
}
_SCOPE_COLUMNS = [
    *("table_name", "source", "site", "sex", "geo_level"),
    *("period_from", "period_until", "age_from", "age_until"),
]
_AREA = ("geo_level", "geo_code", "geo_vintage")
_AREAS = ", ".join(_AREA)
#: A known age is at most this, by the contract.
OLDEST = 150


def run_step(store: Store, name: str) -> None:
    """Make the table of a step."""
    store.run(name, read_step(PACKAGE, name))


def count_events(extract: Extract, climbing: Climbing) -> pd.DataFrame:
    """Make the tables `events` and `scope`; return the claimants.

    A claimant is a source and registry in one table; a pool is a type of event and a source.

    Raises
    ------
    ExtractRefused
        K001, two claimants cover the same strata.
    """
    store = extract.store
    tables = [name for name in EVENT_TABLES if name in extract.tables]
    of_cells = [name for name in tables if not EVENT_TABLES[name][1]]
    of_persons = [name for name in tables if EVENT_TABLES[name][1]]
    claimants = _claimants(store, tables)
    store.keep("claimants", claimants)
    store.keep("site_numbers", site_numbers())
    store.keep("site_sexes", site_sexes())
    run_step(store, "denominator_areas")
    named = (f"SELECT DISTINCT {_AREAS} FROM usable_{name}" for name in tables)
    store.run("event_areas", " UNION ".join(named))
    for name in ("home_areas", "areas_above"):
        run_step(store, name)
    coverage = store.read("SELECT * FROM usable_coverage")
    store.keep("covered_sites", covered_sites(coverage))
    store.keep("sites_of_groups", sites_of_groups(coverage))
    if "tumours" in tables:
        _cover_rows(store, coverage, climbing)
    store.keep("declared_scope", declared_scope(_stated_scope(extract), _coded_by_cause(extract)))
    _classify(extract)
    if of_cells:
        store.run_view("cells_of_events", " UNION ALL ".join(_cells_of(name) for name in of_cells))
    counted = [f"counted_{name}" for name in (*of_persons, *(["cells"] if of_cells else []))]
    for name in counted:
        store.run_view(name, read_step(PACKAGE, name))
    store.run("events", f"SELECT row_number() OVER () AS event, * FROM ({_union(counted)})")
    _declare_scope(store, of_persons, bool(of_cells))
    overlaps = store.read(read_step(PACKAGE, "scope_overlaps"))
    if len(overlaps):
        first = overlaps.sort_values(["geo_level", "geo_code", "site"]).iloc[0]
        raise ExtractRefused(
            "K001",
            found=len(overlaps),
            where=f"{first.geo_level} {first.geo_code}, {first.site}",
            registries=f"{first.first_registry}, {first.second_registry}",
        )
    return claimants


def judge_events(extract: Extract, bands: Mapping[int, BandSet], with_person_years: pd.DataFrame) -> None:
    """Make the tables `scope_in_bands`, `judged_events` and `placed_events`; account for every row.

    Parameters
    ----------
    bands : mapping of pool to BandSet
    with_person_years : DataFrame
        ``pool, sex, area, period_from, period_until`` that have person-years.
    """
    store = extract.store
    placed = [
        (pool, age, position)
        for pool, own in bands.items()
        for position, band in enumerate(own)
        for age in range(band.age_from, OLDEST + 1 if band.age_until is None else band.age_until)
    ]
    store.keep("age_bands", pd.DataFrame(placed, columns=["pool", "age", "band"], dtype="int64"))
    stated = store.rows(
        "SELECT DISTINCT k.pool, s.age_from, s.age_until FROM scope AS s JOIN claimants AS k USING (claimant)"
    )
    whole = [(pool, first, until, *_whole_bands(bands[pool], first, until)) for pool, first, until in stated]
    columns = ["pool", "age_from", "age_until", "inner_from", "inner_until"]
    store.keep("whole_bands", pd.DataFrame(whole, columns=columns, dtype="int64"))
    store.keep("periods_with_person_years", with_person_years)
    for name in ("scope_in_bands", "places", "placements", "judged_events"):
        run_step(store, name)
    store.run_view("banded_placements", read_step(PACKAGE, "banded_placements"))
    run_step(store, "placed_events")
    for row in store.read(read_step(PACKAGE, "fates")).itertuples(index=False):
        used = row.fate == "used"
        extract.accounting.record(
            row.origin,
            row.source,
            "cells",
            "used" if used else "excluded",
            NOT_APPLICABLE if used else row.fate,
            rows=int(row.rows),
            events=int(row.events),
        )


def finer_areas(store: Store, holders: Holders) -> dict[AreaKey, list[AreaKey]]:
    """Return the areas of which the tumours all count in areas that hold them, and these areas."""
    stated: dict[int, set[AreaKey]] = {}
    claims: dict[AreaKey, set[int]] = {}
    for level, code, vintage, claimant, finer in store.rows(
        f"SELECT DISTINCT {_AREAS}, claimant, {FINER} FROM claimed_areas"
    ):
        area = AreaKey(level, code, vintage)
        if finer:
            claims.setdefault(area, set()).add(claimant)
        else:
            stated.setdefault(claimant, set()).add(area)
    otherwise = store.rows(
        f"SELECT DISTINCT {', '.join(f'd.{name}' for name in _AREA)} FROM scope AS s "
        "JOIN claimants AS k ON k.claimant = s.claimant JOIN denominator_areas AS d ON d.area = s.area "
        "WHERE k.event_type = 'incidence' AND NOT k.of_persons"
    )
    counted = {AreaKey(*row) for row in otherwise}.union(*stated.values())
    return {
        area: sorted(holders.ever(area).intersection(*(stated[claimant] for claimant in sorted(own))))
        for area, own in claims.items()
        if area not in counted
    }


def events_in_areas(
    store: Store, pools: Sequence[int], areas: Sequence[AreaKey]
) -> list[tuple[str, str, bool, int, int]]:
    """Return the used rows and events of some pools by table, source, and whether in one of some areas."""
    keys = [(area.geo_level, area.geo_code, area.geo_vintage) for area in areas]
    store.keep("chosen_areas", pd.DataFrame(keys, columns=list(_AREA), dtype="str"))
    store.keep("chosen_pools", pd.DataFrame({"pool": pd.array(sorted(pools), dtype="int64")}))
    found = store.rows(read_step(PACKAGE, "fates_by_area"))
    return [(origin, source, bool(inside), int(rows), int(events))
            for origin, source, inside, rows, events in found]  # fmt: skip


def _whole_bands(bands: BandSet, age_from: int, age_until: int) -> tuple[int, int]:
    """Return the ages of the whole bands inside some ages; empty (0, 0) where there are none."""
    edges = list(pairwise([*bands.starts, OPEN_AGE]))
    inside = [(a, b) for a, b in edges if a >= age_from and b <= age_until]
    return (inside[0][0], inside[-1][1]) if inside else (0, 0)


def _claimants(store: Store, tables: list[str]) -> pd.DataFrame:
    rows = []
    for name in tables:
        found = store.rows(f"SELECT DISTINCT {_claimant_of(name)} FROM usable_{name}")
        rows += [(name, *row) for row in found]
    table = pd.DataFrame(rows, columns=["origin", "event_type", "source", "registry"], dtype="str")
    pools = sorted(set(zip(table["event_type"], table["source"], strict=True)))
    number = {pool: position for position, pool in enumerate(pools)}
    return table.assign(
        claimant=range(len(table)),
        of_persons=[EVENT_TABLES[origin][1] for origin in table["origin"]],
        pool=[number[pool] for pool in zip(table["event_type"], table["source"], strict=True)],
    )


def _claimant_of(name: str) -> str:
    """Return the columns `event_type`, `source` and `registry` of a table of events."""
    event_type, _ = EVENT_TABLES[name]
    kind = "'proxy_' || proxy" if event_type == "proxy" else f"'{event_type}'"
    registry = "registry" if event_type == "incidence" else f"'{NOT_APPLICABLE}'"
    return f"{kind} AS event_type, source, {registry} AS registry"


def _cells_of(name: str) -> str:
    """Return a table of cells in the columns that they all have; only deaths are given by cause."""
    cause = "icd10" if EVENT_TABLES[name][0] == "death" else "CAST(NULL AS VARCHAR) AS icd10"
    return (
        f"SELECT '{name}' AS origin, {_claimant_of(name)}, site, {cause}, sex, {_AREAS}, "
        f"period_from, period_until, age_from, age_until, age_status, events FROM usable_{name}"
    )


def _cover_rows(store: Store, coverage: pd.DataFrame, climbing: Climbing) -> None:
    """Make the tables `coverage_of_rows` and `levels_of_rows`: where the claimants of tumours count."""
    homes = store.read(
        f"SELECT k.claimant, k.source, k.registry, {_AREAS}, count(*) AS rows FROM usable_tumours AS t "
        "JOIN claimants AS k ON k.origin = 'tumours' AND k.source = t.source AND k.registry = t.registry "
        "GROUP BY ALL".replace(_AREAS, ", ".join(f"t.{name}" for name in _AREA)),
        order_by=["claimant"],
    )
    parts, levels = [pd.DataFrame(columns=[*COLUMNS, FINER]).astype({"claimant": "int64"})], set()
    for (claimant, source, registry), own in homes.groupby(["claimant", "source", "registry"], sort=True):
        stated = coverage[coverage["registry"] == registry]
        rows = {AreaKey(*row[:3]): int(row[3]) for row in own[[*_AREA, "rows"]].itertuples(index=False)}
        parts.append(climbing.coverage(stated, rows, source).assign(claimant=claimant))
        levels |= {(claimant, source, level) for level in [*own["geo_level"], *stated["geo_level"]]}
    table = pd.concat(parts, ignore_index=True)
    table["age_until"] = table["age_until"].astype("Int64").fillna(OPEN_AGE)
    kinds = dict.fromkeys(("claimant", "age_from", "age_until", "period_from", "period_until"), "int64")
    kinds |= dict.fromkeys((*_AREA, "site_group"), "str") | {"yearly": "bool", FINER: "bool"}
    store.keep("claimed_areas", table.astype(kinds)[[*COLUMNS, FINER]])
    store.run(
        "coverage_of_rows",
        "SELECT c.*, d.area FROM claimed_areas AS c JOIN denominator_areas AS d ON d.geo_level = c.geo_level "
        "AND d.geo_code = c.geo_code AND d.geo_vintage = c.geo_vintage",
    )
    columns = ["claimant", "source", "geo_level"]
    store.keep("levels_of_rows", pd.DataFrame(sorted(levels), columns=columns))


def _stated_scope(extract: Extract) -> pd.DataFrame:
    if "cells_scope" not in extract.tables:
        return pd.DataFrame(columns=_SCOPE_COLUMNS)
    return extract.store.read("SELECT * FROM usable_cells_scope")[_SCOPE_COLUMNS]


def _coded_by_cause(extract: Extract) -> set[str]:
    """Return the sources whose death cells are given by cause, hence by leaf of the site table."""
    if "death_cells" not in extract.tables:
        return set()
    found = extract.store.rows("SELECT DISTINCT source FROM usable_death_cells WHERE icd10 IS NOT NULL")
    return {source for (source,) in found}


def _classify(extract: Extract) -> None:
    store = extract.store
    number = dict(site_numbers().itertuples(index=False, name=None))
    if "tumours" in extract.tables:
        codes = store.read("SELECT DISTINCT topography, morphology, behaviour FROM usable_tumours")
        found = [
            site_of_icdo3(row.topography, row.morphology, int(row.behaviour))
            for row in codes.itertuples(index=False)
        ]
        codes["site"] = pd.array([None if slug is None else number[slug] for slug in found], dtype="Int64")
        store.keep("classified_codes", codes)
    causes: set[str] = set()
    for name, column in (("death_cells", "icd10"), ("deaths", "cause_icd10")):
        if name in extract.tables:
            found_causes = store.rows(
                f"SELECT DISTINCT {column} FROM usable_{name} WHERE {column} IS NOT NULL"
            )
            causes.update(cause for (cause,) in found_causes)
    pairs = [(cause, slug) for cause in sorted(causes) if (slug := site_of_icd10(cause)) is not None]
    store.keep(
        "classified_causes",
        pd.DataFrame(
            {
                "icd10": pd.array([cause for cause, _ in pairs], dtype="str"),
                "site": pd.array([number[slug] for _, slug in pairs], dtype="int64"),
            }
        ),
    )


def _declare_scope(store: Store, of_persons: list[str], with_cells: bool) -> None:
    parts = [f"scope_of_{name}" for name in of_persons]
    if with_cells:
        run_step(store, "claims_of_cells")
        parts.append("scope_of_cells")
    for name in parts:
        run_step(store, name)
    store.run("scope", _union(parts))


def _union(tables: Iterable[str]) -> str:
    return " UNION ALL ".join(f"SELECT * FROM {name}" for name in tables)
