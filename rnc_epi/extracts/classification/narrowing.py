"""The usable view of a table made narrower, or its rows replaced, without copying what stays.

The view as it was keeps its rows under another name; the name that other rooms read then shows what is left.
"""

from __future__ import annotations

import re
from typing import Final

from rnc_epi.extracts.contract_checks.tables import usable
from rnc_epi.store import Store
from rnc_epi.store.steps import require_identifier

_DEFINITION: Final = re.compile(
    r"^CREATE\s+.*?VIEW\s+\S+\s*(\([^)]*\))?\s*AS\s+(.*?);?\s*$", re.DOTALL | re.IGNORECASE
)


def leave_out(store: Store, table: str, key: str, apart: str, step: str) -> None:
    """Take the rows whose key stands in a temporary table out of the usable view of a table.

    Parameters
    ----------
    table : str
        A table of the contract.
    key : str
        A column that tells its rows apart, in both.
    apart : str
        Temporary table of the rows to leave out.
    step : str
        What takes them out; names the view as it was before.
    """
    before = keep_as_it_was(store, table, step)
    store.run_view(
        usable(table), f"SELECT * FROM {before} ANTI JOIN {require_identifier(apart)} USING ({key})"
    )


def keep_as_it_was(store: Store, table: str, step: str) -> str:
    """Keep the usable view of a table under the name that is returned, so that it can be replaced."""
    found = store.rows(
        "SELECT sql FROM duckdb_views() WHERE view_name = $name AND temporary", {"name": usable(table)}
    )
    definition = _DEFINITION.match(found[0][0]) if len(found) == 1 else None
    if definition is None:
        raise LookupError(f"no usable view of {table}")
    earlier = store.rows(
        "SELECT count(*) FROM duckdb_views() WHERE temporary AND starts_with(view_name, $name)",
        {"name": f"{table}_before_{step}"},
    )[0][0]
    before = require_identifier(f"{table}_before_{step}_{earlier + 1}")
    store.run_view(before, definition[2])
    return before
