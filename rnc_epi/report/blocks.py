"""What a page is made of: sections of paragraphs, figures, tables and notes, whatever shows them.

The notebook, the HTML page and the PDF show the same sections; a figure is drawn once and kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Column:
    """A column of a table: its label, the group that it stands under, and whether it holds numbers."""

    label: str
    group: str = ""
    numeric: bool = True


@dataclass(frozen=True)
class Table:
    """A table ready to be shown: texts only, already in the words and numbers of a language.

    Parameters
    ----------
    anchor : str
        Identifier within the page.
    caption : str
    columns : tuple of Column
        Neighbours of one group share a header above them.
    rows : tuple of tuple of str
    row_headers : int
        How many first columns name the row.
    notes : tuple of str
    altered : bool
        Whether a source of these figures was altered by its authors (ruling 28).
    source : str
        Where the figures come from: sources, treatment, period and scope, in one line.
    """

    anchor: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    row_headers: int = 1
    notes: tuple[str, ...] = ()
    altered: bool = False
    source: str = ""

    @property
    def groups(self) -> tuple[tuple[str, int], ...]:
        """Neighbouring groups of columns and how many columns each holds; empty without groups."""
        if not any(column.group for column in self.columns):
            return ()
        found: list[tuple[str, int]] = []
        for column in self.columns:
            if found and found[-1][0] == column.group and column.group:
                found[-1] = (column.group, found[-1][1] + 1)
            else:
                found.append((column.group, 1))
        return tuple(found)


@dataclass(frozen=True)
class FigureBlock:
    """A figure to be drawn when it is first shown.

    Parameters
    ----------
    anchor, caption : str
    alternative : str
        What the figure shows, in words and published numbers, for who cannot see it.
    draw : callable
        Returns the drawn figure.
    width : float
        Share of the width of the page.
    notes : tuple of str
    data : Table or None
        The figures behind the figure.
    altered : bool
    source : str
        Where the figures come from: sources, treatment, period and scope, in one line.
    kind : str
        What sort of figure it is: a report says once a kind how it is read.
    lecture : str
        How it is read, on one of its own published numbers; empty where it was said before.
    """

    anchor: str
    caption: str
    alternative: str
    draw: Callable[[], Figure]
    width: float = 1.0
    notes: tuple[str, ...] = ()
    data: Table | None = None
    altered: bool = False
    source: str = ""
    kind: str = ""
    lecture: str = ""
    _drawn: dict[str, bytes] = field(default_factory=dict, repr=False, compare=False)

    def svg(self) -> bytes:
        """Return the figure as SVG, drawn once."""
        if "svg" not in self._drawn:
            from rnc_epi.report.figures.style import to_svg

            self._drawn["svg"] = to_svg(self.draw(), self.anchor)
        return self._drawn["svg"]


@dataclass(frozen=True)
class Section:
    """A part of the report under one title.

    Parameters
    ----------
    anchor, title : str
    paragraphs : tuple of str
        Plain text before the figures and tables.
    figures : tuple of FigureBlock
    tables : tuple of Table
    notes : tuple of str
        Plain text after them.
    items : tuple of str
        A list after the paragraphs.
    parts : tuple of Section
        Sections within this one.
    language : {"fr", "en"}
    altered : bool
        Whether its own paragraphs and items rest on a source altered by its authors.
    """

    anchor: str
    title: str
    paragraphs: tuple[str, ...] = ()
    figures: tuple[FigureBlock, ...] = ()
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    parts: tuple[Section, ...] = ()
    language: str = "fr"
    altered: bool = False

    def all_figures(self) -> tuple[FigureBlock, ...]:
        """Return the figures of the section and of its parts."""
        return self.figures + tuple(found for part in self.parts for found in part.all_figures())

    def all_tables(self) -> tuple[Table, ...]:
        """Return the tables of the section and of its parts."""
        return self.tables + tuple(found for part in self.parts for found in part.all_tables())

    def _repr_html_(self) -> str:
        from rnc_epi.report.html import section_html

        return section_html(read_once([self])[0])


def read_once(sections: Iterable[Section]) -> list[Section]:
    """Return sections in which only the first figure of each kind says how it is read."""
    told: set[str] = set()

    def of_figure(figure: FigureBlock) -> FigureBlock:
        if figure.kind not in told:
            told.update([figure.kind] if figure.lecture else [])
            return figure
        # The drawing that is kept passes to the copy.
        return replace(figure, lecture="")

    def of_section(section: Section) -> Section:
        return replace(
            section,
            figures=tuple(of_figure(figure) for figure in section.figures),
            parts=tuple(of_section(part) for part in section.parts),
        )

    return [of_section(section) for section in sections]
