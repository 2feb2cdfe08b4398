"""What disclosure control did, in figures; for the internal zone, never for the public one."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from rnc_epi.disclosure.audit import Audit


@dataclass(frozen=True)
class ProtectionReport:
    """The account of one protection; internal.

    Parameters
    ----------
    rows : int
        Rows handed in.
    left_out_by_plan : dict
        Rows that the publication plan does not allow, by reason.
    withheld_rows : int
        Rows of blocks that would be mostly hidden.
    withheld_blocks : tuple of str
        Which blocks, in words.
    published_rows, hidden_rows, not_estimable_rows : int
    rows_by_reason : dict
        Hidden rows by internal reason: ``primary``, ``secondary``, ``caveat``.
    cells, small_cells, remainders : int
        Counts of persons behind the rows; those protected for themselves; protected remainders of parents.
    safe_cells, safe_cells_lost : int
        Non-zero counts at or above the threshold that the plan allows, and those of them not published.
    loss : float
        ``safe_cells_lost / safe_cells``.
    events_visible : float
        Share of the events of these cells, each cell counted by itself, that stays visible.
    totals, totals_hidden : int
        National totals over all ages, and regional ones over the longest period, at or above the threshold;
        those hidden because no other choice protects a small count beside them.
    equations, contradictory_sums : int
    programmes : int
        Linear programmes solved.
    audit : Audit
    """

    rows: int
    left_out_by_plan: dict[str, int]
    withheld_rows: int
    withheld_blocks: tuple[str, ...]
    published_rows: int
    hidden_rows: int
    not_estimable_rows: int
    rows_by_reason: dict[str, int]
    cells: int
    small_cells: int
    remainders: int
    safe_cells: int
    safe_cells_lost: int
    loss: float
    events_visible: float
    totals: int
    totals_hidden: int
    equations: int
    contradictory_sums: int
    programmes: int
    audit: Audit

    def as_dict(self) -> dict[str, Any]:
        """Return the report in a form that JSON holds."""
        return dataclasses.asdict(self)
