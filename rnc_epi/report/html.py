"""The report as one HTML file that asks for nothing else: no script, no network, figures inside."""

from __future__ import annotations

import base64
from functools import cache
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from rnc_epi.report.texts import text, typeset

if TYPE_CHECKING:
    from rnc_epi.report.blocks import FigureBlock, Section
    from rnc_epi.report.content import Content


def report_html(content: Content, sections: list[Section], language: str) -> str:
    """Return the HTML page of the report.

    Parameters
    ----------
    content : Content
        What the title and the banners are made of.
    sections : list of Section
        As `report_sections` returns them.
    language : {"fr", "en"}
    """
    page = _templates(language).get_template("annual_report.html.j2")
    return page.render(content=content, sections=sections, language=language, t=_said(language))


def section_html(section: Section, level: int = 2) -> str:
    """Return a section as HTML without a page around it, as a notebook shows it.

    Parameters
    ----------
    section : Section
    level : int
        Level of its heading.
    """
    macros = (
        _templates(section.language)
        .get_template("blocks.html.j2")
        .make_module({"t": _said(section.language)})
    )
    return str(macros.show_section(section, level))  # type: ignore[attr-defined]


def _said(language: str) -> Any:
    return lambda key, **facts: text(key, language, **facts)


@cache
def _templates(language: str) -> Environment:
    def printed(value: Any) -> Any:
        # Every text that a page shows, whoever wrote it; markup is set already.
        return typeset(value, language) if type(value) is str else value

    environment = Environment(
        loader=PackageLoader("rnc_epi.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=printed,
    )
    environment.filters["figure_uri"] = figure_uri
    environment.filters["lines"] = lambda cell: lines(typeset(cell, language))
    return environment


def figure_uri(figure: FigureBlock) -> Markup:
    """Return the drawing of a figure as a data address."""
    return Markup("data:image/svg+xml;base64," + base64.b64encode(figure.svg()).decode("ascii"))


def lines(cell: str) -> Markup:
    """Return the text of a cell with its lines apart."""
    return Markup("<br>").join(escape(part) for part in cell.split("\n"))
