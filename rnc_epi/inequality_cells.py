"""What the chapter on inequality needs beside its cells by group: cases by stage, maps of single areas.

As `rnc_epi.chapters`: tables from one room to another, no arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rnc_epi.cells.build import CellBuilder, Selection
from rnc_epi.cells.stages import of_stages, stages_of
from rnc_epi.disclosure import published_counts_of
from rnc_epi.inequality import area_gradient_rows, late_stage_rows
from rnc_epi.vocabulary.areas import NATIONAL_LEVELS
from rnc_epi.vocabulary.errors import InputError, NotCovered
from rnc_epi.vocabulary.schemas import as_result

if TYPE_CHECKING:
    from rnc_epi.cells.table import Cells
    from rnc_epi.extracts.opening import Extract
    from rnc_epi.inequality import Grouping
    from rnc_epi.vocabulary.study_inequality import Inequality

_AREA = ["geo_level", "geo_code", "geo_vintage"]
_MAP = ["event_type", "site", "sex", "period_from", "period_until"]


def late_stages(selection: Selection, cut: Grouping, asked: Inequality, builder: CellBuilder) -> pd.DataFrame:
    """Return the share of cases found late by group, of the pooled periods where there are some.

    Raises
    ------
    InputError
        I038, a late stage that no case of the extract has.
    """
    held = stages_of(builder)
    strange = [stage for stage in asked.late_stages if stage not in held]
    if strange:
        raise InputError("I038", found=", ".join(strange), expected=", ".join(held) or "_")
    early = [stage for stage in held if stage not in asked.late_stages]
    wanted = replace(selection, event_types=("incidence",), years=() if selection.pooled else selection.years)
    try:
        late, rest = (
            of_stages(builder, some).grouped(wanted, cut.table) for some in (asked.late_stages, early)
        )
    except NotCovered:
        return as_result(pd.DataFrame())
    return late_stage_rows(late, rest, asked)


def area_maps(
    selection: Selection, cut: Grouping, asked: Inequality, extract: Extract, builder: CellBuilder
) -> list[Callable[[pd.DataFrame], pd.DataFrame]]:
    """Return, for each map of the level asked, what gives the gradient inside its model from a public table.

    Raises
    ------
    InputError
        I037, another level than that of the scores.
    """
    from rnc_epi.smallarea import graphs_of, mapped_counts
    from rnc_epi.smallarea.published import as_published

    level = cut.record.geo_level
    if asked.area_model_level != level:
        raise InputError("I037", found=asked.area_model_level, expected=level)
    adjacency, membership = extract.areas_table("adjacency"), extract.areas_table("membership")
    graph = graphs_of(adjacency, builder.areas()).get(level)
    if graph is None:
        raise InputError("A046", name=level, expected="adjacency")
    wanted = replace(
        selection,
        geo_levels=(level, *NATIONAL_LEVELS),
        years=() if selection.pooled else selection.years,
    )
    edges = adjacency[adjacency["geo_level"].eq(level)]
    found: list[Callable[[pd.DataFrame], pd.DataFrame]] = []
    for cells in _maps(builder, wanted, level):

        def rows_of(published: pd.DataFrame, cells: Cells = cells) -> pd.DataFrame:
            known = published_counts_of(published)
            counts = mapped_counts(cells, graph, complete=False)
            read = as_published(counts, known, membership)
            kept = read.fitted
            areas = read.strata[_AREA].assign(
                events=read.observed, expected=read.expected, visible=_visible(read.strata, known)
            )
            return area_gradient_rows(areas[kept], edges, cut, asked, _head(cells))

        found.append(rows_of)
    return found


def _maps(builder: CellBuilder, wanted: Selection, level: str) -> Iterator[Cells]:
    """Yield the cells of each map: those of its areas, and of the nation that they are compared with."""
    try:
        tables = builder.cells(wanted)
    except NotCovered:
        return
    for cells in tables:
        for rows in cells.strata.groupby(_MAP, sort=True, observed=True).indices.values():
            part = cells.take(np.sort(rows))
            if part.strata["geo_level"].eq(level).any() and part.strata["geo_level"].ne(level).any():
                yield part


def _visible(strata: pd.DataFrame, known: pd.DataFrame) -> np.ndarray:
    names = [*_MAP, *_AREA]
    keys, shown = (pd.MultiIndex.from_frame(table[names].astype(str)) for table in (strata, known))
    return np.asarray(keys.isin(shown))


def _head(cells: Cells) -> dict[str, Any]:
    """Return the keys of rows that speak of a whole map: those of the widest area above it."""
    strata = cells.strata
    for level in NATIONAL_LEVELS:
        nation = strata[strata["geo_level"].eq(level)]
        if len(nation):
            first = nation.iloc[0]
            return {name: first[name] for name in [*_MAP, *_AREA, "source"]}
    raise NotCovered("A037", name="national")
