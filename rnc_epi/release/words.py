"""The French and English words of a release: columns, codes, notices; one file, and one more a family."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def words() -> dict[str, Any]:
    """Return the words of ``words.toml`` and of ``words_*.toml``; a word is said in one file only."""
    found: dict[str, Any] = {}
    for file in sorted(files("rnc_epi.release").iterdir(), key=lambda file: file.name):
        if file.name.startswith("words") and file.name.endswith(".toml"):
            for section, entries in tomllib.loads(file.read_text(encoding="utf-8")).items():
                known = found.setdefault(section, {})
                if twice := sorted(known.keys() & entries.keys()):
                    raise ValueError(f"two files say {section}.{twice[0]}")
                known.update(entries)
    return found
