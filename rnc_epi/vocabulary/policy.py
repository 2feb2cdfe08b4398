"""What may be published at which detail: the policy that disclosure applies and the release writer checks."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Final

from rnc_epi.vocabulary.errors import StudyFileError

DEFAULT_THRESHOLD: Final = 11


@dataclass(frozen=True)
class PlanRule:
    """What may be published of one level of geography.

    Parameters
    ----------
    geo_level : str
    minimum_years : int
        Shortest period, in years, that may be published at this level.
    age_detail : bool
        Whether age-specific indicators may be published at this level.
    event_types : tuple of str
        Types of event the rule speaks of; empty for all.
    strata : bool
        Whether results by group (deprivation) may be published at this level.
    classes : bool
        Whether areas whose number is hidden may be shown by their class of risk.
    """

    geo_level: str
    minimum_years: int
    age_detail: bool
    event_types: tuple[str, ...] = ()
    strata: bool = False
    classes: bool = False


@dataclass(frozen=True)
class Lift:
    """A declared line of the study file that lifts the caveat of a site's mortality, with its reason."""

    site: str
    event_type: str
    reason_fr: str
    reason_en: str


@dataclass(frozen=True)
class Precision:
    """Published decimals by kind of measure; decides secrecy and reproducibility (ruling 16)."""

    count: int = 0
    rate: int = 1
    ratio: int = 2
    percent: int = 1


@dataclass(frozen=True)
class Policy:
    """A disclosure policy.

    Parameters
    ----------
    name : str
    threshold : int
        Smallest count of persons that may be shown; counts from 1 to ``threshold - 1`` are protected.
    source_thresholds : dict
        Threshold by source, where it differs (0: tables already published elsewhere).
    plan : tuple of PlanRule
        A level that no rule names is not published.
    lifts : tuple of Lift
    precision : Precision
    """

    name: str
    threshold: int = DEFAULT_THRESHOLD
    source_thresholds: dict[str, int] = field(default_factory=dict)
    plan: tuple[PlanRule, ...] = ()
    lifts: tuple[Lift, ...] = ()
    precision: Precision = field(default_factory=Precision)

    def __post_init__(self) -> None:
        for value in (self.threshold, *self.source_thresholds.values()):
            if value < 0:
                raise StudyFileError("S010", found=value)

    def threshold_of(self, source: str) -> int:
        """Return the threshold of a source; of several, joined by ``+``, the highest."""
        return max(self.source_thresholds.get(part, self.threshold) for part in source.split("+"))

    def rule_of(self, geo_level: str, event_type: str) -> PlanRule | None:
        """Return the rule for a level and a type of event, or None: not to be published."""
        for rule in self.plan:
            if rule.geo_level == geo_level and (not rule.event_types or event_type in rule.event_types):
                return rule
        return None

    def fingerprint(self) -> str:
        """Return a hash of everything that the policy says."""
        text = json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()
