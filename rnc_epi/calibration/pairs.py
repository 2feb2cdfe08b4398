"""One pair of site and sex after another: what is estimated of each, and what is left out and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from rnc_epi.calibration.benchmarking import benchmarked_rows
from rnc_epi.calibration.country import Country
from rnc_epi.calibration.deprivation import GroupedStocks, grouped_country, grouped_rows, slope_row
from rnc_epi.calibration.estimating import level_rows
from rnc_epi.calibration.learning import (
    AREA_LEVEL,
    NATION_LEVEL,
    REGION_LEVEL,
    Judged,
    Judgement,
    choose,
    judge,
    lesson_of,
    variation,
)
from rnc_epi.calibration.national import RegistryNation, national_rows, registry_nation
from rnc_epi.calibration.nesting import Nesting
from rnc_epi.calibration.pooling import Panel, Stock
from rnc_epi.calibration.rows import NO_CALIBRATION, Cell, estimate_rows
from rnc_epi.calibration.tables import classical_rows, grade_rows, ratio_rows, validation_rows
from rnc_epi.maths.calibration.inputs import FEWEST_DISTRICTS
from rnc_epi.vocabulary.areas import AreaKey
from rnc_epi.vocabulary.errors import EstimateRefused, InputError
from rnc_epi.vocabulary.estimators import CALIBRATED
from rnc_epi.vocabulary.periods import Period
from rnc_epi.vocabulary.study_calibration import PROXY_EVENT, Calibration

INCIDENCE = "incidence"


class Pairs:
    """The work in progress: one pair of site and sex after another, over each of its periods."""

    def __init__(
        self,
        asked: Calibration,
        registry: Stock,
        correlates: Stock,
        people: Stock,
        nesting: Nesting,
        grouped: GroupedStocks | None,
    ) -> None:
        self.asked = asked
        self.registry = registry
        self.correlates = correlates
        self.people = people
        self.nesting = nesting
        self.grouped = grouped
        self.rows: list[pd.DataFrame] = []
        self.tables: dict[str, list[pd.DataFrame]] = {
            name: [] for name in ("grades", "validation", "ratios", "classical", "slopes")
        }
        self.left_out: list[dict[str, object]] = []
        self.countries: dict[tuple[str, int, Period], Country] = {}

    def pairs(self, names: Sequence[str]) -> list[tuple[str, int, dict[str, set[Period]]]]:
        """Return the sites and sexes with incidence and a correlate, and the periods of each correlate."""
        asked = self.asked
        found: list[tuple[str, int, dict[str, set[Period]]]] = []
        for sex in asked.sexes:
            with_incidence = self.registry.sites(INCIDENCE, sex, asked.learning_level)
            held: dict[str, dict[str, set[Period]]] = {}
            for name in names:
                for site in self.correlates.sites(PROXY_EVENT + name, sex, asked.geo_level):
                    event = PROXY_EVENT + name
                    periods = self.correlates.periods(event, site, sex, asked.learning_level)
                    held.setdefault(site, {})[name] = periods & self.correlates.periods(
                        event, site, sex, asked.geo_level
                    )
            sites = asked.sites or sorted(set(with_incidence) & set(held))
            for site in sites:
                if site in held and site in with_incidence:
                    found.append((site, sex, held[site]))
                elif site in held or site in with_incidence:
                    self.exclude(site, sex, "no_incidence" if site in held else "no_correlate")
        return found

    def exclude(
        self,
        site: str,
        sex: int,
        reason: str,
        *,
        period: Period | None = None,
        event_type: str = "_",
        area: AreaKey | None = None,
    ) -> None:
        """State that a pair, or an area of it, is left out."""
        self.left_out.append(
            {
                "period": "_" if period is None else period.label,
                "site": site,
                "sex": sex,
                "event_type": event_type,
                "geo_level": "_" if area is None else area.geo_level,
                "geo_code": "_" if area is None else area.geo_code,
                "geo_vintage": "_" if area is None else area.geo_vintage,
                "reason": reason,
            }
        )

    def periods(self, site: str, sex: int, held: Mapping[str, set[Period]]) -> list[Period]:
        """Return the periods asked for, or the longest and latest with enough registry districts.

        Where none has enough, the one with most of them: that they are too few is then said of it.
        """
        if self.asked.periods:
            return [Period.parse(label) for label in self.asked.periods]
        shared = sorted(set().union(*held.values()), key=lambda period: (-period.length, -period.period_from))
        best: list[Period] = []
        most = 0
        for period in shared:
            panel, _ = self.registry.panel(
                INCIDENCE, site, sex, self.asked.learning_level, period, self.asked.age_from
            )
            if panel is not None and len(panel) >= FEWEST_DISTRICTS:
                return [period]
            if panel is not None and len(panel) > most:
                best, most = [period], len(panel)
        return best

    def estimate(self, site: str, sex: int, held: Mapping[str, set[Period]]) -> None:
        """Estimate one site and sex over each period; what cannot be is stated."""
        periods = self.periods(site, sex, held)
        if not periods:
            self.exclude(site, sex, "no_shared_period")
        for period in periods:
            self._in_period(site, sex, period, list(held))
        nation, _ = self.nesting.nation(set().union(*self.nesting.nations.values(), set()))
        if self.asked.national and nation is not None:
            self._from_registries(site, sex, nation)

    def _in_period(self, site: str, sex: int, period: Period, names: list[str]) -> None:
        asked = self.asked
        incidence = self._panel(self.registry, INCIDENCE, site, sex, asked.learning_level, period)
        learned: dict[str, Judgement] = {}
        refused: dict[str, str] = {}
        panels: dict[str, Panel] = {}
        sigma = float("nan")
        for name in names:
            event = PROXY_EVENT + name
            known = self._panel(self.correlates, event, site, sex, asked.learning_level, period)
            everywhere = self._panel(self.correlates, event, site, sex, asked.geo_level, period)
            if everywhere is not None:
                everywhere = self._inhabited(everywhere, site, sex, period, event)
            if incidence is None or known is None or everywhere is None or not len(everywhere):
                refused[name] = "no_incidence" if incidence is None else "no_correlate"
                continue
            panels[name] = everywhere
            try:
                lesson, _, alone = lesson_of(incidence, known)
                for area, reason in alone:
                    self.exclude(site, sex, reason, period=period, event_type=event, area=area)
                if np.isnan(sigma):
                    sigma = variation(lesson)
                learned[name] = judge(name, lesson, sigma, self.nesting.region_of, asked)
            except (InputError, EstimateRefused) as problem:
                refused[name] = problem.code
        key = (site, sex, period)
        if not learned:
            self._refused(key, panels, refused)
            return
        judged = choose(learned, refused, sigma, asked)
        country = self._country(key, judged, panels, incidence)
        try:
            rates = country.rates_by_age()
            rows = [
                part
                for level in (AREA_LEVEL, REGION_LEVEL, NATION_LEVEL)
                for part in level_rows(country, level, asked, rates)
            ]
        except EstimateRefused as problem:
            self._refused(key, panels, dict.fromkeys(learned, problem.code) | refused)
            return
        self.rows += rows
        self.countries[key] = country
        self.tables["grades"].append(grade_rows(country, asked))
        self.tables["validation"].append(validation_rows(country))
        self.tables["ratios"].append(ratio_rows(country))
        self.tables["classical"].append(classical_rows(country, panels))
        for kind in self.grouped.groupings if self.grouped is not None else ():
            self._by_deprivation(country, kind)

    def _by_deprivation(self, country: Country, kind: str) -> None:
        assert self.grouped is not None
        cell = country.cell
        try:
            found = grouped_country(country, self.grouped, kind, self.asked)
            rows = grouped_rows(country, found, kind, self.asked)
        except (InputError, EstimateRefused) as problem:
            self.exclude(cell.site, cell.sex, problem.code, period=cell.period, event_type=kind)
            return
        self.rows += rows
        self.tables["slopes"].append(slope_row(country, found, kind))

    def _panel(
        self, stock: Stock, event: str, site: str, sex: int, geo_level: str, period: Period
    ) -> Panel | None:
        panel, left_out = stock.panel(event, site, sex, geo_level, period, self.asked.age_from)
        for area, reason in left_out:
            self.exclude(site, sex, reason, period=period, event_type=event, area=area)
        return panel

    def _inhabited(self, panel: Panel, site: str, sex: int, period: Period, event: str) -> Panel:
        """Return the areas with person-years wherever they have events; the others are stated."""
        missing = (panel.person_years.sum(axis=1) <= 0) | (
            (panel.person_years <= 0) & (panel.events > 0)
        ).any(axis=1)
        for row in np.flatnonzero(missing):
            self.exclude(site, sex, "no_person_years", period=period, event_type=event, area=panel.areas[row])
        return panel.take(np.flatnonzero(~missing))

    def _country(
        self,
        key: tuple[str, int, Period],
        judged: Judged,
        panels: Mapping[str, Panel],
        incidence: Panel | None,
    ) -> Country:
        asked = self.asked
        used = sorted({name for choice in judged.choices.values() for name in choice.proxies})
        areas = [
            area for area in panels[used[0]].areas if all(area in set(panels[name].areas) for name in used)
        ]
        own = None
        if asked.registries == "own_counts" and asked.learning_level == asked.geo_level:
            own = incidence
        bands = panels[used[0]].bands
        for other in (*(panels[name].bands for name in used), *(() if own is None else (own.bands,))):
            bands = bands.common(other)
        nation, national = self.nesting.nation(set(areas))
        if self.nesting.nations and nation is None:
            self.exclude(key[0], key[1], "nation_not_complete", period=key[2])
        sources = {name for proxy in used for name in panels[proxy].source.split("+")}
        sources |= set() if incidence is None else set(incidence.source.split("+"))
        return Country(
            cell=Cell(*key, asked.age_from, "+".join(sorted(sources)), asked.level),
            judged=judged,
            panels={name: panels[name].of(areas).merged_to(bands) for name in used},
            own=None if own is None else own.merged_to(bands),
            regions=self.nesting.complete(set(areas)),
            nation=nation,
            national=national,
        )

    def _refused(
        self, key: tuple[str, int, Period], panels: Mapping[str, Panel], refused: Mapping[str, str]
    ) -> None:
        """State why a pair has no calibration, and say "not estimable" of each of its areas."""
        site, sex, period = key
        for name, code in refused.items():
            self.exclude(site, sex, code, period=period, event_type=PROXY_EVENT + name)
        self.tables["grades"].append(
            pd.DataFrame(
                [
                    {"period": period.label, "site": site, "sex": sex, "proxy": name, "refused": code}
                    for name, code in refused.items()
                ]
            )
        )
        if not panels:
            return
        name, panel = next(iter(panels.items()))
        self.rows.append(
            estimate_rows(
                Cell(site, sex, period, self.asked.age_from, panel.source, self.asked.level),
                panel.areas,
                indicator="count",
                estimator=CALIBRATED,
                method=f"calibrated-{name}",
                value=np.nan,
                events=panel.events.sum(axis=1),
                person_years=panel.person_years.sum(axis=1),
                interval_method="log-normal",
                reason=NO_CALIBRATION,
            )
        )

    def _from_registries(self, site: str, sex: int, nation: AreaKey) -> None:
        asked = self.asked
        found: RegistryNation | None = None
        try:
            known = asked.learning_level == asked.geo_level
            within = set(self.nesting.nations[nation]) if known else None
            found = registry_nation(self.registry, self.people, site, sex, nation, within, asked)
        except (InputError, EstimateRefused) as problem:
            self.exclude(site, sex, problem.code, event_type="national_model", area=nation)
        if found is None:
            return
        self.rows += national_rows(found, asked)
        if not asked.benchmark:
            return
        for key, country in self.countries.items():
            if key[:2] == (site, sex):
                rows = benchmarked_rows(country, found, asked)
                self.rows += rows
                if not rows:
                    self.exclude(site, sex, "no_benchmark", period=key[2], area=nation)
