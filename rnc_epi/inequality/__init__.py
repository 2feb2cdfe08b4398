"""Social inequality: areas into groups of deprivation, cells by group into gradients with limits.

What a gradient of areas says and does not say: it describes the places where people live. It is no effect of
their own situation, and may under- or over-state it.
"""

from rnc_epi.inequality.area_gradient import area_gradient
from rnc_epi.inequality.frames import gradient, gradient_trend, late_stage
from rnc_epi.inequality.gap_frames import gap_by_age, gap_by_site, gap_in_deaths
from rnc_epi.inequality.gradients import Gradients, concentration_curves, gradients
from rnc_epi.inequality.grouping import Grouping, GroupingRecord, deprivation_groups
from rnc_epi.inequality.indices import edi_scores, fdep_scores
from rnc_epi.inequality.of_published import area_gradient_rows, shrunken_of_published
from rnc_epi.inequality.on_draws import gradients_on_draws
from rnc_epi.inequality.proxy_ratio import RatioTerms, proxy_ratio_terms, with_ratio_term
from rnc_epi.inequality.stages import late_stage_rows
from rnc_epi.inequality.strata import GroupedStrata, grouped_strata
from rnc_epi.inequality.within_areas import crossed_with, urbanity_interaction, within_classes

__all__ = [
    "Gradients",
    "GroupedStrata",
    "Grouping",
    "GroupingRecord",
    "RatioTerms",
    "area_gradient",
    "area_gradient_rows",
    "concentration_curves",
    "crossed_with",
    "deprivation_groups",
    "edi_scores",
    "fdep_scores",
    "gap_by_age",
    "gap_by_site",
    "gap_in_deaths",
    "gradient",
    "gradient_trend",
    "gradients",
    "gradients_on_draws",
    "grouped_strata",
    "late_stage",
    "late_stage_rows",
    "proxy_ratio_terms",
    "shrunken_of_published",
    "urbanity_interaction",
    "with_ratio_term",
    "within_classes",
]
