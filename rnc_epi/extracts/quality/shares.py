"""Shares of the cases of a registry: verified, known from a certificate alone, without site, stage or age."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from rnc_epi.extracts.quality.counts import (
    ALL_CANCERS,
    FLAGS,
    UNKNOWN_PRIMARY,
    Counts,
    sites_below,
)
from rnc_epi.maths.intervals import wilson_interval
from rnc_epi.vocabulary.classification.registries import uses_death_certificates
from rnc_epi.vocabulary.sites import SITES

#: Columns of every table of indicators, in this order.
COLUMNS: Final = (
    *("registry", "indicator", "site", "sex", "period_from", "period_until"),
    *("part", "whole", "value", "lower", "upper", "unit", "status"),
)
KEYS: Final = COLUMNS[:6]
PERIOD: Final = ("period_from", "period_until")
BOTH: Final = 0
OK, NOT_APPLICABLE, NOT_ESTIMABLE = "ok", "not_applicable", "not_estimable"
#: Sites for which indicators are told: the French reporting list and all cancers.
REPORTED: Final = (
    ALL_CANCERS,
    *(slug for slug, item in SITES.items() if item.french_report and slug != ALL_CANCERS),
)
#: Share, what it is a part of, and whether it is told site by site.
SHARES: Final = (
    ("microscopically_verified", "verified", "events", True),
    ("death_certificate_only", "certificate_only", "events", True),
    ("primary_site_unknown", "unknown_site", "events", False),
    ("unspecified_morphology", "unspecified", "events", True),
    ("missing_stage", "stage_missing", "stageable", True),
    ("unknown_age", "unknown_age", "events", False),
)
#: Shares that rest on rows: cells do not say.
_OF_ROWS: Final = frozenset(
    {"microscopically_verified", "death_certificate_only", "unspecified_morphology", "missing_stage"}
)


def shares(sums: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Return the shares of each registry by year for all cancers, and by site for all its years together.

    Shares are per cent with Wilson limits. Where a registry handed over cells, what only rows say is not
    estimable; where it takes no case from death certificates, the share of these cases is not applicable,
    which is no zero.

    Parameters
    ----------
    sums : DataFrame
        From `rolled_up`.
    """
    parts = []
    for indicator, part, whole, by_site in SHARES:
        mine = sums if by_site else sums[sums["site"] == ALL_CANCERS]
        parts.append(_share(indicator, mine.reset_index(drop=True), part, whole, level))
    return pd.concat(parts, ignore_index=True)


def reported(general: bool) -> tuple[str, ...]:
    """Return the sites to tell; all cancers only of a registry that records them all."""
    return REPORTED if general else REPORTED[1:]


def rolled_up(counts: Counts) -> pd.DataFrame:
    """Return the cases of each registry summed by reported site, sex (0 for both) and period.

    All cancers by year and over all years, the other sites over all years of the registry.
    """
    cases = counts.cases
    places = _reported_sites(cases, counts.general)
    unknown = places.loc[places["reported"] == UNKNOWN_PRIMARY, ["registry", "site"]].assign(ill_defined=True)
    known = cases.merge(unknown, on=["registry", "site"], how="left")
    without_site = known["ill_defined"].fillna(False).to_numpy(dtype=bool)
    # Cells of a coarser site ("other and unspecified") hide how many have no known primary site.
    told = set(places.loc[places["reported"] == UNKNOWN_PRIMARY, "registry"])
    known = known.assign(
        site_not_told=((known["form"] == "cells") & ~known["registry"].isin(told)).astype("int64"),
        unknown_age=known["events"].where(known["age_from"].isna(), 0),
        unknown_site=known["events"].where(without_site, 0),
        in_cells=(known["form"] == "cells").astype("int64"),
    )
    numbers = ["events", *FLAGS, "unknown_age", "unknown_site"]
    how = dict.fromkeys(numbers, "sum") | {"in_cells": "min", "site_not_told": "max"}
    known[numbers] = known[numbers].astype("float64")
    lean = known.groupby(["registry", "site", "sex", *PERIOD], as_index=False).agg(how)
    placed = lean.merge(places[places["reported"] != UNKNOWN_PRIMARY], on=["registry", "site"])
    placed = placed.drop(columns="site").rename(columns={"reported": "site"})
    yearly = placed[(placed["site"] == ALL_CANCERS)]
    return by_sex_and_both(
        pd.concat([yearly[yearly["period_until"] - yearly["period_from"] == 1], _pooled(placed, cases)]),
        how,
    )


