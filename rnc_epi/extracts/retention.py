"""How long an extract may be kept: 24 months where it identifies persons, 20 years where it is pseudonymised.

The day on which it was made and its kind are stated in ``EXTRACT.json`` beside it, as ``created``
(``"2026-05-06"``) and ``kind`` (``"identifying"`` or ``"pseudonymised"``); without a kind the shorter term
holds. An extract without rows of persons, or whose persons are all synthetic, has no term.
"""

from __future__ import annotations

import calendar
import json
from collections.abc import Iterator
from datetime import MAXYEAR, date
from pathlib import Path
from typing import Any, Final

from rnc_epi.extracts.contract_checks.findings import Fate, Finding
from rnc_epi.extracts.contract_checks.tables import ROW_TABLES, ExtractTables
from rnc_epi.extracts.fingerprint import MANIFEST_NAME
from rnc_epi.store import Store

#: Months that an extract of each kind may be kept.
TERMS: Final = {"identifying": 24, "pseudonymised": 240}
STRICTEST: Final = "identifying"


def last_day(created: date, kind: str) -> date:
    """Return the last day on which an extract may be used.

    Examples
    --------
    >>> from datetime import date
    >>> last_day(date(2024, 2, 29), "identifying"), last_day(date(2024, 11, 22), "pseudonymised")
    (datetime.date(2026, 2, 28), datetime.date(2044, 11, 22))
    """
    months = created.year * 12 + created.month - 1 + TERMS[kind]
    year, month = divmod(months, 12)
    if year > MAXYEAR:
        return date.max
    # The same day of the month, or its last where the month is shorter.
    return date(year, month + 1, min(created.day, calendar.monthrange(year, month + 1)[1]))


def stated_age(extract: Path) -> tuple[object, object] | None:
    """Return what ``EXTRACT.json`` says of the day and the kind of an extract; None where it says nothing."""
    try:
        stated: Any = json.loads(extract.with_name(MANIFEST_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        # Absent, or not to be read: the check of the manifest says so.
        return None
    if not isinstance(stated, dict) or stated.get("file", extract.name) != extract.name:
        return None
    return (stated.get("created"), stated.get("kind")) if "created" in stated or "kind" in stated else None


def within_term(store: Store, tables: ExtractTables, today: date) -> Iterator[Finding]:
    """Find an extract that is kept for too long (B010), or that does not say how old it is (B011 to B013).

    Parameters
    ----------
    today : date
        The day of the examination.
    """
    if not _has_term(store, tables):
        return
    stated = stated_age(store.path)
    if stated is None:
        yield Finding("B011", Fate.WARN, facts=(("where", MANIFEST_NAME),))
        return
    created, kind = day_of(stated[0]), STRICTEST if stated[1] is None else stated[1]
    if created is None or not isinstance(kind, str) or kind not in TERMS:
        yield Finding("B012", Fate.REFUSE, facts=(("where", MANIFEST_NAME), ("expected", ", ".join(TERMS))))
    elif created > today:
        yield Finding("B013", Fate.REFUSE, facts=(("where", MANIFEST_NAME), ("found", created.isoformat())))
    elif today > (end := last_day(created, kind)):
        yield Finding(
            "B010",
            Fate.REFUSE,
            facts=(("found", created.isoformat()), ("kind", kind), ("expected", end.isoformat())),
        )


def day_of(stated: object) -> date | None:
    """Return the day that a text states as ``YYYY-MM-DD``; None if it states none."""
    # The strict form alone: 2026-05-06, not the week or the ordinal date that Python would also read.
    if not isinstance(stated, str) or len(stated) != 10:
        return None
    try:
        day = date.fromisoformat(stated)
    except ValueError:
        return None
    return day if day.isoformat() == stated else None


def _has_term(store: Store, tables: ExtractTables) -> bool:
    rows = " UNION ALL ".join(
        f"SELECT DISTINCT source FROM {tables.qualified(name)}"
        for name in ROW_TABLES
        if name in tables.present
    )
    if not rows:
        return False
    synthetic = f"SELECT source FROM {tables.qualified('sources')} WHERE synthetic"
    ((real,),) = store.rows(
        f"SELECT count(*) FROM ({rows}) AS held ANTI JOIN ({synthetic}) AS made ON made.source = held.source"
    )
    return bool(real)
