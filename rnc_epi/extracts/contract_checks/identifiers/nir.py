"""The social security number (NIR): its form, its key, and how often a number has them by chance.

Sex (1 or 2; 3, 4, 7, 8 for those registered for a time), year and month of birth, département or country,
commune, order in the month, then a key of two digits: 97 less the remainder of the other thirteen by 97.
Corsica's 2A counts as 19 and 2B as 18. Months 20, 31 to 42 and 50 to 99 stand for months that are not known.
"""

from __future__ import annotations

import re
from typing import Final

from scipy.stats import poisson

#: Chance below which numbers that have the form are taken for what they look like. Each length of number is
#: tried twice: two columns of random pseudonyms in a thousand are refused wrongly (docs/decisions/130).
CHANCE: Final = 0.001
#: Share of 13-digit numbers with the first seven digits of a NIR: sex 1 or 2 (2 of 9), month 01 to 12 (12 of
#: 100), département 01 to 95 or 97 to 99 (98 of 100).
CHANCE_13: Final = 2 / 9 * 12 / 100 * 98 / 100
#: The same of numbers given for a time, sex 3, 4, 7 or 8.
CHANCE_13_TEMPORARY: Final = 4 / 9 * 12 / 100 * 98 / 100
#: The key is one value in a hundred, of 97 possible.
CHANCE_15: Final = 6 / 9 * 12 / 100 * 98 / 100 / 100
#: First digit of a sex and a key that verifies, whatever stands between.
CHANCE_KEY: Final = 6 / 9 / 100
#: Verified numbers to others among those that have the rest of the form: a counter holds no more.
KEYS_TO_OTHERS: Final = 1 / 99
#: Keys alone are believed of this many numbers at least.
LEAST_KEYS: Final = 3

_PLACE: Final = "({n} // 1000000) % 100 BETWEEN 1 AND 99 AND ({n} // 1000000) % 100 <> 96"
_MONTH: Final = "({n} // 100000000) % 100 BETWEEN 1 AND 12"
_SEX: Final = "{n} // 1000000000000 IN {sexes}"


def shape_13(n: str, sexes: str = "(1, 2)") -> str:
    """Return the SQL condition that a whole number of 13 digits has the form of a NIR."""
    return " AND ".join(part.format(n=n, sexes=sexes) for part in (_SEX, _MONTH, _PLACE))


def key_verifies(n: str) -> str:
    """Return the SQL condition that the last two of 15 digits are the key of the others."""
    return f"{n} % 100 = 97 - ({n} // 100) % 97"


def is_nir(text: str) -> bool:
    """Tell whether a text is a social security number, of 13 characters or of 15 with its key.

    Without its key a number given for a time, or of unknown month, is not told from any other.

    Examples
    --------
    >>> is_nir("2 55 08 14 168 025 38"), is_nir("255081416802539"), is_nir("2550814168025")
    (True, False, True)
    """
    plain = re.sub(r"[\s\u00a0\u202f./-]", "", text).upper()
    if not re.fullmatch(r"[123478]\d{4}(\d{2}|2[AB])\d{6}(\d{2})?", plain, re.ASCII):
        return False
    if plain[5:7] in ("00", "96"):
        return False
    month = int(plain[3:5])
    if len(plain) == 13:
        return plain[0] in "12" and 1 <= month <= 12
    if not (1 <= month <= 12 or month == 20 or 31 <= month <= 42 or month >= 50):
        return False
    number = plain[:5] + {"2A": "19", "2B": "18"}.get(plain[5:7], plain[5:7]) + plain[7:13]
    return int(plain[13:]) == 97 - int(number) % 97


def expected_by_chance(others: int, chance: float, longer: float) -> float:
    """Return how many numbers of one length would have a form, were the keys of a column random.

    Parameters
    ----------
    others : int
        Different numbers of that length that do not have the form.
    chance : float
        Share of all numbers of that length that have the form.
    longer : float
        How many numbers of that length a column would hold whose longer numbers are spread evenly: a tenth
        of those with one digit more, a hundredth of those with two. They are believed as far as the others
        of that length agree with them.
    """
    return max(chance / (1 - chance) * others, chance * min(longer, others + 1))


def beyond_chance(found: int, expected: float) -> bool:
    """Tell whether more numbers have a form than chance gives, by the Poisson distribution of the expected.

    Examples
    --------
    One number of the form among keys that are all short, and eight among three hundred random ones:

    >>> beyond_chance(1, expected_by_chance(0, CHANCE_13, 0.0))
    True
    >>> beyond_chance(8, expected_by_chance(292, CHANCE_13, 0.0))
    False
    """
    return bool(found) and bool(poisson.sf(found - 1, expected) < CHANCE)
