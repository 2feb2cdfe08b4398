r"""Change of a gradient over the years, on both scales at once: they may move in opposite directions.

Groups of constant share per period are assumed (population-weighted quintiles of each census index): when
the sizes of the groups move, slope and relative indices move with them for no epidemiological reason.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnc_epi.maths.inequality import marginal_rates, stratified_fit
from rnc_epi.maths.inequality.age_labels import Weights
from rnc_epi.maths.inequality.counts import VARIANCES, age_standard, check_cells
from rnc_epi.maths.inequality.results import (
    Estimate,
    TestedEstimate,
    on_log_scale,
    p_value,
    symmetric,
)
from rnc_epi.maths.requirements import Floats, require_choice, require_finite
from rnc_epi.vocabulary.errors import InputError


@dataclass(frozen=True, slots=True)
class GradientTrend:
    """Annual change of both indices.

    Attributes
    ----------
    slope : TestedEstimate
        Change per year of the slope index, in events per person-year.
    relative : TestedEstimate
        Factor by which the relative index is multiplied each year; 1 is no change.
    """

    slope: TestedEstimate
    relative: TestedEstimate


def gradient_trend(
    events: ArrayLike,
    person_years: ArrayLike,
    rank: ArrayLike,
    age: ArrayLike,
    year: ArrayLike,
    *,
    weights: Weights | None = None,
    variance: Literal["robust", "scaled", "model"] = "robust",
    level: ArrayLike = 0.95,
) -> GradientTrend:
    r"""Annual change of the slope and of the relative index, with a test of no change.

    The relative change is :math:`e^\gamma` of

    .. math:: \ln \lambda_{at}(x) = \alpha_{at} + \beta x + \gamma x (t - \bar t) ,

    an intercept for every age in every year, so that no shape is asked of the time trend itself. The
    absolute change is the least-squares slope over years of the yearly index of the additive-by-age model
    (:func:`slope_and_relative_index`), which is linear in the counts: its variance is exact, not that of a
    few points around a line.

    Parameters
    ----------
    events, person_years : array_like, shape (..., cells)
    rank, age : array_like, shape (cells,)
        As for :func:`slope_and_relative_index`.
    year : array_like, shape (cells,)
        Year of each cell, or middle of its period.
    weights : array_like, shape (ages,) or (cells,), optional
        Age standard of the slope index; by default the person-years of all years together.
    variance, level
        As for :func:`slope_and_relative_index`.

    Returns
    -------
    GradientTrend
        ``.slope`` and ``.relative``, each with ``value``, ``lower``, ``upper``, ``se`` and ``p_value``.

    Raises
    ------
    InputError
        ``I007`` a single year; ``M002`` shapes; else as for :func:`slope_and_relative_index`.

    References
    ----------
    Renard F, Devleesschauwer B, Speybroeck N, Deboosere P. Monitoring health inequalities when the
    socio-economic composition changes: are the slope and relative indices of inequality appropriate? BMC
    Public Health 2019;19:662. doi:10.1186/s12889-019-6980-1

    Examples
    --------
    Rates of the most deprived third rise by 10 a year, the middle by 5, the first stays:

    >>> x = [1 / 6, 3 / 6, 5 / 6] * 3
    >>> events = [100, 110, 120, 100, 115, 130, 100, 120, 140]
    >>> year = [2001] * 3 + [2002] * 3 + [2003] * 3
    >>> found = gradient_trend(events, [1000] * 9, x, [60] * 9, year)
    >>> float(round(found.slope.value * 1000, 6))  # 10 a year over 2/3 of the ranks
    15.0
    """
    require_choice(variance, VARIANCES, "variance")
    checked = check_cells(events, person_years, rank, age)
    years = require_finite(year, "year")
    if years.shape != checked.age.shape:
        raise InputError("M002", what="year", expected=str(checked.age.shape), found=str(years.shape))
    times, period = np.unique(years, return_inverse=True)
    if times.size < 2:
        raise InputError("I007", found=times.size)
    standard = age_standard(weights, checked)
    _, stratum = np.unique(period * checked.ages + checked.age, return_inverse=True)
    elapsed = years - times.mean()
    columns = np.stack([checked.rank, checked.rank * elapsed], axis=-1)
    cells = stratified_fit.sort_cells(checked.events, checked.person_years, columns, stratum)
    order = np.argsort(stratum, kind="stable")[cells.starts]
    return GradientTrend(
        _slope(cells, checked.age[order], times[period[order]], standard, variance, level, checked.shape),
        _relative(cells, variance, level, checked.shape),
    )


def _relative(
    cells: stratified_fit.Cells, variance: str, level: ArrayLike, shape: tuple[int, ...]
) -> TestedEstimate:
    fitted = stratified_fit.fit(cells, "log")
    by_coefficient = np.broadcast_to([0.0, 1.0], fitted.coefficients.shape)
    error = stratified_fit.uncertainty(fitted, np.zeros_like(fitted.intercepts), by_coefficient, variance)
    change = np.where(fitted.estimable, fitted.coefficients[:, 1], 0.0).reshape(shape)
    se, freedom = error.se.reshape(shape), error.freedom.reshape(shape)
    estimable = fitted.estimable.reshape(shape)
    found = on_log_scale(change, se, level, f"multiplicative-poisson-{variance}", estimable, freedom)
    return _tested(found, change, se, freedom)


def _slope(
    cells: stratified_fit.Cells,
    ages: NDArray[np.intp],
    years: Floats,
    standard: Floats,
    variance: str,
    level: ArrayLike,
    shape: tuple[int, ...],
) -> TestedEstimate:
    """Return the least-squares slope over years of the yearly slope index; `ages`, `years` by stratum."""
    lines = marginal_rates.lines_by_stratum(cells)
    distinct = np.unique(years)
    spread = ((distinct - distinct.mean()) ** 2).sum()
    weight = standard[:, ages] * ((years - distinct.mean()) / spread)
    # Every age of the standard must be there every year, or the yearly indices would not compare.
    held = np.zeros((standard.shape[0], standard.shape[1]))
    for year in distinct:
        here = years == year
        held[:, ages[here]] += lines.estimable[:, here]
    complete = ((held == distinct.size) | (standard <= 0)).all(axis=1)
    estimable = (complete & (cells.events.sum(axis=1) > 0)).reshape(shape)
    weight = np.where(lines.estimable, weight, 0.0)
    change = (weight * lines.slope).sum(axis=1).reshape(shape)
    error = marginal_rates.uncertainty(lines, np.zeros_like(weight), weight, variance)
    se, freedom = error.se.reshape(shape), error.freedom.reshape(shape)
    found = symmetric(change, se, level, f"additive-by-age-poisson-{variance}", estimable, freedom)
    return _tested(found, change, se, freedom)


def _tested(found: Estimate, change: Floats, se: Floats, freedom: Floats) -> TestedEstimate:
    statistic = np.divide(change, se, out=np.zeros_like(change), where=se > 0)
    tested: Any = np.where(found.estimable, p_value(statistic, freedom), np.nan)[()]
    return TestedEstimate(**{one.name: getattr(found, one.name) for one in fields(found)}, p_value=tested)
