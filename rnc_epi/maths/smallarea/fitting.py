"""The front door: counts and a map in, relative risks with limits and exceedance out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from rnc_epi.maths.gmrf import Analysis, analyse
from rnc_epi.maths.requirements import (
    require_choice,
    require_finite,
    require_positive,
    require_shape,
    require_whole,
)
from rnc_epi.maths.smallarea.dense import DenseEngine, error_covariance
from rnc_epi.maths.smallarea.design import Design
from rnc_epi.maths.smallarea.diagnostics import Diagnostics, grid_change, importance_shape
from rnc_epi.maths.smallarea.exploration import Exploration, Plan
from rnc_epi.maths.smallarea.graph import AreaGraph
from rnc_epi.maths.smallarea.inputs import (
    checked_data,
    design_matrix,
    graph_of,
    one_level,
    require_events,
)
from rnc_epi.maths.smallarea.integrated import Engine, Integrated
from rnc_epi.maths.smallarea.laplace import Likelihood, Problem
from rnc_epi.maths.smallarea.marginals import Components, mix
from rnc_epi.maths.smallarea.memory import require_memory
from rnc_epi.maths.smallarea.models import MODELS, ResolvedPriors, SpatialModel, resolve_priors, spatial_model
from rnc_epi.maths.smallarea.priors import Prior
from rnc_epi.maths.smallarea.result import ParameterSummary, SmallAreaFit
from rnc_epi.vocabulary.errors import EstimateRefused, InputError

Floats = NDArray[np.float64]

# A corrected mean and a tilted mean that differ by more say that the Gaussian approximation does not hold.
MOST_SHIFT = 0.5
IMPORTANCE_ROWS, IMPORTANCE_DRAWS = 2000, 400


def fit(
    observed: ArrayLike,
    expected: ArrayLike,
    edges: ArrayLike | AreaGraph,
    *,
    model: str = "bym2",
    covariates: ArrayLike | None = None,
    priors: Mapping[str, Prior] | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> SmallAreaFit:
    """Relative risks of the areas of a map from observed and expected numbers of cases.

    The observed numbers are Poisson with mean expected x relative risk; the log relative risks follow one
    of the models of :mod:`rnc_epi.maths.smallarea.models`. The posterior is found by integrated nested
    Laplace approximation: no simulation enters the estimates, which are the same at each run.

    Parameters
    ----------
    observed : array (areas,)
        Cases; fractions (redistributed cases) are accepted.
    expected : array (areas,)
        Expected cases, above 0.
    edges : array of int (m, 2), or AreaGraph
        Neighbouring pairs, areas numbered from 0, each pair once. An :class:`AreaGraph` shares the work done
        on the map between fits.
    model : {"bym2", "icar", "bym", "leroux", "independent"}
    covariates : array (areas,) or (areas, p), optional
        One coefficient each, on the log scale.
    priors : mapping, optional
        Prior by name of hyperparameter, ``"intercept"`` or ``"coefficients"``; the others keep their
        defaults.
    level : float
        Coverage of the limits.
    seed : int
        For :meth:`SmallAreaFit.draws` and the importance diagnostic.

    Returns
    -------
    SmallAreaFit

    Raises
    ------
    InputError
        A001-A008 for the map, the priors and the covariates; M001, M002, M004, M005, M007, M009 for the
        numbers.
    EstimateRefused
        A020 field not found, A021 or A022 hyperparameters not found, A023 approximation not
        reliable, A024 not enough memory, A027 fewer than five cases on the whole map.

    References
    ----------
    Besag, York and Mollié (1991), doi:10.1007/BF00116466. Riebler et al. (2016),
    doi:10.1177/0962280216660421. Rue, Martino and Chopin (2009), doi:10.1111/j.1467-9868.2008.00700.x.

    Examples
    --------
    >>> import numpy as np
    >>> observed = np.array([12, 9, 4, 3, 2, 0])
    >>> expected = np.array([6.0, 5.0, 4.0, 4.0, 3.0, 1.5])
    >>> edges = np.array([[0, 1], [1, 2], [2, 3], [3, 4]])         # five areas in a row and an island
    >>> result = fit(observed, expected, edges)
    >>> bool((np.diff(result.relative_risk[:5]) < 0).all())
    True
    >>> result.exceedance(1.0).round(1)[0] > 0.8
    np.True_
    """
    counts, numbers, graph = checked_data(observed, expected, edges)
    require_choice(model, MODELS, "model")
    require_events(counts, priors)
    likelihood = Likelihood(True, counts, np.log(numbers))
    return _fit_spatial(likelihood, graph, model, covariates, priors, level, seed)


def fit_gaussian(
    estimates: ArrayLike,
    errors: ArrayLike,
    edges: ArrayLike | AreaGraph,
    *,
    model: str = "bym2",
    covariates: ArrayLike | None = None,
    priors: Mapping[str, Prior] | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> SmallAreaFit:
    """Smooth log estimates whose errors are known: their variances, or their full covariance.

    Parameters
    ----------
    estimates : array (areas,)
        Logarithms of ratios or rates.
    errors : array (areas,) or (areas, areas)
        Their error variances, above 0, or the covariance matrix of their errors (estimates calibrated on
        the same coefficients, for instance). With a matrix the algebra is dense: a few thousand areas at
        most.
    edges, model, covariates, priors, level, seed
        As in :func:`fit`.

    Returns
    -------
    SmallAreaFit
        Rows are areas; ``relative_risk`` is the smoothed estimate on the natural scale.

    Raises
    ------
    InputError
        ``A001`` to ``A008`` graph, covariates, priors as for :func:`fit`; ``A009`` an error covariance that
        is not symmetric and positive definite; ``M002``, ``M007``, ``M009`` estimates and errors; ``M004``,
        ``M005`` level and model.
    EstimateRefused
        As for :func:`fit`.

    References
    ----------
    Fay RE, Herriot RA. J Am Stat Assoc 1979;74:269-277. doi:10.2307/2286322. The
    fields and the engine as for :func:`fit`.

    Examples
    --------
    Of two neighbours known as badly as one another, both end between their estimates:

    >>> import numpy as np
    >>> edges = np.array([[0, 1], [1, 2]])
    >>> smooth = fit_gaussian(np.log([0.5, 1.0, 2.0]), [0.1, 0.1, 0.1], edges)
    >>> bool(0.5 < smooth.relative_risk[0] < smooth.relative_risk[2] < 2.0)
    True
    """
    values = require_finite(estimates, "estimates")
    if values.ndim != 1 or not values.size:
        raise InputError("M002", what="estimates", expected="(areas,)", found=str(values.shape))
    graph = graph_of(values.size, edges)
    require_choice(model, MODELS, "model")
    if np.ndim(errors) == 2:
        covariance = error_covariance(errors, values.size)
        likelihood = Likelihood(False, values, 1.0 / np.diag(covariance))
        return _fit_spatial(likelihood, graph, model, covariates, priors, level, seed, covariance)
    known = require_shape(require_positive(errors, "errors"), values.shape, "errors")
    return _fit_spatial(Likelihood(False, values, 1.0 / known), graph, model, covariates, priors, level, seed)


def spatial_problem(
    likelihood: Likelihood, spatial: SpatialModel, effects: Floats, priors: ResolvedPriors
) -> Problem:
    """Return the problem of one map: each row sees its own area."""
    if spatial.field is None:
        analysis: Analysis = analyse(0, np.zeros(0, np.int64), np.zeros(0, np.int64))
        design = Design.empty(likelihood.data.size)
    else:
        analysis = spatial.field.analysis
        design = Design.identity(analysis)
    mean, precision = effect_priors(priors, effects.shape[1])
    return Problem(analysis, spatial.constraints, design, effects, mean, precision, likelihood)


def effect_priors(priors: ResolvedPriors, size: int) -> tuple[Floats, Floats]:
    """Return prior means and precisions of the intercept and the coefficients."""
    mean = np.full(size, priors.coefficients.mean)
    sd = np.full(size, priors.coefficients.sd)
    mean[0], sd[0] = priors.intercept.mean, priors.intercept.sd
    return mean, 1.0 / sd**2


def _fit_spatial(
    likelihood: Likelihood,
    graph: AreaGraph,
    model: str,
    covariates: ArrayLike | None,
    priors: Mapping[str, Prior] | None,
    level: float,
    seed: int,
    covariance: Floats | None = None,
) -> SmallAreaFit:
    coverage, seed = one_level(level), require_whole(seed, "seed", least=0)
    effects = design_matrix(graph.size, covariates)
    require_memory(len(np.asarray(graph.edges)), graph.size)
    engine = spatial_engine(likelihood, graph, model, effects, priors, covariance)
    resolved = engine.priors
    plan = Plan(step=1.25, drop=5.0, composite=0.0, reach=first_reach(likelihood.data.size))
    start = np.array([_first_score(likelihood, resolved, name) for name in resolved.free])
    return summarise(engine, engine.integrate(start, plan), graph, model, coverage, seed)


def spatial_engine(
    likelihood: Likelihood,
    graph: AreaGraph,
    model: str,
    effects: Floats,
    priors: Mapping[str, Prior] | None,
    covariance: Floats | None,
) -> Engine:
    """Return the engine of one map: what its model, priors and data make of it."""
    spatial = spatial_model(model, graph.field)
    resolved = resolve_priors(spatial.defaults, priors, spatial.field)
    problem = spatial_problem(likelihood, spatial, effects, resolved)
    require_memory(problem.analysis.fill, likelihood.data.size)
    if covariance is None:
        engine = Engine(problem, spatial.precision, resolved)
    else:
        engine = DenseEngine(problem, spatial.precision, resolved, covariance)
    engine.recipe = (spatial_engine, (likelihood, graph, model, effects, priors, covariance))
    return engine


def first_reach(rows: int) -> float:
    """Return a rough posterior standard deviation of the scores: it falls with the root of the number of
    areas.
    """
    return min(0.5, 5.0 / float(np.sqrt(rows)))


def _first_score(likelihood: Likelihood, priors: ResolvedPriors, name: str) -> float:
    """Return where to begin: the prior median of a share, a rough moment estimate of a standard deviation."""
    if not name.startswith("sigma"):
        return 0.0
    if likelihood.poisson:
        expected = np.exp(likelihood.known)
        overall = max(likelihood.data.sum(), 0.5) / expected.sum()
        ratio = likelihood.data / (expected * overall)
        excess = float((expected * (ratio - 1.0) ** 2).sum() / expected.sum())
        variance = excess - likelihood.data.size / float(expected.sum() * overall)
    else:
        variance = float(np.var(likelihood.data) - (1.0 / likelihood.known).mean())
    target = np.sqrt(max(np.log1p(max(variance, 0.0)), 0.01))
    scores = np.linspace(-3.0, 4.0, 141)
    return float(scores[np.argmin(np.abs(np.log(priors.transforms[name](scores)) - np.log(target)))])


def summarise(
    engine: Engine, integrated: Integrated, graph: AreaGraph, model: str, level: float, seed: int
) -> SmallAreaFit:
    """Turn an integration into a result, or refuse it."""
    marginals = mix(integrated.components)
    components, exploration = integrated.components, integrated.branches[0].exploration
    shift = float((components.weight @ np.abs(marginals.shift)).max()) if components.poisson else 0.0
    if not np.isfinite(marginals.density).all() or shift > MOST_SHIFT:
        raise EstimateRefused("A023", found=f"{shift:.2f}", expected=MOST_SHIFT)
    shape = float("nan")
    rows = components.data.size
    if components.poisson and rows <= IMPORTANCE_ROWS:
        rng = np.random.default_rng([seed, 1])
        heaviest = integrated.points[int(np.argmax(components.weight))]
        shape = importance_shape(components, engine.deviations(heaviest, rng, IMPORTANCE_DRAWS))
    diagnostics = Diagnostics(
        areas=graph.size,
        components=graph.components,
        islands=int(graph.islands.size),
        points=len(integrated.points),
        evaluations=integrated.evaluations,
        factorisations=integrated.factorisations,
        design=exploration.design,
        grid_change=_grid_change(components, exploration),
        mean_shift=shift,
        importance_shape=shape,
    )
    tail = 0.5 * (1.0 - level)
    return SmallAreaFit(
        model=model,
        level=level,
        relative_risk=marginals.risk_mean,
        median=np.exp(marginals.quantile(0.5)),
        sd=marginals.risk_sd,
        lower=np.exp(marginals.quantile(tail)),
        upper=np.exp(marginals.quantile(1.0 - tail)),
        log_mean=marginals.mean,
        log_sd=marginals.sd,
        hyperparameters=_hyperparameters(engine.priors, integrated, level),
        coefficients=_coefficients(integrated, level),
        log_evidence=integrated.log_evidence,
        diagnostics=diagnostics,
        marginals=marginals,
        integrated=integrated,
        engine=engine,
        seed=seed,
    )


def _grid_change(components: Components, exploration: Exploration) -> float:
    if exploration.design != "grid":
        return float("nan")
    inside = len(exploration.points)
    part = replace(
        components,
        weight=components.weight[:inside],
        mean=components.mean[:inside],
        variance=components.variance[:inside],
    )
    return grid_change(part, exploration.steps)


def _hyperparameters(
    priors: ResolvedPriors, integrated: Integrated, level: float
) -> dict[str, ParameterSummary]:
    points, weights = integrated.refined()
    tail = 0.5 * (1.0 - level)
    summaries = {}
    for k, name in enumerate(priors.free):
        values = priors.transforms[name](points[:, k])
        mean = float(weights @ values)
        sd = float(np.sqrt(float(weights @ (values - mean) ** 2)))
        order = np.argsort(values, kind="stable")
        reached = np.cumsum(weights[order]) - 0.5 * weights[order]
        lower, median, upper = np.interp([tail, 0.5, 1.0 - tail], reached, values[order])
        summaries[name] = ParameterSummary(mean, sd, float(lower), float(median), float(upper))
    return summaries


def _coefficients(integrated: Integrated, level: float) -> dict[str, ParameterSummary]:
    weight = integrated.components.weight
    means = integrated.effect_means
    variances = np.einsum("kii->ki", integrated.effect_covariances)
    tail = 0.5 * (1.0 - level)
    summaries = {}
    for j in range(means.shape[1]):
        mean = float(weight @ means[:, j])
        sd = float(np.sqrt(weight @ (variances[:, j] + (means[:, j] - mean) ** 2)))
        limits = _mixture_quantiles(
            weight, means[:, j], np.sqrt(variances[:, j]), np.array([tail, 0.5, 1.0 - tail])
        )
        summaries["intercept" if j == 0 else f"beta_{j}"] = ParameterSummary(mean, sd, *limits.tolist())
    return summaries


def _mixture_quantiles(weight: Floats, mean: Floats, sd: Floats, probabilities: Floats) -> Floats:
    away = 10.0 + np.abs(ndtri(probabilities))[:, None]
    low, high = (mean - away * sd).min(axis=1), (mean + away * sd).max(axis=1)
    for _ in range(60):
        middle = 0.5 * (low + high)
        below = ndtr((middle[:, None] - mean) / sd) @ weight < probabilities
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return 0.5 * (low + high)
