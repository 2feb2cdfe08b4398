"""The texts of the report, by key and language (``texts.toml``, and ``texts_*.toml`` by chapter)."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any, Final

from rnc_epi.vocabulary.errors import LANGUAGES, InputError

_APOSTROPHE: Final = re.compile(r"(?<=\w)'(?=\w)")


@cache
def report_texts() -> dict[str, dict[str, str]]:
    """Return every text of the report by key: ``{"summary": {"fr": …, "en": …}}``."""
    found: dict[str, dict[str, str]] = {}
    for file in sorted(files("rnc_epi.report").iterdir(), key=lambda file: file.name):
        if file.name.startswith("texts") and file.name.endswith(".toml"):
            for key, words in tomllib.loads(file.read_text(encoding="utf-8")).items():
                if key in found:
                    raise ValueError(f"two texts of the report are named {key}")
                found[key] = words
    return found


def text(key: str, language: str, **facts: Any) -> str:
    """Return a text in a language, its facts filled in.

    Raises
    ------
    InputError
        M005 for a language that the report is not written in.

    Examples
    --------
    >>> text("summary", "en")
    'Key figures'
    """
    if language not in LANGUAGES:
        raise InputError("M005", what="language", found=language, expected=", ".join(LANGUAGES))
    return typeset(report_texts()[key][language].format(**facts), language)


def typeset(words: str, language: str) -> str:
    r"""Return a text with the apostrophes of print and, in French, the spaces that punctuation asks for.

    What comes from a release (names of areas and sources, definitions) is written as plain text; so are the
    texts of the report.

    Examples
    --------
    >>> typeset("l'an : 5 %", "fr") == "l\u2019an\u00a0: 5\u00a0%"
    True
    >>> typeset("the region's rate: 5%", "en") == "the region\u2019s rate: 5%"
    True
    """
    words = _APOSTROPHE.sub("\u2019", words)
    if language != "fr":
        return words
    for mark in (":", "%", "»"):
        words = words.replace(f" {mark}", f"\u00a0{mark}")
    for mark in (";", "!", "?"):
        words = words.replace(f" {mark}", f"\u202f{mark}")
    return words.replace("« ", "«\u00a0")
