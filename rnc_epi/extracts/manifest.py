"""EXTRACT.json beside the file: rows of each table and hash of the content, compared where it is present."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from rnc_epi.extracts.contract_checks.findings import Fate, Finding, shown_name
from rnc_epi.extracts.contract_checks.tables import ExtractTables
from rnc_epi.extracts.fingerprint import MANIFEST_NAME, MANIFEST_SCHEMA, content_hash, table_rows
from rnc_epi.store import Store

#: What says until when the extract may be used, and nothing of its content.
_TERM: Final = frozenset({"file", "created", "kind"})


def manifest_agrees(store: Store, tables: ExtractTables) -> Iterator[Finding]:
    """Find differences between the file and its EXTRACT.json (D005, D126, D138)."""
    file = store.path.with_name(MANIFEST_NAME)
    if not file.is_file():
        return
    try:
        stated = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(stated, dict) and "created" in stated and set(stated) <= _TERM:
            # Written by hand for the term of retention alone, as B011 says: there is nothing to compare.
            return
        rows, expected = stated["rows"], stated["content_sha256"]
        understood = (
            stated["schema"] == MANIFEST_SCHEMA and isinstance(rows, dict) and isinstance(expected, str)
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        understood = False
    if not understood:
        yield Finding("D138", Fate.REFUSE, facts=(("where", MANIFEST_NAME),))
        return
    if stated.get("file", store.path.name) != store.path.name:
        yield Finding("D126", Fate.WARN)
        return
    found = table_rows(store)
    differing = sorted(name for name in {*rows, *found} if rows.get(name) != found.get(name))
    for name in differing:
        yield _differs("rows", shown_name(name))
    if not differing and content_hash(store) != expected:
        yield _differs("content_sha256", store.path.name)


def _differs(what: str, where: str) -> Finding:
    return Finding("D005", Fate.REFUSE, facts=(("found", what), ("where", where)))
