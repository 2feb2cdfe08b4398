"""Which codes ICD-O-3 has, and in which sites the families of its morphologies are expected."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from rnc_epi.vocabulary.classification.codes import (
    Spans,
    holds,
    morphology_spans,
    read_table,
    topography_spans,
)

#: Morphologies of tumours lie in this range, whatever the revision.
FIRST_MORPHOLOGY, LAST_MORPHOLOGY = 8000, 9999


class Family(NamedTuple):
    """Morphologies that are expected in the same sites: only in some, never in some, or anywhere."""

    name: str
    morphology: Spans
    only_in: Spans
    never_in: Spans

    def expects(self, topography: int) -> bool:
        """Tell whether a tumour of the family is expected at a site."""
        if self.only_in:
            return holds(self.only_in, topography)
        return not holds(self.never_in, topography)


def is_topography(code: int) -> bool:
    """Tell whether a topography, as a number, exists in ICD-O-3.

    Examples
    --------
    >>> is_topography(341), is_topography(345)
    (True, False)
    """
    return holds(_codes()[0], code)


def is_morphology(code: int) -> bool:
    """Tell whether a morphology exists in ICD-O-3, its first or its second revision.

    Examples
    --------
    >>> is_morphology(8140), is_morphology(8141), is_morphology(8999)
    (True, True, False)
    """
    return holds(_codes()[1], code)


@cache
def families() -> dict[str, Family]:
    """Return the families of morphologies by name."""
    return {name: _family(name, entry) for name, entry in read_table("icdo3")["family"].items()}


def family_of(morphology: int) -> Family | None:
    """Return the family of a morphology; None for one that the list does not hold.

    Examples
    --------
    >>> family_of(8312).name, family_of(8000).name
    ('kidney', 'any_site')
    """
    return _by_morphology().get(morphology)


@cache
def _codes() -> tuple[Spans, Spans]:
    table = read_table("icdo3")["codes"]
    return topography_spans(table["topography"]), morphology_spans(table["morphology"])


def _family(name: str, entry: dict[str, Any]) -> Family:
    return Family(
        name,
        morphology_spans(entry["morphology"]),
        topography_spans(entry.get("only_in", "")),
        topography_spans(entry.get("never_in", "")),
    )


@cache
def _by_morphology() -> dict[int, Family]:
    return {
        code: family
        for family in families().values()
        for first, until in family.morphology
        for code in range(first, until)
    }
