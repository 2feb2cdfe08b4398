"""The curve of the ratio: its coefficients, and which columns of the design are its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnc_epi.maths.requirements import Floats
from rnc_epi.maths.splines import Design

SLOPES = "district slope"


def random_terms(design: Design) -> list[str]:
    """Names of the terms that belong to a district."""
    return [name for name in ("district", SLOPES) if name in design.terms]


def fixed_columns(design: Design) -> NDArray[np.bool_]:
    """Which columns of the design are those of the curve."""
    kept = np.ones(design.matrix.shape[1], dtype=bool)
    for name in random_terms(design):
        kept[design.terms[name].columns] = False
    return kept


@dataclass(frozen=True)
class Curve:
    """Coefficients of the ratio at one value of the district standard deviation, and its weight."""

    coefficients: Floats
    covariance: Floats
    sigma: float
    sigma_slope: float
    weight: float
