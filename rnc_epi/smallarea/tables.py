"""The tables that the room gives back, and how they fill map by map."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import pandas as pd

from rnc_epi.vocabulary.schemas import as_result

#: Draws are made of a map at most so many at once: those of the communes are fewer, and diagnostics say it.
MOST_NUMBERS: Final = 5_000_000
FEWEST_DRAWS: Final = 200


def number_of_draws(asked: int, rows: int) -> int:
    """Return how many draws are made of a map of so many rows."""
    return min(asked, max(FEWEST_DRAWS, MOST_NUMBERS // rows))


@dataclass(frozen=True, eq=False)
class SmallAreaTables:
    """What the room gives back.

    Attributes
    ----------
    results : DataFrame
        In the form of the one result table: three rows an area of each map.
    diagnostics : DataFrame
        One row a map and period: what it holds, whether it was fitted and how well, how much it varies,
        Moran's I.
    parameters : DataFrame
        Hyperparameters and coefficients of each map.
    ranks : DataFrame
        Rank of each area, with limits (internal).
    local : DataFrame
        Local Moran coefficients (internal).
    clusters : DataFrame
        Circular clusters (internal).
    factors : DataFrame
        Factor by which each area of the level above moved its parts.
    """

    results: pd.DataFrame
    diagnostics: pd.DataFrame
    parameters: pd.DataFrame
    ranks: pd.DataFrame
    local: pd.DataFrame
    clusters: pd.DataFrame
    factors: pd.DataFrame


@dataclass(eq=False)
class Found:
    """Tables in the making, map by map."""

    results: list[pd.DataFrame] = field(default_factory=list)
    diagnostics: list[dict[str, Any]] = field(default_factory=list)
    parameters: list[pd.DataFrame] = field(default_factory=list)
    ranks: list[pd.DataFrame] = field(default_factory=list)
    local: list[pd.DataFrame] = field(default_factory=list)
    clusters: list[pd.DataFrame] = field(default_factory=list)
    factors: list[pd.DataFrame] = field(default_factory=list)

    def tables(self) -> SmallAreaTables:
        """Return what was found, each kind as one table."""

        def whole(parts: list[pd.DataFrame]) -> pd.DataFrame:
            filled = [part for part in parts if len(part)]
            return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame()

        return SmallAreaTables(
            as_result(whole(self.results)),
            pd.DataFrame(self.diagnostics),
            *(whole(getattr(self, name)) for name in ("parameters", "ranks", "local", "clusters", "factors")),
        )
