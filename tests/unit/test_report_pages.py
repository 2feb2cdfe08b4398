"""The pages of the report: one file each, nothing asked from outside, nothing blank or clipped."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pypdfium2
import pytest

from rnc_epi.report import open_content, report_sections, write_report
from rnc_epi.report.html import section_html
from rnc_epi.vocabulary.errors import DisclosureRefused, FileProblem, InputError
from tests.report_release import write_release

ALTERED = "Effectifs modifiés. / Counts altered."


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return write_release(tmp_path_factory.mktemp("altered"), altered=ALTERED)


@pytest.fixture(scope="module")
def written(release, tmp_path_factory):
    return write_report(release, tmp_path_factory.mktemp("report"), language="fr")


@pytest.fixture(scope="module")
def page(written):
    return written["html"].read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def document(written):
    opened = pypdfium2.PdfDocument(written["pdf"])
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def content(release):
    return open_content(release)


class Page(HTMLParser):
    """Collects the tags of a page with their attributes, and the text of its styles."""

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.styles = ""
        self._open = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self._open.append(tag)

    def handle_endtag(self, tag):
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data):
        if self._open and self._open[-1] == "style":
            self.styles += data

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def parsed(page):
    return Page(page)


def test_the_page_asks_for_nothing_outside_itself(parsed):
    asking = ("src", "href", "srcset", "poster", "data", "action", "background", "xlink:href")
    asked = [attributes[name] for _, attributes in parsed.tags for name in asking if name in attributes]
    assert asked
    assert all(address.startswith(("#", "data:image/svg+xml;base64,")) for address in asked)
    assert "url(" not in parsed.styles
    assert "@import" not in parsed.styles
    assert not parsed.all("script")
    assert not parsed.all("link")
    assert not any(name.startswith("on") for _, attributes in parsed.tags for name in attributes)


def test_the_page_forbids_scripts_and_the_network(parsed):
    policies = [
        meta["content"] for meta in parsed.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"
    ]
    assert len(policies) == 1
    assert policies[0].startswith("default-src 'none'")
    assert "script-src" not in policies[0]


def test_figures_inside_the_page_ask_for_nothing_either(content):
    for section in report_sections(content, "fr"):
        for figure in section.all_figures():
            drawing = figure.svg().decode()
            addresses = set(re.findall(r'(?:href|src)="([^"]*)"', drawing))
            assert all(address.startswith("#") for address in addresses)
            assert "<script" not in drawing


def test_the_page_says_its_language_and_every_image_has_a_text(parsed):
    assert parsed.all("html")[0]["lang"] == "fr"
    images = parsed.all("img")
    assert len(images) >= 8
    assert all(len(image["alt"]) > 40 for image in images)


def test_every_header_cell_has_a_scope_and_every_table_a_caption(parsed):
    assert all(cell.get("scope") in ("col", "row", "colgroup") for cell in parsed.all("th"))
    assert len(parsed.all("caption")) == len(parsed.all("table"))


def test_anchors_are_unique_and_links_lead_somewhere(parsed):
    anchors = [attributes["id"] for _, attributes in parsed.tags if "id" in attributes]
    assert len(anchors) == len(set(anchors))
    assert {link["href"].removeprefix("#") for link in parsed.all("a")} <= set(anchors)


def test_what_the_release_says_is_shown_as_text_never_as_markup(page):
    assert "Décès d’essai &lt;b&gt;" in page
    assert "<b>" not in page
    assert "Étude d’essai &amp; vérification" in page


def test_no_sign_of_a_missing_value_of_python_reaches_the_page(page):
    shown = re.sub(r"<style>.*?</style>|data:image/svg\+xml;base64,[^\"]*", "", page, flags=re.DOTALL)
    words = set(re.findall(r"[A-Za-z_<>]+", re.sub(r"<[^>]*>", " ", shown)))
    assert not words & {"nan", "NaN", "None", "NA", "null", "inf"}


def test_a_masked_cell_shows_its_sign_and_the_sign_is_explained(page):
    # Breast cancer deaths of men are fewer than eleven in every region.
    assert "n.p.\u00a0: non publié" in page
    national = page[page.index('id="table-national-death"') :]
    breast = national[national.index("Sein</th>") :]
    assert re.match(r'Sein</th><td class="number">(n\.p\.|[0-9\u202f]+)</td>', breast)
    assert '<td class="number">n.p.</td>' in page


def test_incidence_is_not_given_for_france_and_the_page_says_why(page):
    assert "L’incidence de la France n’est pas estimable" in page
    assert "ensemble des registres, 2018-2020" in page
    assert "Nouveaux cas par localisation et sexe, France" not in page


def test_the_methods_give_sources_licences_notices_rule_and_accounting(page):
    methods = page[page.index('id="methods"') :]
    for words in (
        "MIT",
        "Les données sont synthétiques",
        "Effectifs modifiés.",
        "Seuil\u00a0: 11 personnes",
        "gamma de Fay et Feuer",
        "exact de Garwood",
        "Segi",
        "Contours d’essai.",
        "&lt; 11",
        "dictionary_fr.csv",
        "Ne pas se distinguer n’est pas être égal",
    ):
        assert words in methods, words


def test_what_is_altered_is_marked_where_it_is_shown_and_nowhere_else(content, page):
    marked = [
        (figure.anchor, figure.altered)
        for section in report_sections(content, "fr")
        for figure in section.all_figures()
    ]
    assert all(altered == ("death" in anchor or "regions" in anchor) for anchor, altered in marked)
    assert "Données modifiées par leurs auteurs" in page


def test_a_département_that_has_more_is_found_and_the_others_are_not(content):
    maps = next(section for section in report_sections(content, "fr") if section.anchor == "maps")
    lung = next(part for part in maps.parts if part.title == "Poumon, hommes")
    assert any("Plus élevé" in words and "Département 29 (Bretagne" in words for words in lung.paragraphs)
    assert "Se distinguent du reste de leur région\u00a0:" in lung.figures[0].alternative


def test_the_same_release_gives_the_same_bytes(release, written, tmp_path):
    again = write_report(release, tmp_path)
    for kind, file in written.items():
        assert again[kind].read_bytes() == file.read_bytes(), kind


def test_every_page_of_the_pdf_holds_something_and_keeps_inside_its_margins(document):
    assert len(document) >= 8
    for number in range(len(document)):
        image = np.asarray(document[number].render(scale=1, grayscale=True).to_pil())
        ink = image < 200
        height, width = ink.shape
        body = ink[int(height * 0.08) : int(height * 0.92)]
        assert body.mean() > 0.002, f"page {number + 1} is blank"
        # 2 cm of margin on 21 cm: nothing may be cut at the edge of the paper.
        margin = int(width * 1.8 / 21)
        assert not ink[:, :margin].any(), number + 1
        assert not ink[:, -margin:].any(), number + 1


def test_no_page_but_the_last_of_a_chapter_is_mostly_empty(document):
    begins = {item.get_dest().get_index() for item in document.get_toc() if item.level == 0}
    assert len(begins) >= 6
    for number in range(1, len(document)):
        if number + 1 in begins or number + 1 == len(document):
            continue
        image = np.asarray(document[number].render(scale=1, grayscale=True).to_pil())
        top, bottom = int(image.shape[0] * 2.3 / 29.7), int(image.shape[0] * 27.7 / 29.7)
        ink = np.flatnonzero((image[top:bottom] < 200).any(axis=1))
        # A figure may not be made smaller than can be read, so some of a page may stay empty: two fifths.
        assert ink.max() > 0.6 * (bottom - top), number + 1


def words_of(document, number):
    return " ".join(document[number].get_textpage().get_text_range().split())


def test_every_page_says_that_the_data_are_synthetic(document):
    assert all("DONNÉES SYNTHÉTIQUES" in words_of(document, number) for number in range(len(document)))


def test_pages_that_show_altered_figures_say_so(document):
    said = ["Données modifiées par leurs auteurs" in words_of(document, n) for n in range(len(document))]
    shows = ["Décès par localisation" in words_of(document, n) for n in range(len(document))]
    assert any(shows)
    assert all(mark for mark, shown in zip(said, shows, strict=True) if shown)
    # The title page and the contents show no figure.
    assert not said[0]
    assert not said[1]


def test_the_pdf_says_its_title_and_language_and_is_tagged(written, document):
    assert document.get_metadata_dict()["Title"].startswith("Rapport annuel")
    data = written["pdf"].read_bytes()
    assert b"/Lang" in data
    assert b"/StructTreeRoot" in data
    assert document.get_metadata_dict()["CreationDate"] == ""


def test_no_label_of_a_figure_is_cut(content):
    for section in report_sections(content, "fr"):
        for block in section.all_figures():
            figure = block.draw()
            figure.draw_without_rendering()
            box = figure.get_tightbbox()
            # In inches; two hundredths are the width of a line at the edge.
            assert box.x0 > -0.02, block.anchor
            assert box.y0 > -0.02, block.anchor
            assert box.x1 < figure.get_figwidth() + 0.02, block.anchor
            assert box.y1 < figure.get_figheight() + 0.02, block.anchor


def test_every_map_has_a_legend(content):
    maps = next(section for section in report_sections(content, "en") if section.anchor == "maps")
    drawn = [block for block in maps.all_figures() if block.anchor.startswith("map-")]
    assert drawn
    for block in drawn:
        assert all(ax.get_legend() is not None for ax in block.draw().axes)


def test_the_english_report_is_english(release, tmp_path):
    written = write_report(release, tmp_path, language="en")
    page = written["html"].read_text(encoding="utf-8")
    assert '<html lang="en">' in page
    assert "SYNTHETIC DATA" in page
    assert "Counts altered." in page
    french = r"hommes|femmes|Décès par|n.est pas|Lecture|Traitement|Champ"
    assert not re.search(french, re.sub(r"base64,[^\"]*", "", page))
    document = pypdfium2.PdfDocument(written["pdf"])
    printed = " ".join(words_of(document, number) for number in range(len(document)))
    document.close()
    assert "How to read: " in printed
    assert not re.search(french, printed)


@pytest.mark.parametrize(
    ("events", "absent"),
    [("death", {"registries"}), ("incidence", {"trend", "maps", "regions"})],
)
def test_a_section_that_has_nothing_to_show_is_left_out(tmp_path, events, absent):
    held = open_content(write_release(tmp_path, events=events, synthetic=False))
    anchors = {section.anchor for section in report_sections(held, "fr")}
    assert not anchors & absent
    assert {"summary", "national", "methods"} <= anchors
    page = "".join(section_html(section) for section in report_sections(held, "fr"))
    assert "SYNTHÉTIQUES" not in page
    assert "<tbody>\n</tbody>" not in page


def test_an_extract_an_internal_folder_and_an_empty_folder_are_refused(tmp_path, release):
    extract = tmp_path / "extract.duckdb"
    extract.write_bytes(b"x")
    internal = release.parents[1] / "internal"
    (tmp_path / "empty").mkdir()
    for path, code in (
        (extract, "T001"),
        (internal, "T001"),
        (internal / release.name, "T001"),
        (tmp_path / "empty", "R015"),
    ):
        with pytest.raises(FileProblem) as refused:
            write_report(path, tmp_path / "out")
        assert refused.value.code == code
    assert not (tmp_path / "out").exists()


def test_figures_that_did_not_go_through_disclosure_control_are_refused(release, tmp_path):
    import shutil

    import pandas as pd

    copy = tmp_path / "copy"
    shutil.copytree(release, copy)
    table = pd.read_parquet(copy / "indicators.parquet")
    table.loc[0, "status"] = "estimated"
    table.to_parquet(copy / "indicators.parquet", index=False)
    with pytest.raises(DisclosureRefused) as refused:
        open_content(copy)
    assert refused.value.code == "T002"


def test_an_unknown_language_and_a_folder_that_cannot_be_made_are_refused(release, tmp_path):
    with pytest.raises(InputError):
        write_report(release, tmp_path, language="de")
    (tmp_path / "file").write_text("")
    with pytest.raises(FileProblem) as refused:
        write_report(release, tmp_path / "file" / "below")
    assert refused.value.code == "T003"
