"""What the attacks found, and how hard they tried."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

#: What each attack does, in French and English.
ATTACKS: Final[dict[str, tuple[str, str]]] = {
    "A1": ("petits nombres lisibles dans les fichiers", "small numbers to be read in the files"),
    "A2": ("effectifs masqués bornés par les sommes", "hidden counts bounded by sums"),
    "A5": (
        "différences de périodes ou d'âges emboîtés",
        "differences of overlapping periods or ages",
    ),
    "A6": ("deux éditions des codes d'une zone", "two editions of the codes of an area"),
    "A7": ("taux multiplié par les personnes-années", "rate times person-years"),
    "A8": ("effectif retrouvé par l'intervalle", "count found from the interval"),
    "A9": ("âges de quelques cas par les taux standardisés", "ages of a few cases from standardised rates"),
    "A10": ("parts et rangs d'un effectif masqué", "shares and ranks of a hidden count"),
    "A11": ("complément d'un total", "complement of a total"),
    "A13": ("sorties de modèles par personne", "figures of models by person"),
    "A14": ("fichiers et métadonnées de trop", "files and metadata that should not be there"),
    "A15": ("identifiants directs", "direct identifiers"),
    "A16": ("lignes individuelles", "rows of single persons"),
    "A17": ("estimation d'un effectif masqué", "estimate of a hidden count"),
    "S4": ("ce qu'apprend le seul cas d'une case", "what the only case of a cell learns"),
}


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that should not be known.

    Parameters
    ----------
    attack : str
        A key of `ATTACKS`.
    where : str
        File or cell.
    lower, upper : float
        What is known of the count.
    """

    attack: str
    where: str
    lower: float
    upper: float


@dataclass(frozen=True)
class AttackReport:
    """The account of an attack; internal where it found something.

    Parameters
    ----------
    release_id : str
    findings : tuple of Finding
    cells, hidden : int
        Cells of persons that the tables speak of, and those without a published count.
    sums : int
        Additive relations rebuilt from the published files.
    programmes : int
        Linear programmes solved.
    contradictory : int
        Groups of hidden cells whose sums admit no table: what they say cannot be used.
    """

    release_id: str
    findings: tuple[Finding, ...]
    cells: int
    hidden: int
    sums: int
    programmes: int
    contradictory: int
    tried: tuple[str, ...] = field(default=tuple(ATTACKS))

    @property
    def safe(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def render(self, language: str = "fr") -> str:
        """Return the report in ``"fr"`` or ``"en"``; places are named, counts are not."""
        place = 0 if language == "fr" else 1
        found = Counter(finding.attack for finding in self.findings)
        if language == "fr":
            head = (
                f"Attaque de {self.release_id} : {self.cells} cases, {self.hidden} sans effectif publié ; "
                f"{self.sums} sommes, {self.programmes} programmes linéaires."
            )
            verdict = "Rien n'a été retrouvé." if self.safe else f"{len(self.findings)} FUITE(S)."
        else:
            head = (
                f"Attack of {self.release_id}: {self.cells} cells, {self.hidden} without published count; "
                f"{self.sums} sums, {self.programmes} linear programmes."
            )
            verdict = "Nothing was found." if self.safe else f"{len(self.findings)} LEAK(S)."
        lines = [head]
        lines += [f"  {name:<4}{found.get(name, 0):>6}  {ATTACKS[name][place]}" for name in self.tried]
        lines += [f"  {finding.attack} {finding.where}" for finding in self.findings[:20]]
        return "\n".join([*lines, verdict])
