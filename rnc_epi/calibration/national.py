"""National incidence from registries alone, by year: the first-class national estimate since 1990-2018."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rnc_epi.calibration.asked import standard_name, weights_of
from rnc_epi.calibration.pooling import Panel, Stock, midpoints
from rnc_epi.calibration.rows import PER, Cell, estimate_rows
from rnc_epi.maths.national_incidence import NationalIncidence, fit_national_incidence
from rnc_epi.vocabulary.areas import AreaKey
from rnc_epi.vocabulary.draws import seed_of
from rnc_epi.vocabulary.estimators import MODELLED
from rnc_epi.vocabulary.periods import Period

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from rnc_epi.vocabulary.study_calibration import Calibration, RegistryCorrection

    Floats = NDArray[np.float64]

#: Slug of the model in the column `method`; with a declared correction the second one.
MODEL, CORRECTED_MODEL = "tensor-spline", "tensor-spline-corrected"


@dataclass(frozen=True)
class RegistryNation:
    """The surface of one site and sex, the registries' cases by year, and the nation's person-years.

    Attributes
    ----------
    surface : NationalIncidence
    panel : Panel
        Its bands are those of the estimates.
    years : (years,) array
    cases : (years,) array
        Registry cases behind the estimates.
    person_years : dict of int to (bands,) array
        The nation by year, where known.
    nation : AreaKey
    method : str
    cell : Cell
        Site, sex, first age, source; its period is that of the data.
    """

    surface: NationalIncidence
    panel: Panel
    years: NDArray[np.int64]
    cases: Floats
    person_years: dict[int, Floats]
    nation: AreaKey
    method: str
    cell: Cell

    def draws(self, period: Period, at_risk: Floats, n: int, seed: int) -> Floats | None:
        """Return draws of the national cases of a period, or None where a year of it has no estimate.

        Parameters
        ----------
        at_risk : (bands,) array
            National person-years of the period, spread evenly over years whose own are unknown.
        """
        years = np.array(period.years)
        if not np.isin(years, self.years).all():
            return None
        size = len(self.panel.bands)
        spread = at_risk / period.length
        by_year = np.stack([self.person_years.get(int(year), spread) for year in years])
        age = np.tile(midpoints(self.panel.bands), years.size)
        rates = self.surface.draws(age, np.repeat(years, size).astype(float), n, seed=seed)
        return np.asarray(by_year.ravel() @ rates)


def registry_nation(
    stock: Stock,
    people: Stock,
    site: str,
    sex: int,
    nation: AreaKey,
    within: Collection[AreaKey] | None,
    asked: Calibration,
) -> RegistryNation | None:
    """Fit the surface of one site and sex on every single year that registries have; None without such years.

    Parameters
    ----------
    stock, people : Stock
        Incidence; whatever states the nation's person-years.
    within : collection of AreaKey, optional
        Areas of the nation, where the registry districts are areas: the others are no part of it.

    Raises
    ------
    InputError, EstimateRefused
        As :func:`rnc_epi.maths.national_incidence.fit_national_incidence`.
    """
    single = sorted(
        period for period in stock.periods("incidence", site, sex, asked.learning_level) if period.length == 1
    )
    panels = {}
    for period in single:
        panel, _ = stock.panel("incidence", site, sex, asked.learning_level, period, asked.age_from)
        if panel is not None and within is not None:
            panel = panel.of([area for area in panel.areas if area in within])
        if panel is not None and len(panel):
            panels[period.period_from] = panel
    if not panels:
        return None
    first = next(iter(panels.values()))
    columns: list[tuple[Floats, Floats, Floats, Floats, NDArray]] = []
    for year, panel in panels.items():
        shape = panel.events.shape
        ages = np.broadcast_to(midpoints(panel.bands), shape)
        districts = np.array([f"{area.geo_code}|{area.geo_vintage}" for area in panel.areas])
        columns.append(
            (
                panel.events.ravel(),
                panel.person_years.ravel(),
                ages.ravel(),
                np.full(panel.events.size, float(year)),
                np.repeat(districts, shape[1]),
            )
        )
    cases, at_risk, age, when, district = (np.concatenate(parts) for parts in zip(*columns, strict=True))
    surface = fit_national_incidence(cases, at_risk, age, when, district)
    method = MODEL
    for declared in asked.corrections:
        if (declared.site, declared.sex) == (site, sex):
            surface, method = _corrected(surface, declared), CORRECTED_MODEL
    years = np.array(sorted(panels))
    person_years = {}
    for year in years.tolist():
        found = national_person_years(people, sex, nation, Period(year, year + 1), first, asked)
        if found is not None:
            person_years[year] = found
    sources = sorted({name for panel in panels.values() for name in panel.source.split("+")})
    period = Period(int(years[0]), int(years[-1]) + 1)
    return RegistryNation(
        surface=surface,
        panel=first,
        years=years,
        cases=np.array([panels[year].events.sum() for year in years.tolist()]),
        person_years=person_years,
        nation=nation,
        method=method,
        cell=Cell(site, sex, period, asked.age_from, "+".join(sources), asked.level),
    )


def _corrected(surface: NationalIncidence, declared: RegistryCorrection) -> NationalIncidence:
    return surface.corrected(declared.factor, log_se=declared.log_se)


def national_person_years(
    people: Stock, sex: int, nation: AreaKey, period: Period, panel: Panel, asked: Calibration
) -> Floats | None:
    """Return the nation's person-years by band of a panel, from whatever cells state them."""
    for found in people.people(nation, sex, period, asked.age_from):
        if found.bands.can_coarsen_to(panel.bands):
            return found.merged_to(panel.bands).person_years[0]
    return None


