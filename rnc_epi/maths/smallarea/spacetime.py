"""Relative risks of areas over periods: a map, a common curve, and what neither explains.

    eta_it = x_it' b + w_i + v_i + gamma_t + delta_it

with w + v the BYM2 effect of the area, gamma a curve common to all, and delta the interaction
(Knorr-Held 2000, doi:10.1002/1097-0258(20000915/30)19:17/18<2555::AID-SIM587>3.0.CO;2-#): type I, white
noise; type II, a curve of its own in each area. Curves are random walks, scaled (geometric mean variance 1)
and summing to zero, or stationary autoregressions of order 1, of marginal variance 1 and free.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnc_epi.maths.requirements import (
    require_choice,
    require_counts,
    require_finite,
    require_positive,
    require_shape,
    require_whole,
)
from rnc_epi.maths.smallarea.exploration import Plan
from rnc_epi.maths.smallarea.fitting import effect_priors, first_reach, summarise
from rnc_epi.maths.smallarea.graph import AreaGraph
from rnc_epi.maths.smallarea.inputs import design_matrix, graph_of, one_level, require_events
from rnc_epi.maths.smallarea.integrated import Engine
from rnc_epi.maths.smallarea.laplace import Likelihood, Problem
from rnc_epi.maths.smallarea.memory import require_memory
from rnc_epi.maths.smallarea.models import resolve_priors
from rnc_epi.maths.smallarea.priors import (
    Beta,
    HyperPrior,
    PenalisedComplexityMixing,
    PenalisedComplexitySD,
    Prior,
)
from rnc_epi.maths.smallarea.result import SmallAreaFit
from rnc_epi.maths.smallarea.spacetime_layout import Layout, least_fill
from rnc_epi.vocabulary.errors import InputError

Floats = NDArray[np.float64]

INTERACTIONS = ("none", "I", "II")
TIMES = ("random-walk", "autoregressive")


def fit_spacetime(
    observed: ArrayLike,
    expected: ArrayLike,
    edges: ArrayLike | AreaGraph,
    *,
    interaction: str = "I",
    time: str = "random-walk",
    covariates: ArrayLike | None = None,
    priors: Mapping[str, Prior] | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> SmallAreaFit:
    """Relative risks of areas over periods from observed and expected numbers of cases.

    Parameters
    ----------
    observed, expected : arrays (areas, periods)
        Cases; expected cases, above 0. Periods are consecutive and of one length.
    edges : array of int (m, 2) or AreaGraph
        Neighbouring pairs, areas numbered from 0.
    interaction : {"none", "I", "II"}
        What a place and a period have of their own: nothing, white noise, or a curve in each area.
    time : {"random-walk", "autoregressive"}
        What a curve over periods is: a walk, which may drift; or an autoregression, which returns to its
        mean, with one correlation ``rho`` between consecutive periods for all curves.
    covariates : array (areas, periods) or (areas, periods, p), optional
    priors : mapping, optional
        For ``sigma``, ``phi``, ``sigma_time``, ``rho``, ``sigma_interaction``, ``intercept``,
        ``coefficients``.
    level, seed
        As in :func:`rnc_epi.maths.smallarea.fit`.

    Returns
    -------
    SmallAreaFit
        Rows are cells, area by area: ``fit.relative_risk.reshape(areas, periods)``.

    Raises
    ------
    InputError, EstimateRefused
        ``A001`` to ``A008``, ``M001`` to ``M009`` as for :func:`rnc_epi.maths.smallarea.fit`; ``M002`` fewer
        than two periods.

    References
    ----------
    Knorr-Held L. Stat Med 2000;19:2555-2567 (interactions of types I and II).
    doi:10.1002/1097-0258(20000915/30)19:17/18<2555::AID-SIM587>3.0.CO;2-#

    Examples
    --------
    >>> import numpy as np
    >>> observed = np.array([[4, 6, 9], [3, 2, 5], [1, 2, 4]])
    >>> result = fit_spacetime(observed, np.full((3, 3), 4.0), np.array([[0, 1], [1, 2]]))
    >>> risk = result.relative_risk.reshape(3, 3)
    >>> bool(risk[:, 2].mean() > risk[:, 0].mean())
    True
    """
    counts = require_counts(observed, "observed")
    if counts.ndim != 2 or not counts.size or counts.shape[1] < 2:
        raise InputError(
            "M002", what="observed", expected="(areas, 2 periods or more)", found=str(counts.shape)
        )
    numbers = require_shape(require_positive(expected, "expected"), counts.shape, "expected")
    areas, periods = counts.shape
    graph = graph_of(areas, edges)
    require_choice(interaction, INTERACTIONS, "interaction")
    require_choice(time, TIMES, "time")
    coverage, seed = one_level(level), require_whole(seed, "seed", least=0)
    require_events(counts, priors)
    effects = design_matrix(areas * periods, _flat(covariates, counts.shape))
    likelihood = Likelihood(True, counts.ravel(), np.log(numbers).ravel())
    engine = spacetime_engine(likelihood, graph, interaction, time, effects, priors)
    autoregressive, resolved = time == "autoregressive", engine.priors
    # On many cells, or with a fifth hyperparameter, a grid costs minutes, and what is skewed there is an
    # interaction near zero.
    composite = 0.3 if counts.size < 2000 and not autoregressive else 1.0
    plan = Plan(step=1.5, drop=5.0, composite=composite, reach=first_reach(areas))
    start = np.array([{"sigma": 0.5}.get(name, 0.0) for name in resolved.free])
    name = spacetime_name(interaction, time)
    return summarise(engine, engine.integrate(start, plan), graph, name, coverage, seed)


def spacetime_engine(
    likelihood: Likelihood,
    graph: AreaGraph,
    interaction: str,
    time: str,
    effects: Floats,
    priors: Mapping[str, Prior] | None,
) -> Engine:
    """Return the engine of a map over periods: what its model, priors and data make of it."""
    rows = likelihood.data.size
    periods = rows // graph.size
    defaults: dict[str, HyperPrior] = {
        "sigma": PenalisedComplexitySD(),
        "phi": PenalisedComplexityMixing(),
        "sigma_time": PenalisedComplexitySD(),
    }
    autoregressive = time == "autoregressive"
    if autoregressive:
        defaults["rho"] = Beta(1.0, 1.0)
    if interaction != "none":
        defaults["sigma_interaction"] = PenalisedComplexitySD()
    resolved = resolve_priors(defaults, priors, graph.field)
    require_memory(least_fill(graph.size, periods, interaction == "II"), rows)
    layout = Layout(graph.field, periods, own_curves=interaction == "II", autoregressive=autoregressive)
    require_memory(layout.analysis.fill, rows)
    mean, precision = effect_priors(resolved, effects.shape[1])
    problem = Problem(
        layout.analysis, layout.constraints, layout.design, effects, mean, precision, likelihood
    )
    engine = Engine(problem, layout.precision, resolved)
    engine.recipe = (spacetime_engine, (likelihood, graph, interaction, time, effects, priors))
    return engine


def spacetime_name(interaction: str, time: str) -> str:
    """Return the name of a model over periods.

    Parameters
    ----------
    interaction : {"none", "I", "II"}
    time : {"random-walk", "autoregressive"}
        As for :func:`fit_spacetime`.

    Returns
    -------
    str

    Examples
    --------
    >>> spacetime_name("none", "random-walk"), spacetime_name("II", "autoregressive")
    ('spacetime', 'spacetime-II-autoregressive')
    """
    parts = ["spacetime"]
    parts += [interaction] if interaction != "none" else []
    parts += [time] if time != "random-walk" else []
    return "-".join(parts)


def _flat(covariates: ArrayLike | None, shape: tuple[int, ...]) -> Floats | None:
    if covariates is None:
        return None
    columns = require_finite(covariates, "covariates")
    if columns.shape[:2] != shape or columns.ndim > 3:
        raise InputError(
            "M002", what="covariates", expected=f"{shape} or {(*shape, 'p')}", found=str(columns.shape)
        )
    return np.asarray(columns.reshape(shape[0] * shape[1], -1))
