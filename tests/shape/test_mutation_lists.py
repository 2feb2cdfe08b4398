"""Every deliberate mistake of ``tests/mutations`` can be made, and the tests that must notice it exist."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LISTS = sorted((ROOT / "tests" / "mutations").glob("*.toml"))


@pytest.mark.parametrize("listed", LISTS, ids=lambda path: path.stem)
def test_each_mistake_has_one_place_and_tests_that_exist(listed):
    wrong = []
    for mutation in tomllib.loads(listed.read_text(encoding="utf-8"))["mutation"]:
        text = (ROOT / mutation["file"]).read_text(encoding="utf-8")
        if text.count(mutation["find"]) != 1 or mutation["find"] == mutation["replace"]:
            wrong.append(f"{mutation['why']}: {mutation['file']}")
        for test in mutation["tests"]:
            path, _, name = test.partition("::")
            name = name.rpartition("::")[2].partition("[")[0]
            there = (ROOT / path).is_file() if name else (ROOT / path).exists()
            if not there or (name and f"def {name}(" not in (ROOT / path).read_text(encoding="utf-8")):
                wrong.append(f"{mutation['why']}: {test}")
        if not mutation["tests"]:
            wrong.append(f"{mutation['why']}: no test")
    assert wrong == []
