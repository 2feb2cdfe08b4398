"""Gradients of very many sets of counts: fitted ends without limits, and the log of their ratio with a test.

Draws need the ends of each draw only, their spread over draws being the uncertainty; what depends on a
gradient (the ratio of a proxy to cases) needs the coefficient, its error and its degrees of freedom.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from rnc_epi.maths.inequality import marginal_rates, stratified_fit
from rnc_epi.maths.inequality.age_labels import Weights
from rnc_epi.maths.inequality.counts import VARIANCES, age_standard, check_cells
from rnc_epi.maths.inequality.results import p_value
from rnc_epi.maths.requirements import Floats, as_result, require_choice

#: Sets of counts fitted at once: some 90 cells each make arrays of 15 MB.
FITS_AT_ONCE = 20_000

MODELS = ("multiplicative", "additive-by-age")


@dataclass(frozen=True, slots=True)
class LogSlope:
    """Log of the ratio of the most to the least deprived end of the multiplicative model.

    Attributes
    ----------
    value, se : float or ndarray
        NaN where not estimable.
    freedom : float or ndarray
        Degrees of freedom of Student limits; infinite for normal ones.
    p_value : float or ndarray
        Two-sided, of no gradient.
    estimable : bool or ndarray of bool
    """

    value: Any
    se: Any
    freedom: Any
    p_value: Any
    estimable: Any


def log_slope(
    events: ArrayLike,
    exposure: ArrayLike,
    rank: ArrayLike,
    age: ArrayLike,
    *,
    variance: Literal["robust", "scaled", "model"] = "robust",
) -> LogSlope:
    """Return the coefficient of rank in a log-linear model of counts with an intercept at each age.

    Parameters
    ----------
    events, exposure : array_like, shape (..., cells)
        Exposure: person-years, or expected or proxy counts.
    rank, age, variance
        As for :func:`slope_and_relative_index`.

    Returns
    -------
    LogSlope
        Shape (...).

    Raises
    ------
    InputError
        ``I001`` fewer than three ranks; ``M001``, ``M002``, ``M003``, ``M007`` impossible counts; ``M005``
        unknown variance; ``M010`` a rank outside 0 to 1.

    Examples
    --------
    >>> found = log_slope([100, 200, 400], [1000.0] * 3, [0.0, 0.5, 1.0], [60] * 3, variance="model")
    >>> float(round(found.value, 6))  # log 4
    1.386294
    """
    require_choice(variance, VARIANCES, "variance")
    checked = check_cells(events, exposure, rank, age)
    cells = stratified_fit.sort_cells(
        checked.events, checked.person_years, checked.rank[..., None], checked.age
    )
    fitted = stratified_fit.fit(cells, "log")
    by_coefficient = np.ones_like(fitted.coefficients)
    error = stratified_fit.uncertainty(fitted, np.zeros_like(fitted.intercepts), by_coefficient, variance)
    ok = fitted.estimable & (error.se > 0)
    value = np.where(ok, fitted.coefficients[:, 0], 0.0)
    tested = np.where(ok, p_value(value / np.where(ok, error.se, 1.0), error.freedom), np.nan)

    def shown(values: Floats) -> Any:
        return as_result(np.where(ok, values, np.nan).reshape(checked.shape))

    return LogSlope(
        shown(value),
        shown(error.se),
        shown(error.freedom),
        as_result(np.asarray(tested).reshape(checked.shape)),
        as_result(np.asarray(ok).reshape(checked.shape)),
    )


def gradient_ends(
    events: ArrayLike,
    person_years: ArrayLike,
    rank: ArrayLike,
    age: ArrayLike,
    *,
    weights: Weights | None = None,
    model: Literal["multiplicative", "additive-by-age"] = "multiplicative",
) -> tuple[Floats, Floats]:
    """Return the standardised rates of the least and of the most deprived end, without limits.

    What :func:`slope_and_relative_index` gives as ``least_deprived`` and ``most_deprived``, a block of fits
    at a time and without the cost of their errors: for draws.

    Parameters
    ----------
    events, person_years : array_like, shape (..., cells)
        Counts of each group and age.
    rank, age, weights
        As for :func:`slope_and_relative_index`.
    model : {"multiplicative", "additive-by-age"}

    Returns
    -------
    least, most : ndarrays, shape (...)
        Per person-year; NaN where not estimable.

    Raises
    ------
    InputError
        As for :func:`slope_and_relative_index`; ``M005`` unknown model.

    Examples
    --------
    >>> least, most = gradient_ends([100, 200, 400], [1000.0] * 3, [0.0, 0.5, 1.0], [60] * 3)
    >>> float(round(most / least, 6))
    4.0
    """
    require_choice(model, MODELS, "model")
    counts, years = np.asarray(events, dtype=np.float64), np.asarray(person_years, dtype=np.float64)
    counts, years = np.broadcast_arrays(counts, years)
    ranks = np.broadcast_to(np.asarray(rank, dtype=np.float64), counts.shape)
    shape, cells = counts.shape[:-1], counts.shape[-1]
    counts, years, ranks = (one.reshape(-1, cells) for one in (counts, years, ranks))
    least, most = np.empty(len(counts)), np.empty(len(counts))
    for start in range(0, len(counts), FITS_AT_ONCE):
        part = slice(start, start + FITS_AT_ONCE)
        least[part], most[part] = _ends(counts[part], years[part], ranks[part], age, weights, model)
    return np.asarray(as_result(least.reshape(shape))), np.asarray(as_result(most.reshape(shape)))


def _ends(
    counts: Floats, years: Floats, ranks: Floats, age: ArrayLike, weights: Weights | None, model: str
) -> tuple[Floats, Floats]:
    checked = check_cells(counts, years, ranks, age)
    standard = age_standard(weights, checked)
    cells = stratified_fit.sort_cells(
        checked.events, checked.person_years, checked.rank[..., None], checked.age
    )
    lived = cells.total(cells.exposure) > 0
    whole = (lived | (standard <= 0)).all(axis=1) & (cells.events.sum(axis=1) > 0)
    if model == "additive-by-age":
        lines = marginal_rates.lines_by_stratum(cells)
        whole &= (lines.estimable | (standard <= 0)).all(axis=1)
        low_rate, rise = np.where(lines.estimable, lines.intercept, 0.0), lines.slope
        low = (standard * low_rate).sum(axis=1)
        high = low + (standard * np.where(lines.estimable, rise, 0.0)).sum(axis=1)
    else:
        fitted = stratified_fit.fit(cells, "log")
        heard = fitted.cells.total(fitted.cells.exposure) > 0
        rate = np.where(heard, np.exp(fitted.intercepts), 0.0)
        low = (standard * rate).sum(axis=1)
        high = low * np.exp(np.clip(fitted.coefficients[:, 0], -300.0, 300.0))
        whole &= fitted.estimable
    return np.where(whole, low, np.nan), np.where(whole, high, np.nan)
