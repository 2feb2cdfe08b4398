"""What is believed of the spread and of the spatial share before the data; a choice of the analyst.

Each prior is used through its normal score: with F its distribution function and Phi that of the standard
normal, the models are explored in t = Phi^-1(F(value)). Whatever the prior, t is standard normal before the
data, unbounded, with light tails, which is what makes a small grid of points enough.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, gammainccinv, gammaincinv, log_ndtr, ndtr

from rnc_epi.maths.gmrf import IntrinsicField
from rnc_epi.vocabulary.errors import InputError

Floats = NDArray[np.float64]
Transform = Callable[[Floats], Floats]


def _require(holds: bool, what: str, expected: str, found: object) -> None:
    if not holds:
        raise InputError("M004", what=what, expected=expected, found=str(found))


@dataclass(frozen=True)
class PenalisedComplexitySD:
    """Exponential prior of a standard deviation, set by P(sd > `upper`) = `probability`.

    The default says that a relative risk of 1 in 6 or 6 times the mean for one area in twenty (sd = 1) is
    barely believable. Reference: Simpson et al. (2017), doi:10.1214/16-STS576, sec. 3.3.

    Examples
    --------
    >>> import numpy as np
    >>> prior = PenalisedComplexitySD(1.0, 0.01)
    >>> round(float(prior.transform(None)(np.array(0.0))), 4)        # the median, log 2 / 4.605
    0.1505
    """

    upper: float = 1.0
    probability: float = 0.01
    of: ClassVar[str] = "sd"

    def __post_init__(self) -> None:
        _require(self.upper > 0, "upper", "(0, inf)", self.upper)
        _require(0 < self.probability < 1, "probability", "(0, 1)", self.probability)

    def transform(self, field: IntrinsicField | None) -> Transform:
        """Return the value as a function of the normal score."""
        rate = -np.log(self.probability) / self.upper
        return lambda score: np.asarray(-log_ndtr(-score) / rate)


@dataclass(frozen=True)
class InverseGamma:
    """Inverse-gamma prior of a variance (the standard deviation squared), the habit of CARBayes and
    WinBUGS.
    """

    shape: float = 1.0
    scale: float = 0.01
    of: ClassVar[str] = "sd"

    def __post_init__(self) -> None:
        _require(self.shape > 0, "shape", "(0, inf)", self.shape)
        _require(self.scale > 0, "scale", "(0, inf)", self.scale)

    def transform(self, field: IntrinsicField | None) -> Transform:
        """Return the standard deviation as a function of the normal score."""

        def value(score: Floats) -> Floats:
            # The tail that is small is the one inverted, so that neither side loses its digits.
            below = gammainccinv(self.shape, ndtr(np.minimum(score, 0.0)))
            above = gammaincinv(self.shape, ndtr(-np.maximum(score, 0.0)))
            return np.asarray(np.sqrt(self.scale / np.where(score < 0, below, above)))

        return value


@dataclass(frozen=True)
class UniformSD:
    """Uniform prior of a standard deviation between two bounds."""

    lower: float
    upper: float
    of: ClassVar[str] = "sd"

    def __post_init__(self) -> None:
        _require(
            0 <= self.lower < self.upper < np.inf, "bounds", "0 <= lower < upper", (self.lower, self.upper)
        )

    def transform(self, field: IntrinsicField | None) -> Transform:
        """Return the value as a function of the normal score."""
        return lambda score: np.asarray(self.lower + (self.upper - self.lower) * ndtr(score))


@dataclass(frozen=True)
class Beta:
    """Beta prior of a share; ``Beta(1, 1)`` is uniform on (0, 1)."""

    a: float = 1.0
    b: float = 1.0
    of: ClassVar[str] = "share"

    def __post_init__(self) -> None:
        _require(self.a > 0, "a", "(0, inf)", self.a)
        _require(self.b > 0, "b", "(0, inf)", self.b)

    def transform(self, field: IntrinsicField | None) -> Transform:
        """Return the value as a function of the normal score."""

        def value(score: Floats) -> Floats:
            below = betaincinv(self.a, self.b, ndtr(np.minimum(score, 0.0)))
            above = 1.0 - betaincinv(self.b, self.a, ndtr(-np.maximum(score, 0.0)))
            # Kept a hair inside (0, 1), where the structured and the unstructured part both exist.
            return np.clip(np.where(score < 0, below, above), 1e-6, 1 - 1e-6)

        return value


@dataclass(frozen=True)
class PenalisedComplexityMixing:
    """Penalised-complexity prior of the spatial share phi of BYM2, set by P(phi < `below`) = `probability`.

    The distance of the mixed field from independence, d = sqrt(2 divergence), is exponential; the
    divergence is that of the map itself (:meth:`rnc_epi.maths.gmrf.IntrinsicField.mixing_divergence`).
    Reference: Riebler et al. (2016), doi:10.1177/0962280216660421, sec. 4.1.
    """

    below: float = 0.5
    probability: float = 2.0 / 3.0
    of: ClassVar[str] = "share"

    def __post_init__(self) -> None:
        _require(0 < self.below < 1, "below", "(0, 1)", self.below)
        _require(0 < self.probability < 1, "probability", "(0, 1)", self.probability)

    def _tables(self, field: IntrinsicField) -> tuple[Floats, Floats]:
        """Return logit(phi) and the log of the exponential variable rate x distance there."""
        spline = field.mixing_distance
        first, last = float(spline.x[0]), float(spline.x[-1])
        bound = float(np.clip(np.log(self.below / (1.0 - self.below)), first, last))
        logit = np.linspace(first, last, 2001)
        log_rate = np.log(-np.log1p(-self.probability)) - float(spline(bound))
        return logit, log_rate + np.maximum.accumulate(spline(logit))

    def atom(self, field: IntrinsicField | None) -> float:
        """Return the mass beyond the last phi of the table, 1 - 1e-4: in effect the mass of phi = 1.

        The distance grows without end as phi nears 1, but so slowly that on a large map a sixth of the
        prior lies where phi is 1 for any purpose. That mass is explored apart, as the model without noise.
        """
        if field is None or not field.constraints.number:
            return 0.0
        return float(np.exp(-np.exp(self._tables(field)[1][-1])))

    def transform(self, field: IntrinsicField | None) -> Transform:
        """Return phi as a function of the normal score, given that it is below the atom; infinity is the
        atom.
        """
        if field is None or not field.constraints.number:
            # Without a single neighbouring pair the field is independent whatever phi: any proper prior does.
            return Beta().transform(None)
        logit, log_distance = self._tables(field)
        mass = self.atom(field)

        def value(score: Floats) -> Floats:
            low = -np.log1p(-(1.0 - mass) * ndtr(np.minimum(score, 0.0)))
            high = -np.log(mass + (1.0 - mass) * ndtr(-np.maximum(score, 0.0)))
            wanted = np.log(np.maximum(np.where(score < 0, low, high), 1e-300))
            # Below the table the distance is proportional to phi.
            inside = np.interp(wanted, log_distance, logit)
            far = logit[0] + np.minimum(wanted - log_distance[0], 0.0)
            return np.asarray(1.0 / (1.0 + np.exp(-np.where(wanted < log_distance[0], far, inside))))

        return value


@dataclass(frozen=True)
class Fixed:
    """A hyperparameter held at a value instead of being learnt."""

    value: float
    of: ClassVar[str] = "any"

    def transform(self, field: IntrinsicField | None) -> Transform:
        """Return the constant."""
        return lambda score: np.full(np.shape(score), float(self.value))


@dataclass(frozen=True)
class Normal:
    """Normal prior of the intercept or of the coefficients of covariates."""

    mean: float = 0.0
    sd: float = 1000.0**0.5
    of: ClassVar[str] = "coefficient"

    def __post_init__(self) -> None:
        _require(bool(np.isfinite(self.mean)), "mean", "(-inf, inf)", self.mean)
        _require(0 < self.sd < np.inf, "sd", "(0, inf)", self.sd)


HyperPrior = PenalisedComplexitySD | InverseGamma | UniformSD | Beta | PenalisedComplexityMixing | Fixed
Prior = HyperPrior | Normal
