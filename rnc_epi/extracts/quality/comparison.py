"""Each registry against the others: is a share or a ratio further away than chance, and by how much."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from scipy import stats

from rnc_epi.extracts.quality.shares import OK
from rnc_epi.maths.funnel import proportion_funnel_limits
from rnc_epi.maths.multiple import false_discovery_rate

#: Accepted share of false discoveries among the registries of one indicator and site.
FALSE_DISCOVERIES: Final = 0.01
#: The outer line of a funnel, about three standard errors.
FUNNEL: Final = 0.998
_SHARES: Final = "percent"
_RATIO: Final = "mortality_incidence_ratio"
COLUMNS: Final = ("others", "funnel_lower", "funnel_upper", "p_value", "adjusted_p", "differs")


def compared(table: pd.DataFrame) -> pd.DataFrame:
    """Add to indicators of registries what the other registries together have, and whether they differ.

    Shares are compared by the score test of two proportions and shown on a funnel around the share of all
    registries; M:I ratios by the difference of logarithms. The family of tests is the registries of one
    indicator, site, sex and length of period; the false discovery rate is that of Benjamini and Hochberg.
    ``differs``: discovered, and outside the 99.8 % funnel where there is one.

    Parameters
    ----------
    table : DataFrame
        In the columns of `shares.COLUMNS`; rows of one year are compared among themselves, and so are rows of
        all years.
    """
    out = table.assign(**dict.fromkeys(COLUMNS[:-1], np.nan), differs=False)
    comparable = (out["status"] == OK) & ((out["unit"] == _SHARES) | (out["indicator"] == _RATIO))
    keys = family(out)
    found: dict[str, list[np.ndarray]] = {name: [] for name in COLUMNS}
    places: list[np.ndarray] = []
    for _, rows in out[comparable].groupby([key[comparable] for key in keys], sort=True):
        if rows["registry"].nunique() < 2 or rows["registry"].duplicated().any():
            continue
        places.append(rows.index.to_numpy())
        for name, values in _family(rows).items():
            found[name].append(values)
    if places:
        at = np.concatenate(places)
        for name, lists in found.items():
            column = out[name].to_numpy(copy=True)
            column[at] = np.concatenate(lists)
            out[name] = column
    return out


def family(table: pd.DataFrame) -> list[pd.Series]:
    """Return what rows that are compared with one another have in common.

    The indicator, the site, the sex, and the year; rows of several years are compared whichever these are.
    """
    single = table["period_until"] - table["period_from"] == 1
    return [
        *(table[name] for name in ("indicator", "site", "sex")),
        single.rename("one_year"),
        table["period_from"].where(single, 0).rename("year"),
    ]


def _family(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    part, whole = (rows[name].to_numpy(dtype=np.float64) for name in ("part", "whole"))
    others, rest = part.sum() - part, whole.sum() - whole
    with np.errstate(divide="ignore", invalid="ignore"):
        if rows["unit"].iloc[0] == _SHARES:
            overall = part.sum() / whole.sum()
            spread = np.sqrt(overall * (1 - overall) * (1 / whole + 1 / rest))
            z = (part / whole - others / rest) / spread
            told = 100 * others / rest
            funnel = proportion_funnel_limits(whole, float(overall), level=FUNNEL)
            lower, upper = 100 * funnel.lower, 100 * funnel.upper
            outside = (rows["value"].to_numpy() < lower) | (rows["value"].to_numpy() > upper)
        else:
            told = others / rest
            z = (np.log(part / whole) - np.log(told)) / np.sqrt(1 / part + 1 / whole + 1 / others + 1 / rest)
            lower = upper = np.full(len(rows), np.nan)
            outside = np.ones(len(rows), dtype=bool)
    p = 2 * stats.norm.sf(np.abs(z))
    found = false_discovery_rate(p, rate=FALSE_DISCOVERIES)
    return {
        "others": told,
        "funnel_lower": lower,
        "funnel_upper": upper,
        "p_value": p,
        "adjusted_p": found.adjusted,
        "differs": found.discovered & outside,
    }
