"""Whether two tumours of one person are one cancer or two: the international rules of 2004.

One tumour is counted in an organ, a pair of organs or a tissue, unless the morphologies are different; some
tumours are counted once in a lifetime. Time plays no part.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple

from rnc_epi.vocabulary.classification.codes import (
    Spans,
    holds,
    morphology_number,
    morphology_spans,
    read_table,
    topography_number,
    topography_spans,
)

#: Group of a morphology that the rules do not place.
NO_GROUP = 0


class Verdict(StrEnum):
    """What two tumours are to one another."""

    SAME = "same"
    DIFFERENT = "different"
    UNDECIDED = "undecided"


class MorphologyGroup(NamedTuple):
    """One group of table 2 of the rules."""

    number: int
    name: str
    codes: Spans
    once: bool
    unspecified: frozenset[int]


@cache
def morphology_groups() -> tuple[MorphologyGroup, ...]:
    """Return the 17 groups, in their order."""
    return tuple(_group(entry) for entry in read_table("primaries")["morphology"])


def morphology_group(morphology: str | int) -> int:
    """Return the group of a morphology, `NO_GROUP` where it has none.

    Examples
    --------
    >>> [morphology_group(code) for code in (8070, 8140, 9732, 8000, 9999)]
    [1, 3, 9, 17, 0]
    """
    code = morphology_number(morphology)
    return NO_GROUP if code is None else _group_by_code().get(code, NO_GROUP)


def topography_group(topography: str) -> int:
    """Return the group of a topography: the first category of those that count as one, 80 where unknown.

    Examples
    --------
    >>> [topography_group(code) for code in ("C02.9", "C05.1", "C20.9", "C67.1", "C50.9", "C80.9")]
    [1, 0, 19, 65, 50, 80]
    """
    code = topography_number(topography)
    if code is None:
        return -1
    groups, _ = _topographies()
    found = next((spans for spans in groups if holds(spans, code)), None)
    return (found[0].first if found else code) // 10


@cache
def unknown_topography() -> int:
    """Return the group of an unknown primary site."""
    return _topographies()[1]


def same_primary(first: tuple[str, str | int], second: tuple[str, str | int]) -> Verdict:
    """Tell whether two tumours of one person are counted once.

    Parameters
    ----------
    first, second : (topography, morphology)

    Returns
    -------
    Verdict
        Undecided where only the unknown primary site of one stands between them, or where a morphology is
        outside the groups.

    References
    ----------
    .. [1] IARC, IACR, ENCR. International rules for multiple primary cancers (ICD-O third edition). 2004.

    Examples
    --------
    Two adenocarcinomas of the colon and of the rectum are two; of both breasts, one; a squamous cell and an
    adenocarcinoma of the lung are two; a myeloma of two bones is one:

    >>> same_primary(("C18.2", 8140), ("C20.9", 8140)).value
    'different'
    >>> same_primary(("C50.1", 8500), ("C50.9", 8520)).value
    'same'
    >>> same_primary(("C34.1", 8070), ("C34.3", 8140)).value
    'different'
    >>> same_primary(("C42.1", 9732), ("C41.2", 9731)).value
    'same'
    """
    return verdict(
        (topography_group(first[0]), morphology_group(first[1])),
        (topography_group(second[0]), morphology_group(second[1])),
    )


def verdict(first: tuple[int, int], second: tuple[int, int]) -> Verdict:
    """Return the verdict on two tumours given by their groups of topography and morphology."""
    by_morphology = morphology_verdicts()[(first[1], second[1])]
    if by_morphology is not Verdict.UNDECIDED:
        return by_morphology
    if NO_GROUP in (first[1], second[1]) or -1 in (first[0], second[0]):
        return Verdict.UNDECIDED
    if first[0] == second[0]:
        return Verdict.SAME
    return Verdict.UNDECIDED if unknown_topography() in (first[0], second[0]) else Verdict.DIFFERENT


@cache
def morphology_verdicts() -> dict[tuple[int, int], Verdict]:
    """Return what the morphologies alone decide, for each pair of groups; undecided where the site does.

    Groups that are not held to be different leave the decision to the site, and so does one group with
    itself, unless it is counted once in a lifetime: then the tumours are the same wherever they lie. A tumour
    of unspecified haematological type is the same as one of a stated type, without regard to the site.
    """
    table: dict[tuple[int, int], Verdict] = {}
    groups = morphology_groups()
    for one in groups:
        for other in groups:
            vague = one.number in other.unspecified or other.number in one.unspecified
            alike = one.number == other.number or vague
            once = one.once and other.once
            if not alike:
                decided = Verdict.DIFFERENT
            elif once:
                decided = Verdict.SAME
            else:
                decided = Verdict.UNDECIDED
            table[one.number, other.number] = decided
    for number in (NO_GROUP, *(group.number for group in groups)):
        table[NO_GROUP, number] = table[number, NO_GROUP] = Verdict.UNDECIDED
    return table


def _group(entry: dict[str, Any]) -> MorphologyGroup:
    return MorphologyGroup(
        entry["group"],
        entry["name"],
        morphology_spans(entry["codes"]),
        entry.get("once", False),
        frozenset(entry.get("unspecified", ())),
    )


@cache
def _group_by_code() -> dict[int, int]:
    return {
        code: group.number
        for group in morphology_groups()
        for first, until in group.codes
        for code in range(first, until)
    }


@cache
def _topographies() -> tuple[tuple[Spans, ...], int]:
    table = read_table("primaries")["topography"]
    groups = tuple(topography_spans(text) for text in table["groups"])
    return groups, topography_spans(table["unknown"])[0].first // 10
