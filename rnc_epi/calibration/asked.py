"""What the study asks of a level: each indicator as weights of cells, a scale, and why a unit has none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from rnc_epi.calibration.country import Country, Summed, comparator_of
from rnc_epi.calibration.pooling import Panel
from rnc_epi.calibration.rows import NO_PERSON_YEARS, PER
from rnc_epi.vocabulary.standards import standard as standard_named

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rnc_epi.vocabulary.study_calibration import Calibration

    Floats = NDArray[np.float64]


def weights_of(name: str, age_from: int, panel: Panel) -> Floats:
    """Return the weights of a standard population from a first age on, summing to one."""
    weights = standard_named(name).truncated(age_from, None).weights_for(panel.bands)
    return np.asarray(weights / weights.sum())


def standard_name(name: str, age_from: int) -> str:
    """Return the name of a standard from a first age on, as results carry it (``world-15+``)."""
    return standard_named(name).truncated(age_from, None).name if age_from else name


@dataclass(frozen=True)
class Asked:
    """One indicator of the units of a level.

    Parameters
    ----------
    indicator : str
    weights : (areas, bands) array or None
        Weight of each cell in its unit; None for cases.
    scale : (units,) array
        By which the weighted sum of what is predicted is multiplied.
    counted : (units,) array
        What the registries' own counts within the units add.
    reason : (units,) array
        Why a unit has no figure.
    expected : (units,) array or None
    keys : dict of str
        Columns that tell its rows apart.
    """

    indicator: str
    weights: Floats | None
    scale: Floats
    counted: Floats
    reason: NDArray[np.object_]
    expected: Floats | None = None
    keys: dict[str, str] = field(default_factory=dict)


def asked_of(
    country: Country,
    summed: Summed,
    asked: Calibration,
    indicators: Sequence[str],
    reason: NDArray[np.object_],
    rates: Floats | None = None,
) -> Iterator[Asked]:
    """Yield the indicators of some units in the order of the study; ratios need the national `rates`."""
    at_risk = summed.person_years
    people = at_risk.sum(axis=1)
    own = summed.own.sum(axis=1)
    one = np.ones(len(summed.units))
    for indicator in indicators:
        if indicator == "count":
            yield Asked("count", None, one, own, reason)
        elif indicator == "crude_rate":
            yield Asked("crude_rate", None, PER / people, own * PER / people, reason)
        elif indicator == "sir" and rates is not None:
            expected = at_risk @ rates
            ratio = 1 / np.where(expected > 0, expected, 1.0)
            why = np.where(expected > 0, reason, "nothing_expected").astype(object)
            keys = {"comparator": comparator_of(country)}
            yield Asked("sir", None, ratio, own * ratio, why, expected, keys)
        elif indicator == "asr":
            for name in asked.standards:
                share = weights_of(name, asked.age_from, country.panel)
                per_case = PER * share / np.where(at_risk > 0, at_risk, 1.0)
                inhabited = ((at_risk > 0) | (share == 0)).all(axis=1)
                yield Asked(
                    "asr",
                    np.where(summed.label[:, None] >= 0, per_case[summed.label], 0.0),
                    one,
                    (per_case * summed.own).sum(axis=1),
                    np.where(inhabited, reason, NO_PERSON_YEARS).astype(object),
                    keys={"standard": standard_name(name, asked.age_from)},
                )
