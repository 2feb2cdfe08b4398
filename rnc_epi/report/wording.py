"""Words that several sections share: events, areas, indicators, signs and notices."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from rnc_epi.report.formats import NOTHING
from rnc_epi.report.texts import text
from rnc_epi.vocabulary.areas import NATIONAL_LEVELS, POOLED_REGISTRIES, level_title
from rnc_epi.vocabulary.schemas import NOT_ESTIMABLE, NOT_PUBLISHED

if TYPE_CHECKING:
    from rnc_epi.report.content import Content


def event_word(event_type: str, language: str, *, capital: bool = False) -> str:
    """Return what is counted: new cases or deaths."""
    word = text(f"events_{event_type}", language)
    return word[0].upper() + word[1:] if capital else word


def ratio_of_standard(event_type: str, standard: str, language: str) -> str:
    """Return the name of the standardised rate of an event."""
    kind = "world" if standard == "world" else "other"
    return text(f"rate_{event_type}_{kind}", language)


def area_title(content: Content, row: Any, language: str) -> str:
    """Return the name of the area of a row, with words for the nation and for all registries together."""
    if row["geo_level"] in NATIONAL_LEVELS:
        return level_title(str(row["geo_level"]), language)
    if row["geo_level"] == "registry_zone" and row["geo_code"] == POOLED_REGISTRIES:
        return text("pooled_registries", language)
    return content.area_name(row["geo_level"], row["geo_code"], row["geo_vintage"], language)


#: What a registry is called before the name of its place.
_REGISTRY_TITLE: Final = re.compile(
    r"^Registre (?:général )?(?:des|du) (?:cancers?|tumeurs) (?:de l'|de la |de La |des |du |de |d'|en )?"
)


def short_area_name(name: str, width: int = 40) -> str:
    """Return the place that the name of an area speaks of, without its title and what stands in brackets.

    Examples
    --------
    >>> short_area_name("Registre des cancers du Tarn (synthétique)"), short_area_name("Tarn registry")
    ('Tarn', 'Tarn')
    """
    place = re.sub(r"\s*\([^)]*\)$", "", name)
    place = place.removesuffix(" registry")
    found = _REGISTRY_TITLE.match(place)
    if found:
        place = ("La " if found[0].endswith("La ") else "") + place[found.end() :].replace(" et du ", " et ")
    return textwrap.shorten(place, width, placeholder="…")


def altered_notes(content: Content, language: str) -> list[str]:
    """Return what is to be said of sources altered by their authors (ruling 28)."""
    return [
        text("altered_source", language, title=source.title, note=_in_language(source.altered, language))
        for source in content.altered_sources()
    ]


def _in_language(note: str, language: str) -> str:
    """Return the French or the English part of a note written ``French / English``."""
    parts = [part.strip() for part in note.split(" / ")]
    return parts[0 if language == "fr" else -1]


def sign_notes(rows: Iterable[tuple[str, ...]], language: str) -> tuple[str, ...]:
    """Return the meaning of each sign that stands in a table."""
    held = {cell.split("\n")[0] for row in rows for cell in row}
    signs = {
        text(f"sign_{NOT_PUBLISHED}", language): text("meaning_not_published", language),
        text(f"sign_{NOT_ESTIMABLE}", language): text("meaning_not_estimable", language),
        NOTHING: text("meaning_nothing", language),
    }
    return tuple(meaning for sign, meaning in signs.items() if sign in held)
