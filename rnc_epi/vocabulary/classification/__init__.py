"""What codes of tumours mean beyond their site: childhood groups, same or new tumour, what may be."""

from rnc_epi.vocabulary.classification.childhood import ChildhoodGroup, iccc3_group, iccc3_groups
from rnc_epi.vocabulary.classification.non_invasive import non_invasive_entity
from rnc_epi.vocabulary.classification.primaries import Verdict, same_primary
from rnc_epi.vocabulary.classification.registries import FrenchRegistry, french_registries
from rnc_epi.vocabulary.classification.uterus import cervical_share

__all__ = [
    "ChildhoodGroup",
    "FrenchRegistry",
    "Verdict",
    "cervical_share",
    "french_registries",
    "iccc3_group",
    "iccc3_groups",
    "non_invasive_entity",
    "same_primary",
]
