"""The declared rules on quality, and what they say of the data of a registry, site and years."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from rnc_epi.extracts.quality.comparison import FALSE_DISCOVERIES, FUNNEL
from rnc_epi.extracts.quality.counts import ALL_CANCERS
from rnc_epi.extracts.quality.shares import OK
from rnc_epi.maths.multiple import false_discovery_rate
from rnc_epi.vocabulary.sites import ancestors, site

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

FLAG, BLOCK = "flag", "block"
_EVERY: Final = "*"
#: What is judged here concerns numbers by stage alone.
_OF_STAGES: Final = "missing_stage"
#: Columns of the table of actions.
COLUMNS: Final = (
    *("registry", "site", "sex", "period_from", "period_until"),
    *("action", "code", "indicator", "value", "limit"),
)


class QualityRule(NamedTuple):
    """One rule of ``rules.toml``.

    Parameters
    ----------
    code, indicator, action, concerns, source : str
    sites : tuple of str
    below, above, equal : float or None
        The limit.
    certain : bool
        Whether the confidence interval has to lie beyond the limit.
    outside, differs : bool
        Whether the value has to be away from its neighbours, its funnel, or the other registries.
    larger_than : float
        Least difference that matters, beside what chance allows.
    """

    code: str
    indicator: str
    action: str
    concerns: str
    source: str
    sites: tuple[str, ...]
    below: float | None
    above: float | None
    equal: float | None
    certain: bool
    outside: bool
    differs: bool
    larger_than: float

    @property
    def limit(self) -> float:
        """The number of the rule, for its message."""
        for number in (self.below, self.above, self.equal):
            if number is not None:
                return number
        return self.larger_than


@cache
def quality_rules() -> tuple[QualityRule, ...]:
    """Return the declared rules, in the order of the file.

    Returns
    -------
    tuple of QualityRule

    Examples
    --------
    >>> [rule.code for rule in quality_rules() if rule.action == "block"]
    ['Q021', 'Q031', 'Q111']
    """
    text = (files("rnc_epi.extracts.quality") / "rules.toml").read_text(encoding="utf-8")
    return tuple(_rule(entry) for entry in tomllib.loads(text)["rule"])


@cache
def comparing() -> frozenset[str]:
    """Return the codes of the rules that hold a registry against the others."""
    return frozenset(rule.code for rule in quality_rules() if rule.differs)


def broken_rules(table: pd.DataFrame, rules: Iterable[QualityRule] | None = None) -> pd.DataFrame:
    """Return what the rules say of a table of compared indicators.

    Parameters
    ----------
    table : DataFrame
        From `comparison.compared`.
    rules : iterable of QualityRule, optional
        The declared ones by default.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`: the registry, site, sex and years whose numbers are meant, what to do, and why. A
        site ``"all_cancers"`` with sex 0 means every site of the registry.
    """
    known = table[table["status"] == OK].reset_index(drop=True)
    parts = []
    for rule in quality_rules() if rules is None else rules:
        judged = known[_is_judged(known, rule)]
        if judged.empty:
            continue
        broken = judged[_breaks(judged, rule)]
        parts.append(_concerned(broken, rule))
    found = [part for part in parts if len(part)]
    if not found:
        return pd.DataFrame(columns=list(COLUMNS))
    out = pd.concat(found, ignore_index=True)
    return out.sort_values(["registry", "code", "site", "sex", "period_from"], ignore_index=True)


def action_for(
    actions: pd.DataFrame,
    registry: str,
    site_slug: str,
    sex: int,
    period_from: int,
    period_until: int,
    *,
    by_stage: bool = False,
) -> tuple[str | None, tuple[str, ...]]:
    """Return what is to be done with the numbers of a registry, site, sex and years, and why.

    Parameters
    ----------
    actions : DataFrame
        From `broken_rules`, or `QualityReport.actions`.
    registry, site_slug : str
    sex : {0, 1, 2}
        0 is both sexes, which every sex concerns.
    period_from, period_until : int
        Half-open years; a rule on one of them concerns them all.
    by_stage : bool
        Whether the numbers are by stage; missing stages say nothing of the others.

    Returns
    -------
    action : {None, "flag", "block"}
    codes : tuple of str

    Examples
    --------
    >>> table = pd.DataFrame([("x", "all_cancers", 0, 2016, 2021, "flag", "Q010", "", 1.0, 1.0)],
    ...                      columns=list(COLUMNS))
    >>> action_for(table, "x", "lung", 1, 2018, 2019)
    ('flag', ('Q010',))
    >>> action_for(table, "y", "lung", 1, 2018, 2019)
    (None, ())
    """
    above = {site(site_slug).slug, *ancestors(site_slug)}
    whole = (actions["site"] == ALL_CANCERS) & (actions["sex"] == 0)
    mine = actions[
        (actions["registry"] == registry)
        & (whole | actions["site"].isin(above - {ALL_CANCERS}) | (actions["site"] == site_slug))
        & (whole | (actions["sex"] == 0) | (actions["sex"] == sex) | (sex == 0))
        & (actions["period_from"] < period_until)
        & (actions["period_until"] > period_from)
        & (by_stage | (actions["indicator"] != _OF_STAGES))
    ]
    codes = tuple(sorted(mine["code"].unique()))
    if not codes:
        return None, ()
    return (BLOCK if (mine["action"] == BLOCK).any() else FLAG), codes


def _rule(entry: dict[str, Any]) -> QualityRule:
    return QualityRule(
        code=entry["code"],
        indicator=entry["indicator"],
        action=entry["action"],
        concerns=entry["concerns"],
        source=entry["source"],
        sites=tuple(entry["sites"]),
        below=entry.get("below"),
        above=entry.get("above"),
        equal=entry.get("equal"),
        certain=entry.get("certain", False),
        outside=entry.get("outside", False),
        differs=entry.get("differs", False),
        larger_than=entry.get("larger_than", 0.0),
    )


def _is_judged(table: pd.DataFrame, rule: QualityRule) -> pd.Series:
    wanted = pd.Series(True, index=table.index)
    wanted &= table["unit"] == "percent" if rule.indicator == _EVERY else table["indicator"] == rule.indicator
    if _EVERY not in rule.sites:
        wanted &= table["site"].isin(rule.sites)
    if rule.concerns != "site":
        wanted &= table["sex"] == 0
    return wanted


def _breaks(table: pd.DataFrame, rule: QualityRule) -> NDArray[np.bool_]:
    value = table["value"].to_numpy(dtype=np.float64)
    lower, upper = (table[name].to_numpy(dtype=np.float64) for name in ("lower", "upper"))
    broken = np.ones(len(table), dtype=bool)
    if rule.below is not None:
        broken &= (upper if rule.certain else value) < rule.below
    if rule.above is not None:
        broken &= (lower if rule.certain else value) > rule.above
    if rule.equal is not None:
        broken &= value == rule.equal
    if rule.outside:
        broken &= _outside(table) & (np.abs(value - 1.0) > rule.larger_than)
    if rule.differs:
        broken &= table["differs"].to_numpy(dtype=bool)
        broken &= np.abs(value - table["others"].to_numpy(dtype=np.float64)) > rule.larger_than
    return broken


def _outside(table: pd.DataFrame) -> NDArray[np.bool_]:
    """Tell which ratios are further from one than chance: a family of years, or the line of a funnel."""
    if (table["indicator"] == "yearly_count").all():
        part, near = (table[name].to_numpy(dtype=np.float64) for name in ("part", "whole"))
        # The variance of the logarithm of a ratio of two counts; a year without a case is beyond any limit.
        with np.errstate(divide="ignore"):
            ratio = np.log(table["value"].to_numpy(dtype=np.float64))
        z = ratio / np.sqrt(1 / np.maximum(part, 0.5) + 1 / near)
        p = 2 * stats.norm.sf(np.abs(z))
        return false_discovery_rate(p, rate=FALSE_DISCOVERIES).discovered
    observed, due = (table[name].to_numpy(dtype=np.float64) for name in ("part", "whole"))
    tail = (1 - FUNNEL) / 2
    return (stats.poisson.cdf(observed, due) < tail) | (stats.poisson.sf(observed - 1, due) < tail)


def _concerned(broken: pd.DataFrame, rule: QualityRule) -> pd.DataFrame:
    """Return the numbers that the broken rows speak of: those of their site, or the whole registry."""
    out = broken[["registry", "site", "sex", "period_from", "period_until", "indicator", "value"]].copy()
    if rule.concerns != "site":
        out["site"], out["sex"] = ALL_CANCERS, 0
    return out.assign(action=rule.action, code=rule.code, limit=rule.limit)[list(COLUMNS)]
