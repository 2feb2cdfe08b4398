"""Numbers in texts that are an identifier, or look like one by chance: NIR, bare telephones, bare dates.

Hashes in hexadecimal or base64, counters and codes hold such numbers too. A number is compared with the
others of its column that are written alike: whole values with whole values of the same length, pieces with
pieces. A column whose values are all of another length than the number, such as hashes, holds none by chance.
"""

from __future__ import annotations

from typing import Final

from rnc_epi.extracts.contract_checks.identifiers.nir import CHANCE, beyond_chance, key_verifies
from rnc_epi.extracts.contract_checks.identifiers.number_columns import (
    DAY_FIRST,
    DMY,
    SHARE_OF_DATES,
    YEAR_FIRST,
    YMD,
    counted,
    expected_of_longer,
)
from rnc_epi.extracts.contract_checks.identifiers.patterns import (
    BARE_TELEPHONE,
    NIR_AT_ALL,
    NIR_IN_GROUPS,
    NIR_OF_CORSICA,
    NIR_WITH_KEY,
    TELEPHONE,
)
from rnc_epi.store import Store

#: Share of random texts of 13 hexadecimal digits that are a NIR of Corsica without key: sex (2 of 16), year
#: (10/16)^2, month (12 of 256), 2A or 2B in one case (1/16 x 2/16), six digits (10/16)^6.
CHANCE_OF_CORSICA: Final = 2 / 16 * (10 / 16) ** 8 * 12 / 256 * 2 / 256
#: Of ten hexadecimal digits that are a telephone: 0, then 1 to 9, then eight digits.
CHANCE_OF_TELEPHONE: Final = 1 / 16 * 9 / 16 * (10 / 16) ** 8
#: Of eight hexadecimal digits that are a date, year first or day first: a century (3 of 256), two digits, a
#: month (12 of 256), a day (31 of 256); of eight decimal ones.
CHANCE_OF_DATE: Final = 2 * 3 / 256 * (10 / 16) ** 2 * 12 / 256 * 31 / 256
CHANCE_OF_DATE_IN_DIGITS: Final = 2 * 3 / 100 * 12 / 100 * 31 / 100

#: Pieces of letters and digits, `whole` where a piece is all of its text.
_PIECES: Final = (
    "SELECT k, strlen(k) = strlen(v) AS whole, times FROM ("
    "SELECT v, unnest(regexp_extract_all(v, '[0-9A-Za-z]+')) AS k, times FROM ({values}))"
)


def rows_of_nir(store: Store, values: str) -> int:
    """Return the rows of texts that hold a social security number, beyond what chance gives where it may.

    Parameters
    ----------
    values : SELECT of ``v`` and ``times``, the different texts and their rows
    """
    chosen = f"SELECT v, times FROM ({values}) WHERE regexp_matches(v, $nir)"
    # Fifteen characters that stand alone and verify, with a separator or a letter, are no counter.
    compact = "regexp_replace(upper(c), '[^0-9AB]', '', 'g')"
    with_key = (
        "list_bool_or(list_transform(list_filter(regexp_extract_all(v, $key, 1), "
        f"lambda c: NOT regexp_full_match(c, '[0-9]+')), lambda c: {_verified(compact)}))"
    )
    ((certain, corsican),) = store.rows(
        f"SELECT {_rows(f'regexp_matches(v, $groups) OR {with_key}')}, "
        f"{_rows('regexp_matches(v, $corsica)')} FROM ({chosen})",
        {"nir": NIR_AT_ALL, "groups": NIR_IN_GROUPS, "key": NIR_WITH_KEY, "corsica": NIR_OF_CORSICA},
    )
    rows = int(certain)
    if corsican:
        for alike in _alike(store, values, 13, f"regexp_matches(k, '{NIR_OF_CORSICA}')"):
            if beyond_chance(alike["found"], CHANCE_OF_CORSICA * alike["letters"]):
                rows += alike["rows"]
    return rows + _rows_of_bare_nir(store, values, chosen)


def _rows_of_bare_nir(store: Store, values: str, chosen: str) -> int:
    """Return the rows of numbers of 13 or 15 digits that are a NIR: alone, in a text, behind letters."""
    pieces = (
        "SELECT regexp_extract(k, '^[A-Za-z]{0,8}([1-9][0-9]{12,17})$', 1) AS digits, "
        "CASE WHEN NOT regexp_matches(k, '^[0-9]') THEN 2 WHEN whole THEN 0 ELSE 1 END AS form, times "
        f"FROM ({_PIECES.format(values=chosen)})"
    )
    only = {"nir": NIR_AT_ALL}
    longer = ", ".join(f"count(*) FILTER (WHERE strlen(digits) = {size})" for size in (14, 16, 17, 18))
    found = store.rows(
        f"SELECT form, {longer} FROM ({pieces}) WHERE digits <> '' GROUP BY 1 ORDER BY 1", only
    )
    rows = 0
    for form, *of_longer in found:
        # Numbers of any length imply shorter ones only where the column is one of numbers: in a column of
        # hashes the longer ones are those without a letter by chance, and all are of one length.
        if form == 0 and not _mostly_numbers(store, values):
            of_longer = [0, 0, 0, 0]
        bare = (
            f"SELECT CAST(digits AS BIGINT) AS n, CAST(sum(times) AS BIGINT) AS times FROM ({pieces}) "
            f"WHERE form = {form} AND strlen(digits) IN (13, 15) GROUP BY 1"
        )
        rows += counted(store, bare, only).rows_of_persons(*expected_of_longer(*of_longer))
    return rows


