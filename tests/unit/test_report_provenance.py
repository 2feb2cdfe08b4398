"""Every figure and table says where it comes from; the first of each kind says how it is read."""

from __future__ import annotations

import base64
import re

import pandas as pd
import pytest

from rnc_epi.report import open_content, report_sections
from rnc_epi.report.blocks import FigureBlock, Section, read_once
from rnc_epi.report.html import section_html
from rnc_epi.report.lectures import example_of, lecture
from rnc_epi.report.provenance import source_line
from tests.report_release import write_release


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    return open_content(write_release(tmp_path_factory.mktemp("release")))


@pytest.fixture(scope="module")
def sections(content):
    return report_sections(content, "fr")


def plain(words):
    return words.replace("\u00a0", " ").replace("\u202f", " ").replace("\u2019", "'")


def blocks_of(sections):
    figures = [figure for section in sections for figure in section.all_figures()]
    tables = [table for section in sections for table in section.all_tables()]
    return figures, [*tables, *(figure.data for figure in figures if figure.data is not None)]


def test_every_figure_and_table_has_a_line_of_source(sections):
    figures, tables = blocks_of(sections)
    assert len(figures) > 8
    assert len(tables) > 12
    for block in (*figures, *tables):
        assert plain(block.source).startswith("Source : "), block.anchor
        assert "Traitement : rnc_epi" in plain(block.source), block.anchor
        page = section_html(Section("s", "S", figures=(block,))) if block in figures else ""
        assert not page or block.source.split(";")[0].split("<")[0] in page


def test_the_line_tells_sources_years_areas_sexes_and_ages(content):
    rows = content.rows("death", "asr", "departement", site="lung", sex=1)
    rows = rows[rows["period_until"].eq(2021)]
    said = plain(source_line(content, rows, "fr"))
    assert "Décès d'essai <b>" in said
    assert "Registres d'essai" not in said
    assert "Période : 2018-2020" in said
    assert said.endswith("Champ : 8 départements, hommes, tous âges.")
    both = pd.concat([rows, content.rows("death", "asr", "departement", site="lung", sex=2)])
    assert "hommes et femmes" in plain(source_line(content, both, "fr"))
    nation = content.rows("death", "age_specific_rate", "france_hexagonale", site="lung", sex=2, age_from=50)
    assert plain(source_line(content, nation, "fr")).endswith("Champ : France hexagonale, femmes, 50-74 ans.")
    assert source_line(content, nation.iloc[:0], "fr") == ""


def test_the_first_figure_of_each_kind_says_how_it_is_read_and_the_others_do_not(sections):
    figures, _ = blocks_of(sections)
    told = [figure.kind for figure in figures if figure.lecture]
    assert len(told) == len(set(told))
    assert set(told) >= {"sites", "ages", "trend", "map", "funnel", "ranked"}
    page = "".join(section_html(section) for section in sections)
    assert page.count("Lecture\u00a0:") == len(told)


def test_a_drawing_is_made_once_though_its_note_is_dropped():
    drawn = []

    def draw():
        from matplotlib.figure import Figure

        drawn.append(1)
        return Figure()

    one = FigureBlock("a", "A", "x", draw, kind="k", lecture="l")
    other = FigureBlock("b", "B", "x", draw, kind="k", lecture="l")
    (section,) = read_once([Section("s", "S", figures=(one, other))])
    assert [figure.lecture for figure in section.figures] == ["l", ""]
    other.svg()
    section.figures[1].svg()
    assert len(drawn) == 1


def test_a_reader_is_shown_a_published_row_and_among_areas_the_middle_one():
    rows = pd.DataFrame(
        {
            "name": list("abcd"), "value": [1.0, 2.0, 3.0, 9.9], "lower": [0.5, 1.5, 2.5, 9.0],
            "upper": [1.5, 2.5, 3.5, 11.0], "per": 1, "sex": 1, "measure_unit": "ratio",
            "status": ["published", "published", "published", "not_published"],
        }
    )  # fmt: skip
    assert example_of(rows)["name"] == "c"
    assert example_of(rows, middle=True)["name"] == "b"
    assert example_of(rows.assign(status="not_published")) is None
    assert lecture("risks", None, "fr") == ""
    assert "9,9" not in lecture("risks", example_of(rows), "fr")


def test_the_page_can_be_read_by_keyboard_and_by_ear(sections):
    for section in sections:
        page = section_html(section)
        for image in re.findall(r"<img [^>]*>", page):
            assert len(re.search(r'alt="([^"]*)"', image)[1]) > 40
        assert page.count('tabindex="0"') == page.count("<table")
        for address in re.findall(r'base64,([^"]*)', page):
            assert b"http://www.w3.org/2000/svg" in base64.b64decode(address)[:600]
