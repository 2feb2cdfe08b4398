"""Direct identifiers at the door: told by the names of columns and by what columns, names and comments hold.

What each rule takes for an identifier, and how often it is wrong, is in ``docs/decisions/130``.
"""

from rnc_epi.extracts.contract_checks.identifiers.column_names import names_an_identifier
from rnc_epi.extracts.contract_checks.identifiers.file_names import identifier_in_name, require_clean_names
from rnc_epi.extracts.contract_checks.identifiers.nir import is_nir
from rnc_epi.extracts.contract_checks.identifiers.number_columns import numbers_of_persons
from rnc_epi.extracts.contract_checks.identifiers.person_keys import (
    number_keys,
    sources_without_keys,
    text_keys,
)
from rnc_epi.extracts.contract_checks.identifiers.person_names import holds_a_common_name, looks_like_a_name
from rnc_epi.extracts.contract_checks.identifiers.text_columns import catalogue_texts, texts_of_persons

__all__ = [
    "catalogue_texts",
    "holds_a_common_name",
    "identifier_in_name",
    "is_nir",
    "looks_like_a_name",
    "names_an_identifier",
    "number_keys",
    "numbers_of_persons",
    "require_clean_names",
    "sources_without_keys",
    "text_keys",
    "texts_of_persons",
]
