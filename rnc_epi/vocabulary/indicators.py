"""What an indicator is, in French and English, by its slug: of the verbs on tables and of the result table.

Said once, in ``indicators.toml``; the dictionary and the metadata of a release quote it.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from rnc_epi.vocabulary.errors import InputError


@dataclass(frozen=True)
class Definition:
    """Title and definition of an indicator, and the caveat to print beside it, empty where there is none."""

    title: str
    definition: str
    caveat: str


def definition(slug: str, language: str = "fr") -> Definition:
    """Return the definition of an indicator.

    Parameters
    ----------
    slug : str
        Name of an indicator, as in the column ``indicator`` of a result.
    language : {"fr", "en"}

    Returns
    -------
    Definition
        ``title``, ``definition`` and ``caveat``, the last empty where there is none.

    Raises
    ------
    InputError
        ``M005`` unknown slug or language.

    Examples
    --------
    >>> definition("sex_ratio", "en").title
    'Sex ratio'
    """
    if slug not in _texts():
        raise InputError("M005", what="indicator", found=slug, expected=", ".join(_texts()))
    if language not in ("fr", "en"):
        raise InputError("M005", what="language", found=language, expected="fr, en")
    said = _texts()[slug]
    return Definition(said[language], said[f"definition_{language}"], said.get(f"caveat_{language}", ""))


def defined_slugs() -> tuple[str, ...]:
    """Return the slugs that have a definition, in the order of the file."""
    return tuple(_texts())


@cache
def _texts() -> dict[str, dict[str, str]]:
    file = files("rnc_epi.vocabulary") / "indicators.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))
