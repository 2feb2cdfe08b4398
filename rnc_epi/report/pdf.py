"""The report as PDF, set by typst: A4, tagged for assistive technology (PDF/UA-1), always the same bytes."""

from __future__ import annotations

import json
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rnc_epi.report.texts import text, typeset

if TYPE_CHECKING:
    from rnc_epi.report.blocks import FigureBlock, Section, Table
    from rnc_epi.report.content import Content

#: Texts that the template itself shows.
_WORDS: Final = (
    "report_title",
    "contents",
    "sources_word",
    "synthetic_banner",
    "altered_banner",
    "public_line",
    "synthetic_notice",
)

#: Longest text of a column that keeps its natural width; longer ones share what is left.
_NATURAL_WIDTH: Final = 16
#: Beyond this a longer text asks for no more width.
_LONGEST_SHARE: Final = 60
#: Tables of more columns than this are set smaller.
_MANY_COLUMNS: Final = 7


def report_pdf(content: Content, sections: list[Section], language: str) -> bytes:
    """Return the PDF of the report.

    A figure or table without its alternative text or header is refused by the typesetter: the standard
    PDF/UA-1 is checked while the document is made.

    Parameters
    ----------
    content : Content
    sections : list of Section
    language : {"fr", "en"}
    """
    # Imported here: it takes 80 MB, and the HTML page needs none of it.
    import typst

    document = {
        "language": language,
        "title": content.title,
        "synthetic": content.synthetic,
        "words": {key: text(key, language) for key in _WORDS},
        "release": text("release_line", language, release=content.release_id, version=content.version),
        "sources": [f"{source.title} ({source.licence})" for source in content.sources],
        "sections": [_section(section) for section in sections],
    }
    template = files("rnc_epi.report") / "templates" / "annual_report.typ"
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "report.typ").write_bytes(template.read_bytes())
        (root / "report.json").write_text(
            json.dumps(_printed(document, language), ensure_ascii=False), encoding="utf-8"
        )
        for section in sections:
            for figure in section.all_figures():
                (root / f"{figure.anchor}.svg").write_bytes(figure.svg())
        made = typst.compile(
            str(root / "report.typ"),
            root=str(root),
            format="pdf",
            # Only fonts that stand in the package: the same page on every machine.
            ignore_system_fonts=True,
            pdf_standards=["ua-1"],
            timestamp=0,
        )
    if not isinstance(made, bytes):
        raise TypeError("typst returned pages where one document was asked for")
    return made


def _printed(part: Any, language: str) -> Any:
    """Return a part of the document with every text of it as it is printed."""
    if isinstance(part, str):
        return typeset(part, language)
    if isinstance(part, dict):
        return {key: _printed(value, language) for key, value in part.items()}
    if isinstance(part, list | tuple):
        return [_printed(value, language) for value in part]
    return part


def _section(section: Section) -> dict[str, Any]:
    return {
        "title": section.title,
        "paragraphs": section.paragraphs,
        "items": section.items,
        "figures": [_figure(figure) for figure in section.figures],
        "tables": [_table(table) for table in section.tables],
        "parts": [_section(part) for part in section.parts],
        "notes": section.notes,
        "altered": section.altered,
    }


def _figure(figure: FigureBlock) -> dict[str, Any]:
    return {
        "file": f"{figure.anchor}.svg",
        "caption": figure.caption,
        "alternative": figure.alternative,
        "width": round(100 * figure.width),
        "notes": figure.notes,
        "altered": figure.altered,
    }


def _table(table: Table) -> dict[str, Any]:
    return {
        "caption": table.caption,
        "groups": [{"label": label, "span": span} for label, span in table.groups],
        "columns": [column.label for column in table.columns],
        "numeric": [column.numeric for column in table.columns],
        "widths": _widths(table),
        "rows": table.rows,
        "row_headers": table.row_headers,
        "notes": table.notes,
        "altered": table.altered,
        "small": len(table.columns) > _MANY_COLUMNS,
    }


def _widths(table: Table) -> list[dict[str, int]]:
    """Return the width of each column: characters that its widest line takes, or a share of what is left.

    A heading is wrapped to the width of what stands below it, so it counts by its longest word.
    """
    widths = []
    for position, column in enumerate(table.columns):
        found = [line for row in table.rows for line in row[position].split("\n")]
        longest = max((len(line) for line in found), default=0)
        word = max(len(part) for part in column.label.split())
        natural = column.numeric or longest <= _NATURAL_WIDTH
        widths.append(
            {"characters": max(longest, word + 2), "share": 0 if natural else min(longest, _LONGEST_SHARE)}
        )
    return widths
