"""What a small-area fit gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rnc_epi.maths.requirements import require_numbers, require_scalar, require_shape, require_whole
from rnc_epi.maths.smallarea.diagnostics import Diagnostics, PredictiveChecks, predictive_checks
from rnc_epi.maths.smallarea.integrated import Engine, Integrated
from rnc_epi.maths.smallarea.marginals import Marginals
from rnc_epi.vocabulary.errors import EstimateRefused, InputError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ParameterSummary:
    """Posterior of one parameter."""

    mean: float
    sd: float
    lower: float
    median: float
    upper: float


@dataclass(frozen=True)
class SmallAreaFit:
    """Posterior of the relative risks of a map (or of a map over periods).

    Attributes
    ----------
    model : str
    level : float
        Coverage of ``lower`` and ``upper`` (equal tails, credible).
    relative_risk, median, sd, lower, upper : arrays (rows,)
        Of the relative risk: posterior mean, median, standard deviation, limits.
    log_mean, log_sd : arrays (rows,)
        Of its logarithm.
    hyperparameters, coefficients : mappings of str to ParameterSummary
        ``sigma``, ``phi``, …; ``intercept``, ``beta_1``, … (on the log scale).
    log_evidence : float
        Log-probability of the data under the model: comparable between models on the same data with proper
        priors.
    diagnostics : Diagnostics
    """

    model: str
    level: float
    relative_risk: Floats
    median: Floats
    sd: Floats
    lower: Floats
    upper: Floats
    log_mean: Floats
    log_sd: Floats
    hyperparameters: Mapping[str, ParameterSummary]
    coefficients: Mapping[str, ParameterSummary]
    log_evidence: float
    diagnostics: Diagnostics
    marginals: Marginals = field(repr=False)
    integrated: Integrated = field(repr=False)
    engine: Engine = field(repr=False)
    seed: int = field(repr=False, default=0)

    def exceedance(self, threshold: float = 1.0) -> Floats:
        """Return the probability that each relative risk exceeds `threshold` (rows,).

        Raises
        ------
        InputError
            M004 for a threshold that is not above 0, M002 for several.
        """
        value = require_numbers(threshold, "threshold")
        require_shape(value, (), "threshold")
        if not 0 < value < np.inf:
            raise InputError("M004", what="threshold", expected="(0, inf)", found=str(threshold))
        return self.marginals.above(float(np.log(value)))

    def quantile(self, probability: float) -> Floats:
        """Return a quantile of each relative risk (rows,)."""
        probability = require_scalar(probability, "probability")
        if not 0 < probability < 1:
            raise InputError("M004", what="probability", expected="(0, 1)", found=str(probability))
        return np.asarray(np.exp(self.marginals.quantile(probability)))

    def draws(self, n: int = 1000) -> Floats:
        """Return joint draws of the relative risks (rows, n).

        Draw k is one possible map: sums, ranks and ratios of areas are taken within it. Each margin is bent
        from the Gaussian to the skewness of its tilted density. The same seed gives the same draws.
        """
        require_whole(n, "n")
        return np.asarray(np.exp(joint_draws(self.engine, self.integrated, self.marginals, n, self.seed)))

    def checks(self) -> PredictiveChecks:
        """Return DIC, WAIC, conditional predictive ordinates and probability integral transforms.

        Raises
        ------
        EstimateRefused
            A025 for estimates with correlated errors, which have no likelihood area by area.
        """
        if not self.integrated.components.separate:
            raise EstimateRefused("A025")
        return predictive_checks(self.integrated.components, self.marginals)


def joint_draws(engine: Engine, integrated: Integrated, marginals: Marginals, n: int, seed: int) -> Floats:
    """Return joint draws of the log risks (rows, n), point of the hyperparameters by point."""
    rng = np.random.default_rng(seed)
    components = integrated.components
    counts = rng.multinomial(n, components.weight)
    rows = components.mean.shape[1]
    result = np.empty((rows, n))
    first = 0
    for k in np.flatnonzero(counts):
        many = int(counts[k])
        block = slice(first, first + many)
        first += many
        away = engine.deviations(integrated.points[k], rng, many)
        if components.poisson:
            # Second-order Cornish-Fisher bend towards the mean, spread and skewness of the tilted density;
            # held monotone by its cap (|skewness| < 2 and draws within five deviations).
            z = away / np.sqrt(components.variance[k])[:, None]
            skew = np.clip(marginals.skewness[k], -0.9, 0.9)[:, None]
            bent = (z + skew / 6.0 * (z**2 - 1.0)) / np.sqrt(1.0 + skew**2 / 18.0)
            middle = components.mean[k] + marginals.shift[k] * np.sqrt(components.variance[k])
            result[:, block] = middle[:, None] + marginals.scale[k][:, None] * bent
        else:
            result[:, block] = components.mean[k][:, None] + away
    # Draws come out sorted by hyperparameter point; shuffled, so that the first ones are a sample too.
    return np.asarray(result[:, rng.permutation(n)])
