"""Leaks to plant in a safe release: each is drawn by a seed and gives back one small count.

A leak takes the public table, the internal one (same rows where the plan lets them out) and a generator, and
returns a public table that should not have been released.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pandas as pd

from rnc_epi.vocabulary.schemas import RESULT_KEY, as_result

CELL = [
    "event_type",
    "site",
    "sex",
    "geo_level",
    "geo_code",
    "period_from",
    "period_until",
    "age_from",
    "age_until",
]
NUMBERS = ["value", "lower", "upper", "se", "events", "expected", "person_years"]

Leak = Callable[[pd.DataFrame, pd.DataFrame, np.random.Generator], pd.DataFrame]


def truth(public: pd.DataFrame, results: pd.DataFrame) -> pd.DataFrame:
    """Return the internal rows, in the order of the public ones."""
    return public[list(RESULT_KEY)].merge(results, on=list(RESULT_KEY), how="left")


def small_row(public, results, rng, indicator):
    """Draw a row whose count is small; return its position and the internal rows."""
    full = truth(public, results)
    rows = np.flatnonzero(((full["indicator"] == indicator) & full["events"].between(1, 10)).to_numpy())
    return int(rng.choice(rows)), full


def unmask(columns: list[str], indicator: str) -> Leak:
    """Show some numbers of one hidden row."""

    def leak(public, results, rng):
        row, full = small_row(public, results, rng, indicator)
        shown = public.copy()
        for name in columns:
            shown.loc[row, name] = full.loc[row, name]
        shown.loc[row, "status"] = "published"
        return shown

    return leak


def show_cells(public: pd.DataFrame, full: pd.DataFrame, chosen: np.ndarray) -> pd.DataFrame:
    """Show every number of some rows."""
    shown = public.copy()
    shown.loc[chosen, NUMBERS] = full.loc[chosen, NUMBERS]
    shown.loc[chosen, "status"] = "published"
    return shown


def complete_sum(dimension: str) -> Leak:
    """Show everything of one sum but one small count."""

    def leak(public, results, rng):
        full = truth(public, results)
        count = (full["indicator"] == ("age_specific_rate" if dimension == "age" else "count")) | (
            full["indicator"] == "count"
        )
        indicator = "age_specific_rate" if dimension == "age" else "count"
        small_rows = np.flatnonzero(
            ((full["indicator"] == indicator) & full["events"].between(1, 10)).to_numpy()
        )
        for row in rng.permutation(small_rows).tolist():
            one = full.loc[row]
            same = count.copy()
            for name in CELL:
                if name not in VARIES[dimension]:
                    same &= full[name].eq(one[name]) | (full[name].isna() & pd.isna(one[name]))
            same &= MEMBERS[dimension](full, one)
            others = np.flatnonzero(same.to_numpy() & (np.arange(len(full)) != row))
            small = full.loc[others, "events"].between(1, 10)
            if len(others) > 1 and PARENT[dimension](full.loc[others], one).any() and not small.any():
                return show_cells(public, full, others)
        raise AssertionError(f"no lone small count along {dimension}")

    return leak


VARIES = {
    "sex": ["sex"],
    "site": ["site"],
    "age": ["age_from", "age_until"],
}
GROUPS = {"site0": "group_a", "site1": "group_a", "site2": "group_b", "site3": "group_b"}


def _site_members(full, one):
    group = GROUPS.get(one["site"], "all")
    inside = (
        [site for site, parent in GROUPS.items() if parent == group]
        if group != "all"
        else list(set(GROUPS.values()))
    )
    return full["site"].isin([group, *inside])


MEMBERS = {
    "sex": lambda full, one: full["sex"].isin([0, 1, 2]),
    "site": _site_members,
    "age": lambda full, one: full["age_from"].ge(0),
}
PARENT = {
    "sex": lambda others, one: others["sex"].eq(0),
    "site": lambda others, one: (
        others["site"].isin(["group_a", "group_b", "all"]) & others["site"].ne(one["site"])
    ),
    "age": lambda others, one: others["age_from"].eq(0) & others["age_until"].isna(),
}


def _big_count(public: pd.DataFrame, rng: np.random.Generator, years: int | None = None) -> pd.Series:
    large = (public["indicator"] == "count") & public["status"].eq("published") & public["events"].gt(60)
    if years is not None:
        large &= (public["period_until"] - public["period_from"]).eq(years)
    return public.loc[int(rng.choice(np.flatnonzero(large.to_numpy())))].copy()


def _with(public: pd.DataFrame, row: pd.Series) -> pd.DataFrame:
    added = as_result(pd.DataFrame([row.to_dict()]))
    return as_result(pd.concat([public, added], ignore_index=True))


def nested_period(public, results, rng):
    """Add a period one year longer than a published one, with a few more deaths."""
    row = _big_count(public, rng, years=2)
    row["period_until"] += 1
    row["events"] += int(rng.integers(1, 11))
    row["value"] = row["events"]
    return _with(public, row)


def nested_age(public, results, rng):
    """Add ages below 90 to all ages, with a few deaths less."""
    row = _big_count(public, rng)
    row["age_until"] = 90
    row["events"] -= int(rng.integers(1, 11))
    row["value"] = row["events"]
    return _with(public, row)


def unknown_age(public, results, rng):
    """Let a standardised rate rest on a few deaths less than the count."""
    row = _big_count(public, rng)
    same = (public[CELL].fillna(-1) == row[CELL].fillna(-1)).all(axis=1) & public["indicator"].isin(
        ["asr", "smr"]
    )
    shown = public.copy()
    shown.loc[same, "events"] -= int(rng.integers(1, 11))
    return shown


def complement(public, results, rng):
    """Add a stratum that holds all of a count but a few."""
    row = _big_count(public, rng)
    row["stratum_type"], row["stratum"] = "stage", "known"
    row["events"] -= int(rng.integers(1, 11))
    row["value"] = row["events"]
    return _with(public, row)


TABLE_LEAKS: dict[str, Leak] = {
    "count": unmask(["events", "value"], "count"),
    "events of a rate": unmask(["events"], "crude_rate"),
    "rate and person-years": unmask(["value", "person_years"], "crude_rate"),
    "rate alone": unmask(["value"], "crude_rate"),
    "interval": unmask(["value", "lower", "upper"], "asr"),
    "standard error": unmask(["value", "se"], "asr"),
    "interval of a ratio": unmask(["value", "lower", "upper", "expected"], "smr"),
    "nested period": nested_period,
    "nested age": nested_age,
    "unknown age": unknown_age,
    "complement": complement,
    **{f"sum by {dimension}": complete_sum(dimension) for dimension in ("sex", "site", "age")},
}


def cases(seeds: range) -> list[tuple[str, int]]:
    """Return every leak with every seed."""
    return list(itertools.product(TABLE_LEAKS, seeds))
