"""Persons who exercised a right on their data: their rows are taken out before anything is counted.

The list is a file outside the extract, CSV in UTF-8 with the header ``person_key,kind,date``: the pseudonym
of the extract, ``opposition`` or ``rectification``, and the day of the request. An opposition always applies.
A rectification keeps the rows of a person aside as long as the extract is not newer than the request; a newer
one has been corrected at its origin. Cells carry no persons: their producer alone can take one out of them.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import pandas as pd

from rnc_epi.extracts.contract_checks.findings import Fate, Finding
from rnc_epi.extracts.contract_checks.identifiers import identifier_in_name, is_nir
from rnc_epi.extracts.contract_checks.rules import Rule
from rnc_epi.extracts.contract_checks.tables import CELL_TABLES, ROW_TABLES, ExtractTables
from rnc_epi.extracts.retention import day_of, stated_age
from rnc_epi.store import Store
from rnc_epi.vocabulary.contract import TABLES
from rnc_epi.vocabulary.errors import FileProblem, InputError

OPPOSITION, RECTIFICATION = "opposition", "rectification"
HEADER: Final = ("person_key", "kind", "date")
_CODES: Final = {OPPOSITION: "B024", RECTIFICATION: "B025"}
#: The contract takes no key that does not fit into 64 bits with a sign, whatever the type of its column.
_LOWEST, _LARGEST = -(2**63), 2**63 - 1


@dataclass(frozen=True)
class Request:
    """The request of one person: pseudonym, right, day."""

    person_key: int
    kind: str
    day: date


def read_requests(path: str | os.PathLike[str], *, today: date) -> tuple[Request, ...]:
    """Read a list of requests.

    Parameters
    ----------
    path : path
        CSV in UTF-8, separated by commas or semicolons, with the header ``person_key,kind,date``.
    today : date
        A request of a later day is a slip.

    Raises
    ------
    FileProblem
        B020, there is no such file; B008, its name identifies a person.
    InputError
        B021, a line that cannot be understood; B022, a key that is a social security number. The line is
        named, never what it holds.
    """
    file = Path(path)
    if (kind := identifier_in_name(file.name)) is not None:
        raise FileProblem("B008", found=kind)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError:
        raise FileProblem("B020", where=file.name) from None
    except UnicodeDecodeError:
        raise InputError("B021", where=file.name, line=1, expected="UTF-8") from None
    first = text.partition("\n")[0]
    lines: list[list[str]] = []
    try:
        lines.extend(csv.reader(io.StringIO(text), delimiter=";" if ";" in first else ","))
    except csv.Error:
        # A field without end, most often a quote that nothing closes.
        raise InputError("B021", where=file.name, line=len(lines) + 1, expected=",".join(HEADER)) from None
    if not lines or tuple(word.strip() for word in lines[0]) != HEADER:
        raise InputError("B021", where=file.name, line=1, expected=",".join(HEADER))
    return tuple(
        _request([word.strip() for word in line], number, file.name, today)
        for number, line in enumerate(lines[1:], start=2)
        if any(word.strip() for word in line)
    )


def _request(words: list[str], number: int, where: str, today: date) -> Request:
    def bad(expected: str) -> InputError:
        return InputError("B021", where=where, line=number, expected=expected)

    if len(words) != len(HEADER):
        raise bad(",".join(HEADER))
    key, kind, stated = words
    # Without its key a number of 13 digits may be a pseudonym.
    if len(key) > 13 and is_nir(key):
        raise InputError("B022", where=where, line=number)
    if not re.fullmatch(r"-?[0-9]{1,19}", key) or not _LOWEST <= int(key) <= _LARGEST:
        raise bad("person_key")
    if kind not in _CODES:
        raise bad(f"{OPPOSITION}, {RECTIFICATION}")
    day = day_of(stated)
    if day is None or day > today:
        raise bad("AAAA-MM-JJ / YYYY-MM-DD")
    return Request(int(key), kind, day)


@dataclass(frozen=True)
class Opposed:
    """What a list of requests takes out of one extract.

    Attributes
    ----------
    rules : tuple of Rule
        To be tried before the others: a row taken out is not judged further.
    without : dict of table to SQL condition
        For the hash of what remains.
    opposed : dict of table to SQL condition
        The same of oppositions alone, where there are rectifications too.
    """

    rules: tuple[Rule, ...]
    without: dict[str, str]
    opposed: dict[str, str]


def prepare_requests(store: Store, tables: ExtractTables, requests: tuple[Request, ...]) -> Opposed:
    """Keep the keys of the persons to be taken out, and return the rules that do it."""
    created = day_of((stated_age(store.path) or (None, None))[0])
    kinds: dict[int, str] = {}
    for request in requests:
        if request.kind == OPPOSITION:
            kinds[request.person_key] = OPPOSITION
        elif created is None or created <= request.day:
            kinds.setdefault(request.person_key, RECTIFICATION)
    if not kinds:
        return Opposed((), {}, {})
    _keep_persons_and_tumours(store, tables, kinds)
    rules, without, opposed = [], {}, {}
    for table in tables.present:
        if "person_key" not in TABLES[table].column_names:
            continue
        for kind in (OPPOSITION, RECTIFICATION):
            rules.append(Rule(_CODES[kind], table, Fate.EXCLUDE, _of_kinds(table, kind), named=kind))
        without[table] = _of_kinds(table, OPPOSITION, RECTIFICATION)
        if RECTIFICATION in kinds.values():
            opposed[table] = _of_kinds(table, OPPOSITION)
    return Opposed(tuple(rules), without, opposed)


#: The column of a table that names a tumour: a person who is known in one table only is known by it too.
_TUMOUR_OF: Final = {"tumours": "tumour_key", "snds_cases": "linked_tumour_key"}


def _keep_persons_and_tumours(store: Store, tables: ExtractTables, kinds: dict[int, str]) -> None:
    """Keep the persons of a list and their tumours, by their keys or by the cases that are linked to them.

    A person may be known under one key to the registry and under another to the SNDS: the link of one case
    to one tumour says that they are the same, so that all that stands under either is hers. Keys are compared
    as text, whatever the width of the numbers in each table.
    """
    frame = pd.DataFrame(
        {"person": [str(key) for key in kinds], "kind": list(kinds.values())}, dtype=pd.StringDtype()
    )
    store.keep("opposed_persons", frame.sort_values(["person", "kind"], ignore_index=True))
    named = [(table, tumour) for table, tumour in _TUMOUR_OF.items() if table in tables.present]
    size = 0
    while True:
        store.run("opposed_tumours", _reached("tumour", "person", "opposed_persons", named, tables))
        ((found,),) = store.rows("SELECT count(*) FROM opposed_persons")
        if found == size:
            return
        size = found
        more = _reached("person", "tumour", "opposed_tumours", named, tables)
        store.run("opposed_more", f"SELECT person, kind FROM opposed_persons UNION ({more})")
        store.run("opposed_persons", "SELECT person, kind FROM opposed_more")


def _reached(what: str, by: str, known: str, named: list[tuple[str, str]], tables: ExtractTables) -> str:
    """Return the SELECT of the tumours of known persons, or of the persons of known tumours."""
    parts = [f"SELECT NULL::VARCHAR AS {what}, NULL::VARCHAR AS kind WHERE false"]
    for table, tumour in named:
        keys = {"person": "CAST(t.person_key AS VARCHAR)", "tumour": f"CAST(t.{tumour} AS VARCHAR)"}
        parts.append(
            f"SELECT {keys[what]} AS {what}, k.kind FROM {tables.qualified(table)} AS t "
            f"JOIN {known} AS k ON k.{by} = {keys[by]} WHERE {keys[what]} IS NOT NULL"
        )
    return "\nUNION\n".join(parts)


def _of_kinds(table: str, *kinds: str) -> str:
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    return (
        f"(CAST(person_key AS VARCHAR) IN (SELECT person FROM opposed_persons WHERE kind IN ({listed})) "
        f"OR CAST({_TUMOUR_OF[table]} AS VARCHAR) IN "
        f"(SELECT tumour FROM opposed_tumours WHERE kind IN ({listed})))"
    )


def tables_without_persons(
    store: Store, tables: ExtractTables, requests: tuple[Request, ...]
) -> Iterator[Finding]:
    """Find tables of events that a list of persons cannot be applied to (B026)."""
    if not requests:
        return
    for table in (*ROW_TABLES, *CELL_TABLES):
        if table in tables.present and "person_key" not in TABLES[table].column_names:
            ((rows,),) = store.rows(f"SELECT count(*) FROM {tables.qualified(table)}")
            if rows:
                yield Finding("B026", Fate.WARN, table)
