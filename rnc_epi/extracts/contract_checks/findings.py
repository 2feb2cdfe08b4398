"""What a check found: a code, a fate, counts, and examples that identify no one."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from rnc_epi.vocabulary.areas import GEO_LEVELS
from rnc_epi.vocabulary.errors import ExtractRefused, catalogue, placeholders, render
from rnc_epi.vocabulary.policy import DEFAULT_THRESHOLD

#: Examples kept of one finding.
EXAMPLES: Final = 5
_SHOWN_NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,39}", re.IGNORECASE)
#: Codes of the COG are no longer than five characters (2A004); a number of a patient is.
_SHOWN_CODE: Final = re.compile(r"(?=.*[0-9])[0-9A-Z.]{1,5}|[A-Z]{2}")
#: Levels that only the packaged geography has.
_OTHER_LEVELS: Final = ("zone",)


class Fate(StrEnum):
    """What becomes of an extract, or of a row, that has a defect."""

    REFUSE = "refuse"
    QUARANTINE = "quarantine"
    EXCLUDE = "exclude"
    NORMALISE = "normalise"
    WARN = "warn"


#: Fates that take rows out of the usable table, with the word of the ledger.
LEDGER_WORDS: Final = {
    Fate.EXCLUDE: "excluded",
    Fate.NORMALISE: "excluded",
    Fate.QUARANTINE: "quarantined",
}


@dataclass(frozen=True)
class Finding:
    """One defect of one table and source.

    Parameters
    ----------
    code : str
        ``D`` and the number of the catalogue, or of the extension from 101.
    fate : Fate
    table, source : str
        ``"_"`` where the defect concerns the file, or a table without sources.
    rows, events : int
        Rows that have the defect and the events that they carry.
    examples : tuple of str
        Up to five codes of areas or hashes of keys; never a value.
    facts : tuple of (name, text)
        What else the message names: a column, what was expected, where.
    persons : bool
        Whether rows or events stand for persons, so that small counts are protected in public.
    """

    code: str
    fate: Fate
    table: str = "_"
    source: str = "_"
    rows: int = 0
    events: int = 0
    examples: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    persons: bool = False

    def message(self, language: str = "fr", *, public: bool = False) -> str:
        """Return the text of the finding; the public one shows counts of persons from 1 to 10 as ``<11``."""
        return render(self.code, language, self._facts(public))

    def problem(self) -> ExtractRefused:
        """Return the error that refuses an extract for this finding."""
        return ExtractRefused(self.code, **self._facts(public=False))

    def _facts(self, public: bool) -> dict[str, Any]:
        hidden = public and self.persons and 0 < self.rows < DEFAULT_THRESHOLD
        facts: dict[str, Any] = {"table": self.table, "source": shown_name(self.source)}
        facts["rows"] = f"<{DEFAULT_THRESHOLD}" if hidden else self.rows
        facts.update(self.facts)
        needed = placeholders("".join(catalogue()[self.code].values()))
        return {name: value for name, value in facts.items() if name in needed}


def shown_name(name: str) -> str:
    """Return the name of a column, table or source if it can only be one, else a hash.

    A file loaded without its header has a row of data for names.

    Examples
    --------
    >>> shown_name("age_years"), shown_name("Dupont Jeanne")[:5]
    ('age_years', 'name-')
    """
    return name if _SHOWN_NAME.fullmatch(name) else f"name-{key_hash(name)}"


def shown_code(code: str) -> str:
    """Return the code of an area if it has the form of one, else a hash.

    Examples
    --------
    >>> shown_code("2A"), shown_code("Dupont")[:5], shown_code("0612345678")[:5]
    ('2A', 'code-', 'code-')
    """
    return code if _SHOWN_CODE.fullmatch(code) else f"code-{key_hash(code)}"


def shown_area(level: str, code: str) -> str:
    """Return an area as examples name it: its level where the package knows it, and its code.

    Examples
    --------
    >>> shown_area("departement", "2A"), shown_area("jeanne dupont", "38")[:6]
    ('departement 2A', 'level-')
    """
    return f"{shown_level(level)} {shown_code(code)}"


def shown_level(level: str) -> str:
    """Return a geographic level that the package knows, else a hash: any text may stand there."""
    return level if level in GEO_LEVELS or level in _OTHER_LEVELS else f"level-{key_hash(level)}"


def key_hash(*values: object) -> str:
    """Return twelve characters that let the producer find a row and say nothing else."""
    text = "\x1f".join("" if value is None else str(value) for value in values)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def first_refusal(findings: Iterable[Finding]) -> Finding | None:
    """Return the first finding that refuses the extract, if there is one."""
    return next((finding for finding in findings if finding.fate is Fate.REFUSE), None)
