"""What the indicators are made of, counted once: tumours, person-years and deaths of each registry."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

import pandas as pd

from rnc_epi.extracts.classification.codes import PAIRS, TUMOURS, keep_meanings, keep_pairs
from rnc_epi.extracts.contract_checks.tables import usable
from rnc_epi.vocabulary.classification.consistency import microscopic_bases
from rnc_epi.vocabulary.contract import SITE_GROUP_ALL
from rnc_epi.vocabulary.sites import SITES, children, site_of_icd10

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rnc_epi.extracts.opening import Extract
    from rnc_epi.store import Store

ALL_CANCERS: Final = "all_cancers"
UNKNOWN_PRIMARY: Final = "unknown_primary"
#: Counts of rows that go into the shares; of cells only the events are known.
FLAGS: Final = ("verified", "certificate_only", "unspecified", "stageable", "stage_missing")
_OPEN, _WIDTH = 85, 5
_AREA: Final = "geo_level, geo_code, geo_vintage"
_DAYS_A_MONTH: Final = 30


@dataclass(frozen=True)
class Counts:
    """Counted once from an extract.

    Parameters
    ----------
    cases : DataFrame
        ``registry, form ("rows" or "cells"), site, sex, period_from, period_until, age_from, events`` and
        `FLAGS`; a null ``age_from`` is an unknown age.
    person_years : DataFrame
        ``registry, sex, period_from, period_until, age_from, person_years``.
    deaths : DataFrame
        ``registry, site, sex, period_from, period_until, events``.
    follow_up : DataFrame
        ``registry, site, month, deaths, censored``: rows by month of follow-up.
    general : frozenset of str
        Registries that record every cancer at all ages.
    latest : int or None
        First year after the last one that any source but registries has.
    places : DataFrame
        ``registry, geo_level, geo_code, geo_vintage``: the areas that hold a case of each registry.
    wide_ages : frozenset of str
        Registries with cases or person-years in bands that five-year ones cut.
    """

    cases: pd.DataFrame
    person_years: pd.DataFrame
    deaths: pd.DataFrame
    follow_up: pd.DataFrame
    general: frozenset[str]
    latest: int | None
    places: pd.DataFrame
    wide_ages: frozenset[str]


def count(extract: Extract) -> Counts:
    """Count what the indicators need."""
    store = extract.store
    parts = []
    follow_up = pd.DataFrame(columns=["registry", "site", "month", "deaths", "censored"])
    if "tumours" in extract.tables:
        keep_pairs(store)
        keep_meanings(store)
        parts.append(store.read(_of_rows(), order_by=["registry", "site", "sex", "period_from", "age_from"]))
        follow_up = store.read(_follow_up(), order_by=["registry", "site", "month"])
    if "incidence_cells" in extract.tables:
        parts.append(store.read(_of_cells(), order_by=["registry", "site", "sex", "period_from", "age_from"]))
    cases = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=_CASES)
    general = store.rows(
        f"SELECT DISTINCT registry FROM {usable('coverage')} "
        f"WHERE site_group = '{SITE_GROUP_ALL}' AND age_from = 0 AND age_until IS NULL"
    )
    return Counts(
        cases,
        store.read(_PERSON_YEARS, order_by=["registry", "sex", "period_from", "age_from"]),
        _deaths(extract),
        follow_up,
        frozenset(name for (name,) in general),
        _latest(extract),
        _places(extract),
        _wide_ages(extract),
    )


_CASES: Final = (
    *("registry", "form", "site", "sex", "period_from", "period_until", "age_from", "events"),
    *FLAGS,
)
_OF_REGISTRIES: Final = f"""
FROM (SELECT DISTINCT registry, {_AREA}, period_from, period_until FROM {usable("coverage")}
      WHERE site_group = '{SITE_GROUP_ALL}') AS c
JOIN {usable("person_years")} AS p
    ON p.geo_level = c.geo_level AND p.geo_code = c.geo_code AND p.geo_vintage = c.geo_vintage
    AND p.period_from >= c.period_from AND p.period_until <= c.period_until
