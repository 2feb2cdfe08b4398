"""Areas raked, draw by draw, to their regions and to the national incidence from registries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rnc_epi.calibration.asked import asked_of
from rnc_epi.calibration.country import Country, Summed, area_draws, events_behind, regional_draws
from rnc_epi.calibration.learning import AREA_LEVEL, REGION_LEVEL
from rnc_epi.calibration.national import RegistryNation, seed_of_nation
from rnc_epi.calibration.rows import QUALITY, ZERO_PROXY, estimate_rows
from rnc_epi.maths.calibration import rake_draws
from rnc_epi.vocabulary.estimators import BENCHMARKED, REGISTRIES
from rnc_epi.vocabulary.schemas import NOT_APPLICABLE

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from rnc_epi.vocabulary.study_calibration import Calibration

    Floats = NDArray[np.float64]


def benchmarked_draws(country: Country, nation: RegistryNation, asked: Calibration) -> Floats | None:
    """Return draws of the areas whose sums are the regions' and the nation's, world by world.

    What registries counted stands; what is predicted elsewhere is raked to the nation less those counts,
    and within each region to the region's own prediction.

    Returns
    -------
    (areas, draws) array or None
        None where the national model lacks a year of the period, or is below what registries counted.
    """
    panel = country.panel
    inside = np.isin(np.arange(len(panel)), _rows_of(country, country.national))
    at_risk = panel.person_years[inside].sum(axis=0)
    total = nation.draws(
        country.cell.period,
        at_risk,
        asked.draws,
        seed_of_nation(country.cell.site, country.cell.sex, asked.seed),
    )
    if total is None:
        return None
    known, counts = country.own_counts
    own = counts.sum(axis=1)
    rest = total - own[inside].sum()
    if (rest <= 0).any():
        return None
    by_area, by_region = area_draws(country, asked), regional_draws(country, asked)
    pieces = np.flatnonzero(inside & ~known & (by_area > 0).all(axis=1) & (by_region > 0).all(axis=1))
    if not pieces.size:
        return None
    region_of = np.full(len(panel), -1, dtype=np.intp)
    for number, members in enumerate(country.regions.values()):
        region_of[_rows_of(country, members)] = number
    # Areas without a whole region are a unit together: they share what the regions leave of the nation.
    units, place = np.unique(region_of[pieces], return_inverse=True)
    wanted = np.zeros((units.size, asked.draws))
    np.add.at(wanted, place, by_region[pieces])
    wanted *= rest / wanted.sum(axis=0)
    found = by_area.copy()
    found[pieces] = rake_draws(by_area[pieces], [(units[place], units, wanted)])
    return found


def _rows_of(country: Country, areas: tuple) -> NDArray[np.intp]:
    place = {area: row for row, area in enumerate(country.panel.areas)}
    return np.array([place[area] for area in areas], dtype=np.intp)


def benchmarked_rows(country: Country, nation: RegistryNation, asked: Calibration) -> list[pd.DataFrame]:
    """Return the rows of areas and regions raked to the national incidence; none where there is none."""
    found = benchmarked_draws(country, nation, asked)
    if found is None:
        return []
    known, _ = country.own_counts
    before = area_draws(country, asked)
    factor = np.divide(found, before, out=np.ones_like(found), where=before > 0)
    parts = []
    for level in (AREA_LEVEL, REGION_LEVEL):
        groups = {
            unit: members
            for unit, members in country.groups(level).items()
            if set(members) <= set(country.national)
        }
        if not groups:
            continue
        summed = Summed.of(country, groups)
        summed = summed.take(np.flatnonzero(~summed.all_own))
        if summed.units:
            parts += _level(country, level, summed, factor, known, asked)
    return parts


def _level(
    country: Country, level: str, summed: Summed, factor: Floats, known: NDArray, asked: Calibration
) -> list[pd.DataFrame]:
    choice = country.choice(level)
    events = events_behind(country, choice, summed)
    people = summed.person_years.sum(axis=1)
    inside = np.flatnonzero(summed.label >= 0)
    tail = (1 - asked.level) / 2
    own_factor = np.where(known[:, None], 1.0, factor)

    def summarised(weights: Floats | None) -> tuple[Floats, Floats, Floats, Floats]:
        drawn = area_draws(country, asked, weights) * own_factor
        total = np.zeros((len(summed.units), drawn.shape[1]))
        np.add.at(total, summed.label[inside], drawn[inside])
        lower, upper = np.quantile(total, [tail, 1 - tail], axis=1)
        return total.mean(axis=1), lower, upper, total.std(axis=1, ddof=1)

    # What registries feed says so, as among estimates that are not raked: disclosure reads it.
    names = np.where(summed.some_own, f"benchmarked{REGISTRIES}-{choice.name}", f"benchmarked-{choice.name}")
    blocked = QUALITY if not choice.publishable else NOT_APPLICABLE
    counts = summarised(None)
    reason = np.where(counts[0] > 0, blocked, ZERO_PROXY).astype(object)
    # Registries' counts are part of the draws already; a ratio to the nation's own rates is not raked.
    offered = [name for name in ("count", "crude_rate", "asr") if name in asked.indicators]
    parts = []
    for one in asked_of(country, summed, asked, offered, reason):
        figures = counts if one.weights is None else summarised(one.weights)
        value, lower, upper, se = (figure * one.scale for figure in figures)
        parts.append(
            estimate_rows(
                country.cell,
                summed.units,
                indicator=one.indicator,
                estimator=BENCHMARKED,
                method=names,
                value=value,
                lower=lower,
                upper=upper,
                se=se,
                events=events,
                person_years=people,
                interval_method="simulated",
                data_grade=choice.mark,
                reason=one.reason,
                **one.keys,
            )
        )
    return parts
