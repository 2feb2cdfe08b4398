"""The study file: what to compute from which extract, in TOML; unknown keys are refused."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from rnc_epi.vocabulary.errors import FileProblem, InputError, StudyFileError
from rnc_epi.vocabulary.periods import Period
from rnc_epi.vocabulary.policy import Lift
from rnc_epi.vocabulary.sites import SITES
from rnc_epi.vocabulary.study_calibration import Calibration
from rnc_epi.vocabulary.study_errors import (
    require_each_once,
    require_served,
    require_sites,
    require_standards,
    study_error,
)
from rnc_epi.vocabulary.study_inequality import Inequality
from rnc_epi.vocabulary.study_quality import Quality
from rnc_epi.vocabulary.study_section import Section
from rnc_epi.vocabulary.study_small_areas import SmallAreas

#: Tables that later rooms will read; refused until then rather than ignored.
RESERVED: Final = ("trends", "survival", "engine")

Indicator = Literal["count", "crude_rate", "age_specific_rate", "asr", "sir"]


class Select(Section):
    """What to take from the extract; empty lists take all that it covers."""

    sites: list[str] = Field(
        default_factory=list,
        description="slugs of sites; empty: the sites of the French report that are covered",
    )
    sexes: list[Literal[0, 1, 2]] = Field(
        default=[1, 2, 0], min_length=1, description="1 men, 2 women, 0 both together"
    )
    events: list[Literal["incidence", "death"]] = Field(default=["incidence", "death"], min_length=1)
    geo_levels: list[str] = Field(
        default_factory=list, description="levels of geography; empty: all that the extract covers"
    )
    years: list[int] = Field(
        default_factory=list, description="single years to publish beside the pooled periods"
    )
    pooled: list[str] = Field(
        default_factory=list, description="pooled periods such as '2016-2020', last year included"
    )

    @field_validator("sexes", mode="before")
    @classmethod
    def _sexes_are_numbers(cls, values: Any) -> Any:
        # True equals 1, and is no sex.
        for value in values if isinstance(values, list) else ():
            if isinstance(value, bool):
                raise InputError("S033", found=value)
        return values

    @field_validator("sites", "sexes", "events", "geo_levels", "years", "pooled")
    @classmethod
    def _each_once(cls, values: list[Any]) -> list[Any]:
        return require_each_once(values)

    @field_validator("sites")
    @classmethod
    def _sites_are_known(cls, slugs: list[str]) -> list[str]:
        return require_sites(slugs)

    @model_validator(mode="after")
    def _periods_are_read(self) -> Self:
        # The year 2016 and the period "2016-2016" are one.
        require_each_once([period.label for period in self.periods()])
        return self

    def periods(self) -> list[Period]:
        """Return the years and the pooled periods that are named."""
        return [*(Period(year, year + 1) for year in self.years), *map(Period.parse, self.pooled)]


class Rates(Section):
    """Which rates, with which limits."""

    standards: list[str] = Field(default=["world"], min_length=1)
    ages: list[int] = Field(
        default=[0, 15, 50, 65, 75], description="starts of the bands of age-specific rates; the last is open"
    )
    interval_method: Literal[
        "fay-feuer", "tiwari", "mid-p", "dobson-garwood", "dobson-byar", "normal", "log-normal"
    ] = "fay-feuer"
    level: float = Field(default=0.95, gt=0, lt=1)
    indicators: list[Indicator] = Field(
        default=["count", "crude_rate", "age_specific_rate", "asr", "sir"], min_length=1
    )

    @field_validator("standards", "indicators")
    @classmethod
    def _each_once(cls, values: list[Any]) -> list[Any]:
        return require_each_once(values)

    @field_validator("standards")
    @classmethod
    def _standards_are_known(cls, names: list[str]) -> list[str]:
        return require_standards(names)

    @field_validator("ages")
    @classmethod
    def _ages_increase(cls, ages: list[int]) -> list[int]:
        if not ages or sorted(set(ages)) != ages or ages[0] != 0:
            raise InputError("S040", found=ages)
        return ages

    @model_validator(mode="after")
    def _nothing_is_ignored(self) -> Self:
        require_served(self, ("standards", "interval_method"), "asr" in self.indicators, "indicators: asr")
        by_age = "age_specific_rate" in self.indicators
        require_served(self, ("ages",), by_age, "indicators: age_specific_rate")
        return self


class CaveatLift(Section):
    """A declared exception: publishes the mortality of a site that carries a caveat, for a stated reason."""

    site: str
    event: Literal["death"] = "death"
    reason_fr: str = Field(min_length=10)
    reason_en: str = Field(min_length=10)

    @field_validator("site")
    @classmethod
    def _has_a_caveat(cls, site: str) -> str:
        if site not in SITES or SITES[site].mortality_caveat is None:
            raise InputError("S048", found=site)
        return site


class Disclosure(Section):
    """Which policy, and which declared exceptions."""

    policy: str = "default"
    exceptions: list[CaveatLift] = Field(default_factory=list)


class Outputs(Section):
    """Which files."""

    formats: list[Literal["csv", "parquet"]] = Field(default=["csv", "parquet"], min_length=1)
    report: bool = Field(default=False, description="write the report when the release is published")

    @field_validator("formats")
    @classmethod
    def _each_once(cls, values: list[Any]) -> list[Any]:
        return require_each_once(values)


class Study(Section):
    """A study, as its file says it."""

    schema_: Literal[1] = Field(alias="schema")
    title: str = Field(min_length=1)
    extract: str = Field(min_length=1)
    language: Literal["fr", "en"] = "fr"
    oppositions: str | None = Field(
        default=None, min_length=1, description="list of the persons whose rows are taken out first"
    )
    select: Select = Field(default_factory=Select)
    rates: Rates = Field(default_factory=Rates)
    disclosure: Disclosure = Field(default_factory=Disclosure)
    outputs: Outputs = Field(default_factory=Outputs)
    quality: Quality | None = None
    calibration: Calibration | None = None
    small_areas: SmallAreas | None = None
    inequality: Inequality | None = None

    @model_validator(mode="after")
    def _tables_go_together(self) -> Self:
        """Refuse a table that another one leaves without what it needs."""
        whole, maps, asked = self.calibration, self.small_areas, self.select.periods()
        if whole is not None and whole.deprivation_term and self.inequality is None:
            raise InputError("S053", found="[calibration] deprivation_term", expected="[inequality]")
        if whole is not None:
            drawn = whole.benchmark or whole.deprivation_term or (maps is not None and maps.calibrated)
            by = "benchmark, deprivation_term, [small_areas] calibrated"
            require_served(whole, ("draws", "seed"), drawn, by)
        if maps is None:
            return self
        if maps.calibrated and (whole is None or "sir" not in whole.indicators):
            raise InputError(
                "A048", expected="[calibration]" if whole is None else "[calibration] indicators: sir"
            )
        long_enough = [period for period in asked if period.length >= maps.minimum_years]
        selected = ", ".join(period.label for period in asked)
        if asked and not long_enough:
            raise InputError("S056", found=selected, expected=maps.minimum_years)
        if asked and maps.time is not None and not _some_follow_another(long_enough):
            raise InputError("S057", found=selected)
        return self

    def lifts(self) -> tuple[Lift, ...]:
        """Return the declared exceptions in the form of the policy."""
        return tuple(Lift(e.site, e.event, e.reason_fr, e.reason_en) for e in self.disclosure.exceptions)

    def parameters(self) -> dict[str, Any]:
        """Return everything that decides the numbers, for the manifest: no path, no machine."""
        stated = self.model_dump(by_alias=True)
        stated.pop("extract")
        stated.pop("oppositions")
        # A chapter that is not asked for leaves no trace: the study is the one it was without it.
        return {key: value for key, value in stated.items() if value is not None}


def parse_study(text: str, where: str) -> Study:
    r"""Return the study that a TOML text describes.

    Raises
    ------
    StudyFileError
        ``S020`` unknown key (with the nearest known), ``S021`` bad value, ``S022`` reserved table,
        ``S023`` not TOML, ``S055`` tables that do not go together.

    Examples
    --------
    >>> parse_study('schema = 1\ntitle = "t"\nextract = "x.duckdb"', "STUDY.toml").rates.standards
    ['world']
    """
    try:
        stated = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        line, column = _position(str(problem), text)
        raise StudyFileError("S023", where=where, line=line, column=column) from None
    for name in RESERVED:
        if name in stated:
            raise StudyFileError("S022", where=where, found=name)
    try:
        return Study.model_validate(stated)
    except ValidationError as problem:
        raise study_error(problem, Study, where) from None


def read_study(path: str | Path) -> tuple[Study, Path]:
    """Return the study of a file, and the extract that it names, resolved from the folder of the file."""
    file = Path(path)
    if not file.is_file():
        raise FileProblem("S024", where=str(path))
    try:
        # An editor may have marked the file as UTF-8 by its first bytes.
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as problem:
        line = file.read_bytes()[: problem.start].count(b"\n") + 1
        raise StudyFileError("S050", where=file.name, line=line) from None
    study = parse_study(text, file.name)
    extract = (file.parent / study.extract).resolve()
    return study, extract


def _some_follow_another(periods: list[Period]) -> bool:
    return any(
        one.period_until == other.period_from and one.length == other.length
        for one in periods
        for other in periods
    )


def _position(problem: str, text: str) -> tuple[int, int]:
    """Return the line and column that a message of the reader names; the end of the file if it names none."""
    found = re.search(r"line (\d+), column (\d+)", problem)
    if found:
        return int(found[1]), int(found[2])
    lines = text.splitlines() or [""]
    return len(lines), len(lines[-1]) + 1
