"""The French and English words of a release: columns, codes, notices, read from one file."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def words() -> dict[str, Any]:
    """Return the words of ``words.toml``."""
    return tomllib.loads((files("rnc_epi.release") / "words.toml").read_text(encoding="utf-8"))
