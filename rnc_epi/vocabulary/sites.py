"""The sites of cancer: one packaged table (``sites.toml``), its tree, and what code belongs to which site.

A site is known by a stable slug, never by a code. Leaves are disjoint and fine enough for CI5; a parent is
the sum of its children. A tumour finds its leaf by ICD-O-3, a death by ICD-10; the same ranges are given as
flat rows, so that a range join in SQL and the functions here cannot differ. The table is read on first use.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from rnc_epi.vocabulary.errors import InputError
from rnc_epi.vocabulary.site_table import (
    Bilingual,
    ClassificationRow,
    ControlTotal,
    Icd10Row,
    Site,
    read_sites,
)

_ICDO3_TOPOGRAPHY = re.compile(r"C\d{2}\d?")
_ICD10 = re.compile(r"[A-Z]\d{2}[0-9A-Z]{0,2}")
_MORPHOLOGY = re.compile(r"\d{4}")


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


def mortality_caveats() -> dict[str, str]:
    """Return the sites whose mortality is published only with a declared line, and why."""
    return {slug: entry.mortality_caveat.en for slug, entry in SITES.items() if entry.mortality_caveat}
