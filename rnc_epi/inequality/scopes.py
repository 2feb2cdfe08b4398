"""Within what groups are cut: the region or registry zone that each area lies in."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from rnc_epi.vocabulary.areas import POOLED_REGISTRIES
from rnc_epi.vocabulary.errors import InputError


def scope_codes(
    placed: pd.DataFrame, scope: str, scope_areas: Sequence[str], membership: pd.DataFrame | None
) -> pd.Series:
    """Return the area of the scope that each area lies in; null outside, one label for the nation."""
    if scope == "national":
        return pd.Series("_", index=placed.index, dtype=object)
    if membership is None:
        raise InputError("I016", what=scope, found="_")
    level, vintage = str(placed["geo_level"].iloc[0]), str(placed["geo_vintage"].iloc[0])
    links = _reaching(membership, level, vintage, scope)
    links = links[links["parent_code"].ne(POOLED_REGISTRIES)]
    links = links[links["child_code"].isin(placed["geo_code"])]
    links = links[["child_code", "parent_code"]].drop_duplicates()
    strange = sorted(set(scope_areas) - set(links["parent_code"]))
    if strange and len(links):
        there = ", ".join(sorted(links["parent_code"].unique()))
        raise InputError("I039", what=scope, found=", ".join(strange), expected=there)
    if scope_areas:
        links = links[links["parent_code"].isin(scope_areas)]
    if links.empty:
        held = ", ".join(sorted(membership["parent_level"].astype(str).unique())) or "_"
        raise InputError("I016", what=scope, found=held)
    several = links.duplicated("child_code", keep=False)
    if several.any():
        raise InputError(
            "I014",
            what=scope,
            found=links.loc[several, "child_code"].nunique(),
            where=links.loc[several, "child_code"].iloc[0],
        )
    return placed["geo_code"].map(links.set_index("child_code")["parent_code"])


def _reaching(membership: pd.DataFrame, level: str, vintage: str, scope: str) -> pd.DataFrame:
    """Return ``child_code, parent_code`` from areas of a level to those of a scope, over levels in between.

    Links of a part of an area (weight below 1) lead nowhere: a half of it would be in two groups.
    """
    ends = ["child_level", "child_code", "child_vintage", "parent_level", "parent_code", "parent_vintage"]
    whole = membership[membership["weight"].ge(1.0)] if "weight" in membership else membership
    links = whole[ends].astype(str).drop_duplicates()
    links = links[links["child_level"].ne(links["parent_level"])]
    here = links[links["child_level"].eq(level) & links["child_vintage"].eq(vintage)]
    found, seen = [], {level}
    while len(here):
        found.append(here[here["parent_level"].eq(scope)][["child_code", "parent_code"]])
        climbing = here[~here["parent_level"].isin({scope, *seen})]
        seen |= set(climbing["parent_level"])
        above = links.rename(columns={name: name.replace("child", "mid") for name in ends[:3]})
        here = climbing.rename(columns={name: name.replace("parent", "mid") for name in ends[3:]})
        here = here.merge(above, on=["mid_level", "mid_code", "mid_vintage"])[ends].drop_duplicates()
    return pd.concat(found, ignore_index=True).drop_duplicates() if found else links[ends[1:5:3]]
