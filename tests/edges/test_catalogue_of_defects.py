"""The catalogue of docs/extract.md is whole: each defect has a code, texts in both languages, a fixture."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rnc_epi.extracts.classification.consistency import CODE_RULES
from rnc_epi.vocabulary.errors import catalogue
from tests.edges import test_defects_of_files as files
from tests.edges.defects_of_extracts import DEFECTS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "extract.md").read_text(encoding="utf-8")
BESIDE = (ROOT / "docs" / "quality.md").read_text(encoding="utf-8")
#: Lines of the catalogue that no code of the door stands for, and who answers for them.
ELSEWHERE = {
    30: "the audit trail and the comparison of releases",
    50: "kept",
    55: "out of all cancers by the site table",
    64: "quality report",
    66: "passage tables of the geography",
    74: "`outside_scope` of the cells",
}
#: Codes that cannot be provoked in a test: who runs the tests may read every file.
NO_FIXTURE = {"D137"}


def lines_of_the_84() -> dict[int, str]:
    table = PAGE[PAGE.index("## The 84 defects") : PAGE.index("## Beyond the 84")]
    return {int(number): rest for number, rest in re.findall(r"^\| (\d+) (.+)$", table, re.MULTILINE)}


def codes_in(text: str) -> set[str]:
    """Return the codes of a text, those inside of ``H120 to H123`` too."""
    found = set(re.findall(r"\b[BDHKO]\d{3}\b", text))
    for letter, first, last in re.findall(r"\b([BDHKO])(\d{3}) to \1(\d{3})\b", text):
        found |= {f"{letter}{number:03d}" for number in range(int(first), int(last) + 1)}
    return found


def test_the_84_are_there_each_with_a_code_or_with_who_answers_for_it():
    lines = lines_of_the_84()
    assert sorted(lines) == list(range(1, 85))
    for number, text in lines.items():
        assert codes_in(text) or ELSEWHERE[number] in text, number


def test_every_code_of_the_page_has_its_texts_and_every_code_of_the_door_its_line():
    texts = catalogue()
    for code in codes_in(PAGE):
        for part in ("fr", "en", "next_fr", "next_en"):
            assert texts[code][part].strip(), (code, part)
    door = {code for code in texts if re.fullmatch(r"[BDHO]\d{3}", code)}
    assert door <= codes_in(PAGE) | codes_in(BESIDE)


@pytest.mark.parametrize("letter", ["B", "D", "H", "O"])
def test_every_code_of_the_door_is_provoked_by_a_test(letter):
    provoked = {defect.code for defect in DEFECTS} | {rule.code for rule in CODE_RULES}
    provoked |= {case[0] for case in (*files.REFUSED, *files.SET_ASIDE, *files.SAME) if case[0]}
    own = Path(__file__).name
    for file in (ROOT / "tests").rglob("*.py"):
        if file.name != own:
            provoked |= set(re.findall(r"[\"'\[ (=]([BDHO]\d{3})\b", file.read_text(encoding="utf-8")))
    door = {code for code in catalogue() if re.fullmatch(rf"{letter}\d{{3}}", code)}
    assert door - provoked == {code for code in NO_FIXTURE if code[0] == letter}
