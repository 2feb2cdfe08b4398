"""The page on the study file names every key that a study accepts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rnc_epi.vocabulary.study import Calibration, Inequality, Outputs, Quality, Rates, Select, SmallAreas

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "study-file.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("section", [Select, Rates, Outputs, Quality, Calibration, SmallAreas, Inequality])
def test_every_key_of_a_section_is_explained(section) -> None:
    table = re.findall(r"^\| (.+?) \|", PAGE, flags=re.MULTILINE)
    named = {word for cell in table for word in re.findall(r"[a-z_]+", cell)}
    assert not set(section.model_fields) - named
