"""Standardised incidence and mortality ratios: an area against the widest area that holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rnc_epi.indicators.levels import Level, a_row_per_level
from rnc_epi.indicators.rows import NOT_ALL_COVERED, NOTHING_EXPECTED, UNIT_RATIO, joined, result_rows
from rnc_epi.maths.reference import expected_events
from rnc_epi.maths.standardise import indirectly_standardised_ratio
from rnc_epi.vocabulary.areas import NATIONAL_LEVELS, POOLED_REGISTRIES, AreaKey
from rnc_epi.vocabulary.schemas import NOT_APPLICABLE

if TYPE_CHECKING:
    from numpy.typing import NDArray

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


@a_row_per_level
def standardised_ratios(
    cells: Cells, *, interval_method: str = "garwood", level: Level = 0.95
) -> pd.DataFrame:
    """Return observed over expected events of every stratum that has a reference, itself included in it.

    The reference is France where it is covered, the pooled registries otherwise. Observed events count those
    of unknown age, on both sides. Ratios of two areas are not comparable with one another, only each with
    its reference. Groups of areas are compared with all groups of the reference together, those of the
    reference itself included.
    """
    rows, references, names = _matched(cells)
    if not len(rows):
        return pd.DataFrame()
    compared, reference = cells.take(rows), cells.take(references)
    # Events of unknown age are spread like the known ones, so that the reference against itself gives 1.
    known = reference.events.sum(axis=1)
    spread = np.divide(reference.total_events, known, out=np.ones(len(rows)), where=known > 0)
    expected = expected_events(compared.person_years, reference.events, reference.person_years).expected
    # Observed and expected must speak of the same ages: all of them.
    expected = np.where(compared.all_ages & reference.all_ages, expected * spread, np.nan)
    estimate = indirectly_standardised_ratio(
        compared.total_events, expected, method=interval_method, level=level
    )
    reason = np.where(compared.all_ages & reference.all_ages, NOTHING_EXPECTED, NOT_ALL_COVERED)
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
            comparator=names[part],
            estimable=estimate.estimable[part],
            reason=reason[part],
        )
        for indicator, part in (("sir", np.flatnonzero(~is_death)), ("smr", np.flatnonzero(is_death)))
        if len(part)
    ]
    return joined(tables)


def _matched(cells: Cells) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray]:
    """Return the strata that have a reference, the row of it, and its name."""
    strata = cells.strata
    in_groups = "stratum" in strata.columns
    keys = [*_SAME, "stratum_type"] if in_groups else _SAME
    same = strata.groupby(keys, observed=True, sort=False).ngroup().to_numpy()
    # Groups of areas meet all the groups of the reference together.
    together = (strata["stratum"] == "all").to_numpy() if in_groups else np.ones(len(cells), dtype=bool)
    levels = strata["geo_level"].to_numpy(dtype=object)
    codes, vintages = (strata[name].to_numpy(dtype=object) for name in ("geo_code", "geo_vintage"))
    free = ~np.isin(levels, NATIONAL_LEVELS) | ~together
    chosen = np.full(len(cells), -1, dtype=np.intp)
    names = np.full(len(cells), NOT_APPLICABLE, dtype=object)
    for area in reference_areas(cells):
        of_area = (levels == area.geo_level) & (codes == area.geo_code) & (vintages == area.geo_vintage)
        of_area &= together
        row_of = np.full(same.max(initial=-1) + 1, -1, dtype=np.intp)
        row_of[same[of_area]] = np.flatnonzero(of_area)
        found = row_of[same]
        use = free & ~of_area & (chosen < 0) & (found >= 0)
        chosen[use], names[use] = found[use], area.canonical
    rows = np.flatnonzero(chosen >= 0)
    return rows, chosen[rows], names[rows]
