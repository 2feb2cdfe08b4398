"""A6 and A10: areas of two editions of codes, and shares or ranks beside a hidden count."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

from rnc_epi.attack.published import Place, Published
from rnc_epi.attack.report import Finding
from rnc_epi.vocabulary.schemas import NOT_APPLICABLE, PUBLISHED

if TYPE_CHECKING:
    import pandas as pd

_SHARES: Final = {"percent": 100.0, "proportion": 1.0}
_EVERYONE: Final = (NOT_APPLICABLE, NOT_APPLICABLE)


def by_editions_of_codes(cells: Published) -> Iterator[Finding]:
    """A6: an area before and after its limits moved differs by the persons of what moved."""
    groups: dict[Place, list[int]] = defaultdict(list)
    for cell, place in enumerate(cells.places):
        groups[place._replace(area=(*place.area[:2], ""))].append(cell)
    for alike in groups.values():
        shown = [cell for cell in alike if cells.known[cell] == cells.known[cell]]
        for first, second in ((a, b) for a in shown for b in shown if a < b):
            apart = abs(cells.known[first] - cells.known[second])
            if 0 < apart < max(cells.threshold[first], cells.threshold[second]):
                yield Finding("A6", f"two editions of {cells.places[first].words()}", apart, apart)


def by_shares(table: pd.DataFrame, cells: Published) -> Iterator[Finding]:
    """A10: a share of a published total, or a rank, of a cell whose count is hidden."""
    at = {place: cell for cell, place in enumerate(cells.places)}
    said = table["status"].eq(PUBLISHED) & table["value"].notna()
    shares = said & table["measure_unit"].isin(_SHARES)
    ranks = said & table["indicator"].str.contains("rank|quantile|decile", regex=True)
    for row in np.flatnonzero((shares | ranks).to_numpy(bool)).tolist():
        cell = int(cells.place_of_row[row])
        place, threshold = cells.places[cell], cells.threshold[cell]
        if cells.known[cell] == cells.known[cell] or threshold <= 0:
            continue
        if ranks.iloc[row]:
            yield Finding("A10", f"rank of {place.words()}", 0.0, float("inf"))
            continue
        whole = cells.known[at[place._replace(stratum=_EVERYONE)]] if _whole_is_there(place, at) else np.nan
        value, unit = float(table["value"].iloc[row]), _SHARES[str(table["measure_unit"].iloc[row])]
        tried = np.arange(1.0, threshold)
        # As many digits as are written: a tenth of a percent, a thousandth.
        fits = tried[np.abs(tried / whole * unit - value) <= 0.5 * unit / 1000.0 + 1e-9]
        if len(fits) == 1:
            yield Finding("A10", f"share of {place.words()}", float(fits[0]), float(fits[0]))


def _whole_is_there(place: Place, at: dict[Place, int]) -> bool:
    return place.stratum != _EVERYONE and place._replace(stratum=_EVERYONE) in at
