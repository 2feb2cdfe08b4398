"""The section ``[calibration]`` of the study file: incidence for the whole country from correlates."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from rnc_epi.vocabulary.errors import InputError
from rnc_epi.vocabulary.periods import Period
from rnc_epi.vocabulary.study_errors import require_each_once, require_sites, require_standards
from rnc_epi.vocabulary.study_section import Section

ProxyName = Literal["A", "H", "HA", "M"]
CalibratedIndicator = Literal["count", "crude_rate", "asr", "sir"]

#: Type of event of the cells of a correlate: ``proxy_HA`` for ``HA``.
PROXY_EVENT = "proxy_"


class RegistryCorrection(Section):
    """A declared ratio of the country to its registries, where these are no random sample of it."""

    site: str
    sex: Literal[1, 2]
    factor: float = Field(gt=0, description="national over registry-zone incidence")
    log_se: float = Field(ge=0, description="standard error of its logarithm")
    reason_fr: str = Field(min_length=10)
    reason_en: str = Field(min_length=10)


class Calibration(Section):
    """Incidence where no registry counts: which correlates, learned where, published how."""

    sites: list[str] = Field(
        default_factory=list, description="slugs of sites; empty: all that have incidence and a correlate"
    )
    sexes: list[Literal[1, 2]] = Field(
        default=[1, 2], min_length=1, description="each sex has a ratio of its own"
    )
    proxies: list[ProxyName] = Field(
        default=["A", "H", "HA", "M"],
        min_length=1,
        description="A new long-term illness, H hospital patients, HA either, M deaths",
    )
    periods: list[str] = Field(
        default_factory=list,
        description="such as '2014-2018'; empty: the longest and latest that registries and correlates share",
    )
    learning_level: str = Field(
        default="departement", description="level of the registry districts on which the ratio is learned"
    )
    geo_level: str = Field(
        default="departement", description="level of the areas whose incidence is predicted, then summed"
    )
    age_from: int = Field(default=15, ge=0, le=60, description="first age that is estimated and published")
    smooth: Literal["tp", "ns"] = Field(
        default="tp", description="curve of the ratio by age: thin plate, or natural cubic with one knot"
    )
    offset: Literal["counted", "smoothed"] = Field(
        default="counted",
        description="incident cases as counted (the published form), or smoothed with their uncertainty: "
        "for rare sites and for deaths, below some 100 events an area",
    )
    methods: list[Literal["calibrated", "chatignoux"]] = Field(
        default=["calibrated"],
        min_length=1,
        description="calibrated: limits that few districts deserve; chatignoux: the published ones",
    )
    level: float = Field(default=0.95, gt=0, lt=1)
    standards: list[str] = Field(default=["world"], min_length=1)
    indicators: list[CalibratedIndicator] = Field(default=["count", "crude_rate", "asr", "sir"], min_length=1)
    publish_on: Literal["reference", "noise_corrected"] = Field(
        default="reference", description="which grade decides; the other one stands in the internal tables"
    )
    combine: bool = Field(
        default=True,
        description="weigh several correlates where that predicts unseen districts better than choosing one",
    )
    registries: Literal["own_counts", "predicted"] = Field(
        default="own_counts", description="what stands for an area that a registry covers"
    )
    national: bool = Field(default=True, description="national incidence from registries alone, by year")
    corrections: list[RegistryCorrection] = Field(default_factory=list)
    benchmark: bool = Field(
        default=False, description="areas raked to regions and to the national incidence from registries"
    )
    deprivation_term: bool = Field(
        default=False, description="a slope of the ratio along deprivation, tested; needs cells by fifth"
    )
    draws: int = Field(default=1000, ge=100, le=20_000)
    seed: int = Field(default=0, ge=0)

    @field_validator("periods")
    @classmethod
    def _periods_are_read(cls, periods: list[str]) -> list[str]:
        for label in periods:
            Period.parse(label)
        return periods

    @field_validator("sites", "periods", "proxies", "sexes", "methods", "indicators", "standards")
    @classmethod
    def _named_once(cls, names: list) -> list:
        return require_each_once(names)

    @field_validator("sites")
    @classmethod
    def _sites_are_known(cls, slugs: list[str]) -> list[str]:
        return require_sites(slugs)

    @field_validator("standards")
    @classmethod
    def _standards_are_known(cls, names: list[str]) -> list[str]:
        return require_standards(names)

    @model_validator(mode="after")
    def _national_figures_serve(self) -> Self:
        pairs = [(one.site, one.sex) for one in self.corrections]
        if (self.corrections or self.benchmark) and not self.national:
            raise InputError("S051", found="corrections" if self.corrections else "benchmark")
        require_each_once(pairs)
        if self.sites and (beside := [site for site, _ in pairs if site not in self.sites]):
            raise InputError("S052", found=", ".join(beside), expected=", ".join(self.sites))
        if beside := [f"{site} ({sex})" for site, sex in pairs if sex not in self.sexes]:
            raise InputError("S058", found=", ".join(beside), expected=", ".join(map(str, self.sexes)))
        return self
