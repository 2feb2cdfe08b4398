"""What each group of deprivation has: counts, crude and standardised rates, with limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rnc_epi.inequality.rows import UNIT_EVENTS, UNIT_RATE, Measured, measured_rows
from rnc_epi.inequality.strata import PER, GroupedStrata
from rnc_epi.maths.standardise import crude_rate, directly_standardised_rate
from rnc_epi.vocabulary.deprivation import ALL_GROUPS, UNKNOWN_GROUP
from rnc_epi.vocabulary.schemas import NOT_APPLICABLE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def rates_by_group(
    strata: GroupedStrata, standard: str = "world", *, level: float = 0.95, per: int = PER
) -> pd.DataFrame:
    """Return counts, crude and standardised rates of each group, of ``all`` of them and of ``unknown``.

    A group in which nobody lives has no row; ``all`` is the sum of the classified groups.

    Returns
    -------
    DataFrame
        Rows of the one result table.
    """
    parts = []
    for place, label in enumerate(strata.labels):
        parts.append(
            _rows(
                strata,
                label,
                strata.events[:, :, place],
                strata.person_years[:, :, place],
                strata.unknown_age[:, place],
                strata.population[:, place] > 0,
                (standard, level, per),
            )
        )
    parts.append(
        _rows(
            strata,
            ALL_GROUPS,
            strata.events.sum(axis=2),
            strata.person_years.sum(axis=2),
            strata.unknown_age.sum(axis=1),
            np.ones(len(strata), dtype=bool),
            (standard, level, per),
        )
    )
    parts.append(
        _rows(
            strata,
            UNKNOWN_GROUP,
            strata.unclassified_events,
            strata.unclassified_person_years,
            strata.unclassified_unknown_age,
            strata.has_unclassified,
            (standard, level, per),
        )
    )
    return pd.concat([part for part in parts if len(part)], ignore_index=True)


def _rows(
    strata: GroupedStrata,
    stratum: str,
    events: Floats,
    person_years: Floats,
    unknown_age: Floats,
    there: NDArray[np.bool_],
    how: tuple[str, float, int],
) -> pd.DataFrame:
    standard, level, per = how
    at = np.flatnonzero(there)
    if not len(at):
        return pd.DataFrame()
    events, person_years = events[at], person_years[at]
    total, years = events.sum(axis=1) + unknown_age[at], person_years.sum(axis=1)
    lived = years > 0
    crude = crude_rate(np.where(lived, total, 0.0), np.where(lived, years, 0.0), level=level, per=per)
    asr = directly_standardised_rate(
        events, person_years, strata.weights(standard), method="fay-feuer", level=level, per=per
    )
    reasons = np.where(strata.covered[at], NOT_APPLICABLE, "not_all_covered").astype(object)
    measures = (
        Measured("count", UNIT_EVENTS, total, "count", stratum=stratum),
        Measured(
            "crude_rate",
            UNIT_RATE,
            crude.rate,
            "crude",
            crude.lower,
            crude.upper,
            crude.se,
            crude.method,
            per=per,
            stratum=stratum,
            reason="no_person_years",
        ),
        Measured(
            "asr",
            UNIT_RATE,
            asr.rate,
            "direct",
            asr.lower,
            asr.upper,
            asr.se,
            asr.method,
            per=per,
            standard=standard,
            stratum=stratum,
            reason="no_person_years",
        ),
    )
    keys = strata.keys.iloc[at].reset_index(drop=True)
    return measured_rows(keys, measures, reasons, events=total, person_years=years, level=level)
