"""Gaussian Markov random fields: sparse precision matrices factorised, inverted where needed, conditioned.

A field on a map is a Gaussian vector whose precision matrix has an entry for each pair of neighbours and
zeros elsewhere. Everything a model asks of it (solve, log-determinant, marginal variances, samples) comes
from one sparse factorisation, whose symbolic part depends on the map alone and is shared between fits.

Reference: Rue H, Held L (2005), Gaussian Markov Random Fields, Chapman & Hall/CRC, ch. 2.
"""

from rnc_epi.maths.gmrf.bordered import BorderedFactor, Constraints
from rnc_epi.maths.gmrf.factor import Factor, NotPositiveDefinite
from rnc_epi.maths.gmrf.intrinsic import IntrinsicField
from rnc_epi.maths.gmrf.symbolic import Analysis, analyse

__all__ = [
    "Analysis",
    "BorderedFactor",
    "Constraints",
    "Factor",
    "IntrinsicField",
    "NotPositiveDefinite",
    "analyse",
]
