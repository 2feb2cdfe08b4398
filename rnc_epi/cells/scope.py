"""Small reference tables that the SQL steps join with: who covers which site, where, when, at which ages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from rnc_epi.vocabulary.contract import SITE_GROUP_ALL
from rnc_epi.vocabulary.sites import SITES, children, leaves

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Age that stands for "no upper limit" inside the SQL steps, where null would not compare.
OPEN_AGE = 999


def subtree(slug: str) -> list[str]:
    """Return a site and everything below it."""
    found = [slug]
    for child in children(slug):
        found.extend(subtree(child))
    return found


def is_counted(slug: str, event_type: str) -> bool:
    """Return whether a site has a definition for a type of event.

    A cause that only death certificates use (uterus, part unspecified) is no gap of incidence.
    """
    if event_type == "incidence":
        return any(SITES[leaf].rules for leaf in leaves(slug))
    return any(SITES[leaf].icd10_deaths for leaf in leaves(slug))


def sites_of_group(site_group: str) -> list[str]:
    """Return the sites that a registry of some kind records: those of one branch of the tree.

    A general registry records every cancer but those of the skin other than melanoma, as is the French use;
    one that does record them says so with a line of coverage of its own.
    """
    return sorted(subtree("all_cancers" if site_group == SITE_GROUP_ALL else site_group))


def covered_sites(coverage: pd.DataFrame) -> pd.DataFrame:
    """Return the coverage with its site groups written out, one row a site; an open age is `OPEN_AGE`."""
    groups = pd.DataFrame(
        [
            (group, slug)
            for group in sorted(coverage["site_group"].unique())
            for slug in sites_of_group(group)
        ],
        columns=["site_group", "site"],
    )
    table = coverage.merge(groups, on="site_group").drop(columns="site_group")
    table["age_until"] = table["age_until"].fillna(OPEN_AGE)
    columns = [
        *("registry", "geo_level", "geo_code", "geo_vintage", "site"),
        *("age_from", "age_until", "period_from", "period_until"),
    ]
    return table[columns].drop_duplicates().reset_index(drop=True)


def declared_scope(scope: pd.DataFrame) -> pd.DataFrame:
    """Return the declared scope; for tables of persons a site stands for everything below it too."""
    of_rows = scope["table_name"].isin(["tumours", "deaths"])
    below = pd.DataFrame(
        [(slug, inner) for slug in sorted(scope.loc[of_rows, "site"].unique()) for inner in subtree(slug)],
        columns=["site", "inner"],
    )
    written_out = (
        scope[of_rows].merge(below, on="site").drop(columns="site").rename(columns={"inner": "site"})
    )
    table = pd.concat([scope[~of_rows], written_out], ignore_index=True)
    table["age_until"] = table["age_until"].fillna(OPEN_AGE)
    return table[list(scope.columns)].drop_duplicates().reset_index(drop=True)


def site_sexes() -> pd.DataFrame:
    """Return the sexes that each site applies to, and whether it is a leaf of the tree."""
    rows = [(slug, sex, not children(slug)) for slug in sorted(SITES) for sex in sorted(SITES[slug].sexes)]
    return pd.DataFrame(rows, columns=["site", "sex", "is_leaf"])


def calendar(years: Iterable[int]) -> pd.DataFrame:
    """Return the years from the first to the last of some years, one row each."""
    known = list(years)
    return pd.DataFrame({"year": range(min(known), max(known) + 1) if known else []}, dtype="int64")