def _mostly_numbers(store: Store, values: str) -> bool:
    ((numbers, all_of_them),) = store.rows(
        f"SELECT count(*) FILTER (WHERE regexp_full_match(v, '[0-9]+')), count(*) FROM ({values})"
    )
    return bool(2 * numbers > all_of_them)


def rows_of_telephones(store: Store, values: str) -> int:
    """Return the rows of texts that hold a telephone number; bare digits only beyond chance."""
    ((written,),) = store.rows(
        f"SELECT {_rows('regexp_matches(v, $telephone) AND NOT regexp_matches(v, $bare)')} FROM ({values})",
        {"telephone": TELEPHONE.regex, "bare": f"{BARE_TELEPHONE}|^0033[1-9][0-9]{{8}}$"},
    )
    rows = int(written)
    for length, like, first, last, chance in (
        (10, "0[1-9][0-9]+", 10**8, 10**9, CHANCE_OF_TELEPHONE),
        (13, "0033[1-9][0-9]+", 331 * 10**8, 340 * 10**8, CHANCE_OF_TELEPHONE / 16**3),
    ):
        for alike in _alike(store, values, length, f"regexp_full_match(k, '{like}')", first):
            expected = max(chance * alike["letters"], _expected_between(alike, first, last, 10**length))
            if beyond_chance(alike["found"], expected):
                rows += alike["rows"]
    return rows


def _expected_between(alike: dict[str, int], first: int, last: int, end: int) -> float:
    """Return how many numbers stand from ``first`` to before ``last``, were they as dense there as beyond.

    Numbers above say it at once. Those below say it only where they reach up to ``first``: a counter of
    small numbers behind zeros goes on, but not there.
    """
    above = (alike["digits"] - alike["found"] - alike["below"]) * (last - first) / (end - last)
    below = alike["below"] * (last - first) / first
    reaches = (alike["highest"] / first) ** alike["below"] >= CHANCE
    return max(above, below if reaches else 0.0)


def rows_of_dates(store: Store, values: str) -> int:
    """Return the rows of texts that hold eight bare digits that are a date, beyond chance.

    Numbers made of a year and a counter are told from dates by the share of those that are no day.
    """
    dates = f"({YEAR_FIRST} AND {YMD}) OR ({DAY_FIRST} AND {DMY})"
    rows = 0
    for alike in _alike(store, values, 8, dates):
        expected = _expected(alike, CHANCE_OF_DATE, CHANCE_OF_DATE_IN_DIGITS)
        if beyond_chance(alike["found"], expected) and _mostly_dates(store, values, bool(alike["whole"])):
            rows += alike["rows"]
    return rows


def _mostly_dates(store: Store, values: str, whole: bool) -> bool:
    """Tell whether most of what begins, or ends, with a year is a day."""
    for like, dates in ((YEAR_FIRST, YMD), (DAY_FIRST, DMY)):
        of_like, of_dates = (
            sum(one["found"] for one in _alike(store, values, 8, condition) if one["whole"] == whole)
            for condition in (like, f"{like} AND {dates}")
        )
        if of_dates and of_dates >= SHARE_OF_DATES * of_like:
            return True
    return False


def _expected(alike: dict[str, int], of_all: float, of_digits: float) -> float:
    """Return how many of a column have a form by chance.

    Its values with letters say how many it has of digits alone; where it has some, these say it better.
    """
    others = alike["digits"] - alike["found"]
    return max(of_all * alike["letters"], of_digits / (1 - of_digits) * others)


def _alike(store: Store, values: str, length: int, condition: str, first: int = 0) -> list[dict[str, int]]:
    """Count the different pieces of one length, whole texts and pieces of texts apart.

    Returns
    -------
    list of dict
        Where some were found: ``found`` and their ``rows``; ``digits``, all that are of digits alone, and
        ``below``, those of them below `first`, with the ``highest``; ``letters``, those that are hexadecimal,
        in one case, and no number (other letters tell of an alphabet that gives hardly any number).
    """
    names = ("whole", "letters", "digits", "found", "rows", "below", "highest")
    counted_rows = store.rows(
        f"""
        SELECT {", ".join(names)} FROM (
            SELECT CAST(whole AS INTEGER) AS whole,
                count(*) FILTER (WHERE n IS NULL AND regexp_full_match(k, '[0-9A-F]+|[0-9a-f]+')) AS letters,
                count(*) FILTER (WHERE n >= 0) AS digits,
                count(*) FILTER (WHERE {condition}) AS found,
                CAST(coalesce(sum(times) FILTER (WHERE {condition}), 0) AS BIGINT) AS rows,
                count(*) FILTER (WHERE n < {first}) AS below,
                coalesce(max(n) FILTER (WHERE n < {first}), 0) AS highest
            FROM (
                SELECT k, whole, sum(times) AS times,
                    CASE WHEN regexp_full_match(k, '[0-9]+') THEN CAST(k AS BIGINT) END AS n
                FROM ({_PIECES.format(values=values)}) WHERE strlen(k) = {length} GROUP BY k, whole
            )
            GROUP BY whole
        )
        WHERE found > 0 ORDER BY whole
        """
    )
    return [dict(zip(names, map(int, row), strict=True)) for row in counted_rows]


def _rows(condition: str) -> str:
    return f"CAST(coalesce(sum(times) FILTER (WHERE {condition}), 0) AS BIGINT)"


def _verified(text: str) -> str:
    number = f"TRY_CAST(replace(replace({text}, '2A', '19'), '2B', '18') AS BIGINT)"
    return f"coalesce({key_verifies(number)}, false)"
