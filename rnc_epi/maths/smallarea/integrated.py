"""Integration over the hyperparameters: from a problem and its priors to weighted Gaussian approximations.

Every point starts from the modes already found, extrapolated by a local quadratic in the scores, so that
most points cost two factorisations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnc_epi.maths.gmrf import NotPositiveDefinite
from rnc_epi.maths.smallarea.exploration import Exploration, Plan, climb, explore
from rnc_epi.maths.smallarea.laplace import (
    Mode,
    NotConverged,
    Problem,
    corrected_mean,
    find_mode,
    row_variances,
)
from rnc_epi.maths.smallarea.marginals import Components
from rnc_epi.maths.smallarea.models import PriorPrecision, ResolvedPriors
from rnc_epi.vocabulary.errors import EstimateRefused

Floats = NDArray[np.float64]

# Factors of recent points kept for their variances, as long as they fit in this many bytes.
KEPT_BYTES = 20_000_000
MOST_MEMORIES = 40
# Where an infinite score is placed when distances between points are needed.
FAR = 6.0
# A limit whose posterior mass is below e^-12 of the rest is not explored.
NEGLIGIBLE = 12.0
HOPELESS = 60.0
# Nine tenths of the prior inside the limit lie below this score.
NEAR_THE_LIMIT = 1.3


@dataclass(frozen=True)
class Branch:
    """The interior of the hyperparameters, or a limit where one of them is held.

    Attributes
    ----------
    exploration : Exploration
    log_mass : float
        Log prior mass of the branch.
    held : array (dimensions,)
        Infinite where held, NaN where explored.
    """

    exploration: Exploration
    log_mass: float
    held: Floats

    def full(self, points: Floats) -> Floats:
        """Return points (k, dimensions) with the held scores put in."""
        result = np.tile(self.held, (len(points), 1))
        result[:, np.isnan(self.held)] = points
        return result


@dataclass(frozen=True)
class Approximation:
    """Gaussian approximation at one point of the hyperparameters.

    Attributes
    ----------
    mean, variance, curvature : arrays (rows,)
    effects, effect_covariance : arrays (p,), (p, p)
    """

    mean: Floats
    variance: Floats
    curvature: Floats
    effects: Floats
    effect_covariance: Floats


@dataclass(frozen=True)
class Integrated:
    """The result of the integration.

    Attributes
    ----------
    components : Components
        Gaussian approximation of each row at each point.
    effect_means : array (k, p)
    effect_covariances : array (k, p, p)
    points : array (k, dimensions)
        Normal scores; infinite at a limit.
    branches : tuple of Branch
    branch_weights : array
    log_evidence : float
    factorisations, evaluations : int
    """

    components: Components
    effect_means: Floats
    effect_covariances: Floats
    points: Floats
    branches: tuple[Branch, ...]
    branch_weights: Floats
    log_evidence: float
    factorisations: int
    evaluations: int

    def refined(self) -> tuple[Floats, Floats]:
        """Return many points (m, dimensions) and weights (m,) that follow the posterior of the scores."""
        parts = [(branch.full(p), w) for branch in self.branches for p, w in [branch.exploration.refined()]]
        weights = [share * w for share, (_, w) in zip(self.branch_weights, parts, strict=True)]
        return np.concatenate([p for p, _ in parts]), np.concatenate(weights)


class Engine:
    """The log-density of the hyperparameters given the data, remembered point by point.

    Parameters
    ----------
    problem : Problem
    precision : callable
        From hyperparameter values by name to :class:`PriorPrecision`.
    priors : ResolvedPriors
    """

    def __init__(
        self,
        problem: Problem,
        precision: Callable[[Mapping[str, float]], PriorPrecision],
        priors: ResolvedPriors,
    ) -> None:
        self.problem = problem
        self.precision = precision
        # How to make it again elsewhere: a function of a module and its arguments.
        self.recipe: tuple[Callable[..., Engine], tuple[object, ...]] | None = None
        self.priors = priors
        self.factorisations = 0
        self._values: dict[bytes, float] = {}
        self._scores: list[Floats] = []
        self._etas: list[Floats] = []
        self._modes: dict[bytes, Mode] = {}

    def __reduce__(self) -> tuple[Callable[..., Engine], tuple[object, ...]]:
        """Send how it is made, not what it remembers: a fit may come home from another process."""
        if self.recipe is None:
            raise TypeError("this engine was not made by a fit")
        return self.recipe

    def prior_at(self, scores: Floats) -> PriorPrecision:
        """Return the precision of the field at a point."""
        return self.precision(self.priors.values(scores))

    def mode_at(self, scores: Floats) -> Mode:
        """Return the Gaussian approximation at a point.

        Raises
        ------
        EstimateRefused
            A020 when the mode of the field is not found.
        """
        key = scores.tobytes()
        if key in self._modes:
            return self._modes[key]
        try:
            mode = find_mode(self.problem, self.prior_at(scores), self._guess(scores))
        except (NotConverged, NotPositiveDefinite) as error:
            raise EstimateRefused("A020", found=str(error)) from error
        self.factorisations += mode.steps
        self._modes[key] = mode
        while len(self._modes) * 8 * (self.problem.analysis.fill + 12 * mode.curvature.size) > KEPT_BYTES:
            self._modes.pop(next(iter(self._modes)))
        self._scores.append(scores.copy())
        self._etas.append(mode.state.eta)
        if len(self._etas) > MOST_MEMORIES:
            self._scores.pop(0)
            self._etas.pop(0)
        return mode

    def log_density(self, scores: Floats) -> float:
        """Return the log-density of the scores given the data, up to a constant that no model shares in."""
        key = scores.tobytes()
        if key not in self._values:
            # An infinite score is the limit of its hyperparameter: a point, without density.
            finite = scores[np.isfinite(scores)]
            prior = -0.5 * float(finite @ finite) - 0.5 * finite.size * np.log(2.0 * np.pi)
            self._values[key] = self.mode_at(scores).log_density + prior
        return self._values[key]

    def _guess(self, scores: Floats) -> Floats:
        if not self._etas:
            return self.problem.likelihood.start()
        away = np.minimum(np.array(self._scores), FAR) - np.minimum(scores, FAR)
        distance = (away**2).sum(axis=1)
        nearest = np.argsort(distance, kind="stable")[: 3 * (scores.size + 1) * (scores.size + 2) // 2]
        if distance[nearest[0]] == 0.0 or nearest.size < scores.size + 2:
            return self._etas[int(nearest[0])]
        # In units of the farthest of them, so that powers keep one size.
        away = away[nearest] / np.sqrt(distance[nearest[-1]])
        quadratic = (away[:, :, None] * away[:, None, :])[:, *np.triu_indices(scores.size)]
        basis = np.c_[np.ones(len(away)), away, quadratic]
        if nearest.size < basis.shape[1]:
            basis = basis[:, : scores.size + 1]
        weight = 1.0 / (0.05 + np.sqrt(distance[nearest]))
        # Value at `scores` of the polynomial of least weighted squares; the ridge is for points on a line.
        weighted = basis * weight[:, None] ** 2
        normal = weighted.T @ basis
        normal[np.diag_indices(len(normal))] += 1e-10 * normal.trace()
        share = weighted @ np.linalg.solve(normal, np.eye(len(normal))[0])
        guess = np.zeros_like(self._etas[0])
        for index, part in zip(nearest, share, strict=True):
            guess += part * self._etas[int(index)]
        return guess

    def integrate(self, start: Floats, plan: Plan) -> Integrated:
        """Explore the hyperparameters and return the approximation at each kept point."""
        branches = self._branches(start, plan)
        evidence = np.array([branch.log_mass + branch.exploration.log_evidence for branch in branches])
        log_evidence = float(np.logaddexp.reduce(evidence))
        weights, points = [], []
        for branch, log_share in zip(branches, evidence - log_evidence, strict=True):
            weights.append(np.exp(log_share) * branch.exploration.weights)
            points.append(branch.full(branch.exploration.points))
        found = [self.approximate(point) for point in np.concatenate(points)]
        likelihood = self.problem.likelihood
        components = Components(
            np.concatenate(weights),
            np.array([each.mean for each in found]),
            np.array([each.variance for each in found]),
            np.array([each.curvature for each in found]),
            likelihood.data,
            likelihood.known,
            likelihood.poisson,
        )
        evaluations = len(self._values)
        self._modes.clear()
        return Integrated(
            components,
            np.array([each.effects for each in found]),
            np.array([each.effect_covariance for each in found]),
            np.concatenate(points),
            tuple(branches),
            np.exp(evidence - log_evidence),
            log_evidence,
            self.factorisations,
            evaluations,
        )

    def _branches(self, start: Floats, plan: Plan) -> list[Branch]:
        atoms = [(k, self.priors.atoms.get(name, 0.0)) for k, name in enumerate(self.priors.free)]
        atoms = [(k, mass) for k, mass in atoms if mass > 0.0]
        rest = float(np.log1p(-sum(mass for _, mass in atoms)))
        for k, _ in atoms:
            if self._at_the_limit(k, start, plan):
                at_limit, held = self._limit(k, start.size)
                return [Branch(explore(at_limit, np.delete(start, k), plan), 0.0, held)]
        inside = Branch(explore(self.log_density, start, plan), rest, np.full(start.size, np.nan))
        branches = [inside]
        for k, mass in atoms:
            at_limit, held = self._limit(k, start.size)
            begin = np.delete(inside.exploration.mode, k)
            ahead = inside.exploration.log_density.max() + rest - float(np.log(mass))
            # The spread is at home at another value in the limit: it is sought before the limit is judged,
            # unless the limit is out of question.
            if at_limit(begin) < ahead - HOPELESS:
                continue
            if begin.size:
                begin, _ = climb(at_limit, begin, plan.reach)
            if at_limit(begin) > ahead - NEGLIGIBLE:
                branches.append(Branch(explore(at_limit, begin, plan), float(np.log(mass)), held))
        return branches

    def _limit(self, k: int, size: int) -> tuple[Callable[[Floats], float], Floats]:
        """Return the log-density of the other scores where score k is infinite, and the scores held."""
        held = np.full(size, np.nan)
        held[k] = np.inf

        def at_limit(scores: Floats) -> float:
            full = held.copy()
            full[np.isnan(held)] = scores
            return self.log_density(full)

        return at_limit, held

    def _at_the_limit(self, k: int, start: Floats, plan: Plan) -> bool:
        """Say whether the data leave hyperparameter k nowhere but at its limit.

        On a large map the likelihood can rise by hundreds between the bulk of the prior and the limit. What
        remains of the interior is then so near the limit that the risks are the same: the limit stands for
        both.
        """
        at_limit, _ = self._limit(k, start.size)
        others = np.delete(start, k)

        def inside(scores: Floats) -> float:
            return self.log_density(np.insert(scores, k, NEAR_THE_LIMIT))

        if not others.size or at_limit(others) < inside(others) + HOPELESS:
            return False
        others, _ = climb(at_limit, others, plan.reach)
        best, _ = climb(inside, others, plan.reach)
        return at_limit(others) > inside(best) + HOPELESS

    def approximate(self, scores: Floats) -> Approximation:
        """Return the Gaussian approximation at a point, its mean corrected."""
        mode = self.mode_at(scores)
        prior = self.prior_at(scores)
        variance = row_variances(self.problem, prior, mode)
        try:
            state = corrected_mean(self.problem, prior, mode, variance)
        except (NotConverged, NotPositiveDefinite) as error:
            raise EstimateRefused("A020", found=str(error)) from error
        covariance = mode.bordered.effects_covariance()
        return Approximation(state.eta, variance, mode.curvature, state.effects, covariance)

    def deviations(self, scores: Floats, rng: np.random.Generator, n: int) -> Floats:
        """Return draws of the log risks about their mean (rows, n) in the Gaussian approximation at a
        point.
        """
        problem = self.problem
        prior, mode = self.prior_at(scores), self.mode_at(scores)
        rows, effects = problem.effects.shape
        size = problem.analysis.size
        field_draws, effect_draws = mode.bordered.sample(
            rng.standard_normal((size, n)), rng.standard_normal((effects, n))
        )
        away = problem.design.apply(field_draws) + problem.effects @ effect_draws
        if prior.noise > 0:
            shrink = 1.0 / (1.0 + prior.noise * mode.curvature)
            away = shrink[:, None] * away
            away += np.sqrt(prior.noise * shrink)[:, None] * rng.standard_normal((rows, n))
        return np.asarray(away)
