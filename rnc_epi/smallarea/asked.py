"""The model that a study asks for: its priors, its covariates, its thresholds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rnc_epi.maths import smallarea as maths
from rnc_epi.smallarea.covariates import deprivation_columns
from rnc_epi.smallarea.mapped import MappedCounts
from rnc_epi.smallarea.model import SmallAreaModel

if TYPE_CHECKING:
    import pandas as pd

    from rnc_epi.vocabulary.study_small_areas import SmallAreas


def priors_of(asked: SmallAreas, *, over_periods: bool = False) -> dict[str, Any]:
    """Return the priors of the model of a study, by hyperparameter."""
    spread = maths.PenalisedComplexitySD(asked.priors.spread_upper, asked.priors.spread_probability)
    if asked.model == "bym":
        return {"sigma_structured": spread, "sigma_unstructured": spread}
    if asked.model != "bym2":
        return {"sigma": spread}
    share = maths.PenalisedComplexityMixing(asked.priors.share_below, asked.priors.share_probability)
    priors: dict[str, Any] = {"sigma": spread, "phi": share}
    if over_periods and asked.time is not None:
        priors["sigma_time"] = spread
        if asked.time.interaction != "none":
            priors["sigma_interaction"] = spread
    return priors


def method_of(asked: SmallAreas, *, over_periods: bool = False) -> str:
    """Return the slug of the model in the rows of the maps.

    Examples
    --------
    >>> from rnc_epi.vocabulary.study_small_areas import OverPeriods, SmallAreas
    >>> method_of(SmallAreas())
    'bym2'
    >>> method_of(SmallAreas(time=OverPeriods(curve="autoregressive")), over_periods=True)
    'spacetime-I-autoregressive'
    """
    time = asked.time if over_periods else None
    name = asked.model if time is None else maths.spacetime_name(time.interaction, time.curve)
    return name if asked.deprivation is None else f"{name}-deprivation"


def model_of(
    asked: SmallAreas, counts: MappedCounts, deprivation: pd.DataFrame | None, *, over_periods: bool = False
) -> tuple[SmallAreaModel, tuple[str, ...]]:
    """Return the model to fit to a map, and the names of its covariates."""
    columns = None
    names: tuple[str, ...] = ()
    if asked.deprivation is not None and deprivation is not None:
        columns, names = deprivation_columns(counts, deprivation, asked.deprivation)
    together = asked.time if over_periods else None
    model = SmallAreaModel(
        asked.model,
        threshold=asked.threshold,
        priors=priors_of(asked, over_periods=over_periods),
        covariates=columns,
        level=asked.level,
        seed=asked.seed,
        reference=asked.reference,
        high=asked.high,
        low=asked.low,
        interaction=None if together is None else together.interaction,
        time="random-walk" if together is None else together.curve,
    )
    return model, names
