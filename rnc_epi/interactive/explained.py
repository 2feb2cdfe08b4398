"""A result table that can say how it was made."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import pandas as pd

from rnc_epi.indicators import league
from rnc_epi.vocabulary.schemas import RESULT_COLUMNS


@dataclass(frozen=True)
class Indicators:
    """A result table with what it takes to read it.

    Parameters
    ----------
    table : DataFrame
        The one result table, or that of a verb which has columns of its own.
    formula, source, exclusions, denominators : str
        What `explain` says.
    """

    table: pd.DataFrame
    formula: str
    source: str
    exclusions: str
    denominators: str

    def to_frame(self) -> pd.DataFrame:
        """Return the result table."""
        return self.table

    def explain(self) -> str:
        """Return the formula, its source, what was excluded, and which person-years were used."""
        return "\n".join(
            (
                f"Formula       {self.formula}",
                f"Source        {self.source}",
                f"Exclusions    {self.exclusions}",
                f"Denominators  {self.denominators}",
            )
        )

    def reliability(self, *, least_events: float = 10, most_rse: float = 30) -> pd.DataFrame:
        """Return the table with the relative standard error and whether each figure is reliable."""
        return league.reliability(self.table, least_events=least_events, most_rse=most_rse)

    def __len__(self) -> int:
        return len(self.table)

    def _repr_html_(self) -> str:
        shown = [
            "site",
            "sex",
            "geo_level",
            "geo_code",
            "period_from",
            "period_until",
            "age_from",
            "age_until",
        ]
        shown += ["indicator", "value", "lower", "upper", "events", "person_years", "status"]
        own = [name for name in self.table.columns if name not in RESULT_COLUMNS]
        here = [name for name in shown if name in self.table.columns] + own
        varying = [name for name in here if name == "value" or len(self.table[name].drop_duplicates()) > 1]
        caption = f"<p>{escape(self.formula)} — full figures, internal zone.</p>"
        return caption + str(self.table[varying].head(60).to_html(index=False, na_rep="—"))
