"""The report says which rules on quality the data of shown figures break, and nothing of hidden ones."""

from __future__ import annotations

import dataclasses
import re

import pytest

from rnc_epi.report import open_content, report_sections
from rnc_epi.report.quality_notices import notice, quality_notices
from rnc_epi.vocabulary.errors import catalogue
from tests.report_release import write_release

RULES = sorted(code for code in catalogue() if re.fullmatch(r"Q\d{3}", code))


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    return open_content(write_release(tmp_path_factory.mktemp("release")))


def graded(content, *marks):
    """The release with a code in the rows that columns pick."""
    results = content.results.copy()
    for code, columns in marks:
        picked = results["event_type"].eq("incidence")
        for name, value in columns.items():
            picked &= results[name].eq(value)
        assert picked.any()
        results.loc[picked, "data_grade"] = code
    return dataclasses.replace(content, results=results)


def plain(words):
    return words.replace("\u00a0", " ").replace("\u202f", " ").replace("\u2019", "'")


def items(content, language="fr"):
    section = quality_notices(content, language)
    return [] if section is None else [plain(item) for item in section.items]


def test_a_release_without_a_code_has_no_notice(content):
    assert quality_notices(content, "fr") is None
    assert "quality-notices" not in [section.anchor for section in report_sections(content, "fr")]


def test_the_registries_that_break_a_rule_are_named_with_its_words_and_years(content):
    zone = {"geo_level": "registry_zone", "status": "published"}
    marked = graded(
        content,
        ("Q090", zone | {"geo_code": "calvados"}),
        ("Q090+Q072", zone | {"geo_code": "finistere", "site": "lung"}),
    )
    words = plain(catalogue()["Q090"]["fr"]).split(" : ")[1].split(" (")[0]
    said = items(marked)
    of_children = [one for one in said if "(Q090)" in one]
    assert len(of_children) == 1
    assert re.match(r"Zone de registre — Calvados et Finist[eè]re, 2018-2020 : ", of_children[0])
    assert words in of_children[0]
    (ratio,) = (one for one in said if "(Q072)" in one)
    assert "Calvados" not in ratio
    assert "oumon" in ratio
    assert all("hors des limites" not in one and "limite" not in one for one in said)
    anchors = [section.anchor for section in report_sections(marked, "en")]
    assert anchors[anchors.index("registries") + 1] == "quality-notices"


def test_nothing_is_told_of_hidden_rows_nor_of_the_grades_of_models(content):
    hidden = content.results.index[content.results["status"].eq("not_published")]
    assert len(hidden)
    results = content.results.copy()
    results.loc[hidden, ["event_type", "data_grade"]] = ["incidence", "Q021"]
    shown = results["status"].eq("published") & results["event_type"].eq("incidence")
    first, second = results.index[shown][:2]
    results.loc[first, ["estimator", "data_grade"]] = ["calibrated", "A++"]
    results.loc[second, ["estimator", "data_grade"]] = ["calibrated", "Q021"]
    assert quality_notices(dataclasses.replace(content, results=results), "fr") is None


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("code", RULES)
def test_no_notice_holds_a_number_of_the_registry_or_says_that_the_figure_is_not_shown(code, language):
    words = notice(code, ["Isère"], "registry_zone", "2016-2018", "poumon", language)
    without = words.replace("2016-2018", "").replace(f"({code})", "").replace("15", "")
    assert not re.search(r"\d|[{}()]", without)
    assert not re.search("not published|pas publié", words)
    assert words.endswith(f"({code}).")
    assert "Isère" in words
