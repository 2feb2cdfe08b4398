"""Standardised incidence and mortality ratios: an area against the widest area that holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rnc_epi.indicators.rows import NOTHING_EXPECTED, UNIT_RATIO, result_rows
from rnc_epi.maths.standardise import indirectly_standardised_ratio
from rnc_epi.vocabulary.areas import NATIONAL_LEVELS, POOLED_REGISTRIES, AreaKey

if TYPE_CHECKING:
    from rnc_epi.cells.table import Cells

#: Keys under which an area and its reference must agree.
_SAME = ["event_type", "site", "sex", "period_from", "period_until"]


def reference_areas(cells: Cells) -> list[AreaKey]:
    """Return the areas that may serve as a reference, first choice first: the nation, else the registries."""
    areas = cells.strata[["geo_level", "geo_code", "geo_vintage"]].drop_duplicates()
    found = [AreaKey(*row) for row in areas.itertuples(index=False, name=None)]
    national = [
        area for level in ("france_hexagonale", "france_entiere") for area in found if area.geo_level == level
    ]
    pooled = [a for a in found if (a.geo_level, a.geo_code) == ("registry_zone", POOLED_REGISTRIES)]
    return [*national, *sorted(pooled)]


def canonical(area: AreaKey) -> str:
    """Return the text by which the column `comparator` names an area."""
    return f"{area.geo_level}:{area.geo_code}:{area.geo_vintage}"


def standardised_ratios(
    cells: Cells, *, interval_method: str = "garwood", level: float = 0.95
) -> pd.DataFrame:
    """Return observed over expected events of every stratum that has a reference, itself included in it.

    The reference is France where it is covered, the pooled registries otherwise. Observed events count those
    of unknown age, on both sides. Ratios of two areas are not comparable with one another, only each with
    its reference.
    """
    chosen = pd.Series(pd.NA, index=cells.strata.index, dtype="Int64")
    names = pd.Series("_", index=cells.strata.index, dtype="str")
    strata = cells.strata.assign(row=np.arange(len(cells)))
    is_national = strata["geo_level"].isin(NATIONAL_LEVELS)
    for area in reference_areas(cells):
        of_area = (
            (strata["geo_level"] == area.geo_level)
            & (strata["geo_code"] == area.geo_code)
            & (strata["geo_vintage"] == area.geo_vintage)
        )
        match = strata[[*_SAME, "row"]].merge(
            strata.loc[of_area, [*_SAME, "row"]], on=_SAME, suffixes=("", "_reference")
        )
        match = match.set_index("row")["row_reference"]
        free = chosen.isna() & ~of_area & ~is_national
        use = free.index[free & free.index.isin(match.index)]
        chosen.loc[use] = match.loc[use].astype("Int64")
        names.loc[use] = canonical(area)
    rows = np.flatnonzero(chosen.notna().to_numpy())
    if not len(rows):
        return pd.DataFrame()
    compared = cells.take(rows)
    reference = cells.take(chosen.iloc[rows].to_numpy(dtype=np.intp))
    # Events of unknown age are spread like the known ones, so that the reference against itself gives 1.
    known = reference.events.sum(axis=1)
    spread = np.divide(reference.total_events, known, out=np.ones(len(rows)), where=known > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        rates = np.where(reference.person_years > 0, reference.events / reference.person_years, 0.0)
    expected = (rates * compared.person_years).sum(axis=1) * spread
    estimate = indirectly_standardised_ratio(
        compared.total_events, expected, method=interval_method, level=level
    )
    is_death = (compared.strata["event_type"] == "death").to_numpy()
    tables = [
        result_rows(
            compared.take(part),
            indicator=indicator,
            measure_unit=UNIT_RATIO,
            per=1,
            method="indirect",
            value=estimate.ratio[part],
            lower=estimate.lower[part],
            upper=estimate.upper[part],
            se=estimate.se[part],
            interval_method=interval_method,
            level=level,
            events=compared.total_events[part],
            expected=expected[part],
            person_years=compared.total_person_years[part],
            comparator=names.iloc[rows].to_numpy()[part],
            estimable=estimate.estimable[part],
            reason=NOTHING_EXPECTED,
        )
        for indicator, part in (("sir", np.flatnonzero(~is_death)), ("smr", np.flatnonzero(is_death)))
        if len(part)
    ]
    return pd.concat(tables, ignore_index=True)
