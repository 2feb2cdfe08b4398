"""Registry zone and correlates to incidence for the whole country."""

from rnc_epi.calibration.whole import WholeCountry, whole_country

__all__ = ["WholeCountry", "whole_country"]
