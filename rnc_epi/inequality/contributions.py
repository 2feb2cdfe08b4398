"""What a gap between the extreme groups is made of: ages, sites, and for deaths incidence and lethality."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from rnc_epi.inequality.kept_inside import SHARES, parted, some_few, stacked_rows
from rnc_epi.inequality.measures import of_estimate
from rnc_epi.inequality.rows import UNIT_PERCENT, UNIT_RATE, Measured, measured_rows
from rnc_epi.inequality.strata import STRATUM_KEYS, GroupedStrata
from rnc_epi.maths import inequality as formulas
from rnc_epi.vocabulary.ages import AgeBand
from rnc_epi.vocabulary.schemas import NOT_APPLICABLE
from rnc_epi.vocabulary.sites import ancestors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rnc_epi.vocabulary.study_inequality import Inequality


def contributions_by_age(
    strata: GroupedStrata, asked: Inequality, *, per: int, starts: tuple[int, ...] = (0, 50, 65, 75)
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the contribution of wide ages to the gap between the standardised rates of the extreme groups.

    They add up to the ``rate_difference`` of the extremes, negative ones included. Rows
    ``gap_contribution``, the ages in ``age_from, age_until``: those to be let out, then those of strata with
    a small count of an extreme group in some of the ages (:mod:`rnc_epi.inequality.kept_inside`).
    """
    found = formulas.gap_by_age(
        strata.events, strata.person_years, strata.weights(asked.standard), level=asked.level
    )
    bands = list(strata.bands)
    wide = [place for place, band in enumerate(bands) if band.age_from in starts or place == 0]
    value = np.add.reduceat(np.nan_to_num(found.contribution.value), wide, axis=1)
    se = np.sqrt(np.add.reduceat(np.nan_to_num(found.contribution.se) ** 2, wide, axis=1))
    whole = np.logical_and.reduceat(np.asarray(found.contribution.estimable), wide, axis=1)
    times = float(ndtri((1.0 + asked.level) / 2.0))
    events = np.add.reduceat(strata.events.sum(axis=2), wide, axis=1)
    years = np.add.reduceat(strata.person_years.sum(axis=2), wide, axis=1)
    ends = [*[bands[place].age_from for place in wide[1:]], bands[-1].age_until]
    measures = [
        Measured(
            "gap_contribution",
            UNIT_RATE,
            per * np.where(whole[:, one], value[:, one], np.nan),
            "gap-by-age",
            per * (value[:, one] - times * se[:, one]),
            per * (value[:, one] + times * se[:, one]),
            per * se[:, one],
            "normal",
            per=per,
            standard=asked.standard,
            comparator=f"{strata.labels[-1]}/{strata.labels[0]}",
            events=events[:, one],
            person_years=years[:, one],
            band=AgeBand(bands[place].age_from, ends[one]),
            reason="no_person_years",
        )
        for one, place in enumerate(wide)
    ]
    extremes = np.add.reduceat(strata.events[:, :, [0, -1]], wide, axis=1)
    return parted(_rows(strata, measures, asked), some_few(extremes))


