"""What a test of spatial autocorrelation on rates needs first: rates of comparable precision.

Moran's and Geary's coefficients and their local versions come from esda, at the level of tables; given raw
rates of areas of very different sizes they answer another question, because small areas have extreme rates
by chance.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnc_epi.maths.requirements import require_counts, require_positive, require_shape
from rnc_epi.vocabulary.errors import InputError

Floats = NDArray[np.float64]


def empirical_bayes_standardised(events: ArrayLike, denominators: ArrayLike) -> Floats:
    """Return rates standardised by their expected variance, the variable of the EBI test.

    z = (r - b) / sqrt(a + b / n), with b the overall rate and a the variance between areas by moments;
    where a + b / n would not be positive, b / n alone. Rates are compared on one footing, whatever the size
    of the area.

    Parameters
    ----------
    events, denominators : arrays (areas,)
        Cases, and person-years or expected cases above 0.

    Returns
    -------
    array (areas,)
        All zero when there is no case at all.

    References
    ----------
    Assunção RM, Reis EA (1999), Stat Med 18:2147,
    doi:10.1002/(SICI)1097-0258(19990830)18:16<2147::AID-SIM179>3.0.CO;2-I.

    Examples
    --------
    >>> empirical_bayes_standardised([2, 8, 30], [100, 200, 1000]).round(3)
    array([-0.669,  0.899, -0.139])
    """
    counts = require_counts(events, "events")
    if counts.ndim != 1 or not counts.size:
        raise InputError("M002", what="events", expected="(areas,)", found=str(counts.shape))
    numbers = require_shape(require_positive(denominators, "denominators"), counts.shape, "denominators")
    overall = float(counts.sum() / numbers.sum())
    if overall == 0.0:
        return np.zeros(counts.size)
    rates = counts / numbers
    spread = float((numbers * (rates - overall) ** 2).sum() / numbers.sum())
    between = spread - overall / float(numbers.mean())
    variance = between + overall / numbers
    variance = np.where(variance > 0, variance, overall / numbers)
    return np.asarray((rates - overall) / np.sqrt(variance))
