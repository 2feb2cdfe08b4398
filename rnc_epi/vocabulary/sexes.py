"""Sex as data and results carry it: 1 men, 2 women, 9 unknown in data; 0 both sexes, in results only.

Both sexes together is computed from 1 and 2 and from nothing else: a record of unknown sex belongs to no
denominator, so it is counted apart and never enters a rate.
"""

from __future__ import annotations

from enum import IntEnum

from rnc_epi.vocabulary.errors import InputError


class Sex(IntEnum):
    """Codes of sex; an integer everywhere, so that it needs no conversion in SQL or in arrays."""

    BOTH = 0
    MEN = 1
    WOMEN = 2
    UNKNOWN = 9

    def label(self, language: str = "en") -> str:
        """Return the word that a table shows, in ``"fr"`` or ``"en"``.

        Examples
        --------
        >>> Sex.WOMEN.label("fr")
        'femmes'
        """
        if language not in _LABELS:
            raise InputError("M005", what="language", found=language, expected=", ".join(_LABELS))
        return _LABELS[language][self]


_LABELS = {
    "en": {Sex.BOTH: "both sexes", Sex.MEN: "men", Sex.WOMEN: "women", Sex.UNKNOWN: "unknown"},
    "fr": {Sex.BOTH: "deux sexes", Sex.MEN: "hommes", Sex.WOMEN: "femmes", Sex.UNKNOWN: "inconnu"},
}


def sex(code: int) -> Sex:
    """Return the sex of a code.

    Raises
    ------
    InputError
        V030 for a code that is none of 0, 1, 2, 9.

    Examples
    --------
    >>> sex(2)
    <Sex.WOMEN: 2>
    """
    try:
        return Sex(code)
    except ValueError:
        raise InputError("V030", found=code) from None
