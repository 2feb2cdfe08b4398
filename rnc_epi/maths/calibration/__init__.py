"""Incidence where no registry counts, from a proxy calibrated where registries do."""

from rnc_epi.maths.calibration.benchmark import rake_draws
from rnc_epi.maths.calibration.combination import (
    CombinedIncidence,
    ProxyCombination,
    combine_proxies,
    weighted_incidence,
)
from rnc_epi.maths.calibration.fitting import fit_calibration
from rnc_epi.maths.calibration.model import CalibrationFit
from rnc_epi.maths.calibration.prediction import CalibratedIncidence
from rnc_epi.maths.calibration.reference import incidence_ratio
from rnc_epi.maths.calibration.validation import (
    GRADES,
    PUBLISHABLE,
    LeaveOneOut,
    best_proxy,
    errors_without_noise,
    grade,
    leave_one_out,
)
from rnc_epi.maths.calibration.variation import incidence_variation

__all__ = [
    "GRADES",
    "PUBLISHABLE",
    "CalibratedIncidence",
    "CalibrationFit",
    "CombinedIncidence",
    "LeaveOneOut",
    "ProxyCombination",
    "best_proxy",
    "combine_proxies",
    "errors_without_noise",
    "fit_calibration",
    "grade",
    "incidence_ratio",
    "incidence_variation",
    "leave_one_out",
    "rake_draws",
    "weighted_incidence",
]
