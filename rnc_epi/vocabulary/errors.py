"""Errors that a user can act on, each with a stable code and a French and an English text.

The texts live in ``messages/*.toml``, one file a room, so that a translator needs no Python. A message
carries facts (names, counts of rows, codes of areas), never the values of a patient.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from string import Formatter
from typing import Any, ClassVar

LANGUAGES = ("fr", "en")


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """Return every message by code: ``{"M001": {"fr": …, "en": …, "next_fr": …, "next_en": …}}``."""
    messages: dict[str, dict[str, str]] = {}
    folder = files("rnc_epi.vocabulary") / "messages"
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        if not entry.name.endswith(".toml"):
            continue
        for code, texts in tomllib.loads(entry.read_text(encoding="utf-8")).items():
            if code in messages:
                raise ValueError(f"message code {code} is declared twice")
            messages[code] = texts
    return messages


def placeholders(template: str) -> set[str]:
    """Return the names of the facts that a template asks for."""
    return {name for _, name, _, _ in Formatter().parse(template) if name}


def render(code: str, language: str, facts: dict[str, Any]) -> str:
    """Return the text of a message, problem first, then the next step on a line of its own.

    A fact may be an error of its own: what is wrong with one key of a file is said inside what is wrong with
    the file, in the language of the whole.
    """
    texts = catalogue()[code]
    facts = {
        name: value.problem(language) if isinstance(value, RncEpiError) else value
        for name, value in facts.items()
    }
    problem = texts[language].format(**facts)
    next_step = texts[f"next_{language}"].format(**facts)
    word = "À faire" if language == "fr" else "Next"
    return (
        f"{code}  {problem}\n  {word} : {next_step}"
        if language == "fr"
        else f"{code}  {problem}\n  {word}: {next_step}"
    )


class RncEpiError(Exception):
    """Base of every error that a user can act on; the command line prints it without a traceback.

    Parameters
    ----------
    code : str
        A code of the catalogue, such as ``"M001"``.
    **facts
        What the template of that code names: what was expected, what was found, where.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, code: str, **facts: Any) -> None:
        self.code = code
        self.facts = facts
        super().__init__(render(code, "en", facts))

    def message(self, language: str = "fr") -> str:
        """Return the text in ``"fr"`` or ``"en"``."""
        return render(self.code, language, self.facts)

    def problem(self, language: str = "fr") -> str:
        """Return what is wrong, without the code and the next step."""
        return catalogue()[self.code][language].format(**self.facts)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.code, self.facts))


def _rebuild(cls: type[RncEpiError], code: str, facts: dict[str, Any]) -> RncEpiError:
    return cls(code, **facts)


class InputError(RncEpiError, ValueError):
    """A calculation was given impossible input: negative counts, events without person-time, wrong shapes."""

    exit_code = 8


class ExtractRefused(RncEpiError):
    """The extract breaks its contract in a way that no row-level decision can mend; nothing was computed."""

    exit_code = 3


class StudyFileError(RncEpiError):
    """The study file asks for something that does not exist or contradicts itself."""

    exit_code = 4


class DisclosureRefused(RncEpiError):
    """Something on its way to the public zone would give back a protected count."""

    exit_code = 5


class VerificationFailed(RncEpiError):
    """A release is not what its manifest says."""

    exit_code = 6


class FileProblem(RncEpiError):
    """A file or folder is missing, exists already, or cannot be read or written."""

    exit_code = 7


class NotCovered(RncEpiError):
    """The extract holds nothing for what was asked: a site, a level, a period out of its declared scope."""

    exit_code = 9


class EstimateRefused(RncEpiError):
    """A model did not converge, failed its diagnostic, or may not be published for a stated reason."""

    exit_code = 10
