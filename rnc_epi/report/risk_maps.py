"""Smoothed maps as a release holds them, and which of their areas differ from the rest of their region."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from rnc_epi.maths.multiple import false_discovery_rate
from rnc_epi.report.comparison import FALSE_DISCOVERIES
from rnc_epi.report.wording import area_title
from rnc_epi.vocabulary.schemas import PUBLISHED

if TYPE_CHECKING:
    from rnc_epi.report.content import Content

RISK, PROBABILITY, CLASS = "relative_risk", "exceedance_probability", "risk_class"

#: What tells one map from another.
MAP: Final = [
    "event_type",
    "geo_level",
    "geo_vintage",
    "site",
    "sex",
    "period_from",
    "period_until",
    "method",
]

#: Fewest other areas with a published figure that make "the rest of the region".
FEWEST_OTHERS: Final = 3


@dataclass(frozen=True, eq=False)
class RiskMap:
    """One map as the release holds it, one row an area.

    Attributes
    ----------
    key : dict
        What it is of.
    areas : DataFrame
        ``geo_code, value, lower, upper, status`` of the risk, ``expected``, ``probability``,
        ``risk_class``, ``name``.
    threshold : float
    level : float
        Coverage of the limits.
    benchmarked : bool
    altered : bool
    rows : DataFrame
        The rows of the risk as the release holds them.
    """

    key: dict[str, Any]
    areas: pd.DataFrame
    threshold: float
    level: float
    benchmarked: bool
    altered: bool
    rows: pd.DataFrame

    @property
    def shown(self) -> pd.DataFrame:
        """Areas with a published figure."""
        return self.areas[self.areas["status"].eq(PUBLISHED)]

    @property
    def classed(self) -> pd.DataFrame:
        """Areas whose class is published."""
        return self.areas[self.areas["risk_class"].notna()]

    def number_of(self, risk_class: int) -> int:
        """Return how many areas are of a class."""
        return int(self.areas["risk_class"].eq(risk_class).sum())


def risk_maps(content: Content, language: str) -> list[RiskMap]:
    """Return every smoothed map of a release; of two forms of one, the benchmarked."""
    rows = content.results[content.results["indicator"].isin([RISK, PROBABILITY, CLASS])]
    found = []
    for values, of_map in rows.groupby(MAP, sort=True, observed=True):
        key = dict(zip(MAP, values, strict=True))
        benchmarked = of_map["estimator"].eq("benchmarked").any()
        of_map = of_map[of_map["estimator"].eq("benchmarked" if benchmarked else "smoothed")]
        risk = of_map[of_map["indicator"].eq(RISK)]
        if risk.empty:
            continue
        columns = ["geo_level", "geo_code", "geo_vintage", "value", "lower", "upper", "expected", "status"]
        areas = risk[columns].reset_index(drop=True)
        for name, indicator in (("probability", PROBABILITY), ("risk_class", CLASS)):
            other = of_map[of_map["indicator"].eq(indicator)]
            shown = other[other["status"].eq(PUBLISHED)].set_index("geo_code")["value"]
            areas[name] = areas["geo_code"].map(shown).astype(float)
        areas["name"] = [area_title(content, row, language) for row in areas.to_dict("records")]
        said = of_map.loc[of_map["indicator"].eq(PROBABILITY), "comparator"].astype(str)
        times = said.iloc[0].partition("*")[2] if len(said) else ""
        levels = risk["level"].dropna()
        found.append(
            RiskMap(
                key,
                areas,
                float(times) if times else 1.0,
                float(levels.iloc[0]) if len(levels) else 0.95,
                bool(benchmarked),
                content.is_altered(risk),
                risk,
            )
        )
    return found


def against_rest(content: Content, maps: list[RiskMap]) -> list[pd.DataFrame]:
    """Return, for each map, its areas that may be compared with the rest of their region, with a verdict.

    The rest is the mean of the smoothed risks of the other areas with a published figure, weighted by their
    expected events. An area differs when the distance of its log risk to that of the rest, in posterior
    standard deviations (from its published limits), is a discovery over all maps of the chapter (ruling 26).
    Areas are smoothed towards their neighbours, so the comparison errs on the side of "not distinct".

    Returns
    -------
    list of DataFrame
        Rows of ``RiskMap.shown`` with ``region, rest, p_value, verdict`` (``higher, lower, not_distinct``).
    """
    compared = []
    for one in maps:
        regions = content.regions_of(one.key["geo_level"])
        rows = one.shown[one.shown["expected"].gt(0) & one.shown["lower"].gt(0)]
        rows = rows.assign(region=rows["geo_code"].map(regions))
        rows = rows[rows["region"].notna()]
        weighted = rows["value"] * rows["expected"]
        sums = weighted.groupby(rows["region"]).transform("sum") - weighted
        sizes = rows["expected"].groupby(rows["region"]).transform("sum") - rows["expected"]
        others = rows.groupby("region")["value"].transform("size") - 1
        rows = rows[others.ge(FEWEST_OTHERS)]
        rest = (sums / sizes.where(sizes > 0))[rows.index]
        width = 2.0 * float(ndtri(0.5 + 0.5 * one.level))
        sd = np.log(rows["upper"] / rows["lower"]) / width
        z = (np.log(rows["value"]) - np.log(rest)) / sd.where(sd > 0)
        compared.append(rows.assign(rest=rest, z=z, p_value=2.0 * ndtr(-np.abs(z))))
    tested = np.concatenate([part["p_value"].to_numpy(float) for part in compared] or [np.zeros(0)])
    if not tested.size:
        return [part.assign(verdict="not_distinct") for part in compared]
    discovered = false_discovery_rate(tested, rate=FALSE_DISCOVERIES).discovered
    first, judged = 0, []
    for part in compared:
        here = discovered[first : first + len(part)]
        first += len(part)
        verdict = np.where(here, np.where(part["z"] > 0, "higher", "lower"), "not_distinct")
        judged.append(part.assign(verdict=verdict))
    return judged
