"""Cells in, counts, crude and standardised rates, ratios and their comparisons out.

The verbs on plain data frames, one row a group and age band, with what a group is in ``by=[…]``::

    from rnc_epi.indicators import asr, funnel, sir
    funnel(sir(cells, reference, by=["geo_code"]))
"""

from rnc_epi.indicators.comparisons import (
    annual_change,
    area_against_rest,
    decomposition,
    rate_difference,
    rate_ratio,
)
from rnc_epi.indicators.frames import asr, crude_rate, sir
from rnc_epi.indicators.league import (
    comparative_mortality_figure,
    funnel,
    internal_sir,
    ranks,
    reliability,
)
from rnc_epi.indicators.lifetimes import (
    cumulative_rate,
    cumulative_risk,
    life_table,
    lifetime_risk,
    years_of_life_lost,
    years_of_life_lost_rate,
)
from rnc_epi.indicators.report_basics import (
    incidence_by_stage,
    mean_annual_events,
    median_age,
    mortality_incidence_ratio,
    sex_ratio,
    share_aged,
    stage_distribution,
)
from rnc_epi.vocabulary.indicators import definition

__all__ = [
    "annual_change",
    "area_against_rest",
    "asr",
    "comparative_mortality_figure",
    "crude_rate",
    "cumulative_rate",
    "cumulative_risk",
    "decomposition",
    "definition",
    "funnel",
    "incidence_by_stage",
    "internal_sir",
    "life_table",
    "lifetime_risk",
    "mean_annual_events",
    "median_age",
    "mortality_incidence_ratio",
    "ranks",
    "rate_difference",
    "rate_ratio",
    "reliability",
    "sex_ratio",
    "share_aged",
    "sir",
    "stage_distribution",
    "years_of_life_lost",
    "years_of_life_lost_rate",
]
