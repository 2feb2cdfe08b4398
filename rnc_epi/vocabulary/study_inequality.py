"""The section ``[inequality]`` of the study file: which index, which groups, which measures."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from rnc_epi.vocabulary.errors import InputError
from rnc_epi.vocabulary.study_errors import (
    require_each_once,
    require_served,
    require_sites,
    require_standards,
)
from rnc_epi.vocabulary.study_section import Section

Measure = Literal[
    "rate_ratio",
    "rate_difference",
    "attributable_fraction",
    "excess_events",
    "slope_index",
    "relative_index",
    "concentration_index",
    "absolute_concentration_index",
    "theil",
    "mean_log_deviation",
    "between_group_variance",
    "index_of_disparity",
]

Model = Literal["multiplicative", "multiplicative-negative-binomial", "additive", "additive-by-age"]
Transform = Literal["identity", "log"]
Variance = Literal["robust", "scaled", "model"]

MEASURES: tuple[Measure, ...] = Measure.__args__  # type: ignore[attr-defined]
MODELS: tuple[Model, ...] = Model.__args__  # type: ignore[attr-defined]
TRANSFORMS: tuple[Transform, ...] = Transform.__args__  # type: ignore[attr-defined]
VARIANCES: tuple[Variance, ...] = Variance.__args__  # type: ignore[attr-defined]


class Inequality(Section):
    """Gradients of incidence and mortality along the deprivation of the areas of residence."""

    index: str = Field(min_length=1, description="index of the extract's deprivation table, such as 'fdep'")
    vintage: str = Field(min_length=1, description="its vintage, such as '2015'")
    geo_level: str = Field(
        default="", description="level of the scores; empty: the only one that the index has"
    )
    groups: int = Field(default=5, ge=3, le=20, description="number of groups, three at least")
    scope: Literal["national", "region", "registry_zone"] = Field(
        default="national", description="within what the groups are cut"
    )
    scope_areas: list[str] = Field(
        default_factory=list, description="codes of the areas of the scope; empty: all of them"
    )
    weighting: Literal["population", "areas"] = Field(
        default="population", description="groups of equal population, or of equal numbers of areas"
    )
    sites: list[str] = Field(default_factory=list, description="slugs; empty: those of the study")
    events: list[Literal["incidence", "death"]] = Field(default=["incidence", "death"], min_length=1)
    sexes: list[Literal[0, 1, 2]] = Field(default=[1, 2], min_length=1)
    geo_levels: list[str] = Field(
        default=["france_hexagonale", "region", "registry_zone"],
        min_length=1,
        description="levels of the areas within which gradients are computed",
    )
    standard: str = Field(default="world", description="standard population of the rates and of the indices")
    measures: list[Measure] = Field(default=list(MEASURES), min_length=1)
    models: list[Model] = Field(
        default=["multiplicative", "additive-by-age"], description="models of SII, RII on counts"
    )
    transforms: list[Transform] = Field(
        default=["identity", "log"], description="scales of the regression of group rates"
    )
    variance: Variance = "robust"
    level: float = Field(default=0.95, gt=0, lt=1)
    simulations: int = Field(
        default=2_000, ge=1_000, le=1_000_000, description="simulated rates behind limits without a formula"
    )
    seed: int = Field(default=0, ge=0)
    trend: bool = Field(default=True, description="annual change of SII and RII, where there are years")
    by_age: bool = Field(default=True, description="contribution of each age to the gap")
    by_site: bool = Field(default=True, description="contribution of each site to the gap of all of them")
    gap_in_deaths: bool = Field(
        default=True, description="gap in mortality split into incidence and lethality"
    )
    shrink: bool = Field(
        default=True, description="RII of the areas of a level shrunk towards their common value"
    )
    urbanity_level: str = Field(
        default="",
        description="declared level whose areas are classes of urbanity; empty: no interaction",
    )

    late_stages: list[str] = Field(
        default_factory=list,
        description="stages that are late, as the extract writes them: share found late by group; "
        "empty: none",
    )
    area_model_level: str = Field(
        default="",
        description="level of the scores whose areas are also modelled one by one (gradient inside the "
        "small-area model, on their published counts); empty: no such model",
    )
    area_model_form: Literal["smooth", "classes"] = Field(
        default="smooth", description="in that model: one slope along the ranks, or a ratio of each group"
    )

    @field_validator(
        "scope_areas",
        "sites",
        "events",
        "sexes",
        "geo_levels",
        "measures",
        "models",
        "transforms",
        "late_stages",
    )
    @classmethod
    def _each_once(cls, values: list[Any]) -> list[Any]:
        return require_each_once(values)

    @field_validator("sites")
    @classmethod
    def _sites_are_known(cls, slugs: list[str]) -> list[str]:
        return require_sites(slugs)

    @field_validator("standard")
    @classmethod
    def _standard_is_known(cls, name: str) -> str:
        return require_standards([name])[0]

    @model_validator(mode="after")
    def _nothing_is_ignored(self) -> Self:
        indices = {"slope_index", "relative_index"} & set(self.measures)
        if indices and not (self.models or self.transforms):
            raise InputError("S046")
        require_served(self, ("shrink",), "relative_index" in indices, "measures: relative_index")
        require_served(self, ("scope_areas",), self.scope != "national", 'scope = "region"')
        require_served(self, ("area_model_form",), bool(self.area_model_level), "area_model_level")
        require_served(self, ("late_stages",), "incidence" in self.events, "events: incidence")
        require_served(
            self, ("gap_in_deaths",), set(self.events) == {"incidence", "death"}, "events: incidence, death"
        )
        return self
