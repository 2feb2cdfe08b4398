"""Counts, crude, age-specific and standardised rates of cells, one verb each; formulas live in ``maths``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rnc_epi.indicators.levels import Level, a_row_per_level
from rnc_epi.indicators.rows import (
    NO_PERSON_YEARS,
    NOT_ALL_COVERED,
    UNIT_COUNT,
    UNIT_RATE,
    joined,
    result_rows,
    why_not,
)
from rnc_epi.maths.standardise import RateEstimate, crude_rate, directly_standardised_rate
from rnc_epi.vocabulary.standards import standard as standard_named

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike

    from rnc_epi.cells.table import Cells
    from rnc_epi.vocabulary.ages import BandSet

PER = 100_000


def counts(cells: Cells) -> pd.DataFrame:
    """Return the number of events of all ages, unknown age included."""
    return result_rows(
        cells,
        indicator="count",
        measure_unit=UNIT_COUNT,
        per=1,
        method="count",
        value=cells.total_events,
        events=cells.total_events,
        person_years=cells.total_person_years,
        estimable=cells.all_ages,
        reason=NOT_ALL_COVERED,
    )


def age_specific_counts(cells: Cells, bands: BandSet) -> pd.DataFrame:
    """Return the number of events of each band; events of unknown age are in none."""
    merged = cells.merged_to(bands)
    tables = [
        result_rows(
            merged,
            indicator="count",
            measure_unit=UNIT_COUNT,
            per=1,
            method="count",
            value=merged.events[:, column],
            events=merged.events[:, column],
            person_years=merged.person_years[:, column],
            band=band,
            estimable=merged.covered[:, column],
            reason=NOT_ALL_COVERED,
        )
        for column, band in enumerate(bands)
    ]
    return joined(tables)


@a_row_per_level
def crude_rates(cells: Cells, *, level: Level = 0.95, per: int = PER) -> pd.DataFrame:
    """Return crude rates with exact (Garwood) limits; events of unknown age are counted."""
    usable = cells.all_ages & (cells.total_person_years > 0)
    estimate = crude_rate(
        np.where(usable, cells.total_events, 0),
        np.where(usable, cells.total_person_years, 0),
        method="garwood",
        level=level,
        per=per,
    )
    return _rate_rows(
        cells,
        estimate,
        level,
        indicator="crude_rate",
        method="crude",
        events=cells.total_events,
        person_years=cells.total_person_years,
        reason=why_not(cells),
    )


@a_row_per_level
def age_specific_rates(cells: Cells, bands: BandSet, *, level: Level = 0.95, per: int = PER) -> pd.DataFrame:
    """Return rates of each band with exact (Garwood) limits."""
    merged = cells.merged_to(bands)
    tables = []
    for column, band in enumerate(bands):
        estimate = crude_rate(
            merged.events[:, column], merged.person_years[:, column], method="garwood", level=level, per=per
        )
        tables.append(
            _rate_rows(
                merged,
                estimate,
                level,
                indicator="age_specific_rate",
                method="crude",
                events=merged.events[:, column],
                person_years=merged.person_years[:, column],
                band=band,
                reason=np.where(merged.covered[:, column], NO_PERSON_YEARS, NOT_ALL_COVERED),
            )
        )
    return joined(tables)


@a_row_per_level
def standardised_rates(
    cells: Cells,
    standard: str,
    *,
    interval_method: str = "fay-feuer",
    level: Level = 0.95,
    per: int = PER,
    event_variance: ArrayLike | None = None,
) -> pd.DataFrame:
    """Return directly standardised rates; events of unknown age are counted in `events`, not in the rate.

    The standard's weights are merged onto the bands of the cells, never split; bands within its open one are
    summed. `event_variance`, in the shape of the events, is their variance where one person may bring
    several.
    """
    population = standard_named(standard)
    bands = population.shared_bands(cells.bands)
    on_bands = cells if bands == cells.bands else cells.merged_to(bands)
    if event_variance is not None and bands != cells.bands:
        starts = cells.bands.first_of_each(bands)
        event_variance = np.add.reduceat(np.asarray(event_variance, dtype=np.float64), starts, axis=-1)
    estimate = directly_standardised_rate(
        on_bands.events,
        on_bands.person_years,
        population.weights_for(bands),
        method=interval_method,
        level=level,
        per=per,
        event_variance=event_variance,
    )
    return _rate_rows(
        cells,
        estimate,
        level,
        indicator="asr",
        method="direct",
        events=cells.total_events,
        person_years=cells.total_person_years,
        standard=standard,
        reason=why_not(cells),
    )


def _rate_rows(
    cells: Cells, estimate: RateEstimate, level: Level, *, indicator: str, method: str, **stated: Any
) -> pd.DataFrame:
    return result_rows(
        cells,
        indicator=indicator,
        measure_unit=UNIT_RATE,
        per=int(estimate.per),
        method=method,
        value=estimate.rate,
        lower=estimate.lower,
        upper=estimate.upper,
        se=estimate.se,
        interval_method=estimate.method,
        level=level,
        estimable=estimate.estimable,
        **stated,
    )
