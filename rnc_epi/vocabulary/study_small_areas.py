"""The section [small_areas] of the study file: which maps to smooth, against what, how sure to be."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from rnc_epi.vocabulary.errors import InputError
from rnc_epi.vocabulary.study_errors import require_each_once, require_served, require_sites
from rnc_epi.vocabulary.study_section import Section


class SmallAreaPriors(Section):
    """What is believed of the spread of the risks before the data (penalised complexity)."""

    spread_upper: float = Field(
        default=1.0, gt=0, description="standard deviation of log risks that is barely believable"
    )
    spread_probability: float = Field(
        default=0.01, gt=0, lt=1, description="probability that the standard deviation exceeds it"
    )
    share_below: float = Field(
        default=0.5, gt=0, lt=1, description="share of the spread that follows the map: bound (bym2)"
    )
    share_probability: float = Field(
        default=2 / 3, gt=0, lt=1, description="probability that the share lies below the bound (bym2)"
    )


class DeprivationCovariate(Section):
    """Deprivation as an explanation of the risks: a smooth curve of the score, or classes of it."""

    index: str = Field(min_length=1, description="index, as the table deprivation names it")
    vintage: str = Field(default="", description="edition of the index; empty: the only one there is")
    form: Literal["smooth", "classes"] = Field(
        default="classes", description="a natural spline of the score, or classes of equal population"
    )
    classes: int = Field(default=5, ge=3, le=20, description="number of classes")

    @model_validator(mode="after")
    def _classes_are_counted_where_there_are_some(self) -> Self:
        require_served(self, ("classes",), self.form == "classes", 'form = "classes"')
        return self


class OverPeriods(Section):
    """Consecutive periods of one length smoothed together, over the map and over time."""

    interaction: Literal["none", "I", "II"] = Field(
        default="I",
        description="what an area and a period have of their own: nothing, white noise, "
        "or a curve in each area",
    )
    curve: Literal["random-walk", "autoregressive"] = Field(
        default="random-walk", description="a curve that may drift, or one that returns to its mean"
    )


class Clusters(Section):
    """Circular scan for clusters, beside the map (internal tables, not published)."""

    largest_share: float = Field(
        default=0.5, gt=0, le=0.5, description="largest share of the expected events in a circle"
    )
    replicates: int = Field(default=999, ge=99, le=9999, description="random maps")


class SmallAreas(Section):
    """Maps of smoothed relative risks."""

    geo_levels: list[str] = Field(
        default_factory=list, description="levels to smooth; empty: every selected level that has a map"
    )
    sites: list[str] = Field(default_factory=list, description="sites to smooth; empty: those selected")
    sexes: list[Literal[0, 1, 2]] = Field(default=[1, 2], min_length=1, description="1 men, 2 women, 0 both")
    events: list[Literal["incidence", "death"]] = Field(default=["incidence", "death"], min_length=1)
    minimum_years: int = Field(default=3, ge=1, description="shorter periods are not smoothed")
    model: Literal["bym2", "independent", "icar", "bym", "leroux"] = "bym2"
    reference: Literal["national", "pooled"] = Field(
        default="national",
        description="whose rates give the expected events: the nation, or the areas of the map together",
    )
    threshold: float = Field(default=1.0, gt=0, description="relative risk whose exceedance is judged")
    high: float = Field(default=0.8, gt=0, le=1, description="class 'higher' above this probability")
    low: float = Field(default=0.2, ge=0, lt=1, description="class 'lower' under this probability")
    level: float = Field(default=0.95, gt=0, lt=1, description="coverage of the credible limits")
    draws: int = Field(
        default=1000, ge=200, le=10_000, description="joint draws: ranks, variation, benchmarking"
    )
    fewest_areas: int = Field(default=10, ge=3, description="a map of fewer areas is not fitted")
    seed: int = Field(default=0, ge=0)
    benchmark: str = Field(
        default="", description="level above to which smoothed events are made to add up; empty: none"
    )
    pieces: str = Field(
        default="",
        description="finer level nested in both, where areas cross the borders of the level above; "
        "empty: areas nest",
    )
    autocorrelation: bool = Field(default=True, description="Moran, global and local, on rates (internal)")
    priors: SmallAreaPriors = Field(default_factory=SmallAreaPriors)
    deprivation: DeprivationCovariate | None = None
    clusters: Clusters | None = None
    calibrated: bool = Field(
        default=False, description="smooth calibrated incidence too; needs [calibration] (internal)"
    )
    time: OverPeriods | None = None

    @field_validator("geo_levels", "sites", "sexes", "events")
    @classmethod
    def _each_once(cls, values: list[Any]) -> list[Any]:
        return require_each_once(values)

    @field_validator("sites")
    @classmethod
    def _sites_are_known(cls, slugs: list[str]) -> list[str]:
        return require_sites(slugs)

    @model_validator(mode="after")
    def _classes_are_apart(self) -> Self:
        if self.low >= self.high:
            raise InputError("S042", found=self.low, expected=self.high)
        if self.pieces and not self.benchmark:
            raise InputError("S043")
        if self.benchmark in self.geo_levels:
            raise InputError("S054", found=self.benchmark)
        if self.time is not None and self.model != "bym2":
            raise InputError("S044", found=self.model)
        if self.time is not None and self.benchmark:
            raise InputError("S045")
        if self.model != "bym2" and self.priors.model_fields_set & {"share_below", "share_probability"}:
            raise InputError("S047", found=self.model)
        return self
