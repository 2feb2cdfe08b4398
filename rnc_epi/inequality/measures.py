"""The measures of a gradient, each for every stratum at once: extremes, impact, slope, concentration, spread.

Rates are standardised; a measure is of the classified groups, Q1 the least deprived. What a stratum cannot
give is NaN here and a reason in the table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtri

from rnc_epi.inequality.rows import (
    UNIT_EVENTS,
    UNIT_INDEX,
    UNIT_PERCENT,
    UNIT_RATE,
    UNIT_RATIO,
    UNIT_SQUARE,
    Measured,
)
from rnc_epi.maths import compare
from rnc_epi.maths import inequality as formulas
from rnc_epi.maths.inequality.ridit import shares_and_ranks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rnc_epi.inequality.strata import GroupedStrata
    from rnc_epi.maths.inequality import Estimate
    from rnc_epi.maths.standardise import RateEstimate
    from rnc_epi.vocabulary.study_inequality import Inequality

    Floats = NDArray[np.float64]

#: Measures of spread between groups and their unit.
SPREAD = {
    "theil": UNIT_INDEX,
    "mean_log_deviation": UNIT_INDEX,
    "between_group_variance": UNIT_SQUARE,
    "index_of_disparity": UNIT_PERCENT,
}


def measures_of(strata: GroupedStrata, asked: Inequality, *, per: int) -> Iterator[Measured]:
    """Return the measures asked, in the order of their importance."""
    rates = strata.rates(asked.standard, level=asked.level, per=per)
    wanted = set(asked.measures)
    if wanted & {"rate_ratio", "rate_difference"}:
        yield from _against_least_deprived(strata, rates, asked, per)
    yield from _impact(strata, asked)
    if wanted & {"slope_index", "relative_index"}:
        yield from _by_regression(strata, rates, asked, per)
        yield from _by_models(strata, asked, per)
    value, se = usable(rates)
    yield from _concentration(strata, value, se, asked, per)
    yield from _spread(strata, value, se, asked)


def usable(rates: RateEstimate) -> tuple[Floats, Floats]:
    """Return rates of groups and their errors, NaN where nobody lives or an age has no person-years."""
    known = np.asarray(rates.estimable)
    return np.where(known, rates.rate, np.nan), np.where(known, rates.se, np.nan)


def column(rates: RateEstimate, place: int) -> RateEstimate:
    """Return the rates of one group over strata."""
    parts: dict[str, Any] = {
        name: np.asarray(getattr(rates, name))[..., place]
        for name in ("rate", "lower", "upper", "se", "estimable", "events", "event_weight")
    }
    return replace(rates, **parts)


def _against_least_deprived(
    strata: GroupedStrata, rates: RateEstimate, asked: Inequality, per: int
) -> Iterator[Measured]:
    """Compare each group with Q1; the last comparison is that of the extremes."""
    least = column(rates, 0)
    for place in range(len(strata.labels) - 1, 0, -1):
        group = column(rates, place)
        comparator = f"{strata.labels[place]}/{strata.labels[0]}"
        if "rate_ratio" in asked.measures:
            ratio = compare.rate_ratio(group, least, level=asked.level)
            # The ratio of a group without events is zero, and its log has no error.
            some = np.asarray(group.rate) > 0
            yield Measured(
                "rate_ratio",
                UNIT_RATIO,
                np.where(some, ratio.ratio, np.nan),
                "direct",
                ratio.lower,
                ratio.upper,
                ratio.ratio * ratio.log_se,
                ratio.method,
                standard=asked.standard,
                comparator=comparator,
                reason="no_events_in_group",
            )
        if "rate_difference" in asked.measures:
            gap = compare.rate_difference(group, least, level=asked.level)
            yield Measured(
                "rate_difference",
                UNIT_RATE,
                gap.difference,
                "direct",
                gap.lower,
                gap.upper,
                gap.se,
                gap.method,
                per=per,
                standard=asked.standard,
                comparator=comparator,
                reason="no_events_in_group",
            )


def _impact(strata: GroupedStrata, asked: Inequality) -> Iterator[Measured]:
    """Excess over the rates by age of Q1; negative ones are kept. Unknown ages are in neither."""
    if not {"excess_events", "attributable_fraction"} & set(asked.measures):
        return
    how: dict[str, Any] = {"reference": 0, "level": asked.level}
    comparator = strata.labels[0]
    if "excess_events" in asked.measures:
        excess = formulas.age_stratified_excess_events(strata.events, strata.person_years, **how)
        yield of_estimate(
            excess,
            "excess_events",
            UNIT_EVENTS,
            interval_method="normal",
            comparator=comparator,
            reason="no_events_in_reference",
        )
    if "attributable_fraction" in asked.measures:
        share = formulas.age_stratified_attributable_fraction(strata.events, strata.person_years, **how)
        yield of_estimate(
            share,
            "attributable_fraction",
            UNIT_PERCENT,
            scale=100.0,
            interval_method="log-normal",
            comparator=comparator,
            reason="no_events_in_reference",
        )


def _by_regression(
    strata: GroupedStrata, rates: RateEstimate, asked: Inequality, per: int
) -> Iterator[Measured]:
    value, se = usable(rates)
    for transform in asked.transforms:
        how: dict[str, Any] = {
            "se": se,
            "transform": transform,
            "level": asked.level,
            "seed": asked.seed,
            "simulations": asked.simulations,
        }
        reason = "zero_rate" if transform == "log" else "no_fit"
        kept: dict[str, Any] = {"interval_method": "simulated", "standard": asked.standard}
        if "slope_index" in asked.measures:
            slope = formulas.slope_index(value, strata.population, **how)
            yield of_estimate(slope, "slope_index", UNIT_RATE, per=per, reason=reason, **kept)
        if "relative_index" in asked.measures:
            relative = formulas.relative_index(value, strata.population, **how)
            yield of_estimate(relative, "relative_index", UNIT_RATIO, reason=reason, **kept)


def flat_cells(strata: GroupedStrata) -> tuple[Floats, Floats, Floats, NDArray[np.int64]]:
    """Return events, person-years and ranks, (strata, bands x groups), and the band of each cell.

    Ranks are those of all ages: the place of a group among the inhabitants of its own stratum.
    """
    n, bands, groups = strata.events.shape
    ranks = shares_and_ranks(strata.population)[1]
    ranks = np.where(strata.population > 0, ranks, 0.5)
    return (
        strata.events.reshape(n, -1),
        strata.person_years.reshape(n, -1),
        np.broadcast_to(ranks[:, None, :], strata.events.shape).reshape(n, -1),
        np.repeat(np.arange(bands), groups),
    )


def _by_models(strata: GroupedStrata, asked: Inequality, per: int) -> Iterator[Measured]:
    events, person_years, rank, age = flat_cells(strata)
    weights = strata.weights(asked.standard)
    for model in asked.models:
        family = "negative-binomial" if model.endswith("negative-binomial") else "poisson"
        found = formulas.slope_and_relative_index(
            events,
            person_years,
            rank,
            age,
            weights=weights,
            model=model.removesuffix("-negative-binomial"),  # type: ignore[arg-type]
            family=family,  # type: ignore[arg-type]
            variance=asked.variance,
            level=asked.level,
        )
        kept: dict[str, Any] = {
            "method": found.slope.method.removesuffix(f"-{asked.variance}"),
            "interval_method": asked.variance,
            "standard": asked.standard,
        }
        if "slope_index" in asked.measures:
            yield of_estimate(found.slope, "slope_index", UNIT_RATE, scale=float(per), per=per, **kept)
        if "relative_index" in asked.measures:
            yield of_estimate(found.relative, "relative_index", UNIT_RATIO, **kept)


def _concentration(
    strata: GroupedStrata, value: Floats, se: Floats, asked: Inequality, per: int
) -> Iterator[Measured]:
    kept: dict[str, Any] = {"interval_method": "delta", "standard": asked.standard, "reason": "no_events"}
    if "concentration_index" in asked.measures:
        found = formulas.concentration_interval(value, strata.population, se=errors(se), level=asked.level)
        yield of_estimate(found, "concentration_index", UNIT_INDEX, method="group-rates", **kept)
    if "absolute_concentration_index" in asked.measures:
        # Linear in the rates: its error is exact.
        share, rank = shares_and_ranks(strata.population)
        lean = np.where(strata.population > 0, share * (2.0 * rank - 1.0), 0.0)
        index = formulas.absolute_concentration_index(value, strata.population)
        error = np.sqrt(((lean * errors(se)) ** 2).sum(axis=-1))
        times = float(ndtri((1.0 + asked.level) / 2.0))
        yield Measured(
            "absolute_concentration_index",
            UNIT_RATE,
            index,
            "group-rates",
            index - times * error,
            index + times * error,
            error,
            per=per,
            **kept,
        )


def errors(se: Floats) -> Floats:
    """Return standard errors with zero where nobody lives: such a group weighs nothing."""
    return np.nan_to_num(se, nan=0.0)


def _spread(strata: GroupedStrata, value: Floats, se: Floats, asked: Inequality) -> Iterator[Measured]:
    if not set(SPREAD) & set(asked.measures):
        return
    found = formulas.spread_between_groups(
        value,
        strata.population,
        se=errors(se),
        level=asked.level,
        seed=asked.seed,
        simulations=asked.simulations,
    )
    for name, unit in SPREAD.items():
        if name in asked.measures:
            yield of_estimate(
                getattr(found, name),
                name,
                unit,
                method="between-groups",
                interval_method="simulated-normal",
                standard=asked.standard,
                reason="zero_rate" if name == "mean_log_deviation" else "no_events",
            )


def of_estimate(estimate: Estimate, indicator: str, unit: str, *, scale: float = 1.0, **how: Any) -> Measured:
    """Return a measure of an estimate, its numbers times `scale`."""
    how.setdefault("method", estimate.method)
    value = np.where(estimate.estimable, estimate.value, np.nan)
    return Measured(
        indicator,
        unit,
        scale * value,
        lower=scale * np.asarray(estimate.lower),
        upper=scale * np.asarray(estimate.upper),
        se=scale * np.asarray(estimate.se),
        **how,
    )