def by_sex_and_both(table: pd.DataFrame, how: dict[str, str]) -> pd.DataFrame:
    """Return sums by registry, site, sex and period, with both sexes (0) where a site has two."""
    keys = ["registry", "site", "sex", *PERIOD]
    by_sex = table.groupby(keys, as_index=False).agg(how)
    two = by_sex["site"].map(lambda slug: len(SITES[slug].sexes) == 2)
    right = [sex in SITES[slug].sexes for slug, sex in zip(by_sex["site"], by_sex["sex"], strict=True)]
    both = by_sex[two.to_numpy(dtype=bool)].assign(sex=BOTH).groupby(keys, as_index=False).agg(how)
    out = pd.concat([by_sex[right], both], ignore_index=True)
    return out.sort_values(keys, ignore_index=True)


def spans(cases: pd.DataFrame) -> pd.DataFrame:
    """Return the first and last year of each registry's cases, half-open, indexed by registry."""
    return cases.groupby("registry").agg(
        period_from=("period_from", "min"), period_until=("period_until", "max")
    )


def _reported_sites(cases: pd.DataFrame, general: frozenset[str]) -> pd.DataFrame:
    """Return which sites of each registry's data make up each reported one, and the unknown primary site."""
    rows = []
    for registry, sites in cases.groupby("registry", sort=True)["site"]:
        present = frozenset(sites.unique())
        for slug in (*reported(registry in general), UNKNOWN_PRIMARY):
            rows += [(registry, site, slug) for site in sorted(sites_below(slug, present))]
    return pd.DataFrame(rows, columns=["registry", "site", "reported"], dtype="str")


def _pooled(table: pd.DataFrame, cases: pd.DataFrame) -> pd.DataFrame:
    found = spans(cases)
    whole = {name: table["registry"].map(found[name]) for name in PERIOD}
    several = (whole["period_until"] - whole["period_from"] > 1) | (table["site"] != ALL_CANCERS)
    return table.assign(**whole)[several.to_numpy(dtype=bool)]


def _share(indicator: str, table: pd.DataFrame, part: str, whole: str, level: float) -> pd.DataFrame:
    above, below = (table[name].to_numpy(dtype=np.float64) for name in (part, whole))
    found = wilson_interval(above, below, level=level)
    status = np.where(below > 0, OK, NOT_ESTIMABLE).astype(object)
    if indicator == "primary_site_unknown":
        status[table["site_not_told"].to_numpy() > 0] = NOT_ESTIMABLE
    values = np.stack([above, below, 100 * found.share, 100 * found.lower, 100 * found.upper])
    if indicator in _OF_ROWS:
        status[table["in_cells"].to_numpy() > 0] = NOT_ESTIMABLE
    if indicator == "death_certificate_only":
        # No such case in any year and a registry known to use no certificates: it does not look for them.
        seen = table.groupby("registry")[part].transform("sum").to_numpy() > 0
        without = (
            table["registry"].map(lambda name: uses_death_certificates(name) is False).to_numpy(dtype=bool)
        )
        status[without & ~seen & (status == OK)] = NOT_APPLICABLE
    values[:, status != OK] = np.nan
    told = table[["registry", "site", "sex", *PERIOD]].assign(
        **dict(zip(("part", "whole", "value", "lower", "upper"), values, strict=True))
    )
    return told.assign(indicator=indicator, unit="percent", status=status)[list(COLUMNS)]
