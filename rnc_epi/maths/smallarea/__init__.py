"""Small-area risks: a map of counts smoothed by its neighbours, with limits, exceedance and draws."""

from rnc_epi.maths.smallarea.benchmark import Benchmarked, benchmark
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
from rnc_epi.maths.smallarea.ranking import Ranks, evidence_classes, ranks, ratio_of_extremes
from rnc_epi.maths.smallarea.result import ParameterSummary, SmallAreaFit
from rnc_epi.maths.smallarea.spacetime import fit_spacetime, spacetime_name

__all__ = [
    "MODELS",
    "AreaGraph",
    "Benchmarked",
    "Beta",
    "Fixed",
    "InverseGamma",
    "Normal",
    "ParameterSummary",
    "PenalisedComplexityMixing",
    "PenalisedComplexitySD",
    "Ranks",
    "SmallAreaFit",
    "UniformSD",
    "benchmark",
    "evidence_classes",
    "fit",
    "fit_gaussian",
    "fit_spacetime",
    "ranks",
    "ratio_of_extremes",
    "spacetime_name",
]
