"""Small reference tables that the SQL steps join with: who covers which site, where, when, at which ages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from rnc_epi.vocabulary.contract import SITE_GROUP_ALL
from rnc_epi.vocabulary.sites import SITES, children, leaves

if TYPE_CHECKING:
    from collections.abc import Collection

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

    A cause that only death certificates use (several primaries) is no gap of incidence. The proxies that
    stand for cases have the sites of incidence, the one that stands for deaths (M) those of deaths.
    """
    if event_type in ("death", "proxy_M"):
        return any(SITES[leaf].icd10_deaths for leaf in leaves(slug))
    return any(SITES[leaf].rules for leaf in leaves(slug))


def sites_of_group(site_group: str) -> list[str]:
    """Return the sites that a registry of some kind records: those of one branch of the tree.

    A general registry records every cancer but those of the skin other than melanoma, as is the French use;
    one that does record them says so with a line of coverage of its own.
    """
    return sorted(subtree("all_cancers" if site_group == SITE_GROUP_ALL else site_group))


def sites_of_groups(coverage: pd.DataFrame) -> pd.DataFrame:
    """Return the sites of each group of sites that a coverage names."""
    rows = [
        (group, slug) for group in sorted(coverage["site_group"].unique()) for slug in sites_of_group(group)
    ]
    return pd.DataFrame(rows, columns=["site_group", "site"], dtype="str")


def covered_sites(coverage: pd.DataFrame) -> pd.DataFrame:
    """Return the coverage with its site groups written out, one row a site; an open age is `OPEN_AGE`."""
    table = coverage.merge(sites_of_groups(coverage), on="site_group").drop(columns="site_group")
    table["age_until"] = table["age_until"].fillna(OPEN_AGE)
    columns = [
        *("registry", "geo_level", "geo_code", "geo_vintage", "site"),
        *("age_from", "age_until", "period_from", "period_until"),
    ]
    return table[columns].drop_duplicates().reset_index(drop=True)


def declared_scope(scope: pd.DataFrame, coded_by_cause: Collection[str] = ()) -> pd.DataFrame:
    """Return the declared scope, with everything below a site written out where rows are coded to leaves.

    That is so for tables of persons, and for death cells of the sources `coded_by_cause`: there a parent is
    known through its leaves alone.
    """
    by_leaf = scope["table_name"].isin(["tumours", "deaths"]) | (
        (scope["table_name"] == "death_cells") & scope["source"].isin(list(coded_by_cause))
    )
    below = pd.DataFrame(
        [(slug, leaf) for slug in sorted(scope.loc[by_leaf, "site"].unique()) for leaf in leaves(slug)],
        columns=["site", "leaf"],
        dtype="str",
    )
    written_out = scope[by_leaf].merge(below, on="site").drop(columns="site").rename(columns={"leaf": "site"})
    table = pd.concat([scope[~by_leaf], written_out], ignore_index=True)
    kinds = dict.fromkeys(("sex", "age_from", "age_until", "period_from", "period_until"), "Int64")
    kinds |= dict.fromkeys(("table_name", "source", "site", "geo_level"), "str")
    table = table.astype(kinds)
    table["age_until"] = table["age_until"].fillna(OPEN_AGE)
    return table[list(scope.columns)].drop_duplicates().reset_index(drop=True)


def site_numbers() -> pd.DataFrame:
    """Return the place of every site in the site table, which stands for it inside the SQL steps."""
    return pd.DataFrame({"site": pd.array(list(SITES), dtype="str"), "number": range(len(SITES))})


def site_sexes() -> pd.DataFrame:
    """Return the sexes that each site applies to, its number, and whether it is a leaf of the tree."""
    rows = [
        (slug, number, sex, not children(slug))
        for number, slug in enumerate(SITES)
        for sex in sorted(SITES[slug].sexes)
    ]
    return pd.DataFrame(rows, columns=["site", "number", "sex", "is_leaf"])
