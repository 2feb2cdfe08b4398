"""The curve along ages, as the French papers draw it."""

from __future__ import annotations

import numpy as np

from rnc_epi.maths.requirements import Floats, require_choice
from rnc_epi.maths.splines import Smooth, cubic_regression, thin_plate

SMOOTHS = ("tp", "ns")


def weighted_median(values: Floats, weights: Floats) -> float:
    """Smallest value at which half of the weight is reached.

    Examples
    --------
    >>> weighted_median(np.array([40.0, 60.0, 80.0]), np.array([1.0, 5.0, 3.0]))
    60.0
    """
    order = np.argsort(values, kind="stable")
    cumulated = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(cumulated, cumulated[-1] / 2)])


def age_smooth(smooth: str, age: Floats, cases: Floats) -> Smooth:
    """Smooth of age: ``tp`` penalised thin plate of rank 10; ``ns`` natural cubic spline with one inner knot.

    The inner knot of ``ns`` is the case-weighted median age, its end knots lie five years beyond the ages.
    """
    require_choice(smooth, SMOOTHS, "smooth")
    if smooth == "tp":
        return thin_plate("age", age)
    knots = [age.min() - 5, weighted_median(age, cases), age.max() + 5]
    return cubic_regression("age", age, knots=knots, penalised=False)
