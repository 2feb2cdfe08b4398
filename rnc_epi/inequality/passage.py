"""Scores of one edition of the codes carried to another: mergers, splits, arrondissements of a commune."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from rnc_epi.vocabulary.errors import InputError


@dataclass(frozen=True)
class Passed:
    """Scores on the areas asked, and what became of those that they came from.

    Parameters
    ----------
    scores : DataFrame
        ``geo_code, score``, one row an area that has a source.
    merged : int
        Areas whose score is the mean of several.
    split : int
        Areas that took the score of a larger one.
    not_placed : int
        Scores whose area leads nowhere.
    """

    scores: pd.DataFrame
    merged: int
    split: int
    not_placed: int


def pass_scores(scores: pd.DataFrame, targets: pd.Index, passage: pd.DataFrame | None) -> Passed:
    """Carry scores to the codes `targets`.

    A code in the passage table goes where it says; any other keeps its code. An area made of several takes
    the mean of their scores, weighted by population and by the share of each that goes there; sources
    without a score are left out of it.

    Parameters
    ----------
    scores : DataFrame
        ``geo_code, score`` of one level and edition.
    targets : Index of str
        Codes of the areas that the scores are for.
    passage : DataFrame, optional
        ``child_code, parent_code``; ``weight`` (share of the child in the parent, 1 without it) and
        ``population`` of the child, which is needed where several with scores meet.

    Raises
    ------
    InputError
        ``I013`` several scores meet without population.
    """
    codes = scores["geo_code"].astype(str)
    if passage is None or passage.empty:
        here = codes.isin(targets)
        kept = pd.DataFrame({"geo_code": codes[here], "score": scores["score"][here]})
        return Passed(kept.reset_index(drop=True), 0, 0, int((~here).sum()))
    steps = pd.DataFrame(
        {
            "geo_code": passage["child_code"].astype(str).to_numpy(),
            "target": passage["parent_code"].astype(str).to_numpy(),
            "share": passage["weight"].to_numpy(dtype=np.float64) if "weight" in passage else 1.0,
            "people": passage["population"].to_numpy(dtype=np.float64) if "population" in passage else np.nan,
        }
    )
    # A code that the table does not name did not change between the editions.
    stays = pd.Index(codes).difference(pd.Index(steps["geo_code"]))
    steps = pd.concat(
        [steps, pd.DataFrame({"geo_code": stays, "target": stays, "share": 1.0, "people": np.nan})],
        ignore_index=True,
    )
    steps = steps[steps["target"].isin(targets)]
    sources = pd.DataFrame({"geo_code": codes.to_numpy(), "score": scores["score"].to_numpy(dtype=float)})
    joined = sources.merge(steps, on="geo_code", how="inner")
    scored = joined[joined["score"].notna()]
    per_target = scored.groupby("target")["geo_code"].transform("size")
    lacking = scored[per_target.gt(1) & scored["people"].isna()]
    if len(lacking):
        raise InputError("I013", found=lacking["target"].nunique(), where=lacking["target"].iloc[0])
    weight = (scored["share"] * scored["people"].fillna(1.0)).where(per_target.gt(1), 1.0)
    means = (scored["score"] * weight).groupby(scored["target"]).sum() / weight.groupby(
        scored["target"]
    ).sum()
    reached = pd.Index(joined["target"].unique())
    found = pd.DataFrame({"geo_code": reached, "score": means.reindex(reached).to_numpy()})
    spread = joined.groupby("geo_code")["target"].transform("size")
    return Passed(
        found,
        int((scored.groupby("target").size() > 1).sum()),
        int(joined.loc[spread.gt(1), "target"].nunique()),
        int((~sources["geo_code"].isin(joined["geo_code"])).sum()),
    )
