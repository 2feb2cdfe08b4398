"""How a figure was had, and what its groups are called: words that rooms, disclosure and reports share."""

from __future__ import annotations

from typing import Final

#: Counted in the area; estimated from a correlate; raked to the level above; from a model of registries;
#: shrunk towards the neighbours.
OBSERVED: Final = "observed"
CALIBRATED: Final = "calibrated"
BENCHMARKED: Final = "benchmarked"
MODELLED: Final = "modelled"
SMOOTHED: Final = "smoothed"

#: In the method of an estimate that holds what registries counted in some of its areas.
REGISTRIES: Final = "+registries"

#: How a count is had from that of a correlate (long-term illness, hospital stay, death): ``calibrated-HA``.
_CALIBRATIONS: Final = ("calibrated", "chatignoux", "benchmarked")

#: Figures of models. Anything else is held to be a count of persons.
MODELS: Final = (CALIBRATED, BENCHMARKED, MODELLED, SMOOTHED)

#: What a smoothed map says in numbers: it follows from the counts of the area and of those around it.
OF_A_SMOOTHED_MAP: Final = ("relative_risk", "exceedance_probability")
#: The class of an area: clearly lower (-1), not distinct (0), clearly higher (1). Says no number.
RISK_CLASS: Final = "risk_class"

#: Areas with a score, together; areas without.
ALL_GROUPS: Final = "all"
UNKNOWN_GROUP: Final = "unknown"

#: What joins a grouping and a class of another within which it is looked at: ``deprivation|urban``.
CROSSED: Final = "|"

#: Indicators that speak of the persons of one stratum alone; the others compare strata.
OF_ONE_STRATUM: Final = ("count", "crude_rate", "age_specific_rate", "asr")


def proxy_of(method: str) -> str | None:
    """Return the correlate named in the method of an estimate; None where it rests on none.

    Examples
    --------
    >>> proxy_of("benchmarked-HA"), proxy_of("calibrated+registries-A+H"), proxy_of("bym2-deprivation")
    ('HA', 'A+H', None)
    """
    way, _, proxy = method.partition("-")
    return proxy if proxy and way.partition("+")[0] in _CALIBRATIONS else None
