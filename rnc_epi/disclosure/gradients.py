"""Gradients that borrow from many areas, made of what is published, beside it.

As smoothed maps, they are made after the counts were protected and from nothing else: a shrunken index of the
areas whose own is shown, a slope inside a small-area model of the counts that are shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from rnc_epi.disclosure.plan import apply_plan
from rnc_epi.disclosure.precision import at_published_precision
from rnc_epi.vocabulary.errors import DisclosureRefused
from rnc_epi.vocabulary.estimators import SMOOTHED
from rnc_epi.vocabulary.releasable import Releasable
from rnc_epi.vocabulary.schemas import (
    DERIVED_FROM_COUNT,
    ESTIMATED,
    NOT_APPLICABLE,
    NOT_ESTIMABLE,
    NOT_PUBLISHED,
    PUBLISHED,
    as_result,
)
from rnc_epi.vocabulary.sites import mortality_caveats

if TYPE_CHECKING:
    from rnc_epi.vocabulary.policy import Policy

_BORROWING: Final = ("relative_index", "deprivation_risk_ratio")


def borrows(table: pd.DataFrame) -> np.ndarray:
    """Return which rows are gradients that follow from the counts of many areas at once."""
    found = table["indicator"].isin(_BORROWING) & table["estimator"].eq(SMOOTHED)
    return found.to_numpy(bool)


def add_gradients(
    releasable: Releasable, rows: pd.DataFrame, policy: Policy, *, caveats: Mapping[str, str] | None = None
) -> Releasable:
    """Return a protected table with the gradients that were made of it.

    Parameters
    ----------
    releasable : Releasable
        Made by `protect` under `policy`.
    rows : DataFrame
        Shrunken relative indices and gradients inside small-area models, made of that table.
    policy : Policy
        That of the table.
    caveats : mapping, optional
        As for `protect`.

    Returns
    -------
    Releasable
        The table with these rows.

    Raises
    ------
    DisclosureRefused
        ``R008`` a table that another policy made, ``P013`` other rows.
    """
    if releasable.policy_fingerprint != policy.fingerprint():
        raise DisclosureRefused("R008", where=releasable.name)
    if rows.empty:
        return releasable
    rows = as_result(rows)
    if not borrows(rows).all():
        raise DisclosureRefused("P013", found=int((~borrows(rows)).sum()))
    decision = apply_plan(rows, policy, mortality_caveats() if caveats is None else caveats)
    kept = rows[decision.kept].reset_index(drop=True)
    estimated = kept["status"].eq(ESTIMATED).to_numpy(bool)
    shown = estimated & ~decision.caveat[decision.kept]
    public = at_published_precision(kept, policy)
    for column in (*DERIVED_FROM_COUNT, "person_years"):
        public[column] = public[column].where(shown)
    for column in ("events", "expected"):
        public[column] = np.nan
    public["status"] = np.where(~estimated, NOT_ESTIMABLE, np.where(shown, PUBLISHED, NOT_PUBLISHED))
    public["reason"] = NOT_APPLICABLE
    whole = as_result(pd.concat([releasable.table, as_result(public)], ignore_index=True))
    return Releasable(releasable.name, whole, releasable.policy_fingerprint)
