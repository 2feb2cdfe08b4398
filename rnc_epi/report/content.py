"""What a release holds, as the sections ask for it: rows by event and level, periods, areas, notices.

Every question is about what is there, so that a section can leave out what is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from rnc_epi.vocabulary.areas import NATIONAL_LEVELS, POOLED_REGISTRIES, AreaKey
from rnc_epi.vocabulary.hierarchy import Hierarchy
from rnc_epi.vocabulary.schemas import NOT_APPLICABLE, PUBLISHED
from rnc_epi.vocabulary.sites import SITES

if TYPE_CHECKING:
    import geopandas as gpd

#: The root of the table of sites, shown first and never ranked among the others.
ALL_SITES: Final = "all_cancers"

#: Ratio of observed to expected by type of event.
RATIO_OF: Final = {"incidence": "sir", "death": "smr"}

#: Paris and the départements around it: on a map of France they are too small to be seen.
AROUND_PARIS: Final = ("75", "92", "93", "94")

#: Levels of the French départements, in the order in which a map looks for them.
DEPARTEMENT_LEVELS: Final = ("departement", "departement_sante")


@dataclass(frozen=True)
class Source:
    """A source of the release, as its metadata says it."""

    source: str
    title: str
    kind: str
    licence: str
    synthetic: bool
    altered: str
    disclosure_threshold: int
    definition_break_years: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Content:
    """The figures, areas and facts of one release.

    Parameters
    ----------
    title, release_id, version : str
    results : DataFrame
        The one result table, public statuses only.
    areas : DataFrame
        ``geo_level, geo_code, geo_vintage, name_fr, name_en``.
    outlines : GeoDataFrame or None
        ``geo_level, geo_code, geo_vintage, inset, inset_scale`` and the geometry to draw.
    sources : tuple of Source
    hierarchy : Hierarchy
        What adds up to what among areas; tells the region of a département.
    disclosure : dict
        Threshold, precision and plan, for the methods page.
    lifts : tuple of dict
        Declared lines that lift the caveat of a site's mortality: site, event_type, reason_fr, reason_en.
    notices : dict
        Notices of the release by name and language: attribution of the outlines, what is hidden and why.
    standards : dict
        Standard populations by name, with their titles in French and in English.
    dictionary : dict
        By language, the label and the definition of each (column, code).
    accounting : DataFrame
        The public row accounting of the release.
    """

    title: str
    release_id: str
    version: str
    results: pd.DataFrame
    areas: pd.DataFrame
    outlines: gpd.GeoDataFrame | None
    sources: tuple[Source, ...]
    hierarchy: Hierarchy
    disclosure: dict[str, Any]
    lifts: tuple[dict[str, str], ...]
    notices: dict[str, dict[str, str]]
    standards: dict[str, dict[str, str]]
    dictionary: dict[str, dict[tuple[str, str], tuple[str, str]]]
    accounting: pd.DataFrame

    @cached_property
    def _known_totals(self) -> dict[str, pd.DataFrame]:
        return {}

    @cached_property
    def _parts(self) -> dict[tuple[str, str, str], pd.DataFrame]:
        keys = ["event_type", "indicator", "geo_level"]
        return dict(iter(self.observed.groupby(keys, sort=True, observed=True)))

    @cached_property
    def observed(self) -> pd.DataFrame:
        """Return the rows of what was counted, whole areas only: what most chapters speak of."""
        plain = self.results["estimator"].eq("observed") & self.results["stratum_type"].eq(NOT_APPLICABLE)
        return self.results[plain]

    @cached_property
    def _names(self) -> dict[str, dict[tuple[str, str, str], str]]:
        keys = list(
            zip(self.areas["geo_level"], self.areas["geo_code"], self.areas["geo_vintage"], strict=True)
        )
        return {
            language: dict(zip(keys, self.areas[f"name_{language}"], strict=True))
            for language in ("fr", "en")
        }

    def area_name(self, geo_level: str, geo_code: str, geo_vintage: str, language: str) -> str:
        """Return the name of an area, or its code where the release has none."""
        return self._names[language].get((geo_level, geo_code, geo_vintage), geo_code)

    def label(self, column: str, code: str, language: str) -> str:
        """Return the label of a code in the dictionary of the release, or the code itself."""
        return self.dictionary[language].get((column, code), (code, ""))[0] or code

    def definition(self, column: str, code: str, language: str) -> str:
        """Return the definition of a code in the dictionary of the release."""
        return self.dictionary[language].get((column, code), ("", ""))[1]

    def notice(self, name: str, language: str) -> str:
        """Return a notice of the release, empty where it has none."""
        return self.notices.get(name, {}).get(language, "")

    def standard_title(self, name: str, language: str) -> str:
        """Return the name of a standard population, as the release says it."""
        return self.standards.get(name, {}).get(language, name)

    def rows(self, event_type: str, indicator: str, geo_level: str, **keys: Any) -> pd.DataFrame:
        """Return the rows of an indicator at a level; `keys` are columns that must equal a value.

        An empty table, with its columns, where the release has none.
        """
        found = self._parts.get((event_type, indicator, geo_level))
        if found is None:
            return self.results.iloc[:0]
        wanted = pd.Series(True, index=found.index)
        for name, value in keys.items():
            wanted &= found[name].eq(value)
        return found[wanted]

    def estimates(
        self, event_type: str, indicator: str, geo_level: str, *, estimator: str, **keys: Any
    ) -> pd.DataFrame:
        """Return the rows of a model (``calibrated``, ``smoothed``, …) for an indicator at a level."""
        return self._selected(
            {"event_type": event_type, "indicator": indicator, "geo_level": geo_level, "estimator": estimator}
            | keys
        )

    def strata(self, event_type: str, indicator: str, geo_level: str, **keys: Any) -> pd.DataFrame:
        """Return the rows by group (deprivation…) and on groups, for an indicator at a level."""
        rows = self._selected(
            {"event_type": event_type, "indicator": indicator, "geo_level": geo_level} | keys
        )
        return rows[rows["stratum_type"].ne(NOT_APPLICABLE)]

    def _selected(self, keys: dict[str, Any]) -> pd.DataFrame:
        wanted = pd.Series(True, index=self.results.index)
        for name, value in keys.items():
            wanted &= self.results[name].eq(value)
        return self.results[wanted]

    def all_ages(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the rows that hold all ages together."""
        return rows[rows["age_from"].eq(0) & rows["age_until"].isna()]

    @cached_property
    def standard(self) -> str:
        """Return the standard population that the report shows: the world one, or the first there is."""
        held = sorted(set(self.observed.loc[self.observed["indicator"].eq("asr"), "standard"]))
        return "world" if "world" in held or not held else held[0]

    def standardised(self, event_type: str, geo_level: str, **keys: Any) -> pd.DataFrame:
        """Return the standardised rates of a level for the standard that the report shows."""
        return self.rows(event_type, "asr", geo_level, standard=self.standard, **keys)

    @property
    def event_types(self) -> tuple[str, ...]:
        """The events that the release holds, incidence first."""
        held = {name for name, _, _ in self._parts}
        return tuple(name for name in ("incidence", "death") if name in held)

    def has_figures(self, event_type: str, indicator: str, geo_level: str) -> bool:
        """Tell whether at least one figure of an indicator is published at a level."""
        return bool(self.rows(event_type, indicator, geo_level)["status"].eq(PUBLISHED).any())

    def national_level(self, event_type: str) -> str | None:
        """Return the national level with published rates, métropole first because comparators use it."""
        for geo_level in reversed(NATIONAL_LEVELS):
            if self.has_figures(event_type, "asr", geo_level):
                return geo_level
        return None

    def departement_level(self, event_type: str, indicator: str = "asr") -> str | None:
        """Return the level of départements with published figures of an indicator."""
        return next(
            (level for level in DEPARTEMENT_LEVELS if self.has_figures(event_type, indicator, level)), None
        )

    def longest_period(self, rows: pd.DataFrame) -> tuple[int, int] | None:
        """Return the longest period of some rows; among equals the one with most rows, then the latest."""
        if rows.empty:
            return None
        held = rows.groupby(["period_from", "period_until"], sort=True).size().reset_index(name="rows")
        held["length"] = held["period_until"] - held["period_from"]
        best = held.sort_values(["length", "rows", "period_from"], kind="stable").iloc[-1]
        return int(best["period_from"]), int(best["period_until"])

    def in_longest_period(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of the longest period."""
        period = self.longest_period(rows)
        if period is None:
            return rows
        return rows[rows["period_from"].eq(period[0]) & rows["period_until"].eq(period[1])]

    def in_own_longest_period(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of the longest period of each area: registries cover unequal periods."""
        length = rows["period_until"] - rows["period_from"]
        longest = length.groupby([rows["geo_code"], rows["geo_vintage"]]).transform("max")
        return rows[length.eq(longest)]

    def reference_rows(self, event_type: str, indicator: str) -> tuple[pd.DataFrame, str]:
        """Return the rows of the widest area with figures, and its level: the nation, else all registries."""
        level = self.national_level(event_type)
        if level is not None:
            return self.rows(event_type, indicator, level), level
        return (
            self.rows(event_type, indicator, "registry_zone", geo_code=POOLED_REGISTRIES),
            "registry_zone",
        )

    def _totals(self, event_type: str) -> pd.DataFrame:
        if event_type not in self._known_totals:
            rows, _ = self.reference_rows(event_type, "count")
            rows = self.all_ages(self.in_longest_period(rows))
            self._known_totals[event_type] = rows[rows["status"].eq(PUBLISHED)]
        return self._known_totals[event_type]

    def main_sites(self, event_type: str, sex: int, number: int, *, all_sites: bool = True) -> list[str]:
        """Return the sites with most events in the reference area, the total of all sites first if asked."""
        rows = self._totals(event_type)
        rows = rows[rows["sex"].eq(sex) & rows["value"].gt(0)]
        ranked = rows.sort_values(["value", "site"], ascending=[False, True])["site"].drop_duplicates()
        sites = [slug for slug in ranked if slug != ALL_SITES]
        # A parent and its part say the same thing twice; the French list holds few of them.
        first = [ALL_SITES] if all_sites and ALL_SITES in set(ranked) else []
        return first + sites[:number]

    def sites(self, event_type: str) -> list[str]:
        """Return the sites of an event in the order of the table of sites."""
        held = set(
            pd.concat([part["site"] for key, part in self._parts.items() if key[0] == event_type]).unique()
        )
        return [slug for slug in SITES if slug in held]

    def altered_sources(self) -> tuple[Source, ...]:
        """Return the sources whose figures were altered by their authors."""
        return tuple(source for source in self.sources if source.altered)

    def records(self, rows: pd.DataFrame, *keys: str) -> dict[tuple[Any, ...], dict[str, Any]]:
        """Return rows as records by some of their columns, which must tell them apart."""
        found = dict(
            zip(rows[list(keys)].itertuples(index=False, name=None), rows.to_dict("records"), strict=True)
        )
        if len(found) != len(rows):
            raise ValueError(f"{', '.join(keys)} do not tell the rows apart")
        return found

    def is_altered(self, rows: pd.DataFrame) -> bool:
        """Tell whether some rows rest on a source altered by its authors."""
        altered = {source.source for source in self.altered_sources()}
        return any(not altered.isdisjoint(name.split("+")) for name in rows["source"].unique())

    @property
    def synthetic(self) -> bool:
        """Whether any source is synthetic."""
        return any(source.synthetic for source in self.sources)

    def inset_names(self, geo_level: str, areas: pd.DataFrame, language: str) -> list[str]:
        """Return the name under the inset of each area: areas finer than a département share that of theirs.

        Parameters
        ----------
        areas : DataFrame
            ``geo_code`` and ``name``.
        """
        parents = self._departement_of(geo_level)
        found = []
        for code, name in zip(areas["geo_code"], areas["name"], strict=True):
            parent = parents.get(code)
            if parent is not None:
                name = self.area_name(parent.geo_level, parent.geo_code, parent.geo_vintage, language)
            found.append(name)
        return found

    def zoomed(self, geo_level: str, areas: pd.DataFrame) -> list[bool]:
        """Tell of each area whether it lies around Paris; none does where a part of it has no outline.

        Parameters
        ----------
        areas : DataFrame
            ``geo_code``.
        """
        if geo_level in DEPARTEMENT_LEVELS:
            own = areas["geo_code"].tolist()
        else:
            parents = self._departement_of(geo_level)
            own = [parents[code].geo_code if code in parents else "" for code in areas["geo_code"]]
        there = set(AROUND_PARIS) <= set(own)
        return [there and code in AROUND_PARIS for code in own]

    def _departement_of(self, geo_level: str) -> dict[str, AreaKey]:
        return {
            child.geo_code: parent
            for parent, below in self.hierarchy.areas
            if parent.geo_level in DEPARTEMENT_LEVELS
            for child in below
            if child.geo_level == geo_level
        }

    def regions_of(self, geo_level: str) -> dict[str, str]:
        """Return the code of the region of each area of a level."""
        return {
            child.geo_code: parent.geo_code
            for parent, below in self.hierarchy.areas
            if parent.geo_level == "region"
            for child in below
            if child.geo_level == geo_level
        }
