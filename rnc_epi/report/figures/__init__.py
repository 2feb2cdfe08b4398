"""Figures as functions of a released table: each returns matplotlib axes and has a text that replaces it."""

from rnc_epi.report.figures.age_curve import describe_age_curve, plot_age_curve
from rnc_epi.report.figures.choropleth import describe_choropleth, plot_choropleth
from rnc_epi.report.figures.classes import MapClasses, rate_classes, ratio_classes
from rnc_epi.report.figures.funnel import describe_funnel, plot_funnel
from rnc_epi.report.figures.ranked_areas import describe_ranked_areas, plot_ranked_areas
from rnc_epi.report.figures.sites import describe_sites, plot_sites
from rnc_epi.report.figures.style import to_png, to_svg
from rnc_epi.report.figures.trend import describe_trend, plot_trend

__all__ = [
    "MapClasses",
    "describe_age_curve",
    "describe_choropleth",
    "describe_funnel",
    "describe_ranked_areas",
    "describe_sites",
    "describe_trend",
    "plot_age_curve",
    "plot_choropleth",
    "plot_funnel",
    "plot_ranked_areas",
    "plot_sites",
    "plot_trend",
    "rate_classes",
    "ratio_classes",
    "to_png",
    "to_svg",
]
