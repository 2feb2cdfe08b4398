"""Every example in the documentation runs."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import rnc_epi

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(rnc_epi.__path__, "rnc_epi.")
    if "__main__" not in module.name
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name: str) -> None:
    failures, _ = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert failures == 0


def test_the_lines_of_the_front_page_run(project_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(
        r"```python\n(.*?)```", (project_root / "README.md").read_text(encoding="utf-8"), re.S
    )
    assert len(blocks) == 2
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})
    assert "Formula" in capsys.readouterr().out
