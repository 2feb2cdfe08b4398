"""The Gaussian approximation of a model at given hyperparameters, and the probability of the data there.

The log risks are eta = A x + X b + v: x a sparse Gaussian field, b a few effects, v white noise of variance
g (possibly 0). The noise is eliminated exactly. With D the curvature of the log-likelihood at each row, a
working observation of the rest, A x + X b, has precision

    P = D / (1 + g D),

so that the only sparse matrix factorised is  H = Q + A' P A, of the size of x. Newton's step moves the
point where the likelihood is expanded; close to the solution the last factor is kept ("chord" steps, one
solve each).

References: Rue, Martino and Chopin (2009), doi:10.1111/j.1467-9868.2008.00700.x (nested Laplace); van
Niekerk and Rue (2024), doi:10.1016/j.csda.2023.107907 (variational correction of the mean).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from rnc_epi.maths.gmrf import Analysis, BorderedFactor, Constraints, Factor
from rnc_epi.maths.smallarea.design import Design, multiply
from rnc_epi.maths.smallarea.models import PriorPrecision

Floats = NDArray[np.float64]

# Newton steps before giving up; a well-posed fit needs three to six.
MOST_STEPS = 60
# Largest change of a log risk in one expansion: exp() of a wild step would leave the numbers.
LONGEST_RISE, LONGEST_FALL = 2.0, 4.0
# Below this change a step hardly alters the curvature, and the factor is kept.
CHORD = 0.1
# No log risk is that far from 0: a map with hardly an expected event has no mean to find.
FARTHEST = 200.0
# The determinant feels the error of every area at once, hence a tight end.
CLOSE = 1e-7


class NotConverged(ArithmeticError):
    """The mode of the field was not found."""


@dataclass(frozen=True)
class Likelihood:
    """Poisson counts with expected numbers, or Gaussian estimates with known variances.

    Attributes
    ----------
    poisson : bool
    data : array (rows,)
        Counts, or estimates.
    known : array (rows,)
        Log of the expected numbers, or precisions (0 where nothing was observed).
    """

    poisson: bool
    data: Floats
    known: Floats

    def score_and_curvature(self, eta: Floats, spread: Floats | float = 0.0) -> tuple[Floats, Floats]:
        """Return the slope and minus the second derivative of the log-likelihood, averaged over N(eta,
        spread).
        """
        if self.poisson:
            mean = np.exp(eta + self.known + 0.5 * spread)
            return self.data - mean, mean
        return self.known * (self.data - eta), self.known

    @cached_property
    def _log_factorials(self) -> float:
        return float(gammaln(self.data + 1.0).sum())

    def log_density(self, eta: Floats) -> float:
        """Return the log-likelihood of all rows."""
        if self.poisson:
            log_mean = eta + self.known
            return float(self.data @ log_mean - np.exp(log_mean).sum() - self._log_factorials)
        seen = self.known > 0
        squares = self.known[seen] * (self.data[seen] - eta[seen]) ** 2
        return float(0.5 * (np.log(self.known[seen] / (2.0 * np.pi)) - squares).sum())

    def start(self) -> Floats:
        """Return log risks to begin from: raw ratios drawn towards the overall one."""
        if self.poisson:
            expected = np.exp(self.known)
            overall = max(self.data.sum(), 0.5) / expected.sum()
            return np.log((self.data + 2.0 * overall) / (expected + 2.0))
        return np.where(self.known > 0, self.data, 0.0)


@dataclass(frozen=True)
class Problem:
    """All that does not change with the hyperparameters.

    Attributes
    ----------
    analysis : Analysis or None
        Pattern of H; None without field.
    constraints : Constraints
    design : Design
    effects : array (rows, p)
        X, intercept first.
    effect_mean, effect_precision : arrays (p,)
        Independent normal priors of b.
    likelihood : Likelihood
    """

    analysis: Analysis
    constraints: Constraints
    design: Design
    effects: Floats
    effect_mean: Floats
    effect_precision: Floats
    likelihood: Likelihood

    def bordered(self, prior: PriorPrecision, curvature: Floats) -> BorderedFactor:
        """Factorise the posterior precision of (x, b) for a given curvature of the likelihood."""
        weights = curvature / (1.0 + prior.noise * curvature)
        factor = Factor(self.analysis, self.design.precision(prior.entries, weights))
        weighted = self.effects * weights[:, None]
        corner = self.effects.T @ weighted + np.diag(self.effect_precision)
        return BorderedFactor(factor, self.constraints, self.design.spread(weighted), corner)


@dataclass(frozen=True)
class State:
    """A point of the model: field, effects, noise, and the log risks they make."""

    field: Floats
    effects: Floats
    noise: Floats
    eta: Floats


@dataclass(frozen=True)
class Mode:
    """The mode at given hyperparameters.

    Attributes
    ----------
    state : State
    curvature : array (rows,)
        D at the mode.
    bordered : BorderedFactor
        Factorisation at the mode.
    log_density : float
        Laplace approximation of the log-probability of the data.
    steps : int
        Factorisations used.
    """

    state: State
    curvature: Floats
    bordered: BorderedFactor
    log_density: float
    steps: int


def find_mode(problem: Problem, prior: PriorPrecision, start: Floats) -> Mode:
    """Climb to the mode of the field from the log risks `start` (rows,).

    Raises
    ------
    NotConverged
    """
    likelihood = problem.likelihood
    if not likelihood.poisson:
        bordered = problem.bordered(prior, likelihood.known)
        state = _jump(problem, prior, bordered, likelihood.known, np.zeros(likelihood.data.size))
        return _finish(problem, prior, state, likelihood.known, bordered, 1)
    eta = start
    for step in range(1, MOST_STEPS + 1):
        _, curvature = likelihood.score_and_curvature(eta)
        bordered = problem.bordered(prior, curvature)
        state = _jump(problem, prior, bordered, curvature, eta)
        move = state.eta - eta
        size = float(np.abs(move).max())
        if not np.isfinite(size):
            raise NotConverged("the log risks left the numbers")
        if size < CHORD:
            state, done = _chords(problem, prior, bordered, curvature, state, 0.0, CLOSE)
            if done:
                _, at_mode = likelihood.score_and_curvature(state.eta)
                if size > CLOSE:
                    bordered = problem.bordered(prior, at_mode)
                    step += 1
                return _finish(problem, prior, state, at_mode, bordered, step)
        eta = eta + np.clip(move, -LONGEST_FALL, LONGEST_RISE)
    raise NotConverged(f"no convergence in {MOST_STEPS} steps")


def corrected_mean(problem: Problem, prior: PriorPrecision, mode: Mode, variance: Floats) -> State:
    """Return the mean of the best Gaussian of the given marginal variances (rows,), in Kullback-Leibler
    divergence.

    The mode solves "prior force = slope of the likelihood at eta"; the mean solves it with the slope
    averaged over the Gaussian, which for the Poisson is the slope with expected numbers multiplied by
    exp(variance / 2).
    """
    if not problem.likelihood.poisson:
        return mode.state
    state, done = _chords(problem, prior, mode.bordered, mode.curvature, mode.state, variance, 1e-5)
    for _ in range(MOST_STEPS):
        if done:
            return state
        _, curvature = problem.likelihood.score_and_curvature(state.eta, variance)
        bordered = problem.bordered(prior, curvature)
        state, done = _chords(problem, prior, bordered, curvature, state, variance, 1e-5)
    raise NotConverged("the corrected mean was not found")


def row_variances(problem: Problem, prior: PriorPrecision, mode: Mode) -> Floats:
    """Return the marginal variance of each log risk (rows,) in the Gaussian approximation."""
    bordered, design = mode.bordered, problem.design
    unconstrained = design.quadratic(bordered.factor.covariances())
    see = None if design.rows is None else design.apply
    seen = bordered.row_variances(unconstrained, problem.effects, see)
    shrink = 1.0 / (1.0 + prior.noise * mode.curvature)
    return np.asarray(shrink**2 * seen + prior.noise * shrink)


def _jump(
    problem: Problem, prior: PriorPrecision, bordered: BorderedFactor, curvature: Floats, eta: Floats
) -> State:
    # Full Newton step: the regression on the working observation eta + score / D, written without dividing
    # by D, which vanishes where nothing was observed.
    score, _ = problem.likelihood.score_and_curvature(eta)
    natural = curvature * eta + score
    shrink = 1.0 / (1.0 + prior.noise * curvature)
    natural_rest = natural * shrink
    prior_part = problem.effect_precision * problem.effect_mean
    field, effects = bordered.solve(
        problem.design.spread(natural_rest), problem.effects.T @ natural_rest + prior_part
    )
    rest = problem.design.apply(field) + problem.effects @ effects
    noise = prior.noise * shrink * (natural - curvature * rest)
    return State(field, effects, noise, rest + noise)


def _chords(
    problem: Problem,
    prior: PriorPrecision,
    bordered: BorderedFactor,
    curvature: Floats,
    state: State,
    spread: Floats | float,
    close: float,
) -> tuple[State, bool]:
    """Step with a fixed factor until a step is below `close`; give up when steps do not shrink."""
    shrink = 1.0 / (1.0 + prior.noise * curvature)
    previous = np.inf
    for _ in range(12):
        score, _ = problem.likelihood.score_and_curvature(state.eta, spread)
        # Gradient for the noise is score - v / g; eliminated, it leaves (score + D v) / (1 + g D) for the
        # rest.
        pull = shrink * (score + curvature * state.noise)
        gradient = problem.design.spread(pull) - multiply(problem.analysis, prior.entries, state.field)
        effects_gradient = problem.effects.T @ pull
        effects_gradient -= problem.effect_precision * (state.effects - problem.effect_mean)
        field, effects = bordered.solve(gradient, effects_gradient)
        rest = problem.design.apply(field) + problem.effects @ effects
        noise = shrink * (prior.noise * (score - curvature * rest) - state.noise)
        state = State(
            state.field + field, state.effects + effects, state.noise + noise, state.eta + rest + noise
        )
        size = float(np.abs(rest + noise).max())
        if not float(np.abs(state.eta).max()) < FARTHEST:
            raise NotConverged("the log risks left the numbers")
        if size < close:
            return state, True
        if not size < 0.5 * previous:
            return state, False
        previous = size
    return state, False


def _finish(
    problem: Problem,
    prior: PriorPrecision,
    state: State,
    curvature: Floats,
    bordered: BorderedFactor,
    steps: int,
) -> Mode:
    centred = state.effects - problem.effect_mean
    penalty = float(state.field @ multiply(problem.analysis, prior.entries, state.field))
    penalty += float(problem.effect_precision @ centred**2)
    determinants = prior.log_determinant + float(np.log(problem.effect_precision).sum())
    determinants -= bordered.log_determinant
    if prior.noise > 0:
        penalty += float((state.noise**2).sum()) / prior.noise
        determinants -= float(np.log1p(prior.noise * curvature).sum())
    log_density = problem.likelihood.log_density(state.eta) + 0.5 * (determinants - penalty)
    if not np.isfinite(log_density):
        raise NotConverged("the probability of the data is not a number")
    return Mode(state, curvature, bordered, log_density, steps)
