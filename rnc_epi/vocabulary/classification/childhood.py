"""Tumours of children and adolescents by the international classification of childhood cancer (ICCC-3).

Children's tumours are told apart by morphology before site. The classification is used under 20 years; France
counts children under 15 and, since 2011, adolescents under 18 (national registries of childhood cancer).
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

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
from rnc_epi.vocabulary.errors import InputError

#: Age, in completed years, from which the classification is not used any more.
ICCC3_UNTIL = 20
_INVASIVE = (3,)


class ChildhoodGroup(NamedTuple):
    """A subgroup (``Ia``) or, for retinoblastoma, a main group without subgroups (``V``)."""

    code: str
    main: str
    fr: str
    en: str

    def name(self, language: str = "en") -> str:
        """Return the name in ``"fr"`` or ``"en"``."""
        return self.fr if language == "fr" else self.en


class ChildhoodRule(NamedTuple):
    """One rule of a group: where, which morphologies, which behaviours."""

    code: str
    topography: Spans
    morphology: Spans
    behaviour: tuple[int, ...]


@cache
def iccc3_groups() -> dict[str, ChildhoodGroup]:
    """Return the 47 subgroups and retinoblastoma by code, in the order of the classification.

    Examples
    --------
    >>> len(iccc3_groups()), iccc3_groups()["VIa"].en
    (48, 'Nephroblastoma and other nonepithelial renal tumours')
    """
    return {
        entry["code"]: ChildhoodGroup(entry["code"], _main(entry["code"]), entry["fr"], entry["en"])
        for entry in read_table("iccc3")["group"]
    }


@cache
def iccc3_main_groups() -> dict[str, ChildhoodGroup]:
    """Return the 12 main groups by code."""
    return {
        code: ChildhoodGroup(code, code, names["fr"], names["en"])
        for code, names in read_table("iccc3")["main"].items()
    }


@cache
def iccc3_rules() -> tuple[ChildhoodRule, ...]:
    """Return every rule; no two rules of different groups hold the same tumour."""
    return tuple(
        ChildhoodRule(
            entry["code"],
            topography_spans(rule["topography"]) if "topography" in rule else EVERYWHERE,
            morphology_spans(rule["morphology"]),
            tuple(rule.get("behaviour", _INVASIVE)),
        )
        for entry in read_table("iccc3")["group"]
        for rule in entry["rules"]
    )


def iccc3_group(topography: str, morphology: str | int, behaviour: int | str) -> str | None:
    """Return the subgroup of a tumour in ICCC-3, or None where the classification has no place for it.

    Parameters
    ----------
    topography : str
        ``"C64.9"``, ``"C649"`` or ``"C64"``.
    morphology : str or int
        Four digits of ICD-O-3, 3.1 or 3.2.
    behaviour : int or str
        3, and 0 or 1 for tumours of the nervous system.

    References
    ----------
    .. [1] Steliarova-Foucher E, Stiller C, Lacour B, Kaatsch P. International Classification of Childhood
       Cancer, third edition. Cancer 2005;103:1457-1467. doi:10.1002/cncr.20910

    Examples
    --------
    A Wilms tumour, a medulloblastoma, an osteosarcoma of the femur, a benign meningioma:

    >>> [iccc3_group(*codes) for codes in [("C64.9", 8960, 3), ("C71.6", 9470, 3), ("C40.2", 9180, 3)]]
    ['VIa', 'IIIc', 'VIIIa']
    >>> iccc3_group("C70.0", 9530, 0), iccc3_group("C50.9", 8500, 2) is None
    ('IIIe', True)
    """
    place, histology = topography_number(topography), morphology_number(morphology)
    if place is None or histology is None or str(behaviour).strip() not in ("0", "1", "3"):
        return None
    malignity = int(behaviour)
    for rule in _rules_by_morphology().get(histology, ()):
        if malignity in rule.behaviour and holds(rule.topography, place):
            return rule.code
    return None


def iccc3_main_group(code: str) -> str:
    """Return the main group of a subgroup.

    Raises
    ------
    InputError
        O090 for a code that ICCC-3 does not have.

    Examples
    --------
    >>> iccc3_main_group("VIIIc"), iccc3_main_group("V")
    ('VIII', 'V')
    """
    if code not in iccc3_groups():
        raise InputError("O090", found=code, expected=", ".join(iccc3_groups()))
    return iccc3_groups()[code].main


def _main(code: str) -> str:
    return code.rstrip("abcdef")


@cache
def _rules_by_morphology() -> dict[int, tuple[ChildhoodRule, ...]]:
    found: dict[int, list[ChildhoodRule]] = {}
    for rule in iccc3_rules():
        for first, until in rule.morphology:
            for histology in range(first, until):
                found.setdefault(histology, []).append(rule)
    return {histology: tuple(rules) for histology, rules in found.items()}
