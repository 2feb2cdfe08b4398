r"""Slope and relative index of inequality by regression of counts on rank, within ages.

Three models of the rate :math:`\lambda_a(x)` at age *a* and rank *x*, each summarised by the rates of the
two ends standardised on age, :math:`\lambda(x) = \sum_a W_a \lambda_a(x)`:

multiplicative
    :math:`\lambda_a(x) = e^{\alpha_a + \beta x}`, the relative index is :math:`e^\beta`;
additive
    :math:`\lambda_a(x) = \alpha_a + \beta x`, the slope index is :math:`\beta`: one difference at all ages;
additive-by-age
    :math:`\lambda_a(x) = \alpha_a + \beta_a x`: one difference per age, the one to use over a life.

and ``logistic`` for a proportion (late stage among cases). Variances are robust: the index keeps its meaning
as the best straight description when the gradient is not straight, and its limits hold for counts that vary
more than Poisson counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnc_epi.maths.inequality import marginal_rates, stratified_fit
from rnc_epi.maths.inequality.age_labels import Weights, ages_in_order, weights_by_age
from rnc_epi.maths.inequality.results import Estimate, on_log_scale, symmetric
from rnc_epi.maths.inequality.ridit import FEWEST_GROUPS, require_workable
from rnc_epi.maths.inequality.stratified_fit import Cells, Fit
from rnc_epi.maths.requirements import (
    Floats,
    Mask,
    as_result,
    first_position,
    require_choice,
    require_counts,
    require_person_time,
    require_shares,
)
from rnc_epi.vocabulary.errors import InputError

Model = Literal["multiplicative", "additive", "additive-by-age", "logistic"]
Family = Literal["poisson", "negative-binomial"]
Variance = Literal["robust", "scaled", "model"]
LINKS = {"multiplicative": "log", "additive": "identity", "logistic": "logit"}
MODELS = ("multiplicative", "additive", "additive-by-age", "logistic")
FAMILIES = ("poisson", "negative-binomial")
VARIANCES = ("robust", "scaled", "model")
#: Slope, against the level of the rates, that rounding makes of none.
NO_SLOPE = 1e-13


@dataclass(frozen=True, slots=True)
class SlopeAndRelative:
    """Both indices from one model.

    Attributes
    ----------
    slope : Estimate
        Standardised rate of the most deprived end minus that of the least deprived, per person-year.
    relative : Estimate
        The same two rates divided.
    least_deprived, most_deprived : float or ndarray
        The two standardised rates.
    overdispersion : float or ndarray
        k of the negative binomial variance, mean + k mean²; 0 for the Poisson family.
    """

    slope: Estimate
    relative: Estimate
    least_deprived: Any
    most_deprived: Any
    overdispersion: Any


@dataclass(frozen=True, slots=True)
class CheckedCells:
    """Cells of one or many sets of counts, flattened to (fits, cells), with the shape to give back."""

    events: Floats
    person_years: Floats
    rank: Floats
    age: NDArray[np.intp]
    names: NDArray[Any]
    ordered: bool
    shape: tuple[int, ...]

    @property
    def ages(self) -> int:
        """Number of distinct ages."""
        return int(self.names.size)


def slope_and_relative_index(
    events: ArrayLike,
    person_years: ArrayLike,
    rank: ArrayLike,
    age: ArrayLike,
    *,
    weights: Weights | None = None,
    model: Model = "multiplicative",
    family: Family = "poisson",
    variance: Variance = "robust",
    level: ArrayLike = 0.95,
) -> SlopeAndRelative:
    r"""Slope and relative index of inequality from counts by age and rank, standardised on age.

    Parameters
    ----------
    events, person_years : array_like, shape (cells,)
        One entry per cell of age by group (or by area). Leading axes are allowed, (..., cells): each set of
        counts, for instance each draw, is fitted on its own. With ``model="logistic"`` `person_years` holds
        the persons among whom the events were counted.
    rank : array_like, shape (cells,) or (..., cells)
        Rank of the group of each cell between 0 (least deprived) and 1 (most deprived): see :func:`ridit`.
        With leading axes each set of counts has its own ranks; one with fewer than three among its populated
        cells is not estimable.
    age : array_like, shape (cells,)
        Age band of each cell, in any order: the first year of the band, or a label such as ``"5-9"``.
    weights : mapping, or array_like of shape (ages,) or (cells,), optional
        Age standard: by label of age; one weight per distinct age in ascending order; or repeated in every
        cell of its age. Any scale. By default the person-years of the cells themselves.
    model : {"multiplicative", "additive", "additive-by-age", "logistic"}
        See the module. ``"additive"`` holds one difference at all ages, which the rates of children bound:
        where its best fit touches a zero rate it is not estimable, and ``"additive-by-age"``, linear
        regression of each age's rates with person-years as weights, answers instead.
    family : {"poisson", "negative-binomial"}
        Negative binomial: variance mean + k mean², k from the Pearson residuals; for the multiplicative and
        additive models.
    variance : {"robust", "scaled", "model"}
        Sandwich variance with leverage-corrected residuals and Student limits (Bell and McCaffrey); the
        model's variance times the Pearson dispersion (quasi-Poisson), with Student limits; or the model's
        own variance with normal limits. With fewer than about ten cells the robust limits have two degrees
        of freedom and are very wide.
    level : float or sequence of float
        Coverage of the limits; a sequence adds a first axis.

    Returns
    -------
    SlopeAndRelative
        ``.slope`` per person-year and ``.relative``, each with ``value``, ``lower``, ``upper``, ``se``.
        NaN and ``estimable`` False: no event, events at one rank only, or a best fit at the edge.

    Raises
    ------
    InputError
        ``I001`` fewer than three ranks, ``I005`` weights that vary within an age, ``I006`` more events than
        persons, ``I027`` numbers beyond 1e100, ``I028`` an age without a weight, or one weight per age for
        labels that do not tell their order, ``I029`` ages of several kinds, ``M001`` negative counts,
        ``M002`` unequal lengths, ``M003`` events without person-years, ``M005`` unknown model, ``M006``
        unusable weights, ``M010`` ranks outside [0, 1].

    References
    ----------
    Moreno-Betancur M, Latouche A, Menvielle G, Kunst AE, Rey G. Relative index of inequality and slope index
    of inequality: a structured regression framework for estimation. Epidemiology 2015;26:518-527.
    doi:10.1097/EDE.0000000000000311

    Kunst AE, Mackenbach JP. Am J Public Health 1994;84:932-937. doi:10.2105/AJPH.84.6.932

    Bell RM, McCaffrey DF. Bias reduction in standard errors for linear regression with multi-stage samples.
    Survey Methodology 2002;28:169-181.

    Examples
    --------
    Two ages, three groups, rates that double from one end to the other at both ages:

    >>> x = [1 / 6, 3 / 6, 5 / 6]
    >>> young = [1000 * 2**rank for rank in x]
    >>> old = [9000 * 2**rank for rank in x]
    >>> found = slope_and_relative_index(young + old, [1e6] * 6, x + x, [40] * 3 + [60] * 3, weights=[3, 1])
    >>> float(round(found.relative.value, 6))
    2.0
    >>> float(round(found.slope.value * 100_000, 3))  # 0.75 x 100 + 0.25 x 900
    300.0
    """
    require_choice(model, MODELS, "model")
    require_choice(family, FAMILIES, "family")
    require_choice(variance, VARIANCES, "variance")
    if family == "negative-binomial" and model not in ("multiplicative", "additive"):
        raise InputError("M005", what="family", found=family, expected="poisson")
    checked = check_cells(events, person_years, rank, age)
    if model == "logistic":
        require_no_more_than_persons(checked)
    standard = age_standard(weights, checked)
    if model == "additive-by-age":
        return _by_age(checked, standard, variance, level)
    cells = stratified_fit.sort_cells(
        checked.events, checked.person_years, checked.rank[..., None], checked.age
    )
    link = LINKS[model]
    fitted = (
        stratified_fit.fit_negative_binomial(cells, link)
        if family == "negative-binomial"
        else stratified_fit.fit(cells, link)
    )
    ends = _standardised_ends(fitted, cells, link, standard)
    method = f"{model}-{family}-{variance}"
    return _indices(ends, checked.shape, fitted.overdispersion, variance, level, method)


def check_cells(events: ArrayLike, person_years: ArrayLike, rank: ArrayLike, age: ArrayLike) -> CheckedCells:
    """Check the cells of a regression on rank and flatten their leading axes."""
    counts, years = require_counts(events, "events"), require_counts(person_years, "person_years")
    if counts.ndim == 0 or years.ndim == 0:
        raise InputError("M002", what="events", expected="(..., cells)", found=str(counts.shape))
    cells = counts.shape[-1]
    if years.shape[-1] != cells:
        raise InputError("M002", what="person_years", expected=f"(..., {cells})", found=str(years.shape))
    try:
        counts, years = np.broadcast_arrays(counts, years)
    except ValueError as error:
        raise InputError(
            "M002", what="person_years", expected=str(counts.shape), found=str(years.shape)
        ) from error
    require_person_time(counts, years)
    require_workable(counts, "events")
    require_workable(years, "person_years")
    ranks = require_shares(rank, "rank")
    names, position, ordered = ages_in_order(age)
    for what, values in (
        ("rank", ranks[(0,) * (ranks.ndim - 1)] if ranks.size else ranks),
        ("age", position),
    ):
        if values.shape != (cells,):
            raise InputError("M002", what=what, expected=str((cells,)), found=str(values.shape))
    distinct = np.unique(ranks).size
    if distinct < FEWEST_GROUPS:
        raise InputError("I001", what="rank", found=distinct)
    try:
        ranks = np.broadcast_to(ranks, counts.shape)
    except ValueError as error:
        raise InputError("M002", what="rank", expected=str(counts.shape), found=str(ranks.shape)) from error
    flat = (-1, cells)
    years, ranks = years.reshape(flat).copy(), ranks.reshape(flat)
    counts_flat = counts.reshape(flat) * _enough_ranks(ranks, years)[:, None]
    return CheckedCells(counts_flat, years, ranks, position, names, ordered, counts.shape[:-1])


def _enough_ranks(ranks: Floats, years: Floats) -> Mask:
    """Return where the populated cells stand at three ranks or more; a fit without is left without events.

    Cells are few hundred at most a fit and ranks few: counting them sorts each row once.
    """
    ordered = np.sort(np.where(years > 0, ranks, np.nan), axis=1)
    steps = np.diff(ordered, axis=1) > 0
    return np.asarray(steps.sum(axis=1) + (years > 0).any(axis=1) >= FEWEST_GROUPS)


def require_no_more_than_persons(checked: CheckedCells) -> None:
    """Refuse cells with more events than persons (I006)."""
    wrong = checked.events > checked.person_years
    if wrong.any():
        raise InputError("I006", found=int(wrong.sum()), where=first_position(wrong.any(axis=0)))


def age_standard(weights: Weights | None, checked: CheckedCells) -> Floats:
    """Return the weight of each age, summing to one, (fits, ages)."""
    fits = checked.events.shape[0]
    if weights is None:
        own = checked.person_years @ (checked.age[:, None] == np.arange(checked.ages)).astype(np.float64)
        total = own.sum(axis=1, keepdims=True)
        return np.divide(own, total, out=np.zeros_like(own), where=total > 0)
    by_age = weights_by_age(weights, checked.names, checked.age, checked.ordered)
    return np.broadcast_to(by_age, (fits, checked.ages))


@dataclass(frozen=True, slots=True)
class Ends:
    """Standardised rates of the two ends, (fits,), with what their variance needs."""

    low: Floats
    high: Floats
    estimable: Any
    # Standard error and degrees of freedom of  by_low x low + by_high x high.
    error_of: Any


def _standardised_ends(fitted: Fit, given: Cells, link: str, standard: Floats) -> Ends:
    """Return the ends of a fitted model; derivatives of both rates by every coefficient give the error.

    An age that the fit set aside has a known rate, zero (or one, for a proportion), at both ends; an age
    without person-years has none, and nothing is estimable if the standard gives it weight.
    """
    cells, intercepts, slope = fitted.cells, fitted.intercepts, fitted.coefficients[:, :1]
    known = cells.total(cells.exposure) > 0
    exposure, counted = given.total(given.exposure), given.total(given.events)
    # Equal rates have no slope: what the fit leaves below its own precision is none.
    scale = np.abs(intercepts).max(axis=1, keepdims=True) if link == "identity" else 1.0
    slope = np.where(np.abs(slope) <= NO_SLOPE * scale, 0.0, slope)
    if link == "identity":
        low_rate, high_rate = intercepts, intercepts + slope
        low_slope, high_slope = np.ones_like(low_rate), np.ones_like(low_rate)
    elif link == "log":
        low_rate, high_rate = np.exp(intercepts), np.exp(np.clip(intercepts + slope, None, 300.0))
        low_slope, high_slope = low_rate, high_rate
    else:
        low_rate = 1.0 / (1.0 + np.exp(-intercepts))
        high_rate = 1.0 / (1.0 + np.exp(np.clip(-(intercepts + slope), None, 500.0)))
        low_slope, high_slope = low_rate * (1.0 - low_rate), high_rate * (1.0 - high_rate)
    weights = np.where(known, standard, 0.0)
    low, high = (weights * low_rate).sum(axis=1), (weights * high_rate).sum(axis=1)
    if link == "logit":
        certain = (standard * ((counted >= exposure) & (exposure > 0))).sum(axis=1)
        low, high = low + certain, high + certain
    estimable = fitted.estimable & ((exposure > 0) | (standard <= 0)).all(axis=1)

    def error_of(by_low: Floats, by_high: Floats, variance: str) -> stratified_fit.Uncertainty:
        by_intercept = weights * (by_low[:, None] * low_slope + by_high[:, None] * high_slope)
        by_slope = (weights * by_high[:, None] * high_slope).sum(axis=1, keepdims=True)
        return stratified_fit.uncertainty(fitted, by_intercept, by_slope, variance)

    return Ends(low, high, estimable, error_of)


def _by_age(checked: CheckedCells, standard: Floats, variance: str, level: ArrayLike) -> SlopeAndRelative:
    cells: Cells = stratified_fit.sort_cells(
        checked.events, checked.person_years, checked.rank[..., None], checked.age
    )
    lines = marginal_rates.lines_by_stratum(cells)
    usable = (lines.estimable | (standard <= 0)).all(axis=1) & (cells.events.sum(axis=1) > 0)
    weights = np.where(lines.estimable, standard, 0.0)
    low = (weights * lines.intercept).sum(axis=1)
    high = low + (weights * lines.slope).sum(axis=1)

    def error_of(by_low: Floats, by_high: Floats, kind: str) -> stratified_fit.Uncertainty:
        both = weights * (by_low + by_high)[:, None]
        return marginal_rates.uncertainty(lines, both, weights * by_high[:, None], kind)

    ends = Ends(low, high, usable, error_of)
    none = np.zeros(low.shape)
    return _indices(ends, checked.shape, none, variance, level, f"additive-by-age-poisson-{variance}")


def _indices(
    ends: Ends, shape: tuple[int, ...], overdispersion: Floats, variance: str, level: ArrayLike, method: str
) -> SlopeAndRelative:
    """Return both indices from the two ends: the difference as such, the ratio on the log scale."""
    low, high = ends.low, ends.high
    one = np.ones_like(low)
    of_slope = ends.error_of(-one, one, variance)
    slope = symmetric(
        (high - low).reshape(shape),
        of_slope.se.reshape(shape),
        level,
        method,
        ends.estimable.reshape(shape),
        of_slope.freedom.reshape(shape),
    )
    positive = ends.estimable & (low > 0) & (high > 0)
    safe_low, safe_high = np.where(positive, low, 1.0), np.where(positive, high, 1.0)
    of_ratio = ends.error_of(-1.0 / safe_low, 1.0 / safe_high, variance)
    relative = on_log_scale(
        np.log(safe_high / safe_low).reshape(shape),
        of_ratio.se.reshape(shape),
        level,
        method,
        positive.reshape(shape),
        of_ratio.freedom.reshape(shape),
    )
    return SlopeAndRelative(
        slope,
        relative,
        as_result(np.where(ends.estimable, low, np.nan).reshape(shape)),
        as_result(np.where(ends.estimable, high, np.nan).reshape(shape)),
        as_result(np.where(ends.estimable, overdispersion, np.nan).reshape(shape)),
    )