def contributions_by_site(
    strata: GroupedStrata, asked: Inequality, *, per: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the contribution of each site to the gap of all of them together, and their share of it.

    The sites are those of the table that hold no other of it: they exclude one another, and the gap is that
    of their sum. Rows ``gap_contribution`` with comparator ``sites``; then ``gap_contribution_share``, kept
    inside: the shares of some sites tell the gap of the one that is hidden.
    """
    keys = strata.keys
    if "site" not in keys.columns:
        return pd.DataFrame(), pd.DataFrame()
    held = set(keys["site"].astype(str))
    above = {up for slug in held for up in ancestors(slug)}
    lowest = np.flatnonzero(~keys["site"].astype(str).isin(above).to_numpy())
    names = [name for name in STRATUM_KEYS if name in keys.columns and name != "site"]
    head = keys.iloc[lowest]
    number = head.groupby(names, sort=True, observed=True, dropna=False).ngroup().to_numpy()
    by_family: dict[tuple[str, ...], list[NDArray[np.intp]]] = {}
    for family in range(number.max(initial=-1) + 1):
        rows = lowest[number == family]
        sites = tuple(keys["site"].astype(str).iloc[rows])
        if len(rows) > 1:
            by_family.setdefault(sites, []).append(rows)
    rows = stacked_rows([_site_rows(strata, np.stack(rows), asked, per) for rows in by_family.values()])
    if rows.empty:
        return rows, rows
    inside = rows["indicator"].isin(SHARES)
    return rows[~inside].reset_index(drop=True), rows[inside].reset_index(drop=True)


def _site_rows(strata: GroupedStrata, rows: NDArray[np.intp], asked: Inequality, per: int) -> pd.DataFrame:
    """Return the rows of families of the same sites, (families, sites)."""
    found = formulas.gap_by_site(
        strata.events[rows],
        strata.person_years[rows[:, 0]],
        strata.weights(asked.standard),
        level=asked.level,
    )
    flat = rows.ravel()
    estimate = found.contribution
    value = per * np.where(estimate.estimable, estimate.value, np.nan).ravel()
    kept: dict[str, Any] = {"standard": asked.standard, "comparator": "sites", "reason": "no_person_years"}
    measures = (
        Measured(
            "gap_contribution",
            UNIT_RATE,
            value,
            "gap-by-site",
            per * np.ravel(estimate.lower),
            per * np.ravel(estimate.upper),
            per * np.ravel(estimate.se),
            "normal",
            per=per,
            **kept,
        ),
        Measured(
            "gap_contribution_share", UNIT_PERCENT, 100.0 * np.ravel(found.share), "gap-by-site", **kept
        ),
    )
    return _rows(strata.take(flat), measures, asked)


def gaps_in_deaths(strata: GroupedStrata, asked: Inequality, *, per: int) -> pd.DataFrame:
    """Return the gap in mortality between the extreme groups split into incidence and lethality.

    Where the table holds both new cases and deaths of a site, sex, area and period. Deaths are not those of
    the cases: lethality is the mortality to incidence ratio and shares its faults for slow cancers. Rows
    ``gap_from_incidence``, ``gap_from_lethality`` and ``gap_incidence_share``.
    """
    keys = strata.keys
    if "event_type" not in keys.columns:
        return pd.DataFrame()
    names = [name for name in STRATUM_KEYS if name in keys.columns and name != "event_type"]
    placed = keys[[*names, "event_type"]].assign(row=np.arange(len(keys)))
    cases = placed[placed["event_type"].eq("incidence")].drop(columns="event_type")
    deaths = placed[placed["event_type"].eq("death")].drop(columns="event_type")
    both = cases.merge(deaths, on=names, suffixes=("_cases", "_deaths"))
    if both.empty:
        return pd.DataFrame()
    ill, dead = both["row_cases"].to_numpy(dtype=np.intp), both["row_deaths"].to_numpy(dtype=np.intp)
    found = formulas.gap_in_deaths(
        strata.events[ill],
        strata.events[dead],
        # Registries cover fewer persons than certificates: both are taken where cases are counted.
        strata.person_years[ill],
        strata.weights(asked.standard),
        linked=False,
        level=asked.level,
    )
    same = np.isclose(strata.person_years[ill], strata.person_years[dead], rtol=1e-6).all(axis=(1, 2))
    kept: dict[str, Any] = {
        "standard": asked.standard,
        "comparator": f"{strata.labels[-1]}/{strata.labels[0]}",
        "reason": "deaths_without_cases",
    }
    measures = (
        of_estimate(
            found.incidence,
            "gap_from_incidence",
            UNIT_RATE,
            scale=float(per),
            per=per,
            method="kitagawa",
            interval_method="delta",
            **kept,
        ),
        of_estimate(
            found.lethality,
            "gap_from_lethality",
            UNIT_RATE,
            scale=float(per),
            per=per,
            method="kitagawa",
            interval_method="delta",
            **kept,
        ),
        Measured(
            "gap_incidence_share",
            UNIT_PERCENT,
            100.0 * np.where(found.total.estimable, found.incidence_share, np.nan),
            "kitagawa",
            **kept,
        ),
    )
    of_deaths = strata.take(dead)
    reasons = of_deaths.reasons(asked.standard)
    of_cases = strata.take(ill).reasons(asked.standard)
    reasons = np.where(reasons == NOT_APPLICABLE, of_cases, reasons)
    reasons = np.where((reasons == NOT_APPLICABLE) & ~same, "other_person_years", reasons)
    return measured_rows(
        of_deaths.keys,
        measures,
        reasons,
        events=of_deaths.total_events,
        person_years=of_deaths.total_person_years,
        level=asked.level,
    )


def _rows(strata: GroupedStrata, measures: Any, asked: Inequality) -> pd.DataFrame:
    return measured_rows(
        strata.keys,
        list(measures),
        strata.reasons(asked.standard),
        events=strata.total_events,
        person_years=strata.total_person_years,
        level=asked.level,
    )
