"""The gradients that a release holds of an event: rows of its widest area, by period, site and group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pandas as pd

from rnc_epi.report.figures.gradient import of_groups
from rnc_epi.report.wording import area_title
from rnc_epi.vocabulary.areas import NATIONAL_LEVELS, POOLED_REGISTRIES
from rnc_epi.vocabulary.deprivation import ALL_GROUPS, is_deprivation
from rnc_epi.vocabulary.schemas import PUBLISHED

if TYPE_CHECKING:
    from rnc_epi.report.content import Content

#: The relative and slope index shown: on counts by age, in proportion, whatever the shape of the gradient.
SHOWN_MODEL: Final = "multiplicative-poisson"


@dataclass(frozen=True)
class Gradient:
    """What the release holds of the gradients of one event in its widest area."""

    event_type: str
    stratum_type: str
    rows: pd.DataFrame
    period: tuple[int, int]
    where: str
    standard: str
    labels: tuple[str, ...]

    def of(self, indicator: str, **keys: object) -> pd.DataFrame:
        """Return the rows of an indicator over the longest period, all ages."""
        rows = self.every(indicator, **keys)
        return rows[rows["period_from"].eq(self.period[0]) & rows["period_until"].eq(self.period[1])]

    def every(self, indicator: str, **keys: object) -> pd.DataFrame:
        """Return the rows of an indicator over every period, all ages."""
        wanted = self.rows["indicator"].eq(indicator)
        for name, value in keys.items():
            wanted &= self.rows[name].eq(value)
        return self.rows[wanted & self.rows["age_from"].eq(0) & self.rows["age_until"].isna()]

    @property
    def extremes(self) -> str:
        """The comparator of the two extreme groups."""
        return f"{self.labels[-1]}/{self.labels[0]}"

    def sites(self, sex: int) -> list[str]:
        """Return the sites of a sex with published rates, by decreasing number of events."""
        counts = self.of("count", stratum=ALL_GROUPS, sex=sex)
        counts = counts[counts["status"].eq(PUBLISHED) & counts["value"].gt(0)]
        ranked = counts.sort_values(["value", "site"], ascending=[False, True], kind="stable")
        held = set(self.of("asr", sex=sex).query("status == @PUBLISHED")["site"])
        return [str(slug) for slug in ranked["site"] if slug in held]


def gradient_of(content: Content, event_type: str, language: str) -> Gradient | None:
    """Return the gradients of an event in the nation, else in all registries, over the longest period."""
    results = content.results
    ours = results["event_type"].eq(event_type) & results["estimator"].eq("observed")
    kinds = {kind for kind in results.loc[ours, "stratum_type"].unique() if is_deprivation(kind)}
    places: list[tuple[str, str | None]] = [(level, None) for level in NATIONAL_LEVELS]
    places.append(("registry_zone", POOLED_REGISTRIES))
    for kind in sorted(kind for kind in kinds if "|" not in kind):
        rows = results[ours & results["stratum_type"].eq(kind)]
        for level, code in places:
            here = rows[rows["geo_level"].eq(level)]
            if code is not None:
                here = here[here["geo_code"].eq(code)]
            found = _of_area(content, event_type, kind, here, language)
            if found is not None:
                return found
    return None


def _of_area(
    content: Content, event_type: str, kind: str, here: pd.DataFrame, language: str
) -> Gradient | None:
    rates = of_groups(content.all_ages(here[here["indicator"].eq("asr")]))
    rates = rates[rates["status"].eq(PUBLISHED)]
    period = content.longest_period(rates)
    if period is None:
        return None
    held = set(rates["standard"])
    standard = content.standard if content.standard in held else sorted(held)[0]
    groups = sorted({int(number) for number in rates["group"]})
    return Gradient(
        event_type,
        kind,
        here[here["standard"].isin([standard, "_"])],
        period,
        area_title(content, rates.iloc[0], language),
        str(standard),
        tuple(f"Q{number}" for number in groups),
    )
