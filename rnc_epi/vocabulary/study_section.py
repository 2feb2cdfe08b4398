"""What the sections of the study file have in common: unknown keys are refused, nothing is converted."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A table of the study file; every key of it is named, typed, and described."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
