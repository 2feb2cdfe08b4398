"""The sites of cancer: one packaged table (``sites.toml``), its tree, and what code belongs to which site.

A site is known by a stable slug, never by a code. Leaves are disjoint and fine enough for CI5; a parent is
the sum of its children. A tumour finds its leaf by ICD-O-3, a death by ICD-10; the same ranges are given as
flat rows, so that a range join in SQL and the functions here cannot differ. The table is read on first use.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from rnc_epi.vocabulary.errors import InputError

#: Morphologies of a solid tumour; above begin those of lymphoid and blood-forming tissue.
SOLID_MORPHOLOGIES = (8000, 9590)
#: A rule by topography alone gives way to every rule that names morphologies.
TOPOGRAPHY_PRIORITY = 40
INVASIVE = 3

_ICDO3_TOPOGRAPHY = re.compile(r"C\d{2}\d?")
_ICD10 = re.compile(r"[A-Z]\d{2}[0-9A-Z]{0,2}")
_MORPHOLOGY = re.compile(r"\d{4}")


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


class _Sites(Mapping[str, Site]):
    """The table by slug, read when something is first asked of it."""

    def __getitem__(self, slug: str) -> Site:
        return _table()[slug]

    def __iter__(self) -> Iterator[str]:
        return iter(_table())

    def __len__(self) -> int:
        return len(_table())


#: Every site by its slug, parents before their children.
SITES: Mapping[str, Site] = _Sites()


def site(slug: str) -> Site:
    """Return a site by its slug.

    Raises
    ------
    InputError
        V040 for an unknown slug, with the nearest ones; French and English names help to find them.

    Examples
    --------
    >>> site("lung").name("fr")
    'Poumon'
    """
    found = _table().get(slug)
    if found is None:
        raise InputError("V040", found=slug, nearest=", ".join(_nearest(str(slug))))
    return found


def children(slug: str) -> tuple[str, ...]:
    """Return the slugs of the direct children of a site; none for a leaf.

    Examples
    --------
    >>> children("colorectum")
    ('colon', 'rectum')
    """
    return _children()[site(slug).slug]


def is_leaf(slug: str) -> bool:
    """Tell whether a site has no children."""
    return not children(slug)


def leaves(slug: str) -> tuple[str, ...]:
    """Return the slugs of the leaves that a site is the sum of; itself where it is a leaf.

    Examples
    --------
    >>> leaves("leukaemia")
    ('lymphoid_leukaemia', 'myeloid_leukaemia', 'leukaemia_unspecified')
    """
    below = children(slug)
    return tuple(leaf for child in below for leaf in leaves(child)) if below else (slug,)


def ancestors(slug: str) -> tuple[str, ...]:
    """Return the slugs above a site, from its parent to its root.

    Examples
    --------
    >>> ancestors("colon")
    ('colorectum', 'all_cancers')
    """
    parent = site(slug).parent
    return () if parent is None else (parent, *ancestors(parent))


def rollup_rows() -> tuple[tuple[str, str], ...]:
    """Return (slug, slug or one above it) for every site: joining on it sums cells up to every parent.

    Cells may be attached to a leaf or, where a source knows no more, to a parent; the join is right for both.

    Examples
    --------
    >>> [row for row in rollup_rows() if row[0] == "colon"]
    [('colon', 'colon'), ('colon', 'colorectum'), ('colon', 'all_cancers')]
    """
    return tuple((slug, above) for slug in SITES for above in (slug, *ancestors(slug)))


def site_sex_pairs(*, french_report: bool = False) -> tuple[tuple[str, int], ...]:
    """Return the pairs of site and sex that exist, or only those of the French reporting list.

    Examples
    --------
    >>> ("prostate", 2) in site_sex_pairs()
    False
    >>> len(site_sex_pairs(french_report=True))
    46
    """
    return tuple(
        (item.slug, sex)
        for item in SITES.values()
        for sex in (item.french_report_sexes if french_report else item.sexes)
    )


def by_ci5_code(code: int) -> Site:
    """Return the site of an entity of CI5 volume XII, 1 to 61.

    Raises
    ------
    InputError
        V042 for a control total (62, 63), which is no site; V041 for any other code.

    Examples
    --------
    >>> by_ci5_code(21).slug
    'lung'
    """
    found = _by_ci5().get(code)
    if found is not None:
        return found
    if code in ci5_control_totals():
        raise InputError("V042", found=code, expected=", ".join(ci5_control_totals()[code].sum_of))
    raise InputError("V041", found=code)


@cache
def ci5_control_totals() -> Mapping[int, ControlTotal]:
    """Return the totals that CI5 gives among its sites, by code: 62 all sites, 63 all sites but skin."""
    return {
        int(code): ControlTotal(
            code=int(code),
            name=entry["name"],
            sum_of=tuple(entry["sum_of"]),
            reason=Bilingual(entry["reason_fr"], entry["reason_en"]),
        )
        for code, entry in _file()["ci5_control_total"].items()
    }


@cache
def classification_rows() -> tuple[ClassificationRow, ...]:
    """Return the ICD-O-3 rules of all leaves, the first to try first.

    A tumour belongs to the row of smallest `priority` that holds its topography (as text, with or without the
    dot: ``topography_from <= topography < topography_until``), its morphology (likewise) and its behaviour.
    No two rows of one priority overlap.
    """
    rows = (row for slug, item in SITES.items() if is_leaf(slug) for row in item.rules)
    return tuple(sorted(rows, key=lambda row: (row.priority, row.topography_from, row.morphology_from)))


@cache
def icd10_rows(event_type: str = "death") -> tuple[Icd10Row, ...]:
    """Return the ICD-10 ranges of all leaves, in the order of the codes; they never overlap.

    A code, in capitals and without its dot, belongs to the row with ``code_from <= code < code_until``.

    Parameters
    ----------
    event_type : {"death", "incidence"}
    """
    if event_type not in ("death", "incidence"):
        raise InputError("M005", what="event_type", found=event_type, expected="death, incidence")
    rows = (
        Icd10Row(slug, *codes)
        for slug, item in SITES.items()
        if is_leaf(slug)
        for codes in (item.icd10_deaths if event_type == "death" else item.icd10_incidence)
    )
    return tuple(sorted(rows, key=lambda row: row.code_from))


def site_of_icdo3(topography: str, morphology: int | str, behaviour: int | str) -> str | None:
    """Return the leaf of a tumour, or None where it belongs to no site of the table.

    Parameters
    ----------
    topography : str
        ``"C34.1"``, ``"C341"`` or ``"C34"``.
    morphology : int or str
        Four digits.
    behaviour : int or str
        Only 3, invasive and primary, is counted.

    Examples
    --------
    >>> site_of_icdo3("C34.1", 8140, 3), site_of_icdo3("C34.1", 9680, 3), site_of_icdo3("C44.5", 8743, 3)
    ('lung', 'non_hodgkin_lymphoma', 'melanoma_skin')
    >>> site_of_icdo3("C67.9", 8130, 2) is None
    True
    """
    code = _plain(topography)
    text = str(morphology).strip()
    if not _ICDO3_TOPOGRAPHY.fullmatch(code) or not _MORPHOLOGY.fullmatch(text):
        return None
    histology = int(text)
    for row in classification_rows():
        if (
            row.topography_from <= code < row.topography_until
            and row.morphology_from <= histology < row.morphology_until
            and str(row.behaviour) == str(behaviour).strip()
        ):
            return row.slug
    return None


def site_of_icd10(code: str, event_type: str = "death") -> str | None:
    """Return the leaf that a death, or an incident case coded in ICD-10, is counted in; None outside cancer.

    Examples
    --------
    >>> site_of_icd10("C65"), site_of_icd10("C65", "incidence"), site_of_icd10("I21.9")
    ('kidney', 'renal_pelvis', None)
    """
    plain = _plain(code)
    if not _ICD10.fullmatch(plain):
        return None
    return next((row.slug for row in icd10_rows(event_type) if row.code_from <= plain < row.code_until), None)


def _plain(code: str) -> str:
    return str(code).strip().upper().replace(".", "")


def _nearest(word: str) -> list[str]:
    # Imported here because only an error needs them, and importing this module must stay fast.
    import difflib
    import unicodedata

    def folded(text: str) -> str:
        letters = unicodedata.normalize("NFKD", text.casefold())
        return "".join(c for c in letters if not unicodedata.combining(c)).replace("_", " ")

    def likeness(item: Site) -> float:
        names = (item.slug, item.name_fr, item.name_en)
        return max(difflib.SequenceMatcher(None, folded(word), folded(name)).ratio() for name in names)

    # A tie is broken by the order of the table.
    return sorted(SITES, key=lambda slug: -likeness(SITES[slug]))[:3]


# ------------------------------------------------------------------------------------- reading the table


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


@cache
def _file() -> dict[str, Any]:
    import tomllib
    from importlib.resources import files

    return tomllib.loads((files("rnc_epi.vocabulary") / "sites.toml").read_text(encoding="utf-8"))


@cache
def _table() -> dict[str, Site]:
    return read_sites(_file()["site"])


@cache
def _children() -> dict[str, tuple[str, ...]]:
    return {slug: tuple(s for s, item in SITES.items() if item.parent == slug) for slug in SITES}


@cache
def _by_ci5() -> dict[int, Site]:
    return {item.ci5_code: item for item in SITES.values() if item.ci5_code is not None}
