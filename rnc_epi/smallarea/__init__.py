"""Small-area risks, from tables to tables: maps smoothed by their neighbours, with limits and certainty."""

from rnc_epi.smallarea.autocorrelation import autocorrelation
from rnc_epi.smallarea.benchmarking import benchmarked, crossing_pieces, nested_pieces
from rnc_epi.smallarea.calibrated import smoothed_estimates
from rnc_epi.smallarea.clusters import clusters
from rnc_epi.smallarea.graph import AreaGraph, graphs_of
from rnc_epi.smallarea.mapped import MappedCounts, mapped_counts
from rnc_epi.smallarea.maps import small_areas
from rnc_epi.smallarea.model import SmallAreaModel
from rnc_epi.smallarea.periods import mapped_periods
from rnc_epi.smallarea.shrinkage import shrunken, shrunken_rates
from rnc_epi.smallarea.tables import SmallAreaTables

__all__ = [
    "AreaGraph",
    "MappedCounts",
    "SmallAreaModel",
    "SmallAreaTables",
    "autocorrelation",
    "benchmarked",
    "clusters",
    "crossing_pieces",
    "graphs_of",
    "mapped_counts",
    "mapped_periods",
    "nested_pieces",
    "shrunken",
    "shrunken_rates",
    "small_areas",
    "smoothed_estimates",
]
