"""Write docs/errors.md from the catalogue of messages: ``python docs/make_errors_page.py``."""

from __future__ import annotations

from pathlib import Path

from rnc_epi.vocabulary import errors

ROOMS = {
    "A": "Small areas",
    "C": "Calibration and national incidence",
    "B": "At the door: identifiers, terms, oppositions",
    "D": "Extracts",
    "F": "Writing extracts and reading published tables",
    "G": "Geography",
    "H": "Importing files",
    "I": "Inequality",
    "J": "Whole jobs",
    "K": "Cells",
    "M": "Formulas",
    "N": "Verbs on data frames",
    "O": "Classification",
    "P": "Disclosure control",
    "Q": "Quality of registration",
    "R": "Releases",
    "S": "Schemas and study files",
    "T": "Reports",
    "V": "Ages, periods, sexes, sites, standards",
    "W": "Whole country",
}

INTRODUCTION = """# Errors

Each error has a code, a text in French and English, and the next step; facts in braces are filled in. A
user's error prints its text and nothing else, and exits with the code of its kind. `RNC_EPI_DEBUG=1` shows
the trace of an unexpected error. This page is written by `docs/make_errors_page.py`.

| exit | meaning |
|---|---|
| 0 | done |
| 1 | unexpected: a fault of the program |
| 2 | misspelt command or option |
"""


def page() -> str:
    """Return the text of the page."""
    kinds = sorted(errors.RncEpiError.__subclasses__(), key=lambda kind: kind.exit_code)
    lines = [INTRODUCTION.rstrip()]
    for kind in kinds:
        said = (kind.__doc__ or "").strip().splitlines()[0].rstrip(".")
        lines.append(f"| {kind.exit_code} | {said} (`{kind.__name__}`) |")
    lines += ["| 130 | interrupted |", "| 141 | nobody reads the output any more (a pipe that closed) |"]
    catalogue = errors.catalogue()
    for letter, title in ROOMS.items():
        codes = sorted(code for code in catalogue if code[0] == letter)
        if not codes:
            continue
        lines += ["", f"## {title}", ""]
        for code in codes:
            texts = catalogue[code]
            lines += [
                f"**{code}** {_plain(texts['en'])} *Next: {_plain(texts['next_en'])}*  ",
                f"{_plain(texts['fr'])} *À faire : {_plain(texts['next_fr'])}*",
                "",
            ]
        lines.pop()
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").strip()


if __name__ == "__main__":
    (Path(__file__).parent / "errors.md").write_text(page(), encoding="utf-8")
