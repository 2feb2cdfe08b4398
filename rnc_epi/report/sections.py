"""The annual report, section by section: the notebook, the HTML page and the PDF show these.

A section that has nothing to show is left out; none is ever empty.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from rnc_epi.report.blocks import Section, read_once
from rnc_epi.report.content import Content
from rnc_epi.report.curves import age_curves, trends
from rnc_epi.report.deprivation import deprivation
from rnc_epi.report.maps import maps
from rnc_epi.report.methods import methods
from rnc_epi.report.national import national, summary
from rnc_epi.report.quality_notices import quality_notices
from rnc_epi.report.regions import regions
from rnc_epi.report.registries import registries
from rnc_epi.report.small_areas import small_areas
from rnc_epi.report.whole_country import whole_country

#: In the order of the report.
SECTIONS: Final[tuple[Callable[[Content, str], Section | None], ...]] = (
    summary,
    national,
    age_curves,
    trends,
    maps,
    regions,
    registries,
    quality_notices,
    whole_country,
    small_areas,
    deprivation,
    methods,
)


def report_sections(content: Content, language: str = "fr") -> list[Section]:
    """Return the sections of the annual report that a release can fill.

    Parameters
    ----------
    content : Content
        A release, from :func:`rnc_epi.report.open_content`.
    language : {"fr", "en"}

    Returns
    -------
    list of Section
        In the order of the report; empty ones are left out.
    """
    made = [section for make in SECTIONS if (section := make(content, language)) is not None]
    return read_once(made)
