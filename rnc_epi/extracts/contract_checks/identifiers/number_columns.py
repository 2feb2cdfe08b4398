"""Whole numbers that are a NIR or a date: how many there are, and how many there would be by chance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from rnc_epi.extracts.contract_checks.findings import Fate, Finding, shown_name
from rnc_epi.extracts.contract_checks.identifiers.nir import (
    CHANCE_13,
    CHANCE_13_TEMPORARY,
    CHANCE_15,
    CHANCE_KEY,
    KEYS_TO_OTHERS,
    LEAST_KEYS,
    beyond_chance,
    expected_by_chance,
    key_verifies,
    shape_13,
)
from rnc_epi.extracts.contract_checks.tables import ExtractTables
from rnc_epi.store import Store
from rnc_epi.vocabulary.contract import TABLES

#: Different numbers without key that may share sex, month and département of birth; more are a counter.
MOST_OF_A_MONTH: Final = 50
_SHORTEST, _LONGEST = 10**12, 10**15 - 1
_WIDE: Final = ("BIGINT", "UBIGINT", "HUGEINT", "UHUGEINT", "DOUBLE", "DECIMAL")
_WHOLE: Final = ("INTEGER", "UINTEGER", *_WIDE)
#: A column of dates written as whole numbers: at least so many different, and this share of those of 8 digits
#: that begin with a year. Numbers made of a year and a counter of four digits pass 30 % only by smallness.
LEAST_DATES: Final = 10
SHARE_OF_DATES: Final = 0.8

YEAR_FIRST: Final = "n // 10000 BETWEEN 1890 AND 2035"
YMD: Final = "(n // 100) % 100 BETWEEN 1 AND 12 AND n % 100 BETWEEN 1 AND 31"
DAY_FIRST: Final = "n % 10000 BETWEEN 1890 AND 2035"
DMY: Final = "(n // 10000) % 100 BETWEEN 1 AND 12 AND n // 1000000 BETWEEN 1 AND 31"

#: What is counted of the different numbers of 13 and 15 digits, `n` being one of them and `times` its rows.
_COUNTS: Final = """
    count(*) FILTER (WHERE NOT long), count(*) FILTER (WHERE form), count(*) FILTER (WHERE temporary),
    count(DISTINCT n // 1000000) FILTER (WHERE form), count(DISTINCT n // 1000000) FILTER (WHERE temporary),
    count(*) FILTER (WHERE long), count(*) FILTER (WHERE formed), count(*) FILTER (WHERE formed AND verified),
    count(*) FILTER (WHERE sexed), count(*) FILTER (WHERE verified),
    CAST(coalesce(sum(times) FILTER (WHERE form), 0) AS BIGINT),
    CAST(coalesce(sum(times) FILTER (WHERE temporary), 0) AS BIGINT),
    CAST(coalesce(sum(times) FILTER (WHERE formed AND verified), 0) AS BIGINT),
    CAST(coalesce(sum(times) FILTER (WHERE verified), 0) AS BIGINT)
"""
_FORMS: Final = f"""
    n, times, long,
    NOT long AND {shape_13("n")} AS form,
    NOT long AND {shape_13("n", "(3, 4, 7, 8)")} AS temporary,
    long AND {shape_13("(n // 100)", "(1, 2, 3, 4, 7, 8)")} AS formed,
    long AND n // 100000000000000 IN (1, 2, 3, 4, 7, 8) AS sexed,
    sexed AND {key_verifies("n")} AS verified
"""


@dataclass(frozen=True)
class Counted:
    """Numbers of 13 and of 15 digits in a column: all, those of each form, and the rows of each form."""

    of_13: int
    form: int
    temporary: int
    months_of_form: int
    months_of_temporary: int
    of_15: int
    formed: int
    formed_and_verified: int
    sexed: int
    verified: int
    rows_form: int
    rows_temporary: int
    rows_formed_and_verified: int
    rows_verified: int

    def rows_of_persons(self, longer_13: float, longer_15: float) -> int:
        """Return the rows whose number is a NIR beyond chance; 0 where chance explains them."""
        rows = 0
        by_chance = expected_by_chance(self.of_13 - self.form, CHANCE_13, longer_13)
        temporary = expected_by_chance(self.of_13 - self.temporary, CHANCE_13_TEMPORARY, longer_13)
        if beyond_chance(self.form, by_chance) and not _counts(self.form, self.months_of_form):
            rows += self.rows_form
        elif (
            self.temporary >= LEAST_KEYS
            and beyond_chance(self.temporary, temporary)
            and not _counts(self.temporary, self.months_of_temporary)
        ):
            rows += self.rows_temporary
        with_form = self.formed_and_verified
        if beyond_chance(
            with_form,
            max(
                KEYS_TO_OTHERS * (self.formed - with_form),
                CHANCE_15 * min(longer_15, self.of_15 - with_form + 1),
            ),
        ):
            rows += self.rows_formed_and_verified
        elif self.verified >= LEAST_KEYS and beyond_chance(
            self.verified,
            max(
                KEYS_TO_OTHERS * (self.sexed - self.verified),
                CHANCE_KEY * min(longer_15, self.of_15 - self.verified + 1),
            ),
        ):
            rows += self.rows_verified
        return rows


def _counts(numbers: int, months: int) -> bool:
    """Tell whether numbers of the form are a counter: all born in one month and département, or nearly."""
    return numbers > MOST_OF_A_MONTH * months


def counted(store: Store, numbers: str, parameters: dict[str, str] | None = None) -> Counted:
    """Count the forms among numbers of 13 and 15 digits; `numbers` is a SELECT of ``n`` and ``times``."""
    of_length = f"SELECT n, times, n >= 100000000000000 AS long FROM ({numbers})"
    ((*figures,),) = store.rows(f"SELECT {_COUNTS} FROM (SELECT {_FORMS} FROM ({of_length}))", parameters)
    return Counted(*figures)


def expected_of_longer(of_14: int, of_16: int, of_17: int, of_18: int) -> tuple[float, float]:
    """Return how many numbers of 13 and of 15 digits longer ones imply, were they all spread evenly."""
    above = max(of_16 / 10, of_17 / 100, of_18 / 1_000)
    return max(of_14 / 10, above / 100), above


def rows_of_nir(store: Store, table: str, column: str) -> int:
    """Return the rows of a column of numbers that are social security numbers beyond what chance gives."""
    name = quoted_name(column)
    ((candidates, of_14, of_16, of_17, of_18),) = store.rows(
        f"SELECT count(*) FILTER (WHERE {name} BETWEEN {_SHORTEST} AND {_LONGEST}), "
        + ", ".join(
            f"count(*) FILTER (WHERE {name} BETWEEN {10 ** (digits - 1)} AND {10**digits - 1})"
            for digits in (14, 16, 17, 18)
        )
        + f" FROM {table}"
    )
    if not candidates:
        return 0
    # The cast comes after the choice of rows: a number that does not fit is none of them.
    chosen = (
        f"SELECT CAST({name} AS BIGINT) AS n, count(*) AS times FROM (SELECT {name} FROM {table} "
        f"WHERE {name} BETWEEN {_SHORTEST} AND {_LONGEST} AND floor({name}) = {name}) GROUP BY 1 "
        "HAVING n < 10000000000000 OR n >= 100000000000000"
    )
    return counted(store, chosen).rows_of_persons(*expected_of_longer(of_14, of_16, of_17, of_18))


def rows_of_dates(store: Store, table: str, column: str) -> int:
    """Return the rows of a column whose whole numbers of 8 digits are dates, year first or day first."""
    name = quoted_name(column)
    # A number loses the zero of the first nine days.
    chosen = (
        f"SELECT CAST({name} AS BIGINT) AS n FROM (SELECT {name} FROM {table} WHERE {name} "
        f"BETWEEN 1010000 AND 99999999 AND floor({name}) = {name})"
    )
    ((years, year_first, ends, day_first, rows),) = store.rows(
        f"SELECT count(*) FILTER (WHERE {YEAR_FIRST}), count(*) FILTER (WHERE {YEAR_FIRST} AND {YMD}), "
        f"count(*) FILTER (WHERE {DAY_FIRST}), count(*) FILTER (WHERE {DAY_FIRST} AND {DMY}), count(*) "
        f"FROM ({chosen})"
    )
    for like, dates, condition in (
        (years, year_first, f"{YEAR_FIRST} AND {YMD}"),
        (ends, day_first, f"{DAY_FIRST} AND {DMY}"),
    ):
        if dates >= LEAST_DATES and dates >= SHARE_OF_DATES * like and 2 * dates >= rows:
            ((different,),) = store.rows(f"SELECT count(DISTINCT n) FROM ({chosen}) WHERE {condition}")
            if different >= LEAST_DATES:
                return int(dates)
    return 0


def numbers_of_persons(store: Store, tables: ExtractTables) -> Iterator[Finding]:
    """Find columns of whole numbers, of any table, that are social security numbers or dates (B001, D045)."""
    for table, shown, column, kind in number_columns(tables):
        if kind in _WIDE and (table, column.lower()) not in _ELSEWHERE:
            rows = rows_of_nir(store, "extract.main." + quoted_name(table), column)
            if rows:
                facts = (("column", shown_name(column)),)
                yield Finding("B001", Fate.REFUSE, shown, rows=rows, facts=facts, persons=True)
        if not _counts_or_codes(shown, column):
            rows = rows_of_dates(store, "extract.main." + quoted_name(table), column)
            if rows:
                facts = (("column", shown_name(column)),)
                yield Finding("D045", Fate.REFUSE, shown, rows=rows, facts=facts, persons=True)


#: Keys of persons have a code of their own (`person_keys`).
_ELSEWHERE: Final = (("tumours", "person_key"), ("snds_cases", "person_key"))


def _counts_or_codes(table: str, column: str) -> bool:
    """Tell whether a column of the contract counts something: population, events, days, person-years."""
    if table not in TABLES:
        return False
    kinds = {declared.name: declared.kind for declared in TABLES[table].columns}
    return kinds.get(column.lower(), "key") != "key"


def number_columns(tables: ExtractTables) -> Iterator[tuple[str, str, str, str]]:
    """Yield the columns of numbers that are wide enough: table, its shown name, column, kind of type."""
    for name, columns in tables.present.items():
        for stored in columns.values():
            kind = stored.type.split("(")[0]
            if kind in _WHOLE:
                yield name, name, stored.name, kind
    for name, others in tables.others:
        for stored in others:
            kind = stored.type.split("(")[0]
            if kind in _WHOLE:
                yield name, shown_name(name), stored.name, kind


def quoted_name(name: str) -> str:
    """Return a name of the file's own catalogue as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'
