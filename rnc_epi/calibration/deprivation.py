"""Calibrated incidence by group of deprivation, from a ratio that may itself vary with deprivation.

Without that term a gradient of the ratio would pass for a gradient of incidence (ruling 21). The term is
estimated and tested on the registry districts, where both are seen; deaths are refused as a correlate, for
lethality has a gradient of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import stdtr

from rnc_epi.calibration.asked import standard_name, weights_of
from rnc_epi.calibration.country import Country
from rnc_epi.calibration.learning import AREA_LEVEL
from rnc_epi.calibration.pooling import Panel, Stock, midpoints, shared_bands
from rnc_epi.calibration.rows import PER, estimate_rows
from rnc_epi.maths.calibration import CalibratedIncidence, CalibrationFit, fit_calibration
from rnc_epi.maths.inequality import over_draws, relative_index
from rnc_epi.maths.inequality.ridit import shares_and_ranks
from rnc_epi.vocabulary.deprivation import (
    ALL_GROUPS,
    EstimateOrigin,
    group_number,
    is_deprivation,
)
from rnc_epi.vocabulary.errors import InputError
from rnc_epi.vocabulary.estimators import CALIBRATED
from rnc_epi.vocabulary.study_calibration import PROXY_EVENT, Calibration

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rnc_epi.cells.table import Cells

    Floats = NDArray[np.float64]

INCIDENCE = "incidence"


@dataclass(frozen=True)
class GroupedStocks:
    """Cells by group of deprivation: a stock for each group of each grouping, least deprived first.

    Parameters
    ----------
    incidence, proxies : dict of stratum type to list of (group, Stock)
    """

    incidence: dict[str, list[tuple[str, Stock]]]
    proxies: dict[str, list[tuple[str, Stock]]]

    @classmethod
    def of(cls, incidence: Sequence[Cells], proxies: Sequence[Cells]) -> GroupedStocks:
        """Split tables of cells by group; cells that are no group of deprivation are left aside."""
        return cls(_by_group(incidence), _by_group(proxies))

    @property
    def groupings(self) -> list[str]:
        """Groupings that both sides have."""
        return sorted(set(self.incidence) & set(self.proxies))


def _by_group(tables: Sequence[Cells]) -> dict[str, list[tuple[str, Stock]]]:
    parts: dict[tuple[str, str], list[Cells]] = {}
    for cells in tables:
        if not {"stratum_type", "stratum"} <= set(cells.strata.columns):
            raise InputError("W012")
        groups = cells.strata.groupby(["stratum_type", "stratum"], observed=True, sort=True).indices
        for (kind, group), rows in groups.items():
            if is_deprivation(str(kind)) and group_number(str(group)) is not None:
                part = cells.take(np.asarray(rows, dtype=np.intp))
                plain = part.strata.drop(columns=["stratum_type", "stratum"])
                parts.setdefault((str(kind), str(group)), []).append(replace(part, strata=plain))
    found: dict[str, list[tuple[str, Stock]]] = {}
    for (kind, group), held in sorted(parts.items(), key=lambda item: (item[0][0], group_number(item[0][1]))):
        found.setdefault(kind, []).append((group, Stock(held)))
    return found


@dataclass(frozen=True)
class GroupedCountry:
    """A calibration with a deprivation term, and the nation's cells by group.

    Attributes
    ----------
    fit : CalibrationFit
    groups : tuple of str
        Least deprived first.
    panels : tuple of Panel
        The correlate in every area, by group.
    ranks : (groups,) array
        Share of the population less deprived, plus half of the group's own.
    origin : EstimateOrigin
        What lets a gradient rest on these estimates.
    """

    fit: CalibrationFit
    groups: tuple[str, ...]
    panels: tuple[Panel, ...]
    ranks: Floats
    origin: EstimateOrigin

    def columns(self) -> tuple[Floats, Floats, NDArray, Floats, NDArray[np.intp]]:
        """Return proxy, age, area, score and group of every cell of the country."""
        parts = []
        for number, panel in enumerate(self.panels):
            shape = panel.events.shape
            names = np.array([f"{area.geo_code}|{area.geo_vintage}" for area in panel.areas])
            parts.append(
                (
                    panel.events.ravel(),
                    np.broadcast_to(midpoints(panel.bands), shape).ravel(),
                    np.repeat(names, shape[1]),
                    np.full(panel.events.size, self.ranks[number]),
                    np.full(panel.events.size, number, dtype=np.intp),
                )
            )
        proxy, age, area, score, group = (np.concatenate(column) for column in zip(*parts, strict=True))
        return proxy, age, area, score, group


def grouped_country(country: Country, stocks: GroupedStocks, kind: str, asked: Calibration) -> GroupedCountry:
    """Fit the ratio of the correlate that the areas use, with a slope along deprivation.

    Raises
    ------
    EstimateRefused
        I020, the correlate is deaths.
    InputError
        W013, fewer than three groups on both sides; and as the formulas.
    """
    cell = country.cell
    choice = country.choice(AREA_LEVEL)
    if len(choice.proxies) > 1:
        place = int(np.argmax(choice.shares))
        proxy = choice.proxies[place]
    else:
        proxy = choice.proxies[0]
    origin = EstimateOrigin(CALIBRATED, proxy, deprivation_in_model=True, tested_in_registry_zone=True)
    origin.require_gradient_allowed()
    event = PROXY_EVENT + proxy
    known = dict(stocks.incidence[kind])
    lessons: list[tuple[Panel, Panel]] = []
    groups: list[str] = []
    panels: list[Panel] = []
    national = set(country.national)
    for group, stock in stocks.proxies[kind]:
        if group not in known:
            continue
        keys = (cell.site, cell.sex)
        incidence, _ = known[group].panel(INCIDENCE, *keys, asked.learning_level, cell.period, asked.age_from)
        learned, _ = stock.panel(event, *keys, asked.learning_level, cell.period, asked.age_from)
        everywhere, _ = stock.panel(event, *keys, asked.geo_level, cell.period, asked.age_from)
        if incidence is None or learned is None or everywhere is None:
            continue
        inside = [area for area in everywhere.areas if area in national]
        if not inside:
            continue
        groups.append(group)
        panels.append(everywhere.of(inside))
        lessons.append((incidence, learned))
    if len(groups) < 3:
        raise InputError("W013", found=len(groups))
    people = np.array([panel.person_years.sum() for panel in panels])
    ranks = np.asarray(shares_and_ranks(people)[1])
    return GroupedCountry(_fitted(lessons, ranks, asked), tuple(groups), tuple(panels), ranks, origin)


def _fitted(lessons: list[tuple[Panel, Panel]], ranks: Floats, asked: Calibration) -> CalibrationFit:
    columns = []
    for rank, (incidence, proxy) in zip(ranks, lessons, strict=True):
        bands = shared_bands(incidence.bands, proxy.bands)
        both = [area for area in incidence.areas if area in set(proxy.areas)]
        cases, counts = incidence.of(both).merged_to(bands), proxy.of(both).merged_to(bands)
        names = np.array([f"{area.geo_code}|{area.geo_vintage}" for area in both])
        columns.append(
            (
                cases.events.ravel(),
                counts.events.ravel(),
                np.tile(midpoints(bands), len(both)),
                np.repeat(names, len(bands)),
                np.full(cases.events.size, rank),
                cases.person_years.ravel(),
            )
        )
    incident, correlate, age, district, score, at_risk = (
        np.concatenate(column) for column in zip(*columns, strict=True)
    )
    smoothed = {"person_years": at_risk} if asked.offset == "smoothed" else {}
    return fit_calibration(
        incident, correlate, age, district, smooth=asked.smooth, deprivation=score, **smoothed
    )


def grouped_rows(
    country: Country, found: GroupedCountry, kind: str, asked: Calibration
) -> list[pd.DataFrame]:
    """Return the nation's rates by group and their relative index, with the error of the ratio's slope."""
    nation = country.nation
    if nation is None:
        return []
    proxy, age, area, score, group = found.columns()
    bands = found.panels[0].bands
    people = np.stack([panel.person_years.sum(axis=0) for panel in found.panels])
    behind = np.array([panel.events.sum() for panel in found.panels])
    method = f"calibrated+deprivation-{found.origin.proxy}"
    cell, mark = country.cell, country.choice(AREA_LEVEL).mark
    band = np.concatenate([np.tile(np.arange(len(bands)), len(panel)) for panel in found.panels])
    parts = []

    def predicted(weights: Floats | None, target: str) -> CalibratedIncidence:
        return found.fit.predict(
            proxy,
            age,
            area,
            weights=weights,
            by=group,
            level=asked.level,
            target=target,
            deprivation=score,
        )

    def add(indicator: str, estimate: CalibratedIncidence, scale: Floats, **keys: str) -> None:
        for number, name in enumerate(found.groups):
            parts.append(
                estimate_rows(
                    cell,
                    [nation],
                    indicator=indicator,
                    estimator=CALIBRATED,
                    method=method,
                    value=estimate.estimate[number] * scale[number],
                    lower=estimate.lower[number] * scale[number],
                    upper=estimate.upper[number] * scale[number],
                    se=estimate.se[number] * scale[number],
                    events=behind[number],
                    person_years=people[number].sum(),
                    interval_method="log-normal",
                    stratum_type=kind,
                    stratum=name,
                    data_grade=mark,
                    **keys,
                )
            )

    if {"count", "crude_rate"} & set(asked.indicators):
        counts = predicted(None, "cases")
        if "count" in asked.indicators:
            add("count", counts, np.ones(len(found.groups)))
        if "crude_rate" in asked.indicators:
            add("crude_rate", counts, PER / people.sum(axis=1))
    for name in asked.standards:
        share = weights_of(name, asked.age_from, found.panels[0])
        per_case = PER * share / np.where(people > 0, people, 1.0)
        # A gradient is one of risk: the Poisson noise of the cases themselves belongs to its limits.
        rates = predicted(per_case[group, band], "risk")
        slug = standard_name(name, asked.age_from)
        if "asr" in asked.indicators:
            add("asr", rates, np.ones(len(found.groups)), standard=slug)
        drawn = rates.draws(asked.draws, seed=country.seed(asked)).T
        population = people.sum(axis=1)
        index = over_draws(
            lambda value, size: relative_index(value, size).value, drawn, population, level=asked.level
        )
        parts.append(
            estimate_rows(
                cell,
                [nation],
                indicator="relative_index",
                estimator=CALIBRATED,
                method=method,
                value=float(index.value),
                lower=float(index.lower),
                upper=float(index.upper),
                se=float(index.se),
                events=behind.sum(),
                person_years=people.sum(),
                interval_method="simulated",
                stratum_type=kind,
                stratum=ALL_GROUPS,
                standard=slug,
                data_grade=mark,
            )
        )
    return parts


def slope_row(country: Country, found: GroupedCountry, kind: str) -> pd.DataFrame:
    """Return the slope of the ratio along deprivation with its test, for the internal zone."""
    fit = found.fit
    slope, error = fit.deprivation_slope, fit.deprivation_se
    assert slope is not None
    assert error is not None
    statistic = slope / error
    return pd.DataFrame(
        [
            {
                "period": country.cell.period.label,
                "site": country.cell.site,
                "sex": country.cell.sex,
                "proxy": found.origin.proxy,
                "stratum_type": kind,
                "slope": slope,
                "se": error,
                "sigma_slope": fit.sigma_slope,
                "statistic": statistic,
                # Student's law on the districts, from which the slope and its spread are learned.
                "p_value": float(2 * stdtr(fit.districts - 1, -abs(statistic))),
                "districts": fit.districts,
            }
        ]
    )
