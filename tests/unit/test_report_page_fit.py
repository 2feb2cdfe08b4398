"""Figures are brought to fit the pages, and no page is left half empty where a smaller figure would stand."""

from __future__ import annotations

import dataclasses
import io

import numpy as np
import pandas as pd
import pypdfium2
import pytest

from rnc_epi.report.blocks import Column, FigureBlock, Section, Table
from rnc_epi.report.content import Content
from rnc_epi.report.page_fit import PAGE_BOTTOM, PAGE_TOP, SMALLEST_SCALE, Mark, fitted
from rnc_epi.report.pdf import _widths, report_pdf
from rnc_epi.vocabulary.hierarchy import Hierarchy

BODY = PAGE_BOTTOM - PAGE_TOP


def flow(scales, heights, text=0.0):
    """Lay figures out one under the other as the typesetter does, a figure never cut."""
    page, y, marks = 1, PAGE_TOP, [Mark("chapter", "", 1, PAGE_TOP)]
    y += text
    marks.append(Mark("text", "", page, y))
    for name, height in heights.items():
        drawn = height * scales.get(name, 1.0)
        if y + drawn > PAGE_BOTTOM:
            page, y = page + 1, PAGE_TOP
        marks += [Mark("figure", name, page, y), Mark("image", name, page, y, drawn)]
        y += drawn
        marks.append(Mark("end", name, page, y))
    return marks


def test_a_figure_that_is_a_little_too_tall_is_made_to_fit():
    heights = {"a": 0.5 * BODY, "b": 0.52 * BODY}
    scales = fitted(lambda scales: flow(scales, heights))
    assert set(scales) == {"b"}
    assert SMALLEST_SCALE <= scales["b"] < 0.96
    assert flow(scales, heights)[-1].page == 1


def test_a_figure_that_would_be_unreadable_or_that_leaves_little_empty_is_left_as_it_is():
    for heights in ({"a": 0.5 * BODY, "b": 0.8 * BODY}, {"a": 0.9 * BODY, "b": 0.11 * BODY}):
        assert fitted(lambda scales, heights=heights: flow(scales, heights)) == {}


def test_one_figure_after_the_other_is_settled():
    heights = dict.fromkeys("abcd", 0.52 * BODY)
    scales = fitted(lambda scales: flow(scales, heights, text=0.05 * BODY))
    marks = {mark.anchor: mark.page for mark in flow(scales, heights, text=0.05 * BODY) if mark.anchor}
    assert marks == {"a": 1, "b": 2, "c": 2, "d": 3}


def content_of(rows):
    return Content(
        title="Essai", release_id="rnc-1", version="0", results=rows, areas=pd.DataFrame(), outlines=None,
        sources=(), hierarchy=Hierarchy(sites=(), areas=()), disclosure={}, lifts=(), notices={},
        standards={}, dictionary={"fr": {}, "en": {}}, accounting=pd.DataFrame(),
    )  # fmt: skip


def box(anchor, height, **more):
    """A figure of a filled rectangle, as wide as the page and so many points high."""
    from matplotlib.figure import Figure

    def draw():
        figure = Figure(figsize=(17 / 2.54, height / 72))
        figure.patch.set_facecolor("0.4")
        return figure

    return FigureBlock(anchor, f"Titre {anchor}", "Un rectangle gris, sans autre contenu.", draw, **more)


def emptiness(pdf):
    """The share of each page that is empty below what stands on it."""
    document = pypdfium2.PdfDocument(io.BytesIO(pdf))
    found = []
    for page in document:
        image = np.asarray(page.render(scale=1, grayscale=True).to_pil())
        top, bottom = (int(image.shape[0] * edge / 841.89) for edge in (PAGE_TOP, PAGE_BOTTOM))
        ink = np.flatnonzero((image[top:bottom] < 200).any(axis=1))
        found.append(1 - (ink.max() + 1) / (bottom - top) if ink.size else 1.0)
    return found


@pytest.fixture(scope="module")
def sections():
    lines = tuple((f"Ligne {k}", str(k)) for k in range(18))
    columns = (Column("Nom", numeric=False), Column("Nombre"))
    table = Table("t", "Un tableau", columns, lines, source="Source : essai.")
    figures = tuple(
        box(name, 0.4 * BODY, notes=("Une note.",), source="Source : essai.") for name in ("a", "b", "c", "d")
    )
    first = Section("one", "Premier chapitre", ("Un paragraphe.",), figures)
    return [first, Section("two", "Second chapitre", ("Un paragraphe.",), (box("e", 0.6 * BODY),), (table,))]


def test_two_half_pages_share_a_page_in_the_document(sections):
    shares = emptiness(report_pdf(content_of(pd.DataFrame()), sections, "fr"))
    # Title, contents, two pages for four figures, two for the second chapter; unfitted, three for the four.
    assert len(shares) == 6
    assert max(shares[2:4]) < 0.2


def test_a_short_table_is_not_broken_over_two_pages(sections):
    pdf = pypdfium2.PdfDocument(io.BytesIO(report_pdf(content_of(pd.DataFrame()), sections, "fr")))
    pages = [page.get_textpage().get_text_range() for page in pdf]
    holding = [number for number, words in enumerate(pages) if "Ligne" in words]
    assert len(holding) == 1
    assert "Source : essai." in pages[holding[0]].replace("\u00a0", " ")


def test_the_same_sections_give_the_same_document(sections):
    again = [dataclasses.replace(section) for section in sections]
    content = content_of(pd.DataFrame())
    assert report_pdf(content, sections, "fr") == report_pdf(content, again, "fr")


def test_names_of_rows_keep_their_width_beside_many_numbers():
    names = ("Tous cancers (hors peau non mélanome)", "Sein")
    numbers = tuple(Column(f"c{k}") for k in range(8))
    lines = tuple((name, *("12,3\n[11,2 ; 13,4]" for _ in numbers)) for name in names)
    widths = _widths(Table("t", "T", (Column("Localisation", numeric=False), *numbers), lines))
    # Half of a share of nothing was nine characters: a column of one syllable a line.
    assert widths[0]["share"] == 0
    assert widths[0]["characters"] >= 20


def test_a_code_is_never_narrower_than_itself():
    lines = (("populations_synthetiques", "contrôle du contrat"), ("x", "mise en cases"))
    columns = (Column("Source", numeric=False), Column("Étape", numeric=False))
    assert _widths(Table("t", "T", columns, lines))[0] == {"characters": 24, "share": 0}
