"""Small-area risks: a map of counts smoothed by its neighbours, with limits, exceedance and draws."""

from rnc_epi.maths.smallarea.fitting import fit, fit_gaussian
from rnc_epi.maths.smallarea.graph import AreaGraph
from rnc_epi.maths.smallarea.models import MODELS
from rnc_epi.maths.smallarea.priors import (
    Beta,
    Fixed,
    InverseGamma,
    Normal,
    PenalisedComplexityMixing,
    PenalisedComplexitySD,
    UniformSD,
)
from rnc_epi.maths.smallarea.result import ParameterSummary, SmallAreaFit

__all__ = [
    "MODELS",
    "AreaGraph",
    "Beta",
    "Fixed",
    "InverseGamma",
    "Normal",
    "ParameterSummary",
    "PenalisedComplexityMixing",
    "PenalisedComplexitySD",
    "SmallAreaFit",
    "UniformSD",
    "fit",
    "fit_gaussian",
]
