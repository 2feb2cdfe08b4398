"""ICD-O-3 codes of a typical tumour of each site, which the site table reads back as that site."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
import pandas as pd

from rnc_epi.extracts.sample.national import leaves_of
from rnc_epi.vocabulary.sites import site_of_icdo3

#: Age from which tumours are those of adults.
ADULT: int = 15
#: A tumour that no laboratory has seen: neoplasm, not otherwise specified.
_NOT_SPECIFIED = "8000"
#: Basis of diagnosis: microscopy of the primary tumour; anything below 5 has no microscopy.
_FIRST_MICROSCOPIC = 5


class Code(NamedTuple):
    """A topography, as in ``C34.9``, and a morphology, as in ``8140``."""

    topography: str
    morphology: str


@cache
def _table() -> dict[str, tuple[Code, Code]]:
    with (files("rnc_epi.extracts.sample") / "codes.csv").open(encoding="utf-8") as stream:
        table = pd.read_csv(stream, dtype=str, keep_default_na=False)
    return {
        row.site: (
            Code(row.topography, row.morphology),
            Code(row.child_topography or row.topography, row.child_morphology or row.morphology),
        )
        for row in table.itertuples(index=False)
    }


def typical_code(leaf: str, *, child: bool = False, microscopic: bool = True) -> Code:
    """Return the code of a typical tumour of a leaf of the site table.

    Parameters
    ----------
    child : bool
        Whether the patient is under 15.
    microscopic : bool
        Without microscopy the morphology is not specified, where the site is known from its topography.

    Raises
    ------
    LookupError
        The sample holds no tumour of the leaf.

    Examples
    --------
    >>> typical_code("kidney"), typical_code("kidney", child=True).morphology
    (Code(topography='C64.9', morphology='8312'), '8960')
    >>> typical_code("lung", microscopic=False).morphology
    '8000'
    """
    code = _table()[leaf][int(child)]
    if not microscopic and site_of_icdo3(code.topography, _NOT_SPECIFIED, 3) == leaf:
        return Code(code.topography, _NOT_SPECIFIED)
    return code


def needs_microscope(leaf: str) -> bool:
    """Return whether a tumour of a leaf is known as such by its morphology alone: blood, melanoma and others.

    The sample knows none of these from a death certificate or a clinic alone.
    """
    return typical_code(leaf, microscopic=False).morphology != _NOT_SPECIFIED


def has_no_stage(leaf: str) -> bool:
    """Return whether registries stage no tumour of a leaf: blood and marrow, unknown primary site.

    Examples
    --------
    >>> has_no_stage("lymphoid_leukaemia"), has_no_stage("lung")
    (True, False)
    """
    return leaf == "unknown_primary" or leaf in leaves_of("haematological")


def variants(leaf: str) -> list[Code]:
    """Return the four codes of a leaf, in the order of `variant_of`."""
    return [
        typical_code(leaf, child=child, microscopic=microscopic)
        for child in (False, True)
        for microscopic in (False, True)
    ]


def variant_of(age: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """Return which of its four codes each tumour has.

    Parameters
    ----------
    age : (n,) int array
    basis : (n,) int array
        Basis of diagnosis, 0 to 7.
    """
    return np.asarray(2 * (age < ADULT) + (basis >= _FIRST_MICROSCOPIC))


def coded(leaf: str, age: np.ndarray, basis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the topography and the morphology of tumours of a leaf, as arrays of text."""
    words = np.array(variants(leaf), dtype=object)[variant_of(age, basis)]
    return words[:, 0], words[:, 1]
