"""What the quality of registration says of the registries of a table, in the words of its rules."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from rnc_epi.report.formats import Format
from rnc_epi.report.texts import text
from rnc_epi.report.wording import area_title, short_area_name
from rnc_epi.vocabulary.areas import POOLED_REGISTRIES
from rnc_epi.vocabulary.errors import catalogue, placeholders

if TYPE_CHECKING:
    import pandas as pd

    from rnc_epi.report.content import Content

#: Code of a rule of quality, as rows carry it; several are joined by ``+``.
_CODE: Final = re.compile(r"Q\d{3}")
#: What a rule measured stands in brackets: a release holds the mark, not the measure.
_MEASURE: Final = re.compile(r"\s*\([^()]*\{[^()]*\)")


def quality_notes(content: Content, rows: pd.DataFrame, language: str) -> tuple[str, ...]:
    """Return a note for each rule that the data under some rows break, with the registries concerned.

    Parameters
    ----------
    content : Content
    rows : DataFrame
        Rows by registry zone, of which ``data_grade`` holds the codes.
    language : {"fr", "en"}
    """
    own = rows[rows["geo_code"].ne(POOLED_REGISTRIES)]
    of_area = own.drop_duplicates(["geo_level", "geo_code", "geo_vintage", "data_grade"])
    named: dict[str, set[str]] = {}
    for row in of_area.to_dict("records"):
        for code in _CODE.findall(str(row["data_grade"])):
            named.setdefault(code, set()).add(short_area_name(area_title(content, row, language)))
    written = Format(language)
    return tuple(
        text(
            "quality_note",
            language,
            code=code,
            registries=written.sentence_list(sorted(named[code])),
            words=_words(code, language),
        )
        for code in sorted(named)
    )


def _words(code: str, language: str) -> str:
    """Return what a rule says, without the registry, the years and the measure that its text begins with."""
    template = catalogue().get(code, {}).get(language, "")
    said = _MEASURE.sub("", template).partition(": ")[2].rstrip(".")
    # A text that needs the measure is not completed by guessing.
    return said if said and not placeholders(said) else text("quality_rule_unsaid", language)
