"""Numbers that are an identifier are told from pseudonyms, counters and hashes that look alike by chance."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from rnc_epi.extracts.contract_checks.identifiers import numbers_of_persons, texts_of_persons
from rnc_epi.extracts.contract_checks.identifiers.lookalikes import (
    CHANCE_OF_CORSICA,
    CHANCE_OF_DATE,
    CHANCE_OF_DATE_IN_DIGITS,
    CHANCE_OF_TELEPHONE,
)
from rnc_epi.extracts.contract_checks.tables import ExtractTables
from rnc_epi.store import open_locked

ONE_THREAD = {"threads": 1, "memory_limit": "500MB"}

#: A NIR for each i: years, months, départements and orders that vary, without its key.
_OF_I = "((1 + i % 2) * 1000000000000 + (i * 37 % 100) * 10000000000 + (1 + i % 12) * 100000000 + " \
        "(1 + i * 7 % 95) * 1000000 + (i * 911 % 1000000))"  # fmt: skip
_KEYED = f"({_OF_I} * 100 + 97 - {_OF_I} % 97)"


IDENTIFYING = [
    (_OF_I, "B001"),
    (_KEYED, "B001"),
    (f"CASE WHEN i = 7 THEN {_KEYED} ELSE i END", "B001"),
    (f"CASE WHEN i = 7 THEN {_OF_I} ELSE i END", "B001"),
    (f"CAST({_KEYED} AS DOUBLE)", "B001"),
    (f"CAST({_KEYED} AS HUGEINT)", "B001"),
    (f"CAST({_KEYED} AS VARCHAR)", "B001"),
    (f"CASE WHEN i = 7 THEN {_KEYED} ELSE 10000000000000000 + hash(i) % 10000000000 END", "B001"),
    # Given for a time: known by the key, or by their number.
    (f"({_OF_I} + 6000000000000) * 100 + 97 - ({_OF_I} + 6000000000000) % 97", "B001"),
    (f"{_OF_I} + 6000000000000", "B001"),
    # Months that are not known.
    (f"({_OF_I} + 3000000000) * 100 + 97 - ({_OF_I} + 3000000000) % 97", "B001"),
    ("(1920 + i % 80) * 10000 + (1 + i % 12) * 100 + 1 + i % 28", "D045"),
    ("(1 + i % 28) * 1000000 + (1 + i % 12) * 10000 + 1920 + i % 80", "D045"),
    ("DATE '1920-01-01' + INTEGER '37' * CAST(i AS INTEGER)", "D045"),
    ("TIMESTAMP '1955-08-31 23:00:00'", "D045"),
]  # fmt: skip
HARMLESS = [
    "i",
    "CAST(hash(i) AS UBIGINT)",
    "CAST(hash(i) >> 1 AS BIGINT)",
    "1000000000000 + hash(i) % 9000000000000",
    "100000000000000 + hash(i) % 900000000000000",
    # Counters of 13 digits that begin like a NIR: thousands born in one month and département.
    "2550814000000 + i",
    "7550814000000 + i",
    # A counter of 15 digits whose beginning has the form: one in a hundred verifies, by chance.
    "255081416800000 + i",
    "20160000 + i",
    # A year and a counter from 100: more than half of them are days too.
    "(1990 + i % 30) * 10000 + 100 + i % 55",
    "1950 * 10000 + i * 3",
    "19000000 + i * 997",
    "CAST(hash(i) % 100000000 AS INTEGER)",
    "i / 7.0",
    "CAST('nan' AS DOUBLE)",
]


@pytest.fixture(scope="module")
def codes_of_numbers(tmp_path_factory) -> dict[str, set[str]]:
    """Return the codes for each column of numbers, each in a table of its own."""
    path = tmp_path_factory.mktemp("numbers") / "x.duckdb"
    with duckdb.connect(str(path)) as writer:
        writer.execute("SET threads = 1")
        for number, (expression, _) in enumerate(IDENTIFYING):
            writer.execute(
                f"CREATE TABLE bad_{number} AS SELECT {expression} AS k FROM range(1, 401) AS r(i)"
            )
        for number, expression in enumerate(HARMLESS):
            writer.execute(
                f"CREATE TABLE good_{number} AS SELECT {expression} AS k FROM range(1, 1501) AS r(i)"
            )
    codes: dict[str, set[str]] = {}
    with open_locked(path, **ONE_THREAD) as store:
        tables = ExtractTables.of(store)
        for check in (texts_of_persons, numbers_of_persons):
            for finding in check(store, tables):
                codes.setdefault(finding.table, set()).add(finding.code)
    return codes


@pytest.mark.parametrize("number", range(len(IDENTIFYING)))
def test_numbers_that_are_social_security_numbers_or_dates_are_found(number, codes_of_numbers):
    assert codes_of_numbers.get(f"bad_{number}") == {IDENTIFYING[number][1]}


@pytest.mark.parametrize("number", range(len(HARMLESS)))
def test_counters_and_random_keys_are_taken_for_none(number, codes_of_numbers):
    assert f"good_{number}" not in codes_of_numbers


# Columns of hashes and codes, as text

_HEX = "sha256('s' || i)"
_BASE64 = f"to_base64(unhex({_HEX}))"
_OF_URLS = f"replace(replace({_BASE64}, '+', '-'), '/', '_')"
HASHES = {
    **{f"hex_{width}": f"substr({_HEX}, 1, {width})" for width in (8, 10, 13, 15, 16, 32, 64)},
    "upper_13": f"upper(substr({_HEX}, 1, 13))",
    "hex_without_zeros": f"ltrim(substr({_HEX}, 1, 16), '0')",
    "letter_and_hex": f"concat('P', substr({_HEX}, 1, 15))",
    **{f"base64_{width}": f"substr({_BASE64}, 1, {width})" for width in (10, 22, 44)},
    **{f"url_{width}": f"substr({_OF_URLS}, 1, {width})" for width in (8, 22, 43)},
    "uuid": f"regexp_replace(substr({_HEX}, 1, 32), '(.{{8}})(.{{4}})(.{{4}})(.{{4}})', '\\1-\\2-\\3-\\4-')",
    "decimal_hash": "CAST(hash('s' || i) >> 1 AS VARCHAR)",
    **{f"digits_{width}": f"lpad(CAST(hash('s' || i) % {10**width} AS VARCHAR), {width}, '0')"
       for width in (8, 10, 13, 15)},
    "counter_10": "lpad(CAST(i AS VARCHAR), 10, '0')",
    # Numbers that run on past the first telephone, so that thousands have the form of one.
    "spaced_10": "lpad(CAST(i * 15013 AS VARCHAR), 10, '0')",
    "year_and_counter": "concat(1990 + i % 30, lpad(CAST(i % 10000 AS VARCHAR), 4, '0'))",
}  # fmt: skip
#: One of each identifier, and the columns in which it is one among many that look like it by chance.
PLANTED = {
    "255081416802538": {"hex_15", "digits_15", "decimal_hash"},
    "2550814168025": {"hex_13", "upper_13", "digits_13", "decimal_hash"},
    "255082A16802597": set(),
    "255082A168025": {"hex_13", "upper_13"},
    "2 55 08 14 168 025 38": set(),
    "NIR:255081416802538 vu": set(),
    "j.dupont@chu.fr": set(),
    "0612345678": {"hex_10", "digits_10", "spaced_10"},
    "06 12 34 56 78": set(),
    "31/08/1955": set(),
    "19550831": {"hex_8", "digits_8", "year_and_counter"},
    "12 rue des Lilas": set(),
    "IPP 8001234567": set(),
    "Mme Dupont": set(),
}


def _codes(path: Path, columns: dict[str, str], rows: int) -> dict[str, set[str]]:
    with duckdb.connect(str(path)) as writer:
        writer.execute("SET threads = 1")
        for name, expression in columns.items():
            writer.execute(f"CREATE TABLE {name} AS SELECT {expression} AS k FROM range({rows}) AS r(i)")
    codes: dict[str, set[str]] = {name: set() for name in columns}
    with open_locked(path, **ONE_THREAD) as store:
        for finding in texts_of_persons(store, ExtractTables.of(store)):
            codes[finding.table].add(finding.code)
    return codes


def test_columns_of_hashes_and_codes_hold_no_identifier(tmp_path):
    codes = _codes(tmp_path / "x.duckdb", HASHES, 20_000)
    assert codes == {name: set() for name in HASHES}


@pytest.mark.slow
@pytest.mark.parametrize("salt", ["a", "b", "c"])
def test_two_hundred_thousand_hashes_of_every_width_hold_no_identifier(salt, tmp_path):
    salted = {name: text.replace("'s' ||", f"'{salt}' ||") for name, text in HASHES.items()}
    codes = _codes(tmp_path / "x.duckdb", salted, 200_000)
    assert codes == {name: set() for name in HASHES}


FAST = ("hex_16", "uuid", "counter_10")


def _planted(names: tuple[str, ...]) -> dict[str, str]:
    return {
        f"{name}__{number}": f"CASE WHEN i = 77 THEN '{text}' ELSE {HASHES[name]} END"
        for name in names
        for number, text in enumerate(PLANTED)
    }


def _require_found(codes: dict[str, set[str]]) -> None:
    for column, found in codes.items():
        name, _, number = column.partition("__")
        text, hidden = list(PLANTED.items())[int(number)]
        assert bool(found) == (name not in hidden), (name, text)


def test_one_identifier_among_hashes_is_found(tmp_path):
    _require_found(_codes(tmp_path / "x.duckdb", _planted(FAST), 5_000))


def test_hashes_without_a_letter_hide_no_number_of_another_length(tmp_path):
    # 65 of 120 000 hashes of sixteen characters have no letter by chance, 59 of them no leading zero. As
    # numbers of any length they would imply 0.06 of thirteen digits, and 0.0015 with the form of a NIR.
    planted = f"CASE WHEN i = 77 THEN '2550814168025' ELSE {HASHES['hex_16']} END"
    assert _codes(tmp_path / "x.duckdb", {"hashes": planted}, 120_000) == {"hashes": {"B001"}}


def test_a_number_alone_is_judged_apart_from_pieces_and_letters_beyond_f_hide_none(tmp_path):
    # 200 000 identifiers in five pieces hold some ten dates among their first pieces, and none by itself.
    # Of as many texts of eight letters of 64, six are hexadecimal by chance, and none of these is a date.
    columns = {
        name: f"CASE WHEN i = 77 THEN '19550831' ELSE {HASHES[name]} END" for name in ("uuid", "url_8")
    }
    codes = _codes(tmp_path / "x.duckdb", columns, 200_000)
    assert codes == {"uuid": {"D045"}, "url_8": {"D045"}}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(HASHES))
def test_one_identifier_among_two_hundred_thousand_is_found_but_where_chance_makes_others(name, tmp_path):
    _require_found(_codes(tmp_path / "x.duckdb", _planted((name,)), 200_000))


def test_many_telephones_or_dates_among_hashes_of_their_length_are_beyond_chance(tmp_path):
    # 20 000 hashes give 16 telephones and one date by chance: a hundred more are none of it.
    columns = {
        "telephones": f"CASE WHEN i < 100 THEN concat('06', 10000000 + i * 7919) ELSE {HASHES['hex_10']} END",
        "dates": f"CASE WHEN i < 100 THEN CAST(19200101 + i * 10000 AS VARCHAR) ELSE {HASHES['hex_8']} END",
    }
    assert _codes(tmp_path / "x.duckdb", columns, 20_000) == {"telephones": {"B003"}, "dates": {"D045"}}


def test_the_chances_are_those_of_the_forms():
    # Counted by hand: 16 hexadecimal digits, 10 of them decimal; two centuries and a half are not asked.
    assert pytest.approx(9 / 256 * (5 / 8) ** 8) == CHANCE_OF_TELEPHONE
    assert pytest.approx(1 / 8 * (5 / 8) ** 8 * 3 / 64 / 128) == CHANCE_OF_CORSICA
    # 1800 to 2099, twelve months, 31 days, at either end: 2 x 300 x 372 of ten (of sixteen) to the eighth.
    assert pytest.approx(2 * 300 * 372 / 10**8) == CHANCE_OF_DATE_IN_DIGITS
    assert pytest.approx(2 * 300 * 372 / 16**8) == CHANCE_OF_DATE


def test_a_title_before_an_underscore_names_no_one_in_a_column_but_does_in_a_name(tmp_path):
    assert _codes(tmp_path / "x.duckdb", {"hashes": "'Mr_XabQ7-' || i"}, 3) == {"hashes": set()}