WHERE p.age_status = 'known'
"""
_PERSON_YEARS: Final = f"""
SELECT c.registry, p.sex, p.period_from, p.period_until, least(p.age_from, {_OPEN}) AS age_from,
    sum(p.person_years) AS person_years
{_OF_REGISTRIES}
GROUP BY ALL
"""


def _wide_ages(extract: Extract) -> frozenset[str]:
    """Return the registries whose rates by five-year band cannot be told."""
    cut = f"age_from < {_OPEN} AND (age_until IS NULL OR (age_until - 1) // {_WIDTH} > age_from // {_WIDTH})"
    found = extract.store.rows(f"SELECT DISTINCT c.registry {_OF_REGISTRIES} AND {cut}")
    if "incidence_cells" in extract.tables:
        found += extract.store.rows(
            f"SELECT DISTINCT registry FROM {usable('incidence_cells')} WHERE age_status = 'known' AND {cut}"
        )
    return frozenset(name for (name,) in found)


def _places(extract: Extract) -> pd.DataFrame:
    """Return the areas that hold a case of each registry: where it is coded, and whatever these belong to."""
    columns = f"registry, {_AREA}"
    coded = [
        f"SELECT DISTINCT {columns} FROM {usable(table)}"
        for table in ("tumours", "incidence_cells")
        if table in extract.tables
    ]
    return extract.store.read(
        f"""
        WITH RECURSIVE held AS (
            {" UNION ".join(coded) or f"SELECT {columns} FROM {usable('coverage')} WHERE false"}
            UNION
            SELECT h.registry, m.parent_level, m.parent_code, m.parent_vintage
            FROM held AS h JOIN {usable("membership")} AS m ON m.child_level = h.geo_level
                AND m.child_code = h.geo_code AND m.child_vintage = h.geo_vintage
        )
        SELECT {columns} FROM held
        """,
        order_by=["registry", "geo_level", "geo_code", "geo_vintage"],
    )


def _of_rows() -> str:
    seen = f"basis_of_diagnosis IN ({', '.join(map(str, microscopic_bases()))})"
    flags = {
        "verified": seen,
        "certificate_only": "basis_of_diagnosis = 0",
        "unspecified": "TRY_CAST(t.morphology AS INTEGER) BETWEEN 8000 AND 8005",
        "stageable": "p.has_stages",
        "stage_missing": "p.has_stages AND coalesce(stage, 'unknown') = 'unknown'",
    }
    sums = ", ".join(f"count(*) FILTER (WHERE {flags[name]}) AS {name}" for name in FLAGS)
    return f"""
        SELECT t.registry, 'rows' AS form, m.site, t.sex, t.year AS period_from, t.year + 1 AS period_until,
            {_band("t.age_years")} AS age_from, count(*) AS events, {sums}
        FROM {usable("tumours")} AS t
        JOIN {TUMOURS} AS m USING (topography, morphology, behaviour)
        JOIN {PAIRS} AS p USING (topography, morphology)
        WHERE t.behaviour = 3 AND m.site IS NOT NULL
        GROUP BY ALL
    """


def _band(age: str) -> str:
    """Return the start of a five-year band; `least` alone would read an unknown age as the open band."""
    return f"CASE WHEN {age} IS NOT NULL THEN least({age} - {age} % {_WIDTH}, {_OPEN}) END"


def _of_cells() -> str:
    nothing = ", ".join(f"CAST(NULL AS BIGINT) AS {name}" for name in FLAGS)
    return f"""
        SELECT registry, 'cells' AS form, site, sex, period_from, period_until,
            {_band("age_from")} AS age_from, CAST(sum(events) AS BIGINT) AS events, {nothing}
        FROM {usable("incidence_cells")}
        GROUP BY ALL
    """


def _follow_up() -> str:
    return f"""
        SELECT t.registry, m.site, t.follow_up_days // {_DAYS_A_MONTH} AS month,
            count(*) FILTER (WHERE vital_status = 1) AS deaths,
            count(*) FILTER (WHERE vital_status <> 1) AS censored
        FROM {usable("tumours")} AS t JOIN {TUMOURS} AS m USING (topography, morphology, behaviour)
        WHERE t.behaviour = 3 AND m.site IS NOT NULL AND t.follow_up_days >= 0 AND t.vital_status IN (0, 1)
            AND coalesce(t.basis_of_diagnosis, 9) <> 0
        GROUP BY ALL
    """


def _deaths(extract: Extract) -> pd.DataFrame:
    """Return deaths in the area of each registry, by site, at the level that has them.

    Deaths are given by area: those of the areas that a registry covers, or of the areas that make up its
    zone.
    """
    store = extract.store
    own = f"SELECT DISTINCT registry, {_AREA}, period_from, period_until FROM {usable('coverage')}"
    spans = (
        f"SELECT registry, min(period_from) AS a, max(period_until) AS b FROM {usable('coverage')} GROUP BY 1"
    )
    zones = (
        "SELECT DISTINCT s.registry, m.child_level AS geo_level, m.child_code AS geo_code, "
        "m.child_vintage AS geo_vintage, s.a AS period_from, s.b AS period_until "
        f"FROM {usable('membership')} AS m JOIN ({spans}) AS s ON m.parent_code = s.registry "
        "WHERE m.parent_level = 'registry_zone' AND m.weight = 1"
    )
    parts = []
    for table in ("death_cells", "deaths"):
        if table in extract.tables:
            here, around = _deaths_in(store, table, own), _deaths_in(store, table, zones)
            parts += [here, around[~around["registry"].isin(here["registry"].unique())]]
    keys = ["registry", "site", "sex", "period_from", "period_until"]
    if not parts:
        return pd.DataFrame(columns=[*keys, "events"])
    found = pd.concat(parts, ignore_index=True)
    # One level a registry: nested levels would count a death twice.
    level = found.groupby("registry", sort=True)["geo_level"].transform("min")
    return found[found["geo_level"] == level].groupby(keys, as_index=False)["events"].sum()


def _deaths_in(store: Store, table: str, areas: str) -> pd.DataFrame:
    coded, period, events = (
        ("d.cause_icd10", "d.year AS period_from, d.year + 1 AS period_until", "count(*)")
        if table == "deaths"
        else (
            "coalesce(d.site, d.icd10)",
            "d.period_from, d.period_until",
            "CAST(sum(d.events) AS BIGINT)",
        )
    )
    years = ("year",) if table == "deaths" else ("period_from", "period_until")
    inside = (
        "d.year >= c.period_from AND d.year < c.period_until"
        if table == "deaths"
        else "d.period_from >= c.period_from AND d.period_until <= c.period_until"
    )
    same_area = " AND ".join(f"d.{name} = c.{name}" for name in _AREA.split(", "))
    # An area stands on several lines where its registry began a site earlier: its deaths count once.
    mine = (
        f"SELECT DISTINCT c.registry, {', '.join(f'd.{name}' for name in (*_AREA.split(', '), *years))} "
        f"FROM ({areas}) AS c JOIN {usable(table)} AS d ON {same_area} AND {inside}"
    )
    same_years = " AND ".join(f"d.{name} = c.{name}" for name in years)
    found = store.read(
        f"SELECT c.registry, d.geo_level, {coded} AS coded, d.sex, {period}, {events} AS events "
        f"FROM ({mine}) AS c JOIN {usable(table)} AS d ON {same_area} AND {same_years} GROUP BY ALL",
        order_by=["registry", "geo_level", "coded"],
    )
    site = {code: code if code in SITES else site_of_icd10(code) for code in found["coded"].unique()}
    found["site"] = found["coded"].map(site)
    keys = ["registry", "geo_level", "site", "sex", "period_from", "period_until"]
    return found.dropna(subset=["site"]).groupby(keys, as_index=False)["events"].sum()


def _latest(extract: Extract) -> int | None:
    """Return the first year after the last one of deaths, SNDS or, without them, of person-years."""
    store = extract.store
    ends: Sequence[int | None] = [
        store.rows(f"SELECT max({column}) FROM {usable(table)}")[0][0]
        for table, column in (
            ("death_cells", "period_until"),
            ("deaths", "year + 1"),
            ("snds_cases", "year + 1"),
        )
        if table in extract.tables
    ]
    if all(end is None for end in ends):
        # Populations may be projected: they say how late a registry is where nothing else does.
        ends = store.rows(f"SELECT max(period_until) FROM {usable('person_years')}")[0]
    known = [int(end) for end in ends if end is not None]
    return max(known) if known else None


@cache
def sites_below(slug: str, present: frozenset[str]) -> frozenset[str]:
    """Return the sites of a source that make up a site: itself where it is given, else those below it."""
    if slug in present:
        return frozenset({slug})
    return frozenset().union(*(sites_below(child, present) for child in children(slug)))
