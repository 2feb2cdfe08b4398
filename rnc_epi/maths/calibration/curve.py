"""One curve of the ratio along ages."""

from __future__ import annotations

from dataclasses import dataclass

from rnc_epi.maths.requirements import Floats


@dataclass(frozen=True)
class Curve:
    """Coefficients of the ratio at one value of the district standard deviation, and its weight."""

    coefficients: Floats
    covariance: Floats
    sigma: float
    weight: float
