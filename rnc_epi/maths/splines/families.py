"""Distributions of a count or a measurement, each by what the fit needs of it.

The likelihood is seen as a function of the linear predictor: its slope, its curvature, and how the
curvature changes. Every family here is concave in its linear predictor, so the penalised fit has one
optimum. `scaled` families have an unknown scale, profiled out of the restricted likelihood.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import gammaln, xlogy

from rnc_epi.maths.requirements import Floats, first_position, require_counts, require_positive
from rnc_epi.vocabulary.errors import InputError


class Family(Protocol):
    """Distribution and link."""

    @property
    def name(self) -> str:
        """Name in results."""

    @property
    def scaled(self) -> bool:
        """Whether the scale is unknown."""

    @property
    def log_link(self) -> bool:
        """Whether the linear predictor is a logarithm."""

    @property
    def canonical(self) -> bool:
        """Whether the observed information is the expected one."""

    def require_response(self, response: Floats) -> None:
        """Refuse a response that the family cannot have produced."""

    def first_guess(self, response: Floats) -> Floats:
        """Linear predictor to start from."""

    def derivatives(self, response: Floats, eta: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Slope of the log-likelihood and minus its second, third and fourth derivatives."""

    def deviance(self, response: Floats, eta: Floats) -> Floats:
        """Twice the loss of log-likelihood against the saturated model, by row."""

    def saturated(self, response: Floats) -> Floats:
        """Log-likelihood of the saturated model by row (zero for an unknown scale)."""

    def pearson(self, response: Floats, eta: Floats) -> tuple[Floats, Floats]:
        """Squared Pearson residual, and V'(mu)(y - mu)/V(mu)."""


def _require_counts(response: Floats) -> None:
    require_counts(response, "response")


@dataclass(frozen=True)
class Poisson:
    """Counts, log link, variance equal to the mean (times the scale when `scaled`)."""

    scaled: bool = False
    log_link: bool = True
    canonical: bool = True

    @property
    def name(self) -> str:
        """``poisson`` or ``quasi-poisson``."""
        return "quasi-poisson" if self.scaled else "poisson"

    def require_response(self, response: Floats) -> None:
        """Refuse negative counts."""
        _require_counts(response)

    def first_guess(self, response: Floats) -> Floats:
        """Logarithm of the count, a little above zero."""
        return np.log(response + 0.1)

    def derivatives(self, response: Floats, eta: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """See :class:`Family`."""
        mean = np.exp(eta)
        return response - mean, mean, mean, mean

    def deviance(self, response: Floats, eta: Floats) -> Floats:
        """See :class:`Family`."""
        return 2 * (xlogy(response, response) - response * eta - response + np.exp(eta))

    def saturated(self, response: Floats) -> Floats:
        """See :class:`Family`."""
        if self.scaled:
            return np.zeros_like(response)
        return xlogy(response, response) - response - gammaln(response + 1)

    def pearson(self, response: Floats, eta: Floats) -> tuple[Floats, Floats]:
        """See :class:`Family`."""
        mean = np.exp(eta)
        residual = response - mean
        return residual**2 / mean, residual / mean


@dataclass(frozen=True)
class NegativeBinomial:
    """Counts, log link, variance mu + mu^2/theta with `theta` known."""

    theta: float
    scaled: bool = False
    log_link: bool = True
    canonical: bool = False

    def __post_init__(self) -> None:
        require_positive(self.theta, "theta")

    @property
    def name(self) -> str:
        """``negative-binomial``."""
        return "negative-binomial"

    def require_response(self, response: Floats) -> None:
        """Refuse negative counts."""
        _require_counts(response)

    def first_guess(self, response: Floats) -> Floats:
        """Logarithm of the count, a little above zero."""
        return np.log(response + 0.1)

    def derivatives(self, response: Floats, eta: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """See :class:`Family`."""
        mean, theta = np.exp(eta), self.theta
        total = theta + mean
        slope = theta * (response - mean) / total
        second = (response + theta) * theta * mean / total**2
        third = second * (theta - mean) / total
        fourth = second * (theta**2 - 4 * theta * mean + mean**2) / total**2
        return slope, second, third, fourth

    def deviance(self, response: Floats, eta: Floats) -> Floats:
        """See :class:`Family`."""
        theta = self.theta
        spread = (response + theta) * (np.log(response + theta) - np.logaddexp(np.log(theta), eta))
        return 2 * (xlogy(response, response) - response * eta - spread)

    def saturated(self, response: Floats) -> Floats:
        """See :class:`Family`."""
        theta = self.theta
        constant = gammaln(response + theta) - gammaln(theta) - gammaln(response + 1)
        powers = xlogy(response, response) + theta * np.log(theta)
        return constant + powers - (response + theta) * np.log(response + theta)

    def pearson(self, response: Floats, eta: Floats) -> tuple[Floats, Floats]:
        """See :class:`Family`."""
        mean = np.exp(eta)
        variance = mean + mean**2 / self.theta
        residual = response - mean
        return residual**2 / variance, (1 + 2 * mean / self.theta) * residual / variance


@dataclass(frozen=True)
class Gaussian:
    """Measurements, identity link, unknown variance."""

    scaled: bool = True
    log_link: bool = False
    canonical: bool = True

    @property
    def name(self) -> str:
        """``gaussian``."""
        return "gaussian"

    def require_response(self, response: Floats) -> None:
        """Any finite number will do."""
        wrong = ~np.isfinite(response)
        if wrong.any():
            raise InputError("M007", what="response", found=int(wrong.sum()), where=first_position(wrong))

    def first_guess(self, response: Floats) -> Floats:
        """The response."""
        return response

    def derivatives(self, response: Floats, eta: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """See :class:`Family`."""
        one, zero = np.ones_like(eta), np.zeros_like(eta)
        return response - eta, one, zero, zero

    def deviance(self, response: Floats, eta: Floats) -> Floats:
        """See :class:`Family`."""
        return (response - eta) ** 2

    def saturated(self, response: Floats) -> Floats:
        """See :class:`Family`."""
        return np.zeros_like(response)

    def pearson(self, response: Floats, eta: Floats) -> tuple[Floats, Floats]:
        """See :class:`Family`."""
        residual = response - eta
        return residual**2, np.zeros_like(residual)


POISSON = Poisson()
QUASI_POISSON = Poisson(scaled=True)
GAUSSIAN = Gaussian()
