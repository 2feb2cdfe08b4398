"""Cells of the tumours of some stages: the strata, their scope and person-years stay those of all tumours."""

from __future__ import annotations

import copy
from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from rnc_epi.cells.datasets import staged_events
from rnc_epi.cells.judging import run_step

if TYPE_CHECKING:
    from rnc_epi.cells.build import CellBuilder


def stages_of(builder: CellBuilder) -> tuple[str, ...]:
    """Return the stages that tumours are given, in their order; none where no tumour stands in a row."""
    if "tumours" not in builder.tables:
        return ()
    found = builder.store.rows(
        "SELECT DISTINCT stage FROM usable_tumours WHERE stage IS NOT NULL ORDER BY stage"
    )
    return tuple(str(stage) for (stage,) in found)


def of_stages(builder: CellBuilder, stages: Collection[str]) -> CellBuilder:
    """Return a builder whose incidence counts the tumours of some stages alone.

    Parameters
    ----------
    builder : CellBuilder
    stages : collection of str
        As the extract writes them. Tumours without a stage, and cases that come as counts, are in none.

    Returns
    -------
    CellBuilder
        Of the same areas, periods, scope and person-years: its events are part of those of `builder`.
    """
    store = builder.store
    store.keep("chosen_stages", pd.DataFrame({"stage": sorted(set(stages))}, dtype="str"))
    run_step(store, "staged_events")
    chosen = copy.copy(builder)
    chosen.datasets = [
        replace(dataset, events=staged_events(store, dataset))
        for dataset in builder.datasets
        if dataset.event_type == "incidence"
    ]
    return chosen
