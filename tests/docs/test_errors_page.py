"""The page of errors lists every code, and every code has its texts in both languages."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from rnc_epi.vocabulary.errors import catalogue


def test_the_page_of_errors_is_the_catalogue(project_root: Path) -> None:
    spec = importlib.util.spec_from_file_location("errors_page", project_root / "docs/make_errors_page.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    written = (project_root / "docs/errors.md").read_text(encoding="utf-8")
    assert written == module.page(), "run python docs/make_errors_page.py"
    assert {code[0] for code in catalogue()} <= set(module.ROOMS)
    assert all(f"**{code}**" in written for code in catalogue())
