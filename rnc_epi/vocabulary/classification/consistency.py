"""What a topography and a morphology say together: whether they exist, fit, and at which ages and sexes.

Everything that depends on the codes alone is worked out once for each pair of codes; a check of rows then
only compares it with sex, age, behaviour and basis of diagnosis.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from rnc_epi.vocabulary.classification import icdo3
from rnc_epi.vocabulary.classification.codes import (
    EVERYWHERE,
    Spans,
    holds,
    morphology_number,
    morphology_spans,
    read_table,
    topography_number,
    topography_spans,
)

#: Age that no one reaches, where a rule has no upper limit.
NO_LIMIT = 999


class CodeFacts(NamedTuple):
    """What is known of a pair of codes.

    Parameters
    ----------
    topography_exists, morphology_exists : bool
        Whether ICD-O-3 has the codes; a morphology outside 8000-9999, or no number, `morphology_possible`
        false.
    site_possible, site_expected : bool
        Whether the morphology can be, and is expected, at the site.
    blood_in_organ : bool
        A tumour of blood-forming tissue said of a solid organ.
    women_only, men_only : bool
        By the morphology; the site is checked elsewhere.
    needs_microscope : bool
        The morphology cannot be told without one at the site.
    in_situ_possible : bool
    has_stages : bool
        Whether tumours of these codes are staged; diseases of blood and unknown primaries are not.
    likely_from, likely_until : int
        Ages, half-open, at which the tumour is not unlikely.
    possible_from : int
        First age at which it is possible.
    """

    topography_exists: bool
    morphology_possible: bool
    morphology_exists: bool
    site_possible: bool
    site_expected: bool
    blood_in_organ: bool
    women_only: bool
    men_only: bool
    needs_microscope: bool
    in_situ_possible: bool
    has_stages: bool
    likely_from: int
    likely_until: int
    possible_from: int


_NOTHING_KNOWN = CodeFacts(
    *(False, False, False, True, True, False, False, False, False, True, True), 0, NO_LIMIT, 0
)


def code_facts(topography: str, morphology: str | int) -> CodeFacts:
    """Return what the two codes of a tumour say.

    Examples
    --------
    >>> facts = code_facts("C40.2", 8720)
    >>> facts.site_possible, facts.site_expected
    (False, False)
    >>> code_facts("C69.2", 9510).likely_until, code_facts("C61.9", 8140).likely_from
    (6, 40)
    >>> code_facts("C42.9", 9999).topography_exists, code_facts("C34.1", 8140).site_expected
    (False, True)
    """
    place, histology = topography_number(topography), morphology_number(morphology)
    known_place = place is not None and icdo3.is_topography(place)
    possible = histology is not None and icdo3.FIRST_MORPHOLOGY <= histology <= icdo3.LAST_MORPHOLOGY
    if place is None or histology is None or not possible:
        return _NOTHING_KNOWN._replace(topography_exists=known_place, morphology_possible=possible)
    family = icdo3.family_of(histology)
    name = None if family is None else family.name
    expected = family is None or family.expects(place)
    table = _rules()
    ages = [rule for rule in table.ages if rule.concerns(place, histology)]
    return CodeFacts(
        topography_exists=known_place,
        morphology_possible=True,
        morphology_exists=icdo3.is_morphology(histology),
        site_possible=all(rule.allows(place, histology) for rule in table.impossible_sites),
        site_expected=expected,
        blood_in_organ=name in table.blood and not expected,
        women_only=name in table.women,
        men_only=name in table.men,
        needs_microscope=not any(
            holds(morphology, histology) and holds(topography, place)
            for morphology, topography in table.without_microscope
        ),
        in_situ_possible=not holds(table.never_in_situ, place),
        has_stages=name not in table.blood and not holds(table.unstaged, place),
        likely_from=max((rule.age_from for rule in ages), default=0),
        likely_until=min((rule.age_until for rule in ages), default=NO_LIMIT),
        possible_from=max(
            (rule.age_from for rule in table.impossible_ages if rule.concerns(place, histology)), default=0
        ),
    )


class _AgeRule(NamedTuple):
    topography: Spans | None
    morphology: Spans | None
    exempt: Spans
    age_from: int
    age_until: int

    def concerns(self, place: int, histology: int) -> bool:
        return (
            (self.topography is None or holds(self.topography, place))
            and (self.morphology is None or holds(self.morphology, histology))
            and not holds(self.exempt, histology)
        )


class _SiteRule(NamedTuple):
    morphology: Spans
    only_in: Spans
    never_in: Spans

    def allows(self, place: int, histology: int) -> bool:
        if not holds(self.morphology, histology):
            return True
        return holds(self.only_in, place) if self.only_in else not holds(self.never_in, place)


class _Rules(NamedTuple):
    ages: tuple[_AgeRule, ...]
    impossible_ages: tuple[_AgeRule, ...]
    impossible_sites: tuple[_SiteRule, ...]
    women: frozenset[str]
    men: frozenset[str]
    blood: frozenset[str]
    without_microscope: tuple[tuple[Spans, Spans], ...]
    never_in_situ: Spans
    unstaged: Spans


@cache
def microscopic_bases() -> tuple[int, ...]:
    """Return the bases of diagnosis that rest on a microscope."""
    return tuple(read_table("consistency")["basis"]["microscopic"])


@cache
def _rules() -> _Rules:
    table = read_table("consistency")
    return _Rules(
        ages=tuple(_age_rule(entry) for entry in table["age"]),
        impossible_ages=tuple(_age_rule(entry) for entry in table["impossible_age"]),
        impossible_sites=tuple(
            _SiteRule(
                morphology_spans(entry["morphology"]),
                topography_spans(entry.get("only_in", "")),
                topography_spans(entry.get("never_in", "")),
            )
            for entry in table["impossible_site"]
        ),
        women=frozenset(table["sex"]["women"]),
        men=frozenset(table["sex"]["men"]),
        blood=frozenset(table["blood"]["families"]),
        without_microscope=(
            (morphology_spans(table["basis"]["without_microscope"]), EVERYWHERE),
            *(
                (morphology_spans(entry["morphology"]), topography_spans(entry["topography"]))
                for entry in table["basis"]["without_microscope_at"]
            ),
        ),
        never_in_situ=topography_spans(table["in_situ"]["never_in"]),
        unstaged=topography_spans(table["stage"]["never_in"]),
    )


def _age_rule(entry: dict[str, Any]) -> _AgeRule:
    return _AgeRule(
        topography_spans(entry["topography"]) if "topography" in entry else None,
        morphology_spans(entry["morphology"]) if "morphology" in entry else None,
        morphology_spans(entry.get("except", "")),
        entry.get("from", 0),
        entry.get("until", NO_LIMIT),
    )
