"""Whether a table of sites holds together: a tree of disjoint leaves where every code has one place.

The packaged table is held to this by a test; a user's own table can be held to it before it is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import combinations, pairwise
from typing import Any

from rnc_epi.vocabulary.site_table import CodeRange, Site, read_sites

_SLUG = re.compile(r"[a-z][a-z0-9_]*")
_DEFINITION = {"topography", "rules", "icd10", "icd10_deaths"}
_BILINGUAL = ("mortality_caveat", "deaths_note")
_KEYS = {
    *("parent", "fr", "en", "sexes", "icss", "valid_from", "valid_until", "ci5", "ci5_name"),
    *("french_report", "french_report_sexes"),
    *_DEFINITION,
    *(f"{key}_{language}" for key in _BILINGUAL for language in ("fr", "en")),
}
#: The categories of malignant tumours that ICD-10 has; the numbers in between are not used.
ICD10_MALIGNANT = tuple(
    f"C{number:02d}"
    for first, last in ((0, 26), (30, 34), (37, 41), (43, 58), (60, 86), (88, 88), (90, 97))
    for number in range(first, last + 1)
)
_CI5_ENTITIES = range(1, 62)


def site_table_problems(entries: Mapping[str, dict[str, Any]]) -> tuple[str, ...]:
    """Return what is wrong with a table of sites, one English sentence each; nothing where it is sound.

    Parameters
    ----------
    entries : mapping
        Sites by slug, as the part ``[site]`` of ``sites.toml``.

    Examples
    --------
    >>> site_table_problems({"lung": {"parent": "chest", "fr": "Poumon", "en": "Lung", "topography": "C34"}})
    ('lung: parent chest does not stand before it',)
    """
    problems = tuple(_structure(entries))
    if problems:
        return problems
    sites = read_sites(entries)
    leaf_slugs = set(entries) - {entry.get("parent") for entry in entries.values()}
    leaf_sites = [sites[slug] for slug in entries if slug in leaf_slugs]
    return (*_attributes(sites), *_sexes(sites), *_ci5(sites, leaf_sites), *_codes(leaf_sites))


def _structure(entries: Mapping[str, dict[str, Any]]) -> Iterator[str]:
    parents = {entry["parent"] for entry in entries.values() if "parent" in entry}
    seen: set[str] = set()
    for slug, entry in entries.items():
        if not _SLUG.fullmatch(slug):
            yield f"{slug}: not a slug"
        for key in sorted(set(entry) - _KEYS):
            yield f"{slug}: unknown key {key}"
        for language in ("fr", "en"):
            if not entry.get(language):
                yield f"{slug}: no name in {language}"
        for key in _BILINGUAL:
            if bool(entry.get(f"{key}_fr")) != bool(entry.get(f"{key}_en")):
                yield f"{slug}: {key} in one language only"
        # Parents first rules out cycles as well.
        if "parent" in entry and entry["parent"] not in seen:
            yield f"{slug}: parent {entry['parent']} does not stand before it"
        if slug in parents and _DEFINITION & set(entry):
            yield f"{slug}: a parent is the sum of its children and has no codes of its own"
        if slug not in parents and not _DEFINITION & set(entry):
            yield f"{slug}: a leaf without codes"
        seen.add(slug)


def _attributes(sites: Mapping[str, Site]) -> Iterator[str]:
    parents = {item.parent for item in sites.values()}
    for slug, item in sites.items():
        if item.icss not in (None, 1, 2, 3):
            yield f"{slug}: icss is 1, 2 or 3"
        if (
            item.valid_from is not None
            and item.valid_until is not None
            and item.valid_from >= item.valid_until
        ):
            yield f"{slug}: valid for no year"
        if slug not in parents and item.deaths_defined_differently and item.deaths_note is None:
            yield f"{slug}: deaths are defined differently and nothing says why"


def _sexes(sites: Mapping[str, Site]) -> Iterator[str]:
    for slug, item in sites.items():
        if not item.sexes or not set(item.sexes) <= {1, 2} or list(item.sexes) != sorted(set(item.sexes)):
            yield f"{slug}: sexes are [1], [2] or [1, 2]"
        if not set(item.french_report_sexes) <= set(item.sexes):
            yield f"{slug}: reported for a sex to which it does not apply"
        below = [child for child in sites.values() if child.parent == slug]
        if below and set().union(*(child.sexes for child in below)) != set(item.sexes):
            yield f"{slug}: its sexes are not those of its children"


def _ci5(sites: Mapping[str, Site], leaf_sites: list[Site]) -> Iterator[str]:
    codes = [item.ci5_code for item in sites.values() if item.ci5_code is not None]
    for code in sorted(set(_CI5_ENTITIES) ^ set(codes)):
        yield f"CI5 entity {code} is {'unknown' if code in codes else 'not mapped'}"
    for code in sorted({code for code in codes if codes.count(code) > 1}):
        yield f"CI5 entity {code} is mapped more than once"
    for leaf in leaf_sites:
        path: list[Site] = [leaf]
        while path[-1].parent is not None:
            path.append(sites[path[-1].parent])
        if sum(item.ci5_code is not None for item in path) != 1:
            yield f"{leaf.slug}: not in exactly one CI5 entity"


def _codes(leaf_sites: list[Site]) -> Iterator[str]:
    rows = [row for leaf in leaf_sites for row in leaf.rules]
    for one, other in combinations(rows, 2):
        if (
            one.priority == other.priority
            and one.behaviour == other.behaviour
            and max(one.topography_from, other.topography_from)
            < min(one.topography_until, other.topography_until)
            and max(one.morphology_from, other.morphology_from)
            < min(one.morphology_until, other.morphology_until)
        ):
            yield f"{one.slug} and {other.slug}: ICD-O-3 rules of priority {one.priority} overlap"
    for event, ranges in (
        ("incidence", [(codes, leaf.slug) for leaf in leaf_sites for codes in leaf.icd10_incidence]),
        ("deaths", [(codes, leaf.slug) for leaf in leaf_sites for codes in leaf.icd10_deaths]),
    ):
        for (one_codes, one_slug), (other_codes, other_slug) in pairwise(sorted(ranges)):
            if other_codes.code_from < one_codes.code_until:
                yield f"{one_slug} and {other_slug}: ICD-10 codes of {event} overlap"
    deaths: list[CodeRange] = [codes for leaf in leaf_sites for codes in leaf.icd10_deaths]
    for category in ICD10_MALIGNANT:
        if not any(codes.holds(category) for codes in deaths):
            yield f"deaths coded {category} are in no site"
