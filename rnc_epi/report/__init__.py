"""A release as figures, tables and pages: a notebook, one HTML file, one PDF.

Everything is drawn from the published figures of a release; an extract or an internal folder is refused.
`report_sections` gives the content that all three show; each figure is a function of a released table.
"""

from rnc_epi.report.blocks import Column, FigureBlock, Section, Table
from rnc_epi.report.comparison import compare_with_rest, comparison_sentences
from rnc_epi.report.content import Content
from rnc_epi.report.curves import age_curves, trends
from rnc_epi.report.deprivation import deprivation
from rnc_epi.report.figures import (
    describe_age_curve,
    describe_choropleth,
    describe_funnel,
    describe_ranked_areas,
    describe_sites,
    describe_trend,
    plot_age_curve,
    plot_choropleth,
    plot_funnel,
    plot_ranked_areas,
    plot_sites,
    plot_trend,
    rate_classes,
    ratio_classes,
    to_png,
    to_svg,
)
from rnc_epi.report.formats import Format
from rnc_epi.report.maps import maps
from rnc_epi.report.methods import methods
from rnc_epi.report.national import national, summary
from rnc_epi.report.quality_notices import quality_notices
from rnc_epi.report.reading import open_content
from rnc_epi.report.regions import regions
from rnc_epi.report.registries import registries
from rnc_epi.report.sections import report_sections
from rnc_epi.report.small_areas import small_areas
from rnc_epi.report.whole_country import whole_country
from rnc_epi.report.write import write_report

__all__ = [
    "Column",
    "Content",
    "FigureBlock",
    "Format",
    "Section",
    "Table",
    "age_curves",
    "compare_with_rest",
    "comparison_sentences",
    "deprivation",
    "describe_age_curve",
    "describe_choropleth",
    "describe_funnel",
    "describe_ranked_areas",
    "describe_sites",
    "describe_trend",
    "maps",
    "methods",
    "national",
    "open_content",
    "plot_age_curve",
    "plot_choropleth",
    "plot_funnel",
    "plot_ranked_areas",
    "plot_sites",
    "plot_trend",
    "quality_notices",
    "rate_classes",
    "ratio_classes",
    "regions",
    "registries",
    "report_sections",
    "small_areas",
    "summary",
    "to_png",
    "to_svg",
    "trends",
    "whole_country",
    "write_report",
]
