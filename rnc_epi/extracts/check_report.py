"""What `rnc-epi check` says of an extract: every finding, in French or English, for insiders or for all."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import pandas as pd

from rnc_epi.extracts.classification.consistency import check_codes
from rnc_epi.extracts.contract_checks.findings import Fate, Finding, first_refusal
from rnc_epi.extracts.contract_checks.identifiers import identifier_in_name, require_clean_names
from rnc_epi.extracts.opening import Examination, examine
from rnc_epi.store import RowAccounting
from rnc_epi.store.connection import lock
from rnc_epi.vocabulary.errors import RncEpiError, render
from rnc_epi.vocabulary.policy import DEFAULT_THRESHOLD

_TITLES: Final = {
    "fr": {
        Fate.REFUSE: "Refus",
        Fate.QUARANTINE: "Quarantaine",
        Fate.EXCLUDE: "Exclusions",
        Fate.NORMALISE: "Normalisations",
        Fate.WARN: "Avertissements",
    },
    "en": {
        Fate.REFUSE: "Refusals",
        Fate.QUARANTINE: "Quarantine",
        Fate.EXCLUDE: "Exclusions",
        Fate.NORMALISE: "Normalised",
        Fate.WARN: "Warnings",
    },
}
_WORDS: Final = {
    "fr": {
        "accepted": "Extraction acceptée",
        "written": "Fichiers lus, extraction écrite ; rnc-epi check dit si elle est acceptée",
        "refused": "Extraction refusée",
        "clean": "Aucun défaut trouvé.",
        "examples": "Exemples",
        "rows": "Lignes",
        "used": "utilisées",
        "excluded": "exclues",
        "quarantined": "en quarantaine",
    },
    "en": {
        "accepted": "Extract accepted",
        "written": "Files read, extract written; rnc-epi check says whether it is accepted",
        "refused": "Extract refused",
        "clean": "No defect found.",
        "examples": "Examples",
        "rows": "Rows",
        "used": "used",
        "excluded": "excluded",
        "quarantined": "quarantined",
    },
}


@dataclass(frozen=True)
class CheckReport:
    """The result of checking an extract.

    Attributes
    ----------
    file : str
        Name of the file, without its folder.
    findings : tuple of Finding
    problem : RncEpiError or None
        Why the file could not be opened or read to its end, if it could not.
    accounting : DataFrame
        The ledger of rows (`RowAccounting.frame`); empty where the examination ended early.
    written : bool
        Whether this tells of an import, whose extract nobody has examined yet.
    """

    file: str
    findings: tuple[Finding, ...]
    problem: RncEpiError | None
    accounting: pd.DataFrame
    written: bool = False

    @property
    def accepted(self) -> bool:
        """Whether `open_extract` takes the extract."""
        return self.problem is None and first_refusal(self.findings) is None

    @property
    def exit_code(self) -> int:
        """Status for the command line: 0, or that of the first error."""
        if self.problem is not None:
            return self.problem.exit_code
        refusal = first_refusal(self.findings)
        return 0 if refusal is None else refusal.problem().exit_code

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes of the findings and of the problem, each once, sorted."""
        own = {finding.code for finding in self.findings}
        return tuple(sorted(own | ({self.problem.code} if self.problem else set())))

    def text(self, language: str = "fr", *, public: bool = False) -> str:
        """Return the report as plain text.

        Parameters
        ----------
        language : ``"fr"`` or ``"en"``
        public : bool
            Counts of persons from 1 to 10 become ``<11`` and examples are left out. The internal text is
            exact, and stays in the internal zone.
        """
        words = _WORDS[language]
        verdict = words["refused" if not self.accepted else "written" if self.written else "accepted"]
        lines = [f"{self.file} — {verdict}"]
        if self.problem is not None:
            lines += ["", render(self.problem.code, language, self.problem.facts)]
        for fate in Fate:
            lines += _section(self.findings, fate, language, public)
        if not self.findings and self.problem is None:
            lines += ["", words["clean"]]
        lines += _ledger_lines(self.accounting, language, public)
        return "\n".join(lines) + "\n"


def _section(findings: Iterable[Finding], fate: Fate, language: str, public: bool) -> list[str]:
    mine = [finding for finding in findings if finding.fate is fate]
    if not mine:
        return []
    lines = ["", _TITLES[language][fate]]
    for finding in mine:
        lines.append(finding.message(language, public=public))
        if finding.examples and not public:
            lines.append(f"  {_WORDS[language]['examples']} : {', '.join(finding.examples)}")
    return lines


def _ledger_lines(accounting: pd.DataFrame, language: str, public: bool) -> list[str]:
    # The public text gives no total that a hidden count could be taken from.
    if accounting.empty or public:
        return []
    words = _WORDS[language]
    lines = ["", words["rows"]]
    sums = accounting.groupby(["table_name", "source", "fate"], sort=True)["rows"].sum()
    for (table, source), part in sums.groupby(level=[0, 1], sort=True):
        counts = {fate: int(rows) for (_, _, fate), rows in part.items()}
        told = ", ".join(
            f"{counts[fate]} {words[fate]}" for fate in ("used", "excluded", "quarantined") if fate in counts
        )
        lines.append(f"  {table} ({source}): {told}")
    return lines


def check_extract(
    path: str | os.PathLike[str], *, codes: bool = False, today: date | None = None, **store_options: Any
) -> CheckReport:
    """Check an extract and return all that was found; defects of the data never raise.

    Parameters
    ----------
    path, today, **store_options
        As for `rnc_epi.extracts.open_extract`.
    codes : bool
        Whether the codes of tumours are held against one another too (site and morphology, age, basis of
        diagnosis, primaries of one person); the accounting is that of the contract either way.

    Returns
    -------
    CheckReport
        Every finding, and the problem that refuses the extract, if any.

    Examples
    --------
    >>> check_extract("no/such/extract.duckdb").problem.code
    'D001'
    """
    done = Examination()
    problem: RncEpiError | None = None
    try:
        require_clean_names(Path(path))
        store = lock(path, **store_options)
    except RncEpiError as caught:
        problem = caught
    else:
        try:
            done = examine(store, today=today)
            if codes and "tumours" in done.tables and first_refusal(done.findings) is None:
                done.findings.extend(check_codes(store, RowAccounting()))
        except RncEpiError as caught:
            problem = caught
        finally:
            store.close()
    # A name that holds an identifier is not repeated.
    name = Path(path).name if identifier_in_name(Path(path).name) is None else "—"
    ledger = done.accounting.frame()
    ledger["source"] = ledger["source"].map(done.shown_source)
    return CheckReport(name, tuple(done.findings), problem, ledger)


__all__ = ["DEFAULT_THRESHOLD", "CheckReport", "check_extract"]
