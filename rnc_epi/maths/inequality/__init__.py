"""Social inequality: gradients of groups ordered by deprivation, with limits.

Every function takes groups on the last axis from the least to the most deprived, so that rank 1 is the most
deprived end, a slope is positive and a ratio above one when the deprived fare worse. Three groups at least.
What these gradients do not say: deprivation of an area is not that of its inhabitants.
"""

from rnc_epi.maths.inequality.attributable import (
    age_stratified_attributable_fraction,
    age_stratified_excess_events,
    attributable_fraction,
    attributable_fraction_from_ratios,
    excess_events,
)
from rnc_epi.maths.inequality.concentration import (
    ConcentrationCurve,
    absolute_concentration_index,
    concentration_contributions,
    concentration_curve,
    concentration_index,
    concentration_interval,
    erreygers_index,
    wagstaff_index,
)
from rnc_epi.maths.inequality.counts import SlopeAndRelative, slope_and_relative_index
from rnc_epi.maths.inequality.decomposition import (
    CrudeGap,
    GapContributions,
    GapInDeaths,
    crude_gap,
    gap_by_age,
    gap_by_site,
    gap_in_deaths,
)
from rnc_epi.maths.inequality.deprivation import (
    EDI_FRANCE_2012,
    FDEP_DIRECTIONS,
    DeprivationIndex,
    QuantileClasses,
    assign_quantiles,
    first_component_index,
    require_direction,
    weighted_sum_index,
)
from rnc_epi.maths.inequality.dispersion import (
    between_group_variance,
    coefficient_of_variation,
    index_of_disparity,
    mean_difference,
    mean_log_deviation,
    theil,
)
from rnc_epi.maths.inequality.draws import from_standard_errors, over_draws
from rnc_epi.maths.inequality.many_fits import LogSlope, gradient_ends, log_slope
from rnc_epi.maths.inequality.regression import relative_index, slope_index
from rnc_epi.maths.inequality.results import Estimate, RankEstimate, TestedEstimate
from rnc_epi.maths.inequality.ridit import ridit
from rnc_epi.maths.inequality.spatial_plus import short_range_part
from rnc_epi.maths.inequality.spread import Spread, spread_between_groups
from rnc_epi.maths.inequality.trend import GradientTrend, gradient_trend

__all__ = [
    "EDI_FRANCE_2012",
    "FDEP_DIRECTIONS",
    "ConcentrationCurve",
    "CrudeGap",
    "DeprivationIndex",
    "Estimate",
    "GapContributions",
    "GapInDeaths",
    "GradientTrend",
    "LogSlope",
    "QuantileClasses",
    "RankEstimate",
    "SlopeAndRelative",
    "Spread",
    "TestedEstimate",
    "absolute_concentration_index",
    "age_stratified_attributable_fraction",
    "age_stratified_excess_events",
    "assign_quantiles",
    "attributable_fraction",
    "attributable_fraction_from_ratios",
    "between_group_variance",
    "coefficient_of_variation",
    "concentration_contributions",
    "concentration_curve",
    "concentration_index",
    "concentration_interval",
    "crude_gap",
    "erreygers_index",
    "excess_events",
    "first_component_index",
    "from_standard_errors",
    "gap_by_age",
    "gap_by_site",
    "gap_in_deaths",
    "gradient_ends",
    "gradient_trend",
    "index_of_disparity",
    "log_slope",
    "mean_difference",
    "mean_log_deviation",
    "over_draws",
    "relative_index",
    "require_direction",
    "ridit",
    "short_range_part",
    "slope_and_relative_index",
    "slope_index",
    "spread_between_groups",
    "theil",
    "wagstaff_index",
    "weighted_sum_index",
]
