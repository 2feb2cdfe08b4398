"""How strata add up: all areas with a score, the groups among them, and the areas without."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rnc_epi.vocabulary.estimators import ALL_GROUPS, CROSSED, UNKNOWN_GROUP
from rnc_epi.vocabulary.schemas import NOT_APPLICABLE

Stratum = tuple[str, str]
#: Everyone, whatever the group.
WHOLE: Final[Stratum] = (NOT_APPLICABLE, NOT_APPLICABLE)


def families(strata: Iterable[Stratum]) -> list[tuple[Stratum, tuple[Stratum, ...]]]:
    """Return which strata are parts of which, parents first.

    Examples
    --------
    >>> families([("d", "Q1"), ("d", "Q2"), ("d", "all"), ("d", "unknown")])
    [(('_', '_'), (('d', 'all'), ('d', 'unknown'))), (('d', 'all'), (('d', 'Q1'), ('d', 'Q2')))]
    """
    found = []
    present = set(strata) - {WHOLE}
    for kind in sorted({stratum_type for stratum_type, _ in present}):
        every, unknown = (kind, ALL_GROUPS), (kind, UNKNOWN_GROUP)
        groups = tuple(sorted(s for s in present if s[0] == kind and s not in (every, unknown)))
        beside = (unknown,) if unknown in present else ()
        if every in present:
            found.append((WHOLE, (every, *beside)))
            found.append((every, groups))
        else:
            found.append((WHOLE, (*groups, *beside)))
    return found + _classes(present)


def _classes(present: set[Stratum]) -> list[tuple[Stratum, tuple[Stratum, ...]]]:
    """Return which classes a grouping is looked at within: those of one kind together are the grouping."""
    found = []
    for family in sorted({family_of(kind) for kind, _ in present if CROSSED in kind}):
        base = family.partition(CROSSED)[0]
        for _, group in sorted(stratum for stratum in present if stratum[0] == base):
            classes = tuple(sorted(s for s in present if s[1] == group and family_of(s[0]) == family))
            if classes:
                found.append(((base, group), classes))
    return found


def family_of(stratum_type: str) -> str:
    """Return a kind of stratum without the class within which it is looked at, where the class has a kind.

    Examples
    --------
    >>> family_of("deprivation|stage:late"), family_of("deprivation|urban"), family_of("deprivation:fdep")
    ('deprivation|stage', 'deprivation|', 'deprivation:fdep')
    """
    base, crossed, name = stratum_type.partition(CROSSED)
    kind, stated, _ = name.partition(":")
    return base + crossed + (kind if stated else "")
