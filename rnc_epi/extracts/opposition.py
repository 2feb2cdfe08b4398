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
_LARGEST: Final = 2**63 - 1


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
    lines = list(csv.reader(io.StringIO(text), delimiter=";" if ";" in first else ","))
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
    if not re.fullmatch(r"-?[0-9]{1,19}", key) or abs(int(key)) > _LARGEST:
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
    frame = pd.DataFrame({"person_key": list(kinds), "kind": list(kinds.values())})
    store.keep("opposed_persons", frame)
    store.run("opposed_tumours", _tumours_of_persons(tables))
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


def _tumours_of_persons(tables: ExtractTables) -> str:
    """Return the SELECT of the tumours of these persons, by their key or by the cases that are linked."""
    parts = [
        f"SELECT TRY_CAST(t.{tumour} AS HUGEINT) AS tumour, o.kind FROM {tables.qualified(table)} AS t "
        f"JOIN opposed_persons AS o ON o.person_key = t.person_key WHERE t.{tumour} IS NOT NULL"
        for table, tumour in _TUMOUR_OF.items()
        if table in tables.present
    ]
    empty = "SELECT NULL::HUGEINT AS tumour, NULL::VARCHAR AS kind WHERE false"
    return "\nUNION\n".join([empty, *parts])


def _of_kinds(table: str, *kinds: str) -> str:
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    return (
        f"(person_key IN (SELECT person_key FROM opposed_persons WHERE kind IN ({listed})) "
        f"OR {_TUMOUR_OF[table]} IN (SELECT tumour FROM opposed_tumours WHERE kind IN ({listed})))"
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
