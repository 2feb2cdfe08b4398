"""Estimates of areas, of regions and of the nation from the correlates that were chosen, as rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rnc_epi.calibration.asked import asked_of, standard_name, weights_of
from rnc_epi.calibration.country import Country, Summed, comparator_of, events_behind
from rnc_epi.calibration.learning import NATION_LEVEL
from rnc_epi.calibration.rows import NO_PERSON_YEARS, PER, QUALITY, ZERO_PROXY, estimate_rows
from rnc_epi.maths.standardise import crude_rate, directly_standardised_rate, indirectly_standardised_ratio
from rnc_epi.vocabulary.estimators import CALIBRATED, OBSERVED, REGISTRIES
from rnc_epi.vocabulary.schemas import NOT_APPLICABLE

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from rnc_epi.vocabulary.study_calibration import Calibration

    Floats = NDArray[np.float64]


def level_rows(country: Country, level: str, asked: Calibration, rates: Floats) -> list[pd.DataFrame]:
    """Return the rows of one level: the counts of registries where they are used, estimates elsewhere."""
    groups = country.groups(level)
    if not groups:
        return []
    summed = Summed.of(country, groups)
    parts = []
    if summed.all_own.any():
        parts += own_rows(country, summed.take(np.flatnonzero(summed.all_own)), asked, rates)
    rest = np.flatnonzero(~summed.all_own)
    if rest.size:
        for method in asked.methods:
            parts += _calibrated_rows(country, level, summed.take(rest), method, asked, rates)
    return parts


def own_rows(country: Country, summed: Summed, asked: Calibration, rates: Floats) -> list[pd.DataFrame]:
    """Return what registries counted themselves, from the first age on, with the usual limits of counts."""
    counts, at_risk, level = summed.own, summed.person_years, asked.level
    total, people = counts.sum(axis=1), at_risk.sum(axis=1)
    shared = {"estimator": OBSERVED, "events": total, "person_years": people, "interval_kind": "confidence"}
    parts = []
    for indicator in asked.indicators:
        if indicator == "count":
            parts.append(
                estimate_rows(
                    country.cell, summed.units, indicator="count", method="count", value=total, **shared
                )
            )
        elif indicator == "crude_rate":
            found = crude_rate(total, people, method="garwood", level=level, per=PER)
            parts.append(
                estimate_rows(
                    country.cell,
                    summed.units,
                    indicator="crude_rate",
                    method="crude",
                    value=found.rate,
                    lower=found.lower,
                    upper=found.upper,
                    se=found.se,
                    interval_method="garwood",
                    **shared,
                )
            )
        elif indicator == "sir":
            expected = at_risk @ rates
            ratio = indirectly_standardised_ratio(total, expected, method="garwood", level=level)
            parts.append(
                estimate_rows(
                    country.cell,
                    summed.units,
                    indicator="sir",
                    method="indirect",
                    value=ratio.ratio,
                    lower=ratio.lower,
                    upper=ratio.upper,
                    se=ratio.se,
                    expected=expected,
                    interval_method="garwood",
                    comparator=comparator_of(country),
                    reason=np.where(ratio.estimable, NOT_APPLICABLE, "nothing_expected"),
                    **shared,
                )
            )
        else:
            for name in asked.standards:
                weights = weights_of(name, asked.age_from, country.panel)
                rate = directly_standardised_rate(
                    counts, at_risk, weights, method="fay-feuer", level=level, per=PER
                )
                parts.append(
                    estimate_rows(
                        country.cell,
                        summed.units,
                        indicator="asr",
                        method="direct",
                        value=rate.rate,
                        lower=rate.lower,
                        upper=rate.upper,
                        se=rate.se,
                        interval_method="fay-feuer",
                        standard=standard_name(name, asked.age_from),
                        reason=np.where(rate.estimable, NOT_APPLICABLE, NO_PERSON_YEARS),
                        **shared,
                    )
                )
    return parts


def _calibrated_rows(
    country: Country, level: str, summed: Summed, method: str, asked: Calibration, rates: Floats
) -> list[pd.DataFrame]:
    choice = country.choice(level)
    known, _ = country.own_counts
    open_areas = (~known).astype(np.float64)[:, None] * np.ones(len(country.panel.bands))
    events = events_behind(country, choice, summed)
    people = summed.person_years.sum(axis=1)
    counts = country.predict(choice, summed.label, open_areas, method)
    order = np.argsort(np.asarray(counts.index, dtype=np.intp))
    blocked = level != NATION_LEVEL and not choice.publishable
    usable = counts.estimable[order]
    reason = np.where(usable, QUALITY if blocked else NOT_APPLICABLE, ZERO_PROXY).astype(object)
    # A unit that several correlates or registries feed says so; disclosure reads what follows the dash.
    names = np.where(summed.some_own, f"{method}{REGISTRIES}-{choice.name}", f"{method}-{choice.name}")
    parts = []
    for one in asked_of(country, summed, asked, asked.indicators, reason, rates):
        found = counts
        if one.weights is not None:
            found = country.predict(choice, summed.label, one.weights * open_areas, method)
        value, lower, upper = (
            (part[order] + 0.0) * one.scale + one.counted
            for part in (found.estimate, found.lower, found.upper)
        )
        parts.append(
            estimate_rows(
                country.cell,
                summed.units,
                indicator=one.indicator,
                estimator=CALIBRATED,
                method=names,
                value=value,
                lower=lower,
                upper=upper,
                se=found.se[order] * one.scale,
                events=events,
                expected=np.nan if one.expected is None else one.expected,
                person_years=people,
                interval_method="log-normal",
                data_grade=choice.mark,
                reason=one.reason,
                **one.keys,
            )
        )
    return parts
