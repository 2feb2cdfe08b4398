"""Names of files that hold a direct identifier: of the extract and of what lies beside it under its name."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

from rnc_epi.extracts.contract_checks.identifiers.nir import is_nir
from rnc_epi.extracts.contract_checks.identifiers.patterns import (
    NIR_IN_GROUPS,
    NIR_OF_CORSICA,
    NIR_WITH_KEY,
    PATTERNS,
)
from rnc_epi.vocabulary.errors import ExtractRefused


def identifier_in_name(text: str) -> str | None:
    """Return the kind of identifier that a name holds, or None; days are no identifier in a name of a file.

    Examples
    --------
    >>> identifier_in_name("extraction_2024-05-06.duckdb"), identifier_in_name("dossier_80012345.duckdb")
    (None, 'ipp')
    """
    # Underscores stand for spaces in names of files.
    spaced = text.replace("_", " ")
    candidates = re.findall(NIR_WITH_KEY, spaced) + re.findall(
        r"(?<![0-9A-Za-z])[0-9]{13}(?![0-9A-Za-z])", spaced
    )
    if (
        re.search(NIR_IN_GROUPS, spaced)
        or re.search(NIR_OF_CORSICA, spaced)
        or any(is_nir(found) for found in candidates)
    ):
        return "nir"
    return next((pattern.name for pattern in PATTERNS if re.search(pattern.regex, spaced)), None)


def require_clean_names(path: Path) -> None:
    """Refuse an extract if its name, or that of a file beside it under its name, identifies a person.

    Raises
    ------
    ExtractRefused
        B008, with the kind of identifier; the name itself is not repeated.
    """
    names = {path.name}
    # A folder that cannot be listed, or is not there: opening the file will say so.
    with contextlib.suppress(OSError):
        names |= {beside.name for beside in path.parent.iterdir() if beside.name.startswith(path.stem)}
    kinds = sorted({kind for name in names if (kind := identifier_in_name(name))})
    if kinds:
        raise ExtractRefused("B008", found=", ".join(kinds))
