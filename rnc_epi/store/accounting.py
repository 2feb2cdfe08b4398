"""What became of every row: used, excluded for a stated reason, or quarantined; never lost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import pandas as pd

from rnc_epi.vocabulary.errors import ExtractRefused

FATES: Final = ("used", "excluded", "quarantined")
_COLUMNS: Final = ("table_name", "source", "step", "fate", "reason", "rows", "events")


@dataclass
class RowAccounting:
    """A ledger of rows and of the events that they carry, by table, source and step.

    Examples
    --------
    >>> ledger = RowAccounting()
    >>> ledger.record("tumours", "registres", "contract", "used", "_", rows=98, events=98)
    >>> ledger.record("tumours", "registres", "contract", "quarantined", "D048", rows=2, events=2)
    >>> ledger.require_conserved("tumours", "registres", "contract", rows_in=100, events_in=100)
    >>> int(ledger.frame()["rows"].sum())
    100
    """

    _lines: list[tuple[str, str, str, str, str, int, int]] = field(default_factory=list)

    def record(
        self, table_name: str, source: str, step: str, fate: str, reason: str, *, rows: int, events: int
    ) -> None:
        """Add a line; `reason` is a code, ``"_"`` for rows that are used."""
        if fate not in FATES:
            raise ValueError(f"fate {fate} is none of {FATES}")
        self._lines.append((table_name, source, step, fate, reason, int(rows), int(events)))

    def require_conserved(
        self, table_name: str, source: str, step: str, *, rows_in: int, events_in: int
    ) -> None:
        """Raise unless rows and events that entered a step equal those that it accounts for.

        Raises
        ------
        ExtractRefused
            D130, with the table and the step. It means a fault of the package, never of the data, and
            stops the study all the same.
        """
        mine = [line for line in self._lines if line[:3] == (table_name, source, step)]
        rows, events = sum(line[5] for line in mine), sum(line[6] for line in mine)
        if (rows, events) != (rows_in, events_in):
            raise ExtractRefused("D130", table=table_name, where=step, expected=rows_in, found=rows)

    def frame(self) -> pd.DataFrame:
        """Return the ledger, one line per table, source, step, fate and reason, in a total order."""
        table = pd.DataFrame(self._lines, columns=list(_COLUMNS))
        for name in _COLUMNS:
            table[name] = table[name].astype("Int64" if name in ("rows", "events") else "str")
        keys = list(_COLUMNS[:5])
        return table.groupby(keys, as_index=False, sort=True)[["rows", "events"]].sum()
