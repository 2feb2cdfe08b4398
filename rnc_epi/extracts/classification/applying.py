"""All that is done to the codes of an extract before cells are made, in the one order that is right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnc_epi.extracts.classification.consistency import check_codes
from rnc_epi.extracts.classification.primaries import PrimariesApplied, apply_multiple_primaries
from rnc_epi.extracts.classification.uterus import share_out_uterus
from rnc_epi.extracts.contract_checks.findings import first_refusal
from rnc_epi.vocabulary.errors import ExtractRefused

if TYPE_CHECKING:
    from rnc_epi.extracts.contract_checks.findings import Finding
    from rnc_epi.extracts.opening import Extract


@dataclass(frozen=True)
class CodesApplied:
    """What was done to the codes of an extract.

    Parameters
    ----------
    findings : tuple of Finding
        Codes that contradict one another, set aside or told.
    primaries : PrimariesApplied or None
        None where the rules of multiple primaries were not asked for.
    deaths_shared : int or None
        Deaths from cancer of the uterus, unspecified, that were given to cervix or corpus; None if not asked.
    """

    findings: tuple[Finding, ...]
    primaries: PrimariesApplied | None
    deaths_shared: int | None


def apply_codes(extract: Extract, *, multiple_primaries: bool = False, uterus: bool = False) -> CodesApplied:
    """Check the codes of an open extract against one another, and apply the rules that a study asks for.

    To be called once, after `open_extract` and before cells are made. What is set aside is in the accounting.

    Parameters
    ----------
    extract : Extract
    multiple_primaries : bool
        Whether tumours that are no new primary (IARC/IACR/ENCR 2004) are set aside.
    uterus : bool
        Whether deaths coded to uterus, unspecified, are shared out by age between cervix and corpus.

    Raises
    ------
    ExtractRefused
        D109, too many impossible codes; O091, no row has a key of person; O092, deaths without ages.
    """
    with_tumours = "tumours" in extract.tables
    findings = tuple(check_codes(extract.store, extract.accounting)) if with_tumours else ()
    refusal = first_refusal(findings)
    if refusal is not None:
        raise refusal.problem()
    if multiple_primaries and not with_tumours:
        raise ExtractRefused("O091", table="tumours")
    primaries = apply_multiple_primaries(extract) if multiple_primaries else None
    return CodesApplied(findings, primaries, share_out_uterus(extract) if uterus else None)
