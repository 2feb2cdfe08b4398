"""What one site of cancer is, and how its entry in ``sites.toml`` is read.

The table writes codes as ICD does, in inclusive ranges with dots; here they become half-open ranges of text
without dots, which compare alike in Python and in SQL.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from rnc_epi.vocabulary.errors import InputError

#: Morphologies of a solid tumour; above begin those of lymphoid and blood-forming tissue.
SOLID_MORPHOLOGIES = (8000, 9590)
#: A rule by topography alone gives way to every rule that names morphologies.
TOPOGRAPHY_PRIORITY = 40
INVASIVE = 3


class Bilingual(NamedTuple):
    """A short text in French and in English."""

    fr: str
    en: str


class CodeRange(NamedTuple):
    """Codes without their dot, in text order, from the first up to and without the second."""

    code_from: str
    code_until: str

    def holds(self, code: str) -> bool:
        """Tell whether a code, without its dot, lies in the range."""
        return self.code_from <= code < self.code_until


class ClassificationRow(NamedTuple):
    """One ICD-O-3 rule of a leaf: a rectangle of topography and morphology, half-open on both sides."""

    slug: str
    topography_from: str
    topography_until: str
    morphology_from: int
    morphology_until: int
    behaviour: int
    priority: int


class Icd10Row(NamedTuple):
    """One ICD-10 range of a leaf, half-open, codes without their dot."""

    slug: str
    code_from: str
    code_until: str


class ControlTotal(NamedTuple):
    """A total that CI5 gives among its sites: checked against the sum of these sites, then set aside."""

    code: int
    name: str
    sum_of: tuple[str, ...]
    reason: Bilingual


@dataclass(frozen=True, slots=True)
class Site:
    """One site of the table.

    A parent holds the ranges of its leaves together, for display; only leaves classify.

    Attributes
    ----------
    slug, parent : str
        `parent` is None for a root.
    name_fr, name_en : str
    rules : tuple of ClassificationRow
        ICD-O-3 definition of incident cases.
    icd10_incidence, icd10_deaths : tuple of CodeRange
        No range at all means that nothing is counted here.
    sexes : tuple of int
        1 men, 2 women; for a sex that is not here a count is structurally zero, which is no observation.
    mortality_caveat : Bilingual or None
        Why deaths are published only with a correction or a declared line.
    deaths_note : Bilingual or None
        Why deaths have another definition than incident cases.
    icss : int or None
        International cancer survival standard, 1 to 3 (Corazziari 2004).
    valid_from, valid_until : int or None
        Years of diagnosis for which the definition makes sense, half-open.
    ci5_code : int or None
        Entity of CI5 volume XII that is this site, and its name there.
    french_report_sexes : tuple of int
        Sexes for which the site is in the French reporting list; empty where it is not.
    """

    slug: str
    parent: str | None
    name_fr: str
    name_en: str
    rules: tuple[ClassificationRow, ...]
    icd10_incidence: tuple[CodeRange, ...]
    icd10_deaths: tuple[CodeRange, ...]
    sexes: tuple[int, ...]
    mortality_caveat: Bilingual | None
    deaths_note: Bilingual | None
    icss: int | None
    valid_from: int | None
    valid_until: int | None
    ci5_code: int | None
    ci5_name: str | None
    french_report_sexes: tuple[int, ...]

    @property
    def french_report(self) -> bool:
        """Whether the site is in the French reporting list, for one sex at least."""
        return bool(self.french_report_sexes)

    @property
    def deaths_defined_differently(self) -> bool:
        """Whether incident cases and deaths count different tumours, so that their ratio misleads."""
        return self.icd10_deaths != self.icd10_incidence

    def name(self, language: str = "en") -> str:
        """Return the name in ``"fr"`` or ``"en"``."""
        if language not in ("fr", "en"):
            raise InputError("M005", what="language", found=language, expected="fr, en")
        return self.name_fr if language == "fr" else self.name_en

    def applies_to(self, sex: int) -> bool:
        """Tell whether the site exists for a sex; both sexes together (0) where it exists for one."""
        return sex in self.sexes or sex == 0


def code_ranges(text: str) -> tuple[CodeRange, ...]:
    """Read inclusive ranges of ICD codes into half-open ones, without dots.

    Examples
    --------
    >>> code_ranges("C33-C34, C77")
    (CodeRange(code_from='C33', code_until='C35'), CodeRange(code_from='C77', code_until='C78'))
    >>> code_ranges("D47.3-D47.5")
    (CodeRange(code_from='D473', code_until='D476'),)
    """
    ranges = []
    for part in filter(None, map(str.strip, text.split(","))):
        first, _, last = part.replace(".", "").partition("-")
        last = last or first
        digits = last[1:]
        ranges.append(CodeRange(first, f"{last[0]}{int(digits) + 1:0{len(digits)}d}"))
    return tuple(ranges)


def _morphology_ranges(text: str) -> Iterator[tuple[int, int]]:
    for part in map(str.strip, text.split(",")):
        first, _, last = part.partition("-")
        yield int(first), int(last or first) + 1


def _rules(slug: str, entry: dict[str, Any]) -> tuple[ClassificationRow, ...]:
    rules = list(entry.get("rules", ()))
    if "topography" in entry:
        solid = f"{SOLID_MORPHOLOGIES[0]}-{SOLID_MORPHOLOGIES[1] - 1}"
        rules.append(
            {"topography": entry["topography"], "morphology": solid, "priority": TOPOGRAPHY_PRIORITY}
        )
    return tuple(
        ClassificationRow(slug, *topography, *morphology, INVASIVE, rule["priority"])
        for rule in rules
        for topography in code_ranges(rule["topography"])
        for morphology in _morphology_ranges(rule["morphology"])
    )


def _bilingual(entry: dict[str, Any], key: str) -> Bilingual | None:
    return Bilingual(entry[f"{key}_fr"], entry[f"{key}_en"]) if f"{key}_fr" in entry else None


def read_sites(entries: Mapping[str, dict[str, Any]]) -> dict[str, Site]:
    """Build the sites from the entries of a table such as ``sites.toml``, parents before their children."""
    below: dict[str, list[str]] = {slug: [] for slug in entries}
    for slug, entry in entries.items():
        if "parent" in entry:
            below[entry["parent"]].append(slug)

    def under(slug: str) -> list[str]:
        return [slug] if not below[slug] else [leaf for child in below[slug] for leaf in under(child)]

    def together(slug: str, key: str) -> tuple[CodeRange, ...]:
        texts = [entries[leaf].get(key, entries[leaf].get("icd10", "")) for leaf in under(slug)]
        return tuple(sorted(codes for text in texts for codes in code_ranges(text)))

    sites = {}
    for slug, entry in entries.items():
        sexes = tuple(entry.get("sexes", (1, 2)))
        reported = tuple(entry.get("french_report_sexes", sexes)) if entry.get("french_report") else ()
        sites[slug] = Site(
            slug=slug,
            parent=entry.get("parent"),
            name_fr=entry["fr"],
            name_en=entry["en"],
            rules=tuple(row for leaf in under(slug) for row in _rules(leaf, entries[leaf])),
            icd10_incidence=together(slug, "icd10"),
            icd10_deaths=together(slug, "icd10_deaths"),
            sexes=sexes,
            mortality_caveat=_bilingual(entry, "mortality_caveat"),
            deaths_note=_bilingual(entry, "deaths_note"),
            icss=entry.get("icss"),
            valid_from=entry.get("valid_from"),
            valid_until=entry.get("valid_until"),
            ci5_code=entry.get("ci5"),
            ci5_name=entry.get("ci5_name"),
            french_report_sexes=reported,
        )
    return sites
