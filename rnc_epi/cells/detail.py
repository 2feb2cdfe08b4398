"""How finely strata may be read: the publication plan, applied before anything is computed for nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from rnc_epi.vocabulary.policy import Policy


@dataclass(frozen=True)
class Detail:
    """What a policy lets out, by level of geography; `free_sources` are already published elsewhere.

    Parameters
    ----------
    shortest : dict of (geo_level, event_type) to int
        Fewest years of a period; a level that is absent is not published.
    by_age : frozenset of (geo_level, event_type)
        Levels whose results may be given by age band.
    free_sources : frozenset of str
        Sources whose threshold is 0: held to the levels, not to the years or the ages.
    """

    shortest: dict[tuple[str, str], int] = field(default_factory=dict)
    by_age: frozenset[tuple[str, str]] = frozenset()
    free_sources: frozenset[str] = frozenset()

    def keeps(self, strata: pd.DataFrame) -> NDArray[np.bool_]:
        """Return which strata the plan lets out at all."""
        keys = list(zip(strata["geo_level"], strata["event_type"], strict=True))
        years = (strata["period_until"] - strata["period_from"]).to_numpy(dtype=np.int64)
        needed = np.array([self.shortest.get(key, np.iinfo(np.int64).max) for key in keys], dtype=np.int64)
        named = np.array([key in self.shortest for key in keys], dtype=bool)
        return np.asarray((years >= needed) | (named & self._free(strata)))

    def keeps_ages(self, strata: pd.DataFrame) -> NDArray[np.bool_]:
        """Return which strata the plan lets out by age band."""
        keys = zip(strata["geo_level"], strata["event_type"], strict=True)
        return np.asarray(np.array([key in self.by_age for key in keys], dtype=bool) | self._free(strata))

    def _free(self, strata: pd.DataFrame) -> NDArray[np.bool_]:
        known = {name: set(name.split("+")) <= self.free_sources for name in strata["source"].unique()}
        return strata["source"].map(known).to_numpy(dtype=bool)


def detail_of(policy: Policy, levels: set[str], event_types: tuple[str, ...]) -> Detail:
    """Return what a policy lets out of some levels and types of event."""
    rules = {
        (level, event): rule
        for level in levels
        for event in event_types
        if (rule := policy.rule_of(level, event)) is not None
    }
    return Detail(
        shortest={key: rule.minimum_years for key, rule in rules.items()},
        by_age=frozenset(key for key, rule in rules.items() if rule.age_detail),
        free_sources=frozenset(name for name, value in policy.source_thresholds.items() if value == 0),
    )