def national_rows(found: RegistryNation, asked: Calibration) -> list[pd.DataFrame]:
    """Return the national rates by year and, over all years, their annual change."""
    age = midpoints(found.panel.bands)
    years = found.years.astype(float)
    parts = []

    def add(
        indicator: str,
        period: Period,
        value: tuple[float, ...],
        events: float,
        people: float,
        **keys: str,
    ) -> None:
        estimate, lower, upper, se = value
        cell = Cell(
            found.cell.site, found.cell.sex, period, found.cell.age_from, found.cell.source, asked.level
        )
        parts.append(
            estimate_rows(
                cell,
                [found.nation],
                indicator=indicator,
                estimator=MODELLED,
                method=found.method,
                value=estimate,
                lower=lower,
                upper=upper,
                se=se,
                events=events,
                person_years=people,
                interval_method="log-normal",
                interval_kind="confidence",
                **keys,
            )
        )

    totals = {
        year: float(found.person_years[year].sum()) if year in found.person_years else np.nan
        for year in found.years.tolist()
    }
    for name in asked.standards:
        weights = weights_of(name, asked.age_from, found.panel)
        slug = standard_name(name, asked.age_from)
        rate = found.surface.standardised_rates(years, age, weights, level=asked.level, per=PER)
        for k, year in enumerate(found.years.tolist()):
            figures = (rate.estimate[k], rate.lower[k], rate.upper[k], rate.se[k])
            add("asr", Period(year, year + 1), figures, found.cases[k], totals[year], standard=slug)
        change = found.surface.annual_percent_change(years[0], years[-1], age, weights, level=asked.level)
        figures = (change.estimate[0], change.lower[0], change.upper[0], change.se[0])
        whole = sum(totals.values()) if len(found.person_years) == years.size else np.nan
        add("annual_percent_change", found.cell.period, figures, found.cases.sum(), whole, standard=slug)
    known = [year for year in found.years.tolist() if year in found.person_years]
    if known and {"count", "crude_rate"} & set(asked.indicators):
        at_risk = np.stack([found.person_years[year] for year in known])
        _, cases = found.surface.cases(
            at_risk.ravel(),
            np.tile(age, len(known)),
            np.repeat(known, age.size).astype(float),
            level=asked.level,
        )
        behind = dict(zip(found.years.tolist(), found.cases, strict=True))
        for k, year in enumerate(known):
            figures = (cases.estimate[k], cases.lower[k], cases.upper[k], cases.se[k])
            for indicator in ("count", "crude_rate"):
                if indicator in asked.indicators:
                    scale = 1.0 if indicator == "count" else PER / totals[year]
                    scaled = tuple(float(figure) * scale for figure in figures)
                    add(indicator, Period(year, year + 1), scaled, behind[year], totals[year])
    return parts


def seed_of_nation(site: str, sex: int, seed: int) -> int:
    """Return the seed of the draws of a national surface, from its key alone."""
    return seed_of(f"registry nation|{site}|{sex}", seed) % 2**63
