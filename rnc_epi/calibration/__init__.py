"""Registry zone and correlates to incidence for the whole country; classical methods beside it."""

from rnc_epi.calibration.classical import capture_recapture, corrected_cases
from rnc_epi.calibration.whole import WholeCountry, whole_country

__all__ = ["WholeCountry", "capture_recapture", "corrected_cases", "whole_country"]
