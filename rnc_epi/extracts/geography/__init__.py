"""The packaged geography of France: names, codes and populations of the COG 2026, and simplified outlines.

The files beside this module were built once by ``data_samples/make_geography.py``; ``README.md`` there gives
sources and licences. Outlines are for maps and for adjacency, never for measured areas or distances.
"""

from rnc_epi.extracts.geography.adjacency import Adjacency, adjacency, shared_borders
from rnc_epi.extracts.geography.outlines import areas, notice_of_outlines, outline_notice, outlines
from rnc_epi.extracts.geography.passages import (
    carry,
    checked_passages,
    correspondence,
    corsican_codes,
    municipal_arrondissements,
    passage_links,
    passages,
    read_passages,
    whole_communes,
)
from rnc_epi.extracts.geography.populations import person_years_of
from rnc_epi.extracts.geography.tables import (
    GEO_VINTAGE,
    OUTLINED_LEVELS,
    departements,
    epci,
    epci_departements,
    membership,
    regions,
    zones,
)

__all__ = [
    "GEO_VINTAGE",
    "OUTLINED_LEVELS",
    "Adjacency",
    "adjacency",
    "areas",
    "carry",
    "checked_passages",
    "correspondence",
    "corsican_codes",
    "departements",
    "epci",
    "epci_departements",
    "membership",
    "municipal_arrondissements",
    "notice_of_outlines",
    "outline_notice",
    "outlines",
    "passage_links",
    "passages",
    "person_years_of",
    "read_passages",
    "regions",
    "shared_borders",
    "whole_communes",
    "zones",
]
