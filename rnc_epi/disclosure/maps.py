"""Smoothed maps, fitted on what is published, beside the published counts they follow from.

They are made after the counts were protected and from nothing else, so they give no hidden count back: a
reader can fit them again. A risk is shown where the count of its area is; elsewhere the class alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from rnc_epi.disclosure.plan import apply_plan
from rnc_epi.disclosure.precision import at_published_precision
from rnc_epi.vocabulary.errors import DisclosureRefused
from rnc_epi.vocabulary.estimators import OF_A_SMOOTHED_MAP, RISK_CLASS
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

_PERIOD: Final = ("period_from", "period_until")
_PLACE: Final = ("event_type", "site", "sex", "geo_level", "geo_code", "geo_vintage", *_PERIOD)
_MAP: Final = ("event_type", "site", "sex", "geo_level", "geo_vintage", *_PERIOD)
#: A map of which fewer areas have a published count says more of the areas above it than of its own.
FEWEST_VISIBLE: Final = 0.5


def published_counts(releasable: Releasable) -> pd.DataFrame:
    """Return the counts over all ages that a protected table shows: what maps are to be fitted on.

    Parameters
    ----------
    releasable : Releasable
        Made by `protect`.

    Returns
    -------
    DataFrame
        As for :func:`published_counts_of`.

    Examples
    --------
    >>> shown = pd.DataFrame({"event_type": "death", "site": "lung", "sex": 1, "geo_level": "region",
    ...     "geo_code": ["11", "84"], "geo_vintage": "v", "period_from": 2016, "period_until": 2021,
    ...     "indicator": "count", "estimator": "observed", "stratum_type": "_", "age_from": 0,
    ...     "age_until": pd.NA, "status": ["published", "not_published"], "events": [50, None]})
    >>> published_counts(Releasable("indicators", shown, ""))["geo_code"].tolist()
    ['11']
    """
    return published_counts_of(releasable.table)


def published_counts_of(table: pd.DataFrame) -> pd.DataFrame:
    """Return the counts over all ages that a public table shows.

    Parameters
    ----------
    table : DataFrame
        In the form of the one result table, with public statuses.

    Returns
    -------
    DataFrame
        One row a published cell: ``event_type, site, sex``, area, period and ``events`` (persons, all ages).

    Examples
    --------
    >>> shown = pd.DataFrame({"event_type": "death", "site": "lung", "sex": 1, "geo_level": "region",
    ...     "geo_code": ["11", "84"], "geo_vintage": "v", "period_from": 2016, "period_until": 2021,
    ...     "indicator": "count", "estimator": "observed", "stratum_type": "_", "age_from": 0,
    ...     "age_until": pd.NA, "status": ["published", "not_published"], "events": [50, None]})
    >>> published_counts_of(shown)["events"].tolist()
    [50.0]
    """
    shown = (
        table["indicator"].eq("count")
        & table["estimator"].eq("observed")
        & table["stratum_type"].eq(NOT_APPLICABLE)
        & table["age_from"].eq(0)
        & table["age_until"].isna()
        & table["status"].eq(PUBLISHED)
    )
    return table.loc[shown, [*_PLACE, "events"]].reset_index(drop=True)


def add_maps(
    releasable: Releasable, maps: pd.DataFrame, policy: Policy, *, caveats: Mapping[str, str] | None = None
) -> Releasable:
    """Return a protected table with the maps that were fitted on it.

    Parameters
    ----------
    releasable : Releasable
        Made by `protect` under `policy`.
    maps : DataFrame
        Rows of ``relative_risk``, ``exceedance_probability`` and ``risk_class``, fitted on
        `published_counts` of that table.
    policy : Policy
        That of the table.
    caveats : mapping, optional
        As for `protect`.

    Returns
    -------
    Releasable
        The table with the rows of the maps; the class alone where the count of an area is hidden.

    Raises
    ------
    DisclosureRefused
        ``R008`` a table that another policy made.

    Notes
    -----
    Maps of which less than half of the areas have a published count are left out.
    """
    if releasable.policy_fingerprint != policy.fingerprint():
        raise DisclosureRefused("R008", where=releasable.name)
    if maps.empty:
        return releasable
    rows = maps[maps["indicator"].isin((*OF_A_SMOOTHED_MAP, RISK_CLASS))].reset_index(drop=True)
    if caveats is None:
        caveats = mortality_caveats()
    decision = apply_plan(rows, policy, caveats)
    caveat = pd.Series(decision.caveat, index=rows.index)[decision.kept]
    rows = rows[decision.kept]
    visible = _among(rows, published_counts(releasable), _PLACE)
    share = visible.groupby([rows[name] for name in _MAP]).transform("mean")
    enough = share >= FEWEST_VISIBLE
    rows, visible, caveat = (part[enough].reset_index(drop=True) for part in (rows, visible, caveat))
    estimated = rows["status"].eq(ESTIMATED)
    is_class = rows["indicator"].eq(RISK_CLASS)
    shown = estimated & ~caveat & (visible | is_class)
    public = at_published_precision(rows, policy)
    public["events"] = np.nan
    for column in (*DERIVED_FROM_COUNT, "person_years"):
        keeps = shown if column == "value" else shown & ~is_class
        public[column] = public[column].where(keeps)
    public["status"] = np.where(~estimated, NOT_ESTIMABLE, np.where(shown, PUBLISHED, NOT_PUBLISHED))
    public["reason"] = NOT_APPLICABLE
    whole = as_result(pd.concat([releasable.table, as_result(public)], ignore_index=True))
    return Releasable(releasable.name, whole, releasable.policy_fingerprint)


def _among(rows: pd.DataFrame, known: pd.DataFrame, columns: tuple[str, ...]) -> pd.Series:
    """Return which rows have their keys among those of another table."""

    def index(table: pd.DataFrame) -> pd.MultiIndex:
        return pd.MultiIndex.from_frame(table[list(columns)].astype(str))

    return pd.Series(index(rows).isin(index(known)), index=rows.index)
