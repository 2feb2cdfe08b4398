"""The report as PDF, set by typst: A4, tagged for assistive technology (PDF/UA-1), always the same bytes."""

from __future__ import annotations

import json
import re
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rnc_epi.report.page_fit import TEXT_WIDTH, Mark, fitted
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
    "figure_word",
    "table_word",
)

#: Size of the paper of a drawing, in points, as matplotlib writes it.
_SIZE: Final = re.compile(rb'<svg [^>]*?width="([0-9.]+)pt" height="([0-9.]+)pt"')

#: Longest text of a column that keeps its natural width; longer ones share what is left.
_NATURAL_WIDTH: Final = 16
#: Beyond this a longer text asks for no more width.
_LONGEST_SHARE: Final = 60
#: Tables of more columns than this are set smaller.
_MANY_COLUMNS: Final = 7
#: Tables of more lines than this may be broken over two pages.
_MOST_LINES_WHOLE: Final = 20
#: Characters that the names of rows never give up to the numbers beside them.
_NAME_WIDTH: Final = 24


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
    drawn = {figure.anchor: figure.svg() for section in sections for figure in section.all_figures()}
    sizes = {anchor: _size(svg) for anchor, svg in drawn.items()}
    document = {
        "language": language,
        "title": content.title,
        "synthetic": content.synthetic,
        "words": {key: text(key, language) for key in _WORDS},
        "release": text("release_line", language, release=content.release_id, version=content.version),
        "sources": [f"{source.title} ({source.licence})" for source in content.sources],
        "sections": [_section(section, sizes, language) for section in sections],
    }
    template = files("rnc_epi.report") / "templates" / "annual_report.typ"
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "report.typ").write_bytes(template.read_bytes())
        for anchor, svg in drawn.items():
            (root / f"{anchor}.svg").write_bytes(svg)

        def laid_out(scales: dict[str, float]) -> list[Mark]:
            _write(root, document, scales, language)
            return _marks(root)

        scales = fitted(laid_out)
        _write(root, document, scales, language)
        return _compiled(root)


def _write(root: Path, document: dict[str, Any], scales: dict[str, float], language: str) -> None:
    """Write what the template reads, each figure at its scale."""

    def scaled(section: dict[str, Any]) -> dict[str, Any]:
        figures = [
            figure
            | {
                side: round(figure[side] * scales.get(figure["anchor"], 1.0), 2)
                for side in ("width", "height")
            }
            for figure in section["figures"]
        ]
        return section | {"figures": figures, "parts": [scaled(part) for part in section["parts"]]}

    whole = document | {"sections": [scaled(section) for section in document["sections"]]}
    (root / "report.json").write_text(
        json.dumps(_printed(whole, language), ensure_ascii=False), encoding="utf-8"
    )


def _marks(root: Path) -> list[Mark]:
    """Return where the parts of the document stand, laid out with boxes in place of its drawings."""
    import typst

    said = typst.query(
        str(root / "report.typ"),
        "<mark>",
        field="value",
        root=str(root),
        ignore_system_fonts=True,
        sys_inputs={"draft": "yes"},
    )
    return [Mark(**one) for one in json.loads(said)]


def _compiled(root: Path) -> bytes:
    # Imported here: it takes 80 MB, and the HTML page needs none of it.
    import typst

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


def _size(svg: bytes) -> tuple[float, float]:
    """Return the width and height that a drawing says of itself, in points."""
    found = _SIZE.search(svg[:2_000])
    if found is None:
        raise ValueError("a drawing without its size")
    return float(found[1]), float(found[2])


def _printed(part: Any, language: str) -> Any:
    """Return a part of the document with every text of it as it is printed."""
    if isinstance(part, str):
        return typeset(part, language)
    if isinstance(part, dict):
        return {key: _printed(value, language) for key, value in part.items()}
    if isinstance(part, list | tuple):
        return [_printed(value, language) for value in part]
    return part


def _section(section: Section, sizes: dict[str, tuple[float, float]], language: str) -> dict[str, Any]:
    return {
        "title": section.title,
        "paragraphs": section.paragraphs,
        "items": section.items,
        "figures": [_figure(figure, sizes[figure.anchor], language) for figure in section.figures],
        "tables": [_table(table) for table in section.tables],
        "parts": [_section(part, sizes, language) for part in section.parts],
        "notes": section.notes,
        "altered": section.altered,
    }


def _figure(figure: FigureBlock, size: tuple[float, float], language: str) -> dict[str, Any]:
    width = TEXT_WIDTH * figure.width
    return {
        "anchor": figure.anchor,
        "file": f"{figure.anchor}.svg",
        "caption": figure.caption,
        "alternative": figure.alternative,
        "width": width,
        "height": width * size[1] / size[0],
        "lecture": text("lecture", language, reading=figure.lecture) if figure.lecture else "",
        "notes": figure.notes,
        "source": figure.source,
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
        "source": table.source,
        "small": len(table.columns) > _MANY_COLUMNS,
        "whole": sum(max(cell.count("\n") for cell in row) + 1 for row in table.rows) <= _MOST_LINES_WHOLE,
    }


def _share(found: list[str]) -> int:
    """Return what a column asks of the width that is left: between its mean line and its longest."""
    lengths = [len(line) for line in found]
    return max(1, min(_LONGEST_SHARE, (round(sum(lengths) / len(lengths)) + max(lengths)) // 2))


def _widths(table: Table) -> list[dict[str, int]]:
    """Return the width of each column: characters that its widest line takes, or a share of what is left.

    A heading is wrapped to the width of what stands below it, so it counts by its longest word.
    """
    widths = []
    for position, column in enumerate(table.columns):
        found = [line for row in table.rows for line in row[position].split("\n")]
        longest = max((len(line) for line in found), default=0)
        word = max(len(part) for part in column.label.split())
        # A code has no place where it could be broken.
        unbroken = max((len(part) for line in found for part in line.split()), default=0)
        natural = column.numeric or longest <= max(_NATURAL_WIDTH, unbroken)
        # Among many columns of numbers, what is left would be too little for the names of the rows.
        named = position < table.row_headers and len(table.columns) > _MANY_COLUMNS
        if named:
            natural, longest = True, min(longest, _NAME_WIDTH)
        widths.append({"characters": max(longest, word + 2), "share": 0 if natural else _share(found)})
    return widths
