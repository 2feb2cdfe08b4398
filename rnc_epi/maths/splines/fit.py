"""Penalised regression with the smoothing chosen by restricted likelihood: one fit, or many on one design."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnc_epi.maths.requirements import Floats, first_position, require_counts, require_finite, require_whole
from rnc_epi.maths.splines.design import Design
from rnc_epi.maths.splines.families import Family
from rnc_epi.maths.splines.reml import (
    Problem,
    State,
    evaluate,
    first_coefficients,
    inverse_information,
    predictor,
)
from rnc_epi.vocabulary.errors import EstimateRefused, InputError

_SEARCH_STEPS = 200
_LONGEST_STEP = 4.0
_SLOPE_TOLERANCE = 1e-6
# Smoothing parameters stay within exp(+-16) of the scale of the data: beyond, a term is null or free.
_REACH = 16.0


@dataclass(frozen=True)
class PenalisedFits:
    """Fits of several responses on one design; the first axis of every array holds the responses.

    Attributes
    ----------
    coefficients : ndarray, shape (responses, columns)
    inverse : ndarray, shape (responses, columns, columns)
        Inverse of the penalised information; the posterior covariance is `scale` times it.
    log_smoothing : ndarray, shape (responses, penalties)
    scale : ndarray, shape (responses,)
        One, or the Pearson estimate with Fletcher's correction.
    reml_scale : ndarray, shape (responses,)
        Scale that maximises the restricted likelihood; variances of random effects derive from it.
    edf : ndarray, shape (responses, columns)
        Effective degrees of freedom of each coefficient.
    score : ndarray, shape (responses,)
        Minus the restricted log-likelihood, up to a constant of the design: that of mgcv for a Gaussian
        response; for counts the two differ by constants (the scale of thin-plate columns, n log(2 pi) / 2).
    converged : ndarray of bool, shape (responses,)
    """

    design: Design = field(repr=False)
    family: Family
    coefficients: Floats = field(repr=False)
    inverse: Floats = field(repr=False)
    log_smoothing: Floats
    scale: Floats
    reml_scale: Floats
    edf: Floats = field(repr=False)
    score: Floats
    converged: NDArray[np.bool_]

    def standard_deviations(self, term: str) -> Floats:
        """Standard deviation of the coefficients of `term`, shape (responses, penalties of the term)."""
        rho = self.log_smoothing[:, self.design.terms[term].penalties]
        return np.sqrt(self.reml_scale[:, None] / np.exp(rho))

    def __getitem__(self, which: int) -> PenalisedFit:
        """Return the fit of one response."""
        return PenalisedFit(
            self.design,
            self.family,
            self.coefficients[which],
            self.inverse[which] * self.scale[which],
            self.log_smoothing[which],
            float(self.scale[which]),
            float(self.reml_scale[which]),
            self.edf[which],
            float(self.score[which]),
        )


@dataclass(frozen=True)
class PenalisedFit:
    """Fit of one response.

    Attributes
    ----------
    coefficients : ndarray, shape (columns,)
    covariance : ndarray, shape (columns, columns)
        Posterior covariance of the coefficients given the smoothing parameters (mgcv's ``Vp``).
    log_smoothing : ndarray, shape (penalties,)
    scale, reml_scale, score : float
        See :class:`PenalisedFits`.
    edf : ndarray, shape (columns,)
    """

    design: Design = field(repr=False)
    family: Family
    coefficients: Floats = field(repr=False)
    covariance: Floats = field(repr=False)
    log_smoothing: Floats
    scale: float
    reml_scale: float
    edf: Floats = field(repr=False)
    score: float

    def term_edf(self, term: str) -> float:
        """Effective degrees of freedom of one term."""
        return float(self.edf[self.design.terms[term].columns].sum())

    def standard_deviations(self, term: str) -> Floats:
        """Standard deviation of the coefficients of one term, one per penalty."""
        rho = self.log_smoothing[self.design.terms[term].penalties]
        return np.asarray(np.sqrt(self.reml_scale / np.exp(rho)))

    def linear_predictor(
        self, covariates: Mapping[str, ArrayLike], *, exclude: Collection[str] = ()
    ) -> tuple[Floats, Floats]:
        """Linear predictor without offset and its standard error for other covariates.

        Parameters
        ----------
        covariates : mapping of str to array_like, shape (rows,)
            Every covariate of the terms that are not excluded.
        exclude : collection of str
            Terms set to zero.

        Returns
        -------
        estimate, se : ndarray, shape (rows,)
        """
        rows = self.design.rows(covariates, exclude=exclude)
        variance = ((rows @ self.covariance) * rows).sum(axis=1)
        return rows @ self.coefficients, np.sqrt(np.maximum(variance, 0.0))

    def simulate(self, draws: int, *, seed: int) -> Floats:
        """Draws of the coefficients from their posterior, shape (draws, columns)."""
        require_whole(draws, "draws")
        require_whole(seed, "seed", least=0)
        values, vectors = np.linalg.eigh(self.covariance)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        noise = np.random.default_rng(seed).standard_normal((draws, self.coefficients.size))
        return self.coefficients + noise @ root.T


def _starting_point(problem: Problem) -> tuple[Floats, Floats, Floats]:
    """First smoothing parameters and their bounds, from the size of the information of each term."""
    guess = problem.family.first_guess(problem.response)
    _, curvature, _, _ = problem.family.derivatives(problem.response, guess)
    weight = problem.weights * curvature
    diagonal = weight @ problem.matrix**2
    touched = problem.penalties > 0
    size = (diagonal @ touched.T) / touched.sum(axis=1)
    strength = problem.penalties.sum(axis=1) / touched.sum(axis=1)
    middle = np.log(np.maximum(size, 1e-12) / strength)
    return middle, middle - _REACH, middle + _REACH


def _newton_step(state: State, rho: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Bounded Newton step and the slope that is left: flat or concave directions follow the slope."""
    stuck = ((rho <= low) & (state.slope > 0)) | ((rho >= high) & (state.slope < 0))
    slope = np.where(stuck, 0.0, state.slope)
    curvature = np.where(stuck[:, :, None] | stuck[:, None, :], 0.0, state.curvature)
    values, vectors = np.linalg.eigh(curvature)
    largest = np.abs(values).max(axis=1, keepdims=True)
    values = np.maximum(np.abs(values), np.maximum(1e-6 * largest, 1e-10))
    turned = np.einsum("rij,ri->rj", vectors, slope) / values
    step = -np.einsum("rij,rj->ri", vectors, turned)
    longest = np.abs(step).max(axis=1, keepdims=True)
    step = step * np.minimum(1.0, _LONGEST_STEP / np.maximum(longest, 1e-300))
    return np.clip(rho + step, low, high), slope


def _merge(into: State, part: State, where: NDArray[np.intp], taken: NDArray[np.bool_]) -> None:
    for name in vars(into):
        getattr(into, name)[where[taken]] = getattr(part, name)[taken]


def _search(
    problem: Problem, rho: Floats, low: Floats, high: Floats, start: Floats
) -> tuple[State, Floats, NDArray[np.bool_]]:
    state = evaluate(problem, rho, start)
    done = np.zeros(len(rho), dtype=bool)
    for _ in range(_SEARCH_STEPS):
        active = np.flatnonzero(~done)
        if active.size == 0:
            break
        now = State(*(getattr(state, name)[active] for name in vars(state)))
        target, slope = _newton_step(now, rho[active], low[active], high[active])
        flat = np.abs(slope).max(axis=1) < _SLOPE_TOLERANCE * (1 + np.abs(now.score))
        done[active[flat]] = True
        waiting = ~flat
        shift = target - rho[active]
        for _ in range(25):
            if not waiting.any():
                break
            indices = active[waiting]
            trial = rho[indices] + shift[waiting]
            reached = evaluate(problem.of(indices), trial, state.coefficients[indices])
            better = reached.score <= state.score[indices] + 1e-10 * (1 + np.abs(state.score[indices]))
            better &= np.isfinite(reached.score)
            _merge(state, reached, indices, better)
            rho[indices[better]] = trial[better]
            still = np.flatnonzero(waiting)
            waiting[still[better]] = False
            shift[waiting] /= 4
        else:
            # No shorter step improves: the optimum is found to the precision of the criterion.
            done[active[waiting]] = True
    return state, rho, done


def _stacked(values: ArrayLike, shape: tuple[int, int], what: str) -> Floats:
    numbers = require_finite(values, what)
    try:
        return np.ascontiguousarray(np.broadcast_to(numbers, shape))
    except ValueError as error:
        raise InputError("M002", what=what, expected=str(shape), found=str(numbers.shape)) from error


def fit_penalised_many(
    design: Design,
    responses: ArrayLike,
    *,
    family: Family,
    offset: ArrayLike = 0.0,
    weights: ArrayLike = 1.0,
    start: PenalisedFits | None = None,
    log_smoothing: ArrayLike | None = None,
) -> PenalisedFits:
    r"""Fit several responses on one design, the smoothing of each by restricted likelihood.

    Parameters
    ----------
    design : Design
        Model matrix, from :func:`build_design`.
    responses : array_like, shape (responses, rows)
        Counts or measurements.
    family : Family
        ``POISSON``, ``QUASI_POISSON``, ``NegativeBinomial(theta)`` or ``GAUSSIAN``.
    offset, weights : array_like, broadcast to (responses, rows)
        Added to the linear predictor; prior weights, where zero leaves the row out of that response.
    start : PenalisedFits, optional
        Fits to start from: one, or as many as there are responses.
    log_smoothing : array_like, broadcast to (responses, penalties), optional
        Smoothing parameters to use as they are, in place of a search.

    Returns
    -------
    PenalisedFits

    Raises
    ------
    InputError
        M001, M002, M007: impossible or misshapen input. C004: fewer rows with weight than coefficients
        without penalty. C005: no response differs from zero.

    References
    ----------
    Wood SN. J R Stat Soc B 2011;73:3-36. doi:10.1111/j.1467-9868.2010.00749.x
    Fletcher DJ. Biometrika 2012;99:230-7. doi:10.1093/biomet/asr083

    Examples
    --------
    >>> from rnc_epi.maths.splines import GAUSSIAN, build_design, linear
    >>> fits = fit_penalised_many(build_design([linear("x")], {"x": [0, 1, 2]}), [[1, 3, 5]], family=GAUSSIAN)
    >>> fits.coefficients.round(6).tolist()
    [[3.0, 2.0]]
    """
    given = require_finite(responses, "responses")
    rows = design.matrix.shape[0]
    if given.ndim != 2 or given.shape[1] != rows:
        raise InputError("M002", what="responses", expected=f"(responses, {rows})", found=str(given.shape))
    family.require_response(given)
    shape = (given.shape[0], rows)
    weight = _stacked(require_counts(weights, "weights"), shape, "weights")
    problem = Problem(
        design.matrix,
        design.penalties,
        design.unpenalised,
        family,
        given,
        _stacked(offset, shape, "offset"),
        weight,
    )
    used = weight > 0
    # An unknown scale needs one row more than the coefficients that no penalty restrains.
    least = design.unpenalised + int(family.scaled)
    short = used.sum(axis=1) < least
    if short.any():
        raise InputError("C004", found=int(used.sum(axis=1).min()), least=least, where=first_position(short))
    if family.log_link and (empty := ~((given > 0) & used).any(axis=1)).any():
        raise InputError("C005", where=first_position(empty))
    middle, low, high = _starting_point(problem)
    if log_smoothing is not None:
        rho = _stacked(log_smoothing, middle.shape, "log_smoothing").copy()
    elif start is not None:
        rho = np.clip(np.broadcast_to(start.log_smoothing, middle.shape), low, high)
    else:
        rho = middle.copy()
    if start is not None:
        first = np.broadcast_to(start.coefficients, (shape[0], design.matrix.shape[1])).copy()
    else:
        first = first_coefficients(problem, np.exp(rho) @ design.penalties)
    if log_smoothing is not None or design.penalties.shape[0] == 0:
        state = evaluate(problem, rho, first)
        found = state.converged
    else:
        state, rho, done = _search(problem, rho, low, high, first)
        found = state.converged & done
    return _collect(problem, design, state, rho, found)


def _collect(
    problem: Problem, design: Design, state: State, rho: Floats, found: NDArray[np.bool_]
) -> PenalisedFits:
    family = problem.family
    penalty = np.exp(rho) @ design.penalties
    eta = predictor(problem, state.coefficients)
    inverse = state.inverse
    if not family.canonical:
        # The covariance uses the expected information: the curvature at a response equal to its mean.
        mean = np.exp(eta) if family.log_link else eta
        _, expected, _, _ = family.derivatives(mean, eta)
        inverse = inverse_information(problem, problem.weights * expected, penalty)
    edf = 1 - penalty * np.einsum("rpp->rp", inverse)
    scale = np.ones(len(rho))
    if family.scaled:
        used = (problem.weights > 0).sum(axis=1)
        # Fletcher (2012): Pearson's estimate corrected for the skewness of sparse counts.
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            squared, skew = family.pearson(problem.response, eta)
            skewness = (np.sqrt(problem.weights) * skew).sum(axis=1) / used
            pearson = (problem.weights * squared).sum(axis=1) / (used - edf.sum(axis=1))
            scale = pearson / (1 + skewness)
        # Means that vanish beside events leave no scale: that is no fit.
        found = found & np.isfinite(scale)
    return PenalisedFits(
        design, family, state.coefficients, inverse, rho, scale, state.scale, edf, state.score, found
    )


def fit_penalised(
    design: Design,
    response: ArrayLike,
    *,
    family: Family,
    offset: ArrayLike = 0.0,
    weights: ArrayLike = 1.0,
) -> PenalisedFit:
    r"""Penalised regression of one response, smoothing parameters by restricted likelihood.

    Parameters
    ----------
    design : Design
        Model matrix, from :func:`build_design`.
    response : array_like, shape (rows,)
        Counts or measurements.
    family : Family
        ``POISSON``, ``QUASI_POISSON``, ``NegativeBinomial(theta)`` or ``GAUSSIAN``.
    offset, weights : array_like, broadcast to (rows,)
        Added to the linear predictor; prior weights, where zero leaves the row out.

    Returns
    -------
    PenalisedFit

    Raises
    ------
    InputError
        As :func:`fit_penalised_many`.
    EstimateRefused
        C006: the search for the smoothing parameters did not converge.

    References
    ----------
    Wood 2011, as for :func:`fit_penalised_many`.

    Examples
    --------
    A balanced one-way random effect has its variance in closed form: between-group mean square less
    within-group mean square, over the group size. Here (8 - 2) / 2 = 3.

    >>> from rnc_epi.maths.splines import GAUSSIAN, build_design, random_effect
    >>> group = ["a", "a", "b", "b", "c", "c"]
    >>> design = build_design([random_effect("group", group)], {"group": group})
    >>> fit = fit_penalised(design, [1.0, 3, 3, 5, 5, 7], family=GAUSSIAN)
    >>> [round(float(sd) ** 2, 4) for sd in fit.standard_deviations("group")], round(fit.reml_scale, 4)
    ([3.0], 2.0)
    """
    one = require_finite(response, "response")
    rows = design.matrix.shape[0]
    if one.shape != (rows,):
        raise InputError("M002", what="response", expected=f"({rows},)", found=str(one.shape))
    fits = fit_penalised_many(design, one[None], family=family, offset=offset, weights=weights)
    if not fits.converged[0]:
        raise EstimateRefused("C006")
    return fits[0]
