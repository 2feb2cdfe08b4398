"""Gradients of estimates, on their draws: refused where the model that made them would make the gradient.

Draw k is the same world for every group, so that what groups share (a calibration, a level above) cancels or
adds up as it should. Nothing is simulated here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rnc_epi.inequality.measures import SPREAD
from rnc_epi.inequality.rows import (
    UNIT_EVENTS,
    UNIT_INDEX,
    UNIT_PERCENT,
    UNIT_RATE,
    UNIT_RATIO,
    Measured,
    measured_rows,
)
from rnc_epi.inequality.strata import PER, STRATUM_KEYS
from rnc_epi.maths import inequality as formulas
from rnc_epi.maths.inequality.ridit import FEWEST_GROUPS, shares_and_ranks
from rnc_epi.vocabulary.ages import AgeBand, BandSet
from rnc_epi.vocabulary.deprivation import group_labels, group_number
from rnc_epi.vocabulary.errors import InputError
from rnc_epi.vocabulary.schemas import NOT_APPLICABLE, as_result
from rnc_epi.vocabulary.standards import standard as standard_named

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from rnc_epi.vocabulary.deprivation import EstimateOrigin
    from rnc_epi.vocabulary.draws import Draws
    from rnc_epi.vocabulary.study_inequality import Inequality

    Floats = NDArray[np.float64]

#: Values of draws held at once in the form of one measure: 8 million float64 are 64 MB.
BLOCK = 8_000_000


@dataclass(frozen=True, eq=False)
class DrawnStrata:
    """Draws by stratum, age and group: counts (strata, bands, groups, draws), the rest without draws."""

    keys: pd.DataFrame
    labels: tuple[str, ...]
    bands: BandSet
    counts: Floats
    person_years: Floats
    events: Floats

    @property
    def population(self) -> Floats:
        """Person-years of each group over all ages, (strata, groups)."""
        return np.asarray(self.person_years.sum(axis=1))


def gradients_on_draws(
    draws: Draws,
    person_years: ArrayLike,
    events: ArrayLike,
    origin: EstimateOrigin,
    asked: Inequality,
    *,
    per: int = PER,
) -> pd.DataFrame:
    """Return the measures of a gradient of estimated counts, summarised over their draws.

    Parameters
    ----------
    draws : Draws
        Of ``events``, one cell a stratum, group and age band: the keys of the result table with
        ``stratum_type, stratum, age_from, age_until``. Groups ``unknown`` and ``all`` are left out.
    person_years : array_like, shape (cells,)
        Of each cell.
    events : array_like, shape (cells,)
        Persons that each estimate rests on (those of the proxy, those observed): secrecy is judged on them.
    origin : EstimateOrigin
        How the estimates were made.
    asked : Inequality
        The section [inequality] of the study file.
    per : int
        Person-years of a rate.

    Returns
    -------
    DataFrame
        The one result table, `estimator` that of the origin, medians and percentiles of the draws.

    Raises
    ------
    EstimateRefused
        ``I020`` to ``I024``: the gradient would be that of the model (rulings 21 and 23).
    InputError
        ``I017`` no groups, ``I025`` a group or band is missing, ``M002`` lengths, ``M004`` draws of
        something else than events.

    Examples
    --------
    Draws without spread, at rates of 100, 200 and 300 per 100 000:

    >>> from rnc_epi.cells.table import Cells
    >>> from rnc_epi.vocabulary.ages import BandSet
    >>> strata = pd.DataFrame({"event_type": "incidence", "source": "s", "site": "lung", "sex": 1,
    ...     "geo_level": "region", "geo_code": "r", "geo_vintage": "v", "period_from": 2016,
    ...     "period_until": 2021, "stratum_type": "deprivation", "stratum": ["Q1", "Q2", "Q3"]})
    >>> def cells_of(*events):
    ...     people = np.full((3, 1), 1e5)
    ...     return Cells(strata, BandSet.from_starts([0]), np.c_[list(events)], np.zeros(3, int), people)
    >>> from rnc_epi.vocabulary.study_inequality import Inequality
    >>> asked = Inequality(index="fdep", vintage="2015", groups=3, measures=["rate_ratio"])
    >>> from rnc_epi.vocabulary.deprivation import EstimateOrigin
    >>> from rnc_epi.vocabulary.draws import Draws
    >>> index = strata.drop(columns="source").assign(source="_", age_from=0, age_until=pd.NA)
    >>> events = np.array([100.0, 200.0, 300.0])
    >>> draws = Draws(index, np.tile(events[:, None], 200), "events", "prediction", 0, "calibrated")
    >>> origin = EstimateOrigin("calibrated", "A", deprivation_in_model=True, tested_in_registry_zone=True)
    >>> found = gradients_on_draws(draws, np.full(3, 1e5), events, origin, asked)
    >>> found[["indicator", "comparator", "value"]].round(6).values.tolist()
    [['rate_ratio', 'Q2/Q1', 2.0], ['rate_ratio', 'Q3/Q1', 3.0]]
    """
    origin.require_gradient_allowed()
    if draws.quantity != "events":
        raise InputError("M004", what="quantity", expected="{events}", found=draws.quantity)
    strata = _stacked(draws, person_years, events, asked.groups)
    totals = strata.events.sum(axis=(1, 2))
    years = strata.person_years.sum(axis=(1, 2))
    reasons = np.full(len(strata.keys), NOT_APPLICABLE, dtype=object)
    reasons[(strata.population > 0).sum(axis=1) < FEWEST_GROUPS] = "fewer_than_three_groups"
    rows = measured_rows(
        strata.keys,
        [
            _summarised(measure, unit, of, how, origin, draws.kind, asked, per)
            for measure, unit, of, how in _drawn_measures(strata, asked, per)
        ],
        reasons,
        events=totals,
        person_years=years,
        level=asked.level,
    )
    return as_result(rows)


def _summarised(
    indicator: str,
    unit: str,
    drawn: Floats,
    how: dict[str, Any],
    origin: EstimateOrigin,
    kind: str,
    asked: Inequality,
    per: int,
) -> Measured:
    """Return median, percentiles and standard deviation over draws, (draws, strata) in."""
    tail = (1.0 - asked.level) / 2.0
    known = ~np.isnan(drawn).any(axis=0)
    safe = np.where(known, drawn, 0.0)
    lower, middle, upper = np.quantile(safe, [tail, 0.5, 1.0 - tail], axis=0)
    return Measured(
        indicator,
        unit,
        np.where(known, middle, np.nan),
        lower=lower,
        upper=upper,
        se=safe.std(axis=0, ddof=1 if len(safe) > 1 else 0),
        interval_method="draws",
        per=per if unit == UNIT_RATE else 1,
        estimator=origin.estimator,
        interval_kind=kind,
        **how,
    )


def _drawn_measures(
    strata: DrawnStrata, asked: Inequality, per: int
) -> Iterator[tuple[str, str, Floats, dict[str, Any]]]:
    """Yield each measure asked: its name, unit, values (draws, strata) and how it was made."""
    weights = np.asarray(standard_named(asked.standard).weights_for(strata.bands), dtype=np.float64)
    rates, total, expected = _rates_and_impact(strata, weights / weights.sum(), per)
    population = strata.population
    empty = population <= 0
    standard: dict[str, Any] = {"standard": asked.standard}
    wanted = set(asked.measures)
    least = rates[..., 0]
    for place in range(len(strata.labels) - 1, 0, -1):
        compared = {"method": "direct", "comparator": f"{strata.labels[place]}/{strata.labels[0]}"} | standard
        if "rate_ratio" in wanted:
            with np.errstate(divide="ignore", invalid="ignore"):
                ratio = np.where(least > 0, rates[..., place] / least, np.nan)
            yield "rate_ratio", UNIT_RATIO, ratio, compared
        if "rate_difference" in wanted:
            yield "rate_difference", UNIT_RATE, rates[..., place] - least, compared
    reference = {"comparator": strata.labels[0]}
    if "excess_events" in wanted:
        how = {"method": "excess-over-reference"} | reference
        yield "excess_events", UNIT_EVENTS, total - expected, how
    if "attributable_fraction" in wanted:
        how = {"method": "fraction-over-reference"} | reference
        with np.errstate(divide="ignore", invalid="ignore"):
            yield "attributable_fraction", UNIT_PERCENT, 100.0 * (1.0 - expected / total), how
    values = np.where(empty, np.nan, rates)
    if wanted & {"slope_index", "relative_index"}:
        for transform in asked.transforms:
            how = {"method": f"weighted-regression-{transform}"} | standard
            if "slope_index" in wanted:
                slope = formulas.slope_index(values, population, transform=transform).value
                yield "slope_index", UNIT_RATE, np.asarray(slope), how
            if "relative_index" in wanted:
                relative = formulas.relative_index(values, population, transform=transform).value
                yield "relative_index", UNIT_RATIO, np.asarray(relative), how
        for model in ("multiplicative", "additive-by-age"):
            if model in asked.models:
                low, high = _ends(strata, weights, model)
                how = {"method": f"{model}-poisson"} | standard
                if "slope_index" in wanted:
                    yield "slope_index", UNIT_RATE, per * (high - low), how
                if "relative_index" in wanted:
                    positive = (low > 0) & (high > 0)
                    ratio = np.where(positive, high, np.nan) / np.where(positive, low, 1.0)
                    yield "relative_index", UNIT_RATIO, ratio, how
    simple: dict[str, tuple[Callable[..., Any], str, str]] = {
        "concentration_index": (formulas.concentration_index, UNIT_INDEX, "group-rates"),
        "absolute_concentration_index": (formulas.absolute_concentration_index, UNIT_RATE, "group-rates"),
    }
    simple |= {name: (getattr(formulas, name), unit, "between-groups") for name, unit in SPREAD.items()}
    for name, (measure, unit, method) in simple.items():
        if name in wanted:
            yield name, unit, np.asarray(measure(values, population)), {"method": method} | standard


def _rates_and_impact(strata: DrawnStrata, weights: Floats, per: int) -> tuple[Floats, Floats, Floats]:
    """Return standardised rates (draws, strata, groups), total counts and those at the rates of Q1."""
    n, bands, groups, draws = strata.counts.shape
    rates = np.empty((draws, n, groups))
    total, expected = np.empty((draws, n)), np.empty((draws, n))
    years = strata.person_years
    per_count = per * np.divide(weights[:, None], years, out=np.zeros_like(years), where=years > 0)
    # A hole at an age of the standard leaves the rate unknown, not lower.
    hole = ((years <= 0) & (weights > 0)[:, None]).any(axis=1)
    factor = np.divide(
        years.sum(axis=2), years[:, :, 0], out=np.full((n, bands), np.nan), where=years[:, :, 0] > 0
    )
    factor = np.where(years.sum(axis=2) > 0, factor, 0.0)
    size = max(1, BLOCK // (bands * groups * draws))
    for start in range(0, n, size):
        part = slice(start, start + size)
        counts = strata.counts[part]
        rates[:, part] = np.einsum("bag,bagk->kbg", per_count[part], counts, optimize=True)
        total[:, part] = counts.sum(axis=(1, 2)).T
        expected[:, part] = np.einsum("ba,bak->kb", factor[part], counts[:, :, 0])
    rates[:, hole] = np.nan
    return rates, total, expected


def _ends(strata: DrawnStrata, weights: Floats, model: str) -> tuple[Floats, Floats]:
    """Return the fitted ends of every draw, (draws, strata)."""
    n, bands, groups, draws = strata.counts.shape
    ranks = shares_and_ranks(strata.population)[1]
    ranks = np.where(strata.population > 0, ranks, 0.5)
    age = np.repeat(np.arange(bands), groups)
    low, high = np.empty((draws, n)), np.empty((draws, n))
    for place in range(n):
        # One stratum at a time: its draws are thousands of fits already.
        counts = strata.counts[place].reshape(bands * groups, draws).T
        years = strata.person_years[place].reshape(-1)
        if np.unique(ranks[place][strata.population[place] > 0]).size < FEWEST_GROUPS:
            low[:, place] = high[:, place] = np.nan
            continue
        low[:, place], high[:, place] = formulas.gradient_ends(
            np.where(years > 0, counts, 0.0),
            years,
            np.tile(ranks[place], bands),
            age,
            weights=weights,
            model=model,  # type: ignore[arg-type]
        )
    return low, high


def _stacked(draws: Draws, person_years: ArrayLike, events: ArrayLike, groups: int) -> DrawnStrata:
    index = draws.index.reset_index(drop=True)
    years, persons = (np.asarray(one, dtype=np.float64) for one in (person_years, events))
    for what, given in (("person_years", years), ("events", persons)):
        if given.shape != (len(index),):
            raise InputError("M002", what=what, expected=str((len(index),)), found=str(given.shape))
    if "stratum" not in index.columns or "age_from" not in index.columns:
        raise InputError("I017", found=", ".join(map(str, index.columns)))
    names = index["stratum"].astype(str)
    number = names.map({one: group_number(one) or 0 for one in names.unique()}).to_numpy(dtype=np.int64)
    kept = np.flatnonzero((number > 0) & (number <= groups))
    if not kept.size:
        raise InputError("I017", found=", ".join(sorted(set(names))[:5]) or "_")
    head, number = index.iloc[kept].reset_index(drop=True), number[kept]
    present = [name for name in [*STRATUM_KEYS, "source"] if name in head.columns]
    stratum = head.groupby(present, sort=True, observed=True, dropna=False).ngroup().to_numpy()
    ends = head[["age_from", "age_until"]].drop_duplicates().sort_values("age_from")
    bands = BandSet(
        AgeBand(int(row.age_from), None if pd.isna(row.age_until) else int(row.age_until))
        for row in ends.itertuples(index=False)
    )
    band = np.searchsorted(bands.starts, head["age_from"].to_numpy(dtype=np.int64))
    n = int(stratum.max()) + 1
    shape = (n, len(bands), groups)
    seen = np.zeros(shape, dtype=np.int64)
    np.add.at(seen, (stratum, band, number - 1), 1)
    if (seen != 1).any():
        raise InputError("I025", found=int((seen != 1).sum()), where=str(np.argwhere(seen != 1)[0].tolist()))
    at = (stratum, band, number - 1)
    counts = np.empty((*shape, draws.values.shape[1]))
    counts[at] = draws.values[kept]
    filled = []
    for given in (years, persons):
        array = np.empty(shape)
        array[at] = given[kept]
        filled.append(array)
    first = pd.Series(np.arange(len(head))).groupby(stratum).first().to_numpy()
    keys = head.iloc[first][present].reset_index(drop=True)
    return DrawnStrata(keys, group_labels(groups), bands, counts, filled[0], filled[1])
