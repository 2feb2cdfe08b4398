"""Numbers, limits and periods as a French or an English reader expects them.

French numbers carry the narrow no-break space U+202F and the decimal comma, and limits are written
``[a ; b]``; English ones follow British usage. What is not published has one sign, whatever the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import pandas as pd
from babel.numbers import format_decimal

from rnc_epi.report.texts import text
from rnc_epi.vocabulary.schemas import NOT_ESTIMABLE, NOT_PUBLISHED, PUBLISHED

#: Locale of each language of the report.
_LOCALES: Final = {"fr": "fr_FR", "en": "en_GB"}

#: Decimals of each measure unit, those of published precision (ruling 16).
DECIMALS: Final = {
    "events": 0,
    "rate": 1,
    "ratio": 2,
    "percent": 1,
    "probability": 3,
    "rate_per_year": 2,
    "ratio_per_year": 3,
}

#: Expected counts from this size on are published as whole numbers (docs/decisions/132).
WHOLE_EXPECTED: Final = 100.0

#: Sign of a cell that has no row in the release: out of scope, or impossible for this sex.
NOTHING: Final = "–"


@lru_cache(maxsize=50_000)
def _decimal(value: float, decimals: int, locale: str) -> str:
    pattern = "#,##0" + ("." + "0" * decimals if decimals else "")
    return str(format_decimal(value, format=pattern, locale=locale))


@dataclass(frozen=True)
class Format:
    r"""How a language writes what the report shows.

    Parameters
    ----------
    language : {"fr", "en"}

    Examples
    --------
    >>> Format("en").number(1234.5, 1)
    '1,234.5'
    >>> Format("fr").number(1234.5, 1) == "1\u202f234,5"
    True
    """

    language: str

    def number(self, value: float, decimals: int = 0) -> str:
        """Return a number with its separators."""
        return _decimal(float(value), decimals, _LOCALES[self.language])

    def expected(self, value: float) -> str:
        """Return an expected count: to a tenth below a hundred, whole from there on, as releases state it.

        Examples
        --------
        >>> Format("en").expected(99.5), Format("en").expected(1089.0)
        ('99.5', '1,089')
        """
        return self.number(value, 1 if value < WHOLE_EXPECTED else 0)

    def limits(self, lower: float, upper: float, decimals: int = 1) -> str:
        """Return an interval: ``[1,2 ; 3,4]`` in French, ``(1.2–3.4)`` in English."""
        low, high = self.number(lower, decimals), self.number(upper, decimals)
        return f"[{low}\u202f; {high}]" if self.language == "fr" else f"({low}–{high})"

    def interval_name(self, level: float) -> str:
        """Return what an interval is called: ``IC95 %`` or ``95% CI``."""
        percent = _decimal(100 * level, 0 if float(100 * level).is_integer() else 1, _LOCALES[self.language])
        return f"IC{percent}\u00a0%" if self.language == "fr" else f"{percent}% CI"

    def status(self, status: str) -> str:
        """Return the sign of a status that shows no number."""
        return text(f"sign_{status}", self.language)

    def value(self, row: Any | None, decimals: int | None = None) -> str:
        """Return the value of a row of results, or the sign that stands for it; no row gives a dash."""
        if row is None:
            return NOTHING
        if row["status"] in (NOT_PUBLISHED, NOT_ESTIMABLE):
            return self.status(row["status"])
        return self.number(row["value"], DECIMALS[row["measure_unit"]] if decimals is None else decimals)

    def interval(self, row: Any | None) -> str:
        """Return the limits of a row of results, empty where it has none."""
        if row is None or row["status"] != PUBLISHED or pd.isna(row["lower"]) or pd.isna(row["upper"]):
            return ""
        return self.limits(row["lower"], row["upper"], DECIMALS[row["measure_unit"]])

    def period(self, period_from: int, period_until: int) -> str:
        """Return the years of a half-open period, last one included: ``2016-2020``.

        Examples
        --------
        >>> Format("en").period(2016, 2021), Format("en").period(2016, 2017)
        ('2016–2020', '2016')
        """
        last = int(period_until) - 1
        joint = "-" if self.language == "fr" else "–"
        return str(int(period_from)) if last == period_from else f"{int(period_from)}{joint}{last}"

    def ages(self, age_from: int, age_until: Any) -> str:
        """Return the label of a half-open age band: ``15-49``, ``75+``; all ages together have a word.

        Examples
        --------
        >>> Format("en").ages(15, 50), Format("fr").ages(75, None)
        ('15–49', '75+')
        """
        if age_until is None or pd.isna(age_until):
            return text("all_ages", self.language) if age_from == 0 else f"{int(age_from)}+"
        joint = "-" if self.language == "fr" else "–"
        return f"{int(age_from)}{joint}{int(age_until) - 1}"

    def sentence_list(self, words: list[str]) -> str:
        """Return words joined as a sentence joins them: ``a, b et c``."""
        if len(words) < 2:
            return "".join(words)
        last = text("and", self.language)
        return f"{', '.join(words[:-1])} {last} {words[-1]}"
