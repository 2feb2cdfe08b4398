"""Relative risks of areas over periods: a map, a common curve, and what neither explains.

    eta_it = x_it' b + w_i + v_i + gamma_t + delta_it

with w + v the BYM2 effect of the area, gamma a random walk common to all, and delta the interaction
(Knorr-Held 2000, doi:10.1002/1097-0258(20000915/30)19:17/18<2555::AID-SIM587>3.0.CO;2-#): type I, white
noise; type II, a random walk of its own in each area. Walks are scaled (geometric mean variance 1) and sum
to zero.

Type II would bring one constraint an area. It is avoided by holding v_i + delta_i. as one block of T
unknowns: its covariance s2 11' + sd2 R^- has the inverse 11' / (T^2 s2) + R / sd2, because R 1 = 0.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from rnc_epi.maths.gmrf import Analysis, Constraints, IntrinsicField, analyse
from rnc_epi.maths.requirements import (
    require_choice,
    require_counts,
    require_finite,
    require_positive,
    require_shape,
)
from rnc_epi.maths.smallarea.exploration import Plan
from rnc_epi.maths.smallarea.fitting import design_matrix, effect_priors, first_reach, one_level, summarise
from rnc_epi.maths.smallarea.graph import AreaGraph
from rnc_epi.maths.smallarea.integrated import Engine
from rnc_epi.maths.smallarea.laplace import Design, Likelihood, Problem
from rnc_epi.maths.smallarea.memory import require_memory
from rnc_epi.maths.smallarea.models import PriorPrecision, resolve_priors
from rnc_epi.maths.smallarea.priors import HyperPrior, PenalisedComplexityMixing, PenalisedComplexitySD, Prior
from rnc_epi.maths.smallarea.result import SmallAreaFit
from rnc_epi.vocabulary.errors import InputError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

INTERACTIONS = ("none", "I", "II")


def fit_spacetime(
    observed: ArrayLike,
    expected: ArrayLike,
    edges: ArrayLike | AreaGraph,
    *,
    interaction: str = "I",
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
    interaction : {"none", "I", "II"}
        What a place and a period have of their own: nothing, white noise, or a random walk in each area.
    covariates : array (areas, periods) or (areas, periods, p), optional
    priors : mapping, optional
        For ``sigma``, ``phi``, ``sigma_time``, ``sigma_interaction``, ``intercept``, ``coefficients``.
    level, seed
        As in :func:`rnc_epi.maths.smallarea.fit`.

    Returns
    -------
    SmallAreaFit
        Rows are cells, area by area: ``fit.relative_risk.reshape(areas, periods)``.

    Raises
    ------
    InputError, EstimateRefused
        As :func:`rnc_epi.maths.smallarea.fit`.

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
    graph = edges if isinstance(edges, AreaGraph) else AreaGraph(areas, edges)
    if graph.size != areas:
        raise InputError("A007", found=areas, expected=graph.size)
    require_choice(interaction, INTERACTIONS, "interaction")
    coverage = one_level(level)
    effects = design_matrix(areas * periods, _flat(covariates, counts.shape))
    defaults: dict[str, HyperPrior] = {
        "sigma": PenalisedComplexitySD(),
        "phi": PenalisedComplexityMixing(),
        "sigma_time": PenalisedComplexitySD(),
    }
    if interaction != "none":
        defaults["sigma_interaction"] = PenalisedComplexitySD()
    resolved = resolve_priors(defaults, priors, graph.field)
    layout = _Layout(graph.field, periods, interaction == "II")
    require_memory(layout.analysis, counts.size)
    mean, precision = effect_priors(resolved, effects.shape[1])
    likelihood = Likelihood(True, counts.ravel(), np.log(numbers).ravel())
    problem = Problem(
        layout.analysis, layout.constraints, layout.design, effects, mean, precision, likelihood
    )
    engine = Engine(problem, layout.precision, resolved)
    # On many cells a grid in four dimensions costs minutes, and what is skewed there is an interaction near
    # zero.
    composite = 0.3 if counts.size < 2000 else 1.0
    plan = Plan(step=1.5, drop=5.0, composite=composite, reach=first_reach(areas))
    start = np.array([{"sigma": 0.5}.get(name, 0.0) for name in resolved.free])
    name = {"none": "spacetime", "I": "spacetime-I", "II": "spacetime-II"}[interaction]
    return summarise(engine, engine.integrate(start, plan), graph, name, coverage, seed)


def _flat(covariates: ArrayLike | None, shape: tuple[int, ...]) -> Floats | None:
    if covariates is None:
        return None
    columns = require_finite(covariates, "covariates")
    if columns.shape[:2] != shape or columns.ndim > 3:
        raise InputError(
            "M002", what="covariates", expected=f"{shape} or {(*shape, 'p')}", found=str(columns.shape)
        )
    return np.asarray(columns.reshape(shape[0] * shape[1], -1))


class _Layout:
    """Unknowns in order: w (areas), blocks v or v + delta (areas x 1 or areas x periods), gamma (periods)."""

    def __init__(self, field: IntrinsicField, periods: int, walks: bool) -> None:
        areas = field.size
        self.field, self.walks, self.areas, self.periods = field, walks, areas, periods
        self.walk = IntrinsicField(periods, np.c_[np.arange(periods - 1), np.arange(1, periods)])
        width = periods if walks else 1
        area = np.repeat(np.arange(areas), periods)
        period = np.tile(np.arange(periods), areas)
        block = areas + area * width + (period if walks else 0)
        last = areas + areas * width
        size = last + periods
        rows = np.arange(areas * periods)
        seen = csr_array(
            (np.ones(3 * rows.size), (np.tile(rows, 3), np.r_[area, block, last + period])),
            shape=(rows.size, size),
        )
        seen.sort_indices()
        inner_a, inner_b = np.triu_indices(width, 1)
        curve_a, curve_b = np.triu_indices(periods, 1)
        offset = areas + width * np.arange(areas)[:, None]
        within = np.c_[(offset + inner_a).ravel(), (offset + inner_b).ravel()]
        pairs = np.concatenate(
            [
                field.edges,
                within,
                np.c_[last + curve_a, last + curve_b],
                np.c_[area, block],
                np.c_[area, last + period],
                np.c_[block, last + period],
            ]
        ).astype(np.int64)
        self.analysis: Analysis = analyse(size, pairs[:, 0], pairs[:, 1])
        self.design = Design.sparse(seen, self.analysis)
        group = np.full(size, -1, np.int64)
        group[:areas] = field.constraints.group
        group[last:] = field.constraints.number
        # The curve is seen by every area: constraints of separate components are no longer apart.
        self.constraints = Constraints(group, field.constraints.number + 1, separate=False)
        everyone = np.arange(size, dtype=np.int64)
        self._space = self._entries(field, 0)
        self._time = self._entries(self.walk, last)
        # Raising w and lowering gamma by as much changes neither the data nor the intrinsic priors: H would
        # be singular before its constraints. 11' on gamma mends it and is nothing where gamma sums to zero.
        self._time[self.analysis.positions(last + curve_a, last + curve_b)] += 1.0 / periods
        self._time[self.analysis.positions(everyone[last:], everyone[last:])] += 1.0 / periods
        self._white = np.zeros(self.analysis.entries)
        blocks = everyone[areas:last]
        self._white[self.analysis.positions(blocks, blocks)] = 1.0
        if walks:
            # 11' and R, repeated in each block.
            self._white[self.analysis.positions(within[:, 0], within[:, 1])] = 1.0
            self._walks = np.zeros(self.analysis.entries)
            path = self.walk.edges
            weight = self.walk.scale[0]
            degree = weight * np.bincount(path.ravel(), minlength=periods)
            self._walks[self.analysis.positions(blocks, blocks)] = np.tile(degree, areas)
            first, second = (offset + path[:, 0]).ravel(), (offset + path[:, 1]).ravel()
            self._walks[self.analysis.positions(first, second)] = -weight

    def _entries(self, field: IntrinsicField, offset: int) -> Floats:
        """Return the scaled structure of a field laid at `offset` among the unknowns."""
        own = field.analysis
        row = own.order[np.repeat(np.arange(own.size), np.diff(own.entry_start))]
        column = own.order[own.entry_column]
        entries = np.zeros(self.analysis.entries)
        entries[self.analysis.positions(offset + row, offset + column)] = field.scaled
        return entries

    def precision(self, values: Mapping[str, float]) -> PriorPrecision:
        """Return the prior precision at given hyperparameters."""
        field, walk, periods = self.field, self.walk, self.periods
        variance, share = max(values["sigma"] ** 2, 1e-10), values["phi"]
        structured, level = variance * share, variance * (1.0 - share)
        curve = max(values["sigma_time"] ** 2, 1e-10)
        interaction = values.get("sigma_interaction", 0.0) ** 2
        structured, level = max(structured, 1e-12), max(level, 1e-12)
        entries = self._space / structured + self._time / curve
        log_determinant = field.scaled_log_determinant - field.rank * np.log(structured)
        log_determinant += walk.scaled_log_determinant - walk.rank * np.log(curve)
        if self.walks:
            interaction = max(interaction, 1e-10)
            entries = entries + self._white / (periods**2 * level) + self._walks / interaction
            block = walk.scaled_log_determinant - walk.rank * np.log(interaction) - np.log(periods * level)
            return PriorPrecision(entries, log_determinant + self.areas * block, 0.0)
        entries = entries + self._white / level
        return PriorPrecision(entries, log_determinant - self.areas * np.log(level), interaction)
