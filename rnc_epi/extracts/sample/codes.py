"""Codes of a typical tumour of each site: a topography and a morphology that the site table reads back."""

from __future__ import annotations

from functools import cache

from rnc_epi.vocabulary.sites import SITES, site_of_icdo3

#: Frequent morphologies, tried in this order before the first one that a rule names.
_FREQUENT = (8140, 8070, 8500, 8120, 8312, 8720, 8010, 8000)


@cache
def typical_code(leaf: str) -> tuple[str, str]:
    """Return ``("C34.0", "8140")`` for a leaf of the site table.

    Raises
    ------
    LookupError
        No rule of the leaf classifies a malignant tumour; it is then no site of incidence.
    """
    for rule in SITES[leaf].rules:
        plain = rule.topography_from.replace(".", "")
        topography = f"{plain[:3]}.{plain[3:4] or '9'}"
        for morphology in (*_FREQUENT, rule.morphology_from):
            if site_of_icdo3(topography, str(morphology), 3) == leaf:
                return topography, str(morphology)
    raise LookupError(leaf)
