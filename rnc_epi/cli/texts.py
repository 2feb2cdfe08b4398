"""The texts of the command line, by key and language."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def _texts() -> dict[str, dict[str, str]]:
    return tomllib.loads((files("rnc_epi.cli") / "texts.toml").read_text(encoding="utf-8"))


def text(key: str, language: str, **facts: Any) -> str:
    """Return a text in a language, its facts filled in.

    Examples
    --------
    >>> text("made", "en", path="x.duckdb")
    'Extract written: x.duckdb'
    """
    return _texts()[key][language].format(**facts)
