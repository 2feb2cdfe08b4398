"""Penalised regression splines with random effects, smoothed by restricted likelihood."""

from rnc_epi.maths.splines.bases import Smooth, ThinPlate, thin_plate
from rnc_epi.maths.splines.cubic import CubicRegression, Tensor, cubic_regression, tensor
from rnc_epi.maths.splines.design import Design, build_design
from rnc_epi.maths.splines.effects import RandomEffect, RandomSlope, linear, random_effect, random_slope
from rnc_epi.maths.splines.families import GAUSSIAN, POISSON, QUASI_POISSON, Family, NegativeBinomial
from rnc_epi.maths.splines.fit import PenalisedFit, PenalisedFits, fit_penalised, fit_penalised_many

__all__ = [
    "GAUSSIAN",
    "POISSON",
    "QUASI_POISSON",
    "CubicRegression",
    "Design",
    "Family",
    "NegativeBinomial",
    "PenalisedFit",
    "PenalisedFits",
    "RandomEffect",
    "RandomSlope",
    "Smooth",
    "Tensor",
    "ThinPlate",
    "build_design",
    "cubic_regression",
    "fit_penalised",
    "fit_penalised_many",
    "linear",
    "random_effect",
    "random_slope",
    "tensor",
    "thin_plate",
]
