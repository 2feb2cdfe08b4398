"""The spatial models, each reduced to: a sparse precision, a white-noise variance, a log-determinant.

The log relative risk of area i is  eta_i = x_i' b + w_i + v_i, with b the intercept and coefficients, w a
field with neighbours and v white noise:

=========== ============================================ ====================== =====================
model       field w                                      variance of v          hyperparameters
=========== ============================================ ====================== =====================
bym2        sigma sqrt(phi) u, u scaled intrinsic        sigma^2 (1 - phi)      sigma, phi
icar        sigma u, u scaled intrinsic                  0                      sigma
bym         sigma_structured u, u intrinsic              sigma_unstructured^2   the two sigmas
leroux      precision (rho R + (1 - rho) I) / sigma^2    0                      sigma, rho
independent none                                         sigma^2                sigma
=========== ============================================ ====================== =====================

In ``bym`` and ``leroux`` the structure R is not scaled, as in their papers and in CARBayes; sigma is then the
standard deviation of an area given its neighbours, times the root of their number. In ``bym2``, ``icar`` and
``bym`` the field sums to zero in each connected component, in ``leroux`` over the whole map; an island has a
standard normal times sigma.

References: Besag, York and Mollié (1991), doi:10.1007/BF00116466; Leroux, Lei and Breslow (2000),
doi:10.1007/978-1-4612-1284-3_4; Riebler et al. (2016), doi:10.1177/0962280216660421.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnc_epi.maths.gmrf import Constraints, Factor, IntrinsicField
from rnc_epi.maths.smallarea.priors import (
    Beta,
    Fixed,
    HyperPrior,
    Normal,
    PenalisedComplexityMixing,
    PenalisedComplexitySD,
    Prior,
    Transform,
)
from rnc_epi.vocabulary.errors import InputError

Floats = NDArray[np.float64]
Values = Mapping[str, float]


@dataclass(frozen=True)
class PriorPrecision:
    """What a model says of its field at given hyperparameters.

    Attributes
    ----------
    entries : array
        Precision of the field, aligned with the analysed pattern.
    log_determinant : float
        On the subspace of the constraints.
    noise : float
        Variance of the white noise, 0 when there is none.
    """

    entries: Floats
    log_determinant: float
    noise: float


@dataclass(frozen=True)
class SpatialModel:
    """A model of the table above, tied to a map.

    Attributes
    ----------
    field : IntrinsicField or None
        None for ``independent``.
    constraints : Constraints
    precision : callable
        From hyperparameters by name to :class:`PriorPrecision`.
    defaults : mapping
        Default prior of each hyperparameter, in order.
    """

    field: IntrinsicField | None
    constraints: Constraints
    precision: Callable[[Values], PriorPrecision]
    defaults: Mapping[str, HyperPrior]


def _free(size: int) -> Constraints:
    return Constraints(np.full(size, -1, np.int64), 0, separate=True)


def _bym2(field: IntrinsicField) -> SpatialModel:
    def precision(values: Values) -> PriorPrecision:
        variance, share = values["sigma"] ** 2, values["phi"]
        structured = max(variance * share, 1e-12)
        log_determinant = field.scaled_log_determinant - field.rank * np.log(structured)
        return PriorPrecision(field.scaled / structured, log_determinant, variance * (1.0 - share))

    defaults: dict[str, HyperPrior] = {"sigma": PenalisedComplexitySD(), "phi": PenalisedComplexityMixing()}
    return SpatialModel(field, field.constraints, precision, defaults)


def _icar(field: IntrinsicField) -> SpatialModel:
    def precision(values: Values) -> PriorPrecision:
        variance = max(values["sigma"] ** 2, 1e-12)
        log_determinant = field.scaled_log_determinant - field.rank * np.log(variance)
        return PriorPrecision(field.scaled / variance, log_determinant, 0.0)

    return SpatialModel(field, field.constraints, precision, {"sigma": PenalisedComplexitySD()})


def _bym(field: IntrinsicField) -> SpatialModel:
    def precision(values: Values) -> PriorPrecision:
        variance = max(values["sigma_structured"] ** 2, 1e-12)
        log_determinant = field.plain_log_determinant - field.rank * np.log(variance)
        return PriorPrecision(field.plain / variance, log_determinant, values["sigma_unstructured"] ** 2)

    defaults: dict[str, HyperPrior] = {
        "sigma_structured": PenalisedComplexitySD(),
        "sigma_unstructured": PenalisedComplexitySD(),
    }
    return SpatialModel(field, field.constraints, precision, defaults)


def _leroux(field: IntrinsicField) -> SpatialModel:
    everyone = Constraints(np.zeros(field.size, np.int64), 1, separate=True)

    def precision(values: Values) -> PriorPrecision:
        variance, rho = max(values["sigma"] ** 2, 1e-12), values["rho"]
        shape = rho * field.plain + (1.0 - rho) * field.identity
        factor = Factor(field.analysis, shape)
        # On the subspace that sums to zero |Q| is |Q| (1' Q^-1 1) / n; the variance counts n - 1 times.
        total = float(factor.solve(np.ones(field.size)).sum())
        log_determinant = (
            factor.log_determinant + np.log(total / field.size) - (field.size - 1) * np.log(variance)
        )
        return PriorPrecision(shape / variance, log_determinant, 0.0)

    return SpatialModel(field, everyone, precision, {"sigma": PenalisedComplexitySD(), "rho": Beta()})


def _independent(field: IntrinsicField) -> SpatialModel:
    def precision(values: Values) -> PriorPrecision:
        return PriorPrecision(np.zeros(0), 0.0, values["sigma"] ** 2)

    return SpatialModel(None, _free(0), precision, {"sigma": PenalisedComplexitySD()})


_BUILDERS: dict[str, Callable[[IntrinsicField], SpatialModel]] = {
    "bym2": _bym2,
    "icar": _icar,
    "bym": _bym,
    "leroux": _leroux,
    "independent": _independent,
}
MODELS = tuple(_BUILDERS)


def spatial_model(name: str, field: IntrinsicField) -> SpatialModel:
    """Return a model by name, tied to a map; the name is checked by the caller."""
    return _BUILDERS[name](field)


@dataclass(frozen=True)
class ResolvedPriors:
    """Priors ready for use: fixed hyperparameters apart, transforms of the others, coefficients.

    Attributes
    ----------
    free : tuple of str
        Hyperparameters to integrate over.
    transforms : mapping
        From normal score to value, for every hyperparameter.
    atoms : mapping
        Prior mass of the limit (infinite score) of a hyperparameter, where it has one.
    intercept, coefficients : Normal
    """

    free: tuple[str, ...]
    transforms: Mapping[str, Transform]
    atoms: Mapping[str, float]
    intercept: Normal
    coefficients: Normal

    def values(self, scores: Floats) -> dict[str, float]:
        """Return every hyperparameter at a point (len(free),) of the explored space."""
        place = {name: scores[k] for k, name in enumerate(self.free)}
        return {name: float(move(np.asarray(place.get(name, 0.0)))) for name, move in self.transforms.items()}


def resolve_priors(
    defaults: Mapping[str, HyperPrior], given: Mapping[str, Prior] | None, field: IntrinsicField | None
) -> ResolvedPriors:
    """Merge the priors of the analyst with the defaults of the model.

    Raises
    ------
    InputError
        A005 for an unknown name, A006 for a prior of the wrong kind, M002 for what is no mapping, M004 for a
        fixed value that no such hyperparameter has.
    """
    chosen: dict[str, Any] = {**defaults, "intercept": Normal(), "coefficients": Normal()}
    if given is not None and not isinstance(given, Mapping):
        raise InputError("M002", what="priors", expected="mapping", found=type(given).__name__)
    for name, prior in (given or {}).items():
        if name not in chosen:
            raise InputError("A005", found=name, expected=", ".join(chosen))
        kind = defaults[name].of if name in defaults else "coefficient"
        if getattr(prior, "of", None) != kind and not (kind != "coefficient" and isinstance(prior, Fixed)):
            raise InputError("A006", name=name, found=type(prior).__name__, expected=kind)
        if isinstance(prior, Fixed):
            bound = 1.0 if kind == "share" else np.inf
            if not (np.isfinite(prior.value) and 0.0 <= prior.value <= bound):
                expected = "[0, 1]" if kind == "share" else "[0, inf)"
                raise InputError("M004", what=name, expected=expected, found=str(prior.value))
        chosen[name] = prior
    free = tuple(name for name in defaults if not isinstance(chosen[name], Fixed))
    transforms = {name: chosen[name].transform(field) for name in defaults}
    atoms = {
        name: chosen[name].atom(field) for name in free if isinstance(chosen[name], PenalisedComplexityMixing)
    }
    return ResolvedPriors(free, transforms, atoms, chosen["intercept"], chosen["coefficients"])
