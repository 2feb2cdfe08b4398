"""Cells by group of deprivation made by hand: rates that are known, counts that are exact or drawn.

Import it with ``from tests.deprivation_cells import cells_by_group``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from rnc_epi.cells.table import Cells
from rnc_epi.vocabulary.ages import BandSet
from rnc_epi.vocabulary.study_inequality import Inequality

KEYS = {
    "event_type": "incidence",
    "source": "registres",
    "site": "lung",
    "sex": 1,
    "geo_level": "france_hexagonale",
    "geo_code": "FRH",
    "geo_vintage": "cog2026",
    "period_from": 2016,
    "period_until": 2021,
    "stratum_type": "deprivation",
}


def asked(**keys: Any) -> Inequality:
    """Return a section of the study file."""
    return Inequality.model_validate({"index": "fdep", "vintage": "2015"} | keys)


def cells_by_group(
    strata: Iterable[Mapping[str, Any]], bands: BandSet, unknown_age: Iterable[int] | None = None
) -> Cells:
    """Return cells of strata given as ``KEYS`` to change plus ``stratum, events, person_years`` by band."""
    rows = [KEYS | dict(one) for one in strata]
    events = np.array([row.pop("events") for row in rows])
    person_years = np.array([row.pop("person_years") for row in rows], dtype=float)
    unknown = np.zeros(len(rows), dtype=int) if unknown_age is None else np.array(list(unknown_age))
    return Cells(pd.DataFrame(rows), bands, events, unknown, person_years)


def drawn_cells(
    ratio: float,
    rng: np.random.Generator | None,
    *,
    cases: float = 5_000,
    groups: int = 5,
    shares: Iterable[float] | None = None,
    **keys: Any,
) -> Cells:
    """Return cells whose rates multiply by `ratio` from the least to the most deprived end, over all ages.

    Counts are Poisson draws with `rng`, rounded expectations without.
    """
    bands = BandSet.five_year()
    ages = len(bands)
    share = np.full(groups, 1 / groups) if shares is None else np.array(list(shares))
    rank = np.cumsum(share) - share / 2
    years = 1e6 * share[:, None] * np.linspace(1.2, 0.3, ages)
    rate = np.exp(np.linspace(-11, -5, ages)) * ratio ** rank[:, None]
    mean = years * rate * (cases / (years * rate).sum())
    events = np.rint(mean).astype(int) if rng is None else rng.poisson(mean)
    return cells_by_group(
        [
            {"stratum": f"Q{g + 1}", "events": events[g], "person_years": years[g], **keys}
            for g in range(groups)
        ],
        bands,
    )


def row_of(results: pd.DataFrame, indicator: str, **keys: Any) -> pd.Series:
    """Return the one row of an indicator."""
    found = results[results["indicator"].eq(indicator)]
    for name, value in keys.items():
        found = found[found[name].eq(value)]
    assert len(found) == 1, f"{len(found)} rows of {indicator} {keys}"
    return found.iloc[0]
